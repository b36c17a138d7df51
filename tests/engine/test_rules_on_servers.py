"""The rule checker on real servers: apps that break each rule, clean apps that break none.

No installed server breaks the other rules of the server's side, and an app cannot play the server before the
probe, which wraps all of it: calls made by hand break them in tests/unit/test_asgi_rules.py.
"""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from h2.connection import H2Connection
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from asgi_tui.domain.asgi_rules import RULES
from asgi_tui.domain.asgi_rules.server import PATIENCE_MS
from tests.engine import rule_apps
from tests.support import FASTAPI_APP, LITESTAR_APP, PLAIN_APP, SERVERS, Running, wait_for, write_app

PORTS = "ports are whole numbers or None"
ROOT_PATH = "path starts with root_path"
METHOD = "method is upper-case"

# Requests that are under way together: with more, more would begin in a second than are told.
AT_ONCE = 3

# What only a server could break.
NEVER_BROKEN = {
    "addresses are host and port",
    "path is text",
    "query string is bytes",
    "scope headers are pairs of bytes",
    "no pseudo headers in the scope",
    "request body is bytes",
    "request more_body is a bool",
    "no body follows the end of the request",
    "received messages are those of the protocol",
    "websocket.connect comes first",
    "frames come after the accept",
    "a received frame is text or bytes",
    "nothing follows websocket.disconnect",
    "disconnect code is a whole number",
    "lifespan.startup comes first",
    "shutdown follows a completed startup",
}


def run(directory: Path, server: str, *settings: str) -> Running:
    write_app(directory, Path(rule_apps.__file__).read_text())
    options = [part for setting in ("port=0", *settings) for part in ("--set", setting)]
    return Running(directory, "app:app", "--server", server, *options, "--no-reload")


def expected(places: rule_apps.Places, *more: str) -> dict[str, set[str]]:
    return {name: {rule, *more} - {""} for name, (rule, _) in places.items()}


def rules(call: Any) -> set[str]:
    return {verdict["rule"] for verdict in call["verdicts"]}


def told(running: Running, kind: str, path: str, since: int) -> Any:
    return running.wait(kind, lambda event: event["path"] == path, since=since, timeout=10)


@contextmanager
def connected(url: str) -> Iterator[socket.socket]:
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as client:
        yield client


def ask(running: Running, url: str, name: str, method: str = "") -> set[str]:
    """What an HTTP/1.1 request to a place breaks; the answer may be anything and is not looked at."""
    since = running.mark()
    method = method or ("HEAD" if name == "head" else "GET")
    # Half of a body, the rest never comes.
    length = "Content-Length: 10\r\n" if name == "half_read" else ""
    with connected(url) as client:
        client.sendall(f"{method} /{name} HTTP/1.1\r\nHost: localhost\r\n{length}\r\n".encode())
        if length:
            client.sendall(b"hello")
        if not name.endswith("leaving"):
            return rules(told(running, "request", f"/{name}", since))
    return rules(told(running, "request", f"/{name}", since))


def ask_on_http2(running: Running, url: str, name: str) -> set[str]:
    """The same in HTTP/2 without TLS, known to be spoken."""
    since = running.mark()
    connection = H2Connection()
    connection.initiate_connection()
    headers = {":method": "GET", ":scheme": "http", ":authority": "localhost", ":path": f"/{name}"}
    connection.send_headers(1, [*headers.items(), ("te", "trailers")], end_stream=True)
    with connected(url) as client:
        client.sendall(connection.data_to_send())
        return rules(told(running, "request", f"/{name}", since))


def open_and_close(running: Running, url: str, name: str) -> set[str]:
    """What a WebSocket breaks whose client closes it at once."""
    since = running.mark()
    with (
        suppress(WebSocketException, OSError, EOFError),
        connect(f"ws{url.removeprefix('http').rstrip('/')}/{name}", subprotocols=[Subprotocol("chat")]),
    ):
        pass
    return rules(told(running, "websocket", f"/{name}", since))


def test_each_rule_of_http_and_websocket(tmp_path: Path) -> None:
    with run(tmp_path, "uvicorn") as running, ThreadPoolExecutor(AT_ONCE) as pool:
        url = running.ready()
        found = pool.map(lambda name: ask(running, url, name), rule_apps.HTTP)
        frames = pool.map(lambda name: open_and_close(running, url, name), rule_apps.WEBSOCKET)
        assert dict(zip(rule_apps.HTTP, found, strict=True)) == expected(rule_apps.HTTP)
        assert dict(zip(rule_apps.WEBSOCKET, frames, strict=True)) == expected(rule_apps.WEBSOCKET)


