"""A session without a screen: what the plain and the NDJSON front end have in common."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TextIO

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.events import Error, Event, Exit, State, StateChanged
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.reloading import read_item
from asgi_tui.domain.text import sanitize
from asgi_tui.engine.session import Session


@dataclass(frozen=True, slots=True)
class Show:
    """Prints batches of events to a file; blocking."""

    print: Callable[[list[Event]], None]
    file: TextIO


# Seconds a slow reader gets for the last events.
LAST_WORDS = 2.0
# Bytes of one command line; a longer one is no command.
COMMAND_BYTES = 65_536


class Over(asyncio.Event):
    """Set when the session is to end; ``failed`` where that is because the app cannot be served.

    ``broken``: what happened could not be written.
    """

    failed = False
    broken = False

    def fail(self) -> None:
        """The end, as a failure, unless somebody asked for it before."""
        self.failed = not self.is_set()
        self.set()


async def run_headless(session: Session, plan: LaunchPlan, shows: list[Show], *, commands: bool) -> int:
    """Runs the plan until it is stopped or fails for good; returns the exit code.

    ``shows`` print batches of events, each in a thread, so that a slow reader never holds up the session;
    the first one's end (a closed pipe) ends the session. ``commands``: read them from standard input.
    """
    loop = asyncio.get_running_loop()
    over = Over()
    _handle_signals(loop, over)
    tasks = [asyncio.create_task(_show(session, show, over)) for show in shows]
    ends = asyncio.create_task(_watch_for_end(session, over))
    # The readers must have subscribed before the first event.
    await asyncio.sleep(0)
    if commands:
        _read_commands(loop, session, over)
    starting = asyncio.create_task(session.start(plan))
    await over.wait()
    await session.close(failed=over.failed)
    await asyncio.wait([starting])
    # A reader that has stopped reading would hold up the end for ever.
    _, stuck = await asyncio.wait(tasks, timeout=LAST_WORDS)
    code = 1 if over.broken else await ends
    if stuck:
        # asyncio would wait for their threads.
        os._exit(code)
    return code


def _handle_signals(loop: asyncio.AbstractEventLoop, over: Over) -> None:
    def stop() -> None:
        if over.is_set():
            # Asked twice: end at once. The guard ends what is left.
            os._exit(0)
        over.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)


async def _show(session: Session, show: Show, over: Over) -> None:
    async for batch in session.events():
        try:
            await asyncio.to_thread(show.print, batch)
        except BrokenPipeError:
            # The reader has read enough, as `head` does.
            _discard(show.file)
            over.set()
            return
        except (OSError, ValueError) as error:
            over.broken = True
            over.fail()
            why = error.strerror if isinstance(error, OSError) else str(error)
            name = sanitize(str(show.file.name))
            sys.stderr.write(f"Output {name}: it cannot be written ({why}); free the disk or use another.\n")
            _discard(show.file)
            return


def _discard(file: TextIO) -> None:
    """What is still buffered would fail again when the file is closed."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, file.fileno())
    os.close(null)


async def _watch_for_end(session: Session, over: Over) -> int:
    code = 1
    async for batch in session.events():
        for event in batch:
            if isinstance(event, Exit):
                code = event.code
            elif _is_crash(event) and not session.waits_for_a_save:
                over.fail()
    return code


def _is_crash(event: Event) -> bool:
    return isinstance(event, StateChanged) and event.state is State.CRASHED


# -- commands --------------------------------------------------------------------------------------


def _read_commands(loop: asyncio.AbstractEventLoop, session: Session, over: Over) -> None:
    """Reads standard input in a thread that nothing waits for; its end is no command to stop."""

    def submit(line: bytes) -> None:
        with suppress(RuntimeError):
            # The loop may be closed by now.
            asyncio.run_coroutine_threadsafe(_obey(line, session, over), loop)

    def read() -> None:
        rest = b""
        # os.read, since an interpreter that ends while sys.stdin is being read aborts.
        with suppress(OSError):
            while data := os.read(0, COMMAND_BYTES):
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    submit(line)
                if len(rest) > COMMAND_BYTES:
                    submit(rest)
                    rest = b""
        if rest:
            submit(rest)

    threading.Thread(target=read, name="read commands", daemon=True).start()


async def _obey(line: bytes, session: Session, over: Over) -> None:
    if not line.strip():
        return
    try:
        command = read_command(line)
    except Problem as problem:
        session.tell(Error(time.time(), problem.what, problem.why, problem.mend))
        return
    await command(session, over)


# Those that need nothing but their name; ``Session`` says what each does.
_COMMANDS: Mapping[str, Callable[[Session], Awaitable[None]]] = {
    "reload": lambda session: session.reload(),
    "restart": lambda session: session.restart(),
    "pause": lambda session: session.pause(),
    "resume": lambda session: session.resume(),
    "end_streams": lambda session: session.end_streams(),
    "switch_back": lambda session: session.switch_back(),
}


def read_command(line: bytes) -> Callable[[Session, Over], Awaitable[None]]:
    """The command a line spells. Raises ``Problem`` where it is none."""
    try:
        data: Any = json.loads(line)
    except (ValueError, RecursionError):
        raise _no_command("the line is no JSON") from None
    do = data.get("do") if isinstance(data, dict) else None
    match do:
        case "stop":
            return _stop
        case "switch":
            server = data.get("server")
            if not isinstance(server, str):
                raise _no_command("switch names no server", '{"do": "switch", "server": "granian"}')
            return lambda session, _: session.switch(server)
        case "exclude":
            glob = _glob(data.get("glob"))
            return lambda session, _: session.exclude(glob)
        case str() if do in _COMMANDS:
            command = _COMMANDS[do]
            return lambda session, _: command(session)
    names = ", ".join(_COMMANDS)
    raise _no_command(f"it is none of {names}, exclude, switch and stop")


def _glob(glob: object) -> str:
    example = '{"do": "exclude", "glob": "*.sqlite"}'
    if not isinstance(glob, str):
        raise _no_command("exclude names no glob", example)
    try:
        return str(read_item("exclude", glob))
    except Problem as problem:
        raise _no_command(f"exclude has a bad glob: {problem.why}", example) from None


def _no_command(why: str, example: str = '{"do": "restart"}') -> Problem:
    return Problem("Command on standard input", why, f"send one like {example}")


async def _stop(session: Session, over: Over) -> None:
    over.set()
