"""The console's model of a session."""

from dataclasses import replace

import pytest

from asgi_tui.domain.calls import LogRecord
from asgi_tui.domain.events import (
    Error,
    Log,
    Progress,
    Ready,
    Reload,
    State,
    StateChanged,
    Stats,
    Switch,
    TrafficWindow,
    Usage,
    Worker,
)
from asgi_tui.domain.log_entry import Entry, Origin
from asgi_tui.engine.log_store import LogStore
from asgi_tui.frontends.console.history import MAX_RELOADS, FailedSwitch, Place
from asgi_tui.frontends.console.log_feed import MAX_LENGTH
from asgi_tui.frontends.console.model import Part, SessionModel
from asgi_tui.frontends.console.row_index import RowIndex
from tests.console.calls import lifespan, request, websocket
from tests.console.fake import AT, URL, failed_switch, plan, start_events, starting, stats
from tests.console.reloads import FRAMES, TRACEBACK, drained, draining, reload_failed, reload_ok


def told(model: SessionModel) -> str:
    return model.fault.sentence if model.fault else ""


def test_a_failed_reload_is_a_fault_until_the_next_success() -> None:
    model = SessionModel(LogStore())
    changed = model.apply(reload_failed())
    assert Part.FAULT in changed
    assert model.fault is not None
    assert (model.fault.file, model.fault.line) == ("app.py", 12)
    assert model.state is State.READY
    model.apply([reload_ok()])
    assert told(model) == ""


def test_ready_ends_a_fault_and_starts_the_uptime() -> None:
    model = SessionModel(LogStore())
    model.apply([Error(AT, "App", "it broke", "mend it"), StateChanged(AT, State.CRASHED, "it broke")])
    assert model.fault is not None
    model.apply([Ready(AT + 5, "uvicorn", "0.54.0", URL, 7, 10.0)])
    assert told(model) == ""
    assert model.ready_at == AT + 5


def test_a_crash_without_an_error_is_a_fault_too() -> None:
    model = SessionModel(LogStore())
    model.apply([StateChanged(AT, State.CRASHED, "ended by SIGKILL")])
    assert model.fault is not None
    assert "SIGKILL" in model.fault.sentence


def test_usage_that_looks_the_same_changes_nothing() -> None:
    model = SessionModel(LogStore())
    assert Part.STATUS in model.apply([Usage(AT, 3.2, 86_000_000, 1)])
    assert model.apply([Usage(AT + 1, 3.3, 86_000_100, 1)]) == Part.NONE
    assert Part.STATUS in model.apply([Usage(AT + 2, 9.0, 86_000_000, 1)])


def test_the_rate_is_sampled_once_a_second_and_goes_stale() -> None:
    model = SessionModel(LogStore())
    model.apply([stats(at=AT + step / 10, rate=100.0 + step) for step in range(11)])
    assert list(model.rates) == [109.0, 110.0]
    model.apply([Usage(AT + 9, 0, 0, 1)])
    assert model.rate == 0.0


def test_what_is_kept_is_bounded() -> None:
    model = SessionModel(LogStore())
    model.apply(Reload(AT + n, "ok", (), {}, 1.0) for n in range(MAX_RELOADS + 50))
    model.apply(Stats(AT + n, rate=1.0) for n in range(200))
    assert len(model.reloads) == MAX_RELOADS
    assert model.reloads[0].event.at == AT + MAX_RELOADS + 49
    assert len(model.rates) == 60


def entries(model: SessionModel) -> list[Entry]:
    return list(model.logs.entries(range(model.logs.first, model.logs.end)))


def test_log_text_is_made_safe_and_bounded() -> None:
    model = SessionModel(LogStore())
    text = "\x1b]0;owned\x07\x1b[31mred\x1b[0m\x9b2J" + "x" * 20_000
    assert model.apply([Log(AT, "stdout", "info", text, 4242, "evil\x1b[2J")]) == Part.LOGS
    (entry,) = entries(model)
    assert entry.text.isprintable()
    assert "red" in entry.text
    assert len(entry.text) < MAX_LENGTH + 40
    assert "characters)" in entry.text
    assert entry.origin == Origin("stdout", "info", "evil␛[2J", 4242)


