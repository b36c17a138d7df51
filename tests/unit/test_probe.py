"""The probe around hand-made apps: it changes nothing, counts right, and nothing of it reaches the app."""

from __future__ import annotations

import asyncio
import atexit
import contextvars
import gc
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from asgi_tui.engine.telemetry import MESSAGE_BYTES, Lifespan, Quiesced, Summary, Told, parse
from asgi_tui.engine.traces import Trace
from tests.support import wait_for

# Short, since a Unix socket's path is.
DIRECTORY = Path(tempfile.mkdtemp(prefix="probe-"))
atexit.register(shutil.rmtree, DIRECTORY, ignore_errors=True)
RUN_FILE = {
    "generation": 3,
    "module": "app",
    "attribute": "app",
    "factory": False,
    "app_dir": "",
    "telemetry": str(DIRECTORY / "t.sock"),
    "token_path": "/asgi-tui-token",
    "traces_per_second": 0,
    "gunicorn_conf": "",
}


@contextmanager
def run_file() -> Iterator[None]:
    """What names the run when ``asgi_probe`` is imported, and is not to be inherited by other tests."""
    path = DIRECTORY / "run.json"
    path.write_text(json.dumps(RUN_FILE))
    os.environ["ASGI_TUI_RUN"] = str(path)
    try:
        yield
    finally:
        del os.environ["ASGI_TUI_RUN"]


with run_file():
    from asgi_probe import shipper as shipping
    from asgi_probe import wire
    from asgi_probe.probe import Probe
    from asgi_probe.run import RUN
    from asgi_probe.shipper import COUNTS, INTERVAL, OVERDUE, summary
    from asgi_probe.stats import MAX_ROUTES, Totals
    from asgi_probe.telling import told

Message = dict[str, Any]
App = Callable[[Any, Any, Any], Awaitable[None]]

START: Message = {"type": "http.response.start", "status": 200, "headers": []}
FINAL: Message = {"type": "http.response.body", "body": b"hello"}


def http(path: object = "/", **more: Any) -> Message:
    return {"type": "http", "http_version": "1.1", "method": "GET", "path": path, "root_path": "", **more}


def make(app: App, traces_per_second: int = 0) -> Probe:
    """A probe that ships nothing: what it counted is looked at with ``counted``."""
    # The run file's values are checked where they are read; here only two of them matter.
    probe = Probe(app, {**RUN, "traces_per_second": traces_per_second})
    probe.shipper.awake = True
    return probe


def counted(probe: Probe) -> Summary:
    """What the next summary says, as the console reads it."""
    shipper = probe.shipper
    shipper.gather(0)
    totals, shipper.totals = shipper.totals, Totals()
    read = parse(wire.line(summary(totals, shipper.gauges())))
    assert isinstance(read, Summary)
    return read


def traced(probe: Probe) -> list[Trace]:
    """What the probe tells of its calls next, as the console reads it."""
    due = probe.shipper.tracing.due
    read = [parse(wire.line(message)) for _ in range(len(due)) for message in told(due.popleft())]
    assert all(isinstance(item, Trace) for item in read)
    return [item for item in read if isinstance(item, Trace)]


class Server:
    """The server's side of one scope: what it gives and what it got."""

    def __init__(self, *messages: Message) -> None:
        self.messages = list(messages) or [{"type": "http.request", "body": b"", "more_body": False}]
        self.got: list[Any] = []

    async def receive(self) -> Message:
        if not self.messages:
            return {"type": "http.disconnect"}
        return self.messages.pop(0)

    async def send(self, message: Any) -> None:
        self.got.append(message)


def sends(*messages: Any) -> App:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    return app


# -- it changes nothing ------------------------------------------------------------------------------


@pytest.mark.parametrize("traces_per_second", [0, 100])
async def test_the_same_objects_pass(traces_per_second: int) -> None:
    scope, request = http(), {"type": "http.request", "body": b"abc", "more_body": False}
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.extend((scope, await receive()))
        await send(START)
        await send(FINAL)

    server = Server(request)
    # Daphne passes the three by keyword.
    probe = make(app, traces_per_second)
    await probe(scope=scope, receive=server.receive, send=server.send)
    assert seen[0] is scope
    assert seen[1] is request
    assert server.got[0] is START
    assert server.got[1] is FINAL
    assert (request["body"], START["headers"]) == (b"abc", [])
    now = counted(probe)
    assert (now.requests, now.errors, now.bytes_in, now.bytes_out) == (1, 0, 3, 5)
    assert now.statuses == {"200": 1}
    assert [route.route for route in now.routes] == ["GET /"]


