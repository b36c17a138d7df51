"""The dialog that moves the running app to another server."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.mapping import map_plan
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.text import sanitize
from asgi_tui.frontends.console.screens.dialog import Dialog
from asgi_tui.frontends.console.widgets.server_list import ServerRow, row_content


def consequence(plan: LaunchPlan, name: str) -> tuple[str, str]:
    """What a switch would drop, and why it is impossible; either may be empty."""
    if name == plan.server:
        return "", ""
    try:
        mapping = map_plan(plan, name)
    except Problem as problem:
        return "", problem.why
    return "; ".join(mapping.dropped), ""


class SwitchDialog(Dialog[str]):
    """Every server with its version; gives the name of the one picked."""

    def __init__(self, rows: Sequence[ServerRow], plan: LaunchPlan) -> None:
        super().__init__()
        self._rows = rows
        self._plan = plan

    def compose(self) -> ComposeResult:
        """The list; what cannot be picked says why."""
        box = Vertical(id="switch-box", classes="box")
        box.border_title = "Switch server"
        box.border_subtitle = "Enter switches · Esc closes"
        with box:
            yield Static(
                f"{sanitize(str(self._plan.target))} keeps its address and all options the other server has.",
                id="switch-hint",
                markup=False,
            )
            yield OptionList(*map(self._option, self._rows), id="switch-list")

    def on_mount(self) -> None:
        """The first one that can be picked is picked."""
        options = self.query_one(OptionList)
        options.focus()
        able = [index for index, row in enumerate(self._rows) if not options.get_option(row.name).disabled]
        options.highlighted = able[0] if able else None

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Switches."""
        self.dismiss(event.option_id)

    def _option(self, row: ServerRow) -> Option:
        dropped, impossible = consequence(self._plan, row.name)
        content = row_content(row)
        if impossible:
            content = Content.assemble(content, (f"\n  {sanitize(impossible)}", "$text-warning"))
        elif dropped:
            content = Content.assemble(content, (f"\n  would drop {sanitize(dropped)}", "$text-muted"))
        return Option(
            content, id=row.name, disabled=row.current or row.installed is False or bool(impossible)
        )
