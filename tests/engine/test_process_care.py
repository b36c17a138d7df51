"""Processes, signals, names and addresses: nothing is left, nothing is shadowed, every bind answers."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path

import psutil
import pytest

from tests.support import PLAIN_APP, SERVERS, Running, alive, clean_environment, get, wait_for, write_app

IGNORES_TERM = (
    PLAIN_APP
    + """

import signal
import threading


def deaf():
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


inner = app


async def app(scope, receive, send):
    if scope["type"] == "http":
        deaf()
    await inner(scope, receive, send)
"""
)

HOLDS_GIL = (
    PLAIN_APP
    + """

import re

inner = app


async def app(scope, receive, send):
    await inner(scope, receive, send)
    if scope["type"] == "http":
        re.match("(a+)+$", "a" * 60 + "b")
"""
)

HAS_CHILD = (
    PLAIN_APP
    + """

import signal
import subprocess
import sys

inner = app


async def app(scope, receive, send):
    if scope["type"] == "http":
        code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
        subprocess.Popen([sys.executable, "-c", code])
    await inner(scope, receive, send)
"""
)

BLOCKS_SHUTDOWN = """\
import asyncio
import time


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        time.sleep(600)
    else:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"up"})
"""

DIES = (
    PLAIN_APP
    + """

import os

inner = app


async def app(scope, receive, send):
    if scope["type"] == "http" and scope["path"] == "/die":
        os._exit(5)
    await inner(scope, receive, send)
