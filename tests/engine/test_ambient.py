"""What a server would read by itself, against what the servers themselves make of the same files."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers import SERVERS
from asgi_tui.domain.target import Target
from asgi_tui.domain.text import MASK
from asgi_tui.domain.values import Value
from asgi_tui.engine.ambient import TAKEN_OUT, Ambient, ambient_settings

NONE: Mapping[str, str] = {}
NO_OPTIONS: Mapping[str, Value] = {}


def ambient(
    server: str,
    directory: Path,
    variables: Mapping[str, str] = NONE,
    *,
    native: tuple[str, ...] = (),
    options: Mapping[str, Value] = NO_OPTIONS,
) -> dict[str, Ambient]:
    adapter = SERVERS[server]
    plan = LaunchPlan(Target("main", "app"), server, str(directory), native=native).with_options(options)
    return ambient_settings(adapter, adapter.table, plan, variables)


def counting(found: Mapping[str, Ambient]) -> dict[str, str]:
    return {key: item.text for key, item in found.items() if item.counts}


def printed(code: str, directory: Path, variables: Mapping[str, str]) -> object:
    """What ``code`` prints as JSON, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=directory,
        env={"PATH": os.defpath, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


# -- variables -----------------------------------------------------------------------------------------


def test_uvicorn_reads_its_variables(tmp_path: Path) -> None:
    variables = {
        "UVICORN_PORT": "1234",
        "UVICORN_LOG_LEVEL": "debug",
        "UVICORN_ACCESS_LOG": "0",
        "UVICORN_BACKLOG": "7",
        "UVICORN_SSL_KEYFILE_PASSWORD": "hunter2",
        "UVICORN_ROOT_PATH": "",
        "WEB_CONCURRENCY": "4",
        "FORWARDED_ALLOW_IPS": "10.0.0.1",
        "UNRELATED": "1",
    }
    found = ambient("uvicorn", tmp_path, variables, options={"log_level": "info"})
    assert found == {
        "port": Ambient("1234", "UVICORN_PORT", counts=False),
        "log_level": Ambient("debug", "UVICORN_LOG_LEVEL", counts=False),
        "access_log": Ambient("off", "UVICORN_ACCESS_LOG", counts=True),
        "backlog": Ambient("7", "UVICORN_BACKLOG", counts=True),
        "tls_key_password": Ambient(MASK, "UVICORN_SSL_KEYFILE_PASSWORD", counts=True),
        "workers": Ambient("4", "WEB_CONCURRENCY", counts=False),
        "forwarded_allow_ips": Ambient("10.0.0.1", "FORWARDED_ALLOW_IPS", counts=True),
    }
    code = (
        "import json; from uvicorn.main import main;"
        "context = main.make_context('uvicorn', ['m:a'], auto_envvar_prefix='UVICORN');"
        "print(json.dumps([context.params[name] for name in ('access_log', 'backlog', 'root_path')]))"
    )
    assert printed(code, tmp_path, variables) == [False, 7, ""]


def test_its_own_variable_wins_over_the_plain_one(tmp_path: Path) -> None:
    variables = {"UVICORN_FORWARDED_ALLOW_IPS": "own", "FORWARDED_ALLOW_IPS": "plain"}
    found = ambient("uvicorn", tmp_path, variables)
    assert found == {"forwarded_allow_ips": Ambient("own", "UVICORN_FORWARDED_ALLOW_IPS", counts=True)}


def test_granian_s_interface_is_the_console_s(tmp_path: Path) -> None:
    variables = {"GRANIAN_INTERFACE": "asginl", "GRANIAN_LOG_ACCESS_ENABLED": "true", "GRANIAN_WORKERS": "3"}
    assert ambient("granian", tmp_path, variables) == {
        "lifespan": Ambient("off", "GRANIAN_INTERFACE", counts=False),
        "access_log": Ambient("on", "GRANIAN_LOG_ACCESS_ENABLED", counts=True),
        "workers": Ambient("3", "GRANIAN_WORKERS", counts=False),
    }


@pytest.mark.parametrize("server", SERVERS)
def test_no_secret_is_shown(server: str, tmp_path: Path) -> None:
    options = [option for option in SERVERS[server].overlay if option.secret]
    variables = {option.env: "hunter2" for option in options if option.env}
    (tmp_path / "conf.toml").write_text("".join(f'{option.setting} = "hunter2"\n' for option in options))
    native = ("-c", "conf.toml") if server == "hypercorn" else ()
    found = ambient(server, tmp_path, variables, native=native)
    assert {item.text for item in found.values()} <= {MASK}
    assert bool(found) == bool(options)


# -- gunicorn ------------------------------------------------------------------------------------------

CONF = """\
import multiprocessing
from gunicorn_settings import max_requests

workers = multiprocessing.cpu_count() * 2 + 1
bind = ["0.0.0.0:80", "unix:/run/shop"]
timeout = 90
graceful_timeout = 10
umask = 0o27
loglevel: str = "debug"
accesslog = "-"
raw_env = ["TOKEN=hunter2", "MODE=dev"]
certfile = None
backlog, threads = 7, 2
if multiprocessing.cpu_count() > 2:
    keepalive = 5
preload_app = False
preload_app = True
reload = True
unknown = 1


def post_fork(server, worker):
    timeout = 1
"""


def test_gunicorn_s_file_is_read_without_running_it(tmp_path: Path) -> None:
    # The module that it imports does not exist.
    (tmp_path / "gunicorn.conf.py").write_text(CONF)
    found = ambient("gunicorn", tmp_path, options={"graceful_timeout": 3})
    assert {item.source for item in found.values()} == {"gunicorn.conf.py"}
    computed = "computed in gunicorn.conf.py"
    assert counting(found) == {
        "timeout": "90",
        "umask": "0o27",
        "log_level": "debug",
        "access_log": "on",
        "env": f"TOKEN={MASK}, MODE=dev",
        "backlog": computed,
        "threads": computed,
        "keep_alive": computed,
        "max_requests": computed,
        "preload": "on",
    }
    assert {key: item.text for key, item in found.items() if not item.counts} == {
        "workers": computed,
        "host": "0.0.0.0",
        "port": "80",
        "bind": "unix:/run/shop",
        "graceful_timeout": "10",
        "reload": "on",
    }


def test_gunicorn_s_order_of_sources_is_kept(tmp_path: Path) -> None:
    (tmp_path / "gunicorn.conf.py").write_text("timeout = 90\nbacklog = 7\naccesslog = '-'\nkeepalive = 9\n")
    variables = {
        "GUNICORN_CMD_ARGS": "--timeout=5 --workers 3 --access-logfile /tmp/access -c other.py --bind :81",
        "WEB_CONCURRENCY": "4",
        "FORWARDED_ALLOW_IPS": "*",
        "PORT": "5000",
    }
    found = ambient("gunicorn", tmp_path, variables)
    assert counting(found) == {
        "timeout": "5",
        "backlog": "7",
        "access_logfile": "/tmp/access",
        "keep_alive": "9",
        "forwarded_allow_ips": "*",
    }
    assert {key: (item.text, item.source) for key, item in found.items() if not item.counts} == {
        "workers": ("3", "GUNICORN_CMD_ARGS"),
        "config": ("other.py", "GUNICORN_CMD_ARGS"),
        "host": ("0.0.0.0", "GUNICORN_CMD_ARGS"),
        "port": ("81", "GUNICORN_CMD_ARGS"),
    }
    code = (
        "import json, sys; from gunicorn.app.wsgiapp import WSGIApplication;"
        "sys.argv = ['gunicorn', '-c', 'gunicorn.conf.py', 'm:a']; cfg = WSGIApplication().cfg;"
        "print(json.dumps([cfg.timeout, cfg.backlog, cfg.accesslog, cfg.keepalive, cfg.forwarded_allow_ips]))"
    )
    assert printed(code, tmp_path, variables) == [5, 7, "/tmp/access", 9, ["*"]]


def test_the_port_variable_of_a_platform_is_gunicorn_s_address(tmp_path: Path) -> None:
    assert ambient("gunicorn", tmp_path, {"PORT": "5000"}) == {
        "host": Ambient("0.0.0.0", "PORT", counts=False),
        "port": Ambient("5000", "PORT", counts=False),
    }


def test_what_the_console_takes_out_is_what_the_child_takes_out() -> None:
    import asgi_probe

    source = Path(str(asgi_probe.__file__)).with_name("gunicorn_conf.py").read_text()
    (owned,) = [
        ast.literal_eval(node.value)
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id == "OWNED"
    ]
    assert frozenset(owned) == TAKEN_OUT


@pytest.mark.parametrize(
    ("native", "options"),
    [
        (("-c", "conf/other.py"), {}),
        (("-cconf/other.py",), {}),
        (("--config=conf/other.py",), {}),
        ((), {"config": "conf/other.py"}),
        (("-c", "file:conf/other.py"), {}),
    ],
)
@pytest.mark.parametrize("server", ["gunicorn", "gunicorn-uvicorn"])
def test_a_named_file_takes_the_place_of_the_usual_one(
    server: str, native: tuple[str, ...], options: dict[str, Value], tmp_path: Path
) -> None:
    (tmp_path / "gunicorn.conf.py").write_text("backlog = 7\n")
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "other.py").write_text("timeout = 90\n")
    found = ambient(server, tmp_path, native=native, options=options)
    assert found == {"timeout": Ambient("90", "conf/other.py", counts=True)}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"timeout = (", "it is no Python that could be read"),
        (b"timeout = '\xff'", "there is no such text file of at most 1 MB"),
        (b"#" * 1_000_001, "there is no such text file of at most 1 MB"),
        (b"x = " + b"(" * 100_000, "it is no Python that could be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "gunicorn.conf.py").write_bytes(content)
    text = f"gunicorn.conf.py cannot be read: {words}"
    assert ambient("gunicorn", tmp_path) == {"config": Ambient(text, "gunicorn.conf.py", counts=False)}


def test_what_comes_from_elsewhere_is_told(tmp_path: Path) -> None:
    (tmp_path / "gunicorn.conf.py").write_text("from common import *\ntimeout = 90\nx = 0x" + "f" * 20_000)
    found = ambient("gunicorn", tmp_path)
    assert counting(found) == {
        "timeout": "90",
        "config": "gunicorn.conf.py imports further settings from elsewhere",
    }
    found = ambient("gunicorn", tmp_path, native=("-c", "python:shop.gunicorn"))
    text = "a module, whose settings are known only once it runs"
    assert found == {"config": Ambient(text, "python:shop.gunicorn", counts=True)}


# -- hypercorn -----------------------------------------------------------------------------------------

HYPERCORN = """\
bind = ["0.0.0.0:80", "[::]:81"]
workers = 4
keep_alive_timeout = 7
keyfile_password = "hunter2"
accesslog = "-"
use_reloader = true
umask = 0o27
"""


@pytest.mark.parametrize("name", ["conf.toml", "file:conf.py"])
def test_hypercorn_s_file_is_read(name: str, tmp_path: Path) -> None:
    text = HYPERCORN if name == "conf.toml" else HYPERCORN.replace("true", "True")
    (tmp_path / name.removeprefix("file:")).write_text(text)
    found = ambient("hypercorn", tmp_path, native=("--config", name), options={"keep_alive": 3})
    assert {item.source for item in found.values()} == {name.removeprefix("file:")}
    assert counting(found) == {"tls_key_password": MASK, "access_log": "on", "reload": "on", "umask": "0o27"}
    assert {key: item.text for key, item in found.items() if not item.counts} == {
        "host": "0.0.0.0",
        "port": "80",
        "bind": "[::]:81",
        "workers": "4",
        "keep_alive": "7",
    }


def test_hypercorn_reads_no_file_unasked(tmp_path: Path) -> None:
    (tmp_path / "hypercorn.toml").write_text(HYPERCORN)
    assert ambient("hypercorn", tmp_path) == {}


def test_a_hypercorn_file_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "conf.toml").write_text("workers = \n")
    (told,) = ambient("hypercorn", tmp_path, native=("-c", "conf.toml")).values()
    assert told.text.startswith("conf.toml cannot be read: Invalid value (at line 1")
    os.mkfifo(tmp_path / "pipe")
    for name in ("nowhere", "pipe", "."):
        (told,) = ambient("hypercorn", tmp_path, options={"config": name}).values()
        assert told == Ambient(
            f"{name} cannot be read: there is no such text file of at most 1 MB", name, counts=False
        )


@pytest.mark.parametrize(("server", "name"), [("gunicorn", "gunicorn.conf.py"), ("hypercorn", "conf.toml")])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    setting=st.sampled_from(["timeout", "umask", "bind", "loglevel", "accesslog", "workers", "keyfile"]),
    value=st.text(max_size=20) | st.sampled_from(["[[1], 2]", "0x" + "f" * 9_000, "{}", "'\\x1b[2J'", "-1"]),
)
def test_no_file_breaks_it(server: str, name: str, setting: str, value: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(f"{setting} = {value}\n", encoding="utf-8", errors="surrogatepass")
    native = ("-c", "conf.toml") if server == "hypercorn" else ()
    for item in ambient(server, tmp_path, {"GUNICORN_CMD_ARGS": value}, native=native).values():
        assert "\x1b" not in item.text + item.source
        assert len(item.text) <= 201
