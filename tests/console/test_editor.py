"""A place in the code in the user's own editor."""

import asyncio
import sys
import time
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from asgi_tui.domain.errors import Problem
from asgi_tui.frontends.console.editor import edit_command
from asgi_tui.frontends.console.history import Place
from tests.console.fake import FakeDriver, running
from tests.console.reloads import reload_failed
from tests.console.screen import until
from tests.e2e.terminal import Terminal

ROOT = Path(__file__).parents[2]

FILE = PurePosixPath("/srv/my shop/app.py")


@pytest.mark.parametrize(
    ("editor", "wanted", "terminal"),
    [
        ("vi", "vi +12 FILE", True),
        ("/usr/bin/nvim -p", "/usr/bin/nvim -p +12 FILE", True),
        ("nano", "nano +12 FILE", True),
        ("hx", "hx +12 FILE", True),
        ("kak", "kak +12 FILE", True),
        ("emacs -nw", "emacs -nw +12 FILE", True),
        ("emacsclient", "emacsclient +12 FILE", True),
        ("code --wait", "code --wait -g FILE:12", False),
        ("codium", "codium -g FILE:12", False),
        ("cursor", "cursor -g FILE:12", False),
        ("subl", "subl FILE:12", False),
        ("zed", "zed FILE:12", False),
        ("idea", "idea --line 12 FILE", False),
        ("gvim", "gvim +12 FILE", False),
        ("myedit --fast", "myedit --fast FILE", True),
    ],
)
def test_each_editor_gets_the_line_as_it_wants_it(editor: str, wanted: str, terminal: bool) -> None:
    command = edit_command({"EDITOR": editor}, FILE, 12)
    assert command.argv == tuple(word.replace("FILE", str(FILE)) for word in wanted.split())
    assert command.terminal is terminal


def test_emacs_has_a_window_where_there_is_a_display() -> None:
    assert not edit_command({"EDITOR": "emacs", "DISPLAY": ":0"}, FILE, 1).terminal
    assert edit_command({"EDITOR": "emacs -nw", "DISPLAY": ":0"}, FILE, 1).terminal


@pytest.mark.parametrize(
    ("editor", "last"), [("vi", str(FILE)), ("code", str(FILE)), ("idea", str(FILE)), ("zed", str(FILE))]
)
def test_a_file_without_a_line_is_opened_too(editor: str, last: str) -> None:
    argv = edit_command({"EDITOR": editor}, FILE, None).argv
    assert argv[-1] == last
    assert not any("None" in word for word in argv)


def test_visual_comes_before_editor_unless_it_is_empty() -> None:
    assert edit_command({"VISUAL": "code", "EDITOR": "vi"}, FILE, 1).argv[0] == "code"
    assert edit_command({"VISUAL": " ", "EDITOR": "'/opt/my vim/vim'"}, FILE, 1).argv[0] == "/opt/my vim/vim"


@pytest.mark.parametrize(
    ("environ", "why"),
    [
        ({}, "neither VISUAL nor EDITOR names an editor"),
        ({"EDITOR": "vi 'a"}, "EDITOR cannot be read"),
        ({"VISUAL": "''"}, "VISUAL names no editor"),
    ],
)
def test_no_editor_is_one_sentence_that_names_the_variable(environ: dict[str, str], why: str) -> None:
    with pytest.raises(Problem, match=why):
        edit_command(environ, FILE, 1)


def test_a_name_that_an_editor_could_take_for_a_command_is_refused() -> None:
    with pytest.raises(Problem, match="absolute"):
        edit_command({"EDITOR": "vi"}, PurePosixPath("+!id"), 1)


def stub(directory: Path, name: str) -> Path:
    """An editor that writes down what it was given."""
    path = directory / name
    path.write_text(f'#!/bin/sh\necho "$@" > {directory}/said\n')
    path.chmod(0o755)
    return path


async def test_the_key_opens_the_place_at_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)
    (tmp_path / "app.py").write_text("broken\n")
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        assert "o Edit" not in await until(pilot, app, "READY")
        assert driver.plan is not None
        driver._plan = replace(driver.plan, cwd=str(tmp_path))
        driver.play(*reload_failed())
        await until(pilot, app, "o Edit")
        await pilot.press("o")
        assert "neither VISUAL nor EDITOR" in " ".join((await until(pilot, app, "EDITOR=nano")).split())
        monkeypatch.setenv("EDITOR", str(stub(tmp_path, "code")))
        await pilot.press("o")
        for _ in range(100):
            if (tmp_path / "said").exists() and (tmp_path / "said").read_text():
                break
            await asyncio.sleep(0.02)
        assert (tmp_path / "said").read_text() == f"-g {tmp_path}/app.py:12\n"
        app.action_open_place(Place("gone.py", 3))
        assert "there is no such file" in " ".join((await until(pilot, app, "no such")).split())
        # a terminal that cannot be lent: Pilot's
        monkeypatch.setenv("EDITOR", str(stub(tmp_path, "vim")))
        await pilot.press("o")
        assert "cannot be lent" in await until(pilot, app, "cannot be lent")


CONSOLE = """
import asyncio, sys
from dataclasses import replace
from pathlib import Path
from asgi_tui.frontends.console import app as console
from tests.console.fake import FakeDriver, lines, running
from tests.console.reloads import reload_failed

console.REPAINT = 0.01

async def main(directory):
    driver = FakeDriver()
    app = running(driver)

    async def session():
        while driver.plan is None:
            await asyncio.sleep(0.02)
        driver._plan = replace(driver.plan, cwd=directory)
        driver.play(*reload_failed())
        while not Path(directory, "open").exists():
            await asyncio.sleep(0.02)
        for number in range(60):
            driver.play(*lines(1, number))
            await asyncio.sleep(0.02)
        Path(directory, "played").touch()

    asyncio.create_task(session())
    await app.run_async()
    print("asked for", driver.calls)

asyncio.run(main(sys.argv[1]))
"""
EDITOR = """#!/bin/sh
trap "" INT
touch {0}/open
echo "editing $1 $2"
read answer
echo "$answer" > {0}/answer
"""


def test_an_editor_has_the_terminal_while_the_session_goes_on(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("broken\n")
    editor = tmp_path / "vim"
    editor.write_text(EDITOR.format(tmp_path))
    editor.chmod(0o755)
    env = {"VISUAL": str(editor), "PYTHONPATH": str(ROOT)}
    with Terminal([sys.executable, "-c", CONSOLE, str(tmp_path)], ROOT, env=env) as terminal:
        terminal.see("o Edit")
        terminal.press("o")
        terminal.see(rf"editing \+12 {tmp_path}/app.py")
        # more than Textual's writer would keep for later: it would wait for ever
        deadline = time.monotonic() + 10
        while not (tmp_path / "played").exists():
            assert time.monotonic() < deadline, "the session stood still"
            terminal.read(0.05)
        assert "READY" not in terminal.text
        terminal.press("\x03", *"hello", "\r")
        terminal.see("request number 59 was served")
        assert (tmp_path / "answer").read_text() == "hello\n"
        terminal.press("q")
        terminal.see("asked for")
