"""Bad input and ambient configuration: one clear sentence, the promised exit code, nothing overridden."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

import asgi_tui
from tests.support import PLAIN_APP, Running, clean_environment, get, run_command, write_app

FACTORY_WITH_ARGUMENTS = PLAIN_APP + "\n\ndef create_app(settings):\n    return app\n"
IMPORT_ERROR = '"""Needs a library."""\n\nimport no_such_library_anywhere\n'
STARTUP_FAILED = """\
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "the vault is sealed"})
"""
STARTUP_RAISES = """\
async def app(scope, receive, send):
    raise RuntimeError("the vault is sealed")
"""


@dataclass(frozen=True)
class Case:
    """Command-line words, the file they meet, and what the one sentence must hold."""

    arguments: tuple[str, ...]
    code: int
    holds: tuple[str, ...]
    source: str = PLAIN_APP


CASES = {
    "file not found": Case(("nofile.py:app",), 2, ("nofile.py",)),
    "module not found": Case(("no_module:app",), 1, ("no_module",)),
    "attribute missing": Case(("app:ap",), 1, ("app:ap", "app:app|mean app")),
    "not callable": Case(("app:VERSION",), 1, ("app:VERSION", "callable|no ASGI app")),
    "factory arguments": Case(
        ("app:create_app", "--set", "factory=true"),
        1,
        ("create_app", "argument|settings"),
        FACTORY_WITH_ARGUMENTS,
    ),
    "import error": Case(("app:app",), 1, ("no_such_library_anywhere", "app"), IMPORT_ERROR),
    "lifespan failed": Case(("app:app",), 1, ("the vault is sealed",), STARTUP_FAILED),
    "lifespan raises": Case(("app:app", "--set", "lifespan=on"), 1, ("the vault is sealed",), STARTUP_RAISES),
    "host unresolved": Case(("app:app", "--host", "nosuch.invalid"), 1, ("nosuch.invalid", "resolve")),
    "unknown concept": Case(("app:app", "--set", "wrokers=2"), 2, ("wrokers", "workers")),
    "unknown flag": Case(("app:app", "--bogus"), 2, ("--bogus",)),
    "bad port": Case(("app:app", "--set", "port=70000"), 2, ("port", "70000", "65535")),
    "bad choice": Case(("app:app", "--set", "log_level=loud"), 2, ("log_level", "loud", "warning")),
    "unsupported": Case(("app:app", "--server", "daphne", "--set", "workers=2"), 2, ("workers", "daphne")),
    "unknown server": Case(("app:app", "--server", "unicorn"), 2, ("unicorn", "uvicorn")),
    "env file missing": Case(("app:app", "--env-file", "nope.env"), 2, ("nope.env",)),
    "app_dir missing": Case(("app:app", "--set", "app_dir=nodir"), 2, ("nodir",)),
    "cert without key": Case(("app:app", "--set", "tls_cert=app.py"), 2, ("tls_key", "key")),
    "interpreter missing": Case(("app:app", "--python", "/nope/python"), 2, ("/nope/python",)),
    "extra word": Case(("app:app", "more"), 2, ("more",)),
    "native refused": Case(("app:app", "--", "--reload"), 2, ("--reload",)),
}


def placed(directory: Path, case: Case) -> tuple[str, ...]:
    """Writes the case's app; its arguments with a free port."""
    write_app(directory, case.source)
    target, *rest = case.arguments
    named = any("port" in word for word in rest)
    return (target, *(() if named else ("--set", "port=0")), *rest)


def check_sentence(sentence: str, case: Case) -> None:
    """One line that holds each of the case's words; alternatives are parted by a bar."""
    assert "\n" not in sentence.strip()
    for part in case.holds:
        assert any(word.lower() in sentence.lower() for word in part.split("|")), (part, sentence)
    thing, colon, rest = sentence.partition(": ")
    assert colon
    assert thing
    # The cause and, after a semicolon, the mend.
    cause, semicolon, mend = rest.partition("; ")
    assert cause
    assert semicolon, f"no mend in {sentence!r}"
    assert mend.strip().strip(".")


