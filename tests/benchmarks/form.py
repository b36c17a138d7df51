"""How fast the list of every option opens and follows the search, on every server.

``python -m tests.benchmarks.form [--json] [SERVER...]``: headless consoles of 120x40 cells, in which a key is
pressed and the time taken until the list is painted. "open" mounts the list, "open again" comes back to it
from the form, "search key" is one more letter in the search. "at rest" is the same until the last repaint,
often that of the footer. What a terminal needs to draw is not in it; the wait for the next frame (1/60 s at
the most) is.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import platform
import statistics
import sys
import time
from unittest.mock import patch

from rich.console import RenderableType
from textual.pilot import Pilot
from textual.screen import Screen
from textual.strip import Strip
from textual.widgets import Input

from asgi_tui.domain.servers import SERVERS, get_server
from asgi_tui.frontends.console.app import ConsoleApp
from asgi_tui.frontends.console.widgets.all_options import AllOptions
from asgi_tui.frontends.console.widgets.option_list import OptionsView
from tests.console.fake import FakeDriver, console, plan
from tests.console.screen import until

SIZE = (120, 40)
OPENINGS = 6
QUIET = 0.12  # seconds without a repaint after which the screen rests
SEARCHES = ("access-logfile", "timeout", "tls key")


class Stopwatch:
    """Knows when the list and the screen were painted."""

    def __init__(self, app: ConsoleApp, pilot: Pilot[int]) -> None:
        self._pilot = pilot
        self._rest = 0.0
        self._list: float | None = None
        self._rows = 0  # of the list, rendered since the key
        display = app._display

        def painted(screen: Screen[object], renderable: RenderableType | None) -> None:
            display(screen, renderable)
            if renderable is not None:
                self._rest = time.perf_counter()
                if self._rows and self._list is None:
                    self._list = self._rest

        app._display = painted  # type: ignore[method-assign] # timed, and painted as before

    async def press(self, key: str) -> tuple[float, float]:
        """Milliseconds from the key to the list's repaint, where there is one, and to the last one."""
        self._list, self._rows = None, 0
        begun = self._rest = time.perf_counter()
        render_line = OptionsView.render_line

        def counted(view: OptionsView, y: int) -> Strip:
            self._rows += 1
            return render_line(view, y)

        with patch.object(OptionsView, "render_line", counted):
            await self._pilot.press(key)
            while time.perf_counter() - self._rest < QUIET:
                await asyncio.sleep(0.005)
        return (self._first() - begun) * 1000, (self._rest - begun) * 1000

    def _first(self) -> float:
        return self._rest if self._list is None else self._list


async def measure(server: str) -> dict[str, list[float]]:
    """Milliseconds of each thing, in consoles of their own."""
    times: dict[str, list[float]] = {}

    def note(what: str, taken: tuple[float, float]) -> None:
        times.setdefault(what, []).append(taken[0])
        times.setdefault(f"{what}, at rest", []).append(taken[1])

    for opening in range(OPENINGS + 1):
        app = console(FakeDriver(), given=plan(server))
        async with app.run_test(size=SIZE) as pilot:
            await until(pilot, app, "$ ")
            for field in app.screen.query(Input):
                field.cursor_blink = False
            # A console is alone in its process: what earlier ones left must not cost this one any time.
            gc.collect()
            gc.freeze()
            watch = Stopwatch(app, pilot)
            opened = await watch.press("o")
            if opening == 0:
                continue  # the modules were imported
            note("open", opened)
            search = app.screen.query_one(AllOptions).search
            search.cursor_blink = False
            await watch.press("e")
            await watch.press("escape")
            note("open again", await watch.press("o"))
            await watch.press("slash")
            typed = SEARCHES[opening % len(SEARCHES)]
            for key in typed:
                note("search key", await watch.press({" ": "space", "-": "minus"}.get(key, key)))
            if search.value != typed:
                raise RuntimeError(f"the search holds {search.value!r}: its keys went elsewhere")
    return times


async def measure_all(names: list[str]) -> list[dict[str, object]]:
    """A row for each server and thing."""
    rows: list[dict[str, object]] = []
    for name in names:
        options = len(get_server(name).table.options)
        for what, times in (await measure(name)).items():
            row = {"what": f"form: {what}, {name}", "options": options, "unit": "ms"}
            p95 = sorted(times)[round(0.95 * (len(times) - 1))]
            rows.append({**row, "median": round(statistics.median(times), 1), "p95": round(p95, 1)})
    return rows


def main() -> None:
    """Measures the servers named, or all."""
    names = [name for name in sys.argv[1:] if not name.startswith("-")] or list(SERVERS)
    rows = asyncio.run(measure_all(names))
    if "--json" in sys.argv:
        machine = {"python": platform.python_version(), "system": platform.system(), "cores": os.cpu_count()}
        print(json.dumps({"rows": rows, "machine": machine}))
        return
    print(f"{'what':<36} {'options':>8} {'median ms':>10} {'p95 ms':>8}")
    for row in rows:
        print(f"{row['what']!s:<36} {row['options']!s:>8} {row['median']!s:>10} {row['p95']!s:>8}")


if __name__ == "__main__":
    main()
