"""What was served within a window of time: the last 10 s, 1 min or 5 min, or all since the last reset.

A window is made of slices of time. A slice that is over is added to its running sums, and one that expires
is subtracted again: adding costs what came, and a picture costs what it shows. Slices of a second make up
those of 3 s, and these those of 15 s, so that four windows hardly cost more than one.
"""

from __future__ import annotations

from array import array
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from math import inf

from asgi_tui.domain.events import RouteTraffic, TrafficWindow
from asgi_tui.domain.histogram import Histogram
from asgi_tui.engine.steps import Steps
from asgi_tui.engine.telemetry import RouteDelta

ALL = "all"
# Seconds of a slice: each a multiple of the one before.
SLICES = (1.0, 3.0, 15.0)
# Which slices a window is made of, and of how many with the one that goes on; of ALL nothing expires.
WINDOWS: Mapping[str, tuple[float, float]] = {
    "10s": (1.0, 10),
    "1m": (3.0, 20),
    "5m": (15.0, 20),
    ALL: (15.0, inf),
}
# Seconds of a step of the series (of ALL the first, they double), and how many there are at most.
STEPS: Mapping[str, tuple[float, int]] = {"10s": (0.5, 20), "1m": (1.0, 60), "5m": (5.0, 60), ALL: (1.0, 60)}
# Routes in a window and in each of its slices; the rest is counted under OTHER. One process tells of 500.
MAX_ROUTES = 500
OTHER = "(other)"
# Routes in one picture, those with the most requests first.
SHOWN_ROUTES = 100
# Seconds over which a rate is taken at least: one request at the very beginning is not ten a second.
LEAST = 1.0


@dataclass(frozen=True, slots=True)
class Gain:
    """What one summary adds; nothing of it is negative."""

    requests: int = 0
    errors: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    statuses: Mapping[str, int] = field(default_factory=dict)
    routes: tuple[RouteDelta, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.requests or self.errors or self.bytes_in or self.bytes_out or self.routes)


@dataclass(slots=True)
class _Whole:
    """All routes together."""

    requests: int = 0
    errors: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    latency: Histogram = field(default_factory=Histogram)

    def add(self, other: Gain | _Whole, latency: Histogram | None = None) -> None:
        self.requests += other.requests
        self.errors += other.errors
        self.bytes_in += other.bytes_in
        self.bytes_out += other.bytes_out
        self.statuses.update(other.statuses)
        if latency is not None:
            self.latency.add(latency.counts, latency.max_ns)

    def subtract(self, other: _Whole, max_ns: int) -> None:
        """Takes back what was added; ``max_ns`` is the longest of what stays."""
        self.requests -= other.requests
        self.errors -= other.errors
        self.bytes_in -= other.bytes_in
        self.bytes_out -= other.bytes_out
        self.statuses -= other.statuses
        self.latency.subtract(other.latency.counts.items(), max_ns)

    def plus(self, others: Iterable[_Whole]) -> _Whole:
        """All together."""
        statuses, latency = self.statuses.copy(), self.latency.copy()
        together = _Whole(self.requests, self.errors, self.bytes_in, self.bytes_out, statuses, latency)
        for other in others:
            together.add(other, other.latency)
        return together


@dataclass(frozen=True, slots=True)
class _Part:
    """One route in a slice that is complete: kept only to be subtracted, so it is small."""

    requests: int
    errors: int
    bytes: int
    max_ns: int
    # Bucket, count, bucket, count and so on.
    counts: array[int]


@dataclass(slots=True)
class _Route:
    """One route."""

    requests: int = 0
    errors: int = 0
    bytes: int = 0
    latency: Histogram = field(default_factory=Histogram)

    def add(self, other: RouteDelta | _Route, buckets: Mapping[int, int], max_ns: int) -> None:
        self.requests += other.requests
        self.errors += other.errors
        self.bytes += other.bytes
        self.latency.add(buckets, max_ns)

    def plus(self, others: Sequence[_Route]) -> _Route:
        """All together."""
        if not others:
            return self
        together = _Route(self.requests, self.errors, self.bytes, self.latency.copy())
        for other in others:
            together.add(other, other.latency.counts, other.latency.max_ns)
        return together

    def subtract(self, part: _Part, max_ns: int) -> None:
        """Takes back what was added; ``max_ns`` is the longest of what stays."""
        self.requests -= part.requests
        self.errors -= part.errors
        self.bytes -= part.bytes
        self.latency.subtract(zip(part.counts[::2], part.counts[1::2], strict=True), max_ns)

    def part(self) -> _Part:
        counts = array("Q", chain.from_iterable(self.latency.counts.items()))
        return _Part(self.requests, self.errors, self.bytes, self.latency.max_ns, counts)


