"""A terminal that does not follow is shown less, not later."""

from __future__ import annotations

from queue import Queue
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import RenderableType
from textual.app import App
from textual.driver import Driver
from textual.geometry import Region, Size
from textual.screen import Screen

from asgi_tui.frontends.console import terminal
from asgi_tui.frontends.console.terminal import REPAINT, REPAINT_FAR, REPAINT_SLOW, Pace
from tests.console.fake import FakeDriver, lines, running
from tests.console.screen import until

SIZE = Size(80, 24)


def writer(waiting: int) -> Driver:
    queue: Queue[str] = Queue()
    for _ in range(waiting):
        queue.put("x")
    return cast(Driver, SimpleNamespace(_writer_thread=SimpleNamespace(_queue=queue)))


def frame(*spans: tuple[int, int, int]) -> Any:
    return SimpleNamespace(spans=list(spans))


def test_a_frame_waits_for_the_one_before_it() -> None:
    pace = Pace(far=False)
    pace.drawn()
    assert not pace.is_behind(None)
    assert not pace.is_behind(writer(0))
    assert not pace.is_behind(writer(terminal.WAITING))  # just handed over
    assert pace.is_behind(writer(terminal.WAITING + 1))
    late = Pace(far=False)
    assert late.is_behind(writer(1))


def test_what_was_left_out_is_drawn_once() -> None:
    pace = Pace(far=False)
    pace.leave_out(frame((1, 5, 10), (2, 0, 3)))
    pace.leave_out(frame((1, 2, 6)))
    assert pace.left_out(SIZE) == [Region(2, 1, 8, 1), Region(0, 2, 3, 1)]
    assert pace.left_out(SIZE) == []
    pace.leave_out(frame((1, 5, 10)))
    pace.leave_out(object())
    assert pace.left_out(SIZE) == [SIZE.region]


def test_a_slow_link_is_drawn_on_less_often_until_it_follows() -> None:
    pace = Pace(far=False)
    assert (pace.interval, Pace(far=True).interval) == (REPAINT, REPAINT_FAR)
    for _ in range(20):
        pace.leave_out(object())
    assert pace.interval == REPAINT_SLOW
    for _ in range(50):
        pace.speed_up()
    assert pace.interval == REPAINT


async def test_the_screen_is_right_once_the_terminal_follows_again(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = FakeDriver()
    app = running(driver)
    drawn: list[object] = []
    draw = App._display

    def display(app: App[int], screen: Screen[object], renderable: RenderableType | None) -> None:
        drawn.append(renderable)
        draw(app, screen, renderable)

    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, app, "READY")
        monkeypatch.setattr(App, "_display", display)
        monkeypatch.setattr(app._pace, "is_behind", lambda _: True)
        driver.play(*lines(5))
        await until(pilot, app, "number 4 ")
        await pilot.pause(0.2)
        assert not any(drawn)
        monkeypatch.setattr(app._pace, "is_behind", lambda _: False)
        await pilot.pause(0.2)
        assert any(drawn)
