"""The cursor of the log: entries that are chosen, selected, folded, marked."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.timer import Timer

from asgi_tui.engine.log_store import LogStore
from asgi_tui.frontends.console.log_rows import EntryRows
from asgi_tui.frontends.console.log_search import near
from asgi_tui.frontends.console.log_times import TIMES
from asgi_tui.frontends.console.log_window import Spot
from asgi_tui.frontends.console.widgets.log_scroll import LogScroll


def _key(key: str, action: str, name: str, tooltip: str, id_: str) -> Binding:
    return Binding(key, action, name, show=False, tooltip=tooltip, id=f"log.{id_}")


class LogCursor(LogScroll, inherit_bindings=False):
    """A log with a current entry."""

    BINDINGS: ClassVar[list[BindingType]] = [
        _key("up", "entry(-1)", "Up", "To the entry above", "up"),
        _key("down", "entry(1)", "Down", "To the entry below", "down"),
        _key("shift+up", "extend(-1)", "Select up", "Select the entry above as well", "select_up"),
        _key("shift+down", "extend(1)", "Select down", "Select the entry below as well", "select_down"),
        _key("pageup", "page(-1)", "Page up", "One page up", "page_up"),
        _key("pagedown", "page(1)", "Page down", "One page down", "page_down"),
        _key("home", "top", "Top", "To the oldest entry", "top"),
        _key("end", "follow", "Follow", "Follow the log again", "follow"),
        _key("left", "pan(-1, 8)", "Left", "Text to the left", "left"),
        _key("right", "pan(1, 8)", "Right", "Text to the right", "right"),
        _key("shift+left", "pan(-1)", "Half left", "Half a page to the left", "half_left"),
        _key("shift+right", "pan(1)", "Half right", "Half a page to the right", "half_right"),
        _key("enter", "fold", "Unfold", "Unfold the entry's lines, or fold them", "fold"),
        _key("T", "fold_all", "Unfold all", "Unfold every entry, or fold them all", "fold_all"),
        _key("y", "copy", "Copy", "Copy the selection, else the entry", "copy"),
        _key("m", "mark", "Mark", "Mark the entry, or take its mark away", "mark"),
        _key("full_stop", "step_mark(1)", "Next mark", "To the next marked entry", "next_mark"),
        _key("comma", "step_mark(-1)", "Previous mark", "To the marked entry before", "previous_mark"),
        _key("right_square_bracket", "step_error(1)", "Next error", "To the next error", "next_error"),
        _key(
            "left_square_bracket", "step_error(-1)", "Previous error", "To the error before", "previous_error"
        ),
        _key("o", "open", "Open", "Open the place that the entry tells of in the editor", "open"),
    ]

    def __init__(self, store: LogStore) -> None:
        super().__init__(store)
        self._hold: tuple[int, int] | None = None  # the entry that stays on its row while a filter looks
        self._tick: Timer | None = None
        self._ages: list[str] = []

    @property
    def current(self) -> int | None:
        """The entry that keys act on: the one under the cursor, else the newest."""
        return self._cursor.number if self._cursor is not None else self._window.newest

    @property
    def foldable(self) -> bool:
        """Whether the current entry has more than one line."""
        rows = self._window.rows(self.current) if self.current is not None else None
        return rows is not None and rows.foldable

    def deselect(self) -> None:
        """Nothing is selected by keyboard any more."""
        self._anchor = None
        self.refresh()

    def tell(self) -> None:
        """Tells the frame what has changed."""

    # -- moving ------------------------------------------------------------------------------------

    def follow(self) -> None:
        """To the end, and on with what comes."""
        self._window.following = True
        self.scrolled()

    def go_to(self, number: int) -> None:
        """Makes an entry the current one, in the middle of the pane where it was out of sight."""
        self.leave()
        self._hold, self._anchor = None, None
        self._cursor = Spot(number, 0)
        if not any(spot.number == number for spot, _ in self._drawn):
            self._window.place(Spot(number, 0), self._area.height // 2)
        self.lay_out()
        self.refresh()

    def scrolled(self) -> None:
        """The cursor stays in sight, and goes where the log is followed."""
        self._hold = None
        self.lay_out()
        if self.following:
            self._cursor = self._anchor = None
        elif self._drawn and self._anchor is None:
            self._keep_in_sight()
        self.refresh()
        self.tell()

    def _keep_in_sight(self) -> None:
        first, last = self._drawn[0], self._drawn[-1]
        if self._cursor is None:
            self._cursor = self._spot_at(len(self._drawn) - 1)
        elif self._cursor.number < first[0].number:
            self._cursor = self._spot_at(0)
        elif self._cursor.number > last[0].number:
            self._cursor = self._spot_at(len(self._drawn) - 1)

    def _spot_at(self, y: int) -> Spot:
        """The entry and the line of it on a row."""
        spot, rows = self._drawn[y]
        return Spot(spot.number, rows.line(spot.row) if rows is not None else 0)

    def _beside(self, cursor: Spot, by: int) -> Spot | None:
        """The line above or below one: of an entry that is unfolded, else the next entry's."""
        rows = self._window.rows(cursor.number)
        if rows is not None and 0 <= cursor.row + by < rows.lines:
            return Spot(cursor.number, cursor.row + by)
        number = self._window.before(cursor.number) if by < 0 else self._window.after(cursor.number)
        if number is None:
            return None
        other = self._window.rows(number)
        return Spot(number, other.lines - 1 if by < 0 and other is not None else 0)

    def action_entry(self, by: int) -> None:
        """To the line above or below; from the last one on the log is followed."""
        self._anchor = None
        if self._cursor is None:
            if by > 0:
                return
            self.leave()
            newest = self._window.newest
            if newest is None:
                return
            rows = self._window.rows(newest)
            self._show(Spot(newest, rows.lines - 1 if rows is not None else 0))
            return
        to = self._beside(self._cursor, by)
        if to is not None:
            self._show(to)
        elif by > 0:
            self.follow()

    def action_extend(self, by: int) -> None:
        """Selects whole entries, from the current one on."""
        current = self.current
        if current is None:
            return
        if self._cursor is None:
            self.action_entry(-1)
            self._anchor = current
            self.refresh()
            return
        if self._anchor is None:
            self.screen.clear_selection()
            self._anchor = current
            self.refresh()
        number = self._window.before(current) if by < 0 else self._window.after(current)
        if number is not None:
            self._show(Spot(number, 0))

    def _show(self, cursor: Spot) -> None:
        """Moves the cursor, and the log just as far as that needs."""
        self._hold = None
        self._cursor = cursor
        rows = self._window.rows(cursor.number)
        first = rows.row(cursor.row) if rows is not None else 0
        last = first
        while rows is not None and not rows.ends_line(last):
            last += 1
        if not self._drawn or Spot(cursor.number, first) < self._drawn[0][0]:
            self._window.place(Spot(cursor.number, first), 0)
        elif Spot(cursor.number, last) > self._drawn[-1][0]:
            height = min(last - first, self._area.height - 1)
            self._window.place(Spot(cursor.number, first + height), self._area.height - 1)
        self.lay_out()
        self.refresh()

    def action_page(self, pages: int) -> None:
        """A page on; the cursor stays on its row."""
        self._anchor = None
        y = next(
            (y for y in range(len(self._drawn)) if self._spot_at(y) == self._cursor), len(self._drawn) - 1
        )
        top = self._window.top
        self.scroll_rows(pages * max(self._area.height - 1, 1))
        if self.following and pages > 0:
            return
        if self._drawn:
            self.leave()
            same = self._window.top == top
            self._cursor = self._spot_at(0 if same else min(y, len(self._drawn) - 1))
            self.refresh()
            self.tell()

    def action_top(self) -> None:
        """To the oldest entry."""
        number = near(self._search.members, 0)
        if number is not None:
            self.leave()
            self._anchor = None
            self._window.top = Spot(number, 0)
            self._cursor = Spot(number, 0)
            self.scrolled()

    def action_follow(self) -> None:
        """End resumes follow."""
        self.follow()

    def action_pan(self, direction: int, cells: int = 0) -> None:
        """So many cells to the side; 0: half a page."""
        self.pan(direction * (cells or self._area.width // 2))

    def show_hit(self) -> None:
        """Has the first place of the current hit be seen: unfolds, scrolls and pans where it is not."""
        number, needle = self._search.hit, self._search.needle
        rows = self._window.rows(number) if number is not None else None
        span = rows.hit(needle) if needle is not None and rows is not None else None
        if number is None or rows is None or span is None:
            return
        if rows.folded:
            if not rows.hides(*span):
                return
            self._window.turn(number)
            rows = self._window.rows(number) or rows
        spot = Spot(number, rows.row_at(span[0]))
        self.lay_out()
        if all(spot != other for other, _ in self._drawn):
            self.leave()
            self._window.place(spot, self._area.height // 2)
        if not self.following:
            self._cursor, self._anchor = Spot(number, rows.line(spot.row)), None
        self._pan_to(*rows.cells_of(span, spot.row))
        self.lay_out()
        self.refresh()
        self.tell()

    def _pan_to(self, start: int, end: int) -> None:
        """Has cells of the text be seen, the beginning of the lines too where there is room for both."""
        left, room = self._painter.left, self._window.shape.room - 1  # the last one may be a cut mark
        if not self.wrap and not left <= start <= end <= left + room:
            self._painter.left = 0 if end <= room else max(start - room // 2, 0)
            self._painter.forget()

    # -- looks -------------------------------------------------------------------------------------

    def toggle_wrap(self) -> bool:
        """Wraps long lines or not; whether it does now."""
        self.wrap = not self.wrap
        self._painter.left = 0
        self._window.top = Spot(self._window.top.number, 0)
        self.lay_out()
        self.refresh()
        return self.wrap

    def cycle_times(self) -> str:
        """The next kind of times; which one it is now."""
        self.times = TIMES[(TIMES.index(self.times) + 1) % len(TIMES)]
        if self._tick is not None:
            (self._tick.resume if self.times == "relative" else self._tick.pause)()
        self.lay_out()
        self.refresh()
        return self.times

    def _age(self) -> None:
        ages = [self._time(rows.entry.at, None) for _, rows in self._drawn if rows is not None]
        if ages != self._ages:
            self._ages = ages
            self.refresh()

    def toggle_fold_all(self) -> None:
        """Folds every entry of several lines, or unfolds them all."""
        self._window.turn_all()
        self._refold(self._cursor.number if self._cursor is not None else None)

    def action_fold_all(self) -> None:
        """Folds every entry, or unfolds them."""
        self.toggle_fold_all()

    def action_fold(self) -> None:
        """Folds the current entry, or unfolds it."""
        if self.current is not None:
            self.turn(self.current)

    def turn(self, number: int) -> None:
        """Folds an entry, or unfolds it; it stays where it is."""
        self._window.turn(number)
        self._refold(number)

    def _refold(self, number: int | None) -> None:
        y = next((y for y, (spot, _) in enumerate(self._drawn) if spot.number == number), None)
        if self._cursor is not None:
            self._cursor = Spot(self._cursor.number, 0)
        if number is not None and y is not None and not self.following:
            row = self._drawn[y][0].row
            self._window.place(Spot(number, 0), 0 if row else y)
        else:
            self._window.top = Spot(self._window.top.number, 0)
        self.lay_out()
        self.refresh()

    # -- marks and errors --------------------------------------------------------------------------

    def action_mark(self) -> None:
        """Marks the current entry, or takes its mark away."""
        if self.current is not None:
            self._marks.toggle(self.current)
            self.refresh()
            self.tell()

    def action_step_mark(self, by: int) -> None:
        """To the next marked entry, or the one before; round the ends."""
        marks = self._search.members
        start = self._cursor.number if self._cursor is not None else self._store.end
        for _ in range(len(self._marks)):
            number = self._marks.next_to(start, by)
            if number is not None and number in marks:
                self.go_to(number)
                return
            start = number if number is not None else start
        self.notify("No entry that is shown is marked: m marks one.", markup=False)

    # -- by mouse ----------------------------------------------------------------------------------

    async def on_click(self, event: events.Click) -> None:
        """A fold's mark, or a second click, turns it; else it is the current entry. Ctrl opens its place."""
        event.prevent_default()  # which would select everything on the second click
        at = event.get_content_offset(self)
        if self.text_selection is not None or at is None or at.y >= len(self._drawn):
            return
        spot, rows = self._drawn[at.y]
        foldable = rows is not None and rows.foldable
        if foldable and (event.chain == 2 or self._on_fold(at.x, spot, rows)):
            self.turn(spot.number)
            return
        if event.ctrl or not self.following:
            self.leave()
            self._cursor, self._anchor = self._spot_at(at.y), None
            self.refresh()
            self.tell()
        if event.ctrl:
            await self.run_action("open")

    def _on_fold(self, x: int, spot: Spot, rows: EntryRows | None) -> bool:
        width = self._painter.columns.width
        return rows is not None and not spot.row and width - 2 <= x < width
