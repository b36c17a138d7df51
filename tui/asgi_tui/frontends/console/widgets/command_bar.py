"""The native command of the form, what stands against it, and the buttons to copy and to start it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from asgi_tui.domain.text import sanitize
from asgi_tui.frontends.console.launch_state import Said

_MARKS = {"error": ("✗", "$text-error"), "warning": ("!", "$text-warning"), "info": ("·", "$text-muted")}


def _line(said: Said) -> Content:
    mark, colour = _MARKS[said.level]
    mend = (f"  m: {sanitize(said.mend)}", "bold $text-accent") if said.mend else ""
    return Content.assemble((f"{mark} {sanitize(said.text)}", colour), mend)


def _words(command: Sequence[tuple[str, bool]]) -> Iterator[tuple[str, str]]:
    for word, changed in command:
        yield " ", ""
        yield sanitize(word), "bold $text-accent" if changed else "$foreground"


class SayRoom(VerticalScroll):
    """Takes the focus, to be scrolled, where it holds more than there is room for."""

    def watch_show_vertical_scrollbar(self, show: bool) -> None:
        """There is more, or no longer."""
        self.can_focus = show


class CommandBar(Vertical):
    """Shows the command live; the buttons carry the screen's actions."""

    BORDER_TITLE = "Command"

    def __init__(self) -> None:
        super().__init__(id="command-bar")
        self._shown: tuple[object, ...] = ()
        self._command = Static("", id="command", markup=False)
        self._say = Static("", id="say", markup=False)
        self._room = SayRoom(id="say-room", can_focus=False)
        self._start = Button("▶ Start", id="start", variant="primary", compact=True, action="screen.start")
        self._copy = Button("Copy", id="copy", compact=True, action="screen.copy_command")

    def compose(self) -> ComposeResult:
        """Command above; sentence and buttons below."""
        self._copy.tooltip = "Copy the command to the clipboard (key c)"
        self._start.tooltip = "Start the server and watch it (Enter)"
        with VerticalScroll(id="command-room", can_focus=False):
            yield self._command
        with Horizontal(id="buttons"):
            with self._room:
                yield self._say
            yield self._copy
            yield self._start

    def on_resize(self) -> None:
        """A border without sides does not set its title off by itself."""
        self.border_title = self.BORDER_TITLE if self.styles.border_left[0] else f" {self.BORDER_TITLE} "

    def show(
        self,
        command: Sequence[tuple[str, bool]],
        blocker: str,
        said: Sequence[Said],
        *,
        running: bool,
        waiting: bool = False,
    ) -> None:
        """``command`` is its words, each with whether it differs from the defaults.

        ``blocker`` is why it cannot start, empty where it can; ``said`` is what else is worth knowing;
        ``running``: it would replace a run; ``waiting``: the blocker goes by itself.
        """
        shown = (tuple(command), blocker, tuple(said), running, waiting)
        if shown == self._shown:
            return
        self._shown = shown
        empty = "Name a target to see the command."
        self._command.update(
            Content.assemble(("$", "$text-muted"), *_words(command))
            if command
            else Content.styled(empty, "$text-muted")
        )
        lines = [_line(item) for item in said]
        if waiting:
            lines = [Content.styled(f"◐ {sanitize(blocker)}", "$text-muted")]
        elif blocker and not any(item.text == blocker for item in said):
            lines = [_line(Said("error", blocker)), *lines]
        self._say.update(Content("\n").join(lines))
        self._copy.disabled = not command
        self._start.disabled = bool(blocker)
        self._start.label = Content("▶ Start in its place" if running else "▶ Start")
