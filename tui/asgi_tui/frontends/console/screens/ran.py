"""The dialog that says what really ran."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from asgi_tui.domain.events import Starting
from asgi_tui.domain.text import sanitize
from asgi_tui.frontends.console.screens.dialog import Dialog


def account(event: Starting) -> Content:
    """What was started, in sections; an empty one is left out."""
    sections = [
        ("The command that is shown", [event.command]),
        ("What really ran", [event.ran or event.command]),
        ("Interpreter", [event.python]),
        ("Address", [event.bind or "The console's own socket was handed over."]),
        ("Settings from the environment and from files", list(event.inherited)),
        ("Notes", list(event.notes)),
    ]
    parts: list[Content] = []
    for title, lines in sections:
        shown = [sanitize(line) for line in lines if line]
        if shown:
            body = "\n".join(f"  {line}" for line in shown)
            parts.append(Content.assemble((title, "bold $text-primary"), "\n", body, "\n"))
    return Content("\n").join(parts)


class RanDialog(Dialog[None]):
    """Never pretend: the native command beside what was really run."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "copy", "Copy", tooltip="Copy what really ran", id="ran.copy"),
    ]

    def __init__(self, event: Starting) -> None:
        super().__init__()
        self._event = event

    def compose(self) -> ComposeResult:
        """A text that can be selected."""
        box = VerticalScroll(id="ran-box", classes="box")
        box.border_title = f"What ran: {self._event.server}"
        box.border_subtitle = "c copies · Esc closes"
        with box:
            yield Static(account(self._event), classes="text", markup=False)

    def action_copy(self) -> None:
        """Copies what really ran."""
        self.app.copy_to_clipboard(self._event.ran or self._event.command)
        self.notify("What really ran is in the clipboard.", title="Copied")
