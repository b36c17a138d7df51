"""Mode 2: the running app."""

import pytest
from textual.geometry import Region
from textual.widget import Widget
from textual.widgets import OptionList

from asgi_tui.domain.events import Error, Event, Log, Ready, State, StateChanged, Usage, Watching
from asgi_tui.frontends.console.app import ConsoleApp
from asgi_tui.frontends.console.screens.launch import LaunchScreen
from asgi_tui.frontends.console.screens.run import RunScreen
from asgi_tui.frontends.console.widgets.log_view import LogView
from asgi_tui.frontends.console.widgets.logs import Logs
from asgi_tui.frontends.console.widgets.reloads import Reloads
from asgi_tui.frontends.console.widgets.table import Table
from tests.console.fake import AT, URL, FakeDriver, console, plan, reload_failed, reload_ok, stats
from tests.console.screen import settle, text, until

SIZE = (120, 40)


def running(driver: FakeDriver, server: str = "uvicorn", **options: str | int | bool) -> ConsoleApp:
    return console(driver, given=plan(server, **options), autostart=True)


def lines(number: int, start: int = 0) -> list[Event]:
    return [
        Log(AT + n, "stdout", "info", f"request number {n} was served", 4242, "uvicorn.access")
        for n in range(start, start + number)
    ]


async def test_a_named_target_starts_at_once() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        shown = await until(pilot, app, "mem 86 MB")
        assert driver.calls == ["start uvicorn main:app"]
        status = shown.splitlines()[0]
        assert "● READY  uvicorn 0.54.0  http://127.0.0.1:8000" in status
        assert "up 00:12:33  pid 4242  cpu 3%  mem 86 MB" in status
        assert "Watching /srv/shop" in shown
        assert "Save a file and the app reloads." in shown
        assert "No request yet." in shown
        assert "Application startup complete." in shown
        assert "FOLLOW" in shown


async def test_totals_and_routes_are_shown_and_only_changed_rows_repainted() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        driver.play(stats())
        shown = await until(pilot, app, "48,112")
        wanted = ["1,204 req/s", "errors 2", "in flight 3", "p50 1.2", "p90 2.9", "p99 9.8", "max 31 ms"]
        wanted += ["2xx 47,998", "4xx 112", "5xx 2", "bytes in 1.2 MB", "out 86 MB", "websockets 2 open"]
        wanted += ["messages in 14", "worker 4242", "GET /items/{id}", "47,112", "✗ 2", "█"]
        assert [item for item in wanted if item not in shown] == []
        table = app.screen.query_one(Table)
        painted: list[int] = []
        table.refresh_lines = lambda y_start, line_count=1: painted.append(y_start)  # type: ignore[method-assign]  # counts
        driver.play(stats(48_113, at=AT + 3))
        await until(pilot, app, "48,113")
        assert painted == [1]
        driver.play(stats(48_113, at=AT + 3))
        await settle(pilot)
        assert painted == [1]


async def test_the_log_follows_leaves_and_resumes() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        driver.play(*lines(100))
        shown = await until(pilot, app, "number 99 ")
        assert "number 99 " in shown
        await pilot.press("pageup", "pageup")
        await until(pilot, app, "+0 new")
        before = text(app)
        assert "number 99 " not in before
        driver.play(*lines(7, 100))
        shown = await until(pilot, app, "+7 new")
        assert "+7 new" in shown
        assert "number 106 " not in shown
        await pilot.press("f")
        shown = await until(pilot, app, "FOLLOW")
        assert "number 106 " in shown
        await pilot.press("home")
        await until(pilot, app, "new · End follows")
        await pilot.press("end")
        assert "FOLLOW" in await until(pilot, app, "FOLLOW")


async def test_a_full_log_says_its_bound_and_stays_where_it_is_read() -> None:
    driver = FakeDriver()
    app = running(driver)
    app.model.logs.maximum = 100
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        driver.play(*lines(100))
        await until(pilot, app, "number 99 ")
        app.screen.query_one(LogView).scroll_relative(y=-10, animate=False)
        await until(pilot, app, "new · End")
        top = next(line for line in text(app).splitlines() if "request number" in line)
        driver.play(*lines(20, 100))
        shown = await until(pilot, app, "newest 100 kept")
        assert "Logs · 100 lines, newest 100 kept" in shown
        assert next(line for line in shown.splitlines() if "request number" in line) == top


