"""Traffic without pause through reloads and switches among all servers: nothing is lost, nothing is left."""

from __future__ import annotations

import asyncio
import os
import random
import shlex
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from tests.engine.clients import APP, Traffic
from tests.support import SERVERS, Event, Running, wait_for, write_app

QUIET = ("--set", "log_level=warning")
# Seconds after a reload was told from which on no fresh connection may meet the code of before.
HANDED_OVER = 0.3
# A file that changes at once after each reload counts as written by the app itself, after some in a row. So
# every third save comes as late as a person's (``asgi_tui.domain.reload_loop``).
IN_A_ROW = 3
LATE = 1.6
# Threads that asyncio may still add to its pool of them, which never shrinks.
POOL = (os.cpu_count() or 1) + 4
MEBIBYTE = 1 << 20


class Tortured:
    """A running console, and the versions of its app that are saved."""

    def __init__(self, directory: Path, running: Running) -> None:
        self.running = running
        self.source = directory / "app.py"
        self.version = 0
        self.reloads: list[Event] = []
        self.switches: list[Event] = []
        self._changed = 0.0

    def save(self) -> int:
        """Saves the next version; the number of events before."""
        self.version += 1
        if self.version % IN_A_ROW == 0:
            time.sleep(max(0.0, self._changed + LATE - time.monotonic()))
        since = self.running.mark()
        new = self.source.with_name(".app.py.new")
        new.write_text(APP.replace("VERSION = 0", f"VERSION = {self.version}"))
        new.replace(self.source)
        return since

    def reload(self) -> Event:
        """Returns once the saved version is served."""
        event = self.running.wait("reload", since=self.save())
        assert (event["outcome"], event["refused"]) == ("ok", 0), event
        self.reloads.append(event)
        self._changed = time.monotonic()
        return event

    def switch(self, server: str) -> None:
        """Returns once that server serves."""
        since = self.running.mark()
        self.running.send(do="switch", server=server)
        event = self.running.wait("switch", since=since)
        assert (event["to"], event["refused"]) == (server, 0), event
        self.switches.append(event)
        self._changed = time.monotonic()

    @property
    def figures(self) -> str:
        """Milliseconds that reloads and switches took."""

        def line(name: str, events: list[Event]) -> str:
            times = [event["total_ms"] for event in events]
            return f"{len(times)} {name}, median {statistics.median(times):.0f} ms, max {max(times):.0f} ms"

        return "; ".join(
            line(name, events)
            for name, events in (("reloads", self.reloads), ("switches", self.switches))
            if events
        )


def project(tmp_path: Path) -> Path:
    """A directory with the app, and beside it room for what the app notes."""
    directory = tmp_path / "project"
    directory.mkdir()
    write_app(directory, APP)
    (tmp_path / "begun").touch()
    return directory


async def torture(tmp_path: Path, reloads: int, switches: int) -> str:
    """Runs it on all servers in turn; what was measured. Fails at the first thing that a client lost."""
    directory = project(tmp_path)
    dice = random.Random(4)
    steps = ["reload"] * (reloads - switches)
    # On each server at least one reload, since what follows a switch is one.
    for number in range(switches):
        steps += [SERVERS[(number + 1) % len(SERVERS)], "reload"]
    with Running(directory, "app:app", "--server", SERVERS[0], "--port", "0", *QUIET) as running:
        url = await asyncio.to_thread(running.ready)
        tortured = Tortured(directory, running)
        traffic = Traffic(urlsplit(url).port or 0, tmp_path / "begun")
        traffic.start()
        for step in steps:
            await asyncio.sleep(dice.uniform(0.05, 0.4))
            traffic.during = f"{step}, after {traffic.during}"[:60]
            if step == "reload":
                await asyncio.to_thread(tortured.reload)
                await asyncio.sleep(HANDED_OVER)
                traffic.floor = tortured.version
            else:
                await asyncio.to_thread(tortured.switch, step)
        await traffic.finish()
        figures = f"{tortured.figures}; {traffic.figures}"
        assert not traffic.broken, "\n".join([figures, *traffic.broken[:30]])
        expected = {f"{where} {kind}" for where in ("fresh", "kept") for kind in ("now", "parts", "posted")}
        assert set(traffic.answered) == expected
        assert min(traffic.answered.values()) > reloads + switches
        assert (await asyncio.to_thread(running.stop))["code"] == 0
    return figures


async def test_no_request_is_lost_by_reloads_and_switches(tmp_path: Path) -> None:
    await torture(tmp_path, reloads=8, switches=6)


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_no_request_is_lost_by_many(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = await torture(tmp_path, reloads=50, switches=20)
    with capsys.disabled():
        print(f"\n{figures}")


# -- what is left ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Census:
    """What a console and the processes below it hold; memory in bytes, resident."""

    descriptors: int
    threads: int
    processes: int
    console_rss: int
    below_rss: int
    files: int


def census(running: Running) -> Census:
    """As it is now."""
    console, below = psutil.Process(running.process.pid), running.descendants()
    launcher = Path(shlex.split(running.wait("starting")["ran"])[1])
    return Census(
        console.num_fds(),
        console.num_threads(),
        len(below),
        console.memory_info().rss,
        sum(process.memory_info().rss for process in below),
        len(list(launcher.parent.parent.iterdir())),
    )


def at_rest(running: Running, since: int) -> Census:
    """Once the old server is gone and the next standby, where there is one, is warm."""
    if any(event["type"] == "standby" for event in running.events):
        running.wait("standby", lambda event: event["state"] in ("warm", "off", "failed"), since=since)
    console = psutil.Process(running.process.pid)
    found, same = (0, 0), time.monotonic()

    def rested() -> bool:
        nonlocal found, same
        now = console.num_fds(), len(running.descendants())
        if now != found:
            found, same = now, time.monotonic()
        return time.monotonic() - same > 0.5

    wait_for(rested)
    return census(running)


def reload_many(running: Running, directory: Path, counts: tuple[int, ...]) -> list[Census]:
    """The census after each number of further reloads."""
    tortured = Tortured(directory, running)
    found = []
    for count in counts:
        since = 0
        for _ in range(count):
            since = running.mark()
            tortured.reload()
        found.append(at_rest(running, since))
    return found


def nothing_more(before: Census, after: Census) -> None:
    """Fails where something was left behind."""
    assert after.processes == before.processes
    assert after.descriptors == before.descriptors
    assert after.threads <= before.threads + POOL
    assert after.files <= before.files


def test_ten_reloads_leave_nothing_behind(tmp_path: Path) -> None:
    directory = project(tmp_path)
    with Running(directory, "app:app", "--port", "0", *QUIET) as running:
        running.ready()
        before, after = reload_many(running, directory, (2, 10))
        nothing_more(before, after)
        assert running.stop()["code"] == 0


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("server", SERVERS)
def test_two_hundred_reloads_leave_nothing_behind(
    tmp_path: Path, server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = project(tmp_path)
    with Running(directory, "app:app", "--server", server, "--port", "0", *QUIET) as running:
        running.ready()
        first, middle, last = reload_many(running, directory, (10, 90, 100))
        with capsys.disabled():
            print(f"\n{server}, after 10, 100 and 200: {first} {middle} {last}")
        # What the allocator keeps differs by some pages from time to time; a leak grows on.
        assert last.console_rss - middle.console_rss < 2 * MEBIBYTE
        assert last.below_rss - middle.below_rss < 6 * MEBIBYTE
        assert last.threads <= middle.threads + 1
        nothing_more(first, last)
        assert running.stop()["code"] == 0
