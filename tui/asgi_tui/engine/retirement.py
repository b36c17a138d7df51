"""The old side of a change of guard: a run that has been replaced is seen to its end.

It stops accepting, its open requests, streams and WebSockets get a grace time, then it is told to end.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from asgi_tui.domain.events import Event, Worker
from asgi_tui.engine.telemetry import Connections, Held, Quiesced, Sender, Summary, Telemetry, Told

if TYPE_CHECKING:
    from asgi_tui.engine.supervisor import ServerRun

# Seconds until a worker that was asked to stop accepting counts as unable to, and what TERM then gets.
QUIESCE_PATIENCE = 0.25
TERM_PATIENCE = 1.0
# Seconds that the next worker of the successor gets before the next of these stops accepting.
ROLLING_PATIENCE = 5.0
# Seconds between two looks at what is open; only after two without anything nothing is on its way any more.
# Idle keep-alive connections get no more time than that: a browser that comes back on one wants the new code.
LOOK = 0.02
BUSY_LOOK = 0.2
# Seconds that cancelled calls get to end.
ENDING = 1.0


class Retirement:
    """One run on its way out. ``told`` and ``connected`` are called with what its probes say."""

    def __init__(
        self,
        run: ServerRun,
        address: object,
        telemetry: Telemetry,
        emit: Callable[[Event], None],
        *,
        shared: bool,
    ) -> None:
        """``address``: host and port, or a path, where the run listens; ``shared``: the console does too."""
        self._run = run
        self._address = address
        self._shared = shared
        self._telemetry = telemetry
        self._emit = emit
        self._asked: set[int] = set()
        self._answered: set[int] = set()
        self._held: set[int] = set()
        # Whether a worker knows no way to stop accepting: what it had taken may be lost then.
        self.unable = False
        self._looks: dict[int, Connections] = {}
        self._look_number = 0
        # Whether a worker did not answer the last look: one that is that busy is not idle.
        self._silent = False
        self._heard = asyncio.Event()
        self._end_now = asyncio.Event()

    # -- what comes back ---------------------------------------------------------------------------

    def connected(self, sender: Sender) -> None:
        """A worker that the server started in another's place must not accept either."""
        if self._asked:
            self._ask(sender.pid)

    def told(self, sender: Sender, told: Told) -> None:
        """The probe of one worker answers, or what it serves has changed."""
        match told:
            case Quiesced(listeners=listeners):
                self._answered.add(sender.pid)
                self.unable = self.unable or not listeners
            case Held():
                self._held.add(sender.pid)
            case Connections():
                # An answer to an earlier look says nothing of now.
                if told.look == self._look_number:
                    self._looks[sender.pid] = told
            case Summary():
                pass
            case _:
                return
        self._heard.set()

    def gone(self) -> None:
        """A worker ended."""
        self._heard.set()

    # -- the way out -------------------------------------------------------------------------------

    async def hold(self) -> None:
        """Has the server accept nothing for a moment, as far as it can; ``release`` undoes it.

        What comes meanwhile waits in the backlog for the successor, whose own answer is then a certain sign.
        """
        for pid in self._run.workers:
            self._telemetry.order(pid, do="hold", address=self._address)
        await self._until(lambda: self._run.workers <= self._held, QUIESCE_PATIENCE)

    def release(self) -> None:
        """The server accepts again."""
        for pid in self._run.workers:
            self._telemetry.order(pid, do="release")

    async def quiesce(self, successor: ServerRun | None) -> None:
        """Returns once the server accepts no more connections, as far as that can be known.

        Its workers stop one after the other, each as one more of the successor's is ready. Where one knows
        of no way, the server is told to end, which it begins by not accepting; open requests go on.
        """
        for count, pid in enumerate(sorted(self._run.workers), 1):
            if successor is not None and count > 1:
                await successor.workers_ready(min(count, successor.plan.workers), ROLLING_PATIENCE)
            self._ask(pid)
            await self._until(partial(self._is_deaf, pid), QUIESCE_PATIENCE)
            if self.unable or not self._is_deaf(pid):
                self.unable = True
                break
        if self.unable:
            self._run.terminate()
            with suppress(TimeoutError):
                async with asyncio.timeout(TERM_PATIENCE):
                    await self._run.wait()

    def end_now(self) -> None:
        """What is still open gets no more time."""
        self._end_now.set()
        self._heard.set()

    async def finish(self, grace: float) -> int | None:
        """Sees the run to its last process; its exit code. ``grace``: seconds for what is open."""
        begun = time.monotonic()
        cut = idle = 0
        if not self.unable:
            cut, idle = await self._drain(grace)
        if cut:
            # First the app's calls, then the server: a stream would hold most servers up for ever.
            self._run.end_calls()
            await self._until_ended()
        code = await self._run.stop()
        # The last words of its probes may still be on their way.
        await self._until(lambda: not self._run.workers, QUIESCE_PATIENCE)
        drain_ms = round((time.monotonic() - begun) * 1000, 1)
        shutdown_ms = self._run.shutdown_ms
        self._tell("drained", drain_ms=drain_ms, shutdown_ms=shutdown_ms, cut=cut, idle_closed=idle)
        return code

    async def _drain(self, grace: float) -> tuple[int, int]:
        """Waits until nothing is open, at most ``grace`` seconds; how much is still, and idle connections."""
        begun, until = time.monotonic(), time.time() + grace
        shown = (0, 0)
        calm = 0
        while True:
            idle, busy, websockets = await self._look()
            waited = time.monotonic() - begun
            if self._end_now.is_set() or waited >= grace:
                return busy + websockets, idle
            if (busy, websockets) != shown:
                shown = (busy, websockets)
                self._tell("draining", in_flight=busy, websockets=websockets, until=until)
            calm = 0 if busy or websockets or self._silent else calm + 1
            if calm > 1:
                return 0, idle
            await self._until(
                self._end_now.is_set, LOOK if calm else max(LOOK, min(grace - waited, BUSY_LOOK))
            )

    async def _until_ended(self) -> None:
        deadline = time.monotonic() + ENDING
        while any((await self._look())[1:]) and time.monotonic() < deadline:
            await self._wait(LOOK)

    async def _look(self) -> tuple[int, int, int]:
        """Idle connections, requests that are served or on their way, and open WebSockets."""
        self._looks.clear()
        self._look_number += 1
        for pid in self._run.workers:
            self._telemetry.order(pid, do="connections", address=self._address, look=self._look_number)
        await self._until(lambda: self._run.workers <= self._looks.keys(), QUIESCE_PATIENCE)
        self._silent = not self._run.workers <= self._looks.keys()
        found = self._looks.values()
        connections, websockets = sum(look.open for look in found), self._run.open[1]
        in_flight, unread = sum(look.in_flight for look in found), sum(look.unread for look in found)
        # Something unread may also be the next message of what is open.
        rest = max(0, connections - websockets - in_flight)
        arriving = min(unread, rest)
        return rest - arriving, in_flight + arriving, websockets

    def _tell(self, state: str, **figures: Any) -> None:
        # Any: what Worker has fields for
        self._emit(Worker(time.time(), self._run.pid, state, self._run.number, **figures))

    def _ask(self, pid: int) -> None:
        self._asked.add(pid)
        self._telemetry.order(pid, do="quiesce", address=self._address, shared=self._shared)

    def _is_deaf(self, pid: int) -> bool:
        return pid in self._answered or pid not in self._run.workers

    async def _until(self, met: Callable[[], bool], patience: float) -> None:
        deadline = time.monotonic() + patience
        while not met() and (left := deadline - time.monotonic()) > 0:
            await self._wait(left)

    async def _wait(self, seconds: float) -> None:
        self._heard.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._heard.wait()
