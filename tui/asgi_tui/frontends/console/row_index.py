"""Which row of a wrapped text shows which line: heights summed once, found by bisection. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable


class RowIndex:
    """Rows of consecutive lines, the oldest of which may go."""

    def __init__(self) -> None:
        self._ends: list[int] = []  # row after each line, counted from the first line there ever was
        self._gone = 0

    @property
    def rows(self) -> int:
        """All rows."""
        return self._ends[-1] - self._gone if self._ends else 0

    def extend(self, heights: Iterable[int]) -> None:
        """Appends lines of these many rows."""
        end = self._ends[-1] if self._ends else self._gone
        for height in heights:
            end += height
            self._ends.append(end)

    def drop(self, lines: int) -> int:
        """Takes away the oldest lines; how many rows they had."""
        if lines <= 0:
            return 0
        gone = self._ends[min(lines, len(self._ends)) - 1] if self._ends else self._gone
        rows, self._gone = gone - self._gone, gone
        del self._ends[:lines]
        return rows

    def locate(self, row: int) -> tuple[int, int]:
        """The line in that row, counted from the oldest, and which of its rows it is."""
        line = bisect_right(self._ends, row + self._gone)
        return line, row - self.row_of(line)

    def row_of(self, line: int) -> int:
        """The first row of a line."""
        return (self._ends[line - 1] if line else self._gone) - self._gone
