"""What may go wrong at a reload, with real servers: the last good version, streams, locks and the standby."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import psutil
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from asgi_tui.domain.events import Event, Ready, Reload, Standby, State, StateChanged, Switch, Worker, to_json
from asgi_tui.domain.reloading import DEFAULTS, Reloading
from tests.engine.test_main_flow import Client
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
    """The standby, once it is warm."""
    await it.until(lambda: standbys(it)[-1:] == ["warm"])
    return last(it, Standby)


async def ended(it: Driven, pid: int) -> None:
    await it.until(lambda: not psutil.pid_exists(pid))


# -- code that does not load ------------------------------------------------------------------------------

# By what is wrong: the source, what is said of it, and the file and line at fault.
BROKEN = {
    "syntax": (version(1) + "this is no python\n", "SyntaxError", ("app.py", len(APP.splitlines()) + 1)),
    "import": ("import helper\n" + version(1), "no_such_module_anywhere", ("helper.py", 3)),
    "failed": (version(1, with_startup("raise OSError('no database today')")), "no database today", None),
    "endless": (version(1, with_startup("await asyncio.sleep(3600)")), "within 1 s", None),
}


@pytest.mark.parametrize(
    ("server", "ways"),
    [
        ("uvicorn", ("syntax", "failed", "endless")),
        ("hypercorn", ("import", "failed")),
        ("daphne", ("import",)),
        ("granian", ("failed", "endless")),
        ("gunicorn", ("failed",)),
        ("gunicorn-uvicorn", ("endless",)),
    ],
)
async def test_the_last_good_version_serves_until_the_next(
    tmp_path: Path, server: str, ways: tuple[str, ...]
) -> None:
    directory = project(tmp_path)
    (directory / "helper.py").write_text("\n\nimport no_such_module_anywhere\n")
    async with serving(directory, server, reloading=Reloading(ready_timeout=1)) as it:
        for way in ways:
            source, words, place = BROKEN[way]
            reloading = asyncio.create_task(saved(it, directory, source))
            await it.state(State.RELOADING)
            assert await it.answer() == (200, "version 0")
            failed = await reloading
            assert failed.outcome == "failed"
            assert words in failed.reason
            if place is not None:
                assert (failed.file, failed.line) == place
                assert Path(failed.frames[-1].file) == directory / place[0]
                assert failed.frames[-1].line == place[1]
            if way == "import":
                assert [Path(frame.file).name for frame in failed.frames] == ["app.py", "helper.py"]
            await it.state(State.READY)
            assert last(it, StateChanged).reason == "serving the last good version"
            assert await it.answer() == (200, "version 0")
        good = await saved(it, directory, version(2))
        assert (good.outcome, good.refused) == ("ok", 0)
        assert await it.answer() == (200, "version 2")


def ask_as(url: str, accept: str) -> tuple[int, str, str]:
    """Status, content type and body for a client that accepts this."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
    try:
        connection.request("GET", "/", headers={"accept": accept})
        response = connection.getresponse()
        return response.status, response.getheader("content-type", ""), response.read().decode()
    finally:
        connection.close()


async def test_until_the_first_good_save_the_reason_is_answered(tmp_path: Path) -> None:
    directory = project(tmp_path)
    write_app(directory, "import no_such_module_anywhere\n")
    # No event tells the port that nothing serves.
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    async with driven(directory, port=port) as it:
        it.plan = replace(it.plan, server="gunicorn")
        await it.session.start(it.plan)
        url = f"http://127.0.0.1:{port}"
        for broken, words in (("", "no_such_module_anywhere"), ("1 / 0\n", "division by zero")):
            if broken:
                assert (await saved(it, directory, broken)).outcome == "failed"
                await it.state(State.CRASHED)
            status, kind, body = await asyncio.to_thread(ask_as, url, "*/*")
            assert (status, kind.partition(";")[0]) == (503, "text/plain")
            assert words in body
            assert "<" not in body
            browsers = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
            status, kind, body = await asyncio.to_thread(ask_as, url, browsers)
            assert (status, kind.partition(";")[0]) == (503, "text/html")
            assert words in body
            assert "<html" in body
        assert (await saved(it, directory, version(1))).outcome == "ok"
        assert await it.answer() == (200, "version 1")


# -- saves that follow each other -------------------------------------------------------------------------


async def test_saves_that_look_alike_are_both_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    directory, now = project(tmp_path), float(int(time.time()))
    put(directory, "NUMBER = 0\n", "number.py", at=now)
    source = "import number\n" + APP.replace("VERSION = 0", "VERSION = number.NUMBER")
    async with serving(directory, "hypercorn", source) as it:
        assert "PYTHONDONTWRITEBYTECODE" not in psutil.Process(last(it, Ready).pid).environ()
        for number in (1, 2, 3):
            # Cached bytecode counts as valid by size and whole second: here both stay the same.
            assert list((directory / "__pycache__").glob("number.*.pyc"))
            before = len(it.all(Reload))
            put(directory, f"NUMBER = {number}\n", "number.py", at=now)
            await it.until(lambda before=before: len(it.all(Reload)) > before)  # type: ignore[misc] # a default
            assert await it.answer() == (200, f"version {number}")
            if number == 1:
                await warm(it)
        assert last(it, Reload).outcome == "ok"