class _Sums:
    """What came in some time, of at most MAX_ROUTES routes and OTHER."""

    __slots__ = ("routes", "whole")

    def __init__(self) -> None:
        self.whole = _Whole()
        self.routes: dict[str, _Route] = {}

    def gather(self, gain: Gain) -> None:
        """Adds what one summary tells, but for the latency of all."""
        self.whole.add(gain)
        for delta in gain.routes:
            self._place(delta.route).add(delta, delta.buckets, delta.max_ns)

    def complete(self) -> None:
        """Makes the latency of all that of the routes."""
        self.whole.latency = Histogram()
        for route in self.routes.values():
            self.whole.latency.add(route.latency.counts, route.latency.max_ns)

    def merge(self, other: _Sums) -> None:
        """Adds what came in some other time."""
        self.whole.add(other.whole, other.whole.latency)
        for name, route in other.routes.items():
            self._place(name).add(route, route.latency.counts, route.latency.max_ns)

    def _place(self, name: str) -> _Route:
        route = self.routes.get(name)
        if route is None:
            name = name if len(self.routes) < MAX_ROUTES else OTHER
            route = self.routes.setdefault(name, _Route())
        return route


@dataclass(frozen=True, slots=True)
class _Slice:
    """What came in a slice that is over; ``number`` counts the slices from the window's begin on."""

    number: int
    whole: _Whole
    routes: Mapping[str, _Part]


class _Window:
    """One window; ``origin`` is when it began, on any monotonic clock (seconds)."""

    def __init__(self, name: str, origin: float) -> None:
        self.width, self._most = WINDOWS[name]
        self.steps = Steps(origin, *STEPS[name], doubling=name == ALL)
        self._name = name
        self._origin = origin
        # Of the slices that are over.
        self._sums = _Sums()
        self._slices: deque[_Slice] = deque()

    def take(self, number: int, batch: _Sums) -> None:
        """Adds a slice that is over."""
        self._slide(number)
        self._sums.whole.add(batch.whole, batch.whole.latency)
        parts: dict[str, _Part] = {}
        for name, routes in self._named([batch]).items():
            route = routes[0].plus(routes[1:])
            self._sums.routes.setdefault(name, _Route()).add(
                route, route.latency.counts, route.latency.max_ns
            )
            if self._most < inf:
                parts[name] = route.part()
        if self._most < inf:
            self._slices.append(_Slice(number, batch.whole, parts))

    def moves(self, pending: Sequence[_Sums], now: float) -> bool:
        """Whether its picture becomes another though nothing comes."""
        self._slide(number_of(now - self._origin, self.width))
        return bool(self._slices or (pending and self._most < inf) or not self.steps.settled(now))

    def picture(self, pending: Sequence[_Sums], now: float, at: float) -> TrafficWindow:
        """What it holds at ``now`` with what is pending; ``at`` is the event's Unix time."""
        number = number_of(now - self._origin, self.width)
        self._slide(number)
        first = max(0, number + 1 - self._most)
        seconds = now - self._origin - (first and first * self.width)
        over = max(seconds, LEAST)
        whole = self._sums.whole.plus([batch.whole for batch in pending])
        p50, p90, p99 = whole.latency.percentiles(0.5, 0.9, 0.99)
        rates, error_rates = self.steps.rates(now)
        return TrafficWindow(
            at=at,
            window=self._name,
            seconds=seconds,
            requests=whole.requests,
            errors=whole.errors,
            rate=whole.requests / over,
            p50_ms=p50,
            p90_ms=p90,
            p99_ms=p99,
            max_ms=whole.latency.max_ns / 1e6,
            bytes_in=whole.bytes_in,
            bytes_out=whole.bytes_out,
            statuses=dict(sorted(whole.statuses.items())),
            rates=rates,
            error_rates=error_rates,
            bins=whole.latency.bins(),
            routes=tuple(_told(name, route, over) for name, route in self._busiest(pending)),
        )

    def _busiest(self, pending: Sequence[_Sums]) -> Iterator[tuple[str, _Route]]:
        """The routes that are shown, those with the most requests first."""
        routes, named = self._sums.routes, self._named(pending)
        requests = {name: route.requests for name, route in routes.items()}
        for name, new in named.items():
            requests[name] = requests.get(name, 0) + sum(route.requests for route in new)
        for name in sorted(requests, key=lambda name: (-requests[name], name))[:SHOWN_ROUTES]:
            known = [routes[name]] if name in routes else []
            first, *others = known + named.get(name, [])
            yield name, first.plus(others)

    def _named(self, batches: Sequence[_Sums]) -> dict[str, list[_Route]]:
        """The routes by the names they are counted under here: their own as long as there is room."""
        known, room = self._sums.routes, MAX_ROUTES - len(self._sums.routes)
        named: dict[str, list[_Route]] = {}
        for batch in batches:
            for name, route in batch.routes.items():
                if name not in known and name not in named:
                    room -= 1
                    name = name if room >= 0 else OTHER
                named.setdefault(name, []).append(route)
        return named

    def _slide(self, number: int) -> None:
        """Lets go what has expired when slice ``number`` goes on."""
        while self._slices and self._slices[0].number <= number - self._most:
            self._expire(self._slices.popleft())

    def _expire(self, old: _Slice) -> None:
        longest = max((slice_.whole.latency.max_ns for slice_ in self._slices), default=0)
        self._sums.whole.subtract(old.whole, longest)
        for name, part in old.routes.items():
            left = [slice_.routes[name].max_ns for slice_ in self._slices if name in slice_.routes]
            if left:
                self._sums.routes[name].subtract(part, max(left))
            else:
                del self._sums.routes[name]


