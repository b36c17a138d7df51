"""Installing: nothing before a yes, live output, a way to stop it, and why it failed."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from asgi_tui.domain.errors import Problem
from asgi_tui.engine.installer import Installation, InstallCommand, Installed
from asgi_tui.frontends.console.screens.install import InstallDialog, Part
from tests.console.dialogs import LARGE, MIDDLE, SMALL, Host, click, until

PARTS = (Part("daphne>=4.1", "the server itself", chosen=True), Part("Twisted[http2]", "HTTP/2 over TLS"))


class Run:
    """An installation that ends when it is told to."""

    def __init__(self, command: InstallCommand, tell: Callable[[str], None]) -> None:
        self.command = command
        self.tell = tell
        self.done: asyncio.Future[Installed] = asyncio.get_running_loop().create_future()

    async def run(self) -> Installed:
        self.tell("\x1b[32mCollecting\x1b[0m daphne from https://me:pw@h\x1b[2J")
        return await self.done

    async def cancel(self) -> None:
        self.done.set_result(Installed(-2, cancelled=True))


class Installer:
    """Remembers what was run."""

    def __init__(self) -> None:
        self.runs: list[Run] = []

    def command(self, requirements: Iterable[str]) -> InstallCommand:
        wanted = tuple(requirements)
        note = "uv adds it to pyproject.toml and uv.lock as well."
        return InstallCommand(("uv", "add", *wanted), Path("/home/me/shop"), "uv", wanted, note)

    def start(self, command: InstallCommand, tell: Callable[[str], None]) -> Run:
        self.runs.append(Run(command, tell))
        return self.runs[-1]

    def dialog(self, *parts: Part) -> Host[bool]:
        return Host(InstallDialog("Install for [b]", parts, self.command, self.start, home="/home/me"))


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_nothing_is_installed_before_the_command_is_confirmed(size: tuple[int, int]) -> None:
    installer = Installer()
    app = installer.dialog(*PARTS)
    async with app.run_test(size=size) as pilot:
        shown = await until(pilot, app, "Nothing runs before")
        assert "Install for [b]" in shown
        assert "$ uv add 'daphne>=4.1'" in shown
        assert "In ~/shop. uv adds it to pyproject.toml" in shown
        await pilot.press("space")
        assert "Choose what to install" in await until(pilot, app, "Choose what")
        await pilot.press("enter", "y")
        assert "$ uv add" not in app.words
        await click(pilot, app, "Twisted")
        assert "[x] Twisted[http2] HTTP/2 over TLS" in await until(pilot, app, "$ uv add 'Twisted[http2]'")
        assert not installer.runs
        await pilot.press("escape")
        await pilot.pause()
    assert app.results == [False]


async def test_the_output_is_live_and_escape_stops_it() -> None:
    installer = Installer()
    app = installer.dialog(*PARTS)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, app, "Nothing runs before")
        await pilot.press("enter")
        shown = await until(pilot, app, "Collecting daphne")
        assert "https://me:••••••@h␛[2J" in shown
        assert "\x1b" not in app.shown
        assert "◐ Installing… 0 s" in shown
        assert "Esc stops it" in shown
        await pilot.press("y", "escape")
        assert "Stopped after 0 s" in await until(pilot, app, "Stopped after")
        assert not app.results
        assert len(installer.runs) == 1
        await click(pilot, app, "Again")
        await until(pilot, app, "Installing")
        installer.runs[1].tell("Installed 12 packages")
        installer.runs[1].done.set_result(Installed(0))
        assert "✓ Done after" in await until(pilot, app, "✓ Done")
        assert "Installed 12 packages" in app.words
        await pilot.press("enter")
        await pilot.pause()
    assert app.results == [True]


async def test_the_stop_button_and_a_click_beside_only_stop() -> None:
    installer = Installer()
    app = installer.dialog(*PARTS)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, app, "Nothing runs before")
        await pilot.click("#do-install")
        await until(pilot, app, "Installing")
        await pilot.click(offset=(0, 0))
        await until(pilot, app, "Stopped after")
        await pilot.press("y")
        await until(pilot, app, "Installing")
        await click(pilot, app, " Stop ")
        await until(pilot, app, "Stopped after")
        assert not app.results


async def test_why_nothing_can_be_installed_is_told() -> None:
    def refuse(requirements: Iterable[str]) -> InstallCommand:
        raise Problem("Interpreter /usr/bin/python3", "its packages are the system's", "make a venv")

    installer = Installer()
    app: Host[bool] = Host(InstallDialog("Install", PARTS, refuse, installer.start, home="/"))
    async with app.run_test(size=SMALL) as pilot:
        assert "✗ Interpreter /usr/bin/python3: its packages" in await until(pilot, app, "✗ Interp")
        await pilot.press("enter", "y")
        assert not installer.runs
    app = installer.dialog()
    async with app.run_test(size=SMALL) as pilot:
        assert "Everything it can use is installed" in await until(pilot, app, "Everything")
        await pilot.press("space", "enter", "escape")
        await pilot.pause()
    assert app.results == [False]


async def test_a_real_command_fails_with_its_reason_or_does_not_start(tmp_path: Path) -> None:
    script = "import sys; print('looking'); print('ERROR: no such thing'); sys.exit(3)"
    commands = [(sys.executable, "-c", script), (str(tmp_path / "nothing"),)]

    def command(requirements: Iterable[str]) -> InstallCommand:
        return InstallCommand(commands[0], tmp_path, "pip", ("daphne",))

    def start(command: InstallCommand, tell: Callable[[str], None]) -> Installation:
        return Installation(command, os.environ, tell)

    app: Host[bool] = Host(InstallDialog("Install", PARTS, command, start, home="/"))
    async with app.run_test(size=MIDDLE) as pilot:
        await until(pilot, app, "Nothing runs before")
        await pilot.press("y")
        shown = await until(pilot, app, "✗ Installing daphne")
        assert "pip failed with code 3: no such thing" in shown
        assert "looking" in shown
    del commands[0]
    app = Host(InstallDialog("Install", PARTS, command, start, home="/"))
    async with app.run_test(size=MIDDLE) as pilot:
        await until(pilot, app, "Nothing runs before")
        await pilot.press("y")
        assert "nothing: No such file or directory" in await until(pilot, app, "No such file")
