"""Calls put together from the pieces that a probe tells."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_tui.domain.events import Lifespan, Progress, Request, WebSocket, from_json, to_json
from asgi_tui.domain.masking import make_body
from asgi_tui.domain.secret import Secret
from asgi_tui.engine import calls as engine_calls
from asgi_tui.engine.calls import FIRST_BYTES, FIRST_MESSAGES, LAST_BYTES, LAST_MESSAGES, MAX_OPEN, Calls
from asgi_tui.engine.telemetry import parse
from asgi_tui.engine.traces import Trace


def scope(**fields: Any) -> dict[str, Any]:
    return {
        "method": "POST",
        "path": "/items",
        "raw_path": "/items",
        "query": "page=2&token=s3cret",
        "root_path": "",
        "scheme": "http",
        "http_version": "1.1",
        "headers": [["Authorization", "Bearer abc"], ["content-type", "application/json"]],
        "header_fault": "",
        "client": ["127.0.0.1", 53212],
        "server": ["::1", 8000],
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "subprotocols": [],
        "extensions": [["http.response.debug", "{}"]],
        "state": [["db", "Pool"], ["password", "hunter2"]],
        "others": [],
        "kinds": {"client": "str int"},
        **fields,
    }


def step(n: int, direction: str, kind: str, at: float, data: bytes = b"", **fields: Any) -> dict[str, Any]:
    message = {
        "type": kind,
        "status": fields.pop("status", None),
        "headers": fields.pop("headers", []),
        "header_fault": "",
        "size": fields.pop("size", len(data)),
        "data": base64.b64encode(data).decode(),
        "more": fields.pop("more", False),
        "fields": fields.pop("fields", []),
        "kinds": fields.pop("kinds", {}),
    }
    done = fields.pop("done", at + 0.25)
    return {
        "n": n,
        "dir": direction,
        "called": at,
        "at": at,
        "done": done,
        "error": fields.pop("error", ""),
        "message": message,
    }


def trace(id_: str = "7-1", **fields: Any) -> Trace:
    message = {
        "type": "trace",
        "id": id_,
        "steps": [],
        "logs": [],
        "left_out": 0,
        "bytes_in": 0,
        "bytes_out": 0,
        **fields,
    }
    told = parse(json.dumps(message).encode())
    assert isinstance(told, Trace)
    return told


def begin(kind: str = "http", **fields: Any) -> dict[str, Any]:
    return {"at": 1_790_000_000.0, "kind": kind, "scope": scope(**fields)}


def end(**fields: Any) -> dict[str, Any]:
    return {
        "outcome": "returned",
        "ms": 12.5,
        "returned": 13.0,
        "route": "POST /items",
        "added": [],
        "error": None,
        **fields,
    }


BODY = b'{"name": "lamp", "password": "hunter2"}'
ANSWER = b'{"id": 7}'
STEPS = [
    step(1, "receive", "http.request", 0.5, BODY),
    step(2, "send", "http.response.start", 11.0, status=201, headers=[["content-type", "application/json"]]),
    step(3, "send", "http.response.body", 12.0, ANSWER),
]
WHOLE = trace(begin=begin(), steps=STEPS, bytes_in=len(BODY), bytes_out=len(ANSWER), end=end())


def progress(calls: Calls, told: Trace) -> Progress:
    assert calls.add(7, "uvicorn", told) is None
    event = calls.progress()
    assert event is not None
    assert not calls.news
    return event


def whole(told: Trace = WHOLE) -> Request:
    event = Calls().add(7, "uvicorn", told)
    assert isinstance(event, Request)
    return event


def test_a_short_request_comes_whole() -> None:
    request = whole()
    assert (request.method, request.path, request.route) == ("POST", "/items", "POST /items")
    assert (request.status, request.duration_ms, request.returned_ms) == (201, 12.5, 13.0)
    assert [message.type for message in request.messages] == [
        "http.request",
        "http.response.start",
        "http.response.body",
    ]
    assert request.messages[0].waited_ms == 0.25
    assert request.scope.client == "127.0.0.1:53212"
    assert request.scope.server == "[::1]:8000"
    assert request.scope.asgi == "3.0, spec 2.5"
    assert request.body.data == BODY
    assert not request.body.cut
    assert request.answer.text == '{"id":7}'


def test_secrets_are_known_and_leave_in_no_event() -> None:
    request = whole()
    authorization = request.scope.headers[0].value
    assert isinstance(authorization, Secret)
    assert authorization.reveal() == "Bearer abc"
    assert str(authorization).startswith("Bearer •")
    assert isinstance(request.scope.query, Secret)
    text = json.dumps(to_json(request), ensure_ascii=False)
    for secret in ("abc", "s3cret", "hunter2"):
        assert secret not in text
    assert "page=2" in text
    assert '{\\"name\\":\\"lamp\\"' in text
    again = from_json(json.loads(text))
    assert isinstance(again, Request)
    assert (again.path, again.status, again.answer.text) == ("/items", 201, '{"id":7}')


def test_a_long_call_shows_its_progress() -> None:
    calls = Calls()
    waiting = {**step(1, "receive", "", 1.0), "at": None, "done": None, "message": None}
    event = progress(calls, trace(begin=begin("websocket"), steps=[waiting]))
    assert isinstance(event.call, WebSocket)
    assert (event.call.outcome, event.call.method, event.call.status) == ("open", "WS", None)
    assert event.call.messages[0].waited_ms is None

    connect = {**step(1, "receive", "websocket.connect", 3.0), "called": 1.0, "done": 3.0}
    accept = step(2, "send", "websocket.accept", 4.0)
    event = progress(calls, trace(steps=[connect, accept]))
    assert [message.type for message in event.call.messages] == ["websocket.connect", "websocket.accept"]
    assert event.call.messages[0].waited_ms == 2.0
    assert event.call.status == 101

    over = calls.add(7, "uvicorn", trace(end=end()))
    assert isinstance(over, WebSocket)
    assert over.outcome == "returned"
    # It is over: nobody knows its beginning any more.
    assert calls.add(7, "uvicorn", trace(end=end())) is None


@pytest.mark.parametrize(
    ("kind", "sent", "status"),
    [
        ("websocket", step(2, "send", "websocket.close", 1.0), 403),
        ("websocket", step(2, "send", "websocket.http.response.start", 1.0, status=401), 401),
        ("lifespan", step(2, "send", "lifespan.startup.complete", 1.0), None),
    ],
)
def test_the_status_of_what_is_no_request(kind: str, sent: dict[str, Any], status: int | None) -> None:
    event = whole(trace(begin=begin(kind), steps=[sent], end=end()))
    assert isinstance(event, WebSocket if kind == "websocket" else Lifespan)
    assert event.status == status


def test_what_a_dead_process_was_doing_is_over() -> None:
    calls = Calls()
    calls.add(7, "uvicorn", trace(begin=begin()))
    calls.add(8, "uvicorn", trace(begin=begin()))
    (gone,) = calls.gone(7)
    assert (gone.pid, gone.outcome) == (7, "gone")
    assert not list(calls.gone(7))


def test_the_first_and_the_last_messages_are_kept() -> None:
    calls = Calls()
    calls.add(7, "uvicorn", trace(begin=begin("websocket")))
    number = FIRST_MESSAGES + LAST_MESSAGES + 50
    frames = [step(n, "receive", "websocket.receive", n, b"x") for n in range(1, number + 1)]
    event = progress(calls, trace(steps=frames, left_out=3))
    kept = [message.n for message in event.call.messages]
    assert kept == [*range(1, FIRST_MESSAGES + 1), *range(number - LAST_MESSAGES + 1, number + 1)]
    assert event.call.left_out == 53


def test_messages_are_bounded_by_their_bytes() -> None:
    calls = Calls()
    calls.add(7, "uvicorn", trace(begin=begin("websocket")))
    size = 16_384
    for n in range(1, FIRST_MESSAGES + 200):
        event = progress(calls, trace(steps=[step(n, "send", "websocket.send", n, b"x" * size)]))
    assert sum(len(message.data) for message in event.call.messages) <= FIRST_BYTES + LAST_BYTES
    assert [message.n for message in event.call.messages[:64]] == list(range(1, 65))
    assert event.call.messages[-1].n == FIRST_MESSAGES + 199
    assert event.call.left_out == FIRST_MESSAGES + 199 - len(event.call.messages)


def test_so_many_calls_are_followed_at_once() -> None:
    calls = Calls()
    for number in range(MAX_OPEN + 10):
        calls.add(7, "uvicorn", trace(f"7-{number}", begin=begin()))
    assert calls.add(7, "uvicorn", trace("7-0", end=end())) is None
    assert len(list(calls.gone(7))) == MAX_OPEN


def test_a_body_ends_where_a_part_was_cut() -> None:
    parts = [
        step(1, "receive", "http.request", 1.0, b"abc", size=3, more=True),
        step(2, "receive", "http.request", 2.0, b"de", size=5, more=True),
        step(3, "receive", "http.request", 3.0, b"z", size=1),
    ]
    request = whole(trace(begin=begin(), steps=parts, bytes_in=9, end=end()))
    assert request.body.data == b"abcde"
    assert request.body.cut
    assert request.body.text is None
    assert "not kept whole" in request.body.withheld


def test_a_body_ends_where_a_message_was_left_out() -> None:
    parts = [
        step(1, "receive", "http.request", 1.0, b"abc", more=True),
        step(3, "receive", "http.request", 3.0, b"z"),
    ]
    request = whole(trace(begin=begin(), steps=parts, bytes_in=6, left_out=1, end=end()))
    assert request.body.data == b"abc"
    assert request.body.cut


LOG = {
    "at": 2.0,
    "level": "error",
    "logger": "shop",
    "text": "it failed",
    "file": "/srv/shop/main.py",
    "line": 3,
    "traceback": 'Traceback (most recent call last):\n  File "/srv/shop/main.py", line 3, in boom\n'
    "ZeroDivisionError: division by zero",
}


def test_an_exception_that_was_only_logged_is_told() -> None:
    request = whole(trace(begin=begin(), logs=[LOG], end=end()))
    assert request.logs[0].text == "it failed"
    assert request.error is not None
    assert (request.error.type, request.error.message) == ("ZeroDivisionError", "division by zero")
    assert request.error.logged
    assert [(frame.file, frame.line) for frame in request.error.frames] == [("/srv/shop/main.py", 3)]


def test_logs_and_exceptions_repeat_no_secret() -> None:
    log = {**LOG, "text": "GET /items?page=2&token=s3cret by abcdefgh, password=hunter2"}
    error = {"type": "ValueError", "message": "abcdefgh", "traceback": "ValueError: abcdefgh"}
    headers = [["authorization", "Bearer abcdefgh"]]
    added = [["headers", "[(b'authorization', b'Bearer abcdefgh')]"], ["path_params", "{'password': 'pw12'}"]]
    told = trace(begin=begin(headers=headers), logs=[log], end=end(error=error, added=added))
    text = json.dumps(to_json(whole(told)), ensure_ascii=False)
    for secret in ("abcdefgh", "s3cret", "hunter2", "pw12"):
        assert secret not in text
    assert "page=2" in text


def test_what_is_told_repeats_no_secret_of_a_body_or_an_answer() -> None:
    sent = json.dumps({"password": "hunter2!"}).encode()
    answer = json.dumps({"echo": "hunter2!", "access_token": "issued-7"}).encode()
    head = [["set-cookie", "zid=cookie-7; Path=/"], ["x-echo", "hunter2!"]]
    refused = "LocalProtocolError: Illegal header value b'cookie-7'"
    steps = [
        step(1, "receive", "http.request", 0.5, sent),
        step(2, "send", "http.response.start", 1.0, headers=head, error=refused),
        step(3, "send", "http.response.body", 2.0, answer),
    ]
    logs = [{**LOG, "text": "hunter2! issued-7 cookie-7", "traceback": "ValueError: x\nhunter2!"}]
    added = [["user", "['hunter2!']"]]
    told = trace(
        begin=begin(headers=[["content-type", "application/json"]]),
        steps=steps,
        logs=logs,
        bytes_in=len(sent),
        bytes_out=len(answer),
        end=end(added=added),
    )
    request = whole(told)
    text = json.dumps(to_json(request), ensure_ascii=False)
    for secret in ("hunter2!", "issued-7", "cookie-7"):
        assert secret not in text
    assert "Illegal header value" in text
    # What a replay needs is there.
    assert request.body.data == sent


@pytest.mark.parametrize(
    ("traceback", "kind", "message"),
    [
        ("ValueError: a\nb: c\nd", "ValueError", "a"),
        ("KeyError: 'x'\na note", "KeyError", "'x'"),
        ("KeyboardInterrupt", "KeyboardInterrupt", ""),
        ("shop.errors.Gone: 7", "shop.errors.Gone", "7"),
    ],
)
def test_the_exception_of_a_log_record_is_that_after_its_frames(
    traceback: str, kind: str, message: str
) -> None:
    above = 'Traceback (most recent call last):\n  File "/srv/a.py", line 3, in boom\n    raise it\n'
    error = whole(trace(begin=begin(), logs=[{**LOG, "traceback": above + traceback}], end=end())).error
    assert error is not None
    assert (error.type, error.message) == (kind, message)


def test_the_exception_of_a_group_is_told() -> None:
    above = "  + Exception Group Traceback (most recent call last):\n"
    group = '  |   File "/srv/a.py", line 3, in boom\n  |     raise it\n  | ExceptionGroup: two (2)'
    error = whole(trace(begin=begin(), logs=[{**LOG, "traceback": above + group}], end=end())).error
    assert error is not None
    assert (error.type, error.message) == ("ExceptionGroup", "two (2)")


def test_a_body_is_searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    searched = []
    real = make_body

    def counted(size: int, parts: Any, headers: Any) -> Any:  # Any: passed on
        searched.append(size)
        return real(size, parts, headers)

    monkeypatch.setattr(engine_calls, "make_body", counted)
    calls = Calls()
    progress(calls, trace(begin=begin(), steps=STEPS[:2], bytes_in=len(BODY)))
    for n in range(3, 20):
        event = progress(calls, trace(steps=[step(n, "send", "x.y", n)], bytes_in=len(BODY)))
    assert event.call.body.data == BODY
    # Each direction once.
    assert len(searched) == 2


def test_the_bytes_of_all_calls_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_calls, "OPEN_BYTES", 100_000)
    calls = Calls()
    for number in range(20):
        frame = step(1, "receive", "websocket.receive", 1.0, b"x" * 10_000)
        calls.add(7, "uvicorn", trace(f"7-{number}", begin=begin("websocket"), steps=[frame]))
    kept = [call.messages[0] for call in calls.gone(7)]
    assert sum(len(message.data) for message in kept) <= 100_000
    assert kept[-1].data
    assert {message.bytes for message in kept} == {10_000}


def test_news_of_a_call_that_is_over_is_not_told() -> None:
    calls = Calls()
    calls.add(7, "uvicorn", trace(begin=begin()))
    assert calls.news
    calls.add(7, "uvicorn", trace(end=end()))
    assert calls.progress() is None
    calls.add(7, "uvicorn", trace(begin=begin()))
    assert list(calls.gone(7))
    assert calls.progress() is None


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e400", "1" + "0" * 400, "-1e300"])
def test_numbers_beyond_all_measure_are_refused(number: str) -> None:
    for told in (
        {"left_out": "X", "begin": begin()},
        {"begin": {**begin(), "at": "X"}},
        {"end": {**end(), "ms": "X"}},
        {"begin": begin(), "steps": [{**STEPS[1], "called": "X"}]},
    ):
        message = {"type": "trace", "id": "7", "steps": [], "logs": [], "left_out": 0, "bytes_in": 0}
        line = json.dumps({**message, "bytes_out": 0, **told})
        assert isinstance(parse(line.replace('"X"', "1").encode()), Trace)
        with pytest.raises(ValueError, match="number"):
            parse(line.replace('"X"', number).encode())
    with pytest.raises(ValueError, match="at no time"):
        trace(begin={**begin(), "at": 1e12})


def test_every_event_can_be_written_down() -> None:
    body = b'{"a": "\\ud800", "b": "\xc3\xa9"}'
    log = {**LOG, "text": "\udc80"}
    steps = [step(1, "receive", "http.request", 0.5, body), *STEPS[1:]]
    told = trace(begin=begin(path="/\udcff"), steps=steps, logs=[log], bytes_in=len(body), end=end())
    request = whole(told)
    assert "\ud800" in (request.body.text or "")
    written = json.dumps(to_json(request), ensure_ascii=False).encode()
    again = from_json(json.loads(written))
    assert isinstance(again, Request)
    assert again.path == r"/\udcff"
    assert "é" in (again.body.text or "")


def test_an_exception_that_was_raised_comes_first() -> None:
    raised = {"type": "KeyError", "message": "'x'", "traceback": "KeyError: 'x'"}
    request = whole(trace(begin=begin(), logs=[LOG], end=end(outcome="raised", error=raised)))
    assert request.error is not None
    assert (request.error.type, request.error.logged) == ("KeyError", False)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(["begin", "steps", "logs", "end", "left_out", "id"]), JSON)
def test_nothing_a_process_writes_is_believed(field: str, value: Any) -> None:
    message = {
        "type": "trace",
        "id": "7-1",
        "begin": begin(),
        "steps": STEPS,
        "logs": [LOG],
        "left_out": 0,
        "bytes_in": 0,
        "bytes_out": 0,
        "end": end(),
        field: value,
    }
    try:
        told = parse(json.dumps(message).encode())
    except ValueError:
        return
    assert isinstance(told, Trace)
    Calls().add(7, "uvicorn", told)
