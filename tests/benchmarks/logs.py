"""How fast the log takes lines in, and how it answers keys meanwhile, beside RichLog, Log and toolong.

``python -m tests.benchmarks.logs [--json] [--lines=N] [--toolong=COMMAND] [--memory] [--link=BYTES]``. Every
viewer runs in a pty of 120x40 cells (``tests.benchmarks.log_viewers``) and is fed the same lines by a process
of its own.

- ingest: N lines written as fast as they are taken, until the last one is in. Ours parses levels and loggers
  and has a filter in force; Textual's widgets do neither. toolong does not read its lines in: what it does to
  a file of N lines is find their ends.
- key to repaint: while 100,000 lines a second are written, from a key to the first bytes of what it changes.
- key to repaint over a slow link (``--link``): the same at 2,000 lines a second, of a terminal that takes
  that many bytes a second.
- first hit: in 1,000,000 stored lines, a text that only the newest, only the oldest or no line has.
- memory (``--memory``): the console's resident memory after 1 and after 10 million lines.

toolong is measured where the option names its command, ``tl``, of an environment of its own.
"""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import cast

import pexpect

from asgi_tui.domain.log_entry import Origin
from asgi_tui.domain.log_filter import LogFilter
from asgi_tui.domain.needle import Needle
from asgi_tui.engine.log_sieve import Sieve
from asgi_tui.engine.log_store import LogStore
from tests.benchmarks.log_viewers import PRODUCER
from tests.support import clean_environment

SIZE = (40, 120)
RATE = 100_000  # lines a second while keys are pressed
PRESSES = 40
FILTER = "level:>=info -shipped"
# Which keys are pressed in turn, and what each has the viewer write.
KEYS = {
    "ours": (("\x1b[A", b"End follows"), ("\x1b[F", b"FOLLOW")),
    "Log": (("k", b"KEY"),),
    "RichLog": (("k", b"KEY"),),
}
INDEX = """\
import sys, threading, time
from toolong.log_file import LogFile

log, found = LogFile(sys.argv[1]), 0
log.open(threading.Event())
begun = time.perf_counter()
for _, breaks in log.scan_line_breaks():
    found += len(breaks)
print(found / (time.perf_counter() - begun))
"""


class Running:
    """A viewer in its pty."""

    def __init__(self, name: str, directory: Path, lines: int, rate: int, link: int = 0) -> None:
        self.name = name
        self._link = link
        self._directory = directory
        self.seen = b""
        environment = clean_environment(
            TERM="xterm-256color", COLORTERM="truecolor", PRODUCES=f"{lines} {rate}", PYTHONPATH=os.getcwd()
        )
        argv = ["-m", "tests.benchmarks.log_viewers", name, str(directory)]
        self.child = pexpect.spawn(sys.executable, argv, env=environment, dimensions=SIZE, cwd=os.getcwd())
        self.child.delaybeforesend = None

    def __enter__(self) -> Running:
        self.wait(b"READY")
        if self.name == "ours":
            self.press("&")
            for key in f"{FILTER}\r":
                self.press(key)
                self.drain(0.05)
        self.drain(1)
        return self

    def __exit__(self, *_: object) -> None:
        self.press("q")
        with suppress(pexpect.TIMEOUT):
            self.child.expect(pexpect.EOF, timeout=10)
        self.child.close(force=True)

    def drain(self, seconds: float) -> None:
        """Takes in what is written meanwhile."""
        until = time.perf_counter() + seconds
        while (left := until - time.perf_counter()) > 0:
            self._read(left)

    def _read(self, seconds: float) -> None:
        size = self._link // 20 or 1 << 20
        try:
            data = cast(bytes, self.child.read_nonblocking(size, timeout=seconds))
            if self._link:
                time.sleep(len(data) / self._link)
            self.seen += data
        except pexpect.TIMEOUT:
            return
        except pexpect.EOF:
            raise RuntimeError(f"{self.name} ended: {self.seen[-2000:]!r}") from None

    def wait(self, marker: bytes, seconds: float = 60) -> float:
        """Until the marker is written; at what time. Raises ``RuntimeError``."""
        until = time.perf_counter() + seconds
        while marker not in self.seen:
            if time.perf_counter() > until:
                raise RuntimeError(f"{self.name} never wrote {marker!r}: {self.seen[-3000:]!r}")
            self._read(0.5)
        return time.perf_counter()

    def press(self, key: str) -> None:
        """Sends a key."""
        self.seen = b""
        self.child.send(key)

    def go(self) -> None:
        """The producer begins."""
        (self._directory / "go").touch()

    def figures(self) -> list[dict[str, float]]:
        """What the viewer noted."""
        path = self._directory / "figures"
        rows = path.read_text().splitlines(keepends=True) if path.exists() else []
        return [json.loads(row) for row in rows if row.endswith("\n")]


