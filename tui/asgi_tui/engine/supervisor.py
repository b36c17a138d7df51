"""One run of one server: from the child's start to its empty process group."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import replace
from typing import Any

from asgi_tui.domain.events import Error, ImportTime, Starting, Worker
from asgi_tui.domain.servers import get_server
from asgi_tui.domain.tracebacks import ends_in_user_code
from asgi_tui.engine.binding import Bound
from asgi_tui.engine.failures import (
    exit_failure,
    lifespan_failure,
    load_failure,
    unready_failure,
    workers_failure,
)
from asgi_tui.engine.phases import Phases
from asgi_tui.engine.preparation import Prepared
from asgi_tui.engine.process import Preload, ServerProcess
from asgi_tui.engine.readiness import NotAskableError, ask
from asgi_tui.engine.recipe import Surroundings, make_recipe
from asgi_tui.engine.retirement import Retirement
from asgi_tui.engine.run_log import RunLog
from asgi_tui.engine.telemetry import (
    CannotAdopt,
    Lifespan,
    Loaded,
    LoadFailed,
    Modules,
    Sender,
    Summary,
    Told,
)

# Seconds a server gets to end by itself after its app failed to load, which tells its exit code.
FAILURE_GRACE = 1.5
# Seconds open requests get when nothing else is set; streams would otherwise hold a stop for ever.
STOP_GRACE = 5
ASK_AGAIN = 0.001
# Seconds that a server whose app has started gets to answer, whatever time its start took.
LEAST_PATIENCE = 0.5
# Workers that may end before the first answer.
MAX_EARLY_ENDS = 5
# Seconds a server gets to end while it has served nobody yet.
UNREADY_GRACE = 0.3
# Seconds of the grace that cancelled calls get at its end.
CALLS_GRACE = 1.0


class StartFailed(Exception):  # noqa: N818 - the failure is the app's, told by the event it carries
    """The server did not become ready; ``error`` says why in one sentence.

    ``of_the_app``: it is the user's code that failed, and it would fail again.
    """

    def __init__(self, error: Error, code: int | None, *, of_the_app: bool = False) -> None:
        super().__init__(error.sentence)
        self.error = error
        self.code = code
        self.of_the_app = of_the_app


class CannotAdoptError(Exception):
    """This version of the server cannot be handed a socket; it must bind by itself."""


class ServerRun:
    """A server under the probe: started, followed until it is ready, stopped."""

    def __init__(self, number: int, prepared: Prepared, bound: Bound, surroundings: Surroundings) -> None:
        """``number`` tells the run's processes from those of other runs."""
        self.number = number
        self.prepared = prepared
        self.bound = bound
        # With the address as it is bound: a server that binds by itself must bind that.
        self.plan = bound.plan
        self.version = prepared.version
        self.address = bound.address
        self.server = get_server(prepared.plan.server)
        self.workers: set[int] = set()
        self.roots: tuple[str, ...] = ()
        # What user code changed while the app was imported, and the slowest imports.
        self.altered: frozenset[str] = frozenset()
        self.imports: tuple[ImportTime, ...] = ()
        # Whether it waits for ``go``, and whether it did.
        self.waits = False
        self.warm = False
        self.phases = Phases()
        # How long the app's lifespan shutdown took.
        self.shutdown_ms = 0.0
        self._surroundings = surroundings
        self._emit = surroundings.emit
        self._loop = asyncio.get_running_loop()
        self._process: ServerProcess | None = None
        self._starting: Starting
        self._log = RunLog(self.server, surroundings.token_path, surroundings.emit, surroundings.logs)
        self._loaded = asyncio.Event()
        self._lifespan_done = asyncio.Event()
        self._failure: asyncio.Future[Error] = self._loop.create_future()
        self._cannot_adopt: asyncio.Future[str] = self._loop.create_future()
        self._lifespan_error: Lifespan | None = None
        self._of_the_app = False
        self._ended_early = 0
        self._shutdown_begun = 0.0
        # Of each worker the requests in flight and the open WebSockets, as told last.
        self._open: dict[int, tuple[int, int]] = {}
        self._ready: set[int] = set()
        self._more_ready = asyncio.Event()
        self._retirement: Retirement | None = None
        self._modules: asyncio.Future[Modules] = self._loop.create_future()

    @property
    def pid(self) -> int:
        """Process id of the server's leader, 0 before it is started."""
        return self._process.pid if self._process is not None else 0

    @property
    def retiring(self) -> bool:
        """Whether it makes room for another."""
        return self._retirement is not None

    @property
    def open(self) -> tuple[int, int]:
        """Requests in flight and open WebSockets, as told last."""
        counts = self._open.values()
        return sum(in_flight for in_flight, _ in counts), sum(websockets for _, websockets in counts)

    @property
    def last_line(self) -> str:
        """The last line of output that may explain a failure."""
        return self._log.last_line

    @property
    def ended(self) -> bool:
        """Whether the leader has ended."""
        return self._process is None or self._process.code is not None

    async def wait(self) -> int:
        """The leader's exit code."""
        assert self._process is not None
        return await self._process.wait()

    # -- start -------------------------------------------------------------------------------------

    async def spawn(self, preload: Preload | None = None) -> None:
        """Starts the child; with ``preload`` it imports that, then waits for ``go``. Raises ``Problem``.

        Whatever ends it, cancellation included, ``stop`` is for the caller to call.
        """
        recipe = await asyncio.to_thread(
            make_recipe, self.number, self.prepared, self.bound, self._surroundings
        )
        child = replace(recipe.child, preload=preload)
        self._log.secrets = recipe.secrets
        self._starting = recipe.starting
        self.waits = preload is not None
        if preload is None:
            self._emit(recipe.starting)
        output = self._log.open(self._surroundings.runtime.path, f"output-{self.number}")
        ends = output.write_ends
        guard = self._surroundings.guard
        self._process = await ServerProcess.spawn(child, guard, ends["stdout"], ends["stderr"])
        output.start()
        await self._process.order(child)

    async def warmed(self) -> dict[str, Any]:
        """What the standby says once it is warm, empty if it ended instead."""
        assert self._process is not None
        return await self._process.warmed()

    async def go(self) -> None:
        """Tells a standby to run the server; ``until_started`` sees it through."""
        assert self._process is not None
        self.phases.go()
        self.waits, self.warm = False, True
        self._emit(replace(self._starting, at=time.time()))
        await self._process.go()

    async def until_started(self) -> None:
        """Returns once the app is imported and its lifespan has started. Raises ``StartFailed``."""
        await self._until(self._started(), self.plan.reloading.ready_timeout)

    async def until_answered(self, patience: float | None = None) -> bool:
        """Whether the app answers through its address within ``patience`` seconds.

        Without a patience it must, in the time a start may take. Raises likewise.
        """
        goal, limit = self._answered(), self.plan.reloading.ready_timeout
        if patience is None:
            await self._until(goal, max(limit - (time.monotonic() - self.phases.begun), LEAST_PATIENCE))
            return True
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._until(goal, limit)
                return True
        return False

    async def _until(self, goal: Coroutine[Any, Any, None], limit: float) -> None:
        assert self._process is not None
        ended = asyncio.ensure_future(self._process.wait())
        reached = asyncio.ensure_future(goal)
        try:
            done, _ = await asyncio.wait(
                (ended, reached, self._failure, self._cannot_adopt),
                return_when=asyncio.FIRST_COMPLETED,
                timeout=limit,
            )
            if not done:
                limit = self.plan.reloading.ready_timeout
                raise StartFailed(unready_failure(self.plan, self._lacks(), limit), None, of_the_app=True)
            if reached.done() and not reached.cancelled() and not self._failure.done():
                reached.result()
                return
            if self._failure.done():
                with suppress(TimeoutError):
                    async with asyncio.timeout(FAILURE_GRACE):
                        await asyncio.shield(ended)
            code = await ended if ended.done() else None
            if self._cannot_adopt.done():
                raise CannotAdoptError(self._cannot_adopt.result())
            why = await self._why(code)
            raise StartFailed(why, code, of_the_app=self._of_the_app)
        finally:
            reached.cancel()
            if not ended.done():
                ended.cancel()

    def _lacks(self) -> str:
        """What a start that takes too long waits for."""
        if not self._loaded.is_set():
            return "the import of the app"
        if self.server.expects_lifespan(self.plan) and not self._lifespan_done.is_set():
            return "the app's lifespan startup"
        return "an answer"

    async def _why(self, code: int | None) -> Error:
        # The probe's last words and the last line of output may still be on their way.
        if not self._failure.done():
            with suppress(TimeoutError):
                async with asyncio.timeout(0.3):
                    await asyncio.shield(self._failure)
        if self._failure.done():
            return self._failure.result()
        if self._lifespan_error is not None and code:
            return lifespan_failure(self._lifespan_error.message, self.plan)
        meaning = self.server.exit_meaning(code) if code is not None else "it never answered"
        return exit_failure(self.plan, meaning, self._log.last_line, ready=False)

    async def _started(self) -> None:
        await self._loaded.wait()
        if self.server.expects_lifespan(self.plan):
            await self._lifespan_done.wait()

    async def _answered(self) -> None:
        if self.server.answers_http1(self.plan):
            with suppress(NotAskableError):
                # Nobody else can tell when a process accepts: it is asked again.
                while not await self._is_ours():  # noqa: ASYNC110 - no event tells
                    await asyncio.sleep(ASK_AGAIN)
        self.phases.answered = time.monotonic()

    async def _is_ours(self) -> bool:
        # A run that could not be quiesced may still accept on the same socket: it matters who answers.
        path = self.server.request_path(self.plan, self._surroundings.token_path)
        host = self.server.request_host(self.plan)
        return await asyncio.to_thread(ask, self.address, path, self.plan.cwd, host) in self.workers

    # -- what comes back ---------------------------------------------------------------------------

    def connected(self, sender: Sender) -> None:
        """A process of this run loaded the probe."""
        if sender.pid == self.pid and not self.server.leader_serves:
            # It loaded the app only to fork workers from it (gunicorn --preload).
            return
        self.workers.add(sender.pid)
        self._emit(Worker(time.time(), sender.pid, "started", self.number))
        if self._retirement is not None:
            self._retirement.connected(sender)

    def gone(self, sender: Sender) -> None:
        """A process of this run ended or closed its connection."""
        if sender.pid not in self.workers:
            return
        self.workers.discard(sender.pid)
        self._ready.discard(sender.pid)
        self._open.pop(sender.pid, None)
        self._emit(Worker(time.time(), sender.pid, "gone", self.number))
        if self._retirement is not None:
            self._retirement.gone()
        if not self.phases.answered:
            self._ended_early += 1
            if self._ended_early >= MAX_EARLY_ENDS:
                # Some servers start a new worker for each that dies, for ever.
                self._fail(workers_failure(self.plan, self._log.last_line))

    def told(self, sender: Sender, told: Told) -> None:
        """The probe of one process says something about the app."""
        if self._retirement is not None:
            self._retirement.told(sender, told)
        match told:
            case Summary():
                self._open[sender.pid] = (told.in_flight, told.websockets_open)
            case Loaded():
                self.phases.loaded = self.phases.loaded or time.monotonic()
                self.phases.started = self.phases.loaded
                self.phases.import_ms = told.import_ms
                self.roots = told.roots
                self.altered, self.imports = told.altered, told.imports
                self._loaded.set()
                if not self.server.expects_lifespan(self.plan):
                    self._is_ready(sender)
            case LoadFailed():
                self._of_the_app = told.kind != "error" or ends_in_user_code(told.traceback)
                self._fail(load_failure(told, self.plan))
            case Lifespan(state="startup.complete" | "unsupported"):
                if told.state == "unsupported":
                    # No failure by itself; it is one where the server then gives up (lifespan on).
                    self._lifespan_error = told
                self.phases.started = time.monotonic()
                self._lifespan_done.set()
                self._is_ready(sender)
            case Lifespan(state="startup.failed"):
                self._of_the_app = True
                self._fail(lifespan_failure(told.message, self.plan))
            case Lifespan(state="shutdown"):
                self._shutdown_begun = told.ms
            case Lifespan(state="shutdown.complete" | "shutdown.failed"):
                self.shutdown_ms = round(told.ms - self._shutdown_begun, 1)
            case Modules():
                if not self._modules.done():
                    self._modules.set_result(told)
            case CannotAdopt():
                if not self._cannot_adopt.done():
                    self._cannot_adopt.set_result(told.why)
            case _:
                pass

    def _is_ready(self, sender: Sender) -> None:
        self._ready.add(sender.pid)
        self._more_ready.set()
        self._emit(Worker(time.time(), sender.pid, "ready", self.number))

    async def workers_ready(self, count: int, patience: float) -> None:
        """Returns once so many workers are ready, or after ``patience`` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while len(self._ready) < count:
                    self._more_ready.clear()
                    await self._more_ready.wait()

    async def modules(self, patience: float) -> Modules | None:
        """What a process that serves has imported, None where none answers in ``patience`` seconds."""
        self._modules = self._loop.create_future()
        for pid in sorted(self.workers)[:1]:
            self._surroundings.telemetry.order(pid, do="modules")
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                return await self._modules
        return None

    def _fail(self, error: Error) -> None:
        if not self._failure.done():
            self._failure.set_result(error)

    # -- stop --------------------------------------------------------------------------------------

    def retire(self) -> Retirement:
        """From now on the run makes room for another: its end is no crash."""
        shared, name = self.bound.listener is not None, self.bound.name
        address = list(name) if isinstance(name, tuple) else name
        telemetry = self._surroundings.telemetry
        self._retirement = Retirement(self, address, telemetry, self._emit, shared=shared)
        return self._retirement

    def stay(self) -> None:
        """It makes room for nobody after all."""
        self._retirement = None

    def terminate(self) -> None:
        """Tells the server to end; ``stop`` sees it through."""
        assert self._process is not None
        self._process.terminate()

    def end_calls(self) -> None:
        """Ends what the app still does for requests and WebSockets; its lifespan goes on."""
        for pid in self.workers:
            self._surroundings.telemetry.order(pid, do="end")

    async def stop(self) -> int | None:
        """Stops the server and waits for the rest of its output; the exit code, None if it never ran."""
        if self._process is None:
            self._log.discard()
            self._surroundings.runtime.forget_run(self.number)
            return None
        grace = self.plan.number("graceful_timeout", STOP_GRACE) if self.phases.answered else UNREADY_GRACE
        # A stream would hold most servers up until they are killed, without the app's lifespan shutdown.
        ending = self._loop.call_later(max(grace - CALLS_GRACE, 0), self.end_calls)
        try:
            code = await self._process.stop(grace)
        finally:
            ending.cancel()
        await self._log.finish()
        self._surroundings.runtime.forget_run(self.number)
        return code
