"""The line that says something in a WebSocket conversation: as text, JSON or bytes."""

from __future__ import annotations

import json
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Input

from asgi_tui.domain.errors import Problem
from asgi_tui.frontends.console.turn_log import HEX, JSON, TEXT

RECALLED = 50  # lines that Up brings back
HINTS = {
    TEXT: "text, then Enter",
    JSON: 'JSON such as {"id": 1}, then Enter',
    HEX: "bytes as hex, such as 00 ff 0a, then Enter",
}


class SayInput(Input):
    """What is said next; Up and Down bring back what was said."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "recall(-1)", "Recall", show=False, tooltip="What was said before"),
        Binding("down", "recall(1)", "Recall", show=False, tooltip="What was said after"),
    ]

    def __init__(self) -> None:
        super().__init__(compact=True, select_on_focus=False, id="say-text")
        self._said: list[str] = []
        self._at = 0

    def remember(self) -> None:
        """Keeps what was typed and clears it."""
        if self.value and self._said[-1:] != [self.value]:
            self._said = [*self._said, self.value][-RECALLED:]
        self._at = len(self._said)
        self.value = ""

    def action_recall(self, by: int) -> None:
        """Brings another one back."""
        at = self._at + by
        if 0 <= at <= len(self._said):
            self._at = at
            self.value = self._said[at] if at < len(self._said) else ""
            self.cursor_position = len(self.value)


def message(text: str, form: str) -> str | bytes:
    """What is to be sent of a typed text. Raises ``Problem`` where it is no JSON or no hex."""
    if form == JSON:
        try:
            json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Problem("Message", f"it is no JSON: {error}", "mend it, or send it as text") from None
    if form == HEX:
        try:
            return bytes.fromhex(text)
        except ValueError:
            raise Problem("Message", "it is no hex", "write two digits a byte, such as 00 ff 0a") from None
    return text
