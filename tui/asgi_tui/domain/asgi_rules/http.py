"""What an app owes in HTTP: one response, whole and in order (ASGI HTTP, RFC 9110)."""

from __future__ import annotations

from asgi_tui.domain.asgi_rules.findings import EXTENSIONS, Findings, field
from asgi_tui.domain.calls import Message

START = "http.response.start"
BODY = "http.response.body"
PATHSEND = "http.response.pathsend"
TRAILERS = "http.response.trailers"
_BODIES = (BODY, PATHSEND, "http.response.zerocopysend")
_SENT = frozenset({START, BODY, *(name for name in EXTENSIONS if name.startswith("http."))})
# A content-length of more digits than this is beyond any body.
_MAX_DIGITS = 19


class Http:
    """The app's side of a request."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._answer = Answer(findings)
        # The last part of the request that was received.
        self._request: Message | None = None
        # The client was told to have left before the response was complete.
        self._left = False

    def take(self, message: Message) -> None:
        """The next message that passed."""
        if message.direction == "receive":
            if message.type == "http.request":
                self._request = message
            self._left = self._left or (message.type == "http.disconnect" and not self._answer.complete)
        elif self._findings.known(message, _SENT):
            if self._left:
                self._findings.message("nothing is sent after http.disconnect", message)
            self._answer.take(message, left=self._left)

    def end(self) -> None:
        """The app is done."""
        if self._findings.call.outcome != "returned" or self._left:
            return
        self._answer.end()
        if self._findings.whole and self._request is not None and self._request.more:
            self._findings.end("the request body is read to its end", "http.request")


class Answer:
    """A response as far as it was sent: that of a request, or the one that denies a WebSocket."""

    def __init__(self, findings: Findings, prefix: str = "") -> None:
        self._findings = findings
        self._prefix = prefix
        self._method = "" if prefix else findings.call.method.upper()
        self._start: Message | None = None
        # A start was attempted; one that raised was none.
        self._tried = False
        # A send raised: nobody knows what has become of the response.
        self._failed = False
        self._ended = self._trailed = False
        self._parts = 0
        # Bytes so far, None where that cannot be known.
        self._size: int | None = 0
        self._length: int | None = None

    @property
    def complete(self) -> bool:
        """Whether all of it was sent."""
        return self._ended and (self._trailed or not self._announced)

    @property
    def _announced(self) -> bool:
        return self._start is not None and field(self._start, "trailers").lower() == "true"

    def take(self, message: Message, *, left: bool = False) -> None:
        """The next message of it. ``left``: nobody waits any more for what may be missing."""
        kind = message.type.removeprefix(self._prefix)
        offered = self._findings.offered(message)
        if kind == START:
            self._started(message)
        elif kind in _BODIES:
            self._body(message, kind, left)
        elif kind == TRAILERS:
            if offered:
                self._trailers(message)
            self._trailed = self._trailed or field(message, "more_trailers").lower() != "true"
        elif self.complete:
            self._findings.order("nothing follows the final body", message)
        self._failed = self._failed or bool(message.error)

    def _started(self, message: Message) -> None:
        found = self._findings
        if self._start is not None:
            found.order("one response start", message)
            return
        self._tried = True
        found.headers(message)
        if message.status is None and message.kinds.get("status") != "int":
            found.message("status is a whole number", message)
        # One that is far too great is not told.
        elif message.status is None or not 200 <= message.status <= 599:
            found.message("status is from 200 to 599", message)
        elif self._refused(message):
            found.message("a response start needs no headers", message)
        self._length = self._declared(message)
        if not message.error:
            self._start = message

    def _refused(self, message: Message) -> bool:
        # A server that is not able to do without headers says so by one of these; that the client has left
        # is an OSError, and a cancellation no refusal.
        refusals = ("KeyError", "RuntimeError", "TypeError", "ValueError")
        legal = "status" in message.kinds and "headers" not in message.kinds and not self._failed
        return legal and message.error.partition(":")[0] in refusals

    def _declared(self, start: Message) -> int | None:
        """The length that the body must have, None where there is no saying."""
        values = [
            str(header.value).strip() for header in start.headers if header.name.lower() == "content-length"
        ]
        if start.header_fault or not values:
            return None
        if start.status == 204:
            self._findings.message("no content-length on 204", start)
            return None
        value = values[0]
        if len(values) > 1 or not (value.isascii() and value.isdigit()):
            self._findings.message("content-length is one number", start)
            return None
        # On HEAD and 304 it tells of the body that GET or 200 would have (RFC 9110 8.6).
        told = self._method == "HEAD" or start.status == 304 or len(value) > _MAX_DIGITS
        return None if told else int(value)

    def _body(self, message: Message, kind: str, left: bool) -> None:
        found = self._findings
        if not self._tried and found.whole:
            found.order("response start comes before the body", message)
        if self._ended:
            found.order("nothing follows the final body", message)
            return
        if kind == PATHSEND and self._parts:
            found.order("pathsend is the whole body", message)
        found.typed("more_body is a bool", message, "more_body", "bool")
        if not found.typed("body is bytes", message, "body", "bytes") or kind != BODY or self._failed:
            self._size = None
        self._parts += 1
        if message.bytes and (forbids := self._forbids_body()):
            found.message(f"no body on {forbids}", message)
            self._length = None
        if self._size is not None:
            self._size += message.bytes
        last = kind == PATHSEND or not message.more
        self._ended = last and not message.error
        self._check_length(message, last and not left)

    def _forbids_body(self) -> str:
        status = self._start.status if self._start is not None else None
        return "HEAD" if self._method == "HEAD" else str(status) if status in (204, 205, 304) else ""

    def _check_length(self, message: Message, last: bool) -> None:
        if self._size is None or self._length is None or self._findings.disordered:
            return
        short = last and self._findings.whole and self._size < self._length
        if short or self._size > self._length:
            self._findings.message("content-length is the size of the body", message)

    def _trailers(self, message: Message) -> None:
        if self._trailed:
            self._findings.order("nothing follows the final body", message)
        elif not self._ended and self._findings.whole:
            self._findings.order("trailers come after the final body", message)
        elif self._start is not None and not self._announced:
            self._findings.message("trailers are announced in the response start", message)

    def end(self) -> None:
        """The app returned and the client had not left."""
        found = self._findings
        if self._failed or found.disordered:
            return
        if not found.whole:
            # What was left out is counted.
            if self._ended and self._size is not None and self._length not in (None, found.call.bytes_out):
                found.end("content-length is the size of the body", self._prefix + BODY)
        elif not self._tried:
            found.end("an app that returns has answered", self._prefix + START)
        elif not self._ended:
            found.end("an app that returns has sent the final body", self._prefix + BODY)
        elif not self.complete:
            found.end("announced trailers are sent", self._prefix + TRAILERS)
