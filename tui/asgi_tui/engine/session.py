"""The facade that every front end drives: start, stop, restart, switch and the stream of events."""

from __future__ import annotations

import asyncio
import secrets
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

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
    Usage,
    Watching,
)
from asgi_tui.domain.mapping import Mapping, map_plan
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers import get_server
from asgi_tui.engine.failures import exit_failure, from_problem
from asgi_tui.engine.guard import Guard
from asgi_tui.engine.listener import Address, Listener, family_of
from asgi_tui.engine.preparation import Prepared, prepare
from asgi_tui.engine.project import project_root
from asgi_tui.engine.runtime import RuntimeDirectory
from asgi_tui.engine.stream import EventStream
from asgi_tui.engine.supervisor import CannotAdoptError, ServerRun, StartFailed, Surroundings
from asgi_tui.engine.telemetry import Sender, Summary, Telemetry, Told, Traced
from asgi_tui.engine.traffic import Traffic
from asgi_tui.engine.usage import UsageMeter

if TYPE_CHECKING:
    from asgi_tui.engine.watcher import Burst, Watcher

# Seconds between two Stats events at least, and between two while only the rate falls.
STATS_INTERVAL = 0.1
RATE_INTERVAL = 0.5
USAGE_INTERVAL = 1.0


class Session:
    """Runs one app on one server at a time.

    The commands never raise: what goes wrong arrives as an ``Error`` event. A new command takes the place
    of one that is under way.
    """

    def __init__(self, *, traces_per_second: int = 0) -> None:
        self.state = State.STOPPED
        self.plan: LaunchPlan | None = None
        self.traffic = Traffic()
        self._traces_per_second = traces_per_second
        self._token_path = f"/asgi-tui-{secrets.token_hex(16)}"
        self._streams: list[EventStream] = []
        self._surroundings: Surroundings | None = None
        self._listener: Listener | None = None
        self._watcher: Watcher | None = None
        self._run: ServerRun | None = None
        self._runs: dict[int, ServerRun] = {}
        self._numbers = 0
        self._native_bind: set[str] = set()
        self._operation: asyncio.Task[None] | None = None
        self._background: set[asyncio.Task[None]] = set()
        self._stats_dirty = asyncio.Event()
        self._last_error: Error | None = None
        self._last_code: int | None = None
        self._failed = False
        self._closed = False

    # -- for front ends ----------------------------------------------------------------------------

    async def events(self, interval: float = 0.0) -> AsyncIterator[list[Event]]:
        """Batches of events from now on, until the session is closed."""
        stream = EventStream(interval)
        self._streams.append(stream)
        try:
            async for batch in stream.batches():
                yield batch
        finally:
            self._streams.remove(stream)

    async def start(self, plan: LaunchPlan) -> None:
        """Runs a plan, in place of what runs now."""
        await self._command(lambda: self._start(plan))

    async def stop(self) -> None:
        """Stops the server and gives the port back."""
        await self._command(self._stop)

    async def restart(self) -> None:
        """Stops the server, then starts it anew; connections wait meanwhile."""
        plan = self.plan
        if plan is not None:
            await self._command(lambda: self._start(plan))

    async def switch(self, server: str) -> None:
        """Moves the running app to another server on the same address, without refusing a connection."""
        await self._command(lambda: self._switch(server))

    async def close(self, reason: str = "stopped on request") -> None:
        """Stops everything, tells ``Exit`` and ends the streams. Leaves no process, socket or file."""
        if self._closed:
            return
        self._closed = True
        await self._supersede()
        await self._stop(final=True)
        for task in self._background:
            task.cancel()
        if self._background:
            await asyncio.wait(self._background)
        if self._surroundings is not None:
            await self._surroundings.telemetry.close()
            await asyncio.to_thread(self._surroundings.guard.close)
            await asyncio.to_thread(self._surroundings.runtime.remove)
        self._emit(self._exit(reason))
        for stream in self._streams:
            stream.close()

    @property
    def waits_for_a_save(self) -> bool:
        """Whether the next good save can bring a crashed session back."""
        return self._watcher is not None

    def _exit(self, reason: str) -> Exit:
        meaning = "the server never ran"
        if self.plan is not None and self._last_code is not None:
            meaning = get_server(self.plan.server).exit_meaning(self._last_code)
        if self._failed and self._last_error is not None:
            return Exit(time.time(), 1, self._last_error.sentence, self._last_code, meaning)
        return Exit(time.time(), 0, reason, self._last_code, meaning)

    # -- one operation at a time -------------------------------------------------------------------

    async def _command(self, operation: Callable[[], Awaitable[None]]) -> None:
        """Runs an operation once the one before has been cancelled and has cleaned up."""
        if self._closed:
            return

        async def guarded(previous: asyncio.Task[None] | None) -> None:
            if previous is not None and not previous.done():
                previous.cancel()
                await asyncio.wait([previous])
            try:
                await operation()
            except Problem as problem:
                self.tell(from_problem(problem))
                self._failed = True
                self._settle(problem.why)

        task = asyncio.create_task(guarded(self._operation))
        self._operation = task
        # Not awaited directly: being superseded is no error of the caller's.
        await asyncio.wait([task])
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error

    async def _supersede(self) -> None:
        if self._operation is not None and not self._operation.done():
            self._operation.cancel()
            await asyncio.wait([self._operation])

    def _settle(self, reason: str) -> None:
        """The state after a command that failed: what ran before may still run."""
        if self._run is not None:
            self._change(State.READY, reason)
        else:
            self._change(State.CRASHED, reason)

    # -- start and stop ----------------------------------------------------------------------------

    async def _start(self, plan: LaunchPlan) -> None:
        self._failed = False
        self._change(State.STARTING)
        prepared = await asyncio.to_thread(prepare, plan)
        self.plan = prepared.plan
        await self._end_run()
        await self._open()
        # First of all: a save while it starts counts, and after a failed start the next one mends it.
        await self._watch(prepared.plan)
        try:
            await self._bring_up(prepared)
        except StartFailed as failure:
            self._start_failed(failure, prepared.plan)
        else:
            await self._watch(prepared.plan)

    def _start_failed(self, failure: StartFailed, plan: LaunchPlan) -> None:
        self._failed = True
        self._last_code = failure.code
        self.tell(failure.error)
        waits = "waiting for a save" if plan.reload else ""
        self._change(State.CRASHED, "; ".join(filter(None, (failure.error.why, waits))))

    async def _open(self) -> None:
        """What is shared by all runs, made with the first one."""
        if self._surroundings is not None:
            return
        runtime = await asyncio.to_thread(RuntimeDirectory)
        guard = await asyncio.to_thread(Guard, runtime.path)
        telemetry = Telemetry(runtime.telemetry_socket, self._connected, self._told, self._gone)
        self._surroundings = Surroundings(
            runtime, guard, self._token_path, self._traces_per_second, telemetry, self._emit
        )
        await telemetry.start()
        self._spawn_task(self._report_stats())
        self._spawn_task(self._report_usage())

    async def _bring_up(self, prepared: Prepared) -> ServerRun:
        """Starts a run and makes it the one that serves. Raises ``StartFailed`` or ``Problem``."""
        try:
            run = await self._new_run(prepared)
            await run.start()
        except CannotAdoptError:
            # Told by the child itself; from now on this server binds by itself.
            self._native_bind.add(prepared.plan.server)
            run = await self._new_run(prepared)
            await run.start()
        if self._watcher is not None:
            await self._watcher.armed()
        if self._run is not None:
            # Until then a client may still be answered by the code of before.
            await self._run.quiesce()
        run.phases.alone = time.monotonic()
        self._run = run
        self._failed = False
        self._spawn_task(self._follow(run))
        self._change(State.READY)
        startup_ms = (run.phases.answered - run.phases.begun) * 1000
        pid = run.process.pid if run.process else 0
        url = run.address.url
        self._emit(Ready(time.time(), run.plan.server, run.version, url, pid, round(startup_ms, 1)))
        return run

    async def _new_run(self, prepared: Prepared) -> ServerRun:
        assert self._surroundings is not None
        plan = prepared.plan
        family = await asyncio.to_thread(family_of, plan)
        reason = get_server(plan.server).bind_reason(plan, family)
        if plan.server in self._native_bind:
            reason = f"this version of {plan.server} cannot take a socket over"
        listener: Listener | None = None
        if reason:
            address = await self._native_address(plan)
            plan = (
                plan if "uds" in plan.options else plan.with_options({**plan.options, "port": address.port})
            )
        else:
            listener = await self._listen(plan)
            address = replace(listener.address, tls=plan.tls)
        self._numbers += 1
        run = ServerRun(
            self._numbers,
            plan,
            prepared.version,
            prepared.interpreter,
            address,
            listener,
            reason,
            self._surroundings,
        )
        self._runs[run.number] = run
        return run

    async def _listen(self, plan: LaunchPlan) -> Listener:
        """The console's socket for the plan's address: the one it has, or a new one."""
        if self._listener is None or not self._listener.serves(plan):
            listener = await asyncio.to_thread(Listener, plan)
            self._close_listener()
            self._listener = listener
        return self._listener

    async def _native_address(self, plan: LaunchPlan) -> Address:
        """Where a server that binds by itself will listen, found free first: a taken port is named here."""
        self._close_listener()
        probe = await asyncio.to_thread(Listener, plan)
        probe.close()
        return replace(probe.address, tls=plan.tls)

    def _close_listener(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def _stop(self, *, final: bool = False) -> None:
        if self._run is not None:
            self._change(State.STOPPING)
        self._unwatch()
        await self._end_run()
        while others := [task for task in self._background if task.get_name() == "retire"]:
            await asyncio.wait(others)
        self._close_listener()
        if not final:
            self._failed = False
        if self.state is not State.STOPPED:
            self._change(State.STOPPED)

    async def _end_run(self) -> None:
        """Ends the run that serves, to the last process and the last line of output."""
        run, self._run = self._run, None
        if run is not None:
            await self._retire(run)

    async def _retire(self, run: ServerRun) -> None:
        # Shielded: a superseded command must not leave a server half stopped.
        self._last_code = await asyncio.shield(run.stop())
        self._runs.pop(run.number, None)

    async def _follow(self, run: ServerRun) -> None:
        """Tells when the server ends by itself."""
        assert run.process is not None
        code = await run.process.wait()
        if run is not self._run or run.retiring:
            return
        self._run = None
        await run.stop()
        self._runs.pop(run.number, None)
        self._last_code = code
        self._failed = True
        self.tell(exit_failure(run.plan, run.server.exit_meaning(code), run.last_line, ready=True))
        if self._watcher is None:
            self._close_listener()
        self._change(State.CRASHED, run.server.exit_meaning(code))

    # -- change of server and of code --------------------------------------------------------------

    async def _replace(self, prepared: Prepared) -> ServerRun:
        """Brings the next run up beside the old one, which is stopped once the new one answers.

        Both accept from the console's socket meanwhile. Where one of them binds by itself, the old one is
        stopped first.
        """
        family = await asyncio.to_thread(family_of, prepared.plan)
        native = get_server(prepared.plan.server).bind_reason(prepared.plan, family)
        if native or prepared.plan.server in self._native_bind or self._listener is None:
            await self._end_run()
        old = self._run
        run = await self._bring_up(prepared)
        if old is not None:
            self._spawn_task(self._retire(old), "retire")
        return run

    async def _switch(self, server: str) -> None:
        plan = self.plan
        if plan is None:
            raise Problem("Switching", "nothing has been started yet", "start a server first")
        begun = time.monotonic()
        if server == plan.server and self._run is not None:
            raise Problem(f"Switching to {server}", "it is the one that runs", "pick another server")
        mapping = map_plan(plan, server)
        prepared = await asyncio.to_thread(prepare, mapping.plan)
        if self._run is None:
            await self._start(mapping.plan)
            return
        self._change(State.RELOADING, f"switching to {server}")
        try:
            run = await self._replace(prepared)
        except StartFailed as failure:
            self._replacement_failed(failure)
            return
        self.plan = prepared.plan
        self._tell_switch(plan.server, mapping, run, begun)
        await self._watch(prepared.plan)

    def _tell_switch(self, old: str, mapping: Mapping, run: ServerRun, begun: float) -> None:
        total_ms = round((run.phases.alone - begun) * 1000, 1)
        phases = run.phases.in_ms()
        to = mapping.plan.server
        self._emit(Switch(time.time(), old, to, mapping.mapped, mapping.dropped, phases, total_ms))

    def _replacement_failed(self, failure: StartFailed) -> None:
        self.tell(failure.error)
        if self._run is not None:
            self._change(State.READY, "serving the last good version")
        else:
            self._failed = True
            self._last_code = failure.code
            self._change(State.CRASHED, failure.error.why)

    def _changed(self, burst: Burst) -> None:
        """Files changed: reloads, in place of a reload that is under way."""
        plan = self.plan
        if plan is not None and self.state not in (State.STOPPING, State.STOPPED):
            self._spawn_task(self._command(lambda: self._reload(plan, burst, time.time())))

    async def _reload(self, plan: LaunchPlan, burst: Burst, noticed: float) -> None:
        from asgi_tui.engine.watcher import drop_bytecode, to_changes

        begun = time.monotonic()
        notice_ms = await asyncio.to_thread(_age_ms, burst, noticed)
        await asyncio.to_thread(drop_bytecode, burst)
        changes = to_changes(burst, project_root(Path(plan.cwd)))
        self._change(State.RELOADING, ", ".join(change.path for change in changes[:3]))
        try:
            run = await self._replace(await asyncio.to_thread(prepare, plan))
        except (StartFailed, Problem) as failure:
            error = failure.error if isinstance(failure, StartFailed) else from_problem(failure)
            total_ms = notice_ms + (time.monotonic() - begun) * 1000
            self._emit(
                Reload(
                    time.time(),
                    "failed",
                    changes,
                    {"notice": round(notice_ms, 1)},
                    round(total_ms, 1),
                    reason=error.sentence,
                    file=error.file,
                    line=error.line,
                )
            )
            code = failure.code if isinstance(failure, StartFailed) else None
            self._replacement_failed(StartFailed(error, code))
            return
        phases = {"notice": round(notice_ms, 1)} | run.phases.in_ms()
        total_ms = notice_ms + (run.phases.alone - begun) * 1000
        self._emit(Reload(time.time(), "ok", changes, phases, round(total_ms, 1)))
        await self._watch(plan)

    async def _watch(self, plan: LaunchPlan) -> None:
        """Watches what the plan and the run make worth watching."""
        if not plan.reload or self._closed:
            self._unwatch()
            return
        from asgi_tui.engine.watcher import Watcher

        if self._watcher is None:
            self._watcher = Watcher(self._changed, self._watching_failed)
        wanted = await asyncio.to_thread(watched_paths, plan, self._run.roots if self._run else ())
        if wanted != self._watcher.paths:
            self._watcher.watch(wanted)
            self._emit(Watching(time.time(), tuple(str(path) for path in wanted)))

    def _unwatch(self) -> None:
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.stop()

    def _watching_failed(self, why: str) -> None:
        self.tell(
            Error(
                time.time(),
                "Watching for changes",
                f"the system refused it ({why})",
                "raise the inotify limit or watch fewer directories; until then files are polled",
            )
        )

    # -- telemetry ---------------------------------------------------------------------------------

    def _connected(self, sender: Sender) -> None:
        if run := self._runs.get(sender.generation):
            run.connected(sender)

    def _gone(self, sender: Sender) -> None:
        if run := self._runs.get(sender.generation):
            run.gone(sender)
        self.traffic.forget_worker(sender.pid)
        self._stats_dirty.set()

    def _told(self, sender: Sender, told: Told) -> None:
        run = self._runs.get(sender.generation)
        match told:
            case Summary():
                self.traffic.add(sender.pid, told, time.monotonic())
                self._stats_dirty.set()
            case Traced() if run is not None:
                self._emit(
                    Request(
                        told.at,
                        told.id,
                        told.method,
                        told.path,
                        told.route,
                        told.status,
                        told.duration_ms,
                        run.plan.server,
                        sender.pid,
                        told.messages,
                    )
                )
            case _ if run is not None:
                run.told(sender, told)

    async def _report_stats(self) -> None:
        """Tells the totals after each change, at most 10 times a second, and while the rate falls."""
        while True:
            await self._stats_dirty.wait()
            self._stats_dirty.clear()
            now = time.monotonic()
            self._emit(self.traffic.snapshot(now, time.time()))
            await asyncio.sleep(STATS_INTERVAL)
            while self.traffic.rate(time.monotonic()) and not self._stats_dirty.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stats_dirty.wait(), RATE_INTERVAL)
                self._stats_dirty.set()

    async def _report_usage(self) -> None:
        meter = UsageMeter()
        while True:
            await asyncio.sleep(USAGE_INTERVAL)
            run = self._run
            if run is not None and run.process is not None:
                cpu, memory, count = await asyncio.to_thread(meter.sample, run.process.pid)
                self._emit(Usage(time.time(), round(cpu, 1), memory, count))

    # -- small helpers -----------------------------------------------------------------------------

    def _emit(self, event: Event) -> None:
        for stream in self._streams:
            stream.put(event)

    def tell(self, error: Error) -> None:
        """Tells every reader of something that went wrong."""
        self._last_error = error
        self._emit(error)

    def _change(self, state: State, reason: str = "") -> None:
        self.state = state
        self._emit(StateChanged(time.time(), state, reason))

    def _spawn_task(self, work: Awaitable[None], name: str | None = None) -> None:
        async def run() -> None:
            await work

        task = asyncio.create_task(run(), name=name)
        self._background.add(task)
        task.add_done_callback(self._task_ended)

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # A fault of ours: said in the open, where a silent one would leave the user waiting.
            why = f"{type(error).__name__}: {error}"
            trace = "".join(traceback.format_exception(error))
            self.tell(Error(time.time(), "asgi-tui", why, "report this, please", traceback=trace))


def _age_ms(burst: Burst, noticed: float) -> float:
    """Milliseconds from the last save of a burst to its notice; blocking."""
    saved = []
    for path, _ in burst:
        with suppress(OSError):
            saved.append(path.stat().st_mtime)
    return max(0.0, (noticed - max(saved, default=noticed)) * 1000)


def watched_paths(plan: LaunchPlan, roots: tuple[str, ...]) -> tuple[Path, ...]:
    """The project root, the user's own paths, and user modules that lie elsewhere; blocking."""
    root = project_root(Path(plan.cwd))
    named = [Path(plan.cwd, path) for path in (*plan.watch, plan.text("app_dir")) if path]
    paths = [root]
    for path in (*named, *(Path(directory) for directory in roots)):
        if path.exists() and not any(path.resolve().is_relative_to(known.resolve()) for known in paths):
            paths.append(path)
    return tuple(paths)
