"""Mode 3: the requests as they come."""

from dataclasses import replace
from typing import Any

from textual.geometry import Region
from textual.pilot import Pilot
from textual.widgets import Input

from asgi_tui.domain.events import Event, Progress, State, StateChanged
from asgi_tui.frontends.console.app import ConsoleApp
from asgi_tui.frontends.console.format import clock_ms
from asgi_tui.frontends.console.request_list import MAX_CALLS, RequestList
from asgi_tui.frontends.console.screens.request import RequestScreen
from asgi_tui.frontends.console.screens.requests import RequestsScreen
from asgi_tui.frontends.console.widgets.request_table import RequestTable
from asgi_tui.frontends.console.widgets.traffic import Traffic
from tests.console.calls import failed, lifespan, request, websocket
from tests.console.fake import AT, URL, FakeDriver, console, running, stats
from tests.console.screen import focus, settle, text, until

SIZE = (120, 40)
CROSS = "\N{NO-BREAK SPACE}✕"


def calls(number: int, start: int = 0) -> list[Event]:
    """Requests that can be told apart by their paths."""
    return [request(n, path=f"/items/{n}.", ms=4.0) for n in range(start, start + number)]


async def looking(
    pilot: Pilot[Any], app: ConsoleApp, *events: Event
) -> RequestsScreen:  # Any: as in screen.py
    """The screen once the server is ready; ``events`` are played."""
    await until(pilot, app, "READY")
    await pilot.press("3")
    await until(pilot, app, "tracing 100/s a worker")
    driver = app._drive
    assert isinstance(driver, FakeDriver)
    driver.play(*events)
    assert isinstance(app.screen, RequestsScreen)
    return app.screen


async def type_filter(pilot: Pilot[Any], app: ConsoleApp, typed: str, *keys: str) -> None:  # Any: as above
    """Types a filter and then the keys; of its letters only the last one is pressed, for time."""
    await pilot.press("slash")
    app.screen.query_one(Input).value = typed[:-1]
    await pilot.press("end", typed[-1], *keys)


def row(app: ConsoleApp, words: str) -> str:
    """The first line with the words, without the frame."""
    return next((line.strip("│ ") for line in text(app).splitlines() if words in line), "")


def chosen(app: ConsoleApp) -> str:
    """The path of the request under the cursor."""
    assert isinstance(app.screen, RequestsScreen)
    call = app.screen.chosen_request
    return call.path if call else ""


async def test_a_call_is_a_row_with_all_that_has_room() -> None:
    app = running(FakeDriver())
    async with app.run_test(size=(200, 60)) as pilot:
        begun = replace(websocket(3), outcome="open", returned_ms=None)
        await looking(
            pilot, app, stats(), Progress(AT, lifespan()), request(1), failed(2), Progress(AT, begun)
        )
        shown = await until(pilot, app, "/boom")
        assert row(app, "/items/7").split() == [
            *(clock_ms(AT + 1), "GET", "/items/7?page=2&token=••••••", "/items/{item_id}"),
            *("200", "12", "ms", "25", "B", "uvicorn", "4242"),
        ]
        assert "▲1   ✗ 500" in row(app, "/boom")
        assert row(app, "WS ").split()[2:5] == ["/ws", "/ws", "◌"]
        assert "startup complete" in row(app, "LIFESPAN")
        assert "Requests · 2 of 48,112 requests kept · 2 other calls" in shown
        assert "newest 2,000 or 64 MB kept" in shown


async def test_columns_go_where_there_is_no_room() -> None:
    app = running(FakeDriver())
    async with app.run_test(size=(200, 60)) as pilot:
        await looking(pilot, app, *calls(3))
        for size, titles in (
            ((200, 60), "time method path route status duration size server worker"),
            ((120, 40), "time method path route status duration size worker"),
            ((80, 24), "time method path status duration"),
        ):
            await pilot.resize_terminal(*size)
            shown = await until(pilot, app, "/items/2.")
            assert row(app, "method").split() == titles.split()
            assert "FOLLOW · tracing 100/s a worker · newest 2,000 or 64 MB kept" in shown
            assert f"● READY  uvicorn 0.54.0  {URL}" in shown
            wanted = ["⏎ Open", "/ Filter", "? Help", "q Quit"]
            assert [item for item in wanted if item not in shown] == []


