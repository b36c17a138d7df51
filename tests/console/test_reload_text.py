"""What the reloads pane says of each event, as text."""

from dataclasses import replace

import pytest
from rich.cells import cell_len

from asgi_tui.domain.events import Change, Reload, Standby, State, StateChanged, Switch
from asgi_tui.engine.log_store import LogStore
from asgi_tui.frontends.console.history import Entry, FailedSwitch, Place, Times
from asgi_tui.frontends.console.model import SessionModel
from asgi_tui.frontends.console.widgets.offers import offer_text, offers
from asgi_tui.frontends.console.widgets.reload_detail import detail
from asgi_tui.frontends.console.widgets.reload_text import (
    INDENT,
    NATIVE_BIND,
    entry_text,
    files,
    head,
    trend,
    waiting,
)
from asgi_tui.frontends.console.widgets.status_line import vitals
from tests.console.fake import AT, plan, start_events
from tests.console.reloads import (
    FRAMES,
    TRACEBACK,
    drained,
    draining,
    reload_failed,
    reload_ok,
    slow_reload,
    standby,
    watching,
)


def said(event: Reload | Switch | FailedSwitch, width: int = 120, **known: object) -> str:
    return entry_text(replace(Entry(1, event), **known), width).plain  # type: ignore[arg-type]  # fields by name


def failed() -> Reload:
    event = reload_failed()[0]
    assert isinstance(event, Reload)
    return event


def flat(text: str) -> str:
    return " ".join(text.split())


def test_a_reload_names_cause_phases_and_that_nothing_was_refused() -> None:
    first, *rest = said(reload_ok(), drained=drained()).splitlines()
    assert first.endswith("✓ live in 38 ms  app.py +3 -1")
    assert " · ".join(line.strip() for line in rest) == (
        "warm · notice 9 · start 1 · import 12 · startup 9 · answer 3 · quiesce 4 ms · refused 0"
        " · drained in 1.2 s, shutdown 14 ms · 2 idle connections closed"
    )
    text = flat(said(reload_ok(), drained=drained(cut=3)))
    assert "3 requests or streams cut" in text
    assert "idle" not in text


def test_a_manual_reload_was_asked_for() -> None:
    assert said(replace(reload_ok(), changes=())).splitlines()[0].endswith("live in 38 ms  asked for")


def test_nobody_knows_what_was_refused_where_the_server_binds_by_itself() -> None:
    text = flat(said(replace(reload_ok(), refused=None)))
    assert "refused 0" not in text
    assert NATIVE_BIND in text
    assert "refused 3" in said(replace(reload_ok(), refused=3))


def test_a_cold_start_has_its_reason_and_a_slow_import_its_modules() -> None:
    text = flat(said(slow_reload()))
    assert "live in 967 ms .env +1 cold: .env has changed" in text
    assert "slow to import: pandas 420, shop.models 310, shop.admin 40 ms" in text
    quick = replace(slow_reload(), phases={"import": 99.0})
    assert "slow to import" not in said(quick)


@pytest.mark.parametrize("width", [46, 55, 77, 120])
def test_no_line_is_wider_than_the_pane(width: int) -> None:
    switch = Switch(AT, "uvicorn", "granian", ("port=9000: --port -> --port",), ("ws=wsproto",), {"a": 1}, 84)
    for event in (reload_ok(), slow_reload(), failed(), switch, FailedSwitch(AT, "daphne", "it broke " * 9)):
        lines = said(event, width, drained=drained(cut=1)).splitlines()
        assert [line for line in lines if cell_len(line) > width] == []
        assert all(line.startswith(" " * INDENT) for line in lines[1:])


def test_names_of_files_cannot_move_the_cursor() -> None:
    assert files((Change("a\x1b[2J\n.py", "added", 0, 7),)) == "+a␛[2J␊.py -7"


def test_times_are_a_sparkline_with_median_and_last() -> None:
    assert trend(Times((30.0,)), 60).plain == ""
    assert trend(Times((30.0, None, 60.0)), 60).plain == "▅✗█  last 60 ms  median 45 ms  1 failed"
    # one slow one does not flatten the others, and there is no more than has room
    assert trend(Times((*(30.0,) * 90, 3000.0)), 60).plain == "▃" * 33 + "█  last 3.0 s  median 30 ms"
    assert trend(Times((None, None)), 60).plain == "✗✗  2 failed"


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (standby(), "Standby warm, 412 modules, 38 MB"),
        (standby(state="warming"), "Standby warming…"),
        (standby(state="off", reason="it is switched off"), "Standby off: it is switched off"),
        (standby(state="failed", reason="no memory"), "Standby failed: no memory; the next start is cold"),
        (None, ""),
    ],
)
def test_the_standby_is_told_with_its_reason(event: Standby | None, text: str) -> None:
    assert waiting(event).plain == text


