"""The log: only visible rows are ever rendered, follow is left by scrolling up, hits are highlighted."""

from __future__ import annotations

import re
from typing import ClassVar

from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.geometry import Offset, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from asgi_tui.frontends.console.format import clock, clock_ms, fit
from asgi_tui.frontends.console.log_buffer import LogBuffer, LogLine
from asgi_tui.frontends.console.row_index import RowIndex
from asgi_tui.frontends.console.widgets.strips import selected

WIDE = 100  # cells from which milliseconds and the logger have room
CUT = "›"  # noqa: RUF001 - at the right edge of a line that goes on
CACHED_STRIPS = 1_024
_LEVELS = ("trace", "debug", "info", "warning", "error", "critical")


class LogView(ScrollView, can_focus=True):
    """Shows a ``LogBuffer``; ``sync`` after the buffer changed."""

    ALLOW_SELECT = True
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "log--time",
        "log--logger",
        "log--text",
        "log--traceback",
        "log--found",
        "log--here",
        "log--cut",
        *(f"log--{level}" for level in _LEVELS),
    }
    DEFAULT_CSS = """
    LogView { background: $background; color: $foreground; height: 1fr; scrollbar-size: 1 1; }
    LogView > .log--time { color: $text-muted; }
    LogView > .log--logger { color: $secondary; }
    LogView > .log--text { color: $foreground; }
    LogView > .log--traceback { color: $text-error; }
    LogView > .log--cut { color: $text-primary; text-style: bold; }
    LogView > .log--trace { color: $text-disabled; }
    LogView > .log--debug { color: $text-muted; }
    LogView > .log--info { color: $text-success; }
    LogView > .log--warning { color: $text-warning; text-style: bold; }
    LogView > .log--error { color: $text-error; text-style: bold; }
    LogView > .log--critical { color: $text-error; text-style: bold reverse; }
    LogView > .log--found { color: $find-foreground; background: $find-background; }
    LogView > .log--here {
        color: $find-foreground; background: $find-background; text-style: bold underline;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("shift+left", "pan(-1)", "Left", show=False, tooltip="Half a page to the left"),
        Binding("shift+right", "pan(1)", "Right", show=False, tooltip="Half a page to the right"),
    ]

    class Moved(Message):
        """Follow was left or resumed."""

    def __init__(self, buffer: LogBuffer) -> None:
        super().__init__(id="log-view")
        self.following = True
        self.left_at = 0
        self.wrap = False
        self.pattern: re.Pattern[str] | None = None
        self.hits: list[int] = []
        self.hit = -1  # index in hits
        self._buffer = buffer
        self._index: RowIndex | None = None
        self._first = buffer.first
        self._end = buffer.first
        self._widest = 0
        self._named = buffer.named  # the logger's column takes room only when there is one
        self._syncing = False
        self._strips: LRUCache[tuple[int, int], Strip] = LRUCache(CACHED_STRIPS)

    # -- what is shown -----------------------------------------------------------------------------

    def sync(self) -> None:
        """Takes in what the buffer gained and lost; repaints only if that is in sight."""
        if self._buffer.named != self._named:
            self._named = self._buffer.named
            self._rebuild()
        gone = self._buffer.first - self._first
        if not gone and self._buffer.end == self._end:
            return
        kept = max(self._end - self._buffer.first, 0)
        rows_before = self._rows
        fresh = range(max(self._end, self._buffer.first), self._buffer.end)
        if self._index is not None:
            dropped = self._index.drop(gone)
            if not kept:
                self._index = RowIndex()
            self._index.extend(self._height(self._line(number)) for number in fresh)
        else:
            dropped = min(gone, self._end - self._first)
        widths = (self._cells(self._line(number)) for number in fresh)
        self._widest = max(self._widest, max(widths, default=0))
        self._first, self._end = self._buffer.first, self._buffer.end
        if self.pattern is not None:
            self._find_more(fresh.start)
        in_sight = rows_before - dropped < self.scroll_offset.y + self.size.height
        self._resize_virtual(dropped)
        if self.following or in_sight or dropped:
            self.refresh()

    @property
    def unseen(self) -> int:
        """Lines that came since follow was left."""
        return 0 if self.following else self._buffer.end - self.left_at

    @property
    def cuts(self) -> bool:
        """Whether there are lines that the pane is too narrow for."""
        return not self.wrap and self._widest > self._room

    @property
    def _rows(self) -> int:
        return self._index.rows if self._index is not None else self._end - self._first

    def _resize_virtual(self, dropped: int = 0) -> None:
        self._syncing = True
        width = 0 if self.wrap else self._prefix + self._widest
        self.virtual_size = Size(width, self._rows)
        if self.following:
            self.scroll_end(animate=False, immediate=True, x_axis=False, force=True)
        elif dropped:
            self.scroll_to(y=max(self.scroll_offset.y - dropped, 0), animate=False, immediate=True)
        self._syncing = False
        # a scrollbar that only now comes to be has missed the scrolling
        self.call_after_refresh(self._place_scrollbar)

    def _place_scrollbar(self) -> None:
        if self.show_vertical_scrollbar:
            self.vertical_scrollbar.position = self.scroll_y

    def _rebuild(self) -> None:
        """Sums the rows anew: the width or the wrapping is another one."""
        top = self._locate(self.scroll_offset.y)[0] if self._rows else self._first
        self._strips.clear()
        self._index = None
        if self.wrap:
            self._index = RowIndex()
            lines = (self._line(number) for number in range(self._first, self._end))
            self._index.extend(map(self._height, lines))
        self._resize_virtual()
        if not self.following:
            self.scroll_to(y=self._row_of(top), animate=False, immediate=True)
        self.refresh()

    # -- rows and lines ----------------------------------------------------------------------------

    def _locate(self, row: int) -> tuple[int, int]:
        if self._index is None:
            return self._first + row, 0
        line, part = self._index.locate(row)
        return self._first + line, part

    def _line(self, number: int) -> LogLine:
        try:
            return self._buffer.line(number)
        except IndexError:  # the buffer is ahead until the next sync
            return LogLine(0, "", "", "", head=False)

    def _row_of(self, number: int) -> int:
        line = max(number - self._first, 0)
        return line if self._index is None else self._index.row_of(line)

    @property
    def _wide(self) -> bool:
        return self.size.width >= WIDE

    @property
    def _prefix(self) -> int:
        return 18 if not self._wide else 40 if self._named else 22

    @property
    def _room(self) -> int:
        return max(self.scrollable_content_region.width - self._prefix, 10)

    @staticmethod
    def _cells(line: LogLine) -> int:
        return len(line.text) if line.text.isascii() else cell_len(line.text)

    def _height(self, line: LogLine) -> int:
        if line.text.isascii():
            return max(-(-len(line.text) // self._room), 1)
        return max(len(chop_cells(line.text, self._room)), 1)

    def _parts(self, line: LogLine) -> list[tuple[int, str]]:
        """The pieces of a line's text with where each starts; one where lines are not wrapped."""
        if self._index is None:
            return [(0, line.text)]
        room, text = self._room, line.text
        if text.isascii():
            return [(start, text[start : start + room]) for start in range(0, len(text) or 1, room)]
        parts, start = [], 0
        for piece in chop_cells(text, room):
            parts.append((start, piece))
            start += len(piece)
        return parts or [(0, "")]

    def _head(self, line: LogLine, part: int) -> list[tuple[str, str]]:
        """The columns before the text, each with its style's name."""
        if part or not line.head:
            return [(" " * self._prefix, "text")]
        level = (fit(line.level.upper(), 8) + " ", line.level if line.level in _LEVELS else "text")
        if not self._wide:
            return [(f"{clock(line.at)} ", "time"), level]
        columns = [(f"{clock_ms(line.at)} ", "time"), level]
        return [*columns, (fit(line.logger, 17) + " ", "logger")] if self._named else columns

    def _row_text(self, row: int) -> str:
        number, part = self._locate(row)
        line = self._line(number)
        return "".join(text for text, _ in self._head(line, part)) + self._parts(line)[part][1]

    # -- rendering ---------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """One visible row."""
        scroll_x, scroll_y = self.scroll_offset
        width = self.size.width
        base = self.rich_style
        row = scroll_y + y
        if not 0 <= row < self._rows:
            text = "Nothing was logged yet." if y == 0 and not self._rows else ""
            style = self.get_component_rich_style("log--time")
            return Strip([Segment(fit(text, width), style if text else base)], width)
        strip = self._strip(row)
        shown = strip.crop_extend(scroll_x, scroll_x + width, base)
        edge = self.scrollable_content_region.width
        if strip.cell_length > scroll_x + edge > 0:
            mark = Strip([Segment(CUT, self._style("cut"))], 1)
            shown = Strip.join([shown.crop(0, edge - 1), mark, shown.crop(edge)])
        return shown.apply_offsets(scroll_x, row)

    def _strip(self, row: int) -> Strip:
        key = self._locate(row)
        selection = self.text_selection
        if selection is None and (cached := self._strips.get(key)) is not None:
            return cached
        number, part = key
        line = self._line(number)
        segments = [Segment(text, self._style(name)) for text, name in self._head(line, part)]
        start, text = self._parts(line)[part]
        name = "traceback" if line.level in ("error", "critical") and not line.head else "text"
        segments += self._marked(line, number, start, text, self._style(name))
        strip = Strip(segments)
        if selection is None:
            self._strips[key] = strip
        elif (span := selection.get_span(row)) is not None:
            strip = selected(strip, span, self.screen)
        return strip

    def _marked(self, line: LogLine, number: int, start: int, text: str, style: Style) -> list[Segment]:
        if self.pattern is None:
            return [Segment(text, style)]
        here = 0 <= self.hit < len(self.hits) and self.hits[self.hit] == number
        found = self._style("here" if here else "found")
        segments, at = [], 0
        # found in the whole line, so that a hit across two wrapped rows is marked on both
        for match in self.pattern.finditer(line.text):
            left, right = max(match.start() - start, 0), min(match.end() - start, len(text))
            if left >= right:
                continue
            segments += [Segment(text[at:left], style), Segment(text[left:right], found)]
            at = right
        return [*segments, Segment(text[at:], style)]

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"log--{name}")

    def notify_style_update(self) -> None:
        """Another theme: everything cached is of the old one."""
        super().notify_style_update()
        self._strips.clear()

    def selection_updated(self, selection: Selection | None) -> None:
        """Another selection."""
        self._strips.clear()
        self.refresh()

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The text under the selection; only its rows are put together."""
        first = selection.start.y if selection.start else 0
        last = min(selection.end.y if selection.end else self._rows - 1, self._rows - 1)
        if last < first:
            return None
        text = "\n".join(self._row_text(row) for row in range(first, last + 1))
        start = Offset(selection.start.x, 0) if selection.start else None
        end = Offset(selection.end.x, selection.end.y - first) if selection.end else None
        return Selection(start, end).extract(text), "\n"

    # -- moving ------------------------------------------------------------------------------------

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Scrolling up leaves follow, scrolling to the end resumes it."""
        super().watch_scroll_y(old_value, new_value)
        if not self._syncing and round(old_value) != round(new_value):
            self._follow(new_value >= self.max_scroll_y)

    def on_resize(self) -> None:
        """The columns or the wrapping may be others now."""
        self._rebuild()

    def follow(self) -> None:
        """To the end, and on with what comes."""
        self._follow(True)
        self._resize_virtual()
        self.refresh()

    def _follow(self, following: bool) -> None:
        if following != self.following:
            self.following = following
            self.left_at = self._buffer.end
            self.post_message(self.Moved())

    def action_scroll_end(self) -> None:
        """End resumes follow."""
        self.follow()

    def action_pan(self, pages: int) -> None:
        """Half a page to the side."""
        self.scroll_relative(x=pages * self.size.width // 2, animate=False)

    def toggle_wrap(self) -> bool:
        """Wraps long lines or not; whether it does now."""
        self.wrap = not self.wrap
        self._rebuild()
        self.scroll_to(x=0, animate=False)
        return self.wrap

    # -- finding -----------------------------------------------------------------------------------

    def find(self, term: str) -> None:
        """Marks every hit of ``term``, upper and lower case alike, and shows the last one in sight."""
        self.pattern = re.compile(re.escape(term), re.IGNORECASE) if term else None
        self.hits, self.hit = [], -1
        self._strips.clear()
        if self.pattern is not None:
            self._find_more(self._first)
            bottom = self._locate(min(self.scroll_offset.y + self.size.height, self._rows) - 1)[0]
            before = [index for index, number in enumerate(self.hits) if number <= bottom]
            self.hit = before[-1] if before else 0 if self.hits else -1
            self._show_hit()
        self.refresh()

    def step(self, by: int) -> None:
        """To the next or the previous hit, round the ends."""
        if self.hits:
            self.hit = (self.hit + by) % len(self.hits)
            self._show_hit()

    def _find_more(self, start: int) -> None:
        assert self.pattern is not None
        old = len(self.hits)
        self.hits = [number for number in self.hits if number >= self._first]
        self.hit = max(self.hit - (old - len(self.hits)), -1)
        self.hits += self._buffer.find(self.pattern, start)

    def _show_hit(self) -> None:
        if not 0 <= self.hit < len(self.hits):
            return
        row = self._row_of(self.hits[self.hit])
        top, height = self.scroll_offset.y, self.scrollable_content_region.height
        if not top <= row < top + height:
            self._follow(False)
            self._syncing = True
            self.scroll_to(y=max(row - height // 2, 0), animate=False, immediate=True)
            self._syncing = False
        self._strips.clear()
        self.refresh()
