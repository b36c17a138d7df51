"""What the dialogs of presets and of saved requests have in common: a list of what is kept under names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Button, OptionList, Static

from asgi_tui.frontends.console.screens.launch_dialog import LaunchDialog, LineInput, Lines, cut
from asgi_tui.frontends.console.widgets.table import Column

Result = TypeVar("Result")

_KEYS_ASKED = "y yes · n no"


class KeptDialog(LaunchDialog[Result]):
    """A list to load from, a line for the name to save under, a question before anything is lost.

    ``list_keys`` and ``naming_keys`` are the keys below the box, ``resting`` is what is said over the list
    while nothing else is.
    """

    list_keys = ""
    naming_keys = ""

    def __init__(self, columns: Sequence[Column], *beside_name: Widget, id: str) -> None:  # noqa: A002 - of the list, as every widget
        super().__init__()
        self._asked: tuple[Callable[[], object], Callable[[], object]] | None = None
        self._lines = Lines(columns, id=id)
        self._input = LineInput("name: letters, digits, - and _", max_length=40)
        self._naming = Horizontal(
            Static("Save as", markup=False),
            self._input,
            *beside_name,
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

    @property
    def resting(self) -> str:
        """What is said over the list."""
        return ""

    def on_option_list_option_highlighted(self) -> None:
        """Says what the picked one is."""
        self.show_detail()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter."""
        self.action_load()

    def show_detail(self) -> None:
        """Says what the picked one is."""
        raise NotImplementedError

    def action_load(self) -> None:
        """Gives the picked one."""
        raise NotImplementedError

    def action_name(self) -> None:
        """Saves under the name; asks before it overwrites."""
        raise NotImplementedError

    def on_input_submitted(self) -> None:
        """Enter after the name."""
        self.action_name()

    def ask_name(self, say: str) -> None:
        """Asks for the name to save under."""
        self.action_back()
        self.say(say)
        self.keys(self.naming_keys)
        self._naming.display = True
        self.query_one(".buttons").display = False
        self._input.focus()

    def ask(
        self, question: str, then: Callable[[], object], otherwise: Callable[[], object] | None = None
    ) -> None:
        """Asks a question; ``then`` is done after a yes, ``otherwise`` after a no."""
        self.action_back()
        self._asked = then, otherwise or (lambda: None)
        self._sure.update(cut(question))
        self.keys(_KEYS_ASKED)
        self._question.display = True
        self.query_one(".buttons").display = False
        self.query_one("#do-yes", Button).focus()

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

    def action_back(self) -> None:
        """To the list; nothing is asked any more."""
        self._asked = None
        self._naming.display = False
        self._question.display = False
        self.query_one(".buttons").display = True
        self.keys(self.list_keys)
        self.say(self.resting)
        self._lines.focus()

    def action_close(self) -> None:
        """Leaves what is asked, else the dialog."""
        if self._asked is not None or self._naming.display:
            self.action_back()
        else:
            self.dismiss(None)
