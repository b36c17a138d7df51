"""The console's model of a session."""

import re

import pytest

from asgi_tui.domain.events import Error, Log, Ready, Reload, State, StateChanged, Stats, Usage
from asgi_tui.frontends.console.log_buffer import MAX_LENGTH, LogBuffer
from asgi_tui.frontends.console.model import MAX_RELOADS, Part, SessionModel
from asgi_tui.frontends.console.row_index import RowIndex
from tests.console.fake import AT, URL, reload_failed, reload_ok, stats


def told(model: SessionModel) -> str:
    return model.fault.sentence if model.fault else ""


def test_a_failed_reload_is_a_fault_until_the_next_success() -> None:
    model = SessionModel()
    changed = model.apply(reload_failed())
    assert Part.FAULT in changed
    assert model.fault is not None
    assert (model.fault.file, model.fault.line) == ("app.py", 12)
    assert model.state is State.READY
    model.apply([reload_ok()])
    assert told(model) == ""


def test_ready_ends_a_fault_and_starts_the_uptime() -> None:
    model = SessionModel()
    model.apply([Error(AT, "App", "it broke", "mend it"), StateChanged(AT, State.CRASHED, "it broke")])
    assert model.fault is not None
    model.apply([Ready(AT + 5, "uvicorn", "0.54.0", URL, 7, 10.0)])
    assert told(model) == ""
    assert model.ready_at == AT + 5


def test_a_crash_without_an_error_is_a_fault_too() -> None:
    model = SessionModel()
    model.apply([StateChanged(AT, State.CRASHED, "ended by SIGKILL")])
    assert model.fault is not None
    assert "SIGKILL" in model.fault.sentence


def test_usage_that_looks_the_same_changes_nothing() -> None:
    model = SessionModel()
    assert Part.STATUS in model.apply([Usage(AT, 3.2, 86_000_000, 1)])
    assert model.apply([Usage(AT + 1, 3.3, 86_000_100, 1)]) == Part.NONE
    assert Part.STATUS in model.apply([Usage(AT + 2, 9.0, 86_000_000, 1)])


def test_the_rate_is_sampled_once_a_second_and_goes_stale() -> None:
    model = SessionModel()
    model.apply([stats(at=AT + step / 10, rate=100.0 + step) for step in range(11)])
    assert list(model.rates) == [109.0, 110.0]
    model.apply([Usage(AT + 9, 0, 0, 1)])
    assert model.rate == 0.0


def test_what_is_kept_is_bounded() -> None:
    model = SessionModel()
    model.apply(Reload(AT + n, "ok", (), {}, 1.0) for n in range(MAX_RELOADS + 50))
    model.apply(Stats(AT + n, rate=1.0) for n in range(200))
    assert len(model.reloads) == MAX_RELOADS
    assert model.reloads[0].at == AT + MAX_RELOADS + 49
    assert len(model.rates) == 60


def test_lines_keep_their_numbers_when_the_oldest_go() -> None:
    buffer = LogBuffer(100)
    for number in range(250):
        buffer.add(Log(AT, "stdout", None, f"line {number}"))
    buffer.trim()
    assert len(buffer) == 100
    assert buffer.end == 250
    assert buffer.line(150).text == "line 150"
    with pytest.raises(IndexError):
        buffer.line(149)
    assert buffer.find(re.compile("line 2[45]"), 0) == [*range(240, 250)]


def test_log_text_is_made_safe_and_bounded() -> None:
    buffer = LogBuffer()
    buffer.add(Log(AT, "stdout", "info", "\x1b]0;owned\x07\x1b[31mred\x1b[0m\x9b2J" + "x" * 20_000))
    text = buffer.line(0).text
    assert text.isprintable()
    assert "red" in text
    assert len(text) < MAX_LENGTH + 40
    assert "more" not in text
    assert "characters)" in text


def test_an_error_brings_its_place_and_its_traceback() -> None:
    buffer = LogBuffer()
    buffer.add_error(Error(AT, "Reload", "it broke", "mend it", "app.py", 3, "Traceback:\n  boom\n"))
    assert [buffer.line(n).text for n in range(3)] == [
        "Reload: it broke; mend it. (app.py:3)",
        "Traceback:",
        "  boom",
    ]
    assert not buffer.line(1).head


def test_rows_of_wrapped_lines() -> None:
    index = RowIndex()
    index.extend([1, 3, 2])
    assert index.rows == 6
    assert [index.locate(row) for row in range(6)] == [(0, 0), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1)]
    assert index.row_of(2) == 4
    assert index.drop(2) == 4
    assert index.rows == 2
    assert index.locate(1) == (0, 1)
    index.extend([1])
    assert index.locate(2) == (1, 0)
