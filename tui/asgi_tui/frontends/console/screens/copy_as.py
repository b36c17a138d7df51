"""The dialog that copies a request as code; with secrets only after a yes."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button, OptionList, Static

from asgi_tui.frontends.console.screens.launch_dialog import LaunchDialog, Line, Lines
from asgi_tui.frontends.console.widgets.table import Column

_KEYS = "Enter copies · Esc closes"
_KEYS_ASKED = "y yes · n no"
_LINES = (
    Line("curl", ("curl", "a command for the shell"), "Secrets are masked: it may be shown to anybody."),
    Line("httpx", ("httpx", "Python code"), "Secrets are masked."),
    Line("curl!", ("curl with secrets", "runs as it is"), "Asked for once more.", "$text-warning"),
    Line("httpx!", ("httpx with secrets", "runs as it is"), "Asked for once more.", "$text-warning"),
)
_SURE = "The clipboard can be read by other programs, and the terminal passes it on. Copy the secrets?"


class CopyDialog(LaunchDialog[tuple[str, bool]]):
    """Gives the kind, ``curl`` or ``httpx``, and whether with secrets."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "yes", "Yes", show=False),
        Binding("n", "back", "No", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._lines = Lines((Column("", 20), Column("")), id="copy-as", clicks=1)
        self._asked = ""
        self._question = Horizontal(
            Static(_SURE, markup=False),
            Button("Yes", "primary", action="screen.yes", compact=True, tooltip="Copy them (y)", id="do-yes"),
            Button("No", action="screen.back", compact=True, tooltip="Copy nothing (n or Esc)"),
            id="ask",
        )

    def compose(self) -> ComposeResult:
        """The ways, and the question."""
        with self.box("Copy the request as", _KEYS):
            yield self._lines
            yield self._question
            yield self.buttons(("copy", "Copy", "Copy it (Enter)"), ("close", "Close", "Copy nothing (Esc)"))

    def on_mount(self) -> None:
        """Nothing is asked yet."""
        self._lines.show(_LINES)
        self.action_back()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter or a click."""
        self.action_copy()

    def action_copy(self) -> None:
        """Copies, or asks."""
        kind = self._lines.key
        if kind.endswith("!"):
            self._asked = kind.rstrip("!")
            self._ask(asking=True)
        else:
            self.dismiss((kind, False))

    def action_yes(self) -> None:
        """With secrets."""
        if self._asked:
            self.dismiss((self._asked, True))

    def action_back(self) -> None:
        """Back to the ways."""
        self._asked = ""
        self._ask(asking=False)

    def action_close(self) -> None:
        """Leaves the question, else the dialog."""
        if self._asked:
            self.action_back()
        else:
            self.dismiss(None)

    def _ask(self, *, asking: bool) -> None:
        self._question.display = asking
        self.query_one(".buttons").display = not asking
        self.keys(_KEYS_ASKED if asking else _KEYS)
        # on No: Enter alone does not copy
        (self._question.query(Button).last() if asking else self._lines).focus()
