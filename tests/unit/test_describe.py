"""What the installed servers' own parsers say, as ``describe.py`` prints it."""

from __future__ import annotations

import argparse
import ast
import json
import subprocess
import sys
from dataclasses import fields
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest

from asgi_probe import describe
from asgi_tui.domain.options import Described
from asgi_tui.engine.interpreters import find_interpreter, installed_versions

SCRIPT = Path(describe.__file__)
SERVERS = ("uvicorn", "hypercorn", "daphne", "granian", "gunicorn")


def run(server: str, cwd: Path = Path("/")) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), server]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=30, check=False)


@cache
def options(server: str) -> dict[str, dict[str, Any]]:
    """The server's options by each of their flags."""
    done = run(server)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["options"]
    return {flag: item for item in found for flag in (*item["flags"], *item["off"])}


def told(server: str, flag: str, *names: str) -> tuple[Any, ...]:
    return tuple(options(server)[flag][name] for name in names)


@pytest.mark.parametrize("server", SERVERS)
def test_every_option_has_all_fields(server: str) -> None:
    names = {field.name for field in fields(Described)}
    assert all(item.keys() == names for item in options(server).values())
    assert told(server, "--help", "takes", "default") == ("flag", False)


@pytest.mark.parametrize("server", SERVERS)
def test_the_version_is_the_installed_one(server: str) -> None:
    interpreter = find_interpreter(Path("/"), sys.executable, {})
    versions = installed_versions(interpreter, [server])
    assert json.loads(run(server).stdout)["version"] == versions[server]


def test_uvicorn() -> None:
    assert told("uvicorn", "--port", "takes", "type", "default", "env") == (
        "value",
        "int",
        8000,
        "UVICORN_PORT",
    )
    assert told("uvicorn", "--no-access-log", "flags", "takes", "default") == (
        ["--access-log"],
        "switch",
        True,
    )
    assert told("uvicorn", "--ws-per-message-deflate", "takes", "type", "default") == ("value", "bool", True)
    assert told("uvicorn", "--use-colors", "takes", "default") == ("switch", None)
    assert told("uvicorn", "--reload-dir", "type", "multiple", "default", "env") == (
        "path",
        True,
        None,
        "UVICORN_RELOAD_DIRS",
    )
    assert "asgi3" in options("uvicorn")["--interface"]["choices"]
    assert told("uvicorn", "--version", "takes", "env") == ("flag", "")


def test_granian() -> None:
    assert told("granian", "--interface", "choices", "default") == (
        ["asgi", "asginl", "rsgi", "wsgi"],
        "rsgi",
    )
    assert told("granian", "--workers", "type", "minimum", "env") == ("int", 1, "GRANIAN_WORKERS")
    assert told("granian", "--no-ws", "flags", "env") == (["--ws"], "GRANIAN_WEBSOCKETS")
    bounds = ("type", "minimum", "maximum", "default")
    assert told("granian", "--blocking-threads-idle-timeout", *bounds) == ("int", 5, 600, 30)
    assert told("granian", "--uds-permissions", "type", "default") == ("int", None)
    assert told("granian", "--ssl-crl", "type", "multiple", "default") == ("path", True, None)


def test_hypercorn() -> None:
    assert told("hypercorn", "-b", "flags", "multiple", "default", "setting") == (
        ["-b", "--bind"],
        True,
        ["127.0.0.1:8000"],
        "bind",
    )
    assert told("hypercorn", "--keep-alive", "type", "default", "setting") == ("int", 5, "keep_alive_timeout")
    assert told("hypercorn", "--log-level", "default") == ("info",)
    assert told("hypercorn", "--reload", "takes", "default") == ("flag", False)
    assert told("hypercorn", "--log-file", "flags") == (["--error-logfile", "--log-file"],)


def test_daphne() -> None:
    assert told("daphne", "--endpoint", "multiple", "default") == (True, None)
    assert told("daphne", "--verbosity", "type", "default") == ("int", 1)
    assert told("daphne", "--proxy-headers-host", "takes", "default") == ("value", None)
    assert told("daphne", "--no-server-name", "flags", "takes", "default") == (
        ["--no-server-name"],
        "flag",
        False,
    )


def test_gunicorn() -> None:
    assert told("gunicorn", "-w", "type", "default", "minimum", "setting") == ("int", 1, 0, "workers")
    assert told("gunicorn", "--no-sendfile", "flags", "off", "takes") == ([], ["--no-sendfile"], "flag")
    assert told("gunicorn", "--proxy-protocol", "takes", "bare") == ("value", "auto")
    # made of who starts it, and where
    assert [told("gunicorn", flag, "default") for flag in ("--chdir", "--user", "--group")] == [(None,)] * 3
    assert told("gunicorn", "--env", "multiple", "default", "setting") == (True, None, "raw_env")
    assert told("gunicorn", "--keep-alive", "default", "help") == (
        2,
        "The number of seconds to wait for requests on a Keep-Alive connection.",
    )


