"""The log pane: follow, find, filter, long lines, hostile text, selection, requests."""

from dataclasses import replace
from typing import BinaryIO

import pytest
from textual.events import Key
from textual.widgets import Input

from asgi_tui.domain.calls import LogRecord
from asgi_tui.domain.events import Error, Event, Log, Logged, State, StateChanged
from asgi_tui.engine.log_archive import Archive
from asgi_tui.engine.log_store import LogStore
from asgi_tui.frontends.console.screens.request import RequestScreen
from asgi_tui.frontends.console.widgets.log_find import FindLine
from asgi_tui.frontends.console.widgets.log_view import CUT, LogView
from tests.console.calls import request
from tests.console.fake import AT, FakeDriver, failed_switch, lines, plan, running
from tests.console.reloads import reload_failed, reload_ok
from tests.console.screen import met, settle, text, until

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


def no_file() -> BinaryIO:
    raise OSError("no space left")


async def test_a_full_log_says_what_is_gone_and_stays_where_it_is_read() -> None:
    store = LogStore(1_500, archive=Archive(no_file))
    driver = FakeDriver(logs=store)
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        driver.play(*lines(2_000))
        assert following(await until(pilot, app, "number 1999 "), 1_999)
        await pilot.press("pageup")
        await until(pilot, app, "new · End")
        top = next(line for line in text(app).splitlines() if "request number" in line)
        driver.play(*lines(1_000, 2_000))
        shown = await until(pilot, app, "+1,000 new")
        assert store.evicted
        assert f"Logs · {store.lines:,} lines  oldest {store.evicted:,} lines gone" in shown
        assert next(line for line in shown.splitlines() if "request number" in line) == top
        store.miss(3_200_000)
        driver.play(Logged(AT))
        assert "3.2 MB came too fast" in await until(pilot, app, "too fast")


async def test_the_store_may_be_ahead_of_what_is_shown() -> None:
    driver = FakeDriver(logs=LogStore(100, archive=Archive(no_file)))
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        driver.play(*lines(2_000))
        await until(pilot, app, "number 1999 ")
        await pilot.press("w", "home")
        await settle(pilot)
        app.model.apply(lines(3_000, 2_000))  # not painted yet
        view = app.screen.query_one(LogView)
        view.scroll_relative(y=5, animate=False)
        await settle(pilot)
        await pilot.resize_terminal(100, 30)
        driver.play(*lines(1, 5_000))
        await pilot.press("end")
        assert "number 5000 " in await until(pilot, app, "number 5000 ")


async def test_finding_marks_steps_and_closes() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        driver.play(*lines(100))
        await until(pilot, app, "number 99 ")
        await pilot.press("slash", *"NUMBER 5")
        shown = await until(pilot, app, "11 of 11 entries")
        assert "11 of 11 entries · n N step · Esc closes" in shown
        assert "number 59 " in shown
        await pilot.press("enter", "n")
        shown = await until(pilot, app, " 1 of 11")
        assert "number 5 " in shown
        view = app.screen.query_one(LogView)
        found = view.get_component_rich_style("log--here").bgcolor
        marked = [
            segment.text
            for y in range(view.size.height)
            for segment in view.render_line(y)
            if segment.style and segment.style.bgcolor == found and segment.style.underline
        ]
        assert marked == ["number 5"]
        await pilot.press("N")
        assert "11 of 11" in await until(pilot, app, "11 of 11")
        await pilot.press("escape")
        await settle(pilot)
        assert "Esc closes" not in text(app)
        assert not app.screen.query_one(FindLine).opened
        # the term is kept
        await pilot.press("slash")
        assert "11 of 11" in await until(pilot, app, "11 of 11")


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_finding_by_regex_and_by_case(size: tuple[int, int]) -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=size) as pilot:
        await until(pilot, app, "READY")
        driver.play(*lines(100))
        await until(pilot, app, "number 99 ")
        await pilot.press("slash", *"R \\d5 ")
        assert "no entry has it" in await until(pilot, app, "no entry has it")
        await pilot.press("ctrl+r")
        shown = await until(pilot, app, "9 of 9 entries")
        assert "[.*] Aa" in shown
        await pilot.press("ctrl+t")
        shown = await until(pilot, app, "no entry has it")
        assert "[.*][Aa]" in shown
        assert await pilot.click("#find-ways", offset=(5, 0))
        shown = await until(pilot, app, "9 of 9 entries")
        assert "[.*] Aa" in shown
        await pilot.press("(")
        shown = await until(pilot, app, "not searched for")
        assert "✗ not searched for" in shown
        assert "✗ Search for R \\d5 (: it is no regular expression (" in " ".join(shown.split())
        await pilot.press("backspace")
        shown = await until(pilot, app, "9 of 9 entries")
        assert "✗" not in shown


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
        marked = app.screen.query_one(LogView).get_component_rich_style("log--selected").bgcolor
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
        assert "FOLLOW  w wraps" in shown
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


