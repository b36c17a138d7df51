"""The dialog that saves the log, as it is filtered, to a file."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button, Static

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.log_filter import LogFilter
from asgi_tui.engine.log_export import Export, default_name, located
from asgi_tui.engine.log_store import LogStore
from asgi_tui.frontends.console.format import count
from asgi_tui.frontends.console.format import path as shown_path
from asgi_tui.frontends.console.screens.launch_dialog import LaunchDialog, LineInput, cut

TICK = 0.2  # seconds between two tellings of how far it is
MAX_NAME = 1_000  # characters
_KEYS = {
    "naming": "Enter saves · Esc closes",
    "asking": "y overwrites · n another name",
    "saving": "Esc stops it",
    "ended": "Enter closes",
}


class NameInput(LineInput):
    """The file's name."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.save", "Save", show=False),
        Binding("escape", "screen.close", "Close", show=False),
    ]


class SaveLogDialog(LaunchDialog[None]):
    """Asks for a name in ``directory``, and before it overwrites; tells how far it is and how it ended."""

    DEFAULT_CSS = """
    LaunchDialog#save-log > .box { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "overwrite", "Overwrite", show=False, tooltip="Overwrite the file", id="save_log.yes"),
        Binding("n", "rename", "Another name", show=False, tooltip="Leave the file", id="save_log.no"),
    ]

    def __init__(
        self,
        store: LogStore,
        wanted: LogFilter,
        directory: str,
        *,
        clock: Callable[[], float] = time.time,
        home: str = "",
    ) -> None:
        super().__init__(id="save-log")
        self._store = store
        self._wanted = wanted
        self._directory = directory
        self._home = home or os.environ.get("HOME", "")
        self._state = "naming"
        self._path = Path()
        self._export: Export | None = None
        self._input = NameInput("name of the file", id="save-name", max_length=MAX_NAME)
        self._input.value = default_name(clock())

    def compose(self) -> ComposeResult:
        """What is saved, the name, what is asked or told."""
        with self.box("Save the log", _KEYS["naming"]):
            what = f"What passes the filter: {self._wanted.text}" if self._wanted.terms else "All of it."
            yield Static(cut(what), markup=False, classes="text")
            yield Static(
                cut(f"In {shown_path(self._directory, self._home)}, for you alone to read."),
                classes="hint",
                markup=False,
            )
            yield Horizontal(Static("File", markup=False), self._input, classes="line")
            yield self.said()
            yield self.buttons(
                ("save", "Save", "Save it (Enter)"),
                ("overwrite", "Overwrite", "Put it in place of the file that is there (y)"),
                ("rename", "Another name", "Leave the file that is there (n)"),
                ("stop", "Stop", "End it, nothing of it stays (Esc)"),
                ("close", "Close", "Close (Esc)"),
            )

    def on_mount(self) -> None:
        """The name can be typed over."""
        self.set_interval(TICK, self._tick)
        self._enter("naming")
        self.say("")
        self._input.cursor_position = len(self._input.value)

    def action_save(self) -> None:
        """Saves it, or asks first where a file of the name is there."""
        if self._state == "naming":
            self.look(self._input.value.strip())
        elif self._state == "ended":
            self.dismiss(None)

    @work(exclusive=True, group="save")
    async def look(self, name: str) -> None:
        """Looks at what is there."""
        if not name:
            self.say(Problem("The file", "it has no name", "type one"))
            return
        try:
            self._path = await asyncio.to_thread(located, name, self._directory)
            there = await asyncio.to_thread(self._path.exists)
        except (Problem, OSError) as problem:
            self.say(problem if isinstance(problem, Problem) else Problem("The file", str(problem)))
            return
        if there:
            self._enter("asking")
            self.say(f"{shown_path(str(self._path), self._home)} is there already. Overwrite it?")
        else:
            self.write(overwrite=False)

    def action_overwrite(self) -> None:
        """A yes."""
        if self._state == "asking":
            self.write(overwrite=True)

    def action_rename(self) -> None:
        """A no."""
        if self._state == "asking":
            self._enter("naming")
            self.say("")

    @work(exclusive=True, group="write")
    async def write(self, *, overwrite: bool) -> None:
        """Writes it in a thread."""
        export = self._export = Export(self._store, self._wanted, self._path, overwrite=overwrite)
        self._enter("saving")
        try:
            whole = await asyncio.to_thread(export.run)
        except Problem as problem:
            self._enter("naming")
            self.say(problem)
            return
        finally:
            self._export = None
        if whole:
            self._enter("ended")
            where = shown_path(str(self._path), self._home)
            lines = "line" if export.written == 1 else "lines"
            self.say(f"✓ {count(export.written)} {lines} are in {where}.")
        else:
            self._enter("naming")
            self.say("Stopped: nothing was written.")

    def action_stop(self) -> None:
        """Ends it."""
        if self._export is not None:
            self._export.stop()

    def action_back(self) -> None:
        """Escape in the line."""
        self.action_close()

    def action_close(self) -> None:
        """What is written is stopped first; a question is answered by no."""
        if self._state == "saving":
            self.action_stop()
        elif self._state == "asking":
            self.action_rename()
        else:
            self.dismiss(None)

    def on_unmount(self) -> None:
        """Nothing is written for nobody."""
        self.action_stop()

    def _enter(self, state: str) -> None:
        self._state = state
        shown = {
            "naming": ("save", "close"),
            "asking": ("overwrite", "rename"),
            "saving": ("stop",),
            "ended": ("close",),
        }
        for name in ("save", "overwrite", "rename", "stop", "close"):
            self.query_one(f"#do-{name}", Button).display = name in shown[state]
        self._input.disabled = state != "naming"
        focus = {
            "naming": self._input,
            "asking": self.query_one("#do-rename"),
            "saving": self.query_one("#do-stop"),
        }
        focus.get(state, self.query_one("#do-close")).focus()
        self.keys(_KEYS[state])
        self._tick()

    def _tick(self) -> None:
        if self._export is not None and self._state == "saving":
            self.say(f"◐ Saving… {count(self._export.written)} lines")
