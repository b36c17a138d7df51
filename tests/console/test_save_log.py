"""The dialog that saves the log."""

import stat
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from asgi_tui.engine import log_export
from asgi_tui.frontends.console.app import ConsoleApp
from asgi_tui.frontends.console.screens.save_log import SaveLogDialog
from tests.console.fake import FakeDriver, console, lines, plan
from tests.console.screen import met, until


def saving(driver: FakeDriver, directory: Path) -> ConsoleApp:
    """The app of a plan in a directory."""
    given = plan()
    return console(driver, given=replace(given, cwd=str(directory)), autostart=True)


async def opened(
    pilot: Pilot[Any], app: ConsoleApp, driver: FakeDriver, *keys: str
) -> None:  # Any: as elsewhere
    """Some lines, and the dialog."""
    await until(pilot, app, "READY")
    driver.play(*lines(100))
    await until(pilot, app, "number 99 ")
    await pilot.press(*keys, "S")
    assert "asgi-tui-logs-" in await until(pilot, app, "asgi-tui-logs-")


async def named(pilot: Pilot[Any], name: str) -> None:  # Any: as above
    """Types a name in place of the one that is offered."""
    await met(pilot, lambda: isinstance(pilot.app.focused, Input))
    await pilot.press("ctrl+u", *name, "enter")


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_what_is_filtered_is_saved_under_the_name(tmp_path: Path, size: tuple[int, int]) -> None:
    driver = FakeDriver()
    app = saving(driver, tmp_path)
    async with app.run_test(size=size) as pilot:
        await opened(pilot, app, driver, "ampersand", *"number 5", "enter")
        assert "What passes the filter: number 5" in await until(pilot, app, "number 5")
        await named(pilot, "found.log")
        assert "✓ 19 lines are in" in await until(pilot, app, "✓ 19 lines")
        await pilot.press("enter")
        assert "Logs · 19 of 102 entries" in await until(pilot, app, "Logs · 19")
    path = tmp_path / "found.log"
    written = path.read_text().splitlines()
    assert len(written) == 19
    assert written[0].endswith(" INFO stdout [4242] uvicorn.access request number 5 was served")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_file_that_is_there_is_overwritten_after_a_yes_alone(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("mine")
    driver = FakeDriver()
    app = saving(driver, tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, app, driver)
        await named(pilot, "log")
        # a long path takes the rest of the sentence to another row
        assert "already" in await until(pilot, app, "y overwrites")
        await pilot.press("n")
        await met(pilot, lambda: isinstance(app.focused, Input))
        assert path.read_text() == "mine"
        await pilot.press("enter")
        await until(pilot, app, "y overwrites")
        await pilot.press("y")
        assert "✓ 102 lines are in" in await until(pilot, app, "✓ 102")
    assert len(path.read_text().splitlines()) == 102


async def test_what_cannot_be_written_is_told_and_another_name_can_be_typed(tmp_path: Path) -> None:
    driver = FakeDriver()
    app = saving(driver, tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, app, driver)
        await named(pilot, "nowhere/log")
        assert "✗ nowhere/log: there is no directory" in await until(pilot, app, "there is no directory")
        await named(pilot, "")
        assert "it has no name" in await until(pilot, app, "it has no name")
        await named(pilot, ".")
        assert "it is no file" in await until(pilot, app, "it is no file")
        await named(pilot, "ok")
        assert "✓ 102 lines" in await until(pilot, app, "✓ 102 lines")


async def test_escape_stops_it_and_nothing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, going_on = threading.Event(), threading.Event()
    pieces = log_export.pieces

    def slow(*given: Any) -> Any:  # Any: passed on
        begun.set()
        going_on.wait(20)
        return pieces(*given)

    monkeypatch.setattr(log_export, "pieces", slow)
    monkeypatch.setattr(log_export, "TELL", 1)
    driver = FakeDriver()
    app = saving(driver, tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, app, driver)
        await named(pilot, "log")
        assert "◐ Saving…" in await until(pilot, app, "Saving…")
        assert begun.is_set()
        await pilot.press("escape")
        going_on.set()
        assert "Stopped: nothing was written." in await until(pilot, app, "nothing was written")
        assert isinstance(app.screen, SaveLogDialog)
        await pilot.press("escape")
        await until(pilot, app, "Logs · 102 lines")
    assert not list(tmp_path.iterdir())
