"""The traffic pane: its numbers, routes, latencies and workers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from textual.geometry import Region
from textual.pilot import Pilot
from textual.widget import Widget

from asgi_tui.domain.events import Bin, WorkerStats
from asgi_tui.engine.log_store import LogStore
from asgi_tui.engine.windows import SHOWN_ROUTES
from asgi_tui.frontends.console.app import ConsoleApp
from asgi_tui.frontends.console.model import SessionModel
from asgi_tui.frontends.console.screens.run import RunScreen
from asgi_tui.frontends.console.widgets.histogram import bin_rows, label
from asgi_tui.frontends.console.widgets.route_table import (
    COLUMNS,
    LEAST_NAME,
    RouteTable,
    busiest,
    ranked,
    route_row,
)
from asgi_tui.frontends.console.widgets.table import fitting
from asgi_tui.frontends.console.widgets.traffic_bar import foot_chips, frame, title_chips
from asgi_tui.frontends.console.widgets.traffic_text import Picture, numbers, picture, short, spread
from asgi_tui.frontends.console.widgets.worker_table import worker_row
from tests.console.fake import AT, FakeDriver, running, stats
from tests.console.screen import focus, settle, text, until
from tests.console.traffic import BINS, ROUTES, route, window

SIZE = (120, 40)

# -- text --------------------------------------------------------------------------------------------


def test_numbers_keep_to_columns_of_the_width() -> None:
    for width in (46, 56, 76, 80, 116, 196):
        few = numbers(Picture(stats(errors=0), window(), 3.0), width).plain.splitlines()
        many = replace(window(), requests=88_123_456, statuses={"2xx": 88_123_456}, p99_ms=12_345.0)
        much = numbers(Picture(stats(), many, 12_345.0), width).plain.splitlines()
        assert len(few) == len(much)
        assert max(map(len, few)) <= width
        # what is not a number stands where it stood
        assert [line.index("p99") for line in few if "p99" in line] == [
            line.index("p99") for line in much if "p99" in line
        ]
        assert [len(line) for line in few] == [len(line) for line in much]


def test_numbers_say_all_there_is() -> None:
    told = stats()
    late = replace(
        told, dropped=7, workers=(WorkerStats(7, 1, 0, 0, 0, 3.0), WorkerStats(8, 1, 0, 0, 0, 240.0))
    )
    shown = " ".join(numbers(Picture(late, window(), 1204.0), 80).plain.split())
    for wanted in (
        "req/s 1,204",
        "peak 40",
        "mean 30",
        "errors/s 0",
        "peak 2.0",
        "p50 1.1 ms p90 2.8 ms p99 9.7 ms max 33 ms",
        "requests 1,807 errors 2 bytes in 1.2 MB bytes out 86 MB",
        "in flight 3 WebSockets 0 loop lag ▲ 240 ms dropped 7",
        "2xx 1,793 3xx 0 4xx 12 5xx 2",
        "ws opened 2 msgs in 14 msgs out 20",
    ):
        assert wanted in shown


def test_numbers_of_a_window_that_has_only_begun() -> None:
    begun = replace(window(), requests=4, errors=1, rate=4.0, rates=(), error_rates=())
    requests, errors = numbers(Picture(stats(), begun, 4.0), 80).plain.splitlines()[:2]
    assert requests.split() == ["req/s", "4.0", "peak", "4.0", "mean", "4.0"]
    assert errors.split() == ["errors/s", "0", "peak", "0", "mean", "1.0"]
    assert [requests.index(word) for word in ("peak", "mean")] == [errors.index("peak"), errors.index("mean")]


def test_without_a_window_the_totals_are_shown_and_what_they_lack_is_left_open() -> None:
    model = SessionModel(LogStore())
    assert picture(model) is None
    model.apply([stats()])
    shown = picture(model)
    assert shown is not None
    assert shown.window.requests == 48_112
    assert route_row(shown.window.routes[0]).cells == (
        "GET /items/{id}",
        "-",
        "47,112",
        "0",
        "1.1",
        "-",
        "8.0",
        "-",
    )
    assert "mean       -" in numbers(shown, 80).plain
    model.apply([window()])
    now = picture(model)
    assert now is not None
    assert now.window == window()


def test_a_window_without_requests_has_no_latencies() -> None:
    quiet = replace(window(), requests=0, p50_ms=0.0)
    assert "p50        -" in numbers(Picture(stats(), quiet, 0.0), 56).plain


def test_whole_numbers_are_shortened_where_they_have_no_room() -> None:
    assert [short(12_480, room) for room in (6, 5, 3)] == ["12,480", "12k", "12k"]
    assert [short(88_123_456, room) for room in (10, 7, 4)] == ["88,123,456", "88,123k", "88M"]


def test_steps_of_a_series_share_cells_and_no_peak_is_lost() -> None:
    values = [0.0] * 59 + [9.0]
    values[31] = 5.0
    assert len(spread(values, 25)) == 25
    assert sorted(spread(values, 25))[-2:] == [5.0, 9.0]
    assert spread([1.0, 2.0], 25) == [1.0, 2.0]


def test_bins_are_named_in_the_unit_that_fits() -> None:
    names = [label(item) for item in (Bin(0.0, 0.1, 1), Bin(0.1, 0.2, 1), Bin(2, 5, 1), *BINS[3:])]
    assert names == ["< 0.1 ms", "0.1-0.2 ms", "2-5 ms", "500 ms-1 s", "1-2 s"]


def test_bars_are_as_long_as_their_share() -> None:
    cells = [row.cells[1:] for row in bin_rows(BINS, 10)]
    assert cells == [
        ("█████", "600", "33.2%"),
        ("██████████", "1,200", "66.4%"),
        ("", "0", "0.0%"),
        ("▏", "6", "0.3%"),
        ("▏", "1", "0.1%"),
    ]


def test_a_late_event_loop_is_marked() -> None:
    assert worker_row(WorkerStats(7, 9, 0, 1, 2, 100.0)).cells == ("7", "9", "0", "1", "2", "100 ms")
    late = worker_row(WorkerStats(7, 9, 0, 1, 2, 100.4))
    assert late.alarm
    assert late.cells[-1] == "▲ 100 ms"
    assert worker_row(WorkerStats(7, 9, 0, 1, 2)).cells[-1] == "-"


def test_routes_are_sorted_by_any_column_and_filtered_in_any_case() -> None:
    def names(column: int, *, falling: bool, containing: str = "") -> list[str]:
        return [
            item.route for item in ranked(busiest(ROUTES), column, falling=falling, containing=containing)
        ]

    assert names(5, falling=True) == ["POST /items", "GET /boom", "GET /items/{id}"]
    assert names(5, falling=False) == ["GET /items/{id}", "GET /boom", "POST /items"]
    # by the path, then by the method
    assert names(0, falling=False) == ["GET /boom", "POST /items", "GET /items/{id}"]
    # the busier one first where they are equal
    assert names(4, falling=True) == [item.route for item in ROUTES]
    assert names(2, falling=True, containing="ITEMS") == ["GET /items/{id}", "POST /items"]


def test_routes_are_bounded() -> None:
    routes = [route(f"GET /{number}", number + 1) for number in range(SHOWN_ROUTES + 3)]
    assert [item.requests for item in (busiest(routes)[0], busiest(routes)[-1])] == [SHOWN_ROUTES + 3, 4]


def test_route_names_are_made_safe() -> None:
    assert route_row(route("GET /\x1b[2Jx", 1)).cells[0].isprintable()


def test_columns_leave_where_there_is_no_room_but_not_the_one_that_is_sorted_by() -> None:
    def shown(width: int, keep: int = -1) -> list[str]:
        return [COLUMNS[index].title for index in fitting(COLUMNS, width, 1, LEAST_NAME, keep)]

    every = [column.title for column in COLUMNS]
    assert shown(75) == shown(200) == every
    assert shown(55) == ["route", "rate", "count", "errors", "p50", "p99"]
    assert "p95" in shown(55, keep=5)
    assert shown(20) == ["route", "count", "errors", "p50", "p99"]


def test_the_frame_leaves_out_what_has_no_room() -> None:
    title = frame(title_chips("5m", paused=True), 60).plain
    assert title == "Traffic  ‖ PAUSED  10 s  1 min [5 min] all"
    assert frame(title_chips("5m", paused=True), 30).plain == "Traffic  ‖ PAUSED  10 s"
    assert frame(foot_chips("workers", paused=False), 60).plain == (
        "Routes  Latency [Workers] k Pause  u Reset  / Filter"
    )
    assert frame(foot_chips("", paused=True), 60).plain == "k Resume  u Reset  / Filter"


# -- pane --------------------------------------------------------------------------------------------


@asynccontextmanager
async def busy(
    size: tuple[int, int] = SIZE,
) -> AsyncIterator[tuple[FakeDriver, ConsoleApp, Pilot[Any]]]:  # Any: as in screen.py
    """The console over an app that is busy, the traffic pane focused."""
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=size) as pilot:
        await until(pilot, app, "READY")
        driver.play(stats(), window())
        screen = app.screen
        assert isinstance(screen, RunScreen)
        screen.show_pane("traffic")
        await focus(pilot, app.screen.query_one(RouteTable))
        await until(pilot, app, "POST /items")
        yield driver, app, pilot


def shown_routes(app: ConsoleApp) -> list[str]:
    return [row.cells[0] for row in app.screen.query_one(RouteTable).rows]


def header(app: ConsoleApp) -> str:
    return next(line for line in text(app).splitlines() if "route" in line and "count" in line)


async def test_the_window_is_chosen_by_key_and_by_click() -> None:
    async with busy() as (driver, app, pilot):
        assert "[1 min]" in text(app)
        await pilot.press("v")
        assert "[5 min]" in await until(pilot, app, "[5 min]")
        assert driver.observing[-1] == "window 5m"
        await pilot.press("v", "v")
        await until(pilot, app, "[10 s]")
        assert driver.observing[-2:] == ["window all", "window 10s"]
        row, column = find(app, "all")
        await pilot.click(offset=(column, row))
        assert "[all]" in await until(pilot, app, "[all]")
        assert driver.observing[-1] == "window all"


def find(app: ConsoleApp, wanted: str) -> tuple[int, int]:
    """Row and column of a text on the screen."""
    for number, line in enumerate(text(app).splitlines()):
        if wanted in line:
            return number, line.index(wanted)
    raise AssertionError(f"no {wanted!r} on the screen")


async def test_reset_is_passed_on() -> None:
    async with busy() as (driver, app, pilot):
        await pilot.press("u")
        await settle(pilot)
        assert driver.observing[-1] == "reset_traffic"
        row, column = find(app, "u Reset")
        await pilot.click(offset=(column, row))
        await settle(pilot)
        assert driver.observing[-2:] == ["reset_traffic"] * 2


async def test_while_paused_the_pane_stands_still_and_data_is_gathered() -> None:
    async with busy() as (driver, app, pilot):
        await pilot.press("k")
        await until(pilot, app, "‖ PAUSED")
        await pilot.press("tab")  # not to have the cursor's line in it
        await settle(pilot)
        pane = [line[:60] for line in text(app).splitlines()[2:19]]
        driver.play(stats(at=AT + 4), window(at=AT + 4, routes=(*ROUTES, route("GET /new", 9_000))))
        await settle(pilot)
        assert [line[:60] for line in text(app).splitlines()[2:19]] == pane
        assert app.model.window is not None
        assert len(app.model.window.routes) == 4
        row, column = find(app, "k Resume")
        await pilot.click(offset=(column, row))
        shown = await until(pilot, app, "GET /new")
        assert "PAUSED" not in shown
        assert "9,000" in shown


async def test_what_changes_the_numbers_ends_the_pause() -> None:
    async with busy() as (_, app, pilot):
        for key in ("v", "u"):
            await pilot.press("k")
            await until(pilot, app, "‖ PAUSED")
            await pilot.press(key)
            assert "k Pause" in await until(pilot, app, "k Pause")


async def test_routes_are_sorted_by_key_and_by_header_and_stay_so() -> None:
    async with busy((80, 24)) as (driver, app, pilot):
        assert "▼count" in header(app)
        await pilot.press("full_stop", "full_stop", "full_stop")
        await until(pilot, app, "▼p95")
        assert shown_routes(app) == ["POST /items", "GET /boom", "GET /items/{id}"]
        await pilot.press("d")
        await until(pilot, app, "▲p95")
        assert shown_routes(app) == ["GET /items/{id}", "GET /boom", "POST /items"]
        driver.play(window(at=AT + 5, routes=(*ROUTES, route("GET /slow", 3, p95_ms=900.0))))
        await until(pilot, app, "GET /slow")
        assert shown_routes(app)[-1] == "GET /slow"
        await pilot.press("comma")
        await until(pilot, app, "▼p50")
        line, column = find(app, " rate ")
        await pilot.click(offset=(column + 1, line))
        await until(pilot, app, "▼rate")
        await pilot.click(offset=(column + 1, line))
        await until(pilot, app, "▲rate")
        assert shown_routes(app)[0] == "GET /slow"
        await pilot.click(offset=(3, line))
        await until(pilot, app, "route▲")
        assert shown_routes(app)[0] == "GET /boom"


async def test_routes_are_filtered_while_typing_until_escape() -> None:
    async with busy() as (driver, app, pilot):
        assert "/ Filter" in text(app).splitlines()[-1]
        await pilot.press("slash", *"ITEM")
        shown = await until(pilot, app, "2 of 3")
        assert shown_routes(app) == ["GET /items/{id}", "POST /items"]
        assert "/ ITEM" in shown
        await pilot.press("enter")
        await settle(pilot)
        assert app.focused is app.screen.query_one(RouteTable)
        driver.play(window(at=AT + 5, routes=(*ROUTES, route("PUT /items", 3), route("GET /", 900))))
        assert "3 of 5" in await until(pilot, app, "PUT /items")
        assert "GET /boom" not in text(app)
        await pilot.press("slash", *"zz", "enter")
        assert "No route contains zz." in await until(pilot, app, "No route")
        await pilot.press("escape")
        assert "GET /boom" in await until(pilot, app, "GET /boom")
        assert "/ ITEM" not in text(app)


async def test_only_rows_that_changed_are_repainted() -> None:
    async with busy() as (driver, app, pilot):
        await pilot.press("tab")
        await settle(pilot)
        table = app.screen.query_one(RouteTable)
        painted: list[int] = []
        table.refresh_lines = lambda y_start, line_count=1: painted.append(y_start)  # type: ignore[method-assign]  # counts
        changed = (ROUTES[0], replace(ROUTES[1], p99_ms=77.0), ROUTES[2])
        driver.play(window(at=AT + 4, routes=changed))
        await settle(pilot)
        assert painted == [2]
        assert table.rows[1].cells[6] == "77"


async def test_nothing_is_painted_when_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    async with busy((200, 60)) as (driver, _, pilot):
        await settle(pilot)
        painted: list[Widget] = []
        refresh = Widget.refresh

        def noted(widget: Widget, *regions: Region, **how: bool) -> Widget:
            painted.append(widget)
            return refresh(widget, *regions, **how)

        monkeypatch.setattr(Widget, "refresh", noted)
        driver.play(replace(stats(), at=AT + 2.2), window(at=AT + 3.2))
        await settle(pilot)
        assert painted == []
        driver.play(replace(window(at=AT + 4), bins=(*BINS[:-1], replace(BINS[-1], requests=2))))
        await settle(pilot)
        assert {widget.id for widget in painted} == {"latencies"}


async def test_the_cursor_stays_on_its_route() -> None:
    async with busy() as (driver, app, pilot):
        table = app.screen.query_one(RouteTable)
        await pilot.press("down")
        await until(pilot, app, "POST /items   ")
        assert table.cursor is not None
        assert table.cursor.key == "POST /items"
        driver.play(window(at=AT + 4, routes=(*ROUTES, route("GET /", 9_000))))
        await until(pilot, app, "9,000")
        assert table.cursor.key == "POST /items"
        assert [row.key for row in table.rows].index("POST /items") == 2
        await pilot.press("home", "up", "end", "down", "pageup", "pagedown")
        await settle(pilot)
        assert table.cursor.key == "GET /boom"
        driver.play(window(at=AT + 5, routes=ROUTES[:2]))
        await settle(pilot)
        assert table.cursor.key == "POST /items"


@pytest.mark.parametrize("by_mouse", [False, True])
async def test_the_requests_of_a_route(by_mouse: bool) -> None:
    async with busy() as (_, app, pilot):
        if by_mouse:
            line, column = find(app, "POST /items   ")
            await pilot.click(offset=(column, line), times=2)
        else:
            await pilot.press("down", "enter")
        shown = await until(pilot, app, "route:")
        assert app.current_mode == "requests"
        assert 'route:"POST /items"' in shown


async def test_views_are_one_key_apart_where_one_has_room() -> None:
    async with busy((80, 24)) as (_, app, pilot):
        assert "[Routes]" in text(app)
        await pilot.press("h")
        shown = await until(pilot, app, "[Latency]")
        assert "500 ms-1 s" in shown
        assert "GET /boom" not in shown
        await pilot.press("h")
        shown = await until(pilot, app, "[Workers]")
        assert "4242" in shown
        # the pane's keys work there too, and a filter goes where it shows
        await pilot.press("slash", *"boom")
        shown = await until(pilot, app, "1 of 3")
        assert "[Routes]" in shown
        row, column = find(app, "Latency")
        await pilot.click(offset=(column, row))
        assert "[Latency]" in await until(pilot, app, "[Latency]")


@pytest.mark.parametrize("size", [(120, 40), (200, 60)])
async def test_where_there_is_room_all_views_are_in_sight(size: tuple[int, int]) -> None:
    async with busy(size) as (_, app, pilot):
        if size == (120, 40):
            assert "500 ms-1 s" not in text(app)
            await pilot.press("z")
        shown = await until(pilot, app, "500 ms-1 s")
        assert [
            item for item in ("GET /items/{id}", "worker", "lag", "share", "p95") if item not in shown
        ] == []
        assert "[Routes]" not in shown


async def test_a_long_route_is_told_in_full() -> None:
    name = f"GET /{'/'.join(f'part{number}' for number in range(12))}"
    async with busy() as (driver, app, pilot):
        driver.play(window(at=AT + 4, routes=(route(name, 9_000), *ROUTES)))
        await until(pilot, app, "9,000")
        await pilot.press("home")
        shown = await until(pilot, app, "bytes 900 kB")
        pane = "".join(line[2:58].rstrip() for line in shown.splitlines()[2:19])
        assert name in pane
        assert "p95 4.0" in pane


async def test_that_there_are_more_routes_or_none_is_said() -> None:
    async with busy() as (driver, app, pilot):
        # under load the routes lag behind the number of requests
        driver.play(replace(window(at=AT + 4), requests=9_876))
        assert "busiest" not in await until(pilot, app, "9,876")
        many = tuple(route(f"GET /{n}", n + 1) for n in range(SHOWN_ROUTES))
        driver.play(window(at=AT + 5, routes=many))
        assert "busiest 100" in await until(pilot, app, "busiest 100")
        driver.play(replace(window(at=AT + 6, routes=()), bins=()))
        assert "No request in the last minute." in await until(pilot, app, "No request")
