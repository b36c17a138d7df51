"""`asgi-tui options`, `parse`, `--set` with a server's own options, `--env` and `--preset`."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.target import Target
from asgi_tui.domain.values import Value
from asgi_tui.engine.preparation import prepare
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
    with Running(tmp_path, "app:app", "--port", "0", "--server", server, "--set", setting) as running:
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
    words = "--ssl-keyfile-password hunter2 --header 'Authorization: hunter2' --header 'X-A: b'"
    result = run_command(tmp_path, ["parse", f"uvicorn a:b {words}"])
    assert "hunter2" not in result.stdout
    options = json.loads(result.stdout)["options"]
    assert options == {"tls_key_password": "••••••", "header": ["Authorization: ••••••", "X-A: b"]}


def test_a_run_tells_no_secret_and_the_app_gets_it(tmp_path: Path) -> None:
    source = """\
import os


async def app(scope, receive, send):
    if scope["type"] != "http":
        raise RuntimeError
    await send({"type": "http.response.start", "status": 200, "headers": []})
    body = " ".join(os.environ.get(name, "") for name in ("A_TOKEN", "B_TOKEN"))
    await send({"type": "http.response.body", "body": body.encode()})
"""
    write_app(tmp_path, source)
    words = ["--env", "A_TOKEN=hunter2", "--set", "env=B_TOKEN=hunter2"]
    inherited = {"GUNICORN_CMD_ARGS": "--env C_TOKEN=hunter2"}
    state = tmp_path / "state"
    with Running(
        tmp_path,
        "app:app",
        "--port",
        "0",
        "--server",
        "gunicorn",
        *words,
        env={**inherited, "XDG_STATE_HOME": str(state)},
    ) as running:
        assert get(running.ready()) == (200, "hunter2 hunter2")
        running.stop()
        assert "hunter2" not in json.dumps(running.events) + running.stderr
    assert "app:app" in (history := (state / "asgi-tui/history.json").read_text())
    assert "hunter2" not in history


def test_asking_for_a_command_runs_nothing_of_the_project(tmp_path: Path) -> None:
    write_app(tmp_path)
    (tmp_path / "pyproject.toml").touch()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / ".venv")], check=True)
    packages = next((tmp_path / ".venv/lib").glob("python*/site-packages"))
    ran = tmp_path / "ran"
    (packages / "trap.pth").write_text(f"import pathlib; pathlib.Path({str(ran)!r}).touch()\n")
    info = packages / "uvicorn-0.54.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: uvicorn\nVersion: 0.54.0\n")
    # The environment that the tests themselves run in is none of the project's.
    env = {"VIRTUAL_ENV": ""}
    for setting in ("of_a_next_version=1", "port=x"):
        result = run_command(tmp_path, ["command", "app:app", "--set", setting], env=env)
        assert result.returncode == 2
        assert len(result.stderr.strip().splitlines()) == 1
        # a console with nothing to start
        assert run_command(tmp_path, ["--set", setting], env=env).returncode == 2
    for words in (["servers"], ["discover"], ["parse", "uvicorn app:app --of-a-next-version 1"]):
        assert run_command(tmp_path, words, env=env).returncode == 0
    assert not ran.exists()
    run_command(tmp_path, ["options", "uvicorn"], env=env)
    assert ran.exists(), "the trap works"


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
    with Running(
        tmp_path, "app:app", "--port", "0", "--server", "uvicorn", *words, env={"B": "shell"}
    ) as running:
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


@pytest.mark.parametrize(
    ("server", "setting", "sentence"),
    [
        ("uvicorn", "log_config=nosuch.json", "Option log_config nosuch.json: there is no such file"),
        (
            "granian",
            "static_path_mount=nosuch",
            "Option static_path_mount nosuch: there is no such directory",
        ),
        ("gunicorn", "chdir=nosuch", "Option chdir nosuch: there is no such directory"),
        ("hypercorn", "ca_certs=nosuch.pem", "Option ca_certs nosuch.pem: there is no such file"),
    ],
)
def test_a_path_that_is_not_there_is_told_before_the_start(
    tmp_path: Path, server: str, setting: str, sentence: str
) -> None:
    write_app(tmp_path)
    result = run_command(tmp_path, ["run", "app:app", "--server", server, "--set", setting])
    assert result.returncode == 2
    assert result.stderr == f"{sentence}; check the path.\n"


def test_a_path_is_looked_for_where_the_server_reads_it(tmp_path: Path) -> None:
    def checked(server: str, **options: Value) -> None:
        prepare(LaunchPlan(Target("app", "app"), server, str(tmp_path)).with_options(options))

    write_app(tmp_path)
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/log.ini").touch()
    checked("gunicorn", chdir="conf", log_config="log.ini", app_dir="conf")
    checked("hypercorn", log_config="json:conf/log.ini")
    with pytest.raises(Problem, match=r"Option log_config log\.ini: there is no such file"):
        checked("gunicorn", log_config="log.ini")


def test_a_server_that_answers_to_a_name_only_becomes_ready(tmp_path: Path) -> None:
    write_app(tmp_path)
    words = ["--set", "server_name=example.org", "--set", "server_name=example.com"]
    with Running(tmp_path, "app:app", "--port", "0", "--server", "hypercorn", *words) as running:
        assert get(running.ready())[0] == 404


def test_a_certificate_and_key_that_are_no_pair_are_told_before_the_start(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl command to make a certificate with")
    write_app(tmp_path)
    made = "req -x509 -newkey rsa:2048 -days 2 -subj /CN=localhost"
    for name, lock in (("plain", "-nodes"), ("locked", "-passout pass:hunter2")):
        words = f"{made} {lock} -keyout {name}.key -out {name}.pem".split()
        subprocess.run([openssl, *words], cwd=tmp_path, check=True, capture_output=True)

    def checked(server: str, cert: str, key: str, **more: Value) -> None:
        plan = LaunchPlan(Target("app", "app"), server, str(tmp_path))
        prepare(plan.with_options({"tls_cert": cert, "tls_key": key, **more}))

    checked("gunicorn", "plain.pem", "plain.key")
    checked("uvicorn", "locked.pem", "locked.key", tls_key_password="hunter2")
    for cert, key in (("plain.pem", "locked.key"), ("app.py", "app.py"), ("locked.pem", "locked.key")):
        with pytest.raises(Problem, match=rf"Option tls_cert {cert}: it makes no pair with tls_key {key}"):
            checked("gunicorn", cert, key)
    with pytest.raises(Problem) as caught:
        checked("uvicorn", "plain.pem", "locked.key", tls_key_password="hunter2")
    assert "hunter2" not in str(caught.value)


def test_a_secret_that_the_app_logs_is_masked(tmp_path: Path) -> None:
    source = """\
import os

print("the token is", os.environ["API_TOKEN"], flush=True)


async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": os.environ["API_TOKEN"].encode()})
"""
    write_app(tmp_path, source)
    words = ["--env", "API_TOKEN=sup3r s3cret", "--server", "uvicorn", "--port", "0"]
    with Running(tmp_path, "app:app", *words) as running:
        assert get(running.ready()) == (200, "sup3r s3cret")
        assert running.wait("log", lambda event: "token" in event["text"])["text"] == "the token is ••••••"
        assert "s3cret" not in json.dumps(running.events)


@pytest.mark.parametrize("server", ["hypercorn", "gunicorn"])
def test_a_further_address_is_no_descriptor(tmp_path: Path, server: str) -> None:
    write_app(tmp_path)
    words = ["command", "app:app", "--server", server, "--set", "bind=127.0.0.1:0", "--set", "bind=fd://3"]
    result = run_command(tmp_path, words)
    assert result.returncode == 2
    assert "own socket" in result.stderr
