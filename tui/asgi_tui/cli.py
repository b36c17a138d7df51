"""The command line. Imports no Textual until a console opens."""

from __future__ import annotations

import asyncio
import difflib
import json
import os
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import NoReturn, TextIO

import click

from asgi_tui import __version__
from asgi_tui.cli_flags import RunFlags, run_flags
from asgi_tui.cli_queries import discover, installed_options, options, parse, servers, working_directory
from asgi_tui.domain.concepts import read_value
from asgi_tui.domain.environment import read_variables
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.events import Error, Exit, to_json
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers import get_server
from asgi_tui.domain.servers.base import Server
from asgi_tui.domain.settings import Settings, read_settings
from asgi_tui.domain.target import Target
from asgi_tui.domain.text import sanitize
from asgi_tui.domain.values import Value

# Asked for where none is installed: the sentence then says how to install it.
DEFAULT_SERVER = "uvicorn"


HELP = ("-h", "--help")


class DefaultGroup(click.Group):
    """A group whose first word may also be a target: then the console opens."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Puts the hidden ``console`` command in front where no command is named."""
        named = args and (args[0] in self.commands or args[0] in (*HELP, "--version"))
        if not named and args and args[0].isidentifier():
            self._refuse_misspelt(args[0])
        return super().parse_args(ctx, args if named else ["console", *args])

    def _refuse_misspelt(self, word: str) -> None:
        """A lone word that is no module here but nearly a command is a misspelt command."""
        near = difflib.get_close_matches(word, [name for name in self.commands if name != "console"], 1)
        if near and not Path(f"{word}.py").exists() and not Path(word).is_dir():
            raise Problem(f"Command {word!r}", "there is none of that name", f"use asgi-tui {near[0]}")


def _plan(
    target: str | None, native: tuple[str, ...], values: Mapping[str, object], *, starts: bool
) -> tuple[LaunchPlan, str]:
    """The plan that a command line asks for, and a sentence on where its target comes from.

    ``values`` are those of ``run_flags``, by the names of ``RunFlags``. Where nothing ``starts``, nothing of
    the project is run to read them either.
    """
    flags = RunFlags(**values)  # type: ignore[arg-type]  # click's values have the flags' types
    plan, note = _base(target, flags, working_directory())
    options: dict[str, Value] = {**plan.options}
    for concept, text in (("host", flags.host), ("port", flags.port)):
        if text is not None:
            options[concept] = read_value(concept, text)
    settings = _read_settings(get_server(plan.server), flags.settings, flags.python or plan.python, starts)
    options |= settings.options
    plan = replace(
        plan,
        native=(*plan.native, *settings.native, *native),
        python=flags.python or plan.python,
        env_files=(*plan.env_files, *flags.env_files),
        env={**plan.env, **read_variables(flags.env)},
        reload=plan.reload and not flags.no_reload,
        watch=(*plan.watch, *flags.watch),
        reloading=flags.reloading(plan.reloading),
        target=replace(plan.target, factory=bool(options.get("factory", plan.target.factory))),
    )
    return plan.with_options(options), note


def _base(target: str | None, flags: RunFlags, cwd: Path) -> tuple[LaunchPlan, str]:
    """The plan before the flags: a preset's, the named target's or that of what is found."""
    from asgi_tui.domain.mapping import map_plan
    from asgi_tui.engine.discovery import discover
    from asgi_tui.engine.interpreters import find_interpreter
    from asgi_tui.engine.project import candidate_plan, demo_plan, list_servers

    if flags.preset is not None:
        from asgi_tui.engine.presets import load_preset

        plan = load_preset(flags.preset, str(cwd))
        if flags.server is not None:
            plan = map_plan(plan, get_server(flags.server).name).plan
        return (replace(plan, target=Target.parse(target)) if target is not None else plan), ""
    name = flags.server
    if name is None:
        servers = list_servers(find_interpreter(cwd, flags.python, os.environ))
        name = next((server.name for server in servers if server.installed), DEFAULT_SERVER)
    get_server(name)
    if target is not None:
        return LaunchPlan(Target.parse(target), name, str(cwd)), ""
    if candidates := discover(cwd):
        found = candidates[0]
        note = f"No target was named: {found.target} was found ({found.why})."
        return candidate_plan(found, name, cwd), note
    note = "No target was named and no app was found here: this is the bundled demo app."
    return demo_plan(name, cwd), note


def _read_settings(server: Server, settings: tuple[str, ...], python: str | None, starts: bool) -> Settings:
    """What ``--set`` says; an option that nobody here knows may be one of a newer server."""
    try:
        return read_settings(server, settings)
    except Problem:
        table = installed_options(server.name, python, told=starts)
        return read_settings(server, settings, table)


@click.group(cls=DefaultGroup, context_settings={"help_option_names": list(HELP)})
@click.version_option(__version__, prog_name="asgi-tui")
def cli() -> None:
    """The terminal console for ASGI servers.

    \b
    asgi-tui [TARGET]        the console; TARGET is module:app, a module or a .py file
    asgi-tui run [TARGET]    the same without a screen
    """


