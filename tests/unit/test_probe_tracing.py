"""The bounds of the probe's traces, how many there are of them, and the lag of the loop."""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import json
import os
import threading
import time
from typing import Any

import pytest

from asgi_tui.domain.tracebacks import user_frames
from asgi_tui.engine.traces import Trace
from tests.unit.test_probe import (
    FINAL,
    START,
    Console,
    Message,
    Server,
    console,
    http,
    live,
    make,
    run_file,
    sends,
    traced,
)
from tests.unit.test_probe_traces import end_of, items, websocket, whole

with run_file():
    from asgi_probe import lag as lagging
    from asgi_probe import wire
    from asgi_probe.described import MAX_HEADERS, VALUE_CHARS
    from asgi_probe.lag import Lag
    from asgi_probe.logs import CALL
    from asgi_probe.telling import LINE_BYTES, told
    from asgi_probe.tracer import BODY_IN, BODY_OUT, FIRST_STEPS, LAST_STEPS, MESSAGE_BYTES
    from asgi_probe.tracing import BYTES_A_FLUSH, CALLS_A_FLUSH, FAULTS_PER_SECOND, MESSAGES_A_FLUSH, Tracing

__all__ = ["console"]  # a fixture

MORE: Message = {"type": "http.response.body", "body": b"x" * 100, "more_body": True}

# -- bounds ------------------------------------------------------------------------------------------


