"""The thread that listens to a tree: what of it is one burst, and what to do where the system refuses."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.text import sanitize
from asgi_tui.engine.bytecode import drop_bytecode
from asgi_tui.engine.contents import Contents
from asgi_tui.engine.file_tree import MAX_DIRECTORIES, Burst, FileTree, Told
from asgi_tui.engine.ignored import find_git
from asgi_tui.engine.libraries import Libraries
from asgi_tui.engine.notifying import Notifier
from asgi_tui.engine.polling import Poller
from asgi_tui.engine.watched import Wanted

# Seconds between two looks at what the system does not tell of.
TICK = 1.0
MISSING_TICK = 0.2
# Seconds without a change that end a burst of so many files, of git's work, and of a file that is gone or
# empty and will be written in a moment; and the longest that a burst may be.
MANY = 30
QUIET = 0.1
GIT_QUIET = 0.5
WRITING_QUIET = 0.03
LONGEST_BURST = 5.0
_SLICE = 0.02
# Nanoseconds from a save until the system has told of it, and more.
OVERLAP_NS = 20_000_000
# New directories are listened to after a rest of so many times what that takes.
RESTS = 5

_LIMITS = "raise fs.inotify.max_user_{} with sysctl, or exclude directories; until then files are polled"


@dataclass(frozen=True, slots=True)
class Noticed:
    """Files that changed, by what became of them. ``gathered``: git or another program changed many."""

    files: Mapping[Path, str]
    gathered: bool = False


class Stop(threading.Event):
    """Ends a thread; ``next_ns`` is when (Unix ns) another began to take its place, 0 where none does."""

    next_ns = 0


class Listener(Protocol):
    """Who is told, from the thread; nothing once ``stop`` is set."""

    @property
    def contents(self) -> Contents:
        """What files held before."""

    def arm(self, stop: threading.Event) -> None:
        """Changes are seen."""

    def tell(self, noticed: Noticed) -> None:
        """Files changed; this is told even then."""

    def tell_count(self, stop: threading.Event, files: int, polling: str) -> None:
        """So many files count; ``polling`` says why they are polled."""

    def tell_problem(self, stop: threading.Event, problem: Problem) -> None:
        """Something stands in the way."""


class WatchThread:
    """Watches until it is stopped; ``run`` is its work."""

    def __init__(self, listener: Listener, wanted: Wanted, stop: Stop, before: Stop | None) -> None:
        """``before`` ends the thread whose place it takes, if there is one, once changes are seen."""
        self._listener = listener
        self._wanted = wanted
        self._stop = stop
        self._begun = time.time_ns()
        self._looked = self._begun + OVERLAP_NS
        self._before = before
        self._polling = os.environ.get("WATCHFILES_FORCE_POLLING", "") and "WATCHFILES_FORCE_POLLING is set"
        self._count = -1
        self._stale_lock: int | None = None
        self._renew_at = 0.0
        self._gathers_until = 0.0

    def run(self) -> None:
        """Walks the tree, then tells of changes."""
        try:
            self._run()
        except Exception as error:
            # Else nobody would know that no save is seen any more.
            why = f"it failed ({sanitize(f'{type(error).__name__}: {error}')})"
            self._listener.tell_problem(
                self._stop, Problem("Watching for changes", why, "report this, please")
            )

    def _run(self) -> None:
        self._tree = FileTree(self._wanted)
        self._tree.walk()
        self._lock = (find_git(str(self._wanted.project))[1] or Path(os.devnull)) / "index.lock"
        self._source = self._open()
        if self._before is not None:
            self._before.next_ns = self._begun
            self._before.set()
        self._listener.arm(self._stop)
        self._tell_count()
        if self._tree.cut:
            self._tell_cut()
        self._tell(self._tree.modified_since(self._begun, time.time_ns()))
        self._libraries = Libraries(self._wanted.libraries)
        reader = threading.Thread(target=self._read, name="read files", daemon=True)
        reader.start()
        try:
            self._watch()
            # The end came before a look at what was told last; the next thread only knows of what came later.
            self._tell(self._tree.modified_since(self._looked - OVERLAP_NS, self._stop.next_ns))
        finally:
            self._source.close()

    def _open(self) -> Notifier | Poller:
        if not self._polling:
            try:
                return Notifier(self._tree)
            except (OSError, RuntimeError) as error:
                self._refused(error)
        return Poller(self._tree)

    def _refused(self, error: Exception) -> None:
        """The system does not listen: that is told once, and files are polled."""
        problem = refusal(error)
        self._polling = problem.why
        self._count = -1
        self._listener.tell_problem(self._stop, problem)

    def _read(self) -> None:
        paths = (shown for _, shown in self._tree.files() if shown.suffix == ".py")
        self._listener.contents.read(paths, self._stop)

    # -- changes ---------------------------------------------------------------------------------------

    def _watch(self) -> None:
        ticked = time.monotonic()
        while not self._stop.is_set():
            tick = MISSING_TICK if self._tree.missing else TICK
            told = self._wait(tick)
            if time.monotonic() - ticked >= tick:
                ticked = time.monotonic()
                told |= set(self._tree.lost())
                self._tell(self._libraries.look(), gathered=True)
            if told:
                self._changed(told)

    def _wait(self, seconds: float) -> set[Told]:
        told = self._source.wait(seconds, self._stop)
        if not self._stop.is_set():
            self._looked = time.time_ns()
        return self._tree.relevant(told)

    def _changed(self, told: set[Told]) -> None:
        told, gathered = self._collect(told)
        burst, moved = self._tree.apply(told)
        if moved:
            burst = self._listen_anew() | burst
        self._tell(burst, gathered=gathered)
        self._tell_count()
        if gathered:
            # What is left of it may come in small parts.
            self._gathers_until = time.monotonic() + TICK

    def _collect(self, told: set[Told]) -> tuple[set[Told], bool]:
        """The whole burst that a first batch belongs to, and whether git or another program made it."""
        begun = last = time.monotonic()
        gathered = False
        stale = self._stale_lock
        while not self._stop.is_set() and (now := time.monotonic()) - begun < LONGEST_BURST:
            patience = self._patience(told)
            gathered |= patience >= QUIET
            if now - last >= patience:
                # An old lock was left behind, or waits for a person to write a message.
                lock = self._lock_time()
                if lock is not None and time.time_ns() - lock > LONGEST_BURST * 1e9:
                    stale = lock
                break
            if more := self._wait(_SLICE):
                told |= more
                last = time.monotonic()
        self._stale_lock = stale
        return told, gathered

    def _patience(self, told: set[Told]) -> float:
        """Seconds without a change after which a burst is over."""
        lock = self._lock_time()
        if lock is not None and lock != self._stale_lock:
            return GIT_QUIET
        if len(told) > MANY or time.monotonic() < self._gathers_until:
            return QUIET
        return WRITING_QUIET if any(map(self._tree.is_being_written, {path for _, path in told})) else 0.0

    def _lock_time(self) -> int | None:
        with suppress(OSError):
            return self._lock.stat().st_mtime_ns
        return None

    def _listen_anew(self) -> Burst:
        """Listens to the directories that are there now; what has come into new ones meanwhile."""
        burst: Burst = {}
        moved = True
        while moved and not self._stop.is_set():
            # An app that makes a directory for each request must not keep this thread busy.
            self._stop.wait(self._renew_at - time.monotonic())
            begun = time.monotonic()
            try:
                known, late = self._source.renew()
            except (OSError, RuntimeError) as error:
                self._source.close()
                self._refused(error)
                self._source = Poller(self._tree)
                known, late = set(self._tree.directories), set()
            self._renew_at = time.monotonic() + RESTS * (time.monotonic() - begun)
            found, moved = self._tree.look_again(known)
            changed, again = self._tree.apply(self._tree.relevant(late))
            burst = changed | found | burst
            moved |= again
        return burst

    # -- telling ---------------------------------------------------------------------------------------

    def _tell(self, burst: Burst, *, gathered: bool = False) -> None:
        if burst:
            # At once: whatever starts next, for whatever reason, must not find it.
            drop_bytecode(burst, self._wanted.pycache)
            self._source.was_saved()
            self._listener.tell(Noticed(burst, gathered))

    def _tell_count(self) -> None:
        if self._tree.count != self._count:
            self._count = self._tree.count
            self._listener.tell_count(self._stop, self._count, self._polling)

    def _tell_cut(self) -> None:
        what = f"Watching {self._wanted.project}"
        why = f"it has more than {MAX_DIRECTORIES:,} directories, and those beyond are not watched"
        self._listener.tell_problem(self._stop, Problem(what, why, "exclude directories that hold no source"))


def refusal(error: Exception) -> Problem:
    """What a refused request to listen means, in one sentence."""
    what = "Watching for changes"
    text = str(error)
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.ENOSPC or "os error 28" in text or "No space left" in text or "watch limit" in text:
        return Problem(
            what, "the system's limit of watched directories is reached", _LIMITS.format("watches")
        )
    if number == errno.EMFILE or "os error 24" in text or "Too many open files" in text:
        return Problem(
            what,
            "the system's limit of inotify instances or open files is reached",
            _LIMITS.format("instances"),
        )
    return Problem(what, f"the system refused it ({sanitize(text)})", "until then files are polled")
