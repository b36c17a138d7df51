"""What keys do the same on every screen: text that is typed, text that is copied."""

from __future__ import annotations

from textual import events
from textual.app import App
from textual.widgets import Input

from asgi_tui.frontends.console.clipboard import copy_to_desktop
from asgi_tui.frontends.console.widgets.log_view import LogView


class AppKeys(App[int]):
    """An app whose lines take what is typed from the first key on, and whose selections can be copied."""

    def on_key(self, event: events.Key) -> None:
        """A key that comes back unused while a field has the focus was typed for that field.

        Textual sends a key to what has the focus when it is read. Of ``/quit``, typed quickly or over a slow
        link, all keys went to the log then, and the second one stopped the server.
        """
        if event.is_printable and event.character and isinstance(self.focused, Input):
            event.prevent_default()
            self.focused.insert_text_at_cursor(event.character)

    def copy_selected(self) -> bool:
        """Copies what is selected and selects nothing any more; whether there was anything."""
        focused = self.focused
        if isinstance(focused, LogView) and focused.selected_entries:
            focused.action_copy()
            return True
        selected = self.screen.get_selected_text()
        if not selected and isinstance(focused, Input):
            selected = focused.selected_text
        if not selected:
            return False
        self.copy_to_clipboard(selected)
        self.screen.clear_selection()
        self.notify("The selection is in the clipboard.", title="Copied")
        self.run_worker(copy_to_desktop(selected), group="copy")
        return True
