"""Windows of time under a clock of the test's own."""

from __future__ import annotations

import gc
import math
import tracemalloc
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asgi_probe.buckets import MAX_NS, bucket_of
from asgi_tui.domain.events import TrafficWindow
from asgi_tui.domain.histogram import Histogram
from asgi_tui.engine.telemetry import RouteDelta
from asgi_tui.engine.windows import MAX_ROUTES, OTHER, SHOWN_ROUTES, WINDOWS, Gain, Windows

MS = 1_000_000
BEGIN = 1_000.0  # a monotonic clock begins anywhere


def delta(route: str, *ms: float, errors: int = 0, size: int = 0) -> RouteDelta:
    """What requests of these durations (ms) add to a route."""
    durations = [round(each * MS) for each in ms]
    return RouteDelta(
        route, len(ms), errors, max(durations, default=0), Counter(map(bucket_of, durations)), size
    )


def gain(*routes: RouteDelta, status: str = "200", **more: int) -> Gain:
    requests = sum(route.requests for route in routes)
    errors = sum(route.errors for route in routes)
    return Gain(requests, errors, statuses={status: requests} if requests else {}, routes=routes, **more)


def at(windows: Windows, name: str, seconds: float) -> TrafficWindow:
    return windows.picture(name, BEGIN + seconds, 0)


# -- windows -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "seconds"), [("10s", 10), ("1m", 60), ("5m", 300)])
def test_what_is_older_than_the_window_is_out_of_it(name: str, seconds: int) -> None:
    windows = Windows(BEGIN)
    windows.add(gain(delta("GET /old", 5, errors=1), status="500", bytes_in=7, bytes_out=70), BEGIN + 0.5)
    width = WINDOWS[name][0]
    windows.add(gain(delta("GET /new", 1, 1)), BEGIN + seconds - width)
    before = at(windows, name, seconds - 0.01)
    assert (before.requests, before.errors, before.bytes_in, before.bytes_out) == (3, 1, 7, 70)
    assert before.statuses == {"200": 2, "500": 1}
    assert before.max_ms == 5
    assert [route.route for route in before.routes] == ["GET /new", "GET /old"]
    after = at(windows, name, seconds)
    assert (after.requests, after.errors, after.bytes_in, after.bytes_out) == (2, 0, 0, 0)
    assert after.statuses == {"200": 2}
    assert after.max_ms == 1
    assert [route.route for route in after.routes] == ["GET /new"]
    end = at(windows, name, 2 * seconds)
    assert replace(end, seconds=0, rates=(), error_rates=()) == TrafficWindow(at=0, window=name, seconds=0)
    assert set(end.rates) == set(end.error_rates) == {0.0}
    assert at(windows, "all", 2 * seconds).requests == 3


@pytest.mark.parametrize("name", WINDOWS)
def test_it_moves_until_its_end_is_told(name: str) -> None:
    windows = Windows(BEGIN)
    assert windows.moves_in(name, BEGIN) is None
    windows.add(gain(delta("GET /", 1)), BEGIN + 7.4)
    now = 7.4
    while (after := windows.moves_in(name, BEGIN + now)) is not None:
        assert now < 400
        now += after
    last = at(windows, name, now)
    assert last.rates[-1] == 0
    if name != "all":
        assert last.requests == sum(last.rates) == 0
    assert now < {"10s": 20, "1m": 70, "5m": 320, "all": 11}[name]


def test_the_rate_is_over_the_time_that_has_passed() -> None:
    windows = Windows(BEGIN)
    windows.add(gain(delta("GET /", *[1] * 30)), BEGIN + 0.1)
    # Of less than a second no rate is told: it counts as one.
    for seconds, rate in ((0.1, 30), (3, 10), (6, 5)):
        shown = at(windows, "10s", seconds)
        assert shown.seconds == pytest.approx(seconds)
        assert shown.rate == pytest.approx(rate)
        assert shown.routes[0].rate == pytest.approx(rate)
    windows.add(gain(delta("GET /", *[1] * 19)), BEGIN + 12)
    late = at(windows, "10s", 12.5)
    assert late.seconds == pytest.approx(9.5)
    assert late.rate == pytest.approx(2)
    assert at(windows, "all", 14).rate == pytest.approx(49 / 14)


def test_the_longest_is_that_of_the_slices_that_are_left() -> None:
    windows = Windows(BEGIN)
    for second, ms in enumerate((8, 2, 9, 3, 4)):
        windows.add(gain(delta("GET /", ms), delta(f"GET /{second}", ms)), BEGIN + second)
    # The slice of second n is out at n + 10.
    for now, longest in ((10.5, 9), (12.5, 4), (13.5, 4), (14.5, 0)):
        shown = at(windows, "10s", now)
        assert shown.max_ms == longest
        assert max((route.max_ms for route in shown.routes), default=0) == longest
        found = {route.route: route.max_ms for route in shown.routes}
        assert found.get("GET /", 0) == longest


