"""Composing: what is sent is what was typed, and what comes back is readable and safe."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.widgets import Input

from asgi_tui.domain.calls import Header
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.events import State, StateChanged
from asgi_tui.domain.secret import revealed
from asgi_tui.domain.sending import Sending
from asgi_tui.domain.text import MASK
from asgi_tui.frontends.console.screens.compose import ComposeScreen
from asgi_tui.frontends.console.widgets.code_area import CodeArea
from tests.console.calls import headers, lifespan, request, websocket
from tests.console.fake import AT, FakeDriver
from tests.console.screen import focus, settle, text, until
from tests.console.sending import HOSTILE, SavingKnowledge, SendingConsole, answer, sending_console

SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (200, 60)
GIVEN = Sending(
    "POST",
    "/items?page=2&token=s3cret",
    headers(authorization="Bearer abcdef", content_type="application/json"),
    b'{"name": "lamp", "password": "hunter2"}',
)
SECRETS = ("s3cret", "abcdef", "hunter2")


def screen(app: SendingConsole) -> ComposeScreen:
    assert isinstance(app.screen, ComposeScreen)
    return app.screen


async def test_what_is_typed_is_what_is_sent() -> None:
    driver = FakeDriver()
    driver.answers[""] = answer({"id": 7, "tags": ["a"]}, 201)
    app = sending_console(driver)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, app, "READY")
        app.action_new_request()
        await until(pilot, app, "Nothing was sent yet")
        method, path = (
            screen(app).query_one("#compose-method", Input),
            screen(app).query_one("#compose-path", Input),
        )
        assert (method.value, path.value) == ("GET", "/")
        await pilot.press(*"items")
        await focus(pilot, method)
        await pilot.press("down", "down")
        assert method.value == "OPTIONS"
        method.value = "put"
        await focus(pilot, screen(app).query_one("#compose-headers", CodeArea))
        await pilot.press(*"x-a:", "space", "1", "f6", *"[1,2]", "f2")
        await pilot.press("f5")
        shown = await until(pilot, app, "✓ 201 Created")
        (sent,) = driver.sent
        assert (sent.method, sent.path, sent.http_version) == ("PUT", "/items", "1.1")
        assert [(header.name, header.value) for header in sent.headers] == [("x-a", "1")]
        assert sent.body == b"[\n  1,\n  2\n]"
        assert "9.9 ms" in shown
        assert '"tags": [' in shown
        await pilot.press("f8")
        assert "content-type: application/json" in await until(pilot, app, "content-type")
        await pilot.press("f8")
        assert "first byte" in await until(pilot, app, "in all")


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_masks_are_sent_as_what_they_hide_and_shown_only_on_demand(size: tuple[int, int]) -> None:
    driver = FakeDriver()
    repeated = Header("x-seen", "abcdef")
    driver.answers[""] = answer(
        {"token": "fresh-one", "seen": "abcdef"}, more=(*headers(set_cookie="sid=cookie-1"), repeated)
    )
    app = sending_console(driver)
    async with app.run_test(size=size) as pilot:
        await until(pilot, app, "READY")
        app._compose(GIVEN)
        shown = await until(pilot, app, "A mask that is left")
        await pilot.press("f5")
        shown += await until(pilot, app, "200 OK")
        await pilot.press("f6", "f8")
        shown += await until(pilot, app, "set-cookie")
        for secret in (*SECRETS, "fresh-one", "cookie-1"):
            assert secret not in shown
        assert f"token={MASK}" in shown
        assert driver.sent == [GIVEN]
        assert revealed(driver.sent[0].headers[0].value) == "Bearer abcdef"
        await pilot.press("f4")
        shown = await until(pilot, app, "Secrets are shown")
        await pilot.press("f6")
        shown += await until(pilot, app, "abcdef")
        for secret in ("s3cret", "abcdef", "cookie-1"):
            assert secret in shown
        await pilot.press("f5", "f4")
        await until(pilot, app, "A mask that is left")
        assert driver.sent[1] == GIVEN


async def test_what_is_wrong_is_said_beside_the_field_and_nothing_is_sent() -> None:
    driver = FakeDriver()
    app = sending_console(driver)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, app, "READY")
        app._compose(Sending("GET", "/"))
        await until(pilot, app, "Nothing was sent yet")
        path = screen(app).query_one("#compose-path", Input)
        await pilot.press("backspace", "x", "f5")
        assert "✗ Path: it does not begin with a slash" in await until(pilot, app, "✗ Path")
        assert path.has_class("-wrong")
        await pilot.press("home", "/")
        await settle(pilot)
        assert "✗ Path" not in text(app)
        area = screen(app).query_one("#compose-headers", CodeArea)
        area.text = "no colon"
        await pilot.press("f6", "f5")
        assert "✗ Header line 1: it has no colon" in await until(pilot, app, "✗ Header")
        await until(pilot, app, "no colon")
        assert app.focused is area
        area.text = ""
        screen(app).query_one("#compose-body", CodeArea).text = "{"
        await pilot.press("f2")
        assert "it is no JSON" in await until(pilot, app, "no JSON")
        assert not driver.sent


async def test_an_error_stands_in_place_of_the_answer_and_a_running_one_is_cancelled() -> None:
    driver = FakeDriver()
    driver.answers[""] = Problem("Sending", f"it was refused {HOSTILE}", "start a server")
    app = sending_console(driver)
    async with app.run_test(size=MIDDLE) as pilot:
        await until(pilot, app, "READY")
        app._compose(GIVEN)
        await until(pilot, app, "Nothing was sent yet")
        await pilot.press("ctrl+s")
        shown = await until(pilot, app, "✗ Sending: it was refused")
        assert "\x1b" not in shown
        assert "[red]d[/red]" in shown
        driver.may_answer.clear()
        await pilot.press("f5")
        await until(pilot, app, "◐ Sending…")
        await pilot.press("f5")  # one at a time
        await pilot.press("escape")
        await until(pilot, app, "Cancelled.")
        assert isinstance(app.screen, ComposeScreen)
        assert len(driver.sent) == 2
        await pilot.press("escape")
        await settle(pilot)
        assert not isinstance(app.screen, ComposeScreen)


async def test_what_was_sent_before_comes_back_also_on_another_screen() -> None:
    driver = FakeDriver()
    app = sending_console(driver)
    async with app.run_test(size=MIDDLE) as pilot:
        await until(pilot, app, "READY")
        for number in (1, 2):
            driver.answers[""] = answer({"number": number})
            app._compose(Sending("GET", f"/{number}"), at_once=True)
            await until(pilot, app, f'"number": {number}')
            await pilot.press("escape")
            await settle(pilot)
        app.action_new_request()
        assert "2 sent before" in await until(pilot, app, "2 sent before")
        await pilot.press("ctrl+up")
        assert "Answer to GET /2 at" in await until(pilot, app, '"number": 2')
        await pilot.press("alt+up")
        shown = await until(pilot, app, '"number": 1')
        assert "1 of 2" in shown
        assert screen(app).query_one("#compose-path", Input).value == "/1"
        await pilot.press("ctrl+up", "ctrl+down")
        await until(pilot, app, '"number": 2')


async def test_a_binary_body_stays_and_a_content_type_is_picked() -> None:
    driver = FakeDriver()
    driver.answers[""] = answer(b"\x00\x01\x02", media="application/octet-stream")
    app = sending_console(driver)
    async with app.run_test(size=MIDDLE) as pilot:
        await until(pilot, app, "READY")
        app._compose(replace(GIVEN, headers=(), path="/", body=b"\x00\xff\x1b[2J"))
        await until(pilot, app, "The body is 6 B that is no text")
        await pilot.press("f5")
        assert "000000  00 01 02" in await until(pilot, app, "000000")
        assert driver.sent[-1].body == b"\x00\xff\x1b[2J"
        media = screen(app).query_one("#compose-media")
        await focus(pilot, media)
        await pilot.press("left", "left")
        assert (
            screen(app)
            .query_one("#compose-headers", CodeArea)
            .text.startswith("content-type: application/x-www")
        )
        await pilot.press("right", "right")
        await settle(pilot)
        assert "no text" not in text(app)
        await pilot.press("f5")
        await settle(pilot)
        assert (driver.sent[-1].body, driver.sent[-1].headers) == (b"", ())


@pytest.mark.parametrize("media", ["text/html", "application/json"])
async def test_nothing_of_an_answer_moves_the_cursor(media: str) -> None:
    driver = FakeDriver()
    hostile = answer(
        f"<title>{HOSTILE}</title><p>{HOSTILE}".encode(), media=media, more=(Header(HOSTILE, HOSTILE),)
    )
    driver.answers[""] = replace(hostile, reason=HOSTILE, server=HOSTILE, ended=HOSTILE, http_version=HOSTILE)
    app = sending_console(driver)
    async with app.run_test(size=MIDDLE) as pilot:
        await until(pilot, app, "READY")
        app._compose(Sending(), at_once=True)
        shown = await until(pilot, app, "200 a")
        assert "[red]d[/red]" in shown
        await pilot.click("#do-raw")
        shown += await until(pilot, app, "raw")
        assert "<p>" in shown
        assert not set(shown) & {"\x1b", "\x9b", "\x07", "\u202e"}


async def test_a_paste_is_safe_and_bounded_and_not_dropped_at_once() -> None:
    app = sending_console(FakeDriver())
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, app, "READY")
        app.action_new_request()
        await until(pilot, app, "Nothing was sent yet")
        area = screen(app).query_one("#compose-headers", CodeArea)
        area.put(f"a: {HOSTILE}\nb: 2")
        assert len(area.text.splitlines()) == 2
        assert not set(area.text) & {"\x1b", "\x9b", "\x07"}
        area.put("x" * 300_000)
        assert "longer than 200,000" in await until(pilot, app, "longer than")
        # what was typed is not dropped at once
        await pilot.press("escape")
        await until(pilot, app, "Esc again leaves it")
        await pilot.press("escape")
        await settle(pilot)
        assert not isinstance(app.screen, ComposeScreen)


# -- actions -------------------------------------------------------------------------------------------


async def test_replay_edit_and_copy_of_the_chosen_request() -> None:
    driver = FakeDriver()
    driver.answers[""] = answer(trace=request(9))
    app = sending_console(driver)
    app.chosen_call = request(1, method="POST", sent=b"{}")
    async with app.run_test(size=MIDDLE) as pilot:
        await until(pilot, app, "READY")
        app.action_replay()
        shown = await until(pilot, app, "200 OK")
        assert driver.sent[0].path == "/items/7?page=2&token=s3cret"
        assert "Answer to POST" in shown
        assert "Trace" in shown
        await pilot.press("escape")
        app.action_edit_request()
        await until(pilot, app, "1 sent before")
        assert len(driver.sent) == 1
        await pilot.press("escape")
        app.action_copy_curl()
        assert app.clipboard.startswith("# ")
        assert MASK in app.clipboard
        app.action_copy_httpx()
        assert "import httpx" in app.clipboard
        assert "abcdef" not in app.clipboard


async def test_with_secrets_is_copied_only_after_a_yes_and_another_server_is_asked_for() -> None:
    app = sending_console(FakeDriver())
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, app, "READY")
        app._compose(GIVEN)
        await until(pilot, app, "Nothing was sent yet")
        await pilot.press("ctrl+l")
        await until(pilot, app, "curl with secrets")
        await pilot.press("down", "down", "enter")
        await until(pilot, app, "Copy the secrets?")
        await pilot.press("enter")  # on No
        await settle(pilot)
        assert not app.clipboard
        await pilot.press("enter", "y")
        await settle(pilot)
        assert "abcdef" in app.clipboard
        assert "hunter2" in app.clipboard
        await pilot.press("ctrl+r")
        assert "0.54.0 · running" in await until(pilot, app, "Send it on another server too")


async def test_requests_are_saved_loaded_and_deleted() -> None:
    driver = FakeDriver()
    app = sending_console(driver)
    knowledge = app._knowledge
    assert isinstance(knowledge, SavingKnowledge)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, app, "READY")
        app._compose(replace(GIVEN, body=b"\x00"))
        await until(pilot, app, "Nothing was sent yet")
        await pilot.press("f9")
        await until(pilot, app, "Secrets are not saved")
        await pilot.press("enter")
        await until(pilot, app, "it has no name")
        await pilot.press(*"new", "enter")
        await until(pilot, app, "cannot be searched")
        await pilot.press("n")
        shown = await until(pilot, app, "Not saved, to be filled in: header authorization")
        assert "s3cret" not in shown
        assert "▲ to be filled in" in shown
        assert (list(knowledge.kept), knowledge.bodies) == (["new"], [False])
        await pilot.press("escape", "ctrl+o")
        await until(pilot, app, "Saved requests of this project")
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, ComposeScreen)
        await pilot.press("ctrl+o")
        await until(pilot, app, "Saved requests of this project")
        await pilot.press("d")
        await until(pilot, app, "Delete the saved request new?")
        await pilot.press("y")
        await until(pilot, app, "Deleted new.")
        assert not knowledge.kept
        await pilot.press("s")
        await until(pilot, app, "Secrets are not saved")
        await pilot.press("escape")
        assert "Nothing is saved yet." in await until(pilot, app, "Nothing is saved yet.")


async def test_what_means_nothing_is_not_offered() -> None:
    driver = FakeDriver()
    app = sending_console(driver)
    everything = ("replay", "edit_request", "replay_on", "copy_curl", "save_request", "new_request")

    def offered() -> list[str]:
        return [action for action in everything if app.check_action(action, ())]

    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, app, "READY")
        assert offered() == ["new_request"]
        app.chosen_call = request()
        assert offered() == list(everything)
        app.chosen_call = websocket()
        assert offered() == ["replay", "edit_request", "new_request"]
        app.chosen_call = lifespan()
        assert offered() == ["new_request"]
        app.chosen_call = request()
        driver.play(StateChanged(AT + 9, State.STOPPED))
        await until(pilot, app, "STOPPED")
        assert offered() == ["edit_request", "copy_curl", "save_request"]
