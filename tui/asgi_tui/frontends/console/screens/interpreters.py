"""The dialog that chooses the app's interpreter."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import OptionList, Static

from asgi_tui.domain.errors import Problem
from asgi_tui.frontends.console.format import path
from asgi_tui.frontends.console.screens.launch_dialog import LaunchDialog, Line, LineInput, Lines
from asgi_tui.frontends.console.widgets.table import Column

if TYPE_CHECKING:
    from asgi_tui.engine.interpreters import Interpreter
    from asgi_tui.engine.project import ServerInfo

_KEYS = "Enter takes it · p types a path · Esc closes"
_COLUMNS = (Column("", 1), Column("", 8), Column("", 20), Column(""))
_BY_ITSELF = "/"
_USED = "●"


def servers_text(infos: Iterable[ServerInfo]) -> str:
    """Which servers there are, with their versions: uvicorn 0.54 · granian 2.8."""
    there = [info for info in infos if info.installed and not info.deprecated]
    named = [f"{info.name} {'.'.join((info.version or '').split('.')[:2])}".strip() for info in there]
    return " · ".join(named) or "no server"


def _version(interpreter: Interpreter | None) -> str:
    return ".".join(map(str, interpreter.version)) if interpreter and interpreter.version else "?"


class InterpretersDialog(LaunchDialog[str]):
    """Every interpreter with the servers in it; gives the path of the one picked, "" for none.

    ``find`` gives the one that is used where none is named, if there is one, and all there are;
    ``servers`` the servers in one. Both may block. ``current`` is what the form names, "" for none;
    ``home`` is shown as ``~``.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "type", "Path", tooltip="Type a path", id="interpreters.type"),
    ]

    def __init__(
        self,
        find: Callable[[], tuple[Interpreter | None, Sequence[Interpreter]]],
        servers: Callable[[Interpreter], Iterable[ServerInfo]],
        *,
        current: str,
        home: str,
    ) -> None:
        super().__init__()
        self._find = find
        self._servers = servers
        self._current = current
        self._home = home
        self._default: Interpreter | None = None
        self._found: dict[str, Interpreter] = {}
        self._known: dict[str, str] = {}
        self._lines = Lines(_COLUMNS, id="interpreters")
        self._input = LineInput("python3.13, /path/to/python, or a virtual environment's directory")

    def compose(self) -> ComposeResult:
        """The list, and a line for any other path."""
        with self.box("Interpreter of the app", _KEYS):
            yield Static("Told from files: none of them is run for this.", classes="hint", markup=False)
            yield self._lines
            yield self.detail()
            yield self.said()
            with Horizontal(classes="line"):
                yield Static("Path", markup=False)
                yield self._input
            yield self.buttons(
                ("take", "Use it", "Use the picked interpreter (Enter)"),
                ("close", "Cancel", "Leave the form as it is (Esc)"),
            )

    def on_mount(self) -> None:
        """Looks for them."""
        self._lines.focus()
        self._show()
        self.say("Looking…")
        self.look()

    @work(exclusive=True)
    async def look(self) -> None:
        """Finds the interpreters, then the servers in each."""
        try:
            self._default, found = await asyncio.to_thread(self._find)
        except Problem as problem:
            self.say(problem)
            return
        self._found = {str(interpreter.executable): interpreter for interpreter in found}
        self._show(self._picked())
        self.say("")
        for executable, interpreter in self._found.items():
            try:
                infos = await asyncio.to_thread(self._servers, interpreter)
                self._known[executable] = servers_text(infos)
            except Problem as problem:
                self._known[executable] = f"✗ {problem}"
            self._show()

    def on_option_list_option_highlighted(self) -> None:
        """Its whole path: the row may have no room for it."""
        self.tell("" if self._lines.key == _BY_ITSELF else self._lines.key)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter."""
        self.action_take()

    def on_input_submitted(self) -> None:
        """Enter after a path."""
        self.action_take()

    def action_type(self) -> None:
        """To the line for a path."""
        self._input.focus()

    def action_back(self) -> None:
        """Back to the list; what was typed does not count any more."""
        self._input.value = ""
        self._lines.focus()

    def action_take(self) -> None:
        """Gives the path that is typed, else the one that is picked."""
        typed = self._input.value.strip()
        if typed:
            self.dismiss(typed)
        elif self._input.has_focus:
            self.say(Problem("Interpreter", "no path is typed", "type one, or pick one of the list"))
        else:
            key = self._lines.key
            self.dismiss("" if key == _BY_ITSELF else key)

    def _picked(self) -> str:
        """The row of what the form names."""
        if not self._current:
            return _BY_ITSELF
        for key, interpreter in self._found.items():
            if self._current in (key, str(interpreter.prefix)):
                return key
        return ""

    def _show(self, pick: str = "") -> None:
        used = self._picked()
        default = self._default
        why = "" if default is None else f"{default.why}: {path(str(default.executable), self._home)}"
        mark = _USED if used == _BY_ITSELF else ""
        lines = [Line(_BY_ITSELF, (mark, _version(default), "found by itself", why))]
        for key, interpreter in self._found.items():
            mark = _USED if key == used else ""
            cells = (mark, _version(interpreter), interpreter.why, path(key, self._home))
            lines.append(Line(key, cells, self._known.get(key, "…")))
        self._lines.show(lines, pick=pick)
