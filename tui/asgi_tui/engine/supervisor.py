"""One run of one server: from the child's start to its empty process group."""

from __future__ import annotations

import asyncio
import os
import shlex
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from asgi_tui.domain.events import Error, Event, Starting, Worker
from asgi_tui.domain.servers import get_server
from asgi_tui.domain.servers.gunicorn import Gunicorn
from asgi_tui.domain.text import hiding, is_secret_name, mask_arguments, secrets_in
from asgi_tui.engine.binding import Bound
from asgi_tui.engine.failures import exit_failure, lifespan_failure, load_failure, workers_failure
from asgi_tui.engine.guard import Guard
from asgi_tui.engine.phases import Phases
from asgi_tui.engine.preparation import Prepared, read_env_files
from asgi_tui.engine.process import Child, ServerProcess
from asgi_tui.engine.project import version_tuple
from asgi_tui.engine.readiness import NotAskableError, ask
from asgi_tui.engine.run_log import RunLog
from asgi_tui.engine.runtime import RunFile, RuntimeDirectory
from asgi_tui.engine.telemetry import (
    CannotAdopt,
    Lifespan,
    Loaded,
    LoadFailed,
    Quiesced,
    Sender,
    Telemetry,
    Told,
)

# Seconds a server gets to end by itself after its app failed to load, which tells its exit code.
FAILURE_GRACE = 1.5
# Seconds open requests get when nothing else is set; streams would otherwise hold a stop for ever.
STOP_GRACE = 5
ASK_AGAIN = 0.01
# Workers that may end before the first answer.
MAX_EARLY_ENDS = 5
# Seconds a server gets to end while it has served nobody yet.
UNREADY_GRACE = 0.3
# Seconds until workers that were asked to stop accepting count as unable to, and what TERM then gets.
QUIESCE_PATIENCE = 0.25
TERM_PATIENCE = 1.0


class StartFailed(Exception):  # noqa: N818 - the failure is the app's, told by the event it carries
    """The server did not become ready; ``error`` says why in one sentence."""

    def __init__(self, error: Error, code: int | None) -> None:
        super().__init__(error.sentence)
        self.error = error
        self.code = code


class CannotAdoptError(Exception):
    """This version of the server cannot be handed a socket; it must bind by itself."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every run of a session shares."""

    runtime: RuntimeDirectory
    guard: Guard
    token_path: str
    traces_per_second: int
    telemetry: Telemetry
    emit: Callable[[Event], None]


