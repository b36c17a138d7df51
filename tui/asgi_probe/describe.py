"""Prints every option of one installed server as JSON: ``python describe.py SERVER``.

Run by path with the app's interpreter; the options are those of ``asgi_tui.domain.options.Described``. They
are read from the server's own parser, which is built but never used: nothing is served and no app is loaded.
The caller clears the environment of what servers take their defaults from.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    # Before any other import: our modules' names must not hide others, and nothing may come from where this
    # was started.
    _own = os.path.dirname(os.path.realpath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.isabs(path) and os.path.realpath(path) != _own]

import argparse
import importlib
import importlib.metadata
import json
import math
import signal
from collections.abc import Iterable
from enum import Enum
from typing import Any, Callable, NoReturn, Optional

# Parsers, actions and parameters are `Any`: the server's version decides what they are and have.
Option = dict[str, Any]

# Ends this process where nobody is left to do it and a server's import does not end.
LIMIT_S = 30


def describe(server: str) -> dict[str, Any]:
    """The server's version and options. Raises ``LookupError`` for a name that is none."""
    options = READERS[server]()
    return {"server": server, "version": version_of(server), "options": options}


def version_of(server: str) -> str:
    """The installed version; empty where nothing tells it."""
    try:
        return importlib.metadata.version(server)
    except importlib.metadata.PackageNotFoundError:
        return str(getattr(sys.modules[server], "__version__", ""))


# -- click: uvicorn, granian -----------------------------------------------------------------------


def click_options(module: str, attribute: str, prefix: str) -> list[Option]:
    """The options of a click command, whose variables begin with ``prefix``."""
    # The server first: where it is missing, that is the news, not that click is.
    command: Any = getattr(importlib.import_module(module), attribute)
    import click

    if not isinstance(command, click.Command):  # typer, in the first versions of granian 1
        command = importlib.import_module("typer.main").get_command(command)
    context = click.Context(command, **command.context_settings)
    # Besides the command's own there is --help.
    options = (param for param in command.get_params(context) if isinstance(param, click.Option))
    return [click_option(option, prefix) for option in options]


def click_option(option: Any, prefix: str) -> Option:
    """One option of a click command."""
    flags, off, takes = list(option.opts), list(option.secondary_opts), "value"
    default = option.default
    kind, choices, minimum, maximum = click_type(option.type)
    if option.is_flag or option.count:
        takes, kind, minimum, maximum = "switch" if off else "flag", "bool", None, None
        if not off:
            default = default if isinstance(default, bool) else False
            if option.flag_value is False:
                flags, off = [], flags
    env = option.envvar if isinstance(option.envvar, str) else next(iter(option.envvar or ()), "")
    # As in click.Option.resolve_envvar_value; --help and --version hand nothing to the command.
    if not env and option.allow_from_autoenv and option.expose_value:
        env = f"{prefix}_{option.name.upper()}"
    return described(
        flags,
        off=off,
        takes=takes,
        kind=kind,
        choices=choices,
        default=default,
        multiple=option.multiple,
        env=env,
        text=option.help,
        minimum=minimum,
        maximum=maximum,
    )


def click_type(kind: Any) -> tuple[str, list[str], Optional[float], Optional[float]]:
    """The word for a parameter's type, its choices and its inclusive bounds."""
    import click

    if isinstance(kind, click.Choice):
        # Since click 8.2 a choice may be a member of an enumeration, which is written by its name.
        return "text", [c.name if isinstance(c, Enum) else str(c) for c in kind.choices], None, None
    if isinstance(kind, (click.IntRange, click.FloatRange)):
        whole = isinstance(kind, click.IntRange)
        if kind.clamp:  # nothing is refused
            return "int" if whole else "float", [], None, None
        minimum, maximum = kind.min, kind.max
        if whole and minimum is not None and kind.min_open:
            minimum += 1
        if whole and maximum is not None and kind.max_open:
            maximum -= 1
        return "int" if whole else "float", [], minimum, maximum
    if isinstance(kind, (click.Path, click.File)):
        return "path", [], None, None
    # By name, for granian has types of its own ("Octal integer") that derive from ParamType alone.
    words = {"integer": "int", "float": "float", "boolean": "bool", "duration": "int"}
    return words.get(str(kind.name).lower().split()[-1], "text"), [], None, None


# -- argparse: hypercorn, daphne, gunicorn -----------------------------------------------------------


def parser_option(parser: Any, action: Any, **more: Any) -> Option:
    """One option of an argparse parser; ``more`` is what the server tells beside it."""
    flags, off, takes = list(action.option_strings), [], "value"
    words = {int: "int", float: "float", bool: "bool"}
    kind = words.get(action.type, "text")
    default = None if action.default is argparse.SUPPRESS else action.default
    if isinstance(action, argparse.BooleanOptionalAction):
        takes, kind = "switch", "bool"
        off = [flag for flag in flags if flag.startswith("--no-")]
        flags = [flag for flag in flags if flag not in off]
    elif action.nargs == 0:
        takes, kind = "flag", "bool"
        if getattr(action, "const", None) is False:
            flags, off = [], flags
        elif not isinstance(default, bool):
            default = False
    found: Option = {
        "off": off,
        "takes": takes,
        "kind": kind,
        "choices": [str(choice) for choice in action.choices or ()],
        "default": default,
        "multiple": isinstance(action, argparse._AppendAction),
        "text": expanded(parser, action),
        "bare": str(action.const) if action.nargs == "?" and action.const is not None else "",
    }
    return described(flags, **{**found, **more})


def expanded(parser: Any, action: Any) -> str:
    """The help of an action with what argparse fills in."""
    if not action.help or action.help == argparse.SUPPRESS:
        return ""
    try:
        return str(action.help % {**vars(action), "prog": parser.prog})
    except (KeyError, TypeError, ValueError):
        return str(action.help)


