"""The scope of a call, and its headers, query and cookies, as tables. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import unquote_plus

from rich.cells import cell_len

from asgi_tui.domain.calls import Header, Item
from asgi_tui.domain.events import Lifespan, Request, WebSocket
from asgi_tui.frontends.console.lines import BLANK, Line, line, sentence, table, title, visible
from asgi_tui.frontends.console.sequence_text import status_words
from asgi_tui.frontends.console.veil import Veil

NAME = 14  # cells of a key of the scope
KIND = 12  # cells of its type


def scope_type(call: Request) -> str:
    """``http``, ``websocket`` or ``lifespan``."""
    return (
        "lifespan" if isinstance(call, Lifespan) else "websocket" if isinstance(call, WebSocket) else "http"
    )


def scope_lines(call: Request, veil: Veil) -> list[Line]:
    """Every key of the scope in the order of the specification, and what the app left in it."""
    scope, kind = call.scope, scope_type(call)
    rows: list[tuple[str, str, str]] = [("type", "str", kind)]
    if scope.asgi:
        rows.append(("asgi", "", f"version {scope.asgi}".replace(", spec ", ", spec_version ")))
    if kind != "lifespan":
        rows += [
            ("http_version", "", scope.http_version),
            *([("method", "", call.method)] if kind == "http" else []),
            ("scheme", "", scope.scheme),
            ("path", "", veil.text(call.path)),
            ("raw_path", "", scope.raw_path),
            ("query_string", "", veil.value(scope.query)),
            ("root_path", "", scope.root_path),
            ("headers", "", _count(len(scope.headers), "pair")),
            ("client", "", scope.client),
            ("server", "", scope.server),
        ]
    if kind == "websocket":
        rows.append(("subprotocols", "", ", ".join(scope.subprotocols)))
    lines = [title(f"{kind} scope", f"made by {call.server}, worker {call.pid}")]
    for name, told, value in rows:
        lines.append(_row(name, scope.kinds.get(name, told), value))
        if name == "headers":
            lines += _headers(scope.headers, scope.header_fault, veil, indent=4)
    lines += _keys("state", "dict", scope.state, scope.kinds, veil)
    lines += _keys("extensions", "dict", scope.extensions, scope.kinds, veil)
    lines += [_row(item.name, scope.kinds.get(item.name, ""), veil.item(item)) for item in scope.others]
    lines += [BLANK, title("Added by the app", "or its framework, while it handled the call")]
    if scope.added:
        return [*lines, *(_row(item.name, "", veil.item(item)) for item in scope.added)]
    said = (
        "Nothing was added to it."
        if call.outcome != "open"
        else "What was added is known once the call ends."
    )
    return [*lines, sentence(f"  {said}")]


def _row(name: str, kind: str, value: str) -> Line:
    name, kind = visible(name), visible(kind)
    gap = " " * max(NAME - cell_len(name), 1)
    space = " " * max(KIND - len(kind), 1)
    empty = not value
    shown = ("empty", "dim") if empty else (value, "plain")
    return line("  ", (name, "key"), gap, (kind, "dim"), space, shown, hang=2 + NAME + KIND)


def _keys(name: str, kind: str, items: Sequence[Item], kinds: object, veil: Veil) -> list[Line]:
    if not items:
        return []
    rows = [(item.name, veil.item(item)) for item in items]
    return [_row(name, kind, _count(len(items), "key")), *table(rows, indent=4)]


def _headers(headers: Iterable[Header], fault: str, veil: Veil, *, indent: int = 2) -> list[Line]:
    rows = table([(item.name, veil.value(item.value)) for item in headers], indent=indent)
    return [*([sentence(f"{' ' * indent}▲ {fault}", "warned")] if fault else []), *rows]


def _count(number: int, name: str) -> str:
    return f"{number} {name}" + ("" if number == 1 else "s")


# -- headers, query, cookies --------------------------------------------------------------------------


def request_lines(call: Request, veil: Veil) -> list[Line]:
    """What the client asked: request line, headers, query parameters, cookies, connection."""
    scope = call.scope
    query = veil.value(scope.query)
    asked = f"{call.method} {veil.text(call.path)}" + (f"?{query}" if query else "")
    version = f" HTTP/{scope.http_version}" if scope.http_version else ""
    lines = [title("Request"), line("  ", (asked, "bold"), (version, "muted"), hang=4), BLANK]
    lines += [title("Headers", str(len(scope.headers))), *_headers(scope.headers, scope.header_fault, veil)]
    if not scope.headers:
        lines.append(sentence("  The request has no headers."))
    lines += [BLANK, title("Query parameters", "decoded"), *_parameters(query)]
    lines += [BLANK, title("Cookies"), *_cookies(scope.headers, veil)]
    lines += [BLANK, title("Connection"), *table(_connection(call, veil))]
    return lines


def response_lines(call: Request, veil: Veil) -> list[Line]:
    """What was answered: status, headers, cookies that are set, trailers."""
    lines = [title("Response")]
    starts = [item for item in call.messages if item.direction == "send" and item.status is not None]
    accepts = [item for item in call.messages if item.type == "websocket.accept"]
    for message in (accepts or starts)[:1]:
        status = "101 Switching Protocols" if accepts else status_words(message.status or 0)
        lines += [line("  ", (status, "bold")), BLANK, title("Headers", str(len(message.headers)))]
        lines += _headers(message.headers, message.header_fault, veil)
        if not message.headers:
            lines.append(sentence("  The app sent no headers."))
        cookies = [item for item in message.headers if item.name.lower() == "set-cookie"]
        if cookies:
            rows = [veil.value(item.value).partition("=") for item in cookies]
            lines += [BLANK, title("Cookies that are set"), *table([(name, rest) for name, _, rest in rows])]
    if len(lines) == 1:
        said = "There is none yet." if call.outcome == "open" else "The app started no response."
        lines.append(sentence(f"  {said}"))
    trailers = [item for item in call.messages if item.type == "http.response.trailers"]
    for message in trailers:
        lines += [BLANK, title("Trailers"), *_headers(message.headers, message.header_fault, veil)]
    return lines


def _parameters(query: str) -> list[Line]:
    pairs = [part.partition("=") for part in query.split("&") if part]
    rows = [(unquote_plus(name), unquote_plus(value)) for name, _, value in pairs]
    return table(rows) if rows else [sentence("  The path has no query.")]


def _cookies(headers: Iterable[Header], veil: Veil) -> list[Line]:
    shown = [veil.value(item.value) for item in headers if item.name.lower() == "cookie"]
    pairs = [part.strip().partition("=") for value in shown for part in value.split(";") if part.strip()]
    return table([(name, value) for name, _, value in pairs]) or [sentence("  The request brought none.")]


def _connection(call: Request, veil: Veil) -> list[tuple[str, str]]:
    scope = call.scope
    tls = next((veil.item(item) for item in scope.extensions if item.name == "tls"), "")
    secure = scope.scheme in ("https", "wss")
    rows = [
        ("client", scope.client or "not told"),
        ("server", scope.server or "not told"),
        ("HTTP version", scope.http_version or "not told"),
        (
            "TLS",
            tls or (f"yes, the server tells no more ({scope.scheme})" if secure else f"no ({scope.scheme})"),
        ),
    ]
    if scope.subprotocols:
        rows.append(("subprotocols", ", ".join(scope.subprotocols)))
    others = [item for item in scope.extensions if item.name != "tls"]
    rows.append(("extensions", ", ".join(item.name for item in others) or "none"))
    return rows
