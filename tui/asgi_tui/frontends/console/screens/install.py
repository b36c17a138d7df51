"""The dialog that installs a server or one of its extras, after a yes to the exact command."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Button, OptionList, Static

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.events import Log
from asgi_tui.domain.text import mask_value
from asgi_tui.engine.log_store import LogStore
from asgi_tui.frontends.console import log_feed
from asgi_tui.frontends.console.format import path
from asgi_tui.frontends.console.screens.launch_dialog import LaunchDialog, Line, Lines, cut
from asgi_tui.frontends.console.widgets.log_view import LogView
from asgi_tui.frontends.console.widgets.table import Column

if TYPE_CHECKING:
    from asgi_tui.engine.installer import InstallCommand, Installed

SYNC = 0.1  # seconds between two looks at the output
_COLUMNS = (Column("", 3), Column(""))
_KEYS = {
    "asking": "Space chooses · Enter or y installs · Esc closes",
    "running": "Esc stops it",
    "ended": "Enter closes · y again · Esc closes",
}
_State = Literal["asking", "running", "ended"]


@dataclass(frozen=True, slots=True)
class Part:
    """What can be installed: a requirement, what it is good for, and whether it is chosen to begin with."""

    requirement: str
    unlocks: str
    chosen: bool = False


class Run(Protocol):
    """An installation that can be run once and cancelled (``engine.installer.Installation``)."""

    async def run(self) -> Installed:
        """Installs. Raises ``Problem`` where the command cannot be executed."""

    async def cancel(self) -> None:
        """Ends it; returns once it has ended."""


class Parts(Lines):
    """The parts: Space or a click chooses, Enter installs."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "screen.install", "Install", show=False)]


