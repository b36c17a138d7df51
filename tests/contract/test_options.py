"""Every option of every installed server is known, of the right kind, and none is invented."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import click
import granian.cli
import pytest
from uvicorn.main import main as uvicorn_command

from asgi_tui.domain.concepts import CONCEPTS
from asgi_tui.domain.options import GROUPS, OTHER, Described, Option, OptionTable, as_json, join
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers import SERVERS, get_server
from asgi_tui.domain.target import Target
from asgi_tui.domain.values import NUMBERS, ON_OFF, Kind, Value
from asgi_tui.engine.interpreters import find_interpreter
from asgi_tui.engine.option_reader import read_options
from tests.contract.test_round_trip import parser_of

MODULES = ("uvicorn", "hypercorn", "daphne", "granian", "gunicorn")
OWN = find_interpreter(Path("/"), sys.executable, {})

TEXTS = frozenset({Kind.TEXT, Kind.CHOICE, Kind.PATH, Kind.HOST, Kind.HEADER, Kind.REGEX, Kind.SECRET})
WHOLE = frozenset({Kind.INTEGER, Kind.SIZE, Kind.OCTAL, Kind.DURATION, Kind.PORT})
# What an option may be where its parser says no more than this.
ALLOWED = {
    "flag": ON_OFF,
    "bool": frozenset({Kind.SWITCH}),
    "int": WHOLE,
    "float": frozenset({Kind.FLOAT, Kind.DURATION}),
    "choice": frozenset({Kind.CHOICE}),
    "path": frozenset({Kind.PATH}),
    "text": TEXTS,
}


@dataclass(frozen=True)
class Real:
    """One option as the installed parser has it, walked here without the reader that is tested."""

    flags: frozenset[str]
    type: str
    choices: tuple[str, ...] = ()
    default: Any = None
    multiple: bool = False


# -- the installed parsers ---------------------------------------------------------------------------


def of_click(param: click.Option) -> Real:
    kind = "text"
    choices: tuple[str, ...] = ()
    if param.is_flag:
        kind = "flag"
    elif isinstance(param.type, click.Choice):
        kind, choices = "choice", tuple(map(str, param.type.choices))
    elif isinstance(param.type, click.Path):
        kind = "path"
    elif isinstance(param.type, click.IntRange) or param.type.name.lower() in ("integer", "octal integer"):
        kind = "int"
    elif param.type.name in ("float", "boolean"):
        kind = {"float": "float", "boolean": "bool"}[param.type.name]
    flags = frozenset((*param.opts, *param.secondary_opts))
    return Real(flags, kind, choices, param.default, param.multiple)


def of_argparse(action: argparse.Action, default: Any) -> Real:
    kind = {int: "int", float: "float", bool: "bool"}.get(action.type, "text")  # type: ignore[call-overload]  # any callable
    if action.nargs == 0:
        kind = "flag"
    elif action.choices:
        kind = "choice"
    elif getattr(action.type, "__name__", "") == "auto_int" or action.option_strings == ["--cert-reqs"]:
        kind = "int"  # gunicorn and hypercorn make one of the latter after parsing
    choices = tuple(map(str, action.choices or ()))
    return Real(
        frozenset(action.option_strings), kind, choices, default, isinstance(action, argparse._AppendAction)
    )


@cache
def installed(module: str) -> tuple[Real, ...]:
    if module in ("uvicorn", "granian"):
        command: click.Command = uvicorn_command if module == "uvicorn" else granian.cli.cli
        params = command.get_params(click.Context(command))
        return tuple(of_click(param) for param in params if isinstance(param, click.Option))
    # hypercorn's parser and gunicorn's hold no defaults: those are in their configurations
    return tuple(
        of_argparse(action, action.default if module == "daphne" else None)
        for action in parser_of(module)._actions
        if action.option_strings
    )


@cache
def flags_in_help(module: str) -> frozenset[str]:
    """The flags in what ``SERVER --help`` prints, found as a person would."""
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
        env={"COLUMNS": "300", "PYTHONPATH": ""},
        cwd="/",
    )
    listed = (line.strip() for line in done.stdout.splitlines())
    heads = [re.split(r"\s{2,}", line)[0] for line in listed if line.startswith("-")]
    return frozenset(flag for head in heads for flag in re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*", head))


# -- the comparison ----------------------------------------------------------------------------------


def compare(options: Iterable[Option], flags: Iterable[str]) -> list[str]:
    """What one side has and the other has not."""
    known = {flag for option in options for flag in (*option.flags, *option.off)}
    return sorted([f"unknown {flag}" for flag in set(flags) - known]) + sorted(
        f"invented {flag}" for flag in known - set(flags)
    )


@cache
def table(server: str) -> OptionTable:
    adapter = get_server(server)
    version = metadata.version(adapter.requires[0])
    found = read_options(adapter, OWN, version, cache=None)
    assert found.note == ""
    assert found.version == version
    return found


def real_flags(server: str) -> set[str]:
    return {flag for real in installed(get_server(server).module) for flag in real.flags}


def joined(server: str) -> list[tuple[Option, Real]]:
    """Every option of the table with what the parser says of each of its flags."""
    return [
        (option, real)
        for option in table(server).options
        for real in installed(get_server(server).module)
        if real.flags & {*option.flags, *option.off}
    ]


@pytest.mark.parametrize("server", SERVERS)
def test_every_flag_and_no_other(server: str) -> None:
    module = get_server(server).module
    assert (
        len(installed(module))
        >= {"uvicorn": 50, "hypercorn": 39, "daphne": 23, "granian": 70, "gunicorn": 95}[module]
    )
    for flags in (real_flags(server), flags_in_help(module)):
        assert compare(table(server).options, flags) == []
        assert compare(get_server(server).overlay, flags) == []
    assert table(server).missing == {}
    assert not [option.name for option in table(server).options if option.group == OTHER]


@pytest.mark.parametrize("server", SERVERS)
def test_an_option_taken_out_of_the_overlay_is_noticed(server: str) -> None:
    overlay = get_server(server).overlay
    for option in overlay:
        rest = [other for other in overlay if other is not option]
        expected = sorted(f"unknown {flag}" for flag in (*option.flags, *option.off))
        assert compare(rest, real_flags(server)) == expected
        assert compare(rest, flags_in_help(get_server(server).module)) == expected


@pytest.mark.parametrize("server", SERVERS)
def test_an_option_that_the_server_adds_is_noticed(server: str) -> None:
    flags = {*real_flags(server), "--brand-new"}
    assert compare(get_server(server).overlay, flags) == ["unknown --brand-new"]
    assert compare(table(server).options, flags) == ["unknown --brand-new"]
    gone = next(iter(sorted(real_flags(server))))
    assert compare(get_server(server).overlay, real_flags(server) - {gone}) == [f"invented {gone}"]


@pytest.mark.parametrize("server", SERVERS)
def test_what_the_overlay_lacks_still_appears(server: str) -> None:
    """Under "Other", with what the server itself says; nothing else changes."""
    adapter = copy(get_server(server))
    known = next(option for option in adapter.overlay if not option.concept and len(option.flags) == 1)
    vars(adapter)["overlay"] = tuple(option for option in adapter.overlay if option is not known)
    found = read_options(adapter, OWN, "1", cache=None)
    others = [option for option in found.options if option.group == OTHER]
    assert [option.flags for option in others] == [known.flags]
    assert others[0].help
    assert compare(found.options, real_flags(server)) == []


def test_what_a_next_version_adds_appears_and_what_it_drops_is_said() -> None:
    overlay = get_server("uvicorn").overlay
    described = [Described(option.flags, option.off) for option in overlay if option.name != "backlog"]
    found = join("uvicorn", overlay, [*described, Described(("--brand-new",), type="int")], "9.9")
    assert [option.name for option in found.options if option.group == OTHER] == ["brand_new"]
    assert list(found.missing) == ["backlog"]
    assert "9.9" in found.missing["backlog"]


def mismatches(pairs: Iterable[tuple[Option, Real]]) -> list[str]:
    return [
        f"{option.name}: {option.kind.value} for {real.type}"
        for option, real in pairs
        if option.kind not in ALLOWED[real.type] or (real.type == "bool") != (option.spelled == "true")
    ]


@pytest.mark.parametrize("server", SERVERS)
def test_kinds_are_the_parsers(server: str) -> None:
    assert mismatches(joined(server)) == []
    # and a wrong one would be found, whatever it is
    for option, real in joined(server):
        for kind in set(Kind) - ALLOWED[real.type]:
            assert mismatches([(replace(option, kind=kind), real)])


@pytest.mark.parametrize("server", SERVERS)
def test_choices_repetition_and_pairs_are_the_parsers(server: str) -> None:
    for option, real in joined(server):
        if real.choices:
            assert option.choices == real.choices, option.name
        if option.kind is Kind.CHOICE:
            assert option.choices, option.name
        assert option.multiple == real.multiple, option.name
        if option.flags and option.off:
            assert option.kind is Kind.SWITCH, option.name


def default_of(server: str, real: Real) -> Any:
    """What the installed server does without the option, None where its parser leaves that open."""
    module = get_server(server).module
    longest = max(real.flags, key=len)
    value = real.default
    if module == "gunicorn":
        from gunicorn.config import Config  # type: ignore[import-untyped]  # it carries no types

        setting = next((s for s in Config().settings.values() if s.cli and longest in s.cli), None)
        value = setting.default if setting else None
    elif module == "hypercorn":
        from hypercorn.config import Config as HypercornConfig

        name = longest.removeprefix("--").replace("-", "_")
        names = {
            "keep_alive": "keep_alive_timeout",
            "log_level": "loglevel",
            "access_logformat": "access_log_format",
        }
        value = getattr(HypercornConfig(), names.get(name, name), None)
    value = getattr(value, "value", value) if isinstance(value, Enum) else value
    return (
        value
        if isinstance(value, bool | int | float | str) and not str(value).startswith("Sentinel")
        else None
    )


@pytest.mark.parametrize("server", SERVERS)
def test_defaults_are_the_installed_ones(server: str) -> None:
    checked = 0
    for option, real in joined(server):
        value = default_of(server, real)
        # made of the user and directory, or turned round: a flag that turns it off is not given; daphne's
        # parser has False for "the usual header"
        made = option.name in ("user", "group", "chdir", "control_socket", "ssl_version", "server_header")
        other = isinstance(value, bool) and option.kind not in ON_OFF
        if value in (None, "", argparse.SUPPRESS) or made or other:
            continue
        expected = str(value).lower() if option.name == "log_level" else value
        assert option.default == expected, option.name
        checked += 1
    assert checked >= {"daphne": 10, "hypercorn": 8}.get(server, 20)


@pytest.mark.parametrize("server", SERVERS)
def test_each_can_be_understood_and_set_or_says_why_not(server: str) -> None:
    adapter = get_server(server)
    for option in table(server).options:
        assert option.group in GROUPS, option.name
        assert re.fullmatch(r"[A-Za-z].{14,}\.", option.help), option.name
        assert option.label, option.name
        if option.refused:
            assert adapter.check(_plan(server, option)), option.name
            continue
        spec = adapter.spec(option.key)
        assert spec is not None, option.name
        assert option.key in CONCEPTS or spec is adapter.own(option.key)
        if option.key in CONCEPTS:
            assert option.key in adapter.flags, option.name


def _plan(server: str, option: Option) -> LaunchPlan:
    value: Value = True if option.kind in ON_OFF else 1 if option.kind in NUMBERS else "x"
    return LaunchPlan(Target("main", "app"), server, "/tmp").with_options({option.key: value})


@pytest.mark.parametrize("server", SERVERS)
def test_names_and_flags_are_unambiguous(server: str) -> None:
    options = table(server).options
    names = [option.name for option in options]
    flags = [flag for option in options for flag in (*option.flags, *option.off)]
    assert len(names) == len(set(names))
    assert len(flags) == len(set(flags))


@pytest.mark.parametrize("server", SERVERS)
def test_all_of_it_is_in_the_json(server: str) -> None:
    """What ``asgi-tui options SERVER --json`` prints has every flag of ``SERVER --help``, with its kind."""
    document = as_json(table(server))
    entries = document["options"]
    assert isinstance(entries, list)
    assert {flag for entry in entries for flag in entry["flags"]} == flags_in_help(get_server(server).module)
    keys = {
        "name",
        "flags",
        "kind",
        "choices",
        "min",
        "max",
        "default",
        "multiple",
        "secret",
        "group",
        "help",
        "common",
    }
    for entry in entries:
        assert keys <= entry.keys()
        assert entry["kind"] in {kind.value for kind in Kind}
        assert entry["common"] is None or entry["common"] in CONCEPTS
        assert entry["min"] is None or entry["max"] is None or entry["min"] <= entry["max"]
        assert not entry["secret"] or entry["default"] is None


def test_every_concept_is_some_option_of_each_server_that_has_it() -> None:
    for server in SERVERS.values():
        for concept in server.flags:
            # a certificate's key is part of daphne's endpoint, written-out targets have no flag
            flag = server.flags[concept].flag.split(" ")[0]
            if flag:
                assert server.table.with_flag(flag) is not None, (server.name, concept)
