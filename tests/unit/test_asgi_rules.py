"""Each rule with calls that keep it and a call that breaks it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given

from asgi_tui.domain.asgi_rules import RULES, check_call, explain
from asgi_tui.domain.calls import Header, Item
from asgi_tui.domain.events import Request
from asgi_tui.domain.secret import Secret
from tests.unit.asgi_breaches import BROKEN
from tests.unit.asgi_calls import (
    ACCEPT,
    CALLS,
    CONNECT,
    DOWN,
    END,
    GONE,
    KEPT,
    LEFT,
    PART,
    REQUEST,
    SHUTDOWN,
    START,
    STARTUP,
    TRAILING,
    UP,
    body,
    close,
    frame,
    http,
    lifespan,
    scope,
    sent,
    start,
    trailers,
    websocket,
)


def rules(call: Request) -> list[str]:
    return [verdict.rule for verdict in check_call(call)]


@pytest.mark.parametrize("call", KEPT.values(), ids=KEPT.keys())
def test_what_the_specification_allows(call: Request) -> None:
    assert rules(call) == []


@pytest.mark.parametrize(
    ("rule", "call", "message", "n"), BROKEN, ids=[f"{number}: {it[0]}" for number, it in enumerate(BROKEN)]
)
def test_what_it_forbids(rule: str, call: Request, message: str, n: int) -> None:
    [verdict] = check_call(call)
    assert (verdict.rule, verdict.message, verdict.n) == (rule, message, n)
    told = RULES[rule]
    assert (verdict.side, verdict.level) == (told.side, told.level)
    assert verdict.section.startswith(
        ("HTTP: ", "WebSocket: ", "Lifespan: ", "Extensions: ", "ASGI: ", "RFC ")
    )


def test_every_rule_has_a_call_that_breaks_it_and_an_explanation() -> None:
    assert {rule for rule, *_ in BROKEN} == set(RULES)
    assert all(told.side in ("app", "server") for told in RULES.values())
    assert {told.level for told in RULES.values()} == {"error", "warning", "info"}
    for rule in RULES:
        assert explain(rule).endswith(".")
    assert explain("no such rule") == ""


def test_the_section_is_that_of_the_message() -> None:
    sections = [check_call(call)[0].section for rule, call, *_ in BROKEN if rule.startswith("header names")]
    assert sections == ["HTTP: Response Start", "WebSocket: Accept"]


def test_several_causes_are_told_in_the_order_of_the_messages() -> None:
    call = http(
        PART, REQUEST, REQUEST, start(200, X="1"), body(3), method="get", scope=scope(kinds={"path": "int"})
    )
    verdicts = check_call(call)
    assert [verdict.n for verdict in verdicts] == [0, 0, 3, 4]
    assert [verdict.side for verdict in verdicts] == ["server", "server", "server", "app"]


def test_messages_are_judged_in_the_order_in_which_they_passed() -> None:
    # The app waited for a disconnect while it answered; that receive was called before the sends.
    waiting = replace(LEFT, n=2, at_ms=9.0)
    start_, end = replace(START, n=3, at_ms=1.0), replace(END, n=4, at_ms=2.0)
    call = replace(http(), messages=(replace(REQUEST, n=1), waiting, start_, end))
    assert rules(call) == []


def test_nothing_is_missing_where_messages_were_left_out() -> None:
    for call in (
        http(REQUEST, left_out=1),
        http(REQUEST, END, left_out=1),
        http(start(content_length="9"), END, left_out=1, bytes_out=9),
        http(PART, START, END, left_out=1),
        websocket(ACCEPT, frame(), frame(receive=True), left_out=3),
        http(TRAILING, trailers(), left_out=1, scope=scope("http.response.trailers")),
        websocket(CONNECT, left_out=1),
        websocket(CONNECT, frame(), left_out=1),
        websocket(CONNECT, frame(receive=True), left_out=1),
        websocket(close(3000), left_out=1),
        lifespan(SHUTDOWN, DOWN, left_out=2),
        lifespan(UP, DOWN, left_out=2),
        lifespan(STARTUP, left_out=1),
    ):
        assert rules(call) == []
    # What has passed is judged nevertheless.
    assert rules(http(START, END, END, left_out=1)) == ["nothing follows the final body"]
    assert rules(http(start(X="1"), left_out=1)) == ["header names are lower-case"]


def test_a_secret_is_not_looked_into() -> None:
    secret = Header("set-cookie", Secret("a=1"))
    assert rules(http(sent("http.response.start", status=200, headers=(secret,)), END)) == []


@given(CALLS)
def test_any_call_can_be_judged(call: Request) -> None:
    verdicts = check_call(call)
    assert len({verdict.rule for verdict in verdicts}) == len(verdicts)
    for verdict in verdicts:
        assert verdict.section


def test_each_kept_call_may_be_judged_at_any_moment() -> None:
    def beginnings(call: Request) -> Iterator[Request]:
        for count in range(len(call.messages)):
            yield replace(call, messages=call.messages[:count], outcome="open")

    for call in KEPT.values():
        for beginning in beginnings(call):
            assert rules(beginning) == []


def test_a_body_that_was_cut_short_by_the_client_is_no_fault() -> None:
    cut = http(REQUEST, start(content_length="9"), body(5, more=True), LEFT, body())
    assert rules(cut) == ["nothing is sent after http.disconnect"]


def test_a_subprotocol_that_is_masked_is_compared_as_it_is() -> None:
    token = "t" * 50
    offered = Header("sec-websocket-protocol", Secret(f"bearer, {token}", "bearer, ••••••"))
    accept = sent("websocket.accept", fields=(Item("subprotocol", Secret(token)),))
    asked = scope(headers=(offered,), subprotocols=("bearer", "••••••"))
    assert rules(websocket(CONNECT, accept, GONE, scope=asked)) == []
    other = sent("websocket.accept", fields=(Item("subprotocol", Secret("u" * 50)),))
    found = rules(websocket(CONNECT, other, GONE, scope=asked))
    assert found == ["subprotocol is one the client offered"]
