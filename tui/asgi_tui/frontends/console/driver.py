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

    def events(self) -> AsyncIterator[list[Event]]:
        """Batches of events, at most some 30 a second; ends when the session is closed."""

    async def start(self, plan: LaunchPlan) -> None:
        """Starts the plan's server, in place of what runs."""

    async def stop(self) -> None:
        """Stops the server; the session can start again."""

    async def restart(self) -> None:
        """Starts the last plan anew."""

    async def switch(self, server: str) -> None:
        """Moves the running app to another server."""

    async def close(self) -> None:
        """Stops everything; the session is over."""
