"""Changes found by looking again and again, for where the system tells of none.

watchfiles can poll too, but compares whole seconds: of two saves within one it sees the first.
"""

# There are many paths here, and as text they cost a fraction.
# ruff: noqa: PTH116, PTH118, PTH208

from __future__ import annotations

import os
import threading
import time

from asgi_tui.engine.file_tree import ADDED, DELETED, MODIFIED, FileTree, Told

# Seconds between two looks at least, and how many times longer than a look takes.
INTERVAL = 0.3
RESTS = 20
# Seconds; a directory changed that lately may change again without a new time.
_FRESH_NS = 2_000_000_000

Signature = tuple[int, int, int, int]


class Poller:
    """Looks at all that counts; to be used by one thread."""

    def __init__(self, tree: FileTree) -> None:
        self._tree = tree
        self._entries: dict[str, tuple[int, int, frozenset[str]]] = {}
        self._files: dict[str, Signature | None] = {}
        self._took = 0.0
        self.renew()

    def renew(self) -> tuple[set[str], set[Told]]:
        """The tree has other directories now; the ones before, and what has changed meanwhile."""
        before = set(self._entries)
        return before, self._look()

    def was_saved(self) -> None:
        """The interval stays as it is."""

    def wait(self, seconds: float, stop: threading.Event) -> set[Told]:
        """What has changed after ``seconds``, or after what a look costs."""
        stop.wait(max(min(seconds, INTERVAL), RESTS * self._took))
        return set() if stop.is_set() else self._look()

    def close(self) -> None:
        """Nothing is held."""

    def _look(self) -> set[Told]:
        begun = time.monotonic()
        told: set[Told] = set()
        entries = {}
        for path in self._tree.listens():
            before = self._entries.get(path)
            entries[path] = now = _entries(path, before)
            if before is not None and now is not before:
                told |= {(ADDED, os.path.join(path, name)) for name in now[2] - before[2]}
                told |= {(DELETED, os.path.join(path, name)) for name in before[2] - now[2]}
        files = {path: _signature(path) for path, _ in self._tree.files()}
        told |= {(MODIFIED, path) for path, now in files.items() if self._files.get(path, now) != now}
        self._entries, self._files = entries, files
        self._took = time.monotonic() - begun
        return told


def _entries(path: str, before: tuple[int, int, frozenset[str]] | None) -> tuple[int, int, frozenset[str]]:
    """When a directory was changed, when it was looked at (Unix ns), and the names in it."""
    now = time.time_ns()
    try:
        changed = os.stat(path).st_mtime_ns
        if before is not None and before[0] == changed and changed < before[1] - _FRESH_NS:
            return before
        return changed, now, frozenset(os.listdir(path))
    except OSError:
        return 0, now, frozenset()


def _signature(path: str) -> Signature | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino
