"""Calls of the app put together from what the probe tells of them, piece by piece."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace

from asgi_tui.domain.asgi_rules import check_call
from asgi_tui.domain.calls import Body, Header, LogRecord, Message, Raised, Verdict
from asgi_tui.domain.events import Lifespan, Progress, Request, WebSocket
from asgi_tui.domain.masking import make_body, mask_text, secret_words
from asgi_tui.domain.repeats import without_repeats
from asgi_tui.domain.tracebacks import user_frames
from asgi_tui.engine.traces import Begin, End, Trace

# Calls that are followed at once; the one that was silent the longest makes room.
MAX_OPEN = 1_000
# Bytes of bodies and frames of all of them; the one that was silent the longest loses its own.
OPEN_BYTES = 64 * 1024 * 1024
# Messages of one call that are kept: so many first ones, and so many last ones.
FIRST_MESSAGES = 200
LAST_MESSAGES = 200
# Bytes of each of the two.
FIRST_BYTES = LAST_BYTES = 1024 * 1024
# Log records of one call that are kept, the first ones.
MAX_LOGS = 200
# Seconds between two judgements of a call that goes on: one of 400 messages takes 0.7 ms.
JUDGE_SECONDS = 1.0

KINDS = {"http": Request, "websocket": WebSocket, "lifespan": Lifespan}
METHODS = {"websocket": "WS", "lifespan": "LIFESPAN"}


class Calls:
    """The calls that go on now."""

    def __init__(self) -> None:
        self._open: OrderedDict[tuple[int, str], _Call] = OrderedDict()
        # Those of which there is something new to tell, the longest known first.
        self._news: dict[tuple[int, str], _Call] = {}
        self._bytes = 0

    @property
    def news(self) -> bool:
        """Whether ``progress`` has something to tell."""
        return bool(self._news)

    def add(self, pid: int, server: str, trace: Trace) -> Request | None:
        """Takes a piece of news in: the whole call once it is over."""
        key = (pid, trace.id)
        call = self._open.get(key)
        if call is None:
            if trace.begin is None or trace.begin.kind not in KINDS:
                return None
            call = self._open[key] = _Call(trace.id, trace.begin, pid, server)
            if len(self._open) > MAX_OPEN:
                self._close(next(iter(self._open)))
        self._open.move_to_end(key)
        self._bytes -= call.bytes
        call.add(trace)
        self._bytes += call.bytes
        if trace.end is not None:
            return self._close(key).event()
        self._news[key] = call
        self._make_room()
        return None

    def progress(self) -> Progress | None:
        """The call whose news waits the longest, as it is now; None where there is none."""
        if not self._news:
            return None
        call = self._news.pop(next(iter(self._news)))
        return Progress(call.begin.at, call.event())

    def gone(self, pid: int) -> Iterator[Request]:
        """The process is gone: what it was doing is over."""
        for key in [key for key in self._open if key[0] == pid]:
            yield self._close(key).event("gone")

    def _close(self, key: tuple[int, str]) -> _Call:
        call = self._open.pop(key)
        self._news.pop(key, None)
        self._bytes -= call.bytes
        return call

    def _make_room(self) -> None:
        if self._bytes > OPEN_BYTES:
            for call in self._open.values():
                self._bytes -= call.bytes
                call.forget_data()
                if self._bytes <= OPEN_BYTES // 2:
                    return


class _Call:
    """One call so far."""

    def __init__(self, id_: str, begin: Begin, pid: int, server: str) -> None:
        self.begin = begin
        # Of the data of its messages.
        self.bytes = 0
        self._id, self._pid, self._server = id_, pid, server
        # None until something may repeat them.
        self._known: tuple[str, ...] | None = None
        self._first: dict[int, Message] = {}
        self._last: OrderedDict[int, Message] = OrderedDict()
        self._first_bytes = 0
        self._logs: list[LogRecord] = []
        self._logged: Raised | None = None
        self._dropped = 0
        self._left_out = self._bytes_in = self._bytes_out = 0
        self._end: End | None = None
        self._bodies: dict[str, tuple[tuple[object, ...], Body]] = {}
        self._verdicts: tuple[Verdict, ...] = ()
        self._judged_at = -JUDGE_SECONDS

    def add(self, trace: Trace) -> None:
        """Takes a piece of news in."""
        for message in trace.messages:
            self._keep(message)
        # A log record and an exception may repeat a secret of the request.
        for record in trace.logs[: MAX_LOGS - len(self._logs)]:
            self._logs.append(replace(record, text=self._masked(record.text)))
        if trace.errors:
            self._logged = self._masked_error(trace.errors[-1])
        self._left_out, self._end = trace.left_out, trace.end
        self._bytes_in, self._bytes_out = trace.bytes_in, trace.bytes_out

    def forget_data(self) -> None:
        """Forgets bodies and frames, of which the sizes stay known."""
        for kept in (self._first, self._last):
            kept.update({n: replace(message, data=b"") for n, message in kept.items()})
        self.bytes = self._first_bytes = 0

    def _masked(self, text: str) -> str:
        if self._known is None:
            scope = self.begin.scope
            self._known = secret_words([scope.query, *(header.value for header in scope.headers)])
        return mask_text(text, self._known)

    def _masked_error(self, raised: Raised) -> Raised:
        text = self._masked(raised.traceback)
        kind, message = self._masked(raised.type), self._masked(raised.message)
        return replace(raised, type=kind, message=message, traceback=text, frames=user_frames(text))

    def _keep(self, message: Message) -> None:
        size = len(message.data)
        again = self._first.get(message.n)
        room = (
            len(self._first) < FIRST_MESSAGES and self._first_bytes + size <= FIRST_BYTES and not self._last
        )
        if again is not None or room:
            size -= len(again.data) if again else 0
            self._first[message.n] = message
            self._first_bytes += size
            self.bytes += size
            return
        before = self._last.get(message.n)
        self._last[message.n] = message
        self.bytes += size - (len(before.data) if before else 0)
        while len(self._last) > LAST_MESSAGES or self.bytes - self._first_bytes > LAST_BYTES:
            _, gone = self._last.popitem(last=False)
            self.bytes -= len(gone.data)
            self._dropped += 1

    def event(self, outcome: str = "") -> Request:
        """The call as it is now, judged by the rules of ASGI. ``outcome`` of one that has no end."""
        begin, end = self.begin, self._end
        kept = sorted((*self._first.values(), *self._last.values()), key=lambda item: (item.at_ms, item.n))
        messages = tuple(kept)
        scope = begin.scope if end is None else replace(begin.scope, added=end.added)
        head = next((item.headers for item in messages if item.type == "http.response.start"), ())
        raised = self._masked_error(end.error) if end is not None and end.error is not None else self._logged
        call = KINDS[begin.kind](
            at=begin.at,
            id=self._id,
            method=METHODS.get(begin.kind, begin.method),
            path=begin.path,
            route=end.route if end is not None else "",
            status=status_of(begin.kind, messages),
            duration_ms=end.ms if end is not None else max((item.at_ms for item in messages), default=0.0),
            server=self._server,
            pid=self._pid,
            messages=messages,
            outcome=end.outcome if end is not None else outcome or "open",
            returned_ms=end.returned_ms if end is not None else None,
            bytes_in=self._bytes_in,
            bytes_out=self._bytes_out,
            left_out=self._left_out + self._dropped,
            scope=scope,
            error=raised,
            logs=tuple(self._logs),
        )
        if begin.kind == "http":
            call = replace(
                call,
                body=self._body("receive", self._bytes_in, messages, scope.headers),
                answer=self._body("send", self._bytes_out, messages, head),
            )
        over = end is not None or bool(outcome)
        now = time.monotonic()
        if over or now - self._judged_at >= JUDGE_SECONDS:
            self._verdicts, self._judged_at = check_call(call), now
        call = replace(call, verdicts=self._verdicts)
        # Only what is over leaves the console.
        return without_repeats(call) if over else call

    def _body(
        self, direction: str, size: int, messages: tuple[Message, ...], headers: tuple[Header, ...]
    ) -> Body:
        """The body of that direction, searched once for as long as it stays what it is."""
        parts = _beginning(messages, direction)
        state = (size, sum(map(len, parts)), headers)
        before, body = self._bodies.get(direction, ((), Body()))
        if before != state:
            body = make_body(size, parts, headers)
            self._bodies[direction] = state, body
        return body


def status_of(kind: str, messages: tuple[Message, ...]) -> int | None:
    """What the client was answered; 101 for a WebSocket that was accepted, 403 where it was not."""
    for message in messages:
        if message.direction != "send":
            continue
        if message.type in ("http.response.start", "websocket.http.response.start"):
            return message.status
        if kind == "websocket" and message.type in ("websocket.accept", "websocket.close"):
            # A close before the acceptance is a 403 (ASGI, WebSocket: Close).
            return 101 if message.type == "websocket.accept" else 403
    return None


def _beginning(messages: tuple[Message, ...], direction: str) -> list[bytes]:
    """The parts of a body as far as it was kept without a hole: ``n`` counts every call, kept or not."""
    parts = []
    for number, message in enumerate(sorted(messages, key=lambda item: item.n), 1):
        if message.n != number:
            break
        if message.direction == direction and message.bytes:
            parts.append(message.data)
            if len(message.data) < message.bytes:
                break
    return parts
