"""The log's column of times: absolute, ago, since the entry before, or none. Pure."""

from __future__ import annotations

from asgi_tui.frontends.console.format import ago, clock, clock_ms, count

TIMES = ("absolute", "relative", "delta", "off")  # in the order they are cycled through
_WIDTHS = {"relative": 12, "delta": 9, "off": 0}


def time_width(kind: str, wide: bool) -> int:
    """Cells of a time; 0 where none is shown."""
    return _WIDTHS.get(kind, 12 if wide else 8)


def time_text(kind: str, wide: bool, at: float, before: float | None, now: float) -> str:
    """The time of an entry, not wider than ``time_width``.

    ``at``, ``before`` (of the entry above it, None where unknown) and ``now`` are Unix times.
    """
    match kind:
        case "relative":
            passed = max(now - at, 0)
            return "now" if passed < 1 else f"{int(passed)} s ago" if passed < 60 else ago(passed)
        case "delta":
            return _delta(at - before) if before is not None else ""
        case "off":
            return ""
        case _:
            return clock_ms(at) if wide else clock(at)


def _delta(seconds: float) -> str:
    """+0.012, +75.310, +1,204 s, +3 h: the streams may cross by a little, which counts as nothing."""
    seconds = max(seconds, 0.0)
    if seconds < 1000:
        return f"+{seconds:.3f}"
    return f"+{count(int(seconds))} s" if seconds < 10_000 else f"+{count(int(seconds // 3600))} h"
