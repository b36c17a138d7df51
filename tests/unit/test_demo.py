"""The demo app, driven as a server would: by hand-made scopes, receive and send."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import signal
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import pytest

import asgi_tui

DEMO = Path(asgi_tui.__file__).with_name("demo") / "asgi_demo.py"

Message = dict[str, Any]  # as the specification has it


@pytest.fixture
def demo() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("asgi_demo", DEMO)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield module
    for number, handler in handlers.items():
        signal.signal(number, handler)


class Exchange:
    """One connection: ``messages`` are what receive gives, then it waits; ``sent`` is what the app sent."""

    def __init__(self, *messages: Message) -> None:
        self.incoming: asyncio.Queue[Message] = asyncio.Queue()
        self.sent: list[Message] = []
        for message in messages:
            self.incoming.put_nowait(message)

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    async def run(self, demo: ModuleType, scope: Message) -> None:
        app: Callable[..., Awaitable[None]] = demo.app
        async with asyncio.timeout(10):
            await app(scope, self.incoming.get, self.send)
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1  # none is left behind

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])

    @property
    def body(self) -> bytes:
        return b"".join(message["body"] for message in self.sent[1:])


def http_scope(path: str, method: str = "GET", **more: object) -> Message:
    return {"type": "http", "method": method, "path": path, "query_string": b"", "headers": [], **more}


async def call(demo: ModuleType, path: str, method: str = "GET", **more: object) -> Exchange:
    exchange = Exchange({"type": "http.request", "body": b"", "more_body": False})
    await exchange.run(demo, http_scope(path, method, **more))
    return exchange


def check(exchange: Exchange) -> None:
    """What every answer must be: one start, then bodies, of which the last alone is final."""
    assert [m["type"] for m in exchange.sent] == ["http.response.start"] + ["http.response.body"] * (
        len(exchange.sent) - 1
    )
    assert [m.get("more_body", False) for m in exchange.sent[1:]] == [True] * (len(exchange.sent) - 2) + [
        False
    ]
    assert all(name == name.lower() for name in exchange.headers)
    length = exchange.headers.get(b"content-length")
    assert length is None or exchange.body == b"" or int(length) == len(exchange.body)


async def test_the_page_lists_every_route(demo: ModuleType) -> None:
    page = await call(demo, "/")
    check(page)
    assert (page.status, page.headers[b"content-type"]) == (200, b"text/html; charset=utf-8")
    text = page.body.decode()
    assert all(template in text for template in [*demo.ROUTES, "/ws", "new WebSocket", "new EventSource"])
    assert '<base href="/">' in text
    assert "//" not in text.replace("/^http/", "")  # self-contained
    mounted = await call(demo, "/a&b/", root_path="/a&b")
    assert '<base href="/a&amp;b/">' in mounted.body.decode()


@pytest.mark.parametrize(
    ("path", "template", "body"),
    [
        ("/hello", "/hello", b"Hello from ASGI!\n"),
        ("/items/42", "/items/{id}", b'{\n  "id": "42",\n  "name": "Item 42"\n}\n'),
        ("/items/gr\u00fcn", "/items/{id}", b'{\n  "id": "gr\\u00fcn",\n  "name": "Item gr\\u00fcn"\n}\n'),
        ("/slow", "/slow", b"That was slow\n"),
    ],
)
async def test_simple_routes(demo: ModuleType, path: str, template: str, body: bytes) -> None:
    exchange = Exchange()
    scope = http_scope(path, query_string=b"seconds=0.01")
    await exchange.run(demo, scope)
    check(exchange)
    assert (exchange.status, exchange.body, scope["path_template"]) == (200, body, template)


async def test_slow_takes_its_time_and_refuses_nonsense(demo: ModuleType) -> None:
    start = asyncio.get_running_loop().time()
    assert (await call(demo, "/slow", query_string=b"seconds=0.2")).status == 200
    assert asyncio.get_running_loop().time() - start > 0.19
    for value in (b"x", b"nan", b"-1", b"1e9", b"100"):
        assert (await call(demo, "/slow", query_string=b"seconds=" + value)).status == 400


async def test_errors(demo: ModuleType) -> None:
    missing = await call(demo, "/items/1/2")
    check(missing)
    assert missing.status == 404
    for path, method, allow in (("/hello", "POST", b"GET, HEAD"), ("/upload", "GET", b"POST")):
        refused = await call(demo, path, method)
        check(refused)
        assert (refused.status, refused.headers[b"allow"]) == (405, allow)
    exchange = Exchange()
    with pytest.raises(RuntimeError, match="on purpose"):
        await exchange.run(demo, http_scope("/error"))
    assert exchange.sent == []


@pytest.mark.parametrize("path", ["/", "/hello", "/items/1", "/state", "/stream", "/events"])
async def test_head_has_the_headers_of_get_and_no_body(demo: ModuleType, path: str) -> None:
    head = await call(demo, path, "HEAD")
    check(head)
    assert (head.status, head.body) == (200, b"")
    if path == "/hello":
        assert head.headers == (await call(demo, path)).headers


async def test_root_path_is_no_part_of_the_route(demo: ModuleType) -> None:
    for path in ("/api/hello", "/hello"):  # with it by the specification, without it on some servers
        assert (await call(demo, path, root_path="/api")).status == 200
    assert (await call(demo, "/apihello", root_path="/api")).status == 404


async def test_upload_counts_bytes(demo: ModuleType) -> None:
    parts = [b"x" * 70_000, b"", b"y" * 30_000]
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    exchange = Exchange(*messages, {"type": "http.request"})  # both keys may be absent
    await exchange.run(demo, http_scope("/upload", "POST"))
    check(exchange)
    assert json.loads(exchange.body) == {"bytes": 100_000}
    gone = Exchange(*messages, {"type": "http.disconnect"})
    await gone.run(demo, http_scope("/upload", "POST"))
    assert gone.sent == []


async def test_stream_sends_ten_chunks(demo: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    wait = asyncio.wait
    monkeypatch.setattr(asyncio, "wait", lambda tasks, timeout: wait(tasks, timeout=timeout / 100))
    exchange = await call(demo, "/stream")
    check(exchange)
    assert exchange.body.decode().splitlines() == [f"chunk {n} of 10" for n in range(1, 11)]
    assert b"content-length" not in exchange.headers


@pytest.mark.parametrize("path", ["/stream", "/events"])
async def test_streams_end_when_the_client_leaves(demo: ModuleType, path: str) -> None:
    exchange = Exchange({"type": "http.request", "body": b"", "more_body": False})
    run = asyncio.ensure_future(demo.app(http_scope(path), exchange.incoming.get, exchange.send))
    await asyncio.sleep(0.05)
    assert not run.done()
    exchange.incoming.put_nowait({"type": "http.disconnect"})
    await asyncio.wait_for(run, timeout=0.3)
    assert exchange.sent[-1]["more_body"]  # to whom should the end be sent


async def test_events_are_server_sent_events_until_a_signal_stops_them(demo: ModuleType) -> None:
    told: list[int] = []

    def servers_own(number: int, frame: FrameType | None) -> None:
        told.append(number)

    signal.signal(signal.SIGTERM, servers_own)
    lifespan = Exchange({"type": "lifespan.startup"})
    process = asyncio.ensure_future(demo.app({"type": "lifespan"}, lifespan.incoming.get, lifespan.send))
    await asyncio.sleep(0.01)
    exchange = Exchange({"type": "http.request", "body": b"", "more_body": False})
    run = asyncio.ensure_future(demo.app(http_scope("/events"), exchange.incoming.get, exchange.send))
    await asyncio.sleep(0.6)
    signal.raise_signal(signal.SIGTERM)
    await asyncio.wait_for(run, timeout=1)
    check(exchange)
    assert exchange.headers[b"content-type"] == b"text/event-stream"
    first, second, rest = exchange.body.decode().split("\n\n", 2)
    assert first.splitlines()[0] == "id: 1"
    assert first.splitlines()[1].startswith("data: ")
    assert second.startswith("id: 2\n")
    assert rest == ""
    assert told == [signal.SIGTERM]  # the server's own handler is still called
    lifespan.incoming.put_nowait({"type": "lifespan.shutdown"})
    await asyncio.wait_for(process, timeout=1)


async def test_lifespan_and_its_state(demo: ModuleType) -> None:
    exchange = Exchange({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    state: Message = {}
    await exchange.run(demo, {"type": "lifespan", "state": state})
    assert [m["type"] for m in exchange.sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    for count in (1, 2):
        # a server gives each request a shallow copy
        answer = json.loads((await call(demo, "/state", state=state.copy())).body)
        assert (answer["requests"], answer["lifespan_state"]) == (count, True)
        assert answer["started_at"].endswith("Z")


async def test_state_without_lifespan(demo: ModuleType) -> None:
    scopes: list[Message] = [{}, {"state": {}}]
    for count, more in enumerate(scopes, start=1):
        answer = json.loads((await call(demo, "/state", **more)).body)
        assert (answer["requests"], answer["lifespan_state"]) == (count, False)


async def test_websocket_echo(demo: ModuleType) -> None:
    exchange = Exchange(
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": "hi", "bytes": None},
        {"type": "websocket.receive", "text": ""},
        {"type": "websocket.receive", "bytes": b"\x00"},
        {"type": "websocket.disconnect", "code": 1001},
    )
    scope: Message = {"type": "websocket", "path": "/ws"}
    await exchange.run(demo, scope)
    assert exchange.sent == [
        {"type": "websocket.accept"},
        {"type": "websocket.send", "text": "hi"},
        {"type": "websocket.send", "text": ""},
        {"type": "websocket.send", "bytes": b"\x00"},
    ]
    assert scope["path_template"] == "/ws"


async def test_websocket_elsewhere_is_refused(demo: ModuleType) -> None:
    exchange = Exchange({"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1006})
    await exchange.run(demo, {"type": "websocket", "path": "/other"})
    assert exchange.sent == [{"type": "websocket.close"}]


async def test_an_unknown_protocol_is_not_answered(demo: ModuleType) -> None:
    with pytest.raises(NotImplementedError, match="carrier-pigeon"):
        await Exchange().run(demo, {"type": "carrier-pigeon"})


def test_it_stays_small_enough_to_read() -> None:
    assert len(DEMO.read_text().splitlines()) < 250
    assert not (DEMO.parent / "__init__.py").exists()
