"""What is watched for a session, and what has been saved that no run serves yet."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.events import Change, Error, Event, Watching
from asgi_tui.domain.globs import Globs, glob_of
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.reload_loop import Loop, LoopDetector

if TYPE_CHECKING:
    from asgi_tui.engine.watch_thread import Noticed
    from asgi_tui.engine.watched import Wanted
    from asgi_tui.engine.watcher import Watcher

# Seconds; a save that old was not noticed late but has a strange time.
OLD_SAVE = 2.0
# Changes named in one event; the rest of a burst is counted.
MAX_CHANGES = 50


@dataclass(frozen=True, slots=True)
class Save:
    """Files saved, as events name them, and how long after the last of them it was noticed.

    ``cold`` says why the new code must start with nothing imported in advance, empty where it need not.
    ``number`` counts the bursts up to this one.
    """

    paths: tuple[Path, ...]
    changes: tuple[Change, ...]
    notice_ms: float
    cold: str
    number: int


# What became of a file, and the number of the burst that told it last.
Unserved: TypeAlias = dict[Path, tuple[str, int]]


class Changes:
    """Watches while a session runs; ``saved`` is called at each burst of changes."""

    def __init__(
        self, saved: Callable[[], None], emit: Callable[[Event], None], tell: Callable[[Error], None]
    ) -> None:
        self._saved = saved
        self._emit = emit
        self._tell = tell
        self._watcher: Watcher | None = None
        self._unserved: Unserved = {}
        self._noticed = 0.0
        self._number = 0
        self._loops = LoopDetector()
        # Globs that were excluded while it ran.
        self._excluded: tuple[str, ...] = ()
        self._problems: set[str] = set()
        # How the path of the file ends that the app is started from.
        self._entry: tuple[str, ...] = ()
        self._told = Watching(0.0, ())

    @property
    def watching(self) -> bool:
        """Whether a save will be seen."""
        return self._watcher is not None

    @property
    def paused(self) -> bool:
        """Whether saves are kept until ``resume``."""
        return self._told.paused

    @property
    def pending(self) -> bool:
        """Whether something was saved that no run serves, and that nobody asked to keep for later."""
        return bool(self._unserved) and not self.paused

    async def watch(self, plan: LaunchPlan, roots: tuple[str, ...], libraries: tuple[str, ...] = ()) -> None:
        """Watches what the plan, and a run with user modules in ``roots``, make worth watching.

        ``libraries`` are the directories of installed packages.
        """
        if not plan.reload:
            self.stop()
            return
        # Late, since watchfiles is not needed to show a form.
        from asgi_tui.engine.watched import watched
        from asgi_tui.engine.watcher import Watcher

        if self._watcher is None:
            self._watcher = Watcher(self._changed, self._counted, self._failed)
        watcher = self._watcher
        target = plan.target
        module = target.module.replace(".", "/")
        self._entry = (
            (f"/{target.path.lstrip('./')}",) if target.path else (f"/{module}.py", f"/{module}/__init__.py")
        )
        wanted = await asyncio.to_thread(watched, plan, roots, libraries, self._excluded)
        # Stopped meanwhile, or what is watched already.
        if watcher is self._watcher and wanted != watcher.wanted:
            self._watch(wanted)

    def _watch(self, wanted: Wanted) -> None:
        assert self._watcher is not None
        self._watcher.watch(wanted)
        self._show(paths=tuple(str(path) for path in wanted.paths), polling="")

    async def armed(self) -> None:
        """Returns once changes are seen, at once where nothing is watched."""
        if self._watcher is not None:
            await self._watcher.armed()

    def stop(self) -> None:
        """Watches no more and forgets what was saved."""
        self._unserved.clear()
        self._loops = LoopDetector()
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.stop()
        self._told = Watching(time.time(), ())
        self._emit(self._told)

    # -- pause and loops -------------------------------------------------------------------------------

    def pause(self) -> None:
        """Keeps what is saved from now on until ``resume``."""
        if self._watcher is not None and not self.paused:
            self._show(paused=True)

    def resume(self) -> None:
        """Calls ``saved`` again for saves, and at once for those of the meantime."""
        if not self.paused:
            return
        self._loops.forget()
        self._show(paused=False, loop="", exclude="")
        if self._unserved:
            self._saved()

    def exclude(self, glob: str) -> None:
        """Changes of files that match count no more; resumes where a loop has paused it."""
        new, self._excluded = glob not in self._excluded, tuple(dict.fromkeys((*self._excluded, glob)))
        if self._watcher is None or (wanted := self._watcher.wanted) is None:
            return
        if new:
            self._watch(replace(wanted, exclude=(*wanted.exclude, glob)))
        globs = Globs((glob,))
        for path in [path for path in self._unserved if globs.covers(wanted.shown(path).lstrip("/"))]:
            del self._unserved[path]
        if self._told.loop:
            self.resume()

    def ready(self) -> None:
        """A run has become ready: what changes at once after it may be its own doing."""
        self._loops.ready(time.monotonic())

    # -- what no run serves yet ------------------------------------------------------------------------

    def serve(self) -> Unserved:
        """A run starts and will serve what has been saved so far; ``restore`` what it did not after all."""
        self._loops.started(time.monotonic())
        served, self._unserved = self._unserved, {}
        return served

    def restore(self, served: Unserved) -> None:
        """The run that was to serve these files came to nothing."""
        self._unserved = served | self._unserved

    def forget(self, save: Save) -> None:
        """The failure to serve a save has been told; what was saved again since is kept."""
        for path in save.paths:
            if path in self._unserved and self._unserved[path][1] <= save.number:
                del self._unserved[path]

    async def take(self, plan: LaunchPlan) -> Save | None:
        """What is to be served now, its cached bytecode dropped; None where nothing is left to do."""
        if self._watcher is None or (wanted := self._watcher.wanted) is None or not self._unserved:
            return None
        from asgi_tui.engine.bytecode import drop_bytecode

        burst, noticed, number = sorted(self._unserved.items()), self._noticed, self._number
        paths = tuple(path for path, _ in burst)

        def look() -> Save:
            notice_ms = round(_age_ms(paths, noticed), 1)
            # Once more: a run that was cancelled may have written some since it was noticed.
            drop_bytecode(paths, wanted.pycache)
            changes = _to_changes({path: kind for path, (kind, _) in burst}, wanted)
            cold = next(filter(None, map(wanted.cold, paths)), "")
            return Save(paths, changes, notice_ms, cold, number)

        return await asyncio.to_thread(look)

    async def with_lines(self, save: Save) -> tuple[Change, ...]:
        """The changes of a save with the lines they added and removed where that is cheap to know.

        For after the new code answers: it reads the files.
        """
        if self._watcher is None:
            return save.changes
        pairs = list(zip(save.paths[:MAX_CHANGES], save.changes, strict=False))
        counted = await asyncio.to_thread(self._watcher.contents.with_lines, pairs)
        return (*counted, *save.changes[len(pairs) :])

    # -- told by the watcher ---------------------------------------------------------------------------

    def _changed(self, noticed: Noticed) -> None:
        if self._watcher is None or (wanted := self._watcher.wanted) is None:
            return
        # Told by the thread of before, they may have been excluded since.
        excluded = Globs(self._excluded)
        files = {
            path: kind
            for path, kind in noticed.files.items()
            if not self._excluded or not excluded.covers(wanted.shown(path).lstrip("/"))
        }
        if not files:
            return
        self._noticed = time.time()
        self._number += 1
        self._unserved |= {path: (kind, self._number) for path, kind in files.items()}
        if self.paused:
            return
        if noticed.gathered:
            # Many files at once are git's or an installer's doing.
            self._loops.forget()
        elif loop := self._loops.saved(self._maybe_written(files), time.monotonic()):
            self._pause_for(loop)
            return
        self._saved()

    def _maybe_written(self, files: Mapping[Path, str]) -> dict[Path, str]:
        """The files that the app may have written itself: none writes the one it is started from."""
        return {path: kind for path, kind in files.items() if not path.as_posix().endswith(self._entry)}

    def _pause_for(self, loop: Loop) -> None:
        assert self._watcher is not None
        wanted = self._watcher.wanted
        assert wanted is not None
        shown = wanted.shown(Path(loop.file))
        self._show(paused=True, loop=shown, exclude=glob_of(shown.lstrip("/")))

    def _counted(self, files: int, polling: str) -> None:
        self._show(files=files, polling=polling)

    def _failed(self, problem: Problem) -> None:
        if str(problem) in self._problems:
            # It is as it was when something else began to be watched.
            return
        self._problems.add(str(problem))
        self._tell(Error(time.time(), problem.what, problem.why, problem.mend))

    def _show(
        self,
        *,
        paths: tuple[str, ...] | None = None,
        files: int | None = None,
        paused: bool | None = None,
        loop: str | None = None,
        exclude: str | None = None,
        polling: str | None = None,
    ) -> None:
        """Tells how it stands; what is left out is as it was."""
        old = self._told
        self._told = Watching(
            time.time(),
            old.paths if paths is None else paths,
            old.files if files is None else files,
            old.paused if paused is None else paused,
            old.loop if loop is None else loop,
            old.exclude if exclude is None else exclude,
            old.polling if polling is None else polling,
        )
        self._emit(self._told)


def _to_changes(burst: Mapping[Path, str], wanted: Wanted) -> tuple[Change, ...]:
    """The burst as events name it."""
    changes = [Change(wanted.shown(path), kind) for path, kind in list(burst.items())[:MAX_CHANGES]]
    if len(burst) > MAX_CHANGES:
        changes.append(Change(f"and {len(burst) - MAX_CHANGES:,} more", "modified"))
    return tuple(changes)


def _age_ms(paths: tuple[Path, ...], noticed: float) -> float:
    """Milliseconds from the last save of a burst to its notice, 0 where no clock tells it; blocking.

    A file that is moved into place keeps an old time of change; its inode's is of the move.
    """
    saved = []
    for path in paths:
        with suppress(OSError):
            status = path.stat()
            saved.append(max(status.st_mtime, status.st_ctime))
    age = noticed - max(saved, default=noticed)
    return age * 1000 if 0 <= age < OLD_SAVE else 0.0
