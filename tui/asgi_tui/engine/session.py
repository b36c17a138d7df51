"""The facade that every front end drives: start, stop, restart, switch and the stream of events."""

from __future__ import annotations

import asyncio
import secrets
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from asgi_tui.domain.asgi_rules import check_http
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.events import (
    Error,
    Event,
    Exit,
    Ready,
    Reload,
    Request,
    State,
    StateChanged,
    Switch,
)
from asgi_tui.domain.mapping import Mapping, map_plan
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers import get_server
from asgi_tui.engine.binding import Binding
from asgi_tui.engine.changes import Changes
from asgi_tui.engine.failures import exit_failure, from_problem
from asgi_tui.engine.guard import Guard
from asgi_tui.engine.operations import Operations, uninterrupted
from asgi_tui.engine.preparation import Prepared, prepare
from asgi_tui.engine.reporter import Reporter
from asgi_tui.engine.runtime import RuntimeDirectory
from asgi_tui.engine.stream import EventStream
from asgi_tui.engine.supervisor import CannotAdoptError, ServerRun, StartFailed, Surroundings
from asgi_tui.engine.telemetry import Sender, Summary, Telemetry, Told, Traced

Found = TypeVar("Found")

# The name of tasks that see an old server to its end.
RETIRING = "retire"


