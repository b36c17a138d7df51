"""A few exclusive values side by side: one row, picked with the arrows or a click."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget


class Choice(Widget, can_focus=True):
    """Labels of values in a row; the chosen one is in brackets, so that it is not told by colour alone."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", "Previous value", show=False),
        Binding("right,space", "move(1)", "Next value", show=False),
    ]
    DEFAULT_CSS = """
    Choice { height: 1; width: 1fr; padding: 0 1; background: $surface; color: $text-muted; }
    Choice:focus { background-tint: $foreground 8%; }
    """
    value: reactive[str] = reactive("")

    class Changed(Message):
        """Another value was picked."""

        def __init__(self, choice: Choice, value: str) -> None:
            self.choice = choice
            self.value = value
            super().__init__()

        @property
        def control(self) -> Choice:
            """The choice it is about."""
            return self.choice

    def __init__(self, options: list[tuple[str, str]], value: str = "", *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._options = options
        self.set_reactive(Choice.value, value)

    def set_options(self, options: list[tuple[str, str]]) -> None:
        """Other labels for the values, as (label, value)."""
        if options != self._options:
            self._options = options
            self.refresh()

    def render(self) -> Content:
        """One row of labels."""
        on = "bold reverse" if self.has_focus else "bold $foreground"
        return Content.assemble(
            *(
                (f"[{label}]", on) if value == self.value else (f" {label} ", "$text-muted")
                for label, value in self._options
            )
        )

    def action_move(self, step: int) -> None:
        """Picks the next or the previous value."""
        values = [value for _, value in self._options]
        index = values.index(self.value) if self.value in values else 0
        self._pick(values[max(0, min(index + step, len(values) - 1))] if step < 0 else self._next(index))

    def _next(self, index: int) -> str:
        return self._options[(index + 1) % len(self._options)][1]

    def on_click(self, event: events.Click) -> None:
        """Picks the value under the pointer."""
        offset = event.get_content_offset(self)
        start = 0
        for label, value in self._options:
            end = start + len(label) + 2
            if offset is not None and start <= offset.x < end:
                self._pick(value)
                return
            start = end

    def _pick(self, value: str) -> None:
        if value != self.value:
            self.value = value
            self.post_message(self.Changed(self, value))
