"""The log pane: follow, find, long lines, hostile text, selection."""

import pytest

from asgi_tui.domain.events import Error, Event, Log, State, StateChanged
from asgi_tui.frontends.console.widgets.log_view import CUT, LogView
from asgi_tui.frontends.console.widgets.logs import Logs
from tests.console.fake import AT, FakeDriver, failed_switch, lines, plan, running
from tests.console.reloads import reload_failed, reload_ok
from tests.console.screen import settle, text, until

SIZE = (120, 40)


def following(shown: str, newest: int) -> bool:
    """Whether the newest line is in sight and the badge says why."""
    return "FOLLOW" in shown and f"number {newest} " in shown


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


async def test_a_selection_of_a_part_is_copied_while_the_log_goes_on() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        driver.play(*lines(3))
        await until(pilot, app, "number 2 ")
        row = next(y for y, line in enumerate(text(app).splitlines()) if "number 1 " in line)
        column = text(app).splitlines()[row].index("number 1 ")
        await pilot.mouse_down(offset=(column, row))
        await pilot.hover(offset=(column + 7, row))
        await pilot.mouse_up(offset=(column + 7, row))
        await settle(pilot)
        # the selection is seen, also where what is below it has a background of its own
        marked = app.screen.get_component_rich_style("screen--selection", partial=True).bgcolor
        line = app.screen._compositor.render_strips()[row].crop(column, column + 8)
        assert {segment.style.bgcolor for segment in line if segment.style} == {marked}
        driver.play(*lines(2, 3))
        await until(pilot, app, "number 4 ")
        await pilot.press("ctrl+c")
        await settle(pilot)
        assert app.clipboard == "number 1"
        assert "close" not in driver.calls


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_the_log_still_follows_after_reloads_switches_and_banners(size: tuple[int, int]) -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=size) as pilot:
        await until(pilot, app, "READY")
        driver.play(*lines(100))
        await until(pilot, app, "number 99 ")
        number = 100
        steps: list[list[Event]] = [reload_failed(), [reload_ok()], failed_switch(plan("granian"))]
        for step in steps:
            driver.play(*step, *lines(5, number))
            number += 5
            assert following(await until(pilot, app, f"number {number - 1} "), number - 1)
        await driver.switch("hypercorn")
        driver.play(*lines(5, number))
        assert following(await until(pilot, app, f"number {number + 4} "), number + 4)
        await pilot.press("tab", "z", "z", "1")
        driver.play(*lines(50, number + 5))
        await settle(pilot)
        await pilot.press("2", "shift+tab")
        assert following(await until(pilot, app, f"number {number + 54} "), number + 54)


async def test_follow_that_was_left_is_not_resumed_by_a_reload() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        driver.play(*lines(100))
        await until(pilot, app, "number 99 ")
        await pilot.press("pageup")
        await until(pilot, app, "End follows")
        driver.play(*reload_failed(), reload_ok(), StateChanged(AT + 31, State.READY), *lines(1, 100))
        assert "number 100 " not in await until(pilot, app, "live in")
        assert not app.screen.query_one(LogView).following


async def test_cut_lines_are_marked_until_they_are_wrapped() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=(80, 24)) as pilot:
        shown = await until(pilot, app, "READY")
        assert CUT not in shown
        assert "w wraps" not in shown
        driver.play(Log(AT, "stdout", "info", "x" * 90 + "THE-END"), Log(AT, "stdout", "info", "short"))
        shown = await until(pilot, app, "xxxx")
        row = next(line for line in shown.splitlines() if "xxxx" in line)
        assert row.rstrip(" │").endswith("x" + CUT)
        assert shown.count(CUT) == 1
        assert "FOLLOW · w wraps" in shown
        await pilot.press("shift+right", "shift+right")
        shown = await until(pilot, app, "THE-END")
        assert CUT not in shown
        await pilot.press("w")
        shown = await until(pilot, app, "wrapped")
        assert "THE-END" in shown
        assert "w wraps" not in shown
        driver.play(Log(AT, "stdout", "info", "y" * 150 + "FAR"))
        await until(pilot, app, "FAR")
        await pilot.press("w", "shift+right", "shift+right", "shift+right", "shift+right")
        assert "FAR" in await until(pilot, app, "FAR")
