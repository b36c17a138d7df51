"""From a save to the first answer of the new code, under the console and with each server's own reload.

``python -m tests.benchmarks.reload [--json] [--rounds N] [--servers a,b] [--apps a,b]``: each server runs
each app twice, under the console and by itself with its own ``--reload``, from a directory each. Saves
alternate between the two, so that noise of the machine falls on both, and wait until both are at rest. From
a save on, a fresh connection is made every 3 ms until the new version answers. A poll that gets no answer is
refused; one that waits for its answer is none. daphne has no reload of its own, and gunicorn's notices a save
under uvicorn's worker class but goes on serving the old code (27.0.1; compare benoitc/gunicorn#2339).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import psutil

from tests.benchmarks.real_app import write_real_app
from tests.support import FASTAPI_APP, LITESTAR_APP, SERVERS, Event, Running, clean_environment, write_app

ROUNDS = 7
POLL = 0.003  # seconds between two polls
PATIENCE = 30.0  # seconds for a start, a reload, and for one answer
SETTLE = 1.6  # seconds both sides rest before the next save; sooner ones may look like a loop of the app's
STANDBY_PATIENCE = 10.0
VERSION = re.compile(rb"version (\d+)")

APPS: dict[str, Callable[[Path], Path]] = {
    "fastapi": lambda directory: write_app(directory, FASTAPI_APP),
    "litestar": lambda directory: write_app(directory, LITESTAR_APP),
    "real": write_real_app,
}
OWN = {
    "uvicorn": ["uvicorn", "--reload", "--no-access-log", "--port", "{port}", "app:app"],
    "hypercorn": ["hypercorn", "--reload", "-b", "127.0.0.1:{port}", "app:app"],
    "granian": ["granian", "--reload", "--interface", "asgi", "--port", "{port}", "app:app"],
    "gunicorn": [
        *("gunicorn", "--reload", "-k", "asgi", "--no-control-socket"),
        *("-b", "127.0.0.1:{port}", "app:app"),
    ],
}
# Hundreds of polls a second would otherwise be written to the log; by default the others write none.
QUIET = {"uvicorn": ["--set", "access_log=off"], "daphne": ["--set", "access_log=off"]}
# Seconds the hello apps should take at most, and the most that each app may take of the server's own.
HELLO_BAR = {"uvicorn": 0.06, "hypercorn": 0.06, "daphne": 0.06, "granian": 0.09, "gunicorn": 0.09}
RATIO_BAR = {"uvicorn": 0.1, "hypercorn": 0.1, "gunicorn": 0.1, "granian": 0.2}


def poll(port: int) -> int | None:
    """The version that answers on a fresh connection; None where nobody or somebody else does."""
    answer = b""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        while data := sock.recv(65_536):
            answer += data
    found = VERSION.search(answer)
    return int(found[1]) if found else None


def wait_for_version(port: int, version: int) -> int:
    """Polls until that version answers; the number of polls that were refused."""
    deadline = time.monotonic() + PATIENCE
    refused = 0
    while (answered := poll(port)) != version:
        refused += answered is None
        if time.monotonic() > deadline:
            raise RuntimeError(f"version {version} did not come within {PATIENCE} s")
        time.sleep(POLL)
    return refused


@dataclass
class Taken:
    """Seconds of each reload, polls refused in all, and what the console told of its own."""

    seconds: list[float] = field(default_factory=list)
    refused: int = 0
    reloads: list[Event] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def warm(self) -> int:
        """How many reloads came from the standby."""
        return sum(event.get("start") == "warm" for event in self.reloads)

    @property
    def phases(self) -> dict[str, float]:
        """Median milliseconds of each phase."""
        times: dict[str, list[float]] = {}
        for event in self.reloads:
            for name, milliseconds in event["phases"].items():
                times.setdefault(name, []).append(milliseconds)
        return {name: round(statistics.median(found), 1) for name, found in times.items()}


class Side:
    """One of the two that serve an app from a directory of their own."""

    port: int

    def __init__(self, app: str) -> None:
        self._directory = tempfile.TemporaryDirectory()
        self.directory = Path(self._directory.name)
        self.source = APPS[app](self.directory)
        self.version = 0
        self.taken = Taken()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._directory.cleanup()

    def settle(self) -> None:
        """Returns when the next save can be measured."""

    def reload(self) -> None:
        """Saves the next version and waits until it answers."""
        self.version += 1
        source = re.sub(r"VERSION = \d+", f"VERSION = {self.version}", self.source.read_text())
        # As editors save. The other name is no source file, so that nobody reloads for it.
        new = self.source.with_name(".app.py.new")
        new.write_text(source)
        begun = time.perf_counter()
        new.replace(self.source)
        self.taken.refused += wait_for_version(self.port, self.version)
        self.taken.seconds.append(time.perf_counter() - begun)


class Ours(Side):
    """The app under the console."""

    def __init__(self, server: str, app: str) -> None:
        super().__init__(app)
        flags = ["--server", server, "--port", "0", "--python", sys.executable, *QUIET.get(server, [])]
        self._running = Running(self.directory, "app:app", *flags)
        self._since = 0
        self._has_standby = True
        self.port = urlsplit(self._running.ready()).port or 0

    def settle(self) -> None:
        """Until the standby is warm, or known to be none."""
        if self._has_standby:
            try:
                self._running.wait(
                    "standby",
                    lambda event: event["state"] in ("warm", "off", "failed"),
                    timeout=STANDBY_PATIENCE,
                    since=self._since,
                )
            except AssertionError:
                self._has_standby = False

    def reload(self) -> None:
        self._since = self._running.mark()
        super().reload()
        self.taken.reloads.append(self._running.wait("reload", since=self._since))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.__exit__(kind, error, trace)
        super().__exit__(kind, error, trace)


class Peer(Side):
    """The app on the server by itself, with its own reload."""

    def __init__(self, server: str, app: str) -> None:
        super().__init__(app)
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            self.port = sock.getsockname()[1]
        self._process = subprocess.Popen(
            [sys.executable, "-m", *(part.format(port=self.port) for part in OWN[server])],
            cwd=self.directory,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for_version(self.port, self.version)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(psutil.NoSuchProcess):
            tree = psutil.Process(self._process.pid).children(recursive=True)
            self._process.terminate()
            _, alive = psutil.wait_procs(tree, timeout=5)
            for process in alive:
                process.kill()
        self._process.kill()
        self._process.wait()
        super().__exit__(kind, error, trace)


def measure(server: str, app: str, rounds: int) -> tuple[Taken, Taken | None]:
    """What the console's reloads took, and the server's own; None where it has none."""
    with ExitStack() as stack:
        sides: list[Side] = [stack.enter_context(Ours(server, app))]
        if server in OWN:
            sides.append(stack.enter_context(Peer(server, app)))
        for _ in range(rounds):
            for side in sides:
                for other in sides:
                    other.settle()
                time.sleep(SETTLE)
                side.reload()
        return sides[0].taken, sides[1].taken if len(sides) > 1 else None


Row = dict[str, object]


def to_row(server: str, app: str, ours: Taken, peer: Taken | None) -> Row:
    """What the contract asks for, and what explains it."""
    ratio = ours.median / peer.median if peer is not None else None
    bars = []
    if app != "real" and server in HELLO_BAR:
        bars.append(ours.median <= HELLO_BAR[server])
    if ratio is not None and server in RATIO_BAR:
        bars.append(ratio <= RATIO_BAR[server])
    return {
        "what": f"reload: {server}/{app}",
        "ours": round(ours.median, 3),
        "peer": None if peer is None else round(peer.median, 3),
        "peer_name": "no reload of its own" if peer is None else f"{server} --reload",
        "ratio": None if ratio is None else round(ratio, 3),
        "unit": "s",
        "ours_max": round(max(ours.seconds), 3),
        "ours_refused": ours.refused,
        "peer_max": None if peer is None else round(max(peer.seconds), 3),
        "peer_refused": None if peer is None else peer.refused,
        "rounds": len(ours.seconds),
        "warm": ours.warm,
        "bar_met": all(bars) and not ours.refused if bars else None,
        "phases_ms": ours.phases,
    }


def show(row: Row) -> None:
    """One row of the table, and the phases below it."""

    def cell(name: str) -> str:
        value = row[name]
        return "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)

    name = str(row["what"]).removeprefix("reload: ")
    bar = {True: "yes", False: "NO", None: "-"}[row["bar_met"]]  # type: ignore[index] # a bool or None
    cells = [cell(key) for key in COLUMNS]
    print(f"{name:<26}" + "".join(f"{value:>9}" for value in [*cells, f"{row['warm']}/{row['rounds']}", bar]))
    phases = row["phases_ms"]
    assert isinstance(phases, dict)
    print("    " + ", ".join(f"{phase} {value}" for phase, value in phases.items()), flush=True)


COLUMNS = ("ours", "ours_max", "ours_refused", "peer", "peer_max", "peer_refused", "ratio")
TITLES = ("ours s", "max", "refused", "own s", "max", "refused", "ratio", "warm", "bar met")


def main() -> None:
    """Measures the servers and apps named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.reload")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--servers", default=",".join(SERVERS))
    parser.add_argument("--apps", default=",".join(APPS))
    given = parser.parse_args()
    machine = {
        "python": platform.python_version(),
        "system": platform.system(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
    }
    if not given.json:
        print(f"{'median of saves':<26}" + "".join(f"{title:>9}" for title in TITLES))
    rows = []
    for server in given.servers.split(","):
        for app in given.apps.split(","):
            rows.append(to_row(server, app, *measure(server, app, given.rounds)))
            if not given.json:
                show(rows[-1])
    if given.json:
        print(json.dumps({"rows": rows, "machine": machine}))
    else:
        print(f"load of the machine before: {machine['load']} on {machine['cores']} cores")


if __name__ == "__main__":
    main()
