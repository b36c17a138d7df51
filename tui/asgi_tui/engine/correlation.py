"""Which request that the app saw is the one that the console sent."""

from __future__ import annotations

import asyncio
import ipaddress
from collections import deque
from collections.abc import Iterable

from asgi_tui.domain.calls import Header
from asgi_tui.domain.events import Request
from asgi_tui.domain.secret import revealed
from asgi_tui.domain.sending import HOP_BY_HOP, Sending, target_of
from asgi_tui.engine.client import Reply

# Requests kept that look like the one that is awaited: under load others do too.
CANDIDATES = 200
# Seconds by which the probe's clock, read in another process of this machine, may differ from ours.
SLACK = 0.05
# Headers by which a server takes another address for the client's (uvicorn's ``--proxy-headers``).
_FORWARDING = frozenset({"forwarded", "x-forwarded-for", "x-real-ip"})
# Headers that servers may keep to themselves, and one that HTTP/2 may tell in parts (RFC 9113 8.2.3).
_CHANGED = HOP_BY_HOP | {"cookie", "expect", "host"}


class Awaited:
    """Finds the trace of one sending among the requests that are told, before and after the reply.

    By our end of the connection where the app was told it; else by all that was sent and by time, since a
    proxy's header may stand for the client and a Unix socket has none. Where several are alike it is none.
    """

    def __init__(self, sending: Sending) -> None:
        self._sending = sending
        self._forwards = any(header.name.lower() in _FORWARDING for header in sending.headers)
        self._seen: deque[Request] = deque(maxlen=CANDIDATES)
        self._news = asyncio.Event()

    def offer(self, request: Request) -> None:
        """A request that was told; one that cannot be it is not kept."""
        if type(request) is Request and request.method == self._sending.method:
            self._seen.append(request)
            self._news.set()

    async def trace(self, reply: Reply, seconds: float) -> Request | None:
        """The request that ``reply`` answers; None where it is not told within ``seconds``."""
        try:
            async with asyncio.timeout(seconds):
                while (found := self._find(reply)) is None:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return None
        return found

    def _find(self, reply: Reply) -> Request | None:
        found = [request for request in self._seen if self.matches(request, reply)]
        return found[0] if len(found) == 1 else None

    def matches(self, request: Request, reply: Reply) -> bool:
        """Whether this is the request that ``reply`` answers."""
        until = reply.at + reply.answer.timing.total / 1000
        if not reply.at - SLACK <= request.at <= until + SLACK:
            return False
        client = request.scope.client
        if reply.local and client and not self._forwards:
            return _same(client, reply.local)
        return (
            target_of(request) == self._sending.path
            and request.status in (None, reply.answer.status)
            and request.bytes_in <= len(self._sending.body)
            and _values(self._sending.headers) <= _values(request.scope.headers)
        )


def _values(headers: Iterable[Header]) -> set[tuple[str, str]]:
    """The headers that reach an app as they were sent."""
    return {
        (header.name.lower(), revealed(header.value))
        for header in headers
        if header.name.lower() not in _CHANGED
    }


def _same(client: str, local: str) -> bool:
    """Whether two ``host:port`` are one: an IPv4 address may be told as IPv6 (RFC 4291 2.5.5.2)."""
    return _parts(client) == _parts(local)


def _parts(address: str) -> tuple[str, str]:
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    try:
        numeric = ipaddress.ip_address(host)
    except ValueError:
        return host, port
    mapped = numeric.ipv4_mapped if isinstance(numeric, ipaddress.IPv6Address) else None
    return str(mapped or numeric), port
