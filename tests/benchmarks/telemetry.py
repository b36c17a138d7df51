"""What telemetry costs: bytes a second on the socket, and the console's CPU and memory.

``python -m tests.benchmarks.telemetry [--json] [--seconds=N]``: for each load a console of its own (the real
``Telemetry`` and ``Observer``, the window of 1 min shown, without a screen) and a child process in which the
real probe wraps an app of 20 routes that takes some 1 to 100 ms. No server is in between: scopes are handed
to the probe at a steady rate, since HTTP does not reach 20,000 a second on every machine. "none" is the same
console while the same app runs without the probe. The ratio is to the figure at 1,000 requests a second.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import psutil

from asgi_tui.domain.events import Event, Stats
from asgi_tui.engine import telemetry as engine
from asgi_tui.engine.observing import Observer
from asgi_tui.engine.telemetry import Sender, Summary, Telemetry, Told
from asgi_tui.engine.traces import Trace
from tests.support import clean_environment

SECONDS = 8.0
WARM_UP = 3.0
APP = """\
import asyncio, heapq, random, sys, types
from time import perf_counter

rate, paths, probed = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "probed"
HEADERS = [(b"host", b"localhost:8000"), (b"accept", b"*/*"), (b"user-agent", b"bench"), (b"cookie", b"a=b")]
START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}
BODY = {"type": "http.response.body", "body": b"x" * 200}
random.seed(1)
TIMES = [min(0.1, max(0.001, random.lognormvariate(-4.6, 0.7))) for _ in range(4999)]


@types.coroutine
def turn():
    yield


async def receive():
    return {"type": "http.request", "body": b"", "more_body": False}


async def send(message):
    pass


async def app(scope, receive, send):
    await receive()
    await turn()
    await send(START)
    await send(BODY)


def name(number):
    # Letters alone: no folding makes one path of two.
    letters = ""
    for _ in range(5):
        number, letter = divmod(number, 26)
        letters += chr(97 + letter)
    return "/" + letters


