"""How long requests took: a horizontal bar for each bin of a window's latencies."""

from __future__ import annotations

from collections.abc import Sequence

from asgi_tui.domain.events import Bin
from asgi_tui.frontends.console import format as show
from asgi_tui.frontends.console.widgets.table import Column, Row, Table

COLUMNS = (
    Column("latency", 12),
    Column("", right=False, accent=True),
    Column("requests", 9),
    Column("share", 6),
)
BARS = 1  # the column of the bars


def label(item: Bin) -> str:
    """The range of a bin: 0.5-1 ms, 500 ms-1 s."""
    low, unit = _scaled(item.low_ms)
    high, high_unit = _scaled(item.high_ms)
    if item.low_ms == 0:
        return f"< {high} {high_unit}"
    return f"{low}-{high} {unit}" if unit == high_unit else f"{low} {unit}-{high} {high_unit}"


def _scaled(value: float) -> tuple[str, str]:
    return (f"{value:g}", "ms") if value < 1000 else (f"{value / 1000:g}", "s")


def bin_rows(bins: Sequence[Bin], width: int) -> list[Row]:
    """A row each, with bars of up to ``width`` cells."""
    total = sum(item.requests for item in bins)
    most = max((item.requests for item in bins), default=0)
    return [
        Row(
            label(item),
            (
                label(item),
                show.bar(item.requests, most, width),
                show.count(item.requests),
                f"{item.requests / total:.1%}" if total else "",
            ),
        )
        for item in bins
    ]


class Histogram(Table):
    """Bins from short to long."""

    def __init__(self) -> None:
        super().__init__(COLUMNS, "", id="latencies", gap=1)
        self._bins: tuple[Bin, ...] = ()

    def show_bins(self, bins: Sequence[Bin], none: str = "") -> None:
        """Shows the bins, ``none`` where there are none; repaints only those that changed."""
        self._bins = tuple(bins)
        self.show(bin_rows(self._bins, self.width_of(BARS)), none)

    def on_resize(self) -> None:
        """Bars grow with the room."""
        self.show(bin_rows(self._bins, self.width_of(BARS)))
