"""The list of a server's options: only visible rows are ever rendered, and only changed ones repainted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from asgi_tui.domain.options import Option
from asgi_tui.domain.values import ON_OFF
from asgi_tui.frontends.console.format import fit
from asgi_tui.frontends.console.widgets.option_rows import Row

WITH_HELP = 78  # cells from which a column of help has room
VALUE_WIDTH = 26  # cells of the value where help stands beside it
CACHED_STRIPS = 512
_STYLES = ("default", "changed", "wrong", "outside", "locked")


class OptionsView(ScrollView, can_focus=True):
    """Rows of options under headings of groups; posts what is highlighted and what is asked for.

    The name is not Textual's ``OptionList``, whose style sheet would apply to it.
    """

    ALLOW_SELECT = False  # a double click edits
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "options--heading",
        "options--name",
        "options--help",
        "options--cursor",
        *(f"options--{style}" for style in _STYLES),
    }
    DEFAULT_CSS = """
    OptionsView { background: $background; color: $foreground; height: 1fr; scrollbar-size-vertical: 1;
        overflow-x: hidden; }
    OptionsView > .options--heading { color: $text-primary; text-style: bold; }
    OptionsView > .options--name { color: $foreground; }
    OptionsView > .options--help { color: $text-muted; }
    OptionsView > .options--default { color: $text-muted; }
    OptionsView > .options--changed { color: $text-accent; text-style: bold; }
    OptionsView > .options--wrong { color: $text-error; text-style: bold; }
    OptionsView > .options--outside { color: $text-warning; }
    OptionsView > .options--locked { color: $text-disabled; }
    OptionsView > .options--cursor { background: $block-cursor-blurred-background; }
    OptionsView:focus > .options--cursor {
        background: $block-cursor-background; color: $block-cursor-foreground; text-style: bold;
    }
    OptionsView:nocolor > .options--cursor { text-style: underline; }
    OptionsView:nocolor:focus > .options--cursor { text-style: reverse; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "edit", "Edit", tooltip="Edit the highlighted option", id="options.edit"),
        Binding("space", "switch", "On/off", tooltip="Switch the highlighted option", id="options.toggle"),
        Binding(
            "delete,backspace",
            "reset",
            "Reset",
            key_display="del",
            tooltip="Give the highlighted option its default back",
            id="options.reset",
        ),
        Binding("escape", "screen.leave", "Leave the list", show=False, tooltip="Leave the list"),
        Binding("up", "move(-1)", "Previous option", show=False, tooltip="Go to the option above"),
        Binding("down", "move(1)", "Next option", show=False, tooltip="Go to the option below"),
        Binding("pageup", "page(-1)", "Page up", show=False, tooltip="A page up"),
        Binding("pagedown", "page(1)", "Page down", show=False, tooltip="A page down"),
        Binding("home", "end(-1)", "First option", show=False, tooltip="Go to the first option"),
        Binding("end", "end(1)", "Last option", show=False, tooltip="Go to the last option"),
    ]

    class Highlighted(Message):
        """Another option is highlighted, None where there is none."""

        def __init__(self, option: Option | None) -> None:
            self.option = option
            super().__init__()

    class EditAsked(Message):
        """The highlighted option is to be edited."""

    class ToggleAsked(Message):
        """The highlighted option is to be switched on or off."""

    class ResetAsked(Message):
        """The highlighted option is to have its default back."""

    def __init__(self) -> None:
        super().__init__(id="options-view")
        self._rows: tuple[Row, ...] = ()
        self._empty = ""
        self._at = -1  # the highlighted row
        self._names = 0
        self._strips: LRUCache[tuple[Row, int, bool], Strip] = LRUCache(CACHED_STRIPS)

    # -- what is shown -----------------------------------------------------------------------------

    @property
    def option(self) -> Option | None:
        """The highlighted option."""
        return self._rows[self._at].option if 0 <= self._at < len(self._rows) else None

    @property
    def rows(self) -> tuple[Row, ...]:
        """What is shown."""
        return self._rows

    def show(self, rows: Sequence[Row], names: int, empty: str = "", *, to_first: bool = False) -> None:
        """Shows ``rows``, ``empty`` where there are none; repaints only lines that changed.

        ``names`` is the width of the widest name in cells. The highlight stays on its option where that is
        still there; else, or with ``to_first``, it goes to the first.
        """
        before, old, self._rows = self.option, self._rows, tuple(rows)
        if (len(old), self._names, self._empty) != (len(self._rows), names, empty):
            self._names, self._empty = names, empty
            self._strips.clear()
            self.virtual_size = Size(0, len(self._rows))
            self.refresh()
        else:
            for index, (was, now) in enumerate(zip(old, self._rows, strict=True)):
                if was != now:
                    self.refresh_lines(index)
        kept = -1 if before is None or to_first else self._find(before)
        if kept < 0:
            self.scroll_to(y=0, animate=False, immediate=True)
            kept = next((i for i, row in enumerate(self._rows) if row.option), -1)
        self._move_to(kept)
        if self.option != before:
            self.post_message(self.Highlighted(self.option))

    def _find(self, option: Option) -> int:
        rows = enumerate(self._rows)
        return next((i for i, row in rows if row.option and row.option.name == option.name), -1)

    def _move_to(self, index: int) -> None:
        """Moves the highlight, without telling it."""
        if index != self._at:
            for row in (self._at, index):
                if row >= 0:
                    self.refresh_lines(row)
            switch = self.check_action("switch", ())
            self._at = index
            if self.has_focus and switch != self.check_action("switch", ()):
                self.refresh_bindings()
        self.call_after_refresh(self._show_highlight)

    def _show_highlight(self) -> None:
        """Scrolls to the highlight, and to the heading above it where that is the line before."""
        if not 0 <= self._at < len(self._rows):
            return
        top = self._at - 1 if self._at and self._rows[self._at - 1].option is None else self._at
        region = Region(0, top, 1, self._at - top + 1)
        self.scroll_to_region(region, animate=False, immediate=True, x_axis=False)

    def on_resize(self) -> None:
        """The highlight stays in sight."""
        self._show_highlight()

    # -- rendering ---------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """One visible row."""
        width = self.scrollable_content_region.width
        index = y + self.scroll_offset.y
        if not 0 <= index < len(self._rows):
            texts = self._empty.splitlines() if not self._rows else []
            style = self.get_component_rich_style("options--default")
            return Strip([Segment(fit(texts[y] if y < len(texts) else "", width), style)], width)
        key = self._rows[index], width, index == self._at
        strip = self._strips.get(key)
        if strip is None:
            strip = self._strips[key] = self._render_row(*key)
        return strip

    def _render_row(self, row: Row, width: int, cursor: bool) -> Strip:
        if row.option is None:
            return Strip([Segment(fit(row.name, width), self._style("heading", False))], width)
        names, values, rest = self._layout(width)
        value = self._style(row.style, cursor)
        name = self._style("locked" if row.style == "locked" else "name", cursor)
        segments = [
            Segment(f"{row.mark} ", value),
            Segment(fit(row.name, names) + "  ", name),
            Segment(fit(row.value, values), value),
        ]
        if rest > 0:
            segments.append(Segment("  " + fit(row.help, rest), self._style("help", cursor)))
        return Strip(segments).adjust_cell_length(width, value)

    def _layout(self, width: int) -> tuple[int, int, int]:
        """Cells of the name, the value and the help."""
        if width < WITH_HELP:
            names = min(self._names, max(width * 3 // 5 - 4, 8))
            return names, max(width - names - 4, 0), 0
        names = min(self._names, width // 3)
        return names, VALUE_WIDTH, width - names - VALUE_WIDTH - 6

    def _style(self, name: str, cursor: bool) -> Style:
        style = self.rich_style + self.get_component_rich_style(f"options--{name}", partial=True)
        return style + self.get_component_rich_style("options--cursor", partial=True) if cursor else style

    def notify_style_update(self) -> None:
        """Another theme, or another focus: everything cached is of the old one."""
        super().notify_style_update()
        self._strips.clear()

    # -- moving ------------------------------------------------------------------------------------

    def _highlight(self, index: int) -> None:
        if index != self._at and 0 <= index < len(self._rows) and self._rows[index].option:
            self._move_to(index)
            self.post_message(self.Highlighted(self.option))

    def _highlight_near(self, index: int, step: int) -> None:
        """The option at ``index`` or the next one in the direction of ``step``, else the last on the way."""
        options = [i for i, row in enumerate(self._rows) if row.option]
        ahead = [i for i in options if (i >= index if step > 0 else i <= index)]
        if options:
            self._highlight((ahead[0] if step > 0 else ahead[-1]) if ahead else options[-(step > 0)])

    def action_move(self, step: int) -> None:
        """To the next or the previous option."""
        self._highlight_near(self._at + step, step)

    def action_page(self, step: int) -> None:
        """A page on or back."""
        self._highlight_near(self._at + step * max(self.size.height - 1, 1), step)

    def action_end(self, step: int) -> None:
        """To the last or the first option."""
        self._highlight_near(len(self._rows) - 1 if step > 0 else 0, -step)

    # -- what is asked for -------------------------------------------------------------------------

    def action_edit(self) -> None:
        """Asks for the editor."""
        self.post_message(self.EditAsked())

    def action_switch(self) -> None:
        """Asks for the other value."""
        self.post_message(self.ToggleAsked())

    def action_reset(self) -> None:
        """Asks for the default."""
        self.post_message(self.ResetAsked())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What can be done to the highlighted option."""
        if action in ("edit", "reset"):
            return self.option is not None
        if action == "switch":
            return self.option is not None and self.option.kind in ON_OFF
        return True

    def on_click(self, event: events.Click) -> None:
        """A click highlights; a second one, or one on the value, edits."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        index = offset.y + self.scroll_offset.y
        if not (0 <= index < len(self._rows) and self._rows[index].option):
            return
        self._highlight(index)
        names, values, _ = self._layout(self.scrollable_content_region.width)
        if event.chain > 1 or 0 <= offset.x - names - 4 < values:
            self.post_message(self.EditAsked())
