"""Names of the panes, where only one of them has room."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Static

PANES = {"traffic": "Traffic", "reloads": "Reloads", "logs": "Logs"}


class PaneTab(Static):
    """One pane's name."""

    def __init__(self, pane: str) -> None:
        super().__init__(PANES[pane], markup=False, id=f"tab-{pane}")
        self.pane = pane
        self.tooltip = f"Show the {PANES[pane]} pane (Tab goes on)"

    def on_click(self) -> None:
        """Chosen."""
        self.post_message(PaneTabs.Chosen(self.pane))


class PaneTabs(Horizontal):
    """One row; the shown pane's name is in brackets."""

    DEFAULT_CSS = """
    PaneTabs { height: 1; background: $background; padding: 0 1; }
    PaneTabs PaneTab { width: auto; padding: 0; margin-right: 1; color: $text-muted; pointer: pointer; }
    PaneTabs PaneTab:hover { color: $foreground; }
    PaneTabs PaneTab.-active { color: $text-primary; text-style: bold; }
    """

    class Chosen(Message):
        """A pane's name was clicked."""

        def __init__(self, pane: str) -> None:
            self.pane = pane
            super().__init__()

    def compose(self) -> ComposeResult:
        """A tab a pane."""
        for pane in PANES:
            yield PaneTab(pane)

    def show(self, active: str) -> None:
        """Marks the shown pane."""
        for tab in self.query(PaneTab):
            chosen = tab.pane == active
            tab.set_class(chosen, "-active")
            tab.update(f"[{PANES[tab.pane]}]" if chosen else f" {PANES[tab.pane]} ")