def no_traceback_of_ours(*texts: str) -> None:
    for text in texts:
        assert not re.search(r"asgi_tui/(?!asgi_probe)[\w/]+\.py", text), text


def events_of(stdout: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stdout.splitlines()]


@pytest.mark.parametrize("name", CASES)
def test_plain_says_one_sentence_on_stderr(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    words = placed(tmp_path, case)
    result = run_command(tmp_path, ["run", "--no-reload", *words])
    no_traceback_of_ours(result.stdout, result.stderr)
    assert result.returncode == case.code
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, lines
    check_sentence(lines[0], case)


@pytest.mark.parametrize("name", CASES)
def test_json_says_the_same_as_an_event(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    words = placed(tmp_path, case)
    result = run_command(tmp_path, ["run", "--json", "--no-reload", *words])
    no_traceback_of_ours(result.stdout, result.stderr)
    assert result.returncode == case.code
    events = events_of(result.stdout)
    errors = [event for event in events if event["type"] == "error"]
    assert len(errors) == 1, (events, result.stderr)
    check_sentence("{what}: {why}; {mend}".format(**errors[0]), case)
    assert [event["type"] for event in events].count("exit") == 1
    assert (events[-1]["type"], events[-1]["code"]) == ("exit", case.code)


@pytest.mark.parametrize("name", ["attribute missing", "import error", "lifespan failed", "module not found"])
def test_while_watching_a_failed_first_start_waits_for_a_good_save(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    words = placed(tmp_path, case)
    with Running(tmp_path, *words) as running:
        running.wait("error")
        with pytest.raises(AssertionError):
            running.wait("exit", timeout=0.5)
        assert running.process.poll() is None
        since = running.mark()
        (tmp_path / "app.py").write_text(PLAIN_APP + "\n\nap = app\n")
        (tmp_path / "no_module.py").write_text(PLAIN_APP)
        assert get(running.ready(since)) == (200, "version 0")
        assert running.stop()["code"] == 0


def test_a_failed_start_that_waits_is_stopped_with_code_0(tmp_path: Path) -> None:
    write_app(tmp_path, IMPORT_ERROR)
    with Running(tmp_path, "app:app", "--set", "port=0") as running:
        running.wait("error")
        running.stop()
        # "Stopped on request, whatever the server then returned."
        assert running.process.returncode == 0


@pytest.mark.parametrize(
    "words", [["servrs"], ["runn", "app:app"], ["comand", "app:app", "--server", "uvicorn"]]
)
def test_an_unknown_command_word_is_named(tmp_path: Path, words: list[str]) -> None:
    write_app(tmp_path)
    result = run_command(tmp_path, words)
    assert result.returncode == 2
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    assert words[0] in lines[0]
    assert {"servrs": "servers", "runn": "run", "comand": "command"}[words[0]] in lines[0].replace(
        words[0], ""
    )


# -- interpreters ------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_json", [False, True])
def test_a_server_not_installed_in_the_interpreter(tmp_path: Path, as_json: bool) -> None:
    write_app(tmp_path)
    empty = tmp_path / "empty"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(empty)], check=True)
    words = ["run", "app:app", "--python", str(empty), "--set", "port=0", "--no-reload"]
    result = run_command(tmp_path, [*words, *(["--json"] if as_json else [])])
    assert result.returncode in (1, 2)
    said = result.stderr + result.stdout
    assert "uvicorn" in said
    assert str(empty) in said
    assert "install" in said
    assert "Traceback" not in said


def test_a_venv_of_the_project_without_the_server(tmp_path: Path) -> None:
    write_app(tmp_path)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / ".venv")], check=True)
    env = dict.fromkeys(("VIRTUAL_ENV", "CONDA_PREFIX"), "")
    result = run_command(
        tmp_path, ["run", "app:app", "--server", "hypercorn", "--set", "port=0", "--no-reload"], env=env
    )
    assert result.returncode in (1, 2)
    assert "hypercorn" in result.stderr
    assert ".venv" in result.stderr


