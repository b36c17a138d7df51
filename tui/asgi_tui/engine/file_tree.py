"""The directories that are listened to, and the files in them that count."""

# There are many paths here, and as text they cost a fraction.
# ruff: noqa: PTH112, PTH113, PTH114, PTH116, PTH120

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from asgi_tui.engine.ignored import Directory, Rules, patterns_above, patterns_of
from asgi_tui.engine.watched import Wanted

# More is not walked: each directory takes kernel memory, and a few milliseconds at each change of them.
MAX_DIRECTORIES = 20_000
MAX_FILES = 200_000

# As watchfiles numbers them.
ADDED, MODIFIED, DELETED = 1, 2, 3
# Kind and path.
Told = tuple[int, str]
# Paths as the project knows them, and what became of each.
Burst = dict[Path, str]

Identity = tuple[int, int] | None


class FileTree:
    """What counts below the wanted directories, kept as files come and go. All of it is blocking."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.rules = Rules(wanted.include, wanted.exclude)
        self.directories: dict[str, Directory] = {}
        # Whether there is more than is listened to.
        self.cut = False
        self._starts: dict[str, Directory] = {}
        self._singles: set[str] = set()
        self._present: set[str] = set()
        # Real files that links in the tree lead to, and the links.
        self._links: dict[str, str] = {}
        self._identities: dict[str, Identity] = {}
        # What became of files since the last burst, as shown: whether each counted before and counts now.
        self._touched: dict[str, tuple[bool, bool]] = {}

    # -- the walk --------------------------------------------------------------------------------------

    def walk(self) -> None:
        """Looks at everything anew."""
        self.directories.clear()
        self._links.clear()
        self.cut = False
        files = self.wanted.files()
        self._singles = {
            str(path) for path in files if not self.rules.excludes(self.wanted.shown(path).lstrip("/"))
        }
        self._present = {path for path in self._singles if os.path.isfile(path)}
        # The named first: what lies in both counts as named.
        named = [path for path in self.wanted.named if path not in files]
        self._starts = {}
        for path in (*named, *self.wanted.paths):
            if str(path) not in self._starts and path not in files:
                self._starts[str(path)] = self._start(path, every=path in named)
        self._descend([replace(start, files=set()) for start in self._starts.values()])
        self._identities = {path: _identity(path) for path in self._must_stay()}
        self._touched.clear()

    def _start(self, path: Path, *, every: bool) -> Directory:
        base = self.wanted.project if path.is_relative_to(self.wanted.project) else path
        return Directory(
            str(path),
            str(path),
            str(base),
            patterns_above(str(path)),
            every=every,
            # A home directory or the root of a disk is no project, but may hold millions of files.
            alone=path in (Path.home(), Path(path.anchor)),
            is_root=True,
        )

    def _descend(self, found: list[Directory]) -> list[Directory]:
        """Takes these and all below them in; returns those that were not known. Links come last."""
        new = []
        near, far = deque(found), deque[Directory]()
        files = self.count
        while near or far:
            directory = near.popleft() if near else far.popleft()
            if directory.path in self.directories:
                continue
            if len(self.directories) >= MAX_DIRECTORIES or files >= MAX_FILES:
                self.cut = True
                break
            for child in self._scan(directory):
                (far if child.is_root else near).append(child)
            if directory.path in self.directories:
                new.append(directory)
                files += len(directory.files)
        return new

    def _scan(self, directory: Directory) -> list[Directory]:
        """Takes one directory in; what to look at below it."""
        try:
            with os.scandir(directory.path) as entries:
                found = list(entries)
        except OSError:
            return []
        names = {entry.name for entry in found}
        if "pyvenv.cfg" in names and not directory.is_root:
            return []
        self.directories[directory.path] = directory
        if ".gitignore" in names:
            directory.patterns += patterns_of(directory.shown)
        below = []
        for entry in found:
            with suppress(OSError):
                if entry.is_dir():
                    child = self._enter(directory, entry.name, link=entry.is_symlink())
                    below += [child] if child is not None else []
                elif entry.path not in self._singles and self.rules.counts(directory, entry.name):
                    directory.files.add(entry.name)
                    self._touch(_join(directory.shown, entry.name), was=False, now=True)
                    if entry.is_symlink():
                        self._follow(entry.path, _join(directory.shown, entry.name))
        return below

    def _enter(self, directory: Directory, name: str, *, link: bool) -> Directory | None:
        path = _join(directory.path, name)
        if not link:
            return self.rules.enter(directory, name, path)
        real = os.path.realpath(path)
        above = f"{real.rstrip(os.sep)}{os.sep}"
        if real in (str(Path.home()), os.sep) or any(start.startswith(above) for start in self._starts):
            # A link upwards would take in far more than the project.
            return None
        child = self.rules.enter(directory, name, real)
        if child is not None:
            child.is_root = True
            self._starts.setdefault(real, replace(child, files=set()))
        return child

    def _follow(self, path: str, shown: str) -> None:
        """A link to a file is listened to where the file is."""
        real = os.path.realpath(path)
        if os.path.isfile(real):
            self._links[real] = shown

    # -- what it holds ---------------------------------------------------------------------------------

    @property
    def count(self) -> int:
        """How many files count."""
        return sum(len(directory.files) for directory in self.directories.values()) + len(self._present)

    @property
    def missing(self) -> bool:
        """Whether a directory to listen to is not there now."""
        return None in self._identities.values()

    def listens(self) -> list[str]:
        """The directories whose entries are listened to."""
        around = {os.path.dirname(path) for path in (*self._singles, *self._links)}
        return sorted({*self.directories, *filter(os.path.isdir, around)})

    def roots(self) -> list[str]:
        """What holds it all: directories, and files that lie in none of them."""
        loose = [path for path in (*self._singles, *self._links) if self._nearest(path) is None]
        return [*filter(os.path.exists, (*self._starts, *loose))]

    @property
    def shallow(self) -> bool:
        """Whether some directory must not be listened to with all below it."""
        return any(start.alone for start in self._starts.values())

    def files(self) -> Iterator[tuple[str, Path]]:
        """Every file that counts, by its real path and as the project knows it."""
        for directory in list(self.directories.values()):
            for name in list(directory.files):
                yield _join(directory.path, name), Path(directory.shown, name)
        for path in list(self._present):
            yield path, Path(path)
        for real, shown in list(self._links.items()):
            yield real, Path(shown)

    def modified_since(self, begun_ns: int, now_ns: int) -> Burst:
        """The files that were changed in that time (Unix ns)."""
        found: Burst = {}
        for real, shown in self.files():
            with suppress(OSError):
                status = os.stat(real)
                if begun_ns <= max(status.st_mtime_ns, status.st_ctime_ns) <= now_ns:
                    found[shown] = "modified"
        return found

    def is_being_written(self, path: str) -> bool:
        """Whether it was known and is gone, or holds nothing: an editor may be about to write it."""
        try:
            return os.stat(path).st_size == 0
        except OSError:
            directory, name = os.path.split(path)
            known = self.directories.get(directory)
            return path in self._present or (known is not None and name in known.files)

    # -- changes ---------------------------------------------------------------------------------------

    def relevant(self, told: Iterable[Told]) -> set[Told]:
        """What of it is, or may be, about files that count or directories to listen to."""
        return {(kind, path) for kind, path in told if self._is_relevant(kind, path)}

    def _is_relevant(self, kind: int, path: str) -> bool:
        if path in self._singles or path in self._links:
            return True
        if path in self.directories or path in self._starts:
            return kind != MODIFIED
        near = self._nearest(path)
        if near is None:
            return False
        directory, name = near
        inside = _join(directory.path, name)
        if inside == path and (name in directory.files or self.rules.counts(directory, name)):
            return True
        if name in (".gitignore", "pyvenv.cfg"):
            return inside == path
        # A new directory, or something in one that has not been seen yet.
        return os.path.isdir(inside) and self.rules.enter(directory, name, inside) is not None

    def _nearest(self, path: str) -> tuple[Directory, str] | None:
        """The innermost directory listened to that holds a path, and the name in it that leads there."""
        parent, name = os.path.split(path)
        while parent not in self.directories:
            if parent == os.path.dirname(parent):
                return None
            parent, name = os.path.split(parent)
        return self.directories[parent], name

    def apply(self, told: Iterable[Told]) -> tuple[Burst, bool]:
        """What changed of files that count, and whether other directories are to be listened to.

        What a burst says is judged by what is there now: a file that was moved away and is back was modified,
        one that came and went has not changed.
        """
        self._touched.clear()
        links, moved, rules_changed = set(self._links), False, False
        for kind, path in sorted(told):
            if path in self._singles or path in self._links:
                self._look_at_single(path)
            elif path in self.directories or path in self._starts:
                if kind != MODIFIED:
                    self._renew(path)
                    moved = True
            elif (near := self._nearest(path)) is not None:
                directory, name = near
                inside = _join(directory.path, name)
                if os.path.isdir(inside):
                    child = self._enter(directory, name, link=os.path.islink(inside))
                    moved |= bool(child is not None and self._descend([child]))
                elif inside == path and name in (".gitignore", "pyvenv.cfg"):
                    rules_changed = True
                elif inside == path:
                    self._look(directory, name)
        burst = self._burst()
        if rules_changed:
            self.walk()
        elif moved:
            self._identities = {path: _identity(path) for path in self._must_stay()}
        return burst, moved or rules_changed or links != set(self._links)

    def look_again(self, before: Iterable[str]) -> tuple[Burst, bool]:
        """As ``apply``, for what came into directories that were not among those of ``before``.

        Between the first look at a new directory and the moment it is listened to files may have come.
        """
        self._touched.clear()
        new = [directory for path, directory in self.directories.items() if path not in set(before)]
        moved = False
        for directory in new:
            with suppress(OSError), os.scandir(directory.path) as entries:
                for entry in entries:
                    if not entry.is_dir():
                        self._look(directory, entry.name, only_new=True)
                    elif (child := self._enter(directory, entry.name, link=entry.is_symlink())) is not None:
                        moved |= bool(self._descend([child]))
        return self._burst(), moved

    def lost(self) -> list[Told]:
        """Directories that are not what they were: gone, back, or others in their place."""
        return [(DELETED, path) for path, identity in self._identities.items() if _identity(path) != identity]

    def _burst(self) -> Burst:
        kinds = {(True, False): "deleted", (False, True): "added", (True, True): "modified"}
        return {Path(shown): kinds[was, now] for shown, (was, now) in self._touched.items() if was or now}

    def _touch(self, shown: str, *, was: bool, now: bool) -> None:
        first, _ = self._touched.get(shown, (was, now))
        self._touched[shown] = first, now

    def _look_at_single(self, path: str) -> None:
        there = os.path.isfile(path)
        if path in self._links:
            self._touch(self._links[path], was=True, now=there)
        if path in self._singles:
            self._touch(path, was=path in self._present, now=there)
            self._present = self._present | {path} if there else self._present - {path}

    def _look(self, directory: Directory, name: str, *, only_new: bool = False) -> None:
        """Sees what became of one file; ``only_new``: one that was known has not changed."""
        path = _join(directory.path, name)
        was = name in directory.files
        if path in self._singles or (was and only_new) or not (was or self.rules.counts(directory, name)):
            return
        there = os.path.isfile(path)
        self._touch(_join(directory.shown, name), was=was, now=there)
        if not there:
            directory.files.discard(name)
            return
        directory.files.add(name)
        if os.path.islink(path):
            self._follow(path, _join(directory.shown, name))

    def _renew(self, path: str) -> None:
        """A directory came, went, or is another: all below it is looked at anew."""
        known = self.directories.get(path)
        for gone in [name for name in self.directories if name == path or name.startswith(f"{path}{os.sep}")]:
            directory = self.directories.pop(gone)
            for name in directory.files:
                self._touch(_join(directory.shown, name), was=True, now=False)
        if not os.path.isdir(path):
            return
        start, near = self._starts.get(path), self._nearest(path)
        if start is not None:
            self._descend([replace(start, files=set())])
        elif known is not None and near is not None and (child := self._enter(*near, link=False)) is not None:
            self._descend([child])

    def _must_stay(self) -> set[str]:
        # Others are told of by the directory that holds them.
        return {*self._starts, *(os.path.dirname(path) for path in (*self._singles, *self._links))}


def _join(directory: str, name: str) -> str:
    return f"{directory.rstrip(os.sep)}{os.sep}{name}"


def _identity(path: str) -> Identity:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
