"""The columns before the text of a log entry. Pure."""

from __future__ import annotations

from typing import NamedTuple

from asgi_tui.domain.log_entry import LEVELS, Origin
from asgi_tui.frontends.console.format import fit
from asgi_tui.frontends.console.log_rows import Part
from asgi_tui.frontends.console.log_times import time_width

WIDE = 100  # cells from which milliseconds, whole levels and the logger have room
WIDER = 130  # and the worker
MARKED = "★"
FOLDED, UNFOLDED = "▸", "▾"
_STREAMS = {"stderr": "▏", "console": "●"}
_SHORT = {"warning": "WARN", "critical": "CRIT"}
_LOGGER, _PID = 16, 7


class Columns(NamedTuple):
    """Which columns there are: the kind of times, and whether there is room for more than the least."""

    times: str = "absolute"
    wide: bool = False
    logger: bool = False
    pid: bool = False

    @property
    def width(self) -> int:
        """Cells before the text: marks, time, level, logger, worker, fold mark."""
        time = time_width(self.times, self.wide)
        return (
            1
            + (time + 1 if time else 0)
            + (8 if self.wide else 5)
            + (_LOGGER + 1 if self.logger else 0)
            + (_PID + 1 if self.pid else 0)
            + 3
        )

    def head(self, origin: Origin, time: str, *, marked: bool, fold: str) -> list[Part]:
        """The columns of an entry's first row; each character takes one cell."""
        mark = MARKED if marked else _STREAMS.get(origin.stream, " ")
        parts = [Part(mark, "marked" if marked else f"stream-{origin.stream}", copied="")]
        if cells := time_width(self.times, self.wide):
            parts.append(Part(fit(time, cells, right=self.times != "absolute") + " ", "time"))
        level = origin.level.upper() if self.wide else _SHORT.get(origin.level, origin.level.upper())
        if origin.level in LEVELS[1:]:
            parts.append(Part(level, origin.level))
        gap = " " * ((8 if self.wide else 5) - len(level) + 1)  # behind a level, which may be reverse
        if self.logger:
            parts.append(Part(gap + fit(origin.logger, _LOGGER), "logger"))
            gap = " "
        if self.pid:
            parts.append(Part(gap + fit("" if origin.pid is None else str(origin.pid), _PID), "time"))
            gap = " "
        return [*parts, Part(f"{gap}{fold or ' '} ", "fold", copied=gap)]

    def hang(self) -> list[Part]:
        """As much room before the rows that go on."""
        return [Part(" " * self.width, "hang", copied="")]
