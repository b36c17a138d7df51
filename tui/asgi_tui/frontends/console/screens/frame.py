"""The dialog with all of one message of a WebSocket conversation."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button, Static

from asgi_tui.domain.sending import Turn
from asgi_tui.frontends.console import format as show
from asgi_tui.frontends.console.answer_text import PART
from asgi_tui.frontends.console.screens.launch_dialog import LaunchDialog
from asgi_tui.frontends.console.turn_log import HEX, JSON, TEXT, arrow, kind_of, told, whole
from asgi_tui.frontends.console.widgets.choice import Choice
from asgi_tui.frontends.console.widgets.code_area import CodeArea


class FrameDialog(LaunchDialog[None]):
    """A message as text, JSON or hex; secrets masked unless they are shown."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "form", "Form", key_display="F2", tooltip="As text, JSON or hex"),
        Binding("f4", "secrets", "Secrets", key_display="F4", tooltip="Show secrets, or mask them again"),
    ]

    def __init__(self, turn: Turn) -> None:
        super().__init__()
        self._turn = turn
        self._revealed = False
        first = {"JSON": JSON, "binary": HEX}.get(kind_of(turn), TEXT)
        self._form = Choice([("text", TEXT), ("JSON", JSON), ("hex", HEX)], first)
        self._area = CodeArea(id="frame-text", read_only=True)

    def compose(self) -> ComposeResult:
        """How to read it, and the message."""
        turn = self._turn
        with self.box(
            f"{arrow(turn)} {show.clock_ms(turn.at)}", "F2 form · F4 secrets · Esc closes", fixed=True
        ):
            yield Static(self._about(), classes="hint", markup=False)
            yield self._area
            with Horizontal(classes="line"):
                yield self._form
                yield Button("Secrets", action="screen.secrets", compact=True, tooltip="Show secrets (F4)")
                yield Button("Close", action="screen.close", compact=True, tooltip="Close (Esc)")

    def on_mount(self) -> None:
        """Shows it."""
        self._area.focus()
        self._show()

    def _about(self) -> str:
        turn = self._turn
        if turn.kind not in ("text", "binary"):
            return told(turn)
        way = "you sent it" if turn.sent else "the app sent it"
        return f"{turn.kind}, {show.count(len(turn.data))} bytes, {way}"

    def _show(self) -> None:
        text = whole(self._turn, self._form.value, revealed=self._revealed)
        if len(text) > PART:
            text = f"{text[:PART]}\n… the first {show.count(PART)} of {show.count(len(text))} characters"
        self._area.soft_wrap = self._form.value != HEX
        self._area.show(text, "json" if self._form.value == JSON else "")

    def on_choice_changed(self) -> None:
        """Read otherwise."""
        self._show()

    def action_form(self) -> None:
        """Text, JSON, hex."""
        self._form.action_move(1)

    def action_secrets(self) -> None:
        """Shows them, or masks them again."""
        self._revealed = not self._revealed
        self._show()
