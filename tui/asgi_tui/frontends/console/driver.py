"""What the console drives: a session, or in tests a script of one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from asgi_tui.domain.events import Event, State
from asgi_tui.domain.plan import LaunchPlan


class Driver(Protocol):
    """A session as ``asgi_tui.engine.session.Session`` is one.

    Nothing here raises: what goes wrong arrives as an ``Error`` event.
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

    async def close(self) -> None:
        """Stops everything; the session is over."""
