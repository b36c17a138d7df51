"""The Launch screen where there is little room, and what it must never lose there."""

from dataclasses import replace

from textual.widgets import Button, Input

from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.reloading import Reloading
from asgi_tui.domain.text import MASK
from asgi_tui.engine.ambient import Ambient
from asgi_tui.engine.outlook import Outlook
from asgi_tui.engine.project import Project
from asgi_tui.frontends.console.screens.launch import LaunchScreen
from asgi_tui.frontends.console.widgets.all_options import SearchInput
from asgi_tui.frontends.console.widgets.command_bar import SayRoom
from asgi_tui.frontends.console.widgets.field import Field
from asgi_tui.frontends.console.widgets.option_list import OptionsView
from asgi_tui.frontends.console.widgets.safe_area import SafeArea
from asgi_tui.frontends.console.widgets.server_list import ServerList
from tests.console.fake import FakeDriver, FakeKnowledge, console, plan, project
from tests.console.screen import focus, settle, text, until

SMALL = (80, 24)
WRONG = (
    "uvicorn main:app --host 0.0.0.0 --port 80 --workers 3 --ssl-keyfile main.py --reload --http zttp"
    " --uds /tmp/x --frobnicate 3"
)


def footer(shown: str) -> str:
    return shown.rstrip().splitlines()[-1]


async def test_the_list_of_all_options_has_the_whole_width_of_a_small_screen() -> None:
    app = console(FakeDriver())
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, app, "$ uvicorn main:app")
        await pilot.press("o")
        shown = await until(pilot, app, "[All options")
        assert "Hypercorn" not in shown
        assert "Paste command" not in shown
        assert app.screen.query_one(OptionsView).size.width > 70
        assert app.screen.query_one(OptionsView).size.height >= 8
        await pilot.press("s", "down")  # the servers come back, and take the keys at once
        shown = await until(pilot, app, "$ hypercorn")
        assert isinstance(app.focused, ServerList)
        assert "Daphne" in shown
        await pilot.press("o")
        assert "Daphne" not in await until(pilot, app, "--bind")
        await pilot.resize_terminal(120, 40)
        assert "Daphne" in await until(pilot, app, "Daphne")
        await pilot.resize_terminal(*SMALL)
        await settle(pilot)
        assert "Daphne" not in text(app)
        await pilot.press("e")
        shown = await until(pilot, app, "[Common]")
        assert "Daphne" in shown
        assert "Paste command" in shown


async def test_a_click_on_the_other_tab_brings_the_servers_back() -> None:
    app = console(FakeDriver())
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, app, "$ uvicorn main:app")
        await pilot.click("#options-tabs", offset=(14, 0))
        assert "Daphne" not in await until(pilot, app, "[All options")
        await pilot.click("#options-tabs", offset=(3, 0))
        assert "Daphne" in await until(pilot, app, "[Common]")


async def test_help_and_the_way_out_are_in_every_footer() -> None:
    app = console(FakeDriver())
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, app, "$ uvicorn main:app")
        for keys in ([], ["o"], ["s"], ["2"]):
            await pilot.press(*keys)
            await settle(pilot)
            shown = footer(text(app))
            assert "? Help q Quit" in shown, keys
            assert shown.endswith("^p palette"), keys
        await pilot.press("1", "e")  # a field takes the letters
        assert "F1 Help ^q Quit" in footer(await until(pilot, app, "F1 Help"))
        await pilot.press("escape", "o")
        await settle(pilot)
        assert "e Form" not in footer(text(app))
        await pilot.resize_terminal(120, 24)
        assert "e Form" in footer(await until(pilot, app, "e Form"))


async def test_many_complaints_can_all_be_read_and_leave_the_buttons() -> None:
    app = console(FakeDriver())
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, app, "$ uvicorn main:app")
        room = app.screen.query_one(SayRoom)
        assert not room.can_focus
        await pilot.press("p")
        await settle(pilot)
        app.screen.query_one(SafeArea).put(WRONG)
        await pilot.press("ctrl+s")
        shown = await until(pilot, app, "a key needs its certificate")
        assert "▶ Start" in shown
        assert "--frobnicate 3." not in shown
        await pilot.pause()
        assert bool(room.can_focus)
        await focus(pilot, room)
        await pilot.press("end")
        shown = await until(pilot, app, "--frobnicate 3.")
        assert "--frobnicate 3." in shown
        assert "▶ Start" in shown