def test_what_no_server_tells_is_let_in_all_the_same() -> None:
    model = SessionModel(LogStore())
    model.apply([Log(AT, "made up", "loud", "two\r\nlines")])
    (entry,) = entries(model)
    assert entry.origin == Origin("console")
    assert entry.text == "two\nlines"


def test_an_error_brings_its_place_and_its_traceback() -> None:
    model = SessionModel(LogStore())
    model.apply([Error(AT, "Reload", "it broke", "mend it", "app.py", 3, "Traceback:\n  boom\n")])
    (entry,) = entries(model)
    assert entry.text.split("\n") == ["Reload: it broke; mend it. (app.py:3)", "Traceback:", "  boom"]
    assert entry.origin == Origin("console", "error", "asgi-tui")


def test_lines_get_the_request_whose_log_records_they_are() -> None:
    model = SessionModel(LogStore())
    call = replace(request(1), logs=(LogRecord(2.0, "info", "shop", "ordered 3 of them"),))
    model.apply(
        [
            Log(call.at, "stdout", "info", "ordered 3 of them", call.pid, "shop"),
            Log(call.at, "stdout", None, "x"),
        ]
    )
    assert model.apply([call]) == Part.REQUESTS | Part.LOGS
    assert [entry.request for entry in entries(model)] == [call.id, ""]


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
    model = SessionModel(LogStore())
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
    model = SessionModel(LogStore())
    model.apply(start_events(plan()))
    model.apply(failed_switch(plan("daphne"), crashed=True))
    assert names(model) == ("daphne", "4.2.3", None, "daphne")
    model.apply(start_events(plan("uvicorn")))
    # a failed switch that the old server survived is not what stopped or crashed later
    model.apply([*failed_switch(plan("granian")), StateChanged(AT + 50, State.CRASHED, "ended by SIGKILL")])
    assert names(model) == ("uvicorn", "0.54.0", None, "uvicorn")


def test_a_stop_during_a_switch_leaves_the_server_that_served() -> None:
    model = SessionModel(LogStore())
    model.apply([*start_events(plan()), *failed_switch(plan("granian"))[:2]])
    model.apply([StateChanged(AT + 50, State.STOPPING), StateChanged(AT + 51, State.STOPPED)])
    assert names(model) == ("uvicorn", "0.54.0", None, "uvicorn")
    assert not model.reloads
    assert (model.url, model.usage) == ("", None)


def test_a_failed_start_on_another_address_does_not_show_the_old_one() -> None:
    model = SessionModel(LogStore())
    model.apply(start_events(plan()))
    model.apply([StateChanged(AT + 5, State.STARTING), starting(plan(port=9000)), Error(AT, "a", "b", "c")])
    model.apply([StateChanged(AT + 6, State.CRASHED, "b")])
    assert model.url == ""


@pytest.mark.parametrize("crashed", [False, True])
def test_a_failed_switch_is_an_entry(crashed: bool) -> None:
    model = SessionModel(LogStore())
    changed = model.apply(failed_switch(plan("granian"), crashed=crashed))
    assert Part.RELOADS in changed
    assert [entry.event for entry in model.reloads] == [
        FailedSwitch(AT + 41, "granian", "Starting granian: it ended with 1; see the log.")
    ]
    model.apply([StateChanged(AT + 50, State.RELOADING, "app.py"), *reload_failed()])
    assert len(model.reloads) == 2
    assert isinstance(model.reloads[0].event, Reload)


def test_an_error_of_something_else_does_not_make_a_switch_fail() -> None:
    model = SessionModel(LogStore())
    model.apply(failed_switch(plan("granian")))
    done = Switch(AT + 62, "uvicorn", "granian", (), (), {}, 84.0)
    model.apply([*failed_switch(plan("granian"), AT + 60)[:3], StateChanged(AT + 62, State.READY), done])
    assert model.reloads[0].event == done
    assert len(model.reloads) == 2


def test_the_end_of_the_old_run_is_told_of_what_replaced_it() -> None:
    model = SessionModel(LogStore())
    model.apply([reload_ok(run=2), reload_ok(run=3)])
    changed = model.apply([drained(1)])
    assert Part.RELOADS in changed
    assert [entry.drained for entry in model.reloads] == [None, drained(1)]
    # a failed reload replaced nothing, and with "old first" the end comes before the reload
    model.apply([*reload_failed(), drained(3), reload_ok(run=4)])
    assert [entry.drained for entry in model.reloads] == [drained(3), None, None, drained(1)]


