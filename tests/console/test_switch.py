"""A change of server: what is offered, what came of it, and which server is named meanwhile."""

from textual.widgets import OptionList

from asgi_tui.domain.events import State, StateChanged
from asgi_tui.frontends.console.app import SWITCH_TOAST
from tests.console.fake import AT, FakeDriver, failed_switch, plan, running, starting
from tests.console.reloads import reload_failed
from tests.console.screen import settle, until

SIZE = (120, 40)


async def test_switching_says_what_was_mapped_and_dropped() -> None:
    driver = FakeDriver()
    app = running(driver, port=9000, ws="wsproto")
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        await pilot.press("s")
        shown = await until(pilot, app, "Switch server")
        assert "0.54.0 · running" in shown
        assert "would drop ws=wsproto" in shown
        options = app.screen.query_one(OptionList)
        assert options.get_option("uvicorn").disabled
        await pilot.press("enter")
        shown = await until(pilot, app, "⇄")
        assert driver.calls[-1] == "switch hypercorn"
        assert "⇄ uvicorn → hypercorn  84 ms" in shown
        assert "mapped port=9000: --port → --bind" in shown
        assert "dropped ws=wsproto (hypercorn has" in shown
        assert "hypercorn 0.18.0" in shown.splitlines()[0]
        assert not app._notifications  # the pane says it


async def test_a_switch_that_cannot_be_is_not_offered() -> None:
    driver = FakeDriver()
    app = running(driver, factory=True)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        await pilot.press("s")
        assert "daphne cannot call a factory" in await until(pilot, app, "cannot call")
        assert app.screen.query_one(OptionList).get_option("daphne").disabled
        await pilot.press("escape")
        await settle(pilot)
        assert driver.calls == ["start uvicorn main:app"]


async def test_what_ran_and_the_command() -> None:
    app = running(FakeDriver())
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        await pilot.press("c")
        assert app.clipboard == "uvicorn main:app"
        await pilot.press("i")
        shown = await until(pilot, app, "What really ran")
        assert "--fd 7 asgi_probe.app:app" in shown
        assert "WEB_CONCURRENCY=4 is not used" in shown
        assert "/srv/shop/.venv/bin/python" in shown
        await pilot.press("c")
        assert "--fd 7" in app.clipboard


async def test_where_no_pane_tells_of_a_switch_a_short_notice_does() -> None:
    driver = FakeDriver()
    app = running(driver, ws="wsproto")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, app, "READY")
        await driver.switch("hypercorn")
        shown = await until(pilot, app, "Dropped: ws=wsproto")
        (notice,) = app._notifications
        assert notice.title == "uvicorn → hypercorn"
        assert notice.timeout == SWITCH_TOAST <= 3
        # at the top: the newest log lines stay in sight
        rows = shown.splitlines()
        assert next(y for y, row in enumerate(rows) if "Dropped:" in row) < len(rows) / 2


async def test_a_failed_switch_names_the_server_that_serves_on() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "mem 86 MB")
        first, *rest = failed_switch(plan("granian"))
        driver.play(first, rest[0])
        status = (await until(pilot, app, "RELOADING")).splitlines()[0]
        assert "uvicorn 0.54.0 → granian" in status
        assert "pid 4242" in status
        driver.play(*rest[1:])
        shown = await until(pilot, app, "switch to granian failed")
        status, badges, *_ = shown.splitlines()
        assert "● READY  uvicorn 0.54.0  http://127.0.0.1:8000" in status
        assert "up 00:12:33  pid 4242  cpu 3%  mem 86 MB" in badges
        assert "✗ switch to granian failed" in shown
        assert "Starting granian: it ended with 1; see" in shown
        await pilot.press("c")
        assert app.clipboard == "uvicorn main:app"
        await pilot.press("i")
        shown = await until(pilot, app, "What ran: uvicorn")
        assert "launch.py uvicorn" in shown


async def test_a_failed_switch_that_left_nothing_tells_what_was_tried() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "READY")
        driver.play(*failed_switch(plan("daphne"), crashed=True))
        shown = await until(pilot, app, "switch to daphne failed")
        assert "✗ CRASHED  daphne" in shown.splitlines()[0]
        assert "pid" not in shown.splitlines()[0]
        await pilot.press("c")
        assert app.clipboard == "daphne main:app"


async def test_a_failed_reload_keeps_the_vitals_of_what_serves() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, app, "mem 86 MB")
        driver.play(
            StateChanged(AT + 19, State.RELOADING, "app.py"), starting(plan(), AT + 19), *reload_failed()
        )
        shown = await until(pilot, app, "failed after")
        assert "up 00:12:33  pid 4242  cpu 3%  mem 86 MB" in shown.splitlines()[1]
        assert "switch to" not in shown


async def test_one_key_moves_back_and_names_the_server() -> None:
    driver = FakeDriver()
    app = running(driver)
    async with app.run_test(size=SIZE) as pilot:
        assert "b Back" not in await until(pilot, app, "READY")
        await driver.switch("granian")
        assert "b Back to uvicorn" in await until(pilot, app, "Back to uvicorn")
        await pilot.press("b")
        await settle(pilot)
        assert driver.calls[-1] == "switch_back"
