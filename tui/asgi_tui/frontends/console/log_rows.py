"""How an entry of the log becomes rows: folded or line by line, wrapped or panned. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from rich.cells import cell_len, get_character_cell_size

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.log_entry import Entry, Ink, Span
from asgi_tui.domain.needle import Needle
from asgi_tui.frontends.console.format import count, size

SERIOUS = frozenset({"error", "critical"})
_FOLDED_START = 24  # cells of a folded entry's first line that are shown before its last one is cut


class Part(NamedTuple):
    """Some text of a row, drawn in the style called ``role``.

    ``at`` is where it stands in the entry's text, -1 where it does not. ``copied``: what a selection takes of
    it where that is not the text itself. ``hides``: the characters of the entry's text it stands for.
    """

    text: str
    role: str = "text"
    at: int = -1
    copied: str | None = None
    hides: tuple[int, int] = (0, 0)


class Shape(NamedTuple):
    """The room for the text: cells of a row, and whether longer lines go on below."""

    room: int
    wrap: bool


def cells(text: str) -> int:
    """Cells that a text takes."""
    return len(text) if text.isascii() else cell_len(text)


def window(text: str, start: int, end: int, left: int, room: int) -> tuple[int, int, int]:
    """What of ``text[start:end]`` shows from cell ``left`` on in ``room`` cells, and the blanks before it.

    Stops as soon as the room is full. A wide character that does not fit as a whole is left out.
    """
    if text.isascii():
        first = min(start + left, end)
        return first, min(first + room, end), 0
    at, passed = start, 0
    while at < end and passed < left:
        passed += get_character_cell_size(text[at])
        at += 1
    while at < end and left and not get_character_cell_size(text[at]):
        at += 1  # combines with what is left out
    first, taken = at, passed - left if passed > left else 0
    blank = taken
    while at < end:
        taken += get_character_cell_size(text[at])
        if taken > room:
            break
        at += 1
    return first, at, blank


def _breaks(text: str, start: int, end: int, room: int) -> Iterator[tuple[int, int]]:
    """The pieces of a line that fit in ``room`` cells each; one that is empty where the line is."""
    if end <= start:
        yield start, end
        return
    if text.isascii():
        for at in range(start, end, room):
            yield at, min(at + room, end)
        return
    at, taken, first = start, 0, start
    while at < end:
        wide = get_character_cell_size(text[at])
        if taken + wide > room and at > first:
            yield first, at
            first, taken = at, 0
        taken += wide
        at += 1
    yield first, end


class EntryRows:
    """An entry as rows of a ``Shape``."""

    __slots__ = ("_lines", "_pieces", "_tail", "entry", "folded", "shape")

    def __init__(self, entry: Entry, shape: Shape, folded: bool) -> None:
        self.entry = entry
        self.shape = shape
        self.folded = folded and "\n" in entry.text
        self._pieces: list[tuple[int, int]] = []
        self._lines: list[int] = []  # of the entry's text, for each piece
        self._tail = _tail(entry)
        text, at = entry.text, 0
        if self.folded:
            self._pieces, self._lines = [(0, text.index("\n"))], [0]
            return
        for number, line in enumerate(text.split("\n")):
            end = at + len(line)
            pieces = _breaks(text, at, end, shape.room) if shape.wrap else ((at, end),)
            for piece in pieces:
                self._pieces.append(piece)
                self._lines.append(number)
            at = end + 1
        start, end = self._pieces[-1]
        if self._tail and shape.wrap and cells(text[start:end]) + cells(self._tail) > shape.room:
            self._pieces.append((end, end))
            self._lines.append(self._lines[-1])

    @property
    def height(self) -> int:
        """How many rows."""
        return len(self._pieces)

    @property
    def lines(self) -> int:
        """How many lines are drawn, one where they are folded."""
        return self._lines[-1] + 1

    @property
    def foldable(self) -> bool:
        """Whether it has more than one line."""
        return "\n" in self.entry.text

    def line(self, row: int) -> int:
        """Which line of the entry's text a row belongs to."""
        return self._lines[min(row, len(self._lines) - 1)]

    def row(self, line: int) -> int:
        """The first row of a line."""
        return self._lines.index(min(line, self._lines[-1]))

    def text(self, line: int) -> str:
        """A line of the entry's text."""
        return self.entry.text.split("\n")[line]

    def hit(self, needle: Needle) -> tuple[int, int] | None:
        """The first hit, in characters of the entry's text; one that is not folded comes first."""
        first: tuple[int, int] | None = None
        try:
            for span in needle.spans(self.entry.text):
                if not self.hides(*span):
                    return span
                first = first or span
        except Problem:
            return None
        return first

    def hides(self, start: int, end: int) -> bool:
        """Whether some of these characters are folded."""
        return self.folded and any(start < part.hides[1] and end > part.hides[0] for part in self._whole(0))

    def row_at(self, at: int) -> int:
        """The row of a character of the entry's text, where it is not folded."""
        return max(bisect_right(self._pieces, at, key=lambda piece: piece[0]) - 1, 0)

    def cells_of(self, span: tuple[int, int], row: int) -> tuple[int, int]:
        """The cells of a row that characters of the entry's text take."""
        start, text = self._pieces[row][0], self.entry.text
        first = cells(text[start : span[0]])
        return first, first + cells(text[span[0] : span[1]])

    def ends_line(self, row: int) -> bool:
        """Whether the row after this one is another line."""
        return row + 1 >= len(self._lines) or self._lines[row + 1] != self._lines[row]

    def width(self, row: int) -> int:
        """Cells of all there is in a row."""
        return sum(cells(part.text) for part in self._whole(row)) + self._tail_cells(row)

    def visible(self, row: int, left: int) -> tuple[list[Part], int]:
        """What of a row shows from cell ``left`` on, its tail too, and the characters left out before it.

        The last part is a cut mark's place, an empty one with the role ``cut``, where the row goes on.
        """
        room = self.shape.room
        tail = self._tail if row == self._tail_row else ""
        room = max(room - cells(tail), 1)
        parts: list[Part] = []
        skipped, over = 0, False
        for part in self._whole(row):
            if room <= 0:
                over = over or bool(part.text)
                continue
            first, end, blank = window(part.text, 0, len(part.text), left, room)
            if first >= len(part.text):  # all of it is left of what is seen
                left -= cells(part.text)
                skipped += len(part.text)
                continue
            left = 0
            skipped += first - blank
            if blank:
                parts.append(Part(" " * blank, "hang", copied=""))
            at = part.at + first if part.at >= 0 else -1
            parts.append(part._replace(text=part.text[first:end], at=at))
            room -= blank + cells(part.text[first:end])
            if end < len(part.text):
                room, over = 0, True
        if over:
            parts.append(Part("", "cut", copied=""))
        if tail:
            parts.append(Part(tail, "tail", copied=""))
        return parts, skipped

    def parts(self, row: int) -> list[Part]:
        """All of a row, for a selection."""
        return self._whole(row)

    @property
    def _tail_row(self) -> int:
        """Where the tail stands: behind the text, of lines that are not wrapped behind the first."""
        return len(self._pieces) - 1 if self.shape.wrap else 0

    def _tail_cells(self, row: int) -> int:
        return cells(self._tail) if row == self._tail_row else 0

    def _whole(self, row: int) -> list[Part]:
        text = self.entry.text
        if self.folded:
            return self._folded()
        start, end = self._pieces[row]
        return [Part(text[start:end], self._role(self._lines[row]), start)]

    def _role(self, line: int) -> str:
        return "traceback" if line and self.entry.origin.level in SERIOUS else "text"

    def _folded(self) -> list[Part]:
        """One row: how it begins, how much is folded, and its last line that says something."""
        text, lines = self.entry.text, self.entry.lines
        first = text.index("\n")
        end = len(text.rstrip())
        last = text.rfind("\n", 0, end) + 1
        note = f" … {count(lines)} lines · "
        if last <= first:  # nothing but blank lines follow
            end_note = Part(note.removesuffix(" · "), "note", copied="", hides=(first, len(text)))
            return [Part(text[:first], at=0), end_note]
        room = max(self.shape.room - cells(self._tail) - cells(note) - cells(text[last:end]), _FOLDED_START)
        shown = first if cells(text[:first]) <= room else window(text, 0, first, 0, room)[1]
        return [
            Part(text[:shown], at=0),
            Part(note, "note", copied="\n", hides=(shown, last)),
            Part(text[last:end], self._role(1), last),
        ]


