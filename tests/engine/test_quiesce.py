"""The change of guard on real servers: nothing is lost, and what never ends is ended cleanly."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers import get_server
from asgi_tui.domain.target import Target
from asgi_tui.engine.binding import Binding
from asgi_tui.engine.listener import Listener
from asgi_tui.engine.runtime import RunFile, RuntimeDirectory
from asgi_tui.engine.telemetry import Connections, Ended, Lifespan, Loaded, Quiesced, Sender, Telemetry, Told
from tests.support import SERVERS, Running, clean_environment, get, write_app

# An app with what ends and what does not; its process id is the answer.
APP = """\
import asyncio
import os


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                open(f"ended-{os.getpid()}", "x").close()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await asyncio.Event().wait()
    if scope["path"] == "/stream":
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        while True:
            await send({"type": "http.response.body", "body": b"data:\\n\\n", "more_body": True})
            await asyncio.sleep(0.05)
    if scope["path"] == "/slow":
        await asyncio.sleep(0.6)
    body = b"%d" % os.getpid()
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
"""

# The first byte of a WebSocket's close frame (RFC 6455 5.2).
CLOSE = 0x88

# Some servers answer on other ways under these options.
MODES = [
    ("uvicorn", ()),
    ("uvicorn", ("--loop", "asyncio", "--http", "h11")),
    ("hypercorn", ()),
    ("daphne", ()),
    ("granian", ()),
    ("granian", ("--runtime-mode", "mt", "--runtime-threads", "2", "--loop", "asyncio")),
    ("gunicorn", ()),
    ("gunicorn-uvicorn", ()),
]


class Old:
    """A server under the probe that another is about to replace, with the console's half played here."""

    def __init__(self, name: str, listener: Listener, telemetry: Telemetry) -> None:
        self.name = name
        assert isinstance(listener.name, tuple)
        self.address = listener.name
        self.told: list[Told] = []
        self.pid = 0
        self.process: subprocess.Popen[bytes]
        self._telemetry = telemetry

    def order(self, do: str) -> None:
        self._telemetry.order(self.pid, do=do, address=self.address, shared=True, look=7)

    async def hears(self, kind: type[Told]) -> Told:
        async with asyncio.timeout(10):
            while not (found := [told for told in self.told if isinstance(told, kind)]):
                await asyncio.sleep(0.005)
        self.told.clear()
        return found[-1]

    def answer(self, path: str = "/") -> int:
        """The process that answers on a connection of its own."""
        return int(get("http://{}:{}".format(*self.address), path)[1])

    def stream(self) -> socket.socket:
        """A response that never ends, begun."""
        return self._sends("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n", b"data:")

    def websocket(self) -> socket.socket:
        """A WebSocket that nobody closes, open."""
        key = base64.b64encode(os.urandom(16)).decode()
        upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        text = f"GET / HTTP/1.1\r\nHost: x\r\n{upgrade}Sec-WebSocket-Key: {key}\r\n\r\n"
        return self._sends(text, b"\r\n\r\n")

    def _sends(self, text: str, until: bytes) -> socket.socket:
        client = socket.create_connection(self.address, 10)
        client.sendall(text.encode())
        read = b""
        while until not in read:
            read += client.recv(4096)
        return client


