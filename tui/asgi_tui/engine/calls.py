"""Calls of the app put together from what the probe tells of them, piece by piece."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace

from asgi_tui.domain.asgi_rules import check_call
from asgi_tui.domain.calls import LogRecord, Message, Raised, Verdict
from asgi_tui.domain.events import Lifespan, Progress, Request, WebSocket
from asgi_tui.domain.masking import make_body, mask_text, secret_words
from asgi_tui.domain.text import hiding
from asgi_tui.domain.tracebacks import user_frames
from asgi_tui.engine.traces import Begin, End, Trace

# Calls that are followed at once; the one that was silent the longest makes room.
MAX_OPEN = 1_000
# Messages of one call that are kept: so many first ones, and so many last ones.
FIRST_MESSAGES = 200
LAST_MESSAGES = 200
# Bytes of the last messages of one call that are kept.
LAST_BYTES = 1024 * 1024
# Log records of one call that are kept, the first ones.
MAX_LOGS = 200
# Seconds between two judgements of a call that goes on: one of 400 messages takes 0.7 ms.
JUDGE_SECONDS = 1.0

KINDS = {"http": Request, "websocket": WebSocket, "lifespan": Lifespan}
METHODS = {"websocket": "WS", "lifespan": "LIFESPAN"}


class Calls:
    """The calls that go on now; each piece of news becomes an event."""

    def __init__(self) -> None:
        self._open: OrderedDict[tuple[int, str], _Call] = OrderedDict()

    def add(self, pid: int, server: str, trace: Trace) -> Request | Progress | None:
        """The whole call once it is over, its progress before; None where its beginning is not known."""
        key = (pid, trace.id)
        call = self._open.get(key)
        if call is None:
            if trace.begin is None or trace.begin.kind not in KINDS:
                return None
            call = self._open[key] = _Call(trace.id, trace.begin, pid, server)
            if len(self._open) > MAX_OPEN:
                self._open.popitem(last=False)
        self._open.move_to_end(key)
        call.add(trace)
        if trace.end is None:
            return Progress(trace.begin.at if trace.begin else call.begin.at, call.event())
        del self._open[key]
        return call.event()

    def gone(self, pid: int) -> Iterator[Request]:
        """The process is gone: what it was doing is over."""
        for key in [key for key in self._open if key[0] == pid]:
            yield replace(self._open.pop(key).event(), outcome="gone")


class _Call:
    """One call so far."""

    def __init__(self, id_: str, begin: Begin, pid: int, server: str) -> None:
        self.begin = begin
        self._id, self._pid, self._server = id_, pid, server
        values = [begin.scope.query, *(header.value for header in begin.scope.headers)]
        self._known = hiding(secret_words(values))
        self._first: dict[int, Message] = {}
        self._last: OrderedDict[int, Message] = OrderedDict()
        self._last_bytes = 0
        self._logs: list[LogRecord] = []
        self._logged: Raised | None = None
        self._dropped = 0
        self._left_out = self._bytes_in = self._bytes_out = 0
        self._end: End | None = None
        self._verdicts: tuple[Verdict, ...] = ()
        self._judged_at = -JUDGE_SECONDS

    def add(self, trace: Trace) -> None:
        """Takes a piece of news in."""
        for message in trace.messages:
            self._keep(message)
        # A log record and an exception may repeat a secret of the request.
        records = trace.logs[: MAX_LOGS - len(self._logs)]
        self._logs += [replace(record, text=mask_text(record.text, self._known)) for record in records]
        if trace.errors:
            self._logged = self._masked(trace.errors[-1])
        self._left_out, self._end = trace.left_out, trace.end
        self._bytes_in, self._bytes_out = trace.bytes_in, trace.bytes_out

    def _masked(self, raised: Raised | None) -> Raised | None:
        if raised is None:
            return None
        message, text = mask_text(raised.message, self._known), mask_text(raised.traceback, self._known)
        return replace(raised, message=message, traceback=text, frames=user_frames(text))

    def _keep(self, message: Message) -> None:
        if message.n in self._first or len(self._first) < FIRST_MESSAGES:
            self._first[message.n] = message
            return
        before = self._last.get(message.n)
        self._last[message.n] = message
        self._last_bytes += len(message.data) - (len(before.data) if before else 0)
        while len(self._last) > LAST_MESSAGES or self._last_bytes > LAST_BYTES:
            _, gone = self._last.popitem(last=False)
            self._last_bytes -= len(gone.data)
            self._dropped += 1

    def event(self) -> Request:
        """The call as it is now, judged by the rules of ASGI."""
        begin, end = self.begin, self._end
        kept = sorted((*self._first.values(), *self._last.values()), key=lambda item: (item.at_ms, item.n))
        messages = tuple(kept)
        scope = begin.scope if end is None else replace(begin.scope, added=end.added)
        head = next((item.headers for item in messages if item.type == "http.response.start"), ())
        method = METHODS.get(begin.kind, begin.method)
        call = KINDS[begin.kind](
            at=begin.at,
            id=self._id,
            method=method,
            path=begin.path,
            route=end.route if end is not None else "",
            status=status_of(begin.kind, messages),
            duration_ms=end.ms if end is not None else max((item.at_ms for item in messages), default=0.0),
            server=self._server,
            pid=self._pid,
            messages=messages,
            outcome=end.outcome if end is not None else "open",
            returned_ms=end.returned_ms if end is not None else None,
            bytes_in=self._bytes_in,
            bytes_out=self._bytes_out,
            left_out=self._left_out + self._dropped,
            scope=scope,
            error=self._masked(end.error if end is not None else None) or self._logged,
            logs=tuple(self._logs),
        )
        if begin.kind == "http":
            call = replace(
                call,
                body=make_body(self._bytes_in, _beginning(messages, "receive"), scope.headers),
                answer=make_body(self._bytes_out, _beginning(messages, "send"), head),
            )
        now = time.monotonic()
        if end is not None or now - self._judged_at >= JUDGE_SECONDS:
            self._verdicts, self._judged_at = check_call(call), now
        return replace(call, verdicts=self._verdicts)


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
    """The parts of a body as far as it was kept without a hole."""
    parts = []
    for message in messages:
        if message.direction == direction and message.bytes:
            parts.append(message.data)
            if len(message.data) < message.bytes:
                break
    return parts
