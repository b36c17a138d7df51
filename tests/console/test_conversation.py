"""A WebSocket conversation: what was said both ways, what is said next, and how it ends."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.sending import Opening, Turn
from asgi_tui.domain.text import MASK
from asgi_tui.frontends.console.screens.conversation import ConversationScreen
from asgi_tui.frontends.console.screens.frame import FrameDialog
from asgi_tui.frontends.console.sending_actions import opening_of
from asgi_tui.frontends.console.turn_log import MAX_BYTES, MAX_TURNS, TurnLog, closing, summary, told, whole
from asgi_tui.frontends.console.widgets.say import message
from tests.console.calls import websocket
from tests.console.fake import AT, FakeConversation, FakeDriver
from tests.console.screen import focus, settle, text, until
from tests.console.sending import HOSTILE, SendingConsole, sending_console

SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (200, 60)


def held(driver: FakeDriver) -> FakeConversation:
    assert driver.conversation is not None
    return driver.conversation


def field(app: SendingConsole, name: str) -> Input:
    return app.screen.query_one(f"#{name}", Input)


async def test_a_conversation_from_open_to_close() -> None:
    driver = FakeDriver()
    app = sending_console(driver)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, app, "READY")
        app.action_open_websocket()
        await until(pilot, app, "○ not connected")
        field(app, "ws-path").value = "/ws?token=abc"
        await pilot.press("enter")
        await until(pilot, app, "◐ connecting…")
        assert driver.calls[-1] == "converse /ws?token=abc"
        held(driver).play(Turn(AT, "open", b"chat"))
        await until(pilot, app, "open, subprotocol chat")
        assert app.focused is field(app, "say-text")
        await pilot.press(*"hi", "enter")
        await pilot.press("h", "o", "enter", "up", "up")
        assert held(driver).said == ["hi", "ho"]
        assert field(app, "say-text").value == "hi"
        await pilot.press("down", "down")
        assert field(app, "say-text").value == ""
        held(driver).play(
            Turn(AT + 1, "text", b"hi", True),
            Turn(AT + 2, "text", b'{"password": "hunter2"}'),
            Turn(AT + 3, "binary", b"\x00\xff"),
        )
        await until(pilot, app, "00 ff")
        for size in (LARGE, SMALL):
            await pilot.resize_terminal(*size)
            shown = await until(pilot, app, "← 2, 25 B")
            assert {len(line) for line in shown.splitlines()} == {size[0]}
            assert f'{{"password": "{MASK}"}}' in shown
            assert "→ 1, 2 B · ← 2, 25 B · newest 2,000 or 16 MB kept" in shown
            rows = [line.split() for line in shown.splitlines() if ":" in line and "→" in line]
            assert any("text" in row and "hi" in row for row in rows)
        # bytes and JSON
        await pilot.press("f2", *"{", "enter")
        assert "it is no JSON" in await until(pilot, app, "no JSON")
        await pilot.press("}", "enter", "f2", *"00", "f", "enter")
        assert "it is no hex" in await until(pilot, app, "no hex")
        await pilot.press("f", "enter")
        await settle(pilot)
        assert held(driver).said[2:] == ["{}", b"\x00\xff"]
        # its end
        await pilot.press("f8")
        await until(pilot, app, "Close with")
        field(app, "close-code").value = "4000"
        field(app, "close-reason").value = "done"
        await pilot.press("enter")
        await settle(pilot)
        assert held(driver).closed == [(4000, "done")]
        held(driver).play(Turn(AT + 4, "close", b"done", True, 4000), None)
        assert "○ closed by you: 4000 the app's own “done”" in await until(pilot, app, "closed by you")
        await pilot.press("x", "enter")
        assert "the WebSocket is not open" in await until(pilot, app, "is not open")


async def test_leaving_goes_away_and_a_failure_is_told() -> None:
    driver = FakeDriver()
    app = sending_console(driver)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, app, "READY")
        app._converse(Opening("/ws"), at_once=True)
        await until(pilot, app, "◐ connecting…")
        held(driver).play(Turn(AT, "failed", f"nobody answers {HOSTILE}".encode()), None)
        shown = await until(pilot, app, "✗ nobody answers")
        assert "\x1b" not in shown
        await pilot.press("f5")
        await until(pilot, app, "◐ connecting…")
        held(driver).play(Turn(AT, "open"))
        await until(pilot, app, "● open")
        await pilot.press("escape")
        await settle(pilot)
        assert not isinstance(app.screen, ConversationScreen)
        assert held(driver).closed == [(1001, "")]


async def test_what_is_wrong_is_said_and_nothing_is_opened() -> None:
    driver = FakeDriver()
    app = sending_console(driver)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, app, "READY")
        app.action_open_websocket()
        await until(pilot, app, "○ not connected")
        await pilot.press("backspace", "w", "f5")
        await until(pilot, app, "✗ Path: it does not begin with a slash")
        assert driver.conversation is None


async def test_a_message_is_read_as_text_json_and_hex_and_nothing_moves_the_cursor() -> None:
    driver = FakeDriver()
    app = sending_console(driver)
    async with app.run_test(size=MIDDLE) as pilot:
        await until(pilot, app, "READY")
        app.chosen_call = websocket()
        app.action_replay()
        shown = await until(pilot, app, "◐ connecting…")
        assert "Bearer ••••••" in shown
        held(driver).play(
            Turn(AT, "open", HOSTILE.encode()),
            Turn(AT + 1, "text", HOSTILE.encode()),
            Turn(AT + 2, "text", b'{"token": "s3cret", "n": [1]}'),
        )
        shown = await until(pilot, app, "JSON")
        await focus(pilot, app.screen.query_one("#ws-turns"))
        await pilot.press("end", "enter")
        shown += await until(pilot, app, '"n": [')
        assert isinstance(app.screen, FrameDialog)
        assert "s3cret" not in shown
        await pilot.press("f4")
        assert "s3cret" in await until(pilot, app, "s3cret")
        await pilot.press("f2")
        assert "000000  7b 22" in await until(pilot, app, "000000")
        await pilot.press("escape", "up", "enter")
        await settle(pilot)
        shown += text(app)
        assert not set(shown) & {"\x1b", "\x9b", "\x07", "\u202e"}


# -- pure ----------------------------------------------------------------------------------------------


def test_the_newest_turns_are_kept_within_bounds() -> None:
    log = TurnLog()
    for number in range(MAX_TURNS + 10):
        log.add(Turn(number, "text", b"x", number % 2 == 0))
    assert (len(log), log.gone, log.items()[0][0]) == (MAX_TURNS, 10, 10)
    assert "10 older gone" in summary(log)
    log.add(Turn(1, "binary", bytes(MAX_BYTES + 1)))
    assert len(log) == 1
    assert log.find(0) is None
    log.clear()
    assert (len(log), log.bytes) == (0, 0)


@pytest.mark.parametrize(
    ("turn", "said"),
    [
        (Turn(0, "close", b"", False, 1001), "closed by the app or its server: 1001 going away"),
        (Turn(0, "close", b"", False, 1006), "closed by nobody: 1006 the connection was lost"),
        (Turn(0, "close"), "closed by the app or its server: 1005 no code was sent"),
        (Turn(0, "close", b"a\x1b", True, 3000), "closed by you: 3000 a library's or framework's own “a␛”"),
    ],
)
def test_how_it_was_closed(turn: Turn, said: str) -> None:
    assert closing(turn) == told(turn) == said


def test_messages_are_read_and_masked() -> None:
    assert whole(Turn(0, "text", b'{"token": "x"}'), "text") == f'{{"token": "{MASK}"}}'
    assert whole(Turn(0, "text", b"no"), "json") == "no"
    assert whole(Turn(0, "binary", b"\xff"), "text").startswith("000000  ff")


def test_what_is_sent_of_what_is_typed() -> None:
    assert message("a", "text") == "a"
    assert message("[1]", "json") == "[1]"
    assert message("00 fF", "hex") == b"\x00\xff"
    for form in ("json", "hex"):
        with pytest.raises(Problem):
            message("x", form)


def test_a_websocket_can_be_opened_again() -> None:
    opening = opening_of(websocket())
    assert (opening.path, opening.subprotocols) == ("/ws", ("chat",))
    assert [header.name for header in opening.headers] == ["user-agent", "accept", "authorization", "cookie"]