def levels(number: int) -> list[Event]:
    """Lines of three levels and two workers, one in ten an error."""
    return [
        Log(AT + n, "stderr", "error", f"order {n} failed", 4243, "shop.orders")
        if n % 10 == 0
        else Log(
            AT + n, "stdout", "warning" if n % 10 == 5 else "info", f"order {n} was served", 4242, "shop"
        )
        for n in range(number)
    ]


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_a_typed_filter_is_in_force_as_chips_until_it_is_taken_away(size: tuple[int, int]) -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=size) as pilot:
        await until(pilot, app, "READY")
        driver.play(*levels(100))
        await until(pilot, app, "order 99 ")
        await pilot.press("ampersand", *"level:>=warning -served")
        shown = await until(pilot, app, "Logs · 10 of 102 entries")
        assert "Logs · 10 of 102 entries" in shown
        assert "order 90 failed" in shown
        assert "was served" not in shown
        await pilot.press("enter")
        shown = await until(pilot, app, "-served\N{NO-BREAK SPACE}✕")
        assert "level:>=warning\N{NO-BREAK SPACE}✕" in shown
        assert app.focused is app.screen.query_one(LogView)
        # what comes is filtered too
        driver.play(*levels(11))
        assert "Logs · 12 of 113 entries" in await until(pilot, app, "12 of 113")
        await pilot.press("backspace")
        assert "Logs · 23 of 113 entries" in await until(pilot, app, "23 of 113")
        assert await pilot.click("#log-filter .chips", offset=(8, 0))
        shown = await until(pilot, app, "Logs · 113 lines")
        assert "✕" not in shown.splitlines()[-3]
        assert "order 9 was served" in shown


async def test_the_least_level_is_one_key() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        driver.play(*levels(100))
        await until(pilot, app, "order 99 ")
        for entries, named in (("102 of 102", "info"), ("20 of 102", "warning"), ("10 of 102", "error")):
            await pilot.press("L")
            assert f"L {named} and above" in await until(pilot, app, f"Logs · {entries} entries")
        await pilot.press("L")
        assert "L all levels" in await until(pilot, app, "Logs · 102 lines")


async def test_a_bad_filter_is_told_and_what_is_known_is_completed() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        driver.play(*levels(100))
        await until(pilot, app, "order 99 ")
        await pilot.press("ampersand", *"failed level:loud")
        shown = await until(pilot, app, "✗ Filter term level:loud: only trace")
        assert "Logs · 10 of 102 entries" in shown
        await pilot.press("escape")
        assert "Logs · 102 lines" in await until(pilot, app, "Logs · 102 lines")
        await pilot.press("ampersand", *"logger:shop.")
        await until(pilot, app, "logger:shop.orders")
        await pilot.press("right", "enter")
        assert "Logs · 10 of 102 entries" in await until(pilot, app, "10 of 102")
        await pilot.press("ampersand", "space", *"re:(")
        assert "it is no regular expression" in await until(pilot, app, "no regular expression")
        await pilot.press("escape")
        await pilot.press("escape")
        assert "Logs · 102 lines" in await until(pilot, app, "Logs · 102 lines")


async def test_a_line_leads_to_its_request_and_the_request_to_its_lines() -> None:
    driver = FakeDriver()
    app = running(driver)
    call = replace(request(7), at=AT + 5, logs=(LogRecord(2.0, "info", "shop", "ordered 3 of them"),))
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        driver.play(Log(AT + 5, "stdout", "info", "ordered 3 of them", 4242, "shop"), *lines(3, 6), call)
        await until(pilot, app, "number 8 ")
        assert "log_request" not in {each.binding.action for each in app.screen.active_bindings.values()}
        await pilot.press("up", "up", "up", "up")
        await settle(pilot)
        await pilot.press("v")
        await until(pilot, app, "Phases")
        assert isinstance(app.screen, RequestScreen)
        assert app.screen.chosen_request.id == call.id
        await pilot.press("l")
        shown = await until(pilot, app, "of 6 entries")
        assert "Logs · 1 of 6 entries" in shown
        assert f"request:{call.id}" in shown


