"""What is watched for a session, and what has been saved that no run serves yet."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from asgi_tui.domain.events import Change, Error, Event, Watching
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.engine.root import project_root

if TYPE_CHECKING:
    from asgi_tui.engine.watcher import Burst, Watcher

# Seconds; a save that old was not noticed late but has a strange time.
OLD_SAVE = 2.0


@dataclass(frozen=True, slots=True)
class Save:
    """Files saved, as events name them, and how long after the last of them it was noticed."""

    paths: tuple[Path, ...]
    changes: tuple[Change, ...]
    notice_ms: float


class Changes:
    """Watches while a session runs; ``saved`` is called at each burst of changes."""

    def __init__(
        self, saved: Callable[[], None], emit: Callable[[Event], None], tell: Callable[[Error], None]
    ) -> None:
        self._saved = saved
        self._emit = emit
        self._tell = tell
        self._watcher: Watcher | None = None
        self._unserved: dict[Path, str] = {}
        self._noticed = 0.0

    @property
    def watching(self) -> bool:
        """Whether a save will be seen."""
        return self._watcher is not None

    async def watch(self, plan: LaunchPlan, roots: tuple[str, ...]) -> None:
        """Watches what the plan, and a run with user modules in ``roots``, make worth watching."""
        if not plan.reload:
            self.stop()
            return
        # Late, since watchfiles is not needed to show a form.
        from asgi_tui.engine.watcher import Watcher

        if self._watcher is None:
            self._watcher = Watcher(self._changed, self._failed)
        wanted, named = await asyncio.to_thread(watched_paths, plan, roots)
        if wanted != self._watcher.paths:
            self._watcher.watch(wanted, named)
            self._emit(Watching(time.time(), tuple(str(path) for path in wanted)))

    async def armed(self) -> None:
        """Returns once changes are seen, at once where nothing is watched."""
        if self._watcher is not None:
            await self._watcher.armed()

    def stop(self) -> None:
        """Watches no more and forgets what was saved."""
        self._unserved.clear()
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.stop()
        self._emit(Watching(time.time(), ()))

    def serve(self) -> dict[Path, str]:
        """A run starts and will serve what has been saved so far; ``restore`` what it did not after all."""
        served, self._unserved = self._unserved, {}
        return served

    def restore(self, served: dict[Path, str]) -> None:
        """The run that was to serve these files came to nothing."""
        self._unserved = served | self._unserved

    def forget(self, save: Save) -> None:
        """The failure to serve a save has been told."""
        for path in save.paths:
            self._unserved.pop(path, None)

    async def take(self, plan: LaunchPlan) -> Save | None:
        """What is to be served now, its cached bytecode dropped; None where nothing is left to do."""
        from asgi_tui.engine.watcher import drop_bytecode, to_changes

        if self._watcher is None or not self._unserved:
            return None
        burst, noticed = sorted(self._unserved.items()), self._noticed

        def look() -> Save:
            notice_ms = round(_age_ms(burst, noticed), 1)
            drop_bytecode(burst)
            return Save(tuple(path for path, _ in burst), to_changes(burst, Path(plan.cwd)), notice_ms)

        return await asyncio.to_thread(look)

    def _changed(self, burst: Burst) -> None:
        self._noticed = time.time()
        self._unserved.update(burst)
        self._saved()

    def _failed(self, why: str) -> None:
        mend = "raise the inotify limit or watch fewer directories; until then files are polled"
        self._tell(Error(time.time(), "Watching for changes", f"the system refused it ({why})", mend))


def _age_ms(burst: Burst, noticed: float) -> float:
    """Milliseconds from the last save of a burst to its notice, 0 where no clock tells it; blocking.

    A file that is moved into place keeps an old time of change; its inode's is of the move.
    """
    saved = []
    for path, _ in burst:
        with suppress(OSError):
            status = path.stat()
            saved.append(max(status.st_mtime, status.st_ctime))
    age = noticed - max(saved, default=noticed)
    return age * 1000 if 0 <= age < OLD_SAVE else 0.0


def watched_paths(plan: LaunchPlan, roots: tuple[str, ...]) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """What is listened to, and what of it counts whatever its suffix is (``--watch``); blocking.

    Listened to are the project root, the user's own paths, and user modules that lie elsewhere.
    """
    named = tuple(Path(plan.cwd, path).resolve() for path in plan.watch)
    others = [Path(plan.cwd, plan.text("app_dir")), *(Path(directory) for directory in roots)]
    paths = [project_root(Path(plan.cwd)).resolve()]
    for path in (*named, *(other.resolve() for other in others)):
        if path.exists() and not any(path.is_relative_to(known) for known in paths):
            paths.append(path)
    return tuple(paths), named
