"""One row with what the Launch screen does beside its form, for the mouse and for those who look."""

from __future__ import annotations

from textual.widgets import Static

_TOOLS = (
    ("p", "Paste command", "paste"),
    ("l", "Presets", "presets"),
    ("v", "Variables", "environment"),
    ("y", "Python", "interpreters"),
    ("i", "Install", "install"),
    ("f", "File", "file"),
)


class ToolBar(Static):
    """Each tool is clicked, or called by its key."""

    DEFAULT_CSS = """
    ToolBar {
        height: 1; padding: 0 1; color: $text-muted; background: $background;
        link-color: $text-muted; link-style: none; link-background: transparent;
        link-color-hover: $text-primary; link-background-hover: $block-hover-background;
        link-style-hover: none;
    }
    """

    def __init__(self) -> None:
        tools = (
            f"[bold $footer-key-foreground]{key}[/] [@click=screen.{action}]{label}[/]"
            for key, label, action in _TOOLS
        )
        super().__init__("   ".join(tools), id="tools")
