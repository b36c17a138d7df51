"""The part of the log that is in sight, found from an entry's number and a row of it: no rows are counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from textual.cache import LRUCache

from asgi_tui.engine.log_store import LogStore
from asgi_tui.frontends.console.log_rows import EntryRows, Shape
from asgi_tui.frontends.console.log_search import Members, near

CACHED_ENTRIES = 512  # laid out; some screens full
MAX_TURNED = 1_000  # entries folded or unfolded by themselves; the oldest is as all others again for one more


class Spot(NamedTuple):
    """A row of an entry."""

    number: int
    row: int


class LogWindow:
    """Which rows are in sight. Rows of entries that are on disk count as one each until they are loaded."""

    def __init__(self, store: LogStore, members: Members) -> None:
        self.members = members
        self.following = True
        self.height = 1
        self.shape = Shape(80, False)
        self.top = Spot(0, 0)
        self.end_top = Spot(0, 0)  # the first row in sight at the end of the log
        self.folding = True
        self._turned: dict[int, None] = {}  # not folded as the others are
        self._store = store
        self._laid: LRUCache[int, tuple[EntryRows, bool]] = LRUCache(CACHED_ENTRIES)

    # -- entries -----------------------------------------------------------------------------------

    def rows(self, number: int) -> EntryRows | None:
        """An entry as rows; None where it is on disk or gone."""
        cached = self._laid.get(number)
        if cached is not None and cached[1]:
            return cached[0]
        settled = number < self._store.end - 1  # the newest one may still be counted up
        try:
            entry = self._store.entry(number)
        except IndexError:
            return None
        if entry is None:
            return None
        if cached is not None and cached[0].entry == entry:
            rows = cached[0]
        else:
            rows = EntryRows(entry, self.shape, self.folded(number))
        self._laid[number] = rows, settled
        return rows

    def height_of(self, number: int) -> int:
        """How many rows an entry has."""
        rows = self.rows(number)
        return rows.height if rows is not None else 1

    def forget(self) -> None:
        """Everything is to be laid out anew."""
        self._laid.clear()

    def folded(self, number: int) -> bool:
        """Whether an entry of several lines is drawn as one."""
        return self.folding != (number in self._turned)

    def turn(self, number: int) -> None:
        """Folds an entry, or unfolds it."""
        if self._turned.pop(number, 0) == 0:
            self._turned[number] = None
            if len(self._turned) > MAX_TURNED:
                del self._turned[next(iter(self._turned))]
        self._laid.discard(number)

    def turn_all(self) -> None:
        """Folds all entries, or unfolds them."""
        self.folding = not self.folding
        self._turned.clear()
        self._laid.clear()

    def before(self, number: int) -> int | None:
        """The entry above one; None at the first."""
        rank = self.members.rank(number)
        return near(self.members, rank - 1) if rank else None

    def after(self, number: int) -> int | None:
        """The entry below one; None at the last."""
        return near(self.members, self.members.rank(number + 1))

    @property
    def newest(self) -> int | None:
        """The last entry."""
        size = len(self.members)
        return near(self.members, size - 1) if size else None

    def nearest(self, number: int) -> int | None:
        """An entry itself where it passes, else the next one that does, else the last."""
        found = near(self.members, self.members.rank(number))
        return found if found is not None else self.newest

    # -- rows --------------------------------------------------------------------------------------

    def down(self, spot: Spot) -> Iterator[Spot]:
        """Rows from one on."""
        number: int | None = spot.number
        row = spot.row
        while number is not None:
            for each in range(row, self.height_of(number)):
                yield Spot(number, each)
            number, row = self.after(number), 0

    def up(self, spot: Spot | None) -> Iterator[Spot]:
        """Rows from one on upward, None: from the last."""
        if spot is None:
            number = self.newest
            row = self.height_of(number) - 1 if number is not None else 0
        else:
            number, row = spot
        while number is not None:
            for each in range(row, -1, -1):
                yield Spot(number, each)
            number = self.before(number)
            row = self.height_of(number) - 1 if number is not None else 0

    def lay(self, below: int) -> list[Spot]:
        """The rows in sight, from the top; ``below``: rows that something else takes below the last one."""
        room = max(self.height - below, 1)
        end = list(_first(self.up(None), room))[::-1]
        if not end:
            return []
        self.end_top = end[0]
        if self.following:
            self.top = end[0]
            return end
        number = self.nearest(self.top.number)
        if number is None:
            return []
        if number != self.top.number:
            self.top = Spot(number, 0)
        else:
            self.top = Spot(number, min(self.top.row, self.height_of(number) - 1))
        if self.top >= end[0]:
            self.top = end[0]
            return end
        return list(_first(self.down(self.top), self.height))

    def move(self, by: int) -> bool:
        """Scrolls by so many rows; whether that reached the end."""
        if by > 0:
            self.top = _last(self.down(self.top), by + 1, self.top)
        else:
            self.top = self.above(self.top, -by)
        if self.top >= self.end_top:
            self.top = self.end_top
        return self.top >= self.end_top

    def place(self, spot: Spot, y: int) -> None:
        """Has a row stand ``y`` rows below the top, or as near as can be."""
        self.top = self.above(spot, y)

    def above(self, spot: Spot, rows: int) -> Spot:
        """The row so many rows above one, or the first there is."""
        return _last(self.up(spot), rows + 1, spot)

    # -- the scrollbar: entries, and parts of them ----------------------------------------------------

    @property
    def extent(self) -> int:
        """How far it can be scrolled."""
        return int(self._position(self.end_top) + 0.999)

    @property
    def position(self) -> float:
        """How far it is scrolled, ``extent`` exactly at the end."""
        if self.following or self.top >= self.end_top:
            return self.extent
        return min(self._position(self.top), max(self.extent - 0.01, 0.0))

    def scroll_to(self, position: float) -> None:
        """To a position as the scrollbar has it."""
        extent = self.extent
        if position >= extent - 0.5:
            self.top = self.end_top
            return
        rank = max(int(position), 0)
        number = near(self.members, rank)
        if number is not None:
            part = max(position - rank, 0.0)
            self.top = Spot(number, min(int(part * self.height_of(number)), self.height_of(number) - 1))

    def _position(self, spot: Spot) -> float:
        if not len(self.members):
            return 0.0
        return self.members.rank(spot.number) + (spot.row / self.height_of(spot.number) if spot.row else 0.0)


def _first(spots: Iterator[Spot], number: int) -> Iterator[Spot]:
    """So many of them."""
    for _, spot in zip(range(number), spots, strict=False):
        yield spot


def _last(spots: Iterator[Spot], number: int, spot: Spot) -> Spot:
    """The last of so many of them; ``spot`` where there is none."""
    for each in _first(spots, number):
        spot = each
    return spot
