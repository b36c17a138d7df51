"""Calls of an app made by hand: such as keep every rule of ASGI, and such as nobody would make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from asgi_tui.domain.calls import Header, Item, Message, Scope
from asgi_tui.domain.events import Lifespan, Request, WebSocket

ADDRESSES = {"client": "str int", "server": "str int", "path": "str", "query_string": "bytes"}


def scope(*extensions: str, **values: Any) -> Scope:  # Any: the fields of a dataclass
    """A scope as it should be, with these extensions and fields."""
    fields = {"kinds": ADDRESSES, "extensions": tuple(Item(name, "{}") for name in extensions)} | values
    return Scope(**fields)


def received(kind: str, **values: Any) -> Message:  # Any: as above
    """What ``receive`` gave."""
    return Message("receive", kind, 0.0, **values)


def sent(kind: str, **values: Any) -> Message:  # Any: as above
    """What the app sent."""
    return Message("send", kind, 0.0, **values)


def start(status: int | None = 200, kind: str = "http.response.start", **values: Any) -> Message:
    """A response start; further keywords are headers but for those of a message."""
    own = {key: values.pop(key) for key in ("kinds", "fields", "error", "header_fault") if key in values}
    names = tuple(Header(name.replace("_", "-"), value) for name, value in values.items())
    return sent(kind, status=status, headers=names, **own)


def body(size: int = 0, *, more: bool = False, **values: Any) -> Message:
    """A part of the response's body."""
    return sent("http.response.body", bytes=size, more=more, **values)


def frame(text: str | None = "str", binary: str | None = None, *, receive: bool = False) -> Message:
    """A WebSocket frame whose values are of these types; None: there is no such key."""
    kinds = {key: kind for key, kind in (("text", text), ("bytes", binary)) if kind is not None}
    return received("websocket.receive", kinds=kinds) if receive else sent("websocket.send", kinds=kinds)


def close(code: object = None) -> Message:
    """A close with this code."""
    if code is None:
        return sent("websocket.close")
    kinds = {"code": type(code).__name__}
    return sent("websocket.close", fields=(Item("code", str(code)),), kinds=kinds)


def trailers(**values: str) -> Message:
    """Trailers."""
    return sent("http.response.trailers", fields=tuple(Item(key, value) for key, value in values.items()))


BROKEN_PIPE = "BrokenPipeError: gone"
REQUEST = received("http.request", kinds={"body": "bytes", "more_body": "bool"})
PART = received("http.request", more=True)
LEFT = received("http.disconnect")
START, END = start(), body(5)
TRAILING = start(fields=(Item("trailers", "True"),))
CONNECT, GONE = received("websocket.connect"), received("websocket.disconnect", kinds={"code": "int"})
ACCEPT = sent("websocket.accept")
DENIAL = (start(401, "websocket.http.response.start"), sent("websocket.http.response.body"))
STARTUP, SHUTDOWN = received("lifespan.startup"), received("lifespan.shutdown")
UP, UP_FAILED = sent("lifespan.startup.complete"), sent("lifespan.startup.failed")
DOWN = sent("lifespan.shutdown.complete")


