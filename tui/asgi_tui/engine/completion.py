"""Completing a target as it is typed, from file names and source: nothing is imported."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from asgi_tui.engine.app_source import flat, parse, read_source
from asgi_tui.engine.discovery import apps_in_file
from asgi_tui.engine.there import is_file

MAX_ENTRIES = 2_000  # directory entries looked at for one completion
MAX_FOUND = 50


def complete_target(base: Path, text: str) -> list[str]:
    """Targets that begin with ``text``, the likeliest first, at most ``MAX_FOUND``; blocking.

    ``base`` is the directory that modules are imported from. Before the colon: modules, packages and .py
    files; after it: the apps of that module, then its other names.
    """
    where, colon, attribute = text.partition(":")
    if colon:
        path = base / where if where.endswith(".py") else _module_file(base, where)
        names = _names(path, where) if path is not None else []
        found = [f"{where}:{name}" for name in names if name.startswith(attribute)]
    elif "/" in where or where.startswith("."):
        found = list(_files(base, where))
    else:
        found = list(_modules(base, where))
    return [target for target in found if target != text][:MAX_FOUND]


def _module_file(base: Path, module: str) -> Path | None:
    path = base.joinpath(*module.split("."))
    candidates = (path / "__init__.py", path.parent / f"{path.name}.py")
    return next((candidate for candidate in candidates if is_file(candidate)), None)


def _names(path: Path, module: str) -> list[str]:
    """The apps first, then what else the module assigns, defines or imports."""
    apps = [candidate.target.partition(":")[2] for candidate in apps_in_file(path, module)]
    source = read_source(path)
    tree = parse(source) if source is not None else None
    others: list[str] = []
    with suppress(RecursionError):
        others = [name for name in _assigned(tree) if not name.startswith("_")] if tree else []
    return list(dict.fromkeys([*apps, *others]))


def _assigned(tree: ast.Module) -> Iterator[str]:
    for node, _ in flat(tree.body):
        match node:
            case ast.Assign(targets=targets):
                yield from (target.id for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.ImportFrom(names=names):
                yield from (alias.asname or alias.name for alias in names if alias.name != "*")


def _modules(base: Path, text: str) -> Iterator[str]:
    """Modules and packages in the directory that the part before the last dot names."""
    package, dot, beginning = text.rpartition(".")
    directory = base.joinpath(*package.split(".")) if dot else base
    for entry in _entries(directory):
        name = entry.name.removesuffix(".py")
        if not name.startswith(beginning) or not name.isidentifier() or name.startswith("__"):
            continue
        if entry.name.endswith(".py") or _holds_python(Path(entry.path)):
            yield f"{package}.{name}" if dot else name


def _files(base: Path, text: str) -> Iterator[str]:
    directory, _, beginning = text.rpartition("/")
    for entry in _entries(base / directory):
        if not entry.name.startswith(beginning) or entry.name.startswith("."):
            continue
        if entry.name.endswith(".py"):
            yield f"{directory}/{entry.name}"
        elif entry.is_dir():
            yield f"{directory}/{entry.name}/"


def _holds_python(directory: Path) -> bool:
    return any(entry.name.endswith(".py") for entry in _entries(directory))


def _entries(directory: Path) -> list[os.DirEntry[str]]:
    """The first entries of a directory by name; none where it cannot be read."""
    found: list[os.DirEntry[str]] = []
    with suppress(OSError, ValueError), os.scandir(directory) as entries:
        for entry, _ in zip(entries, range(MAX_ENTRIES), strict=False):
            found.append(entry)
    return sorted(found, key=lambda entry: entry.name)
