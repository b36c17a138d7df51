"""Which socket a run listens on: the console's own, handed over, or one that the server binds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers import get_server
from asgi_tui.domain.servers.base import Family
from asgi_tui.engine.listener import Address, Listener, family_of, is_shared
from asgi_tui.engine.preparation import tls_context
from asgi_tui.engine.unavailable import Unavailable


@dataclass(frozen=True, slots=True)
class Bound:
    """Where a run listens. ``listener`` is handed over; without one, ``reason`` says why not.

    ``name`` is what the kernel calls the address: a numeric host and a port, or a path.
    """

    plan: LaunchPlan
    address: Address
    listener: Listener | None
    reason: str
    name: tuple[str, int] | str


class Binding:
    """Keeps the console's listening socket open from one run to the next."""

    def __init__(self) -> None:
        self._listener: Listener | None = None
        # The one before, until a run has taken over on the new one.
        self._before: Listener | None = None
        self._unavailable = Unavailable()
        self._unable: set[str] = set()
        # By host, and whether it is a Unix socket.
        self._families: dict[tuple[str, bool], Family] = {}
        # What port 0 became, so that it stays the same for the session.
        self._picked: dict[str, int] = {}
        # The plan of the run that bound last by itself, as long as the console does not listen.
        self._native: LaunchPlan | None = None

    @property
    def is_open(self) -> bool:
        """Whether the console listens itself: then no connection is refused, whatever the server does."""
        return self._listener is not None

    def dropped(self) -> int:
        """Connections to the console's socket that were turned away since it listens."""
        return self._listener.dropped() if self._listener is not None else 0

    def cannot_adopt(self, server: str) -> None:
        """From now on this server binds by itself."""
        self._unable.add(server)

    async def reason(self, plan: LaunchPlan) -> str:
        """Why the plan's server must bind by itself, empty where it need not. Raises ``Problem``."""
        if plan.server in self._unable:
            return f"this version of {plan.server} cannot take a socket over"
        # Asked for once: a reload has no time for it.
        key = (plan.host, "uds" in plan.options)
        if key not in self._families:
            self._families[key] = await asyncio.to_thread(family_of, plan)
        return get_server(plan.server).bind_reason(plan, self._families[key])

    async def bind(self, plan: LaunchPlan) -> Bound:
        """The address for a run of the plan. Raises ``Problem`` where it cannot be had."""
        self._unavailable.stop()
        reason = await self.reason(plan)
        asked = plan.port
        plan = self._with_picked_port(plan)
        if not reason:
            listener = await self._listen(plan)
        else:
            # Bound for a moment, so that a taken port is named in the console's own words.
            self.close()
            overlaps = await self._can_overlap(plan)
            listener = await asyncio.to_thread(Listener, plan, shared=overlaps)
            listener.close()
        address = replace(listener.address, tls=plan.tls)
        if address.family != "unix":
            if asked == 0:
                self._picked[plan.host] = address.port
            plan = plan.with_options({**plan.options, "port": address.port})
        self._native = plan if reason else None
        return Bound(plan, address, None if reason else listener, reason, listener.name)

    async def needs_free_address(self, plan: LaunchPlan) -> bool:
        """Whether what runs must end before the plan's run can start, since both cannot have the address."""
        if self._listener is None or await self.reason(plan):
            # The console's own socket would swallow connections that are meant for the server's.
            return self._listener is not None or not await self._can_overlap(self._with_picked_port(plan))
        same_port = "uds" in plan.options or plan.port in (0, self._listener.address.port)
        return same_port and not self._listener.serves(plan)

    def _with_picked_port(self, plan: LaunchPlan) -> LaunchPlan:
        if "uds" in plan.options or plan.port != 0 or plan.host not in self._picked:
            return plan
        return plan.with_options({**plan.options, "port": self._picked[plan.host]})

    async def _can_overlap(self, plan: LaunchPlan) -> bool:
        """Whether the plan's run can bind what the run before it has bound, while that serves."""
        old, server = self._native, get_server(plan.server)
        if old is None or old.server != plan.server or not await self.reason(plan):
            return False
        if not server.shares_port:
            return False
        same = (old.text("uds"), old.host, old.port) == (plan.text("uds"), plan.host, plan.port)
        return same and "uds" not in plan.options and await asyncio.to_thread(is_shared, plan)

    async def _listen(self, plan: LaunchPlan) -> Listener:
        if self._listener is None or not self._listener.serves(plan):
            if self._listener is not None and self._listener.address.port == plan.port:
                # The same port on another host, which the old socket may cover.
                self.close()
            listener = await asyncio.to_thread(Listener, plan)
            self._before, self._listener = self._listener, listener
        return self._listener

    async def answer_unavailable(self, reason: str, plan: LaunchPlan) -> None:
        """Answers 503 with ``reason`` until the next run binds; a browser would wait for ever otherwise."""
        if self._listener is None:
            return
        try:
            tls = await asyncio.to_thread(tls_context, plan) if plan.tls else None
        except (OSError, ValueError):
            # Without a key pair nobody can be told anything.
            return
        await self._unavailable.start(self._listener, reason, tls)

    def serve(self) -> None:
        """A run has taken over: the console answers no more itself, nor listens where it did before."""
        self._unavailable.stop()
        if self._before is not None:
            self._before.close()
            self._before = None

    def go_back(self) -> None:
        """No run has taken over on another address: the one before is kept."""
        if self._before is not None:
            if self._listener is not None:
                self._listener.close()
            self._listener, self._before = self._before, None

    def close(self) -> None:
        """Gives the port back."""
        self.serve()
        if self._listener is not None:
            self._listener.close()
            self._listener = None