async def test_clearing_asks_once_and_says_what_went() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, app, "READY")
        driver.play(*lines(100))
        await until(pilot, app, "number 99 ")
        await pilot.press("ctrl+l")
        assert "All 102 lines go" in await until(pilot, app, "All 102 lines go")
        await pilot.press("n")
        assert "Logs · 102 lines" in await until(pilot, app, "Logs · 102 lines")
        await pilot.press("ctrl+l")
        await until(pilot, app, "All 102 lines go")
        await pilot.press("y")
        shown = await until(pilot, app, "Cleared 102 lines.")
        assert "Cleared 102 lines." in shown
        assert "Logs · 0 lines" in shown
        assert "number 99" not in shown


async def test_what_the_frame_offers_can_be_clicked() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        driver.play(*lines(100))
        shown = await until(pilot, app, "number 99 ")
        await pilot.press("up", "up", "m", "up", "up")
        shown = await until(pilot, app, "1 marked")
        view = app.screen.query_one(LogView)
        for words, then in (
            ("1 marked", "1 marked"),
            ("d clock times", "d times ago"),
            ("L all levels", "L info and above"),
            ("& Filter", "& level:>=info"),
            ("/ Find", "/ find in the log"),
            ("S Save", "Save the log"),
        ):
            row = next(y for y, line in enumerate(shown.splitlines()) if words in line and "╰" in line)
            await pilot.click(offset=(shown.splitlines()[row].index(words) + 2, row))
            shown = await until(pilot, app, then)
            assert then in shown
            if words == "1 marked":
                assert {view.current} == view.marked


async def test_what_is_typed_faster_than_a_line_opens_goes_into_it() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        driver.play(*lines(9))
        await until(pilot, app, "number 8 ")
        for opens, term, told in (
            ("slash", "#find-term", "no entry has it"),
            ("ampersand", "#filter-term", "No entry passes"),
        ):
            app.screen.query_one(LogView).focus()
            await pilot.pause()
            for key in (opens, "q", "x"):  # as they come in one read; q alone ends the console, x the server
                app.post_message(Key(key, {"slash": "/", "ampersand": "&"}.get(key, key)))
            await until(pilot, app, told)
            assert app.screen.query_one(term, Input).value == "qx"
            await pilot.press("escape")
        assert "stop" not in driver.calls
        assert not driver.closed


EVIL = "(a|aa)+$"


@pytest.mark.parametrize("opens", ["slash", "ampersand"])
async def test_an_expression_that_takes_too_long_is_dropped_and_told_once(opens: str) -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        driver.play(Log(AT, "stdout", "info", "a" * 60 + "b"), *lines(9))
        await until(pilot, app, "number 8 ")
        await pilot.press(opens)
        if opens == "slash":
            await pilot.press("ctrl+r", *EVIL)
        else:
            await pilot.press(*f"/{EVIL}/")
        shown = await until(pilot, app, "it takes too long on some line")
        assert "no entry" not in shown
        assert "number 8 " in shown
        view = app.screen.query_one(LogView)
        assert (view.needle, view.wanted.terms) == (None, ())
        driver.play(*lines(3, 9))
        shown = await until(pilot, app, "number 11 ")
        assert shown.count("it takes too long") == 1
        assert not app._notifications


async def test_ctrl_c_copies_entries_that_are_selected_by_keyboard() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        driver.play(*lines(9))
        await until(pilot, app, "number 8 ")
        await pilot.press("up", "shift+up")
        view = app.screen.query_one(LogView)
        await met(pilot, lambda: len(view.selected_entries) == 2)
        await pilot.press("ctrl+c")  # it overtakes keys that are not yet read
        await met(pilot, lambda: "number 7 " in app.clipboard)
        assert not driver.closed


async def test_enter_starts_a_server_that_is_stopped_where_nothing_folds() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        driver.play(*lines(3), StateChanged(AT, State.STOPPED))
        await until(pilot, app, "STOPPED")
        driver.calls.clear()
        await pilot.press("enter")
        await until(pilot, app, "READY")
        assert [call.split()[0] for call in driver.calls] == ["start"]
