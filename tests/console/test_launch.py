"""Mode 1: picking a server, filling the form, starting."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Button

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.reloading import Reloading
from asgi_tui.domain.servers import get_server
from asgi_tui.engine.outlook import Outlook
from asgi_tui.engine.project import Project
from asgi_tui.frontends.console.app import ConsoleApp
from asgi_tui.frontends.console.launch_state import LOOKING
from asgi_tui.frontends.console.screens.launch import NO_APP, LaunchScreen
from asgi_tui.frontends.console.widgets.all_options import AllOptions
from asgi_tui.frontends.console.widgets.field import Field
from tests.console.fake import CANDIDATES, FakeDriver, FakeKnowledge, console, plan, project, running
from tests.console.screen import focus, settle, text, until

SIZE = (120, 40)


def editor(app: ConsoleApp, name: str) -> Field:
    return app.screen.query_one(f"#field-{name}", Field)


async def test_the_best_app_is_offered_and_enter_starts_it() -> None:
    driver = FakeDriver()
    app = console(driver)
    async with app.run_test(size=SIZE) as pilot:
        shown = await until(pilot, app, "$ uvicorn main:app")
        assert "Uvicorn" in shown
        assert "0.54.0" in shown
        assert "27.0.1 · legacy" in shown
        assert "default 8000" in shown
        assert "found by .venv" in shown
        assert app.focused is app.screen.query_one("#start", Button)
        await pilot.press("enter")
        shown = await until(pilot, app, "READY")
        assert driver.calls == ["start uvicorn main:app"]
        assert "● READY" in shown
        assert "http://127.0.0.1:8000" in shown


async def test_without_an_app_the_demo_is_offered_plainly() -> None:
    app = console(FakeDriver(), found=project(candidates=()))
    async with app.run_test(size=SIZE) as pilot:
        shown = " ".join((await until(pilot, app, "asgi_demo:app")).split())
        assert "asgi_demo:app" in shown
        assert "bundled demo is" in shown
        assert NO_APP.split(". ")[0] in shown


async def test_the_command_follows_what_is_typed() -> None:
    app = console(FakeDriver())
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "$ uvicorn main:app")
        await focus(pilot, editor(app, "port").editor)
        await pilot.press(*"9001")
        assert "$ uvicorn --port 9001 main:app" in await until(pilot, app, "9001 main")


async def test_a_wrong_value_is_told_and_stops_the_start() -> None:
    driver = FakeDriver()
    app = console(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "$ uvicorn main:app")
        await focus(pilot, editor(app, "port").editor)
        await pilot.press(*"99999")
        shown = await until(pilot, app, "too large")
        assert "✗ Option port: 99999 is too large" in shown
        assert app.screen.query_one("#start", Button).disabled
        await pilot.press("enter")
        await settle(pilot)
        assert driver.calls == []
        await pilot.press("backspace")
        shown = await until(pilot, app, "--port 9999 ")
        assert "too large" not in shown
        assert not app.screen.query_one("#start", Button).disabled


async def test_a_picked_server_disables_what_it_lacks_and_keeps_what_was_typed() -> None:
    app = console(FakeDriver())
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "$ uvicorn main:app")
        await focus(pilot, editor(app, "workers").editor)
        await pilot.press(*"4", "escape", "s", "down", "down")
        shown = await until(pilot, app, "$ daphne main:app")
        assert "daphne runs one" in shown
        assert editor(app, "workers").editor.disabled
        await pilot.press("down")
        shown = await until(pilot, app, "$ granian")
        assert "--workers 4" in shown
        assert not editor(app, "workers").editor.disabled


async def test_a_server_that_is_missing_says_how_to_install_it() -> None:
    driver = FakeDriver()
    app = console(driver, found=project(missing=("granian",)))
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "$ uvicorn main:app")
        await pilot.press("s", "down", "down", "down")
        shown = " ".join((await until(pilot, app, "pip install")).split())
        assert "not installed" in shown
        assert "-m pip install granian" in shown
        assert app.screen.query_one("#start", Button).disabled


async def test_the_legacy_server_shows_its_equivalent() -> None:
    app = console(FakeDriver(), given=plan("gunicorn-uvicorn", workers=2))
    async with app.run_test(size=SIZE) as pilot:
        shown = await until(pilot, app, "without gunicorn")
        assert "$ gunicorn -k uvicorn_worker.UvicornWorker" in shown
        assert "without gunicorn: uvicorn" in shown
        assert shown.count("--workers 2 main:app") == 2


async def test_a_project_that_cannot_be_read_says_so_and_keeps_the_form() -> None:
    def broken() -> Project:
        raise Problem("Interpreter /nope", "there is none", "name another")

    app = ConsoleApp(driver=FakeDriver(), knowledge=FakeKnowledge(broken), plan=plan("granian", port=9000))
    async with app.run_test(size=SIZE) as pilot:
        shown = await until(pilot, app, "there is none")
        assert "Interpreter /nope: there is none; name another." in shown
        assert "9000" in shown
        assert app.screen.query_one("#start", Button).disabled


async def test_an_app_found_can_be_picked() -> None:
    app = console(FakeDriver())
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "2 apps: pick one")
        await focus(pilot, editor(app, "found").editor)
        await pilot.press("enter")
        shown = await until(pilot, app, "Starlette")
        assert "shop.asgi:create_app" in shown
        await pilot.press("down", "down", "enter")
        shown = await until(pilot, app, "--factory")
        assert "$ uvicorn --factory --app-dir src shop.asgi:create_app" in shown


async def test_a_file_as_target_is_looked_up(tmp_path: Path) -> None:
    (tmp_path / "web.py").write_text("async def api(scope, receive, send): ...\n")
    given = type(plan())(type(plan().target)(path="web.py"), "uvicorn", str(tmp_path))
    app = console(FakeDriver(), given=given)
    async with app.run_test(size=SIZE) as pilot:
        assert "$ uvicorn web:api" in await until(pilot, app, "web:api")
        await focus(pilot, editor(app, "target").editor)
        await pilot.press("home", "x")
        assert "there is no file xweb.py" in await until(pilot, app, "no file")


async def test_c_copies_the_command_and_digits_in_a_field_are_digits() -> None:
    app = console(FakeDriver())
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "$ uvicorn main:app")
        await pilot.press("c")
        assert app.clipboard == "uvicorn main:app"
        await focus(pilot, editor(app, "host").editor)
        await pilot.press("1", "2", "c")
        assert isinstance(app.screen, LaunchScreen)
        assert app.clipboard == "uvicorn main:app"


async def test_buttons_and_tabs_work_by_mouse() -> None:
    driver = FakeDriver()
    app = console(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "$ uvicorn main:app")
        await pilot.click("#copy")
        assert app.clipboard == "uvicorn main:app"
        await pilot.click("#servers", offset=(4, 4))
        await until(pilot, app, "$ hypercorn main:app")
        await pilot.click("#start")
        await until(pilot, app, "READY")
        assert driver.calls == ["start hypercorn main:app"]
        await pilot.click("ModeTab")
        await settle(pilot)
        assert isinstance(app.screen, LaunchScreen)
        assert "hypercorn" in text(app)


async def test_the_settings_of_a_reload_are_shown_when_they_are_asked_for() -> None:
    driver = FakeDriver()
    app = console(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "$ uvicorn main:app")
        assert not app.screen.query("#field-grace")
        await focus(pilot, editor(app, "more").editor)
        assert "warm standby, grace time and more" in await until(pilot, app, "and more")
        await pilot.press("right", "tab", *"*.html 'my files/*'", "tab", *"*.log")
        shown = await until(pilot, app, "*.log")
        assert "Globs of files whose changes never count" in shown
        await pilot.press("tab", "space", "tab", *"numba", "tab", "right", "tab", *"90m")
        assert "✗ Option grace: 5400 is too large; use a number from 0 to" in " ".join(
            (await until(pilot, app, "5400 is too large")).split()
        )
        assert app.screen.query_one("#start", Button).disabled
        await pilot.press("backspace", "s", "tab", *"2m")
        assert "too large" not in await until(pilot, app, "2m")
        await pilot.press("enter")
        await until(pilot, app, "READY")
        assert driver.plan is not None
        assert driver.plan.reloading == Reloading(
            ("*.html", "my files/*"), ("*.log",), False, ("numba",), True, 90.0, 120.0
        )


async def test_settings_of_a_reload_that_are_no_defaults_are_in_sight_and_can_be_clicked() -> None:
    driver = FakeDriver()
    given = replace(plan(), reloading=Reloading(old_first=True, grace=0.5))
    app = console(driver, given=given)
    async with app.run_test(size=(200, 60)) as pilot:
        shown = await until(pilot, app, "Ready within")
        assert "Reload and switch" in shown
        assert editor(app, "grace").editor.value == "0.5"
        await pilot.click(editor(app, "old_first").editor, offset=(2, 0))  # on
        await pilot.click(editor(app, "old_first").editor, offset=(7, 0))  # off
        await pilot.click(editor(app, "more").editor, offset=(2, 0))  # hide
        assert "Ready within" not in await until(pilot, app, "[hide]")
        await pilot.click("#start")
        await until(pilot, app, "READY")
        assert driver.plan is not None
        assert driver.plan.reloading == Reloading(grace=0.5)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_it_fits(size: tuple[int, int]) -> None:
    app = console(FakeDriver())
    async with app.run_test(size=size) as pilot:
        await until(pilot, app, "$ uvicorn main:app")
        shown = await until(pilot, app, "^p palette")
        essential: list[str] = ["asgi-tui", "1 Launch", "2 Run", "○ STOPPED", "Gunicorn (uvicorn worker)"]
        essential += [
            "Target",
            "main:app",
            "Host",
            "Port",
            "Copy",
            "▶ Start",
            "? Help",
            "q Quit",
            "^p palette",
        ]
        assert [item for item in essential if item not in shown] == []
        # everything else is reached by scrolling
        await focus(pilot, editor(app, "tls_key_password").editor)
        assert "TLS key password" in await until(pilot, app, "TLS key password")


async def test_after_a_start_by_name_the_form_is_as_good_as_opened_first() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        await driver.switch("granian")
        await until(pilot, app, "⇄")
        await pilot.press("1")
        shown = await until(pilot, app, "$ granian")
        assert "$ granian --interface asgi main:app" in shown
        assert "2.8.7 · running" in shown
        assert "ooking" not in shown
        assert "2 apps: pick one" in shown
        start = app.screen.query_one("#start", Button)
        assert not start.disabled
        assert "in its place" in str(start.label)
        await pilot.click("#start")
        await settle(pilot)
        assert driver.calls[-1] == "start granian main:app"


async def test_after_a_start_by_name_the_form_tells_the_projects_problem() -> None:
    def broken() -> Project:
        raise Problem("Interpreter /nope", "there is none", "name another")

    app = ConsoleApp(driver=FakeDriver(), knowledge=FakeKnowledge(broken), plan=plan(), autostart=True)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        await pilot.press("1")
        shown = await until(pilot, app, "there is none")
        assert "✗ Interpreter /nope: there is none; name another." in shown


async def test_work_in_progress_is_not_marked_as_an_error() -> None:
    looked = threading.Event()

    def slow() -> Project:
        looked.wait(10)
        return project()

    app = ConsoleApp(driver=FakeDriver(), knowledge=FakeKnowledge(slow), plan=plan())
    async with app.run_test(size=SIZE) as pilot:
        shown = await until(pilot, app, LOOKING)
        assert f"◐ {LOOKING}" in shown
        assert "✗" not in shown
        assert app.screen.query_one("#start", Button).disabled
        looked.set()
        assert LOOKING not in await until(pilot, app, "0.54.0")


async def test_all_options_are_a_tab_beside_the_form_and_both_follow_each_other() -> None:
    driver = FakeDriver()
    app = console(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "$ uvicorn main:app")
        assert not app.screen.query(AllOptions)
        await pilot.press("o")
        options = len(get_server("uvicorn").table.options)
        shown = await until(pilot, app, f"[All options ({options})]")
        assert "another server's flag" in shown
        assert "Options of Uvicorn" in shown
        await pilot.press("slash", *"back", "enter", "enter", *"64", "enter")
        assert "$ uvicorn --backlog 64 main:app" in await until(pilot, app, "--backlog 64 main")
        assert driver.calls == []  # Enter belongs to the list here
        # a common option is the same in both tabs
        await pilot.press("slash", "escape", *"--port", "enter", "enter", *"9001", "enter", "e")
        shown = await until(pilot, app, "[Common]")
        assert editor(app, "port").editor.value == "9001"
        assert "$ uvicorn --backlog 64 --port 9001 main:app" in shown
        await focus(pilot, editor(app, "port").editor)
        await pilot.press("end", "backspace", "escape", "o")
        shown = await until(pilot, app, "--port 900 ")
        assert "● --port" in shown
        assert "--port 900 " in shown


async def test_a_wrong_value_in_the_list_stops_the_start_and_reset_all_frees_it() -> None:
    app = console(FakeDriver())
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "$ uvicorn main:app")
        await pilot.press("o", "slash", *"backlog", "enter", "enter", "x", "escape")
        shown = await until(pilot, app, "! --backlog")
        assert "✗ Option backlog: 'x' is" in shown
        assert app.screen.query_one("#start", Button).disabled
        await pilot.press("R")
        shown = await until(pilot, app, "$ uvicorn main:app")
        assert not app.screen.query_one("#start", Button).disabled
        assert "! --backlog" not in shown


async def test_reset_all_leaves_what_the_app_found_here_needs() -> None:
    app = console(FakeDriver(), found=project(candidates=CANDIDATES[1:]))
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "$ uvicorn --factory")
        await pilot.press("o", "slash", *"--port", "enter", "enter", *"81", "escape", "R")
        shown = await until(pilot, app, "$ uvicorn --factory --app-dir src shop.asgi:create_app")
        assert "$ uvicorn --factory --app-dir src shop.asgi:create_app" in shown


async def test_the_list_follows_the_picked_server_and_its_installed_version() -> None:
    class Older(FakeKnowledge):
        def outlook(self, plan: LaunchPlan, project: Project) -> Outlook:
            found = super().outlook(plan, project)
            if plan.server != "hypercorn":
                return found
            table = replace(found.table, options=found.table.options[:3], version="0.11.2")
            return replace(found, table=table)

    app = console(FakeDriver(), knowledge=Older(project))
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "$ uvicorn main:app")
        await pilot.press("o", "s", "down")
        assert "Options of Hypercorn" in await until(pilot, app, "$ hypercorn")
        shown = await until(pilot, app, "as hypercorn 0.11.2 has them")
        assert "[All options (3)]" in shown
        assert "as hypercorn 0.11.2 has them" in shown


async def test_the_tabs_can_be_clicked() -> None:
    app = console(FakeDriver())
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "$ uvicorn main:app")
        await pilot.click("#options-tabs", offset=(14, 0))
        assert "another server's flag" in await until(pilot, app, "[All options")
        await pilot.click("#options-tabs", offset=(3, 0))
        shown = await until(pilot, app, "[Common]")
        assert "another server's flag" not in shown
        assert "Target" in shown


async def test_a_common_option_in_the_list_speaks_the_forms_terms() -> None:
    app = console(FakeDriver(), given=plan("granian"))
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "$ granian --interface asgi main:app")
        await pilot.press("o", "slash", *"--no-ws", "enter", "enter", "down", "down", "enter")
        shown = await until(pilot, app, "--no-ws main:app")
        assert "$ granian --interface asgi --no-ws main:app" in shown
    granian = get_server("granian")
    interface = granian.for_form(granian.table).named("interface")
    assert interface is not None
    assert interface.default == "asgi"
