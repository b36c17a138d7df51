"""What summaries say, what they add up to, and when the reporter tells of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise

import pytest

from asgi_tui.domain.events import Event, Stats, TrafficWindow
from asgi_tui.engine import reporter as reporting
from asgi_tui.engine.reporter import Reporter
from asgi_tui.engine.telemetry import RouteDelta, Summary, parse
from asgi_tui.engine.traffic import LAG_WINDOW, Traffic
from tests.unit.test_traffic import BEGIN, MS, delta


def summary(*routes: RouteDelta, **more: int | None) -> Summary:
    """A summary of a process that served these requests and nothing else."""
    empty = Summary(0, 0, 0, 0, 0, {}, (), 0, 0, 0, 0, 0, 0, 0, 0, None)
    requests = sum(route.requests for route in routes)
    errors = sum(route.errors for route in routes)
    told = replace(empty, requests=requests, errors=errors, statuses={"200": requests}, routes=routes)
    # mypy cannot know that the values are of their fields' types.
    return replace(told, **more)  # type: ignore[arg-type]


# -- totals ------------------------------------------------------------------------------------------


def test_what_websockets_add_is_in_the_windows_too() -> None:
    traffic = Traffic()
    first = summary(ws_bytes_in=100, ws_bytes_out=10, ws_errors=1)
    second = summary(ws_bytes_in=150, ws_bytes_out=10, ws_errors=1)
    gains = [traffic.add(7, first, 0), traffic.add(7, second, 1), traffic.add(7, second, 2)]
    assert [(each.bytes_in, each.bytes_out, each.errors) for each in gains] == [
        (100, 10, 1),
        (50, 0, 0),
        (0, 0, 0),
    ]
    assert [bool(each) for each in gains] == [True, True, False]
    assert traffic.snapshot(3, 0).bytes_in == 150


def test_the_lag_of_a_worker_is_its_worst_of_the_last_seconds() -> None:
    traffic = Traffic()

    def lags(now: float) -> list[float | None]:
        return [worker.lag_ms for worker in traffic.snapshot(now, 0).workers]

    for now, first, second in ((0, 5, 1), (1, 80, None), (2, 3, None), (3, 4, 2)):
        traffic.add(1, summary(lag_ns=first * MS), now)
        traffic.add(2, summary(lag_ns=None if second is None else second * MS), now)
    assert lags(3) == [80, 2]
    assert lags(1 + LAG_WINDOW) == [4, 2]
    # It is told once more when it is known no longer, and then no more.
    assert traffic.moves_in(4) == LAG_WINDOW - 1
    assert lags(3 + LAG_WINDOW) == [None, None]
    assert traffic.moves_in(3 + LAG_WINDOW) is None


STATS = (
    '{"type":"stats","requests":1,"errors":0,"websockets":0,"bytes_in":0,"bytes_out":9,'
    '"statuses":{"200":1},"routes":[["GET /",1,0,5,[[5,1]],9]],"in_flight":0,"websockets_open":0,'
    '"ws_messages_in":0,"ws_messages_out":0,"ws_bytes_in":0,"ws_bytes_out":0,"ws_errors":0,"dropped":0,'
    '"lag_ns":null}'
)


def test_a_summary_is_read() -> None:
    read = parse(STATS.encode())
    assert isinstance(read, Summary)
    assert read.routes == (RouteDelta("GET /", 1, 0, 5, {5: 1}, 9),)
    assert read.lag_ns is None
    lagging = parse(STATS.replace('"lag_ns":null', '"lag_ns":7').encode())
    assert isinstance(lagging, Summary)
    assert lagging.lag_ns == 7


@pytest.mark.parametrize(
    ("part", "instead"),
    [
        ("[5,1]", "[-1,1]"),
        ("[5,1]", "[1217,1]"),
        ("[5,1]", "[5,0]"),
        ("[5,1]", "[5,1e3]"),
        ("[5,1]", "[5,true]"),
        ("[5,1]", "[5]"),
        ("[5,1]", "[[5],1]"),
        ("[5,1]", f"[5,{1 << 33}]"),
        ("[[5,1]]", "5"),
        ('"GET /"', "7"),
        ('"GET /"', f'"{"x" * 1001}"'),
        (",9]]", "]]"),
        (",9]]", ",-9]]"),
        ('"200"', '"2000"'),
        ('"200"', '"٢٠٠"'),
        ('"requests":1', f'"requests":{"9" * 400}'),
        ('"lag_ns":null', '"lag_ns":-1'),
    ],
)
def test_a_summary_that_cannot_be_is_none(part: str, instead: str) -> None:
    assert part in STATS
    with pytest.raises(ValueError, match=r"no|not|length"):
        parse(STATS.replace(part, instead).encode())


# -- when it is told ---------------------------------------------------------------------------------


class Told:
    """A reporter under a clock of the test's own, and what it emitted."""

    def __init__(self) -> None:
        self.now = BEGIN
        self.windows: list[TrafficWindow] = []
        self.stats: list[Stats] = []
        self.reporter = Reporter(self._emit, clock=lambda: self.now)

    def _emit(self, event: Event) -> None:
        if isinstance(event, TrafficWindow):
            self.windows.append(event)
        elif isinstance(event, Stats):
            self.stats.append(event)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.005)