def _tail(entry: Entry) -> str:
    """What is said behind an entry's text: how often it came, how much of it was cut."""
    tail = f" ×{count(entry.count)}" if entry.count > 1 else ""  # noqa: RUF001 - times
    return f"{tail} … +{size(entry.rest.size)} kept on disk" if entry.rest is not None else tail


def painted(
    part: Part, spans: Sequence[Span], hits: Sequence[tuple[int, int]]
) -> Iterator[tuple[str, Ink | None, bool]]:
    """A part in pieces of one colour each: its text, its ink, and whether it is a hit.

    ``spans`` and ``hits`` are in order and in characters of the entry's text. What stands for text that is
    not shown is a hit where that has one.
    """
    if part.at < 0:
        first, last = part.hides
        yield part.text, None, any(start < last and end > first for start, end in hits)
        return
    start, end = part.at, part.at + len(part.text)
    edges = {start, end}
    inks = [span for span in spans if span.start < end and span.end > start]
    found = [hit for hit in hits if hit[0] < end and hit[1] > start]
    if not inks and not found:
        yield part.text, None, False
        return
    for left, right in (*((ink.start, ink.end) for ink in inks), *found):
        edges.add(max(left, start))
        edges.add(min(right, end))
    order = sorted(edges)
    ink_at = hit_at = 0
    for left, right in pairwise(order):
        while ink_at < len(inks) and inks[ink_at].end <= left:
            ink_at += 1
        while hit_at < len(found) and found[hit_at][1] <= left:
            hit_at += 1
        ink = inks[ink_at].ink if ink_at < len(inks) and inks[ink_at].start <= left else None
        hit = hit_at < len(found) and found[hit_at][0] <= left
        yield part.text[left - start : right - start], ink, hit


def taken(parts: Sequence[Part], start: int, end: int | None) -> str:
    """What a selection from character ``start`` up to ``end`` (None: all) of a row takes with it."""
    pieces, at = [], 0
    for part in parts:
        left, right = max(start - at, 0), len(part.text) if end is None else min(end - at, len(part.text))
        if left < right:
            pieces.append(part.text[left:right] if part.copied is None else part.copied)
        at += len(part.text)
    return "".join(pieces)
