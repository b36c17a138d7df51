"""What a session tells of its changes: events put together from what is known of them."""

from __future__ import annotations

import time

from asgi_tui.domain.events import Change, Error, Reload, Switch
from asgi_tui.domain.mapping import Mapping
from asgi_tui.engine import handover
from asgi_tui.engine.changes import Save


def reloaded(
    save: Save, changes: tuple[Change, ...], done: handover.Change, begun: float, refused: int | None
) -> Reload:
    """The new code answers. ``begun``: when the save was taken up (monotonic seconds)."""
    run = done.run
    phases = {"notice": save.notice_ms, "wait": run.phases.wait_ms(begun)}
    return Reload(
        time.time(),
        "ok",
        changes,
        phases | run.phases.in_ms(),
        round(save.notice_ms + run.phases.total_ms(begun), 1),
        refused,
        start="warm" if run.warm else "cold",
        cold_reason=done.cold_reason,
        run=run.number,
        replaces=done.replaces,
        imports=run.imports,
    )


def not_reloaded(
    save: Save, changes: tuple[Change, ...], error: Error, begun: float, refused: int | None
) -> Reload:
    """The new code does not come up. ``begun`` as above."""
    return Reload(
        time.time(),
        "failed",
        changes,
        {"notice": save.notice_ms},
        round(save.notice_ms + (time.monotonic() - begun) * 1000, 1),
        refused,
        error.sentence,
        error.file,
        error.line,
        frames=error.frames,
    )


def switched(
    old: str, to: str, mapping: Mapping, done: handover.Change, begun: float, refused: int | None
) -> Switch:
    """Another server answers. ``begun``: when it was asked for (monotonic seconds)."""
    phases = done.run.phases
    return Switch(
        time.time(),
        old,
        to,
        mapping.mapped,
        mapping.dropped,
        phases.in_ms(),
        phases.total_ms(begun),
        refused,
        done.run.number,
        done.replaces,
    )
