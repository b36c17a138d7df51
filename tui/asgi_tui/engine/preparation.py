"""A launch plan made ready to run: all that can be checked before a process starts."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers import get_server
from asgi_tui.engine.interpreters import Interpreter, find_interpreter
from asgi_tui.engine.project import list_servers, require_server, resolve_target, version_tuple


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan with its target resolved, and the interpreter and server version found for it."""

    plan: LaunchPlan
    interpreter: Interpreter
    version: str


def prepare(plan: LaunchPlan) -> Prepared:
    """Checks a plan and finds what it needs; blocking. Raises ``Problem``."""
    server = get_server(plan.server)
    resolved = resolve_target(plan)
    for problem in server.check(resolved):
        raise problem
    _require_files(resolved)
    read_env_files(resolved)
    interpreter = find_interpreter(Path(plan.cwd), plan.python, os.environ)
    info = require_server(list_servers(interpreter), plan.server)
    _require_version(resolved, info.version or "")
    return Prepared(resolved, interpreter, info.version or "")


def _require_version(plan: LaunchPlan, version: str) -> None:
    """Refuses options that came with a later version; its parser would refuse the whole command."""
    server = get_server(plan.server)
    for key in plan.options:
        option = server.own(key)
        if option is not None and option.since and version_tuple(version) < version_tuple(option.since):
            why = f"it came with {option.since}, and {version} is installed"
            raise Problem(f"Option {key} on {plan.server}", why, "leave it out or upgrade")


def read_env_files(plan: LaunchPlan) -> dict[str, str]:
    """The variables of the plan's environment files, the last one wins; blocking. Raises ``Problem``."""
    found: dict[str, str] = {}
    for name in plan.env_files:
        found |= read_env_file(Path(plan.cwd), name)
    return found


def read_env_file(cwd: Path, file: str) -> dict[str, str]:
    """The variables of one environment file; blocking. Raises ``Problem``."""
    # It logs each line that it cannot read; those are the user's, and the log is no place for them.
    logging.getLogger("dotenv.main").setLevel(logging.CRITICAL)
    try:
        values = dotenv_values(cwd / os.path.expanduser(file))  # noqa: PTH111 - it never raises
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise Problem(f"Environment file {file}", str(why), "mend it or leave it out") from None
    for name, value in values.items():
        if value is None or "\0" in name + value:
            why = f"{name} has no value" if value is None else f"the value of {name} holds a NUL"
            raise Problem(f"Environment file {file}", why, "write it as NAME=value")
    return {name: value for name, value in values.items() if value is not None}


def _require_files(plan: LaunchPlan) -> None:
    named = [("Environment file", name) for name in plan.env_files]
    named += [(f"Option {concept}", plan.text(concept)) for concept in ("tls_cert", "tls_key")]
    for what, name in named:
        if name and not Path(plan.cwd, os.path.expanduser(name)).is_file():  # noqa: PTH111 - it never raises
            raise Problem(f"{what} {name}", "there is no such file", "check the path")
    for path in plan.watch:
        if not Path(plan.cwd, path).exists():
            raise Problem(f"Watched path {path}", "there is no such file or directory", "check the path")
    directory = plan.text("app_dir")
    if directory and not Path(plan.cwd, directory).is_dir():
        raise Problem(f"Option app_dir {directory}", "there is no such directory", "check the path")
