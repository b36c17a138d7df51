"""The facade that every front end drives: start, stop, restart, switch and the stream of events."""

from __future__ import annotations

import asyncio
import secrets
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.events import Error, Event, Exit, Ready, State, StateChanged
from asgi_tui.domain.mapping import Mapping, map_plan
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.reloading import read_item
from asgi_tui.domain.sending import Answer, Opening, Sending
from asgi_tui.domain.servers import get_server
from asgi_tui.engine.changes import Changes, Save
from asgi_tui.engine.conversation import Conversation
from asgi_tui.engine.failures import exit_failure, from_problem
from asgi_tui.engine.guard import Guard
from asgi_tui.engine.handover import Change, Handover
from asgi_tui.engine.log_store import LogStore
from asgi_tui.engine.observing import Observer
from asgi_tui.engine.operations import Operations, uninterrupted
from asgi_tui.engine.preparation import Prepared, prepare
from asgi_tui.engine.recipe import Surroundings
from asgi_tui.engine.reports import not_reloaded, reloaded, switched
from asgi_tui.engine.runtime import RuntimeDirectory
from asgi_tui.engine.sends import Sends
from asgi_tui.engine.side_run import send_on
from asgi_tui.engine.stream import Broadcast
from asgi_tui.engine.supervisor import ServerRun, StartFailed
from asgi_tui.engine.telemetry import Sender, Summary, Telemetry, Told
from asgi_tui.engine.traces import Trace

Found = TypeVar("Found")

# A reload that was asked for.
NOTHING_SAVED = Save((), (), 0.0, "", 0)
# Seconds in which no screen is drawn while new code is on its way: about what a person sees.
RELOAD_REST = 0.1
# The state's reason after a failure while the run of before serves on.
LAST_GOOD = "serving the last good version"