def fake_venv(directory: Path, version: str) -> Path:
    (directory / "bin").mkdir(parents=True)
    (directory / "bin" / "python").symlink_to(sys.executable)
    (directory / "pyvenv.cfg").write_text(f"home = /usr/bin\nversion = {version}\n")
    (directory / "lib" / f"python{version.rpartition('.')[0]}" / "site-packages").mkdir(parents=True)
    return directory


def test_an_interpreter_that_is_too_old(tmp_path: Path) -> None:
    write_app(tmp_path)
    old = fake_venv(tmp_path / "old", "3.8.10")
    result = run_command(tmp_path, ["run", "app:app", "--python", str(old), "--no-reload"])
    assert result.returncode == 2
    assert "3.8" in result.stderr
    assert "3.9" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_venv_whose_interpreter_is_gone(tmp_path: Path) -> None:
    write_app(tmp_path)
    broken = fake_venv(tmp_path / "broken", "3.11.7")
    (broken / "bin" / "python").unlink()
    (broken / "bin" / "python").symlink_to("/nope/python3.11")
    result = run_command(tmp_path, ["run", "app:app", "--python", str(broken), "--no-reload"])
    assert result.returncode == 2
    assert "broken" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


# -- addresses ---------------------------------------------------------------------------------------


def listening() -> socket.socket:
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    return taken


@pytest.mark.parametrize("as_json", [False, True])
def test_a_taken_port_names_its_holder(tmp_path: Path, as_json: bool) -> None:
    write_app(tmp_path)
    with listening() as taken:
        port = taken.getsockname()[1]
        words = ["run", "app:app", "--set", f"port={port}", "--no-reload", *(["--json"] if as_json else [])]
        result = run_command(tmp_path, words)
    assert result.returncode == 1
    said = result.stdout if as_json else result.stderr
    assert str(port) in said
    assert str(os.getpid()) in said


def test_a_taken_port_on_a_server_that_binds_by_itself_names_its_holder(tmp_path: Path) -> None:
    write_app(tmp_path)
    with socket.socket(socket.AF_INET6) as taken:
        try:
            taken.bind(("::1", 0))
        except OSError:
            pytest.skip("no IPv6 loopback here")
        taken.listen()
        port = taken.getsockname()[1]
        words = ["run", "app:app", "--server", "daphne", "--set", "host=::1", "--set", f"port={port}"]
        result = run_command(tmp_path, [*words, "--no-reload"])
    assert result.returncode == 1
    assert str(port) in result.stderr
    assert str(os.getpid()) in result.stderr


def test_a_taken_port_while_watching_is_not_waited_for_in_silence(tmp_path: Path) -> None:
    write_app(tmp_path)
    with listening() as taken:
        port = taken.getsockname()[1]
        with Running(tmp_path, "app:app", "--set", f"port={port}") as running:
            error = running.wait("error")
            assert str(port) in error["what"] + error["why"]


def test_a_privileged_port(tmp_path: Path) -> None:
    lowest = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if not lowest.exists() or int(lowest.read_text()) <= 80:
        pytest.skip("every user may bind every port here")
    if os.geteuid() == 0:
        pytest.skip("root may bind every port")
    write_app(tmp_path)
    result = run_command(tmp_path, ["run", "app:app", "--set", "port=80", "--no-reload"])
    assert result.returncode == 1
    assert "80" in result.stderr
    assert "1024" in result.stderr


# -- commands on standard input ----------------------------------------------------------------------