async def test_the_newest_is_followed_until_one_moves_up() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await looking(pilot, app, *calls(100))
        assert "FOLLOW" in await until(pilot, app, "/items/99.")
        assert chosen(app) == "/items/99."
        await pilot.press("up", "up")
        await until(pilot, app, "End follows")
        driver.play(*calls(7, 100))
        shown = await until(pilot, app, "+7 new")
        assert "/items/99." in shown
        assert "/items/100." not in shown
        assert chosen(app) == "/items/97."
        await pilot.press("end")
        assert "/items/106." in await until(pilot, app, "FOLLOW")
        assert chosen(app) == "/items/106."
        await pilot.press("home")
        assert "/items/0." in await until(pilot, app, "End follows")
        await pilot.press("pagedown", "down", "pageup", "f")
        assert "/items/106." in await until(pilot, app, "FOLLOW")


async def test_the_wheel_leaves_follow_and_the_place_stays_when_the_oldest_go() -> None:
    driver = FakeDriver()
    app = running(driver)
    app.model.requests = RequestList(60)
    async with app.run_test(size=SIZE) as pilot:
        screen = await looking(pilot, app, *calls(60))
        await until(pilot, app, "/items/59.")
        # as the wheel does
        screen.query_one(RequestTable).scroll_relative(y=-3, animate=False)
        await until(pilot, app, "End follows")
        top, under = row(app, "/items/"), chosen(app)
        driver.play(*calls(15, 60))
        assert "60 of 60 requests kept" in await until(pilot, app, "+15 new")
        assert (row(app, "/items/"), chosen(app)) == (top, under)
        assert under == "/items/59."
        driver.play(*calls(60, 75))
        await until(pilot, app, "+60 new")
        assert chosen(app) == "/items/75."


async def test_the_list_stands_still_while_paused() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await looking(pilot, app, *calls(3))
        await pilot.press("p")
        await until(pilot, app, "‖ PAUSED, 0 waiting · p goes on")
        driver.play(*calls(5, 3))
        shown = await until(pilot, app, "PAUSED, 5 waiting")
        assert "/items/3." not in shown
        assert "p Go on" in shown
        await pilot.press("p")
        shown = await until(pilot, app, "/items/7.")
        assert "FOLLOW" in shown
        assert "p Pause" in shown


async def test_clearing_forgets_and_says_what_next() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await looking(pilot, app)
        shown = text(app)
        assert "No request yet.\n" in "\n".join(line.strip("│ ") for line in shown.splitlines())
        assert f"Open {URL} in a browser, or press n to send a request." in shown
        assert "x Clear" not in shown
        driver.play(*calls(3))
        assert "x Clear" in await until(pilot, app, "/items/2.")
        await pilot.press("x")
        shown = await until(pilot, app, "No request yet.")
        assert "0 of 0 requests kept" in shown
        assert chosen(app) == ""
        driver.play(*calls(1, 3))
        assert "FOLLOW" in await until(pilot, app, "/items/3.")
        await pilot.press("x")
        driver.play(StateChanged(AT, State.STOPPED))
        assert "g Start" in await until(pilot, app, "g starts the server, 1 opens the form.")
        await pilot.press("g")
        await until(pilot, app, "Logs ·")
        assert driver.calls.count("start uvicorn main:app") == 2


# -- filter ----------------------------------------------------------------------------------------


async def test_a_filter_is_typed_kept_and_cleared() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await looking(pilot, app, *calls(3), failed(9))
        await type_filter(pilot, app, "-is:error")
        shown = await until(pilot, app, "3 match")
        assert "/boom" not in shown
        assert "→ completes · Esc clears" in shown
        await pilot.press("enter")
        shown = await until(pilot, app, "r Replay")
        assert "Esc clears" not in shown
        assert f"Only  -is:error{CROSS}" in shown
        driver.play(*calls(1, 3), failed(8))
        shown = await until(pilot, app, "4 match")
        assert "/boom" not in shown
        await type_filter(pilot, app, "nowhere", "enter")
        shown = await until(pilot, app, "None of 6 matches the filter.")
        assert "Esc clears it." in shown
        assert "⏎ Open" not in shown
        await pilot.press("escape")
        shown = await until(pilot, app, "/boom")
        assert "match" not in shown
        assert "Only" not in shown


