"""Every plan's command is read back as that plan, and the real servers' parsers read it the same."""

from __future__ import annotations

import argparse
import os
import ssl
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from enum import Enum
from functools import cache
from typing import Any

import click
import granian.cli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uvicorn.main import main as uvicorn_command

from asgi_probe import describe
from asgi_tui.domain.command_line import canonical, parse_command
from asgi_tui.domain.concepts import CONCEPTS
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.options import Option
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers import SERVERS, get_server
from asgi_tui.domain.settings import read_settings
from asgi_tui.domain.target import Target
from asgi_tui.domain.values import ON_OFF, Kind, Spec, Value, plain_number
from tests.contract.test_adapters import READERS, VERSION, CommandLineInterface, GunicornConfig

ODD_FILES = ("cert.pem", "a b.pem", "it's.pem", '"q".pem', "-dash.pem", "--x=y.pem", "ünï ☃.pem", "$HOME.pem")
ODD_DIRECTORIES = ("src", "a b", "-d", "--d=e", "ü", "$(x)", "a#b")
ODD_TEXTS = (
    *(
        "plain",
        "two words",
        " padded ",
        'it\'s "quoted"',
        "'",
        "\\",
        "a\\b \\",
        "ünïcödé ☃ 漢字 🐍",
        "\u00a0",
    ),
    *("-", "-x", "--x=y", "-x y", "-1", "=", "a=b", ":", "[::1]:80", "a,b", "*", "x" * 300, "0", "None"),
    *(
        "$HOME",
        "${PORT:-5000}",
        "$(nproc)",
        "`id`",
        "%(h)s",
        "# no comment",
        "a; b && c | d > e 2>&1",
        "({~!",
    ),
)
HOSTS = (
    "127.0.0.1",
    "0.0.0.0",
    "::",
    "::1",
    "fe80::1%eth0",
    "localhost",
    "a-b.example.org",
    "xn--bcher-kva.example",
)
TARGETS = (
    "main:app",
    "asgi:app",
    "app:app",
    "a.b.c:x",
    "pack.main:api.asgi",
    "mödul:ápp",
    "_m:_a",
    "wsgi:uvicorn",
)

# Where a parser takes less than the option's kind says: names that exist, addresses, files that are read.
GUNICORN_VALUES: dict[str, tuple[str, ...]] = {
    "user": ("0", str(os.getuid())),
    "group": ("0", str(os.getgid())),
    "config": ("conf.py", "file:conf.py"),
    "ssl_version": ("TLS",),
    "forwarded_allow_ips": ("*", "127.0.0.1,::1", "10.0.0.0/8"),
    "proxy_allow_from": ("*", "127.0.0.1,::1"),
    "uwsgi_allow_from": ("*", "127.0.0.1"),
    "statsd_host": ("localhost:8125", "unix:///tmp/a b"),
    "bind": ("[::1]:81", "unix:/tmp/a b", "localhost:82"),
}
VALUES: dict[str, dict[str, tuple[str, ...]]] = {
    "uvicorn": {},
    "hypercorn": {
        "config": ("conf.toml", "file:conf.py"),
        "bind": ("[::1]:81", "unix:/tmp/a b", "localhost:82"),
    },
    "daphne": {
        "endpoint": (
            "tcp:81",
            "tcp:82:interface=127.0.0.1",
            "ssl:443:privateKey=k.pem:certKey=c.pem",
            "unix:/tmp/x y",
            "systemd:domain=INET:index=0",
        )
    },
    "granian": {},
    "gunicorn": GUNICORN_VALUES,
    "gunicorn-uvicorn": GUNICORN_VALUES,
}