class Windows:
    """Every window, all begun at ``origin`` (any monotonic clock, seconds)."""

    def __init__(self, origin: float) -> None:
        self._origin = origin
        self._windows = {name: _Window(name, origin) for name in WINDOWS}
        # What no slice of that width has yet that is over. All of it came in the slice of the last gain.
        self._pending: dict[float, _Sums] = {}
        self._gained = origin

    def add(self, gain: Gain, now: float) -> None:
        """Counts what came at ``now``."""
        self._end_slices(now)
        self._pending.setdefault(SLICES[0], _Sums()).gather(gain)
        self._gained = now
        for window in self._windows.values():
            window.steps.add(gain.requests, gain.errors, now)

    def picture(self, name: str, now: float, at: float) -> TrafficWindow:
        """The window of that name at ``now``; ``at`` is the event's Unix time."""
        self._end_slices(now)
        window = self._windows[name]
        return window.picture(self._pending_of(window), now, at)

    def moves_in(self, name: str, now: float) -> float | None:
        """Seconds after which its picture is another though nothing comes; None: it stays as it is."""
        self._end_slices(now)
        window = self._windows[name]
        return window.steps.width if window.moves(self._pending_of(window), now) else None

    def _pending_of(self, window: _Window) -> list[_Sums]:
        if (newest := self._pending.get(SLICES[0])) is not None:
            newest.complete()
        return [sums for width, sums in self._pending.items() if width <= window.width]

    def _end_slices(self, now: float) -> None:
        """Gives the windows the slices that are over at ``now``, and what they hold to the wider ones."""
        for width, wider in zip(SLICES, (*SLICES[1:], None), strict=True):
            number = number_of(self._gained - self._origin, width)
            if width not in self._pending or number == number_of(now - self._origin, width):
                continue
            batch = self._pending.pop(width)
            if width == SLICES[0]:
                batch.complete()
            for window in self._windows.values():
                if window.width == width:
                    window.take(number, batch)
            if wider is not None:
                self._pending.setdefault(wider, _Sums()).merge(batch)


def number_of(seconds: float, width: float) -> int:
    """The number of the slice that holds a moment, so many seconds after the first began."""
    return int(seconds / width)


def _told(name: str, route: _Route, seconds: float) -> RouteTraffic:
    p50, p95, p99 = route.latency.percentiles(0.5, 0.95, 0.99)
    return RouteTraffic(
        route=name,
        requests=route.requests,
        errors=route.errors,
        rate=route.requests / seconds,
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        max_ms=route.latency.max_ns / 1e6,
        bytes=route.bytes,
    )
