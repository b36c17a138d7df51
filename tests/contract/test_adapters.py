"""Every concept of every server, read by the installed server's own parser."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import granian.cli
import pytest
from uvicorn.main import main as uvicorn_command

from asgi_tui.domain.concepts import CONCEPTS
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers import SERVERS, get_server
from asgi_tui.domain.servers.base import PROBE_TARGET
from asgi_tui.domain.target import Target
from asgi_tui.domain.values import Kind, Value

# Any: what four parsers of others give back has no common type.
Read = dict[str, Any]
VERSION = (99,)

# Imported by name: they carry no types.
hypercorn_main = importlib.import_module("hypercorn.__main__")
CommandLineInterface = importlib.import_module("daphne.cli").CommandLineInterface
GunicornConfig = importlib.import_module("gunicorn.config").Config


@pytest.fixture(autouse=True)
def nothing_ambient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("UVICORN_", "GRANIAN_", "GUNICORN_", "WEB_CONCURRENCY")):
            monkeypatch.delenv(name)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("PEM\n")
    (tmp_path / "src").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


# -- readers: argv to concepts -----------------------------------------------------------------------


def read_uvicorn(argv: list[str]) -> Read:
    found = uvicorn_command.make_context("uvicorn", list(argv)).params
    names = {
        "tls_cert": "ssl_certfile",
        "tls_key": "ssl_keyfile",
        "tls_key_password": "ssl_keyfile_password",
        "graceful_timeout": "timeout_graceful_shutdown",
    }
    read = {name: found[names.get(name, name)] for name in CONCEPTS if names.get(name, name) in found}
    # Left out, it is one process (config.py).
    read["workers"] = found["workers"] or 1
    read["log_level"] = found["log_level"] or "info"
    return read | {"app": found["app"], "fd": found["fd"], "reload": found["reload"]}


def read_granian(argv: list[str]) -> Read:
    found = granian.cli.cli.make_context("granian", list(argv)).params

    def plain(name: str) -> Any:
        value = found[name]
        return getattr(value, "value", value)

    interface = plain("interface")
    assert interface in ("asgi", "asginl")
    return {
        "host": found["host"],
        "port": found["port"],
        "uds": found["uds"] and str(found["uds"]),
        "workers": found["workers"],
        "log_level": plain("log_level"),
        "access_log": found["log_access_enabled"],
        "root_path": found["url_path_prefix"] or "",
        "lifespan": "off" if interface == "asginl" else "auto",
        "factory": found["factory"],
        "app_dir": found["working_dir"] and str(found["working_dir"]),
        "tls_cert": found["ssl_certificate"] and str(found["ssl_certificate"]),
        "tls_key": found["ssl_keyfile"] and str(found["ssl_keyfile"]),
        "tls_key_password": found["ssl_keyfile_password"],
        "graceful_timeout": found["workers_kill_timeout"],
        "http": plain("http"),
        "ws": "auto" if found["websockets"] else "none",
        "app": found["app"],
        "fd": None,
        "reload": found["reload"],
    }


def split_bind(bind: str) -> Read:
    if bind.startswith("unix:"):
        return {"uds": bind.removeprefix("unix:")}
    if bind.startswith("fd://"):
        return {"fd": int(bind.removeprefix("fd://"))}
    host, _, port = bind.rpartition(":")
    return {"host": host.strip("[]"), "port": int(port)}


def read_hypercorn(argv: list[str]) -> Read:
    caught: list[Any] = []

    def catch(config: Any) -> int:
        caught.append(config)
        return 0

    original = hypercorn_main.run
    vars(hypercorn_main)["run"] = catch
    try:
        hypercorn_main.main(list(argv))
    finally:
        vars(hypercorn_main)["run"] = original
    config = caught[0]
    path, _, name = config.application_path.rpartition("/")
    call = name.endswith("()")
    return {
        "workers": config.workers or 1,
        "log_level": config.loglevel.lower(),
        "access_log": config.accesslog == "-",
        "root_path": config.root_path,
        "factory": call,
        "app_dir": path or None,
        "tls_cert": config.certfile,
        "tls_key": config.keyfile,
        "tls_key_password": config.keyfile_password,
        "graceful_timeout": config.graceful_timeout,
        "app": name.removesuffix("()"),
        "fd": None,
        "reload": config.use_reloader,
        **split_bind(config.bind[0]),
    }


def read_daphne(argv: list[str]) -> Read:
    found = CommandLineInterface().parser.parse_args(list(argv))
    read: Read = {
        # daphne/cli.py fills these in after parsing where no other address is given.
        "host": found.host or "127.0.0.1",
        "port": found.port if found.port is not None else 8000,
        "uds": found.unix_socket,
        "log_level": {0: "warning", 1: "info", 2: "debug"}[found.verbosity],
        "access_log": found.access_log == "-" or (found.access_log is None and found.verbosity >= 1),
        "root_path": found.root_path,
        "proxy_headers": found.proxy_headers,
        "app": found.application,
        "fd": found.file_descriptor,
        "reload": False,
    }
    for endpoint in found.socket_strings:
        kind, port, *rest = endpoint.split(":")
        parts = dict(part.split("=", 1) for part in rest)
        assert kind == "ssl"
        read |= {
            "port": int(port),
            "host": parts.get("interface", "127.0.0.1"),
            "tls_cert": parts["certKey"],
            "tls_key": parts["privateKey"],
        }
    return read


def read_gunicorn(argv: list[str]) -> Read:
    config = GunicornConfig("%(prog)s [OPTIONS] [APP_MODULE]", prog="gunicorn")
    found = config.parser().parse_args(list(argv))
    for name, value in vars(found).items():
        if value is not None and name != "args":
            config.set(name.lower(), value)
    settings = {name: setting.get() for name, setting in config.settings.items()}
    (target,) = found.args
    return {
        "workers": settings["workers"],
        "log_level": settings["loglevel"],
        "access_log": settings["accesslog"] == "-",
        "root_path": settings.get("root_path") or "",
        "lifespan": settings.get("asgi_lifespan"),
        "factory": target.endswith("()"),
        "app_dir": settings["pythonpath"],
        "tls_cert": settings["certfile"],
        "tls_key": settings["keyfile"],
        "graceful_timeout": settings["graceful_timeout"],
        "http": settings.get("http_parser"),
        "worker_class": settings["worker_class"],
        "app": target.removesuffix("()"),
        "fd": None,
        "reload": settings["reload"],
        **split_bind(settings["bind"][0]),
    }


READERS: dict[str, Callable[[list[str]], Read]] = {
    "uvicorn": read_uvicorn,
    "hypercorn": read_hypercorn,
    "daphne": read_daphne,
    "granian": read_granian,
    "gunicorn": read_gunicorn,
    "gunicorn-uvicorn": read_gunicorn,
}


# -- what is asked of them ---------------------------------------------------------------------------


def values(server: str, concept: str) -> list[Value]:
    """Values worth trying, the server's default among them."""
    adapter = get_server(server)
    if CONCEPTS[concept].kind is Kind.CHOICE:
        return list(adapter.choices(concept))
    if CONCEPTS[concept].kind is Kind.SWITCH:
        return [True, False]
    given: dict[str, list[Value]] = {
        "host": ["127.0.0.1", "0.0.0.0", "::1", "localhost"],
        "port": [8000, 0, 65535],
        "uds": ["/tmp/a b.sock"],
        "workers": [1, 2, 16],
        "root_path": ["/api", "/a b/c"],
        "app_dir": ["src"],
        "tls_cert": ["cert.pem"],
        "tls_key": ["key.pem"],
        "tls_key_password": ["pass 'word"],
        "graceful_timeout": [1, 3, 30, 1800],
    }
    return given[concept]


