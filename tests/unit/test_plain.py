"""What the plain front end prints, and that nothing in it can drive the terminal."""

from __future__ import annotations

import io

from rich.console import Console

from asgi_tui.domain.events import Change, Error, Event, Exit, Log, Reload, Starting, Stats, Switch, Watching
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
        Watching(1.0, (EVIL,)),
        Log(1.0, "stdout", None, EVIL, logger=EVIL),
        Reload(1.0, "ok", (Change(EVIL, "modified"),), {}, 1.0),
        Reload(1.0, "failed", (Change(EVIL, "modified"),), {}, 1.0, reason=EVIL),
        Switch(1.0, EVIL, EVIL, (), (EVIL,), {}, 1.0),
        Error(1.0, EVIL, EVIL, EVIL),
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