async def test_a_save_during_a_reload_wins(tmp_path: Path) -> None:
    directory = project(tmp_path)
    slow = APP + "\ntime.sleep(0.5)\n"
    async with serving(directory, "daphne", slow, Reloading(standby=False)) as it:
        put(directory, version(1, slow))
        await it.state(State.RELOADING)
        await asyncio.sleep(0.3)
        put(directory, version(2, slow))
        await it.until(lambda: bool(it.all(Reload)))
        await it.state(State.READY)
        # Whether the first one came to its end or not, what is served is the second.
        deadline = time.monotonic() + 3
        while (await it.answer())[1] != "version 2":
            assert time.monotonic() < deadline
        await asyncio.sleep(0.3)
        assert await it.answer() == (200, "version 2")
        reloads = [event for event in it.all(Reload) if isinstance(event, Reload)]
        assert {(event.outcome, event.start) for event in reloads} == {("ok", "cold")}
        assert standbys(it) == ["off"]


# -- apps that cannot overlap -----------------------------------------------------------------------------

LOCK = with_startup(
    """\
global lock
    import fcntl
    lock = open(BESIDE / "lock", "w")
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    await asyncio.sleep(0.1)
"""
)


async def test_old_first_runs_one_app_at_a_time(tmp_path: Path) -> None:
    directory = project(tmp_path)
    async with serving(directory, "uvicorn", LOCK, Reloading(old_first=True)) as it:
        client = Client(it.url)
        for number in (1, 2):
            reload = await saved(it, directory, version(number, LOCK))
            assert (reload.outcome, reload.refused, reload.reason) == ("ok", 0, "")
            assert await it.answer() == (200, f"version {number}")
        await it.session.switch("granian")
        await it.until(lambda: bool(it.all(Switch)))
        reload = await saved(it, directory, version(3, LOCK))
        assert (reload.outcome, reload.refused, reload.reason) == ("ok", 0, "")
        outcomes = await asyncio.to_thread(client.finish)
        assert set(outcomes) == {"200"}, outcomes
        ends = (tmp_path / "notes").read_text().splitlines()
        assert ends == ["shutdown 0", "shutdown 1", "shutdown 2", "shutdown 2"]
        # Proof that the lock would have told: beside each other the new one does not start.
        await it.session.start(replace(it.plan, reloading=DEFAULTS))
        assert last(it, StateChanged).reason == "serving the last good version"


# -- open streams -----------------------------------------------------------------------------------------


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


def by_default(*servers: str) -> list[object]:
    """All servers as parameters; those not named are of the matrix."""
    return [name if name in servers else pytest.param(name, marks=pytest.mark.matrix) for name in SERVERS]


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


# -- the standby ------------------------------------------------------------------------------------------

# The app says which of the modules it imports were there before it.
IMPORTS = (
    """\
import sys

NAMES = ("multidict", "framework", "msgspec", "fussy", "sortedcontainers")
EARLY = [name for name in NAMES if name in sys.modules]

import multidict
import framework
import fussy
import msgspec
import os
os.environ["ASGI_TUI_TEST"] = "set by the app"
import sortedcontainers

"""
    + APP.replace('f"version {VERSION}"', 'f"version {VERSION} {EARLY}"')
    + '\nnote(f"app {os.getpid()}")\n'
)
INSTALLED = {
    # Loads the user's code by itself, as frameworks with plugins do.
    "framework": "import plugin\n",
    # Cannot be imported unless the app is there.
    "fussy": "import sys\nif 'app' not in sys.modules:\n    raise RuntimeError('fussy before its time')\n",
}
PLUGIN = """\
import os
from pathlib import Path

with open(Path(__file__).parent.parent / "notes", "a") as file:
    file.write(f"plugin {os.getpid()}\\n")
"""


@pytest.mark.parametrize("server", by_default("uvicorn", "gunicorn"))
async def test_the_standby_runs_nothing_of_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    directory, site = project(tmp_path), tmp_path / "site-packages"
    site.mkdir()
    for name, source in INSTALLED.items():
        (site / f"{name}.py").write_text(source)
    (directory / "plugin.py").write_text(PLUGIN)
    monkeypatch.setenv("PYTHONPATH", str(site))

    def notes() -> list[str]:
        """What user code noted as it was imported, by process, those that shut down left out."""
        lines = (tmp_path / "notes").read_text().splitlines()
        return [line for line in lines if not line.startswith("shutdown")]

    reloading = Reloading(standby_exclude=("msgspec",))
    async with serving(directory, server, IMPORTS, reloading) as it:
        assert await it.answer() == (200, "version 0 []")
        for number in (1, 2):
            waiting = await warm(it)
            assert waiting.modules > 10
            assert waiting.rss_bytes > 1_000_000
            assert len(notes()) == 2 * number
            reload = await saved(it, directory, version(number, IMPORTS))
            assert (reload.outcome, reload.start, reload.cold_reason) == ("ok", "warm", "")
            # What the app imports after it changed the environment is not imported for it.
            assert await it.answer() == (200, f"version {number} ['multidict']")
            assert len(notes()) == len(set(notes())) == 2 * (number + 1)
        told = [event for event in it.events if "fussy before its time" in json.dumps(to_json(event))]
        assert len(told) <= 1, told
        # One that dies is replaced by a cold start, and that by a warm one.
        os.kill((await warm(it)).pid, signal.SIGKILL)
        await it.until(lambda: standbys(it)[-1] == "failed")
        reload = await saved(it, directory, version(3, IMPORTS))
        assert (reload.outcome, reload.start, reload.refused) == ("ok", "cold", 0)
        assert reload.cold_reason
        assert await it.answer() == (200, "version 3 []")
        assert standbys(it).count("failed") == 1
        await warm(it)
        reload = await saved(it, directory, version(4, IMPORTS))
        assert (reload.outcome, reload.start) == ("ok", "warm")
