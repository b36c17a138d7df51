"""Entries of the log that the user marked. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort

MAX_MARKS = 1_000  # the oldest one goes for one more


class Marks:
    """Numbers of entries, in order."""

    def __init__(self) -> None:
        self._numbers: list[int] = []

    def __contains__(self, number: int) -> bool:
        index = bisect_left(self._numbers, number)
        return index < len(self._numbers) and self._numbers[index] == number

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def numbers(self) -> frozenset[int]:
        """All of them."""
        return frozenset(self._numbers)

    def toggle(self, number: int) -> None:
        """Marks an entry, or takes its mark away."""
        if number in self:
            self._numbers.remove(number)
            return
        insort(self._numbers, number)
        del self._numbers[:-MAX_MARKS]

    def prune(self, first: int) -> None:
        """Forgets those before ``first``: their entries are gone."""
        if self._numbers and self._numbers[0] < first:
            del self._numbers[: bisect_left(self._numbers, first)]

    def next_to(self, number: int, by: int) -> int | None:
        """The nearest one after (``by`` 1) or before (-1) an entry, else round the ends; None without any."""
        if not self._numbers:
            return None
        at = bisect_right(self._numbers, number) if by > 0 else bisect_left(self._numbers, number) - 1
        return self._numbers[at % len(self._numbers)]