class ServerRun:
    """A server under the probe: started, followed until it is ready, stopped."""

    def __init__(self, number: int, prepared: Prepared, bound: Bound, surroundings: Surroundings) -> None:
        """``number`` tells the run's processes from those of other runs."""
        self.number = number
        # With the address as it is bound: a server that binds by itself must bind that.
        self.plan = bound.plan
        self.version = prepared.version
        self.address = bound.address
        self.server = get_server(prepared.plan.server)
        self.workers: set[int] = set()
        self.roots: tuple[str, ...] = ()
        self.phases = Phases()
        # Set once it is to make room for another: its end is no crash then.
        self.retiring = False
        self._shown_plan = prepared.plan
        self._interpreter = prepared.interpreter
        self._listener = bound.listener
        self._bind_reason = bound.reason
        self._surroundings = surroundings
        self._emit = surroundings.emit
        self._loop = asyncio.get_running_loop()
        self._process: ServerProcess | None = None
        self._log = RunLog(self.server, surroundings.token_path, surroundings.emit)
        self._loaded = asyncio.Event()
        self._lifespan_done = asyncio.Event()
        self._failure: asyncio.Future[Error] = self._loop.create_future()
        self._cannot_adopt: asyncio.Future[str] = self._loop.create_future()
        self._lifespan_error: Lifespan | None = None
        self._ended_early = 0
        self._accepting: set[int] = set()
        self._all_closed = True
        self._quiesced = asyncio.Event()

    @property
    def pid(self) -> int:
        """Process id of the server's leader, 0 before it is started."""
        return self._process.pid if self._process is not None else 0

    @property
    def last_line(self) -> str:
        """The last line of output that may explain a failure."""
        return self._log.last_line

    async def wait(self) -> int:
        """The leader's exit code."""
        assert self._process is not None
        return await self._process.wait()

    # -- start -------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Returns once the app answers through its address. Raises ``StartFailed`` or ``Problem``.

        Whatever ends it, cancellation included, ``stop`` is for the caller to call.
        """
        await self._spawn()
        await self._until_ready()

    async def _spawn(self) -> None:
        plan, runtime = self.plan, self._surroundings.runtime
        # A variable that is set already counts more than the file's, as with uvicorn's --env-file.
        variables = await asyncio.to_thread(read_env_files, plan) | os.environ | dict(plan.env)
        environment, inherited = self.server.environment(variables)
        files = await asyncio.to_thread(self._configuration_files)
        fd = self._listener.fd if self._listener is not None else None
        arguments, conf = self._arguments(fd, files)
        named = {value for name, value in variables.items() if is_secret_name(name)}
        self._log.secrets = hiding(named | secrets_in(arguments))
        run_file = RunFile(
            generation=self.number,
            module=plan.target.module,
            attribute=plan.target.attribute,
            factory=plan.target.factory,
            app_dir=str(Path(plan.cwd, plan.text("app_dir"))) if "app_dir" in plan.options else "",
            telemetry=str(runtime.telemetry_socket),
            token_path=self._surroundings.token_path,
            traces_per_second=self._surroundings.traces_per_second,
            gunicorn_conf=conf,
        )
        environment["ASGI_TUI_RUN"] = str(await asyncio.to_thread(runtime.write_run, run_file))
        # Without it a server's output stays in its buffers when it goes to a pipe.
        environment["PYTHONUNBUFFERED"] = "1"
        # The pipe is read as UTF-8, whatever the locale.
        environment["PYTHONIOENCODING"] = "utf-8:backslashreplace"
        notes = tuple(f"{name} is read, less what the console decides" for name in files)
        self._emit(self._starting(arguments, inherited + notes))
        output = self._log.open(runtime.path, f"output-{self.number}")
        self._process = await ServerProcess.spawn(
            Child(
                self._interpreter.executable,
                runtime.launcher,
                self.server.module,
                arguments,
                environment,
                plan.cwd,
                () if fd is None else (fd,),
                fd if self.server.adopts_in_child else None,
            ),
            self._surroundings.guard,
            output.write_ends["stdout"],
            output.write_ends["stderr"],
        )
        output.start()

    def _configuration_files(self) -> tuple[str, ...]:
        return tuple(name for name in self.server.reads_files if Path(self.plan.cwd, name).is_file())

    def _arguments(self, fd: int | None, files: tuple[str, ...]) -> tuple[list[str], str]:
        """The server's arguments, and gunicorn's configuration file where there is one."""
        version = version_tuple(self.version)
        if not isinstance(self.server, Gunicorn):
            return self.server.run_arguments(self.plan, fd, version), ""
        conf, plan = self.server.split_config(self.plan)
        if not conf and files:
            conf = str(Path(self.plan.cwd, files[0]))
        arguments = self.server.run_arguments(plan, fd, version)
        return ["-c", str(self._surroundings.runtime.gunicorn_conf), *arguments], conf

    def _starting(self, arguments: list[str], inherited: tuple[str, ...]) -> Starting:
        launcher = shlex.join([str(self._interpreter.executable), str(self._surroundings.runtime.launcher)])
        ran = f"{launcher} → {shlex.join([self.server.module, *mask_arguments(arguments)])}"
        notes = []
        if self.server.deprecated:
            notes.append(f"{self.plan.server} is a legacy pattern: {self.server.deprecated}")
        return Starting(
            time.time(),
            self.plan.server,
            self.version,
            str(self.server.command(self._shown_plan)),
            target=str(self.plan.target),
            python=str(self._interpreter.executable),
            ran=ran,
            bind=self._bind_reason,
            inherited=inherited,
            notes=tuple(notes),
        )

    async def _until_ready(self) -> None:
        assert self._process is not None
        ended = asyncio.ensure_future(self._process.wait())
        answered = asyncio.ensure_future(self._answered())
        try:
            await asyncio.wait(
                (ended, answered, self._failure, self._cannot_adopt), return_when=asyncio.FIRST_COMPLETED
            )
            if answered.done() and not answered.cancelled() and not self._failure.done():
                answered.result()
                return
            if self._failure.done():
                with suppress(TimeoutError):
                    async with asyncio.timeout(FAILURE_GRACE):
                        await asyncio.shield(ended)
            code = await ended if ended.done() else None
            if self._cannot_adopt.done():
                raise CannotAdoptError(self._cannot_adopt.result())
            raise StartFailed(await self._why(code), code)
        finally:
            answered.cancel()
            if not ended.done():
                ended.cancel()

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

    async def _answered(self) -> None:
        await self._loaded.wait()
        if self.server.expects_lifespan(self.plan):
            await self._lifespan_done.wait()
        if self.server.answers_http1(self.plan):
            with suppress(NotAskableError):
                # Nobody else can tell when a process accepts: it is asked again.
                while not await self._is_ours():  # noqa: ASYNC110 - no event tells
                    await asyncio.sleep(ASK_AGAIN)
        self.phases.answered = time.monotonic()

    async def _is_ours(self) -> bool:
        # Another run may still accept on the same socket, so it matters which process answers.
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
        self._emit(Worker(time.time(), sender.pid, "started"))

    def gone(self, sender: Sender) -> None:
        """A process of this run ended or closed its connection."""
        if sender.pid not in self.workers:
            return
        self.workers.discard(sender.pid)
        self._emit(Worker(time.time(), sender.pid, "gone"))
        if not self.phases.answered:
            self._ended_early += 1
            if self._ended_early >= MAX_EARLY_ENDS:
                # Some servers start a new worker for each that dies, for ever.
                self._fail(workers_failure(self.plan, self._log.last_line))

    def told(self, sender: Sender, told: Told) -> None:
        """The probe of one process says something about the app."""
        match told:
            case Loaded():
                self.phases.loaded = self.phases.loaded or time.monotonic()
                self.phases.started = self.phases.loaded
                self.phases.import_ms = told.import_ms
                self.roots = told.roots
                self._loaded.set()
            case LoadFailed():
                self._fail(load_failure(told, self.plan))
            case Lifespan(state="startup.complete" | "unsupported"):
                if told.state == "unsupported":
                    # No failure by itself; it is one where the server then gives up (lifespan on).
                    self._lifespan_error = told
                self.phases.started = time.monotonic()
                self._lifespan_done.set()
                self._emit(Worker(time.time(), sender.pid, "ready"))
            case Lifespan(state="startup.failed"):
                self._fail(lifespan_failure(told.message, self.plan))
            case Quiesced(listeners=listeners):
                self._accepting.discard(sender.pid)
                self._all_closed = self._all_closed and listeners > 0
                if not self._accepting or not self._all_closed:
                    self._quiesced.set()
            case CannotAdopt():
                if not self._cannot_adopt.done():
                    self._cannot_adopt.set_result(told.why)
            case _:
                pass

    def _fail(self, error: Error) -> None:
        if not self._failure.done():
            self._failure.set_result(error)

    # -- stop --------------------------------------------------------------------------------------

    async def quiesce(self) -> None:
        """Returns once the server accepts no more connections, as far as that can be known.

        Its workers are asked to close their listening sockets. Where one knows of no way (granian), the
        server is told to end, which it begins by not accepting; open requests go on meanwhile.
        """
        assert self._process is not None
        self.retiring = True
        name = self._listener.socket.getsockname() if self._listener is not None else None
        address = list(name[:2]) if isinstance(name, tuple) else name
        self._accepting = set(self.workers)
        for pid in self.workers:
            self._surroundings.telemetry.order(pid, do="quiesce", address=address)
        with suppress(TimeoutError):
            async with asyncio.timeout(QUIESCE_PATIENCE):
                await self._quiesced.wait()
            if self._all_closed:
                return
        self._process.terminate()
        with suppress(TimeoutError):
            async with asyncio.timeout(TERM_PATIENCE):
                await self._process.wait()

    async def stop(self) -> int | None:
        """Stops the server and waits for the rest of its output; the exit code, None if it never ran."""
        if self._process is None:
            self._log.discard()
            return None
        grace = self.plan.number("graceful_timeout", STOP_GRACE) if self.phases.answered else UNREADY_GRACE
        code = await self._process.stop(grace)
        await self._log.finish()
        return code