async def test_context_variables_pass_both_ways() -> None:
    variable = contextvars.ContextVar("variable", default="unset")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert variable.get() == "server"
        variable.set("app")
        await send(START)

    at_send = []

    async def send(message: Any) -> None:
        at_send.append(variable.get())

    variable.set("server")
    await make(app)(http(), Server().receive, send)
    assert at_send == ["app"]
    assert variable.get() == "app"


@pytest.mark.parametrize("traces_per_second", [0, 100])
@pytest.mark.parametrize("kind", ["http", "websocket", "lifespan", "unheard-of"])
async def test_exceptions_are_raised_bare(kind: str, traces_per_second: int) -> None:
    raised = ValueError("the app's")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise raised

    probe = make(app, traces_per_second)
    with pytest.raises(ValueError, match="the app's") as caught:
        await probe({**http(), "type": kind}, Server().receive, Server().send)
    assert caught.value is raised
    assert raised.__context__ is None
    assert raised.__cause__ is None
    now = counted(probe)
    assert now.errors == (1 if kind == "http" else 0)
    assert now.ws_errors == (1 if kind == "websocket" else 0)
    assert now.statuses == ({"500": 1} if kind == "http" else {})
    assert (now.in_flight, now.websockets_open) == (0, 0)


async def test_cancellation_passes_and_is_no_error() -> None:
    started = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        started.set()
        await asyncio.sleep(60)

    probe = make(app)
    task = asyncio.create_task(probe(http(), Server().receive, Server().send))
    await started.wait()
    assert counted(probe).in_flight == 1
    task.cancel("by the server")
    with pytest.raises(asyncio.CancelledError, match="by the server"):
        await task
    now = counted(probe)
    assert (now.requests, now.errors, now.in_flight, now.statuses) == (1, 0, 0, {"none": 1})


async def test_receive_works_from_another_task_and_can_be_cancelled() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert (await asyncio.create_task(receive()))["body"] == b"12345"
        with suppress(TimeoutError):
            await asyncio.wait_for(receive(), 0.01)
        await send(START)
        await asyncio.gather(asyncio.create_task(send({**FINAL, "more_body": True})), send(FINAL))

    async def receive(queue: list[bytes] = [b"12345"]) -> Message:  # noqa: B006 - consumed once
        if not queue:
            await asyncio.sleep(60)
        return {"type": "http.request", "body": queue.pop(), "more_body": True}

    probe = make(app)
    await probe(http(), receive, Server().send)
    now = counted(probe)
    assert (now.bytes_in, now.bytes_out, now.requests, now.errors) == (5, 10, 1, 0)


async def test_receive_is_never_called_on_the_apps_behalf() -> None:
    async def receive() -> Message:
        raise AssertionError("the app never asked")

    await make(sends(START, FINAL), 100)(http(), receive, Server().send)


async def test_unknown_messages_pass_and_count_nothing() -> None:
    odd = [{"type": "http.response.debug", "info": {}}, {"type": "http.response.trailers", "headers": []}]
    server = Server()
    probe = make(sends(odd[0], START, FINAL, odd[1]))
    await probe(http(), server.receive, server.send)
    assert server.got == [odd[0], START, FINAL, odd[1]]
    assert counted(probe).requests == 1


@pytest.mark.parametrize(
    "odd",
    [
        {"path": None},
        {"path": b"/bytes"},
        {"path": 7},
        {"method": None},
        {"method": b"GET"},
        {"root_path": None},
        {"root_path": 5},
        {"path_template": b"/x"},
        {"route": 1, "fastapi": 2},
        {"type": "http"},
    ],
)
@pytest.mark.parametrize("traces_per_second", [0, 100])
async def test_odd_scopes_reach_the_app(odd: Message, traces_per_second: int) -> None:
    scope = {**http(), **odd} if len(odd) > 1 or "type" not in odd else odd
    probe, server = make(sends(START, FINAL), traces_per_second), Server()
    await probe(scope, server.receive, server.send)
    assert server.got == [START, FINAL]
    now = counted(probe)
    assert now.requests + now.dropped == 1
    assert len(traced(probe)) == (1 if traces_per_second else 0)


