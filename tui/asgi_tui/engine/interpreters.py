"""Which Python runs the app and what is installed in it, told from files alone: it is never run here.

Opening the console in a cloned repository must run nothing of it, and a project's ``.venv`` is of it. So
versions come from ``pyvenv.cfg``, the names of directories and ``dist-info``.
"""

from __future__ import annotations

import os
import re
import shutil
import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PathDistribution
from pathlib import Path

from asgi_tui.domain.errors import Problem
from asgi_tui.engine.root import up_to_root
from asgi_tui.engine.there import exists, is_directory, is_file

OLDEST = (3, 9)  # what asgi_probe runs on
OWN = "the console's own"

_TEXT_BYTES = 1_000_000
_MEND = "name a Python 3.9 or newer, or a venv, with --python PATH"
_LIBRARY = re.compile(r"(?:python|pypy)(\d\.\d+)t?")
_PATCH_LEVEL = re.compile(r'#define\s+PY_VERSION\s+"(\d+\.\d+\.\d+)')

Version = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python that can run the app.

    ``executable`` is absolute and keeps its symlinks, for a venv's python is one. ``version`` is ``None``
    where no file tells it, and its last number 0 where only the minor version is known. ``why`` is what chose
    it ("--python", "$VIRTUAL_ENV", ".venv", ...); ``site_dirs`` are where its distributions are, first wins.
    """

    executable: Path
    version: Version | None
    why: str
    site_dirs: tuple[Path, ...]

    @property
    def prefix(self) -> Path:
        """The directory of a virtual environment or an installation, as its ``bin`` tells."""
        return self.executable.parent.parent

    @property
    def is_environment(self) -> bool:
        """Whether it is a virtual environment (PEP 405); conda's are whole installations."""
        return (self.prefix / "pyvenv.cfg").is_file()


def find_interpreter(cwd: Path, python: str | None, environ: Mapping[str, str]) -> Interpreter:
    """The interpreter for the app in ``cwd``.

    In this order: ``python`` (an executable, a venv's directory or a command on PATH), ``$VIRTUAL_ENV``,
    ``$CONDA_PREFIX``, ``.venv`` or ``venv`` between ``cwd`` and the project's root, the console's own. Raises
    ``Problem`` where ``python`` is no interpreter, or where the one found is older than ``OLDEST``.
    """
    if python is not None:
        return described(_named(cwd, python, environ), "--python", environ)
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        # a shell may keep one that has been deleted since
        if environ.get(name) and (executable := python_in(Path(environ[name]))):
            return described(executable, f"${name}", environ)
    for folder in (".venv", "venv"):
        for parent in up_to_root(cwd):
            if executable := python_in(parent / folder):
                return described(executable, folder, environ)
    return own_interpreter()


def own_interpreter() -> Interpreter:
    """The Python that runs the console."""
    return Interpreter(Path(sys.executable), sys.version_info[:3], OWN, _own_site_dirs())


def externally_managed(interpreter: Interpreter) -> bool:
    """Whether its packages are another package manager's business, which pip refuses to touch (PEP 668)."""
    if interpreter.is_environment:
        return False
    libraries = _libraries(interpreter.executable.resolve().parent.parent)
    return any(
        (library / "EXTERNALLY-MANAGED").is_file()
        for library in libraries
        if not interpreter.version or _minor(library.name) == (*interpreter.version[:2], 0)
    )


def installed_versions(interpreter: Interpreter, names: Iterable[str]) -> dict[str, str | None]:
    """The versions of several distributions with one listing of each directory; ``None``: not installed."""
    asked = {name: _normalised(name) for name in names}
    found: dict[str, str | None] = dict.fromkeys(asked.values())
    for directory in interpreter.site_dirs:
        for entry in listing(directory):
            stem, _, kind = entry.rpartition(".")
            if kind not in ("dist-info", "egg-info"):
                continue
            # name-1.0.dist-info, name-1.0-py3.11.egg-info, name.egg-info
            title, _, version = re.sub(r"-py\d[\d.]*$", "", stem).partition("-")
            name = _normalised(title)
            if name in found and found[name] is None:
                found[name] = _checked_version(directory / entry, version)
    return {name: found[normalised] for name, normalised in asked.items()}


def _checked_version(path: Path, version: str) -> str | None:
    """``version``, or the metadata's where the name has none; ``None`` for a remnant without metadata."""
    if path.is_dir() and not any((path / name).is_file() for name in ("METADATA", "PKG-INFO")):
        return None
    return version or PathDistribution(path).version


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def listing(directory: Path) -> list[str]:
    """The names in a directory, sorted; none where it cannot be read."""
    try:
        return sorted(os.listdir(directory))  # noqa: PTH208 - names are all that is needed
    except (OSError, ValueError):
        return []


def _named(cwd: Path, python: str, environ: Mapping[str, str]) -> Path:
    path = cwd / Path(python).expanduser()
    if os.sep not in python and not is_directory(path):
        command = shutil.which(python, path=environ.get("PATH", os.defpath))
        if command is None and not exists(path):
            raise Problem(f"--python {python}", "no such command on PATH", _MEND)
        path = cwd / command if command else path
    path = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would leave a venv
    if is_directory(path):
        executable = python_in(path)
        if executable is None:
            raise Problem(f"--python {python}", "the directory has no bin/python that can be run", _MEND)
        return executable
    if not exists(path):
        raise Problem(f"--python {python}", "no such file or directory", _MEND)
    if not _runs(path):
        raise Problem(f"--python {python}", "the file is not executable", _MEND)
    return _behind_shim(path, cwd, environ)


def python_in(prefix: Path) -> Path | None:
    """The Python of a virtual environment or an installation."""
    for name in ("python", "python3"):
        executable = Path(os.path.abspath(prefix / "bin" / name))  # noqa: PTH100 - as above
        if _runs(executable):
            return executable
    return None


