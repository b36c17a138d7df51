"""The shapes that scripts lean on: servers, discover, command, and who imports whom."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from asgi_tui.cli_flags import RunFlags, run_flags
from asgi_tui.domain.reloading import Reloading
from asgi_tui.domain.servers.base import PROBE_PACKAGE
from asgi_tui.engine.runtime import RunFile, RuntimeDirectory
from tests.support import SERVERS, clean_environment, run_command, write_app


def test_servers_as_json(tmp_path: Path) -> None:
    result = run_command(tmp_path, ["servers", "--json"])
    assert result.returncode == 0
    found = json.loads(result.stdout)
    assert [info["name"] for info in found] == list(SERVERS)
    for info in found:
        assert {"name", "installed", "version", "python", "capabilities"} <= set(info)
        assert isinstance(info["installed"], bool)
        assert isinstance(info["capabilities"], list)
        assert info["version"] is None or info["version"][0].isdigit()


def test_servers_of_an_empty_interpreter(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "v")], check=True)
    found = json.loads(run_command(tmp_path, ["servers", "--json", "--python", "v"]).stdout)
    assert [info["installed"] for info in found] == [False] * len(SERVERS)
    assert {info["version"] for info in found} == {None}
    assert str(tmp_path / "v") in found[0]["python"]


def test_servers_as_text(tmp_path: Path) -> None:
    result = run_command(tmp_path, ["servers"])
    assert [line.split()[0] for line in result.stdout.splitlines()[: len(SERVERS)]] == list(SERVERS)


def test_discover_imports_nothing(tmp_path: Path) -> None:
    write_app(tmp_path, "open('imported', 'w')\nfrom fastapi import FastAPI\napp = FastAPI()\n", "main.py")
    result = run_command(tmp_path, ["discover", "--json"])
    found = json.loads(result.stdout)
    assert found[0]["target"] == "main:app"
    assert set(found[0]) >= {"target", "framework", "factory", "why"}
    assert (found[0]["framework"].lower(), found[0]["factory"]) == ("fastapi", False)
    assert not (tmp_path / "imported").exists()


def test_discover_of_nothing_is_an_empty_list(tmp_path: Path) -> None:
    result = run_command(tmp_path, ["discover", "--json"])
    assert (result.returncode, json.loads(result.stdout)) == (0, [])


def test_discover_of_a_directory_that_is_none(tmp_path: Path) -> None:
    result = run_command(tmp_path, ["discover", "nowhere", "--json"])
    assert result.returncode == 2
    assert "nowhere" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("server", SERVERS)
def test_command_is_one_line_for_a_shell(tmp_path: Path, server: str) -> None:
    write_app(tmp_path)
    words = ["command", "app:app", "--server", server, "--set", "port=9000", "--set", "root_path=/a b'c"]
    result = run_command(tmp_path, words)
    if server == "gunicorn-uvicorn":
        assert result.returncode == 2
        return
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) == 1
    argv = shlex.split(result.stdout)
    assert argv[0] == server
    assert "app:app" in argv
    assert "/a b'c" in argv
    assert "9000" in result.stdout
    assert "--fd" not in result.stdout


def test_command_starts_nothing(tmp_path: Path) -> None:
    write_app(tmp_path, "open('imported', 'w')\nasync def app(scope, receive, send): ...\n")
    assert run_command(tmp_path, ["command", "app:app", "--server", "uvicorn"]).returncode == 0
    assert not (tmp_path / "imported").exists()


def test_command_masks_no_password_into_the_shell_history(tmp_path: Path) -> None:
    write_app(tmp_path)
    for name in ("c.pem", "k.pem"):
        (tmp_path / name).touch()
    words = ["command", "app:app", "--server", "uvicorn"]
    for setting in ("tls_cert=c.pem", "tls_key=k.pem", "tls_key_password=hunter2hunter2"):
        words += ["--set", setting]
    result = run_command(tmp_path, words)
    assert result.returncode == 0, result.stderr
    assert "hunter2hunter2" not in result.stdout + result.stderr


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["-h"], ["run", "--help"], ["run", "-h"]])
def test_help_and_version(tmp_path: Path, words: list[str]) -> None:
    result = run_command(tmp_path, words)
    assert result.returncode == 0
    if words == ["-h"]:
        assert result.stdout == run_command(tmp_path, ["--help"]).stdout


RELOADING = (
    *("--include", "*.html", "--include", "templates/**", "--exclude", "*.sqlite", "--no-standby"),
    *("--standby-exclude", "numba", "--old-first", "--grace", "1m", "--ready-timeout", "90"),
)


def test_command_takes_the_flags_of_a_reload_and_leaves_them_out(tmp_path: Path) -> None:
    write_app(tmp_path)
    plain = run_command(tmp_path, ["command", "app:app"])
    result = run_command(tmp_path, ["command", "app:app", *RELOADING])
    assert (result.returncode, result.stdout) == (0, plain.stdout), result.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--grace", "soon"), "Option grace: 'soon' is no duration; use seconds, or one like 1m30s."),
        (("--grace", "3601"), "Option grace: 3601 is too large; use a number from 0 to 3600 s."),
        (("--ready-timeout", "0"), "Option ready_timeout: 0 is too small; use a number from 1 to 3600 s."),
        (("--include", ""), "Option include: the value is empty; give one, or leave the option out."),
        (("--standby-exclude", "a b"), "Option standby_exclude: 'a b' is no module name; write it as in"),
    ],
)
def test_a_bad_flag_of_a_reload_is_one_sentence(tmp_path: Path, words: tuple[str], sentence: str) -> None:
    write_app(tmp_path)
    result = run_command(tmp_path, ["run", "app:app", *words])
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(sentence)
    assert len(result.stderr.splitlines()) == 1


def flags_of(*words: str) -> RunFlags:
    command = run_flags(click.Command("run"))
    values = dict(command.make_context("run", list(words)).params)
    del values["target"]
    return RunFlags(**values)


def test_flags_change_what_a_preset_says_of_a_reload() -> None:
    base = Reloading(("a",), ("b",), True, ("c",), True, 1.0, 2.0)
    assert flags_of().reloading(base) == base
    assert flags_of(*RELOADING).reloading(base) == Reloading(
        ("a", "*.html", "templates/**"), ("b", "*.sqlite"), False, ("c", "numba"), True, 60.0, 90.0
    )
    assert flags_of("--old-first").reloading(Reloading()) == Reloading(old_first=True)
    assert flags_of().reloading(Reloading(standby=False)) == Reloading(standby=False)


def test_the_last_launch_is_taken_up_only_where_no_flag_is_given() -> None:
    assert flags_of().say_nothing
    assert flags_of("main:app").say_nothing  # a target is no flag
    flags = [option for option in run_flags(click.Command("run")).params if isinstance(option, click.Option)]
    assert len(flags) == 17
    for option in flags:
        words = [option.opts[0]] if option.is_flag else [option.opts[0], "1"]
        assert not flags_of(*words).say_nothing, words


# -- who imports whom --------------------------------------------------------------------------------

IMPORT_ALL = """
import importlib, pkgutil, sys
for name in {names!r}:
    package = importlib.import_module(name)
    for info in pkgutil.walk_packages(getattr(package, "__path__", []), name + "."):
        importlib.import_module(info.name)
