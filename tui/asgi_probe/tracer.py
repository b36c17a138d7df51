"""Keeps what passes of one request: types, times and sizes of its messages."""

from __future__ import annotations

import itertools
import os
import time
from time import perf_counter_ns

from .routes import MAX_PATH, name_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Tuple

    from .asgi_types import Message, Receive, Send
    from .routes import Place

    # direction, nanoseconds since the start, type, bytes, status, more
    Step = Tuple[str, int, Any, int, Any, bool]
    # place, Unix time, nanoseconds, steps
    Trace = Tuple[Place, float, int, bool, list[Step]]

# Messages kept of one traced request.
TRACE_MESSAGES = 50

_ids = itertools.count(1)


class Tracer:
    """Keeps the messages of one request; sizes, not bodies, which would be held until they are shipped."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self.inner_receive = receive
        self.inner_send = send
        self.at = time.time()
        self.started = perf_counter_ns()
        self.steps: list[Step] = []

    async def receive(self) -> Message:
        """The app's ``receive``."""
        message = await self.inner_receive()
        self.keep("receive", message)
        return message

    async def send(self, message: Message) -> None:
        """The app's ``send``."""
        self.keep("send", message)
        await self.inner_send(message)

    def keep(self, direction: str, message: Message) -> None:
        """Keeps one message's outline."""
        if len(self.steps) >= TRACE_MESSAGES:
            return
        try:
            get = message.get
            after, body = perf_counter_ns() - self.started, get("body")
            size = len(body) if isinstance(body, (bytes, bytearray)) else 0
            self.steps.append((direction, after, get("type"), size, get("status"), bool(get("more_body"))))
        except Exception:
            pass


def told(trace: Trace) -> dict[str, object]:
    """One request with its messages: types, times, sizes; no header and no body leaves the process."""
    place, at, ns, returned, steps = trace
    shown = []
    first = None
    for direction, after, kind, size, status, more in steps:
        number = int(status) if isinstance(status, int) else None
        if kind == "http.response.start" and first is None:
            first = number
        shown.append(
            {
                "direction": direction,
                "type": str(kind)[:100],
                "at_ms": after / 1e6,
                "bytes": size,
                "status": number,
                "more": bool(more),
            }
        )
    return {
        "type": "request",
        "at": at,
        "id": "%d-%d" % (os.getpid(), next(_ids)),
        "method": str(place[0])[:20],
        "path": str(place[1])[:MAX_PATH],
        "route": name_of(place)[0],
        "status": first,
        "duration_ms": ns / 1e6,
        "returned": returned,
        "complete": len(steps) < TRACE_MESSAGES,
        "messages": shown,
    }
