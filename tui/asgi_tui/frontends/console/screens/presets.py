"""The dialog of the presets and the last launches: load one, save the form as one, delete one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Button

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers import get_server
from asgi_tui.domain.text import mask_arguments
from asgi_tui.frontends.console.format import ago, count, path
from asgi_tui.frontends.console.screens.kept_dialog import KeptDialog
from asgi_tui.frontends.console.screens.launch_dialog import Line
from asgi_tui.frontends.console.widgets.choice import Choice
from asgi_tui.frontends.console.widgets.table import Column

if TYPE_CHECKING:
    from asgi_tui.engine.history import Launch
    from asgi_tui.engine.presets import Preset, PresetList, Where

    Found = tuple[PresetList, Sequence[Launch]]

_COLUMNS = (Column("", 24), Column("", 17), Column("", 28), Column(""))
_WHERE = {"project": "the project's pyproject.toml", "user": "your own presets"}


def _options(plan: LaunchPlan) -> str:
    number = len(plan.options) + len(plan.env) + len(plan.native)
    return {0: "as it is", 1: "1 setting"}.get(number, f"{count(number)} settings")


def _command(plan: LaunchPlan) -> str:
    """The native command, with what it holds of secrets masked."""
    command = get_server(plan.server).command(plan)
    return " ".join(mask_arguments(command.argv))


class PresetsDialog(KeptDialog[LaunchPlan]):
    """Presets of the project and of the user, and the last launches; gives the plan of the one picked.

    ``load`` gives the presets and the last launches, ``save`` writes the form's plan under a name and gives
    the names of what was left out, ``delete`` takes a preset away. They may block, and raise ``Problem``.
    A launch in another directory than ``cwd`` names it.
    """

    list_keys = "Enter loads · s saves the form · d deletes · Esc closes"
    naming_keys = "Enter saves · Tab to project or mine · Esc back"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "save", "Save", tooltip="Save the form as a preset", id="presets.save"),
        Binding("d,delete", "delete", "Delete", tooltip="Delete the preset", id="presets.delete"),
        Binding("y", "yes", "Yes", show=False),
        Binding("n", "back", "No", show=False),
    ]

    def __init__(
        self,
        load: Callable[[], Found],
        save: Callable[[str, Where], Sequence[str]],
        delete: Callable[[str, Where], None],
        *,
        cwd: str,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._where = Choice([("project", "project"), ("mine", "user")], "project")
        super().__init__(_COLUMNS, self._where, id="presets")
        self._load = load
        self._save = save
        self._delete = delete
        self._cwd = cwd
        self._now = now
        self._presets: dict[str, Preset] = {}
        self._launches: dict[str, Launch] = {}

    def compose(self) -> ComposeResult:
        """The list, what is said of the picked one, and what is asked."""
        with self.box("Presets and last launches", self.list_keys):
            yield self._lines
            yield self.detail()
            yield self.said()
            yield self._naming
            yield self._question
            yield self.buttons(
                ("load", "Load", "Put it into the form (Enter)"),
                ("save", "Save the form…", "Save the form as a preset (s)"),
                ("delete", "Delete…", "Delete the preset (d)"),
                ("close", "Close", "Leave the form as it is (Esc)"),
            )

    def on_mount(self) -> None:
        """Reads the files."""
        self.action_back()
        self.say("Looking…")
        self.read()

    # -- the list ----------------------------------------------------------------------------------

    @work(exclusive=True, group="read")
    async def read(self, pick: str = "", say: str = "") -> None:
        """Reads presets and launches anew and says something."""
        try:
            presets, launches = await asyncio.to_thread(self._load)
        except Problem as problem:
            self.say(problem)
            return
        self._presets = {f"{preset.where}/{preset.name}": preset for preset in presets.presets}
        self._launches = {f"launch/{index}": launch for index, launch in enumerate(launches)}
        lines: list[Line] = []
        for where, title in (("project", "The project's, in pyproject.toml"), ("user", "Yours")):
            own = {key: preset for key, preset in self._presets.items() if preset.where == where}
            if own:
                lines.append(Line(f"/{where}", (title,), heading=True))
                lines += [self._preset_line(key, preset) for key, preset in own.items()]
        if self._launches:
            lines.append(Line("/launches", ("Last launches",), heading=True))
            lines += [self._launch_line(key, launch) for key, launch in self._launches.items()]
        self._lines.show(lines, pick=pick)
        self.show_detail()
        nothing = "No presets and no launches yet. s saves the form as a preset."
        said = " ".join(filter(None, (say, nothing if not lines else "")))
        self.say(said)
        # A file that cannot be read comes first, whatever was to be said.
        if presets.problems:
            self.say(presets.problems[0])

    def action_load(self) -> None:
        """Gives the plan of the picked one."""
        key = self._lines.key
        if key in self._launches:
            self.dismiss(self._launches[key].plan)
        elif key in self._presets:
            preset = self._presets[key]
            if preset.plan is not None:
                self.dismiss(preset.plan)
            elif preset.problem is not None:
                self.say(preset.problem)

    def _preset_line(self, key: str, preset: Preset) -> Line:
        if preset.plan is None:
            return Line(key, (preset.name, "✗ broken", "", ""), str(preset.problem or ""), "$text-error")
        plan = preset.plan
        return Line(key, (preset.name, plan.server, str(plan.target), _options(plan)))

    def _launch_line(self, key: str, launch: Launch) -> Line:
        plan = launch.plan
        where = "" if plan.cwd == self._cwd else f"in {path(plan.cwd, str(Path.home()))}"
        cells = (ago(self._now() - launch.at), plan.server, str(plan.target), _options(plan))
        return Line(key, cells, where)

    def show_detail(self) -> None:
        """Says what the picked one holds."""
        key = self._lines.key
        found = self._launches.get(key) or self._presets.get(key)
        plan = found.plan if found is not None else None
        self.tell(f"$ {_command(plan)}" if plan else "")
        self.query_one("#do-load", Button).disabled = plan is None
        self.query_one("#do-delete", Button).disabled = key not in self._presets

    # -- saving and deleting -----------------------------------------------------------------------

    def action_save(self) -> None:
        """Asks for a name."""
        self.ask_name("Secrets are not saved: passwords, tokens and variables that are named like one.")

    def action_name(self) -> None:
        """Saves under the name; asks before it overwrites."""
        name = self._input.value.strip()
        where: Where = "user" if self._where.value == "user" else "project"
        if not name:
            self.say(Problem("Preset", "it has no name", "type one"))
        elif f"{where}/{name}" in self._presets:
            self.ask(
                f"There is a preset {name} in {_WHERE[where]}. Overwrite it?", lambda: self.write(name, where)
            )
        else:
            self.write(name, where)

    def action_delete(self) -> None:
        """Asks whether the preset is to go."""
        preset = self._presets.get(self._lines.key)
        if preset is None:
            self.say("Only presets can be deleted: the last launches go by themselves.")
            return
        question = f"Delete the preset {preset.name} from {_WHERE[preset.where]}?"
        self.ask(question, lambda: self.erase(preset.name, preset.where))

    @work(group="write")
    async def write(self, name: str, where: Where) -> None:
        """Saves the form."""
        try:
            left_out = await asyncio.to_thread(self._save, name, where)
        except Problem as problem:
            self.say(problem)
            return
        self.action_back()
        said = f"Saved as {name} in {_WHERE[where]}."
        if left_out:
            said += f" Left out, being secret or not to be checked: {', '.join(left_out)}."
        self.read(f"{where}/{name}", said)

    @work(group="write")
    async def erase(self, name: str, where: Where) -> None:
        """Deletes a preset."""
        try:
            await asyncio.to_thread(self._delete, name, where)
        except Problem as problem:
            self.say(problem)
            return
        self.read(say=f"Deleted {name} from {_WHERE[where]}.")
