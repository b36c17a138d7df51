"""Imports installed modules in advance, so that a save only costs the import of the user's own code.

Runs in the launcher before it is told to go. User code is refused: no module of it may run before the save.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
import threading
import time

from .imports import find, importing, is_users
from .origin import libraries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Sequence

# Failures that are told, and characters of each.
MAX_TOLD = 20
MESSAGE_CHARS = 200


class RefusedError(ImportError):
    """A module of the user's was asked for before its time."""


class Guard:
    """A finder that stands first on ``sys.meta_path`` and refuses user code and what ``never`` names."""

    def __init__(self, never: Sequence[str]) -> None:
        self.never = frozenset(never)
        # Installed modules that asked for what is refused: their import came out differently.
        self.spoiled: set[str] = set()

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> Any:
        """What the other finders find. Raises ``RefusedError`` for user code."""
        if name not in self.never:
            spec = find(self, name, path, target)
            if spec is None or not is_users(spec):
                return spec
        self.spoiled |= importing()
        raise RefusedError(f"{name} is user code, and nothing of it runs before a save", name=name)


def preload(modules: Sequence[str], never: Sequence[str], *, forks: bool) -> dict[str, object]:
    """Imports ``modules`` in their order and tells what came of it.

    ``forks``: the server forks its workers, so no thread may exist: a fork would copy its locks but not it.
    The result names how many are imported and the milliseconds it took, modules that failed with the
    reason, those ``spoiled`` by asking for user code, and those that started a ``thread``. Where ``users``
    modules are there already, nothing is imported: a save could change them.
    """
    started = time.perf_counter()
    # Imports something itself, which must not happen while the guard is asked.
    libraries()
    users = users_modules()
    if users:
        return {"users": users}
    guard = Guard(never)
    failed: list[tuple[str, str]] = []
    threads: list[str] = []
    count = 0
    before = _threads() if forks else 0
    sys.meta_path.insert(0, guard)
    try:
        for name in modules:
            if name in sys.modules:
                count += 1
                continue
            try:
                importlib.import_module(name)
                count += 1
            except BaseException as error:
                # A module may raise what it likes, SystemExit too; it is imported again in its turn.
                failed.append((name, f"{type(error).__name__}: {error}"[:MESSAGE_CHARS]))
            if forks and _threads() > before:
                threads.append(name)
                break
    finally:
        sys.meta_path.remove(guard)
    gc.collect()
    # What is here stays: neither collected nor, after a fork, copied for the collector's sake.
    gc.freeze()
    return {
        "modules": count,
        "ms": (time.perf_counter() - started) * 1000,
        "failed": failed[:MAX_TOLD],
        "spoiled": sorted(guard.spoiled),
        "threads": threads,
    }


def users_modules() -> list[str]:
    """User code that is imported before anything is asked for: ``sitecustomize`` in ``PYTHONPATH``, say."""
    specs = {name: getattr(module, "__spec__", None) for name, module in list(sys.modules.items())}
    return sorted(name for name, spec in specs.items() if spec is not None and is_users(spec))[:MAX_TOLD]


def _threads() -> int:
    """The number of threads, those that Python knows nothing of included where the system tells."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return threading.active_count()
