"""The servers to pick from, with what is known of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from asgi_tui.domain.servers import SERVERS


@dataclass(frozen=True, slots=True)
class ServerRow:
    """One server of the list; ``installed`` is None while that is being looked up."""

    name: str
    version: str
    installed: bool | None
    current: bool = False

    @property
    def state(self) -> str:
        """Version, or that there is none, and whether the server is a legacy one."""
        known = {None: "…", False: "not installed", True: self.version}[self.installed]
        parts = [known] if not SERVERS[self.name].deprecated else [known, "legacy"]
        return " · ".join([*parts, "running"] if self.current else parts)


def unknown_rows() -> list[ServerRow]:
    """Every server before its version is known."""
    return [ServerRow(name, "", None) for name in SERVERS]


def row_content(row: ServerRow) -> Content:
    """Title and state of a server, on two lines."""
    dim = "$text-muted" if row.installed is not False else "$text-warning"
    return Content.assemble((SERVERS[row.name].title, "bold"), "\n", (f"  {row.state}", dim))


class ServerList(OptionList):
    """Picks a server as the highlight moves."""

    BORDER_TITLE = "Server"

    class Picked(Message):
        """A server was picked."""

        def __init__(self, name: str) -> None:
            self.name = name
            super().__init__()

    def __init__(self) -> None:
        super().__init__(id="servers")
        self._rows: list[ServerRow] = []

    def on_mount(self) -> None:
        """Something to see before anything is known."""
        self.show_rows(unknown_rows())

    def show_rows(self, rows: Iterable[ServerRow]) -> None:
        """Shows what is known of each server; the pick stays."""
        rows = list(rows)
        if rows == self._rows:
            return
        self._rows = rows
        highlighted = self.highlighted
        with self.prevent(OptionList.OptionHighlighted):
            self.set_options([Option(row_content(row), id=row.name) for row in rows])
            self.highlighted = highlighted

    def pick(self, name: str) -> None:
        """Moves the highlight without posting it."""
        with self.prevent(OptionList.OptionHighlighted):
            self.highlighted = list(SERVERS).index(name)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """The highlight is the pick."""
        event.stop()
        if event.option_id:
            self.post_message(self.Picked(event.option_id))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """So is a click."""
        event.stop()
        if event.option_id:
            self.post_message(self.Picked(event.option_id))