print("\\n".join(sorted({{name.partition(".")[0] for name in sys.modules}})))
"""


def loaded(*names: str) -> set[str]:
    result = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL.format(names=names)],
        capture_output=True,
        text=True,
        env=clean_environment(),
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return set(result.stdout.split())


@pytest.mark.parametrize("name", ["asgi_tui.domain", "asgi_tui.engine"])
def test_the_inside_never_loads_textual(name: str) -> None:
    assert not loaded(name) & {"textual", "rich"}


def test_the_domain_loads_no_asyncio_and_nothing_installed() -> None:
    assert not loaded("asgi_tui.domain") & {"asyncio", "watchfiles", "psutil", "click", "subprocess"}


def test_the_command_line_loads_no_textual() -> None:
    assert "textual" not in loaded("asgi_tui.cli")


def test_a_headless_run_loads_no_textual(tmp_path: Path) -> None:
    write_app(tmp_path)
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "asgi_tui", "run", "nothing.py", "--json"],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert " textual" not in result.stderr


PROBE_MODULES = """
import importlib, json, os, pkgutil, sys
sys.path.append({directory!r})
before = set(sys.modules)
package = importlib.import_module({name!r})
for info in pkgutil.iter_modules(package.__path__):
    importlib.import_module({name!r} + "." + info.name)
new = {{name.partition(".")[0] for name in set(sys.modules) - before}}
new -= set(sys.stdlib_module_names)
print(" ".join(sorted(name for name in new if not name.startswith(("_sysconfigdata", "__mp_main__")))))
"""


def test_the_probe_loads_the_standard_library_alone(tmp_path: Path) -> None:
    """As in a child: from a runtime directory, with a run to read and an app that imports nothing."""
    write_app(tmp_path, name="probed_app.py")
    runtime = RuntimeDirectory()
    try:
        run = RunFile(
            generation=1,
            module="probed_app",
            attribute="app",
            factory=False,
            app_dir=str(tmp_path),
            telemetry=str(runtime.telemetry_socket),
            token_path="/token",
            traces_per_second=0,
            gunicorn_conf="",
        )
        code = PROBE_MODULES.format(directory=str(runtime.path), name=PROBE_PACKAGE)
        env = clean_environment(ASGI_TUI_RUN=str(runtime.write_run(run)))
        env.pop("PYTHONPATH", None)
        # -S: nothing that is installed can be imported at all.
        result = subprocess.run(
            [sys.executable, "-S", "-c", code],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=env,
            check=False,
        )
    finally:
        runtime.remove()
    assert result.returncode == 0, result.stderr
    assert set(result.stdout.split()) == {PROBE_PACKAGE, "probed_app"}