class Session:
    """Runs one app on one server at a time.

    The commands never raise: what goes wrong arrives as an ``Error`` event. A new command takes the place
    of one that is under way.
    """

    def __init__(self, *, traces_per_second: int = 0, events_interval: float = 0.0) -> None:
        """``traces_per_second``: requests told with their messages, for each worker process.

        ``events_interval``: seconds between two batches of events at least, so that a screen is not drawn
        too often.
        """
        self.state = State.STOPPED
        self.plan: LaunchPlan | None = None
        # Whether a crashed session is brought back by the next good save.
        self.waits_for_a_save = False
        self._traces_per_second = traces_per_second
        self._events_interval = events_interval
        self._token_path = f"/asgi-tui-{secrets.token_hex(16)}"
        self._streams: list[EventStream] = []
        self._surroundings: Surroundings | None = None
        self._reporter = Reporter(self._emit)
        self._binding = Binding()
        self._changes = Changes(self._on_save, self._emit, self.tell)
        self._run: ServerRun | None = None
        self._runs: dict[int, ServerRun] = {}
        self._numbers = 0
        self._operations = Operations(self._fault)
        self._last_error: Error | None = None
        self._last_code: int | None = None
        self._closed = False
        # Whether the last change left a moment without a server on the address.
        self._gap = False

    # -- for front ends ----------------------------------------------------------------------------

    async def events(self) -> AsyncIterator[list[Event]]:
        """Batches of events from the first iteration on, until the session is closed."""
        stream = EventStream(self._events_interval)
        self._streams.append(stream)
        try:
            async for batch in stream.batches():
                yield batch
        finally:
            self._streams.remove(stream)

    async def start(self, plan: LaunchPlan) -> None:
        """Runs a plan, in place of what runs now. A plan that cannot be run disturbs nothing."""
        idle = self._run is None and self.state in (State.STOPPED, State.CRASHED)
        if idle:
            self._change(State.STARTING)
            self.plan = plan
        prepared = await self._checked(lambda: prepare(plan), settle=idle)
        if prepared is not None:
            await self._command(lambda: self._start(prepared))

    async def stop(self) -> None:
        """Stops the server and gives the port back."""
        await self._command(self._stop)

    async def restart(self) -> None:
        """Starts the server anew; the old one serves until the new one answers."""
        if self.plan is not None:
            await self.start(self.plan)

    async def switch(self, server: str) -> None:
        """Moves the running app to another server on the same address, without refusing a connection."""

        def look() -> tuple[Mapping, Prepared]:
            if self.plan is None:
                raise Problem("Switching", "nothing has been started yet", "start a server first")
            if server == self.plan.server and self._run is not None:
                raise Problem(f"Switching to {server}", "it is the one that runs", "pick another server")
            mapping = map_plan(self.plan, server)
            return mapping, prepare(mapping.plan)

        found = await self._checked(look)
        if found is not None:
            await self._command(lambda: self._switch(*found))

    async def _checked(self, look: Callable[[], Found], *, settle: bool = False) -> Found | None:
        """What ``look`` finds in a thread; None where it told of a problem, which disturbs nothing.

        ``settle``: nothing runs and nothing else is under way, so this is the end of it.
        """
        try:
            return await asyncio.to_thread(look)
        except Problem as problem:
            self.tell(from_problem(problem))
            if settle:
                self._settle(problem.why)
            return None

    async def close(self, *, failed: bool = False) -> None:
        """Stops everything, tells ``Exit`` and ends the streams. Leaves no process, socket or file.

        ``failed``: it is the end because the app could not be served, not because somebody asked.
        """
        if self._closed:
            return
        self._closed = True
        await self._operations.cancel_all()
        await self._stop()
        await self._operations.cancel_tasks()
        if self._surroundings is not None:
            await self._surroundings.telemetry.close()
            self._reporter.tell()
            await asyncio.to_thread(self._surroundings.guard.close)
            await asyncio.to_thread(self._surroundings.runtime.remove)
        self._emit(self._exit(failed))
        for stream in self._streams:
            stream.close()

    def tell(self, error: Error) -> None:
        """Tells every reader of something that went wrong."""
        self._last_error = error
        self._emit(error)

    def _exit(self, failed: bool) -> Exit:
        meaning = "the server never ran"
        if self.plan is not None and self._last_code is not None:
            meaning = get_server(self.plan.server).exit_meaning(self._last_code)
        reason = self._last_error.sentence if failed and self._last_error else "stopped on request"
        return Exit(time.time(), int(failed), reason, self._last_code, meaning)

    async def _command(self, operation: Callable[[], Awaitable[None]], *, yields: bool = False) -> None:
        async def guarded() -> None:
            try:
                await operation()
            except Problem as problem:
                self.tell(from_problem(problem))
                self._settle(problem.why)
            except Exception as error:
                self._fault(error)
                self._settle(str(error))

        if not self._closed:
            await self._operations.run(guarded, yields=yields)

    # -- start and stop ----------------------------------------------------------------------------

    async def _start(self, prepared: Prepared) -> None:
        self._change(State.STARTING)
        await uninterrupted(self._open())
        if self._run is None:
            self.plan = prepared.plan
        # First of all: a save while it starts counts, and after a failed start the next one mends it.
        await self._watch(prepared.plan)
        try:
            await self._replace(prepared)
        except StartFailed as failure:
            await self._failed(failure)
        else:
            await self._watch(prepared.plan)

    async def _open(self) -> None:
        """What is shared by all runs, made with the first one."""
        if self._surroundings is not None:
            return
        runtime = await asyncio.to_thread(RuntimeDirectory)
        guard = await asyncio.to_thread(Guard, runtime.path)
        telemetry = Telemetry(runtime.telemetry_socket, self._connected, self._told, self._gone)
        await telemetry.start()
        self._surroundings = Surroundings(
            runtime, guard, self._token_path, self._traces_per_second, telemetry, self._emit
        )
        self._operations.spawn(self._reporter.stats())
        self._operations.spawn(self._reporter.usage(self._leader))

    def _leader(self) -> int | None:
        return self._run.pid if self._run is not None else None

    async def _replace(self, prepared: Prepared, tell: Callable[[ServerRun], None] | None = None) -> None:
        """Brings the next run up beside the old one, which is stopped once the new one answers.

        Both accept from the console's socket meanwhile. Where one of them binds by itself, or the address is
        another, the old one is stopped first. ``tell`` is called in the moment of the change. Raises
        ``StartFailed`` or ``Problem``; then the old run serves on, if it still does.
        """
        self._gap = await self._binding.needs_free_address(prepared.plan)
        if self._gap:
            await self._end_run()
        try:
            run = await self._new_run(prepared)
        except CannotAdoptError:
            # Told by the child itself; from now on this server binds by itself, so the address must be free.
            self._binding.cannot_adopt(prepared.plan.server)
            self._gap = True
            await self._end_run()
            run = await self._new_run(prepared)
        # Half a handover would leave two servers or none, and a plan that is not the one that runs.
        await uninterrupted(self._hand_over(run, prepared.plan, tell))

    async def _new_run(self, prepared: Prepared) -> ServerRun:
        """A run that is ready; one that does not become so leaves nothing behind."""
        assert self._surroundings is not None
        bound = await self._binding.bind(prepared.plan)
        # What is saved from here on may be too late for this run.
        served = self._changes.serve()
        self._numbers += 1
        run = ServerRun(self._numbers, prepared, bound, self._surroundings)
        self._runs[run.number] = run
        try:
            await run.start()
            await self._changes.armed()
        except BaseException:
            self._changes.restore(served)
            try:
                await uninterrupted(run.stop())
            finally:
                del self._runs[run.number]
            raise
        return run

    async def _hand_over(
        self, run: ServerRun, plan: LaunchPlan, tell: Callable[[ServerRun], None] | None
    ) -> None:
        old = self._run
        if old is not None:
            # Until then a client may still be answered by the code of before.
            await old.quiesce()
        self._binding.serve()
        run.phases.alone = time.monotonic()
        self._run, self.plan = run, plan
        if old is not None:
            self._operations.spawn(self._retire(old), RETIRING)
        self._operations.spawn(self._follow(run))
        self._change(State.READY)
        self._emit(
            Ready(time.time(), run.server.name, run.version, run.address.url, run.pid, run.phases.startup_ms)
        )
        if tell is not None:
            tell(run)

    async def _stop(self) -> None:
        if self.state is not State.STOPPED:
            self._change(State.STOPPING)
        self._stop_watching()
        await self._end_run()
        await self._operations.join(RETIRING)
        self._binding.close()
        if self.state is not State.STOPPED:
            self._change(State.STOPPED)

    async def _end_run(self) -> None:
        """Ends the run that serves, to the last process and the last line of output."""
        run, self._run = self._run, None
        if run is not None:
            await uninterrupted(self._retire(run))

    async def _retire(self, run: ServerRun) -> None:
        self._last_code = await run.stop()
        self._runs.pop(run.number, None)

    async def _follow(self, run: ServerRun) -> None:
        """Tells when the server ends by itself."""
        code = await run.wait()
        if run is self._run and not run.retiring:
            await self._command(lambda: self._crashed(run, code), yields=True)

    async def _crashed(self, run: ServerRun, code: int) -> None:
        if run is not self._run:
            # A command has replaced or stopped it meanwhile.
            return
        await self._end_run()
        meaning = run.server.exit_meaning(code)
        await self._failed(StartFailed(exit_failure(run.plan, meaning, run.last_line, ready=True), code))

    # -- what goes wrong ---------------------------------------------------------------------------

    async def _failed(self, failure: StartFailed) -> None:
        """The app could not be served; a save may mend it, and what ran before may still run."""
        self.tell(failure.error)
        if self._run is not None:
            self._change(State.READY, "serving the last good version")
            return
        self._last_code = failure.code
        self.waits_for_a_save = self._changes.watching
        if not self.waits_for_a_save:
            self._binding.close()
        elif self.plan is not None and not self.plan.tls:
            await self._binding.answer_unavailable(failure.error.sentence)
        waits = "waiting for a save" if self.waits_for_a_save else ""
        self._change(State.CRASHED, "; ".join(filter(None, (failure.error.why, waits))))

    def _settle(self, reason: str) -> None:
        """The state after a command that cannot be carried out, whatever is saved."""
        if self._run is not None:
            self._change(State.READY, reason)
            return
        self._stop_watching()
        self._binding.close()
        self._change(State.CRASHED, reason)

    def _fault(self, error: BaseException) -> None:
        """A fault of ours: said in the open, where a silent one would leave the user waiting."""
        why = f"{type(error).__name__}: {error}"
        trace = "".join(traceback.format_exception(error))
        self.tell(Error(time.time(), "asgi-tui", why, "report this, please", traceback=trace))

    # -- change of server and of code --------------------------------------------------------------

    async def _switch(self, mapping: Mapping, prepared: Prepared) -> None:
        begun = time.monotonic()
        old = self.plan.server if self.plan is not None else ""
        self._change(State.RELOADING, f"switching to {prepared.plan.server}")
        await uninterrupted(self._open())

        def tell(run: ServerRun) -> None:
            phases, total_ms = run.phases.in_ms(), run.phases.total_ms(begun)
            to = prepared.plan.server
            self._emit(
                Switch(
                    time.time(),
                    old,
                    to,
                    mapping.mapped,
                    mapping.dropped,
                    phases,
                    total_ms,
                    self._refused(),
                )
            )

        try:
            await self._replace(prepared, tell)
        except StartFailed as failure:
            await self._failed(failure)
        else:
            await self._watch(prepared.plan)

    def _on_save(self) -> None:
        """Reloads, in place of a reload that is under way and after any command that is."""
        self._operations.spawn(self._command(self._reload, yields=True))

    async def _reload(self) -> None:
        plan = self.plan
        save = await self._changes.take(plan) if plan is not None else None
        if plan is None or save is None:
            # Stopped meanwhile, or started anew with what was saved.
            return
        begun = time.monotonic()
        self._change(State.RELOADING, ", ".join(change.path for change in save.changes[:3]))
        await uninterrupted(self._open())

        def tell(run: ServerRun) -> None:
            phases = {"notice": save.notice_ms} | run.phases.in_ms()
            total_ms = round(save.notice_ms + run.phases.total_ms(begun), 1)
            self._emit(Reload(time.time(), "ok", save.changes, phases, total_ms, self._refused()))

        try:
            prepared = await asyncio.to_thread(prepare, plan)
            await self._replace(prepared, tell)
        except (StartFailed, Problem) as failure:
            error = failure.error if isinstance(failure, StartFailed) else from_problem(failure)
            total_ms = round(save.notice_ms + (time.monotonic() - begun) * 1000, 1)
            self._emit(
                Reload(
                    time.time(),
                    "failed",
                    save.changes,
                    {"notice": save.notice_ms},
                    total_ms,
                    self._refused(),
                    reason=error.sentence,
                    file=error.file,
                    line=error.line,
                )
            )
            await self._failed(StartFailed(error, getattr(failure, "code", None)))
            self._changes.forget(save)
        else:
            await self._watch(plan)

    def _stop_watching(self) -> None:
        self.waits_for_a_save = False
        self._changes.stop()

    async def _watch(self, plan: LaunchPlan) -> None:
        if not self._closed:
            await self._changes.watch(plan, self._run.roots if self._run else ())

    def _refused(self) -> int | None:
        """Connections refused by a change: none while the console listens itself, else nobody can count."""
        return None if self._gap or not self._binding.is_open else 0

    # -- telemetry ---------------------------------------------------------------------------------

    def _connected(self, sender: Sender) -> None:
        if run := self._runs.get(sender.generation):
            run.connected(sender)

    def _gone(self, sender: Sender) -> None:
        if run := self._runs.get(sender.generation):
            run.gone(sender)
        self._reporter.forget_worker(sender.pid)

    def _told(self, sender: Sender, told: Told) -> None:
        run = self._runs.get(sender.generation)
        if isinstance(told, Summary):
            self._reporter.add(sender.pid, told)
        elif run is not None and isinstance(told, Traced):
            self._emit(
                Request(
                    told.at,
                    told.id,
                    told.method,
                    told.path,
                    told.route,
                    told.status,
                    told.duration_ms,
                    run.server.name,
                    sender.pid,
                    told.messages,
                    check_http(told.method, told.messages, returned=told.returned, complete=told.complete),
                )
            )
        elif run is not None:
            run.told(sender, told)

    # -- small helpers -----------------------------------------------------------------------------

    def _emit(self, event: Event) -> None:
        for stream in self._streams:
            stream.put(event)

    def _change(self, state: State, reason: str = "") -> None:
        self.state = state
        self._emit(StateChanged(time.time(), state, reason))
