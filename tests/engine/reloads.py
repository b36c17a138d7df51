"""A session on an app that tests save, break and replace, and how to wait for what follows."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import psutil
import pytest

from asgi_tui.domain.events import Event, Ready, Reload, Standby, Worker
from asgi_tui.domain.reloading import DEFAULTS, Reloading
from tests.engine.test_session_commands import Driven, driven
from tests.support import SERVERS, write_app

Kind = TypeVar("Kind", bound=Event)

# Startup and shutdown are functions, so that a test can put its own in their place.
APP = """\
import asyncio
import os
import sys
import time
from pathlib import Path

VERSION = 0
BESIDE = Path(__file__).parent.parent


def note(text):
    with open(BESIDE / "notes", "a") as file:
        file.write(f"{text}\\n")


async def startup():
    pass


async def shutdown():
    note(f"shutdown {VERSION}")


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        try:
            await startup()
        except OSError as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await shutdown()
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": f"{VERSION}"})
    else:
        text = [(b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 200, "headers": text})
        while scope["path"] == "/stream":
            await send({"type": "http.response.body", "body": b"%d\\n" % VERSION, "more_body": True})
            await asyncio.sleep(0.05)
        await send({"type": "http.response.body", "body": f"version {VERSION}".encode()})
"""


def version(number: int, source: str = APP) -> str:
    return source.replace("VERSION = 0", f"VERSION = {number}")


def with_startup(body: str) -> str:
    return APP.replace("async def startup():\n    pass", f"async def startup():\n    {body}")


def project(tmp_path: Path) -> Path:
    """A directory for the app, and beside it room for what the app notes."""
    directory = tmp_path / "project"
    directory.mkdir()
    return directory


@asynccontextmanager
async def serving(
    directory: Path, server: str, source: str = APP, reloading: Reloading = DEFAULTS
) -> AsyncIterator[Driven]:
    """A session that has started the app."""
    write_app(directory, source)
    async with driven(directory) as it:
        it.plan = replace(it.plan, server=server, reloading=reloading)
        await it.session.start(it.plan)
        yield it


def put(directory: Path, source: str, name: str = "app.py", at: float | None = None) -> None:
    """Moves a file into place, last changed ``at``."""
    new = directory / f".{name}.new"
    new.write_text(source)
    if at is not None:
        os.utime(new, (at, at))
    new.replace(directory / name)


async def saved(it: Driven, directory: Path, source: str, name: str = "app.py") -> Reload:
    """Saves a file; the reload that followed."""
    before = len(it.all(Reload))
    put(directory, source, name)
    await it.until(lambda: len(it.all(Reload)) > before)
    return last(it, Reload)


def last(it: Driven, kind: type[Kind]) -> Kind:
    found = it.all(kind)[-1]
    assert isinstance(found, kind)
    return found


def workers(it: Driven, state: str) -> list[Worker]:
    return [event for event in it.events if isinstance(event, Worker) and event.state == state]


def standbys(it: Driven) -> list[str]:
    return [event.state for event in it.events if isinstance(event, Standby)]


async def warm(it: Driven) -> Standby:
    """The standby, once it is warm; not the one that serves by now."""
    await it.until(lambda: standbys(it)[-1:] == ["warm"] and last(it, Standby).pid != last(it, Ready).pid)
    return last(it, Standby)


async def ended(it: Driven, pid: int) -> None:
    await it.until(lambda: not psutil.pid_exists(pid))


def by_default(*servers: str) -> list[object]:
    """All servers as parameters; those not named are of the matrix."""
    return [name if name in servers else pytest.param(name, marks=pytest.mark.matrix) for name in SERVERS]
