"""What the plain front end prints, and that nothing in it can drive the terminal."""

from __future__ import annotations

import io

from rich.console import Console

from asgi_tui.domain.events import (
    Change,
    Error,
    Event,
    Exit,
    Log,
    Ready,
    Reload,
    Standby,
    Starting,
    State,
    StateChanged,
    Stats,
    Switch,
    Watching,
    Worker,
)
from asgi_tui.domain.frames import Frame
from asgi_tui.frontends.plain import plain_writer

EVIL = "\x1b]0;owned\x07\x1b[2Jx"


def printed(*events: Event) -> tuple[str, str]:
    out, errors = io.StringIO(), io.StringIO()
    console = [Console(file=file, width=200, highlight=False) for file in (out, errors)]
    plain_writer(*console)(list(events))
    return out.getvalue(), errors.getvalue()


def test_no_control_sequence_gets_through() -> None:
    out, errors = printed(
        Starting(1.0, "uvicorn", EVIL, EVIL, inherited=(EVIL,), notes=(EVIL,), bind=EVIL),
        Watching(1.0, (EVIL,), loop=EVIL, exclude=EVIL, paused=True, polling=EVIL),
        Standby(1.0, "failed", reason=EVIL),
        Log(1.0, "stdout", None, EVIL, logger=EVIL),
        Reload(1.0, "ok", (Change(EVIL, "modified"),), {EVIL: 1.0}, 1.0, cold_reason=EVIL),
        Reload(1.0, "failed", (Change(EVIL, "modified"),), {}, 1.0, reason=EVIL),
        Switch(1.0, EVIL, EVIL, (), (EVIL,), {}, 1.0),
        StateChanged(1.0, State.READY, EVIL),
        Error(1.0, EVIL, EVIL, EVIL, frames=(Frame(EVIL, 1, EVIL, EVIL),)),
        Exit(1.0, 0, EVIL, 0, EVIL),
    )
    assert "\x1b" not in out + errors
    assert "\x07" not in out + errors


def test_errors_go_to_standard_error_as_one_sentence() -> None:
    out, errors = printed(Error(1.0, "Port 80", "it is taken", "use another"), Exit(1.0, 1, "x", None, "y"))
    assert errors == "Port 80: it is taken; use another.\n"
    assert out.endswith("■ gave up\n")


def test_the_totals_come_with_the_exit() -> None:
    stats = Stats(1.0, requests=1200, errors=3, p50_ms=1.25, p99_ms=8)
    out, _ = printed(stats, Exit(2.0, 0, "stopped on request", -15, "ended by SIGTERM"))
    assert "1,200 requests, 3 errors; p50 1.2 ms, p99 8.0 ms" in out
    assert "stopped on request (server: ended by SIGTERM)" in out


def lines(*events: Event) -> list[str]:
    """What is printed, without the times."""
    return [line[9:] for line in printed(*events)[0].splitlines()]


def saved(*paths: str) -> tuple[Change, ...]:
    return tuple(Change(path, "modified") for path in paths)


def test_a_reload_is_one_line_with_its_phases_and_how_it_started() -> None:
    warm = Reload(1.0, "ok", saved("app.py"), {"import": 12.2, "startup": 9.0}, 38.4, start="warm")
    cold = Reload(1.0, "ok", (), {"import": 300.0}, 500.0, 2, cold_reason="it was asked for")
    assert lines(warm, cold) == [
        "✓ reloaded in 38 ms (warm): app.py (import 12, startup 9)",
        "✓ reloaded in 500 ms (cold, it was asked for), 2 connections refused (import 300)",
    ]


def test_a_reload_does_not_repeat_what_its_line_says() -> None:
    starting = Starting(1.0, "uvicorn", "0.54.0", "uvicorn app:app")
    ready = StateChanged(1.0, State.READY), Ready(1.0, "uvicorn", "", "http://x", 7, 300)
    start = StateChanged(1.0, State.STARTING), starting, *ready
    reload = StateChanged(2.0, State.RELOADING, "app.py")
    first = ["▶ uvicorn 0.54.0: uvicorn app:app", "● uvicorn answers on http://x after 300 ms"]
    assert lines(*start, reload, starting, *ready) == first
    assert lines(*start, *start) == first * 2
    other = Starting(2.0, "granian", "2.8.7", "granian app:app")
    assert lines(*start, reload, other, *ready) == [*first, "▶ granian 2.8.7: granian app:app"]
    assert lines(*start[:2], reload, starting, *ready) == first  # it had failed before it answered


