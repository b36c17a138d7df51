"""The commands that only look: what is installed, what it accepts, what a command says, what is found."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from asgi_tui.domain.concepts import CONCEPTS
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.servers import get_server
from asgi_tui.domain.text import mask_arguments, mask_value, sanitize

if TYPE_CHECKING:
    from asgi_tui.domain.options import Option, OptionTable

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_PYTHON = click.option("--python", metavar="PATH", help="Look in this interpreter.")


def working_directory() -> Path:
    """The current directory. Raises ``Problem`` where it has been deleted."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise Problem("The current directory", "it has been deleted", "change to another one") from None


@click.command()
@_JSON
@_PYTHON
def servers(as_json: bool, python: str | None) -> None:
    """Lists the servers and their versions in the app's interpreter."""
    from asgi_tui.engine.interpreters import find_interpreter
    from asgi_tui.engine.project import list_servers

    found = list_servers(find_interpreter(working_directory(), python, os.environ))
    if as_json:
        click.echo(json.dumps([asdict(info) for info in found], indent=2))
        return
    for info in found:
        state = info.version if info.installed else f"not installed: {' '.join(info.missing)}"
        legacy = f"  legacy: {info.deprecated}" if info.deprecated else ""
        click.echo(f"{info.name:<18} {state or '':<12} {get_server(info.name).summary}{legacy}")
    click.echo(f"in {found[0].python}")


@click.command()
@click.argument("server", metavar="SERVER")
@_JSON
@_PYTHON
def options(server: str, as_json: bool, python: str | None) -> None:
    """Lists every option of a server as the app's interpreter has it installed (which runs it)."""
    from asgi_tui.domain.options import as_json as table_as_json

    table = installed_options(server, python, told=True)
    if table.note:
        click.echo(sanitize(table.note), err=True)
    if as_json:
        click.echo(json.dumps(table_as_json(table), indent=2))
        return
    width = min(shutil.get_terminal_size((100, 24)).columns, 100)
    for group, members in table.groups():
        click.echo(click.style(group, bold=True))
        for option in members:
            click.echo(f"  {', '.join((*option.flags, *option.off))}")
            click.echo(click.wrap_text(_summary(option, table), width, "      ", "      "))
    click.echo(f"{server} {table.version or 'not asked'}, {len(table.options)} options")


def installed_options(name: str, python: str | None, *, told: bool) -> OptionTable:
    """The options of the installed server, read by running its interpreter. Raises ``Problem``.

    Unless ``told`` to run it, one that belongs to the project is not run without the user's yes.
    """
    from asgi_tui.engine.interpreters import find_interpreter
    from asgi_tui.engine.option_reader import may_read, overlay_table, read_options
    from asgi_tui.engine.project import list_servers
    from asgi_tui.engine.root import project_root
    from asgi_tui.engine.trust import is_trusted
    from asgi_tui.engine.user_files import cache_directory, state_directory

    server = get_server(name)
    cwd = working_directory()
    interpreter = find_interpreter(cwd, python, os.environ)
    info = next(info for info in list_servers(interpreter) if info.name == name)
    if info.version is None:
        missing = f"{server.requires[0]} is not installed in {interpreter.executable}"
        return overlay_table(server, f"These are the options that the console knows of: {missing}.")
    trusted = told or is_trusted(interpreter.executable, state_directory())
    allowed = may_read(interpreter, project_root(cwd), trusted)
    return read_options(
        server, interpreter, info.version, cache=cache_directory() / "options", allowed=allowed
    )


def _summary(option: Option, table: OptionTable) -> str:
    value = "" if option.default is None else f" [{option.show(option.default)}]"
    if option.choices:
        value = f" [{'|'.join(option.choices)}]{value}"
    missing = table.missing.get(option.name)
    return sanitize(f"{option.help}{value}" + (f" Not here: {missing}." if missing else ""))


@click.command()
@click.argument("command", metavar='"COMMAND"')
def parse(command: str) -> None:
    """Reads a native command, as a README, Procfile, Dockerfile or systemd unit has it, into options."""
    from asgi_tui.domain.command_line import parse_command

    parsed = parse_command(command)
    server = get_server(parsed.server)
    values: dict[str, object] = {}
    for key, value in parsed.options().items():
        spec = CONCEPTS.get(key) or server.own(key)
        values[key] = spec.masked(value) if spec is not None else value
    document = {
        "server": parsed.server,
        "target": parsed.target,
        "options": values,
        "env": {name: mask_value(name, value) for name, value in parsed.env.items()},
        "native": mask_arguments(parsed.native),
    }
    click.echo(json.dumps(document, indent=2))


@click.command()
@click.argument("directory", default=".", metavar="[DIR]")
@_JSON
def discover(directory: str, as_json: bool) -> None:
    """Finds apps by reading the source; imports nothing."""
    from asgi_tui.engine.discovery import discover as find
    from asgi_tui.engine.there import is_directory

    if not is_directory(Path(directory)):
        raise Problem(f"Directory {directory}", "there is none of that name", "check the path")
    found = find(Path(directory))
    if as_json:
        click.echo(json.dumps([asdict(candidate) for candidate in found], indent=2))
        return
    for candidate in found:
        click.echo(sanitize(f"{candidate.target:<30} {candidate.framework:<12} {candidate.why}"))
    if not found:
        click.echo("No app was found; name one, as in asgi-tui main:app.", err=True)
