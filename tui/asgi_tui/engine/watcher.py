"""Watches what counts in a thread of its own and tells what changed."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable
from contextlib import suppress

from asgi_tui.domain.errors import Problem
from asgi_tui.engine.contents import Contents
from asgi_tui.engine.watch_thread import Noticed, Stop, WatchThread
from asgi_tui.engine.watched import Wanted

# Seconds a start waits until changes are seen.
ARMED_PATIENCE = 2.0


class Watcher:
    """Tells of each burst on the event loop; the tree is walked and listened to in a thread of its own."""

    def __init__(
        self,
        changed: Callable[[Noticed], None],
        counted: Callable[[int, str], None],
        failed: Callable[[Problem], None],
    ) -> None:
        """``counted`` is told how many files count and why they are polled, empty where they are not."""
        self._changed = changed
        self._counted = counted
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._stop = Stop()
        self._ended = threading.Event()
        self._armed = asyncio.Event()
        self.contents = Contents()
        self.wanted: Wanted | None = None

    def watch(self, wanted: Wanted) -> None:
        """Watches these from now on, in place of those before."""
        # What was watched before is watched until the new thread sees changes, so that none is missed.
        before = self._stop if self.wanted is not None else None
        self._stop = Stop()
        self.wanted = wanted
        self._armed.clear()
        thread = WatchThread(self, wanted, self._stop, before)
        threading.Thread(target=thread.run, name="watch files", daemon=True).start()

    def stop(self) -> None:
        """Stops watching for good."""
        self._stop.set()
        self._ended.set()
        self.wanted = None

    async def armed(self) -> None:
        """Returns once changes are seen, or when a large tree takes longer than ARMED_PATIENCE."""
        with suppress(TimeoutError):
            async with asyncio.timeout(ARMED_PATIENCE):
                await self._armed.wait()

    # -- called by the thread --------------------------------------------------------------------------

    def arm(self, stop: threading.Event) -> None:
        """Changes are seen."""
        self._call(stop, self._armed.set)

    def tell(self, noticed: Noticed) -> None:
        """Files changed. What the thread of before still had at hand counts too."""
        self._call(self._ended, functools.partial(self._changed, noticed))

    def tell_count(self, stop: threading.Event, files: int, polling: str) -> None:
        """So many files count."""
        self._call(stop, functools.partial(self._counted, files, polling))

    def tell_problem(self, stop: threading.Event, problem: Problem) -> None:
        """Something stands in the way."""
        self._call(stop, functools.partial(self._failed, problem))

    def _call(self, stop: threading.Event, callback: Callable[[], None]) -> None:
        def call() -> None:
            if not stop.is_set():
                callback()

        with suppress(RuntimeError):
            # The loop may be closed: the console is gone.
            self._loop.call_soon_threadsafe(call)
