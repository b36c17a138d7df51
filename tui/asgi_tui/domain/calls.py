"""One call of an ASGI app as it can be read: its scope, its messages in order, and what became of it.

Raw values of secrets and bodies live in memory alone: a ``Secret`` is its mask in every rendering, and fields
with ``IN_MEMORY`` have no place in JSON. Times are milliseconds since the app was called.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from dataclasses import dataclass, field

from asgi_tui.domain.frames import Frame
from asgi_tui.domain.secret import Secret

# Fields that events leave out of JSON.
IN_MEMORY: Mapping[str, bool] = {"in_memory": True}


@dataclass(frozen=True, slots=True)
class Item:
    """A name and its value as text: a key of a scope or a message that has no field of its own."""

    name: str
    value: str | Secret


@dataclass(frozen=True, slots=True)
class Header:
    """One header field; name and value are bytes on the wire and read as Latin-1 here."""

    name: str
    value: str | Secret


@dataclass(frozen=True, slots=True)
class Message:
    """One ASGI message: ``receive`` or ``send``.

    ``at_ms``: when it passed (a received one arrived, a sent one was attempted). ``waited_ms``: how long the
    app waited in that call of ``receive`` or ``send``, None while it still does. A receive that waits has no
    ``type`` yet and ``at_ms`` is when it was called. ``error`` is what the call raised. ``bytes`` is the size
    of its body, text or bytes, of which ``data`` is the beginning. ``n`` numbers the calls of one request.
    """

    direction: str
    type: str
    at_ms: float
    bytes: int = 0
    status: int | None = None
    more: bool = False
    n: int = 0
    waited_ms: float | None = None
    error: str = ""
    headers: tuple[Header, ...] = ()
    # The keys that have no field here: code, reason, subprotocol, trailers, ...
    fields: tuple[Item, ...] = ()
    # Python's name of the type of each value, by key ("status": "int", "text": "str").
    kinds: Mapping[str, str] = field(default_factory=dict, metadata=IN_MEMORY)
    # What is wrong with the headers' types, empty where they are pairs of bytes.
    header_fault: str = field(default="", metadata=IN_MEMORY)
    # The type: ``bytes`` is the field above.
    data: builtins.bytes = field(default=b"", repr=False, metadata=IN_MEMORY)


@dataclass(frozen=True, slots=True)
class Scope:
    """A connection scope as the server made it; ``added`` is what the app or its framework left in it.

    Addresses are ``host:port``, empty where there is none. ``raw_path``, ``query`` and headers are read as
    Latin-1; ``query`` is without its question mark.
    """

    http_version: str = ""
    scheme: str = ""
    root_path: str = ""
    raw_path: str = ""
    query: str | Secret = ""
    headers: tuple[Header, ...] = ()
    client: str = ""
    server: str = ""
    asgi: str = ""
    subprotocols: tuple[str, ...] = ()
    # Names and what the server says of them, as JSON.
    extensions: tuple[Item, ...] = ()
    state: tuple[Item, ...] = ()
    # Keys that have no field here.
    others: tuple[Item, ...] = ()
    added: tuple[Item, ...] = ()
    # As in ``Message``. Of an address it is that of its parts: ``str int``.
    kinds: Mapping[str, str] = field(default_factory=dict, metadata=IN_MEMORY)
    header_fault: str = field(default="", metadata=IN_MEMORY)


@dataclass(frozen=True, slots=True)
class Body:
    """The whole body of a request or a response: ``size`` bytes, of which ``data`` is kept.

    ``text`` is what may leave the console: a JSON or form body with its secrets masked. Of any other body
    ``withheld`` says why it does not.
    """

    size: int = 0
    media: str = ""
    text: str | None = None
    withheld: str = ""
    data: bytes = field(default=b"", repr=False, metadata=IN_MEMORY)

    @property
    def cut(self) -> bool:
        """Whether some of it was not kept."""
        return len(self.data) < self.size


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A record of Python's ``logging`` that was made while the call was being handled."""

    at_ms: float
    level: str
    logger: str
    text: str
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception that the app raised, or only logged (``logged``).

    ``frames`` are those in the user's code, the innermost last.
    """

    type: str
    message: str
    traceback: str
    frames: tuple[Frame, ...] = ()
    logged: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """A rule of the ASGI specification that was broken.

    ``side`` is ``app`` or ``server``, ``level`` is ``error``, ``warning`` or ``info``, ``n`` the message's
    number (0: the scope, -1: the call's end).
    """

    rule: str
    side: str
    message: str
    section: str
    level: str = "error"
    n: int = -1
