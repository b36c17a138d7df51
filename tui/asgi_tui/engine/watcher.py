"""Watches a project's source files and tells what changed."""

from __future__ import annotations

import asyncio
import functools
import os
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from watchfiles import Change as Kind
from watchfiles import DefaultFilter
from watchfiles._rust_notify import RustNotify

from asgi_tui.domain.events import Change
from asgi_tui.engine.root import project_root

# Milliseconds: changes are looked at every STEP, and a burst is one change for up to DEBOUNCE.
STEP_MS = 10
DEBOUNCE_MS = 50
POLL_MS = 300
# Seconds a start waits until changes are seen.
ARMED_PATIENCE = 2.0
# Changes named in one event; the rest of a burst is counted.
MAX_CHANGES = 50
SOURCE_SUFFIXES = (".py", ".pyx", ".pyd", ".so")


class SourceFilter(DefaultFilter):
    """Source files, and whatever lies in the paths asked for; never environments, caches and the like."""

    def __init__(self, named: Iterable[Path], ignored: Iterable[Path]) -> None:
        self._files = {str(path) for path in named}
        self._directories = tuple(f"{path}{os.sep}" for path in named)
        super().__init__(ignore_paths=[str(path) for path in ignored])

    def __call__(self, change: Kind, path: str) -> bool:
        """Whether the change counts."""
        if path in self._files:
            return True
        wanted = path.endswith(SOURCE_SUFFIXES) or path.startswith(self._directories)
        return wanted and super().__call__(change, path)


def virtual_environments(root: Path) -> list[Path]:
    """Directories of ``root`` that are virtual environments whatever their name; blocking."""
    with suppress(OSError):
        return [path.parent for path in root.glob("*/pyvenv.cfg")]
    return []


Burst = list[tuple[Path, str]]


class Watcher:
    """Tells ``changed`` of each burst, as sorted paths and kinds, on the event loop.

    The tree is walked and listened to in a thread of its own: a large one takes seconds.
    """

    def __init__(self, changed: Callable[[Burst], None], failed: Callable[[str], None]) -> None:
        self._changed = changed
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._stop = threading.Event()
        self._armed = asyncio.Event()
        self.paths: tuple[Path, ...] = ()

    def watch(self, paths: tuple[Path, ...], named: tuple[Path, ...] = ()) -> None:
        """Watches these directories and files from now on, in place of those before.

        In those ``named`` every file counts, elsewhere source files do.
        """
        # What was watched before is watched until the new thread sees changes, so that none is missed.
        before, self._stop = self._stop, threading.Event()
        self.paths = paths
        self._armed.clear()
        work = functools.partial(self._run, paths, named, self._stop, before)
        threading.Thread(target=work, name="watch files", daemon=True).start()

    def stop(self) -> None:
        """Stops watching."""
        self._stop.set()
        self.paths = ()

    async def armed(self) -> None:
        """Returns once changes are seen, or when a large tree takes longer than ARMED_PATIENCE."""
        with suppress(TimeoutError):
            async with asyncio.timeout(ARMED_PATIENCE):
                await self._armed.wait()

    def _run(
        self,
        paths: tuple[Path, ...],
        named: tuple[Path, ...],
        stop: threading.Event,
        before: threading.Event,
    ) -> None:
        ignored = [path for root in paths for path in virtual_environments(root)]
        only = SourceFilter(named, ignored)
        # A home directory or the root of a disk is no project, but may hold millions of files.
        recursive = not any(path in (Path.home(), Path(path.anchor)) for path in paths)
        for polling in (False, True):
            try:
                self._listen(paths, only, stop, before, recursive=recursive, polling=polling)
            except (OSError, RuntimeError) as error:
                # watchfiles' own error is a RuntimeError, "too many open files" among them.
                if not polling:
                    self._call(stop, functools.partial(self._failed, str(error)))
            else:
                return

    def _listen(
        self,
        paths: tuple[Path, ...],
        only: SourceFilter,
        stop: threading.Event,
        before: threading.Event,
        *,
        recursive: bool,
        polling: bool,
    ) -> None:
        # The documented lower level of watchfiles: once it is made, changes are seen.
        names = [str(path) for path in paths]
        with RustNotify(names, False, polling, POLL_MS, recursive, True) as notify:
            before.set()
            self._call(stop, self._armed.set)
            while not stop.is_set():
                found = notify.watch(DEBOUNCE_MS, STEP_MS, 0, stop)
                if isinstance(found, set):
                    burst = sorted(
                        (Path(path), Kind(kind).raw_str()) for kind, path in found if only(Kind(kind), path)
                    )
                    if burst:
                        self._call(stop, functools.partial(self._changed, burst))

    def _call(self, stop: threading.Event, callback: Callable[[], None]) -> None:
        def call() -> None:
            if not stop.is_set():
                callback()

        with suppress(RuntimeError):
            # The loop may be closed: the console is gone.
            self._loop.call_soon_threadsafe(call)


def to_changes(burst: Burst, cwd: Path) -> tuple[Change, ...]:
    """The burst as events name it: paths relative to the project where they lie in it; blocking."""
    root = project_root(cwd).resolve()
    changes = []
    for path, kind in burst[:MAX_CHANGES]:
        shown = path.relative_to(root) if path.is_relative_to(root) else path
        changes.append(Change(shown.as_posix(), kind))
    if len(burst) > MAX_CHANGES:
        changes.append(Change(f"and {len(burst) - MAX_CHANGES:,} more", "modified"))
    return tuple(changes)


def drop_bytecode(burst: Burst) -> None:
    """Removes the cached bytecode of changed files; blocking.

    A cached file counts as valid while the source has the same size and whole second of change
    (``importlib``), so two quick saves would run the first.
    """
    for path, _ in burst:
        if path.suffix == ".py":
            for cached in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
                with suppress(OSError):
                    cached.unlink()
