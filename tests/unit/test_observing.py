"""Calls that go on are told at their pace, however many there are, and their ends at once."""

from __future__ import annotations

import asyncio
import time

import pytest

from asgi_tui.domain.events import Event, Progress, Request
from asgi_tui.engine import observing
from asgi_tui.engine.observing import Observer
from asgi_tui.engine.telemetry import Sender
from tests.unit.test_calls import begin, end, step, trace

SENDER = Sender(7, 1)


def observer(events: list[Event]) -> Observer:
    return Observer(events.append, lambda call: None, None)


async def test_progress_is_told_at_most_so_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observing, "PROGRESS_INTERVAL", 0.05)
    events: list[Event] = []
    it = observer(events)
    begun = time.monotonic()
    for n in range(1, 101):
        frame = step(n, "receive", "websocket.receive", n)
        it.traced(SENDER, "uvicorn", trace(begin=begin("websocket") if n == 1 else None, steps=[frame]))
        await asyncio.sleep(0.002)
    # The last news is told too.
    await asyncio.sleep(0.1)
    told = [event for event in events if isinstance(event, Progress)]
    assert len(told) == len(events) <= (time.monotonic() - begun) / 0.05 + 1
    assert len(told[-1].call.messages) == 100


async def test_many_calls_do_not_hold_up_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observing, "PROGRESS_SECONDS", 0.0)
    events: list[Event] = []
    it = observer(events)
    monkeypatch.setattr(observing, "PROGRESS_INTERVAL", 0.0)
    for number in range(50):
        it.traced(SENDER, "uvicorn", trace(f"7-{number}", begin=begin("websocket")))
    await asyncio.sleep(0.01)
    # No time at all: nothing is told, and what is over is told all the same.
    assert events == []
    it.traced(SENDER, "uvicorn", trace("7-0", end=end()))
    assert [type(event) for event in events] != [Progress]
    assert len(events) == 1
    monkeypatch.setattr(observing, "PROGRESS_SECONDS", 1.0)
    await asyncio.sleep(0.05)
    assert sorted(event.call.id for event in events[1:] if isinstance(event, Progress)) == sorted(
        f"7-{number}" for number in range(1, 50)
    )


async def test_nothing_is_told_of_a_call_after_its_end() -> None:
    events: list[Event] = []
    it = observer(events)
    it.traced(SENDER, "uvicorn", trace(begin=begin()))
    it.traced(SENDER, "uvicorn", trace(end=end()))
    it.traced(SENDER, "uvicorn", trace("7-2", begin=begin()))
    it.gone(SENDER)
    it.gone(SENDER)
    await asyncio.sleep(0.02)
    calls = [event for event in events if isinstance(event, Request | Progress)]
    assert [(type(call), call.outcome) for call in calls if isinstance(call, Request)] == [
        (Request, "returned"),
        (Request, "gone"),
    ]
    assert len(calls) == 2