def numbered(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    return tuple(replace(message, n=n, at_ms=float(n)) for n, message in enumerate(messages, 1))


def http(*messages: Message, method: str = "GET", **values: Any) -> Request:
    """An HTTP call."""
    values = {"scope": scope()} | values
    values.setdefault("path", "/")
    path = values.pop("path")
    return Request(0.0, "1", method, path, "", 200, 1.0, "uvicorn", 1, numbered(messages), **values)


def websocket(*messages: Message, **values: Any) -> WebSocket:
    """A WebSocket."""
    values = {"scope": scope("websocket.http.response", subprotocols=("chat", "v2"))} | values
    return WebSocket(0.0, "1", "WS", "/", "", 101, 1.0, "uvicorn", 1, numbered(messages), **values)


def lifespan(*messages: Message, **values: Any) -> Lifespan:
    """A lifespan."""
    return Lifespan(0.0, "1", "LIFESPAN", "", "", None, 1.0, "uvicorn", 1, numbered(messages), **values)


KEPT: Mapping[str, Request] = {
    "an answer": http(REQUEST, START, END, LEFT),
    "one without a receive": http(START, END),
    "in parts": http(PART, REQUEST, START, body(5, more=True), body(5, more=True), END),
    "a length": http(REQUEST, start(content_length="10"), body(5, more=True), END),
    "a length on HEAD": http(REQUEST, start(content_length="10"), body(), method="HEAD"),
    "a length on 304": http(REQUEST, start(304, content_length="10"), body()),
    "no content": http(REQUEST, start(204), body()),
    "a file by its path": http(
        REQUEST,
        start(content_length="10"),
        sent("http.response.pathsend"),
        scope=scope("http.response.pathsend"),
    ),
    "trailers": http(
        REQUEST,
        TRAILING,
        END,
        trailers(more_trailers="True"),
        trailers(),
        scope=scope("http.response.trailers"),
    ),
    "an extension of the server's own": http(
        sent("acme.log"), sent("acme.log.flush"), START, END, scope=scope("acme.log")
    ),
    "a client that left": http(REQUEST, LEFT),
    "a client that left halfway": http(REQUEST, START, body(5, more=True), LEFT),
    "a client that left while a file was sent": http(
        REQUEST,
        start(content_length="9"),
        body(5, more=True),
        received("http.disconnect"),
        outcome="returned",
    ),
    "a failed send": http(START, body(5, more=True, error=BROKEN_PIPE)),
    "a part whose send failed, sent again": http(
        start(content_length="9"), body(5, more=True, error=BROKEN_PIPE), body(5, more=True), body(4)
    ),
    "a final part whose send failed, sent again": http(START, body(5, error=BROKEN_PIPE), END),
    "a failed send, then another": http(START, body(5, more=True, error=BROKEN_PIPE), body(5, more=True)),
    "a length beyond any body": http(start(content_length="9" * 5_000), END),
    "a refusal of what came before": http(
        start(error="ValueError: no"),
        start(kinds={"status": "int"}, error="RuntimeError: no"),
        outcome="raised",
    ),
    "a start that was refused, then another": http(start(200, error="ValueError: no"), start(500), END),
    "an exception": http(PART, START, outcome="raised"),
    "a cancellation": http(PART, outcome="cancelled"),
    "a process that went": http(PART, outcome="gone"),
    "a call that goes on": http(PART, START, body(5, more=True), received(""), outcome="open"),
    "an app's own types": http(start(kinds={"status": "Status"}), body(kinds={"body": "Markup"})),
    "a receive that came after what it was called before": http(
        *(replace(message, n=0) for message in (REQUEST, START, END))
    ),
    "a disconnect that was waited for before the answer": replace(
        http(),
        messages=(
            *(replace(it, waited_ms=0.1) for it in http(REQUEST, START, END).messages),
            replace(LEFT, n=0, at_ms=2_000.0, waited_ms=1_999.0),
        ),
    ),
    "a receive that was called while the last part was sent": replace(
        http(),
        messages=(
            replace(START, n=1, waited_ms=0.1),
            replace(END, n=2, at_ms=1.0, waited_ms=1_999.0),
            replace(LEFT, n=3, at_ms=2_001.0, waited_ms=1_500.0),
        ),
    ),
    "a wait after the disconnect": replace(
        http(),
        messages=(
            *(replace(it, waited_ms=0.1) for it in http(REQUEST, START, END, LEFT).messages),
            Message("receive", "", 10.0, n=5, waited_ms=1_200.0, error="CancelledError"),
        ),
    ),
    "a Unix socket": http(
        REQUEST, START, END, scope=scope(kinds={"client": "NoneType", "server": "str NoneType"})
    ),
    "a root path": http(REQUEST, START, END, path="/api/x", scope=scope(root_path="/api")),
    "frames": websocket(
        CONNECT, ACCEPT, frame(receive=True), frame(), frame("NoneType", "bytes", receive=True), GONE
    ),
    "a close": websocket(CONNECT, ACCEPT, close(3000), GONE),
    "a close that failed, then another": websocket(
        CONNECT, ACCEPT, replace(close(), error=BROKEN_PIPE), close()
    ),
    "an answer that failed": websocket(CONNECT, replace(close(), error=BROKEN_PIPE)),
    "a rejection": websocket(CONNECT, close()),
    "a denial": websocket(CONNECT, *DENIAL, GONE),
    "a client that left the handshake": websocket(CONNECT, GONE),
    "a subprotocol": websocket(CONNECT, sent("websocket.accept", fields=(Item("subprotocol", "v2"),)), GONE),
    "a subprotocol of the header alone": websocket(
        CONNECT,
        sent("websocket.accept", fields=(Item("subprotocol", "v3"),)),
        GONE,
        scope=scope(headers=(Header("sec-websocket-protocol", "v1, v3"),)),
    ),
    "an open WebSocket": websocket(CONNECT, outcome="open"),
    "a lifespan": lifespan(STARTUP, UP, SHUTDOWN, DOWN),
    "an answer to the startup that failed": lifespan(STARTUP, replace(UP, error="RuntimeError: no")),
    "a failed startup": lifespan(STARTUP, UP_FAILED),
    "a failed startup that is raised too": lifespan(STARTUP, UP_FAILED, outcome="raised"),
    "no lifespan": lifespan(outcome="raised"),
    "a lifespan that goes on": lifespan(STARTUP, UP, received(""), outcome="open"),
}


TYPES = st.sampled_from(
    [kind for call in KEPT.values() for kind in (message.type for message in call.messages)]
    + ["", "http.response.push", "x.y"]
)
KINDS = st.dictionaries(
    st.sampled_from(["status", "headers", "body", "more_body", "text", "bytes", "code", "client", "path"]),
    st.sampled_from(["str", "bytes", "int", "NoneType", "str int", "", "Own"]),
)
TEXTS = st.text(max_size=8)
HEADERS = st.lists(
    st.builds(Header, st.sampled_from(["content-length", "X", ":a", "sec-websocket-protocol", ""]), TEXTS)
).map(tuple)
ITEMS = st.lists(
    st.builds(Item, st.sampled_from(["trailers", "code", "subprotocol", "more_trailers"]), TEXTS)
).map(tuple)
MESSAGES = st.builds(
    Message,
    direction=st.sampled_from(["receive", "send"]),
    type=TYPES,
    at_ms=st.floats(),
    bytes=st.integers(),
    status=st.none() | st.integers(),
    more=st.booleans(),
    n=st.integers(),
    error=st.sampled_from(["", "KeyError: 'headers'", "CancelledError"]),
    headers=HEADERS,
    fields=ITEMS,
    kinds=KINDS,
    header_fault=TEXTS,
)
CALLS = st.builds(
    lambda kind, messages, outcome, left_out, scope, method, path: kind(
        0.0, "1", method, path, "", None, 1.0, "", 1, tuple(messages), outcome=outcome, left_out=left_out,
        scope=scope,
    ),
    st.sampled_from([Request, WebSocket, Lifespan]),
    st.lists(MESSAGES, max_size=8),
    st.sampled_from(["returned", "raised", "cancelled", "open", "gone", "?"]),
    st.integers(0, 2),
    st.builds(Scope, root_path=TEXTS, headers=HEADERS, kinds=KINDS, extensions=ITEMS),
    TEXTS,
    TEXTS,
)  # fmt: skip