@asynccontextmanager
async def served(directory: Path, name: str, native: tuple[str, ...]) -> AsyncIterator[Old]:
    write_app(directory, APP)
    server = get_server(name)
    plan = LaunchPlan(Target("app", "app"), name, str(directory), {"port": 0}, native=native)
    runtime, listener = RuntimeDirectory(), Listener(plan)
    olds: list[Old] = []

    def connected(sender: Sender) -> None:
        olds[0].pid = sender.pid

    telemetry = Telemetry(
        runtime.telemetry_socket, connected, lambda _, told: olds[0].told.append(told), lambda _: None
    )
    old = Old(name, listener, telemetry)
    olds.append(old)
    await telemetry.start()
    run = RunFile(1, "app", "app", False, "", str(runtime.telemetry_socket), "/token", 0, "")
    variables = clean_environment(ASGI_TUI_RUN=str(runtime.write_run(run)), PYTHONPATH=str(directory))
    control, to_control = os.pipe()
    lifeline, to_lifeline = os.pipe()
    with (directory / "output").open("wb") as output:
        old.process = subprocess.Popen(
            [sys.executable, runtime.launcher, str(control), str(lifeline)],
            pass_fds=(control, lifeline, listener.fd),
            cwd=directory,
            env=server.environment(variables)[0],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    arguments = server.run_arguments(plan, listener.fd, (99,))
    adopt = listener.fd if server.adopts_in_child else None
    order = {"module": server.module, "argv": arguments, "adopt": adopt, "preload": None}
    os.write(to_control, json.dumps(order).encode() + b"\n")
    try:
        await old.hears(Lifespan if server.has_lifespan else Loaded)
        # The first request starts the thread that takes orders.
        assert await asyncio.to_thread(old.answer) == old.pid
        yield old
    finally:
        # Its whole group ends with the lifeline.
        for fd in (control, to_control, to_lifeline, lifeline):
            os.close(fd)
        await asyncio.to_thread(old.process.wait, 10)
        listener.close()
        await telemetry.close()
        runtime.remove()


@pytest.mark.parametrize(("name", "native"), MODES)
async def test_what_is_open_goes_on_until_it_is_ended(
    tmp_path: Path, name: str, native: tuple[str, ...]
) -> None:
    async with served(tmp_path, name, native) as old:
        endless = [await asyncio.to_thread(begin) for begin in (old.stream, old.websocket)]
        slow = asyncio.create_task(asyncio.to_thread(old.answer, "/slow"))
        host, port = old.address
        kept = http.client.HTTPConnection(host, port, timeout=10)
        kept.request("GET", "/")
        assert kept.getresponse().read()
        await asyncio.sleep(0.15)

        old.order("quiesce")
        assert await old.hears(Quiesced) != Quiesced(0)
        # The slow request and the stream are being served; a WebSocket is no request.
        old.order("connections")
        assert await old.hears(Connections) == Connections(7, 4, 0, 2)

        await waits_for_another(old)
        assert await slow == old.pid
        kept.request("GET", "/")
        answer = kept.getresponse()
        assert answer.getheader("connection") == "close"
        assert int(answer.read()) == old.pid
        kept.close()

        # The last answer is with the client; the app returns now.
        await asyncio.sleep(0.1)
        old.order("end")
        stream, websocket = (asyncio.create_task(asyncio.to_thread(read_end, client)) for client in endless)
        assert await old.hears(Ended) == Ended(2)
        await ends(old, tmp_path)
        # Who got a part of it must not take it for the whole.
        assert not (await stream).endswith(b"0\r\n\r\n")
        await websocket


def read_end(client: socket.socket) -> bytes:
    """What is left until the other end closes the connection or the WebSocket on it, or resets it."""
    read = b""
    with client, suppress(ConnectionResetError):
        while (data := client.recv(4096)) and data[0] != CLOSE:
            read += data
    return read


async def waits_for_another(old: Old) -> None:
    """A new connection is not taken, and costs nothing while it waits."""
    with socket.create_connection(old.address) as waiting:
        waiting.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        waiting.setblocking(False)
        before = psutil.Process(old.pid).cpu_times()
        await asyncio.sleep(0.3)
        # A loop that was told of it again and again would use all that time.
        after = psutil.Process(old.pid).cpu_times()
        assert after.user + after.system - before.user - before.system < 0.15
        with pytest.raises(BlockingIOError):
            waiting.recv(1)


async def ends(old: Old, directory: Path) -> None:
    """Nothing holds the server up when it is told to end, and the app's lifespan shutdown runs."""
    old.process.terminate()
    begun = time.monotonic()
    assert await asyncio.to_thread(old.process.wait, 10) in (0, -signal.SIGTERM)
    assert time.monotonic() - begun < 8
    if get_server(old.name).has_lifespan:
        assert (directory / f"ended-{old.pid}").exists()


# -- the whole flow ------------------------------------------------------------------------------------


class Clients:
    """Requests without a pause, each on a connection of its own; one client is slow to send."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname, parts.port)
        self._ended = threading.Event()
        self.answers: list[str] = []
        self.failures: list[str] = []
        self._threads = [threading.Thread(target=self._ask, args=(pause,)) for pause in (0.0, 0.0, 0.03)]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, pause: float) -> None:
        while not self._ended.is_set():
            try:
                with socket.create_connection(self._address, 10) as client:
                    time.sleep(pause)
                    client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    response = http.client.HTTPResponse(client)
                    response.begin()
                    assert response.status == HTTPStatus.OK
                    self.answers.append(response.read().decode())
                    response.close()
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
            self._ended.wait(0.005)


def changes(running: Running, times: int, workers: int = 1) -> None:
    """Restarts while requests come: none is lost, and each time other processes answer."""
    clients = Clients(running.ready())
    try:
        for _ in range(times):
            since = running.mark()
            running.send(do="restart")
            running.ready(since)
            time.sleep(0.1)
    finally:
        clients.end()
    assert clients.failures == []
    assert len(set(clients.answers)) == (times + 1) * workers


@pytest.mark.parametrize("server", SERVERS)
def test_no_fresh_connection_is_lost_at_a_change(tmp_path: Path, server: str) -> None:
    write_app(tmp_path, APP)
    with Running(tmp_path, "app:app", "--server", server, "--port", "0", "--no-reload") as running:
        changes(running, 2)
        assert running.stop()["code"] == 0


# -- granian, where it cannot be handed a socket ---------------------------------------------------------

# Read by every Python that finds it first; the launcher makes the holder out of this name.
NO_HOLDER = """try:
    import granian.net
    del granian.net.SocketHolder
except ImportError:
    pass
"""


def without_holder(directory: Path, *arguments: str) -> Running:
    site = directory / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(NO_HOLDER)
    write_app(directory, APP)
    path = f"PYTHONPATH={site}"
    common = ("--server", "granian", "--port", "0", "--no-reload", "--env", path)
    return Running(directory, "app:app", *common, *arguments)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the kernel does not spread connections")
@pytest.mark.parametrize("workers", [1, 2])
def test_two_granians_overlap_where_they_bind_by_themselves(tmp_path: Path, workers: int) -> None:
    with without_holder(tmp_path, "--set", f"workers={workers}") as running:
        first = running.wait("starting", lambda event: bool(event["bind"]))
        assert "cannot take a socket over" in first["bind"]
        changes(running, 2, workers)
        assert running.stop()["code"] == 0


def test_a_granian_that_shares_its_port_does_not_share_it_with_all(tmp_path: Path) -> None:
    """Only what the same session has bound before, by itself and at the same address."""

    async def main() -> None:
        binding = Binding()
        binding.cannot_adopt("granian")
        plan = LaunchPlan(Target("app", "app"), "granian", str(tmp_path), {"port": 0})
        bound = await binding.bind(plan)
        with socket.socket() as server:
            for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
                server.setsockopt(socket.SOL_SOCKET, option, 1)
            assert isinstance(bound.name, tuple)
            server.bind(bound.name)
            server.listen()
            assert not await binding.needs_free_address(plan)
            assert (await binding.bind(plan)).name == bound.name
            # What was bound beside it takes no connection away.
            with socket.create_connection(bound.name), server.accept()[0]:
                pass
            assert await binding.needs_free_address(replace(plan, server="uvicorn"))
            assert await binding.needs_free_address(plan.with_options({"port": bound.name[1], "host": "::1"}))
        with socket.socket() as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind(bound.name)
            server.listen()
            assert await binding.needs_free_address(plan)

    asyncio.run(main())
