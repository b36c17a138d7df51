"""The routes of the traffic pane: sorted, filtered, one chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType

from asgi_tui.domain.events import RouteTraffic
from asgi_tui.domain.text import sanitize
from asgi_tui.engine.windows import SHOWN_ROUTES
from asgi_tui.frontends.console import format as show
from asgi_tui.frontends.console.widgets.cursor_table import CursorTable
from asgi_tui.frontends.console.widgets.table import FALLING, RISING, Column, Row, Table
from asgi_tui.frontends.console.widgets.traffic_text import short

LEAST_NAME = 16  # cells of a route below which other columns leave

COLUMNS = (
    Column("route", right=False),
    Column("rate", 6, leaves=1),
    Column("count", 9),
    Column("errors", 7),
    Column("p50", 6),
    Column("p95", 6, leaves=2),
    Column("p99", 6),
    Column("bytes", 7, leaves=3),
)
ROUTE, COUNT, ERRORS = 0, 2, 3
_BY: tuple[Callable[[RouteTraffic], float | tuple[str, ...]], ...] = (
    lambda item: item.route.partition(" ")[::-1],
    lambda item: item.rate,
    lambda item: item.requests,
    lambda item: item.errors,
    lambda item: item.p50_ms,
    lambda item: item.p95_ms,
    lambda item: item.p99_ms,
    lambda item: item.bytes,
)


def route_row(item: RouteTraffic) -> Row:
    """A row of the table; its cells are as ``COLUMNS`` has them."""
    return Row(
        item.route,
        (
            sanitize(item.route),
            show.rate(item.rate) if item.rate >= 0 else "-",
            short(item.requests, COLUMNS[COUNT].width),
            f"✗ {short(item.errors, COLUMNS[ERRORS].width - 2)}" if item.errors else "0",
            milliseconds(item.p50_ms),
            milliseconds(item.p95_ms),
            milliseconds(item.p99_ms),
            show.size(item.bytes) if item.bytes >= 0 else "-",
        ),
        alarm=item.errors > 0,
    )


def milliseconds(value: float) -> str:
    """Milliseconds in the room of a column, seconds from 100 s on."""
    if value < 0:
        return "-"
    return show.milliseconds(value) if value < 99_999.5 else f"{value / 1000:,.0f}s"


def busiest(routes: Sequence[RouteTraffic]) -> tuple[RouteTraffic, ...]:
    """As many as are shown, the one with the most requests first."""
    return tuple(sorted(routes, key=lambda item: (-item.requests, item.route))[:SHOWN_ROUTES])


def ranked(
    routes: Sequence[RouteTraffic], column: int, *, falling: bool, containing: str = ""
) -> list[RouteTraffic]:
    """The routes that contain a text, in whatever case, sorted by a column; what is equal stays in order."""
    wanted = containing.casefold()
    found = [item for item in routes if wanted in item.route.casefold()]
    return sorted(found, key=_BY[column], reverse=falling)


class RouteTable(CursorTable):
    """Routes, the busiest first until another column is asked for."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Requests", tooltip="Show the requests of the route", id="traffic.open"),
        Binding("full_stop", "sort(1)", "Sort", tooltip="Sort by the next column", id="traffic.sort"),
        Binding(
            "comma",
            "sort(-1)",
            "Sort back",
            show=False,
            tooltip="Sort by the column before",
            id="traffic.sort_back",
        ),
        Binding("d", "turn", "Turn", show=False, tooltip="Sort the other way round", id="traffic.turn"),
    ]

    def __init__(self) -> None:
        super().__init__(COLUMNS, "", id="routes", gap=1, least=LEAST_NAME)
        self._routes: tuple[RouteTraffic, ...] = ()
        self._column, self._falling = COUNT, True
        self._term = ""
        self._none = ""
        self.mark(COUNT, FALLING)

    @property
    def term(self) -> str:
        """What the routes that are shown contain."""
        return self._term

    def detail(self, width: int) -> str:
        """The route with the cursor in full and the numbers that have no room; empty where there is none.

        One line where that fits ``width`` cells, else two.
        """
        row = self.cursor
        if row is None:
            return ""
        chosen = next(item for item in self._routes if item.route == row.key)
        shown = self.shown
        said = [f"{COLUMNS[i].title} {row.cells[i]}" for i in range(len(COLUMNS)) if i not in shown]
        if chosen.max_ms >= 0:
            said.append(f"max {show.duration(chosen.max_ms)}")
        line = "   ".join([row.cells[0], *said])
        return line if cell_len(line) <= width else f"{row.cells[0]}\n{'   '.join(said)}"

    def show_routes(self, routes: Sequence[RouteTraffic], none: str = "") -> None:
        """Shows the routes; ``none`` says why there are none."""
        self._routes, self._none = busiest(routes), none
        # their numbers lag behind those of all requests, and tell nothing of it
        whole = len(self._routes) < SHOWN_ROUTES
        self.entitle(ROUTE, "route" if whole else f"busiest {len(self._routes)}")
        self._refill()

    def narrow(self, term: str) -> None:
        """Shows the routes that contain ``term`` alone."""
        self._term = term
        self._refill()

    def sort(self, column: int, *, falling: bool) -> None:
        """Sorts by a column of ``COLUMNS``, the highest first if ``falling``."""
        self._column, self._falling = column, falling
        self.mark(column, FALLING if falling else RISING)
        self._refill()

    def action_sort(self, step: int) -> None:
        """Sorts by another column."""
        column = (self._column + step) % len(COLUMNS)
        self.sort(column, falling=column > 0)

    def action_turn(self) -> None:
        """Sorts the other way round."""
        self.sort(self._column, falling=not self._falling)

    def on_table_header_clicked(self, event: Table.HeaderClicked) -> None:
        """Sorts by the column; the other way round where it was sorted by it."""
        event.stop()
        same = event.column == self._column
        self.sort(event.column, falling=not self._falling if same else event.column > 0)

    def _refill(self) -> None:
        found = ranked(self._routes, self._column, falling=self._falling, containing=self._term)
        none = f"No route contains {sanitize(self._term)}." if self._routes and self._term else self._none
        self.show([route_row(item) for item in found], none)
