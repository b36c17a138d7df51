"""Two answers side by side: what differs is marked, what must differ is told apart, what is equal is calm."""

from __future__ import annotations

from dataclasses import replace

import pytest

from asgi_tui.domain.calls import Header, Item, Message
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.sending import Sending
from asgi_tui.frontends.console.difference import DIFFERENT, EXPECTED, MAX_LINES, SAME, compare
from asgi_tui.frontends.console.request_form import known_secrets
from asgi_tui.frontends.console.screens.side_by_side import SideBySideScreen, laid_out
from tests.console.calls import failed, headers, request
from tests.console.fake import FakeDriver
from tests.console.screen import settle, text, until
from tests.console.sending import HOSTILE, answer, sending_console

HERE = answer({"id": 7, "tags": ["a", "b"]}, trace=request())


def marks(left: object, right: object) -> dict[str, str]:
    """Mark by section and label, without what is the same."""
    assert not isinstance(left, Problem)
    found = compare(left, right)  # type: ignore[arg-type] # answers and problems
    return {f"{item.title}/{row.label}": row.mark for item in found for row in item.rows if row.mark != SAME}


def test_the_same_answer_differs_in_nothing() -> None:
    assert marks(HERE, HERE) == {}


def test_headers_differ_by_name_whatever_their_order() -> None:
    other = replace(HERE, headers=(*reversed(HERE.headers), Header("X-More", "1")))
    assert marks(HERE, other) == {"Headers/x-more": DIFFERENT}
    others = tuple(item for item in HERE.headers if item.name not in ("date", "server"))
    own = replace(HERE, headers=(*headers(date="later", server="granian"), *others))
    assert marks(HERE, own) == {"Headers/date": EXPECTED, "Headers/server": EXPECTED}
    left = replace(HERE, headers=headers(set_cookie="sid=1"))
    assert marks(left, replace(HERE, headers=headers(set_cookie="sid=2"))) == {
        "Headers/set-cookie": DIFFERENT
    }
    rows = [
        row for item in compare(left, replace(left, headers=headers(set_cookie="sid=2"))) for row in item.rows
    ]
    assert all("sid=1" not in row.left for row in rows)


def test_bodies_differ_line_by_line() -> None:
    other = answer({"id": 7, "new": 1, "tags": ["a", "c"]}, trace=request())
    found = {
        row.label: row
        for item in compare(HERE, other)
        if item.title == "Body"
        for row in item.rows
        if row.mark
    }
    pairs = [(row.left.strip(), row.right.strip()) for label, row in found.items() if label != "size"]
    assert pairs == [("—", '"new": 1,'), ('"b"', '"c"')]
    masked = answer({"token": "one"}), answer({"token": "two"})
    assert marks(*masked) == {"Body/bytes": DIFFERENT}
    long = [
        answer(b"\n".join(b"%d" % (number * step) for number in range(5_000)), media="text/plain")
        for step in (1, 3)
    ]
    (body,) = [item for item in compare(long[0], long[1]) if item.title == "Body"]
    assert len(body.rows) <= 2 * MAX_LINES + 2
    assert "only the first 2,000 lines" in body.note


def test_messages_differ_by_their_bytes_in_sum_and_never_by_their_number_alone() -> None:
    base = request()
    start, body = base.messages[1:]
    pieces = replace(
        base, messages=(base.messages[0], start, replace(body, bytes=20), replace(body, bytes=5))
    )
    assert marks(HERE, replace(HERE, trace=pieces)) == {"Messages/send http.response.body": EXPECTED}
    fewer = replace(base, messages=(base.messages[0], start, replace(body, bytes=1)))
    assert marks(HERE, replace(HERE, trace=fewer)) == {"Messages/send http.response.body": DIFFERENT}
    waits = replace(base, messages=(*base.messages, Message("receive", "", 9.0)))
    assert marks(HERE, replace(HERE, trace=waits)) == {}
    gone = replace(base, messages=(*base.messages, Message("receive", "http.disconnect", 9.0)))
    assert marks(HERE, replace(HERE, trace=gone)) == {"Messages/receive http.disconnect": DIFFERENT}


def test_scopes_differ_by_key() -> None:
    base = request()
    scope = replace(
        base.scope,
        client="127.0.0.1:9",
        asgi="2.0",
        extensions=(Item("tls", "{}"),),
        kinds={**base.scope.kinds, "path": "bytes"},
    )
    assert marks(HERE, replace(HERE, trace=replace(base, scope=scope))) == {
        "Scope/client": EXPECTED,
        "Scope/asgi": DIFFERENT,
        "Scope/extension http.response.debug": DIFFERENT,
        "Scope/extension tls": DIFFERENT,
        "Scope/type of path": DIFFERENT,
    }