class InstallDialog(LaunchDialog[bool]):
    """Shows what is missing and the command that installs it; runs it after a yes.

    Gives True when a command was run, however it ended: what is installed may then be another. ``command``
    tells what installs some requirements; it may block, and raises ``Problem``. ``start`` makes an
    installation that tells each line of its output, raw.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "install", "Install", tooltip="Run the command", id="install.install"),
    ]

    def __init__(
        self,
        title: str,
        parts: Sequence[Part],
        command: Callable[[Iterable[str]], InstallCommand],
        start: Callable[[InstallCommand, Callable[[str], None]], Run],
        *,
        home: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        self._title = title
        self._parts = {part.requirement: part for part in parts}
        self._chosen = {part.requirement for part in parts if part.chosen}
        self._compute = command
        self._start = start
        self._home = home
        self._clock = clock
        self._state: _State = "asking"
        self._command: InstallCommand | None = None
        self._installation: Run | None = None
        self._began = 0.0
        self._stopping = False
        self._ran = False
        self._output = LogStore()
        self._lines = Parts(_COLUMNS, id="parts", clicks=1)
        self._log = LogView(self._output)
        self._log.toggle_wrap()

    def compose(self) -> ComposeResult:
        """The parts, and the output in their place later; the command between."""
        with self.box(cut(self._title).replace("[", "\\["), _KEYS["asking"]):
            yield self._lines
            yield Static("", id="install-command", markup=False)
            yield self.detail()
            yield self._log
            yield self.said()
            yield self.buttons(
                ("install", "Install", "Run the command (Enter or y)"),
                ("choose", "Choose", "Choose the part, or not (Space)"),
                ("stop", "Stop", "End the installation (Esc)"),
                ("close", "Close", "Close (Esc)"),
            )

    def on_mount(self) -> None:
        """Shows the parts and asks for the command."""
        self._lines.focus()
        self._enter("asking")
        self._show()
        self.set_interval(SYNC, self._sync)

    async def on_unmount(self) -> None:
        """The output is not needed any more."""
        await asyncio.to_thread(self._output.close)

    # -- before ------------------------------------------------------------------------------------

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Chosen, or not."""
        self.action_choose()

    def action_choose(self) -> None:
        """Chooses the part, or no longer."""
        if self._state == "asking" and self._lines.key:
            self._chosen ^= {self._lines.key}
            self._show()

    def _show(self) -> None:
        marks = {True: "[x]", False: "[ ]"}
        self._lines.show(
            [
                Line(name, (marks[name in self._chosen], name), part.unlocks)
                for name, part in self._parts.items()
            ]
        )
        self._command = None
        self.query_one("#do-install", Button).disabled = True
        self.query_one("#install-command", Static).update("")
        self.tell("")
        wanted = [name for name in self._parts if name in self._chosen]
        if wanted:
            self.ask(wanted)
        else:
            self.workers.cancel_group(self, "ask")
            self.say("Choose what to install." if self._parts else "Everything it can use is installed.")

    @work(exclusive=True, group="ask")
    async def ask(self, wanted: Sequence[str]) -> None:
        """Finds the command out."""
        try:
            command = await asyncio.to_thread(self._compute, wanted)
        except Problem as problem:
            self.say(problem)
            return
        self._command = command
        where = path(str(command.cwd), self._home)
        self.query_one("#install-command", Static).update(f"$ {cut(str(command))}")
        self.tell(f"In {where}. {command.note}".strip())
        self.query_one("#do-install", Button).disabled = False
        self.say("Nothing runs before you say yes.")

    # -- running -----------------------------------------------------------------------------------

    def action_install(self) -> None:
        """The yes; once it is through, Enter closes."""
        if self._command is not None and self._state != "running":
            self.install(self._command)

    @work(exclusive=True, group="install")
    async def install(self, command: InstallCommand) -> None:
        """Runs the command to its end."""
        self._installation = self._start(command, self._line)
        self._began, self._stopping, self._ran = self._clock(), False, True
        self._enter("running")
        self.tell("")
        try:
            ended = await self._installation.run()
        except Problem as problem:
            self._end(problem)
            return
        took = f"after {self._clock() - self._began:.0f} s"
        if ended.cancelled:
            self._end(f"Stopped {took}. Some of it may be installed.")
        else:
            self._end(ended.problem or f"✓ Done {took}.")

    def action_stop(self) -> None:
        """Ends what runs."""
        if self._installation is not None and self._state == "running" and not self._stopping:
            self._stopping = True
            self._sync()
            self.cancel(self._installation)

    @work(group="cancel")
    async def cancel(self, running: Run) -> None:
        """Waits for the end."""
        await running.cancel()

    def action_close(self) -> None:
        """What runs is stopped first; the dialog stays to tell how it ended."""
        if self._state == "running":
            self.action_stop()
        else:
            self.dismiss(self._ran)

    def _line(self, text: str) -> None:
        event = Log(self._clock(), "stdout", None, mask_value("", text))
        self._output.append((log_feed.line(event),))

    def _end(self, how: str | Problem) -> None:
        self._installation = None
        self._log.sync()
        self._enter("ended")
        self.say(how)

    def _enter(self, state: _State) -> None:
        self._state = state
        self._lines.display = state == "asking"
        self._log.display = state != "asking"
        self.query_one("#do-install", Button).display = state != "running"
        self.query_one("#do-choose", Button).display = state == "asking"
        self.query_one("#do-stop", Button).display = state == "running"
        self.query_one("#do-close", Button).display = state != "running"
        self.query_one("#do-install", Button).label = "Install" if state == "asking" else "Again"
        self.keys(_KEYS[state])
        self.query_one(".box").set_class(state != "asking", "-fixed")
        focus = {"asking": self._lines, "running": self._log, "ended": self.query_one("#do-close", Button)}
        focus[state].focus()
        self._sync()

    def _sync(self) -> None:
        if self._state == "running":
            self._log.sync()
            seconds = f"{self._clock() - self._began:.0f} s"
            self.say(f"◐ Stopping… {seconds}" if self._stopping else f"◐ Installing… {seconds}")
