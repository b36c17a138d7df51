"""`asgi-tui options`, `parse`, `--set` with a server's own options, `--env` and `--preset`."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import SERVERS, Running, get, run_command, write_app

FIELDS = {"name", "flags", "kind", "choices", "min", "max", "default", "multiple", "secret", "group", "help"}
# An option of each server that is no common one, as it is written and as the command has it.
OWN = {
    "uvicorn": ("timeout-keep-alive=1m", "--timeout-keep-alive 60"),
    "hypercorn": ("keep_alive=1m", "--keep-alive 60"),
    "daphne": ("ping_interval=30", "--ping-interval 30"),
    "granian": ("backpressure=32", "--backpressure 32"),
    "gunicorn": ("max_requests=1000", "--max-requests 1000"),
    "gunicorn-uvicorn": ("timeout=90s", "--timeout 90"),
}


@pytest.mark.parametrize("server", SERVERS)
def test_options_as_json(tmp_path: Path, server: str) -> None:
    result = run_command(tmp_path, ["options", server, "--json"])
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["server"] == server
    assert document["version"][0].isdigit()
    assert len(document["options"]) > 20
    for option in document["options"]:
        assert option.keys() >= {*FIELDS, "common"}
        assert option["flags"]
        assert option["group"] != "Other"
    common = {option["common"] for option in document["options"]} - {None}
    assert common >= {"host", "port", "log_level"} - ({"port"} if "corn" in server else set())


def test_options_of_a_server_that_is_not_installed(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "v")], check=True)
    result = run_command(tmp_path, ["options", "uvicorn", "--json", "--python", "v"])
    document = json.loads(result.stdout)
    assert result.returncode == 0
    assert document["version"] is None
    assert any(option["name"] == "timeout_keep_alive" for option in document["options"])
    assert "not installed" in result.stderr


def test_options_of_an_unknown_server(tmp_path: Path) -> None:
    result = run_command(tmp_path, ["options", "uvicron"])
    assert result.returncode == 2
    assert "uvicorn" in result.stderr


@pytest.mark.parametrize("server", SERVERS)
def test_an_own_option_is_set_by_name_and_read_back(tmp_path: Path, server: str) -> None:
    write_app(tmp_path)
    setting, words = OWN[server]
    result = run_command(tmp_path, ["command", "app:app", "--server", server, "--set", setting])
    assert result.returncode == 0, result.stderr
    assert words in result.stdout
    parsed = json.loads(run_command(tmp_path, ["parse", result.stdout]).stdout)
    assert parsed["server"] == server
    assert parsed["target"] == "app:app"
    assert parsed["native"] == []
    assert parsed["options"] == {words.split()[0].strip("-").replace("-", "_"): int(words.split()[1])}


@pytest.mark.parametrize("server", SERVERS)
def test_an_own_option_reaches_the_running_server(tmp_path: Path, server: str) -> None:
    write_app(tmp_path)
    setting, words = OWN[server]
    with Running(tmp_path, "app:app", "--server", server, "--set", setting) as running:
        assert get(running.ready()) == (200, "version 0")
        assert words in running.wait("starting")["ran"]


def test_a_bad_value_of_an_own_option_is_one_sentence(tmp_path: Path) -> None:
    write_app(tmp_path)
    for setting in (
        "backpressure=many",
        "http1_buffer_size=1",
        "nothing_like_it=1",
        "fd=3",
        "static_path_expires=x",
    ):
        result = run_command(tmp_path, ["command", "app:app", "--server", "granian", "--set", setting])
        assert result.returncode == 2
        assert len(result.stderr.strip().splitlines()) == 1
        assert setting.partition("=")[0] in result.stderr


def test_a_repeated_option_takes_every_value(tmp_path: Path) -> None:
    write_app(tmp_path)
    words = ["--set", "header=X-One: 1", "--set", "header=X-Two: 2"]
    command = run_command(tmp_path, ["command", "app:app", "--server", "uvicorn", *words]).stdout
    assert shlex.split(command) == ["uvicorn", "--header", "X-One: 1", "--header", "X-Two: 2", "app:app"]


def test_parse_keeps_what_only_a_shell_can_fill_in(tmp_path: Path) -> None:
    text = "web: SECRET_KEY=hunter2 DEBUG=1 uvicorn main:app --host 0.0.0.0 --port ${PORT:-5000} --frob 3"
    parsed = json.loads(run_command(tmp_path, ["parse", text]).stdout)
    assert parsed == {
        "server": "uvicorn",
        "target": "main:app",
        "options": {"host": "0.0.0.0", "port": "${PORT:-5000}"},
        "env": {"SECRET_KEY": "••••••", "DEBUG": "1"},
        "native": ["--frob", "3"],
    }


def test_parse_of_what_is_no_command(tmp_path: Path) -> None:
    for text in ("", "ls -la", "uvicorn main:app --port", "uvicorn 'main:app", "uvicorn main:app --port x"):
        result = run_command(tmp_path, ["parse", text])
        assert result.returncode == 2
        assert result.stdout == ""
        assert len(result.stderr.strip().splitlines()) == 1


def test_parse_shows_no_secret(tmp_path: Path) -> None:
    result = run_command(tmp_path, ["parse", "uvicorn a:b --ssl-keyfile-password hunter2"])
    assert "hunter2" not in result.stdout
    assert json.loads(result.stdout)["options"]["tls_key_password"]


def test_variables_reach_the_app_and_win_over_the_shell(tmp_path: Path) -> None:
    source = """\
import os


async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    body = f"{os.environ.get('A')} {os.environ.get('B')} {os.environ.get('C')}"
    await send({"type": "http.response.body", "body": body.encode()})
"""
    write_app(tmp_path, source)
    (tmp_path / ".env").write_text("A=file\nB=file\nC=file\n")
    (tmp_path / ".env.local").write_text("C=local\n")
    words = ["--env", "A=form", "--env-file", ".env", "--env-file", ".env.local"]
    with Running(tmp_path, "app:app", "--server", "uvicorn", *words, env={"B": "shell"}) as running:
        assert get(running.ready()) == (200, "form shell local")


def test_a_preset_of_the_project_runs_and_flags_change_it(tmp_path: Path) -> None:
    write_app(tmp_path)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.asgi-tui.presets.fast]\ntarget = "app:app"\nserver = "granian"\n'
        "options = { workers = 2, backlog = 256 }\n"
    )
    command = run_command(tmp_path, ["command", "--preset", "fast"]).stdout
    assert command.split() == [
        "granian",
        "--interface",
        "asgi",
        "--workers",
        "2",
        "--backlog",
        "256",
        "app:app",
    ]
    command = run_command(tmp_path, ["command", "--preset", "fast", "--server", "uvicorn"]).stdout
    assert command == "uvicorn --workers 2 --backlog 256 app:app\n"
    missing = run_command(tmp_path, ["command", "--preset", "fst"])
    assert missing.returncode == 2
    assert "fast" in missing.stderr
    (tmp_path / "pyproject.toml").write_text("[tool.asgi-tui.presets.fast\n")
    broken = run_command(tmp_path, ["command", "--preset", "fast"])
    assert broken.returncode == 2
    assert len(broken.stderr.strip().splitlines()) == 1
