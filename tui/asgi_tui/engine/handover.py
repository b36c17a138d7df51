"""The change of guard: the run that serves, the one that takes its place, and those on their way out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from asgi_tui.domain.events import Event
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.engine.binding import Binding, Bound
from asgi_tui.engine.changes import Changes
from asgi_tui.engine.operations import Operations, uninterrupted
from asgi_tui.engine.preparation import Prepared
from asgi_tui.engine.recipe import Surroundings
from asgi_tui.engine.retirement import Retirement
from asgi_tui.engine.standby import Standbys
from asgi_tui.engine.supervisor import CannotAdoptError, ServerRun, StartFailed
from asgi_tui.engine.telemetry import Sender, Told

# The name of tasks that see an old server to its end.
RETIRING = "retire"
# Seconds that connections may wait for a run that has started, before the old one takes them again.
HOLD_PATIENCE = 0.5
# Replaced runs that may wait for their streams at a time; the oldest is ended when another comes.
MAX_RETIRING = 3


@dataclass(frozen=True, slots=True)
class Change:
    """A change that has come about: the new run, the number of the old one (0: none), and why it was cold."""

    run: ServerRun
    replaces: int
    cold_reason: str


class Handover:
    """Runs of one session, at most one of which accepts connections but for the moment of a change."""

    def __init__(self, changes: Changes, operations: Operations, emit: Callable[[Event], None]) -> None:
        self.binding = Binding()
        self.current: ServerRun | None = None
        # What the server returned that ended last.
        self.last_code: int | None = None
        # Whether the last change left a moment without a server on the address, or lost what it had taken.
        self.gap = False
        # Connections turned away before it.
        self._dropped = 0
        self.surroundings: Surroundings | None = None
        self._changes = changes
        self._operations = operations
        self._standbys = Standbys(self._make, self._discard, emit)
        self._runs: dict[int, ServerRun] = {}
        self._retiring: dict[int, Retirement] = {}
        self._numbers = 0

    @property
    def refused(self) -> int | None:
        """Connections refused by the last change; None where the console does not listen itself.

        While it does, the kernel takes every connection in, and counts those for which there is no room.
        """
        if self.gap or not self.binding.is_open:
            return None
        return self.binding.dropped() - self._dropped

    @property
    def why_cold(self) -> str:
        """Why the next change will start cold where there is no standby."""
        why = self._standbys.why_none
        return f"there was no standby: {why}" if why else "there was no standby"

    async def warm(self, plan: LaunchPlan) -> Prepared | None:
        """How the standby for ``plan`` was prepared, None where there is none."""
        return await self._standbys.prepared(plan)

    # -- the change --------------------------------------------------------------------------------

    async def replace(
        self, prepared: Prepared, done: Callable[[Change], None], *, cold: str = "it was asked for"
    ) -> None:
        """Brings the next run up beside the old one, which is retired once the new one answers.

        Both accept from the console's socket meanwhile. Where one of them binds by itself, the address is
        another, or the plan says so, the old one ends first. ``cold``: why the standby must not be used.
        ``done`` is called once only the new run answers. Raises ``StartFailed`` or ``Problem``; then the old
        run serves on, if it still does.
        """
        replaces = self.current.number if self.current is not None else 0
        try:
            await self._replace(prepared, replaces, cold, done)
        except BaseException:
            if replaces:
                self.binding.go_back()
            raise

    async def _replace(
        self, prepared: Prepared, replaces: int, cold: str, done: Callable[[Change], None]
    ) -> None:
        self.gap = await self.binding.needs_free_address(prepared.plan)
        self._dropped = self.binding.dropped()
        if self.gap or prepared.plan.reloading.old_first:
            await self.end()
        try:
            run, cold = await self._start(prepared, cold)
        except CannotAdoptError:
            # Told by the child itself; from now on this server binds by itself.
            self.binding.cannot_adopt(prepared.plan.server)
            self.gap = await self.binding.needs_free_address(prepared.plan)
            if self.gap:
                await self.end()
            run, cold = await self._start(prepared, cold)
        try:
            await self._hand_over(run, Change(run, replaces, cold), done)
        except StartFailed:
            if not run.warm:
                raise
            cold = "the standby failed"
            run, _ = await self._start(prepared, cold)
            await self._hand_over(run, Change(run, replaces, cold), done)

    async def _start(self, prepared: Prepared, cold: str) -> tuple[ServerRun, str]:
        """A run that is ready, and why it started cold; one that fails leaves nothing behind."""
        bound = await self.binding.bind(prepared.plan)
        # What is saved from here on may be too late for this run.
        served = self._changes.serve()
        try:
            if not cold:
                run = self._standbys.take(prepared, bound)
                cold = await self._differs(run) if run is not None else "the standby was of another address"
                if run is not None and not cold:
                    return run, ""
            run = self._make(prepared, bound)
            await self._ready(run)
        except BaseException:
            self._changes.restore(served)
            raise
        return run, cold

    async def _differs(self, run: ServerRun) -> str:
        """Starts a standby; why it is not what a cold start would be. Raises ``StartFailed`` likewise."""
        try:
            await self._ready(run)
        except StartFailed as failure:
            if failure.of_the_app:
                raise
            return "the standby failed"
        if why := self._standbys.differs(run):
            await uninterrupted(self._discard(run))
        return why

    async def _ready(self, run: ServerRun) -> None:
        try:
            await (run.go() if run.waits else run.spawn())
            await run.until_started()
            await self._changes.armed()
        except BaseException:
            await uninterrupted(self._discard(run))
            raise

    async def _hand_over(self, run: ServerRun, change: Change, done: Callable[[Change], None]) -> None:
        old = self.current
        try:
            if old is not None:
                retirement = await self._until_it_answers(old, run)
            else:
                await run.until_answered()
                run.phases.alone = run.phases.answered
        except BaseException:
            await uninterrupted(self._discard(run))
            raise

        async def take_over() -> None:
            if old is not None:
                # Until then a client may still be answered by the code of before.
                await retirement.quiesce(run)
                run.phases.alone = time.monotonic()
                self.gap |= retirement.unable
                self._operations.spawn(self._retire(old, retirement), RETIRING)
            self.current = run
            self.binding.serve()
            done(change)

        # Half of it would leave two servers or none, and a plan that is not the one that runs.
        await uninterrupted(take_over())

    async def _until_it_answers(self, old: ServerRun, run: ServerRun) -> Retirement:
        """Has ``run`` answer beside ``old``, which accepts on where that does not come about."""
        retirement = old.retire()
        try:
            answered = False
            # Both may take a connection of a shared socket: only while the old one does not, an answer can
            # be had at once. What comes meanwhile waits in the backlog. Several workers change in turn.
            if run.bound.listener is not None and len(old.workers) == 1:
                await retirement.hold()
                answered = await run.until_answered(HOLD_PATIENCE)
                if not answered:
                    # The new one's loop hangs, perhaps for long.
                    retirement.release()
            if not answered:
                await run.until_answered()
        except BaseException:
            retirement.release()
            old.stay()
            raise
        return retirement

    def _make(self, prepared: Prepared, bound: Bound) -> ServerRun:
        assert self.surroundings is not None
        self._numbers += 1
        run = ServerRun(self._numbers, prepared, bound, self.surroundings)
        self._runs[run.number] = run
        return run

    async def _discard(self, run: ServerRun) -> int | None:
        try:
            return await run.stop()
        finally:
            self._runs.pop(run.number, None)

    # -- after it, and the end ------------------------------------------------------------------------

    async def settle(self) -> None:
        """A change is over: the next process is made ready for the run that serves now."""
        await self._standbys.follow(self.current)

    async def end(self) -> None:
        """Ends the run that serves; returns once it and those before it have come to their end."""
        run, self.current = self.current, None
        if run is not None:
            # Whatever comes now: nobody else would see it out.
            await uninterrupted(self._begin_end(run, run.retire()))
        await self._operations.join(RETIRING)

    async def _begin_end(self, run: ServerRun, retirement: Retirement) -> None:
        await retirement.quiesce(None)
        self._operations.spawn(self._retire(run, retirement), RETIRING)

    async def clear_up(self) -> None:
        """Sees to what is left of the run that served and has ended by itself, its last output included."""
        run, self.current = self.current, None
        if run is not None:
            await uninterrupted(self._retire(run, run.retire()))

    async def stop(self) -> None:
        """Ends every run at once, and gives the port back."""
        await self._standbys.follow(None)
        run, self.current = self.current, None
        self.end_streams()
        if run is not None:
            run.retire()
            self.last_code = await uninterrupted(self._discard(run))
        await self._operations.join(RETIRING)
        self.binding.close()

    def end_streams(self) -> None:
        """What replaced runs still have open gets no more time."""
        for retirement in self._retiring.values():
            retirement.end_now()

    async def _retire(self, run: ServerRun, retirement: Retirement) -> None:
        self._retiring[run.number] = retirement
        for number in sorted(self._retiring)[:-MAX_RETIRING]:
            self._retiring[number].end_now()
        try:
            self.last_code = await retirement.finish(run.plan.reloading.grace)
        finally:
            self._retiring.pop(run.number, None)
            self._runs.pop(run.number, None)

    # -- telemetry -----------------------------------------------------------------------------------

    def connected(self, sender: Sender) -> None:
        """A process loaded the probe."""
        if run := self._runs.get(sender.generation):
            run.connected(sender)

    def gone(self, sender: Sender) -> None:
        """A process ended, or closed its connection."""
        if run := self._runs.get(sender.generation):
            run.gone(sender)

    def told(self, sender: Sender, told: Told) -> None:
        """A process says something."""
        if run := self._runs.get(sender.generation):
            run.told(sender, told)

    def server_of(self, sender: Sender) -> str | None:
        """The server that a process is of."""
        run = self._runs.get(sender.generation)
        return run.server.name if run is not None else None
