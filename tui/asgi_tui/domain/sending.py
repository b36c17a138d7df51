"""Requests that the console itself sends, and what comes back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import quote

from asgi_tui.domain.calls import Header, Scope
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.events import Request
from asgi_tui.domain.secret import revealed

# Bytes of an answer's body that are kept; of the rest only the size is known.
ANSWER_BYTES = 4 * 1024 * 1024

HTTP_VERSIONS = ("1.1", "2")

# Headers of one connection alone (RFC 9110 7.6.1, RFC 9113 8.2.2), beside those that ``connection`` names.
HOP_BY_HOP = frozenset(
    {
        "connection",
        "http2-settings",
        "keep-alive",
        "proxy-connection",
        "te",
        "transfer-encoding",
        "upgrade",
    }
)


@dataclass(frozen=True, slots=True)
class Sending:
    """A request to be sent to the running app.

    ``path`` begins with a slash and has the query in it. Headers are sent as they are, in order; what HTTP
    itself needs and is not there (``host``, ``content-length``) is added. ``http_version`` is ``1.1`` or
    ``2`` (without TLS with prior knowledge). Redirects are not followed: an answer is shown as it is.
    """

    method: str = "GET"
    # With the secrets of its query.
    path: str = field(default="/", repr=False)
    headers: tuple[Header, ...] = ()
    body: bytes = field(default=b"", repr=False)
    http_version: str = "1.1"


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds of each phase of a sending; None where there was none (a connection without TLS).

    ``first_byte`` is from the end of sending to the first byte of the answer's head, ``body`` the rest.
    """

    connect: float | None = None
    tls: float | None = None
    send: float | None = None
    first_byte: float | None = None
    body: float | None = None
    total: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered; ``size`` bytes of body, of which ``body`` is kept (decoded from one content coding).

    ``trace`` is the request as the app saw it, None where it was not kept. ``server`` is the one that served.
    ``ended`` says why reading the body was ended before it was complete, empty where it was not.
    """

    status: int
    reason: str
    http_version: str
    headers: tuple[Header, ...]
    size: int
    body: bytes = field(repr=False)
    timing: Timing
    server: str = ""
    trace: Request | None = None
    ended: str = ""


@dataclass(frozen=True, slots=True)
class Opening:
    """A WebSocket to be opened. ``path`` as in ``Sending``; headers are those beside the handshake's own."""

    path: str = field(default="/", repr=False)
    headers: tuple[Header, ...] = ()
    # One may be a token.
    subprotocols: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Turn:
    """What happened in a WebSocket conversation, at a Unix time.

    ``kind`` is ``open`` (``data`` is the subprotocol), ``text`` or ``binary`` (``sent``: by us), ``close``
    (``code``, ``data`` is the reason; ``sent``: we closed it first) or ``failed`` (``data`` says why).
    """

    at: float
    kind: str
    data: bytes = field(default=b"", repr=False)
    sent: bool = False
    code: int | None = None


def target_of(request: Request) -> str:
    """Path and query as the client sent them, secrets included."""
    scope = request.scope
    path = scope.raw_path or quote(request.path, safe="/:@!$&'()*+,;=~")
    if request.server == "uvicorn":
        # It puts the root path in front of what it is asked for, and would do so again.
        path = path.removeprefix(scope.root_path)
    query = revealed(scope.query)
    return (path or "/") + (f"?{query}" if query else "")


def subprotocols_of(scope: Scope) -> tuple[str, ...]:
    """The subprotocols that the client offered, secrets included."""
    values = [it.value for it in scope.headers if it.name.lower() == "sec-websocket-protocol"]
    names = [name.strip() for value in values for name in revealed(value).split(",")]
    return tuple(filter(None, names)) or scope.subprotocols


def sending_of(request: Request, *, cut: bool = False) -> Sending:
    """A request as it can be sent again; its secrets stay ``Secret`` values.

    Headers of the connection are left out, and ``content-length``, which the body that is sent gives.
    ``cut``: with as much of the body as was kept. Raises ``Problem`` where that is not all of it, and for
    what is no HTTP request.
    """
    what = f"{request.method} {request.path}"
    if type(request) is not Request:
        raise Problem(what, "it is no HTTP request", "pick one")
    headers = request.scope.headers
    kept = len(request.body.data)
    missing = max(request.body.size, _declared(headers)) - kept
    if missing > 0 and not cut:
        why = f"{missing:,} bytes of its body were not kept, or not read by the app"
        raise Problem(what, why, "edit it and fill in the body")
    dropped = HOP_BY_HOP | {"content-length"} | _named_by_connection(headers)
    return Sending(
        request.method,
        target_of(request),
        tuple(header for header in headers if header.name.lower() not in dropped),
        request.body.data,
        "2" if request.scope.http_version.startswith("2") else "1.1",
    )


def _declared(headers: Iterable[Header]) -> int:
    """Bytes of body that the headers promise."""
    found = (str(header.value) for header in headers if header.name.lower() == "content-length")
    text = next(found, "")
    # At most 15 digits: any number of bytes.
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else 0


def _named_by_connection(headers: Iterable[Header]) -> set[str]:
    values = [str(header.value) for header in headers if header.name.lower() == "connection"]
    return {name.strip().lower() for name in ",".join(values).split(",")}