async def test_the_buffer_may_be_ahead_of_what_is_shown() -> None:
    driver = FakeDriver()
    app = running(driver)
    app.model.logs.maximum = 100
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        driver.play(*lines(100))
        await until(pilot, app, "number 99 ")
        await pilot.press("w", "home")
        await settle(pilot)
        app.model.apply(lines(300, 100))  # not painted yet
        view = app.screen.query_one(LogView)
        view.scroll_relative(y=5, animate=False)
        await settle(pilot)
        view.on_resize()
        driver.play(*lines(1, 400))
        await pilot.press("end")
        assert "number 400 " in await until(pilot, app, "number 400 ")


async def test_finding_marks_steps_and_closes() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        driver.play(*lines(100))
        await until(pilot, app, "number 99 ")
        await pilot.press("slash", *"NUMBER 5")
        shown = await until(pilot, app, "11 of 11")
        assert "11 of 11 lines" in shown
        assert "number 59 " in shown
        await pilot.press("enter", "n")
        shown = await until(pilot, app, "1 of 11")
        assert "1 of 11 lines" in shown
        assert "number 5 " in shown
        view = app.screen.query_one(LogView)
        found = view.get_component_rich_style("log--here").bgcolor
        marked = [
            segment.text
            for y in range(view.size.height)
            for segment in view.render_line(y)
            if segment.style and segment.style.bgcolor == found
        ]
        assert marked == ["number 5"]
        await pilot.press("N")
        assert "11 of 11" in await until(pilot, app, "11 of 11")
        await pilot.press("escape")
        await settle(pilot)
        assert "Esc closes" not in text(app)
        assert not app.screen.query_one(Logs).finding


async def test_long_lines_scroll_sideways_or_wrap() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        driver.play(Log(AT, "stdout", "info", "x" * 160 + "THE-END"))
        await until(pilot, app, "xxxxx")
        assert "THE-END" not in text(app)
        await pilot.press("shift+right", "shift+right", "shift+right")
        assert "THE-END" in await until(pilot, app, "THE-END")
        await pilot.press("w")
        shown = await until(pilot, app, "wrapped")
        assert "THE-END" in shown
        assert "Application startup complete." in shown


async def test_hostile_log_text_is_harmless() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        driver.play(
            Log(AT, "stdout", "info", "\x1b]52;c;aGk=\x07\x1b[2J\x1b[Hgone", 1, "evil\x1b[31m"),
            Log(AT, "stdout", "info", "[bold red]markup[/] [/nope] [@click=app.quit]x[/]"),
            Error(AT, "Load [red]x[/]", "\x1b[2Jbroken", "mend [/b] it"),
        )
        shown = await until(pilot, app, "[@click=app.quit]x[/]")
        assert "[bold red]markup[/] [/nope] [@click=app.quit]x[/]" in shown
        assert "\x1b" not in shown
        assert "␛]52;c;aGk=␇" in shown
        assert "Load [red]x[/]: ␛[2Jbroken; mend [/b] it." in shown.splitlines()[1]
        assert not app.clipboard


async def test_a_failed_reload_is_told_until_the_next_success() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        driver.play(*reload_failed())
        shown = await until(pilot, app, "failed after")
        assert "✗ failed after 40 ms  app.py, +new.py" in shown
        banner = shown.splitlines()[1]
        assert "✗ Reload: SyntaxError: invalid syntax" in banner
        assert "app.py:12" in banner
        assert "● READY" in shown
        assert "def x(" in shown
        driver.play(reload_ok())
        shown = await until(pilot, app, "live in")
        assert "✓ live in 38 ms  app.py" in shown
        assert "import 12 · startup 9.0" in shown
        assert "Reload: SyntaxError" not in shown.splitlines()[1]


async def test_a_failed_start_waits_for_a_good_save() -> None:
    driver = FakeDriver(scripted=False)
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        driver.play(
            StateChanged(AT, State.STARTING),
            Error(AT, "App main:app", "no module named 'nope'", "install it", "main.py", 1, "Traceback"),
            StateChanged(AT, State.CRASHED, "the app could not be imported"),
            Watching(AT, ("/srv/shop",)),
        )
        shown = await until(pilot, app, "CRASHED")
        assert "✗ CRASHED" in shown
        assert "no module named 'nope'" in shown.splitlines()[1]
        assert "g Start" in shown
        driver.play(
            reload_ok(), StateChanged(AT + 31, State.READY), Ready(AT + 31, "uvicorn", "0.54.0", URL, 5, 9.0)
        )
        shown = await until(pilot, app, "READY")
        assert "nope" not in shown.splitlines()[1]


