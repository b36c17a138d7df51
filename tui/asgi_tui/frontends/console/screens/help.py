"""The dialog with every key."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.keys import format_key
from textual.widgets import Static

from asgi_tui.frontends.console.screens.dialog import Dialog

KEY_WIDTH = 18


def key_table(sections: Sequence[tuple[str, Sequence[Binding]]]) -> Content:
    """Every key with what it does, a section a screen."""
    parts: list[str | tuple[str, str]] = []
    for title, bindings in sections:
        parts += [("\n" if parts else "", ""), (f"{title}\n", "bold $text-primary")]
        for binding in bindings:
            keys = " ".join(format_key(key.strip()) for key in binding.key.split(","))
            parts += [
                (f"  {keys:<{KEY_WIDTH}}", "bold"),
                f"{binding.tooltip or binding.description}\n",
            ]
    return Content.assemble(*parts)


class HelpDialog(Dialog[None]):
    """Keys by screen; scrolls where they do not fit."""

    def __init__(self, sections: Sequence[tuple[str, Sequence[Binding]]]) -> None:
        super().__init__()
        self._sections = sections

    def compose(self) -> ComposeResult:
        """One text."""
        box = VerticalScroll(id="help-box", classes="box")
        box.border_title = "Keys"
        box.border_subtitle = "Esc closes"
        with box:
            yield Static(key_table(self._sections), classes="text", markup=False)
