"""Whether the terminal keeps up with what is drawn, so that a slow link shows less and not later."""

from __future__ import annotations

import time

from textual.driver import Driver
from textual.geometry import Region, Size

# Seconds between two repaints that nobody asked for: at the least, over SSH, where what is drawn waits in
# buffers that nobody can look at, and the most on a link that does not follow.
REPAINT = 0.1
REPAINT_FAR = 0.3
REPAINT_SLOW = 3.0
# Writes that wait behind one another: a frame is three. And seconds after which a single one is late.
WAITING = 3
LATE = 0.03


class Pace:
    """What the terminal still has to take in.

    Textual's writer takes 30 writes and then holds up the event loop, keys, reloads and all. So a frame is
    left out while the one before it is under way, and drawn as the screen is then once that is through.
    ``interval``: seconds between two repaints that nobody asked for; longer the slower the link is, so that
    it is free for what a key changes.
    """

    def __init__(self, *, far: bool) -> None:
        self._least = self.interval = REPAINT_FAR if far else REPAINT
        self._drawn_at = 0.0
        self._rows: dict[int, tuple[int, int]] = {}  # of each row what is left out, from and up to a cell
        self._whole = False

    def leave_out(self, frame: object) -> None:
        """A frame is not drawn."""
        self.interval = min(self.interval * 1.5, REPAINT_SLOW)
        # Of a frame that changes parts of the screen these parts: row, first cell, cell after the last.
        spans: list[tuple[int, int, int]] | None = getattr(frame, "spans", None)
        if spans is None:
            self._whole = True
            return
        for row, start, end in spans:
            first, last = self._rows.get(row, (start, end))
            self._rows[row] = min(first, start), max(last, end)

    def left_out(self, size: Size) -> list[Region]:
        """The parts of the screen whose frames were left out since the last time."""
        rows, whole = self._rows, self._whole
        self._rows, self._whole = {}, False
        if whole:
            return [size.region]
        return [Region(start, row, end - start, 1) for row, (start, end) in rows.items()]

    def speed_up(self) -> None:
        """Time for a repaint: perhaps it goes faster now."""
        self.interval = max(self.interval * 0.9, self._least)

    def drawn(self) -> None:
        """A frame was handed to the writer."""
        self._drawn_at = time.monotonic()

    def is_behind(self, driver: Driver | None) -> bool:
        """Whether a frame would have to wait; False where the driver does not tell."""
        thread = getattr(driver, "_writer_thread", None)
        queue = getattr(thread, "_queue", None)
        waiting = 0 if queue is None else queue.qsize()
        return waiting > WAITING or (waiting > 0 and time.monotonic() - self._drawn_at > LATE)
