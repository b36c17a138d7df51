"""Every Python that the app could run with, told from files alone: nothing of it is run."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path

from asgi_tui.domain.errors import Problem
from asgi_tui.engine.interpreters import (
    Interpreter,
    described,
    find_interpreter,
    listing,
    own_interpreter,
    python_in,
    read_text,
)
from asgi_tui.engine.root import up_to_root
from asgi_tui.engine.there import is_directory

MOST = 60
# Entries of one directory that are looked at: a hostile one may have any number.
_ENTRIES = 500
_PYTHON = re.compile(r"(?:python|pypy)3?(?:\.\d+t?)?")

# Where a Python may be, with what found it: a venv's or an installation's directory, or an executable.
_Place = tuple[Path, str]


def find_interpreters(
    cwd: Path, environ: Mapping[str, str], python: str | None = None
) -> tuple[Interpreter, ...]:
    """Every interpreter for the app in ``cwd``, at most ``MOST``; blocking.

    First what ``find_interpreter`` chooses, with ``python`` as there. Then the active environments, venvs in
    the project, what poetry, pdm and pipenv keep for it, pyenv's, uv's and conda's, those on PATH, and last
    the console's own. Each is there once. Those older than ``OLDEST`` and those whose version no file tells
    are left out; what is broken or cannot be read is passed over.
    """
    own = own_interpreter()
    found: dict[str, Interpreter] = {}
    with suppress(Problem):
        chosen = find_interpreter(cwd, python, environ)
        found[_identity(chosen)] = chosen
    most = MOST if _identity(own) in found else MOST - 1
    for path, why in _places(cwd, environ):
        if len(found) >= most:
            break
        # A link that leads in a circle, a name no path can have, a directory of somebody else.
        with suppress(Problem, OSError, ValueError, RuntimeError):
            executable = python_in(path) if path.is_dir() else path
            if executable is None or not os.access(executable, os.X_OK):
                continue
            interpreter = described(executable, why, environ)
            if interpreter.version is not None:
                found.setdefault(_identity(interpreter), interpreter)
    found.setdefault(_identity(own), own)
    return tuple(found.values())


def poetry_environments(root: Path, environ: Mapping[str, str]) -> list[Path]:
    """The virtual environments that poetry keeps for the project outside of it."""
    kept = _poetry_directory(environ)
    base = _poetry_name(root)
    return [kept / name for name in listing(kept) if base and name.startswith(f"{base}-py")]


def poetry_choice(root: Path, environ: Mapping[str, str]) -> Path | None:
    """The one of them that ``poetry env use`` chose."""
    kept = _poetry_directory(environ)
    base = _poetry_name(root)
    minor = _table(_parsed(kept / "envs.toml"), base).get("minor")
    return kept / f"{base}-py{minor}" if base and minor else None


def pdm_python(root: Path) -> Path | None:
    """The executable that pdm remembers for the project."""
    text = read_text(root / ".pdm-python").strip()
    return Path(text) if text.startswith("/") and text.isprintable() else None


def read_pyproject(root: Path) -> dict[str, object]:
    """The ``pyproject.toml`` of a directory; empty where there is none or it cannot be parsed."""
    return _parsed(root / "pyproject.toml")


def _parsed(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(read_text(path))
    except (ValueError, RecursionError):
        return {}


def _places(cwd: Path, environ: Mapping[str, str]) -> Iterator[_Place]:
    home = Path(environ.get("HOME") or "/nonexistent")
    folders = up_to_root(cwd)
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if environ.get(name):
            yield Path(environ[name]), f"${name}"
    for folder in folders:
        for path in _folders(folder):
            if read_text(path / "pyvenv.cfg"):
                yield path, path.name
    yield from ((path, "poetry") for path in poetry_environments(folders[-1], environ))
    for folder in folders:
        if executable := pdm_python(folder):
            yield executable, "pdm"
        yield from _pipenv(folder, home, environ)
    pyenv = Path(environ.get("PYENV_ROOT") or home / ".pyenv")
    yield from ((path, "pyenv") for path in _newest_first(_folders(pyenv / "versions")))
    data = Path(environ.get("XDG_DATA_HOME") or home / ".local/share")
    uv = Path(environ.get("UV_PYTHON_INSTALL_DIR") or data / "uv/python")
    yield from ((path, "uv") for path in _newest_first(_folders(uv)))
    yield from _conda(home, environ)
    yield from _on_path(environ)


def _pipenv(folder: Path, home: Path, environ: Mapping[str, str]) -> Iterator[_Place]:
    if "Pipfile" not in listing(folder):
        return
    kept = _expanded(environ.get("WORKON_HOME") or str(home / ".local/share/virtualenvs"))
    base = f"{_shell_safe(folder.name)}-{_path_hash(folder / 'Pipfile')}"
    # a Python chosen with $PIPENV_PYTHON is part of the name
    yield from ((kept / name, "pipenv") for name in listing(kept) if f"{name}-".startswith(f"{base}-"))


def _conda(home: Path, environ: Mapping[str, str]) -> Iterator[_Place]:
    prefixes = []
    if environ.get("CONDA_EXE"):
        root = Path(environ["CONDA_EXE"]).parent.parent
        prefixes = [root, *_folders(root / "envs")]
    lines = read_text(home / ".conda/environments.txt").splitlines()
    prefixes += [Path(line.strip()) for line in islice(lines, _ENTRIES) if line.startswith("/")]
    for prefix in prefixes:
        name = "base" if "condabin" in listing(prefix) else prefix.name
        yield prefix, f"conda env {name}"


def _on_path(environ: Mapping[str, str]) -> Iterator[_Place]:
    for text in dict.fromkeys(environ.get("PATH", os.defpath).split(os.pathsep)):
        directory = Path(text)
        # a shim is a script: what it stands for is among pyenv's versions
        if directory.is_absolute() and directory.name != "shims":
            names = [name for name in listing(directory) if _PYTHON.fullmatch(name)]
            yield from ((directory / name, "on PATH") for name in names)


def _folders(directory: Path) -> list[Path]:
    """The directories in a directory, by name; links to directories count."""
    try:
        with os.scandir(directory) as entries:
            paths = [entry.path for entry in islice(entries, _ENTRIES)]
    except OSError:
        return []
    return sorted(path for path in map(Path, paths) if is_directory(path))


def _newest_first(paths: Iterable[Path]) -> list[Path]:
    return sorted(
        paths, key=lambda path: [int(number) for number in re.findall(r"\d+", path.name)], reverse=True
    )


def _identity(interpreter: Interpreter) -> str:
    """What tells two apart: a venv by its directory, for its python is a link to the one it was made with."""
    return os.path.realpath(interpreter.prefix if interpreter.is_environment else interpreter.executable)


def _poetry_name(root: Path) -> str:
    """How poetry names a project's environments, less the Python (``EnvManager.generate_env_name``)."""
    project = read_pyproject(root)
    tables = [project.get("project"), _table(project, "tool").get("poetry")]
    names = [table.get("name") for table in tables if isinstance(table, dict)]
    if not names:
        return ""
    given = next((name for name in names if isinstance(name, str)), "non-package-mode")
    name = re.sub(r"[-_.]+", "-", given).lower()
    return f"{_shell_safe(name)}-{_path_hash(root)}"