class Broken:
    def __str__(self) -> str:
        raise RuntimeError("no words")

    def __len__(self) -> int:
        raise RuntimeError("no length")

    def __getattr__(self, name: str) -> object:
        raise RuntimeError("nothing else either")


@pytest.mark.parametrize(
    ("message", "statuses"),
    [
        ({"type": "http.response.start"}, {"none": 1}),
        ({"type": "http.response.start", "status": None}, {"none": 1}),
        ({"type": "http.response.start", "status": "200"}, {"none": 1}),
        ({"type": "http.response.start", "status": -1}, {"none": 1}),
        ({"type": "http.response.start", "status": Broken}, {"none": 1}),
        ({"type": "http.response.start", "status": HTTPStatus.NOT_FOUND}, {"404": 1}),
        ({"type": "http.response.body", "body": None}, {"none": 1}),
        ({"type": "http.response.body", "body": 5}, {"none": 1}),
        ({"type": "http.response.body", "body": Broken()}, {"none": 1}),
        ({"type": 5}, {"none": 1}),
        ({}, {"none": 1}),
        (None, {"none": 1}),
        ([], {"none": 1}),
    ],
)
@pytest.mark.parametrize("draining", [False, True])
@pytest.mark.parametrize("traces_per_second", [0, 100])
async def test_odd_messages_are_the_servers_to_judge(
    message: Any, statuses: dict[str, int], traces_per_second: int, draining: bool
) -> None:
    probe, server = make(sends(message, FINAL), traces_per_second), Server()
    probe.shipper.draining = draining
    await probe(http(), server.receive, server.send)
    assert server.got[-1] == FINAL
    assert server.got[0] is message or draining
    now = counted(probe)
    assert now.statuses == statuses
    assert now.in_flight == 0
    assert len(traced(probe)) == (1 if traces_per_second else 0)


async def test_what_the_app_kept_in_its_scope_is_let_go_at_once() -> None:
    """Else it would be let go in our thread, where what belongs to a loop must not be touched."""

    class Kept:
        pass

    kept = Kept()
    gone = weakref.ref(kept)
    scope = http(state={"kept": kept})
    probe = make(sends(START, FINAL), 100)
    await probe(scope, Server().receive, Server().send)
    del kept, scope
    gc.collect()
    assert gone() is None
    assert len(probe.shipper.records) == 1


# -- it counts right ---------------------------------------------------------------------------------


async def test_background_work_is_no_latency_and_does_not_delay_the_count() -> None:
    go_on = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send({**FINAL, "more_body": True})
        await asyncio.sleep(0.03)
        await send(FINAL)
        await go_on.wait()

    probe = make(app)
    start = time.monotonic()
    task = asyncio.create_task(probe(http(), Server().receive, Server().send))
    while not (now := counted(probe)).requests:
        await asyncio.sleep(0.005)
    assert (now.in_flight, now.bytes_out, now.statuses) == (0, 10, {"200": 1})
    await asyncio.sleep(0.1)
    go_on.set()
    await task
    assert now.routes[0].max_ns >= 0.03e9
    assert counted(probe).requests == 0
    assert now.routes[0].max_ns < (time.monotonic() - start - 0.1) * 1e9


@pytest.mark.parametrize(("status", "errors"), [(200, [0, 1]), (500, [1, 0])])
async def test_an_exception_after_the_response_is_one_error(status: int, errors: list[int]) -> None:
    """Starlette answers 500 and raises on; a background task raises after a good answer."""
    told_before = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({**START, "status": status})
        await send(FINAL)
        told_before.append(counted(probe))
        raise ValueError("in the background")

    probe = make(app)
    with pytest.raises(ValueError, match="in the background"):
        await probe(http(), Server().receive, Server().send)
    after = counted(probe)
    assert [told_before[0].errors, after.errors] == errors
    assert (told_before[0].requests, after.requests) == (1, 0)
    assert after.in_flight == 0


