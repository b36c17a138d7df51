"""The live list of requests, a log with a cursor: visible rows are drawn, changed ones repainted."""

from __future__ import annotations

from bisect import bisect_left
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from asgi_tui.domain.events import Request
from asgi_tui.frontends.console.format import fit
from asgi_tui.frontends.console.request_list import RequestList
from asgi_tui.frontends.console.request_row import Cell, Column, arrange, cell, gap

HEADER = 1  # rows
_STYLES = ("header", "plain", "muted", "good", "moved", "warned", "failed", "cursor", "cursor-blurred")

# What decides how a line looks: its cells, and whether the cursor is on it.
Look = tuple[tuple[Cell, ...], bool]


class RequestTable(ScrollView, can_focus=True):
    """Shows the rows of a ``RequestList``; ``sync`` after it changed. Text is never parsed as markup.

    The newest row is the last. While ``following`` the cursor is on it; moving up leaves that.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"requests--{name}" for name in _STYLES}
    DEFAULT_CSS = """
    RequestTable {
        background: $background; color: $foreground; scrollbar-size-vertical: 1; overflow-x: hidden;
        scrollbar-gutter: stable;
    }
    RequestTable > .requests--header { color: $text-muted; text-style: underline; }
    RequestTable > .requests--plain { color: $foreground; }
    RequestTable > .requests--muted { color: $text-muted; }
    RequestTable > .requests--good { color: $text-success; }
    RequestTable > .requests--moved { color: $text-primary; }
    RequestTable > .requests--warned { color: $text-warning; }
    RequestTable > .requests--failed { color: $text-error; text-style: bold; }
    RequestTable > .requests--cursor {
        color: $block-cursor-foreground; background: $block-cursor-background;
    }
    RequestTable > .requests--cursor-blurred {
        color: $block-cursor-blurred-foreground; background: $block-cursor-blurred-background;
    }
    RequestTable:nocolor > .requests--cursor { text-style: reverse; }
    RequestTable:nocolor > .requests--cursor-blurred { text-style: underline; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Up", show=False, tooltip="To the request before"),
        Binding("down", "move(1)", "Down", show=False, tooltip="To the next request"),
        Binding("pageup", "page(-1)", "Page up", show=False, tooltip="A page of requests back"),
        Binding("pagedown", "page(1)", "Page down", show=False, tooltip="A page of requests on"),
        Binding("home", "first", "First", show=False, tooltip="To the oldest request that is kept"),
    ]

    class Opened(Message):
        """A row was double-clicked."""

    class Moved(Message):
        """The cursor is on another row, or follow was left or resumed."""

    def __init__(self, requests: RequestList) -> None:
        super().__init__(id="request-table")
        self.following = True
        self._requests = requests
        self._rows: tuple[int, ...] = ()
        self._cursor: int | None = None  # the number of a call
        self._chosen: Request | None = None  # that call: under load the list may be ahead of what is seen
        self._picked = 0  # where the cursor was put: it comes back there when a filter lets it
        self._left_at = 0  # the number of the first call that came after follow was left
        self._now = 0.0
        self._empty = ""
        self._columns: list[Column] = []
        self._painted: dict[int, Look | None] = {}
        self._syncing = False

    # -- what is shown -----------------------------------------------------------------------------

    def sync(self, now: float, empty: str) -> None:
        """Takes in what changed, at ``now`` (Unix seconds); ``empty`` stands where there is no row."""
        top = self._top
        self._now = now
        rows = tuple(self._requests.rows)
        if rows != self._rows:
            anchor = self._rows[top] if top < len(self._rows) else 0
            self._rows = rows
            self._keep_cursor()
            self._resize_virtual(bisect_left(rows, anchor))
        if empty != self._empty:
            self._empty = empty
            if not rows:
                self.refresh()
        self._repaint()

    @property
    def chosen(self) -> Request | None:
        """The call under the cursor, as long as its row is seen."""
        return None if self._cursor is None else self._requests.call(self._cursor) or self._chosen

    @property
    def unseen(self) -> int:
        """Rows that came since follow was left."""
        return 0 if self.following else len(self._rows) - bisect_left(self._rows, self._left_at)

    @property
    def _index(self) -> int | None:
        """The row of the cursor."""
        if self._cursor is None:
            return None
        index = bisect_left(self._rows, self._cursor)
        return index if index < len(self._rows) and self._rows[index] == self._cursor else None

    @property
    def _top(self) -> int:
        return int(self.scroll_offset.y)

    @property
    def _page(self) -> int:
        return max(self.size.height - HEADER, 1)

    def _keep_cursor(self) -> None:
        """On the newest row, or on its own; where that is gone on the next one."""
        before = self._cursor
        if not self._rows:
            self._cursor = None
        elif self.following:
            self._cursor = self._picked = self._rows[-1]
        else:
            self._cursor = self._rows[min(bisect_left(self._rows, self._picked), len(self._rows) - 1)]
        self._hold()
        if self._cursor != before:
            self.post_message(self.Moved())

    def _hold(self) -> None:
        self._chosen = None if self._cursor is None else self._requests.call(self._cursor)

    def _resize_virtual(self, top: int) -> None:
        self._syncing = True
        self.virtual_size = Size(0, len(self._rows) + HEADER)
        self._syncing = False
        if self.following:
            self._scroll(len(self._rows))
        elif top != self._top:
            self._scroll(top)
        # a scrollbar that only now comes to be has missed the scrolling
        self.call_after_refresh(self._place_scrollbar)

    def _place_scrollbar(self) -> None:
        if self.show_vertical_scrollbar:
            self.vertical_scrollbar.position = self.scroll_y

    # -- rendering ---------------------------------------------------------------------------------

    def _repaint(self) -> None:
        """Asks for the lines that look otherwise than they were painted."""
        for y in range(HEADER, self.size.height):
            if y in self._painted and self._painted[y] != self._look(y):
                self.refresh(Region(0, y, self.size.width, 1))

    def _look(self, y: int) -> Look | None:
        index = self._top + y - HEADER
        if not 0 <= index < len(self._rows):
            return None
        number = self._rows[index]
        call = self._requests.call(number)
        if call is None:  # the list is ahead until the next sync
            return None
        return tuple(cell(column, call, self._now) for column in self._columns), number == self._cursor

    def render_line(self, y: int) -> Strip:
        """The header, or one visible row."""
        width = self.size.width
        if not self._rows:
            return self._empty_line(y, width)
        if y < HEADER:
            titles = [Cell(column.title, "header") for column in self._columns]
            return self._strip(titles, width, self._style("header"))
        look = self._painted[y] = self._look(y)
        if look is None:
            return Strip.blank(width, self._style("plain"))
        cells, here = look
        if not here:
            return self._strip(cells, width, self._style("plain"))
        name = "cursor" if self.has_focus else "cursor-blurred"
        # what is told by a colour stays told
        kept = [
            Cell(item.text, "cursor" if item.style in ("plain", "muted") else item.style) for item in cells
        ]
        return self._strip(kept, width, self._style(name), on_cursor=True)

    def _empty_line(self, y: int, width: int) -> Strip:
        self._painted.clear()
        lines = self._empty.splitlines()
        text = lines[y - HEADER] if HEADER <= y <= len(lines) else ""
        return Strip([Segment(fit(text, width), self._style("muted"))], width)

    def _strip(
        self, cells: list[Cell] | tuple[Cell, ...], width: int, base: Style, *, on_cursor: bool = False
    ) -> Strip:
        segments = []
        space = Segment(" " * gap(width), base)
        for column, item in zip(self._columns, cells, strict=True):
            style = self._style(item.style)
            if on_cursor:
                style = (
                    base
                    if item.style == "cursor"
                    else Style(color=style.color, bold=style.bold)
                    + Style(bgcolor=base.bgcolor, reverse=base.reverse, underline=base.underline)
                )
            segments += [Segment(fit(item.text, column.width, right=column.right), style), space]
        return Strip(segments[:-1]).adjust_cell_length(width, base)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"requests--{name}")

    def on_resize(self) -> None:
        """Other columns have room."""
        self._columns = arrange(self.scrollable_content_region.width - 1)  # not up against the scrollbar
        self._painted.clear()
        self._resize_virtual(self._top)
        self.refresh()

    def on_focus(self) -> None:
        """The cursor looks otherwise."""
        self.refresh()

    def on_blur(self) -> None:
        """Likewise."""
        self.refresh()

    # -- moving ------------------------------------------------------------------------------------

    def follow(self) -> None:
        """To the newest row, and on with what comes."""
        self._set_following(True)
        self._keep_cursor()
        self._resize_virtual(self._top)
        self._repaint()

    def choose(self, index: int) -> None:
        """Puts the cursor on a row, which leaves follow, and brings it in sight."""
        if not self._rows:
            return
        index = max(0, min(index, len(self._rows) - 1))
        self._set_following(False)
        self._cursor = self._picked = self._rows[index]
        self._hold()
        self.show_cursor()
        self._repaint()
        self.post_message(self.Moved())

    def show_cursor(self) -> None:
        """Brings the row of the cursor in sight."""
        index, page, top = self._index, self._page, self._top
        if index is not None and not top <= index < top + page:
            self._scroll(index if index < top else index - page + 1)

    def _scroll(self, top: int) -> None:
        self._syncing = True
        self.scroll_to(y=top, animate=False, immediate=True, force=True)
        self._syncing = False

    def action_move(self, by: int) -> None:
        """To another row; down from the newest means nothing."""
        index = self._index
        if index is not None and not (self.following and by > 0):
            self.choose(index + by)

    def action_page(self, pages: int) -> None:
        """To the row a page away."""
        self.action_move(pages * max(self._page - 1, 1))

    def action_first(self) -> None:
        """To the oldest row."""
        self.choose(0)

    def action_scroll_end(self) -> None:
        """End resumes follow."""
        self.follow()

    def _set_following(self, following: bool) -> None:
        if following != self.following:
            self.following = following
            self._left_at = self._requests.end
            self.post_message(self.Moved())

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Scrolling up leaves follow."""
        super().watch_scroll_y(old_value, new_value)
        if not self._syncing and round(new_value) < round(old_value):
            self._set_following(False)

    def on_click(self, event: events.Click) -> None:
        """Chooses a row; a double click opens it."""
        index = event.y + self._top - HEADER
        if event.y < HEADER or index >= len(self._rows):
            return
        self.choose(index)
        if event.chain == 2:
            self.post_message(self.Opened())

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """What was cut is told in full."""
        tip = self._tip(event.x, event.y)
        if tip != (str(self.tooltip) if self.tooltip else ""):
            self.tooltip = Content(tip) if tip else None

    def _tip(self, x: int, y: int) -> str:
        look = self._look(y) if y >= HEADER else None
        if look is None:
            return ""
        start = 0
        for column, item in zip(self._columns, look[0], strict=True):
            if start <= x < start + column.width:
                return item.text if cell_len(item.text) > column.width else ""
            start += column.width + gap(self.size.width)
        return ""
