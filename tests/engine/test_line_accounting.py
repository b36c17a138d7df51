"""What a real child prints is stored once, in order per stream, whatever it prints and however it ends."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from asgi_tui.domain.events import Event, Log, Logged
from asgi_tui.domain.log_entry import Entry, Fresh
from asgi_tui.domain.servers import get_server
from asgi_tui.engine.line_decoder import LINE_CHARS
from asgi_tui.engine.log_store import LogStore
from asgi_tui.engine.run_log import RunLog

LINES = 1_000_000

# Writes as fast as it can: numbered lines on both streams by turns, in cuts that end within lines.
FLOOD = """
import os, sys
each = int(sys.argv[1])
left = {1: b"", 2: b""}
for start in range(0, each, 400):
    numbers = range(start, min(start + 400, each))
    for fd, name in ((1, b"out"), (2, b"err")):
        left[fd] += b"".join(
            b"INFO:     127.0.0.1:40000 - \\"GET /items/%d HTTP/1.1\\" 200 OK, on std%b\\n" % (number, name)
            for number in numbers
        )
        end = len(left[fd]) - start % 37 if numbers[-1] < each - 1 else len(left[fd])
        data, left[fd] = left[fd][:end], left[fd][end:]
        while data:
            data = data[os.write(fd, data):]
"""


class Child:
    """A child whose output goes the way that a server's goes."""

    def __init__(self, log: RunLog, directory: Path, script: str, *arguments: str) -> None:
        self.log = log
        self.output = log.open(directory, "output")
        self.process = subprocess.Popen(
            [sys.executable, "-c", script, *arguments],
            stdin=subprocess.PIPE,
            stdout=self.output.write_ends["stdout"],
            stderr=self.output.write_ends["stderr"],
        )
        self.output.start()

    def go_on(self) -> None:
        """Lets it pass the ``input()`` that it waits in."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    async def ended(self) -> None:
        """Returns once it has ended and all that it wrote is stored."""
        await asyncio.to_thread(self.process.wait)
        await self.log.finish()

    async def read(self) -> None:
        """Returns once it has ended and all is read, however long that takes."""
        await asyncio.to_thread(self.output.finished.wait, 50)
        await self.ended()


@pytest.fixture
def told() -> list[Event]:
    return []


@asynccontextmanager
async def running(
    told: list[Event], logs: LogStore | None, directory: Path, script: str, *arguments: str
) -> AsyncIterator[Child]:
    log = RunLog(get_server("uvicorn"), "/asgi-tui-0123456789abcdef", told.append, logs)
    child = Child(log, directory, script, *arguments)
    try:
        yield child
    finally:
        child.process.kill()
        child.process.communicate()
        await log.finish()
        assert child.output.finished.is_set()
        assert not list(directory.iterdir()), "what was spooled is still there"
        if logs is not None:
            logs.close()


async def until(true: Callable[[], bool], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.005)


def stored(logs: LogStore) -> Iterable[Entry]:
    return logs.entries(range(logs.first, logs.end))


async def test_a_million_lines_are_each_stored_once_and_in_order(tmp_path: Path, told: list[Event]) -> None:
    logs = LogStore()
    begun = time.monotonic()
    async with running(told, logs, tmp_path, FLOOD, str(LINES // 2)) as child:
        await child.read()
        took = time.monotonic() - begun
        print(f"{LINES / took:,.0f} lines/s from child to store")
        assert (logs.lines, logs.evicted, logs.missed, logs.pending) == (LINES, 0, 0, ())
        found: dict[str, list[int]] = {"stdout": [], "stderr": []}
        for entry in stored(logs):
            assert entry.origin.level == "info"
            number = int(entry.text.split(" ")[3].removeprefix("/items/"))
            assert entry.text.endswith(entry.origin.stream)
            found[entry.origin.stream] += [number] * entry.count
        assert found["stdout"] == found["stderr"] == list(range(LINES // 2))
    assert len(told) < 40 * took + 3, "the loop was told too often"
    assert {type(event) for event in told} == {Logged}


async def test_a_child_killed_within_a_line_has_written_it(tmp_path: Path, told: list[Event]) -> None:
    logs = LogStore()
    script = "import sys; print('first'); print('the sec', end='', flush=True); input()"
    async with running(told, logs, tmp_path, script) as child:
        await until(lambda: bool(logs.pending))
        (pending,) = logs.pending
        assert (pending[0], pending[2:]) == ("stdout", ("the sec", 7))
        child.process.kill()
        await child.ended()
        assert [(entry.origin.stream, entry.text) for entry in stored(logs)] == [
            ("stdout", "first"),
            ("stdout", "the sec"),
        ]
        assert logs.pending == ()
        assert child.log.last_line == "the sec"


async def test_a_progress_bar_is_shown_as_it_grows_and_then_once(tmp_path: Path, told: list[Event]) -> None:
    class Looks(LogStore):
        def pend(self, stream: str, at: float, text: str, size: int, run: object = None) -> None:
            super().pend(stream, at, text, size, run)
            shown.append((time.monotonic(), text))

    shown: list[tuple[float, str]] = []
    logs = Looks()
    script = """
import sys, time
for step in range(101):
    sys.stderr.write(f"\\r{step:3}%")
    sys.stderr.flush()
    time.sleep(0.01)