@pytest.fixture(autouse=True, scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A directory with the files that parsers look for."""
    directory = tmp_path_factory.mktemp("files")
    for name in ODD_FILES:
        (directory / name).write_text("PEM\n")
    for name in ("conf.py", "conf.toml"):
        (directory / name).write_text("")
    for name in ODD_DIRECTORIES:
        (directory / name).mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        for name in list(os.environ):
            if name.startswith(("UVICORN_", "GRANIAN_", "GUNICORN_", "WEB_CONCURRENCY")):
                patch.delenv(name)
        yield


# -- what the plans are made of ----------------------------------------------------------------------


def texts(server: str, spec: Spec) -> tuple[str, ...]:
    """Texts worth trying, of which some may not be legal."""
    if spec.name in VALUES[server]:
        return VALUES[server][spec.name]
    low, high = spec.minimum, spec.maximum
    match spec.kind:
        case Kind.FLAG | Kind.SWITCH:
            return ("on", "off")
        case Kind.CHOICE:
            return spec.choices
        case Kind.OCTAL:
            return ("0o0", "0o22", "0o640", "0o777")
        case Kind.INTEGER | Kind.SIZE | Kind.PORT | Kind.DURATION | Kind.FLOAT:
            bounds = [plain_number(bound) for bound in (low, high) if bound is not None]
            return (
                *bounds,
                "-1",
                "0",
                "1",
                "7",
                "50",
                "64",
                "100",
                "8192",
                "65536",
                "1048576",
                "0.25",
                "0.000001",
            )
        case Kind.HOST:
            return HOSTS
        case Kind.HEADER:
            return ("X-A:b", "X-A: b c", "-x:y", "X:", "X-$H:$x", "x:'\"", "X-Ü:1", "X-Q:☃")
        case Kind.REGEX:
            return (r".*\.py$", r"^a b$", r"--x", r"[^'\"]+", r"(a|b)?")
        case Kind.PATH if spec.paths == "file":
            return ODD_FILES
        case Kind.PATH if spec.paths == "directory":
            return ODD_DIRECTORIES
        case Kind.PATH if spec.name in ("reload_extra_file", "env_files"):
            return ODD_FILES
        case Kind.PATH if spec.name in ("reload_paths", "chdir", "worker_tmp_dir", "reload_ignore_paths"):
            return ODD_DIRECTORIES
        case _:
            return ("/a b/c", "/$x", "/-") if spec.name == "root_path" else ODD_TEXTS


def legal(spec: Spec, tried: tuple[str, ...]) -> list[Value]:
    """The values that those of the texts spell that are legal."""
    found: list[Value] = []
    for text in tried:
        if text == "--":  # the argparse of many a Python takes it out, wherever it stands
            continue
        with suppress(Problem):
            found.append(spec.read(text))
    if spec.multiple and len(found) > 2:
        found.append(spec.read("\n".join(tuple(found[-1]) + tuple(found[0]) + tuple(found[0]))))  # type: ignore[arg-type]  # tuples all
    return found


def spec_of(server: str, key: str) -> Spec:
    spec = get_server(server).spec(key)
    assert spec is not None
    return spec


@cache
def settable(server: str) -> tuple[str, ...]:
    """Every option a plan can hold on the server, but for secrets."""
    adapter = get_server(server)
    own = [option.key for option in adapter.overlay if option.key not in CONCEPTS and not option.refused]
    return tuple(key for key in (*adapter.flags, *own) if not spec_of(server, key).secret)


def mended(plan: LaunchPlan) -> LaunchPlan:
    """The plan without its conflicts, by their own mends."""
    server = get_server(plan.server)
    for _ in range(20):
        found = [conflict for conflict in server.conflicts(plan) if conflict.problem is not None]
        if not found:
            return plan
        assert found[0].mend is not None, found[0].text
        plan = found[0].mend.apply(plan)
    raise AssertionError(server.check(plan))


def plan_of(server: str, options: Mapping[str, Value], target: str = "main:app") -> LaunchPlan:
    """A plan without conflicts that holds as many of the options as go together."""
    options = dict(options)
    if {"tls_cert", "tls_key"} & options.keys():
        options = {"tls_cert": "cert.pem", "tls_key": "cert.pem", **options}
    factory = bool(options.get("factory"))
    plan = LaunchPlan(Target.parse(target, factory=factory), server, "/tmp", reload=False).with_options(
        options
    )
    return mended(plan)


def free_text(server: str, key: str) -> st.SearchStrategy[Value] | None:
    """Any text at all, for the options that take it."""
    spec = spec_of(server, key)
    if spec.kind not in (Kind.TEXT, Kind.PATH) or spec.paths or texts(server, spec) != ODD_TEXTS:
        return None
    alphabet = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])
    return st.lists(st.text(alphabet, min_size=1, max_size=12), min_size=1, max_size=3).flatmap(
        lambda drawn: st.sampled_from(
            legal(spec, ("\n".join(drawn) if spec.multiple else drawn[0],)) or ["x"]
        )
    )


@st.composite
def plans(draw: st.DrawFn, server: str) -> LaunchPlan:
    options: dict[str, Value] = {}
    for key in draw(st.lists(st.sampled_from(settable(server)), unique=True, max_size=12)):
        spec = spec_of(server, key)
        values: st.SearchStrategy[Value] = st.sampled_from(legal(spec, texts(server, spec)))
        free = free_text(server, key)
        options[key] = draw(values | free if free is not None and not spec.multiple else values)
    return plan_of(server, options, draw(st.sampled_from(TARGETS)))


# -- the real parsers --------------------------------------------------------------------------------


@cache
def parser_of(server: str) -> Any:
    if server == "daphne":
        return CommandLineInterface().parser
    if server == "hypercorn":
        return captured_parser()
    return GunicornConfig("%(prog)s [OPTIONS] [APP_MODULE]", prog="gunicorn").parser()


def captured_parser() -> Any:
    """hypercorn's, which is local to its ``main``."""
    from hypercorn.__main__ import main

    def capture(parser: Any, *_: Any, **__: Any) -> None:
        raise describe.Captured(parser)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_args", capture)
        with pytest.raises(describe.Captured) as caught:
            main([])
    return caught.value.args[0]


def read_by_flag(server: str, argv: list[str]) -> dict[str, Any]:
    """What the server's own parser makes of the arguments, by the spellings of its options."""
    read: dict[str, Any] = {}
    if server in ("uvicorn", "granian"):
        command: click.Command = uvicorn_command if server == "uvicorn" else granian.cli.cli
        context = command.make_context(server, list(argv))
        for param in command.get_params(context):
            for flag in (*param.opts, *param.secondary_opts):
                read[flag] = context.params.get(param.name or "")
        return read
    parser = parser_of(server)
    found = vars(parser.parse_args(list(argv)))
    for action in parser._actions:
        for flag in action.option_strings:
            value = found.get(action.dest)
            read[flag] = value == action.const if action.nargs == 0 and action.const is not None else value
    return read


def plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return tuple(map(str, value)) if isinstance(value, list | tuple) else value


def assert_own_options_are_read(plan: LaunchPlan, argv: list[str], skipped: tuple[str, ...] = ()) -> None:
    """What the real parser reads for every own option of the plan is its value."""
    server = plan.server
    if server.startswith(("hypercorn", "gunicorn")):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Please use verify_mode")
            READERS[server](argv)  # its checks come after parsing
    read = read_by_flag(server, argv)
    for key, value in plan.options.items():
        option = get_server(server).own(key)
        if option is None or key in skipped:
            continue
        assert_read(option, value, read)


def assert_read(option: Option, value: Value, read: Mapping[str, Any]) -> None:
    flag = option.flag
    if isinstance(value, bool):
        if not option.arguments(value):
            return
        flag = (option.flags if value or option.spelled else option.off)[0]
    given = plain(read[flag])
    if option.name in ("bind", "endpoint"):
        assert isinstance(value, tuple)
        assert given[-len(value) :] == value  # after the first
    elif option.kind in ON_OFF:
        both = bool(option.flags and option.off)
        assert given is (value if both or option.spelled else True)
    elif option.name == "verify_mode":
        assert ssl.VerifyMode(int(given)).name == value
    elif isinstance(value, int | float):
        assert float(given) == value
    else:
        assert (given if isinstance(given, tuple) else str(given)) == value


# -- the properties ----------------------------------------------------------------------------------


def assert_round_trip(plan: LaunchPlan) -> None:
    """The command says the plan, to us and to the server."""
    assert_read_back(plan)
    assert_own_options_are_read(plan, list(get_server(plan.server).command(plan).argv[1:]))


def assert_read_back(plan: LaunchPlan) -> None:
    """parse(command(plan)) == plan."""
    server = get_server(plan.server)
    assert server.check(plan) == []
    command = server.command(plan)
    parsed = parse_command(str(command))
    wanted = canonical(plan)
    assert parsed.server == plan.server
    assert parsed.native == ()
    assert parsed.options() == dict(wanted.options)
    again = parsed.plan(plan.cwd)
    assert again.target == wanted.target
    assert dict(again.options) == dict(wanted.options)
    assert not again.env


def assert_run_is_accepted(plan: LaunchPlan) -> None:
    """What really runs; the interface is the probe's, and gunicorn's file is read by the console's."""
    server = get_server(plan.server)
    family = "unix" if "uds" in plan.options else "inet6" if ":" in plan.host else "inet"
    fd = None if server.bind_reason(plan, family) else 7  # type: ignore[arg-type]  # one of the three
    assert_own_options_are_read(plan, server.run_arguments(plan, fd, VERSION), skipped=("interface",))


SINGLE = [(server, key) for server in SERVERS for key in settable(server)]


@pytest.mark.parametrize(("server", "key"), SINGLE)
def test_each_option_alone(server: str, key: str) -> None:
    spec = spec_of(server, key)
    values = legal(spec, texts(server, spec))
    assert values
    kept = 0
    for index, value in enumerate(values):
        plan = plan_of(server, {key: value})
        kept += plan.options.get(key) == value
        assert_round_trip(plan)
        if index % 4 == 0:
            assert_run_is_accepted(plan)
    assert kept, "no value of it is without a conflict"


@pytest.mark.parametrize(("server", "key"), SINGLE)
def test_each_option_by_set(server: str, key: str) -> None:
    """``--set`` spells every value of every option, by its name with dashes as well."""
    adapter, spec = get_server(server), spec_of(server, key)
    for value in legal(spec, texts(server, spec))[:6]:
        items = value if isinstance(value, tuple) else (spec.spell(value),)
        name = key.replace("_", "-")
        options = read_settings(adapter, [f"{name}={item}" for item in items]).options
        if key in ("bind", "endpoint"):
            assert options
            continue
        assert adapter.canonical(options) == adapter.canonical({key: value})


@pytest.mark.parametrize("server", ["hypercorn", "gunicorn", "gunicorn-uvicorn"])
def test_several_addresses_by_set(server: str) -> None:
    """The first is host and port, as in the command."""
    settings = read_settings(get_server(server), ["bind=[::1]:81", "bind=a:82", "bind=unix:b"])
    assert settings.options == {"host": "::1", "port": 81, "bind": ("a:82", "unix:b")}


@pytest.mark.parametrize("server", SERVERS)
def test_every_settable_option_is_among_them(server: str) -> None:
    """So that "each option" above is every one: what is left out is refused or a secret."""
    adapter = get_server(server)
    left = [option for option in adapter.overlay if option.key not in settable(server)]
    assert all(option.refused or option.secret or option.concept for option in left)
    for option in left:
        if not option.refused and not option.secret:
            assert option.concept not in adapter.flags or option.concept in settable(server)


@pytest.mark.parametrize("server", SERVERS)
def test_any_plan(server: str) -> None:
    @given(plans(server))
    @settings(max_examples=60, deadline=None, database=None)
    def holds(plan: LaunchPlan) -> None:
        assert_round_trip(plan)
        assert_run_is_accepted(plan)

    holds()


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("target", [*TARGETS, "main", "main:create()"])
def test_targets(server: str, target: str) -> None:
    factory = target.endswith("()")
    if factory and "factory" not in get_server(server).flags:
        pytest.skip("it calls no factory")
    plan = plan_of(server, {"factory": True} if factory else {}, target)
    assert_round_trip(plan)


def test_a_lost_option_is_noticed() -> None:
    """The comparison above can fail: a command less one option is another plan."""
    plan = plan_of("uvicorn", {"backlog": 77, "header": ("a:b", "a:b")})
    words = str(get_server("uvicorn").command(plan))
    parsed = parse_command(words.replace("--header a:b", "", 1))
    assert parsed.options() == {"backlog": 77, "header": ("a:b",)} != dict(canonical(plan).options)
