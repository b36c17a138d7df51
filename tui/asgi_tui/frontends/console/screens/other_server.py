"""The dialog that picks another server to send a request to."""

from __future__ import annotations

from textual.widgets import Static

from asgi_tui.frontends.console.screens.switch import SwitchDialog


class OtherServerDialog(SwitchDialog):
    """Every server with its version; gives the name of the one picked to be run beside for one request."""

    def on_mount(self) -> None:
        """Other words."""
        super().on_mount()
        box = self.query_one("#switch-box")
        box.border_title = "Send it on another server too"
        box.border_subtitle = "Enter sends · Esc closes"
        said = "It is run beside what serves, for this one request; the app's startup and shutdown run too."
        self.query_one("#switch-hint", Static).update(said)
