"""The dialog that asks before secrets are shown."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Static

from asgi_tui.frontends.console.screens.dialog import Dialog

QUESTION = Content.assemble(
    ("Reveal the secrets of this request?\n\n", "bold"),
    "Credentials, cookies, tokens and passwords of it are on the screen until you leave it, for "
    "whoever sees your screen, its recording or its scrollback.",
)


class RevealDialog(Dialog[bool]):
    """True where they are to be shown."""

    DEFAULT_CSS = """
    RevealDialog .box { width: 64; max-width: 94%; height: auto; padding: 1 2; }
    RevealDialog #reveal-buttons { height: auto; margin-top: 1; align-horizontal: right; }
    RevealDialog Button { margin-left: 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "reveal", "Reveal", tooltip="Reveal them", id="reveal.yes"),
        Binding("n", "close", "Keep", show=False, tooltip="Keep them masked", id="reveal.no"),
    ]

    def compose(self) -> ComposeResult:
        """The question; that nothing is shown is the first answer."""
        with Vertical(id="reveal-box", classes="box") as box:
            box.border_title = "Secrets"
            box.border_subtitle = "y reveals · Esc keeps them masked"
            yield Static(QUESTION, markup=False)
            with Horizontal(id="reveal-buttons"):
                yield Button("Keep masked", id="reveal-no", compact=True)
                yield Button("Reveal", id="reveal-yes", variant="warning", compact=True)

    def action_reveal(self) -> None:
        """They are shown."""
        self.dismiss(True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """One of the two."""
        self.dismiss(event.button.id == "reveal-yes")
