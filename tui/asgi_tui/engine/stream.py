"""Events from the engine to a front end, in bounded batches."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress

from asgi_tui.domain.events import Event, Log, Logged, Progress, Request, Stats, TrafficWindow, Usage

# Events that may wait for a slow reader; then the oldest log lines and requests go, counted.
MAX_WAITING = 20_000


class EventStream:
    """One reader's view of a session. ``put`` and reading belong to one event loop."""

    def __init__(self, interval: float = 0.0) -> None:
        """``interval``: seconds between two batches at least, so that a screen is not redrawn too often."""
        self._interval = interval
        self._waiting: deque[Event] = deque()
        self._arrived = asyncio.Event()
        self._closed = False
        self._lost = 0
        self._rests_until = 0.0
        self._rested = asyncio.Event()

    def put(self, event: Event) -> None:
        """Adds an event; figures that a newer event replaces do not pile up, nor word of more in the logs."""
        newest = self._waiting[-1] if self._waiting else None
        if type(newest) is type(event) and isinstance(event, Logged | Stats | TrafficWindow | Usage):
            self._waiting.pop()
        if len(self._waiting) >= MAX_WAITING:
            self._make_room()
        self._waiting.append(event)
        self._arrived.set()

    def _make_room(self) -> None:
        """Lets a tenth of the bound go, log lines and requests first; what matters most is rare."""
        wanted = MAX_WAITING // 10
        kept: deque[Event] = deque()
        for event in self._waiting:
            if wanted and isinstance(event, Log | Progress | Request):
                wanted -= 1
            else:
                kept.append(event)
        while wanted and len(kept) > MAX_WAITING - MAX_WAITING // 10:
            kept.popleft()
        self._lost += len(self._waiting) - len(kept)
        self._waiting = kept

    def rest(self, seconds: float) -> None:
        """A screen gets nothing for ``seconds``: drawing must not hold up what is urgent. 0 ends it."""
        if self._interval:
            self._rests_until = time.monotonic() + seconds
            self._rested.set()

    async def _until_rested(self) -> None:
        while (left := self._rests_until - time.monotonic()) > 0 and not self._closed:
            self._rested.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._rested.wait()

    def close(self) -> None:
        """The reader gets what is left, then the end."""
        self._closed = True
        self._arrived.set()
        self._rested.set()

    async def batches(self) -> AsyncIterator[list[Event]]:
        """Batches of events, each in order, until the stream is closed and empty."""
        while True:
            await self._arrived.wait()
            await self._until_rested()
            self._arrived.clear()
            if self._waiting:
                batch = list(self._waiting)
                self._waiting.clear()
                if self._lost:
                    text = f"{self._lost:,} events came too fast and were left out"
                    batch.insert(0, Log(time.time(), "console", "warning", text))
                    self._lost = 0
                yield batch
            if self._closed and not self._waiting:
                return
            if self._interval and not self._closed:
                await asyncio.sleep(self._interval)


class Broadcast:
    """Tells every reader of a session the same; ``interval`` as in ``EventStream``."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._streams: list[EventStream] = []

    async def events(self) -> AsyncIterator[list[Event]]:
        """Batches of what is told from the first iteration on, until it is closed."""
        stream = EventStream(self._interval)
        self._streams.append(stream)
        try:
            async for batch in stream.batches():
                yield batch
        finally:
            self._streams.remove(stream)

    def tell(self, event: Event) -> None:
        """To every reader."""
        for stream in self._streams:
            stream.put(event)

    def rest(self, seconds: float) -> None:
        """As ``EventStream.rest``."""
        for stream in self._streams:
            stream.rest(seconds)

    def close(self) -> None:
        """Every reader gets what is left, then the end."""
        for stream in self._streams:
            stream.close()