@pytest.mark.parametrize(("method", "bytes_out"), [("GET", 5), ("HEAD", 0)])
async def test_a_head_answer_has_no_body(method: str, bytes_out: int) -> None:
    probe = make(sends(START, FINAL))
    await probe(http(method=method), Server().receive, Server().send)
    assert counted(probe).bytes_out == bytes_out


async def test_a_204_without_body_or_headers() -> None:
    probe = make(sends({"type": "http.response.start", "status": 204}, {"type": "http.response.body"}))
    await probe(http(), Server().receive, Server().send)
    now = counted(probe)
    assert (now.statuses, now.bytes_out, now.errors) == ({"204": 1}, 0, 0)


async def test_a_second_start_and_a_second_end_count_once() -> None:
    probe = make(sends(START, {**START, "status": 500}, FINAL, FINAL))
    await probe(http(), Server().receive, Server().send)
    now = counted(probe)
    assert (now.requests, now.statuses, now.errors, now.in_flight) == (1, {"200": 1}, 0, 0)


async def test_what_the_server_refused_is_not_counted() -> None:
    async def refuse(message: Any) -> None:
        raise RuntimeError("refused")

    probe = make(sends(START, FINAL))
    with pytest.raises(RuntimeError, match="refused"):
        await probe(http(), Server().receive, refuse)
    assert counted(probe).statuses == {"500": 1}


async def test_a_file_sent_by_its_path_counts_its_bytes(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 1234)
    probe = make(sends(START, {"type": "http.response.pathsend", "path": str(file)}))
    await probe(http(), Server().receive, Server().send)
    file.unlink()
    await probe(http(), Server().receive, Server().send)
    assert counted(probe).bytes_out == 0
    file.write_bytes(b"x" * 1234)
    await probe(http(), Server().receive, Server().send)
    assert counted(probe).bytes_out == 1234


@pytest.mark.parametrize(("leaves", "errors"), [(True, 0), (False, 1)])
async def test_no_response_is_an_error_only_while_somebody_waits(leaves: bool, errors: int) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()

    probe = make(app)
    left = [{"type": "http.disconnect"}] if leaves else []
    await probe(http(), Server(*left).receive, Server().send)
    now = counted(probe)
    assert (now.requests, now.errors, now.statuses) == (1, errors, {"none": 1})


async def test_the_consoles_own_request_is_answered_and_not_counted() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("not the app's")

    probe, server = make(app, 100), Server()
    await probe(http("/prefix/asgi-tui-token"), server.receive, server.send)
    assert json.loads(server.got[1]["body"]) == {"pid": os.getpid()}
    assert server.got[0]["status"] == 200
    assert counted(probe).requests == 0
    assert not traced(probe)


@pytest.mark.parametrize(
    ("headers", "shown"),
    [
        ({"headers": [(b"a", b"b")]}, [(b"a", b"b"), (b"connection", b"close")]),
        ({}, [(b"connection", b"close")]),
        ({"headers": None}, [(b"connection", b"close")]),
    ],
)
async def test_draining_asks_for_a_new_connection(headers: Message, shown: list[Any]) -> None:
    start = {"type": "http.response.start", "status": 200, **headers}
    before = {**start}
    probe, server = make(sends(start, FINAL)), Server()
    probe.shipper.draining = True
    await probe(http(), server.receive, server.send)
    assert server.got[0]["headers"] == shown
    assert server.got[1] is FINAL
    assert start == before
    # The field does not exist in HTTP/2.
    await probe(http(http_version="2"), server.receive, server.send)
    assert server.got[2] is start


# -- WebSocket ---------------------------------------------------------------------------------------


async def test_a_websocket_is_counted() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        assert counted(probe).websockets_open == 1
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message.get("text"), "bytes": message.get("bytes")})
        # It closed; the app may go on.
        assert counted(probe).websockets_open == 0
        raise ValueError("late")

    probe = make(app)
    server = Server(
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": "aé\ud800"},
        {"type": "websocket.receive", "bytes": b"12"},
        {"type": "websocket.receive", "text": None, "bytes": None},
        {"type": "websocket.disconnect"},
    )
    with pytest.raises(ValueError, match="late"):
        await probe({**http("/ws"), "type": "websocket"}, server.receive, server.send)
    now = counted(probe)
    assert (now.ws_messages_in, now.ws_messages_out) == (3, 3)
    assert (now.ws_bytes_in, now.ws_bytes_out) == (8, 8)
    assert (now.ws_errors, now.websockets_open, now.requests) == (1, 0, 0)


