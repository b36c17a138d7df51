"""A text area for text from anywhere: bounded, and without control characters."""

from __future__ import annotations

from textual import events
from textual.message import Message
from textual.widgets import TextArea

from asgi_tui.domain.text import sanitize


class SafeArea(TextArea):
    """Lines that are typed or pasted, ``most`` characters at the most."""

    class Refused(Message):
        """What was pasted is too long."""

    def __init__(
        self,
        text: str = "",
        *,
        most: int,
        id: str,  # noqa: A002 - as every widget
        read_only: bool = False,
        placeholder: str = "",
    ) -> None:
        super().__init__(
            text,
            id=id,
            read_only=read_only,
            show_cursor=not read_only,
            soft_wrap=True,
            highlight_cursor_line=False,
            tab_behavior="focus",
            placeholder=placeholder,
        )
        self._most = most

    def put(self, text: str) -> None:
        """Puts text in place of the selection."""
        if len(self.text) + len(text) > self._most:
            self.post_message(self.Refused())
            return
        text = "\n".join(map(sanitize, text.splitlines()))
        self.move_cursor(self.replace(text, *self.selection).end_location)

    def on_paste(self, event: events.Paste) -> None:
        """From the terminal."""
        event.prevent_default()
        event.stop()
        if not self.read_only:
            self.put(event.text)

    def action_paste(self) -> None:
        """From the console's own clipboard."""
        if not self.read_only:
            self.put(self.app.clipboard)