BAD_COMMANDS = {
    "not JSON": b"stop\n",
    "not an object": b"[1, 2]\n",
    "not UTF-8": b"\xff\xfe\n",
    "unknown do": b'{"do": "dance"}\n',
    "do is no text": b'{"do": {"do": "stop"}}\n',
    "no do": b"{}\n",
    "switch without server": b'{"do": "switch"}\n',
    "switch to a number": b'{"do": "switch", "server": 3}\n',
    "switch to unknown": b'{"do": "switch", "server": "unicorn"}\n',
    "switch to itself": b'{"do": "switch", "server": "uvicorn"}\n',
    "deeply nested": b"[" * 60_000 + b"\n",
    "far too long": b"x" * 200_000 + b"\n",
}


def test_bad_commands_are_errors_and_harm_nothing(tmp_path: Path) -> None:
    write_app(tmp_path)
    with Running(tmp_path, "app:app", "--set", "port=0", "--no-reload") as running:
        url = running.ready()
        pid = running.wait("ready")["pid"]
        assert running.process.stdin is not None
        silent = []
        for name, line in BAD_COMMANDS.items():
            since = running.mark()
            os.write(running.process.stdin.fileno(), line)
            try:
                error = running.wait("error", since=since, timeout=2)
            except AssertionError:
                silent.append(name)
                continue
            assert error["what"], name
            assert error["why"], name
            assert error["mend"], name
            if name == "switch to unknown":
                assert "unicorn" in error["what"] + error["why"]
        assert silent == []
        assert get(url) == (200, "version 0")
        assert running.wait("ready", since=0)["pid"] == pid
        assert [event["type"] for event in running.events].count("ready") == 1


@pytest.mark.parametrize("server", ["unicorn", "uvicorn"])
def test_a_refused_switch_does_not_change_the_exit_code(tmp_path: Path, server: str) -> None:
    write_app(tmp_path)
    with Running(tmp_path, "app:app", "--set", "port=0", "--no-reload") as running:
        running.ready()
        running.send(do="switch", server=server)
        running.wait("error")
        assert running.stop()["code"] == 0
        assert running.process.returncode == 0


def test_the_end_of_standard_input_is_no_stop(tmp_path: Path) -> None:
    write_app(tmp_path)
    with Running(tmp_path, "app:app", "--set", "port=0") as running:
        url = running.ready()
        assert running.process.stdin is not None
        running.process.stdin.close()
        with pytest.raises(AssertionError):
            running.wait("exit", timeout=0.5)
        assert get(url) == (200, "version 0")
        running.process.terminate()
        assert running.wait("exit")["code"] == 0


# -- ambient configuration ---------------------------------------------------------------------------

AMBIENT: dict[str, tuple[str, dict[str, str]]] = {
    "uvicorn": (
        "uvicorn",
        {
            "UVICORN_PORT": "1",
            "UVICORN_HOST": "0.0.0.0",
            "UVICORN_RELOAD": "true",
            "UVICORN_WORKERS": "3",
            "UVICORN_LOG_LEVEL": "debug",
            "UVICORN_FACTORY": "true",
            "UVICORN_APP": "nothing:here",
            "UVICORN_INTERFACE": "wsgi",
            "WEB_CONCURRENCY": "3",
        },
    ),
    "granian": (
        "granian",
        {
            "GRANIAN_PORT": "1",
            "GRANIAN_HOST": "0.0.0.0",
            "GRANIAN_WORKERS": "3",
            "GRANIAN_INTERFACE": "rsgi",
            "GRANIAN_RELOAD": "true",
            "GRANIAN_FACTORY": "true",
            "GRANIAN_LOG_LEVEL": "debug",
            "GRANIAN_WORKING_DIR": "/",
        },
    ),
    "gunicorn": (
        "gunicorn",
        {
            "GUNICORN_CMD_ARGS": "--reload -b 127.0.0.1:1 --log-level debug -w3 --workers=3 --daemon",
            "WEB_CONCURRENCY": "3",
        },
    ),
    "gunicorn, joined": (
        "gunicorn",
        {"GUNICORN_CMD_ARGS": "-b127.0.0.1:1 -ksync -D --bin 127.0.0.1:2 --daem --umask 0 --preload"},
    ),
}