def _runs(path: Path) -> bool:
    return is_file(path) and os.access(path, os.X_OK)


def described(executable: Path, why: str, environ: Mapping[str, str]) -> Interpreter:
    """What the files around ``executable`` tell. Raises ``Problem`` where it is older than ``OLDEST``."""
    prefix = executable.parent.parent
    config = _venv_config(prefix)
    if config or (prefix / "conda-meta").is_dir():
        version = _configured_version(config) or _conda_version(prefix) or _library_version(prefix, "")
    else:  # a link outside its prefix: Python itself looks behind it too
        real = executable.resolve()
        prefix = real.parent.parent
        version = _library_version(prefix, real.name) if real.name.startswith(("python", "pypy")) else None
        if real == Path(sys.executable).resolve():
            version = sys.version_info[:3]
    if version is not None and version < OLDEST:
        found = ".".join(map(str, version[:2]))
        cause = f"it is Python {found}, and the app's interpreter must be 3.9 or newer"
        raise Problem(f"{executable} (from {why})", cause, _MEND)
    directories = list(_site_dirs(prefix, version, environ, user=not config))
    if config.get("include-system-site-packages", "").lower() == "true" and "home" in config:
        directories += _site_dirs(Path(config["home"]).resolve().parent, version, environ, user=True)
    return Interpreter(executable, version, why, _existing(directories))


def _behind_shim(executable: Path, cwd: Path, environ: Mapping[str, str]) -> Path:
    """The Python that a pyenv shim would start in ``cwd``: the shim is a script, its files tell nothing."""
    root = executable.parent.parent
    if executable.parent.name != "shims" or not (root / "versions").is_dir():
        return executable
    local = [read_text(folder / ".python-version") for folder in (cwd, *cwd.parents)]
    choices = (environ.get("PYENV_VERSION", "").replace(":", " "), *local, read_text(root / "version"))
    for version in next((choice for choice in choices if choice.strip()), "").split():
        python = root / "versions" / version / "bin" / executable.name
        if _runs(python):
            return python
    return executable


def _venv_config(prefix: Path) -> dict[str, str]:
    """``pyvenv.cfg`` as lower-case keys and values; empty where it is no venv."""
    lines = (line.partition("=") for line in read_text(prefix / "pyvenv.cfg").splitlines())
    return {key.strip().lower(): value.strip() for key, equals, value in lines if equals}


def read_text(path: Path) -> str:
    """The start of a text file; empty where it cannot be read, or is a pipe or device that would not end."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return file.read(_TEXT_BYTES).decode(errors="replace")
    except (OSError, ValueError):
        return ""


def _version(text: str) -> Version | None:
    numbers = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return (int(numbers[1]), int(numbers[2]), int(numbers[3] or 0)) if numbers else None


def _configured_version(config: Mapping[str, str]) -> Version | None:
    # `version` is written by venv, `version_info` by virtualenv (3.11.7.final.0) and uv
    return _version(config.get("version", "")) or _version(config.get("version_info", ""))


def _conda_version(prefix: Path) -> Version | None:
    names = (re.fullmatch(r"python-(\d[\d.]*)-.*\.json", name) for name in listing(prefix / "conda-meta"))
    return next((_version(name[1]) for name in names if name), None)


def _library_version(prefix: Path, executable: str) -> Version | None:
    """The version by ``lib/pythonX.Y``; where there are several, the one the executable's name tells."""
    names = {path.name for path in _libraries(prefix)}
    names = names & {executable} or names
    if len(names) != 1:
        return _minor(executable)
    name = names.pop()
    exact = _PATCH_LEVEL.search(read_text(prefix / "include" / name / "patchlevel.h"))
    return _version(exact[1]) if exact else _minor(name)


def _minor(name: str) -> Version | None:
    """(3, 11, 0) of ``python3.11``."""
    match = _LIBRARY.fullmatch(name)
    return _version(match[1]) if match else None


def _libraries(prefix: Path) -> Iterator[Path]:
    """``lib/pythonX.Y`` and ``lib64/pythonX.Y``, without those a distribution leaves empty."""
    for lib in (prefix / "lib", prefix / "lib64"):
        for name in listing(lib):
            if _LIBRARY.fullmatch(name) and any(
                (lib / name / n).exists() for n in ("site-packages", "os.py")
            ):
                yield lib / name


def _site_dirs(
    prefix: Path, version: Version | None, environ: Mapping[str, str], user: bool
) -> Iterator[Path]:
    minor = "python{}.{}".format(*version) if version else ""
    home = environ.get("HOME")
    if user and minor and home and not environ.get("PYTHONNOUSERSITE"):
        base = Path(environ.get("PYTHONUSERBASE") or Path(home, ".local"))
        yield base / "lib" / minor / "site-packages"
    if prefix == Path("/usr"):
        for name in ("dist-packages", "site-packages"):  # Debian's and Fedora's
            yield Path("/usr/local/lib") / minor / name
    for library in _libraries(prefix):
        if not version or _minor(library.name) == (*version[:2], 0):
            yield library / "site-packages"
    yield prefix / "lib/python3/dist-packages"


def _own_site_dirs() -> tuple[Path, ...]:
    user = [site.getusersitepackages()] if site.ENABLE_USER_SITE else []
    paths = [*user, sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *site.getsitepackages()]
    return _existing(Path(path) for path in paths)


def _existing(directories: Iterable[Path]) -> tuple[Path, ...]:
    """Those that exist, each once: lib64 is often a link to lib."""
    there = [path for path in directories if is_directory(path)]
    return tuple({os.path.realpath(path): path for path in reversed(there)}.values())[::-1]
