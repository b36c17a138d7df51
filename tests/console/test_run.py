"""Mode 2: the running app."""

from dataclasses import replace

import pytest
from textual.geometry import Region
from textual.widget import Widget

from asgi_tui.domain.events import Error, Ready, State, StateChanged, Usage, Watching
from asgi_tui.frontends.console.widgets.log_view import LogView
from asgi_tui.frontends.console.widgets.reloads import Reloads
from asgi_tui.frontends.console.widgets.table import Table
from tests.console.fake import AT, URL, FakeDriver, console, lines, plan, running, stats
from tests.console.reloads import reload_failed, reload_ok
from tests.console.screen import settle, text, until
from tests.console.traffic import window

SIZE = (120, 40)


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


async def test_totals_and_routes_are_shown_until_a_window_of_time_is_told() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        driver.play(stats())
        shown = await until(pilot, app, "48,112")
        wanted = [
            "req/s     1,204",
            "errors     2",
            "flight     3",
            "p50   1.2 ms",
            "p90   2.9 ms",
            "max    31 ms",
        ]
        wanted += [
            "2xx   47,998",
            "4xx      112",
            "5xx        2",
            "in    1.2 MB",
            "out    86 MB",
            "ws all     2",
        ]
        wanted += ["msg in    14", "GET /items/{id}", "47,112", "✗ 2", "█"]
        assert [item for item in wanted if item not in shown] == []
        driver.play(window())
        shown = await until(pilot, app, "1,807")
        assert "1,500" in shown
        assert "47,112" not in shown


async def test_a_failed_reload_is_told_until_the_next_success() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        driver.play(*reload_failed())
        shown = await until(pilot, app, "failed after")
        assert "✗ failed after 40 ms  app.py +2, +new.py" in shown
        assert "▲ serving the last good version" in shown.splitlines()[1]
        banner = shown.splitlines()[2]
        assert "✗ Reload: SyntaxError: invalid syntax" in banner
        assert "app.py:12" in banner
        assert "● READY" in shown
        assert "▸ Reload: Syn" in shown
        await pilot.press("enter")
        assert 'price = int("ten")' in await until(pilot, app, "price = int")
        driver.play(reload_ok())
        shown = await until(pilot, app, "live in")
        assert "✓ live in 38 ms  app.py +3 -1" in shown
        assert "startup 9 · answer 3" in shown
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
        await pilot.press("g", "R", "x")
        shown = await until(pilot, app, "STOPPED")
        assert driver.calls == ["start uvicorn main:app", "restart", "stop"]
        assert "○ STOPPED" in shown
        assert "x Stop" not in shown
        assert "g Start" in shown
        await pilot.press("x", "s", "g")
        await until(pilot, app, "READY")
        assert driver.calls[3:] == ["start uvicorn main:app"]


async def test_the_palette_offers_what_is_valid_now() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=(120, 60)) as pilot:
        await until(pilot, app, "READY")
        await settle(pilot)
        await pilot.press("ctrl+p")
        shown = await until(pilot, app, "Switch to granian")
        assert "Switch to granian" in shown
        assert "Bring the code as it is now live" in shown
        assert "Start the server again" not in shown
        # found by what is said of it too
        await pilot.press(*"now live")
        shown = await until(pilot, app, "code as it is")
        assert "Bring the code as it is now live" in shown
        assert "Switch to granian" not in shown
        await pilot.press(*("backspace",) * 8, *"switch to gran")
        await until(pilot, app, "Switch to granian")
        await pilot.press("enter")
        await until(pilot, app, "⇄")
        assert driver.calls[-1] == "switch granian"


async def test_help_lists_every_key() -> None:
    app = running(FakeDriver())
    async with app.run_test(size=(120, 130)) as pilot:
        await until(pilot, app, "READY")
        await pilot.press("f1")
        shown = await until(pilot, app, "Keys")
        for what in (
            "Move the running app to another server",
            "Find in the log",
            "Save the log, as it is filtered",
            "To the next error",
            "Search for a regular expression",
            "Command palette",
            "Go to the form",
            "End at once what a replaced server still has open",
            "Show the whole traceback",
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


async def test_what_happens_while_another_mode_is_shown_is_not_missed() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        await pilot.press("1")
        await until(pilot, app, "Options of")
        assert app.current_mode == "launch"
        driver.play(stats(), reload_ok(), *lines(50))
        await settle(pilot)
        assert "● READY" in text(app)
        await pilot.press("2")
        shown = await until(pilot, app, "48,112")
        assert app.current_mode == "run"
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
        wanted += ["✓ live in", "number 29 ", "INFO", "FOLLOW", "s Switch", "r Reload", "x Stop", "/ Find"]
        wanted += ["p Pause", "R Restart", "z Zoom", "c Copy", "i Ran", "? Help", "q Quit", "^p palette"]
        assert [item for item in wanted if item not in shown] == []


async def test_a_small_terminal_shows_one_pane_and_the_way_to_the_others() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, app, "READY")
        driver.play(stats(), reload_ok(), *lines(30))
        shown = await until(pilot, app, "number 29 ")
        wanted = ["● READY", URL, "up 00:12:33", "pid 4242", "mem 86 MB", "Traffic", "Reloads", "[Logs]"]
        wanted += ["s Switch", "r Reload", "x Stop", "/ Find", "p Pause", "? Help", "q Quit", "^p palette"]
        assert [item for item in wanted if item not in shown] == []
        await pilot.press("tab")
        shown = await until(pilot, app, "[Traffic]")
        shown = await until(pilot, app, "GET /boom")
        assert [item for item in ("req/s     1,204", "█", "9.8 ms", "GET /boom") if item not in shown] == []
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


async def test_the_reloads_pane_says_that_watching_has_ended() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "Watching /srv/shop")
        await pilot.press("x")
        shown = await until(pilot, app, "Stopped: no file is watched.")
        assert "Stopped: no file is watched." in shown
        assert "Watching" not in shown
        assert "Save a file" not in shown
        await pilot.press("g")
        assert "Watching /srv/shop" in await until(pilot, app, "Watching /srv/shop")


async def test_the_reloads_pane_says_that_reload_is_off() -> None:
    driver = FakeDriver()
    app = console(driver, given=replace(plan(), reload=False), autostart=True)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        assert "Reload is off: no file is watched." in await until(pilot, app, "Reload is off")
        await pilot.press("x")
        await until(pilot, app, "STOPPED")
        assert "Reload is off: no file is watched." in text(app)