@pytest.fixture
def nothing_daemonised(tmp_path: Path) -> Iterator[None]:
    """A server that made itself a daemon is in no group of ours; its working directory tells it."""
    yield
    left = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.cwd() == str(tmp_path):
                left.append(process)
    for process in left:
        with suppress(psutil.Error):
            process.kill()
    assert left == []


@pytest.mark.usefixtures("nothing_daemonised")
@pytest.mark.parametrize("name", AMBIENT)
def test_the_environment_changes_nothing_that_the_console_owns(tmp_path: Path, name: str) -> None:
    server, env = AMBIENT[name]
    source = write_app(tmp_path)
    with Running(tmp_path, "app:app", "--server", server, "--set", "port=0", env=env) as running:
        url = running.ready()
        assert not url.endswith(":1")
        assert get(url) == (200, "version 0")
        inherited = " ".join(running.wait("starting")["inherited"])
        assert [variable for variable in env if variable not in inherited] == []
        serving = {event["pid"] for event in running.events if event["type"] == "worker"}
        assert len(serving) == 1
        source.write_text(PLAIN_APP.replace("VERSION = 0", "VERSION = 1"))
        assert running.wait("reload")["outcome"] == "ok"
        assert get(url) == (200, "version 1")
        assert running.stop()["code"] == 0


@pytest.mark.usefixtures("nothing_daemonised")
def test_gunicorns_configuration_file_changes_nothing_that_the_console_owns(tmp_path: Path) -> None:
    write_app(tmp_path)
    (tmp_path / "gunicorn.conf.py").write_text(
        'reload = True\nbind = "127.0.0.1:1"\nworkers = 3\ndaemon = True\nworker_class = "sync"\n'
        'pidfile = "left.pid"\nwsgi_app = "nothing:here"\n'
        "def when_ready(server):\n    open('hooked', 'w').close()\n"
    )
    with Running(tmp_path, "app:app", "--server", "gunicorn", "--set", "port=0") as running:
        url = running.ready()
        assert not url.endswith(":1")
        assert get(url) == (200, "version 0")
        inherited = " ".join(running.wait("starting")["inherited"])
        assert "gunicorn.conf.py" in inherited
        assert len({event["pid"] for event in running.events if event["type"] == "worker"}) == 1
        # What the console does not own stays the user's.
        assert (tmp_path / "hooked").exists()
        assert running.stop()["code"] == 0


def test_a_set_log_level_wins_over_the_environment(tmp_path: Path) -> None:
    write_app(tmp_path)
    env = {"UVICORN_LOG_LEVEL": "critical"}
    with Running(tmp_path, "app:app", "--set", "port=0", "--set", "log_level=info", env=env) as running:
        running.ready()
        running.wait("log", lambda event: "startup complete" in event["text"].lower())
        assert running.stop()["code"] == 0


def test_every_error_of_the_console_name_is_one_line(tmp_path: Path) -> None:
    """Without a terminal, the console says so and runs as ``run``."""
    result = run_command(tmp_path, ["nofile.py:app"], env=clean_environment())
    assert result.returncode == 2
    assert "nofile.py" in result.stderr.strip().splitlines()[-1]


def free_port(make: Callable[[], socket.socket] = listening) -> int:
    with make() as found:
        return int(found.getsockname()[1])


def test_the_port_asked_for_is_the_one_that_serves(tmp_path: Path) -> None:
    write_app(tmp_path)
    port = free_port()
    with Running(tmp_path, "app:app", "--set", f"port={port}", env={"UVICORN_PORT": "1"}) as running:
        assert running.ready() == f"http://127.0.0.1:{port}"
        assert running.stop()["code"] == 0


# -- surroundings that are out of order --------------------------------------------------------------


