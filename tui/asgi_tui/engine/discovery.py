"""Finds ASGI apps in a directory by parsing source: nothing is imported and nothing is run.

A file is first searched for telling words, so that most are never parsed; ``app_source`` reads the others.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from asgi_tui.engine.app_source import FRAMEWORKS, TELLING, Modules, flat, parse, read_source

MAX_FILES = 2_000  # Python files looked at
MAX_ENTRIES = 50_000  # directory entries looked at: a folder of data must not stall the console
MAX_DEPTH = 6  # folders below the root

_MADE = {"__pycache__", "__pypackages__", "build", "dist", "htmlcov", "node_modules", "site-packages"}
_SKIPPED = _MADE | {"test", "tests", "venv", "virtualenv"}
_TEST_FILE = re.compile(r"test_.*\.py|.*_tests?\.py|conftest\.py|setup\.py|noxfile\.py")
_SIDELINES = frozenset(
    {"benchmark", "benchmarks", "docs", "example", "examples", "samples", "scripts", "tools"}
)
_MARKERS = ("manage.py", "pyproject.toml", "setup.py", "setup.cfg")  # of a project's own folder
_STEMS = {"main": 0, "app": 1, "asgi": 2, "api": 3, "server": 4, "application": 5, "__init__": 6}
_ATTRS = {"app": 0, "application": 1, "asgi": 2, "api": 3}
_OTHER = 9  # the rank of an unusual name
_FACTORY = re.compile(r"(create|make|get|build|init)_?(asgi_?)?(app|application)|app_?factory")
_SETTINGS = re.compile(rb"""DJANGO_SETTINGS_MODULE["']\s*[,\]]\s*=?\s*["']([\w.]+)["']""")


@dataclass(frozen=True, slots=True)
class Candidate:
    """An app that a server could load.

    ``target`` is ``module:attr`` relative to ``app_dir``, which is "" for the directory searched itself, else
    a relative posix path; ``why`` is a short phrase for a person.
    """

    target: str
    framework: str
    factory: bool
    why: str
    app_dir: str


_Rank = tuple[bool, int, bool, bool, int, int, int, str]
_Ranked = tuple[_Rank, Candidate]


def discover(root: Path, *, limit: int = 50) -> list[Candidate]:
    """The ASGI apps below ``root``, the likeliest first, at most ``limit``; unreadable files are skipped."""
    root = _absolute(root)
    modules = Modules()
    ranked: list[_Ranked] = []
    settings: list[tuple[Path, str]] = []
    for path in _python_files(root):
        source = read_source(path)
        if source is None or not (path.stem in _STEMS or TELLING.search(source)):
            continue
        if path.name == "manage.py":
            settings += [(path.parent, found.decode()) for found in _SETTINGS.findall(source)]
        elif (tree := parse(source)) is not None:
            # a name imported from elsewhere is offered again only where people look for it
            again = path.stem in _STEMS and path.stem != "__init__"
            with suppress(RecursionError):  # an expression nested too deep
                module, base = _place(path, root, tree)
                ranked += _apps(modules, path, tree, module, base, root, again)
    for folder, name in settings:
        found = _django(folder, name, root)
        # where parsing saw it as well, the line it is on says more
        if found and not any((f.target, f.app_dir) == (found.target, found.app_dir) for _, f in ranked):
            ranked.append((_rank(Path(found.app_dir, "asgi.py"), "application", False, False), found))
    return _best(ranked)[:limit]


def apps_in_file(path: Path, module: str) -> list[Candidate]:
    """The apps in one file, also those it imports from its own project, the likeliest first.

    ``module`` is its dotted name, as ``module_of`` gives it; an unreadable file has no apps.
    """
    path = _absolute(path)
    source = read_source(path)
    tree = parse(source) if source is not None else None
    if tree is None:
        return []
    above = len(module.split(".")) - (path.stem != "__init__")
    found: list[_Ranked] = []
    with suppress(RecursionError):
        found = _apps(Modules(), path, tree, module, path.parents[above], path.parent, True)
    return _best((rank, replace(candidate, app_dir="")) for rank, candidate in found)


def module_of(path: Path) -> tuple[str, Path]:
    """The dotted module name of a .py file and the directory that must be on ``sys.path`` for it."""
    path = _absolute(path)
    folder = path.parent
    while folder.parent != folder and (folder / "__init__.py").is_file():
        folder = folder.parent
    return _dotted(path, folder), folder


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - links keep the names the user knows


def _dotted(path: Path, base: Path) -> str:
    parts = path.relative_to(base).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def _relative(base: Path, root: Path) -> str:
    return "" if base == root else Path(os.path.relpath(base, root)).as_posix()


def _python_files(root: Path) -> Iterator[Path]:
    """Python files, the shallow ones first. Linked folders are not entered, so loops cannot happen."""
    folders, files, entries = deque([(root, 0)]), 0, 0
    while folders:
        folder, depth = folders.popleft()
        try:
            with os.scandir(folder) as scan:
                listing = [entry for entry, _ in zip(scan, range(MAX_ENTRIES - entries), strict=False)]
        except OSError:
            continue
        entries += len(listing)
        if depth and any(entry.name in ("pyvenv.cfg", "conda-meta") for entry in listing):
            continue
        for entry in sorted(listing, key=lambda entry: entry.name):
            if entry.name.startswith("."):
                continue
            if entry.name.endswith(".py") and not _TEST_FILE.fullmatch(entry.name) and entry.is_file():
                if files == MAX_FILES:
                    return
                files += 1
                yield Path(entry.path)
            elif depth < MAX_DEPTH and entry.name not in _SKIPPED and entry.is_dir(follow_symlinks=False):
                folders.append((Path(entry.path), depth + 1))


def _place(path: Path, root: Path, tree: ast.Module) -> tuple[str, Path]:
    """The module name and its directory on ``sys.path``, also where folders lack ``__init__.py``."""
    imports, level = set[tuple[str, ...]](), 0
    for statement, _ in flat(tree.body):
        if isinstance(statement, ast.ImportFrom):
            level = max(level, statement.level)
            if not statement.level:
                imports |= {(*(statement.module or "").split("."), alias.name) for alias in statement.names}
        elif isinstance(statement, ast.Import):
            imports |= {tuple(alias.name.split(".")) for alias in statement.names}
    # a project inside a repository of several is a root of its own
    home = next((f for f in path.parents if f == root or any((f / m).is_file() for m in _MARKERS)), root)
    folder = path.parent
    while folder != home and (folder / "__init__.py").is_file():
        folder = folder.parent
    named = (
        f.parent
        for f in _up_to(folder, root)
        for name in imports
        if name[0] == f.name and len(name) > 1 and _is_module(f / name[1])
    )
    if above := next(named, None):
        folder = above  # `from app.db import x` in app/main.py: run from the folder that holds app
    elif folder == path.parent and not any(_is_module(folder / name[0]) for name in imports):
        # either works: prefer the plainer command, unless the folder's name could not be a package's
        folder = next(f for f in _up_to(folder, home) if f == home or not _is_package_name(f.name))
    # `from ..x import y` needs as many packages above; the folder searched may itself be one
    while level and level >= len(path.relative_to(folder).parts) and folder.parent != folder:
        folder = folder.parent
    return _dotted(path, folder), folder


def _up_to(folder: Path, top: Path) -> Iterator[Path]:
    yield folder
    while folder != top:
        folder = folder.parent
        yield folder


def _is_module(path: Path) -> bool:
    return path.is_dir() or path.with_name(f"{path.name}.py").is_file()


def _is_package_name(name: str) -> bool:
    """False also for a folder that a library of that name would hide, as ``fastapi/`` among examples."""
    taken = name == "src" or name in FRAMEWORKS or name in sys.stdlib_module_names
    return name.isidentifier() and not taken


def _apps(
    modules: Modules, path: Path, tree: ast.Module, module: str, base: Path, root: Path, again: bool
) -> list[_Ranked]:
    """The apps and factories among a module's names; those it imports only where ``again`` says so."""
    where, app_dir, found = path.relative_to(root), _relative(base, root), []
    for name, line, value, origin in modules.read(path, module, base, tree).apps(again):
        how = f"imports {name} from {origin.rpartition('.')[0]}" if origin else value.how
        factory, why = value.kind == "factory", f"{where.as_posix()}:{line} {how}"
        candidate = Candidate(f"{module}:{name}", value.framework, factory, why, app_dir)
        found.append((_rank(where, name, factory, bool(origin)), candidate))
    return found