async def test_a_request_body_is_kept_to_be_sent_again_and_a_response_as_far_as_is_shown() -> None:
    part = os.urandom(BODY_IN // 4)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(5):
            await receive()
        await send(START)
        for number in range(6):
            await send({**FINAL, "body": part, "more_body": number < 5})

    parts = [{"type": "http.request", "body": part, "more_body": True} for _ in range(5)]
    trace = await whole(app, None, Server(*parts))
    received = b"".join(message.data for message in trace.messages if message.direction == "receive")
    assert received == (part * 5)[:BODY_IN]
    sent = [message.data for message in trace.messages if message.direction == "send"][1:]
    assert sent == [part[:BODY_OUT]] + [b""] * 5
    assert (trace.bytes_in, trace.bytes_out) == (5 * len(part), 6 * len(part))


async def test_long_values_are_cut() -> None:
    scope = http("/" + "x" * 10 * VALUE_CHARS, odd={str(n): "y" * 1000 for n in range(1000)})
    headers = [(b"a%d" % n, b"z" * 1000) for n in range(MAX_HEADERS + 50)]
    trace = await whole(sends({**START, "headers": headers}, {"type": "a", "b": "c" * 10**6}), scope)
    assert trace.begin is not None
    assert len(trace.begin.path) == VALUE_CHARS
    assert len(items(trace.begin.scope.others)["odd"]) <= VALUE_CHARS
    start = trace.messages[0]
    assert len(start.headers) < MAX_HEADERS
    assert items(start.fields) == {"headers left out": str(MAX_HEADERS + 50 - len(start.headers))}
    assert len(items(trace.messages[1].fields)["b"]) == VALUE_CHARS


async def test_messages_are_bounded_and_the_last_are_kept() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        for _ in range(2 * MESSAGES_A_FLUSH):
            await send(MORE)
        await send(FINAL)
        # One that never stops is bounded too.
        for _ in range(100):
            await send(FINAL)

    probe = make(app, 100)
    await probe(http(), Server().receive, Server().send)
    (trace,) = traced(probe)
    kept = FIRST_STEPS + MESSAGES_A_FLUSH + LAST_STEPS
    assert len(trace.messages) == kept
    assert trace.left_out == 2 * MESSAGES_A_FLUSH + 102 - kept
    assert trace.messages[0].type == "http.response.start"
    assert [message.n for message in trace.messages[-LAST_STEPS:]] == [
        2 * MESSAGES_A_FLUSH + 2 + number for number in range(LAST_STEPS)
    ]
    assert trace.bytes_out == 200 * MESSAGES_A_FLUSH + 505
    # The next call has its first messages all the same.
    probe.app = sends(START, MORE, FINAL)
    await probe(http(), Server().receive, Server().send)
    assert len(traced(probe)[0].messages) == 3


async def test_received_messages_are_bounded_too() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["type"] == "websocket.receive":
            pass

    frames = [{"type": "websocket.receive", "bytes": b"12345"} for _ in range(MESSAGES_A_FLUSH + 1000)]
    trace = await whole(app, websocket(), Server(*frames, {"type": "websocket.disconnect"}))
    assert trace.messages[-1].type == "websocket.disconnect"
    assert trace.left_out == len(frames) + 1 - len(trace.messages)
    assert trace.bytes_in == 5 * len(frames)


async def test_bytes_are_bounded_between_two_flushes() -> None:
    body = b"x" * BODY_IN
    probe = make(sends(FINAL), 100)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()

    probe.app = app
    for _ in range(20):
        await probe(http(), Server({"type": "http.request", "body": body}).receive, Server().send)
    traces = traced(probe)
    assert sum(len(message.data) for trace in traces for message in trace.messages) <= BYTES_A_FLUSH
    # Nothing more begins to be traced until it is told.
    assert len(traces) < 6
    probe.shipper.tracing.refill()
    await probe(http(), Server().receive, Server().send)
    assert len(traced(probe)) == 1


async def test_one_call_never_makes_a_line_too_long() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(60):
            await receive()

    frames = [{"type": "websocket.receive", "bytes": b"x" * MESSAGE_BYTES} for _ in range(60)]
    probe = make(app, 100)
    await probe(websocket(), Server(*frames).receive, Server().send)
    lines = [wire.line(message) for message in told(probe.shipper.tracing.due.popleft())]
    assert max(map(len, lines)) < 1.2 * LINE_BYTES
    pieces = [json.loads(line) for line in lines]
    firsts = [piece["steps"][0]["n"] for piece in pieces]
    assert firsts == sorted(set(firsts))
    assert sum(len(piece["steps"]) for piece in pieces) == 60
    assert ["begin" in piece for piece in pieces] == [True] + [False] * (len(pieces) - 1)
    assert ["end" in piece for piece in pieces] == [False] * (len(pieces) - 1) + [True]


# -- which calls -------------------------------------------------------------------------------------


def begun(tracing: Tracing, tries: int) -> int:
    """How many of so many calls are traced; each is over at once."""
    count = 0
    for _ in range(tries):
        tracer = tracing.begin("http", http()) if tracing.room else None
        if tracer is not None:
            tracer.over(http(), "/", "")
            count += 1
    return count


def test_traces_are_bounded_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: clock)
    tracing = Tracing(20, lambda: None)
    taken = 0
    for _ in range(100):
        # 1,000 calls a second for ten seconds, and ten flushes a second.
        taken += begun(tracing, 100)
        clock += 0.1
        tracing.refill()
    assert 195 <= taken <= 220
    begun(tracing, 100)
    clock += 60
    # After a rest a page's requests are all seen.
    tracing.pass_time()
    assert begun(tracing, 50) == 20
    tracing.set_rate(None)
    for _ in range(3):
        assert begun(tracing, 1000) == CALLS_A_FLUSH
        tracing.refill()
    tracing.set_rate(0)
    tracing.refill()
    assert begun(tracing, 10) == 0
    tracing.set_rate(0.5)
    assert begun(tracing, 10) == 1
    clock += 3
    tracing.pass_time()
    assert begun(tracing, 10) == 1


async def test_without_traces_nothing_is_kept() -> None:
    probe = make(sends(START, FINAL))
    for scope in (http(), websocket(), {"type": "lifespan"}):
        await probe(scope, Server().receive, Server().send)
    assert not probe.shipper.tracing.due
    assert CALL not in contextvars.copy_context()


async def test_errors_are_told_even_where_there_is_no_room() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(MORE)
        raise ValueError("broken")

    probe = make(app, 1)
    for number in range(FAULTS_PER_SECOND + 20):
        with pytest.raises(ValueError, match="broken"):
            await probe(http(f"/{number}"), Server().receive, Server().send)
    first, *rest = traced(probe)
    assert first.left_out == 0
    assert len(rest) == FAULTS_PER_SECOND
    for number, trace in enumerate(rest, 1):
        assert trace.begin is not None
        assert (trace.begin.path, trace.messages) == (f"/{number}", ())
        assert (trace.left_out, trace.bytes_out) == (1, 100)
        error = end_of(trace).error
        assert error is not None
        assert (error.message, user_frames(error.traceback)[-1].function) == ("broken", "app")
        assert end_of(trace).ms <= end_of(trace).returned_ms
    # Nobody looks.
    probe.shipper.tracing.set_rate(0)
    with pytest.raises(ValueError, match="broken"):
        await probe(http(), Server().receive, Server().send)
    assert not traced(probe)


# -- on the wire -------------------------------------------------------------------------------------


async def test_orders_turn_traces_on_and_off(console: Console) -> None:
    probe = live(sends(START, FINAL))

    async def serve(count: int) -> None:
        for _ in range(count):
            await probe(http(), Server().receive, Server().send)

    def traces() -> list[Trace]:
        return [item for item in console.told() if isinstance(item, Trace)]

    await serve(3)
    await console.until(lambda: bool(console.summaries()))
    console.order(do="trace", rate=5)
    await console.until(lambda: bool(probe.shipper.tracing.room))
    await serve(10)
    await console.until(lambda: len(traces()) == 5)
    # A process that has rested has room for the next request at once.
    await asyncio.sleep(0.4)
    await serve(1)
    await console.until(lambda: len(traces()) == 6)
    console.order(do="trace", rate=None)
    await console.until(lambda: probe.shipper.tracing.rate is None)
    await serve(50)
    await console.until(lambda: len(traces()) == 56)
    console.order(do="trace", rate=0)
    await console.until(lambda: probe.shipper.tracing.rate == 0)
    await serve(20)
    await console.until(lambda: sum(item.requests for item in console.summaries()) == 84)
    assert len(traces()) == 56


async def test_a_console_that_does_not_read_stops_traces_and_slows_nothing(console: Console) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        for _ in range(20):
            await send({**MORE, "body": b"x" * 20_000})
        await send(FINAL)

    probe = live(app)
    probe.shipper.tracing.set_rate(None)
    await probe(http(), Server().receive, Server().send)
    await console.until(lambda: bool(console.summaries()))
    console.reads.clear()
    longest, until = 0.0, time.monotonic() + 1.2
    while time.monotonic() < until:
        for _ in range(20):
            start = time.monotonic()
            await probe(http(), Server().receive, Server().send)
            longest = max(longest, time.monotonic() - start)
        await asyncio.sleep(0.002)
    assert wire.unsent()
    assert longest < 0.5
    tracing = probe.shipper.tracing
    assert tracing.room == 0 or tracing.bytes_left <= 0
    assert len(tracing.due) <= 2 * CALLS_A_FLUSH
    held = (
        step.message.weight for tracer in tracing.due for step in tracer.steps if step.message is not None
    )
    assert sum(held) < 3 * BYTES_A_FLUSH
    console.reads.set()
    # It reads on, and so do the traces.
    await console.until(lambda: not wire.unsent() and not tracing.due)
    before = len(console.told())
    await probe(http(), Server().receive, Server().send)
    await console.until(lambda: any(isinstance(item, Trace) for item in console.told()[before:]))


