"""A waterfall as lines: a bar for each phase on one axis, waits in ``send`` marked. Pure."""

from __future__ import annotations

from asgi_tui.domain.waterfall import Phase, Waterfall
from asgi_tui.frontends.console import format as show
from asgi_tui.frontends.console.lines import Line, line
from asgi_tui.frontends.console.request_row import running
from asgi_tui.frontends.console.sequence_text import stamp

NAME = 21  # cells of a phase's name
TOOK = 9  # cells of its duration
_LEFT = " ▏▎▍▌▋▊▉█"  # a cell filled from the left, in eighths
WAIT = "▒"
# Roughly so many cells lie between two labels of the axis.
_LABEL = 12
# Steps of the axis in ms that a person counts in; beyond them whole days.
_STEPS = (
    *(factor * 10.0**power for power in range(-3, 3) for factor in (1, 2, 5)),
    *(number * 1_000.0 for number in (1, 2, 5, 10, 20, 30)),
    *(number * 60_000.0 for number in (1, 2, 5, 10, 20, 30)),
    *(number * 3_600_000.0 for number in (1, 2, 4, 12, 24)),
)
_STYLES = {
    "before it read": "app",
    "request body": "client",
    "until response start": "app",
    "until first body": "app",
    "streaming": "out",
    "sending": "out",
    "background": "after",
    "handshake": "app",
    "open": "out",
    "startup": "app",
    "serving": "out",
    "shutdown": "app",
}


def waterfall_lines(found: Waterfall, width: int) -> list[Line]:
    """The phases with their bars and, last, the axis, in ``width`` cells."""
    room = max(width - NAME - TOOK - 2, 10)
    lines = [_phase(found, phase, room) for phase in found.phases]
    return [*lines, _axis(found.end_ms, room)]


def _phase(found: Waterfall, phase: Phase, room: int) -> Line:
    style = f"bar-{_STYLES.get(phase.name, 'after')}"
    waited = found.waited(phase)
    took = stamp(phase.took_ms) if phase.took_ms < 1 else running(phase.took_ms)
    pieces = [(f"{phase.name:<{NAME}}", "plain"), (f"{took:>{TOOK}}  ", "bold")]
    pieces += _bar(found, phase, room, style)
    before, used = len(pieces[2][0]), sum(len(text) for text, _ in pieces[2:])
    for said in _said(phase, waited):
        note = (said, "warned" if waited else "muted")
        if used + 1 + len(said) <= room:
            pieces += [(" ", "plain"), note]
            break
        if before >= len(said) + 1:
            pieces[2:3] = [(" " * (before - len(said) - 1), "plain"), note, (" ", "plain")]
            break
    return line(*pieces)


def _said(phase: Phase, waited: float) -> list[str]:
    """What is said beside a bar, the longest first."""
    if waited:
        took = f"{WAIT} {show.duration(waited)}"
        return [f"{took} waited in send", f"{took} in send", took]
    return ["┄ goes on"] if phase.open else []


def _bar(found: Waterfall, phase: Phase, room: int, style: str) -> list[tuple[str, str]]:
    """Spaces, the cells of the bar in eighths, those that passed in ``send`` as ``WAIT``."""
    top = found.end_ms or 1.0
    start = min(round(phase.start_ms / top * room * 8), room * 8 - 1)
    end = max(min(round(phase.end_ms / top * room * 8), room * 8), start + 1)
    first = start // 8
    if end - start < 8:
        end = min(end, first * 8 + 8)  # one that is narrower than a cell is drawn in one
    last = -(-end // 8)
    pieces = [(" " * first, "plain")]
    for cell in range(first, last):
        left, right = max(start - cell * 8, 0), min(end - cell * 8, 8)
        if right - left >= 4 and _waits(found, cell * top / room, (cell + 1) * top / room):
            pieces.append((WAIT, "bar-wait"))
        elif left:
            # filled from the right: what is left empty, reversed; a sliver in the middle is drawn as one
            pieces.append(
                (_LEFT[left], f"{style}-reversed") if right == 8 else (_LEFT[max(right - left, 1)], style)
            )
        else:
            pieces.append((_LEFT[right], style))
    return pieces


def _waits(found: Waterfall, start: float, end: float) -> bool:
    """Whether most of that time passed in ``send``."""
    inside = sum(max(min(wait.end_ms, end) - max(wait.start_ms, start), 0.0) for wait in found.waits)
    return inside * 2 >= end - start


def _axis(end_ms: float, room: int) -> Line:
    """Labels at round times below the bars."""
    step = _round_step(end_ms, max(room // _LABEL, 2))
    cells = [" "] * room
    at = 0.0
    while step and at <= end_ms:
        cell = min(int(at / end_ms * room), room - 1)
        label = f"└ {_label(at, step)}" if at else "└ 0"
        if cell + len(label) <= room and all(
            char == " " for char in cells[max(cell - 1, 0) : cell + len(label)]
        ):
            cells[cell : cell + len(label)] = label
        at += step
    return line((" " * NAME, "plain"), (f"{'':>{TOOK}}  ", "plain"), ("".join(cells), "dim"))


def _round_step(end_ms: float, labels: int) -> float:
    """The smallest step (ms) that gives at most so many labels; 0 where there is no time."""
    if end_ms <= 0:
        return 0.0
    step = next((step for step in _STEPS if step * labels >= end_ms), 0.0)
    while step * labels < end_ms:
        step += 24 * 3_600_000.0
    return step


def _label(at: float, step: float) -> str:
    if step >= 3_600_000:
        return f"{at / 3_600_000:g} h"
    if step >= 60_000:
        return f"{at / 60_000:g} min"
    if at >= 1_000:
        return f"{at / 1000:g} s"
    return f"{round(at, 3):g} ms"
