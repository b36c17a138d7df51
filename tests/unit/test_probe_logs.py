"""What the probe tells of exceptions and log records: as Python prints them, and of the right call."""

from __future__ import annotations

import asyncio
import contextvars
import io
import logging
import threading
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from asgi_tui.domain.calls import LogRecord, Raised
from asgi_tui.domain.tracebacks import user_frames
from asgi_tui.engine.traces import Trace
from tests.unit.test_probe import FINAL, START, App, Broken, Server, http, make, run_file, sends, traced
from tests.unit.test_probe_traces import end_of, whole

with run_file():
    from asgi_probe.faults import MAX_FAULTS, MAX_FRAMES, MESSAGE_CHARS, TRACEBACK_CHARS, fault_of, told_fault
    from asgi_probe.tracer import LOG_CHARS, MAX_LOGS

LOG = logging.getLogger("shop.orders")


# -- exceptions --------------------------------------------------------------------------------------


def fails() -> None:
    raise LookupError("the innermost")


def with_cause() -> None:
    try:
        fails()
    except LookupError as error:
        raise ValueError("with a cause") from error


def with_context() -> None:
    try:
        fails()
    except LookupError:
        raise ValueError("with a context\nof two lines")  # noqa: B904 - what is to be shown


def without_context() -> None:
    try:
        fails()
    except LookupError:
        raise ValueError from None


def with_syntax() -> None:
    compile("a = = 1\n", "made_up.py", "exec")


def with_indentation() -> None:
    compile("if a:\nb\n", "made_up.py", "exec")


class Outer:
    class OwnError(KeyError):
        pass


def with_own_type() -> None:
    raise Outer.OwnError("key")


def with_notes() -> None:
    error = ValueError("noted")
    error.add_note("one\nmore")
    raise error


def recursive(depth: int = 0) -> None:
    if depth > 40:
        fails()
    recursive(depth + 1)


def with_group() -> None:
    try:
        with_cause()
    except ValueError as error:
        parts = [error, ExceptionGroup("inner", [TypeError("a"), KeyError("b")])]
        raise ExceptionGroup("outer", parts) from None


RAISING = (
    *(fails, with_cause, with_context, without_context, with_syntax, with_indentation, with_own_type),
    *(with_notes, recursive, with_group),
)


@pytest.mark.parametrize("function", RAISING)
def test_a_traceback_reads_as_pythons_own(function: Callable[[], None]) -> None:
    try:
        function()
    except Exception as error:
        expected = "".join(traceback.format_exception(error))
        told = told_fault(fault_of(error))  # type: ignore[arg-type]  # it is none where even that fails
    assert told["traceback"] == expected


async def test_frames_begin_with_the_users() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        with_cause()

    async def receive() -> Any:
        return {"type": "http.request"}

    probe = make(app, 100)
    with pytest.raises(ValueError, match="with a cause"):
        await probe(http(), receive, Server().send)
    (trace,) = traced(probe)
    error = end_of(trace).error
    assert isinstance(error, Raised)
    assert (end_of(trace).outcome, error.type, error.message) == ("raised", "ValueError", "with a cause")
    assert [frame.function for frame in user_frames(error.traceback)] == [
        "with_cause",
        "fails",
        "app",
        "with_cause",
    ]
    assert "asgi_probe" not in error.traceback


async def test_what_a_framework_did_before_is_no_news() -> None:
    async def endpoint(request: object) -> None:
        fails()

    scope = http(query_string=b"", headers=[], scheme="http", server=None, client=None)
    error = end_of(await whole(Starlette(routes=[Route("/", endpoint)]), scope)).error
    assert error is not None
    places = [line.split(", in ")[1] for line in error.traceback.splitlines() if ", in " in line]
    assert places == ["endpoint", "fails"]


async def test_an_exception_of_the_server_has_no_frame_of_ours() -> None:
    async def refuse(message: Any) -> None:
        raise RuntimeError("refused")

    probe = make(sends(START), 100)
    with pytest.raises(RuntimeError, match="refused"):
        await probe(http(), Server().receive, refuse)
    (trace,) = traced(probe)
    error = end_of(trace).error
    assert error is not None
    assert "asgi_probe" not in error.traceback
    assert user_frames(error.traceback)[-1].function == "refuse"


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, BaseException])
async def test_other_exceptions_are_raised_too(kind: type[BaseException]) -> None:
    raised = kind("stop")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise raised

    probe = make(app, 100)
    caught = None
    try:
        await probe(http(), Server().receive, Server().send)
    except BaseException as error:  # any is what this is about
        caught = error
    assert caught is raised
    (trace,) = traced(probe)
    error_told = end_of(trace).error
    assert error_told is not None
    assert error_told.type == kind.__name__


def told_of(error: BaseException) -> dict[str, str]:
    fault = fault_of(error)
    assert fault is not None
    return told_fault(fault)


def test_what_an_exception_says_is_bounded() -> None:
    def deep(depth: int) -> None:
        if depth:
            deep(depth - 1)
        raise ValueError("x" * 10 * MESSAGE_CHARS)

    error: BaseException = ValueError("first")
    for number in range(3 * MAX_FAULTS):
        after = ValueError(f"number {number}")
        after.__context__, error = error, after
    # A circle of causes, which Python itself can print.
    error.__cause__ = error
    assert told_of(error)["traceback"].count("ValueError: number") <= MAX_FAULTS
    try:
        deep(3 * MAX_FRAMES)
    except ValueError as caught:
        told = told_of(caught)
    assert len(told["message"]) == MESSAGE_CHARS
    assert len(told["traceback"]) <= TRACEBACK_CHARS
    assert "Previous line repeated" in told["traceback"]


