"""The native command of the form, what stands against it, and the buttons to copy and to start it."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from asgi_tui.domain.text import sanitize


class CommandBar(Vertical):
    """Shows the command live; the buttons carry the screen's actions."""

    BORDER_TITLE = "Command"

    def __init__(self) -> None:
        super().__init__(id="command-bar")
        self._shown: tuple[object, ...] = ()
        self._command = Static("", id="command", markup=False)
        self._say = Static("", id="say", markup=False)
        self._start = Button("▶ Start", id="start", variant="primary", compact=True, action="screen.start")
        self._copy = Button("Copy", id="copy", compact=True, action="screen.copy_command")

    def compose(self) -> ComposeResult:
        """Command above; sentence and buttons below."""
        self._copy.tooltip = "Copy the command to the clipboard (key c)"
        self._start.tooltip = "Start the server and watch it (Enter)"
        with VerticalScroll(id="command-room", can_focus=False):
            yield self._command
        with Horizontal(id="buttons"):
            yield self._say
            yield self._copy
            yield self._start

    def show(
        self, command: str, blocker: str, notes: list[str], *, running: bool, waiting: bool = False
    ) -> None:
        """``blocker`` is why it cannot start, empty where it can; ``running``: it would replace a run.

        ``waiting``: the blocker goes by itself.
        """
        shown = (command, blocker, tuple(notes), running, waiting)
        if shown == self._shown:
            return
        self._shown = shown
        empty = "Name a target to see the command."
        self._command.update(
            Content.assemble(("$ ", "$text-muted"), (sanitize(command), "bold"))
            if command
            else Content.styled(empty, "$text-muted")
        )
        if blocker and not waiting:
            say = Content.styled(f"✗ {sanitize(blocker)}", "$text-error")
        else:
            said = [f"◐ {blocker}"] if blocker else notes
            say = Content.styled("\n".join(map(sanitize, said)), "$text-muted")
        self._say.update(say)
        self._copy.disabled = not command
        self._start.disabled = bool(blocker)
        self._start.label = Content("▶ Start in its place" if running else "▶ Start")
