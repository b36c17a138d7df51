"""The dialog of a project's saved requests: load one, save one, delete one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, Protocol

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Button

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.sending import Sending
from asgi_tui.domain.withholding import withhold
from asgi_tui.frontends.console.format import ago, size
from asgi_tui.frontends.console.request_form import masked_path
from asgi_tui.frontends.console.screens.kept_dialog import KeptDialog
from asgi_tui.frontends.console.screens.launch_dialog import Line
from asgi_tui.frontends.console.widgets.table import Column

if TYPE_CHECKING:
    from asgi_tui.domain.saved_request import SavedList, SavedRequest

_KEYS_SAVING = "Enter loads · s saves the request · d deletes · Esc closes"
_COLUMNS = (Column("", 24), Column("", 8), Column("", 40), Column("", 9), Column(""))


class Save(Protocol):
    """Saves the request under a name; gives what was left out of it. May block, and raises ``Problem``."""

    def __call__(self, name: str, *, keep_body: bool) -> Sequence[str]: ...


NOTHING = "Nothing is saved yet."


class SavedRequestsDialog(KeptDialog[Sending]):
    """The saved requests; gives the one that is picked.

    ``sending`` is the one that may be saved, by ``save``, and ``naming`` asks for its name at once. ``load``
    and ``delete`` may block too.
    """

    list_keys = "Enter loads · d deletes · Esc closes"
    naming_keys = "Enter saves · Esc back"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "save", "Save", tooltip="Save the request", id="saved.save"),
        Binding("d,delete", "delete", "Delete", tooltip="Delete the saved request", id="saved.delete"),
        Binding("y", "yes", "Yes", show=False),
        Binding("n", "no", "No", show=False),
    ]

    def __init__(
        self,
        load: Callable[[], SavedList],
        save: Save,
        delete: Callable[[str], None],
        *,
        sending: Sending | None = None,
        naming: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(_COLUMNS, id="saved")
        self._load = load
        self._save = save
        self._delete = delete
        self._sending = sending
        if sending is not None:
            self.list_keys = _KEYS_SAVING
        self._naming_first = naming and sending is not None
        self._now = now
        self._saved: dict[str, SavedRequest] = {}

    def compose(self) -> ComposeResult:
        """The list, what is said of the picked one, and what is asked."""
        with self.box("Saved requests of this project", self.list_keys):
            yield self._lines
            yield self.detail()
            yield self.said()
            yield self._naming
            yield self._question
            yield self.buttons(
                ("load", "Load", "Put it into the form (Enter)"),
                ("save", "Save the request…", "Save the request (s)"),
                ("delete", "Delete…", "Delete the saved request (d)"),
                ("close", "Close", "Load nothing (Esc)"),
            )

    def on_mount(self) -> None:
        """Reads the files."""
        self.action_back()
        self.query_one("#do-save").display = self._sending is not None
        self.say("Looking…")
        self.read()
        if self._naming_first:
            self.action_save()

    @property
    def resting(self) -> str:
        """Says where there is nothing."""
        return "" if self._saved else NOTHING

    # -- the list ----------------------------------------------------------------------------------

    @work(exclusive=True, group="read")
    async def read(self, pick: str = "", say: str = "") -> None:
        """Reads the requests anew and says something."""
        try:
            found = await asyncio.to_thread(self._load)
        except Problem as problem:
            self.say(problem)
            return
        self._saved = {saved.name: saved for saved in found.requests}
        self._lines.show([self._line(saved) for saved in found.requests], pick=pick)
        self.show_detail()
        if found.problems:
            self.say(found.problems[0])
        elif say or not self._naming.display:
            self.say(say or self.resting)

    def _line(self, saved: SavedRequest) -> Line:
        sending = saved.sending
        body = size(len(sending.body)) if sending.body else ""
        cells = (saved.name, sending.method, masked_path(sending.path), body, ago(self._now() - saved.at))
        missing = f"▲ to be filled in: {', '.join(saved.missing)}" if saved.missing else ""
        return Line(saved.name, cells, missing, "$text-warning")

    def show_detail(self) -> None:
        """Says what the picked one holds."""
        saved = self._saved.get(self._lines.key)
        self.tell(f"{saved.sending.method} {masked_path(saved.sending.path)}" if saved else "")
        self.query_one("#do-load", Button).disabled = saved is None
        self.query_one("#do-delete", Button).disabled = saved is None

    def action_load(self) -> None:
        """Gives the picked one."""
        saved = self._saved.get(self._lines.key)
        if saved is not None:
            self.dismiss(saved.sending)

    # -- saving and deleting -----------------------------------------------------------------------

    def action_save(self) -> None:
        """Asks for a name."""
        if self._sending is not None:
            self.ask_name("Secrets are not saved: they are to be filled in when it is loaded.")

    def action_name(self) -> None:
        """Saves under the name; asks before it overwrites."""
        name = self._input.value.strip()
        if not name:
            self.say(Problem("Saved request", "it has no name", "type one"))
        # names that differ in capitals alone are one
        elif name.lower() in map(str.lower, self._saved):
            self.ask(f"There is a saved request {name}. Overwrite it?", lambda: self._keep(name))
        else:
            self._keep(name)

    def _keep(self, name: str) -> None:
        assert self._sending is not None
        if self._sending.body and withhold(self._sending).body is None:
            question = (
                f"The body ({size(len(self._sending.body))}) cannot be searched for secrets. Save it too?"
            )
            self.ask(question, lambda: self.write(name, keep_body=True), lambda: self.write(name))
        else:
            self.write(name)

    def action_delete(self) -> None:
        """Asks whether it is to go."""
        saved = self._saved.get(self._lines.key)
        if saved is not None:
            self.ask(f"Delete the saved request {saved.name}?", lambda: self.erase(saved.name))

    @work(group="write")
    async def write(self, name: str, *, keep_body: bool = False) -> None:
        """Saves the request."""
        try:
            missing = await asyncio.to_thread(self._save, name, keep_body=keep_body)
        except Problem as problem:
            self.say(problem)
            return
        self.action_back()
        said = f"Saved as {name}."
        if missing:
            said += f" Not saved, to be filled in: {', '.join(missing)}."
        self.read(name, said)

    @work(group="write")
    async def erase(self, name: str) -> None:
        """Deletes a saved request."""
        try:
            await asyncio.to_thread(self._delete, name)
        except Problem as problem:
            self.say(problem)
            return
        self.read(say=f"Deleted {name}.")
