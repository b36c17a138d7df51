"""The dialog with everything of one reload or switch."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from asgi_tui.frontends.console.history import Entry
from asgi_tui.frontends.console.model import SessionModel
from asgi_tui.frontends.console.screens.dialog import Dialog
from asgi_tui.frontends.console.widgets.reload_detail import detail, title


class ReloadDialog(Dialog[None]):
    """Files, phases, imports, options, traceback; what is told later comes in while it is open."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "edit", "Edit", tooltip="Open the place at fault in the editor", id="reload.edit"),
        Binding(
            "u", "unfold", "Unfold", tooltip="Show the whole traceback, or your frames", id="reload.unfold"
        ),
    ]

    def __init__(self, entry: Entry, cwd: str = "") -> None:
        super().__init__()
        self._entry = entry
        self._cwd = cwd
        self._unfolded = False
        self._text = Static(classes="text", markup=False)

    def compose(self) -> ComposeResult:
        """One text that scrolls and can be selected."""
        box = VerticalScroll(id="reload-box", classes="box")
        box.border_title = title(self._entry)
        keys = ["o opens in the editor"] if self._entry.place is not None else []
        keys += ["u unfolds the traceback"] if self._entry.traceback else []
        box.border_subtitle = " · ".join([*keys, "Esc closes"])
        with box:
            yield self._text

    def on_mount(self) -> None:
        """Shows it."""
        self._show()

    def show_model(self, model: SessionModel) -> None:
        """Shows what was told since: the old run may end long after the new one answers."""
        entry = model.reloads.find(self._entry.number)
        if entry is not None and entry != self._entry:
            self._entry = entry
            self._show()

    def action_edit(self) -> None:
        """Opens the place at fault."""
        from asgi_tui.frontends.console.session_actions import SessionActions

        assert isinstance(self.app, SessionActions)
        if self._entry.place is not None:
            self.app.action_open_place(self._entry.place)

    def action_unfold(self) -> None:
        """The whole traceback, or the user's frames."""
        self._unfolded = not self._unfolded
        self._show()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A success has no place and no traceback."""
        if action == "edit":
            return self._entry.place is not None
        return action != "unfold" or bool(self._entry.traceback)

    def _show(self) -> None:
        self._text.update(detail(self._entry, self._cwd, unfolded=self._unfolded))
