"""What is shown of one call, as lines: the diagram, messages, scope, bodies, error, logs, rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from rich.cells import cell_len

from asgi_tui.domain.calls import Item, LogRecord, Message, Verdict
from asgi_tui.domain.close_codes import meaning
from asgi_tui.domain.events import Request
from asgi_tui.domain.text import MASK
from asgi_tui.domain.waterfall import waterfall
from asgi_tui.frontends.console.history import Place
from asgi_tui.frontends.console.lines import Line, breaks, line
from asgi_tui.frontends.console.message_text import step_lines
from asgi_tui.frontends.console.request_text import (
    closed,
    error_lines,
    head_lines,
    log_lines,
    rule_lines,
    side_lines,
)
from asgi_tui.frontends.console.scope_text import request_lines, response_lines, scope_lines
from asgi_tui.frontends.console.sequence_text import Diagram, life_lines, stamp, steps
from asgi_tui.frontends.console.veil import Veil
from asgi_tui.frontends.console.waterfall_text import waterfall_lines
from tests.console.calls import failed, going_on, lifespan, posted, request, websocket

# What the sample calls hold that nobody may read.
SECRETS = ("s3cret", "abcdef123456", "1234567890", "hunter22", "ter22", "tok_", "987654321", "abcdef987654")
HOSTILE = "\x1b]0;evil\x07\x1b[2J\x9b31m\r\n\u202e\ud800"


def said(lines: Iterable[Line]) -> str:
    return "\n".join(item.text for item in lines)


def diagram(call: Request, width: int = 100, *, now_ms: float = 0.0, deltas: bool = False) -> list[str]:
    rows = Diagram(call, Veil(call), width, now_ms=now_ms, deltas=deltas)
    assert {cell_len(row.text) for row in rows} == {width}
    return [row.text for row in rows]


def everything(call: Request, *, lifted: bool = False, as_hex: bool = False) -> str:
    veil = Veil(call, lifted=lifted)
    pages = [
        head_lines(call, veil, 0.0),
        list(Diagram(call, veil, 200)),
        scope_lines(call, veil),
        request_lines(call, veil),
        response_lines(call, veil),
        error_lines(call, veil, unfolded=True),
        log_lines(call, veil),
        rule_lines(call),
        *(side_lines(call, veil, side, as_hex=as_hex) for side in ("request", "response")),
        *(step_lines(call, step, veil, as_hex=as_hex) for step in steps(call)),
    ]
    return "\n".join(map(said, pages))


# -- the diagram -------------------------------------------------------------------------------------


def test_messages_are_arrows_in_order() -> None:
    rows = diagram(posted())
    assert ["►" in row for row in rows] == [True, True, True, False, False, False, False, False]
    assert "scope · http · HTTP/1.1 · POST /orders" in rows[0]
    assert "http.request · 33 B · more_body" in rows[1]
    assert "waited 5.2 ms" in rows[2]
    assert "17.4 ms  │◄─ http.response.start · 201 Created · 2 headers ─" in rows[3]
    assert "waited 12 ms" in rows[5]
    assert "waited" not in rows[6]
    assert "52.0 ms  │◄╌ app returned ╌" in rows[7]
    assert diagram(posted(), deltas=True)[3].strip().startswith("+11.2 ms")


@pytest.mark.parametrize("width", [40, 60, 78, 120, 198])
def test_every_row_is_as_wide_as_the_life_lines_stand(width: int) -> None:
    for call in (request(), failed(), websocket(), posted(), lifespan(), going_on()):
        rows = diagram(call, width)
        assert all(row[13] in "├│┊" for row in rows)
        assert {row[-1] for row in rows} <= set("┃┨┚┊")
    assert life_lines(width, "uvicorn 4242").text.rstrip().endswith("app")


def test_a_broken_rule_stands_at_its_message() -> None:
    call = failed()
    assert [row[0] for row in diagram(call)] == [" ", " ", "▲", " ", " "]
    ends = replace(
        call, verdicts=(Verdict("r", "app", "", "S", "error", -1), Verdict("r", "server", "", "S", "info", 0))
    )
    assert [row[0] for row in diagram(ends)] == ["▲", " ", " ", " ", "▲"]
    assert "✗ app raised ZeroDivisionError: division by zero" in diagram(call)[-1]


def test_left_out_messages_are_told_in_their_place() -> None:
    call = posted()
    there = tuple(item for item in call.messages if item.n not in (2, 3))
    rows = diagram(replace(call, messages=there, left_out=2))
    assert "2 messages left out" in rows[2]
    assert "http.response.body" in rows[3]
    last = diagram(replace(call, messages=call.messages[:3], left_out=900))
    assert "900 messages left out" in last[4]
    assert "app returned" in last[5]


def test_what_waits_and_what_never_came() -> None:
    call = going_on()
    assert "receive · waiting for 12:30" in diagram(call, now_ms=750_000 + call.messages[-1].at_ms)[-1]
    assert "never came" in diagram(replace(call, outcome="gone", returned_ms=None))[-2]
    assert "the process is gone" in diagram(replace(call, outcome="gone"))[-1]
    stuck = replace(call.messages[1], waited_ms=None)
    assert "waiting for 5.0 s" in diagram(replace(call, messages=(stuck,)), now_ms=5_000.4)[1]
    broken = replace(call.messages[1], error="OSError: gone")
    assert "raised OSError: gone" in diagram(replace(call, messages=(broken,)))[1]
    assert "cancelled" in diagram(replace(request(), outcome="cancelled"))[-1]


def test_frames_and_close_codes() -> None:
    rows = diagram(websocket())
    assert "websocket.receive · text 5 B · waited 19 ms · hello" in rows[3]
    assert "bytes 2 B · waited 9.0 ms · 00 ff" in rows[5]
    assert "1001 going away" in rows[6]
    call = websocket()
    assert closed(call, Veil(call)) == "closed by the client, 1001 going away"
    own = Message(
        "send",
        "websocket.close",
        5.0,
        n=5,
        waited_ms=0.0,
        fields=(Item("code", "4001"), Item("reason", "bye")),
    )
    call = replace(call, messages=(*call.messages[:4], own))
    assert closed(call, Veil(call)) == "closed by the app, 4001 the app's own: bye"
    lost = replace(websocket().messages[-1], fields=(Item("code", "1006"),))
    call = replace(call, messages=(*call.messages[:4], lost))
    assert closed(call, Veil(call)) == "closed by neither side, 1006 the connection was lost"
    assert (meaning("3000"), meaning("2999"), meaning("x")) == (
        "a library's or framework's own",
        "not defined",
        "",
    )


@pytest.mark.parametrize(
    ("ms", "shown"),
    [
        (0, "0 ms"),
        (0.04, "0.04 ms"),
        (0.2, "0.2 ms"),
        (11.44, "11.4 ms"),
        (1204.4, "1,204 ms"),
        (753_000, "00:12:33"),
    ],
)
def test_times(ms: float, shown: str) -> None:
    assert stamp(ms) == shown


# -- the waterfall -----------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [60, 78, 116, 196])
def test_bars_lie_on_one_axis(width: int) -> None:
    rows = [row.text for row in waterfall_lines(waterfall(posted()), width)]
    assert max(map(cell_len, rows)) <= width
    assert [row.split("  ")[0] for row in rows[:-1]] == [
        "request body",
        "until response start",
        "until first body",
        "streaming",
        "background",
    ]
    assert "▒ 12 ms" in rows[3]
    assert rows[3].count("▒") > 4
    assert rows[-1].split()[:2] == ["└", "0"]
    begins = [next(at for at, char in enumerate(row) if at > 31 and char in "▏▎▍▌▋▊▉█") for row in rows[:-1]]
    assert begins == sorted(begins)


@pytest.mark.parametrize(
    ("ms", "label"),
    [
        (0.02, "0.01 ms"),
        (40, "10 ms"),
        (4_000, "1 s"),
        (1_400, "└ 1 s"),
        (750_000, "5 min"),
        (9e7, "12 h"),
        (9e9, "h"),
    ],
)
def test_the_axis_counts_as_people_do(ms: float, label: str) -> None:
    call = replace(request(ms=ms), messages=(), returned_ms=ms)
    assert label in waterfall_lines(waterfall(call), 90)[-1].text
    assert waterfall_lines(waterfall(replace(call, duration_ms=0.0, returned_ms=0.0)), 90)


# -- one message, the scope, headers -----------------------------------------------------------------


def test_a_message_in_full() -> None:
    call = failed()
    shown = said(step_lines(call, steps(call)[2], Veil(call)))
    for wanted in (
        "http.response.start  #2 send",
        "at 11.4 ms, +11.2 ms · took 0.1 ms",
        "▲ header names are lower-case",
        "warning, app side, HTTP: Response Start",
        'type    str  "http.response.start"',
        "status  int  500 Internal Server Error",
        "content-type    application/json",
    ):
        assert wanted in shown
    shown = said(step_lines(call, steps(call)[3], Veil(call)))
    assert "more_body  bool  False" in shown
    assert '  "name": "lamp"\n' in shown
    assert "division by zero" in said(step_lines(call, steps(call)[-1], Veil(call)))
    assert "http_version" in said(step_lines(call, steps(call)[0], Veil(call)))


def test_the_scope_is_in_the_order_of_the_specification() -> None:
    call = request()
    rows = [row.text.split()[0] for row in scope_lines(call, Veil(call)) if row.text[2:3].strip()]
    assert rows[1:15] == [
        "type",
        "asgi",
        "http_version",
        "method",
        "scheme",
        "path",
        "raw_path",
        "query_string",
        "root_path",
        "headers",
        "client",
        "server",
        "state",
        "extensions",
    ]
    shown = said(scope_lines(call, Veil(call)))
    assert "path_params" in shown
    assert "client        str int     127.0.0.1:53212" in shown
    span = said(scope_lines(lifespan(), Veil(lifespan())))
    assert "http_version" not in span
    assert "known once the call ends" in span
    assert "subprotocols              chat" in said(scope_lines(websocket(), Veil(websocket())))


def test_query_and_cookies_are_decoded() -> None:
    call = replace(request(), scope=replace(request().scope, query="q=a+b%20c&q=%C3%A9"))
    shown = said(request_lines(call, Veil(call)))
    assert "q  a b c\n  q  é" in shown
    assert f"session  {MASK}" in shown
    assert "TLS           no (http)" in shown
    assert "content-type    application/json" in said(response_lines(call, Veil(call)))
    assert f"session  {MASK}; Path=/; HttpOnly" in said(response_lines(posted(), Veil(posted())))
    bare = replace(call, scope=replace(call.scope, query="", headers=()), messages=())
    shown = said(request_lines(bare, Veil(bare))) + said(response_lines(bare, Veil(bare)))
    for sentence in ("no headers", "no query", "brought none", "started no response"):
        assert sentence in shown


# -- error, logs, rules ------------------------------------------------------------------------------


def test_the_error_has_the_users_frames_and_folds_the_rest() -> None:
    call = failed()
    rows = error_lines(call, Veil(call), "/srv/shop")
    assert "✗ ZeroDivisionError: division by zero" in rows[0].text
    assert next(row.target for row in rows if row.target) == Place("/srv/shop/main.py", 31)
    assert "main.py:31 in boom\n    return 1 / 0" in said(rows)
    assert "Traceback (most recent call last)" not in said(rows)
    assert "Traceback (most recent call last)" in said(error_lines(call, Veil(call), unfolded=True))
    assert "raised no exception and logged none" in said(error_lines(request(), Veil(request())))


def test_logs_and_rules() -> None:
    call = posted()
    shown = said(log_lines(call, Veil(call), "/srv/shop"))
    assert "+7.0 ms  INFO     shop.orders  order of ada  main.py:40" in shown
    assert f"Bearer {MASK} expires" in shown
    assert log_lines(call, Veil(call))[0].target == Place("/srv/shop/main.py", 40)
    assert "No record was logged" in said(log_lines(websocket(), Veil(websocket())))
    rows = rule_lines(failed())
    assert rows[0].target == 2
    assert "warning, app side, #2 http.response.start, HTTP: Response Start" in rows[1].text
    assert "lower case" in rows[2].text
    assert "No rule" in said(rule_lines(request()))
    mute = replace(request(), status=None, messages=())
    assert "no response from the app" in said(head_lines(mute, Veil(mute), 0.0))


# -- secrets and hostile text ------------------------------------------------------------------------


@pytest.mark.parametrize("as_hex", [False, True])
def test_no_secret_is_shown_until_it_is_revealed(as_hex: bool) -> None:
    frame = b'{"type": "auth", "token": "hunter22"}'
    socket = websocket()
    talk = replace(socket.messages[2], data=frame, bytes=len(frame))
    plain = replace(socket.messages[3], data=b"I know abcdef123456", bytes=19)
    socket = replace(socket, messages=(*socket.messages[:2], talk, plain, *socket.messages[4:]))
    noisy = replace(failed(), logs=(LogRecord(1, "info", "a", "password=hunter22", "", 0),))
    for call in (request(), noisy, posted(), socket):
        shown = everything(call, as_hex=as_hex)
        squeezed = shown.replace(" ", "")
        for secret in SECRETS:
            assert secret not in shown
            assert secret.encode().hex() not in squeezed
    shown = everything(posted(), lifted=True)
    for secret in ("s3cret", "abcdef123456", "hunter22", "tok_987654321", "abcdef987654"):
        assert secret in shown
    assert "hunter22" in everything(socket, lifted=True)
    assert "SECRETS SHOWN" in shown
    assert "SECRETS SHOWN" not in everything(posted())


def test_nothing_hostile_is_left_in_any_line() -> None:
    call = failed()
    item = Item(HOSTILE, HOSTILE)
    bad = HOSTILE.encode("utf-8", "surrogatepass")
    header = replace(call.scope.headers[0], name=HOSTILE, value=HOSTILE)
    message = Message(
        "send",
        HOSTILE,
        1.0,
        len(bad),
        200,
        n=1,
        waited_ms=0.1,
        error=HOSTILE,
        headers=(header,),
        fields=(item,),
        kinds={HOSTILE: HOSTILE, "type": HOSTILE},
        header_fault=HOSTILE,
        data=bad,
    )
    scope = replace(
        call.scope,
        raw_path=HOSTILE,
        query=HOSTILE,
        headers=(header,),
        client=HOSTILE,
        server=HOSTILE,
        asgi=HOSTILE,
        http_version=HOSTILE,
        scheme=HOSTILE,
        subprotocols=(HOSTILE,),
        extensions=(item,),
        state=(item,),
        others=(item,),
        added=(item,),
        kinds={"path": HOSTILE},
        header_fault=HOSTILE,
    )
    assert call.error is not None
    frame = replace(call.error.frames[0], file=HOSTILE, function=HOSTILE, code=HOSTILE)
    error = replace(call.error, type=HOSTILE, message=HOSTILE, traceback=HOSTILE, frames=(frame,))
    call = replace(
        call,
        path=HOSTILE,
        route=HOSTILE,
        method=HOSTILE,
        server=HOSTILE,
        outcome=HOSTILE,
        scope=scope,
        error=error,
        messages=(message, replace(message, type="http.response.body", error="")),
        logs=(LogRecord(1, HOSTILE, HOSTILE, HOSTILE, HOSTILE, 3),),
        verdicts=(Verdict(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, 1),),
        answer=replace(call.answer, data=bad, size=len(bad), media=HOSTILE),
    )
    for lifted in (False, True):
        shown = everything(call, lifted=lifted) + life_lines(80, HOSTILE).text
        assert all(char.isprintable() or char == "\n" for char in shown)


# -- wrapping ----------------------------------------------------------------------------------------


def test_lines_break_at_spaces_and_lose_nothing() -> None:
    text = "The specification asks for names in lower case, though servers let others pass."
    starts = breaks(text, 30, 4)
    rows = [text[a:b] for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]
    assert "".join(rows) == text
    assert all(row.endswith(" ") for row in rows[:-1])
    assert len(rows[0].rstrip()) <= 30
    wide = "漢字" * 40
    starts = breaks(wide, 21, 2)
    rows = [wide[a:b] for a, b in zip(starts, [*starts[1:], len(wide)], strict=True)]
    assert "".join(rows) == wide
    assert max(map(cell_len, rows)) <= 21
    assert breaks("x" * 100, 30) == [0, 30, 60, 90]
    assert line("a", ("\x1b[1mb", "bold")).text == "ab"
