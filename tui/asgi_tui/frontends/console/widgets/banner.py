"""The red banner: why the last start or reload failed."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from asgi_tui.domain.text import sanitize
from asgi_tui.frontends.console.model import Fault
from asgi_tui.frontends.console.widgets.reload_detail import place_link


def fault_text(fault: Fault) -> Content:
    """The sentence, and the place that opens in the editor, by a click or its key."""
    text = Content.assemble(("✗ ", "bold"), sanitize(fault.sentence))
    if fault.place is None:
        return text
    link = place_link(fault.place.file, fault.place.line)
    return Content.assemble(text, "  ", ("o", "bold"), "\N{NO-BREAK SPACE}", link)


class Banner(Horizontal):
    """One sentence with its place in the code; gone with the next success, or when closed."""

    DEFAULT_CSS = """
    Banner {
        height: auto; max-height: 8; padding: 0 1; overflow-y: auto; display: none;
        background: $fault-background; color: $fault-foreground;
    }
    Banner #fault { width: 1fr; height: auto; }
    Banner #close { width: 9; height: 1; text-align: right; pointer: pointer; }
    Banner #fault {
        link-color: $fault-foreground; link-background: transparent; link-style: bold underline;
    }
    Banner #close:hover { text-style: bold underline; }
    """

    class Dismissed(Message):
        """The banner was closed by hand."""

    def __init__(self) -> None:
        super().__init__()
        self._fault: Fault | None = None
        self._text = Static("", id="fault", markup=False)

    def compose(self) -> ComposeResult:
        """The sentence and the way to close it."""
        yield self._text
        close = Static("Esc ✕", id="close", markup=False)
        close.tooltip = "Close the banner; the log keeps the error (Escape)"
        yield close

    def show(self, fault: Fault | None) -> None:
        """Shows ``fault``, or nothing."""
        if fault == self._fault:
            return
        self._fault = fault
        self.display = fault is not None
        if fault is not None:
            self._text.update(fault_text(fault))

    def on_click(self) -> None:
        """Closed."""
        self.post_message(self.Dismissed())