@pytest.fixture
async def told() -> AsyncIterator[Told]:
    """It tells for as long as the test runs."""
    told = Told()
    task = asyncio.create_task(told.reporter.stats())
    yield told
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_no_window_is_told_before_one_is_chosen(told: Told) -> None:
    told.reporter.add(1, summary(delta("GET /", 1)))
    told.reporter.reset()
    await told.until(lambda: bool(told.stats))
    await asyncio.sleep(0.05)
    assert not told.windows
    with pytest.raises(ValueError, match="no window '2m'"):
        told.reporter.show_window("2m")


async def test_a_window_is_told_until_it_has_run_empty_and_then_no_more(told: Told) -> None:
    told.reporter.show_window("10s")
    await told.until(lambda: len(told.windows) == 1)
    assert told.windows[-1].requests == 0
    told.reporter.add(1, summary(delta("GET /", 1, 1)))
    await told.until(lambda: told.windows[-1].requests == 2)
    # It moves although nothing comes.
    told.now += 4
    await told.until(lambda: told.windows[-1].rate == 0.5)
    told.now += 7
    await told.until(lambda: told.windows[-1].requests == 0 and set(told.windows[-1].rates) == {0.0})
    count = len(told.windows)
    await asyncio.sleep(0.7)
    assert len(told.windows) == count
    # A summary of gauges alone changes no window.
    told.reporter.add(1, summary(in_flight=1))
    await asyncio.sleep(0.1)
    assert len(told.windows) == count


async def test_all_comes_to_rest_with_an_empty_step_at_its_end(told: Told) -> None:
    told.reporter.show_window("all")
    told.reporter.add(1, summary(delta("GET /", 1, 1)))
    await told.until(lambda: bool(told.windows))
    told.now += 2
    await told.until(lambda: told.windows[-1].rates == (2, 0))
    count = len(told.windows)
    await asyncio.sleep(1.2)
    assert len(told.windows) == count


async def test_a_window_is_told_at_most_twice_a_second(told: Told) -> None:
    told.reporter.show_window("1m")
    for _ in range(60):
        told.reporter.add(1, summary(delta("GET /", 1)))
        told.now += 0.02
        await asyncio.sleep(0.02)
    await told.until(lambda: told.windows[-1].requests == 60)
    times = [window.at for window in told.windows]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    # The clock of events may be set while this runs; a twentieth is left for it.
    assert min(gaps) > reporting.WINDOW_INTERVAL * 0.95


async def test_what_is_asked_for_is_told_at_once(told: Told) -> None:
    told.reporter.add(1, summary(delta("GET /", 1, 1)))
    told.reporter.show_window("10s")
    await told.until(lambda: bool(told.windows))
    begun = told.windows[0].at
    told.reporter.show_window("all")
    await told.until(lambda: told.windows[-1].window == "all")
    told.now += 3
    told.reporter.reset()
    await told.until(lambda: told.windows[-1].requests == 0)
    assert told.windows[-1].window == "all"
    assert told.windows[-1].seconds == 0
    assert told.windows[-1].at - begun < reporting.WINDOW_INTERVAL
    # The totals go on.
    told.reporter.tell()
    assert told.stats[-1].requests == 2
    told.now += 5
    told.reporter.add(1, summary(delta("GET /", 1)))
    await told.until(lambda: told.windows[-1].requests == 1)
    assert told.windows[-1].seconds == 5


async def test_windows_begin_with_what_is_served_first(told: Told) -> None:
    told.now += 3600
    told.reporter.add(1, summary(delta("GET /", 1)))
    told.now += 2
    told.reporter.show_window("all")
    await told.until(lambda: bool(told.windows))
    assert told.windows[-1].seconds == 2