def test_a_route_says_all_of_it() -> None:
    windows = Windows(BEGIN)
    windows.add(gain(delta("GET /a", *range(1, 101), errors=3, size=12_345), delta("WS /b")), BEGIN)
    windows.add(gain(delta("GET /a", *range(1, 101), size=5)), BEGIN + 4)
    for name in WINDOWS:
        route = at(windows, name, 5).routes[0]
        assert (route.route, route.requests, route.errors, route.bytes) == ("GET /a", 200, 3, 12_350)
        assert route.rate == pytest.approx(40)
        found = (route.p50_ms, route.p95_ms, route.p99_ms, route.max_ms)
        assert found == pytest.approx((50, 95, 99, 100), rel=0.033)


def test_routes_are_the_busiest_also_among_what_has_just_come() -> None:
    windows = Windows(BEGIN)
    for number in range(SHOWN_ROUTES + 20):
        windows.add(gain(delta(f"GET /{number}", 1, 1)), BEGIN)
    windows.add(gain(delta("GET /late", 1, 1, 1), delta("GET /7", 1, 1)), BEGIN + 5)
    for name in WINDOWS:
        routes = at(windows, name, 5.1).routes
        assert len(routes) == SHOWN_ROUTES
        assert [(route.route, route.requests) for route in routes[:2]] == [("GET /7", 4), ("GET /late", 3)]


def test_the_series_is_in_equal_steps_with_the_newest_last() -> None:
    windows = Windows(BEGIN)
    for half_second in range(40):
        windows.add(
            gain(delta("GET /", *[1] * half_second, errors=half_second % 2)), BEGIN + half_second / 2 + 0.1
        )
    shown = at(windows, "10s", 20)
    assert shown.rates == pytest.approx([2 * number for number in range(20, 40)])
    assert shown.error_rates == pytest.approx([2 * (number % 2) for number in range(20, 40)])
    assert at(windows, "1m", 20).rates == pytest.approx([4 * number + 1 for number in range(20)])
    assert at(windows, "5m", 20).rates == pytest.approx(
        [sum(range(first, first + 10)) / 5 for first in (0, 10, 20, 30)]
    )


def test_the_step_that_goes_on_is_told_from_its_half_on() -> None:
    windows = Windows(BEGIN)
    windows.add(gain(delta("GET /", *[1] * 10)), BEGIN)
    windows.add(gain(delta("GET /", *[1] * 9)), BEGIN + 1.1)
    assert at(windows, "1m", 1.4).rates == (10,)
    assert at(windows, "1m", 1.6).rates == pytest.approx((10, 9 / 0.6))
    assert at(windows, "1m", 2).rates == (10, 9)


def test_steps_of_all_double_in_width() -> None:
    windows = Windows(BEGIN)
    for second in range(1000):
        windows.add(gain(delta("GET /", 1, errors=1)), BEGIN + second)
        shown = at(windows, "all", second + 1)
        width = max(1, 2 ** math.ceil(math.log2((second + 2) / 60)))
        whole = (second + 1) // width
        assert len(shown.rates) <= 60
        assert shown.rates[:whole] == shown.error_rates[:whole] == (1.0,) * whole
    assert len(shown.rates) >= 30
    idle = at(windows, "all", 100_000)
    assert len(idle.rates) <= 60
    assert idle.rates[0] > 0
    assert set(idle.rates[1:]) == {0.0}


@given(st.lists(st.integers(0, 10 * MAX_NS), max_size=50))
def test_every_request_is_in_one_bin(durations: list[int]) -> None:
    histogram = Histogram()
    histogram.add(Counter(map(bucket_of, durations)), max(durations, default=0))
    bins = histogram.bins()
    assert len(bins) <= 24
    assert sum(each.requests for each in bins) == len(durations)
    for one, next_ in pairwise(bins):
        assert one.low_ms < one.high_ms == next_.low_ms
    for each in bins:
        # A bucket that an edge cuts is in the bin of its middle.
        low, high = each.low_ms * MS * 0.968, each.high_ms * MS * 1.032
        assert each.requests <= sum(low <= min(duration, MAX_NS) <= high for duration in durations)
    if bins:
        assert bins[0].requests
        assert bins[-1].requests


def test_bins_are_those_that_a_person_would_choose() -> None:
    windows = Windows(BEGIN)
    windows.add(gain(delta("GET /", 0.05, 0.15, 0.15, 3, 70)), BEGIN)
    bins = at(windows, "10s", 1).bins
    assert [(each.low_ms, each.requests) for each in bins if each.requests] == [
        (0, 1),
        (0.1, 2),
        (2, 1),
        (50, 1),
    ]
    assert [each.high_ms for each in bins] == [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100]


