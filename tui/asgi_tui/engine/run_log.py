"""One run's output: to the store of logs where a session has one, else to the event loop line by line."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from asgi_tui.domain.events import Event, Logged
from asgi_tui.domain.log_formats import LineReader
from asgi_tui.domain.servers.base import Server
from asgi_tui.engine.log_lines import LogLines
from asgi_tui.engine.log_store import LogStore
from asgi_tui.engine.log_takers import ToLoop, ToStore
from asgi_tui.engine.output import Output, Taker

# Seconds the pipes get to end; a descendant that keeps one open is not waited for.
LAST_LINES = 1.0
# Seconds that reading what is spooled may take then.
BACKLOG = 5.0


class RunLog:
    """Reads lines as the server writes them, and leaves out those of the console's own requests.

    A RunLog belongs to the event loop. The lines are made in the thread of ``Output`` that reads, which also
    adds them to ``logs``; the loop is told now and then that there are more.
    """

    def __init__(
        self, server: Server, token_path: str, emit: Callable[[Event], None], logs: LogStore | None = None
    ) -> None:
        """``emit`` is called on the loop: with ``Logged`` where there are ``logs``, else with ``Log``."""
        # What finds a secret that the run was given: at level debug a server may tell its configuration.
        self.secrets: re.Pattern[str] | None = None
        self._server = server
        self._token_path = token_path
        self._emit = emit
        self._logs = logs
        self._loop = asyncio.get_running_loop()
        self._lines: LogLines | None = None
        self._output: Output | None = None

    @property
    def last_line(self) -> str:
        """The last line that may explain a failure, empty where there is none."""
        return self._lines.last_line if self._lines is not None else ""

    def open(self, directory: Path, name: str) -> Output:
        """The pipes for a child; its spool lies in ``directory``. Set ``secrets`` before."""
        keep = None if self._logs is None else self._logs.keep
        self._lines = LogLines(LineReader(self._server.log_format), self._token_path, self.secrets, keep)
        taker: Taker = ToLoop(self._lines, self._hand_over)
        if self._logs is not None:
            taker = ToStore(self._lines, self._logs, self._tell)
        self._output = Output(directory, name, taker)
        return self._output

    def discard(self) -> None:
        """For a child that never started."""
        if self._output is not None:
            self._output.discard()

    async def finish(self) -> None:
        """Returns once the last line is delivered."""
        assert self._output is not None
        finished = self._output.finished
        if not await asyncio.to_thread(finished.wait, LAST_LINES):
            self._output.end()
            if not await asyncio.to_thread(finished.wait, BACKLOG):
                self._output.abandon()
        # What was delivered last is still queued on the loop.
        await asyncio.sleep(0)

    def _hand_over(self, events: list[Event], free: Callable[[], None]) -> None:
        """In the reading thread: lets the loop emit ``events``, then calls ``free`` there."""

        def hand_over() -> None:
            for event in events:
                self._emit(event)
            free()

        self._on_loop(hand_over)

    def _tell(self, looks: Callable[[], None]) -> None:
        """In the reading thread: lets the loop call ``looks``, then say that there is more in the store."""

        def tell() -> None:
            looks()
            self._emit(Logged(time.time()))

        self._on_loop(tell)

    def _on_loop(self, call: Callable[[], None]) -> None:
        with suppress(RuntimeError):
            # The loop may be closed: the console is gone.
            self._loop.call_soon_threadsafe(call)
