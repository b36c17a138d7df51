"""A table that draws visible rows only and repaints only the rows that changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from asgi_tui.frontends.console.format import fit

GAP = 2  # cells between columns
LEAST_OPEN = 8  # cells that an open column keeps
FALLING, RISING = "▼", "▲"  # beside the title of the column that the rows are sorted by


@dataclass(frozen=True, slots=True)
class Column:
    """A column; ``width`` 0 takes the room that is left.

    ``accent`` draws it in the accent colour. Where the open column has too little room, columns with
    ``leaves`` go, that with the highest first.
    """

    title: str
    width: int = 0
    right: bool = True
    leaves: int = 0
    accent: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A row; ``key`` tells it from the others, ``alarm`` draws the eye to it."""

    key: str
    cells: tuple[str, ...]
    alarm: bool = False


def layout(columns: Sequence[Column], width: int, gap: int = GAP) -> list[int]:
    """Widths of the columns in ``width`` cells; the open one keeps at least ``LEAST_OPEN``."""
    fixed = sum(column.width for column in columns) + gap * (len(columns) - 1)
    return [column.width or max(width - fixed, LEAST_OPEN) for column in columns]


def fitting(columns: Sequence[Column], width: int, gap: int, least: int, keep: int = -1) -> list[int]:
    """Which columns have room where the open one is to have ``least`` cells; ``keep`` stays in any case."""
    shown = list(range(len(columns)))
    leaving = sorted((i for i in shown if columns[i].leaves and i != keep), key=lambda i: columns[i].leaves)
    while leaving and sum(columns[i].width for i in shown) + gap * (len(shown) - 1) + least > width:
        shown.remove(leaving.pop())
    return shown