def test_trailers_and_a_path_without_its_root(tmp_path: Path) -> None:
    with run(tmp_path, "hypercorn", "root_path=/api") as running, ThreadPoolExecutor(AT_ONCE) as pool:
        url = running.ready()
        found = pool.map(lambda name: ask_on_http2(running, url, name), rule_apps.HTTP_2)
        assert dict(zip(rule_apps.HTTP_2, found, strict=True)) == expected(rule_apps.HTTP_2, ROOT_PATH)


def test_granians_own(tmp_path: Path) -> None:
    with run(tmp_path, "granian") as running:
        url = running.ready()
        found = {name: ask(running, url, name) for name in rule_apps.GRANIAN}
        assert found == expected(rule_apps.GRANIAN, PORTS)
        assert ask(running, url, "file", "get") == {PORTS, METHOD}


def test_each_rule_of_lifespan_and_gunicorns_own(tmp_path: Path) -> None:
    # Each process has a lifespan of its own.
    with run(tmp_path, "gunicorn", f"workers={len(rule_apps.LIFESPAN)}") as running:
        url = running.ready()
        since = running.mark()
        with connected(url) as client:
            client.sendall(b"GET /still_there HTTP/1.1\r\nHost: localhost\r\n\r\n")
            time.sleep(PATIENCE_MS / 1000 + 0.1)
        assert {"still_there": rules(told(running, "request", "/still_there", since))} == expected(
            rule_apps.GUNICORN
        )
        wait_for(lambda: len(list(tmp_path.glob("claimed-*"))) == len(rule_apps.LIFESPAN))
        running.stop()
        found = [sorted(rules(event)) for event in running.events if event["type"] == "lifespan"]
    assert sorted(found) == sorted(sorted(names) for names in expected(rule_apps.LIFESPAN).values())


def test_no_rule_is_left_out() -> None:
    tried = (
        rule_apps.HTTP,
        rule_apps.HTTP_2,
        rule_apps.GRANIAN,
        rule_apps.GUNICORN,
        rule_apps.WEBSOCKET,
        rule_apps.LIFESPAN,
    )
    broken = {rule for places in tried for rule, _ in places.values()} - {""}
    assert broken | {PORTS, ROOT_PATH, METHOD} | NEVER_BROKEN == set(RULES)


CLEAN_APP = """\
import fast
import lite
import plain

APPS = {"/fast": fast.app, "/lite": lite.app}


async def app(scope, receive, send):
    path = scope.get("path", "")
    if path[:5] in APPS:
        scope = {**scope, "path": path[5:], "raw_path": path[5:].encode()}
    await APPS.get(path[:5], plain.app)(scope, receive, send)
"""


@pytest.mark.parametrize("server", SERVERS)
def test_clean_apps(tmp_path: Path, server: str) -> None:
    for name, source in (("plain", PLAIN_APP), ("fast", FASTAPI_APP), ("lite", LITESTAR_APP)):
        write_app(tmp_path, source, f"{name}.py")
    write_app(tmp_path, CLEAN_APP)
    arguments = ("app:app", "--server", server, "--set", "port=0", "--no-reload")
    paths = ("/", "/fast/", "/fast/items/7", "/fast/none", "/lite/", "/lite/items/7", "/lite/none")
    sockets = ("/ws", "/fast/ws", "/lite/ws")
    with Running(tmp_path, *arguments) as running:
        url = running.ready()
        for path in paths:
            parts = urlsplit(url)
            connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
            connection.request(
                "POST" if path == "/" else "GET", path, b"x" * 100_000 if path == "/" else None
            )
            connection.getresponse().read()
            connection.close()
        with ExitStack() as opened:
            for path in sockets:
                client = opened.enter_context(connect(f"ws{url.removeprefix('http').rstrip('/')}{path}"))
                client.send("hello")
                assert client.recv(10) == "hello"
        calls = [told(running, "request", path, 0) for path in paths]
        calls += [told(running, "websocket", path, 0) for path in sockets]
        running.stop()
        lifespans = [event for event in running.events if event["type"] == "lifespan"]
    assert len(lifespans) == (server != "daphne")
    # granian's ports are text; nothing else is amiss on either side.
    every_call = {PORTS} if server == "granian" else set()
    assert [rules(call) for call in calls] == [every_call] * len(calls)
    assert [rules(call) for call in lifespans] == [set()] * len(lifespans)
