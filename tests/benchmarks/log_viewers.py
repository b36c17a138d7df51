"""What ``tests.benchmarks.logs`` runs in a pty: a viewer of the lines that a child process writes.

``python -m tests.benchmarks.log_viewers ours|Log|RichLog DIRECTORY FILTER``: "ours" is the whole console on
a real server, whose app starts the producer; the others are a Textual app with that widget alone, fed in
batches by a thread that reads the producer's pipe, without any parsing. Each notes in ``DIRECTORY/figures``
how many lines it has taken in, ten times a second.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import psutil
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Log, RichLog, Static

from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.target import Target
from asgi_tui.engine.log_store import LogStore
from asgi_tui.frontends.console.start import run_console

PRODUCER = """\
import os, sys, time

directory, count, rate = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
while not os.path.exists(directory + "/go"):
    time.sleep(0.02)


def lines(start, end):
    for n in range(start, end):
        if n % 20 == 0:
            yield f"2026-11-21 17:07:15,123 - shop.cart - WARNING - item {n} is out of stock"
        elif n % 50 == 1:
            yield f"ERROR:    payment {n} was refused by the bank"
        else:
            yield f'INFO:     127.0.0.1:{34000 + n % 999} - "GET /items/{n}?q=abc HTTP/1.1" 200 OK'


def write(text):
    data = memoryview(text.encode())
    while data:
        data = data[os.write(1, data):]


begun = time.time()
for start in range(0, count, 500):
    end = min(start + 500, count)
    write("\\n".join(lines(start, end)) + "\\n")
    if rate and (ahead := end / rate - (time.time() - begun)) > 0:
        time.sleep(ahead)
with open(directory + "/done", "w") as file:
    file.write(f"{begun} {time.time()}")
"""
APP = """\
import subprocess, sys

subprocess.Popen([sys.executable, "producer.py", *{arguments!r}])


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({{"type": message["type"] + ".complete"}})
            if message["type"] == "lifespan.shutdown":
                return
    await send({{"type": "http.response.start", "status": 200, "headers": []}})
    await send({{"type": "http.response.body", "body": b"ok"}})
"""


def note(directory: Path, taken: Callable[[], int], lost: Callable[[], int]) -> None:
    """Writes figures for ever: time, lines taken in, bytes of them that were lost, memory."""

    def write() -> None:
        process = psutil.Process()
        with (directory / "figures").open("a", buffering=1) as file:
            while True:
                row = {"at": time.time(), "lines": taken(), "lost": lost(), "rss": process.memory_info().rss}
                file.write(json.dumps(row) + "\n")
                time.sleep(0.1)

    threading.Thread(target=write, daemon=True).start()


def ours(directory: Path) -> None:
    """The console, as ``asgi-tui app:app`` opens it."""
    arguments = [str(directory), *os.environ["PRODUCES"].split()]
    (directory / "producer.py").write_text(PRODUCER)
    (directory / "app.py").write_text(APP.format(arguments=arguments))
    store = LogStore()
    plan = LaunchPlan(Target.parse("app:app"), "uvicorn", str(directory), reload=False)
    note(directory, lambda: store.lines + store.evicted, lambda: store.missed)
    run_console(plan.with_options({"port": 0}), named=True, logs=store)


class Viewer(App[None]):
    """A log widget of Textual's, and a line that tells each key."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("k", "press", "Press"), Binding("q", "quit", "Quit")]

    def __init__(self, widget: str, directory: Path) -> None:
        super().__init__()
        self._view = RichLog(max_lines=100_000) if widget == "RichLog" else Log(max_lines=100_000)
        self._directory = directory
        self._pressed = 0
        self._taken = 0

    def compose(self) -> ComposeResult:
        """The log above, the keys below."""
        yield self._view
        yield Static("READY", id="keys")

    def on_mount(self) -> None:
        """The producer's pipe is read by a thread."""
        note(self._directory, lambda: self._taken, lambda: 0)
        threading.Thread(target=self._read, daemon=True).start()

    def action_press(self) -> None:
        """Tells that a key was pressed."""
        self._pressed += 1
        self.query_one("#keys", Static).update(f"KEY {self._pressed}.")

    def _read(self) -> None:
        argv = [sys.executable, "-c", PRODUCER, str(self._directory), *os.environ["PRODUCES"].split()]
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            rest = b""
            while data := os.read(child.stdout.fileno(), 65_536):
                *lines, rest = (rest + data).split(b"\n")
                self.call_from_thread(self._take, [line.decode("utf-8", "replace") for line in lines])

    def _take(self, lines: list[str]) -> None:
        if isinstance(self._view, Log):
            self._view.write_lines(lines)
        else:
            for line in lines:
                self._view.write(line)
        self._taken += len(lines)


def main() -> None:
    """Runs the viewer named."""
    name, directory = sys.argv[1], Path(sys.argv[2])
    if name == "ours":
        ours(directory)
    else:
        Viewer(name, directory).run()


if __name__ == "__main__":
    main()