def ingest(name: str, lines: int, seconds: float = 120) -> tuple[float, float]:
    """Lines a second until all are in, or those of the time given; and bytes lost."""
    with tempfile.TemporaryDirectory() as folder, Running(name, Path(folder), lines, 0) as viewer:
        before = viewer.figures()[-1]["lines"]
        begun = time.time()
        viewer.go()
        while True:
            viewer.drain(0.3)
            newest = viewer.figures()[-1]
            if newest["lines"] - before >= lines or time.time() - begun > seconds:
                break
        rows = [
            row for row in viewer.figures() if row["lines"] - before >= min(lines, newest["lines"] - before)
        ]
        return (newest["lines"] - before) / (rows[0]["at"] - begun), newest["lost"]


def keys(name: str, rate: int = RATE, link: int = 0) -> list[float]:
    """Milliseconds from each key to its repaint, at so many lines a second."""
    taken = []
    with (
        tempfile.TemporaryDirectory() as folder,
        Running(name, Path(folder), rate * 90, rate, link) as viewer,
    ):
        viewer.go()
        viewer.drain(3)
        for number in range(PRESSES):
            key, marker = KEYS[name][number % len(KEYS[name])]
            begun = time.perf_counter()
            viewer.press(key)
            taken.append((viewer.wait(marker) - begun) * 1000)
            viewer.drain(0.17 + number % 7 / 50)  # not in step with what is drawn anyway
        newest, before = viewer.figures()[-1], viewer.figures()[-20]
        came = (newest["lines"] - before["lines"]) / (newest["at"] - before["at"])
        print(f"  {name}: {came:,.0f} lines a second were taken in meanwhile", file=sys.stderr)
    return taken


def p95(values: list[float]) -> float:
    """The 95th percentile."""
    return sorted(values)[round(0.95 * (len(values) - 1))]


def first_hits() -> dict[str, tuple[float, float]]:
    """Milliseconds to the first hit and to the end of the search in 1,000,000 lines."""
    store = LogStore()
    origin = Origin("stdout", "info", "uvicorn.access")
    total = 1_000_000
    for start in range(0, total, 1000):
        lines = range(start, start + 1000)
        store.append(
            (0.0, origin, f'127.0.0.1:34004 - "GET /items/{n}?q=abc HTTP/1.1" 200 OK', (), "", None)
            for n in lines
        )
    found = {}
    for what, needle in {
        "newest": Needle(f"ITEMS/{total - 1}?"),
        "oldest": Needle("ITEMS/0?"),
        "nowhere": Needle("no line has this"),
        "expression, oldest": Needle(r"items/0\?", regex=True),
    }.items():
        sieve, begun, first = Sieve(store, LogFilter(), needle), time.perf_counter(), 0.0
        done = False
        while not done:
            done = sieve.advance(0.03)
            if len(sieve) and not first:
                first = (time.perf_counter() - begun) * 1000
        found[what] = first, (time.perf_counter() - begun) * 1000
    store.close()
    return found


def memory() -> list[tuple[int, float]]:
    """Megabytes of the console after so many lines."""
    total = 10_000_000
    with tempfile.TemporaryDirectory() as folder, Running("ours", Path(folder), total, 120_000) as viewer:
        viewer.go()
        while not (Path(folder) / "done").exists():
            viewer.drain(1)
            viewer.seen = b""
        viewer.drain(3)
        rows = viewer.figures()
        at = []
        for wanted in (100_000, 1_000_000, 2_000_000, 5_000_000, total):
            row = next((row for row in rows if row["lines"] >= wanted), rows[-1])
            at.append((int(row["lines"]), row["rss"] / 1e6))
        print(f"  lost: {rows[-1]['lost']:,.0f} bytes", file=sys.stderr)
        return at