async def test_the_banner_can_be_closed() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        driver.play(Error(AT, "Switching to daphne", "it cannot call a factory", "pick another"))
        assert "cannot call" in (await until(pilot, app, "Esc ✕")).splitlines()[1]
        await pilot.press("escape")
        await settle(pilot)
        assert "Esc ✕" not in text(app)


async def test_switching_says_what_was_mapped_and_dropped() -> None:
    driver = FakeDriver()
    app = running(driver, port=9000, ws="wsproto")
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        await pilot.press("s")
        shown = await until(pilot, app, "Switch server")
        assert "0.54.0 · running" in shown
        assert "would drop ws=wsproto" in shown
        options = app.screen.query_one(OptionList)
        assert options.get_option("uvicorn").disabled
        await pilot.press("enter")
        shown = await until(pilot, app, "⇄")
        assert driver.calls[-1] == "switch hypercorn"
        assert "⇄ uvicorn → hypercorn  84 ms" in shown
        assert "mapped port=9000: --port → --bind" in shown
        assert "dropped ws=wsproto (hypercorn has" in shown
        assert "hypercorn 0.18.0" in shown.splitlines()[0]
        assert any("uvicorn → hypercorn" in notice.title for notice in app._notifications)


async def test_a_switch_that_cannot_be_is_not_offered() -> None:
    driver = FakeDriver()
    app = running(driver, factory=True)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        await pilot.press("s")
        assert "daphne cannot call a factory" in await until(pilot, app, "cannot call")
        assert app.screen.query_one(OptionList).get_option("daphne").disabled
        await pilot.press("escape")
        await settle(pilot)
        assert driver.calls == ["start uvicorn main:app"]


async def test_zoom_shows_one_pane_and_goes_back() -> None:
    app = running(FakeDriver())
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        await pilot.press("z")
        shown = await until(pilot, app, "[Logs]")
        assert "[Logs]" in shown
        assert "Watching" not in shown
        await pilot.press("z")
        await settle(pilot)
        assert "Watching" in text(app)
        assert "[Logs]" not in text(app)


async def test_keys_drive_the_session_and_mean_nothing_when_they_cannot() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        await pilot.press("g", "r", "x")
        shown = await until(pilot, app, "STOPPED")
        assert driver.calls == ["start uvicorn main:app", "restart", "stop"]
        assert "○ STOPPED" in shown
        assert "x Stop" not in shown
        assert "g Start" in shown
        await pilot.press("x", "s", "enter")
        await until(pilot, app, "READY")
        assert driver.calls[3:] == ["start uvicorn main:app"]


async def test_what_ran_and_the_command() -> None:
    app = running(FakeDriver())
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        await pilot.press("c")
        assert app.clipboard == "uvicorn main:app"
        await pilot.press("i")
        shown = await until(pilot, app, "What really ran")
        assert "--fd 7 asgi_probe.app:app" in shown
        assert "WEB_CONCURRENCY=4 is not used" in shown
        assert "/srv/shop/.venv/bin/python" in shown
        await pilot.press("c")
        assert "--fd 7" in app.clipboard


async def test_the_palette_offers_what_is_valid_now() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=(120, 60)) as pilot:
        await until(pilot, app, "READY")
        await settle(pilot)
        await pilot.press("ctrl+p")
        shown = await until(pilot, app, "Switch to granian")
        assert "Switch to granian" in shown
        assert "Restart the server" in shown
        assert "Start the server again" not in shown
        await pilot.press(*"switch to gran", "enter")
        await until(pilot, app, "⇄")
        assert driver.calls[-1] == "switch granian"


async def test_help_lists_every_key() -> None:
    app = running(FakeDriver())
    async with app.run_test(size=(120, 60)) as pilot:
        await until(pilot, app, "READY")
        await pilot.press("f1")
        shown = await until(pilot, app, "Keys")
        for what in (
            "Move the running app to another server",
            "Find in the log",
            "Command palette",
            "Go to the form",
        ):
            assert what in shown