def test_an_unknown_server_and_one_that_is_not_installed() -> None:
    done = run("nope")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "nope: no such server\n")
    bare = [sys.executable, "-S", str(SCRIPT), "daphne"]
    done = subprocess.run(bare, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "daphne: ModuleNotFoundError: No module named 'daphne'\n"


def test_chatter_and_a_failing_import(tmp_path: Path) -> None:
    (tmp_path / "daphne").mkdir()
    (tmp_path / "daphne/__init__.py").touch()
    module = tmp_path / "daphne/cli.py"
    module.write_text(
        "import argparse, os\n"
        "print('chatter')\n"
        "os.system('echo chatter')\n"
        "class CommandLineInterface:\n"
        "    parser = argparse.ArgumentParser()\n"
    )
    command = [sys.executable, str(SCRIPT), "daphne"]
    environment = {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert [item["flags"] for item in json.loads(done.stdout)["options"]] == [["-h", "--help"]]
    module.write_text("raise SystemExit('on two\\nlines')")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "daphne: SystemExit: on two lines\n")


def test_nothing_comes_from_the_working_directory(tmp_path: Path) -> None:
    for name in ("uvicorn", "json", "logging", "click", "signal", "argparse"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'w')")
    assert run("uvicorn", tmp_path).returncode == 0
    assert not (tmp_path / "imported").exists()


def test_our_own_modules_hide_no_other(tmp_path: Path) -> None:
    # asgi_probe has an app.py; a server that imports one of that name must get its own
    (tmp_path / "app.py").write_text("MINE = True")
    (tmp_path / "daphne").mkdir()
    (tmp_path / "daphne/__init__.py").touch()
    source = "import app, argparse\nassert app.MINE\nclass CommandLineInterface:\n"
    (tmp_path / "daphne/cli.py").write_text(source + "    parser = argparse.ArgumentParser()\n")
    command = [sys.executable, str(SCRIPT), "daphne"]
    done = subprocess.run(
        command, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr


class Level(Enum):
    LOW = "low"
    HIGH = "high"


def click_option(*declarations: str, **more: Any) -> dict[str, Any]:
    return describe.click_option(click.Option(declarations, **more), "APP")


def test_click_types() -> None:
    def bounds(kind: Any) -> tuple[Any, ...]:
        found = click_option("--it", type=kind)
        return found["type"], found["minimum"], found["maximum"]

    assert bounds(click.IntRange(0, 10, min_open=True, max_open=True)) == ("int", 1, 9)
    assert bounds(click.IntRange(0, 10, clamp=True)) == ("int", None, None)
    assert bounds(click.FloatRange(0.5)) == ("float", 0.5, None)
    assert bounds(click.Path()) == ("path", None, None)
    assert bounds(click.STRING) == ("text", None, None)
    found = click_option("--it", type=click.Choice(Level), default=Level.HIGH)
    assert (found["choices"], found["default"]) == (["LOW", "HIGH"], "HIGH")
    assert click_option("--it", default=lambda: 3)["default"] is None
    assert click_option("--it", default=["a", "b"], multiple=True)["default"] == ["a", "b"]
    assert click_option("--it", envvar=["ONE", "TWO"])["env"] == "ONE"
    assert click_option("--it-is", hidden=True)["env"] == "APP_IT_IS"
    off = click_option("--no-it", "it", is_flag=True, flag_value=False, default=True)
    assert (off["flags"], off["off"], off["default"]) == ([], ["--no-it"], True)


def test_argparse_actions() -> None:
    parser = argparse.ArgumentParser(prog="it")
    parser.add_argument("--pair", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--quiet", dest="loud", action="store_false")
    parser.add_argument("--level", type=int, choices=(0, 1), default=1, help="of %(prog)s: %(default)s")
    parser.add_argument("--odd", default=object(), help="100 % odd")
    found = {
        flag: item
        for action in describe.optionals(parser)
        for item in [describe.parser_option(parser, action)]
        for flag in (*item["flags"], *item["off"])
    }
    pair, quiet, level, odd = (found[flag] for flag in ("--pair", "--quiet", "--level", "--odd"))
    assert (pair["flags"], pair["off"], pair["takes"], pair["default"]) == (
        ["--pair"],
        ["--no-pair"],
        "switch",
        True,
    )
    assert (quiet["flags"], quiet["off"], quiet["default"]) == ([], ["--quiet"], True)
    assert (level["choices"], level["default"], level["help"]) == (["0", "1"], "1", "of it: 1")
    assert (odd["default"], odd["help"]) == (None, "100 % odd")


def test_it_is_python_3_9() -> None:
    ast.parse(SCRIPT.read_text(), feature_version=(3, 9))