async def test_a_websocket_names_its_route_and_closes_once() -> None:
    close = {"type": "websocket.close"}
    probe = make(sends({"type": "websocket.accept"}, {"type": "websocket.accept"}, close, close))
    scope = {**http("/ws/7"), "type": "websocket", "method": None}
    await probe(scope, Server().receive, Server().send)
    now = counted(probe)
    assert (now.websockets, now.websockets_open, now.ws_errors) == (1, 0, 0)
    assert [(route.route, route.requests) for route in now.routes] == [("WS /ws/{id}", 1)]


@pytest.mark.parametrize(
    "message", [{"type": "websocket.send", "text": 5}, {"type": "websocket.send", "bytes": 5}, {}, None]
)
async def test_odd_websocket_messages_pass(message: Any) -> None:
    server = Server(message, message)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        await send(message)
        assert await receive() is message

    probe = make(app)
    await probe({**http(), "type": "websocket"}, server.receive, server.send)
    assert server.got[1] is message


# -- lifespan ----------------------------------------------------------------------------------------


def said(probe: Probe) -> list[Lifespan]:
    read = [parse(wire.line(message)) for message in probe.shipper.outbox]
    assert all(isinstance(item, Lifespan) for item in read)
    return [item for item in read if isinstance(item, Lifespan)]