def test_ends_of_runs_that_nothing_replaced_are_not_kept_for_ever() -> None:
    model = SessionModel(LogStore())
    model.apply(drained(number) for number in range(10, 60))
    model.apply([reload_ok(run=11), reload_ok(run=60)])
    assert [entry.drained for entry in model.reloads] == [drained(59), None]


@pytest.mark.parametrize("error_first", [False, True])
def test_the_error_of_a_failed_reload_brings_its_traceback(error_first: bool) -> None:
    model = SessionModel(LogStore())
    failed, error, state = reload_failed()
    assert isinstance(failed, Reload)
    told = replace(failed, frames=())
    model.apply([error, told, state] if error_first else [told, error, state])
    (entry,) = model.reloads
    assert (entry.traceback, entry.frames) == (TRACEBACK, FRAMES)
    # an error of something else, later, is not its
    model.apply([Error(AT + 40, "Pausing", "it cannot be", "", traceback="another")])
    assert model.reloads[0].traceback == TRACEBACK


def place(model: SessionModel) -> Place | None:
    return model.place


def last_good(model: SessionModel) -> bool:
    return model.last_good


def test_the_place_is_that_of_the_fault_or_of_the_last_failure() -> None:
    model = SessionModel(LogStore())
    assert place(model) is None
    model.apply(reload_failed())
    assert place(model) == Place("app.py", 12)
    model.dismiss()
    assert place(model) == Place("app.py", 12)
    model.apply([Error(AT, "App", "it broke", "mend it", frames=FRAMES)])
    assert place(model) == Place("/srv/shop/app.py", 12)
    model.apply([reload_ok()])
    assert place(model) is None


def test_what_replaced_runs_hold_is_added_up_until_they_end() -> None:
    model = SessionModel(LogStore())
    assert model.apply([draining(1, until=AT + 50), draining(2, in_flight=1, until=AT + 60)]) == Part.OFFERS
    assert model.held == (3, 2, AT + 60)
    model.apply([draining(2, in_flight=0, websockets=0, until=AT + 60)])
    assert model.held == (2, 1, AT + 50)
    model.apply([drained(1), Worker(AT, 4242, "gone", 2)])
    assert not model.draining
    model.apply([draining(3), StateChanged(AT + 70, State.STOPPED)])
    assert model.held == (0, 0, 0.0)


def test_times_of_reloads_leave_out_switches_and_mark_failures() -> None:
    model = SessionModel(LogStore())
    model.apply([reload_ok(total_ms=30.0), *reload_failed(), *failed_switch(plan("granian"))])
    model.apply([reload_ok(total_ms=50.0)])
    assert model.reloads.times.totals == (30.0, None, 50.0)
    assert model.reloads.times.median == 40.0


def test_the_last_good_version_serves_until_the_next_success() -> None:
    model = SessionModel(LogStore())
    model.apply(start_events(plan()))
    assert not last_good(model)
    model.apply(reload_failed())
    assert last_good(model)
    model.apply([StateChanged(AT + 40, State.RELOADING), StateChanged(AT + 41, State.READY)])
    assert not last_good(model)


def test_the_window_of_traffic_is_the_newest_one() -> None:
    model = SessionModel(LogStore())
    assert model.window is None
    changed = model.apply([TrafficWindow(AT, "10s", 3.0), TrafficWindow(AT + 1, "1m", 4.0)])
    assert changed == Part.TRAFFIC
    assert model.window == TrafficWindow(AT + 1, "1m", 4.0)


def test_calls_are_kept_each_once() -> None:
    model = SessionModel(LogStore())
    changed = model.apply([Progress(AT, lifespan()), Progress(AT, websocket(3)), request(1)])
    assert changed == Part.REQUESTS
    assert model.apply([replace(websocket(3), outcome="cancelled")]) == Part.REQUESTS
    assert [call.method for call in model.requests] == ["LIFESPAN", "WS", "GET"]
    assert [call.outcome for call in model.requests] == ["open", "cancelled", "returned"]
