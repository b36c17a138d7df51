"""Traces of the probe: what is told of a call is what passed, and the call goes on as without."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import time
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from asgi_tui.domain.calls import Item
from asgi_tui.domain.calls import Message as Told
from asgi_tui.domain.secret import revealed
from asgi_tui.engine.traces import End, Trace
from tests.unit.test_probe import (
    FINAL,
    START,
    App,
    Broken,
    Message,
    Server,
    counted,
    http,
    make,
    run_file,
    sends,
    traced,
)

with run_file():
    from asgi_probe.loader import single_callable

MORE: Message = {"type": "http.response.body", "body": b"x" * 100, "more_body": True}


def websocket(path: str = "/ws") -> Message:
    return {**http(path, subprotocols=["a", "b"], method=None), "type": "websocket"}


async def whole(app: App, scope: Message | None = None, server: Server | None = None) -> Trace:
    """The trace of one call, told at its end."""
    probe, server = make(app, 100), server or Server()
    with suppress(Exception):
        await probe(scope or http(), server.receive, server.send)
    (trace,) = traced(probe)
    assert trace.end is not None
    return trace


def end_of(trace: Trace) -> End:
    assert trace.end is not None
    return trace.end


def items(given: tuple[Item, ...]) -> dict[str, str]:
    """Names and texts, those that the console masks too."""
    return {item.name: revealed(item.value) for item in given}


def outline(trace: Trace) -> list[tuple[str, str, int]]:
    return [(message.direction, message.type, message.bytes) for message in trace.messages]


# -- what is told ------------------------------------------------------------------------------------


async def test_a_short_request_comes_whole() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        scope["path_params"] = {"id": 5}
        scope["endpoint"] = make
        scope["state"]["user"] = Broken()
        await send({**START, "headers": [(b"set-cookie", b"a=\xff")], "status": 201})
        await send(FINAL)

    scope = http(
        "/items/5",
        raw_path=b"/items/5",
        query_string=b"a=\xe9",
        scheme="https",
        headers=[(b"host", b"x"), (b"host", b"y")],
        client=("1.2.3.4", 5),
        server=["/run/socket", None],
        asgi={"version": "3.0", "spec_version": "2.3"},
        extensions={"tls": {"server_cert": "PEM", "client_cert_chain": [b"\xff"]}},
        state={"pool": object()},
        odd=7,
    )
    started = time.time()
    trace = await whole(app, scope, Server({"type": "http.request", "body": b"abc", "more_body": False}))
    begin, end = trace.begin, end_of(trace)
    assert begin is not None
    assert started - 1 < begin.at < time.time() + 1
    assert (begin.kind, begin.method, begin.path) == ("http", "GET", "/items/5")
    told_scope = begin.scope
    assert (told_scope.raw_path, told_scope.scheme, told_scope.http_version) == ("/items/5", "https", "1.1")
    assert str(told_scope.query) == "a=\xe9"
    headers = [(header.name, str(header.value)) for header in told_scope.headers]
    assert headers == [("host", "x"), ("host", "y")]
    assert (told_scope.client, told_scope.server) == ("1.2.3.4:5", "/run/socket")
    assert told_scope.asgi == "3.0, spec 2.3"
    assert items(told_scope.extensions) == {"tls": '{"server_cert": "PEM", "client_cert_chain": ["\xff"]}'}
    assert items(told_scope.state) == {"pool": "<builtins.object>"}
    assert items(told_scope.others) == {"odd": "7"}
    kinds = told_scope.kinds
    assert (kinds["client"], kinds["server"], kinds["raw_path"]) == ("str int", "str NoneType", "bytes")
    assert outline(trace) == [
        ("receive", "http.request", 3),
        ("send", "http.response.start", 0),
        ("send", "http.response.body", 5),
    ]
    assert [message.n for message in trace.messages] == [1, 2, 3]
    assert [message.data for message in trace.messages] == [b"abc", b"", b"hello"]
    assert trace.messages[1].status == 201
    assert trace.messages[1].kinds == {"type": "str", "status": "int", "headers": "list"}
    assert (trace.bytes_in, trace.bytes_out, trace.left_out) == (3, 5, 0)
    assert (end.outcome, end.route, end.error) == ("returned", "GET /items/{id}", None)
    added = items(end.added)
    assert added["path_params"] == "{'id': 5}"
    assert added["endpoint"] == "<tests.unit.test_probe.make>"
    assert added["state"] == "{'pool': <builtins.object>, 'user': <tests.unit.test_probe.Broken>}"
    assert added.keys() == {"path_params", "endpoint", "state"}
    times = [message.at_ms for message in trace.messages]
    assert 0 <= times[0] <= times[1] <= times[2] <= end.ms <= end.returned_ms


async def test_what_is_done_later_to_a_message_or_the_scope_does_not_matter() -> None:
    body = bytearray(b"hello")
    pair = [b"a", b"b"]
    start = {**START, "headers": [pair]}
    scope = http(headers=[(b"a", b"b")], state={"k": [1]}, extensions={"tls": {}})

    async def app(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        message.update(type="other", body=b"zzzz")
        scope["state"]["k"].append(2)
        scope["path"] = "/other"
        scope["headers"].append((b"late", b""))
        # An equal copy is no change.
        scope["extensions"] = dict(scope["extensions"])
        await send(start)
        start["status"] = 500
        pair[1] = b"late"
        await send({**FINAL, "body": body, "more_body": True})
        body[:] = b"HELLO"
        await send(FINAL)

    trace = await whole(app, scope)
    assert trace.begin is not None
    assert trace.begin.path == "/"
    assert len(trace.begin.scope.headers) == 1
    assert items(trace.begin.scope.state) == {"k": "[1]"}
    assert outline(trace)[0] == ("receive", "http.request", 0)
    start_told = trace.messages[1]
    assert (start_told.status, str(start_told.headers[0].value)) == (200, "b")
    assert trace.messages[2].data == b"hello"
    assert trace.messages[2].kinds["body"] == "bytearray"
    assert items(end_of(trace).added).keys() == {"path", "state"}


async def test_iterators_are_not_consumed() -> None:
    headers = iter([(b"a", b"b")])
    server = Server()
    trace = await whole(sends({**START, "headers": headers}, FINAL), None, server)
    assert list(server.got[0]["headers"]) == [(b"a", b"b")]
    start = trace.messages[0]
    assert (start.headers, start.header_fault, start.kinds["headers"]) == ((), "", "list_iterator")
    assert items(start.fields).keys() == {"headers"}


@pytest.mark.parametrize(
    ("headers", "fault"),
    [
        (None, "headers are of type NoneType, not pairs"),
        ({b"a": b"b"}, "headers are of type dict, not pairs"),
        ([("a", b"b")], "the name of header 1 is of type str"),
        ([(b"a", b"b"), [b"a", 5]], "the value of header 2 is of type int"),
        ([b"ab"], "header 1 is no pair but of type bytes"),
        ([(b"a",)], "header 1 is no pair but of type tuple"),
        (object(), "headers are of type object, not pairs"),
        ([[b"a", b"b"]], ""),
        (((b"a", b"b"),), ""),
    ],
)
async def test_headers_of_other_types_are_said_to_be_so(headers: Any, fault: str) -> None:
    trace = await whole(sends({**START, "headers": headers}, FINAL), http(headers=headers))
    assert trace.begin is not None
    assert (trace.begin.scope.header_fault, trace.messages[0].header_fault) == (fault, fault)


@pytest.mark.parametrize(
    ("message", "kind", "field"),
    [
        ({"type": "http.response.start", "status": "200"}, ("status", "str"), ("status", "200")),
        ({"type": "http.response.body", "body": "text"}, ("body", "str"), ("body", "text")),
        ({"type": 5}, ("type", "int"), None),
        ({"type": "x", "a": Broken()}, ("a", "Broken"), ("a", "<tests.unit.test_probe.Broken>")),
        ({"type": "x", "a": 10**5000}, ("a", "int"), ("a", "<int of 16610 bits>")),
        ({"type": "x", 5: [1, {2: b"3"}]}, ("5", "list"), ("5", "[1, {'2': b'3'}]")),
        (None, ("message", "NoneType"), ("message", "None")),
        ([1], ("message", "list"), ("message", "[1]")),
    ],
)
async def test_odd_messages_are_told_as_text(message: Any, kind: Any, field: Any) -> None:
    trace = await whole(sends(message))
    told_message = trace.messages[0]
    assert told_message.kinds[kind[0]] == kind[1]
    assert items(told_message.fields) == dict([field] if field else [])


async def test_no_code_of_the_apps_runs_to_name_its_objects() -> None:
    ran = []

    class Lazy:
        """As proxies of frameworks are: any look at it loads what it stands for."""

        @property
        def __class__(self) -> Any:
            ran.append("class")
            return str

        @__class__.setter
        def __class__(self, kind: Any) -> None:
            raise TypeError

        def __getattribute__(self, name: str) -> Any:
            ran.append(name)
            return object.__getattribute__(self, name)

        def __repr__(self) -> str:
            ran.append("repr")
            return ""

    lazy = Lazy()
    ran.clear()
    name = f"<{__name__}.test_no_code_of_the_apps_runs_to_name_its_objects.<locals>.Lazy>"

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["state"]["lazy"] = scope["user"] = lazy
        await send({"type": "http.response.debug", "info": [lazy], "body": lazy, "headers": lazy})

    trace = await whole(app, http(state={"own": lazy}, before=lazy))
    assert ran == []
    assert trace.begin is not None
    assert items(trace.begin.scope.others) == {"before": name}
    assert items(trace.messages[0].fields) == {"info": f"[{name}]", "body": name, "headers": name}
    assert items(end_of(trace).added).keys() == {"state", "user"}


async def test_extension_events_pass_and_are_told(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 500)
    with file.open("rb") as opened:
        events: list[Message] = [
            {"type": "http.response.debug", "info": {"template": "x"}},
            {"type": "http.response.early_hint", "links": [b"</a>"]},
            {"type": "http.response.push", "path": "/a", "headers": []},
            {**START, "trailers": True},
            {"type": "http.response.zerocopysend", "file": opened, "count": 7, "more_body": True},
            {"type": "http.response.zerocopysend", "file": opened.fileno(), "offset": 100, "more_body": True},
            {"type": "http.response.unheard-of"},
            FINAL,
            {"type": "http.response.trailers", "headers": [(b"a", b"b")], "more_trailers": True},
            {"type": "http.response.trailers", "headers": [(b"a", b"b")]},
        ]

        async def app(scope: Any, receive: Any, send: Any) -> None:
            for event in events:
                await send(event)
                seen.append(counted(probe).requests)

        seen: list[int] = []
        server = Server()
        probe = make(app, 100)
        await probe(http(), server.receive, server.send)
    assert all(got is sent for got, sent in zip(server.got, events, strict=True))
    # The response is complete after its trailers.
    assert seen == [0] * 9 + [1]
    (trace,) = traced(probe)
    assert [message.type for message in trace.messages] == [event["type"] for event in events]
    assert [message.bytes for message in trace.messages][4:6] == [7, 400]
    assert trace.bytes_out == 412
    assert items(trace.messages[1].fields) == {"links": "[b'</a>']"}


async def test_a_file_sent_by_its_path_is_measured(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 321)
    path = str(tmp_path / "file")
    trace = await whole(sends(START, {"type": "http.response.pathsend", "path": path}))
    assert (trace.bytes_out, trace.messages[1].bytes) == (321, 321)
    assert items(trace.messages[1].fields) == {"path": path}


async def test_an_asgi_2_app_is_traced_as_any() -> None:
    def app(scope: Any) -> Any:
        async def instance(receive: Any, send: Any) -> None:
            await receive()
            await sends(START, FINAL)(scope, receive, send)

        return instance

    # Any: an ASGI 2 app is none of the type's.
    old: Any = app
    assert len((await whole(single_callable(old))).messages) == 3


# -- times and pieces --------------------------------------------------------------------------------


async def test_what_waits_is_told_and_told_again_when_it_is_done() -> None:
    go_on = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await receive()

    async def receive() -> Message:
        await go_on.wait()
        return {"type": "http.disconnect"}

    probe = make(app, 100)
    task = asyncio.create_task(probe(http(), receive, Server().send))
    await asyncio.sleep(0.01)
    (first,) = traced(probe)
    assert first.begin is not None
    assert first.end is None
    waiting = first.messages[1]
    assert (waiting.n, waiting.type, waiting.waited_ms) == (2, "", None)
    go_on.set()
    await task
    (second,) = traced(probe)
    assert (second.id, second.begin) == (first.id, None)
    (done,) = second.messages
    assert (done.n, done.type) == (2, "http.disconnect")
    assert done.waited_ms is not None
    assert done.waited_ms > 5
    assert end_of(second).outcome == "returned"
    assert not traced(probe)


async def test_a_send_that_waits_shows_how_long() -> None:
    async def slow(message: Any) -> None:
        if message is FINAL:
            await asyncio.sleep(0.03)

    probe = make(sends(START, FINAL), 100)
    await probe(http(), Server().receive, slow)
    (trace,) = traced(probe)
    waited = [message.waited_ms or 0 for message in trace.messages]
    assert waited[0] < 20
    assert waited[1] >= 29


async def test_a_refused_send_and_a_cancelled_receive_are_told_as_such() -> None:
    async def refuse(message: Any) -> None:
        raise ValueError("no")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(receive(), 0.01)
        with suppress(ValueError):
            await send(FINAL)

    probe = make(app, 100)
    await probe(http(), asyncio.Event().wait, refuse)  # type: ignore[arg-type]  # one that waits for ever
    (trace,) = traced(probe)
    assert [message.error for message in trace.messages] == ["CancelledError", "ValueError: no"]
    assert trace.bytes_out == 0


async def test_background_work_is_not_until_the_response_was_complete() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send(FINAL)
        await asyncio.sleep(0.03)

    end = end_of(await whole(app))
    assert end.ms + 25 < end.returned_ms


async def test_a_cancelled_call_is_no_error() -> None:
    started = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        started.set()
        await receive()

    probe = make(app, 100)
    task = asyncio.create_task(probe(http(), asyncio.Event().wait, Server().send))  # type: ignore[arg-type]  # waits
    await started.wait()
    task.cancel("by the server")
    with pytest.raises(asyncio.CancelledError, match="by the server"):
        await task
    (trace,) = traced(probe)
    assert (end_of(trace).outcome, end_of(trace).error) == ("cancelled", None)
    assert trace.messages[0].error == "CancelledError: by the server"


async def test_the_context_is_the_apps_alone() -> None:
    variable = contextvars.ContextVar("variable", default="unset")
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        variable.set("app")
        await send(START)

    async def send(message: Any) -> None:
        seen.append(variable.get())

    before = dict(contextvars.copy_context())
    probe = make(app, 100)
    await probe(http(), Server().receive, send)
    assert seen == ["app"]
    assert dict(contextvars.copy_context()) == {**before, variable: "app"}


async def test_a_task_that_lives_on_holds_nothing_of_the_call() -> None:
    tasks = []
    kept = Server()
    gone = weakref.ref(kept)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        tasks.append(asyncio.create_task(asyncio.sleep(60)))
        await send(FINAL)

    probe = make(app, 100)
    await probe(http(kept=kept), kept.receive, kept.send)
    traced(probe)
    del kept
    gc.collect()
    assert gone() is None
    tasks[0].cancel()


async def test_what_the_app_sends_after_its_end_is_not_kept() -> None:
    sent = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        sent.append(send)

    probe, server = make(app, 100), Server()
    await probe(http(), server.receive, server.send)
    traced(probe)
    await sent[0](START)
    assert server.got == [START]
    assert not traced(probe)


# -- WebSocket and lifespan --------------------------------------------------------------------------


async def test_a_websocket_is_traced_frame_by_frame() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept", "subprotocol": "a"})
        while (message := await receive())["type"] == "websocket.receive":
            pieces.extend(traced(probe))
            await send({"type": "websocket.send", "bytes": None, "text": message["text"] * 2})
        await send({"type": "websocket.close", "code": 3001, "reason": "bye"})

    pieces: list[Trace] = []
    probe = make(app, 100)
    frames = [{"type": "websocket.receive", "text": text} for text in ("aé", "\ud800")]
    server = Server({"type": "websocket.connect"}, *frames, {"type": "websocket.disconnect", "code": 1001})
    await probe(websocket(), server.receive, server.send)
    pieces += traced(probe)
    assert len({piece.id for piece in pieces}) == 1
    steps: dict[int, Told] = {message.n: message for piece in pieces for message in piece.messages}
    assert [(steps[n].type.partition(".")[2], steps[n].bytes) for n in sorted(steps)] == [
        ("connect", 0),
        ("accept", 0),
        ("receive", 3),
        ("send", 6),
        ("receive", 3),
        ("send", 6),
        ("disconnect", 0),
        ("close", 0),
    ]
    assert steps[4].data.decode() == "aéaé"
    assert steps[4].kinds == {"type": "str", "bytes": "NoneType", "text": "str"}
    assert items(steps[8].fields) == {"code": "3001", "reason": "bye"}
    last = pieces[-1]
    assert (last.bytes_in, last.bytes_out) == (6, 12)
    assert (end_of(last).outcome, end_of(last).route) == ("returned", "WS /ws")
    assert pieces[0].begin is not None
    assert pieces[0].begin.scope.subprotocols == ("a", "b")


async def test_a_websocket_is_denied_with_a_response() -> None:
    denial = [
        {"type": "websocket.http.response.start", "status": 403, "headers": []},
        {"type": "websocket.http.response.body", "body": b"no"},
    ]
    trace = await whole(sends(*denial), websocket())
    assert [(message.status, message.bytes) for message in trace.messages] == [(403, 0), (None, 2)]


async def test_a_websocket_that_raises_tells_why() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("broken")

    error = end_of(await whole(app, websocket())).error
    assert error is not None
    assert (error.type, error.message) == ("ValueError", "broken")


async def test_a_lifespan_has_a_trace_with_its_state() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        scope["state"]["pool"] = 5
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    server = Server({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    trace = await whole(app, {"type": "lifespan", "state": {}}, server)
    assert trace.begin is not None
    assert trace.begin.kind == "lifespan"
    assert [message.type for message in trace.messages] == [
        *("lifespan.startup", "lifespan.startup.complete"),
        *("lifespan.shutdown", "lifespan.shutdown.complete"),
    ]
    assert items(end_of(trace).added) == {"state": "{'pool': 5}"}