async def test_a_mend_leaves_what_the_paste_said() -> None:
    app = console(FakeDriver())
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, app, "$ uvicorn main:app")
        await pilot.press("p")
        await settle(pilot)
        app.screen.query_one(SafeArea).put("uvicorn main:app --reload --ssl-keyfile k")
        await pilot.press("ctrl+s")
        await until(pilot, app, "own reload was left out")
        await pilot.press("m")
        await settle(pilot)
        shown = text(app)
        assert "$ uvicorn main:app" in shown
        assert "own reload was left out" in shown


async def test_what_is_set_from_outside_stands_at_its_field_too() -> None:
    class Outside(FakeKnowledge):
        def outlook(self, plan: LaunchPlan, project: Project) -> Outlook:
            found = super().outlook(plan, project)
            return replace(
                found,
                ambient={
                    "log_level": Ambient("debug", "UVICORN_LOG_LEVEL", "log_level" not in plan.options),
                    "port": Ambient("81", "UVICORN_PORT", False),
                },
            )

    app = console(FakeDriver(), knowledge=Outside(project))
    async with app.run_test(size=(120, 40)) as pilot:
        shown = await until(pilot, app, "↯ UVICORN_LOG_LEVEL")
        assert "↯ UVICORN_LOG_LEVEL" in shown
        assert "UVICORN_PORT" not in shown  # it does not count
        await focus(pilot, app.screen.query_one("#field-log_level", Field).editor)
        await pilot.press("right")
        await until(pilot, app, "--log-level critical")
        assert "UVICORN_LOG_LEVEL" not in text(app)


async def test_typing_goes_on_at_the_end_of_what_was_filled_in() -> None:
    app = console(FakeDriver())
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, app, "$ uvicorn main:app")
        await pilot.press("p")
        await settle(pilot)
        app.screen.query_one(SafeArea).put("uvicorn shop.asgi:application")
        await pilot.press("ctrl+s")
        await until(pilot, app, "$ uvicorn shop.asgi:application")
        await pilot.press("e", "backspace", "x")
        target = app.screen.query_one("#field-target Input", Input)
        assert target.value == "shop.asgi:applicatiox"


async def test_a_copied_command_says_that_its_secrets_are_masked() -> None:
    given = replace(plan(), env={"API_TOKEN": "abc"})
    app = console(FakeDriver(), given=given)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        assert f"API_TOKEN='{MASK}'" in await until(pilot, app, "API_TOKEN")
        assert not app.screen.query_one("#copy", Button).disabled
        await pilot.press("c")
        assert "secrets masked" in await until(pilot, app, "secrets masked")
        assert "abc" not in app.clipboard


async def test_a_slash_searches_all_options_from_anywhere_but_a_field() -> None:
    app = console(FakeDriver())
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, app, "$ uvicorn main:app")
        await pilot.press("slash", *"backl")
        assert "1 of " in await until(pilot, app, "1 of ")
        assert app.screen.query_one(SearchInput).value == "backl"
        await pilot.press("enter", "escape", "slash", "o")  # what was searched before is replaced
        assert app.screen.query_one(SearchInput).value == "o"
        await pilot.press("escape", "escape", "e", "slash")
        assert app.screen.query_one("#field-target Input", Input).value == "main:app/"


async def test_settings_of_a_reload_stay_as_typed_when_a_command_is_pasted() -> None:
    app = console(FakeDriver(), given=replace(plan(), reloading=Reloading(grace=0.5)))
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, app, "$ uvicorn main:app")
        await focus(pilot, app.screen.query_one("#field-grace Input", Input))
        await pilot.press("backspace", "2", "escape", "p")
        await settle(pilot)
        app.screen.query_one(SafeArea).put("hypercorn shop.asgi:application")
        await pilot.press("ctrl+s")
        await until(pilot, app, "$ hypercorn shop.asgi:application")
        assert isinstance(app.screen, LaunchScreen)
        assert app.screen.plan is not None
        assert app.screen.plan.reloading == Reloading(grace=0.2)
