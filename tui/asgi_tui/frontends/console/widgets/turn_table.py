"""What happened in a WebSocket conversation, a row each."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from asgi_tui.domain.sending import Turn
from asgi_tui.frontends.console import format as show
from asgi_tui.frontends.console.turn_log import TurnLog, arrow, kind_of, told
from asgi_tui.frontends.console.widgets.cursor_table import CursorTable
from asgi_tui.frontends.console.widgets.table import Column, Row

_COLUMNS = (
    Column("time", 12, right=False),
    Column("", 1, right=False),
    Column("kind", 6, right=False),
    Column("size", 7),
    Column("message", 0, right=False),
)
_EMPTY = "No messages yet.\nF5 connects, then type below."


class TurnTable(CursorTable):
    """Follows what comes while its cursor is on the last row; Enter or a double click shows all of a turn."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Look", show=False, tooltip="Everything of the message")
    ]

    def __init__(self) -> None:
        super().__init__(_COLUMNS, _EMPTY, id="ws-turns")

    def show_log(self, log: TurnLog) -> None:
        """Shows what is kept."""
        follows = self.cursor is None or self.cursor == self.rows[-1]
        known = {row.key: row for row in self.rows}
        self.show([known.get(str(number)) or _row(number, turn) for number, turn in log.items()])
        if follows:
            self.move_to(len(log) - 1)


def _row(number: int, turn: Turn) -> Row:
    size = show.size(len(turn.data)) if turn.kind in ("text", "binary") else ""
    cells = (show.clock_ms(turn.at), arrow(turn), kind_of(turn), size, told(turn))
    return Row(str(number), cells, turn.kind == "failed")
