"""One run's output as log events."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from asgi_tui.domain.events import Event, Log
from asgi_tui.domain.servers.base import Server
from asgi_tui.domain.text import MASK, mask_secrets, sanitize
from asgi_tui.engine.output import Line, Output

# Seconds the last lines get to arrive; a descendant that keeps a pipe open is not waited for.
LAST_LINES = 1.0
# How the servers' access log lines begin: a level, a date in brackets or the client's address.
_ACCESS_LINE = re.compile(r"INFO: |\[\d{4}-|\b\d{1,3}(?:\.\d{1,3}){3}[: ]|\[?::1\]?[: ]|None:")


class RunLog:
    """Reads lines as the server writes them, and leaves out those of the console's own requests."""

    def __init__(self, server: Server, token_path: str, emit: Callable[[Event], None]) -> None:
        self.last_line = ""
        self._server = server
        self._token_path = token_path
        self._emit = emit
        self._loop = asyncio.get_running_loop()
        self._output: Output | None = None
        # What finds a secret that the run was given: at level debug a server may tell its configuration.
        self.secrets: re.Pattern[str] | None = None

    def open(self, directory: Path, name: str) -> Output:
        """The pipes for a child; its spool lies in ``directory``."""
        self._output = Output(directory, name, self._deliver)
        return self._output

    def discard(self) -> None:
        """For a child that never started."""
        if self._output is not None:
            self._output.discard()

    async def finish(self) -> None:
        """Returns once the last line is delivered."""
        assert self._output is not None
        finished = self._output.finished
        if await asyncio.to_thread(finished.wait, LAST_LINES):
            # What was delivered last is still queued on the loop.
            await asyncio.sleep(0)
        else:
            self._output.abandon()

    def _deliver(self, batch: list[Line], free: Callable[[], None]) -> None:
        """In the reading thread: reads lines, then hands events to the loop."""
        events = []
        at = time.time()
        for stream, text in batch:
            rest = self._without_our_own(text)
            if rest is None:
                continue
            line = self._server.read_line(rest)
            shown = mask_secrets(sanitize(line.text))
            if self.secrets is not None:
                shown = self.secrets.sub(MASK, shown)
            events.append(Log(at, stream, line.level, shown, line.pid, line.logger))

        def hand_over() -> None:
            for event in events:
                # What the server logs in the ordinary course explains no failure.
                if event.text.strip() and event.level not in ("info", "debug", "trace"):
                    self.last_line = event.text
                self._emit(event)
            free()

        with suppress(RuntimeError):
            # The loop may be closed: the console is gone.
            self._loop.call_soon_threadsafe(hand_over)

    def _without_our_own(self, text: str) -> str | None:
        """``text`` less the access log line of the console's own request; None where nothing is left.

        The app may have written before it without ending its line.
        """
        before, token, _ = text.partition(self._token_path)
        if not token:
            return text
        start = min((match.start() for match in _ACCESS_LINE.finditer(before)), default=0)
        return before[:start] or None
