"""Paste, presets and files: what each shows, asks and gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from asgi_tui.domain.command_line import Parsed
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.shell_text import MAX_TEXT
from asgi_tui.domain.text import mask_arguments
from asgi_tui.engine.history import Launch
from asgi_tui.engine.presets import Preset, PresetList, Where
from asgi_tui.frontends.console.format import ago
from asgi_tui.frontends.console.screens.files import FileDialog
from asgi_tui.frontends.console.screens.paste import PasteDialog
from asgi_tui.frontends.console.screens.presets import PresetsDialog
from asgi_tui.frontends.console.widgets.safe_area import SafeArea
from tests.console.dialogs import LARGE, MIDDLE, SMALL, Host, click, rows, until
from tests.console.fake import AT, CWD, plan
from tests.console.screen import focus

PROCFILE = (
    "# a comment\nweb: MODE=x SECRET_KEY=abc uvicorn main:app --port ${PORT:-5000} --frobnicate"
    " --ssl-keyfile-password hunter2 --header X-Token:s3cret --header A:b --log-level loud"
)

# -- paste ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_a_command_is_read_as_it_is_pasted(size: tuple[int, int]) -> None:
    app: Host[Parsed] = Host(PasteDialog())
    async with app.run_test(size=size) as pilot:
        assert "What it says stands here" in await until(pilot, app, "stands here")
        app.screen.query_one(SafeArea).put(PROCFILE)
        shown = await until(pilot, app, "shell can fill in. F2")
        assert "Fill in defaults" in shown
        assert "Fill the form" in shown
        said = str(app.screen.query_one("#paste-reading").render())
        assert "port                 ${PORT:-5000}  only a shell can fill this in" in said
        assert "X-Token:••••••, A:b" in said
        assert "MODE                 x" in said
        assert "--frobnicate" in said
        assert "'loud' is not one of its choices" in said
        for secret in ("abc", "hunter2", "s3cret"):
            assert secret not in said
        await pilot.press("f2")
        await until(pilot, app, "--port 5000")
        assert "shell can fill" not in app.words
        await pilot.press("ctrl+s")
        await pilot.pause()
    (parsed,) = app.results
    assert parsed is not None
    assert (parsed.server, parsed.target, parsed.texts["port"]) == ("uvicorn", "main:app", "5000")
    assert parsed.env == {"MODE": "x", "SECRET_KEY": "abc"}


async def test_what_is_no_command_is_told_and_does_not_fill_the_form() -> None:
    app: Host[Parsed] = Host(PasteDialog("npm start"))
    async with app.run_test(size=SMALL) as pilot:
        assert "✗ Command: there is no uvicorn," in await until(pilot, app, "✗ Command")
        await pilot.press("ctrl+s")
        await click(pilot, app, "Fill the form")
        assert not app.results
        area = app.screen.query_one(SafeArea)
        area.text = ""
        await pilot.press("ctrl+s")
        assert "there is none yet" in await until(pilot, app, "none yet")
        area.put("x" * (MAX_TEXT + 1))
        assert "longer than 100,000 characters" in await until(pilot, app, "longer")
        assert area.text == ""
        await focus(pilot, area)
        await pilot.press(*"uvicorn", "space", *"q")
        await until(pilot, app, "app q")
        await click(pilot, app, "Fill the form")
        await pilot.pause()
    assert [parsed and parsed.target for parsed in app.results] == ["q"]


async def test_a_paste_cannot_move_the_cursor_of_the_terminal() -> None:
    app: Host[Parsed] = Host(PasteDialog())
    async with app.run_test(size=SMALL) as pilot:
        await pilot.pause()
        area = app.screen.query_one(SafeArea)
        area.put("uvicorn main:app --root-path /\x1b[2J\x9b1m[b]x[/b]\r\n# two")
        await until(pilot, app, "root_path")
        assert "\x1b" not in area.text
        assert len(area.text.splitlines()) == 2
        assert "\x1b" not in app.shown
        assert "[b]x[/b]" in app.words
        await pilot.press("escape")
        await pilot.pause()
    assert app.results == [None]


def test_arguments_that_no_option_covers_are_masked() -> None:
    words = ["--api-token", "abc", "--x-password=d", "--port", "1", "--url", "http://u:pw@h"]
    shown = " ".join(mask_arguments(words))
    assert shown == "--api-token •••••• --x-password=•••••• --port 1 --url http://u:••••••@h"


# -- presets -------------------------------------------------------------------------------------------


class Store:
    """Presets and launches in memory."""

    def __init__(self, *presets: Preset, launches: Sequence[Launch] = ()) -> None:
        self.presets = list(presets)
        self.launches = launches
        self.problems: tuple[Problem, ...] = ()
        self.calls: list[str] = []
        self.fails: Problem | None = None

    def load(self) -> tuple[PresetList, Sequence[Launch]]:
        return PresetList(tuple(self.presets), self.problems), self.launches

    def save(self, name: str, where: Where) -> tuple[str, ...]:
        if self.fails is not None:
            raise self.fails
        self.calls.append(f"save {where}/{name}")
        self.presets = [preset for preset in self.presets if (preset.name, preset.where) != (name, where)]
        self.presets.append(Preset(name, where, plan("daphne")))
        return ("SECRET_KEY", "tls_key_password")

    def delete(self, name: str, where: Where) -> None:
        self.calls.append(f"delete {where}/{name}")
        self.presets = [preset for preset in self.presets if (preset.name, preset.where) != (name, where)]

    def dialog(self) -> Host[LaunchPlan]:
        return Host(PresetsDialog(self.load, self.save, self.delete, cwd=str(CWD), now=lambda: AT))


WEB = Preset("web", "project", plan(port=9000, tls_key_password="hunter2"))
BROKEN = Preset("bad\x1b[2J", "user", problem=Problem("Preset bad, port", "it is a list", "write a number"))


async def test_presets_and_launches_are_listed_and_loaded() -> None:
    elsewhere = replace(plan("granian"), cwd="/srv/other")
    store = Store(WEB, BROKEN, launches=[Launch(AT - 400, plan("daphne")), Launch(AT - 90_000, elsewhere)])
    app = store.dialog()
    async with app.run_test(size=SMALL) as pilot:
        shown = await until(pilot, app, "Last launches")
        listed = rows(app, "#presets")
        assert listed[0] == "The project's, in pyproject.toml"
        assert listed[1].split() == ["web", "uvicorn", "main:app", "2", "settings"]
        assert listed[3].endswith("✗ broken\n  Preset bad, port: it is a list; write a number.")
        assert "\x1b" not in listed[3]
        assert listed[5].startswith("6 min ago")
        assert "\n" not in listed[5]
        assert listed[6].endswith("in /srv/other")
        assert "$ uvicorn --ssl-keyfile-password •••••• --port 9000 main:app" in shown
        assert "hunter2" not in app.shown
        await pilot.press("down", "enter")
        assert "✗ Preset bad, port" in await until(pilot, app, "✗ Preset")
        assert not app.results
        await pilot.press("end", "enter")
        await pilot.pause()
    assert app.results == [elsewhere]


async def test_a_click_picks_and_a_button_loads() -> None:
    app = Store(WEB, launches=[Launch(AT, plan("daphne"))]).dialog()
    async with app.run_test(size=MIDDLE) as pilot:
        await until(pilot, app, "Last launches")
        await click(pilot, app, "just now")
        await until(pilot, app, "$ daphne main:app")
        assert not app.results
        await click(pilot, app, "web", times=2)
        await pilot.pause()
    assert app.results == [WEB.plan]


async def test_the_form_is_saved_and_what_was_left_out_is_named() -> None:
    store = Store(WEB)
    app = store.dialog()
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, app, "web")
        await pilot.press("s", "enter")
        assert "it has no name" in await until(pilot, app, "no name")
        await pilot.press(*"sq", "enter")
        shown = await until(pilot, app, "Left out")
        assert "Saved as sq in the project's pyproject.toml." in shown
        assert "SECRET_KEY, tls_key_password" in shown
        # One that is there is overwritten only after a yes.
        await pilot.press("s", "home", "delete", "delete", *"web", "enter")
        assert "There is a preset web in" in await until(pilot, app, "Overwrite it?")
        await pilot.press("n")
        assert store.calls == ["save project/sq"]
        await click(pilot, app, "Save the form")
        assert "Secrets are not saved" in await until(pilot, app, "Secrets are not saved")
        await pilot.press("tab", "right", "shift+tab", "enter")
        await until(pilot, app, "Saved as web in your own presets")
        await pilot.press("s", "tab", "left", "shift+tab", "enter")
        await until(pilot, app, "Overwrite it?")
        await pilot.press("y")
        await until(pilot, app, "Saved as web in the project")
        store.fails = Problem("Presets file /p.toml", "it is read-only", "make it writable")
        await pilot.press("s", "end", *"2", "enter")
        assert "it is read-only" in await until(pilot, app, "read-only")
        await pilot.press("escape", "escape")
        await pilot.pause()
    assert store.calls == ["save project/sq", "save user/web", "save project/web"]
    assert app.results == [None]


async def test_deleting_asks_first() -> None:
    store = Store(WEB, BROKEN, launches=[Launch(AT, plan())])
    app = store.dialog()
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, app, "Last launches")
        await pilot.press("d")
        await until(pilot, app, "Delete the preset web from the project's pyproject.toml?")
        await pilot.press("escape")
        await click(pilot, app, "Delete…")
        await until(pilot, app, "Delete the preset web")
        await click(pilot, app, " Yes ")
        shown = await until(pilot, app, "Deleted web")
        assert "The project's" not in shown
        assert store.calls == ["delete project/web"]
        await pilot.press("end", "d")
        assert "Only presets can be deleted" in await until(pilot, app, "Only presets")
    assert store.calls == ["delete project/web"]


async def test_no_presets_and_broken_files_are_told() -> None:
    store = Store()
    app = store.dialog()
    async with app.run_test(size=SMALL) as pilot:
        assert "No presets and no launches yet" in await until(pilot, app, "No presets")
        await pilot.press("enter", "d", "y")
        assert not store.calls
    store.problems = (Problem("Presets file /p.toml", "line 3 \x1b[2Jis no TOML", "mend it there"),)
    app = store.dialog()
    async with app.run_test(size=SMALL) as pilot:
        assert "✗ Presets file /p.toml: line 3" in await until(pilot, app, "✗ Presets")
        assert "\x1b" not in app.shown


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "just now"),
        (59, "just now"),
        (60, "1 min ago"),
        (7300, "2 h ago"),
        (90_000, "1 day ago"),
        (2e5, "2 days ago"),
    ],
)
def test_how_long_ago(seconds: float, said: str) -> None:
    assert ago(seconds) == said


# -- files ---------------------------------------------------------------------------------------------


async def test_a_python_file_is_picked_and_nothing_outside_is_offered(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    names = ["main.py", "notes.txt", ".hidden.py", "src/shop/asgi.py", "__pycache__/x.py", "venv/bin/a.py"]
    for name in [*names, "node_modules/m.py", "evil\x1b[2J.py", "venv/pyvenv.cfg"]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside.py").write_text("")
    (root / "out").symlink_to(tmp_path / "outside")
    (root / "out.py").symlink_to(tmp_path / "outside.py")
    (root / "loop.py").symlink_to(root / "loop.py")
    app: Host[str] = Host(FileDialog(str(root.resolve()), home=str(tmp_path.resolve())))
    async with app.run_test(size=SMALL) as pilot:
        shown = await until(pilot, app, "main.py")
        assert "~/shop" in shown
        listed = shown.partition("Folders and")[0]
        for name in ("notes", "hidden", "__pycache__", "venv", "node_modules", "evil", "out", "loop"):
            assert name not in listed
        await pilot.press("right")
        await until(pilot, app, "▾ src")
        await until(pilot, app, "▸ shop")
        await pilot.press("down", "enter")
        await until(pilot, app, "asgi.py")
        assert not app.results
        await pilot.press("left")
        await until(pilot, app, "▸ shop")
        await pilot.press("right", "down")
        await until(pilot, app, "asgi.py")
        await click(pilot, app, " Open ")
        await pilot.pause()
    assert app.results == ["src/shop/asgi.py"]


async def test_a_file_is_picked_with_the_mouse(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("")
    app: Host[str] = Host(FileDialog(str(tmp_path.resolve()), home="/nowhere"))
    async with app.run_test(size=LARGE) as pilot:
        await until(pilot, app, "main.py")
        await click(pilot, app, "main.py")
        await pilot.pause()
    assert app.results == ["main.py"]


async def test_an_empty_directory_is_left_with_escape(tmp_path: Path) -> None:
    app: Host[str] = Host(FileDialog(str(tmp_path), home="/nowhere"))
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, app, "File of the app")
        await pilot.press("enter", "right", "escape")
        await pilot.pause()
    assert app.results == [None]
