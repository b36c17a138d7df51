"""What becomes of a run's lines, in the thread that reads them: into a store, or to the event loop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from asgi_tui.domain.events import Event, Log
from asgi_tui.domain.log_entry import STREAMS, Fresh
from asgi_tui.domain.log_groups import Grouper
from asgi_tui.engine.log_lines import LogLines
from asgi_tui.engine.log_store import LogStore
from asgi_tui.engine.spool import Record

# Entries that are stored at once, and seconds after which fewer are.
STORED_ENTRIES = 2_000
STORED_SECONDS = 0.005
# Seconds without output after which an unfinished line is shown, and an entry of several lines is over.
HOLD = 0.05
# Seconds between two looks at an unfinished line that grows.
GROWTH = 0.1
# Seconds between two times that the loop is told of more.
TELL = 0.03
# Lines handed over at once, seconds after which fewer are, and hand-overs that may wait for the loop before
# reading pauses.
BATCH_LINES = 500
BATCH_SECONDS = 0.02
BATCHES_WAITING = 4


class _Side:
    """What is under way on one stream; times are those of ``time.monotonic``."""

    def __init__(self) -> None:
        self.grouper = Grouper()
        # Unix time of what came last.
        self.at = 0.0
        # When the last line came, None where the grouper holds nothing.
        self.heard: float | None = None
        # When the unfinished line is to be shown as it is, None where it is shown so already.
        self.due: float | None = None
        self.shown_at = 0.0
        self.is_shown = False
        # The line that was shown unfinished is complete.
        self.is_over = False


class ToStore:
    """Adds entries to a store and tells the loop, at most every ``TELL`` seconds and never twice at once."""

    def __init__(self, lines: LogLines, store: LogStore, tell: Callable[[Callable[[], None]], None]) -> None:
        """``tell`` makes the loop call the function that it is given, then look at the store."""
        self._lines = lines
        self._store = store
        self._tell = tell
        self._sides = {stream: _Side() for stream in STREAMS[:2]}
        self._batch: list[Fresh] = []
        self._stored = 0.0
        # Whether there is more than the loop was told of, when it was, and whether it has not looked yet.
        self._untold = False
        self._told = 0.0
        self._telling = False

    def patience(self) -> float | None:
        """As ``Taker``: what is read already is stored as soon as nothing more waits."""
        sides = self._sides.values()
        if self._batch or any(side.is_over for side in sides):
            return 0.0
        times = [self._told + TELL] if self._untold and not self._telling else []
        for side in sides:
            if side.heard is not None:
                times.append(side.heard + HOLD)
            if side.due is not None:
                times.append(side.due)
        return max(min(times) - time.monotonic(), 0.0) if times else None

    def take(self, record: Record) -> None:
        """More of a stream."""
        at, stream, data = record
        self._sides[stream].at = at
        self._add(stream, self._lines.feed(at, stream, data))
        if len(self._batch) >= STORED_ENTRIES or time.monotonic() - self._stored > STORED_SECONDS:
            self.settle()

    def _add(self, stream: str, fresh: list[Fresh]) -> None:
        side = self._sides[stream]
        now = time.monotonic()
        if fresh:
            feed = side.grouper.feed
            for line in fresh:
                self._batch += feed(line)
            side.heard = now
        is_pending = self._lines.is_pending(stream)
        side.is_over = side.is_over or (side.is_shown and (bool(fresh) or not is_pending))
        if not is_pending:
            side.due = None
        elif fresh or side.due is None:
            side.due = max(now + HOLD, side.shown_at + GROWTH)

    def settle(self) -> None:
        """Stores what is read, shows what is unfinished and tells of it, each when its time has come."""
        now = self._stored = time.monotonic()
        for side in self._sides.values():
            if side.heard is not None and now - side.heard >= HOLD:
                self._batch += side.grouper.flush()
                side.heard = None
        self._store_batch()
        for stream, side in self._sides.items():
            if side.is_over:
                self._pend(stream, side, "", 0)
            if side.due is not None and now >= side.due:
                self._pend(stream, side, *self._lines.pending(stream))
                side.due, side.shown_at = None, now
        if self._untold and not self._telling and now - self._told >= TELL:
            self._tell_now(now)

    def _store_batch(self) -> None:
        if self._batch:
            self._store.append(self._batch)
            self._batch = []
            self._untold = True

    def _pend(self, stream: str, side: _Side, text: str, size: int) -> None:
        side.is_over, side.is_shown = False, bool(text)
        self._store.pend(stream, side.at, text, size, self)
        self._untold = True

    def _tell_now(self, now: float) -> None:
        self._untold, self._told, self._telling = False, now, True
        self._tell(self._looks)

    def _looks(self) -> None:
        """On the loop, before it looks: whatever is added from now on, it must be told of again."""
        self._telling = False

    def miss(self, size: int) -> None:
        """So many bytes came too fast to be read: an unfinished line ends before them."""
        for stream, side in self._sides.items():
            self._add(stream, self._lines.feed(side.at, stream, b"", final=True))
        self._store.miss(size)
        self._untold = True

    def end(self) -> None:
        """Stores and tells of the rest."""
        for stream, side in self._sides.items():
            self._add(stream, self._lines.feed(side.at, stream, b"", final=True))
            self._batch += side.grouper.flush()
        self._store_batch()
        for stream, side in self._sides.items():
            if side.is_over:
                self._pend(stream, side, "", 0)
        self._tell_now(time.monotonic())

    def abandon(self) -> None:
        """Nothing here waits for anybody."""


class ToLoop:
    """Hands batches of ``Log`` events to the loop, and waits for it where it does not follow."""

    def __init__(self, lines: LogLines, hand_over: Callable[[list[Event], Callable[[], None]], None]) -> None:
        """``hand_over`` makes the loop emit the events, then call the function that it is given."""
        self._lines = lines
        self._hand_over = hand_over
        self._batch: list[Event] = []
        self._handed_over = 0.0
        self._places = threading.Semaphore(BATCHES_WAITING)
        self._abandoned = threading.Event()

    def patience(self) -> float | None:
        """As ``Taker``: what is read already is handed over as soon as nothing more waits."""
        return 0.0 if self._batch else None

    def take(self, record: Record) -> None:
        """More of a stream."""
        at, stream, data = record
        self._add(self._lines.feed(at, stream, data))
        if len(self._batch) >= BATCH_LINES or time.monotonic() - self._handed_over > BATCH_SECONDS:
            self.settle()

    def _add(self, fresh: list[Fresh]) -> None:
        self._batch += [
            Log(at, origin.stream, origin.level or None, text, origin.pid, origin.logger or None)
            for at, origin, text, _, _, _ in fresh
        ]

    def settle(self) -> None:
        """Hands over what is read."""
        batch, self._batch = self._batch, []
        for start in range(0, len(batch), BATCH_LINES):
            self._places.acquire()
            if self._abandoned.is_set():
                # Nobody frees the places any more.
                self._places.release()
                return
            self._hand_over(batch[start : start + BATCH_LINES], self._places.release)
        self._handed_over = time.monotonic()

    def miss(self, size: int) -> None:
        """Says so in the log itself, behind what has come of an unfinished line."""
        self._finish()
        text = f"{size:,} bytes of output came too fast and were left out"
        self._batch.append(Log(time.time(), "console", None, text))

    def end(self) -> None:
        """Hands over the rest."""
        self._finish()
        self.settle()

    def _finish(self) -> None:
        """Takes unfinished lines as they are."""
        for stream in STREAMS[:2]:
            self._add(self._lines.feed(time.time(), stream, b"", final=True))

    def abandon(self) -> None:
        """Stops waiting for the loop: nobody reads any more."""
        self._abandoned.set()
        self._places.release(BATCHES_WAITING)
