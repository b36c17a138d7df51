"""What the console drives: a session, or in tests a script of one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from asgi_tui.domain.events import Event, State
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.sending import Answer, Opening, Sending, Turn
from asgi_tui.engine.log_store import LogStore


class Conversation(Protocol):
    """A WebSocket that the console holds. It is opened by the first iteration of ``turns``."""

    def turns(self) -> AsyncIterator[Turn]:
        """What happens, from ``open`` (or ``failed``) to ``close``; then it ends."""

    async def say(self, data: str | bytes) -> None:
        """Sends a message; it comes back as a turn once it is sent."""

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Closes it; nothing happens where it is closed."""


class Driver(Protocol):
    """A session as ``asgi_tui.engine.session.Session`` is one.

    Nothing here raises, but for the two that send: what goes wrong arrives as an ``Error`` event.
    """

    @property
    def state(self) -> State:
        """Where the session stands now."""

    @property
    def plan(self) -> LaunchPlan | None:
        """The plan that runs or ran last, None before the first start."""

    @property
    def previous_server(self) -> str:
        """The server that ``switch_back`` would move to, empty where there is none."""

    @property
    def logs(self) -> LogStore:
        """What the servers print; a ``Logged`` event tells that there is more of it."""

    def events(self) -> AsyncIterator[list[Event]]:
        """Batches of events, at most some 30 a second; ends when the session is closed."""

    async def start(self, plan: LaunchPlan) -> None:
        """Starts the plan's server, in place of what runs."""

    async def stop(self) -> None:
        """Stops the server; the session can start again."""

    async def restart(self) -> None:
        """Starts the last plan anew, with nothing imported in advance."""

    async def reload(self) -> None:
        """Brings the code as it is now live, as a save does."""

    async def pause(self) -> None:
        """Serves no save until ``resume``."""

    async def resume(self) -> None:
        """Serves saves again, and at once what was saved meanwhile."""

    async def exclude(self, glob: str) -> None:
        """Changes of files that match count no more; a watch that was paused for a loop is resumed."""

    async def end_streams(self) -> None:
        """Ends at once what a replaced server still has open."""

    async def switch(self, server: str) -> None:
        """Moves the running app to another server."""

    async def switch_back(self) -> None:
        """Moves the running app to the server it was on before."""

    def trace(self, per_second: int | None) -> None:
        """How many requests a second each process tells with their messages; None: all there is room for."""

    def show_window(self, window: str) -> None:
        """Which window of time ``TrafficWindow`` events tell of: ``10s``, ``1m``, ``5m`` or ``all``."""

    def reset_traffic(self) -> None:
        """Every window begins anew; ``Stats`` goes on counting."""

    async def send(self, sending: Sending) -> Answer:
        """Sends a request to what serves. Raises ``Problem``."""

    async def send_on(self, server: str, sending: Sending) -> Answer:
        """Runs the app on another server beside, for this one request alone. Raises ``Problem``."""

    def converse(self, opening: Opening) -> Conversation:
        """A WebSocket to what serves."""

    async def close(self) -> None:
        """Stops everything; the session is over."""
