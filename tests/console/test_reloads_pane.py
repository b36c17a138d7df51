"""The reloads pane as it is used: chosen, opened, paused, counted down."""

import pytest
from textual.widget import Widget
from textual.widgets import OptionList

from asgi_tui.frontends.console.history import MAX_RELOADS
from asgi_tui.frontends.console.widgets.offers import Offers
from asgi_tui.frontends.console.widgets.reloads import EntryList
from tests.console.fake import AT, FakeDriver, lines, running
from tests.console.reloads import drained, draining, reload_failed, reload_ok, slow_reload, standby, watching
from tests.console.screen import settle, text, until

SIZE = (120, 40)


async def test_an_entry_is_opened_by_key_and_by_mouse_and_grows_while_it_is_open() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        driver.play(slow_reload(), reload_ok(run=5))
        await until(pilot, app, "38 ms")
        await pilot.press("tab", "tab")
        assert "⏎ Details" in await until(pilot, app, "Details")
        await pilot.press("down", "enter")
        shown = await until(pilot, app, "Slowest imports")
        assert "Cold: .env has changed" in shown
        assert "Its lifespan shutdown" not in shown
        driver.play(drained(3))
        assert "Its lifespan shutdown took 14 ms" in await until(pilot, app, "Its lifespan")
        await pilot.press("escape")
        await until(pilot, app, "2 events")
        await pilot.click(EntryList, offset=(4, 0))
        assert "live in 38 ms, warm start" in await until(pilot, app, "warm start")


async def test_the_chosen_entry_stays_chosen_when_another_comes() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        driver.play(reload_ok(run=2), slow_reload())
        await until(pilot, app, "967 ms")
        await pilot.press("tab", "tab", "down")
        await settle(pilot)
        driver.play(*[reload_ok(run=5 + number) for number in range(3)])
        await until(pilot, app, "5 events")
        entries = app.screen.query_one(OptionList)
        assert entries.highlighted_option is not None
        assert entries.highlighted_option.id == "1"
        # bounded, and the newest is chosen once the chosen one is gone
        driver.play(*[reload_ok(run=10 + number) for number in range(MAX_RELOADS)])
        await until(pilot, app, "newest 100 kept")
        assert entries.option_count == MAX_RELOADS
        assert entries.highlighted == 0


async def test_a_whole_traceback_is_unfolded_by_a_key() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, app, "READY")
        driver.play(*reload_failed())
        await until(pilot, app, "serving the last good version")
        await pilot.press("tab", "tab", "enter")
        assert "import_module" not in await until(pilot, app, "u unfolds the traceback")
        await pilot.press("u")
        assert "import_module" in await until(pilot, app, "import_module")


async def test_keys_of_watching_streams_and_loops() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        await pilot.press("r", "e", "l", "p")
        shown = await until(pilot, app, "p Resume")
        assert driver.calls[1:] == ["reload", "pause"]
        assert "‖ watching paused" in shown.splitlines()[1]
        assert "Reloads · PAUSED" in shown
        await pilot.press("p")
        assert "PAUSED" not in await until(pilot, app, "p Pause")
        driver.play(watching(loop="logs/app.log"), draining())
        shown = await until(pilot, app, "The app itself writes logs/app.log")
        assert "ended in 4 s" in shown
        row = next(y for y, line in enumerate(shown.splitlines()) if "Old server" in line)
        await pilot.click(offset=(shown.splitlines()[row].index("End") + 1, row))
        await pilot.press("l")
        await settle(pilot)
        assert driver.calls[3:] == ["resume", "end_streams", "exclude *.log"]
        driver.play(drained())
        await settle(pilot)
        assert "Old server" not in text(app)
        assert not app.screen.query_one(Offers).display


async def test_the_countdown_is_all_that_is_painted(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        driver.play(watching(), standby(), reload_ok(), draining(), *lines(5))
        await until(pilot, app, "ended in 4 s")
        await settle(pilot)
        painted: list[Widget] = []
        update = Widget.refresh

        def noted(widget: Widget, *regions: object, **how: bool) -> Widget:
            painted.append(widget)
            return update(widget, *regions, **how)  # type: ignore[arg-type]  # as they came

        monkeypatch.setattr(Widget, "refresh", noted)
        driver.play(standby(AT + 9), watching(AT + 9), draining())
        app._tick()
        await settle(pilot)
        assert painted == []
        app._clock = lambda: AT + 754.4
        app._tick()
        assert "ended in 3 s" in await until(pilot, app, "ended in 3 s")
        assert any(isinstance(widget, Offers) for widget in painted)
        assert not any(isinstance(widget, EntryList) for widget in painted)