def ends_with_a_sentence(result: subprocess.CompletedProcess[str], *holds: str) -> None:
    no_traceback_of_ours(result.stdout, result.stderr)
    assert "Traceback" not in result.stderr
    assert result.returncode in (1, 2)
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    for word in holds:
        assert word in lines[0]


def test_an_env_file_that_is_no_text(tmp_path: Path) -> None:
    write_app(tmp_path)
    (tmp_path / "bad.env").write_bytes(b"A\xff=1\n")
    words = ["run", "app:app", "--no-reload", "--port", "0", "--env-file", "bad.env"]
    ends_with_a_sentence(run_command(tmp_path, words, timeout=10), "bad.env")


def test_a_temporary_directory_with_too_long_a_path(tmp_path: Path) -> None:
    write_app(tmp_path)
    long = tmp_path / ("x" * 110)
    long.mkdir()
    # A Unix socket's path is bounded (unix(7)), so the runtime directory goes elsewhere.
    with Running(tmp_path, "app:app", "--port", "0", env={"TMPDIR": str(long)}) as running:
        assert get(running.ready()) == (200, "version 0")
        assert running.stop()["code"] == 0
    assert list(long.iterdir()) == []


def test_a_working_directory_that_is_gone(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    code = (
        "import os, sys; os.rmdir(os.getcwd()); "
        "os.execv(sys.executable, [sys.executable, '-P', '-m', 'asgi_tui', 'servers'])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=gone,
        # An absolute one: with a relative one the interpreter complains before anything of ours runs.
        env=clean_environment(PYTHONPATH=str(Path(asgi_tui.__file__).parents[1])),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    ends_with_a_sentence(result)


def test_a_watched_path_that_is_missing_is_said(tmp_path: Path) -> None:
    write_app(tmp_path)
    result = run_command(tmp_path, ["run", "nothing_here:app", "--watch", "nope", "--no-reload"])
    assert result.returncode == 2
    assert "nope" in result.stderr


@pytest.mark.parametrize("as_json", [False, True])
def test_a_terminal_without_utf8_shows_what_it_can(tmp_path: Path, as_json: bool) -> None:
    directory = tmp_path / "ü"
    directory.mkdir()
    write_app(directory, "print('日本')\n" + PLAIN_APP + "\nimport no_such_library_anywhere\n")
    words = ["run", "app:app", "--no-reload", "--port", "0", *(["--json"] if as_json else [])]
    result = run_command(directory, words, timeout=10, env={"PYTHONIOENCODING": "ascii"})
    assert result.returncode == 1
    assert "no_such_library_anywhere" in result.stdout
    assert "Traceback" not in result.stderr
    if as_json:
        assert events_of(result.stdout)[-1]["type"] == "exit"


LONG = "x" * 5000


@pytest.mark.parametrize(
    "words",
    [
        ["command", f"{LONG}"],
        ["command", f"{LONG}.py:app"],
        ["command", "app", "--set", f"app_dir={LONG}"],
        ["run", "app:app", "--python", LONG],
        ["run", "app:app", "--python", f"./{LONG}"],
        ["run", "app:app", "--watch", LONG],
        ["run", "app:app", "--env-file", LONG],
        ["run", "app:app", "--set", f"log_config={LONG}"],
        ["discover", LONG],
    ],
    ids=lambda words: " ".join(words).replace(LONG, "LONG"),
)
def test_a_path_that_is_too_long_is_one_sentence(tmp_path: Path, words: list[str]) -> None:
    write_app(tmp_path)
    result = run_command(tmp_path, words)
    assert result.returncode == 2
    assert len(result.stderr.strip().splitlines()) == 1


def test_source_that_no_parser_can_read_is_left_to_the_interpreter(tmp_path: Path) -> None:
    write_app(tmp_path, f"app = {'-' * 200_000}1\n")
    result = run_command(tmp_path, ["command", "app"])
    assert (result.returncode, result.stdout, result.stderr) == (0, "uvicorn app:app\n", "")