def toolong(command: str, lines: int) -> tuple[float, list[float]]:
    """Line ends found a second, and milliseconds to each repaint while its file grows by RATE a second."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        (directory / "go").touch()
        log = directory / "lines.log"
        producer = [sys.executable, "-c", PRODUCER, folder]
        with log.open("wb") as file:
            subprocess.run([*producer, str(lines), "0"], stdout=file, check=True)
        python = Path(command).resolve().parent / "python"
        found = subprocess.run(
            [python, "-c", INDEX, str(log)], capture_output=True, text=True, check=True
        ).stdout
        taken = []
        with (
            log.open("ab") as file,
            subprocess.Popen([*producer, str(RATE * 40), str(RATE)], stdout=file) as child,
        ):
            viewer = Running.__new__(Running)
            viewer._link = 0
            viewer.name, viewer.seen = "toolong", b""
            viewer.child = pexpect.spawn(
                command, [str(log)], env=clean_environment(TERM="xterm-256color"), dimensions=SIZE
            )
            viewer.child.delaybeforesend = None
            viewer.drain(4)
            for number in range(PRESSES):
                begun = time.perf_counter()
                viewer.press("/")
                try:
                    taken.append((viewer.wait(b"Case", 10) - begun) * 1000)
                    viewer.drain(0.2)
                    viewer.press("\x1b")
                    viewer.wait(b"Find", 10)
                except RuntimeError:
                    print("  toolong: a key was not answered within 10 s, and is left out", file=sys.stderr)
                viewer.drain(0.3 + number % 7 / 50)
            viewer.child.close(force=True)
            child.kill()
    return float(found), taken


def main() -> None:
    """Measures, prints a table or JSON."""
    options = dict(re.findall(r"--(\w+)(?:=(\S+))?", " ".join(sys.argv[1:])))
    lines = int(options.get("lines") or 1_000_000)
    rows: list[dict[str, object]] = []

    def row(what: str, ours: float, peer: float, peer_name: str, unit: str) -> None:
        ratio = round(ours / peer, 3) if peer else None
        rows.append(
            {
                "what": what,
                "ours": round(ours, 1),
                "peer": round(peer, 1),
                "peer_name": peer_name,
                "ratio": ratio,
                "unit": unit,
            }
        )

    own = [ingest("ours", lines) for _ in range(2)]
    fast, lost = max(rate for rate, _ in own), max(lost for _, lost in own)
    if lost:
        print(f"  ours: {lost:,.0f} bytes came too fast", file=sys.stderr)
    own_keys = keys("ours")
    print(f"  ours: median {statistics.median(own_keys):.1f} ms, max {max(own_keys):.1f}", file=sys.stderr)
    for name, some in (("Log", lines), ("RichLog", lines // 20)):
        row("logs: ingest parsed and filtered", fast, ingest(name, some, 40)[0], name, "lines/s")
        row("logs: key to repaint p95", p95(own_keys), p95(keys(name)), name, "ms")
    if options.get("toolong"):
        found, taken = toolong(options["toolong"], lines)
        row("logs: ingest parsed and filtered", fast, found, "toolong (line ends)", "lines/s")
        row("logs: key to repaint p95", p95(own_keys), p95(taken), "toolong", "ms")
    if options.get("link"):
        link = int(options["link"])
        slow = keys("ours", 2_000, link)
        row(f"logs: key to repaint p95 at {link:,} bytes/s", p95(slow), p95(own_keys), "at full speed", "ms")
    for what, (first, whole) in first_hits().items():
        row(f"logs: first hit of 1,000,000, {what}", first, whole, "whole search", "ms")
    if "memory" in options:
        at = memory()
        for count, megabytes in at:
            row(f"logs: memory after {count:,} lines", megabytes, at[0][1], f"{at[0][0]:,} lines", "MB")
    if "json" in options:
        machine = {"python": platform.python_version(), "system": platform.system(), "cores": os.cpu_count()}
        print(json.dumps({"rows": rows, "machine": machine}))
        return
    print(f"{'what':<46} {'ours':>12} {'peer':>12} {'ratio':>8}  unit, peer")
    for each in rows:
        print(
            f"{each['what']!s:<46} {each['ours']!s:>12} {each['peer']!s:>12} {each['ratio']!s:>8}  "
            f"{each['unit']}, {each['peer_name']}"
        )


if __name__ == "__main__":
    main()
