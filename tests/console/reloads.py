"""Events of reloads as a session tells them."""

from __future__ import annotations

from asgi_tui.domain.events import (
    Change,
    Error,
    Event,
    ImportTime,
    Reload,
    Standby,
    State,
    StateChanged,
    Watching,
    Worker,
)
from asgi_tui.domain.frames import Frame
from tests.console.fake import AT, CWD


def watching(at: float = AT + 5, *, files: int | None = 37, paused: bool = False, loop: str = "") -> Watching:
    """What is watched of the project; ``loop`` is a file that the app writes itself."""
    return Watching(at, (str(CWD),), files, paused or bool(loop), loop, "*.log" if loop else "")


def reload_ok(at: float = AT + 30, *, total_ms: float = 38.0, run: int = 2) -> Reload:
    """A save that went well, from the standby; ``run`` replaces the one before it."""
    return Reload(
        at,
        "ok",
        (Change("app.py", "modified", 3, 1),),
        {"notice": 9.0, "start": 1.2, "import": 12.0, "startup": 9.0, "answer": 3.1, "quiesce": 3.7},
        total_ms,
        start="warm",
        run=run,
        replaces=run - 1,
    )


def drained(run: int = 1, at: float = AT + 32, *, cut: int = 0) -> Worker:
    """The end of a replaced run."""
    return Worker(
        at, 4242, "drained", run, drain_ms=1_240.0, shutdown_ms=14.0, cut=cut, idle_closed=2 if not cut else 0
    )


def draining(run: int = 1, *, in_flight: int = 2, websockets: int = 1, until: float = AT + 756.9) -> Worker:
    """A replaced run that still has something open."""
    return Worker(AT + 31, 4242, "draining", run, in_flight, websockets, until)


def slow_reload(at: float = AT + 40) -> Reload:
    """A cold reload whose imports took their time."""
    imports = (
        ImportTime("shop.models", 310.0, user=True),
        ImportTime("pandas", 420.0, user=False),
        ImportTime("shop.views", 12.0, user=True),
        ImportTime("shop.admin", 40.0, user=True),
    )
    return Reload(
        at,
        "ok",
        (Change(".env", "modified", 1, 0),),
        {"notice": 8.0, "start": 140.0, "import": 782.0, "startup": 30.0, "answer": 4.0, "quiesce": 3.0},
        967.0,
        start="cold",
        cold_reason=".env has changed",
        run=4,
        replaces=3,
        imports=imports,
    )


FRAMES = (
    Frame("/srv/shop/main.py", 4, "<module>", "from shop.views import router"),
    Frame("/srv/shop/app.py", 12, "<module>", 'price = int("ten")'),
)
TRACEBACK = """\
Traceback (most recent call last):
  File "/srv/shop/main.py", line 4, in <module>
    from shop.views import router
  File "/usr/lib/python3.11/importlib/__init__.py", line 126, in import_module
    return _bootstrap._gcd_import(name[level:], package, level)
  File "/srv/shop/app.py", line 12, in <module>
    price = int("ten")
ValueError: invalid literal for int() with base 10: 'ten'
"""


def reload_failed(at: float = AT + 20) -> list[Event]:
    """A save that broke the app while the old version serves on."""
    error = Error(
        at,
        "Reload",
        "SyntaxError: invalid syntax",
        "save a mended version",
        "app.py",
        12,
        TRACEBACK,
        FRAMES,
    )
    return [
        Reload(
            at,
            "failed",
            (Change("app.py", "modified", 2, 0), Change("new.py", "added")),
            {"notice": 9.0, "import": 4.0},
            40.0,
            reason=error.sentence,
            file="app.py",
            line=12,
            start="warm",
            frames=FRAMES,
        ),
        error,
        StateChanged(at, State.READY, "serving the last good version"),
    ]


def standby(at: float = AT + 3, state: str = "warm", reason: str = "") -> Standby:
    """The process that waits."""
    if state != "warm":
        return Standby(at, state, reason=reason)
    return Standby(at, "warm", 4300, 412, 310.0, 38_000_000)