def optionals(parser: Any) -> list[Any]:
    """The actions that are options, not positional arguments."""
    return [action for action in parser._actions if action.option_strings]


def daphne_options() -> list[Option]:
    """daphne's parser is an attribute of its command line."""
    parser = importlib.import_module("daphne.cli").CommandLineInterface().parser
    return [parser_option(parser, action) for action in optionals(parser)]


# Where hypercorn's option and the attribute of its Config have different names.
HYPERCORN_SETTINGS = {
    "access_logfile": "accesslog",
    "access_logformat": "access_log_format",
    "binds": "bind",
    "error_logfile": "errorlog",
    "insecure_binds": "insecure_bind",
    "keep_alive": "keep_alive_timeout",
    "log_config": "logconfig",
    "log_level": "loglevel",
    "pid": "pid_path",
    "quic_binds": "quic_bind",
    "reload": "use_reloader",
}


class Captured(BaseException):
    """Carries a parser out of the function that made it."""


def hypercorn_options() -> list[Option]:
    """hypercorn's parser is local to its ``main``, and its defaults are those of its Config."""
    from hypercorn.__main__ import main
    from hypercorn.config import Config

    def capture(parser: Any, *_: Any, **__: Any) -> NoReturn:
        raise Captured(parser)

    original, parser = argparse.ArgumentParser.parse_args, None
    argparse.ArgumentParser.parse_args = capture  # type: ignore[method-assign,assignment]  # to be undone
    try:
        main([])
    except Captured as captured:
        parser = captured.args[0]
    finally:
        argparse.ArgumentParser.parse_args = original  # type: ignore[method-assign]  # undone
    config = Config()
    options = []
    for action in optionals(parser):
        more = {}
        setting = HYPERCORN_SETTINGS.get(action.dest, action.dest)
        if hasattr(config, setting):
            more = {"setting": setting, "default": getattr(config, setting)}
        if setting == "loglevel" and more:
            more["default"] = str(more["default"]).lower()  # as its help writes it
        options.append(parser_option(parser, action, **more))
    return options


# Defaults that gunicorn makes of the user, the directory or the Python it is started with.
GUNICORN_MADE = {"chdir", "control_socket", "group", "ssl_version", "user"}


def gunicorn_options() -> list[Option]:
    """gunicorn's parser is made of its settings, which hold the defaults."""
    config = importlib.import_module("gunicorn.config").Config()
    parser = config.parser()
    options = []
    for action in optionals(parser):
        setting = config.settings.get(action.dest)
        more = {}
        if setting is not None:
            default = None if setting.name in GUNICORN_MADE else setting.default
            more = {"setting": setting.name, "default": default, "text": setting.short}
            if getattr(setting.validator, "__name__", "") == "validate_pos_int":
                more.update(kind="int", minimum=0)
        options.append(parser_option(parser, action, **more))
    return options


# -- all ---------------------------------------------------------------------------------------------


def described(
    flags: list[str],
    *,
    off: Iterable[str] = (),
    takes: str,
    kind: str,
    choices: Iterable[str] = (),
    default: object = None,
    multiple: bool = False,
    env: str = "",
    text: Optional[str] = "",
    minimum: Optional[float] = None,
    maximum: Optional[float] = None,
    bare: str = "",
    setting: str = "",
) -> Option:
    """One option as it is printed."""
    choices = list(choices)
    return {
        "flags": flags,
        "off": list(off),
        "takes": takes,
        "type": kind,
        "choices": choices,
        "default": plain(default, kind, choices),
        "multiple": bool(multiple),
        "env": env,
        "help": " ".join((text or "").replace("\b", "").split()),
        "minimum": minimum,
        "maximum": maximum,
        "bare": bare,
        "setting": setting,
    }


def plain(default: Any, kind: str, choices: list[str]) -> Any:
    """A default as JSON has it; ``None`` for one that is made when the server starts, or that is none."""
    if isinstance(default, (list, tuple)):
        return [str(item) for item in default] or None
    if isinstance(default, Enum) and not isinstance(default, int):
        # granian's choices are values, click's own names; any other member is click's sign for "none".
        default = next((text for text in (default.value, default.name) if text in choices), None)
    if isinstance(default, bool):
        return default if kind == "bool" else None
    if isinstance(default, (int, float)) and math.isfinite(default):
        if choices:
            return str(default)
        return int(default) if kind == "int" and default == int(default) else default
    return (default or None) if isinstance(default, str) else None


READERS: dict[str, Callable[[], list[Option]]] = {
    "uvicorn": lambda: click_options("uvicorn.main", "main", "UVICORN"),
    "granian": lambda: click_options("granian.cli", "cli", "GRANIAN"),
    "hypercorn": hypercorn_options,
    "daphne": daphne_options,
    "gunicorn": gunicorn_options,
}


def main() -> int:
    """Prints the description of the server named by the first argument; 1 where there is none."""
    signal.alarm(LIMIT_S)
    # What a server's import prints, and any process it starts, must not get between.
    output = os.dup(1)
    os.dup2(2, 1)
    name = sys.argv[1] if len(sys.argv) == 2 else ""
    try:
        text = json.dumps(describe(name), allow_nan=False)
    except KeyboardInterrupt:
        return 1
    except BaseException as error:
        why = "no such server" if name not in READERS else f"{type(error).__name__}: {error}"
        print(f"{name}:", " ".join(why.split()), file=sys.stderr)  # noqa: T201 - this is a script
        return 1
    with os.fdopen(output, "w", encoding="ascii") as file:
        file.write(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
