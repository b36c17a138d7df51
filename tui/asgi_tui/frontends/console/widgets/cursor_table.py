"""A table with a cursor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.style import Style
from textual.binding import Binding, BindingType
from textual.message import Message

from asgi_tui.frontends.console.widgets.table import Row, Table


class CursorTable(Table):
    """A table with a cursor, which stays on its row wherever that goes; Enter or a double click chooses."""

    ALLOW_SELECT = False  # a double click chooses
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Row above", show=False, tooltip="Go to the row above"),
        Binding("down", "move(1)", "Row below", show=False, tooltip="Go to the row below"),
        Binding("pageup", "page(-1)", "Page up", show=False, tooltip="A page up"),
        Binding("pagedown", "page(1)", "Page down", show=False, tooltip="A page down"),
        Binding("home", "end(-1)", "First row", show=False, tooltip="Go to the first row"),
        Binding("end", "end(1)", "Last row", show=False, tooltip="Go to the last row"),
    ]

    class Moved(Message):
        """The cursor is on another row, or its row has changed; None where there is none."""

        def __init__(self, table: CursorTable, row: Row | None) -> None:
            self.table = table
            self.row = row
            super().__init__()

        @property
        def control(self) -> CursorTable:
            """The table."""
            return self.table

    class Chosen(Message):
        """A row was chosen."""

        def __init__(self, table: CursorTable, row: Row) -> None:
            self.table = table
            self.row = row
            super().__init__()

        @property
        def control(self) -> CursorTable:
            """The table."""
            return self.table

    _at = -1  # the row with the cursor

    @property
    def cursor(self) -> Row | None:
        """The row with the cursor."""
        return self._rows[self._at] if 0 <= self._at < len(self._rows) else None

    def show(self, rows: Sequence[Row], empty: str | None = None) -> None:
        """As in ``Table``; where the cursor's row has gone, the cursor stays where it was."""
        before = self.cursor
        super().show(rows, empty)
        if before is not None:
            found = next((i for i, row in enumerate(self._rows) if row.key == before.key), None)
            self._put(found if found is not None else min(self._at, len(self._rows) - 1))
        elif self.has_focus:
            self._put(0 if self._rows else -1)
        if self.cursor != before:
            self._tell(before)

    def on_focus(self) -> None:
        """There is always a row to choose."""
        if self.cursor is None and self._rows:
            self.move_to(0)

    def on_resize(self) -> None:
        """The cursor stays in sight."""
        if self.has_focus:
            self._reveal()

    def move_to(self, index: int) -> None:
        """Moves the cursor, to the first or last row where ``index`` is beyond them, and into sight."""
        before = self.cursor
        if self._rows:
            self._put(max(0, min(index, len(self._rows) - 1)))
            self._reveal()
        if self.cursor != before:
            self._tell(before)

    def action_move(self, step: int) -> None:
        """To the next or the previous row."""
        self.move_to(self._at + step)

    def action_page(self, step: int) -> None:
        """A page on or back."""
        self.move_to(self._at + step * max(self.size.height - 2, 1))

    def action_end(self, step: int) -> None:
        """To the last or the first row."""
        self.move_to(len(self._rows) - 1 if step > 0 else 0)

    def action_choose(self) -> None:
        """Chooses the row with the cursor."""
        if self.cursor is not None:
            self.post_message(self.Chosen(self, self.cursor))

    def row_clicked(self, index: int, times: int) -> None:
        """A click moves the cursor, a double click chooses."""
        if 0 <= index < len(self._rows):
            self.move_to(index)
            if times == 2:
                self.action_choose()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without a row there is nothing to choose."""
        return action != "choose" or self.cursor is not None

    def _put(self, index: int) -> None:
        """Puts the cursor on a row, -1 where there is none; nothing scrolls for it."""
        if index != self._at:
            before, self._at = self._at, index
            for line in {before, index} - {-1}:
                self.refresh_lines(line + 1)

    def _tell(self, before: Row | None) -> None:
        self.post_message(self.Moved(self, self.cursor))
        if (before is None) != (self.cursor is None) and self.has_focus:
            self.refresh_bindings()  # whether there is one to choose

    def _reveal(self) -> None:
        """Scrolls so that the row is in sight, and not under the header."""
        if self._at >= 0:
            top, height = self.scroll_offset.y, max(self.size.height - 1, 1)
            wanted = max(min(top, self._at), self._at - height + 1)
            self.scroll_to(y=wanted, animate=False, immediate=True)

    def _row_style(self, index: int) -> Style:
        style = super()._row_style(index)
        if index == self._at:
            style += self.get_component_rich_style("table--cursor", partial=True)
        return style
