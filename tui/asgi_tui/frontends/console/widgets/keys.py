"""The keys at the foot of a screen, as many as it has room for."""

from __future__ import annotations

from typing import Any

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Footer
from textual.widgets._footer import FooterKey  # Textual exports it under no other name

QUIT = "quit_console"
ALWAYS = ("help", QUIT)  # the actions whose keys are never left out
PALETTE = "-command-palette"


class Keys(Footer):
    """Textual's footer; where it is too narrow the screen's last keys go, not help and the way out."""

    def __init__(self) -> None:
        super().__init__(compact=True)
        self._offered: object = None

    def on_resize(self) -> None:
        """Other keys have room."""
        self._offered = None
        self.bindings_changed(self.screen)

    def bindings_changed(self, screen: Screen[Any]) -> None:  # Any: as Footer has it
        """Makes the keys anew, if they are not the same."""
        offered = [
            (active.binding.key, active.binding.description, active.enabled)
            for active in screen.active_bindings.values()
            if active.binding.show
        ]
        if offered != self._offered and screen is self.screen:
            # what is not made now is asked for again
            self._offered = offered if screen.app.app_focus and self.is_attached else None
            super().bindings_changed(screen)

    def compose(self) -> ComposeResult:
        """The keys that have room."""
        keys = [key for key in super().compose() if isinstance(key, FooterKey)]
        if not any(key.action == QUIT for key in keys) and (quit_key := self._quit_in_fields()):
            keys.insert(-1, quit_key)  # before the palette's
        gap = 2 if any(map(self.screen.has_class, ("-wide", "-huge"))) else 1  # as app.tcss has it
        widths = [cell_len(f"{key.key_display} {key.description}") + gap for key in keys]
        spare = self.app.size.width - sum(widths)
        kept = list(keys)
        for key, width in reversed(list(zip(keys, widths, strict=True))):
            if spare >= 1:  # the line beside the palette's
                break
            if key.action not in ALWAYS and not key.has_class(PALETTE):
                kept.remove(key)
                spare += width
        self.styles.grid_size_columns = len(kept)
        yield from kept

    def _quit_in_fields(self) -> FooterKey | None:
        """The way out where a field takes the letter that is offered elsewhere."""
        active = self.screen.active_bindings.get("ctrl+q")
        if active is None:
            return None
        binding = active.binding
        shown = self.app.get_key_display(binding)
        key = FooterKey(binding.key, shown, binding.description, binding.action, tooltip=binding.tooltip)
        return key.data_bind(compact=Footer.compact)