class Table(ScrollView, can_focus=True):
    """Rows under a fixed header. Text is never parsed as markup, and is made safe by who gives it.

    ``gap`` is the cells between columns, ``least`` those of the open column below which columns leave.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "table--header",
        "table--row",
        "table--alarm",
        "table--accent",
        "table--cursor",
    }
    # the gutter is stable: numbers do not move when the scrollbar comes
    DEFAULT_CSS = """
    Table { background: $background; color: $foreground; scrollbar-size-vertical: 1; overflow-x: hidden;
        scrollbar-gutter: stable; }
    Table > .table--header { color: $text-muted; text-style: underline; background: $background; }
    Table > .table--row { color: $foreground; background: $background; }
    Table > .table--alarm { color: $text-error; background: $background; }
    Table > .table--accent { color: $text-primary; }
    Table > .table--cursor { background: $block-cursor-blurred-background; }
    Table:focus > .table--cursor { background: $block-cursor-background; text-style: bold; }
    Table:nocolor > .table--cursor { text-style: underline; }
    Table:nocolor:focus > .table--cursor { text-style: reverse; }
    """

    class HeaderClicked(Message):
        """A column's title was clicked; ``column`` is its index."""

        def __init__(self, table: Table, column: int) -> None:
            self.table = table
            self.column = column
            super().__init__()

        @property
        def control(self) -> Table:
            """The table."""
            return self.table

    def __init__(
        self,
        columns: Sequence[Column],
        empty: str,
        *,
        id: str | None = None,  # noqa: A002 - as every widget
        gap: int = GAP,
        least: int = LEAST_OPEN,
    ) -> None:
        super().__init__(id=id)
        self._columns = tuple(columns)
        self._empty = empty
        self._gap = gap
        self._least = least
        self._rows: tuple[Row, ...] = ()
        self._sorted: tuple[int, str] | None = None
        self._tipped = ""

    @property
    def rows(self) -> tuple[Row, ...]:
        """What is shown."""
        return self._rows

    @property
    def shown(self) -> list[int]:
        """Indices of the columns that have room."""
        keep = self._sorted[0] if self._sorted else -1
        return fitting(self._columns, self._width, self._gap, self._least, keep)

    @property
    def _width(self) -> int:
        return self.scrollable_content_region.width

    def show(self, rows: Sequence[Row], empty: str | None = None) -> None:
        """Shows ``rows``, ``empty`` where there are none; repaints only lines that changed."""
        old, self._rows = self._rows, tuple(rows)
        before, self._empty = self._empty, self._empty if empty is None else empty
        if len(old) != len(self._rows) or before != self._empty:
            self.virtual_size = Size(0, len(self._rows) + 1)
            self.refresh()
            return
        for index, (was, now) in enumerate(zip(old, self._rows, strict=True)):
            if was != now:
                self.refresh_lines(index + 1)

    def mark(self, column: int, sign: str) -> None:
        """Marks the column that the rows are sorted by; it stays where others leave for want of room."""
        if (column, sign) != self._sorted:
            self._sorted = column, sign
            self.refresh()

    def entitle(self, column: int, title: str) -> None:
        """Another title for a column."""
        if self._columns[column].title != title:
            named = replace(self._columns[column], title=title)
            self._columns = (*self._columns[:column], named, *self._columns[column + 1 :])
            self.refresh_lines(self.scroll_offset.y)

    # -- rendering ---------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """The header, or the row that is scrolled to line ``y``."""
        width = self._width
        plain = self.get_component_rich_style("table--row")
        if not self._rows:
            texts = self._empty.splitlines()
            return Strip([Segment(fit(texts[y] if y < len(texts) else "", width), plain)], width)
        if y == 0:
            header = self.get_component_rich_style("table--header")
            return self._strip(self._titles(), header, header)
        index = y + self.scroll_offset.y - 1
        if not 0 <= index < len(self._rows):
            return Strip.blank(width, plain)
        style = self._row_style(index)
        accent = style + self.get_component_rich_style("table--accent", partial=True)
        return self._strip(self._rows[index].cells, style, accent)

    def _row_style(self, index: int) -> Style:
        name = "table--alarm" if self._rows[index].alarm else "table--row"
        return self.get_component_rich_style(name)

    def _titles(self) -> list[str]:
        titles = [column.title for column in self._columns]
        if self._sorted is not None:
            column, sign = self._sorted
            # on the side where the title does not move for it
            title = titles[column]
            titles[column] = f"{sign}{title}" if self._columns[column].right else f"{title}{sign}"
        return titles

    def _places(self) -> list[tuple[int, int]]:
        """Index and width of each column that is shown."""
        shown = self.shown
        widths = layout([self._columns[index] for index in shown], self._width, self._gap)
        return list(zip(shown, widths, strict=True))

    def _strip(self, cells: Sequence[str], style: Style, accent: Style) -> Strip:
        segments = []
        for index, size in self._places():
            column = self._columns[index]
            text = fit(cells[index], size, right=column.right)
            segments += [Segment(text, accent if column.accent else style), Segment(" " * self._gap, style)]
        return Strip(segments[:-1]).adjust_cell_length(self._width, style)

    def width_of(self, column: int) -> int:
        """Cells of a column, 0 where it has no room."""
        return dict(self._places()).get(column, 0)

    # -- the mouse ---------------------------------------------------------------------------------

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """What is cut, or has no room, is told in full."""
        offset = event.get_content_offset(self)
        tip = self._tip(offset.y) if offset is not None else ""
        if tip != self._tipped:
            self._tipped = tip
            self.tooltip = Content(tip) if tip else None

    def _tip(self, y: int) -> str:
        index = y + self.scroll_offset.y - 1
        if y < 1 or not 0 <= index < len(self._rows):
            return ""
        cells, places = self._rows[index].cells, dict(self._places())
        cut = [cells[i] for i, width in places.items() if cell_len(cells[i]) > width]
        hidden = [
            f"{column.title} {cells[i].strip()}" for i, column in enumerate(self._columns) if i not in places
        ]
        return "\n".join([*cut, " · ".join(hidden)] if hidden else cut)

    def on_click(self, event: events.Click) -> None:
        """A title tells that it was clicked."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y == 0 and self._rows:
            left = 0
            for index, size in self._places():
                left += size + self._gap
                if offset.x < left:
                    self.post_message(self.HeaderClicked(self, index))
                    return
        else:
            self.row_clicked(offset.y + self.scroll_offset.y - 1, event.chain)

    def row_clicked(self, index: int, times: int) -> None:
        """The line of row ``index`` was clicked ``times`` in a row; there may be no such row."""
