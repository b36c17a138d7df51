"""The dialog of a project's saved requests: load one, save one, delete one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, Protocol

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button, OptionList, Static

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.sending import Sending
from asgi_tui.domain.withholding import withhold
from asgi_tui.frontends.console.format import size
from asgi_tui.frontends.console.request_form import masked_path
from asgi_tui.frontends.console.screens.launch_dialog import LaunchDialog, Line, LineInput, Lines, cut
from asgi_tui.frontends.console.screens.presets import ago
from asgi_tui.frontends.console.widgets.table import Column

if TYPE_CHECKING:
    from asgi_tui.domain.saved_request import SavedList, SavedRequest

_KEYS = "Enter loads · d deletes · Esc closes"
_KEYS_SAVING = "Enter loads · s saves the request · d deletes · Esc closes"
_KEYS_NAMING = "Enter saves · Esc back"
_KEYS_ASKED = "y yes · n no"
_COLUMNS = (Column("", 24), Column("", 8), Column("", 40), Column("", 9), Column(""))


class Save(Protocol):
    """Saves the request under a name; gives what was left out of it. May block, and raises ``Problem``."""

    def __call__(self, name: str, *, keep_body: bool) -> Sequence[str]: ...


NOTHING = "Nothing is saved yet."


class SavedRequestsDialog(LaunchDialog[Sending]):
    """The saved requests; gives the one that is picked.

    ``sending`` is the one that may be saved, by ``save``, and ``naming`` asks for its name at once. ``load``
    and ``delete`` may block too.
    """

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
        super().__init__()
        self._load = load
        self._save = save
        self._delete = delete
        self._sending = sending
        self._naming_first = naming and sending is not None
        self._now = now
        self._saved: dict[str, SavedRequest] = {}
        self._asked: tuple[Callable[[], object], Callable[[], object]] | None = None
        self._lines = Lines(_COLUMNS, id="saved")
        self._input = LineInput("name: letters, digits, - and _", max_length=40)
        self._naming = Horizontal(
            Static("Save as", markup=False),
            self._input,
            Button("Save", "primary", action="screen.name", compact=True, tooltip="Save it (Enter)"),
            Button("Back", action="screen.back", compact=True, tooltip="Back to the list (Esc)"),
            classes="line",
        )
        self._sure = Static("", markup=False)
        self._question = Horizontal(
            self._sure,
            Button("Yes", "primary", action="screen.yes", compact=True, tooltip="Do it (y)", id="do-yes"),
            Button("No", action="screen.no", compact=True, tooltip="Leave it (n or Esc)"),
            id="ask",
        )

    def compose(self) -> ComposeResult:
        """The list, what is said of the picked one, and what is asked."""
        with self.box("Saved requests of this project", self._list_keys):
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
    def _list_keys(self) -> str:
        return _KEYS if self._sending is None else _KEYS_SAVING

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
        self._show_detail()
        if found.problems:
            self.say(found.problems[0])
        elif say or not self._naming.display:
            self.say(say or ("" if self._saved else NOTHING))

    def _line(self, saved: SavedRequest) -> Line:
        sending = saved.sending
        body = size(len(sending.body)) if sending.body else ""
        cells = (saved.name, sending.method, masked_path(sending.path), body, ago(self._now() - saved.at))
        missing = f"▲ to be filled in: {', '.join(saved.missing)}" if saved.missing else ""
        return Line(saved.name, cells, missing, "$text-warning")

    def _show_detail(self) -> None:
        saved = self._saved.get(self._lines.key)
        self.tell(f"{saved.sending.method} {masked_path(saved.sending.path)}" if saved else "")
        self.query_one("#do-load", Button).disabled = saved is None
        self.query_one("#do-delete", Button).disabled = saved is None

    def on_option_list_option_highlighted(self) -> None:
        """Says what it is."""
        self._show_detail()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter."""
        self.action_load()

    def action_load(self) -> None:
        """Gives the picked one."""
        saved = self._saved.get(self._lines.key)
        if saved is not None:
            self.dismiss(saved.sending)

    # -- saving and deleting -----------------------------------------------------------------------

    def action_save(self) -> None:
        """Asks for a name."""
        if self._sending is None:
            return
        self.action_back()
        self.say("Secrets are not saved: they are to be filled in when it is loaded.")
        self.keys(_KEYS_NAMING)
        self._naming.display = True
        self.query_one(".buttons").display = False
        self._input.focus()

    def on_input_submitted(self) -> None:
        """Enter after the name."""
        self.action_name()

    def action_name(self) -> None:
        """Saves under the name; asks before it overwrites."""
        name = self._input.value.strip()
        if not name:
            self.say(Problem("Saved request", "it has no name", "type one"))
        # names that differ in capitals alone are one
        elif name.lower() in map(str.lower, self._saved):
            self._ask(f"There is a saved request {name}. Overwrite it?", lambda: self._keep(name))
        else:
            self._keep(name)

    def _keep(self, name: str) -> None:
        assert self._sending is not None
        if self._sending.body and withhold(self._sending).body is None:
            question = (
                f"The body ({size(len(self._sending.body))}) cannot be searched for secrets. Save it too?"
            )
            self._ask(question, lambda: self.write(name, keep_body=True), lambda: self.write(name))
        else:
            self.write(name)

    def action_delete(self) -> None:
        """Asks whether it is to go."""
        saved = self._saved.get(self._lines.key)
        if saved is not None:
            self._ask(f"Delete the saved request {saved.name}?", lambda: self.erase(saved.name))

    def action_yes(self) -> None:
        """Does what was asked for."""
        self._answer(0)

    def action_no(self) -> None:
        """Leaves it, or does it the other way."""
        self._answer(1)

    def _answer(self, which: int) -> None:
        if self._asked is not None:
            asked = self._asked
            self.action_back()
            asked[which]()

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

    def action_back(self) -> None:
        """To the list; nothing is asked any more."""
        self._asked = None
        self._naming.display = False
        self._question.display = False
        self.query_one(".buttons").display = True
        self.keys(self._list_keys)
        self.say("" if self._saved else NOTHING)
        self._lines.focus()

    def action_close(self) -> None:
        """Leaves what is asked, else the dialog."""
        if self._asked is not None or self._naming.display:
            self.action_back()
        else:
            self.dismiss(None)

    def _ask(
        self, question: str, then: Callable[[], object], otherwise: Callable[[], object] | None = None
    ) -> None:
        self.action_back()
        self._asked = then, otherwise or (lambda: None)
        self._sure.update(cut(question))
        self.keys(_KEYS_ASKED)
        self._question.display = True
        self.query_one(".buttons").display = False
        self.query_one("#do-yes", Button).focus()
