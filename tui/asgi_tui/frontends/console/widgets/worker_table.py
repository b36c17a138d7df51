"""The processes that serve the app, a row each."""

from __future__ import annotations

from collections.abc import Sequence

from asgi_tui.domain.events import WorkerStats
from asgi_tui.frontends.console.widgets.table import Column, Row, Table
from asgi_tui.frontends.console.widgets.traffic_text import LATE, lag, short

COLUMNS = (
    Column("worker", right=False),
    Column("requests", 9),
    Column("errors", 7),
    Column("flight", 6),
    Column("ws", 5),
    Column("lag", 8),
)


def worker_row(item: WorkerStats) -> Row:
    """A row of the table; a late event loop is an alarm."""
    return Row(
        str(item.pid),
        (
            str(item.pid),
            short(item.requests, 9),
            f"✗ {short(item.errors, 5)}" if item.errors else "0",
            short(item.in_flight, 6),
            short(item.websockets, 5),
            lag(item.lag_ms),
        ),
        alarm=item.lag_ms is not None and item.lag_ms > LATE,
    )


class WorkerTable(Table):
    """Totals and gauges of each worker, since it began."""

    def __init__(self) -> None:
        super().__init__(COLUMNS, "", id="workers", gap=1)

    def show_workers(self, workers: Sequence[WorkerStats]) -> None:
        """Shows the workers."""
        self.show([worker_row(item) for item in workers], "No worker runs.")
