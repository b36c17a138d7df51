"""Lines that scroll: only visible rows are ever rendered, long ones are wrapped, some can be chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.geometry import Offset, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from asgi_tui.frontends.console.lines import STYLES, Line, Target, breaks
from asgi_tui.frontends.console.row_index import RowIndex
from asgi_tui.frontends.console.widgets.strips import over, selected

CACHED_STRIPS = 512


class LinesView(ScrollView, can_focus=True):
    """Shows lines; those with a target can be chosen with the cursor, and opened."""

    ALLOW_SELECT = True
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"lines--{name}" for name in STYLES),
        "lines--cursor",
        "lines--cursor-blurred",
    }
    DEFAULT_CSS = """
    LinesView {
        background: $background; color: $foreground; height: 1fr; scrollbar-size-vertical: 1;
        overflow-x: hidden; overflow-y: auto; scrollbar-gutter: stable;
    }
    LinesView > .lines--muted { color: $text-muted; }
    LinesView > .lines--dim { color: $text-disabled; }
    LinesView > .lines--bold { text-style: bold; }
    LinesView > .lines--title { color: $text-primary; text-style: bold; }
    LinesView > .lines--name { color: $secondary; }
    LinesView > .lines--key { color: $text-primary; }
    LinesView > .lines--string { color: $text-success; }
    LinesView > .lines--number { color: $text-warning; }
    LinesView > .lines--good { color: $text-success; text-style: bold; }
    LinesView > .lines--warned { color: $text-warning; }
    LinesView > .lines--failed { color: $text-error; text-style: bold; }
    LinesView > .lines--received { color: $text-primary; text-style: bold; }
    LinesView > .lines--sent { color: $text-success; text-style: bold; }
    LinesView > .lines--link { text-style: underline; }
    LinesView > .lines--alarm {
        color: $fault-foreground; background: $fault-background; text-style: bold;
    }
    LinesView > .lines--cursor { background: $block-cursor-background; }
    LinesView > .lines--cursor-blurred { background: $block-cursor-blurred-background; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, tooltip="One line up"),
        Binding("down,j", "move(1)", "Down", show=False, tooltip="One line down"),
        Binding("pageup", "page(-1)", "Page up", show=False, tooltip="One page up"),
        Binding("pagedown,space", "page(1)", "Page down", show=False, tooltip="One page down"),
        Binding("home,g", "edge(-1)", "Top", show=False, tooltip="To the first line"),
        Binding("end,G", "edge(1)", "End", show=False, tooltip="To the last line"),
    ]

    class Moved(Message):
        """The cursor is on another line."""

        def __init__(self, view: LinesView, target: Target | None) -> None:
            self.view = view
            self.target = target
            super().__init__()

    class Opened(Message):
        """A line was opened, by Enter or by mouse."""

        def __init__(self, view: LinesView, target: Target) -> None:
            self.view = view
            self.target = target
            super().__init__()

    def __init__(self, *, wrap: bool = True, click_opens: bool = True, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.cursor = -1  # the line that is chosen, -1 where none can be
        self._wrap = wrap
        self._click_opens = click_opens
        self._lines: Sequence[Line] = ()
        self._index: RowIndex | None = None
        self._width = 0
        self._strips: LRUCache[int, Strip] = LRUCache(CACHED_STRIPS)

    # -- what is shown -----------------------------------------------------------------------------

    @property
    def lines(self) -> Sequence[Line]:
        """What is shown."""
        return self._lines

    @property
    def target(self) -> Target | None:
        """What the chosen line opens."""
        return self._lines[self.cursor].target if 0 <= self.cursor < len(self._lines) else None

    @property
    def room(self) -> int:
        """Cells of a row."""
        return max(self.scrollable_content_region.width, 1)

    def show(self, lines: Sequence[Line], *, fresh: bool = True) -> None:
        """Shows ``lines``; ``fresh``: from the top, else what is the same stays where it is."""
        if not fresh and self._wrap and list(lines) == list(self._lines):
            return
        self._lines = lines
        if fresh:
            self.cursor = self._stop(0, 1)
        elif self.cursor >= len(lines):
            self.cursor = self._stop(len(lines) - 1, -1)
        rows = self._rows
        self._rebuild()
        if self.styles.is_auto_height and rows != self._rows:
            self.refresh(layout=True)
        if fresh:
            self.scroll_to(y=0, animate=False, immediate=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many rows as there are, where the height is ``auto``."""
        if not self._wrap:
            return max(len(self._lines), 1)
        return max(sum(len(breaks(item.text, width, item.hang)) for item in self._lines), 1)

    def _rebuild(self) -> None:
        self._strips.clear()
        self._width = self.room
        self._index = None
        if self._wrap:
            self._index = RowIndex()
            self._index.extend(len(breaks(item.text, self._width, item.hang)) for item in self._lines)
        self.virtual_size = Size(0, self._rows)
        self.refresh()

    def on_resize(self) -> None:
        """Lines may break elsewhere."""
        if self.room != self._width:
            top = self._locate(self.scroll_offset.y)[0] if self._rows else 0
            self._rebuild()
            if top:
                self.scroll_to(y=self._row_of(top), animate=False, immediate=True)

    @property
    def _rows(self) -> int:
        return self._index.rows if self._index is not None else len(self._lines)

    def _locate(self, row: int) -> tuple[int, int]:
        return self._index.locate(row) if self._index is not None else (row, 0)

    def _row_of(self, index: int) -> int:
        return self._index.row_of(index) if self._index is not None else index

    # -- rendering ---------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """One visible row."""
        row, width, base = self.scroll_offset.y + y, self.size.width, self.rich_style
        if not 0 <= row < self._rows:
            return Strip.blank(width, base)
        index, _ = self._locate(row)
        strip = self._strip(row).extend_cell_length(width, base).crop(0, width)
        if index == self.cursor:
            name = "cursor" if self.has_focus else "cursor-blurred"
            strip = over(strip, self._style(name, partial=True))
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(row)) is not None:
            strip = selected(strip, span, self.screen)
        return strip.apply_offsets(0, row)

    def _strip(self, row: int) -> Strip:
        cached = self._strips.get(row)
        if cached is None:
            index, part = self._locate(row)
            pieces = self._pieces(self._lines[index], part)
            cached = self._strips[row] = Strip([Segment(text, self._style(name)) for text, name in pieces])
        return cached

    def _pieces(self, item: Line, part: int) -> list[tuple[str, str]]:
        """The pieces of one row of a line."""
        if self._index is None:
            return list(item.coloured)
        starts = breaks(item.text, self._width, item.hang)
        start = starts[part]
        end = starts[part + 1] if part + 1 < len(starts) else len(item.text)
        pieces = [(" " * min(item.hang, self._width // 2), "plain")] if part else []
        at = 0
        for text, name in item.coloured:
            inside = text[max(start - at, 0) : max(end - at, 0)]
            if inside:
                pieces.append((inside, name))
            at += len(text)
        return pieces

    def _style(self, name: str, *, partial: bool = False) -> Style:
        return self.get_component_rich_style(f"lines--{name}", partial=partial)

    def notify_style_update(self) -> None:
        """Another theme: everything cached is of the old one."""
        super().notify_style_update()
        self._strips.clear()

    def selection_updated(self, selection: Selection | None) -> None:
        """Another selection."""
        self.refresh()

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The text under the selection, as it is seen."""
        first = selection.start.y if selection.start else 0
        last = min(selection.end.y if selection.end else self._rows - 1, self._rows - 1)
        if last < first:
            return None
        rows = (
            self._pieces(self._lines[index], part)
            for index, part in map(self._locate, range(first, last + 1))
        )
        text = "\n".join("".join(piece for piece, _ in row).rstrip() for row in rows)
        start = Offset(selection.start.x, 0) if selection.start else None
        end = Offset(selection.end.x, selection.end.y - first) if selection.end else None
        return Selection(start, end).extract(text), "\n"

    # -- moving ------------------------------------------------------------------------------------

    def _stop(self, start: int, step: int) -> int:
        """The nearest line from ``start`` on that can be chosen; -1 where there is none."""
        index = start
        while 0 <= index < len(self._lines):
            if self._lines[index].target is not None:
                return index
            index += step
        return -1

    def choose(self, index: int) -> None:
        """Moves the cursor to a line and shows it."""
        if index != self.cursor:
            self.cursor = index
            self.refresh()
            self.post_message(self.Moved(self, self.target))
        self.show_cursor()

    def show_cursor(self) -> None:
        """Scrolls as far as needed."""
        if self.cursor < 0:
            return
        row, top, height = self._row_of(self.cursor), self.scroll_offset.y, max(self.size.height, 1)
        if not top <= row < top + height:
            self.scroll_to(y=row if row < top else row - height + 1, animate=False, immediate=True)

    def action_move(self, step: int) -> None:
        """To the next line that can be chosen where it is in sight, else the text moves by a row."""
        found = self._stop(self.cursor + step, step) if self.cursor >= 0 else -1
        top, height = self.scroll_offset.y, max(self.size.height, 1)
        if found >= 0 and top - 1 <= self._row_of(found) < top + height + 1:
            self.choose(found)
        else:
            self.scroll_relative(y=step, animate=False, immediate=True)

    def action_page(self, step: int) -> None:
        """A page on, with the cursor where every line can be chosen."""
        height = max(self.size.height - 1, 1)
        if self._wrap or self.cursor < 0:
            self.scroll_relative(y=step * height, animate=False, immediate=True)
            return
        self.choose(min(max(self.cursor + step * height, 0), len(self._lines) - 1))

    def action_edge(self, step: int) -> None:
        """To the first or the last line."""
        found = self._stop(0, 1) if step < 0 else self._stop(len(self._lines) - 1, -1)
        if found >= 0:
            self.choose(found)
        self.scroll_to(y=0 if step < 0 else self.max_scroll_y, animate=False, immediate=True)

    def key_enter(self) -> None:
        """Opens the chosen line."""
        if self.target is not None:
            self.post_message(self.Opened(self, self.target))

    def on_click(self, event: events.Click) -> None:
        """A click chooses a line; where it is a link, or on the second click, it opens it."""
        row = event.y + self.scroll_offset.y
        if not 0 <= row < self._rows:
            return
        index, _ = self._locate(row)
        if self._lines[index].target is None or self.text_selection is not None:
            return
        self.choose(index)
        if self._click_opens or event.chain == 2:
            self.key_enter()

    def watch_has_focus(self, _has_focus: bool) -> None:
        """The cursor looks otherwise without it."""
        super().watch_has_focus(_has_focus)
        self.refresh()
