"""The app on another server beside the one that serves, for one request alone."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from urllib.parse import urlsplit

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.events import Error, Event, Ready, Request, State
from asgi_tui.domain.mapping import map_plan
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.sending import Answer, Sending
from asgi_tui.domain.servers import get_server
from asgi_tui.engine.client import send
from asgi_tui.engine.correlation import Awaited
from asgi_tui.engine.listener import Address
from asgi_tui.engine.operations import uninterrupted

# Requests told with their messages: there is one, and what its app asks of itself.
TRACES = 20
# Seconds its trace gets to arrive after the answer.
TRACE_SECONDS = 2.0
# Seconds that its start may take: nobody sees what it waits for.
START_SECONDS = 60.0
# Seconds until what a start told must have been read.
NEWS_SECONDS = 1.0
# Options that name an address, or what only one server can have; a port that is picked takes their place.
_OF_ONE = frozenset({"host", "port", "uds", "bind", "insecure_bind", "quic_bind", "workers"})


async def exchange(to: Address, sending: Sending, cwd: str, awaited: Awaited, seconds: float) -> Answer:
    """Sends a request and waits up to ``seconds`` for its trace. Raises ``Problem``.

    ``awaited`` is offered the requests that are told meanwhile.
    """
    reply = await send(to, sending, cwd)
    return replace(reply.answer, trace=await awaited.trace(reply, seconds))


async def send_on(plan: LaunchPlan, server: str, sending: Sending) -> Answer:
    """Runs the plan's app on ``server`` on a port of its own, sends it the request and ends it.

    Nothing of it is left, also where this is cancelled. Raises ``Problem``.
    """
    if plan.reloading.old_first:
        why = "the app is set to run once at a time (old first)"
        raise Problem(f"Sending on {server}", why, "switch to that server and send it there")
    side = _Side(server, sending)
    try:
        return await side.run(beside(plan, server))
    finally:
        await uninterrupted(side.close())


def beside(plan: LaunchPlan, server: str) -> LaunchPlan:
    """The plan on another server, on a port of its own. Raises ``Problem`` where it cannot run there."""
    mapped = map_plan(plan, server).plan
    options = {key: value for key, value in mapped.options.items() if key not in _OF_ONE}
    reloading = replace(mapped.reloading, standby=False, grace=0.0)
    alone = replace(mapped, reload=False, reloading=reloading)
    options |= {"host": "127.0.0.1", "port": 0, "workers": 1}
    if get_server(server).supports("graceful_timeout"):
        # What the request left open is nobody's.
        options["graceful_timeout"] = 1
    return alone.with_options(options)


class _Side:
    """A second session and what it tells."""

    def __init__(self, server: str, sending: Sending) -> None:
        # Late: the session itself sends on other servers.
        from asgi_tui.engine.session import Session

        self._server = server
        self._sending = sending
        self._awaited = Awaited(sending)
        self._session = Session(traces_per_second=TRACES)
        self._error: Error | None = None
        self._url = ""
        self._news = asyncio.Event()
        self._listening = asyncio.create_task(self._listen())

    async def run(self, plan: LaunchPlan) -> Answer:
        """Starts the plan and sends the request. Raises ``Problem``."""
        # Once it listens.
        await asyncio.sleep(0)
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._session.start(plan)
        except TimeoutError:
            why = f"it was not ready within {START_SECONDS:.0f} s"
            raise Problem(f"{self._server} beside", why, "switch to it to see why", usage=False) from None
        # What was told of it is read a moment later.
        with suppress(TimeoutError):
            async with asyncio.timeout(NEWS_SECONDS):
                while not self._url and (self._session.state is State.READY or self._error is None):
                    self._news.clear()
                    await self._news.wait()
        if not self._url:
            raise self._failed()
        parts = urlsplit(self._url)
        to = Address("inet", parts.hostname or "", parts.port or 0, tls=parts.scheme == "https")
        try:
            answer = await exchange(to, self._sending, plan.cwd, self._awaited, TRACE_SECONDS)
        except Problem as problem:
            what = f"{self._server} beside, {problem.what}"
            raise Problem(what, problem.why, problem.mend, usage=problem.usage) from None
        return replace(answer, server=self._server)

    async def close(self) -> None:
        """Ends the session and with it the server."""
        await self._session.close()
        await self._listening

    async def _listen(self) -> None:
        async for batch in self._session.events():
            for event in batch:
                self._note(event)

    def _note(self, event: Event) -> None:
        match event:
            case Ready(url=url):
                self._url = url
            case Error():
                self._error = event
            case Request():
                self._awaited.offer(event)
        self._news.set()

    def _failed(self) -> Problem:
        if self._error is None:
            return Problem(
                f"{self._server} beside", "it did not start", "switch to it to see why", usage=False
            )
        what = f"{self._server} beside, {self._error.what}"
        return Problem(what, self._error.why, self._error.mend, usage=False)