async def test_a_bad_term_is_told_and_the_filter_before_stays() -> None:
    app = running(FakeDriver())
    async with app.run_test(size=SIZE) as pilot:
        await looking(pilot, app, *calls(3), failed(9))
        await type_filter(pilot, app, "items status:no")
        shown = await until(pilot, app, "Filter term status:no")
        assert "✗ Filter term status:no: this is neither a status, nor a class, nor a comparison;" in shown
        assert f"Only  items{CROSS}" in shown
        assert "3 match" in shown
        await pilot.press("down")
        shown = await until(pilot, app, "r Replay")
        assert "Filter term" not in shown
        assert "3 match" in shown
        assert app.screen.query_one(Input).value == "items"
        await type_filter(pilot, app, "serv")
        await until(pilot, app, "/ server:")
        await pilot.press("right", "u")
        await until(pilot, app, "server:uvicorn")
        await pilot.press("right", "enter")
        assert "4 match" in await until(pilot, app, f"Only  server:uvicorn{CROSS}")


async def test_the_cursor_comes_back_when_the_filter_lets_it() -> None:
    app = running(FakeDriver())
    async with app.run_test(size=SIZE) as pilot:
        await looking(pilot, app, *calls(100), failed(100), *calls(100, 200))
        await until(pilot, app, "/items/299.")
        await type_filter(pilot, app, "boom", "enter")
        await until(pilot, app, "1 match")
        await pilot.press("up", "escape")
        assert "/boom" in await until(pilot, app, "/items/200.")
        assert chosen(app) == "/boom"
        await type_filter(pilot, app, "items", "enter")
        await until(pilot, app, "200 match")
        assert chosen(app) == "/items/200."
        await pilot.press("escape")
        await until(pilot, app, "/boom")
        assert chosen(app) == "/boom"


async def test_a_chip_is_clicked_away() -> None:
    app = running(FakeDriver())
    async with app.run_test(size=SIZE) as pilot:
        await looking(pilot, app, *calls(3), failed(9))
        await type_filter(pilot, app, "-is:error method:get", "enter")
        shown = await until(pilot, app, f"Only  -is:error{CROSS}   method:get{CROSS}")
        y = next(y for y, line in enumerate(shown.splitlines()) if "Only" in line)
        await pilot.click(offset=(shown.splitlines()[y].index("is:error"), y))
        shown = await until(pilot, app, f"Only  method:get{CROSS}")
        assert "4 match" in shown
        assert "/boom" in shown


async def test_the_requests_of_a_route_are_one_step_away() -> None:
    app = running(FakeDriver())
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        driver = app._drive
        assert isinstance(driver, FakeDriver)
        driver.play(*calls(3), failed(9))
        app.screen.post_message(Traffic.RouteChosen("GET /boom"))
        shown = await until(pilot, app, "1 match")
        assert f'Only  route:"GET /boom"{CROSS}' in shown
        assert "/items/1." not in shown
        await pilot.press("2")
        await until(pilot, app, "Logs ·")
        app.screen.post_message(Traffic.RouteChosen("GET /items/{item_id}"))
        shown = await until(pilot, app, "3 match")
        assert "/items/1." in shown
        # a request that is read there gives way to the list, what is typed does not
        await pilot.press("end", "enter")
        await until(pilot, app, "[Messages")
        app.screen.post_message(Traffic.RouteChosen("GET /boom"))
        assert "1 match" in await until(pilot, app, "1 match")
        await pilot.press("n")
        await until(pilot, app, "Nothing was sent yet")
        app.screen.post_message(Traffic.RouteChosen("GET /x\x1b[2J"))
        await settle(pilot)
        assert [note.message for note in app._notifications] == [
            "The list shows GET /x␛[2J: Esc leads to it."
        ]


async def test_what_is_seen_is_opened_though_the_list_has_let_it_go() -> None:
    app = running(FakeDriver())
    async with app.run_test(size=SIZE) as pilot:
        screen = await looking(pilot, app, *calls(3))
        await until(pilot, app, "/items/2.")
        # as under load between two repaints
        for n in range(MAX_CALLS + 1):
            app.model.requests.add(replace(request(9, path="/later"), id=f"later-{n}"))
        assert app.model.requests.find("4242-2") is None
        screen.action_open()
        assert "GET /items/2." in await until(pilot, app, "[Messages")
        await pilot.press("left_square_bracket")
        await settle(pilot)
        assert "There is no request before" in next(iter(app._notifications)).message
        await pilot.press("right_square_bracket")
        assert "GET /later" in await until(pilot, app, "GET /later")


# -- keys and mouse --------------------------------------------------------------------------------


