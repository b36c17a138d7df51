"""Rows of the log as strips: columns, colours of the output, hits."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from rich.cells import cell_len
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from textual.cache import LRUCache
from textual.strip import Strip

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.log_entry import Ink, Origin
from asgi_tui.domain.needle import Needle
from asgi_tui.frontends.console.format import fit, size
from asgi_tui.frontends.console.log_columns import FOLDED, UNFOLDED, Columns
from asgi_tui.frontends.console.log_ink import ink_style
from asgi_tui.frontends.console.log_rows import EntryRows, Part, cells, painted, window
from asgi_tui.frontends.console.log_window import Spot

CUT = "›"  # noqa: RUF001 - at the right edge of a row that goes on
CACHED_STRIPS = 1_024
CACHED_INKS = 1_024  # a picture in true colour has thousands


class Look(NamedTuple):
    """What a row's strip depends on beside its text."""

    time: str = ""
    marked: bool = False
    here: bool = False  # it has the current hit


class Drawn(NamedTuple):
    """A row as it is drawn, and how many characters of its text are left of what is seen."""

    strip: Strip
    skipped: int = 0


class LogPainter:
    """Makes strips, and keeps them as long as they hold.

    ``style`` gives the style of a component class of the log's, by what follows its ``log--``.
    """

    def __init__(self, style: Callable[[str], Style]) -> None:
        self.columns = Columns()
        self.needle: Needle | None = None
        self.left = 0  # the first cell of the text that is seen
        self.palette: TerminalTheme | None = None
        self._get_style = style
        self._styles: dict[str, Style] = {}
        self._inks: LRUCache[tuple[str, Ink], Style] = LRUCache(CACHED_INKS)
        self._strips: LRUCache[tuple[Spot, Look], tuple[EntryRows, Drawn]] = LRUCache(CACHED_STRIPS)

    def forget(self, *, styles: bool = False) -> None:
        """Everything is to be drawn anew; ``styles``: in other colours."""
        self._strips.clear()
        if styles:
            self._styles.clear()
            self._inks.clear()

    def style(self, name: str) -> Style:
        """The style of a component class."""
        style = self._styles.get(name)
        if style is None:
            style = self._styles[name] = self._get_style(name)
        return style

    def row(self, spot: Spot, rows: EntryRows | None, look: Look) -> Drawn:
        """One row of an entry; a placeholder where it is on disk."""
        if rows is None:
            hang = Segment(" " * self.columns.width, self.style("hang"))
            return Drawn(Strip([hang, Segment("reading from disk…", self.style("pending"))]))
        cached = self._strips.get((spot, look))
        if cached is not None and cached[0] is rows:
            return cached[1]
        drawn = self._row(spot, rows, look)
        self._strips[spot, look] = rows, drawn
        return drawn

    def head(self, spot: Spot, rows: EntryRows, look: Look) -> list[Part]:
        """The columns before a row's text."""
        if spot.row:
            return self.columns.hang()
        fold = (FOLDED if rows.folded else UNFOLDED) if rows.foldable else ""
        return self.columns.head(rows.entry.origin, look.time, marked=look.marked, fold=fold)

    def pending(self, stream: str, time: str, text: str, whole: int) -> Strip:
        """A line that has no end yet, of ``whole`` bytes."""
        parts = self.columns.head(Origin(stream), time, marked=False, fold="")
        segments = [Segment(part.text, self.style("pending")) for part in parts]
        longer = whole > len(text.encode("utf-8", "replace"))
        note = f" … {size(whole)} so far" if longer else " …"
        room = max(self._room - len(note), 1)
        first, end, blank = window(text, 0, len(text), self.left, room)
        segments.append(Segment(" " * blank + text[first:end], self.style("pending")))
        segments.append(Segment(note, self.style("note")))
        return Strip(segments)

    @property
    def _room(self) -> int:
        return max(self.width - self.columns.width, 1)

    width = 80  # cells of a row

    def _row(self, spot: Spot, rows: EntryRows, look: Look) -> Drawn:
        segments = [Segment(part.text, self.style(part.role)) for part in self.head(spot, rows, look)]
        parts, skipped = rows.visible(spot.row, self.left)
        entry = rows.entry
        hits = self._hits(entry.text)
        found = self.style("here" if look.here else "found") if hits else Style.null()
        body: list[Segment] = []
        note: list[Segment] = []
        cut = False
        for part in parts:
            if part.role == "cut":
                cut = True
                continue
            base = self.style(part.role)
            for text, ink, hit in painted(part, entry.spans, hits):
                style = found if hit else base if ink is None else self._ink(part.role, ink)
                (note if part.role == "tail" else body).append(Segment(text, style))
        if cut:
            tail = sum(cells(segment.text) for segment in note)
            body = list(Strip(body).adjust_cell_length(max(self._room - tail - 1, 0), self.style("text")))
            body.append(Segment(CUT, self.style("cut")))
        return Drawn(Strip([*segments, *body, *note]), skipped)

    def _hits(self, text: str) -> list[tuple[int, int]]:
        if self.needle is None:
            return []
        try:
            return list(self.needle.spans(text))
        except Problem:
            self.needle = None  # an expression that takes too long, here again and again: the search says so
            return []

    def _ink(self, role: str, ink: Ink) -> Style:
        style = self._inks.get((role, ink))
        if style is None:
            base = self.style(role)
            background = base.bgcolor or Color.default()
            palette = self.palette
            assert palette is not None  # set before anything is drawn
            colour = ink_style(ink, background.get_truecolor(palette, foreground=False), palette)
            style = self._inks[role, ink] = base + colour
        return style

    def under(self, strip: Strip, name: str) -> Strip:
        """A strip with a component class behind it: its background where nothing brings another."""
        whole = self.style(name)
        text_style = Style(underline=whole.underline or None, reverse=whole.reverse or None)
        background = text_style + Style(bgcolor=whole.bgcolor)
        plain = self.style("text").bgcolor
        segments = []
        for text, own, _ in strip:
            own = own or Style.null()
            segments.append(Segment(text, own + (background if own.bgcolor == plain else text_style)))
        return Strip(segments, strip.cell_length)

    def cell(self, drawn: Drawn, x: int) -> int:
        """The cell at which a character of a row stands, as a selection counts them; -1 stays the end."""
        head = self.columns.width
        if x <= head:
            return x
        return head + cell_len(drawn.strip.text[head : max(x - drawn.skipped, head)])


def sentence(text: str, width: int, style: Style) -> Strip:
    """A row that says something of the log as a whole."""
    return Strip([Segment(fit(text, width), style)], width)
