"""Traffic as the engine tells it."""

from __future__ import annotations

from asgi_tui.domain.events import Bin, RouteTraffic, TrafficWindow
from tests.console.fake import AT

BINS = (
    Bin(0.5, 1.0, 600),
    Bin(1.0, 2.0, 1_200),
    Bin(2.0, 5.0, 0),
    Bin(500.0, 1000.0, 6),
    Bin(1000.0, 2000.0, 1),
)


def route(name: str, requests: int, **numbers: float) -> RouteTraffic:
    """A route; ``numbers`` are those that matter to the test."""
    told = {"errors": 0, "rate": requests / 60, "p50_ms": 1.2, "p95_ms": 4.0, "p99_ms": 9.0, "max_ms": 31.0}
    told |= {"bytes": requests * 100} | numbers
    return RouteTraffic(
        name,
        requests,
        int(told["errors"]),
        told["rate"],
        told["p50_ms"],
        told["p95_ms"],
        told["p99_ms"],
        told["max_ms"],
        int(told["bytes"]),
    )


ROUTES = (
    route("GET /items/{id}", 1_500, p95_ms=2.0),
    route("POST /items", 250, p95_ms=8.0),
    route("GET /boom", 57, errors=2, p95_ms=5.0),
)


def window(
    name: str = "1m", *, at: float = AT + 3, routes: tuple[RouteTraffic, ...] = ROUTES, peak: float = 40.0
) -> TrafficWindow:
    """What was served within a minute."""
    requests = sum(item.requests for item in routes)
    return TrafficWindow(
        at,
        name,
        60.0,
        requests,
        2,
        requests / 60,
        1.1,
        2.8,
        9.7,
        33.0,
        1_204_000,
        86_400_000,
        {"2xx": requests - 14, "4xx": 12, "5xx": 2},
        (*(30.0,) * 59, peak),
        (*(0.0,) * 58, 2.0, 0.0),
        BINS,
        routes,
    )
