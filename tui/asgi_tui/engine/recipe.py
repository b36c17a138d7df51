"""How a run's child is started: its command, its environment and what it reads from disk."""

from __future__ import annotations

import os
import re
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from asgi_tui.domain.events import Event, Starting
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers import get_server
from asgi_tui.domain.servers.base import Server
from asgi_tui.domain.servers.gunicorn import Gunicorn
from asgi_tui.domain.text import forms, hiding, is_secret_name, mask_arguments, secrets_in
from asgi_tui.engine.binding import Bound
from asgi_tui.engine.guard import Guard
from asgi_tui.engine.log_store import LogStore
from asgi_tui.engine.preparation import Prepared, read_env_files
from asgi_tui.engine.process import Child
from asgi_tui.engine.project import version_tuple
from asgi_tui.engine.runtime import RunFile, RuntimeDirectory
from asgi_tui.engine.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every run of a session shares."""

    runtime: RuntimeDirectory
    guard: Guard
    token_path: str
    traces_per_second: int | None
    telemetry: Telemetry
    emit: Callable[[Event], None]
    # What the servers print goes there; None: each line is told as an event.
    logs: LogStore | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """The child of a run, what is told of it, and what finds the secrets it was given in its output."""

    child: Child
    starting: Starting
    secrets: re.Pattern[str] | None


def make_recipe(number: int, prepared: Prepared, bound: Bound, surroundings: Surroundings) -> Recipe:
    """Reads what the child is to be given and writes its run file; blocking. Raises ``Problem``."""
    plan, runtime = bound.plan, surroundings.runtime
    server = get_server(plan.server)
    # A variable that is set already counts more than the file's, as with uvicorn's --env-file.
    variables = read_env_files(plan) | os.environ | dict(plan.env)
    environment, inherited = server.environment(variables)
    files = tuple(name for name in server.reads_files if Path(plan.cwd, name).is_file())
    fd = bound.listener.fd if bound.listener is not None else None
    arguments, conf = _arguments(server, prepared, plan, fd, runtime, files)
    named = {value for name, value in variables.items() if is_secret_name(name)}
    run_file = RunFile(
        generation=number,
        module=plan.target.module,
        attribute=plan.target.attribute,
        factory=plan.target.factory,
        app_dir=str(Path(plan.cwd, plan.text("app_dir"))) if "app_dir" in plan.options else "",
        telemetry=str(runtime.telemetry_socket),
        token_path=surroundings.token_path,
        traces_per_second=surroundings.traces_per_second,
        gunicorn_conf=conf,
    )
    environment["ASGI_TUI_RUN"] = str(runtime.write_run(run_file))
    # Without it a server's output stays in its buffers when it goes to a pipe.
    environment["PYTHONUNBUFFERED"] = "1"
    # The pipe is read as UTF-8, whatever the locale.
    environment["PYTHONIOENCODING"] = "utf-8:backslashreplace"
    child = Child(
        prepared.interpreter.executable,
        runtime.launcher,
        server.module,
        arguments,
        environment,
        plan.cwd,
        () if fd is None else (fd,),
        fd if server.adopts_in_child else None,
    )
    notes = tuple(f"{name} is read, less what the console decides" for name in files)
    starting = _starting(server, prepared, bound, child, inherited + notes)
    # One of several lines, such as a private key, is looked for line by line, as the output is read.
    secrets = {line.strip() for secret in named | secrets_in(arguments) for line in secret.splitlines()}
    return Recipe(child, starting, hiding({form for secret in secrets for form in forms(secret)}))


def _arguments(
    server: Server,
    prepared: Prepared,
    plan: LaunchPlan,
    fd: int | None,
    runtime: RuntimeDirectory,
    files: tuple[str, ...],
) -> tuple[list[str], str]:
    """The server's arguments, and gunicorn's configuration file where there is one."""
    version = version_tuple(prepared.version)
    if not isinstance(server, Gunicorn):
        return server.run_arguments(plan, fd, version), ""
    conf, plan = server.split_config(plan)
    if not conf and files:
        conf = str(Path(plan.cwd, files[0]))
    return ["-c", str(runtime.gunicorn_conf), *server.run_arguments(plan, fd, version)], conf


def _starting(
    server: Server, prepared: Prepared, bound: Bound, child: Child, inherited: tuple[str, ...]
) -> Starting:
    launcher = shlex.join([str(child.python), str(child.launcher)])
    notes = [f"{server.name} is a legacy pattern: {server.deprecated}"] if server.deprecated else []
    return Starting(
        time.time(),
        server.name,
        prepared.version,
        str(server.command(prepared.plan)),
        target=str(prepared.plan.target),
        python=str(child.python),
        ran=f"{launcher} → {shlex.join([server.module, *mask_arguments(child.arguments)])}",
        bind=bound.reason,
        inherited=inherited,
        notes=tuple(notes),
    )