def _rank(where: Path, name: str, factory: bool, imported: bool) -> _Rank:
    stem = _STEMS.get(where.stem, _OTHER)
    attr = 0 if factory and _FACTORY.fullmatch(name) else _ATTRS.get(name, _OTHER)
    unusual = (stem == _OTHER) + (attr == _OTHER)
    sideline = any(part in _SIDELINES for part in where.parts[:-1])
    depth = len([part for part in where.parts[:-1] if part != "src"])
    return sideline, unusual, factory, imported, depth, stem, attr, f"{where.as_posix()}:{name}"


def _best(ranked: Iterable[_Ranked]) -> list[Candidate]:
    return [candidate for _, candidate in sorted(ranked, key=lambda pair: pair[0])]


def _django(folder: Path, settings: str, root: Path) -> Candidate | None:
    """The app of a Django project: the ``asgi`` module beside the settings that ``manage.py`` names."""
    packages = settings.split(".")[:-1]
    while packages:
        path = folder.joinpath(*packages, "asgi.py")
        if b"application" in (read_source(path) or b""):
            target = f"{'.'.join(packages)}.asgi:application"
            why = f"{(folder / 'manage.py').relative_to(root).as_posix()} names {settings}"
            return Candidate(target, "Django", False, why, _relative(folder, root))
        packages.pop()
    return None
