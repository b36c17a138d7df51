"""Which socket a run listens on: the console's own, handed over, or one that the server binds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers import get_server
from asgi_tui.engine.listener import Address, Listener, family_of
from asgi_tui.engine.unavailable import Unavailable


@dataclass(frozen=True, slots=True)
class Bound:
    """Where a run listens. ``listener`` is handed over; without one, ``reason`` says why not."""

    plan: LaunchPlan
    address: Address
    listener: Listener | None
    reason: str


class Binding:
    """Keeps the console's listening socket open from one run to the next."""

    def __init__(self) -> None:
        self._listener: Listener | None = None
        self._unavailable = Unavailable()
        self._unable: set[str] = set()
        # What port 0 became, so that it stays the same for the session.
        self._picked: dict[str, int] = {}

    @property
    def is_open(self) -> bool:
        """Whether the console listens itself: then no connection is refused, whatever the server does."""
        return self._listener is not None

    def cannot_adopt(self, server: str) -> None:
        """From now on this server binds by itself."""
        self._unable.add(server)

    async def reason(self, plan: LaunchPlan) -> str:
        """Why the plan's server must bind by itself, empty where it need not. Raises ``Problem``."""
        if plan.server in self._unable:
            return f"this version of {plan.server} cannot take a socket over"
        family = await asyncio.to_thread(family_of, plan)
        return get_server(plan.server).bind_reason(plan, family)

    async def bind(self, plan: LaunchPlan) -> Bound:
        """The address for a run of the plan. Raises ``Problem`` where it cannot be had."""
        self._unavailable.stop()
        reason = await self.reason(plan)
        asked = plan.port
        if "uds" not in plan.options and plan.port == 0 and plan.host in self._picked:
            plan = plan.with_options({**plan.options, "port": self._picked[plan.host]})
        if reason:
            # Bound for a moment, so that a taken port is named in the console's own words.
            self.close()
            listener = await asyncio.to_thread(Listener, plan)
            listener.close()
        else:
            listener = await self._listen(plan)
        address = replace(listener.address, tls=plan.tls)
        if address.family != "unix":
            if asked == 0:
                self._picked[plan.host] = address.port
            plan = plan.with_options({**plan.options, "port": address.port})
        return Bound(plan, address, None if reason else listener, reason)

    async def needs_free_address(self, plan: LaunchPlan) -> bool:
        """Whether what runs must end before the plan's run can start, since both cannot share a socket."""
        if self._listener is None or await self.reason(plan):
            return True
        same_port = "uds" in plan.options or plan.port in (0, self._listener.address.port)
        return same_port and not self._listener.serves(plan)

    async def _listen(self, plan: LaunchPlan) -> Listener:
        if self._listener is None or not self._listener.serves(plan):
            if self._listener is not None and self._listener.address.port == plan.port:
                # The same port on another host, which the old socket may cover.
                self.close()
            listener = await asyncio.to_thread(Listener, plan)
            self.close()
            self._listener = listener
        return self._listener

    async def answer_unavailable(self, reason: str) -> None:
        """Answers 503 with ``reason`` until the next run binds; a browser would wait for ever otherwise."""
        if self._listener is not None:
            await self._unavailable.start(self._listener, reason)

    def serve(self) -> None:
        """A run has taken over: the console answers no more itself."""
        self._unavailable.stop()

    def close(self) -> None:
        """Gives the port back."""
        self._unavailable.stop()
        if self._listener is not None:
            self._listener.close()
            self._listener = None
