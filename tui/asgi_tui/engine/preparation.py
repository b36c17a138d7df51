"""A launch plan made ready to run: all that can be checked before a process starts."""

from __future__ import annotations

import logging
import os
import re
import ssl
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers import get_server
from asgi_tui.engine.interpreters import Interpreter, find_interpreter
from asgi_tui.engine.project import list_servers, require_server, resolve_target, version_tuple
from asgi_tui.engine.there import exists, is_directory, is_file


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
    if resolved.tls:
        _require_key_pair(resolved)
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
    # A missing file has no variables as far as python-dotenv is concerned, and a pipe would block.
    _require(f"Environment file {file}", cwd, file, "file")
    # It logs each line that it cannot read; those are the user's, and the log is no place for them.
    logging.getLogger("dotenv.main").setLevel(logging.CRITICAL)
    try:
        values = dotenv_values(_expanded(cwd, file))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise Problem(f"Environment file {file}", str(why), "mend it or leave it out") from None
    for name, value in values.items():
        if value is None or "\0" in name + value:
            why = f"{name} has no value" if value is None else f"the value of {name} holds a NUL"
            raise Problem(f"Environment file {file}", why, "write it as NAME=value")
    return {name: value for name, value in values.items() if value is not None}


def _require_files(plan: LaunchPlan) -> None:
    for path in plan.watch:
        if not exists(Path(plan.cwd, path)):
            raise Problem(f"Watched path {path}", "there is no such file or directory", "check the path")
    server = get_server(plan.server)
    for key, value in plan.options.items():
        spec = server.spec(key)
        if spec is None or not spec.paths:
            continue
        # gunicorn reads the others from where it changes to.
        base = Path(plan.cwd, "" if key in ("app_dir", "chdir") else plan.text("chdir"))
        for name in value if isinstance(value, tuple) else (str(value),):
            # hypercorn: json:FILE
            if not re.match("[a-z]+:", name):
                _require(f"Option {key} {name}", base, name, spec.paths)


def _require_key_pair(plan: LaunchPlan) -> None:
    """Some servers go on without, or blame the app."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # How strong they must be is the server's business.
    context.set_ciphers("ALL:@SECLEVEL=0")
    try:
        _load_key_pair(context, plan)
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or "it cannot be read"
        why = f"it makes no pair with tls_key {plan.text('tls_key')} ({reason})"
        mend = "name PEM files, and tls_key_password where the key has one"
        raise Problem(f"Option tls_cert {plan.text('tls_cert')}", why, mend) from None


def _load_key_pair(context: ssl.SSLContext, plan: LaunchPlan) -> None:
    base = Path(plan.cwd, plan.text("chdir"))
    certificate, key = _expanded(base, plan.text("tls_cert")), _expanded(base, plan.text("tls_key"))
    # Without a password one would be asked for on the terminal.
    context.load_cert_chain(certificate, key, plan.text("tls_key_password", "-"))


def tls_context(plan: LaunchPlan) -> ssl.SSLContext:
    """What the plan's server shows its clients; blocking. Raises ``OSError`` or ``ValueError``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _load_key_pair(context, plan)
    return context


def _require(what: str, base: Path, name: str, kind: str) -> None:
    path = _expanded(base, name)
    if not (is_file(path) if kind == "file" else is_directory(path)):
        raise Problem(what, f"there is no such {kind}", "check the path")


def _expanded(base: Path, name: str) -> Path:
    return base / os.path.expanduser(name)  # noqa: PTH111 - it never raises
