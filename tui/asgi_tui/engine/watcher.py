"""Watches a project's source files and tells what changed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from pathlib import Path

from watchfiles import Change as Kind
from watchfiles import DefaultFilter, awatch

from asgi_tui.domain.events import Change

# Milliseconds: changes are looked at every STEP, and a burst is one change for up to DEBOUNCE.
STEP_MS = 10
DEBOUNCE_MS = 50
# Changes named in one event; the rest of a burst is counted.
MAX_CHANGES = 50
SOURCE_SUFFIXES = (".py", ".pyx", ".pyd", ".so")


class SourceFilter(DefaultFilter):
    """Source files and the files asked for; never virtual environments, caches and version control."""

    def __init__(self, files: Iterable[Path], ignored: Iterable[Path]) -> None:
        self._files = {str(path) for path in files}
        super().__init__(ignore_paths=[str(path) for path in ignored])

    def __call__(self, change: Kind, path: str) -> bool:
        """Whether the change counts."""
        if path in self._files:
            return True
        return path.endswith(SOURCE_SUFFIXES) and super().__call__(change, path)


def virtual_environments(root: Path) -> list[Path]:
    """Directories of ``root`` that are virtual environments whatever their name; blocking."""
    with suppress(OSError):
        return [path.parent for path in root.glob("*/pyvenv.cfg")]
    return []


class Watcher:
    """Calls ``changed`` with the paths and kinds of each burst, from a task of its own."""

    def __init__(
        self,
        changed: Callable[[list[tuple[Path, str]]], Awaitable[None]],
        failed: Callable[[str], None],
    ) -> None:
        self._changed = changed
        self._failed = failed
        self._task: asyncio.Task[None] | None = None
        self.paths: tuple[Path, ...] = ()

    def watch(self, paths: Iterable[Path]) -> None:
        """Watches these directories and files from now on, in place of those before."""
        new = tuple(dict.fromkeys(path for path in paths if path.exists()))
        if new == self.paths and self._task is not None and not self._task.done():
            return
        self.paths = new
        if self._task is not None:
            self._task.cancel()
        self._task = asyncio.create_task(self._run(new))

    async def stop(self) -> None:
        """Stops watching."""
        self.paths = ()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def _run(self, paths: tuple[Path, ...]) -> None:
        ignored = [path for root in paths for path in await asyncio.to_thread(virtual_environments, root)]
        only = SourceFilter([path for path in paths if path.is_file()], ignored)
        # A home directory or the root of a disk holds no project, but millions of files.
        recursive = not any(path in (Path.home(), Path(path.anchor)) for path in paths)
        for polling in (False, True):
            try:
                async for burst in awatch(
                    *paths,
                    watch_filter=only,
                    step=STEP_MS,
                    debounce=DEBOUNCE_MS,
                    recursive=recursive,
                    force_polling=polling,
                ):
                    await self._changed(sorted((Path(path), kind.raw_str()) for kind, path in burst))
            except OSError as error:
                self._failed(str(error))
            else:
                return


def to_changes(burst: list[tuple[Path, str]], root: Path) -> tuple[Change, ...]:
    """The burst as events name it: paths relative to the project where they lie in it."""
    changes = []
    for path, kind in burst[:MAX_CHANGES]:
        shown = path.relative_to(root) if path.is_relative_to(root) else path
        changes.append(Change(shown.as_posix(), kind))
    if len(burst) > MAX_CHANGES:
        changes.append(Change(f"and {len(burst) - MAX_CHANGES:,} more", "modified"))
    return tuple(changes)


def drop_bytecode(burst: list[tuple[Path, str]]) -> None:
    """Removes the cached bytecode of changed files; blocking.

    A cached file counts as valid while the source has the same size and whole second of change
    (``importlib``), so two quick saves would run the first.
    """
    for path, _ in burst:
        if path.suffix == ".py":
            for cached in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
                with suppress(OSError):
                    cached.unlink()
