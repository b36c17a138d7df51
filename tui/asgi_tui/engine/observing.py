"""What is known of an app's traffic: figures and single calls, as its probes tell them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from asgi_tui.domain.events import Event, Request
from asgi_tui.engine.calls import Calls
from asgi_tui.engine.reporter import Reporter
from asgi_tui.engine.telemetry import Sender, Summary
from asgi_tui.engine.traces import Trace

# Seconds between two times at which calls that go on are told, and seconds of the loop that each may take: of
# a thousand WebSockets that all talk at once some are told later.
PROGRESS_INTERVAL = 0.1
PROGRESS_SECONDS = 0.01


class Orders(Protocol):
    """Where orders to probes go (``engine.telemetry.Telemetry``)."""

    def order(self, pid: int, **order: object) -> None:
        """To the probe of one process."""

    def order_all(self, **order: object) -> None:
        """To every probe."""


class Observer:
    """Turns what probes tell of traffic into events, and tells probes how much to tell.

    ``rate`` is how many calls a second each process tells with their messages, None all there is room for.
    ``ended`` is called with each call that is over.
    """

    def __init__(
        self, emit: Callable[[Event], None], ended: Callable[[Request], None], rate: int | None
    ) -> None:
        self.reporter = Reporter(emit)
        self.rate = rate
        self._emit = emit
        self._ended = ended
        self._calls = Calls()
        self._orders: Orders | None = None
        self._telling: asyncio.TimerHandle | None = None
        self._told_at = 0.0

    def listen(self, orders: Orders) -> None:
        """From now on probes can be told something."""
        self._orders = orders

    def trace(self, rate: int | None) -> None:
        """Another rate."""
        if rate != self.rate:
            self.rate = rate
            if self._orders is not None:
                self._orders.order_all(do="trace", rate=rate)

    def connected(self, sender: Sender) -> None:
        """A probe has said hello: its run's file may know an older rate."""
        if self._orders is not None:
            self._orders.order(sender.pid, do="trace", rate=self.rate)

    def counted(self, sender: Sender, summary: Summary) -> None:
        """What a process counted."""
        self.reporter.add(sender.pid, summary)

    def traced(self, sender: Sender, server: str, trace: Trace) -> None:
        """News of one call."""
        call = self._calls.add(sender.pid, server, trace)
        if call is not None:
            self._emit(call)
            self._ended(call)
        self._tell_soon()

    def gone(self, sender: Sender) -> None:
        """A process is gone, and what it was doing with it."""
        self.reporter.forget_worker(sender.pid)
        for call in self._calls.gone(sender.pid):
            self._emit(call)
            self._ended(call)

    def _tell_soon(self) -> None:
        if self._telling is None and self._calls.news:
            wait = self._told_at + PROGRESS_INTERVAL - time.monotonic()
            self._telling = asyncio.get_running_loop().call_later(max(wait, 0), self._tell)

    def _tell(self) -> None:
        """Tells of calls that go on."""
        self._telling = None
        begun = self._told_at = time.monotonic()
        while (
            time.monotonic() - begun < PROGRESS_SECONDS and (progress := self._calls.progress()) is not None
        ):
            self._emit(progress)
        self._tell_soon()
