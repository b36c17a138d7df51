"""Commands that meet each other, saves and crashes: a session driven directly, on a real server."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from asgi_tui.domain.events import Error, Event, Reload, State, Switch
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.target import Target
from asgi_tui.engine.listener import Listener
from asgi_tui.engine.session import Session
from tests.support import PLAIN_APP, get, write_app

SLOW = "import time\n\ntime.sleep(0.7)\n" + PLAIN_APP
STUBBORN = "import signal\n\nsignal.signal = lambda *_: None\n" + PLAIN_APP


class Driven:
    """A session with its events kept."""

    def __init__(self, directory: Path, **options: str | int) -> None:
        self.session = Session()
        self.events: list[Event] = []
        plan = LaunchPlan(Target.parse("app:app"), "uvicorn", str(directory))
        self.plan = plan.with_options({"port": 0, **options})

    async def listen(self) -> None:
        async for batch in self.session.events():
            self.events += batch

    async def until(self, condition: Callable[[], bool], seconds: float = 10) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.01)

    def all(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    async def state(self, state: State) -> None:
        await self.until(lambda: self.session.state is state)

    @property
    def url(self) -> str:
        return str([event for event in self.events if event.type == "ready"][-1].url)  # type: ignore[attr-defined]  # a Ready

    async def answer(self) -> tuple[int, str]:
        return await asyncio.to_thread(get, self.url)


@asynccontextmanager
async def driven(directory: Path, **options: str | int) -> AsyncIterator[Driven]:
    it = Driven(directory, **options)
    listening = asyncio.create_task(it.listen())
    await asyncio.sleep(0)
    try:
        yield it
    finally:
        await it.session.close()
        await listening


async def test_a_save_does_not_undo_a_switch_that_is_under_way(tmp_path: Path) -> None:
    source = write_app(tmp_path, SLOW)
    async with driven(tmp_path) as it:
        await it.session.start(it.plan)
        switching = asyncio.create_task(it.session.switch("hypercorn"))
        await it.state(State.RELOADING)
        await asyncio.sleep(0.2)
        source.write_text(SLOW.replace("VERSION = 0", "VERSION = 1"))
        await switching
        assert [event.to for event in it.all(Switch) if isinstance(event, Switch)] == ["hypercorn"]
        await it.until(lambda: bool(it.all(Reload)))
        assert it.session.plan is not None
        assert it.session.plan.server == "hypercorn"
        assert await it.answer() == (200, "version 1")


async def test_a_stop_is_not_undone_by_a_save(tmp_path: Path) -> None:
    source = write_app(tmp_path)
    async with driven(tmp_path) as it:
        await it.session.start(it.plan)
        stopping = asyncio.create_task(it.session.stop())
        await it.state(State.STOPPING)
        source.write_text(PLAIN_APP + "\n")
        await stopping
        await asyncio.sleep(0.4)
        assert it.session.state is State.STOPPED
        assert it.all(Reload) == []


async def test_a_switch_that_cannot_be_disturbs_nothing(tmp_path: Path) -> None:
    write_app(tmp_path, SLOW)
    async with driven(tmp_path) as it:
        starting = asyncio.create_task(it.session.start(it.plan))
        await asyncio.sleep(0.3)
        await it.session.switch("nope")
        await starting
        assert it.session.state is State.READY
        await it.session.switch("uvicorn")
        assert it.session.state is State.READY
        await it.until(lambda: len(it.all(Error)) == 2)
        assert (await it.answer())[0] == 200


async def test_a_switch_that_cannot_be_leaves_it_waiting_for_a_save(tmp_path: Path) -> None:
    source = write_app(tmp_path, "this is no python\n")
    async with driven(tmp_path) as it:
        await it.session.start(it.plan)
        assert it.session.waits_for_a_save
        await it.session.switch("nope")
        assert it.session.waits_for_a_save
        source.write_text(PLAIN_APP)
        await it.state(State.READY)
        assert await it.answer() == (200, "version 0")


async def test_a_restart_with_broken_code_keeps_the_last_good_version(tmp_path: Path) -> None:
    source = write_app(tmp_path)
    async with driven(tmp_path) as it:
        await it.session.start(it.plan)
        source.write_text("this is no python\n")
        await it.until(lambda: bool(it.all(Reload)))
        await it.session.restart()
        assert it.session.state is State.READY
        assert await it.answer() == (200, "version 0")


async def test_another_host_on_the_same_port(tmp_path: Path) -> None:
    write_app(tmp_path)
    async with driven(tmp_path) as it:
        await it.session.start(it.plan)
        port = int(it.url.rpartition(":")[2])
        for host in ("0.0.0.0", "localhost", "127.0.0.1"):
            await it.session.start(it.plan.with_options({"host": host, "port": port}))
            assert it.session.state is State.READY, it.all(Error)
            assert (await it.answer())[0] == 200


async def test_a_crash_that_a_command_has_overtaken_changes_nothing(tmp_path: Path) -> None:
    write_app(tmp_path)
    async with driven(tmp_path) as it:
        for _ in range(3):
            await it.session.start(it.plan)
            pid = next(event.pid for event in reversed(it.events) if event.type == "ready")  # type: ignore[attr-defined]  # a Ready
            os.kill(pid, signal.SIGKILL)
            await it.session.stop()
            await asyncio.sleep(0.1)
            assert it.session.state is State.STOPPED


async def test_many_commands_at_once_leave_one_server_and_no_descriptor(tmp_path: Path) -> None:
    write_app(tmp_path)
    async with driven(tmp_path) as it:
        await it.session.start(it.plan)
        descriptors = len(os.listdir("/dev/fd"))
        for server in ("hypercorn", "granian", "uvicorn", "daphne", "gunicorn", "hypercorn"):
            asyncio.create_task(it.session.switch(server))  # noqa: RUF006 - awaited by state
            await asyncio.sleep(0.03)
        await it.session.switch("granian")
        await it.until(lambda: it.session.plan is not None and it.session.plan.server == "granian")
        await it.state(State.READY)
        assert await it.answer() == (200, "version 0")
        await it.until(lambda: len(os.listdir("/dev/fd")) <= descriptors + 2)


async def test_an_app_that_ignores_term_is_ended(tmp_path: Path) -> None:
    write_app(tmp_path, STUBBORN)
    async with driven(tmp_path, graceful_timeout=1) as it:
        await it.session.start(it.plan)
        url = it.url
        await asyncio.wait_for(it.session.stop(), 8)
        assert it.session.state is State.STOPPED
        try:
            await asyncio.to_thread(get, url)
        except OSError:
            return
        raise AssertionError("it still answers")


def test_connections_that_found_no_room_are_counted() -> None:
    plan = LaunchPlan(Target.parse("app:app"), "uvicorn", "/").with_options({"port": 0})
    listener = Listener(plan)
    clients: list[socket.socket] = []
    try:
        assert listener.dropped() == 0
        listener.socket.listen(0)
        for _ in range(4):
            clients.append(client := socket.socket())
            client.setblocking(False)
            with suppress(BlockingIOError):
                client.connect(listener.name)
        deadline = time.monotonic() + 10
        while sys.platform == "linux" and not listener.dropped() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert bool(listener.dropped()) == (sys.platform == "linux")
    finally:
        for client in clients:
            client.close()
        listener.close()
