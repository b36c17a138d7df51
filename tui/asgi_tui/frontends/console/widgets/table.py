"""A table that draws visible rows only and repaints only the rows that changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from asgi_tui.frontends.console.format import fit

GAP = 2  # cells between columns


@dataclass(frozen=True, slots=True)
class Column:
    """A column; ``width`` 0 takes the room that is left."""

    title: str
    width: int = 0
    right: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """A row; ``key`` tells it from the others, ``alarm`` draws the eye to it."""

    key: str
    cells: tuple[str, ...]
    alarm: bool = False


def layout(columns: Sequence[Column], width: int) -> list[int]:
    """Widths of the columns in ``width`` cells; the open one keeps at least 8."""
    fixed = sum(column.width for column in columns) + GAP * (len(columns) - 1)
    return [column.width or max(width - fixed, 8) for column in columns]


class Table(ScrollView, can_focus=True):
    """Rows under a fixed header. Text is never parsed as markup."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"table--header", "table--row", "table--alarm"}
    DEFAULT_CSS = """
    Table { background: $background; color: $foreground; scrollbar-size-vertical: 1; overflow-x: hidden; }
    Table > .table--header { color: $text-muted; text-style: underline; background: $background; }
    Table > .table--row { color: $foreground; background: $background; }
    Table > .table--alarm { color: $text-error; background: $background; }
    """

    def __init__(self, columns: Sequence[Column], empty: str, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._columns = tuple(columns)
        self._empty = empty
        self._rows: tuple[Row, ...] = ()

    @property
    def rows(self) -> tuple[Row, ...]:
        """What is shown."""
        return self._rows

    def show(self, rows: Sequence[Row]) -> None:
        """Shows ``rows``; repaints only lines that changed."""
        old, self._rows = self._rows, tuple(rows)
        if len(old) != len(self._rows):
            self.virtual_size = Size(0, len(self._rows) + 1)
            self.refresh()
            return
        for index, (before, after) in enumerate(zip(old, self._rows, strict=True)):
            if before != after:
                self.refresh_lines(index + 1)

    def render_line(self, y: int) -> Strip:
        """The header, or the row that is scrolled to line ``y``."""
        width = self.size.width
        header = self.get_component_rich_style("table--header")
        plain = self.get_component_rich_style("table--row")
        if not self._rows:
            texts = self._empty.splitlines()
            return Strip([Segment(fit(texts[y] if y < len(texts) else "", width), plain)], width)
        widths = layout(self._columns, width)
        if y == 0:
            titles = [column.title for column in self._columns]
            return Strip([Segment(self._line(titles, widths, width), header)], width)
        index = y + self.scroll_offset.y - 1
        if not 0 <= index < len(self._rows):
            return Strip.blank(width, plain)
        row = self._rows[index]
        style = self.get_component_rich_style("table--alarm") if row.alarm else plain
        return Strip([Segment(self._line(row.cells, widths, width), style)], width)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """A cell that was cut is told in full."""
        index = event.y + self.scroll_offset.y - 1
        tip = None
        if event.y > 0 and 0 <= index < len(self._rows):
            cells = zip(
                self._columns, layout(self._columns, self.size.width), self._rows[index].cells, strict=True
            )
            tip = next(
                (text for column, width, text in cells if not column.width and len(text) > width), None
            )
        if tip != self.tooltip:
            from textual.content import Content

            self.tooltip = Content(tip) if tip else None

    def _line(self, cells: Sequence[str], widths: Sequence[int], width: int) -> str:
        shown = (
            fit(text, size, right=column.right)
            for text, size, column in zip(cells, widths, self._columns, strict=True)
        )
        return fit((" " * GAP).join(shown), width)