def _poetry_directory(environ: Mapping[str, str]) -> Path:
    """Poetry's own setting by the environment; its configuration files are not read."""
    if environ.get("POETRY_VIRTUALENVS_PATH"):
        return _expanded(environ["POETRY_VIRTUALENVS_PATH"])
    if environ.get("POETRY_CACHE_DIR"):
        return _expanded(environ["POETRY_CACHE_DIR"]) / "virtualenvs"
    home = Path(environ.get("HOME") or "/nonexistent")
    caches = home / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    return Path(environ.get("XDG_CACHE_HOME") or caches) / "pypoetry/virtualenvs"


def _table(document: Mapping[str, object], key: str) -> dict[str, object]:
    found = document.get(key)
    return found if isinstance(found, dict) else {}


def _shell_safe(name: str) -> str:
    """As poetry and pipenv write a project's name: what a shell would interpret, and the length, replaced."""
    return re.sub(r'[ $`!*@"\\\r\n\t]', "_", name)[:42]


def _path_hash(path: Path) -> str:
    """As poetry hashes a project's directory, and pipenv its Pipfile."""
    real = os.fsencode(os.path.realpath(path))
    return base64.urlsafe_b64encode(hashlib.sha256(real).digest()).decode()[:8]


def _expanded(path: str) -> Path:
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser raises for a user who is unknown
