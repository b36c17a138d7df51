"""The dialog that asks before the log is forgotten."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static

from asgi_tui.frontends.console.format import count
from asgi_tui.frontends.console.screens.dialog import Dialog


class ClearLogDialog(Dialog[bool]):
    """True where it is to be forgotten; ``lines`` is how many it has."""

    DEFAULT_CSS = """
    ClearLogDialog .box { width: 64; max-width: 94%; height: auto; padding: 1 2; }
    ClearLogDialog Horizontal { height: auto; margin-top: 1; align-horizontal: right; }
    ClearLogDialog Button { margin-left: 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "clear", "Clear", tooltip="Forget it", id="clear.yes"),
        Binding("n", "close", "Keep", show=False, tooltip="Keep it", id="clear.no"),
    ]

    def __init__(self, lines: int) -> None:
        super().__init__()
        self._lines = lines

    def compose(self) -> ComposeResult:
        """The question; that nothing is lost is the first answer."""
        with Vertical(classes="box") as box:
            box.border_title = "Clear the log?"
            box.border_subtitle = "y clears · Esc keeps it"
            question = (
                f"All {count(self._lines)} lines go, those on disk and those that are filtered out too."
            )
            yield Static(question, markup=False)
            with Horizontal():
                yield Button("Keep", id="clear-no", compact=True, action="screen.close")
                yield Button("Clear", id="clear-yes", variant="warning", compact=True, action="screen.clear")

    def action_clear(self) -> None:
        """It is forgotten."""
        self.dismiss(True)
