"""What is known of a project before anything of it runs: interpreter, servers, apps."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers import SERVERS
from asgi_tui.domain.servers.base import Server
from asgi_tui.domain.target import Target
from asgi_tui.engine.app_source import parse, read_source
from asgi_tui.engine.discovery import Candidate, apps_in_file, discover, module_of
from asgi_tui.engine.interpreters import Interpreter, find_interpreter, installed_versions
from asgi_tui.engine.there import exists, is_directory, is_file

DEMO_DIRECTORY = Path(__file__).parent.parent / "demo"
DEMO_TARGET = Target(module="asgi_demo", attribute="app")


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """A server as the app's interpreter has it; ``missing`` are the distributions to install."""

    name: str
    installed: bool
    version: str | None
    python: str
    capabilities: tuple[str, ...]
    missing: tuple[str, ...]
    deprecated: str


@dataclass(frozen=True, slots=True)
class Project:
    """A directory with its interpreter, the servers in it and the apps found, best first."""

    cwd: Path
    interpreter: Interpreter
    servers: tuple[ServerInfo, ...]
    candidates: tuple[Candidate, ...]

    def server(self, name: str) -> ServerInfo:
        """One server's state."""
        return next(info for info in self.servers if info.name == name)


def list_servers(interpreter: Interpreter) -> tuple[ServerInfo, ...]:
    """Every server with its version in ``interpreter``, read from its ``dist-info``; blocking."""
    wanted = {name for server in SERVERS.values() for name in server.requires}
    versions = installed_versions(interpreter, wanted)
    return tuple(_server_info(server, interpreter, versions) for server in SERVERS.values())


def _server_info(server: Server, interpreter: Interpreter, versions: Mapping[str, str | None]) -> ServerInfo:
    missing = tuple(name for name in server.requires if versions.get(name) is None)
    version = versions.get(server.requires[0])
    if version and version_tuple(version) < server.minimum:
        minimum = ".".join(map(str, server.minimum))
        missing = (f"{server.requires[0]}>={minimum}", *missing)
    return ServerInfo(
        server.name,
        not missing,
        version,
        str(interpreter.executable),
        server.capabilities,
        missing,
        server.deprecated,
    )


def version_tuple(version: str) -> tuple[int, ...]:
    """The leading numbers of a version: ``27.0.1rc1`` is (27, 0, 1)."""
    numbers = []
    for part in version.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
        if digits != part:
            break
    return tuple(numbers)


def load_project(cwd: Path, python: str | None, environ: Mapping[str, str]) -> Project:
    """Looks at a project without running anything of it; blocking. Raises ``Problem``."""
    cwd = Path(os.path.abspath(cwd))  # noqa: PTH100 - resolve() would follow the links the user chose
    interpreter = find_interpreter(cwd, python, environ)
    return Project(cwd, interpreter, list_servers(interpreter), tuple(discover(cwd)))


def require_server(servers: Iterable[ServerInfo], name: str) -> ServerInfo:
    """The server, installed. Raises ``Problem`` that says how to install what is missing."""
    info = next(info for info in servers if info.name == name)
    if info.missing and not _is_python(info.python):
        raise Problem(f"Interpreter {info.python}", "it is no Python", "name one with --python", usage=True)
    if info.missing:
        names = " ".join(f"'{item}'" if ">" in item else item for item in info.missing)
        raise Problem(
            f"Server {name}",
            f"{' and '.join(info.missing)} is not installed in {info.python}",
            f"run {info.python} -m pip install {names}",
            usage=False,
        )
    return info


def _is_python(executable: str) -> bool:
    return any(word in Path(executable).name.lower() for word in ("python", "pypy"))


def resolve_target(plan: LaunchPlan) -> LaunchPlan:
    """The plan with its target as ``module:attribute``, read from the source; blocking.

    A file becomes its module and the directory it is imported from; a missing attribute is the best
    one found in the source. Raises ``Problem`` where the file is missing or holds no app.
    """
    target, options = plan.target, dict(plan.options)
    base = Path(plan.cwd, plan.text("app_dir"))
    if target.path:
        path = Path(plan.cwd, target.path)
        if not is_file(path):
            raise Problem(f"Target {target}", f"there is no file {target.path}", "check the path")
        module, directory = module_of(path)
        if directory != Path(plan.cwd):
            options["app_dir"] = _relative(directory, Path(plan.cwd))
        target = replace(target, module=module, path="")
    else:
        path = _module_file(base, target.module)
    if not target.attribute:
        found = apps_in_file(path, target.module) if is_file(path) else []
        if not found and is_file(path) and not _parses(path):
            # Only the app's own interpreter can say what is wrong with it, and where.
            return replace(plan, target=target.with_attribute("app")).with_options(options)
        if not found and not exists(path):
            why = f"there is no module {target.module} here"
            raise Problem(f"Target {plan.target}", why, "check the name or set app_dir")
        if not found:
            raise Problem(
                f"Target {plan.target}", "no app was found in it", f"name it, as in {target.module}:app"
            )
        target = target.with_attribute(found[0].target.partition(":")[2], factory=found[0].factory)
    if plan.flag("factory"):
        target = replace(target, factory=True)
    elif target.factory:
        options["factory"] = True
    return replace(plan, target=target).with_options(options)


def _parses(path: Path) -> bool:
    source = read_source(path)
    return source is not None and parse(source) is not None


def _module_file(base: Path, module: str) -> Path:
    path = base.joinpath(*module.split("."))
    return path / "__init__.py" if is_directory(path) else path.with_suffix(".py")


def _relative(path: Path, base: Path) -> str:
    try:
        return path.relative_to(base).as_posix()
    except ValueError:
        return str(path)


def demo_plan(server: str, cwd: Path) -> LaunchPlan:
    """A plan for the bundled demo app."""
    return LaunchPlan(DEMO_TARGET, server, str(cwd)).with_options({"app_dir": str(DEMO_DIRECTORY)})


def candidate_plan(candidate: Candidate, server: str, cwd: Path) -> LaunchPlan:
    """A plan for an app that discovery found."""
    options: dict[str, str | bool] = {}
    if candidate.app_dir:
        options["app_dir"] = candidate.app_dir
    if candidate.factory:
        options["factory"] = True
    target = Target.parse(candidate.target, factory=candidate.factory)
    return LaunchPlan(target, server, str(cwd)).with_options(options)
