"""Changes of guard that are disturbed: by a newer save, by a crash of either side, by a start that fails."""

from __future__ import annotations

import asyncio
import http.client
import os
import shutil
import signal
import socket
import ssl
import subprocess
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from asgi_tui.domain.events import Ready, Reload, Standby, State, Watching
from asgi_tui.domain.reloading import Reloading
from tests.engine.reloads import (
    APP,
    by_default,
    ended,
    last,
    project,
    put,
    saved,
    serving,
    standbys,
    version,
    warm,
    with_startup,
    workers,
)
from tests.engine.test_session_commands import driven
from tests.support import write_app

SLOW = "import time\n\ntime.sleep(1)\n"
# Its loop hangs as soon as its startup is over.
HANGS = with_startup("asyncio.get_running_loop().call_later(0, time.sleep, 30)")


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


async def test_an_old_process_that_ends_first_is_seen_out_whatever_comes(tmp_path: Path) -> None:
    async with serving(project(tmp_path), "uvicorn") as it:
        pid = last(it, Ready).pid
        # As a newer save does it while the old process stops accepting.
        ending = asyncio.create_task(it.session._handover.end())
        await asyncio.sleep(0)
        ending.cancel()
        with suppress(asyncio.CancelledError):
            await ending
        await ended(it, pid)


async def test_a_save_is_served_though_the_old_process_dies_meanwhile(tmp_path: Path) -> None:
    directory = project(tmp_path)
    async with serving(directory, "uvicorn") as it:
        put(directory, SLOW + version(1))
        await it.state(State.RELOADING)
        await asyncio.sleep(0.3)
        os.kill(last(it, Ready).pid, signal.SIGKILL)
        await it.until(lambda: bool(it.all(Reload)))
        assert last(it, Reload).outcome == "ok"
        assert await it.answer() == (200, "version 1")


async def test_a_process_that_died_is_no_last_good_version(tmp_path: Path) -> None:
    directory = project(tmp_path)
    async with serving(directory, "uvicorn", reloading=Reloading(ready_timeout=2)) as it:
        put(directory, HANGS)
        await it.state(State.RELOADING)
        await it.until(lambda: len(it.session._handover._runs) > 1)
        await asyncio.sleep(1.2)
        os.kill(last(it, Ready).pid, signal.SIGKILL)
        await it.until(lambda: bool(it.all(Reload)))
        await it.until(lambda: it.session.state is not State.RELOADING)
        assert it.session.state is State.CRASHED
        assert (await it.answer())[0] == 503
        assert (await saved(it, directory, version(2))).outcome == "ok"
        assert await it.answer() == (200, "version 2")


async def test_a_start_on_another_port_that_fails_leaves_the_old_one_its_address(tmp_path: Path) -> None:
    directory = project(tmp_path)
    port = free_port()
    async with serving(directory, "uvicorn") as it:
        write_app(directory, "raise OSError('not today')\n", "other.py")
        other = replace(it.plan, target=it.plan.target.parse("other:app"))
        await it.session.start(other.with_options({**other.options, "port": port}))
        assert it.session.state is State.READY
        with socket.socket() as sock:
            assert sock.connect_ex(("127.0.0.1", port)) != 0
        assert (await saved(it, directory, version(1))).outcome == "ok"
        assert await it.answer() == (200, "version 1")