async def test_quitting_closes_the_session_first() -> None:
    driver = FakeDriver()
    driver.may_close.clear()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        await pilot.press("q")
        shown = await until(pilot, app, "stopping…")
        assert "STOPPING  stopping…" in shown
        assert app.is_running
        driver.may_close.set()
        await settle(pilot)
    assert driver.closed
    assert app.return_value == 0


async def test_a_second_ctrl_c_ends_at_once() -> None:
    driver = FakeDriver()
    driver.may_close.clear()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        await pilot.press("ctrl+c", "ctrl+c")
        await settle(pilot)
    assert driver.calls[-1] == "close"
    assert not driver.closed
    assert app.return_value == 0


async def test_ctrl_c_copies_a_selection_and_does_not_quit() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "Application startup complete.")
        app.screen.query_one(LogView).text_select_all()
        await pilot.press("ctrl+c")
        await settle(pilot)
        assert "Application startup complete." in app.clipboard
        assert "close" not in driver.calls


async def test_what_happens_while_another_mode_is_shown_is_not_missed() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        await pilot.press("1")
        await until(pilot, app, "Options of")
        assert isinstance(app.screen, LaunchScreen)
        driver.play(stats(), reload_ok(), *lines(50))
        await settle(pilot)
        assert "● READY" in text(app)
        await pilot.press("2")
        shown = await until(pilot, app, "48,112")
        assert isinstance(app.screen, RunScreen)
        assert "✓ live in" in shown
        assert "number 49 " in shown


async def test_the_theme_goes_dark_and_light() -> None:
    app = running(FakeDriver())
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        await pilot.press("t")
        assert not app.current_theme.dark
        await pilot.press("t")
        assert app.current_theme.dark


@pytest.mark.parametrize("size", [(120, 40), (200, 60)])
async def test_every_pane_is_in_sight_where_there_is_room(size: tuple[int, int]) -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=size) as pilot:
        await until(pilot, app, "READY")
        driver.play(stats(), reload_ok(), *lines(30))
        shown = await until(pilot, app, "48,112")
        wanted = ["Traffic", "Reloads", "Logs", "● READY", URL, "up 00:12:33", "GET /items/{id}", "GET /boom"]
        wanted += ["✓ live in", "number 29 ", "INFO", "FOLLOW", "s Switch", "r Restart", "x Stop", "/ Find"]
        wanted += ["z Zoom", "c Copy", "i Ran", "? Help", "q Quit", "^p palette"]
        assert [item for item in wanted if item not in shown] == []


async def test_a_small_terminal_shows_one_pane_and_the_way_to_the_others() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, app, "READY")
        driver.play(stats(), reload_ok(), *lines(30))
        shown = await until(pilot, app, "number 29 ")
        wanted = ["● READY", URL, "up 00:12:33", "pid 4242", "mem 86 MB", "Traffic", "Reloads", "[Logs]"]
        wanted += ["s Switch", "r Restart", "x Stop", "/ Find", "c Copy", "? Help", "q Quit", "^p palette"]
        assert [item for item in wanted if item not in shown] == []
        await pilot.press("tab")
        shown = await until(pilot, app, "[Traffic]")
        shown = await until(pilot, app, "GET /boom")
        assert [item for item in ("1,204 req/s", "█", "p99 9.8", "GET /boom") if item not in shown] == []
        await pilot.click("#tab-reloads")
        assert "✓ live in" in await until(pilot, app, "✓ live in")


async def test_nothing_is_painted_when_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        driver.play(stats())
        await until(pilot, app, "48,112")
        await settle(pilot)
        painted: list[Widget] = []
        refresh = Widget.refresh

        def noted(widget: Widget, *regions: Region, **how: bool) -> Widget:
            painted.append(widget)
            return refresh(widget, *regions, **how)

        monkeypatch.setattr(Widget, "refresh", noted)
        driver.play(app.model.stats or stats(), Usage(AT + 2, 3.2, 86_000_000, 1))
        app._tick()
        await settle(pilot)
        assert painted == []
        driver.play(Usage(AT + 3, 50.0, 86_000_000, 1))
        await settle(pilot)
        assert painted != []
        assert not any(isinstance(widget, Table | LogView | Reloads) for widget in painted)