def test_an_exception_without_words_is_told() -> None:
    class WordlessError(Exception):
        __str__ = Broken.__str__

    told = told_of(WordlessError())
    assert told["message"] == "<exception str() failed>"
    assert told["traceback"].endswith("WordlessError: <exception str() failed>\n")


# -- log records -------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def output() -> Iterator[io.StringIO]:
    """What the app's own handler writes."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    LOG.addHandler(handler)
    LOG.setLevel(logging.DEBUG)
    LOG.propagate = False
    yield stream
    LOG.removeHandler(handler)


def lines(logs: tuple[LogRecord, ...]) -> list[str]:
    return [record.text for record in logs]


async def test_records_are_joined_across_await_tasks_and_threads(output: io.StringIO) -> None:
    async def inner() -> None:
        await asyncio.sleep(0)
        LOG.info("in a task")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        LOG.warning("first %s", "words")
        await asyncio.sleep(0)
        LOG.info("after an await")
        await asyncio.create_task(inner())
        await asyncio.to_thread(LOG.error, "in a thread")
        thread = threading.Thread(target=LOG.error, args=("in no context of the call's",))
        thread.start()
        thread.join()
        await send(FINAL)

    trace = await whole(app)
    assert lines(trace.logs) == ["first words", "after an await", "in a task", "in a thread"]
    record = trace.logs[0]
    assert (record.level, record.logger) == ("warning", "shop.orders")
    assert (record.file, record.line) == (__file__, app.__code__.co_firstlineno + 1)
    assert [one.at_ms for one in trace.logs] == sorted(one.at_ms for one in trace.logs)
    assert output.getvalue().splitlines()[0] == "first words"
    assert len(output.getvalue().splitlines()) == 5


async def test_records_of_other_calls_are_theirs() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(3):
            LOG.info("of %s", scope["path"])
            await asyncio.sleep(0.001)

    probe = make(app, 100)
    server = Server()
    await asyncio.gather(*(probe(http(f"/{n}"), server.receive, server.send) for n in "abc"))
    probe.shipper.tracing.room = 0
    await probe(http("/untraced"), server.receive, server.send)
    LOG.info("of nobody")
    traces = traced(probe)
    assert len(traces) == 3
    for trace in traces:
        assert trace.begin is not None
        assert lines(trace.logs) == [f"of {trace.begin.path}"] * 3


async def test_a_record_with_an_exception_brings_its_traceback() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            with_cause()
        except ValueError:
            LOG.exception("caught")
        LOG.error("none", exc_info=True)

    trace = await whole(app)
    assert lines(trace.logs) == ["caught", "none"]
    (error,) = trace.errors
    assert (error.type, error.message, error.logged) == ("ValueError", "with a cause", True)
    assert user_frames(error.traceback)[-1].function == "with_cause"


async def test_records_are_bounded_and_never_in_the_way(output: io.StringIO) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        LOG.info("%s", "x" * 10 * LOG_CHARS)
        LOG.info(5)
        logging.makeLogRecord({"msg": "somebody else's"})
        for number in range(2 * MAX_LOGS):
            LOG.info("%d", number)

    trace = await whole(app)
    assert len(trace.logs) == MAX_LOGS + 1
    assert len(trace.logs[0].text) == LOG_CHARS
    assert (trace.logs[1].text, trace.logs[2].text) == ("5", "0")
    assert "not kept" in trace.logs[-1].text
    assert len(output.getvalue().splitlines()) == 2 * MAX_LOGS + 2


async def test_a_record_whose_words_fail_is_the_apps_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        LOG.info("%d", "no number")
        LOG.info("%s", Broken())
        await send(FINAL)

    trace = await whole(app)
    assert end_of(trace).outcome == "returned"
    assert lines(trace.logs) == ["%d", "%s"]


async def test_a_factory_of_the_apps_own_goes_on_working(monkeypatch: pytest.MonkeyPatch) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        LOG.info("mine")

    await whole(app)  # from now on records are shown to the probe
    former = logging.getLogRecordFactory()
    made = []

    def factory(*args: Any, **named: Any) -> logging.LogRecord:
        record = former(*args, **named)
        record.request_id = 7
        made.append(record)
        return record

    logging.setLogRecordFactory(factory)
    try:
        trace: Trace = await whole(app)
    finally:
        logging.setLogRecordFactory(former)
    assert lines(trace.logs) == ["mine"]
    assert [(record.getMessage(), record.__dict__["request_id"]) for record in made] == [("mine", 7)]


def run_in_other_context(app: App) -> Trace:
    """Drives a call by hand, each step in a context of its own, as no server does."""
    probe = make(app, 100)
    call: Any = probe(http(), Server().receive, Server().send).__await__()
    with suppress(StopIteration):
        while True:
            contextvars.copy_context().run(next, call)
    (trace,) = traced(probe)
    return trace


def test_a_call_that_ends_in_another_context_is_traced() -> None:
    class Pause:
        def __await__(self) -> Generator[None, None, None]:
            yield

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await Pause()
        await send(FINAL)

    assert end_of(run_in_other_context(app)).outcome == "returned"