async def test_a_start_elsewhere_that_fails_leaves_the_old_app_watched(tmp_path: Path) -> None:
    directory = project(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    async with serving(directory, "uvicorn") as it:
        write_app(elsewhere, "raise OSError('not today')\n")
        await it.session.start(replace(it.plan, cwd=str(elsewhere)))
        assert it.session.state is State.READY
        assert last(it, Watching).paths == (str(directory),)
        assert (await saved(it, directory, version(1))).outcome == "ok"


async def test_nothing_of_a_run_that_is_over_stays_in_the_private_directory(tmp_path: Path) -> None:
    directory = project(tmp_path)
    async with serving(directory, "uvicorn", reloading=Reloading(standby=False)) as it:
        surroundings = it.session._handover.surroundings
        assert surroundings is not None
        before = len(os.listdir(surroundings.runtime.path))
        for number in range(1, 3):
            pid = last(it, Ready).pid
            assert (await saved(it, directory, version(number))).outcome == "ok"
            await ended(it, pid)
        await it.until(lambda: len(os.listdir(surroundings.runtime.path)) == before)


async def test_each_end_of_a_standby_is_told(tmp_path: Path) -> None:
    directory = project(tmp_path)
    async with serving(directory, "uvicorn") as it:
        for number in range(1, 3):
            psutil.Process((await warm(it)).pid).kill()
            await it.until(lambda: standbys(it)[-1] == "failed")
            assert last(it, Standby).reason == "its process ended"
            assert (await saved(it, directory, version(number))).start == "cold"


async def test_user_code_that_runs_whenever_python_starts_makes_no_standby(tmp_path: Path) -> None:
    directory = project(tmp_path)
    write_app(directory, "import os\n", "sitecustomize.py")
    write_app(directory, APP)
    async with serving(directory, "uvicorn") as it:
        await it.session.start(replace(it.plan, env={"PYTHONPATH": str(directory)}))
        await it.until(lambda: standbys(it)[-1:] == ["failed"])
        assert "sitecustomize" in last(it, Standby).reason


async def test_over_tls_too_it_is_said_why_nothing_is_served(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl command to make a certificate with")
    directory = project(tmp_path)
    words = "req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -keyout k.pem -out c.pem"
    subprocess.run([openssl, *words.split()], cwd=directory, check=True, capture_output=True)
    write_app(directory, "this is no python\n")
    port = free_port()
    async with driven(directory, tls_cert="c.pem", tls_key="k.pem") as it:
        await it.session.start(it.plan.with_options({**it.plan.options, "port": port}))
        assert it.session.state is State.CRASHED
        context = ssl.create_default_context(cafile=str(directory / "c.pem"))

        def ask() -> tuple[int, bytes]:
            connection = http.client.HTTPSConnection("localhost", port, timeout=5, context=context)
            with closing(connection):
                connection.request("GET", "/")
                answer = connection.getresponse()
                return answer.status, answer.read()

        status, reason = await asyncio.to_thread(ask)
        assert (status, b"SyntaxError" in reason) == (503, True)
        put(directory, version(1))
        await it.state(State.READY)
        assert (await asyncio.to_thread(ask))[1] == b"version 1"


async def test_a_stop_does_not_wait_for_the_streams_of_one_that_ends_first(tmp_path: Path) -> None:
    directory = project(tmp_path)
    reloading = Reloading(old_first=True, grace=60)
    async with serving(directory, "uvicorn", reloading=reloading) as it:
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(it.url).port)
        writer.write(b"GET /stream HTTP/1.1\r\nhost: localhost\r\n\r\n")
        await reader.readline()
        put(directory, version(1))
        await it.until(lambda: bool(workers(it, "draining")))
        async with asyncio.timeout(10):
            await it.session.stop()
        await ended(it, last(it, Ready).pid)
        writer.close()


async def test_a_save_need_not_wait_for_code_that_never_answers(tmp_path: Path) -> None:
    directory = project(tmp_path)
    async with serving(directory, "uvicorn") as it:
        put(directory, version(1, HANGS))
        await it.until(lambda: len(workers(it, "ready")) > 1)
        await asyncio.sleep(1)
        assert (await saved(it, directory, version(2))).outcome == "ok"
        assert await it.answer() == (200, "version 2")


@pytest.mark.parametrize("server", by_default("gunicorn"))
async def test_workers_that_were_never_asked_anything_stop_accepting_too(tmp_path: Path, server: str) -> None:
    if server == "daphne":
        pytest.skip("it has one worker")
    directory = project(tmp_path)
    write_app(directory, APP)
    options = {} if server in ("hypercorn", "gunicorn-uvicorn") else {"lifespan": "off"}
    async with driven(directory, workers=3, **options) as it:
        await it.session.start(replace(it.plan, server=server))
        await it.until(lambda: len(workers(it, "ready")) == 3)
        assert (await saved(it, directory, version(1))).refused == 0