def cases() -> list[tuple[str, str, Value]]:
    return [
        (server, concept, value)
        for server in SERVERS
        for concept in get_server(server).flags
        for value in values(server, concept)
    ]


def plan_of(server: str, options: dict[str, Value]) -> LaunchPlan:
    if any(name.startswith("tls_") for name in options):
        options = {"tls_cert": "cert.pem", "tls_key": "key.pem", **options}
    target = Target("pack.main", "app", factory=bool(options.get("factory", False)))
    plan = LaunchPlan(target, server, "/tmp").with_options(options)
    assert get_server(server).check(plan) == []
    return plan


def intended(server: str, concept: str, value: Value) -> Value:
    """What the server's parser should say; daphne's three verbosities stand for five levels."""
    if server == "daphne" and concept == "log_level" and value in ("critical", "error"):
        return "warning"
    return value


@pytest.mark.parametrize(("server", "concept", "value"), cases())
def test_the_shown_command_means_what_was_set(files: Path, server: str, concept: str, value: Value) -> None:
    plan = plan_of(server, {concept: value})
    command = get_server(server).command(plan)
    assert command.argv[0] == server.partition("-")[0]
    read = READERS[server](list(command.argv[1:]))
    assert read["app"] == "pack.main:app"
    assert read["fd"] is None
    if server.startswith("gunicorn"):
        assert read["worker_class"] == ("asgi" if server == "gunicorn" else "uvicorn_worker.UvicornWorker")
    if CONCEPTS[concept].secret:
        assert read[concept] != value
        assert str(value) not in str(command)
    elif (server, concept) == ("daphne", "app_dir"):
        assert command.env == {"PYTHONPATH": value}
    else:
        assert read[concept] == intended(server, concept, value)


@pytest.mark.parametrize(("server", "concept", "value"), cases())
@pytest.mark.parametrize("fd", [None, 7])
def test_what_runs_means_what_was_set(
    files: Path, server: str, concept: str, value: Value, fd: int | None
) -> None:
    plan = plan_of(server, {concept: value})
    if fd is not None and get_server(server).bind_reason(plan, "unix" if concept == "uds" else "inet"):
        pytest.skip("the server binds this itself")
    read = READERS[server](get_server(server).run_arguments(plan, fd, VERSION))
    assert read["app"] == PROBE_TARGET
    assert not read["reload"]
    assert read.get("workers", 1) == plan.workers
    if fd is not None and server != "granian":
        assert read["fd"] == fd
    if concept in ("host", "port", "uds"):
        if fd is None or server == "granian":
            assert read[concept] == value
    elif concept in ("factory", "app_dir"):
        # The probe loads the target; the server loads the probe as it is.
        assert not read.get("factory")
    else:
        assert read[concept] == intended(server, concept, value)


