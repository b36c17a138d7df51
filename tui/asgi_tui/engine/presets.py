"""Named presets: launch plans kept in the project's pyproject.toml or in the user's own file."""

from __future__ import annotations

import difflib
import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.names import BAD_NAME, is_name
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.preset import from_table, to_table
from asgi_tui.domain.servers import get_server
from asgi_tui.domain.text import sanitize
from asgi_tui.domain.values import Kind, Value
from asgi_tui.engine.root import up_to_root
from asgi_tui.engine.there import exists, is_directory
from asgi_tui.engine.toml_text import Keys, read_toml, table_at, with_table
from asgi_tui.engine.user_files import config_directory, read_text, write_private

Where: TypeAlias = Literal["project", "user"]

_PROJECT_FILE = "pyproject.toml"
_PROJECT_KEYS = ("tool", "asgi-tui", "presets")
_MAX_BYTES = 1_000_000
# How often a file that others write at the same moment is tried.
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Preset:
    """One preset: its plan, or the problem that it has none."""

    name: str
    where: Where
    plan: LaunchPlan | None = None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class PresetList:
    """The presets, the project's first, and a problem for each file that cannot be read."""

    presets: tuple[Preset, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class _Store:
    """A file with presets, each a table below ``keys``."""

    where: Where
    path: Path
    keys: Keys
    # Where a preset runs.
    cwd: Path

    @property
    def title(self) -> str:
        return f"Presets file {self.path}"


def list_presets(cwd: str) -> PresetList:
    """Every preset for a directory; blocking.

    Nothing is run or started. A broken file or preset is told as a problem, and the rest is still there.
    """
    presets: list[Preset] = []
    problems: list[Problem] = []
    for store in _stores(cwd):
        try:
            presets += [_read(store, name, table) for name, table in _tables(store).items()]
        except Problem as problem:
            problems.append(problem)
    return PresetList(tuple(presets), tuple(problems))


def load_preset(name: str, cwd: str) -> LaunchPlan:
    """The plan of a preset, the project's before the user's; blocking. Raises ``Problem``."""
    found = list_presets(cwd)
    for preset in found.presets:
        if preset.name == name and preset.plan is not None:
            return preset.plan
        if preset.name == name and preset.problem is not None:
            raise preset.problem
    # It may be in the file that cannot be read.
    for problem in found.problems:
        raise problem
    names = list(dict.fromkeys(preset.name for preset in found.presets))
    near = difflib.get_close_matches(name, names, 3, 0.5) or names[:10]
    mend = f"use {', '.join(map(sanitize, near))}" if near else "save one first"
    raise Problem(f"Preset {sanitize(name)}", "there is none of that name", mend)


def save_preset(plan: LaunchPlan, name: str, where: Where, cwd: str) -> tuple[str, ...]:
    """Writes a preset; blocking. Gives the names of what was left out of it (``to_table``).

    All else of the file stays as it is. Raises ``Problem``.
    """
    if not is_name(name):
        raise Problem(f"Preset {name!r}", *BAD_NAME)
    store = _store(where, cwd)
    if where == "project":
        plan = _relative(plan, store.cwd)
    table, left_out = to_table(plan)
    from_table(name, table, plan.cwd)
    directory = os.path.relpath(os.path.realpath(plan.cwd), os.path.realpath(store.cwd))
    if where == "project" and directory != os.curdir:
        if Path(directory).parts[0] == os.pardir:
            raise Problem(f"Preset {name}", f"{plan.cwd} is outside of the project", "save it as the user's")
        table = {"target": table.pop("target"), "cwd": directory, **table}
    _write(store, name, table)
    return left_out


def delete_preset(name: str, where: Where, cwd: str) -> None:
    """Takes a preset out of its file; blocking. Raises ``Problem``, also where there is none."""
    store = _store(where, cwd)
    if name not in _tables(store):
        raise Problem(f"Preset {sanitize(name)}", f"there is none in {store.path}", "check the name")
    _write(store, name, None)


# -- the files -----------------------------------------------------------------------------------------


def _stores(cwd: str) -> list[_Store]:
    directory = Path(os.path.abspath(cwd))  # noqa: PTH100 - resolve() would leave the directory's own path
    user = _Store("user", config_directory() / "presets.toml", (), directory)
    root = up_to_root(directory)[-1]
    if not exists(root / _PROJECT_FILE):
        return [user]
    return [_Store("project", root / _PROJECT_FILE, _PROJECT_KEYS, root), user]


def _store(where: Where, cwd: str) -> _Store:
    for store in _stores(cwd):
        if store.where == where:
            return store
    raise Problem(
        f"Project {cwd}", f"it has no {_PROJECT_FILE}", "make one, or save the preset as the user's"
    )


def _text(store: _Store) -> str:
    text = read_text(store.path, _MAX_BYTES)
    if text is not None:
        return text
    if not os.path.lexists(store.path):
        return ""
    why = "it is no UTF-8 text of at most 1 MB that can be read"
    raise Problem(store.title, why, "mend or move it")


def _tables(store: _Store) -> dict[str, object]:
    try:
        found = table_at(read_toml(_text(store)), store.keys)
    except ValueError as error:
        raise Problem(store.title, sanitize(str(error)), "mend it there") from None
    if not isinstance(found, dict):
        raise Problem(store.title, f"{'.'.join(store.keys)} is no table", "make it one")
    return found


def _read(store: _Store, name: str, table: object) -> Preset:
    try:
        if not is_name(name):
            raise Problem(f"Preset {name[:40]!r} in {store.path}", *BAD_NAME)
        if not isinstance(table, dict):
            raise Problem(f"Preset {name} in {store.path}", "it is no table", f"write [{name}] and its keys")
        cwd = store.cwd
        if store.where == "project" and "cwd" in table:
            cwd = _inside(store, name, table["cwd"])
            table = {key: value for key, value in table.items() if key != "cwd"}
        return Preset(name, store.where, from_table(f"{name} in {store.path}", table, str(cwd)))
    except Problem as problem:
        return Preset(name, store.where, problem=problem)


def _inside(store: _Store, name: str, directory: object) -> Path:
    """The directory that a preset of the project names; none outside of the project."""
    if isinstance(directory, str) and "\0" not in directory and not Path(directory).is_absolute():
        path = store.cwd / directory
        if os.pardir not in path.parts and is_directory(path):
            return path
    mend = "write a path from there, without .."
    raise Problem(f"Preset {name} in {store.path}, cwd", "it is no directory below the file's own", mend)


def _relative(plan: LaunchPlan, root: Path) -> LaunchPlan:
    """The plan with what lies in the project named from where it runs: others have the project elsewhere."""
    cwd = os.path.abspath(plan.cwd)  # noqa: PTH100 - as above

    def from_cwd(path: str) -> str:
        return os.path.relpath(path, cwd) if Path(path).is_relative_to(root) else path

    server = get_server(plan.server)
    options: dict[str, Value] = {}
    for key, value in plan.options.items():
        spec = server.spec(key)
        if spec is None or spec.kind is not Kind.PATH:
            options[key] = value
        else:
            options[key] = tuple(map(from_cwd, value)) if isinstance(value, tuple) else from_cwd(str(value))
    relative = replace(
        plan,
        target=replace(plan.target, path=from_cwd(plan.target.path)),
        cwd=cwd,
        python=from_cwd(plan.python) if plan.python is not None else None,
        env_files=tuple(map(from_cwd, plan.env_files)),
        watch=tuple(map(from_cwd, plan.watch)),
    )
    return relative.with_options(options)


def _write(store: _Store, name: str, table: Mapping[str, object] | None) -> None:
    for _ in range(_TRIES):
        text = _text(store)
        try:
            new = with_table(text, (*store.keys, name), table)
            new.encode()
        except UnicodeEncodeError:
            raise Problem(f"Preset {name}", "a text in it is not valid Unicode", "mend the text") from None
        except ValueError as error:
            raise Problem(store.title, sanitize(str(error)), "mend it there first") from None
        except Problem as problem:
            raise Problem(f"{store.title}, {problem.what}", problem.why, problem.mend) from None
        _require_writable(store)
        # An editor may have saved it in between.
        if _text(store) == text:
            if store.where == "user":
                write_private(store.path, new)
            else:
                _replace(store, new)
            return
    raise Problem(store.title, "it is being changed all the time", "try again")


def _require_writable(store: _Store) -> None:
    try:
        mode = store.path.stat().st_mode
    except OSError:
        return
    # For root, access() allows what the owner did not want.
    if not mode & 0o222 or not os.access(store.path, os.W_OK):
        raise Problem(store.title, "it is read-only", "make it writable, or save the preset elsewhere")


def _replace(store: _Store, text: str) -> None:
    """In one step, and with the file's own permissions; a link stays one."""
    try:
        path = store.path.resolve(strict=True)
        mode = stat.S_IMODE(path.stat().st_mode)
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text.encode())
            temporary.chmod(mode)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        mend = "check the directory's permissions and the free space"
        raise Problem(store.title, f"it cannot be written: {error.strerror}", mend, usage=False) from None
