"""The phases of calls: where each begins and ends, and how long it waited in ``send``."""

from __future__ import annotations

from dataclasses import replace

import pytest

from asgi_tui.domain.calls import Message
from asgi_tui.domain.events import Lifespan, Request, WebSocket
from asgi_tui.domain.waterfall import Waterfall, waterfall

BODY = "http.response.body"
ASKED = Message("receive", "http.request", 0.3, n=1, waited_ms=0.2)
START = Message("send", "http.response.start", 10.0, 0, 200, n=2, waited_ms=0.1)
LAST = Message("send", BODY, 12.0, 5, n=3, waited_ms=0.5)


def call(
    *messages: Message, ms: float = 12.5, returned: float | None = 13.0, outcome: str = "returned"
) -> Request:
    return Request(
        0, "1-1", "GET", "/", "", 200, ms, "uvicorn", 1, messages, outcome=outcome, returned_ms=returned
    )


def phases(found: Waterfall) -> list[tuple[str, float, float]]:
    return [(phase.name, round(phase.start_ms, 3), round(phase.end_ms, 3)) for phase in found.phases]


def test_a_plain_request_has_phases_without_a_hole() -> None:
    found = waterfall(call(ASKED, START, LAST))
    assert phases(found) == [
        ("request body", 0, 0.3),
        ("until response start", 0.3, 10),
        ("until first body", 10, 12),
        ("sending", 12, 12.5),
        ("background", 12.5, 13),
    ]
    assert found.end_ms == 13
    assert found.waits == ()


def test_an_app_that_does_not_read_has_no_request_body() -> None:
    assert phases(waterfall(call(START, LAST)))[0] == ("until response start", 0, 10)


def test_what_the_app_did_before_it_read_is_a_phase_of_its_own() -> None:
    late = replace(ASKED, at_ms=6.0, waited_ms=2.0)
    assert phases(waterfall(call(late, START, LAST)))[:3] == [
        ("before it read", 0, 4),
        ("request body", 4, 6),
        ("until response start", 6, 10),
    ]


def test_a_body_that_comes_in_parts_lasts_until_the_last_one() -> None:
    parts = [replace(ASKED, more=True), replace(ASKED, at_ms=7.0, n=4)]
    assert phases(waterfall(call(*parts, START, LAST)))[0] == ("request body", 0, 7)
    # one that is read on while the answer goes out ends with its beginning
    parts[1] = replace(parts[1], at_ms=11.0)
    assert phases(waterfall(call(*parts, START, LAST)))[:2] == [
        ("request body", 0, 10),
        ("until first body", 10, 12),
    ]


def test_a_receive_for_the_disconnect_is_no_body() -> None:
    gone = Message("receive", "http.disconnect", 11.0, n=9, waited_ms=11.0)
    found = waterfall(call(ASKED, START, gone, LAST))
    assert phases(found)[0] == ("request body", 0, 0.3)
    # nor is it back-pressure
    assert found.waits == ()


def test_back_pressure_is_told_where_it_was() -> None:
    slow = Message("send", BODY, 12.0, 5, more=True, n=3, waited_ms=8.0)
    found = waterfall(call(ASKED, START, slow, replace(LAST, at_ms=21.0), ms=21.5, returned=22.0))
    streaming = next(phase for phase in found.phases if phase.name == "streaming")
    assert (streaming.start_ms, streaming.end_ms) == (12, 21.5)
    assert found.waited(streaming) == 8
    assert found.waited(found.phases[0]) == 0


def test_a_call_that_goes_on_grows_with_the_time() -> None:
    more = replace(LAST, more=True)
    going = call(ASKED, START, more, returned=None, outcome="open")
    found = waterfall(going, 400.0)
    assert phases(found)[-1] == ("sending", 12, 400)
    assert found.phases[-1].open
    assert not any(phase.open for phase in found.phases[:-1])
    stuck = call(ASKED, START, replace(more, waited_ms=None), returned=None, outcome="open")
    assert waterfall(stuck, 400.0).waited(waterfall(stuck, 400.0).phases[-1]) == 388


def test_an_app_that_never_answers_waits_until_its_end() -> None:
    assert phases(waterfall(call(ASKED, ms=3.0, returned=3.0, outcome="raised"))) == [
        ("request body", 0, 0.3),
        ("until response start", 0.3, 3),
    ]


@pytest.mark.parametrize("last", ["http.response.pathsend", "http.response.zerocopysend"])
def test_other_ways_to_send_a_body_end_it(last: str) -> None:
    assert phases(waterfall(call(ASKED, START, replace(LAST, type=last))))[-1] == ("background", 12.5, 13)


def test_trailers_belong_to_the_response() -> None:
    trailers = Message("send", "http.response.trailers", 12.8, n=4, waited_ms=0.1)
    assert phases(waterfall(call(ASKED, START, LAST, trailers)))[-2:] == [
        ("streaming", 12, 12.9),
        ("background", 12.9, 13),
    ]


def test_a_websocket_is_shaken_open_and_closed() -> None:
    messages = (
        Message("receive", "websocket.connect", 0.1, n=1, waited_ms=0.1),
        Message("send", "websocket.accept", 2.0, n=2, waited_ms=0.1),
        Message("receive", "websocket.disconnect", 50.0, n=3, waited_ms=40.0),
    )
    socket = WebSocket(0, "1", "WS", "/", "", 101, 51.0, "uvicorn", 1, messages, returned_ms=51.0)
    assert phases(waterfall(socket)) == [("handshake", 0, 2), ("open", 2, 50), ("after the close", 50, 51)]
    refused = replace(
        socket, messages=(messages[0], Message("send", "websocket.close", 2.0, n=2, waited_ms=0.1))
    )
    assert [name for name, _, _ in phases(waterfall(refused))] == ["handshake", "after the close"]


def test_a_lifespan_serves_between_startup_and_shutdown() -> None:
    messages = (
        Message("receive", "lifespan.startup", 0.0, n=1, waited_ms=0.0),
        Message("send", "lifespan.startup.complete", 8.0, n=2, waited_ms=0.0),
        Message("receive", "", 8.1, n=3),
    )
    span = Lifespan(0, "1", "LIFESPAN", "", "", None, 8.1, "uvicorn", 1, messages, outcome="open")
    assert phases(waterfall(span, 60_000.0)) == [("startup", 0, 8), ("serving", 8, 60_000)]


def test_nothing_is_known_of_a_call_that_just_came() -> None:
    found = waterfall(call(ms=0.0, returned=None, outcome="open"), 5.0)
    assert phases(found) == [("until response start", 0, 5)]
    assert found.phases[0].open
