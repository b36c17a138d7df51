"""One line as a terminal writes it: straight on, or over what is there already. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby

from asgi_tui.domain.log_entry import Ink, Span
from asgi_tui.domain.sgr import PLAIN

# Coloured parts of one line; what is coloured beyond is plain. A line of the log has some ten, a screen of
# block art some hundreds.
MOST_SPANS = 1000
TAB = 8  # cells
# Characters that one cell of an overwritten line may hold: a base with its combining characters, an emoji of
# seven joined ones. More start a cell of their own, so that adding to a cell stays cheap.
_MOST_IN_CELL = 32
_JOINER = "\u200d"
_EMOJI_SELECTOR = "\ufe0f"  # an emoji is wide
# Most of what is overwritten: ASCII, Latin, marks of control characters, lines and blocks of progress bars.
_SINGLE = re.compile("[ -~\xa1-\xac\xae-\u02ff\u2400-\u2421\u2500-\u259f]*")
_FLAG, _FLAG_END = "\U0001f1e6", "\U0001f1ff"  # letters, two of which are a flag
_ERASED = "\0"  # what an erased cell holds; the NUL of an output never gets here, its mark does


class StraightLine:
    """A line that nothing is written over: its parts as they come."""

    __slots__ = ("_column", "_measured", "_parts", "_size", "_spans")

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._size = 0  # characters
        self._spans: list[Span] = []
        self._column = 0  # cells of the first `_measured` parts
        self._measured = 0

    def write(self, piece: str, ink: Ink) -> None:
        """Appends text without control characters; a plain ink is ``PLAIN`` itself."""
        start = self._size
        self._size = end = start + len(piece)
        self._parts.append(piece)
        if ink is PLAIN:
            return
        spans = self._spans
        if spans and spans[-1].end == start and spans[-1].ink == ink:
            spans[-1] = Span(spans[-1].start, end, ink)
        elif len(spans) < MOST_SPANS:
            spans.append(Span(start, end, ink))

    def move(self, _tab: str) -> None:
        """Goes on to the next multiple of eight cells; what is skipped is plain."""
        fresh = "".join(self._parts[self._measured :])
        self._column += len(fresh) if fresh.isascii() else sum(width for _, width in _clusters(fresh))
        self._measured = len(self._parts)
        self.write(" " * (TAB - self._column % TAB), PLAIN)

    def erase(self, _how: str) -> None:
        """Erases from the end on, where nothing is."""

    def finish(self) -> tuple[str, tuple[Span, ...]]:
        """The text and its coloured parts."""
        return "".join(self._parts), tuple(self._spans)


class OverwrittenLine:
    """A line of cells with a cursor, as wide as it needs to be; each call costs what it writes or erases.

    A wide character has two cells, the second is empty; one half overwritten leaves a space for the other.
    """

    def __init__(self) -> None:
        self._cells: list[str] = []
        self._inks: list[Ink] = []  # one a cell
        self._at = 0  # the cursor, never beyond the cells
        self._blank = 0  # so many cells from the first on are erased for sure: none is erased twice

    def write(self, piece: str, ink: Ink) -> None:
        """Writes text without control characters at the cursor; a plain ink is ``PLAIN`` itself."""
        if _SINGLE.fullmatch(piece):
            self._put(piece, ink)
            return
        cells: list[str] = []
        for cluster, width in _clusters(piece):
            if width or not self._joins(cluster):
                cells.append(cluster)
            if width == 2:
                cells.append("")
        self._put(cells, ink)

    def move(self, control: str) -> None:
        """Moves the cursor for a carriage return, a backspace or a tab."""
        if control == "\r":
            self._at = 0
        elif control == "\b":
            self._at = max(0, self._at - 1)
        else:
            self._at += TAB - self._at % TAB
            missing = self._at - len(self._cells)
            if missing > 0:
                self._cells += " " * missing
                self._inks += [PLAIN] * missing

    def erase(self, how: str) -> None:
        """Erases the line from the cursor on ("0" or empty), up to it and with it ("1") or whole ("2")."""
        if how != "1":
            self._part(self._at)
            del self._cells[self._at :], self._inks[self._at :]
            self._blank = min(self._blank, self._at)
        if how in ("1", "2"):
            end = min(self._at + 1, len(self._cells))
            self._part(end)
            start = min(self._blank, end)
            self._cells[start:end] = _ERASED * (end - start)
            self._inks[start:end] = [PLAIN] * (end - start)
            self._blank = max(self._blank, end)

    def finish(self) -> tuple[str, tuple[Span, ...]]:
        """The text without the erased cells at its end, and its coloured parts."""
        end = len(self._cells)
        while end and self._cells[end - 1] == _ERASED:
            end -= 1
        line = StraightLine()
        start = 0
        for ink, cells in groupby(self._inks[:end]):
            after = start + sum(1 for _ in cells)
            line.write("".join(self._cells[start:after]).replace(_ERASED, " "), ink)
            start = after
        return line.finish()

    def _put(self, cells: Sequence[str], ink: Ink) -> None:
        start, end = self._at, self._at + len(cells)
        if start < len(self._cells):
            self._part(start)
            self._part(end)
            if start < self._blank:
                self._blank = start
        self._cells[start:end] = cells
        self._inks[start:end] = [ink] * len(cells)
        self._at = end

    def _part(self, at: int) -> None:
        """Leaves two spaces of a wide character whose second cell is at ``at``."""
        if at < len(self._cells) and not self._cells[at]:
            self._cells[at - 1 : at + 1] = "  "

    def _joins(self, combining: str) -> bool:
        """Adds characters without a width to the one before the cursor, if there is one with room."""
        at = self._at - 1
        if at > 0 and not self._cells[at]:
            at -= 1  # the first cell of a wide character
        if at < 0 or self._cells[at] == _ERASED or len(self._cells[at]) + len(combining) > _MOST_IN_CELL:
            return False
        self._cells[at] += combining
        return True


@lru_cache(maxsize=4096)  # as many distinct characters as a log is likely to have
def _width(char: str) -> int:
    """The cells of a character (UAX #11): 0 where it joins the one before, 2 for a wide one."""
    category = unicodedata.category(char)
    if category.startswith("M") or (category == "Cf" and char != "\xad"):
        return 0
    if "\u1160" <= char <= "\u11ff" or "\U0001f3fb" <= char <= "\U0001f3ff":
        return 0  # vowels and finals of Hangul, skin tones
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _clusters(text: str) -> Iterator[tuple[str, int]]:
    """The characters of a text as they fill cells, each with what joins it, and how many cells it has.

    It is near to the grapheme clusters of UAX #29: combining characters, emoji joined to one and flags. Only
    the first can have no width: nothing is before it.
    """
    cluster, width = "", 0
    for char in text:
        own = _width(char)
        flag = width == 1 and _FLAG <= cluster <= _FLAG_END and _FLAG <= char <= _FLAG_END
        if cluster and (own == 0 or flag or cluster[-1] == _JOINER):
            cluster += char
            if width == 1 and (flag or char == _EMOJI_SELECTOR):
                width = 2
            continue
        if cluster:
            yield cluster, width
        cluster, width = char, own
    if cluster:
        yield cluster, width
