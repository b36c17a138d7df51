"""What tests share: apps to serve, and the real command driven over its NDJSON contract."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import psutil

SERVERS = ("uvicorn", "hypercorn", "daphne", "granian", "gunicorn", "gunicorn-uvicorn")
WITH_WORKERS = tuple(server for server in SERVERS if server != "daphne")

PLAIN_APP = """\
VERSION = 0


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            else:
                await send({"type": "lifespan.shutdown.complete"})
                return
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
    else:
        body = f"version {VERSION}".encode()
        headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
"""

FASTAPI_APP = """\
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

VERSION = 0
app = FastAPI()


@app.get("/")
async def root():
    return f"version {VERSION}"


@app.get("/items/{item_id}")
async def item(item_id: int):
    return {"id": item_id}


@app.websocket("/ws")
async def echo(socket: WebSocket):
    await socket.accept()
    try:
        while True:
            await socket.send_text(await socket.receive_text())
    except WebSocketDisconnect:
        pass
"""

LITESTAR_APP = """\
from litestar import Litestar, WebSocket, get, websocket
from litestar.exceptions import WebSocketDisconnect

VERSION = 0


@get("/")
async def root() -> str:
    return f"version {VERSION}"


@get("/items/{item_id:int}")
async def item(item_id: int) -> dict[str, int]:
    return {"id": item_id}


@websocket("/ws")
async def echo(socket: WebSocket) -> None:
    await socket.accept()
    try:
        while True:
            await socket.send_text(await socket.receive_text())
    except WebSocketDisconnect:
        pass


app = Litestar([root, item, echo])
"""

APPS = {"plain": PLAIN_APP, "fastapi": FASTAPI_APP, "litestar": LITESTAR_APP}


def write_app(directory: Path, source: str = PLAIN_APP, name: str = "app.py") -> Path:
    """Writes an app's file and returns its path."""
    path = directory / name
    path.write_text(source)
    return path


def clean_environment(**extra: str) -> dict[str, str]:
    """The environment without the variables that hide bugs or change a server's run."""
    hidden = (
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONUNBUFFERED",
        "UVICORN_",
        "GRANIAN_",
        "GUNICORN_",
        "WEB_CONCURRENCY",
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    return kept | extra


Event = Mapping[str, Any]


class Running:
    """``asgi-tui run ... --json`` as a child process, its events as they come."""

    def __init__(self, cwd: Path, *arguments: str, env: Mapping[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "asgi_tui", "run", *arguments, "--json"],
            cwd=cwd,
            env=clean_environment(**(env or {})),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.events: list[Event] = []
        self.stderr = ""
        self._arrived = threading.Condition()
        self._ended = False
        self._threads = [
            threading.Thread(target=self._read, daemon=True),
            threading.Thread(target=self._read_stderr, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        descendants: list[psutil.Process] = []
        with suppress(psutil.Error):
            descendants = psutil.Process(self.process.pid).children(recursive=True)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        # The guard outlives the console by the moment it takes to end the servers.
        psutil.wait_procs(descendants if kind is None else [], timeout=5)
        for thread in self._threads:
            thread.join(5)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event = json.loads(line)
            with self._arrived:
                self.events.append(event)
                self._arrived.notify_all()
        with self._arrived:
            self._ended = True
            self._arrived.notify_all()

    def _read_stderr(self) -> None:
        assert self.process.stderr is not None
        self.stderr = self.process.stderr.read()

    def mark(self) -> int:
        """The number of events so far, for ``wait(..., since=)``."""
        with self._arrived:
            return len(self.events)

    def wait(
        self,
        type_: str,
        matches: Callable[[Event], bool] = lambda event: True,
        *,
        timeout: float = 20,
        since: int = 0,
    ) -> Event:
        """The first event of a type that matches; fails with what came instead."""
        deadline = time.monotonic() + timeout
        seen = since
        with self._arrived:
            while True:
                for event in self.events[seen:]:
                    if event["type"] == type_ and matches(event):
                        return event
                seen = len(self.events)
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    shown = "\n".join(json.dumps(event)[:300] for event in self.events[-15:])
                    why = "the command ended" if self._ended else f"{timeout} s passed"
                    raise AssertionError(f"no {type_} event: {why}; the last events:\n{shown}\n{self.stderr}")
                self._arrived.wait(left)

    def send(self, **command: Any) -> None:
        """Sends a command on standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def ready(self, since: int = 0) -> str:
        """Waits until the app answers; its URL."""
        return str(self.wait("ready", since=since)["url"])

    def descendants(self) -> list[psutil.Process]:
        """All processes below the command: the server, its workers and the guard."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self) -> Event:
        """Asks it to stop, checks that nothing is left and returns the exit event."""
        below = self.descendants()
        self.send(do="stop")
        self.process.wait(20)
        event = self.wait("exit")
        assert self.events[-1] == event
        wait_for(lambda: not alive(below))
        return event


def get(url: str, path: str = "/", timeout: float = 10) -> tuple[int, str]:
    """Status and body of one GET on a connection of its own."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def alive(processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Those that have not ended; when init takes note of an orphan's end is none of ours."""
    found = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def wait_for(condition: Callable[[], bool], timeout: float = 10) -> None:
    """Polls until ``condition`` holds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "the condition never held"
        time.sleep(0.01)


def run_command(
    cwd: Path, arguments: Sequence[str], *, timeout: float = 30, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs ``asgi-tui`` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "asgi_tui", *arguments],
        cwd=cwd,
        env=clean_environment(**(env or {})),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
