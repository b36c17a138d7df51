"""Requests and WebSockets of the console's own, to whatever serves now."""

from __future__ import annotations

from dataclasses import replace

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.events import Request
from asgi_tui.domain.sending import Answer, Opening, Sending
from asgi_tui.engine.conversation import Conversation
from asgi_tui.engine.correlation import Awaited
from asgi_tui.engine.side_run import exchange
from asgi_tui.engine.supervisor import ServerRun

# Seconds that an answer waits for the app to be done, so that its trace can be shown with it.
TRACE_SECONDS = 1.0


class Sends:
    """Sends to a run, and finds what the app saw of it among the calls that are told."""

    def __init__(self) -> None:
        self._awaited: set[Awaited] = set()

    def ended(self, call: Request) -> None:
        """A call is over: it may be one of ours."""
        for awaited in self._awaited:
            awaited.offer(call)

    async def send(self, run: ServerRun | None, sending: Sending) -> Answer:
        """Sends a request. Raises ``Problem``."""
        serving = _serving(run)
        awaited = Awaited(sending)
        self._awaited.add(awaited)
        try:
            answer = await exchange(serving.address, sending, serving.plan.cwd, awaited, TRACE_SECONDS)
        finally:
            self._awaited.discard(awaited)
        return replace(answer, server=serving.server.name)

    def converse(self, run: ServerRun | None, opening: Opening) -> Conversation:
        """A WebSocket, opened by its first use. Raises ``Problem``."""
        serving = _serving(run)
        return Conversation(serving.address, opening, serving.plan.cwd)


def _serving(run: ServerRun | None) -> ServerRun:
    if run is None:
        raise Problem("Sending", "no server runs", "start one first", usage=False)
    return run
