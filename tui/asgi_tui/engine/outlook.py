"""What bears on a plan from outside of it: the installed server's options, the machine, the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from asgi_tui.domain.conflicts import Facts
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.extras import extras_of
from asgi_tui.domain.options import OptionTable
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers import SERVERS, get_server
from asgi_tui.engine.ambient import Ambient, ambient_settings
from asgi_tui.engine.interpreters import Interpreter, installed_versions
from asgi_tui.engine.option_reader import may_read, overlay_table, read_options
from asgi_tui.engine.preparation import read_env_files
from asgi_tui.engine.project import Project
from asgi_tui.engine.root import up_to_root
from asgi_tui.engine.trust import is_trusted
from asgi_tui.engine.user_files import cache_directory, state_directory

_UNPRIVILEGED = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is known of the picked server for one plan.

    ``installed`` are the versions of the distributions its extras need. ``asks`` is the interpreter that
    would have to be run to know its options, and may be only with the user's yes; None where it is not so.
    """

    table: OptionTable
    facts: Facts
    ambient: Mapping[str, Ambient]
    installed: Mapping[str, str | None]
    asks: Path | None = None


def look_out(plan: LaunchPlan, project: Project, environ: Mapping[str, str]) -> Outlook:
    """Everything that bears on ``plan``; blocking, some 0.1 s for a version seen for the first time."""
    server = get_server(plan.server)
    interpreter, info = project.interpreter, project.server(plan.server)
    root = up_to_root(project.cwd)[-1]
    trusted = is_trusted(interpreter.executable, state_directory())
    allowed = may_read(interpreter, root, trusted)
    if info.version is None:
        table = overlay_table(
            server, f"{server.name} is not installed: these are the options it is known for."
        )
    else:
        cache = cache_directory() / "options"
        table = read_options(server, interpreter, info.version, cache=cache, allowed=allowed)
    try:
        variables = read_env_files(plan) | {**environ} | {**plan.env}
    except Problem:
        variables = {**environ, **plan.env}  # the file's own problem is told where it is named
    ambient = ambient_settings(server, table, plan, variables)
    installed = installed_distributions(interpreter)
    facts = Facts(
        installed,
        tuple(info.name for info in project.servers if info.installed),
        first_free_port(),
        frozenset(key for key, setting in ambient.items() if setting.counts),
    )
    asks = None if allowed or table.version or info.version is None else interpreter.executable
    return Outlook(table, facts, ambient, installed, asks)


def installed_distributions(interpreter: Interpreter) -> dict[str, str | None]:
    """The versions of what any server's extras need; blocking."""
    return installed_versions(
        interpreter, {name for server in SERVERS for extra in extras_of(server) for name in extra.needs}
    )


def first_free_port() -> int:
    """The lowest TCP port that this user may bind (ip(7), ip_unprivileged_port_start)."""
    if os.geteuid() == 0:
        return 0
    try:
        return int(_UNPRIVILEGED.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 1024
