"""Which files of a watched directory count: ``.gitignore``, the usual junk, and the user's own globs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from asgi_tui.domain.globs import Globs
from asgi_tui.engine.user_files import read_text

SOURCE_SUFFIXES = (".py", ".pyx", ".pyd", ".so")
# Directories that hold nothing a person edits.
_JUNK_NAMES = """
    __pycache__ __pypackages__ .git .hg .svn .bzr .jj .venv .tox .nox .eggs .direnv .idea .vscode .vs
    node_modules bower_components site-packages dist-packages .mypy_cache .pytest_cache .ruff_cache
    .hypothesis .pytype .pyre .cache .ipynb_checkpoints .terraform .gradle .sass-cache .parcel-cache
    .next .nuxt .svelte-kit htmlcov __MACOSX .Trash .Spotlight-V100 .fseventsd
"""
JUNK_DIRECTORIES = frozenset(_JUNK_NAMES.split())
_JUNK_DIRECTORY = re.compile(r".*\.(egg-info|dist-info)")
# SQLite's side files, editors' swap, backup and test files, compiled and half downloaded ones.
_JUNK_FILE = re.compile(
    r"""
    .*(-wal|-shm|-journal|~|\.(py[co]|sw[a-z]|swpx|bak|orig|rej|tmp|temp|part|crdownload|pid|lock))
    | \.\#.* | \#.*\# | 4913 | \.DS_Store | Thumbs\.db | \.coverage(\..*)? | flycheck_.* | flymake_.*
    | .*\.___jb_...___ | .*\.py\.[0-9a-f]{16,} | \.goutputstream-.* | \.nfs[0-9a-f]+ | .*_flymake\.py
    """,
    re.VERBOSE,
)
_GITIGNORE = ".gitignore"
_MAX_BYTES = 1_000_000

# The patterns of a file, with the directory they are relative to.
Patterns = tuple[str, Globs]


@dataclass(slots=True)
class Directory:
    """A directory that is listened to.

    ``path`` is the real one, ``shown`` how the project knows it (a link may lead there). ``base`` is what the
    user's globs are relative to, ``patterns`` those of ``.gitignore``, the innermost last. ``every``: each
    suffix counts. ``ignored``: only what the user includes counts. ``alone``: nothing below is looked at.
    ``files`` are the names that count.
    """

    path: str
    shown: str
    base: str
    patterns: tuple[Patterns, ...] = ()
    every: bool = False
    ignored: bool = False
    alone: bool = False
    is_root: bool = False
    files: set[str] = field(default_factory=set)


class Rules:
    """What counts and where to look, by the user's globs and ``.gitignore``."""

    def __init__(self, include: Iterable[str], exclude: Iterable[str]) -> None:
        """The globs are those of ``.gitignore`` files, relative to the project."""
        self._include_lines = tuple(include)
        self._include = Globs(self._include_lines)
        self._exclude = Globs(exclude)

    def counts(self, directory: Directory, name: str) -> bool:
        """Whether a file of that name in the directory counts."""
        if _JUNK_FILE.fullmatch(name):
            return False
        source = directory.every or name.endswith(SOURCE_SUFFIXES)
        if not source and not self._include_lines:
            return False
        shown = f"{directory.shown}{os.sep}{name}"
        local = _below(directory.base, shown)
        if self.excludes(local):
            return False
        if self._include.covers(local):
            return True
        return source and not directory.ignored and not is_ignored(directory.patterns, shown)

    def excludes(self, local: str, *, directory: bool = False) -> bool:
        """Whether the user's globs leave out a path that is relative to the project."""
        return self._exclude.covers(local, directory=directory)

    def enter(self, directory: Directory, name: str, path: str) -> Directory | None:
        """The directory of that name, with ``path`` its real one; None where nothing in it can count."""
        if directory.alone or name in JUNK_DIRECTORIES or _JUNK_DIRECTORY.fullmatch(name):
            return None
        shown = f"{directory.shown}{os.sep}{name}"
        local = _below(directory.base, shown)
        if self.excludes(local, directory=True):
            return None
        ignored = directory.ignored or is_ignored(directory.patterns, shown, directory=True)
        if ignored and not self._may_include(local):
            return None
        return Directory(path, shown, directory.base, directory.patterns, directory.every, ignored)

    def _may_include(self, local: str) -> bool:
        """Whether the user's globs may include something below this directory."""
        parts = Path(local).parts
        for line in self._include_lines:
            pattern = line.rstrip("/").split("/")
            if len(pattern) == 1:
                return True
            for wanted, part in zip(pattern[not pattern[0] :], parts, strict=False):
                if wanted == "**":
                    return True
                if not fnmatchcase(part, wanted):
                    break
            else:
                return True
        return False


def _below(base: str, path: str) -> str:
    return (
        path[len(base) :].lstrip(os.sep)
        if path.startswith(f"{base.rstrip(os.sep)}{os.sep}")
        else path.lstrip(os.sep)
    )


def is_ignored(patterns: tuple[Patterns, ...], path: str, *, directory: bool = False) -> bool:
    """Whether ``.gitignore`` leaves out this very path. The innermost file decides."""
    for base, globs in reversed(patterns):
        said = globs.says(_below(base, path), directory=directory)
        if said is not None:
            return said
    return False


def patterns_of(directory: str) -> tuple[Patterns, ...]:
    """The patterns of the ``.gitignore`` in a directory, if it has one; blocking."""
    return _read(Path(directory, _GITIGNORE), directory)


def patterns_above(root: str) -> tuple[Patterns, ...]:
    """The patterns that hold in ``root`` by its repository, but for its own file; blocking.

    None where they leave ``root`` itself out: it was asked for by name.
    """
    repository, git = find_git(root)
    if git is None:
        return ()
    patterns = _read(git / "info" / "exclude", str(repository))
    inner = Path(root).relative_to(repository).parts
    for index in range(len(inner)):
        patterns += patterns_of(str(repository.joinpath(*inner[:index])))
        if is_ignored(patterns, str(repository.joinpath(*inner[: index + 1])), directory=True):
            return ()
    return patterns


def find_git(root: str) -> tuple[Path, Path | None]:
    """The working tree that a directory is in, and git's own directory for it; blocking."""
    for directory in (Path(root), *Path(root).parents):
        mark = directory / ".git"
        if mark.is_dir():
            return directory, mark
        if mark.is_file():
            # gitrepository-layout(5): a work tree or a submodule has its own elsewhere.
            text = read_text(mark, _MAX_BYTES) or ""
            if text.startswith("gitdir:"):
                return directory, directory / text.removeprefix("gitdir:").strip()
    return Path(root), None


def _read(file: Path, base: str) -> tuple[Patterns, ...]:
    text = read_text(file, _MAX_BYTES) if file.is_file() else None
    return ((base, Globs(text.split("\n"))),) if text else ()
