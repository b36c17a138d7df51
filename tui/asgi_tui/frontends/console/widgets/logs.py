"""The log pane: the log, its badge, and the find line."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Static

from asgi_tui.frontends.console.format import count
from asgi_tui.frontends.console.log_buffer import LogBuffer
from asgi_tui.frontends.console.widgets.log_view import LogView


class FindInput(Input):
    """Where the term is typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "screen.find_step(1)", "Next hit", show=False),
        Binding("up", "screen.find_step(-1)", "Previous hit", show=False),
    ]


class Logs(Vertical):
    """Output of the server and the console's own errors."""

    def __init__(self, buffer: LogBuffer) -> None:
        super().__init__(id="logs", classes="pane")
        self._buffer = buffer
        self.view = LogView(buffer)
        self._input = FindInput(placeholder="find in the log", compact=True, id="find-term")
        self._hits = Static("", id="find-hits", markup=False)
        self._line = Horizontal(
            Static("/ ", classes="slash", markup=False), self._input, self._hits, id="find"
        )

    def compose(self) -> ComposeResult:
        """The log above, the find line below while it is open."""
        yield self.view
        yield self._line

    def on_mount(self) -> None:
        """The find line is closed."""
        self._line.display = False
        self.show()

    def show(self) -> None:
        """Takes in what the buffer gained."""
        self.view.sync()
        lines = count(len(self._buffer))
        bound = f", newest {count(self._buffer.maximum)} kept" if self._buffer.first else ""
        self._set("border_title", f"Logs · {lines} lines{bound}")
        wrap = " · wrapped" if self.view.wrap else " · w wraps" if self.view.cuts else ""
        if self.view.following:
            self._set("border_subtitle", f"FOLLOW{wrap}")
        else:
            self._set("border_subtitle", f"+{count(self.view.unseen)} new · End follows{wrap}")
        if self.view.pattern is not None:
            self._show_hits()

    @property
    def finding(self) -> bool:
        """Whether the find line is open."""
        return self._line.display

    def open_find(self) -> None:
        """Opens the find line with the last term."""
        self._line.display = True
        self._input.focus()
        self.view.find(self._input.value)
        self._show_hits()

    def close_find(self) -> None:
        """Closes it; nothing is marked any more."""
        self._line.display = False
        self.view.find("")
        self.view.focus()

    def step(self, by: int) -> None:
        """To another hit."""
        self.view.step(by)
        self.show()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Found while typing."""
        event.stop()
        if self.finding:
            self.view.find(event.value)
            self._show_hits()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter leaves the line for the log, where n and N step."""
        event.stop()
        self.view.focus()

    def on_log_view_moved(self, event: LogView.Moved) -> None:
        """The badge tells it."""
        event.stop()
        self.show()

    def _show_hits(self) -> None:
        hits = len(self.view.hits)
        if not self._input.value:
            text = "Esc closes"
        elif hits:
            text = f"{count(self.view.hit + 1)} of {count(hits)} lines · n N step · Esc closes"
        else:
            text = "no line has it · Esc closes"
        self._hits.update(text)

    def _set(self, name: str, text: str) -> None:
        if getattr(self, name) != text:
            setattr(self, name, text)