"""
)


def start(directory: Path, *arguments: str, env: dict[str, str] | None = None) -> Running:
    return Running(directory, "app:app", "--set", "port=0", *arguments, env=env)


def nothing_is_left(below: list[psutil.Process], timeout: float = 10) -> None:
    wait_for(lambda: not alive(below), timeout)


# -- signals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_it_with_code_0(tmp_path: Path, number: signal.Signals) -> None:
    write_app(tmp_path)
    with start(tmp_path) as running:
        running.ready()
        below = running.descendants()
        running.process.send_signal(number)
        assert running.process.wait(15) == 0
        assert running.wait("exit")["code"] == 0
        wait_for(lambda: running.events[-1]["type"] == "exit", 1)
        nothing_is_left(below)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_during_the_start_stops_it_with_code_0(tmp_path: Path, number: signal.Signals) -> None:
    write_app(tmp_path, "import time\ntime.sleep(600)\n" + PLAIN_APP)
    with start(tmp_path) as running:
        running.wait("starting")
        time.sleep(0.5)
        below = running.descendants()
        running.process.send_signal(number)
        assert running.process.wait(15) == 0
        assert running.wait("exit")["code"] == 0
        nothing_is_left(below)


@pytest.mark.parametrize("source", ["IGNORES_TERM", "HOLDS_GIL", "HAS_CHILD", "BLOCKS_SHUTDOWN"])
def test_a_second_interrupt_ends_at_once(tmp_path: Path, source: str) -> None:
    write_app(tmp_path, globals()[source])
    with start(tmp_path, "--set", "graceful_timeout=60") as running:
        url = running.ready()
        assert get(url)[0] == 200
        time.sleep(0.2)
        below = running.descendants()
        running.process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        begun = time.monotonic()
        running.process.send_signal(signal.SIGINT)
        running.process.wait(20)
        # far from the minute that it may take
        assert time.monotonic() - begun < 5
        nothing_is_left(below, 5)


@pytest.mark.parametrize(
    ("server", "source"),
    [
        ("uvicorn", "IGNORES_TERM"),
        ("uvicorn", "HOLDS_GIL"),
        ("uvicorn", "HAS_CHILD"),
        ("gunicorn", "HAS_CHILD"),
        ("granian", "HOLDS_GIL"),
    ],
)
def test_a_stop_leaves_nothing_whatever_the_app_does(tmp_path: Path, server: str, source: str) -> None:
    write_app(tmp_path, globals()[source])
    with start(tmp_path, "--server", server, "--set", "graceful_timeout=1") as running:
        assert get(running.ready())[0] == 200
        time.sleep(0.2)
        below = running.descendants()
        running.send(do="stop")
        assert running.process.wait(15) == 0
        assert running.wait("exit")["code"] == 0
        nothing_is_left(below)


def test_an_app_that_ends_the_process_is_told_and_ends_the_run(tmp_path: Path) -> None:
    write_app(tmp_path, DIES)
    with start(tmp_path, "--no-reload") as running:
        url = running.ready()
        with pytest.raises(OSError):  # noqa: PT011 - reset or closed, as the race has it
            get(url, "/die")
        error = running.wait("error")
        assert "5" in error["why"]
        exit_event = running.wait("exit")
        assert exit_event["code"] == 1
        assert exit_event["server_code"] == 5
        assert running.process.wait(10) == 1


def test_an_app_that_ends_the_process_comes_back_with_the_next_save(tmp_path: Path) -> None:
    source = write_app(tmp_path, DIES)
    with start(tmp_path) as running:
        url = running.ready()
        with pytest.raises(OSError):  # noqa: PT011
            get(url, "/die")
        running.wait("error")
        since = running.mark()
        source.write_text(DIES.replace("VERSION = 0", "VERSION = 1"))
        running.wait("ready", since=since)
        assert get(url) == (200, "version 1")
        assert running.stop()["code"] == 0


def test_a_reader_that_goes_away_ends_the_run(tmp_path: Path) -> None:
    write_app(tmp_path)
    command = [sys.executable, "-m", "asgi_tui", "run", "app:app", "--set", "port=0"]
    with subprocess.Popen(
        [*command, "--json"],
        cwd=tmp_path,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert b'"starting"' in process.stdout.readline()
        below = psutil.Process(process.pid).children(recursive=True)
        process.stdout.close()
        process.wait(15)
        said = process.stderr.read().decode()
    assert "Traceback" not in said
    assert "Exception" not in said
    nothing_is_left(below)


# -- names that shadow -------------------------------------------------------------------------------


@pytest.mark.parametrize("installed", [False, True])
def test_names_of_ours_and_of_libraries_in_the_project(tmp_path: Path, installed: bool) -> None:
    """``installed``: started as by its script, with which the directory is not on its path."""
    broken = 'raise RuntimeError("the project\'s own " + __name__)\n'
    for name in ("tui", "launch", "run", "probe", "stats", "guard", "wire", "logging_"):
        (tmp_path / f"{name}.py").write_text("WHO = 'project'\n")
    (tmp_path / "click.py").write_text(broken)
    for name in ("rich", "textual", "watchfiles", "psutil", *(["asgi_tui"] if installed else [])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(broken)
    package = tmp_path / "app"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "main.py").write_text(
        "import launch, logging_, probe, run, stats, wire\n"
        "assert {m.WHO for m in (launch, logging_, run, probe, stats, wire)} == {'project'}\n" + PLAIN_APP
    )
    env = {"PYTHONSAFEPATH": "1"} if installed else {}
    words = ("app.main:app", "--server", "hypercorn", "--set", "port=0")
    with Running(tmp_path, *words, env=env) as running:
        assert get(running.ready()) == (200, "version 0")
        assert running.stop()["code"] == 0


def test_a_module_of_the_projects_called_as_the_probe_is(tmp_path: Path) -> None:
    write_app(tmp_path)
    (tmp_path / "asgi_probe.py").write_text("raise RuntimeError('the project has this name too')\n")
    with start(tmp_path, "--no-reload", env={"PYTHONSAFEPATH": "1"}) as running:
        try:
            url = running.ready()
        except AssertionError:
            # It cannot work, but then it must be said in a sentence that names the file.
            errors = [event for event in running.events if event["type"] == "error"]
            assert errors, running.stderr
            assert "asgi_probe" in errors[0]["what"] + errors[0]["why"] + errors[0]["mend"]
        else:
            assert get(url) == (200, "version 0")


@pytest.mark.parametrize("server", SERVERS)
def test_a_path_with_spaces_and_other_scripts(tmp_path: Path, server: str) -> None:
    directory = tmp_path / "mein Projekt ñ 项目 'q'"
    directory.mkdir()
    source = write_app(directory)
    with start(directory, "--server", server) as running:
        url = running.ready()
        assert get(url) == (200, "version 0")
        source.write_text(PLAIN_APP.replace("VERSION = 0", "VERSION = 1"))
        reload = running.wait("reload")
        assert (reload["outcome"], reload["changes"][0]["path"]) == ("ok", "app.py")
        assert get(url) == (200, "version 1")
        assert running.stop()["code"] == 0


@pytest.mark.parametrize("target", ["src/pack/main.py", "src/pack/main.py:app", "./src/pack/main.py:app"])
def test_a_file_in_a_src_layout(tmp_path: Path, target: str) -> None:
    package = tmp_path / "src" / "pack"
    package.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'pack'\n")
    (package / "__init__.py").write_text("")
    (package / "helper.py").write_text("WORD = 'helped'\n")
    (package / "main.py").write_text("from pack.helper import WORD\nfrom . import helper\n" + PLAIN_APP)
    with Running(tmp_path, target, "--set", "port=0") as running:
        url = running.ready()
        assert get(url) == (200, "version 0")
        (package / "helper.py").write_text("WORD = 'again'\n")
        assert running.wait("reload")["changes"][0]["path"] == "src/pack/helper.py"
        assert running.stop()["code"] == 0


# -- other Pythons -----------------------------------------------------------------------------------


def find_python(version: str) -> str | None:
    """An interpreter of that version on PATH or under pyenv."""
    candidates = [shutil.which(f"python{version}")]
    pyenv = Path("~/.pyenv/versions").expanduser()
    if pyenv.is_dir():
        candidates += [str(path) for path in sorted(pyenv.glob(f"{version}.*/bin/python{version}"))]
    for candidate in candidates:
        if candidate is None:
            continue
        asked = subprocess.run(
            [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True,
            text=True,
            check=False,
        )
        if asked.stdout.strip() == version:
            return candidate
    return None


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.12", "3.13"])
def test_the_app_runs_on_another_python_than_the_console(tmp_path: Path, version: str) -> None:
    python = find_python(version)
    if python is None:
        pytest.skip(f"no Python {version} on PATH or under ~/.pyenv")
    write_app(tmp_path, "import sys\n" + PLAIN_APP.replace("VERSION = 0", "VERSION = sys.version_info[:2]"))
    venv = tmp_path / ".venv"
    subprocess.run([python, "-m", "venv", "--without-pip", str(venv)], check=True)
    site = Path(next(iter(venv.glob("lib/python*/site-packages"))))
    # Pure Python all of them: what this interpreter has will do if their syntax does.
    ours = Path(sys.prefix, "lib", f"python{sys.version_info[0]}.{sys.version_info[1]}", "site-packages")
    for name in ("uvicorn", "h11", "click"):
        for found in (*ours.glob(name), *ours.glob(f"{name}-*.dist-info")):
            (site / found.name).symlink_to(found)
    (site / "typing_extensions.py").symlink_to(ours / "typing_extensions.py")
    works = subprocess.run(
        [venv / "bin" / "python", "-c", "import uvicorn.main"], capture_output=True, check=False
    )
    if works.returncode:
        pytest.skip(f"this uvicorn does not import on {version}: {works.stderr.decode()[-200:]}")
    env = {"VIRTUAL_ENV": "", "CONDA_PREFIX": ""}
    # `http=h11` since httptools is no pure Python.
    with start(tmp_path, "--set", "http=h11", "--set", "ws=auto", env=env) as running:
        expected = "({}, {})".format(*version.split("."))
        url = running.ready()
        assert get(url) == (200, f"version {expected}")
        assert running.wait("starting")["python"].startswith(str(venv))
        running.wait("stats", lambda event: event["requests"] == 1)
        assert running.stop()["code"] == 0


# -- addresses ---------------------------------------------------------------------------------------


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.parametrize("server", SERVERS)
def test_ipv6(tmp_path: Path, server: str) -> None:
    if not has_ipv6():
        pytest.skip("no IPv6 loopback here")
    write_app(tmp_path)
    with start(tmp_path, "--server", server, "--set", "host=::1") as running:
        url = running.ready()
        assert url.startswith("http://[::1]:")
        assert get(url) == (200, "version 0")
        bind = running.wait("starting")["bind"]
        assert bool(bind) == (server == "daphne")
        if server == "daphne":
            assert "IPv6" in bind
        running.wait("stats", lambda event: event["requests"] == 1)
        assert running.stop()["code"] == 0


@pytest.mark.parametrize("server", SERVERS)
def test_every_address_of_the_machine(tmp_path: Path, server: str) -> None:
    write_app(tmp_path)
    with start(tmp_path, "--server", server, "--set", "host=0.0.0.0") as running:
        port = int(running.ready().rpartition(":")[2])
        assert port > 0
        assert get(f"http://127.0.0.1:{port}") == (200, "version 0")
        assert running.stop()["code"] == 0


class UnixConnection(HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=10)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(str(self.path))


@pytest.mark.parametrize("server", SERVERS)
def test_a_unix_socket(tmp_path: Path, server: str) -> None:
    source = write_app(tmp_path)
    path = tmp_path / "s.sock"
    with Running(tmp_path, "app:app", "--server", server, "--set", "uds=s.sock") as running:
        running.ready()
        for version in range(2):
            connection = UnixConnection(path)
            connection.request("GET", "/")
            assert connection.getresponse().read().decode() == f"version {version}"
            connection.close()
            if version == 0:
                source.write_text(PLAIN_APP.replace("VERSION = 0", "VERSION = 1"))
                assert running.wait("reload")["outcome"] == "ok"
        assert running.stop()["code"] == 0
    assert not path.exists()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl command to make a certificate with")
    directory = tmp_path_factory.mktemp("tls")
    cert, key = directory / "cert.pem", directory / "key.pem"
    words = (
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run(
        [openssl, *words.split(), "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True
    )
    return cert, key


@pytest.mark.parametrize("server", SERVERS)
def test_tls(tmp_path: Path, certificate: tuple[Path, Path], server: str) -> None:
    cert, key = certificate
    source = write_app(tmp_path)
    words = ("--set", f"tls_cert={cert}", "--set", f"tls_key={key}")
    with start(tmp_path, "--server", server, *words) as running:
        url = running.ready()
        assert url.startswith("https://127.0.0.1:")
        assert bool(running.wait("starting")["bind"]) == (server == "daphne")
        trust = ssl.create_default_context(cafile=str(cert))
        for version in range(2):
            connection = HTTPSConnection("127.0.0.1", int(url.rpartition(":")[2]), context=trust, timeout=10)
            connection.request("GET", "/")
            assert connection.getresponse().read().decode() == f"version {version}"
            connection.close()
            if version == 0:
                source.write_text(PLAIN_APP.replace("VERSION = 0", "VERSION = 1"))
                assert running.wait("reload")["outcome"] == "ok"
        assert running.stop()["code"] == 0


# -- output ------------------------------------------------------------------------------------------


def test_binary_and_endless_output_hold_nothing_up(tmp_path: Path) -> None:
    write_app(
        tmp_path,
        "import os\n"
        "os.write(1, b'\\xff\\x00\\x1b]0;title\\x07\\x9b2J half\\r\\n')\nos.write(2, b'x' * 3_000_000)\n"
        "os.write(1, 'ü'.encode()[:1])\nos.write(1, 'ü'.encode()[1:] + b'\\nno newline')\n" + PLAIN_APP,
    )
    with start(tmp_path, "--no-reload") as running:
        assert get(running.ready()) == (200, "version 0")
        running.wait("log", lambda event: event["text"] == "ü")
        running.stop()
        texts = [event["text"] for event in running.events if event["type"] == "log"]
        assert any("no newline" in text for text in texts)
        assert not [text for text in texts if set(text) & {"\x00", "\x1b", "\x07", "\x9b", "\r"}]
        assert max(map(len, texts)) < 1_000_000


def test_the_runtime_directory_is_private_and_goes(tmp_path: Path) -> None:
    write_app(tmp_path, "import sys\n" + PLAIN_APP.replace("VERSION = 0", "VERSION = sys.path[-1]"))
    with start(tmp_path) as running:
        body = get(running.ready())[1]
        directory = Path(body.removeprefix("version "))
        assert directory.is_dir()
        assert directory.stat().st_mode & 0o777 == 0o700
        assert directory.stat().st_uid == os.getuid()
        running.stop()
        assert not directory.exists()
