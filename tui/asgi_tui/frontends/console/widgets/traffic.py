"""The traffic pane: rates, latencies, totals, workers and routes."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from asgi_tui.domain.events import RouteStats, State, Stats, WorkerStats
from asgi_tui.domain.text import sanitize
from asgi_tui.frontends.console import format as show
from asgi_tui.frontends.console.model import SessionModel
from asgi_tui.frontends.console.widgets.table import Column, Row, Table

MAX_ROUTES = 200  # shown, most requests first
MAX_WORKERS = 4  # shown one a line; more are counted together

Part = str | tuple[str, str]


def _pairs(items: Sequence[tuple[str, str, str]]) -> list[Part]:
    parts: list[Part] = []
    for name, value, style in items:
        parts += [("   " if parts else "", ""), (f"{name} ", "$text-muted"), (value, style)]
    return parts


def metrics(stats: Stats, rates: Sequence[float], rate: float, width: int) -> Content:
    """The numbers above the route table, for ``width`` cells."""
    bad = "bold $text-error"
    now = f"{show.rate(rate)} req/s"
    room = max(min(width - len(now) - 2, len(rates)), 0)
    statuses = show.status_classes(stats.statuses)
    styles = {"4xx": "$text-warning", "5xx": bad}
    rows: list[list[Part]] = [
        [(now, "bold"), "  ", (show.sparkline(rates, room), "$text-primary")],
        _pairs(
            [
                ("requests", show.count(stats.requests), "bold"),
                ("errors", show.count(stats.errors), bad if stats.errors else ""),
                ("in flight", show.count(stats.in_flight), ""),
            ]
        ),
        [
            *_pairs(
                [
                    ("p50", show.milliseconds(stats.p50_ms), ""),
                    ("p90", show.milliseconds(stats.p90_ms), ""),
                    ("p99", show.milliseconds(stats.p99_ms), ""),
                    ("max", show.milliseconds(stats.max_ms), ""),
                ]
            ),
            (" ms", "$text-muted"),
        ],
        _pairs(
            [
                (name, show.count(value), styles.get(name, "") if value else "")
                for name, value in statuses.items()
            ]
        ),
        _pairs([("bytes in", show.size(stats.bytes_in), ""), ("out", show.size(stats.bytes_out), "")]),
        _pairs(
            [
                ("websockets", f"{show.count(stats.websockets)} open", ""),
                ("messages in", show.count(stats.ws_messages_in), ""),
                ("out", show.count(stats.ws_messages_out), ""),
            ]
        ),
    ]
    rows += [[(line, "")] for line in workers(stats.workers)]
    if stats.dropped:
        rows.append([(f"{show.count(stats.dropped)} records were too many to keep", "$text-warning")])
    joined: list[Part] = []
    for row in rows:
        joined += [*row, "\n"]
    return Content.assemble(*joined[:-1])


def workers(items: Sequence[WorkerStats]) -> list[str]:
    """One line a worker, the rest together."""
    shown = items if len(items) <= MAX_WORKERS else items[: MAX_WORKERS - 1]
    lines = [
        f"worker {item.pid}  {show.count(item.requests)} req  {show.count(item.errors)} err"
        f"  {show.count(item.in_flight)} in flight  {show.count(item.websockets)} ws"
        for item in shown
    ]
    rest = items[len(shown) :]
    if rest:
        lines.append(f"{len(rest)} more workers   {show.count(sum(item.requests for item in rest))} requests")
    return lines


def route_row(route: RouteStats) -> Row:
    """A row of the route table."""
    return Row(
        route.route,
        (
            sanitize(route.route),
            show.count(route.requests),
            f"✗ {show.count(route.errors)}" if route.errors else "0",
            show.milliseconds(route.p50_ms),
            show.milliseconds(route.p99_ms),
        ),
        alarm=route.errors > 0,
    )


def route_rows(routes: Sequence[RouteStats]) -> list[Row]:
    """Rows of the busiest routes; those left out are counted in a last row."""
    ranked = sorted(routes, key=lambda route: (-route.requests, route.route))
    rows = [route_row(route) for route in ranked[:MAX_ROUTES]]
    rest = ranked[MAX_ROUTES:]
    if rest:
        requests, errors = sum(item.requests for item in rest), sum(item.errors for item in rest)
        rows.append(Row("", (f"{len(rest)} more routes", show.count(requests), show.count(errors), "", "")))
    return rows


class Traffic(Vertical):
    """What the app serves."""

    BORDER_TITLE = "Traffic"

    def __init__(self) -> None:
        super().__init__(id="traffic", classes="pane")
        self._shown: object = None
        self._metrics = Static("", id="metrics", markup=False)
        self._table = Table(
            [
                Column("route", right=False),
                Column("requests", 9),
                Column("errors", 7),
                Column("p50 ms", 6),
                Column("p99 ms", 6),
            ],
            "",
            id="routes",
        )

    def compose(self) -> ComposeResult:
        """Numbers above, routes below."""
        yield self._metrics
        yield self._table

    def show(self, model: SessionModel) -> None:
        """Shows the totals; nothing is painted where nothing changed."""
        width = self._metrics.size.width
        shown = (model.stats, tuple(model.rates), width, model.url, model.state)
        if shown == self._shown:
            return
        self._shown = shown
        stats = model.stats
        if stats is None or not (stats.requests or stats.websockets or stats.in_flight):
            self._metrics.update(self._empty(model))
            self._table.show([])
            return
        self._metrics.update(metrics(stats, model.rates, model.rate, width))
        self._table.show(route_rows(stats.routes))

    @staticmethod
    def _empty(model: SessionModel) -> Content:
        if model.state in (State.READY, State.RELOADING) and model.url:
            return Content.assemble(
                ("No request yet. Open ", "$text-muted"),
                sanitize(model.url),
                (" or send one from another terminal; every request is counted here.", "$text-muted"),
            )
        return Content.styled(
            "No request yet: rates, latencies and routes show here once the server answers.", "$text-muted"
        )