def test_a_scan_of_paths_does_not_grow_the_windows() -> None:
    windows = Windows(BEGIN)

    def scan(first: int) -> None:
        for number in range(first, first + 4_000):
            windows.add(gain(delta(f"GET /{number}", number % 50 + 1)), BEGIN + number / 10)

    # 400 s each: after the first, every slice there can be is there.
    scan(0)
    tracemalloc.start()
    try:
        scan(4_000)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        scan(8_000)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    # 4,000 routes kept would be over 2 MB.
    assert grown < 200_000
    shown = at(windows, "all", 1200)
    assert shown.requests == 12_000
    assert shown.routes[0].route == OTHER
    assert shown.routes[0].requests == 12_000 - MAX_ROUTES


def test_other_routes_come_by_their_names_once_there_is_room() -> None:
    windows = Windows(BEGIN)
    windows.add(gain(*(delta(f"GET /{number}", 1) for number in range(MAX_ROUTES + 5))), BEGIN)
    windows.add(gain(delta("GET /mine", *[1] * 9)), BEGIN + 5)
    assert [(route.route, route.requests) for route in at(windows, "10s", 5).routes][:2] == [
        (OTHER, 14),
        ("GET /0", 1),
    ]
    windows.add(gain(delta("GET /mine", 1)), BEGIN + 12)
    assert [(route.route, route.requests) for route in at(windows, "10s", 12).routes] == [
        (OTHER, 9),
        ("GET /mine", 1),
    ]
    assert at(windows, "10s", 30).routes == ()


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[float, Gain]]:
    now = 0.0
    told = []
    for _ in range(draw(st.integers(1, 25))):
        now += draw(st.sampled_from((0.0, 0.1, 0.1, 0.4, 1.0, 2.9, 7.0, 16.0, 61.0, 200.0)))
        routes = tuple(
            delta(
                name,
                *draw(st.lists(st.floats(0, 500), max_size=4)),
                errors=draw(st.integers(0, 2)),
                size=draw(st.integers(0, 99)),
            )
            for name in draw(st.sets(st.sampled_from("abcde")))
        )
        status = draw(st.sampled_from(("200", "404", "500")))
        told.append((now, gain(*routes, status=status, bytes_in=draw(st.integers(0, 9)))))
    return told


@settings(deadline=None, max_examples=70)
@given(
    histories(),
    st.floats(0, 400),
    st.lists(st.integers(0, 24), max_size=6),
    st.sampled_from([500, 3]),
)
def test_sums_equal_those_made_from_scratch(
    history: list[tuple[float, Gain]], later: float, looks: list[int], max_routes: int
) -> None:
    windows = Windows(BEGIN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("asgi_tui.engine.windows.MAX_ROUTES", max_routes)
        for number, (when, told) in enumerate(history):
            windows.add(told, BEGIN + when)
            if number in looks:
                # To look changes nothing.
                at(windows, "1m", when)
        now = history[-1][0] + later
        for name, (width, most) in WINDOWS.items():
            first = max(0, int(now / width) + 1 - most) if most < math.inf else 0
            within = [told for when, told in history if int(when / width) >= first]
            check(at(windows, name, now), within, named=max_routes == 500)


def check(shown: TrafficWindow, within: Sequence[Gain], named: bool) -> None:
    deltas = [each for told in within for each in told.routes]
    assert shown.requests == sum(told.requests for told in within)
    assert shown.errors == sum(told.errors for told in within)
    assert shown.bytes_in == sum(told.bytes_in for told in within)
    statuses: Counter[str] = Counter()
    for told in within:
        statuses.update(told.statuses)
    assert shown.statuses == dict(sorted(statuses.items()))
    p50, p90, p99, longest = figures(deltas, 0.5, 0.9, 0.99)
    assert (shown.p50_ms, shown.p90_ms, shown.p99_ms, shown.max_ms) == (p50, p90, p99, longest)
    assert sum(each.requests for each in shown.bins) == shown.requests
    assert sum(route.requests for route in shown.routes) == shown.requests
    assert sum(route.bytes for route in shown.routes) == sum(each.bytes for each in deltas)
    if not named:
        assert len(shown.routes) <= 4
        return
    assert {route.route for route in shown.routes} == {each.route for each in deltas}
    for route in shown.routes:
        own = [each for each in deltas if each.route == route.route]
        assert route.requests == sum(each.requests for each in own)
        assert route.errors == sum(each.errors for each in own)
        assert (route.p50_ms, route.p95_ms, route.p99_ms, route.max_ms) == figures(own, 0.5, 0.95, 0.99)


def figures(deltas: Sequence[RouteDelta], *shares: float) -> tuple[float, ...]:
    histogram = Histogram()
    for each in deltas:
        histogram.add(each.buckets, each.max_ns)
    return (*histogram.percentiles(*shares), histogram.max_ns / 1e6)