def test_what_is_watched_stands_above_the_list() -> None:
    model = SessionModel(LogStore())
    model.apply([*start_events(plan()), watching(), standby()])
    wide, narrow = head(model, 100).plain, head(model, 50).plain
    assert wide.splitlines()[0] == "Watching /srv/shop, 37 files · Standby warm, 412 modules, 38 MB"
    assert narrow.splitlines()[:2] == ["Watching /srv/shop, 37 files", "Standby warm, 412 modules, 38 MB"]
    model.apply([replace(watching(paused=True), files=1, polling="no inotify here")])
    assert head(model, 100).plain.splitlines()[:2] == [
        "Watching /srv/shop, 1 file  PAUSED",
        "Polled for: no inotify here",
    ]
    model.apply([StateChanged(AT + 50, State.STOPPED)])
    assert "Standby" not in head(model, 100).plain


def test_everything_of_a_failure_with_the_users_frames_only() -> None:
    entry = Entry(1, failed(), traceback=TRACEBACK)
    folded = detail(entry, "/srv/shop").plain
    assert "main.py:4 in <module>\n    from shop.views import router" in folded
    assert "1 frame of installed code folded; u unfolds" in folded
    assert "import_module" not in folded
    assert "added    new.py" in folded
    unfolded = detail(entry, "/srv/shop", unfolded=True).plain
    assert "line 126, in import_module" in unfolded
    assert "ValueError: invalid literal" in unfolded


def test_places_in_a_traceback_open_when_they_are_clicked() -> None:
    text = detail(Entry(1, failed(), traceback=TRACEBACK), "/srv/shop")
    clicked = [
        action
        for span in text.spans
        if not isinstance(span.style, str) and (action := span.style.meta.get("@click")) is not None
    ]
    assert ("app.open_place", (Place(FRAMES[0].file, 4),)) in clicked
    assert ("app.open_place", (Place("app.py", 12),)) in clicked


def test_everything_of_a_slow_reload_and_of_a_switch() -> None:
    text = detail(Entry(1, slow_reload(), drained=drained())).plain
    wanted = ["Phases, 967 ms in all", "782 ms  ████████████████████████", "lifespan startup"]
    wanted += ["pandas  installed", "0 connections refused", "lifespan shutdown took 14 ms", "RFC 9112"]
    assert [item for item in wanted if item not in text] == []
    switch = Switch(AT, "uvicorn", "granian", ("port: --port",), ("ws=wsproto",), {"start": 70.0}, 84.0, None)
    text = detail(Entry(2, switch)).plain
    wanted = [
        "⇄ uvicorn → granian",
        "Carried over\n  port: --port",
        "Dropped\n  ws=wsproto",
        "binds by itself",
    ]
    assert [item for item in wanted if item not in text] == []


def test_what_is_open_counts_down_and_a_loop_names_its_file() -> None:
    model = SessionModel(LogStore())
    assert offers(model, AT) == []
    model.apply([draining(until=AT + 4.5), watching(loop="logs/app.log")])
    text = offer_text(offers(model, AT)).plain.replace("\N{NO-BREAK SPACE}", " ")
    assert "Old server: 2 requests and 1 WebSocket open, ended in 5 s.   e End now" in text
    assert "The app itself writes logs/app.log: watching is paused.   l Leave out *.log   p Resume" in text
    assert "ended in 4 s" in offer_text(offers(model, AT + 1)).plain
    assert "ended now" in offer_text(offers(model, AT + 9)).plain
    # nothing changes within a second, so nothing is painted
    assert offers(model, AT + 1.0) == offers(model, AT + 1.4)


def test_badges_stay_where_there_is_no_room_for_the_vitals() -> None:
    model = SessionModel(LogStore())
    model.apply([*start_events(plan()), *reload_failed(), watching(paused=True)])
    assert vitals(model, AT + 60, 78).plain == (
        "▲ serving the last good version  ‖ watching paused  up 00:00:59  pid 4242"
    )
    assert vitals(model, AT + 60, 118).plain.endswith("cpu 3%  mem 86 MB")
    assert vitals(model, AT + 60, 78, full=False).plain.endswith("watching paused")
