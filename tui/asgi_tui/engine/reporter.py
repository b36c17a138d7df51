"""Tells a session's figures as events: request totals and the server's CPU and memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from asgi_tui.domain.events import Event, Usage
from asgi_tui.engine.telemetry import Summary
from asgi_tui.engine.traffic import Traffic
from asgi_tui.engine.usage import UsageMeter

# Seconds between two Stats events at least, and between two while only the rate falls.
STATS_INTERVAL = 0.1
RATE_INTERVAL = 0.5
USAGE_INTERVAL = 1.0


class Reporter:
    """``stats`` and ``usage`` run for as long as the session."""

    def __init__(self, emit: Callable[[Event], None]) -> None:
        self._emit = emit
        self._traffic = Traffic()
        self._changed = asyncio.Event()

    def add(self, pid: int, summary: Summary) -> None:
        """What one process counted."""
        self._traffic.add(pid, summary, time.monotonic())
        self._changed.set()

    def forget_worker(self, pid: int) -> None:
        """A process is gone."""
        self._traffic.forget_worker(pid)
        self._changed.set()

    async def stats(self) -> None:
        """Tells the totals after each change, at most 10 times a second, and while the rate falls."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            self.tell()
            await asyncio.sleep(STATS_INTERVAL)
            if self._traffic.rate(time.monotonic()):
                with suppress(TimeoutError):
                    async with asyncio.timeout(RATE_INTERVAL):
                        await self._changed.wait()
                self._changed.set()

    def tell(self) -> None:
        """Tells the totals as they are now."""
        self._emit(self._traffic.snapshot(time.monotonic(), time.time()))

    async def usage(self, leader: Callable[[], int | None]) -> None:
        """Tells CPU and memory of the process tree below ``leader`` once a second, while there is one."""
        meter = UsageMeter()
        while True:
            await asyncio.sleep(USAGE_INTERVAL)
            pid = leader()
            if pid is not None:
                cpu, memory, count = await asyncio.to_thread(meter.sample, pid)
                self._emit(Usage(time.time(), round(cpu, 1), memory, count))
