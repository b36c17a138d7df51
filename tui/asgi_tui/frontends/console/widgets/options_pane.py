"""The form of common options and the list of all of them, one at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message

from asgi_tui.domain.options import OptionTable
from asgi_tui.domain.servers import SERVERS, get_server
from asgi_tui.domain.text import sanitize
from asgi_tui.frontends.console.widgets.choice import Choice
from asgi_tui.frontends.console.widgets.form import Form
from asgi_tui.frontends.console.widgets.option_rows import OUTSIDE, OptionState, outside_text

if TYPE_CHECKING:
    from asgi_tui.frontends.console.widgets.all_options import AllOptions

COMMON, ALL = "common", "all"


class OptionsPane(Vertical):
    """Two tabs over the form and the list, which is mounted when it is first asked for."""

    class Shown(Message):
        """Another tab is in sight."""

    DEFAULT_CSS = """
    OptionsPane { width: 1fr; height: 100%; }
    OptionsPane > #options-tabs { background: $background; }
    """

    def __init__(self) -> None:
        super().__init__(id="options")
        self.form = Form()
        self._tabs = Choice([], COMMON, id="options-tabs")
        self._tabs.tooltip = "The form (key e), or every option of the server (key o)"
        self._all: AllOptions | None = None
        self._tables: dict[str, OptionTable] = {}  # as installed, by server
        self._asks = False
        # The picked server's options, and the same in the terms of the common ones.
        self._table = self._in_form = OptionTable("", ())
        self._state: OptionState | None = None

    def compose(self) -> ComposeResult:
        """The tabs over the form; the list comes later."""
        yield self._tabs
        yield self.form

    # -- what it is told ---------------------------------------------------------------------------

    def know(self, table: OptionTable, *, asks: bool) -> None:
        """The options of a server as they are installed; what is shown follows with the next ``show``.

        ``asks``: they are only what it is known for, until the user lets the installed version be read.
        """
        self._tables[table.server] = table
        self._asks = asks

    def table(self, server: str) -> OptionTable:
        """The options of a server: as installed where that is known, else all it is known for."""
        return self._tables.get(server) or get_server(server).table

    def show(self, state: OptionState) -> None:
        """Shows the picked server's options. What is not in sight waits until it is."""
        if state.table is not self._table:
            self._table = state.table
            self._in_form = get_server(state.table.server).for_form(state.table)
        self._state = state = replace(state, table=self._in_form)
        self.form.show_outside(_outside_notes(state))
        table = state.table
        total = len(table.options)
        self._tabs.set_options([("Common", COMMON), (f"All options ({total})", ALL)])
        title = f"Options of {get_server(table.server).title}"
        if self.form.border_title != title:
            self.form.border_title = title
        self._show_all()

    def show_form(self) -> None:
        """The tab of the common options."""
        self._show_tab(COMMON)

    async def show_all(self) -> None:
        """The tab of every option, with the cursor in the list."""
        # Its widgets are many and heavy: the first paint does not wait for them.
        from asgi_tui.frontends.console.widgets.all_options import AllOptions

        with self.app.batch_update():  # one layout in place of several
            if self._all is None:
                self._all = AllOptions()
                self._show_tab(ALL)
                await self.mount(self._all)
            else:
                self._show_tab(ALL)
            self._all.focus_list()

    async def search(self) -> None:
        """The tab of every option, with the cursor in the search."""
        await self.show_all()
        if self._all is not None:
            self._all.action_search()

    @property
    def shows_all(self) -> bool:
        """Whether the list of every option is in sight."""
        return self._tabs.value == ALL

    # -- inside ------------------------------------------------------------------------------------

    def _show_tab(self, tab: str) -> None:
        self._tabs.value = tab
        self.form.display = tab == COMMON
        if self._all is not None:
            self._all.display = tab == ALL
        self._show_all()
        self.post_message(self.Shown())

    def _show_all(self) -> None:
        pane, state = self._all, self._state
        if pane is None or state is None or not self.shows_all:
            return
        table = state.table
        others = tuple(self.table(name) for name in SERVERS if name != table.server)
        pane.show(replace(state, others=others))
        labels = self.form.border_title or "", _origin(table, self._asks).replace("[", "\\[")
        if (pane.border_title, pane.border_subtitle) != labels:
            pane.border_title, pane.border_subtitle = labels

    async def on_choice_changed(self, event: Choice.Changed) -> None:
        """A tab was picked."""
        event.stop()
        if event.value == ALL:
            await self.show_all()
        else:
            self.show_form()


def _outside_notes(state: OptionState) -> dict[str, str]:
    """What sets a common option that is not set here, by concept."""
    return {
        option.key: f"{OUTSIDE} {outside_text(state, option)}"
        for option in state.table.options
        if (outside := state.outside.get(option.key)) and outside.counts and not state.changed(option)
    }


def _origin(table: OptionTable, asks: bool) -> str:
    """Where a table is from, in a few words; ``asks``: the installed version is read after a yes."""
    if asks:
        return f"those {table.server} is known for; key u reads the installed version's"
    if table.note:
        return sanitize(" ".join(table.note.split()))
    if table.version is not None:
        return f"as {table.server} {sanitize(table.version)} has them"
    return f"those {table.server} is known for"
