"""What a server owes: a scope of the right types, and its messages whole and in order."""

from __future__ import annotations

from asgi_tui.domain.asgi_rules.findings import Findings, wrong
from asgi_tui.domain.calls import Message

_HTTP = frozenset({"http.request", "http.disconnect"})
_WEBSOCKET = frozenset({"websocket.connect", "websocket.receive", "websocket.disconnect"})
_LIFESPAN = frozenset({"lifespan.startup", "lifespan.shutdown"})
# A receive that is to give something at once is late after so many milliseconds. A busy loop may hold it up.
PATIENCE_MS = 1_000.0


def check_scope(findings: Findings) -> None:
    """The scope that the server made."""
    call, kinds = findings.call, findings.call.scope.kinds
    if findings.protocol == "lifespan":
        return
    for key in ("client", "server"):
        parts = kinds.get(key, "NoneType").split()
        if parts == ["NoneType"]:
            continue
        if len(parts) != 2 or wrong(parts[0], "str"):
            findings.scope("addresses are host and port")
        elif wrong(parts[1], "int", "NoneType"):
            findings.scope("ports are whole numbers or None")
    if findings.protocol == "http" and call.method != call.method.upper():
        findings.scope("method is upper-case")
    if wrong(kinds.get("path"), "str"):
        findings.scope("path is text")
    elif not call.path.startswith(call.scope.root_path):
        findings.scope("path starts with root_path")
    # A WebSocket's may be None.
    if wrong(kinds.get("query_string"), "bytes", *(["NoneType"] if findings.protocol == "websocket" else [])):
        findings.scope("query string is bytes")
    if call.scope.header_fault:
        findings.scope("scope headers are pairs of bytes")
    elif any(header.name.startswith(":") for header in call.scope.headers):
        findings.scope("no pseudo headers in the scope")


class Server:
    """The server's side of a call."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings

    def take(self, message: Message) -> None:
        """The next message that passed."""
        raise NotImplementedError

    def waited(self, receive: Message) -> None:
        """A receive that gave nothing, so far or at all."""


class HttpServer(Server):
    """The server's side of a request."""

    # The request has ended, or the client has left.
    _over = False
    _disconnected = False
    # What completed the response.
    _last: Message | None = None

    def take(self, message: Message) -> None:
        """The next message that passed."""
        found = self._findings
        if message.direction == "send":
            if message.type == "http.response.body" and not message.more:
                self._last = self._last or message
            return
        self.waited(message)
        if not found.known(message, _HTTP):
            return
        if message.type == "http.request":
            if self._over:
                found.order("no body follows the end of the request", message)
            found.typed("request body is bytes", message, "body", "bytes")
            found.typed("request more_body is a bool", message, "more_body", "bool")
        self._over = self._over or not message.more
        self._disconnected = self._disconnected or message.type == "http.disconnect"

    def waited(self, receive: Message) -> None:
        """How long a receive took that was called when the response was complete."""
        last, waited = self._last, receive.waited_ms
        if last is None or last.waited_ms is None or last.n >= receive.n or waited is None:
            return
        # The time of one that gave nothing is when it was called. It may have been called while the last part
        # was still being sent.
        over = receive.at_ms + (0.0 if receive.type else waited)
        since = over - last.at_ms - last.waited_ms
        if not self._disconnected and min(waited, since) >= PATIENCE_MS:
            self._findings.message("receive gives http.disconnect after the response", receive)


class WebSocketServer(Server):
    """The server's side of a WebSocket."""

    _connected = _accepted = _over = False

    def take(self, message: Message) -> None:
        """The next message that passed."""
        found = self._findings
        if message.direction == "send":
            self._accepted = self._accepted or message.type == "websocket.accept"
            return
        if not found.known(message, _WEBSOCKET):
            return
        first = message.type == "websocket.connect"
        if first == self._connected and (first or found.whole):
            found.order("websocket.connect comes first", message)
        self._connected = True
        if message.type == "websocket.receive":
            if self._over:
                found.order("nothing follows websocket.disconnect", message)
            elif not self._accepted and found.whole:
                found.order("frames come after the accept", message)
            self._check_frame(message)
        elif message.type == "websocket.disconnect":
            self._over = True
            found.typed("disconnect code is a whole number", message, "code", "int")

    def _check_frame(self, message: Message) -> None:
        right = {"text": "str", "bytes": "bytes"}
        given = {key: message.kinds.get(key, "NoneType") for key in right}
        present = {key: kind for key, kind in given.items() if kind != "NoneType"}
        if len(present) != 1 or any(wrong(kind, right[key]) for key, kind in present.items()):
            self._findings.message("a received frame is text or bytes", message)


class LifespanServer(Server):
    """The server's side of a lifespan."""

    _started = _complete = False

    def take(self, message: Message) -> None:
        """The next message that passed."""
        found = self._findings
        if message.direction == "send":
            self._complete = self._complete or message.type == "lifespan.startup.complete"
            return
        if not found.known(message, _LIFESPAN):
            return
        first = message.type == "lifespan.startup"
        if first == self._started and (first or found.whole):
            found.order("lifespan.startup comes first", message)
        elif not first and not self._complete and found.whole:
            found.order("shutdown follows a completed startup", message)
        self._started = True
