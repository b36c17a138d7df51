"""Tells a session's figures as events: request totals, a window of time, and the server's CPU and memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from asgi_tui.domain.events import Event, Usage
from asgi_tui.engine.telemetry import Summary
from asgi_tui.engine.traffic import Traffic
from asgi_tui.engine.usage import UsageMeter
from asgi_tui.engine.windows import WINDOWS, Windows

# Seconds between two Stats events at least, and between two TrafficWindow events.
STATS_INTERVAL = 0.1
WINDOW_INTERVAL = 0.5
USAGE_INTERVAL = 1.0


class Reporter:
    """``stats`` and ``usage`` run for as long as the session; ``clock`` is monotonic, in seconds."""

    def __init__(self, emit: Callable[[Event], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._emit = emit
        self._clock = clock
        self._traffic = Traffic()
        self._changed = asyncio.Event()
        # None before anything was served: the windows begin then, not while somebody fills the form.
        self._windows: Windows | None = None
        # The window that is told, empty for none.
        self._shown = ""
        self._slid = asyncio.Event()
        self._asked = asyncio.Event()

    def add(self, pid: int, summary: Summary) -> None:
        """What one process counted."""
        now = self._clock()
        gain = self._traffic.add(pid, summary, now)
        self._changed.set()
        if gain:
            self._windows = self._windows or Windows(now)
            self._windows.add(gain, now)
            if self._shown:
                self._slid.set()

    def forget_worker(self, pid: int) -> None:
        """A process is gone."""
        self._traffic.forget_worker(pid)
        self._changed.set()

    def show_window(self, window: str) -> None:
        """Tells from now on, and at once, of the window of that name; ``ValueError`` where there is none."""
        if window not in WINDOWS:
            raise ValueError(f"no window {window!r}")
        self._shown = window
        self._ask()

    def reset(self) -> None:
        """Every window begins anew, which is told at once; the totals go on."""
        self._windows = Windows(self._clock())
        self._ask()

    async def stats(self) -> None:
        """Tells totals and the window that is shown, each after changes and while it moves by itself."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tell_totals())
            tasks.create_task(self._tell_windows())

    def tell(self) -> None:
        """Tells the totals as they are now."""
        self._emit(self._traffic.snapshot(self._clock(), time.time()))

    async def usage(self, leader: Callable[[], int | None]) -> None:
        """Tells CPU and memory of the process tree below ``leader`` once a second, while there is one."""
        meter = UsageMeter()
        while True:
            await asyncio.sleep(USAGE_INTERVAL)
            pid = leader()
            if pid is not None:
                cpu, memory, count = await asyncio.to_thread(meter.sample, pid)
                self._emit(Usage(time.time(), round(cpu, 1), memory, count))

    def _ask(self) -> None:
        self._asked.set()
        self._slid.set()

    async def _tell_totals(self) -> None:
        """At most 10 times a second."""
        await self._changed.wait()
        while True:
            self._changed.clear()
            self.tell()
            # Asked now: what moves meanwhile is to be told too.
            moves_in = self._traffic.moves_in(self._clock())
            await asyncio.sleep(STATS_INTERVAL)
            await _wait(self._changed, moves_in)

    async def _tell_windows(self) -> None:
        """At most twice a second, but at once where it was asked for."""
        moves_in: float | None = None
        while True:
            await _wait(self._slid, moves_in)
            self._slid.clear()
            self._asked.clear()
            moves_in = None
            if self._shown:
                now = self._clock()
                windows = self._windows or Windows(now)
                self._emit(windows.picture(self._shown, now, time.time()))
                moves_in = windows.moves_in(self._shown, now)
                await _wait(self._asked, WINDOW_INTERVAL)
                if moves_in is not None:
                    moves_in = max(0, moves_in - WINDOW_INTERVAL)


async def _wait(news: asyncio.Event, seconds: float | None) -> None:
    """Waits for news, at most so long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await news.wait()
