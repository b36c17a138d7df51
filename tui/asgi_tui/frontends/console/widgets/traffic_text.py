"""The numbers of the traffic pane as text. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest

from textual.content import Content

from asgi_tui.domain.events import RouteStats, RouteTraffic, Stats, TrafficWindow
from asgi_tui.frontends.console import format as show
from asgi_tui.frontends.console.model import SessionModel

UNKNOWN = -1.0  # in place of a number that totals do not tell
LATE = 100.0  # ms; an event loop that is later is warned of
GAP = 2  # cells between the numbers of a line
LEAST_CELL, MOST_CELL = 10, 20  # cells of a label with its number
LONG_FROM = 17  # cells from which labels are not shortened
MOST_SPARKS = 60  # cells of a sparkline: as many as a window has steps
LABEL, NOW, PEAK = 8, 7, 7  # cells beside a sparkline
WITH_MEAN = 74  # cells from which the mean has room there

# Where the pane is narrow.
_SHORT = {
    "requests": "total",
    "bytes in": "in",
    "bytes out": "out",
    "in flight": "flight",
    "WebSockets": "ws",
    "loop lag": "lag",
    "ws opened": "ws all",
    "msgs in": "msg in",
    "msgs out": "msg out",
}
LEGEND = """\
p50, p90, p99: half, 90% and 99% of the requests took no longer
4xx, 5xx: answers with such a status; errors: 5xx and exceptions
in flight, ws: requests and WebSockets that are open now
lag: how late the event loop was, at the worst in the last seconds (▲ over 100 ms)
dropped: records that were too many to keep"""

Part = str | tuple[str, str]
Cell = tuple[str, int | str, str]  # label, number, style


@dataclass(frozen=True, slots=True)
class Picture:
    """What the pane shows at one moment: totals and gauges, the window of time, requests per second now."""

    stats: Stats
    window: TrafficWindow
    rate: float


def picture(model: SessionModel) -> Picture | None:
    """What there is to show; None before the first request."""
    stats = model.stats
    if stats is None or not (stats.requests or stats.websockets or stats.in_flight):
        return None
    return Picture(stats, model.window or totals(stats, model.rates), model.rate)


def totals(stats: Stats, rates: Sequence[float]) -> TrafficWindow:
    """The totals in place of a window, until one is told; what they lack is ``UNKNOWN``."""
    return TrafficWindow(
        stats.at,
        window="",
        seconds=UNKNOWN,
        requests=stats.requests,
        errors=stats.errors,
        rate=UNKNOWN,
        p50_ms=stats.p50_ms,
        p90_ms=stats.p90_ms,
        p99_ms=stats.p99_ms,
        max_ms=stats.max_ms,
        bytes_in=stats.bytes_in,
        bytes_out=stats.bytes_out,
        statuses=stats.statuses,
        rates=tuple(rates),
        routes=tuple(map(_route, stats.routes)),
    )


def _route(item: RouteStats) -> RouteTraffic:
    return RouteTraffic(
        item.route,
        item.requests,
        item.errors,
        rate=UNKNOWN,
        p50_ms=item.p50_ms,
        p95_ms=UNKNOWN,
        p99_ms=item.p99_ms,
        max_ms=UNKNOWN,
        bytes=int(UNKNOWN),
    )


def short(number: int, room: int) -> str:
    """A whole number in ``room`` cells: 12,480, else 12k, 12M."""
    text = show.count(number)
    for divisor, unit in ((1_000, "k"), (1_000_000, "M"), (1_000_000_000, "G")):
        if len(text) <= room:
            break
        text = f"{show.count(round(number / divisor))}{unit}"
    return text


def lag(value: float | None) -> str:
    """The lag of an event loop, with a warning mark where it is late."""
    if value is None:
        return "-"
    return f"▲ {show.duration(value)}" if value > LATE else show.duration(value)


def spread(values: Sequence[float], width: int) -> Sequence[float]:
    """``values`` in at most ``width`` steps; the highest of those that share a step stands for them."""
    if len(values) <= width:
        return values
    edges = [step * len(values) // width for step in range(width + 1)]
    return [max(values[start:end]) for start, end in pairwise(edges)]


def spark_line(
    label: str, now: float, values: Sequence[float], mean: float, width: int, style: str
) -> list[Part]:
    """One rate: now, over the window, its peak, and its mean where it is known and has room."""
    parts: list[Part] = [
        (f"{label:<{LABEL}}", "$text-muted"),
        (f"{show.rate(now):>{NOW}}", "bold"),
    ]
    ends = [("peak", max(values, default=now))]
    if width >= WITH_MEAN:
        ends.append(("mean", mean))
    room = min(width - LABEL - NOW - len(ends) * (PEAK + 7) - 1, MOST_SPARKS)
    if room > 0:
        parts.append((" " + show.sparkline(spread(values, room), room).rjust(room), style))
    for name, value in ends:
        text = show.rate(value) if value >= 0 else "-"
        parts += [(f"  {name} ", "$text-muted"), f"{text:>{PEAK}}"]
    return parts


def columns(width: int) -> tuple[int, int]:
    """How many numbers with their labels stand in a line of ``width`` cells, and the cells of each."""
    across = next((n for n in (8, 4, 2) if (width + GAP) // n - GAP >= LEAST_CELL), 1)
    return across, max(min((width + GAP) // across - GAP, MOST_CELL), 1)


def grid(lines: Sequence[Sequence[Cell]], width: int) -> list[list[Part]]:
    """Labels with their numbers in columns; each of ``lines`` stays together where it has the room."""
    across, each = columns(width)
    size = max(map(len, lines), default=1)
    if across > size:  # two lines side by side
        lines = [[*line, *beside] for line, beside in zip_longest(lines[::2], lines[1::2], fillvalue=())]
    rows = [line[at : at + across] for line in lines for at in range(0, len(line), across)]
    return [
        [part for at, cell in enumerate(row) for part in ([" " * GAP] if at else []) + _cell(cell, each)]
        for row in rows
    ]


def _cell(cell: Cell, width: int) -> list[Part]:
    label, number, style = cell
    if width < LONG_FROM:
        label = _SHORT.get(label, label)
    room = max(width - len(label) - 1, 1)
    if isinstance(number, int):
        number = short(number, room)
    elif len(number) > room:
        number = number.replace(" ", "")
    return [(f"{label} ", "$text-muted"), (show.fit(number, room, right=True), style)]


def _some(label: str, number: int, style: str = "") -> Cell:
    return label, number, style if number else ""


def numbers(shown: Picture, width: int) -> Content:
    """Rates, latencies, totals and gauges in ``width`` cells."""
    stats, window = shown.stats, shown.window
    bad = "bold $text-error"
    across, each = columns(width)
    long = across * (each + GAP) - GAP  # as long as the lines below
    failing = window.error_rates[-1] if window.error_rates else 0.0
    # of the same time as the rate of all
    failures = (
        window.rate * window.errors / window.requests if window.requests and window.rate >= 0 else window.rate
    )
    rows = [
        spark_line("req/s", shown.rate, window.rates, window.rate, long, "$text-primary"),
        spark_line(
            "errors/s",
            failing,
            window.error_rates,
            failures,
            long,
            "$text-error" if any(window.error_rates) else "$text-muted",
        ),
    ]
    latencies = [
        ("p50", window.p50_ms),
        ("p90", window.p90_ms),
        ("p99", window.p99_ms),
        ("max", window.max_ms),
    ]
    classes = show.status_classes(window.statuses)
    styles = {"4xx": "$text-warning", "5xx": bad}
    worst = max((worker.lag_ms for worker in stats.workers if worker.lag_ms is not None), default=None)
    # what is said elsewhere too comes last: in a low pane that is what is cut off until it is zoomed
    lines: list[list[Cell]] = [
        [(name, show.duration(value) if window.requests else "-", "") for name, value in latencies],
        [
            _some("requests", window.requests, "bold"),
            _some("errors", window.errors, bad),
            ("bytes in", show.size(window.bytes_in), ""),
            ("bytes out", show.size(window.bytes_out), ""),
        ],
        [
            _some("in flight", stats.in_flight),
            _some("WebSockets", stats.websockets_open),
            ("loop lag", lag(worst), "bold $text-warning" if worst and worst > LATE else ""),
            _some("dropped", stats.dropped, "$text-warning"),
        ],
        [_some(name, number, styles.get(name, "")) for name, number in classes.items()],
    ]
    if stats.websockets:
        lines.append(
            [
                _some("ws opened", stats.websockets),
                _some("msgs in", stats.ws_messages_in),
                _some("msgs out", stats.ws_messages_out),
            ]
        )
    rows += grid(lines, width)
    joined: list[Part] = []
    for row in rows:
        joined += [*row, "\n"]
    return Content.assemble(*joined[:-1])
