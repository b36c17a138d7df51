"""What the probe tells of one call of the app, as typed values with the secrets in them masked."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any

from asgi_tui.domain.calls import Header, Item, LogRecord, Message, Raised, Scope
from asgi_tui.domain.masking import is_secret_key, mask_header, mask_query, mask_subprotocols, mask_text
from asgi_tui.domain.secret import Secret
from asgi_tui.engine.fields import Fields

# Characters of a log record and of a traceback: more than an honest probe tells.
LOG_CHARS = 4_000
TRACEBACK_CHARS = 100_000
# Unix seconds that a clock may show.
_LAST = 1e11

# The line of a traceback that names the exception (traceback.format_exception_only), in a group too.
_RAISED = re.compile(r"(?:  [|+] )?([A-Za-z_][\w.]*)(?:: (.*))?$")


@dataclass(frozen=True, slots=True)
class Begin:
    """The call began at ``at`` (Unix seconds); ``kind`` is ``http``, ``websocket`` or ``lifespan``."""

    at: float
    kind: str
    method: str
    path: str
    scope: Scope


@dataclass(frozen=True, slots=True)
class End:
    """The call is over. ``ms`` is until the response was complete, ``returned_ms`` until the app was done."""

    outcome: str
    ms: float
    returned_ms: float
    route: str
    added: tuple[Item, ...]
    error: Raised | None


@dataclass(frozen=True, slots=True)
class Trace:
    """News of one call: what is new since the last, totals of ``left_out`` messages and of bytes.

    A message that was told while it waited is told again, whole, under the same number.
    """

    id: str
    begin: Begin | None
    messages: tuple[Message, ...]
    logs: tuple[LogRecord, ...]
    errors: tuple[Raised, ...]
    left_out: int
    bytes_in: int
    bytes_out: int
    end: End | None


def parse_trace(fields: Fields) -> Trace:
    """One message of the probe. Raises ``ValueError`` where it is none."""
    begin, end = fields.within("begin"), fields.within("end")
    logs = [Fields(item) for item in fields.items("logs")]
    logged = [raised for item in logs if (raised := _logged(item.text("traceback"))) is not None]
    return Trace(
        fields.text("id"),
        None if begin is None else _begin(begin),
        tuple(_message(Fields(item)) for item in fields.items("steps")),
        tuple(_log(item) for item in logs),
        tuple(logged),
        fields.whole("left_out"),
        fields.whole("bytes_in"),
        fields.whole("bytes_out"),
        None if end is None else _end(end),
    )


def _begin(fields: Fields) -> Begin:
    scope = fields.within("scope")
    if scope is None:
        raise ValueError("a call without a scope")
    at = fields.number("at")
    if not 0 <= at <= _LAST:
        raise ValueError("a call at no time")
    return Begin(at, fields.text("kind"), scope.text("method"), scope.text("path"), _scope(scope))


def _scope(fields: Fields) -> Scope:
    asgi = fields.names("asgi")
    spec = asgi.get("spec_version")
    return Scope(
        http_version=fields.text("http_version"),
        scheme=fields.text("scheme"),
        root_path=fields.text("root_path"),
        raw_path=fields.optional_text("raw_path") or "",
        query=mask_query(fields.text("query")),
        headers=_headers(fields),
        client=_address(fields, "client"),
        server=_address(fields, "server"),
        asgi=asgi.get("version", "") + (f", spec {spec}" if spec else ""),
        subprotocols=tuple(mask_subprotocols(fields.texts("subprotocols"))),
        extensions=_items(fields, "extensions"),
        state=_items(fields, "state"),
        others=_items(fields, "others"),
        kinds=fields.names("kinds"),
        header_fault=fields.text("header_fault"),
    )


def _address(fields: Fields, name: str) -> str:
    parts = [str(part) for part in fields.items(name)] if fields.has(name) else []
    if len(parts) != 2:
        return "".join(parts)
    host, port = parts
    if port == "None":
        # A Unix socket's path (ASGI, HTTP: Connection Scope).
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _headers(fields: Fields) -> tuple[Header, ...]:
    return tuple(Header(name, mask_header(name, value)) for name, value in fields.pairs("headers"))


def _items(fields: Fields, name: str) -> tuple[Item, ...]:
    return tuple(Item(key, _masked(key, value)) for key, value in fields.pairs(name))


def _masked(key: str, value: str) -> str | Secret:
    if value and (is_secret_key(key) or key == "headers"):
        # Headers that a framework put in the place of the server's are those, secrets and all.
        return Secret(value)
    shown = mask_subprotocols([value])[0] if key == "subprotocol" else mask_text(value)
    return Secret(value, shown) if shown != value else value


def _message(fields: Fields) -> Message:
    """A step. One that is not done has no ``waited_ms``."""
    called, done = fields.number("called"), fields.optional_number("done")
    at = fields.optional_number("at")
    told = fields.within("message")
    waited = None if done is None else _ms(max(done - called, 0.0))
    common: dict[str, Any] = {  # Any: the fields of a dataclass, whose types differ
        "direction": fields.text("dir"),
        "at_ms": _ms(called if at is None else at),
        "n": fields.whole("n"),
        "waited_ms": waited,
        "error": mask_text(fields.text("error")),
    }
    if told is None:
        return Message(type="", **common)
    return Message(
        type=told.text("type"),
        bytes=told.whole("size"),
        status=told.optional_whole("status"),
        more=told.flag("more"),
        headers=_headers(told),
        fields=_items(told, "fields"),
        kinds=told.names("kinds"),
        header_fault=told.text("header_fault"),
        data=_bytes(told.text("data")),
        **common,
    )


def _ms(value: float) -> float:
    """Milliseconds to the microsecond: more digits are noise."""
    return round(value, 3)


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None


def _log(fields: Fields) -> LogRecord:
    return LogRecord(
        _ms(fields.number("at")),
        fields.text("level"),
        fields.text("logger"),
        fields.text("text")[:LOG_CHARS],
        fields.text("file"),
        fields.whole("line"),
    )


def _end(fields: Fields) -> End:
    error = fields.within("error")
    return End(
        fields.text("outcome"),
        _ms(fields.number("ms")),
        _ms(fields.number("returned")),
        fields.text("route"),
        _items(fields, "added"),
        None
        if error is None
        else _raised(error.text("type"), error.text("message"), error.text("traceback"), logged=False),
    )


def _logged(traceback: str) -> Raised | None:
    """The exception of a log record, which the first line after the last frame names."""
    lines = traceback.splitlines()
    after = (
        max((at for at, line in enumerate(lines) if line.lstrip(" |").startswith("File ")), default=-1) + 1
    )
    found = next((found for line in lines[after:] if (found := _RAISED.match(line))), None)
    return None if found is None else _raised(found[1], found[2] or "", traceback, logged=True)


def _raised(kind: str, message: str, traceback: str, *, logged: bool) -> Raised:
    return Raised(kind, message[:LOG_CHARS], traceback[:TRACEBACK_CHARS], logged=logged)