async def test_a_stream_is_told_as_it_goes_and_within_its_room(console: Console) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        until = time.monotonic() + 0.7
        for number in itertools.count():
            counts.append(number)
            await send(MORE)
            if number % 50 == 0:
                await asyncio.sleep(0.001)
            if time.monotonic() > until:
                break
        await send(FINAL)

    counts: list[int] = []
    probe = live(app, 10)
    started = time.monotonic()
    await probe(http(), Server().receive, Server().send)

    def pieces() -> list[Trace]:
        return [item for item in console.told() if isinstance(item, Trace)]

    await console.until(lambda: bool(pieces()) and pieces()[-1].end is not None)
    flushes = (time.monotonic() - started) / 0.1 + 2
    assert len(pieces()) > 3
    kept = {message.n for piece in pieces() for message in piece.messages}
    assert len(kept) <= FIRST_STEPS + LAST_STEPS + flushes * MESSAGES_A_FLUSH
    assert len(kept) + pieces()[-1].left_out == len(counts) + 2
    assert pieces()[-1].bytes_out == 100 * len(counts) + 5


# -- lag ---------------------------------------------------------------------------------------------


async def test_a_loop_that_is_kept_busy_is_seen(console: Console) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        time.sleep(0.3)
        await sends(START, FINAL)(scope, receive, send)

    probe = live(app)
    await probe(http(), Server().receive, Server().send)
    await console.until(lambda: sum(item.requests for item in console.summaries()) == 1)
    lags = [item.lag_ns for item in console.summaries()]
    # It was told while the loop stood still, by a thread that did not.
    assert max(lag or 0 for lag in lags) > 50e6
    assert max(lag or 0 for lag in lags) < 5e9


async def test_a_loop_that_stands_still_later_is_seen_too(console: Console) -> None:
    probe = live(sends(START, FINAL))
    for _ in range(2):
        await probe(http(), Server().receive, Server().send)
        await asyncio.sleep(0.03)
    # The thread has had its turn already, and nothing wakes it after it has shipped.
    time.sleep(0.4)
    await console.until(lambda: any((item.lag_ns or 0) > 50e6 for item in console.summaries()))


async def test_an_idle_process_says_nothing_of_a_small_lag(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asgi_probe.shipper.LOOK", 0.05)
    monkeypatch.setattr(lagging, "NOTABLE", 10**12)
    probe = live(sends(START, FINAL))
    await probe(http(), Server().receive, Server().send)
    await console.until(lambda: not probe.shipper.records and not probe.shipper.awake)
    await asyncio.sleep(0.2)
    before = len(console.lines)
    asked = probe.shipper.lag.asked
    await asyncio.sleep(0.5)
    assert probe.shipper.lag.asked > asked
    assert len(console.lines) == before
    # One that is worth it is told without any request.
    monkeypatch.setattr(lagging, "NOTABLE", 20_000_000)
    time.sleep(0.25)
    await console.until(lambda: any((item.lag_ns or 0) > 20e6 for item in console.summaries()))


def test_lag_without_a_loop_is_none() -> None:
    lag = Lag()
    lag.sample(None)
    assert lag.now() is None
    loop = asyncio.new_event_loop()
    lag.sample(loop)
    assert lag.now() is None
    loop.close()
    lag.sample(loop)
    assert lag.now() is None
    assert not lag.is_news(None)


def test_the_end_of_a_lag_is_news() -> None:
    lag = Lag()
    assert not lag.is_news(1000)
    assert lag.is_news(6_000_000)
    lag.tell(6_000_000)
    assert not lag.is_news(6_000_000)
    assert lag.is_news(1000)
    lag.tell(1000)
    assert not lag.is_news(2000)


async def test_a_loop_that_owes_a_turn_ages() -> None:
    lag = Lag()
    sampler = threading.Thread(target=lag.sample, args=(asyncio.get_running_loop(),))
    sampler.start()
    sampler.join()
    time.sleep(0.03)
    assert (lag.now() or 0) >= 30e6
    owed = [lag.waiting]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    owed.append(lag.waiting)
    assert owed == [True, False]
    assert lag.worst >= 30e6