EXPLICIT = {"uvicorn": "UVICORN_", "granian": "GRANIAN_"}


@pytest.mark.parametrize("server", EXPLICIT)
@pytest.mark.parametrize("concept", sorted(CONCEPTS))
def test_a_set_value_wins_over_the_environment_also_where_it_is_the_default(
    files: Path, monkeypatch: pytest.MonkeyPatch, server: str, concept: str
) -> None:
    """What the form shows is what runs, whatever the shell has set."""
    adapter = get_server(server)
    if concept not in adapter.flags or concept in ("host", "port", "uds", "factory", "app_dir", "workers"):
        pytest.skip("the console owns it, or the server has no such option")
    default = adapter.default(concept)
    other = next((value for value in values(server, concept) if value != default), None)
    if default in (None, "") or other is None:
        pytest.skip("it has no default to set")
    names = {"access_log": "LOG_ACCESS_ENABLED"} if server == "granian" else {}
    variable = EXPLICIT[server] + names.get(concept, concept.upper())
    monkeypatch.setenv(variable, str(other).lower() if isinstance(other, bool) else str(other))
    plan = plan_of(server, {concept: default})
    read = READERS[server](adapter.run_arguments(plan, 7, VERSION))
    assert read[concept] == default


@pytest.mark.parametrize("server", SERVERS)
def test_all_at_once(files: Path, server: str) -> None:
    adapter = get_server(server)
    skipped = ("uds", "factory", "app_dir")
    options = {name: values(server, name)[-1] for name in adapter.flags if name not in skipped}
    plan = plan_of(server, options)
    for read, secret in (
        (READERS[server](list(adapter.command(plan).argv[1:])), False),
        (READERS[server](adapter.run_arguments(plan, None, VERSION)), True),
    ):
        for concept, value in options.items():
            if secret or not CONCEPTS[concept].secret:
                assert read[concept] == intended(server, concept, value), concept


@pytest.mark.parametrize("server", SERVERS)
def test_a_native_argument_comes_through(files: Path, server: str) -> None:
    given = {
        "uvicorn": ("--backlog", "77"),
        "hypercorn": ("--backlog", "77"),
        "daphne": ("--http-timeout", "77"),
        "granian": ("--backlog", "128"),
        "gunicorn": ("--backlog", "77"),
        "gunicorn-uvicorn": ("--backlog", "77"),
    }[server]
    plan = LaunchPlan(Target("app", "app"), server, "/tmp", native=given)
    adapter = get_server(server)
    assert adapter.check(plan) == []
    for argv in (list(adapter.command(plan).argv), adapter.run_arguments(plan, 7, VERSION)):
        where = argv.index(given[0])
        assert argv[where + 1] == given[1]
        READERS[server](argv[1:] if argv[0] == server.partition("-")[0] else argv)


DAEMONS = {
    "uvicorn": [
        "--reload",
        "--fd=3",
        "--port=1",
        "--host",
        "--uds=/x",
        "--workers=4",
        "--factory",
        "--interface=wsgi",
    ],
    "hypercorn": [
        "--reload",
        "-D",
        "--daemon",
        "-b=x",
        "--bind=127.0.0.1:1",
        "--quic-bind=:1",
        "--workers=4",
        "-w4",
    ],
    "daphne": ["--fd=3", "-e", "--endpoint=tcp:1", "--port=1", "-p1", "-b0.0.0.0", "-u/x"],
    "granian": ["--reload", "--interface=wsgi", "--port=1", "--workers=4", "--uds=/x", "--factory"],
    "gunicorn": [
        "--reload",
        "-D",
        "--daemon",
        "--daem",
        "-Dw2",
        "-ksync",
        "--worker-class=sync",
        "-b=:1",
        "--bind=:1",
        "-w4",
    ],
}


@pytest.mark.parametrize(
    ("server", "argument"),
    [(server, argument) for server, arguments in DAEMONS.items() for argument in arguments],
)
def test_native_arguments_cannot_take_what_the_console_owns(server: str, argument: str) -> None:
    """They come after the console's own, so the server would follow them: they are refused in a sentence."""
    plan = LaunchPlan(Target("app", "app"), server, "/tmp", native=(argument,))
    problems = get_server(server).check(plan)
    assert len(problems) == 1
    assert problems[0].why
    assert problems[0].mend


@pytest.mark.parametrize("server", SERVERS)
def test_exit_codes_are_words(server: str) -> None:
    adapter = get_server(server)
    for code in (-15, -9, -64, 0, 1, 2, 3, 4, 77):
        assert adapter.exit_meaning(code)
    assert "SIGKILL" in adapter.exit_meaning(-9)
    assert "77" in adapter.exit_meaning(77)
