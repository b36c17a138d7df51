"""Variables and interpreters: what each shows, asks and gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pytest
from textual.widgets import Input, OptionList

from asgi_tui.domain.environment import Variable, layered
from asgi_tui.domain.errors import Problem
from asgi_tui.engine.ambient import Ambient
from asgi_tui.engine.interpreters import Interpreter
from asgi_tui.engine.project import ServerInfo
from asgi_tui.frontends.console.screens.environment import EnvironmentDialog, Result
from asgi_tui.frontends.console.screens.interpreters import InterpretersDialog
from tests.console.dialogs import LARGE, MIDDLE, SMALL, Host, click, rows, until
from tests.console.fake import VERSIONS, project

# -- variables -----------------------------------------------------------------------------------------

SHELL = {"DEBUG": "1", "EVIL": "\x1b[2Jboo\x07", "PATH": "/usr/bin", "UVICORN_LOG_LEVEL": "debug"}
DOTENV = {"DATABASE_URL": "postgres://me:hunter2@db", "DEBUG": "0"}
AMBIENT = {
    "log_level": Ambient("debug", "UVICORN_LOG_LEVEL", True),
    "workers": Ambient("2", "gunicorn.conf.py", False),
}


def read(env: Mapping[str, str], files: Sequence[str]) -> tuple[list[Variable], Mapping[str, Ambient]]:
    if "gone.env" in files:
        raise Problem("Environment file gone.env", "there is no such file", "check the path")
    return layered([*((name, DOTENV) for name in files), ("shell", SHELL), ("form", env)]), AMBIENT


def variables(*files: str, **env: str) -> Host[Result]:
    return Host(EnvironmentDialog(env, files, read, lambda: [".env", ".env.local"]))


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_variables_are_masked_and_tell_where_they_come_from(size: tuple[int, int]) -> None:
    app = variables(".env", DEBUG="yes")
    async with app.run_test(size=size) as pilot:
        shown = await until(pilot, app, "sets log_level")
        assert "5 variables · form over shell over files (.env)" in shown
        assert "Cancel" in shown
        listed = rows(app, "#variables")
        assert listed[1].split() == ["DATABASE_URL", ".env", "••••••"]
        assert listed[2].splitlines()[0].split() == ["DEBUG", "form", "••••••"]
        assert listed[2].splitlines()[1] == "  also in shell, .env"
        assert listed[-1] == "gunicorn.conf.py\n  not used for workers"
        for value in ("hunter2", "boo", "/usr/bin"):
            assert value not in app.shown


async def test_without_colours_the_highlight_is_told_by_the_style(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = variables()
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, app, "sets log_level")
        lines = app.screen.query_one("#variables", OptionList)
        assert [
            any(part.style is not None and part.style.underline for part in lines.render_line(y))
            for y in (1, 2)
        ] == [True, False]


async def test_one_value_is_revealed_until_it_is_left() -> None:
    app = variables(".env")
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, app, "sets log_level")
        await pilot.press("v")
        assert "value: postgres://me:hunter2@db" in await until(pilot, app, "value: ")
        await pilot.press("down")
        await pilot.pause()
        assert "hunter2" not in app.shown
        await click(pilot, app, "EVIL")
        await click(pilot, app, "Reveal")
        await until(pilot, app, "value: ")
        assert "\x1b" not in app.shown
        assert "boo␇" in app.words
        await pilot.press("v")
        await pilot.pause()
        assert "boo" not in app.shown


async def test_variables_are_added_edited_and_removed() -> None:
    app = variables(TOKEN="old", DEBUG="yes")
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, app, "TOKEN")
        await pilot.press("a", *"API_KEY=s3cret")
        await pilot.pause()
        assert "s3cret" not in app.shown
        await pilot.press("enter")
        assert "API_KEY" in await until(pilot, app, "6 variables")
        await pilot.press("a", *"9x", "enter", *"1", "enter")
        assert "no digit first" in await until(pilot, app, "no digit")
        await pilot.press("escape")
        await click(pilot, app, "TOKEN", times=2)
        await until(pilot, app, "TOKEN =")
        value = app.screen.query_one("#env-value", Input)
        assert (value.value, value.password, value.has_focus) == ("old", True, True)
        await pilot.press("backspace", "enter")
        await pilot.pause(0.1)
        await click(pilot, app, "DEBUG")
        await click(pilot, app, "Remove")
        # The shell's comes to light, and is not for us to remove.
        await until(pilot, app, "DEBUG shell")
        await pilot.press("d")
        assert "it is from shell, not the form's" in await until(pilot, app, "it is from")
        await pilot.press("ctrl+s")
        await pilot.pause()
    assert app.results == [({"TOKEN": "ol", "API_KEY": "s3cret"}, ())]


async def test_the_password_in_a_url_is_masked_while_it_is_edited() -> None:
    app = variables(".env")
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, app, "sets log_level")
        await pilot.press("enter")
        await pilot.pause()
        assert app.screen.query_one("#env-value", Input).password
        assert "hunter2" not in app.shown
        # Revealed on purpose it can be read while it is edited.
        await pilot.press("escape", "v", "enter")
        assert "hunter2" in await until(pilot, app, "DATABASE_URL =")


async def test_env_files_are_taken_and_left() -> None:
    app = variables()
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, app, "sets log_level")
        await pilot.press("f", "down", "space")
        await until(pilot, app, "[1] .env.local")
        await click(pilot, app, "[ ]")
        assert "files (.env.local, .env)" in await until(pilot, app, "[2] .env")
        await pilot.press("tab", *"gone.env", "enter")
        assert "✗ Environment file gone.env: there is no such file" in await until(pilot, app, "✗ Env")
        await click(pilot, app, "[3]")
        await until(pilot, app, "files (.env.local, .env)")
        assert "✗" not in app.words
        await pilot.press("escape")
        assert "DATABASE_URL" in await until(pilot, app, "DATABASE_URL")
        await click(pilot, app, "Done")
        await pilot.pause()
    assert app.results == [({}, (".env.local", ".env"))]


async def test_variables_are_filtered_by_name_and_source() -> None:
    app = variables(".env", TOKEN="x")
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, app, "sets log_level")
        await pilot.press("slash", *"form")
        await until(pilot, app, "TOKEN form")
        assert len(rows(app, "#variables")) == 2
        await pilot.press(*"zz")
        assert "Nothing is found" in await until(pilot, app, "Nothing")
        await pilot.press("backspace", "backspace", "enter", "d", "escape")
        await until(pilot, app, "5 variables")
        assert "PATH" in app.words
        # What was changed is not lost by one key.
        await pilot.press("escape")
        assert "Ctrl+S takes them over" in await until(pilot, app, "There are changes")
        assert not app.results
        await pilot.press("escape")
        await pilot.pause()
    assert app.results == [None]


async def test_beside_the_box_is_as_escape() -> None:
    app = variables(TOKEN="x")
    async with app.run_test(size=MIDDLE) as pilot:
        await until(pilot, app, "TOKEN")
        await click(pilot, app, "TOKEN")
        await click(pilot, app, "Remove")
        await until(pilot, app, "4 variables")
        await pilot.click(offset=(1, 1))
        await until(pilot, app, "There are changes")
        assert not app.results
        await pilot.click(offset=(1, 1))
        await pilot.pause()
    assert app.results == [None]


# -- interpreters --------------------------------------------------------------------------------------

VENV = Interpreter(Path("/home/me/shop/.venv/bin/python"), (3, 11, 9), ".venv", ())
PYENV = Interpreter(Path("/home/me/.pyenv/versions/3.13.1/bin/python"), (3, 13, 1), "pyenv", ())
EVIL = Interpreter(Path("/opt/\x1b[2Jevil" + "x" * 90 + "/bin/python"), None, "conda env \x1b]0;t\x07", ())


def servers(interpreter: Interpreter) -> Iterable[ServerInfo]:
    if interpreter is EVIL:
        return project(missing=tuple(VERSIONS)).servers
    if interpreter is PYENV:
        return project(missing=("hypercorn", "daphne", "gunicorn", "gunicorn-uvicorn")).servers
    return project().servers


def interpreters(current: str = "") -> Host[str]:
    found = (VENV, PYENV, EVIL)
    return Host(InterpretersDialog(lambda: (VENV, found), servers, current=current, home="/home/me"))


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_interpreters_are_listed_with_their_servers(size: tuple[int, int]) -> None:
    app = interpreters(str(PYENV.prefix))
    async with app.run_test(size=size) as pilot:
        shown = await until(pilot, app, "no server")
        listed = [row.splitlines() for row in rows(app, "#interpreters")]
        assert " ".join(listed[0][0].split()) == "3.11.9 found by itself .venv: ~/shop/.venv/bin/python"
        every = "uvicorn 0.54 · hypercorn 0.18 · daphne 4.2 · granian 2.8 · gunicorn 27.0"
        assert " ".join("".join(listed[1][1:]).split()) == every
        assert listed[2][0].split()[:3] == ["●", "3.13.1", "pyenv"]
        assert listed[2][1] == "  uvicorn 0.54 · granian 2.8"
        assert listed[3][1] == "  no server"
        assert "/home/me/.pyenv/versions/3.13.1/bin/python" in shown
        assert "\x1b" not in app.shown
        assert "Use it" in shown
        await pilot.press("enter")
        await pilot.pause()
    assert app.results == [str(PYENV.executable)]


async def test_the_first_row_leaves_the_choice_to_the_console() -> None:
    app = interpreters()
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, app, "no server")
        assert rows(app, "#interpreters")[0].startswith("●")
        await click(pilot, app, "Use it")
        await pilot.pause()
    assert app.results == [""]


async def test_any_path_can_be_typed() -> None:
    app = interpreters()
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, app, "no server")
        await pilot.press("p", "enter")
        assert "no path is typed" in await until(pilot, app, "no path")
        await pilot.press(*"python3.12", "enter")
        await pilot.pause()
    assert app.results == ["python3.12"]


async def test_rows_come_before_their_servers_and_a_problem_stops_nothing() -> None:
    def slow(interpreter: Interpreter) -> Iterable[ServerInfo]:
        if interpreter is VENV:
            raise Problem("Interpreter", "it cannot be read", "check it")
        return servers(interpreter)

    def broken() -> tuple[None, Sequence[Interpreter]]:
        raise Problem("Directory /srv", "it is gone", "make it")

    app: Host[str] = Host(InterpretersDialog(lambda: (None, (VENV, PYENV)), slow, current="", home="/x"))
    async with app.run_test(size=SMALL) as pilot:
        shown = await until(pilot, app, "granian 2.8")
        assert "✗ Interpreter: it cannot be read" in shown
    app = Host(InterpretersDialog(broken, slow, current="", home="/x"))
    async with app.run_test(size=SMALL) as pilot:
        assert "✗ Directory /srv: it is gone" in await until(pilot, app, "✗ Directory")
        await pilot.press("escape")
        await pilot.pause()
    assert app.results == [None]
