"""What of the log is in sight: drawn and selected from a number and a row, however much there is."""

from __future__ import annotations

import time
from typing import ClassVar

from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from asgi_tui.domain.log_entry import LEVELS
from asgi_tui.engine.log_store import LogStore
from asgi_tui.frontends.console.log_columns import WIDE, WIDER, Columns
from asgi_tui.frontends.console.log_marks import Marks
from asgi_tui.frontends.console.log_rows import EntryRows, Shape, taken
from asgi_tui.frontends.console.log_search import LogSearch
from asgi_tui.frontends.console.log_times import time_text
from asgi_tui.frontends.console.log_window import LogWindow, Spot
from asgi_tui.frontends.console.widgets.log_paint import LogPainter, Look, sentence

MAX_COPIED_ROWS = 20_000  # that a selection by mouse takes with it
LEAST_ROOM = 10  # cells for the text, however narrow the pane
WORKERS = 2  # from so many on it is of interest which one wrote an entry
# How far entries are apart in a selection, whose rows must not change as the log is scrolled: more rows than
# the longest entry has.
APART = 1 << 24


class LogSight(ScrollView, can_focus=True, inherit_bindings=False):
    """The rows in sight of a ``LogStore``. ``lay_out`` after anything that they depend on has changed.

    The scrollbar counts entries, with the part of one that is above the first row.
    """

    ALLOW_SELECT = True
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "log--time",
        "log--logger",
        "log--text",
        "log--traceback",
        "log--found",
        "log--here",
        "log--cut",
        "log--fold",
        "log--hang",
        "log--note",
        "log--tail",
        "log--marked",
        "log--pending",
        "log--cursor",
        "log--selected",
        "log--stream-stdout",
        "log--stream-stderr",
        "log--stream-console",
        *(f"log--{level}" for level in LEVELS if level),
    }
    DEFAULT_CSS = """
    LogSight {
        background: $background; color: $foreground; height: 1fr; scrollbar-size: 1 1;
        overflow-x: hidden; overflow-y: auto; scrollbar-gutter: stable;
    }
    LogSight > .log--time { color: $text-muted; }
    LogSight > .log--logger { color: $secondary; }
    LogSight > .log--text { color: $foreground; }
    LogSight > .log--traceback { color: $text-error; }
    LogSight > .log--cut { color: $text-primary; text-style: bold; }
    LogSight > .log--fold { color: $text-primary; }
    LogSight > .log--note { color: $text-muted; text-style: italic; }
    LogSight > .log--tail { color: $text-primary; text-style: bold; }
    LogSight > .log--marked { color: $text-warning; text-style: bold; }
    LogSight > .log--pending { color: $text-muted; text-style: italic; }
    LogSight > .log--stream-stderr { color: $text-disabled; }
    LogSight > .log--stream-console { color: $text-primary; }
    LogSight > .log--trace { color: $text-disabled; }
    LogSight > .log--debug { color: $text-muted; }
    LogSight > .log--info { color: $text-success; }
    LogSight > .log--warning { color: $text-warning; text-style: bold; }
    LogSight > .log--error { color: $text-error; text-style: bold; }
    LogSight > .log--critical { color: $text-error; text-style: bold reverse; }
    LogSight > .log--cursor { background: $block-cursor-blurred-background; }
    LogSight > .log--selected { background: $block-cursor-background; }
    LogSight:nocolor > .log--cursor { text-style: underline; }
    LogSight:nocolor > .log--selected { text-style: reverse; }
    LogSight > .log--found { color: $find-foreground; background: $find-background; }
    LogSight > .log--here {
        color: $find-foreground; background: $find-background; text-style: bold underline;
    }
    """

    def __init__(self, store: LogStore) -> None:
        super().__init__(id="log-view")
        self.wrap = False
        self.times = "absolute"
        self._store = store
        self._search = LogSearch(store)
        self._window = LogWindow(store, self._search.members)
        self._painter = LogPainter(lambda name: self.get_component_rich_style(f"log--{name}"))
        self._marks = Marks()
        self._cursor: Spot | None = None  # the current entry, and the line of its text
        self._anchor: int | None = None  # the entry where a selection by keyboard began
        self._left_end = 0  # the number the next entry had when follow was left
        self._drawn: list[tuple[Spot, EntryRows | None]] = []
        self._below: tuple[tuple[str, float, str, int], ...] = ()  # unfinished lines that are in sight
        self._said = ""
        self._pids: set[int] = set()
        self._missing: set[int] = set()  # in sight, on disk
        self._lost: set[int] = set()  # could not be read back
        self._area = Size(0, 0)
        self._shapes: tuple[Size, bool, Columns] | None = None
        self._placing = False
        self._painting = False

    @property
    def following(self) -> bool:
        """Whether the newest entry stays in sight."""
        return self._window.following

    # -- which rows --------------------------------------------------------------------------------

    def lay_out(self) -> bool:
        """Finds the rows in sight; repaints if these are others. Whether they are."""
        if not self._area.height:
            return False
        self._reshape()
        pending = self._store.pending
        spots = self._window.lay(len(pending))
        drawn = [(spot, self._window.rows(spot.number)) for spot in spots]
        if self._count_workers(drawn):
            return self.lay_out()
        self._missing = {spot.number for spot, rows in drawn if rows is None} - self._lost
        room = self._area.height - len(spots)
        at_end = not spots or spots[-1].number == self._window.newest
        below = pending[-room:] if at_end and room > 0 else ()
        said = "" if spots or below else self._sentence()
        changed = drawn != self._drawn or below != self._below or said != self._said
        self._drawn, self._below, self._said = drawn, below, said
        self._place_scrollbar()
        if changed:
            self.refresh()
        return changed

    def _sentence(self) -> str:
        if not self._store.end > self._store.first:
            return "Nothing was logged yet."
        return "No entry passes the filter." if self._search.complete else "Looking…"

    def _reshape(self) -> None:
        """Everything is laid out anew where the room or the columns are others."""
        width = self._area.width
        columns = Columns(
            self.times,
            width >= WIDE,
            width >= WIDE and self._store.has_loggers,
            width >= WIDER and len(self._pids) >= WORKERS,
        )
        shapes = self._area, self.wrap, columns
        if shapes == self._shapes:
            return
        self._shapes = shapes
        self._painter.columns = columns
        self._painter.width = width
        self._painter.forget()
        self._window.height = self._area.height
        self._window.shape = Shape(max(width - columns.width, LEAST_ROOM), self.wrap)
        self._window.forget()

    def _count_workers(self, drawn: list[tuple[Spot, EntryRows | None]]) -> bool:
        """Whether it is only now seen that several workers write."""
        if len(self._pids) >= WORKERS:
            return False
        self._pids |= {
            rows.entry.origin.pid for _, rows in drawn if rows and rows.entry.origin.pid is not None
        }
        return len(self._pids) >= WORKERS

    def on_resize(self) -> None:
        """The columns or the wrapping may be others now; what keys act on stays in sight."""
        cursor = self._cursor
        seen = self._in_sight(cursor)
        self._area = self.scrollable_content_region.size
        self.lay_out()
        if seen and cursor is not None and not self.following and not self._in_sight(cursor):
            self._window.place(Spot(cursor.number, 0), self._area.height // 2)
            self.lay_out()

    def _in_sight(self, cursor: Spot | None) -> bool:
        return cursor is not None and any(self._on_cursor(spot, rows) for spot, rows in self._drawn)

    # -- rendering ---------------------------------------------------------------------------------

    def render_lines(self, crop: Region) -> list[Strip]:
        """Paints rows: without what only a selection asks for."""
        self._painting = True
        try:
            return super().render_lines(crop)
        finally:
            self._painting = False

    def render_line(self, y: int) -> Strip:
        """One row; with the offsets of its characters where it is asked for by a selection."""
        base, width = self._painter.style("text"), self._area.width
        after = y - len(self._drawn)
        if after < 0:
            strip = self._row(y)
        elif after < len(self._below):
            stream, at, text, whole = self._below[after]
            strip = self._painter.pending(stream, self._time(at, None), text, whole)
        else:
            strip = sentence(self._said if not after else "", width, self._painter.style("pending"))
        strip = strip.adjust_cell_length(width, base)
        if self._painting:
            return strip
        if after >= 0:
            return strip.apply_offsets(0, (self._store.end + 1) * APART + after)
        spot, rows = self._drawn[y]
        head, row = self._painter.columns.width, spot.number * APART + spot.row
        skipped = self._painter.row(spot, rows, self._look(spot, rows)).skipped
        return Strip.join(
            [strip.crop(0, head).apply_offsets(0, row), strip.crop(head).apply_offsets(head + skipped, row)]
        )

    def _row(self, y: int) -> Strip:
        spot, rows = self._drawn[y]
        drawn = self._painter.row(spot, rows, self._look(spot, rows))
        strip, width = drawn.strip, self._area.width
        if spot.number in self.selected_entries:
            strip = strip.adjust_cell_length(width, self._painter.style("text"))
            return self._painter.under(strip, "selected")
        if self.has_focus and self._on_cursor(spot, rows):
            strip = self._painter.under(
                strip.adjust_cell_length(width, self._painter.style("text")), "cursor"
            )
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(spot.number * APART + spot.row)) is not None:
            # calmer than Textual's own, on which the colours of levels cannot be read
            start, end = (self._painter.cell(drawn, x) for x in span)
            cells = strip.cell_length
            end = cells if end == -1 else min(end, cells)
            chosen = self._painter.under(strip.crop(start, end), "selected")
            strip = Strip.join([strip.crop(0, start), chosen, strip.crop(end, cells)])
        return strip

    def _on_cursor(self, spot: Spot, rows: EntryRows | None) -> bool:
        cursor = self._cursor
        if cursor is None or cursor.number != spot.number:
            return False
        return rows is None or rows.line(spot.row) == cursor.row

    @property
    def selected_entries(self) -> range:
        """Numbers selected by keyboard."""
        if self._anchor is None or self._cursor is None:
            return range(0)
        first, last = sorted((self._anchor, self._cursor.number))
        return range(first, last + 1)

    def _look(self, spot: Spot, rows: EntryRows | None) -> Look:
        if spot.row or rows is None:
            return Look(here=spot.number == self._search.hit)
        before = None
        if self.times == "delta" and (above := self._window.before(spot.number)) is not None:
            over_it = self._window.rows(above)
            before = max(over_it.entry.at, over_it.entry.last_at) if over_it is not None else None
        return Look(
            self._time(rows.entry.at, before),
            spot.number in self._marks,
            spot.number == self._search.hit,
        )

    def _time(self, at: float, before: float | None) -> str:
        return time_text(self.times, self._painter.columns.wide, at, before, time.time())

    def notify_style_update(self) -> None:
        """Another theme: everything drawn is of the old one."""
        super().notify_style_update()
        app = self.app
        self._painter.palette = app.ansi_theme
        self._painter.forget(styles=True)

    # -- selecting by mouse ------------------------------------------------------------------------

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The text under the selection; only its rows are put together, of entries that are in memory."""
        first, last = self._ends(selection)
        if first is None or last is None:
            return None
        pieces: list[str] = []
        asleep = False
        for count, spot in enumerate(self._window.down(first)):
            if spot > last:
                break
            if count >= MAX_COPIED_ROWS:
                self.notify(
                    f"The selection is long: its first {MAX_COPIED_ROWS:,} rows were taken.", markup=False
                )
                break
            rows = self._window.rows(spot.number)
            if rows is None:
                asleep = True
                continue
            parts = [*self._painter.head(spot, rows, self._look(spot, rows)), *rows.parts(spot.row)]
            span = selection.get_span(spot.number * APART + spot.row)
            if span is None:
                continue
            pieces.append(taken(parts, span[0], None if span[1] == -1 else span[1]).rstrip())
            if rows.ends_line(spot.row):
                pieces.append("\n")
        if asleep:
            self.notify("Entries that are on disk are left out: select with Shift+Up and y.", markup=False)
        return "".join(pieces).removesuffix("\n"), "\n"

    def _ends(self, selection: Selection) -> tuple[Spot | None, Spot | None]:
        """Its first and its last row; where it has no first one, as many as can be taken."""
        newest = self._window.newest
        if newest is None:
            return None, None
        last = Spot(newest, APART)
        if selection.end is not None:
            last = min(Spot(*divmod(selection.end.y, APART)), last)
        if selection.start is not None:
            start = Spot(*divmod(selection.start.y, APART))
            number = self._window.nearest(start.number)
            if number is None or number > last.number:
                return None, None
            row = min(start.row, self._window.height_of(number) - 1) if number == start.number else 0
            return Spot(number, row), last
        end = Spot(last.number, min(last.row, self._window.height_of(last.number) - 1))
        return self._window.above(end, MAX_COPIED_ROWS - 1), last

    def selection_updated(self, selection: Selection | None) -> None:
        """Another selection; what is selected stays where it is."""
        if selection is not None:
            self._anchor = None
            self.leave()
        self.refresh()

    # -- where it stands ---------------------------------------------------------------------------

    def leave(self) -> None:
        """Follow is left."""
        if self._window.following:
            self._window.following = False
            self._left_end = self._store.end

    def _place_scrollbar(self) -> None:
        self._placing = True
        size = Size(0, self._window.extent + self.container_size.height)
        if size != self.virtual_size:
            # without a layout of the whole screen, which another value would bring
            self.set_reactive(Widget.virtual_size, size)
            self._scroll_update(size)
        self.scroll_y = self.scroll_target_y = self._window.position
        if self.show_vertical_scrollbar:
            self.vertical_scrollbar.position = self.scroll_y
        self._placing = False