input()
sys.stderr.write("\\n")
sys.stderr.flush()
input()
"""
    async with running(told, logs, tmp_path, script) as child:
        await until(lambda: bool(shown) and shown[-1][1] == "100%")
        assert len(shown) > 4, "it never was quiet, but it must be seen"
        pauses = [later[0] - before[0] for before, later in pairwise(shown)]
        assert min(pauses) > 0.09
        assert logs.end == 0
        child.go_on()
        await until(lambda: logs.end == 1 and not logs.pending)
        child.go_on()
        await child.ended()
        assert [entry.text for entry in stored(logs)] == ["100%"]
        assert shown[-1][1] == ""


async def test_a_traceback_is_one_entry_without_waiting_for_the_next_line(
    tmp_path: Path, told: list[Event]
) -> None:
    logs = LogStore()
    script = "import traceback\ntry:\n    1/0\nexcept Exception:\n    traceback.print_exc()\ninput()"
    async with running(told, logs, tmp_path, script) as child:
        await until(lambda: bool(told))
        (entry,) = stored(logs)
        assert entry.text.startswith("Traceback")
        assert entry.text.endswith("ZeroDivisionError: division by zero")
        assert child.log.last_line == "ZeroDivisionError: division by zero"
        # Until there is more, the thread sleeps.
        await until(lambda: child.output._taker.patience() is None)


async def test_a_line_of_100_mb_takes_no_memory(tmp_path: Path, told: list[Event]) -> None:
    logs = LogStore()
    script = """
import os, sys
for _ in range(100):
    sys.stdout.buffer.write(b"0123456789abcdef" * 65_536)
sys.stdout.flush()
input()
print()
print("after")
"""
    me = psutil.Process()
    before = peak = me.memory_info().rss
    size = 100 * 1024 * 1024
    async with running(told, logs, tmp_path, script) as child:
        async with asyncio.timeout(30):
            while not logs.pending or logs.pending[0][3] < size:
                peak = max(peak, me.memory_info().rss)
                await asyncio.sleep(0.01)
        child.go_on()
        await child.ended()
        assert (peak - before) / 1024 / 1024 < 25
        line, after = stored(logs)
        assert (len(line.text), after.text) == (LINE_CHARS, "after")
        assert line.rest is not None
        assert line.rest.size == size - LINE_CHARS
        position = LINE_CHARS
        for piece in logs.rest(line.rest):
            assert piece == ("0123456789abcdef" * (len(piece) // 16 + 2))[position % 16 :][: len(piece)]
            position += len(piece)
        assert position == size


async def test_a_store_that_hangs_does_not_hold_up_the_child(tmp_path: Path, told: list[Event]) -> None:
    go_on = threading.Event()

    class Hangs(LogStore):
        def append(self, batch: Iterable[Fresh]) -> None:
            go_on.wait(20)
            super().append(batch)

    logs = Hangs()
    async with running(told, logs, tmp_path, FLOOD, "50000") as child:
        await asyncio.to_thread(child.process.wait, 10)
        assert (logs.lines, go_on.is_set()) == (0, False), "the child had ended by then"
        go_on.set()
        await child.ended()
        assert logs.lines == 100_000


async def test_threads_and_descriptors_are_given_back(tmp_path: Path, told: list[Event]) -> None:
    me = psutil.Process()
    before = me.num_fds(), threading.active_count()
    for _ in range(3):
        async with running(told, LogStore(), tmp_path, "print('x')") as child:
            await child.ended()
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if "output" in name]
    assert me.num_fds() <= before[0]


async def test_without_a_store_each_line_is_an_event(tmp_path: Path, told: list[Event]) -> None:
    script = """
import sys
print("INFO:     Started")
print("x" * 20_000)
for number in range(20_000):
    print(number)
print("WARNING:app:no \\x1b[31mend", end="", file=sys.stderr)
"""
    async with running(told, None, tmp_path, script) as child:
        await child.ended()
        assert child.log.last_line == "no end"
    lines = [event for event in told if isinstance(event, Log)]
    assert len(lines) == len(told)
    out = [(line.level, line.text) for line in lines if line.stream == "stdout"]
    assert out[:3] == [("info", "Started"), (None, "x" * LINE_CHARS), (None, "x" * (20_000 - LINE_CHARS))]
    assert out[3:] == [(None, str(number)) for number in range(20_000)]
    (error,) = (line for line in lines if line.stream == "stderr")
    assert (error.level, error.logger, error.text) == ("warning", "app", "no end")


async def test_what_comes_too_fast_is_counted(
    tmp_path: Path, told: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asgi_tui.engine.spool.SEGMENT_BYTES", 65_536)
    monkeypatch.setattr("asgi_tui.engine.spool.SEGMENTS", 2)
    go_on = threading.Event()

    class Hangs(LogStore):
        def append(self, batch: Iterable[Fresh]) -> None:
            go_on.wait(20)
            super().append(batch)

    logs = Hangs()
    async with running(told, logs, tmp_path, FLOOD, "20000") as child:
        await asyncio.to_thread(child.process.wait, 10)
        go_on.set()
        await child.ended()
        assert 0 < logs.lines < 40_000
        assert logs.missed > 1_000_000


async def test_a_descendant_with_the_pipe_open_is_not_waited_for(
    tmp_path: Path, told: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asgi_tui.engine.run_log.LAST_LINES", 0.2)
    logs = LogStore()
    script = """
import subprocess, sys
print("the last line", flush=True)
beside = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(20)"])
print(beside.pid, file=sys.stderr)
"""
    async with running(told, logs, tmp_path, script) as child:
        async with asyncio.timeout(5):
            await child.ended()
        line, pid = stored(logs)
        assert line.text == "the last line"
        psutil.Process(int(pid.text)).kill()
