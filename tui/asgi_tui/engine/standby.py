"""The next process, waiting: the server and the installed modules of the last run imported, user code never.

What to import is learned from the process that serves. Whatever goes wrong here costs only time: the next
change then starts cold.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import psutil

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.events import Event, Standby
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.reloading import Reloading
from asgi_tui.engine.binding import Bound
from asgi_tui.engine.operations import uninterrupted
from asgi_tui.engine.preparation import Prepared
from asgi_tui.engine.process import Preload
from asgi_tui.engine.supervisor import ServerRun
from asgi_tui.engine.telemetry import Modules

# Seconds the first requests get to import what they need, before it is asked what was imported.
SETTLE = 0.3
# Seconds a process gets to tell what it has imported, and a standby to import it.
TELL_PATIENCE = 2.0
WARM_PATIENCE = 60.0
# Seconds that a change waits for a standby that is not warm yet.
WAIT_FOR_WARM = 10.0
# Standbys that are started over, each without the modules that spoiled the one before.
ATTEMPTS = 6
# Modules named in a reason.
MAX_NAMES = 3

Stamps = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Learned:
    """What a run imported, and so what the next may import in advance.

    ``altered`` is what user code changed meanwhile, as ``asgi_probe.imports`` names it; ``stamps`` change
    with the packages that are installed.
    """

    plan: LaunchPlan
    modules: Modules
    altered: frozenset[str]
    stamps: Stamps

    def is_of(self, run: ServerRun) -> bool:
        """Whether the run has the same app, server, options and packages; a few system calls."""
        return self.plan == needs(run.prepared.plan) and self.stamps == stamps(run.prepared)


@dataclass(slots=True)
class _Waiting:
    """A standby; ``settled`` once it is warm, or never will be."""

    run: ServerRun
    learned: Learned
    warm: bool = False
    settled: asyncio.Event = field(default_factory=asyncio.Event)


class Standbys:
    """Keeps one process warm for the run that serves.

    ``make`` gives a run of the same plan on the same address that has not been started; ``discard`` ends
    one that is of no use.
    """

    def __init__(
        self,
        make: Callable[[Prepared, Bound], ServerRun],
        discard: Callable[[ServerRun], Coroutine[Any, Any, int | None]],
        emit: Callable[[Event], None],
    ) -> None:
        self._make = make
        self._discard = discard
        self._emit = emit
        self._task: asyncio.Task[None] | None = None
        self._waiting: _Waiting | None = None
        self._learned: Learned | None = None
        # Modules that spoiled a standby, or started a thread in one that is to fork.
        self._unfit: set[str] = set()
        # Why there is none, and the state and reason that were told last.
        self.why_none = ""
        self._told = ("", "")

    # -- the next change -----------------------------------------------------------------------------

    async def prepared(self, plan: LaunchPlan) -> Prepared | None:
        """How the standby for ``plan`` was prepared, None where there is none that is warm, or soon."""
        waiting = self._waiting
        if waiting is None or needs(waiting.run.prepared.plan) != needs(plan) or waiting.run.ended:
            return None
        if not waiting.learned.is_of(waiting.run):
            return None
        # One that is not warm yet is so before a cold start would be, unless it hangs.
        with suppress(TimeoutError):
            async with asyncio.timeout(WAIT_FOR_WARM):
                await waiting.settled.wait()
        return waiting.run.prepared if self._waiting is waiting and waiting.warm else None

    def take(self, prepared: Prepared, bound: Bound) -> ServerRun | None:
        """The standby, from now on the caller's; None where it is none of this address."""
        waiting = self._waiting
        if waiting is None or not waiting.warm or waiting.run.ended:
            return None
        if waiting.run.prepared is not prepared or waiting.run.bound != bound:
            return None
        self._waiting = None
        if self._task is not None:
            self._task.cancel()
        self._emit(Standby(time.time(), "used", waiting.run.pid))
        return waiting.run

    def differs(self, run: ServerRun) -> str:
        """In words what a run that was a standby may have done other than a cold one; empty where nothing.

        User code that changes more than before may have done so before an import that is in the standby.
        """
        more = run.altered - self._learned.altered if self._learned is not None else frozenset()
        return f"the app changes {', '.join(sorted(more))} now" if more else ""

    # -- keeping one -----------------------------------------------------------------------------------

    async def follow(self, run: ServerRun | None) -> None:
        """Prepares the standby of the run that serves, in place of any other; None: there is none."""
        await self._stop()
        if run is None:
            self._told = ("", "")
        else:
            self._task = asyncio.create_task(self._keep(run))

    async def _stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            await uninterrupted(self._discard(waiting.run))

    async def _keep(self, run: ServerRun) -> None:
        plan = run.prepared.plan
        version = run.prepared.interpreter.version
        why = "" if plan.reload else "reload is off"
        why = why or ("" if plan.reloading.standby else "it is switched off")
        why = why or run.server.gains_nothing(plan, version or ())
        if why:
            self._tell("off", why)
            return
        try:
            known = self._learned
            if known is not None and (not known.is_of(run) or self.differs(run)):
                known = None
            learned = known or await self._learn(run)
            if learned is None:
                self._tell("failed", "the app's process did not tell what it has imported")
                return
            await self._warm(run, learned)
            if known is not None:
                # The one after it may need more.
                await self._learn(run)
            if self._waiting is not None:
                await self._waiting.run.wait()
                self._tell("failed", "its process ended")
        except Problem as problem:
            self._tell("failed", problem.why)
        except Exception as error:
            # Whatever it is, the next change starts cold; that it does is said.
            self._tell("failed", f"{type(error).__name__}: {error}")

    async def _learn(self, run: ServerRun) -> Learned | None:
        before = stamps(run.prepared)
        await asyncio.sleep(SETTLE)
        modules = await run.modules(TELL_PATIENCE)
        if modules is not None:
            self._learned = Learned(needs(run.prepared.plan), modules, run.altered, before)
        return self._learned if modules is not None else None

    async def _warm(self, run: ServerRun, learned: Learned) -> None:
        """Starts a standby; one that was spoiled is started over without what spoiled it."""
        started = time.time()
        for _ in range(ATTEMPTS):
            waiting = _Waiting(self._make(run.prepared, run.bound), learned)
            self._waiting = waiting
            try:
                report = await self._import(waiting.run, self._preload(run, learned.modules))
                spoilers = {str(name) for key in ("spoiled", "threads") for name in report.get(key, ())}
                waiting.warm = bool(report) and not spoilers and not report.get("users")
            finally:
                waiting.settled.set()
            if waiting.warm:
                self.why_none = ""
                memory = await asyncio.to_thread(resident, waiting.run.pid)
                count, ms = int(report["modules"]), round(float(report["ms"]), 1)
                self._emit(Standby(time.time(), "warm", waiting.run.pid, count, ms, memory))
                return
            self._waiting = None
            await uninterrupted(self._discard(waiting.run))
            if report.get("users"):
                names = ", ".join(map(str, report["users"]))
                self._tell("failed", f"user code runs whenever Python starts ({names})")
                return
            if not spoilers or spoilers <= self._unfit:
                break
            self._unfit |= spoilers
        if spoilers:
            names = ", ".join(sorted(spoilers)[:MAX_NAMES])
            self._tell("failed", f"the import of {names} asks for user code or starts a thread")
            return
        self._tell("failed", f"it ended while it imported, or was not ready in {time.time() - started:.0f} s")

    async def _import(self, run: ServerRun, preload: Preload) -> dict[str, Any]:
        """What the standby says once it is warm; empty if it does not become so."""
        await run.spawn(preload)
        self._told = ("warming", "")
        self._emit(Standby(time.time(), "warming", run.pid))
        with suppress(TimeoutError):
            async with asyncio.timeout(WARM_PATIENCE):
                return await run.warmed()
        return {}

    def _preload(self, run: ServerRun, modules: Modules) -> Preload:
        excluded = (*run.plan.reloading.standby_exclude, *self._unfit)

        def unwanted(name: str) -> bool:
            return any(name == module or name.startswith(f"{module}.") for module in excluded)

        wanted = tuple(name for name in modules.installed if not unwanted(name))
        return Preload(wanted, (*modules.never, *excluded), run.server.forks)

    def _tell(self, state: str, reason: str) -> None:
        self.why_none = reason
        if self._told != (state, reason):
            self._told = (state, reason)
            self._emit(Standby(time.time(), state, reason=reason))


def needs(plan: LaunchPlan) -> LaunchPlan:
    """What of a plan a standby depends on."""
    wanted = Reloading(standby=plan.reloading.standby, standby_exclude=plan.reloading.standby_exclude)
    return replace(plan, watch=(), reloading=wanted)


def stamps(prepared: Prepared) -> Stamps:
    """When something was last installed or removed, by directory; a few system calls."""
    found = []
    for directory in prepared.interpreter.site_dirs:
        with suppress(OSError):
            found.append(os.stat(directory).st_mtime_ns)  # noqa: PTH116 - one call, on the way to every reload
    return tuple(found)


def resident(pid: int) -> int:
    """Resident memory of a process in bytes, 0 where it is gone; blocking."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