async def main():
    call = app
    if probed:
        from asgi_probe.probe import Probe
        from asgi_probe.run import RUN

        call = Probe(app, RUN)
    names = [name(number) for number in range(paths)]
    going, begun, served = [], perf_counter(), 0
    while True:
        now = perf_counter()
        while going and going[0][0] <= now:
            try:
                heapq.heappop(going)[2].send(None)
            except StopIteration:
                pass
        # What could not be served in time is left out rather than made up for.
        served = max(served, int((now - begun) * rate) - rate // 10)
        while served < (now - begun) * rate:
            scope = {
                "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
                "path": names[served % paths], "raw_path": b"/", "query_string": b"", "root_path": "",
                "scheme": "http", "headers": HEADERS, "client": ("127.0.0.1", 5000),
                "server": ("127.0.0.1", 8000),
            }
            waiting = call(scope, receive, send)
            waiting.send(None)
            heapq.heappush(going, (now + TIMES[served % len(TIMES)], served, waiting))
            served += 1
        await asyncio.sleep(0.002)


asyncio.run(main())
"""


@dataclass(frozen=True)
class Load:
    """Requests a second, distinct paths, and requests a second that are told with their messages."""

    name: str
    rate: int
    paths: int = 20
    traces: int = 0


LOADS = (
    Load("1000", 1_000),
    Load("5000", 5_000),
    Load("20000", 20_000),
    Load("20000, 100000 paths", 20_000, paths=100_000),
    Load("1000, 20 traces", 1_000, traces=20),
    Load("20000, 20 traces", 20_000, traces=20),
)


class Console:
    """What of a console takes in telemetry."""

    def __init__(self, directory: Path, load: Load) -> None:
        self.directory = directory
        self.load = load
        self.bytes = 0
        # The last of each type, as a screen keeps it.
        self.events: dict[str, Event] = {}
        self.observer = Observer(self.emit, lambda call: None, load.traces)
        gone = self.observer.gone
        self.telemetry = Telemetry(directory / "t.sock", self.observer.connected, self.told, gone)
        self.observer.listen(self.telemetry)

    def emit(self, event: Event) -> None:
        self.events[event.type] = event

    def told(self, sender: Sender, told: Told) -> None:
        if isinstance(told, Summary):
            self.observer.counted(sender, told)
        elif isinstance(told, Trace):
            self.observer.traced(sender, "uvicorn", told)

    def parse(self, line: bytes) -> Told:
        self.bytes += len(line)
        return parse(line)

    @property
    def served(self) -> int:
        stats = self.events.get("stats")
        return stats.requests if isinstance(stats, Stats) else 0

    async def measure(self, how: str, seconds: float) -> dict[str, float]:
        """Runs the app, ``probed`` or ``bare``: bytes and requests a second, CPU (%), memory (MB)."""
        child = subprocess.Popen(
            [sys.executable, "-c", APP, str(self.load.rate), str(self.load.paths), how],
            env=clean_environment(ASGI_TUI_RUN=str(self.directory / "run.json")),
        )
        try:
            await asyncio.sleep(WARM_UP)
            before = self.bytes, self.served, time.process_time(), time.perf_counter()
            await asyncio.sleep(seconds)
            passed = time.perf_counter() - before[3]
            found = {
                "bytes": (self.bytes - before[0]) / passed,
                "served": (self.served - before[1]) / passed,
                "cpu": (time.process_time() - before[2]) / passed * 100,
                "memory": psutil.Process().memory_info().rss / 1e6,
            }
            if child.poll() is not None:
                raise RuntimeError("the app has ended")
            return found
        finally:
            child.kill()
            child.wait()

    async def run(self, seconds: float) -> dict[str, dict[str, float]]:
        """Both, one after the other."""
        run = {
            "generation": 1,
            "telemetry": str(self.directory / "t.sock"),
            "token_path": "/none",
            "traces_per_second": self.load.traces,
        }
        (self.directory / "run.json").write_text(json.dumps(run))
        await self.telemetry.start()
        telling = asyncio.create_task(self.observer.reporter.stats())
        self.observer.reporter.show_window("1m")
        found = {how: await self.measure(how, seconds) for how in ("bare", "probed")}
        await self.telemetry.close()
        telling.cancel()
        with suppress(asyncio.CancelledError):
            await telling
        if self.telemetry.malformed:
            raise RuntimeError(f"{self.telemetry.malformed} messages could not be read")
        return found


parse = engine.parse


def console(load: Load, seconds: float) -> None:
    """The measured process: prints what it found as JSON."""
    with tempfile.TemporaryDirectory() as directory:
        taking = Console(Path(directory), load)
        with patch.object(engine, "parse", taking.parse):
            print(json.dumps(asyncio.run(taking.run(seconds))))


def measure_all(seconds: float) -> list[dict[str, object]]:
    """Three rows for each load."""
    rows: list[dict[str, object]] = []
    first: dict[str, float] = {}
    for number, load in enumerate(LOADS):
        argv = [
            sys.executable,
            "-m",
            "tests.benchmarks.telemetry",
            f"--console={number}",
            f"--seconds={seconds}",
        ]
        found = json.loads(subprocess.run(argv, stdout=subprocess.PIPE, check=True).stdout)
        first = first or found["probed"]
        for key, what, unit, digits in (
            ("bytes", "bytes per second", "B/s", 0),
            ("cpu", "console cpu", "%", 2),
            ("memory", "console memory", "MB", 1),
        ):
            ours, peer = found["probed"][key], found["bare"][key]
            row = {"what": f"telemetry: {what} at {load.name}", "ours": round(ours, digits)}
            row |= {"peer": round(peer, digits), "peer_name": "none", "ratio": round(ours / first[key], 2)}
            rows.append({**row, "unit": unit, "served": round(found["probed"]["served"])})
    return rows


def main() -> None:
    """Measures every load."""
    given = dict(part.split("=") for part in sys.argv[1:] if "=" in part)
    seconds = float(given.get("--seconds", SECONDS))
    if "--console" in given:
        console(LOADS[int(given["--console"])], seconds)
        return
    rows = measure_all(seconds)
    if "--json" in sys.argv:
        machine = {"python": platform.python_version(), "system": platform.system(), "cores": os.cpu_count()}
        print(json.dumps({"rows": rows, "machine": machine}))
        return
    print(f"{'what':<52} {'ours':>9} {'none':>7} {'unit':<4} {'to 1000':>7} {'served/s':>8}")
    for row in rows:
        print(f"{row['what']!s:<52} {row['ours']!s:>9} {row['peer']!s:>7}", end=" ")
        print(f"{row['unit']!s:<4} {row['ratio']!s:>7} {row['served']!s:>8}")


if __name__ == "__main__":
    main()
