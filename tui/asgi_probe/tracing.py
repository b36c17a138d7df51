"""Which calls are traced, and how much of them is kept until it is told."""

from __future__ import annotations

import time
from collections import deque

from .tracer import Tracer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .asgi_types import Scope

# Calls that may begin to be traced between two flushes, however many are asked for.
CALLS_A_FLUSH = 200
# Calls that are traced at once. One that goes on, as WebSockets do, holds but a few counters once it is told.
MAX_OPEN = 1000
# Messages that are kept between two flushes beside those that each call has room for (``Tracer``), and bytes
# of all that is kept: bodies, headers, values, log records.
MESSAGES_A_FLUSH = 500
BYTES_A_FLUSH = 1024 * 1024
# Exceptions a second that are told of calls for which there was no room.
FAULTS_PER_SECOND = 10


class Tracing:
    """One process's traces: the rate, the room that is left, and the calls that have something to tell.

    The room is refilled by a flush that reaches the console and, after idle time, by the first scope. So a
    console that is gone or does not read stops it. The loop and the shipping thread may both change a counter
    at once; one of the two is lost then, until the next refill.
    """

    def __init__(self, rate: float | None, wake: Callable[[], None]) -> None:
        self.wake = wake
        self.stopped = False
        # Calls that may begin now: the one thing a call that is not traced asks for.
        self.room = 0
        self.open = 0
        self.fault_room = float(FAULTS_PER_SECOND)
        self.messages_left = self.bytes_left = 0
        self.due: deque[Tracer] = deque()
        self.rate: float | None = 0
        self.set_rate(rate)

    def set_rate(self, rate: float | None) -> None:
        """From now on ``rate`` calls a second begin to be traced: 0 none, None all there is room for."""
        if rate is not None and not rate >= 0:
            return
        self.rate = rate
        self._part = 0.0
        self._refilled = time.monotonic()
        self.room = self._most() if rate != 0 else 0
        self.refill()

    def _most(self) -> int:
        return CALLS_A_FLUSH if self.rate is None else int(min(max(1.0, self.rate), CALLS_A_FLUSH))

    def refill(self) -> None:
        """What was kept is with the console: there is room for as much again."""
        if self.rate == 0 or self.stopped:
            self.room = self.messages_left = 0
            return
        self.messages_left, self.bytes_left = MESSAGES_A_FLUSH, BYTES_A_FLUSH
        self.pass_time()

    def pass_time(self) -> None:
        """More calls may begin, by the time that has passed."""
        if self.rate == 0 or self.stopped:
            return
        now = time.monotonic()
        passed, self._refilled = now - self._refilled, now
        self.fault_room = min(float(FAULTS_PER_SECOND), self.fault_room + passed * FAULTS_PER_SECOND)
        if self.rate is None:
            self.room = CALLS_A_FLUSH
            return
        self._part += passed * self.rate
        whole = int(self._part)
        self._part -= whole
        self.room = min(self._most(), self.room + whole)

    def stop(self) -> None:
        """Nobody will take what is kept, nor what comes."""
        self.stopped = True
        self.room = self.messages_left = self.bytes_left = 0
        self.due.clear()

    # -- on the app's loop -------------------------------------------------------------------------

    def begin(self, kind: str, scope: Scope) -> Tracer | None:
        """The tracer of a call that begins, None where there is no room for it."""
        if self.room < 1 or self.bytes_left <= 0 or self.open >= MAX_OPEN:
            return None
        self.room -= 1
        self.open += 1
        return Tracer(self, kind, scope).entered()

    def failed(self, kind: str, scope: Scope, started: int, read: int, written: Any) -> Tracer | None:
        """A tracer without messages for a call that raised after all, None where nobody would look at it.

        ``started`` is its ``perf_counter_ns``; ``read`` and ``written`` are bytes.
        """
        if self.rate == 0 or self.fault_room < 1 or self.stopped:
            return None
        self.fault_room -= 1
        self.open += 1
        return Tracer(self, kind, scope).begun_at(started, read, written)
