"""What may go wrong at a reload, with real servers: broken code, quick saves, locks and the standby."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import socket
import time
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from asgi_tui.domain.events import Ready, Reload, State, StateChanged, Switch, to_json
from asgi_tui.domain.reloading import DEFAULTS, Reloading
from tests.engine.reloads import (
    APP,
    by_default,
    last,
    project,
    put,
    saved,
    serving,
    standbys,
    version,
    warm,
    with_startup,
)
from tests.engine.test_main_flow import Client
from tests.engine.test_session_commands import driven
from tests.support import write_app

# -- code that does not load ------------------------------------------------------------------------------

# By what is wrong: the source, what is said of it, and the file and line at fault.
BROKEN = {
    "syntax": (version(1) + "this is no python\n", "SyntaxError", ("app.py", len(APP.splitlines()) + 1)),
    "import": ("import helper\n" + version(1), "no_such_module_anywhere", ("helper.py", 3)),
    "failed": (version(1, with_startup("raise OSError('no database today')")), "no database today", None),
    # Started, but its loop hangs before it can answer anybody.
    "stuck": (
        version(1, with_startup("asyncio.get_running_loop().call_soon(time.sleep, 30)")),
        "answer",
        None,
    ),
    "endless": (version(1, with_startup("await asyncio.sleep(3600)")), "within 1 s", None),
}


@pytest.mark.parametrize(
    ("server", "ways"),
    [
        ("uvicorn", ("syntax", "failed", "endless")),
        ("uvicorn", ("stuck",)),
        ("hypercorn", ("import", "failed")),
        ("daphne", ("import",)),
        ("granian", ("failed",)),
        ("gunicorn", ("failed",)),
        ("gunicorn-uvicorn", ("import",)),
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
