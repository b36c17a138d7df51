"""The console's model of a session."""

import re

import pytest

from asgi_tui.domain.events import Error, Log, Ready, Reload, State, StateChanged, Stats, Switch, Usage
from asgi_tui.frontends.console.log_buffer import MAX_LENGTH, LogBuffer
from asgi_tui.frontends.console.model import MAX_RELOADS, FailedSwitch, Part, SessionModel
from asgi_tui.frontends.console.row_index import RowIndex
from tests.console.fake import (
    AT,
    URL,
    failed_switch,
    plan,
    reload_failed,
    reload_ok,
    start_events,
    starting,
    stats,
)


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


def names(model: SessionModel) -> tuple[str, str, int | None, str]:
    return model.server, model.version, model.pid, model.account.server if model.account else ""


def test_what_serves_and_what_is_started_are_kept_apart() -> None:
    model = SessionModel()
    model.apply([StateChanged(AT, State.STARTING), starting(plan())])
    assert names(model) == ("uvicorn", "0.54.0", None, "uvicorn")
    assert model.coming == ""
    model.apply([StateChanged(AT, State.READY), Ready(AT, "uvicorn", "0.54.0", URL, 7, 9.0)])
    model.apply([Usage(AT, 3.2, 86_000_000, 1)])
    reloading, begun, error, ready = failed_switch(plan("granian"))
    model.apply([reloading, begun])
    assert names(model) == ("uvicorn", "0.54.0", 7, "uvicorn")
    assert model.coming == "granian"
    model.apply([error, ready])
    assert names(model) == ("uvicorn", "0.54.0", 7, "uvicorn")
    assert (model.coming, model.url, model.ready_at) == ("", URL, AT)
    assert model.usage is not None
    model.apply([reloading, begun, StateChanged(AT, State.READY)])
    model.apply([Ready(AT + 9, "granian", "2.8.7", URL, 8, 9.0)])
    assert names(model) == ("granian", "2.8.7", 8, "granian")
    assert model.usage is None


def test_while_nothing_serves_what_was_tried_is_told() -> None:
    model = SessionModel()
    model.apply(start_events(plan()))
    model.apply(failed_switch(plan("daphne"), crashed=True))
    assert names(model) == ("daphne", "4.2.3", None, "daphne")
    model.apply(start_events(plan("uvicorn")))
    # a failed switch that the old server survived is not what stopped or crashed later
    model.apply([*failed_switch(plan("granian")), StateChanged(AT + 50, State.CRASHED, "ended by SIGKILL")])
    assert names(model) == ("uvicorn", "0.54.0", None, "uvicorn")


def test_a_stop_during_a_switch_leaves_the_server_that_served() -> None:
    model = SessionModel()
    model.apply([*start_events(plan()), *failed_switch(plan("granian"))[:2]])
    model.apply([StateChanged(AT + 50, State.STOPPING), StateChanged(AT + 51, State.STOPPED)])
    assert names(model) == ("uvicorn", "0.54.0", None, "uvicorn")
    assert not model.reloads
    assert (model.url, model.usage) == ("", None)


def test_a_failed_start_on_another_address_does_not_show_the_old_one() -> None:
    model = SessionModel()
    model.apply(start_events(plan()))
    model.apply([StateChanged(AT + 5, State.STARTING), starting(plan(port=9000)), Error(AT, "a", "b", "c")])
    model.apply([StateChanged(AT + 6, State.CRASHED, "b")])
    assert model.url == ""


@pytest.mark.parametrize("crashed", [False, True])
def test_a_failed_switch_is_an_entry(crashed: bool) -> None:
    model = SessionModel()
    changed = model.apply(failed_switch(plan("granian"), crashed=crashed))
    assert Part.RELOADS in changed
    assert list(model.reloads) == [
        FailedSwitch(AT + 41, "granian", "Starting granian: it ended with 1; see the log.")
    ]
    model.apply([StateChanged(AT + 50, State.RELOADING, "app.py"), *reload_failed()])
    assert len(model.reloads) == 2
    assert isinstance(model.reloads[0], Reload)


def test_an_error_of_something_else_does_not_make_a_switch_fail() -> None:
    model = SessionModel()
    model.apply(failed_switch(plan("granian")))
    done = Switch(AT + 62, "uvicorn", "granian", (), (), {}, 84.0)
    model.apply([*failed_switch(plan("granian"), AT + 60)[:3], StateChanged(AT + 62, State.READY), done])
    assert model.reloads[0] == done
    assert len(model.reloads) == 2
