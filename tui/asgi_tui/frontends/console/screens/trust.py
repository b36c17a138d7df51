"""Asks before the project's own interpreter runs for the first time."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static

from asgi_tui.domain.text import sanitize
from asgi_tui.frontends.console.screens.dialog import Dialog


class TrustDialog(Dialog[bool]):
    """Gives True for yes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes", tooltip="Run it, and remember the answer", id="trust.yes"),
        Binding("n", "answer(False)", "No", tooltip="Do not run it", id="trust.no"),
    ]
    DEFAULT_CSS = """
    TrustDialog .text { padding: 1 0; }
    TrustDialog Horizontal { height: auto; align-horizontal: right; }
    TrustDialog Button { margin-left: 1; min-width: 10; height: 1; }
    """

    def __init__(self, python: Path) -> None:
        super().__init__()
        self._python = python

    def compose(self) -> ComposeResult:
        """The question and two buttons."""
        box = Vertical(classes="box")
        box.border_title = "Run the project's interpreter?"
        box.border_subtitle = "y yes · n no · Esc closes"
        question = (
            f"{sanitize(str(self._python))} lies in the project. To read the options of the servers that are "
            "installed there, it has to be run once for each version. Say yes only where you trust the "
            "project; the answer is remembered for this interpreter."
        )
        with box:
            yield Static(question, classes="text", markup=False)
            with Horizontal():
                yield Button("No", id="trust-no", compact=True, action="screen.answer(False)")
                yield Button(
                    "Yes", id="trust-yes", variant="primary", compact=True, action="screen.answer(True)"
                )

    def on_mount(self) -> None:
        """No is what Enter gives."""
        self.query_one("#trust-no", Button).focus()

    def action_answer(self, yes: bool) -> None:
        """Closes with the answer."""
        self.dismiss(yes)