def test_a_checkout_does_not_name_every_file() -> None:
    files = saved(*(f"m{number}.py" for number in range(5000)))
    assert lines(Reload(1.0, "failed", files, {}, 1.0)) == [
        "✗ reload failed: m0.py, m1.py, m2.py, m3.py, m4.py and 4,995 more"
    ]


def test_a_failed_reload_says_who_serves_and_where_it_went_wrong() -> None:
    frames = (Frame("main.py", 3, "<module>", "  from shop import x"), Frame("shop.py", 7, "load"))
    out, errors = printed(
        Reload(1.0, "failed", saved("shop.py"), {}, 40.0, frames=frames),
        Error(1.0, "shop.py:7", "KeyError: 'a'", "mend it and save", frames=frames),
        StateChanged(1.0, State.READY, "serving the last good version"),
        StateChanged(2.0, State.READY, "not said"),
    )
    assert [line[9:] for line in out.splitlines()] == [
        "✗ reload failed: shop.py",
        "  main.py:3 in <module>  from shop import x",
        "  shop.py:7 in load",
        "  serving the last good version",
    ]
    assert errors == "shop.py:7: KeyError: 'a'; mend it and save.\n"


def test_the_standby_is_told_once() -> None:
    warm = Standby(1.0, "warm", 7, 1412, 380.4, 61_000_000)
    none = Standby(1.0, "failed", reason="threads were running")
    assert lines(Standby(1.0, "warming", 7), warm, warm, none, none, Standby(1.0, "off"), warm) == [
        "  standby is warm: 1,412 modules imported in 380 ms, 61 MB",
        "  no standby, reloads start cold: threads were running",
        "  standby is warm: 1,412 modules imported in 380 ms, 61 MB",
    ]


def test_the_old_process_is_told_when_it_has_something_open_and_when_it_is_gone() -> None:
    def draining(run: int, in_flight: int, websockets: int) -> Worker:
        return Worker(10.0, 7, "draining", run, in_flight, websockets, until=15.0)

    quick = Worker(10.0, 7, "drained", 1, drain_ms=12.3, shutdown_ms=3.4)
    cut = Worker(15.0, 7, "drained", 2, drain_ms=5012.0, cut=1, idle_closed=2)
    told = lines(
        *(Worker(9.0, 7, "ready"), draining(1, 0, 0), quick),
        *(draining(2, 2, 1), draining(2, 1, 1), draining(2, 0, 1), cut),
    )
    assert told == [
        "  the old process is gone after 12 ms, shutdown 3 ms",
        "  the old process still has 2 requests and 1 WebSocket, for at most 5 s",
        "  the old process is gone after 5012 ms, 2 idle connections closed, 1 open request or WebSocket cut",
    ]


def test_watching_is_told_as_it_changes() -> None:
    def watching(*, paused: bool = False, loop: str = "", exclude: str = "", polling: str = "") -> Watching:
        return Watching(1.0, ("/srv/shop",), 12, paused=paused, loop=loop, exclude=exclude, polling=polling)

    told = lines(
        *(watching(), watching(), watching(polling="no inotify watches are left")),
        *(watching(paused=True), watching(paused=True), watching()),
        *(watching(paused=True, loop="db.sqlite", exclude="*.sqlite"), watching()),
        *(Watching(1.0, ()), watching()),
    )
    assert told == [
        "  watching /srv/shop",
        "  polling for changes: no inotify watches are left",
        "  watching is paused",
        "  watching again",
        "  watching is paused: the app itself changes db.sqlite; leave it out with --exclude '*.sqlite'",
        "  watching again",
        "  watching /srv/shop",
    ]
