"""One value out of a list, on one row; the list opens only when asked for.

Textual's Select mounts six widgets each, which the first paint would wait for.
"""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region
from textual.message import Message
from textual.reactive import reactive
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from asgi_tui.frontends.console.format import fit

Options = list[tuple[str, str]]


class Pick(Widget, can_focus=True):
    """Shows the label of the value, or ``prompt`` where it is empty."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space,down", "open", "Open list", tooltip="Open the list"),
        Binding("left", "move(-1)", "Previous value", show=False),
        Binding("right", "move(1)", "Next value", show=False),
    ]
    DEFAULT_CSS = """
    Pick { height: 1; width: 1fr; padding: 0 1; background: $surface; pointer: pointer; }
    Pick:focus { background: $panel; text-style: bold; }
    """
    value: reactive[str] = reactive("")

    class Changed(Message):
        """Another value was picked."""

        def __init__(self, value: str) -> None:
            self.value = value
            super().__init__()

    def __init__(self, prompt: str) -> None:
        super().__init__()
        self._prompt = prompt
        self._options: Options = []

    def offer(self, options: Options, prompt: str) -> None:
        """Other options as (label, value); ``prompt`` is what an empty value means."""
        if (options, prompt) != (self._options, self._prompt):
            self._options, self._prompt = options, prompt
            self.refresh()

    def render(self) -> Content:
        """The label, and a mark that there are more."""
        label = next((label for label, value in self._options if value == self.value), self.value)
        text = fit(label or self._prompt, max(self.size.width - 2, 0))
        return Content.assemble((text, "" if label else "$text-disabled"), (" ▾", "$text-muted"))

    def action_open(self) -> None:
        """Opens the list below."""
        menu = PickMenu([(self._prompt, ""), *self._options], self.value, self.region)
        self.app.push_screen(menu, self._picked)

    def action_move(self, step: int) -> None:
        """The next or the previous value."""
        values = ["", *(value for _, value in self._options)]
        index = values.index(self.value) if self.value in values else 0
        self._picked(values[(index + step) % len(values)])

    def on_click(self) -> None:
        """Opens the list."""
        self.action_open()

    def _picked(self, value: str | None) -> None:
        if value is not None and value != self.value:
            self.value = value
            self.post_message(self.Changed(value))


class PickMenu(ModalScreen[str]):
    """The list of a ``Pick``, at its place."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Close", show=False)]
    DEFAULT_CSS = """
    PickMenu { background: transparent; }
    PickMenu > OptionList {
        position: absolute; height: auto; border: round $border; padding: 0 1; background: $surface;
    }
    PickMenu > OptionList:focus { background-tint: transparent; }
    """

    def __init__(self, options: Options, value: str, anchor: Region) -> None:
        super().__init__()
        self._options = options
        self._value = value
        self._anchor = anchor

    def compose(self) -> ComposeResult:
        """The list."""
        yield OptionList(
            *(Option(Content(label), id=f"v{index}") for index, (label, _) in enumerate(self._options))
        )

    def on_mount(self) -> None:
        """Below its place where there is room, else above."""
        menu, anchor, size = self.query_one(OptionList), self._anchor, self.app.size
        width = max(anchor.width, min(max(len(label) for label, _ in self._options) + 4, size.width))
        height = min(len(self._options) + 2, size.height)
        x = max(min(anchor.x, size.width - width), 0)
        y = anchor.bottom if anchor.bottom + height <= size.height else max(anchor.y - height, 0)
        menu.styles.width, menu.styles.max_height, menu.styles.offset = width, height, (x, y)
        menu.highlighted = next((i for i, (_, value) in enumerate(self._options) if value == self._value), 0)
        menu.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Picked."""
        self.dismiss(self._options[event.option_index][1])

    def on_click(self, event: events.Click) -> None:
        """Beside it: closed."""
        if event.widget is self:
            self.dismiss(None)