def test_verdicts_outcomes_and_failures() -> None:
    found = marks(HERE, replace(HERE, status=500, trace=replace(failed(), path="/items/7")))
    assert found["Answer/status"] == DIFFERENT
    assert found["The call/raised"] == DIFFERENT
    assert found["Rules that were broken/header names are lower-case"] == DIFFERENT
    (section,) = compare(HERE, Problem("Granian", "it did not start", "see the log"))
    assert (section.rows[0].left, section.rows[0].mark) == ("200 OK", DIFFERENT)
    assert "it did not start" in section.rows[0].right
    (*_, last) = compare(HERE, answer(server="granian"))
    assert last.note == "No trace was kept of granian."
    assert marks(HERE, replace(HERE, reason="Fine")) == {"Answer/status": EXPECTED}


def test_secrets_of_the_request_are_masked_wherever_an_answer_repeats_them() -> None:
    sending = Sending("GET", "/?token=t0ken-one", headers(authorization="Bearer abcdef"))
    sides = answer({"seen": "x abcdef", "q": "t0ken-one", "n": 1}), answer({"seen": "y abcdef", "n": 2})
    shown = repr(compare(*sides, known_secrets(sending)))
    assert "abcdef" in repr(compare(*sides))
    assert "abcdef" not in shown
    assert "t0ken-one" not in shown


@pytest.mark.parametrize("width", [78, 118, 198])
def test_everything_is_laid_out_in_the_width_there_is(width: int) -> None:
    other = replace(HERE, body=HERE.body + b"x" * 500, size=len(HERE.body) + 500, reason=HOSTILE)
    lines = laid_out(compare(HERE, other), ("uvicorn", "granian"), width, only=False)
    assert max(len(line.text) for line in lines if "·" not in line.text) <= width
    assert sum(line.text.count("x") for line in lines) >= 500
    assert not set("".join(line.text for line in lines)) & {"\x1b", "\x9b", "\x07", "\u202e"}


# -- the screen ----------------------------------------------------------------------------------------


async def test_both_are_sent_to_and_what_differs_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = FakeDriver()
    driver.answers[""] = HERE
    driver.answers["granian"] = answer(
        {"id": 8, "tags": ["a", "b"]}, server="granian", trace=request(2, server="granian")
    )
    app = sending_console(driver)
    app.chosen_call = request()
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, app, "READY")
        driver.may_answer.clear()
        app.action_replay_on()
        await until(pilot, app, "Send it on another server too")
        await pilot.press("down", "down", "enter")
        await until(pilot, app, "Waiting for uvicorn and granian")
        driver.may_answer.set()
        shown = await until(pilot, app, "≠ 1 differ")
        assert driver.calls[-2:] == [
            "send GET /items/7?page=2&token=s3cret",
            "send_on granian GET /items/7?page=2&token=s3cret",
        ]
        assert "GET /items/7?page=2&token=•••••• on uvicorn and granian" in shown
        assert "s3cret" not in shown
        assert "~ 1 differ as expected" in shown
        assert "esc Back" in shown
        await pilot.press("d")
        await until(pilot, app, "differences only")
        # one beside the other where there is room, else one below the other
        await pilot.resize_terminal(200, 60)
        shown = await until(pilot, app, " │ ")
        assert any('"id": 7' in line and '"id": 8' in line for line in shown.splitlines())
        await pilot.resize_terminal(80, 24)
        shown = await until(pilot, app, "    granian")
        assert not any('"id": 7' in line and '"id": 8' in line for line in shown.splitlines())
        assert "≠ Body" in shown
        assert '"id": 8' in shown
        assert "content-type" not in shown
        assert "equal or expected folded" in shown
        await pilot.press("d", "n")
        await settle(pilot)
        assert "≠ 2" in text(app)
        opened: list[str] = []
        monkeypatch.setattr(app, "show_trace", lambda call: opened.append(call.server))
        await pilot.press("l", "L")
        await settle(pilot)
        assert opened == ["uvicorn", "granian"]
        driver.may_answer.clear()
        await pilot.press("r")
        await until(pilot, app, "Waiting for")
        await pilot.press("escape")
        await until(pilot, app, "Cancelled.")
        assert isinstance(app.screen, SideBySideScreen)
        await pilot.press("escape")
        await settle(pilot)
        assert not isinstance(app.screen, SideBySideScreen)


async def test_one_that_fails_is_told_beside_the_other() -> None:
    driver = FakeDriver()
    driver.answers[""] = HERE
    driver.answers["daphne"] = Problem("Starting daphne", f"it ended {HOSTILE}", "see the log")
    app = sending_console(driver)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, app, "READY")
        app._send_to_both(Sending(), "uvicorn", "daphne")
        shown = await until(pilot, app, "✗ Starting daphne")
        assert "200 OK" in shown
        assert "≠ 1 differ" in shown
        assert "\x1b" not in shown