async def test_a_click_chooses_a_double_click_opens_and_what_is_cut_is_told() -> None:
    app = running(FakeDriver())
    async with app.run_test(size=SIZE) as pilot:
        long = "/a" + "/very/long/way" * 12
        await looking(pilot, app, *calls(9), request(9, path=long))
        await until(pilot, app, "/items/8.")
        await pilot.click("#request-table", offset=(30, 3))
        await until(pilot, app, "End follows")
        assert chosen(app) == "/items/2."
        await pilot.click("#request-table", offset=(30, 0))
        await pilot.click("#request-table", offset=(30, 20))
        assert chosen(app) == "/items/2."
        table = app.screen.query_one(RequestTable)
        await pilot.hover("#request-table", offset=(30, 10))
        assert str(table.tooltip).startswith(f"{long}?page=2&token=••••••")
        await pilot.hover("#request-table", offset=(2, 10))
        assert table.tooltip is None
        await pilot.click("#request-table", offset=(30, 5), times=2)
        await until(pilot, app, "http.response.start")
        assert isinstance(app.screen, RequestScreen)
        assert app.screen.chosen_request == calls(5)[4]


async def test_enter_opens_a_request_and_escape_leads_back() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await looking(pilot, app, *calls(2), failed(9), *calls(1, 2))
        await until(pilot, app, "/items/2.")
        await pilot.press("up", "enter")
        await until(pilot, app, "http.response.start")
        assert isinstance(app.screen, RequestScreen)
        assert app.screen.chosen_request == failed(9)
        driver.play(*calls(3, 3))
        await pilot.press("escape")
        shown = await until(pilot, app, "+3 new")
        assert "/items/5." in shown
        assert chosen(app) == "/boom"
        assert driver.observing[-1] == "trace 100"


async def test_the_tab_of_the_status_line_leads_here_and_help_lists_the_keys() -> None:
    app = running(FakeDriver())
    async with app.run_test(size=(120, 140)) as pilot:
        await until(pilot, app, "READY")
        await pilot.click("ModeTab:last-of-type")
        await until(pilot, app, "No request yet.")
        assert app.current_mode == "requests"
        await pilot.press("f1")
        shown = await until(pilot, app, "Keys")
        for what in (
            "Go to Requests",
            "Filter the requests",
            "Follow the newest request",
            "To the oldest request",
        ):
            assert what in shown


# -- tracing and repainting ------------------------------------------------------------------------


async def test_more_is_traced_while_it_is_looked_at() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        assert driver.observing == ["trace 20", "window 1m"]
        await pilot.press("3")
        await until(pilot, app, "tracing 100/s a worker")
        await pilot.press("a")
        await until(pilot, app, "tracing all")
        await pilot.press("2")
        await until(pilot, app, "Logs ·")
        await pilot.press("3", "a")
        await until(pilot, app, "tracing 100/s a worker")
        await pilot.press("1")
        await until(pilot, app, "Options of")
        rates = [call for call in driver.observing if call.startswith("trace")]
        assert rates[1:] == ["trace 100", "trace None", "trace 100", "trace 20"]


async def test_only_what_changed_is_repainted() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        begun = replace(websocket(1), outcome="open", duration_ms=9e9)
        screen = await looking(pilot, app, stats(), *calls(5, 10), Progress(AT, begun), *calls(3, 20))
        await until(pilot, app, "/items/22.")
        table = screen.query_one(RequestTable)
        painted: list[tuple[Region, ...]] = []
        plain = table.refresh

        def refresh(*regions: Region, **options: bool) -> RequestTable:
            painted.append(regions)
            return plain(*regions, **options)

        table.refresh = refresh  # type: ignore[method-assign]  # counts
        driver.play(stats(48_113), *calls(5, 10))
        await until(pilot, app, "of 48,113")
        driver.play(Progress(AT, begun))
        app._tick()
        await settle(pilot)
        assert painted == []
        driver.play(websocket(1))
        await until(pilot, app, "61 ms")
        assert painted == [(Region(0, 6, table.size.width, 1),)]


async def test_what_comes_while_another_mode_is_shown_is_not_missed() -> None:
    driver = FakeDriver()
    app = console(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "Options of")
        driver.play(*calls(3))
        await focus(pilot, app.screen.query_one("#servers"))
        await pilot.press("3")
        assert "/items/2." in await until(pilot, app, "FOLLOW")
