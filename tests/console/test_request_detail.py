"""The screen of one call as it is used: chosen, read, revealed, followed, left."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from textual.pilot import Pilot
from textual.widget import Widget

from asgi_tui.domain.calls import Message
from asgi_tui.domain.events import Request
from asgi_tui.domain.text import MASK
from asgi_tui.frontends.console.app import ConsoleApp
from asgi_tui.frontends.console.history import Place
from asgi_tui.frontends.console.model import Part
from asgi_tui.frontends.console.request_list import RequestList
from asgi_tui.frontends.console.screens.request import RequestScreen
from tests.console.calls import answered, failed, going_on, posted, request, websocket
from tests.console.fake import AT, FakeDriver, running
from tests.console.screen import settle, text, until

Opened = tuple[ConsoleApp, Pilot[int], RequestScreen, RequestList]


@asynccontextmanager
async def opened(*calls: Request, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Opened]:
    """The first of some calls, opened."""
    app = running(FakeDriver())
    kept = RequestList()
    for call in calls:
        kept.add(call)
    async with app.run_test(size=size) as pilot:
        await until(pilot, app, "READY")
        screen = RequestScreen(kept, calls[0], cwd="/srv/shop")
        await app.push_screen(screen)
        screen.show_model(app.model, Part.ALL, AT + 753.4)
        await until(pilot, app, "server  ")
        yield app, pilot, screen, kept


async def test_the_chosen_message_is_shown_beside_the_diagram() -> None:
    async with opened(posted()) as (app, pilot, screen, _):
        shown = await until(pilot, app, "http scope")
        assert "POST /orders?page=2&token=••••••  201 Created  35 ms" in shown
        assert "▒ 12 ms waited in send" in shown
        await pilot.press("down", "down", "down")
        assert "content-type  application/json" in await until(pilot, app, "Message #3")
        await pilot.press("end")
        assert "Ended" not in await until(pilot, app, "─ End ")
        row = next(y for y, found in enumerate(text(app).splitlines()) if "0.9 ms" in found)
        await pilot.click(offset=(30, row))
        shown = await until(pilot, app, "#1 receive")
        assert f'"user": "ada", "password": "{MASK}' in shown
        await pilot.press("d")
        assert "+11.2 ms" in await until(pilot, app, "+11.2 ms")
        await pilot.press("w", "z")
        await settle(pilot)
        assert "until first body" not in text(app)
        assert "server  uvicorn" not in text(app)
        assert "#1 receive" in text(app)
        await pilot.press("escape")
        await until(pilot, app, "server  uvicorn")
        assert screen.chosen_request is not None
        assert screen.chosen_request.path == "/orders"


async def test_on_a_small_screen_enter_reads_the_message() -> None:
    async with opened(websocket(), size=(80, 24)) as (app, pilot, screen, _):
        assert "hello" in await until(pilot, app, "1001 going away")
        await pilot.press("down", "down", "down", "enter")
        shown = await until(pilot, app, "#3 receive")
        for key in ("⇥ Tab", "esc Back", "[ ] Next", "V Reveal", "x Hex", "d Times"):
            assert key in shown
        assert "1001 going away" not in shown.split("Messages")[1]
        assert "hello" in shown
        await pilot.press("x")
        assert "68 65 6c 6c 6f" in await until(pilot, app, "68 65")
        await pilot.press("escape")
        await until(pilot, app, "server  uvicorn")
        assert app.screen is screen
        await pilot.resize_terminal(80, 40)
        assert "z Zoom" in await until(pilot, app, "z Zoom")
        await pilot.press("escape")
        await settle(pilot)
        assert app.screen is not screen


@pytest.mark.parametrize(
    ("call", "size"), [(failed(), (80, 24)), (websocket(), (120, 40)), (posted(), (200, 60))]
)
async def test_every_tab_says_something_and_fits(call: Request, size: tuple[int, int]) -> None:
    async with opened(call, size=size) as (app, pilot, _, _):
        for name, word in (
            ("[Scope", "query_string"),
            ("[Headers", "Query parameters"),
            ("[Body", "Request body"),
            ("[Error", "xception" if call.error is None else "division"),
            ("[Logs", "logged" if not call.logs else "shop.orders"),
            ("[Rules", "rule" if not call.verdicts else "lower-case"),
            ("[Messages", "server  uvicorn"),
        ):
            await pilot.press("tab")
            shown = await until(pilot, app, name)
            assert word.lower() in shown.lower()
            assert {len(row) for row in shown.splitlines()} == {size[0]}
        await pilot.press("shift+tab")
        assert "[Rules" in await until(pilot, app, "[Rules")


async def test_a_rule_leads_to_its_message_and_a_frame_to_the_editor(monkeypatch: pytest.MonkeyPatch) -> None:
    places: list[Place] = []
    monkeypatch.setattr(ConsoleApp, "action_open_place", lambda _, place: places.append(place))
    async with opened(failed()) as (app, pilot, screen, _):
        shown = await until(pilot, app, "Rules ▲ 1")
        assert "[Messages 3]  Scope   Headers   Body   Error ✗   Logs 1   Rules ▲ 1" in shown
        await pilot.click("#tab-headers")
        shown = await until(pilot, app, "[Headers]")
        assert any("Request  " in row and "Response  " in row for row in shown.splitlines())
        screen.show_tab("rules")
        await until(pilot, app, "[Rules")
        await pilot.press("enter")
        assert "Message #2" in await until(pilot, app, "Message #2")
        screen.show_tab("error")
        await until(pilot, app, "main.py:31")
        await pilot.press("enter")
        await settle(pilot)
        assert places == [Place("/srv/shop/main.py", 31)]
        assert "Traceback (most" not in text(app)
        await pilot.press("u")
        assert "Traceback (most" in await until(pilot, app, "Traceback (most")


async def test_secrets_are_revealed_on_purpose_and_hidden_again() -> None:
    async with opened(posted(), request(9)) as (app, pilot, screen, _):
        screen.show_tab("headers")
        assert "abcdef123456" not in await until(pilot, app, f"Bearer {MASK}")
        await pilot.press("V")
        await until(pilot, app, "Reveal the secrets of this request?")
        await pilot.press("escape")
        assert "abcdef123456" not in await until(pilot, app, "[Headers]")
        await pilot.press("V")
        await until(pilot, app, "Reveal the secrets of this request?")
        await pilot.press("y")
        shown = await until(pilot, app, "abcdef123456")
        assert "SECRETS SHOWN" in shown
        assert "token=s3cret" in shown
        assert "V Mask" in await until(pilot, app, "V Mask")
        # again
        await pilot.press("V")
        assert "abcdef123456" not in await until(pilot, app, "V Reveal")
        # another request, and back
        await pilot.press("V")
        await until(pilot, app, "Reveal the secrets of this request?")
        await pilot.press("y")
        await until(pilot, app, "SECRETS SHOWN")
        await pilot.press("right_square_bracket")
        assert "SECRETS SHOWN" not in await until(pilot, app, "/items/7")
        await pilot.press("left_square_bracket")
        shown = await until(pilot, app, "/orders")
        assert "SECRETS SHOWN" not in shown
        assert "abcdef123456" not in shown


async def test_leaving_the_screen_masks_its_secrets() -> None:
    async with opened(posted()) as (app, pilot, screen, _):
        await pilot.press("V")
        await until(pilot, app, "Reveal the secrets of this request?")
        await pilot.press("y")
        await until(pilot, app, "SECRETS SHOWN")
        app.action_mode("launch")
        await settle(pilot)
        app.action_mode("run")
        await settle(pilot)
        assert app.screen is screen
        shown = await until(pilot, app, "server  uvicorn")
        assert "SECRETS SHOWN" not in shown
        assert "s3cret" not in shown


async def test_a_websocket_is_followed_live_unless_another_message_is_read() -> None:
    async with opened(going_on(6, 3)) as (app, pilot, screen, kept):
        shown = await until(pilot, app, "waiting for")
        assert "◌ goes on" in shown
        kept.add(going_on(6, 20))
        screen.show_model(app.model, Part.REQUESTS, AT + 754)
        assert "frame 042" in await until(pilot, app, "frame 042")
        await pilot.press("up", "up")
        shown = await until(pilot, app, "Message #41")
        kept.add(going_on(6, 60))
        screen.show_model(app.model, Part.REQUESTS, AT + 755)
        await settle(pilot)
        assert "Message #41" in text(app)
        assert "frame 122" not in text(app)
        await pilot.press("end")
        await until(pilot, app, "frame 122")
        kept.add(replace(going_on(6, 61), outcome="returned", returned_ms=1300.0))
        screen.show_model(app.model, Part.REQUESTS, AT + 756)
        assert "app returned" in await until(pilot, app, "app returned")


async def test_nothing_is_painted_when_nothing_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(posted()) as (app, pilot, screen, kept):
        await settle(pilot)
        painted: list[Widget] = []
        update = Widget.refresh

        def noted(widget: Widget, *regions: object, **how: bool) -> Widget:
            painted.append(widget)
            return update(widget, *regions, **how)  # type: ignore[arg-type]  # as they came

        monkeypatch.setattr(Widget, "refresh", noted)
        kept.add(request(77))
        screen.show_model(app.model, Part.REQUESTS, AT + 755.0)
        await settle(pilot)
        assert painted == []
        # one that was dropped from the list stays to be read
        kept.clear()
        screen.show_model(app.model, Part.REQUESTS, AT + 756.0)
        await settle(pilot)
        assert painted == []


async def test_a_large_body_opens_fast_and_scrolls() -> None:
    data = b"[" + b",".join(b'{"id": %d, "name": "item"}' % n for n in range(9_000)) + b"]"
    async with opened(answered(data, "application/json"), size=(80, 24)) as (app, pilot, screen, _):
        begun = time.process_time()
        screen.show_tab("body")
        took = time.process_time() - begun
        await until(pilot, app, '"id": 0,')
        # far below what each line as a widget would take
        assert took < 2.0
        await pilot.press("end")
        assert "more lines are not shown" in await until(pilot, app, "more lines are not shown")


async def test_html_is_read_and_what_is_selected_is_copied_as_it_is_seen() -> None:
    page = b"<h1>Lamps</h1><p>one"
    async with opened(request(), answered(page, "text/html")) as (app, pilot, screen, _):
        screen.show_tab("body")
        assert "F3" not in await until(pilot, app, "lamp")
        await pilot.press("right_square_bracket")
        assert "<h1>" in await until(pilot, app, "F3 Readable")
        await pilot.press("f3")
        assert "<h1>" not in await until(pilot, app, "# Lamps")
        # a request without a body has nothing to scroll
        assert screen.focused is screen.query_one("#right")
        await pilot.press("f6")
        await until(pilot, app, "F6 Side")
        assert screen.focused is screen.query_one("#left")
        await pilot.press("f3", "left_square_bracket")
        screen.show_tab("headers")
        shown = (await until(pilot, app, "authorization")).splitlines()
        row = next(y for y, found in enumerate(shown) if "authorization" in found)
        start = shown[row].index("authorization")
        await pilot.mouse_down(offset=(start, row))
        await pilot.hover(offset=(start + 24, row))
        await pilot.mouse_up(offset=(start + 24, row))
        await settle(pilot)
        copied = screen.get_selected_text() or ""
        assert copied.startswith("authorization  Bearer")
        assert "abcdef" not in copied


async def test_hostile_text_never_reaches_the_screen() -> None:
    hostile = "\x1b]0;evil\x07\x1b[2J\x9b31m"
    bad = Message("send", "http.response.body", 5.0, 9, n=9, data=hostile.encode(), error=hostile)
    call = replace(request(), path=hostile, route=hostile, messages=(*request().messages, bad))

    async with opened(call) as (app, pilot, screen, _):
        await pilot.press("end", "up")
        for tab in ("messages", "scope", "headers", "body", "error", "logs", "rules"):
            screen.show_tab(tab)
            await pilot.pause(0.05)
            assert all(char.isprintable() or char == "\n" for char in text(app))
            assert "evil" in text(app)
