"""What an app owes in WebSocket: an answer to the handshake, then frames, then at most one close."""

from __future__ import annotations

from asgi_tui.domain.asgi_rules.findings import Findings, field, wrong
from asgi_tui.domain.asgi_rules.http import Answer
from asgi_tui.domain.calls import Message
from asgi_tui.domain.sending import subprotocols_of

ACCEPT = "websocket.accept"
SEND = "websocket.send"
CLOSE = "websocket.close"
_DENIAL = frozenset({"websocket.http.response.start", "websocket.http.response.body"})
_SENT = frozenset({ACCEPT, SEND, CLOSE}) | _DENIAL


class WebSocketApp:
    """The app's side of a WebSocket."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._denial: Answer | None = None
        self._connected = self._accepted = self._closed = self._left = self._failed = False

    def take(self, message: Message) -> None:
        """The next message that passed."""
        if message.direction == "receive":
            self._connected = self._connected or message.type == "websocket.connect"
            self._left = self._left or message.type == "websocket.disconnect"
        elif self._findings.known(message, _SENT):
            self._sent(message)
            self._failed = self._failed or bool(message.error)

    def _sent(self, message: Message) -> None:
        found = self._findings
        if not self._connected and found.whole and message.type != SEND:
            found.message("connect is received before it is answered", message)
        if message.type == SEND:
            self._check_frame(message)
        if self._closed or (self._denial is not None and message.type not in _DENIAL):
            found.order("nothing follows the close", message)
        elif self._left:
            found.order("nothing is sent after websocket.disconnect", message)
        elif message.type in _DENIAL:
            self._deny(message)
        elif message.type == ACCEPT:
            self._accept(message)
        elif message.type == CLOSE:
            self._close(message)
        elif not self._accepted and found.whole:
            found.order("accept, close or a denial comes first", message)

    def _deny(self, message: Message) -> None:
        if self._accepted:
            self._findings.order("one accept", message)
            return
        if self._denial is None:
            self._denial = Answer(self._findings, "websocket.")
        self._denial.take(message)

    def _accept(self, message: Message) -> None:
        found = self._findings
        if self._accepted:
            found.order("one accept", message)
            return
        # One that raised was an answer too: what follows from it is not told again.
        self._accepted = True
        found.headers(message)
        if any(header.name.lower() == "sec-websocket-protocol" for header in message.headers):
            found.message("no sec-websocket-protocol header in the accept", message)
        chosen = field(message, "subprotocol")
        scope = found.call.scope
        if chosen and chosen not in {*scope.subprotocols, *subprotocols_of(scope)}:
            found.message("subprotocol is one the client offered", message)

    def _check_frame(self, message: Message) -> None:
        found = self._findings
        given = [key for key in ("text", "bytes") if message.kinds.get(key, "NoneType") != "NoneType"]
        if len(given) != 1:
            found.message("a message has either text or bytes", message)
        elif wrong(message.kinds[given[0]], "str" if given[0] == "text" else "bytes"):
            found.message("text is str, bytes is bytes", message)

    def _close(self, message: Message) -> None:
        found = self._findings
        self._closed = not message.error
        code = field(message, "code")
        if self._accepted:
            if code and not may_be_sent(code, message.kinds.get("code")):
                found.message("close code is one that may be sent", message)
        elif found.whole and code not in ("", "1000"):
            found.message("a close before the accept has no code", message)

    def end(self) -> None:
        """The app is done."""
        found = self._findings
        if found.call.outcome != "returned" or self._left or self._failed or found.disordered:
            return
        if self._denial is not None:
            self._denial.end()
        elif found.whole and not self._accepted and not self._closed:
            found.end("an app that returns has answered", ACCEPT)


def may_be_sent(code: str, kind: str | None) -> bool:
    """Whether an endpoint may send this close code (RFC 6455 7.4 and its registry)."""
    if wrong(kind, "int") or not (code.isascii() and code.isdigit() and len(code) == 4):
        return False
    number = int(code)
    return 1000 <= number <= 1003 or 1007 <= number <= 1014 or 3000 <= number <= 4999
