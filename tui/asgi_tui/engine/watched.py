"""What of a plan, and of what its run has imported, is worth watching."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from asgi_tui.domain.command_line import parse_command
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers import get_server
from asgi_tui.engine.environment import app_environment
from asgi_tui.engine.root import project_root

# Options of all servers that name a file the server reads when it starts; what it writes must not count.
_READ_NAMES = """
    config log_config log_config_json env_file env_files tls_cert tls_key certfile keyfile ca_certs
    ssl_certfile ssl_keyfile ssl_ca_certs ssl_certificate ssl_ca ssl_crl
"""
_READ_OPTIONS = frozenset(_READ_NAMES.split())


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be watched: all paths are absolute and resolved.

    ``paths`` are listened to; in those ``named`` by the user each suffix counts. A change of one of the
    ``settings`` (file and what it is) needs a cold start, as does one of the packages in ``libraries``.
    ``include`` and ``exclude`` are the user's globs, relative to ``project``. ``pycache`` is where Python
    keeps bytecode, empty for beside the source.
    """

    project: Path
    paths: tuple[Path, ...] = ()
    named: tuple[Path, ...] = ()
    settings: tuple[tuple[Path, str], ...] = ()
    libraries: tuple[Path, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    pycache: str = ""

    def files(self) -> frozenset[Path]:
        """The single files that count, wherever they lie."""
        # A path without a suffix that is not there yet is taken for a directory.
        files = {path for path in self.named if path.is_file() or (path.suffix and not path.is_dir())}
        return frozenset(files | {path for path, _ in self.settings})

    def shown(self, path: Path) -> str:
        """A path as events name it: relative to the project where it lies in it."""
        return (path.relative_to(self.project) if path.is_relative_to(self.project) else path).as_posix()

    def cold(self, path: Path) -> str:
        """Why a change of this path needs a start with nothing imported in advance, else empty."""
        for settings, what in self.settings:
            if settings == path:
                return f"{self.shown(path)} is {what}"
        if path.name == ".env" or path.name.startswith(".env."):
            return f"{self.shown(path)} is an environment file"
        if path.parent in self.libraries:
            return f"{path.name} is installed in the environment"
        if any(path.is_relative_to(library) for library in self.libraries) or (
            {"site-packages", "dist-packages"} & set(path.parts)
        ):
            return f"{path.name} lies among the installed packages"
        return ""


def watched(
    plan: LaunchPlan, roots: tuple[str, ...], libraries: tuple[str, ...], excluded: tuple[str, ...] = ()
) -> Wanted:
    """What a plan and a run make worth watching; blocking.

    Listened to are the project root, the user's own paths, and user modules in ``roots`` that lie elsewhere.
    ``excluded`` are globs that the user added since the start.
    """
    named = tuple(Path(plan.cwd, path).resolve() for path in plan.watch)
    others = [Path(plan.cwd, plan.text("app_dir")), *(Path(directory) for directory in roots)]
    project = project_root(Path(plan.cwd)).resolve()
    paths = [project]
    for path in (*named, *(other.resolve() for other in others)):
        if path.exists() and not any(path.is_relative_to(known) for known in paths):
            paths.append(path)
    return Wanted(
        project,
        tuple(paths),
        named,
        tuple(_settings(plan)),
        tuple(dict.fromkeys(Path(library).resolve() for library in libraries)),
        plan.reloading.include,
        (*plan.reloading.exclude, *excluded),
        _pycache(plan),
    )


def _settings(plan: LaunchPlan) -> Iterator[tuple[Path, str]]:
    for name in plan.env_files:
        yield Path(plan.cwd, name).resolve(), "an environment file"
    server = get_server(plan.server)
    texts = {key: _texts(value) for key, value in plan.options.items()}
    with suppress(Problem):
        texts |= {
            key: (text,)
            for key, text in parse_command(shlex.join([server.module, *plan.native])).texts.items()
        }
    names = [name for key in _READ_OPTIONS & texts.keys() for name in texts[key]]
    if "config" not in texts:
        names += server.reads_files
    for name in sorted(set(names)):
        if not name.startswith("python:"):
            yield (
                Path(plan.cwd, name.removeprefix("file:")).resolve(),
                f"what {server.title} reads at its start",
            )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, tuple) else (str(value),)


def _pycache(plan: LaunchPlan) -> str:
    with suppress(Problem):
        for variable in app_environment(plan, os.environ):
            if variable.name == "PYTHONPYCACHEPREFIX" and variable.value:
                return str(Path(plan.cwd, variable.value))
    return ""
