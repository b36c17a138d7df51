"""What a person would see: the rendered screen as text."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from textual.pilot import Pilot
from textual.widget import Widget

from asgi_tui.frontends.console.app import ConsoleApp

PATIENCE = 20.0  # seconds that a busy machine may take for what it does at once otherwise


def text(app: ConsoleApp) -> str:
    """The whole screen, a line a row."""
    rows = app.screen._compositor.render_strips()
    return "\n".join(row.text for row in rows)


async def settle(pilot: Pilot[Any]) -> None:  # Any: what the app returns is of no interest here
    """Waits until what was played is painted (at most ten times a second)."""
    for _ in range(3):
        await pilot.pause(0.06)


async def until(pilot: Pilot[Any], app: ConsoleApp, wanted: str) -> str:  # Any: as above
    """The screen once it shows ``wanted`` and rests; fails after ``PATIENCE`` where it never does."""
    before = ""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        await pilot.pause(0.02)
        shown = text(app)
        if wanted in shown and shown == before:
            return shown
        before = shown
    raise AssertionError(f"never saw {wanted!r} at rest; the screen:\n{text(app)}")


async def met(pilot: Pilot[Any], condition: Callable[[], bool]) -> None:  # Any: as above
    """Waits for something that comes by itself; fails after ``PATIENCE``."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        await pilot.pause(0.01)
    await pilot.pause()


async def focus(pilot: Pilot[Any], widget: Widget) -> None:  # Any: as above
    """Moves the focus, which Textual does once the app is idle: a key before that goes to the old place."""
    widget.focus()
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        await pilot.pause(0.02)
        if widget.has_focus:
            return
    raise AssertionError(f"{widget} never got the focus")
