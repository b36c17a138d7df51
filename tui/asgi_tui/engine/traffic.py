"""The session's totals, from every process that ever served it."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

from asgi_tui.domain.events import RouteStats, Stats, WorkerStats
from asgi_tui.domain.histogram import Histogram
from asgi_tui.engine.telemetry import Summary
from asgi_tui.engine.windows import OTHER, SHOWN_ROUTES, Gain

# Routes kept; the rest is counted under OTHER. Each holds one histogram (under 1,500 buckets).
MAX_ROUTES = 1_000
# Seconds over which the rate is taken.
RATE_WINDOW = 2.0
# Seconds after which a rate that falls is another.
RATE_INTERVAL = 0.5
# Seconds over which the worst lag of a worker's event loop is told, and the most that is kept for it.
LAG_WINDOW = 10.0
MAX_LAGS = 200


@dataclass(slots=True)
class _Route:
    requests: int = 0
    errors: int = 0
    latency: Histogram = field(default_factory=Histogram)


@dataclass(slots=True)
class _Worker:
    """Totals of one process and its last summary, whose gauges and WebSocket totals are absolute."""

    requests: int = 0
    errors: int = 0
    last: Summary | None = None
    # When it told of which lag (ns): each is worse than all that came after it.
    lags: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=MAX_LAGS))

    def add_lag(self, lag_ns: int, now: float) -> None:
        while self.lags and self.lags[-1][1] <= lag_ns:
            self.lags.pop()
        self.lags.append((now, lag_ns))

    def lag_ms(self, now: float) -> float | None:
        """The worst within LAG_WINDOW, None where none was told."""
        while self.lags and self.lags[0][0] <= now - LAG_WINDOW:
            self.lags.popleft()
        return self.lags[0][1] / 1e6 if self.lags else None


class Traffic:
    """Adds up summaries; ``snapshot`` is an immutable picture for every front end."""

    def __init__(self) -> None:
        self._requests = self._errors = self._websockets = 0
        self._bytes_in = self._bytes_out = 0
        # Of processes that are gone: WebSocket totals, which summaries give as absolute numbers.
        self._gone = Counter[str]()
        self._statuses = Counter[str]()
        self._latency = Histogram()
        self._routes: dict[str, _Route] = {}
        self._workers: dict[int, _Worker] = {}
        self._recent: deque[tuple[float, int]] = deque()

    def add(self, pid: int, summary: Summary, now: float) -> Gain:
        """Merges one summary of process ``pid``: what it adds; ``now`` is any monotonic clock, in seconds."""
        worker = self._workers.setdefault(pid, _Worker())
        gain = _gain(summary, worker.last)
        if summary.lag_ns is not None:
            worker.add_lag(summary.lag_ns, now)
        worker.requests += summary.requests
        worker.errors += summary.errors
        worker.last = summary
        self._requests += summary.requests
        self._errors += summary.errors
        self._websockets += summary.websockets
        self._bytes_in += summary.bytes_in
        self._bytes_out += summary.bytes_out
        self._statuses.update(summary.statuses)
        if summary.requests:
            self._recent.append((now, summary.requests))
        for delta in summary.routes:
            name = delta.route if delta.route in self._routes or len(self._routes) < MAX_ROUTES else OTHER
            route = self._routes.setdefault(name, _Route())
            route.requests += delta.requests
            route.errors += delta.errors
            route.latency.add(delta.buckets, delta.max_ns)
            self._latency.add(delta.buckets, delta.max_ns)
        return gain

    def forget_worker(self, pid: int) -> None:
        """The process is gone; what it counted stays."""
        worker = self._workers.pop(pid, None)
        if worker is not None and worker.last is not None:
            self._gone.update(_absolute(worker.last))

    def rate(self, now: float) -> float:
        """Requests per second over the last RATE_WINDOW seconds."""
        while self._recent and self._recent[0][0] <= now - RATE_WINDOW:
            self._recent.popleft()
        return sum(count for _, count in self._recent) / RATE_WINDOW

    def moves_in(self, now: float) -> float | None:
        """Seconds after which the totals are others though nothing comes; None: they stay as they are."""
        if self.rate(now):
            return RATE_INTERVAL
        known = [worker.lags[-1][0] for worker in self._workers.values() if worker.lags]
        # Once, when the last of them is out of date.
        return max(known) + LAG_WINDOW - now if known else None

    def snapshot(self, now: float, at: float) -> Stats:
        """The totals; ``at`` is the event's Unix time."""
        totals = self._gone.copy()
        last = [(pid, worker, worker.last) for pid, worker in self._workers.items() if worker.last]
        for _, _, summary in last:
            totals.update(_absolute(summary))
        p50, p90, p99 = self._latency.percentiles(0.5, 0.9, 0.99)
        busiest = sorted(self._routes.items(), key=lambda item: (-item[1].requests, item[0]))
        return Stats(
            at=at,
            requests=self._requests,
            errors=self._errors + totals["errors"],
            in_flight=sum(summary.in_flight for _, _, summary in last),
            websockets=self._websockets,
            websockets_open=sum(summary.websockets_open for _, _, summary in last),
            ws_messages_in=totals["messages_in"],
            ws_messages_out=totals["messages_out"],
            bytes_in=self._bytes_in + totals["bytes_in"],
            bytes_out=self._bytes_out + totals["bytes_out"],
            rate=self.rate(now),
            p50_ms=p50,
            p90_ms=p90,
            p99_ms=p99,
            max_ms=self._latency.max_ns / 1e6,
            statuses=dict(sorted(self._statuses.items())),
            routes=tuple(_route_stats(name, route) for name, route in busiest[:SHOWN_ROUTES]),
            workers=tuple(
                WorkerStats(
                    pid,
                    worker.requests,
                    worker.errors,
                    summary.in_flight,
                    summary.websockets_open,
                    worker.lag_ms(now),
                )
                for pid, worker, summary in last
            ),
            dropped=totals["dropped"],
        )


def _gain(summary: Summary, last: Summary | None) -> Gain:
    grown = _absolute(summary)
    if last is not None:
        # Keeps what is positive: totals only grow.
        grown -= _absolute(last)
    return Gain(
        requests=summary.requests,
        errors=summary.errors + grown["errors"],
        bytes_in=summary.bytes_in + grown["bytes_in"],
        bytes_out=summary.bytes_out + grown["bytes_out"],
        statuses=summary.statuses,
        routes=summary.routes,
    )


def _absolute(summary: Summary) -> Counter[str]:
    return Counter(
        messages_in=summary.ws_messages_in,
        messages_out=summary.ws_messages_out,
        bytes_in=summary.ws_bytes_in,
        bytes_out=summary.ws_bytes_out,
        errors=summary.ws_errors,
        dropped=summary.dropped,
    )


def _route_stats(name: str, route: _Route) -> RouteStats:
    p50, p99 = route.latency.percentiles(0.5, 0.99)
    return RouteStats(name, route.requests, route.errors, p50, p99)
