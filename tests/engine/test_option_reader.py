"""Options read from installed servers: remembered, refused without a yes, and never believed blindly."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from copy import copy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.options import OptionTable, option
from asgi_tui.domain.servers import SERVERS
from asgi_tui.domain.servers.base import Server
from asgi_tui.domain.values import Kind
from asgi_tui.engine import option_reader
from asgi_tui.engine.interpreters import Interpreter, find_interpreter, installed_versions
from asgi_tui.engine.option_reader import may_read, read_options
from asgi_tui.engine.trust import MOST, is_trusted, trust
from asgi_tui.engine.user_files import read_text, write_private
from tests.support import wait_for

OVERLAY = (
    option("host", Kind.HOST, "Address", "Where it listens.", concept="host"),
    option("gone", Kind.FLAG, "Advanced", "An option that no version has.", since="9.9"),
)
OWN = find_interpreter(Path("/"), sys.executable, {})

Fake = Callable[[str], Interpreter]


def server(name: str = "uvicorn") -> Server:
    """The adapter with an overlay of two options."""
    found = copy(SERVERS[name])
    vars(found)["overlay"] = OVERLAY
    return found


def read(interpreter: Interpreter = OWN, name: str = "uvicorn", **more: Any) -> OptionTable:
    return read_options(server(name), interpreter, "1.0", **{"cache": None, **more})


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    """Makes an interpreter that is a shell script."""

    def made(script: str) -> Interpreter:
        executable = tmp_path / "env/bin/python"
        executable.parent.mkdir(parents=True, exist_ok=True)
        executable.write_text(f"#!/bin/sh\n{script}\n")
        executable.chmod(0o755)
        return Interpreter(executable, (3, 11, 0), "--python", ())

    return made


def answering(fake: Fake, tmp_path: Path, text: str) -> Interpreter:
    (tmp_path / "answer").write_text(text)
    return fake(f"cat {tmp_path}/answer")


def document(**changes: Any) -> str:
    """What describe.py would print of one option."""
    item: dict[str, Any] = {"flags": ["--host"], "off": [], "takes": "value", "type": "text", "choices": []}
    item |= {"default": "::1", "multiple": False, "env": "", "help": "", "minimum": None, "maximum": None}
    item |= {"bare": "", "setting": ""}
    return json.dumps({"server": "uvicorn", "version": "1.2", "options": [item | changes]})


@pytest.mark.parametrize(
    ("name", "flag", "default"),
    [
        ("uvicorn", "--backlog", 2048),
        ("hypercorn", "--backlog", 100),
        ("daphne", "--ping-interval", 20),
        ("granian", "--backlog", 1024),
        ("gunicorn", "--backlog", 2048),
        ("gunicorn-uvicorn", "--backlog", 2048),
    ],
)
def test_the_real_servers(name: str, flag: str, default: int, tmp_path: Path) -> None:
    module = SERVERS[name].module
    installed = installed_versions(OWN, [module])[module]
    assert installed
    table = read_options(server(name), OWN, installed, cache=tmp_path)
    assert (table.server, table.version, table.note) == (name, installed, "")
    found = table.with_flag(flag)
    assert found is not None
    assert found.default == default
    assert table.missing["gone"].startswith(f"it came with {name} 9.9")
    assert read_options(server(name), OWN, installed, cache=tmp_path) == table


def test_the_environment_changes_no_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in {"WEB_CONCURRENCY": "7", "PORT": "1", "FORWARDED_ALLOW_IPS": "*"}.items():
        monkeypatch.setenv(variable, value)
    for name in ("gunicorn", "json", "logging"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    table = read(name="gunicorn")
    assert table.note == ""
    defaults = [table.named(name) for name in ("workers", "bind", "forwarded_allow_ips")]
    assert [item and item.default for item in defaults] == [1, ("127.0.0.1:8000",), "127.0.0.1,::1"]


def test_a_remembered_answer_runs_nothing(fake: Fake, tmp_path: Path) -> None:
    interpreter = answering(fake, tmp_path, document())
    cache = tmp_path / "cache"
    table = read(interpreter, cache=cache)
    assert table.version == "1.2"
    interpreter.executable.unlink()
    assert read(interpreter, cache=cache) == table
    assert read(interpreter, cache=cache, allowed=False) == table
    # another version, server or interpreter is another matter
    assert read_options(server(), interpreter, "2.0", cache=cache).version is None
    assert read(interpreter, "granian", cache=cache).version is None
    assert read(replace(interpreter, site_dirs=(tmp_path,)), cache=cache).version is None
    (file,) = cache.iterdir()
    assert (file.stat().st_mode & 0o777, cache.stat().st_mode & 0o777) == (0o600, 0o700)


def test_an_installation_anew_is_asked_anew(fake: Fake, tmp_path: Path) -> None:
    site = tmp_path / "site-packages"
    installed = site / "uvicorn-1.0.dist-info"
    installed.mkdir(parents=True)
    interpreter = replace(answering(fake, tmp_path, document()), site_dirs=(site,))
    assert read(interpreter, cache=tmp_path / "cache").version == "1.2"
    (tmp_path / "answer").write_text(document().replace("1.2", "1.3"))
    assert read(interpreter, cache=tmp_path / "cache").version == "1.2"
    os.utime(installed, (1, 1))
    assert read(interpreter, cache=tmp_path / "cache").version == "1.3"


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"options": [1]}', "\udcff", "x" * 3_000_000])
def test_a_broken_cache_file_is_written_anew(fake: Fake, tmp_path: Path, broken: str) -> None:
    cache = tmp_path / "cache"
    interpreter = answering(fake, tmp_path, document())
    table = read(interpreter, cache=cache)
    (file,) = cache.iterdir()
    good = file.read_text()
    file.write_bytes(broken.encode(errors="surrogateescape"))
    assert read(interpreter, cache=cache) == table
    assert file.read_text() == good


def test_the_oldest_cache_files_go(fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(option_reader, "MOST_FILES", 3)
    cache = tmp_path / "cache"
    interpreter = answering(fake, tmp_path, document())
    for age in range(5):
        read_options(server(), interpreter, f"1.{age}", cache=cache)
        for file in cache.iterdir():
            os.utime(file, (file.stat().st_mtime - 10,) * 2)
    assert len([*cache.iterdir()]) == 3
    interpreter.executable.unlink()
    left = [read_options(server(), interpreter, f"1.{age}", cache=cache).version for age in range(5)]
    assert left == [None, None, "1.2", "1.2", "1.2"]


def test_a_cache_that_cannot_be_written_costs_time_alone(fake: Fake, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    interpreter = answering(fake, tmp_path, document())
    assert read(interpreter, cache=tmp_path / "file").version == "1.2"


def note_of(table: OptionTable) -> str:
    """The note of a failure, which leaves the overlay alone."""
    assert (table.version, table.options, table.missing) == (None, OVERLAY, {})
    start = "The options shown are those the console knows of uvicorn by itself, for the installed ones could"
    assert table.note.startswith(f"{start} not be read: ")
    assert table.note.isprintable()
    return table.note


def test_not_without_a_yes(fake: Fake, tmp_path: Path) -> None:
    interpreter = fake(f"touch {tmp_path}/ran")
    assert "without your yes" in note_of(read(interpreter, allowed=False))
    assert not (tmp_path / "ran").exists()


def test_an_interpreter_that_cannot_be_run(fake: Fake, tmp_path: Path) -> None:
    interpreter = fake("")
    assert "no JSON" in note_of(read(interpreter))
    interpreter.executable.chmod(0o600)
    assert "cannot be run (Permission denied)" in note_of(read(interpreter))
    interpreter.executable.unlink()
    assert "cannot be run (No such file or directory)" in note_of(read(interpreter))


def test_a_server_that_fails_says_why(fake: Fake) -> None:
    script = r"printf 'first\nlib.so \033 missing\n' >&2; exit 1"
    assert note_of(read(fake(script))).endswith(" not be read: lib.so ␛ missing.")
    assert "it ended with 3" in note_of(read(fake("exit 3")))


def test_a_server_that_is_not_installed(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "env"], check=True)
    interpreter = find_interpreter(tmp_path, str(tmp_path / "env"), {})
    assert "uvicorn: ModuleNotFoundError: No module named 'uvicorn'" in note_of(read(interpreter))


def test_too_long_and_too_much(fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "more than 2 MB" in note_of(read(fake("yes")))
    monkeypatch.setattr(option_reader, "LIMIT_S", 0.5)
    # neither closing its output nor a child that holds it, nor trickling, gets around the limit
    for script in ("sleep 60", "exec >&- 2>&-; sleep 60", "sleep 60 &", "while :; do echo; sleep 0.1; done"):
        started = time.monotonic()
        table = read(fake(f"echo $$ > {tmp_path}/pid; {script}"))
        assert "that took longer than 0.5 s" in note_of(table)
        assert time.monotonic() - started < 5
        group = int((tmp_path / "pid").read_text())
        wait_for(partial(ended, group))


def ended(group: int) -> bool:
    """Whether no process of the group is alive."""
    for process in psutil.process_iter():
        with suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                return False
    return True


@pytest.mark.parametrize(
    "changes",
    [
        {"flags": []},
        {"flags": ["--a\x1b[2J"]},
        {"flags": ["host"]},
        {"flags": "--host"},
        {"flags": ["--a"] * 101},
        {"takes": "all"},
        {"type": ["int"]},
        {"multiple": "yes"},
        {"choices": ["a\nb"]},
        {"choices": [1]},
        {"default": {"a": 1}},
        {"default": ["a", 1]},
        {"default": 10**400},
        {"minimum": True},
        {"maximum": float("inf")},
        {"maximum": float("nan")},
        {"env": "A=B"},
        {"setting": None},
        {"help": 1},
        {"more": 1},
    ],
    ids=str,
)
def test_hostile_fields(fake: Fake, tmp_path: Path, changes: dict[str, Any]) -> None:
    interpreter = answering(fake, tmp_path, document(**changes))
    assert "not describe itself as expected" in note_of(read(interpreter, cache=tmp_path / "cache"))
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{}",
        '{"options": []}',
        '{"options": 1}',
        json.dumps({"version": "1", "options": [{}] * 501}),
        '{"version": 1, "options": [{}]}',
        "[" * 100_000,
        "nothing",
    ],
    ids=lambda text: text[:20],
)
def test_hostile_documents(fake: Fake, tmp_path: Path, text: str) -> None:
    assert "not describe itself as expected" in note_of(read(answering(fake, tmp_path, text)))


def test_texts_are_made_safe(fake: Fake, tmp_path: Path) -> None:
    text = document(
        flags=["--new"], help="\x1b]52;c;eA==\x07 \ud800\u202e" + "x" * 9999, default="\x1b[31mred\x9b"
    )
    table = read(answering(fake, tmp_path, text))
    new = table.named("new")
    assert new is not None
    assert new.help.startswith("␛]52;c;eA==␇ ?\\u202e")
    assert len(new.help) == 2000
    assert new.default == "red\\x9b"


# -- trust -------------------------------------------------------------------------------------------


def venv(path: Path, *site_dirs: Path) -> Interpreter:
    (path / "bin").mkdir(parents=True)
    (path / "bin/python").symlink_to(sys.executable)
    return Interpreter(path / "bin/python", None, "", site_dirs)


def test_what_lies_in_the_project_needs_a_yes(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    root.mkdir()
    # its python links to one outside: it is the project's all the same
    inside = venv(root / ".venv")
    assert not may_read(inside, root, trusted=False)
    assert may_read(inside, root, trusted=True)
    assert may_read(venv(elsewhere / "env"), root, trusted=False)
    assert not may_read(venv(elsewhere / "leads", root / "lib"), root, trusted=False)
    assert may_read(venv(tmp_path / "project-2"), root, trusted=False)
    (root / "python").symlink_to(sys.executable)
    assert not may_read(Interpreter(root / "python", None, "", ()), root, trusted=False)
    (root / "linked").symlink_to(elsewhere / "env")
    assert not may_read(Interpreter(root / "linked/bin/python", None, "", ()), root, trusted=False)
    (elsewhere / "linked").symlink_to(root / ".venv")
    assert not may_read(Interpreter(elsewhere / "linked/bin/python", None, "", ()), root, trusted=False)
    (root / "bin").symlink_to(elsewhere / "env/bin")
    assert not may_read(Interpreter(root / "bin/python", None, "", ()), root, trusted=False)
    (tmp_path / "way").symlink_to(root)
    assert not may_read(inside, tmp_path / "way", trusted=False)


def test_what_is_not_called_a_python_needs_a_yes() -> None:
    # A preset of the project may name any program of the machine as the interpreter.
    for program in (Path("/usr/bin/shred"), Path(sys.prefix) / "bin/pip"):
        assert not may_read(Interpreter(program, None, "", ()), Path("/project"), trusted=False)
        assert may_read(Interpreter(program, None, "", ()), Path("/project"), trusted=True)
    assert may_read(Interpreter(Path("/usr/bin/python3.12"), None, "", ()), Path("/project"), trusted=False)


def test_the_consoles_own_interpreter_runs_already() -> None:
    assert may_read(OWN, Path(sys.prefix).parent, trusted=False)


def test_a_yes_is_remembered(tmp_path: Path) -> None:
    state, python = tmp_path / "state", Path("/project/.venv/bin/python")
    assert not is_trusted(python, state)
    trust(python, state)
    trust(python, state)
    assert is_trusted(python, state)
    assert not is_trusted(python.parent, state)
    (file,) = state.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text()) == {"trusted": [str(python)]}


@pytest.mark.parametrize(
    "broken", ["", "{", "[" * 100_000, "[]", '{"trusted": "/a"}', '{"trusted": ["/a", 1]}']
)
def test_a_broken_file_trusts_nobody(tmp_path: Path, broken: str) -> None:
    (tmp_path / "trusted.json").write_text(broken)
    assert not is_trusted(Path("/a"), tmp_path)
    trust(Path("/b"), tmp_path)
    assert is_trusted(Path("/b"), tmp_path)


def test_the_oldest_yes_is_forgotten(tmp_path: Path) -> None:
    write_private(tmp_path / "trusted.json", json.dumps({"trusted": [f"/{n}" for n in range(MOST)]}))
    trust(Path("/new"), tmp_path)
    assert [is_trusted(Path(path), tmp_path) for path in ("/0", "/1", "/499", "/new")] == [
        False,
        True,
        True,
        True,
    ]


# -- the user's files --------------------------------------------------------------------------------


def test_a_private_file(tmp_path: Path) -> None:
    path = tmp_path / "a/b/file"
    write_private(path, "héllo")
    write_private(path, "hé\r\nllo")
    assert (path.stat().st_mode & 0o777, path.parent.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]
    assert (read_text(path, 9), read_text(path, 8)) == ("hé\r\nllo", "hé\r\nllo")
    assert read_text(path, 7) is None


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("real")
    write_private(tmp_path / "link", "text")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "text"


def test_what_cannot_be_written_or_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\xff")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "file/below", tmp_path / "folder"):
        with pytest.raises(Problem, match="cannot be written"):
            write_private(path, "text")
    with pytest.raises(Problem, match="cannot be written"):
        write_private(tmp_path / "new", "\ud800")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "folder", "loop", "pipe"]
    assert [read_text(tmp_path / name, 9) for name in ("file", "loop", "folder", "pipe", "none")] == [
        None
    ] * 5
