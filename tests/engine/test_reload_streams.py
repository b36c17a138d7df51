"""Streams and WebSockets that are open when their process is replaced, on real servers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from asgi_tui.domain.events import Ready
from asgi_tui.domain.reloading import Reloading
from tests.engine.reloads import by_default, ended, last, project, saved, serving, version, workers
from tests.engine.test_session_commands import Driven


class Stream:
    """Something open that tells the version that serves it, until it ends."""

    def __init__(self) -> None:
        self.versions: list[tuple[float, str]] = []
        self.ended = 0.0
        self.task: asyncio.Task[None] | None = None

    def heard(self, text: str) -> None:
        self.versions.append((time.monotonic(), text.strip()))

    @property
    def now(self) -> str:
        """The version heard in the last 0.3 s."""
        at, text = self.versions[-1]
        return text if time.monotonic() - at < 0.3 else "silent"

    async def read(self, reader: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while line := await reader.readline():
                if line.strip().isdigit() and line.strip() != b"2":
                    # Chunked: its size line says 2, and the version does not.
                    self.heard(line.decode())
        self.ended = time.monotonic()

    async def talk(self, websocket: ClientConnection) -> None:
        with suppress(ConnectionClosed):
            while True:
                await websocket.send("which")
                self.heard(str(await websocket.recv()))
                await asyncio.sleep(0.05)
        self.ended = time.monotonic()


@asynccontextmanager
async def streams(url: str) -> AsyncIterator[tuple[Stream, Stream]]:
    """An event stream and a WebSocket, both open."""
    port = urlsplit(url).port
    events, talk = Stream(), Stream()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /stream HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n")
    async with connect(f"ws://127.0.0.1:{port}/", close_timeout=1) as websocket:
        tasks = [asyncio.create_task(events.read(reader)), asyncio.create_task(talk.talk(websocket))]
        try:
            yield events, talk
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            writer.close()


async def replaced_with_streams(it: Driven, directory: Path, events: Stream, talk: Stream) -> None:
    """Reloads to version 1 while both are open, which are served by version 0 on."""
    await it.until(lambda: bool(events.versions and talk.versions))
    reload = await saved(it, directory, version(1))
    assert (reload.outcome, reload.refused) == ("ok", 0)
    await asyncio.sleep(0.5)
    assert (events.now, talk.now) == ("0", "0")
    assert await it.answer() == (200, "version 1")


async def gone_with_streams(it: Driven, tmp_path: Path, server: str, old: int) -> None:
    """The old process has told its end, and the app has been told to shut down."""
    await it.until(lambda: bool(workers(it, "drained")))
    drained = workers(it, "drained")[-1]
    assert (drained.pid, drained.cut) == (old, 2)
    if server != "daphne":
        assert (tmp_path / "notes").read_text() == "shutdown 0\n"
    await ended(it, old)
    assert await it.answer() == (200, "version 1")


@pytest.mark.parametrize("server", by_default("hypercorn", "granian"))
async def test_streams_get_their_grace_time(tmp_path: Path, server: str) -> None:
    directory = project(tmp_path)
    async with serving(directory, server, reloading=Reloading(grace=1.2)) as it, streams(it.url) as both:
        old = last(it, Ready).pid
        begun = time.monotonic()
        await replaced_with_streams(it, directory, *both)
        draining = workers(it, "draining")[-1]
        assert (draining.in_flight, draining.websockets) == (1, 1)
        assert 0 < draining.until - draining.at <= 1.2
        await it.until(lambda: all(stream.ended for stream in both))
        for stream in both:
            assert 1.2 <= stream.ended - begun < 6
        await gone_with_streams(it, tmp_path, server, old)


@pytest.mark.parametrize("server", by_default("uvicorn", "gunicorn"))
async def test_streams_are_ended_when_asked(tmp_path: Path, server: str) -> None:
    directory = project(tmp_path)
    async with serving(directory, server, reloading=Reloading(grace=60)) as it, streams(it.url) as both:
        old = last(it, Ready).pid
        await replaced_with_streams(it, directory, *both)
        assert workers(it, "draining")[-1].until - time.time() > 50
        asked = time.monotonic()
        await it.session.end_streams()
        await it.until(lambda: all(stream.ended for stream in both))
        assert time.monotonic() - asked < 3
        await gone_with_streams(it, tmp_path, server, old)