async def test_a_lifespan_is_told() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.failed", "message": Broken()})

    probe = make(app)
    server = Server({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    await probe({"type": "lifespan"}, server.receive, server.send)
    assert [(item.state, item.message) for item in said(probe)] == [
        ("startup.complete", ""),
        ("shutdown", ""),
        ("shutdown.failed", ""),
    ]
    assert len(server.got) == 2


async def test_a_lifespan_nobody_answers_is_unsupported() -> None:
    probe = make(sends())
    await probe({"type": "lifespan"}, Server().receive, Server().send)
    assert [item.state for item in said(probe)] == ["unsupported"]


async def test_an_exception_without_words_is_the_apps_alone() -> None:
    class WordlessError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise WordlessError

    probe = make(app)
    with pytest.raises(WordlessError):
        await probe({"type": "lifespan"}, Server().receive, Server().send)
    assert [item.state for item in said(probe)] == ["unsupported"]


# -- on the wire -------------------------------------------------------------------------------------


class Console:
    """Listens where the probe connects; ``reads`` decides whether it takes anything."""

    def __init__(self) -> None:
        self.reads = threading.Event()
        self.reads.set()
        self.lines: list[tuple[float, bytes]] = []
        self.closing = False
        self._connections: list[socket.socket] = []
        path = RUN["telemetry"]
        Path(path).unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._connections.append(connection)
                thread = threading.Thread(target=self._read, args=(connection,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _read(self, connection: socket.socket) -> None:
        rest = b""
        with suppress(OSError):
            while not self.closing:
                self.reads.wait()
                data = connection.recv(65536)
                if not data:
                    return
                *lines, rest = (rest + data).split(b"\n")
                self.lines.extend((time.monotonic(), line) for line in lines)

    def order(self, **order: object) -> None:
        for connection in self._connections:
            connection.sendall(b"no order\n[]\n" + json.dumps(order).encode() + b"\n")

    def told(self) -> list[Told]:
        return [parse(line) for _, line in self.lines[:] if b'"hello"' not in line]

    def summaries(self) -> list[Summary]:
        return [item for item in self.told() if isinstance(item, Summary)]

    async def until(self, condition: Callable[[], bool], timeout: float = 20) -> float:
        start = time.monotonic()
        while not condition():
            assert time.monotonic() - start < timeout, self.lines
            await asyncio.sleep(0.005)
        return time.monotonic() - start

    def close(self) -> None:
        self.closing = True
        self.reads.set()
        for each in (self._listener, *self._connections):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(5)


@pytest.fixture
def console() -> Iterator[Console]:
    wire._after_fork()
    console = Console()
    yield console
    console.close()
    # Each thread learns that the console is gone: one that went on would write to the next test's.
    for probe in LIVE:
        thread = probe.shipper.thread
        probe.shipper.say({"type": "quiesced", "listeners": 0})
        if thread is not None and thread.ident:
            thread.join(20)
            assert not thread.is_alive()
    LIVE.clear()
    wire._after_fork()


LIVE: list[Probe] = []


def live(app: App, traces_per_second: int = 0) -> Probe:
    probe = Probe(app, {**RUN, "traces_per_second": traces_per_second})
    LIVE.append(probe)
    return probe


async def test_a_slow_request_is_seen_in_flight(console: Console) -> None:
    go_on = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await go_on.wait()
        await sends(START, FINAL)(scope, receive, send)

    probe = live(app)
    task = asyncio.create_task(probe(http(), Server().receive, Server().send))
    await console.until(lambda: any(item.in_flight == 1 for item in console.summaries()))
    assert json.loads(console.lines[0][1])["generation"] == 3
    go_on.set()
    await task
    await console.until(lambda: console.summaries()[-1].in_flight == 0)
    assert sum(item.requests for item in console.summaries()) == 1


async def test_summaries_come_ten_times_a_second_and_never_without_cause(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe = live(sends(START, FINAL))
    flushes = []
    flush = probe.shipper.flush

    def count_flush(*args: float, **named: float) -> bool:
        flushes.append(1)
        return flush(*args, **named)

    monkeypatch.setattr(probe.shipper, "flush", count_flush)
    started = time.monotonic()
    while time.monotonic() < started + 0.55:
        await probe(http(), Server().receive, Server().send)
        await asyncio.sleep(0.001)
    await console.until(lambda: not probe.shipper.records and not probe.shipper.awake)
    # The first goes out at once.
    summaries = console.summaries()
    assert 2 <= len(summaries) <= (time.monotonic() - started) / COUNTS + 3
    assert all(sum(route.requests for route in item.routes) == item.requests for item in summaries)
    await asyncio.sleep(COUNTS)  # one may have been under way
    before = len(flushes)
    await asyncio.sleep(0.35)
    assert len(flushes) == before


async def test_what_is_said_does_not_wait(console: Console) -> None:
    probe = live(sends(START, FINAL))
    waits = []
    for _ in range(5):
        await probe(http(), Server().receive, Server().send)
        await asyncio.sleep(0.02)
        count = len(console.lines)
        probe.shipper.say({"type": "quiesced", "listeners": 0})
        waits.append(await console.until(lambda count=count: len(console.lines) > count))  # type: ignore[misc]  # bound now
    # Were it to wait for the next summary, each would take what is left of the interval.
    assert min(waits) < INTERVAL / 2


async def test_orders_are_obeyed_and_nonsense_is_not(console: Console) -> None:
    probe = live(sends(START, FINAL))
    await probe(http(), Server().receive, Server().send)
    await console.until(lambda: bool(console.lines))
    await asyncio.sleep(0.05)
    console.order(do="quiesce", address=["127.0.0.1", 1])
    await console.until(lambda: any(isinstance(item, Quiesced) for item in console.told()))
    assert probe.shipper.draining


async def test_no_wake_up_is_lost_between_threads(console: Console) -> None:
    probe = live(sends())
    shipper = probe.shipper

    def produce() -> None:
        for number in range(1500):
            shipper.add((http(), "/", "", 0), 200, 1000, 1, 1, False)
            if number % 50 == 0:
                time.sleep(0.001)

    threads = [threading.Thread(target=produce) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    await console.until(lambda: sum(item.requests for item in console.summaries()) == 4500)
    # One alone afterwards is told too, however the last round ended.
    for more in range(1, 4):
        shipper.add((http(), "/", "", 0), 200, 1000, 1, 1, False)
        await console.until(
            lambda more=more: sum(item.requests for item in console.summaries()) == 4500 + more  # type: ignore[misc]  # bound now
        )


async def test_a_busy_loop_does_not_keep_the_thread_out(console: Console) -> None:
    """Each turn gives the interpreter's lock up, for too short a time to be taken."""
    probe = live(sends(START, FINAL))
    until, sent = time.monotonic() + 1, 0
    while time.monotonic() < until:
        for _ in range(20):
            await probe(http(), Server().receive, Server().send)
            sent += 1
        start = time.perf_counter()
        while time.perf_counter() - start < 0.0004:
            pass
        await asyncio.sleep(0)
    told_meanwhile = [at for at, line in console.lines[:] if at < until and b'"stats"' in line]
    await console.until(lambda: sum(item.requests for item in console.summaries()) == sent)
    assert len(told_meanwhile) >= 2


def test_the_loop_gives_way_only_where_the_thread_is_overdue(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    shipper = make(sends()).shipper
    for touched, ways in ((time.monotonic(), 0), (time.monotonic() - 2 * OVERDUE, 3)):
        shipper.touched = touched
        shipper.records.clear()
        for _ in range(64 * 3):
            shipper.add((http(), "/", "", 0), 200, 1, 0, 0, False)
        assert len(slept) == ways
    assert sum(slept) < 0.001


async def test_a_stopped_console_slows_nothing(console: Console) -> None:
    probe = live(sends(START, FINAL), 100_000)
    await probe(http(), Server().receive, Server().send)
    await console.until(lambda: bool(console.summaries()))
    console.reads.clear()
    longest = 0.0
    until, sent = time.monotonic() + 1.2, 1
    while time.monotonic() < until:
        # Many routes and traces fill the socket's buffer.
        for number in range(20):
            start = time.monotonic()
            await probe(http(f"/{'x' * 300}{sent % 300}-{number}"), Server().receive, Server().send)
            longest = max(longest, time.monotonic() - start)
            sent += 1
        await asyncio.sleep(0.002)
    assert wire.unsent()
    assert longest < 0.5
    # The last words of a process that ends now are waited for a little, no longer.
    start = time.monotonic()
    probe.last_words()
    assert time.monotonic() - start < wire.TIMEOUT


async def test_a_console_that_reads_on_gets_it_all(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    probe = live(sends(START, FINAL))
    monkeypatch.setattr(probe.shipper.flush.__func__, "__defaults__", (0.2, 0))  # type: ignore[attr-defined]  # a method
    await probe(http(), Server().receive, Server().send)
    await console.until(lambda: bool(console.summaries()))
    console.reads.clear()
    wire.send(wire.line({"type": "quiesced", "listeners": 0, "filler": "x" * 10_000}) * 200, 0.05)
    assert wire.unsent()
    for _ in range(700):
        await probe(http(), Server().receive, Server().send)
        await asyncio.sleep(0.001)
    # Nothing happens any more, yet what is left is not forgotten.
    await asyncio.sleep(0.5)
    assert wire.unsent()
    console.reads.set()
    await console.until(lambda: sum(item.requests for item in console.summaries()) == 701)
    assert len([item for item in console.told() if isinstance(item, Quiesced)]) == 200
    assert console.summaries()[-1].dropped == 0


async def test_without_a_console_nothing_is_kept() -> None:
    wire._after_fork()
    Path(RUN["telemetry"]).unlink(missing_ok=True)
    probe, server = live(sends(START, FINAL), 100), Server()
    shipper = probe.shipper
    for _ in range(300):
        await probe(http(), server.receive, server.send)
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.1)
    assert shipper.room == 0
    assert not shipper.records
    assert not shipper.tracing.due
    shipper.say({"type": "quiesced", "listeners": 0})
    assert len(server.got) == 600
    assert shipper.in_flight == 0
    wire._after_fork()


async def test_a_process_without_room_for_a_thread_serves_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    probe, server = live(sends(START, FINAL)), Server()
    await probe(http(), server.receive, server.send)
    await probe(http(), server.receive, server.send)
    assert len(server.got) == 4


async def test_the_end_of_the_lifespan_is_shipped_before_it_is_over(console: Console) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})

    probe = live(app)
    await probe({"type": "lifespan"}, Server().receive, Server().send)
    # The server may end the process next: it is in the socket already.
    assert not probe.shipper.outbox
    assert not wire.unsent()
    await console.until(lambda: any(b"shutdown.complete" in line for _, line in console.lines))
    states = [item.state for item in console.told() if isinstance(item, Lifespan)]
    assert states == ["startup.complete", "shutdown.complete"]


def test_records_and_names_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipping, "MAX_RECORDS", 100)
    probe = make(sends())
    for number in range(150):
        probe.shipper.add((http(), f"/path-{number}x", "", 0), 200, 1, 0, 0, False)
    now = counted(probe)
    assert (now.requests, now.dropped) == (100, 50)


def test_a_flood_of_long_paths_stays_within_one_message() -> None:
    probe = make(sends())
    names = set()
    for start in range(0, 50_000, 25_000):
        for number in range(start, start + 25_000):
            path = f"/{chr(0x1F600 + number % 50) * 600}"[: 480 + number % 20] + str(number)
            probe.shipper.add((http(), path, "", 0), 200, number * 997, 0, 0, False)
            probe.shipper.add((http(), f"/x{number}y/{'é' * 300}", "", 0), 200, number * 997, 0, 0, False)
        probe.shipper.gather(0)
        line = wire.line(summary(probe.shipper.totals, probe.shipper.gauges()))
        assert len(line) < MESSAGE_BYTES
        now = counted(probe)
        names |= {route.route for route in now.routes}
        assert now.requests == 50_000
    assert len(names) <= MAX_ROUTES + 1
    assert "(other)" in names


# -- processes ---------------------------------------------------------------------------------------

FORKING = """
import asyncio, json, multiprocessing, os, sys, threading, time, warnings
# Python 3.12 warns of forking with threads, as it would for any thread of the app's.
warnings.simplefilter("ignore", DeprecationWarning)
sys.path.insert(0, {tui!r})
from asgi_probe.probe import Probe
from asgi_probe.run import RUN

HOW = sys.argv[1]

async def app(scope, receive, send):
    if scope["path"] == "/fork":
        pid = os.fork()
        if pid == 0:
            if HOW == "raises":
                raise SystemExit(7)
            return
        os.waitpid(pid, 0)
    await send({{"type": "http.response.start", "status": 200}})
    await send({{"type": "http.response.body", "body": b"x"}})

probe = Probe(app, RUN)
async def receive(): return {{"type": "http.request"}}
async def send(message): pass
def scope(path): return {{"type": "http", "method": "GET", "path": path, "root_path": ""}}

async def serve(*paths):
    for path in paths:
        await probe(scope(path), receive, send)

def worker():
    asyncio.run(serve("/worker"))

if HOW == "preload":
    # As gunicorn: the master loads and its workers, forked, serve.
    for _ in range(2):
        if os.fork() == 0:
            worker()
            sys.exit(0)
    for _ in range(2): os.wait()
elif HOW == "multiprocessing":
    asyncio.run(serve("/"))
    processes = [multiprocessing.get_context("fork").Process(target=worker) for _ in range(2)]
    for process in processes: process.start()
    for process in processes: process.join()
else:
    async def main():
        await serve("/")
        await asyncio.sleep(0.15)
        parent = os.getpid()
        await serve("/fork")
        if os.getpid() != parent:
            return True
    if asyncio.run(main()):
        # Longer than what is kept would wait to be shipped.
        time.sleep(0.3)
"""


@pytest.mark.parametrize("how", ["raises", "returns", "preload", "multiprocessing"])
def test_forked_processes_count_for_themselves(console: Console, tmp_path: Path, how: str) -> None:
    script = tmp_path / "forking.py"
    script.write_text(textwrap.dedent(FORKING.format(tui=str(Path(wire.__file__).parents[1]))))
    env = {**os.environ, "ASGI_TUI_RUN": str(DIRECTORY / "run.json")}
    # A socket or file of ours that is left open would be warned of.
    result = subprocess.run(
        [sys.executable, "-W", "always::ResourceWarning", script, how],
        env=env,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert result.stderr == ""
    wait_for(
        lambda: sum(item.requests for item in console.summaries()) >= (3 if how == "multiprocessing" else 2)
    )
    time.sleep(0.05)  # what comes on top would be too much
    summaries, hellos = console.summaries(), [line for _, line in console.lines if b'"hello"' in line]
    routes = [(route.route, route.requests) for item in summaries for route in item.routes]
    if how in ("raises", "returns"):
        # The child that goes on in the parent's request is no worker.
        assert len(hellos) == 1
        assert sorted(routes) == [("GET /", 1), ("GET /fork", 1)]
        assert all(item.in_flight >= 0 for item in summaries)
    else:
        assert [route for route in routes if route[0] == "GET /worker"] == [("GET /worker", 1)] * 2
        assert len({json.loads(line)["pid"] for line in hellos}) == (2 if how == "preload" else 3)
