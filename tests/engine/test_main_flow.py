"""The main job on every server: run, count, reload, switch, stop, with real processes and requests."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from pathlib import Path

import psutil
import pytest
from websockets.sync.client import connect

from tests.support import APPS, SERVERS, WITH_WORKERS, Running, get, wait_for, write_app

APP_NAMES = tuple(APPS)


def run(directory: Path, server: str, *arguments: str) -> Running:
    return Running(directory, "app:app", "--server", server, "--set", "port=0", *arguments)


class Client(threading.Thread):
    """Asks without pause, a connection each time, and counts what comes back."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.outcomes = Counter[str]()
        self._stop_asking = threading.Event()
        self.start()

    def run(self) -> None:
        while not self._stop_asking.is_set():
            try:
                status, _ = get(self.url)
                self.outcomes[str(status)] += 1
            except OSError as error:
                self.outcomes[type(error).__name__] += 1

    def finish(self) -> Counter[str]:
        self._stop_asking.set()
        self.join(10)
        return self.outcomes


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("app", APP_NAMES)
def test_requests_are_counted_and_a_save_is_served(tmp_path: Path, server: str, app: str) -> None:
    source = write_app(tmp_path, APPS[app])
    with run(tmp_path, server) as running:
        url = running.ready()
        for _ in range(200):
            assert get(url) == (200, "version 0" if app != "fastapi" else '"version 0"')
        with connect(url.replace("http", "ws") + "/ws") as socket:
            socket.send("hello")
            assert socket.recv() == "hello"
        stats = running.wait(
            "stats", lambda event: event["requests"] == 200 and event["ws_messages_out"] == 1, timeout=5
        )
        assert stats["errors"] == 0
        assert stats["websockets"] == 1
        assert stats["statuses"] == {"200": 200}
        assert stats["routes"][0]["route"] == "GET /"
        assert 0 < stats["p50_ms"] <= stats["p99_ms"] <= stats["max_ms"] < 10_000

        source.write_text(APPS[app].replace("VERSION = 0", "VERSION = 1"))
        reload = running.wait("reload")
        assert reload["outcome"] == "ok"
        changes = [(change["path"], change["change"]) for change in reload["changes"]]
        assert changes == [("app.py", "modified")]
        assert set(reload["phases"]) == {"notice", "wait", "start", "import", "startup", "answer", "quiesce"}
        assert "version 1" in get(url)[1]
        assert running.stop()["code"] == 0


@pytest.mark.parametrize("server", SERVERS)
def test_switches_to_every_other_server_refuse_nobody(tmp_path: Path, server: str) -> None:
    write_app(tmp_path)
    with run(tmp_path, server, "--set", "log_level=warning") as running:
        url = running.ready()
        client = Client(url)
        for other in (name for name in SERVERS if name != server):
            since = running.mark()
            running.send(do="switch", server=other)
            switch = running.wait("switch", since=since)
            assert switch["to"] == other
            assert running.wait("ready", since=since)["url"] == url
        outcomes = client.finish()
        assert outcomes["200"] > 10
        assert outcomes["ConnectionRefusedError"] == 0
        assert running.stop()["code"] == 0


@pytest.mark.parametrize("server", WITH_WORKERS)
def test_two_workers_both_count(tmp_path: Path, server: str) -> None:
    write_app(tmp_path)
    with run(tmp_path, server, "--set", "workers=2") as running:
        url = running.ready()
        wait_for(lambda: len({event["pid"] for event in running.events if event["type"] == "worker"}) == 2)
        for _ in range(100):
            get(url)
        running.wait("stats", lambda event: event["requests"] == 100)
        assert running.stop()["code"] == 0


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("server", SERVERS)
def test_a_killed_console_leaves_nothing(tmp_path: Path, server: str, workers: int) -> None:
    if workers > 1 and server not in WITH_WORKERS:
        pytest.skip("daphne runs one process")
    write_app(tmp_path)
    with run(tmp_path, server, "--set", f"workers={workers}") as running:
        url = running.ready()
        below = running.descendants()
        assert len(below) >= 2
        os.kill(running.process.pid, signal.SIGKILL)
        _, alive = psutil.wait_procs(below, timeout=5)
        assert alive == []
        with pytest.raises(OSError, match="refused"):
            get(url)


@pytest.mark.parametrize("server", SERVERS)
def test_a_broken_save_keeps_the_session_and_the_next_one_recovers(tmp_path: Path, server: str) -> None:
    source = write_app(tmp_path)
    good = source.read_text()
    with run(tmp_path, server) as running:
        url = running.ready()
        source.write_text(good + "\nthis is no python\n")
        failed = running.wait("reload")
        assert failed["outcome"] == "failed"
        assert (failed["file"], failed["line"]) == ("app.py", len(good.splitlines()) + 2)
        assert "SyntaxError" in failed["reason"]
        # The old version was never stopped.
        assert get(url) == (200, "version 0")
        since = running.mark()
        source.write_text(good.replace("VERSION = 0", "VERSION = 2"))
        assert running.wait("reload", since=since)["outcome"] == "ok"
        assert get(url) == (200, "version 2")
        assert running.stop()["code"] == 0


@pytest.mark.parametrize("server", SERVERS)
def test_a_broken_first_start_waits_for_a_save(tmp_path: Path, server: str) -> None:
    source = write_app(tmp_path, "import no_such_module_anywhere\n")
    with run(tmp_path, server) as running:
        error = running.wait("error")
        assert (error["file"], error["line"]) == ("app.py", 1)
        assert "no_such_module_anywhere" in error["why"]
        source.write_text(APPS["plain"])
        assert get(running.ready()) == (200, "version 0")
        assert running.stop()["code"] == 0


def test_two_quick_saves_of_one_size_are_both_seen(tmp_path: Path) -> None:
    source = write_app(tmp_path)
    with run(tmp_path, "uvicorn") as running:
        url = running.ready()
        for version in (1, 2, 3):
            since = running.mark()
            source.write_text(APPS["plain"].replace("VERSION = 0", f"VERSION = {version}"))
            running.wait("reload", since=since)
            assert get(url) == (200, f"version {version}")


@pytest.mark.parametrize("server", ["uvicorn", "granian"])
def test_while_nothing_can_be_served_the_reason_is_answered(tmp_path: Path, server: str) -> None:
    source = write_app(tmp_path)
    with run(tmp_path, server) as running:
        url = running.ready()
        serving = next(event["pid"] for event in running.events if event["type"] == "ready")
        os.kill(serving, signal.SIGKILL)
        running.wait("error")
        wait_for(lambda: get(url)[0] == 503)
        assert "ended by SIGKILL" in get(url)[1]
        source.write_text(APPS["plain"].replace("VERSION = 0", "VERSION = 3"))
        running.wait("reload")
        assert get(url) == (200, "version 3")
        assert running.stop()["code"] == 0
