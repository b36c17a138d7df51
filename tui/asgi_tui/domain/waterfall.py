"""What a call spent its time on: its phases on one axis, and how long it waited in ``send``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from asgi_tui.domain.calls import Message
from asgi_tui.domain.events import Lifespan, Request, WebSocket

# Milliseconds from which a wait is worth telling.
NOTABLE_MS = 1.0

_LAST = (
    "http.response.body",
    "http.response.pathsend",
    "http.response.zerocopysend",
    "http.response.trailers",
)
_FIRST = _LAST[:3]


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase from ``start_ms`` to ``end_ms`` since the call; ``open``: it still goes on."""

    name: str
    start_ms: float
    end_ms: float
    open: bool = False

    @property
    def took_ms(self) -> float:
        """How long it was."""
        return self.end_ms - self.start_ms


@dataclass(frozen=True, slots=True)
class Wait:
    """A ``send`` that did not return at once: back-pressure."""

    start_ms: float
    end_ms: float


@dataclass(frozen=True, slots=True)
class Waterfall:
    """The phases in order, the waits in ``send``, and the end of the axis."""

    phases: tuple[Phase, ...]
    waits: tuple[Wait, ...]
    end_ms: float

    def waited(self, phase: Phase) -> float:
        """Milliseconds of a phase that passed in ``send``."""
        return sum(
            max(min(wait.end_ms, phase.end_ms) - max(wait.start_ms, phase.start_ms), 0.0)
            for wait in self.waits
        )


def waterfall(call: Request, now_ms: float = 0.0) -> Waterfall:
    """The phases of a call; ``now_ms`` is the time since it began, which counts while it goes on."""
    known = max([call.duration_ms, *(_done(message) for message in call.messages)], default=0.0)
    end = max(known, now_ms if call.outcome == "open" else call.returned_ms or 0.0)
    marks = {WebSocket: _websocket, Lifespan: _lifespan}.get(type(call), _http)
    phases = tuple(_cut(tuple(marks(call)), call, end))
    waits = tuple(
        Wait(message.at_ms, end if message.waited_ms is None else _done(message))
        for message in call.messages
        if message.direction == "send" and (message.waited_ms is None or message.waited_ms >= NOTABLE_MS)
    )
    # A send that never returned waits as long as the call goes on, not after it.
    waits = tuple(wait for wait in waits if wait.end_ms > wait.start_ms)
    return Waterfall(phases, waits, end)


# The name of a phase and when it begins; it ends where the next one does, the last with the call.
Mark = tuple[str, float]


def _cut(marks: Sequence[Mark], call: Request, end: float) -> Iterator[Phase]:
    ends = [at for _, at in marks[1:]] + [end]
    for index, ((name, at), until) in enumerate(zip(marks, ends, strict=True)):
        goes_on = index == len(marks) - 1 and call.outcome == "open"
        if until > at or goes_on:
            yield Phase(name, at, max(until, at), goes_on)


def _http(call: Request) -> Iterator[Mark]:
    begun = 0.0
    body = _request_body(call.messages)
    start = _find(call.messages, "send", ("http.response.start",))
    before = start.at_ms if start else float("inf")
    if body is not None and body[0] < before:
        called, arrived = body
        if called >= NOTABLE_MS:
            yield "before it read", 0.0
        yield "request body", called if called >= NOTABLE_MS else 0.0
        begun = min(arrived, before)
    yield "until response start", begun
    if start is None:
        return
    yield "until first body", start.at_ms
    bodies = [message for message in call.messages if message.direction == "send" and message.type in _LAST]
    first = _find(bodies, "send", _FIRST)
    if first is None:
        return
    yield "streaming" if first is not bodies[-1] else "sending", first.at_ms
    if not bodies[-1].more and bodies[-1].waited_ms is not None:
        yield "background", max(_done(message) for message in bodies)


def _request_body(messages: Sequence[Message]) -> tuple[float, float] | None:
    """When the first ``receive`` was called and when the last part of the body arrived, so far."""
    called = arrived = None
    for message in messages:
        if message.direction != "receive":
            continue
        if called is None:
            called = arrived = max(message.at_ms - (message.waited_ms or 0.0), 0.0)
        if message.type == "http.request":
            arrived = message.at_ms
            if not message.more:
                break
        elif message.type:
            break
    return None if called is None or arrived is None else (called, arrived)


def _websocket(call: Request) -> Iterator[Mark]:
    yield "handshake", 0.0
    accept = _find(call.messages, "send", ("websocket.accept",))
    close = _find(
        call.messages, "", ("websocket.close", "websocket.disconnect", "websocket.http.response.start")
    )
    if accept is not None:
        yield "open", accept.at_ms
    if close is not None:
        yield "after the close", close.at_ms


def _lifespan(call: Request) -> Iterator[Mark]:
    names = {
        "lifespan.startup": "startup",
        "lifespan.startup.complete": "serving",
        "lifespan.startup.failed": "after the failure",
        "lifespan.shutdown": "shutdown",
        "lifespan.shutdown.complete": "after the shutdown",
        "lifespan.shutdown.failed": "after the failure",
    }
    begun = False
    for message in call.messages:
        if message.type in names:
            if not begun and message.at_ms > 0:
                yield "before it read", 0.0
            begun = True
            yield names[message.type], message.at_ms
    if not begun:
        yield "before it read", 0.0


def _find(messages: Sequence[Message], direction: str, types: tuple[str, ...]) -> Message | None:
    return next(
        (m for m in messages if m.type in types and (not direction or m.direction == direction)), None
    )


def _done(message: Message) -> float:
    """When the app went on after it."""
    return message.at_ms + (message.waited_ms or 0.0) if message.direction == "send" else message.at_ms