class Session:
    """Runs one app on one server at a time.

    The commands never raise: what goes wrong arrives as an ``Error`` event. A new command takes the place
    of one that is under way.
    """

    def __init__(
        self,
        *,
        traces_per_second: int | None = 0,
        events_interval: float = 0.0,
        logs: LogStore | None = None,
    ) -> None:
        """``traces_per_second``: requests told with their messages, for each worker process; None: all.

        ``events_interval``: seconds between two batches of events at least, so that a screen is not drawn
        too often. ``logs``: where all that the servers print is kept, and ``Logged`` told of it; None: each
        line is told as a ``Log``. It is left open, since a console shows it to the end.
        """
        self.state = State.STOPPED
        self.plan: LaunchPlan | None = None
        # The server before the last switch.
        self.previous_server = ""
        # Whether a crashed session is brought back by the next good save.
        self.waits_for_a_save = False
        self._token_path = f"/asgi-tui-{secrets.token_hex(16)}"
        self._readers = Broadcast(events_interval)
        self._emit = self._readers.tell
        self._logs = logs
        self._surroundings: Surroundings | None = None
        self._sends = Sends()
        self._observer = Observer(self._emit, self._sends.ended, traces_per_second)
        self._changes = Changes(self._on_save, self._emit, self.tell)
        self._operations = Operations(self._fault)
        self._handover = Handover(self._changes, self._operations, self._emit)
        self._last_error: Error | None = None
        self._closed = False

    # -- for front ends ----------------------------------------------------------------------------

    @property
    def logs(self) -> LogStore:
        """What the servers print, where the session was made with a store for it."""
        assert self._logs is not None
        return self._logs

    def events(self) -> AsyncIterator[list[Event]]:
        """Batches of events from the first iteration on, until the session is closed."""
        return self._readers.events()

    async def start(self, plan: LaunchPlan) -> None:
        """Runs a plan, in place of what runs now. A plan that cannot be run disturbs nothing."""
        idle = self._handover.current is None and self.state in (State.STOPPED, State.CRASHED)
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
        """Starts the server anew, with nothing imported in advance; the old one serves until it answers."""
        if self._handover.current is not None:
            await self._command(lambda: self._serve(replace(NOTHING_SAVED, cold="it was asked for")))
        elif self.plan is not None:
            await self.start(self.plan)

    async def reload(self) -> None:
        """Brings the code as it is now live, as a save does."""
        await self._command(self._reload_as_asked)

    async def pause(self) -> None:
        """Serves no save until ``resume``."""
        self._changes.pause()

    async def resume(self) -> None:
        """Serves saves again, and at once what was saved meanwhile."""
        self._changes.resume()

    async def exclude(self, glob: str) -> None:
        """Changes of files that match ``glob`` count no more, and what it was paused for is resumed."""
        try:
            glob = str(read_item("exclude", glob))
        except Problem as problem:
            self.tell(from_problem(problem))
            return
        if self.plan is not None:
            reloading = self.plan.reloading
            reloading = replace(reloading, exclude=(*reloading.exclude, glob))
            self.plan = replace(self.plan, reloading=reloading)
        self._changes.exclude(glob)

    async def end_streams(self) -> None:
        """Ends at once what replaced servers still have open."""
        self._handover.end_streams()

    async def switch_back(self) -> None:
        """Moves the running app to the server it was on before."""
        if self.previous_server:
            await self.switch(self.previous_server)
            return
        what, why = "Switching back", "the app has been on one server only"
        self.tell(from_problem(Problem(what, why, "switch to another server first")))

    async def switch(self, server: str) -> None:
        """Moves the running app to another server on the same address, without refusing a connection."""

        def look() -> tuple[Mapping, Prepared]:
            if self.plan is None:
                raise Problem("Switching", "nothing has been started yet", "start a server first")
            if server == self.plan.server and self._handover.current is not None:
                raise Problem(f"Switching to {server}", "it is the one that runs", "pick another server")
            mapping = map_plan(self.plan, server)
            return mapping, prepare(mapping.plan)

        found = await self._checked(look)
        if found is not None:
            await self._command(lambda: self._switch(*found))

    def trace(self, per_second: int | None) -> None:
        """How many calls a second each process tells with their messages; None: all there is room for."""
        self._observer.trace(per_second)

    def show_window(self, window: str) -> None:
        """Which window of time ``TrafficWindow`` events tell of."""
        self._observer.reporter.show_window(window)

    def reset_traffic(self) -> None:
        """Every window begins anew; ``Stats`` goes on counting."""
        self._observer.reporter.reset()

    async def send(self, sending: Sending) -> Answer:
        """Sends a request to what serves. Raises ``Problem``."""
        return await self._sends.send(self._handover.current, sending)

    async def send_on(self, server: str, sending: Sending) -> Answer:
        """Runs the app on another server beside, for this one request alone. Raises ``Problem``."""
        if self.plan is None:
            raise Problem("Sending", "nothing has been started yet", "start a server first", usage=False)
        return await send_on(self.plan, server, sending)

    def converse(self, opening: Opening) -> Conversation:
        """A WebSocket to what serves. Raises ``Problem``."""
        return self._sends.converse(self._handover.current, opening)

    async def _checked(self, look: Callable[[], Found], *, settle: bool = False) -> Found | None:
        """What ``look`` finds in a thread; None where it told of a problem, which disturbs nothing.

        ``settle``: nothing runs and nothing else is under way, so this is the end of it.
        """
        try:
            return await asyncio.to_thread(look)
        except Problem as problem:
            self.tell(from_problem(problem))
            if settle:
                await self._settle(problem.why)
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
            self._observer.reporter.tell()
            await asyncio.to_thread(self._surroundings.guard.close)
            await asyncio.to_thread(self._surroundings.runtime.remove)
        self._emit(self._exit(failed))
        self._readers.close()

    def tell(self, error: Error) -> None:
        """Tells every reader of something that went wrong."""
        self._last_error = error
        self._emit(error)

    def _exit(self, failed: bool) -> Exit:
        meaning = "the server never ran"
        if self.plan is not None and self._handover.last_code is not None:
            meaning = get_server(self.plan.server).exit_meaning(self._handover.last_code)
        reason = self._last_error.sentence if failed and self._last_error else "stopped on request"
        return Exit(time.time(), int(failed), reason, self._handover.last_code, meaning)

    async def _command(self, operation: Callable[[], Awaitable[None]], *, yields: bool = False) -> None:
        async def guarded() -> None:
            try:
                await operation()
            except Problem as problem:
                self.tell(from_problem(problem))
                await self._settle(problem.why)
            except Exception as error:
                self._fault(error)
                await self._settle(str(error))

        if not self._closed:
            await self._operations.run(guarded, yields=yields)

    # -- start and stop ----------------------------------------------------------------------------

    async def _start(self, prepared: Prepared) -> None:
        self._change(State.STARTING)
        await uninterrupted(self._open())
        if self._handover.current is None:
            self.plan = prepared.plan
        # First of all: a save while it starts counts, and after a failed start the next one mends it.
        await self._watch(prepared)
        await self._replace(prepared, lambda change: self._ready(change, prepared.plan))

    async def _open(self) -> None:
        """What is shared by all runs, made with the first one."""
        if self._surroundings is not None:
            return
        runtime = await asyncio.to_thread(RuntimeDirectory)
        guard = await asyncio.to_thread(Guard, runtime.path)
        telemetry = Telemetry(runtime.telemetry_socket, self._connected, self._told, self._gone)
        await telemetry.start()
        self._observer.listen(telemetry)
        self._surroundings = self._handover.surroundings = Surroundings(
            runtime, guard, self._token_path, self._observer.rate, telemetry, self._emit, self._logs
        )
        self._operations.spawn(self._observer.reporter.stats())
        self._operations.spawn(self._observer.reporter.usage(self._leader))

    def _leader(self) -> int | None:
        return self._handover.current.pid if self._handover.current is not None else None

    async def _replace(self, prepared: Prepared, done: Callable[[Change], None]) -> None:
        """Brings a run of the plan, started cold, in place of the one that serves, or tells why not."""
        try:
            await self._handover.replace(prepared, done)
        except StartFailed as failure:
            await self._failed(failure)
            if self._handover.current is not None:
                # Not what the plan that failed makes worth watching.
                await self._watch(self._handover.current.prepared)
        else:
            await self._watch(prepared)
        await self._handover.settle()
        self._serve_pending()

    def _ready(self, change: Change, plan: LaunchPlan) -> None:
        """Only this run answers now."""
        run = change.run
        self.plan = plan
        self._operations.spawn(self._follow(run))
        self._change(State.READY)
        self._changes.ready()
        self._emit(
            Ready(time.time(), run.server.name, run.version, run.address.url, run.pid, run.phases.startup_ms)
        )

    async def _stop(self) -> None:
        if self.state is not State.STOPPED:
            self._change(State.STOPPING)
        self._stop_watching()
        await self._handover.stop()
        if self.state is not State.STOPPED:
            self._change(State.STOPPED)

    async def _follow(self, run: ServerRun) -> None:
        """Tells when the server ends by itself."""
        await run.wait()
        if run is self._handover.current and not run.retiring:
            await self._command(lambda: self._crashed(run), yields=True)

    async def _crashed(self, run: ServerRun) -> None:
        if run is not self._handover.current:
            # A command has replaced or stopped it meanwhile.
            return
        failure = await self._see_out(run)
        await self._handover.settle()
        await self._failed(failure)
        self._serve_pending()

    async def _see_out(self, run: ServerRun) -> StartFailed:
        """Clears up after the run that served and has ended by itself; why it did."""
        code = await run.wait()
        await self._handover.clear_up()
        meaning = run.server.exit_meaning(code)
        return StartFailed(exit_failure(run.plan, meaning, run.last_line, ready=True), code)

    # -- what goes wrong ---------------------------------------------------------------------------

    async def _failed(self, failure: StartFailed) -> None:
        """The app could not be served; a save may mend it, and what ran before may still run."""
        self.tell(failure.error)
        if await self._still_serves() is not None:
            self._change(State.READY, LAST_GOOD)
            return
        self._handover.last_code = failure.code
        self.waits_for_a_save = self._changes.watching
        if not self.waits_for_a_save:
            self._handover.binding.close()
        elif self.plan is not None:
            await self._handover.binding.answer_unavailable(failure.error.sentence, self.plan)
        waits = "waiting for a save" if self.waits_for_a_save else ""
        self._change(State.CRASHED, "; ".join(filter(None, (failure.error.why, waits))))

    async def _settle(self, reason: str) -> None:
        """The state after a command that cannot be carried out, whatever is saved."""
        run = await self._still_serves()
        if run is not None:
            await self._watch(run.prepared)
            self._change(State.READY, reason)
            return
        self._stop_watching()
        await self._handover.settle()
        self._handover.binding.close()
        self._change(State.CRASHED, reason)

    async def _still_serves(self) -> ServerRun | None:
        """The run of before. One that ended while another was to take its place is told: nobody has."""
        run = self._handover.current
        if run is None or not run.ended:
            return run
        self.tell((await self._see_out(run)).error)
        return None

    def _fault(self, error: BaseException) -> None:
        """A fault of ours: said in the open, where a silent one would leave the user waiting."""
        why = f"{type(error).__name__}: {error}"
        trace = "".join(traceback.format_exception(error))
        self.tell(Error(time.time(), "asgi-tui", why, "report this, please", traceback=trace))

    # -- change of server and of code --------------------------------------------------------------

    async def _switch(self, mapping: Mapping, prepared: Prepared) -> None:
        begun = time.monotonic()
        old, to = (self.plan.server if self.plan is not None else ""), prepared.plan.server
        self._change(State.RELOADING, f"switching to {to}")
        await uninterrupted(self._open())

        def done(change: Change) -> None:
            if old != to:
                self.previous_server = old
            self._ready(change, prepared.plan)
            self._emit(switched(old, to, mapping, change, begun, self._handover.refused))

        await self._replace(prepared, done)

    def _on_save(self) -> None:
        """Reloads, in place of a reload that is under way and after any command that is."""
        self._operations.spawn(self._command(self._reload, yields=True))

    def _serve_pending(self) -> None:
        """Serves what was saved for an operation that came to nothing.

        The last step of another operation: what it starts takes the place of what is under way.
        """
        if self._changes.pending:
            self._on_save()

    async def _reload(self) -> None:
        save = await self._changes.take(self.plan) if self.plan is not None else None
        # Stopped meanwhile, or started anew with what was saved.
        if save is not None:
            await self._serve(save)

    async def _reload_as_asked(self) -> None:
        plan = self.plan
        if plan is None:
            raise Problem("Reloading", "nothing has been started yet", "start a server first")
        await self._serve(await self._changes.take(plan) or NOTHING_SAVED)

    async def _serve(self, save: Save) -> None:
        """Brings what was saved live."""
        plan = self.plan
        assert plan is not None
        begun = time.monotonic()
        self._readers.rest(RELOAD_REST)
        self._change(State.RELOADING, ", ".join(change.path for change in save.changes[:3]))
        await uninterrupted(self._open())

        happened: list[Change] = []

        def done(change: Change) -> None:
            happened.append(change)
            self._readers.rest(0)
            # Excludes may have been added meanwhile.
            self._ready(change, self.plan or plan)

        try:
            warm = None if save.cold else await self._handover.warm(plan)
            cold = save.cold or ("" if warm is not None else self._handover.why_cold)
            prepared = warm if warm is not None else await asyncio.to_thread(prepare, plan)
            await self._handover.replace(prepared, done, cold=cold)
        except (StartFailed, Problem) as failure:
            error = failure.error if isinstance(failure, StartFailed) else from_problem(failure)
            changes = await self._changes.with_lines(save)
            self._emit(not_reloaded(save, changes, error, begun, self._handover.refused))
            await self._failed(StartFailed(error, getattr(failure, "code", None)))
            self._changes.forget(save)
        finally:
            for change in happened:
                await uninterrupted(self._tell_reload(save, change, begun))
        if happened:
            await self._watch(prepared)
        await self._handover.settle()

    async def _tell_reload(self, save: Save, change: Change, begun: float) -> None:
        # Counted now, when nobody waits for it.
        changes = await self._changes.with_lines(save)
        self._emit(reloaded(save, changes, change, begun, self._handover.refused))

    def _stop_watching(self) -> None:
        self.waits_for_a_save = False
        self._changes.stop()

    async def _watch(self, prepared: Prepared) -> None:
        if not self._closed:
            run = self._handover.current
            libraries = tuple(str(path) for path in prepared.interpreter.site_dirs)
            await self._changes.watch(prepared.plan, run.roots if run is not None else (), libraries)

    # -- telemetry ---------------------------------------------------------------------------------

    def _connected(self, sender: Sender) -> None:
        self._handover.connected(sender)
        self._observer.connected(sender)

    def _gone(self, sender: Sender) -> None:
        self._handover.gone(sender)
        self._observer.gone(sender)

    def _told(self, sender: Sender, told: Told) -> None:
        if not isinstance(told, Trace):
            if isinstance(told, Summary):
                self._observer.counted(sender, told)
            self._handover.told(sender, told)
        elif (server := self._handover.server_of(sender)) is not None:
            try:
                self._observer.traced(sender, server, told)
            except Exception as error:
                # It is made of the app's own data: whatever that holds, the figures and orders go on.
                self._fault(error)

    # -- small helpers -----------------------------------------------------------------------------

    def _change(self, state: State, reason: str = "") -> None:
        self.state = state
        self._emit(StateChanged(time.time(), state, reason))