@cli.command(hidden=True)
@run_flags
@click.pass_obj
def console(native: tuple[str, ...], /, target: str | None, **values: object) -> None:
    """The console. TARGET is started at once; without one, what is found is offered."""
    plan, note = _plan(target, native, values, starts=target is not None)
    if not (sys.stdout.isatty() and sys.stdin.isatty()):
        click.echo("This is no terminal, so the console runs as `asgi-tui run`.", err=True)
        _run(plan, note, as_json=False, record=None)
        return
    from asgi_tui.engine.history import last_plan
    from asgi_tui.engine.preparation import prepare
    from asgi_tui.frontends.console.start import run_console

    note = ""
    if target is not None:
        # What is wrong with the command line is said on it, not on a screen that closes.
        prepare(plan)
    elif not native and RunFlags(**values).say_nothing and (last := last_plan(plan.cwd)):  # type: ignore[arg-type]  # as in _plan
        plan, note = last, "As started here last; pick an app to start over."
    raise SystemExit(run_console(plan, named=target is not None, note=note))


@cli.command()
@run_flags
@click.option("--json", "as_json", is_flag=True, help="Print events as JSON, one a line.")
@click.option("--record", metavar="FILE", help="Also write every event to FILE.")
@click.pass_obj
def run(
    native: tuple[str, ...],
    /,
    target: str | None,
    as_json: bool,
    record: str | None,
    **values: object,
) -> None:
    """Runs an app without a screen. Arguments after -- go to the server as they are."""
    plan, note = _plan(target, native, values, starts=True)
    _run(plan, note, as_json=as_json, record=record)


def _run(plan: LaunchPlan, note: str, *, as_json: bool, record: str | None) -> None:
    from asgi_tui.engine.history import remember
    from asgi_tui.engine.preparation import prepare
    from asgi_tui.engine.session import Session
    from asgi_tui.frontends.headless import Show, run_headless
    from asgi_tui.frontends.ndjson import ndjson_writer

    if note:
        click.echo(sanitize(note), err=True)
    prepare(plan)
    with suppress(Problem):  # a run does not fail for its history
        remember(plan)
    with ExitStack() as files:
        if as_json:
            shows = [Show(ndjson_writer(sys.stdout), sys.stdout)]
        else:
            from rich.console import Console

            from asgi_tui.frontends.plain import plain_writer

            plain = partial(Console, highlight=False, markup=False, emoji=False)
            shows = [Show(plain_writer(plain(), plain(stderr=True)), sys.stdout)]
        if record is not None:
            file = _open_record(record)
            files.callback(_close_record, file)
            shows.append(Show(ndjson_writer(file, everything=True), file))
        session = Session(traces_per_second=20 if as_json or record else 0)
        if record is not None:
            # A console that shows the recording has a pane for it.
            session.show_window("1m")
        code = asyncio.run(run_headless(session, plan, shows, commands=as_json))
    end_process(code)


def end_process(code: int) -> NoReturn:
    """Ends at once, without flushing to a reader that is gone or waiting for a thread that reads."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _open_record(path: str) -> TextIO:
    try:
        # What is recorded may be private: only its owner reads it.
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8")
    except OSError as error:
        raise Problem(f"Recording {path}", error.strerror or str(error), "use another file") from None


def _close_record(file: TextIO) -> None:
    # What could not be written has been said already; closing would try once more.
    with suppress(OSError):
        file.close()


@cli.command()
@run_flags
@click.pass_obj
def command(native: tuple[str, ...], /, target: str | None, **values: object) -> None:
    """Prints the native command, quoted for a shell."""
    from asgi_tui.engine.project import resolve_target

    plan, note = _plan(target, native, values, starts=False)
    if note:
        click.echo(sanitize(note), err=True)
    plan = resolve_target(plan)
    server = get_server(plan.server)
    for problem in server.check(plan):
        raise problem
    click.echo(str(server.command(plan)))


for query in (servers, options, parse, discover):
    cli.add_command(query)


def main() -> None:
    """The entry point: runs the command line; every problem is one sentence on stderr."""
    arguments = sys.argv[1:]
    native: tuple[str, ...] = ()
    if "--" in arguments:
        cut = arguments.index("--")
        arguments, native = arguments[:cut], tuple(arguments[cut + 1 :])
    if sys.platform == "win32":
        click.echo("asgi-tui: Windows has no sockets to hand over; use WSL.", err=True)
        sys.exit(2)
    # Whatever the locale, what cannot be encoded is shown escaped rather than ending the output.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace", encoding="utf-8" if "--json" in arguments else None)
    try:
        cli.main(arguments, prog_name="asgi-tui", standalone_mode=False, obj=native)
    except click.ClickException as error:
        _end_with(_usage_problem(error), arguments)
    except Problem as problem:
        _end_with(problem, arguments)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(0)


def _usage_problem(error: click.ClickException) -> Problem:
    """Click's complaint as a sentence of ours."""
    match error:
        case click.NoSuchOption(option_name=name, possibilities=near):
            mend = f"use {near[0]}" if near else "asgi-tui --help lists them"
            return Problem(f"Option {name}", "there is none of that name", mend)
        case _:
            why = error.format_message().rstrip(".")
            return Problem("Command line", why[:1].lower() + why[1:], "asgi-tui --help shows how to write it")


def _end_with(problem: Problem, arguments: list[str]) -> NoReturn:
    """Says what is wrong, for a program as well where it reads JSON events."""
    if arguments[:1] == ["run"] and "--json" in arguments:
        at = time.time()
        error = Error(at, problem.what, problem.why, problem.mend)
        exit_ = Exit(at, problem.exit_code, str(problem), None, "the server never ran")
        for event in (error, exit_):
            click.echo(json.dumps(to_json(event), separators=(",", ":")))
    click.echo(sanitize(str(problem)), err=True)
    sys.exit(problem.exit_code)
