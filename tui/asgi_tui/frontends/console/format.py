"""Numbers, times and rows as a person reads them. Pure."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from rich.cells import cell_len, set_cell_size

from asgi_tui.domain.events import State
from asgi_tui.domain.text import MASK

# A mark for each state, so that none is told by colour alone; the word stands beside it.
STATE_MARKS = {
    State.STOPPED: "○",
    State.STARTING: "◐",
    State.READY: "●",
    State.RELOADING: "◐",
    State.STOPPING: "◑",
    State.CRASHED: "✗",
}
_BARS = "▁▂▃▄▅▆▇█"
_EIGHTHS = "▏▎▍▌▋▊▉"


def count(number: int) -> str:
    """A whole number with separators: 12,480."""
    return f"{number:,}"


def milliseconds(value: float) -> str:
    """Milliseconds without their unit, three digits of meaning: 0.4, 9.8, 38, 1,204."""
    return f"{value:.1f}" if value < 9.95 else f"{value:,.0f}"


def duration(value: float) -> str:
    """Milliseconds with the unit that fits: 38 ms, 1.2 s."""
    return f"{milliseconds(value)} ms" if value < 999.5 else f"{value / 1000:.1f} s"


def size(number: float) -> str:
    """Bytes in decimal units: 512 B, 12.3 kB, 86 MB."""
    if number < 1000:
        return f"{number:.0f} B"
    units = ["TB", "GB", "MB", "kB"]
    number, unit = number / 1000, units.pop()
    while number >= 999.5 and units:
        number, unit = number / 1000, units.pop()
    return f"{number:.1f} {unit}" if number < 9.95 else f"{number:.0f} {unit}"


def rate(value: float) -> str:
    """Requests per second: 0, 0.4, 12, 1,204."""
    return "0" if value <= 0 else milliseconds(value)


def uptime(seconds: float) -> str:
    """Seconds as 00:12:33, with days in front where there are any."""
    days, rest = divmod(max(int(seconds), 0), 86_400)
    clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{days}d {clock}" if days else clock


def ago(seconds: float) -> str:
    """How long ago, in the unit that fits: just now, 5 min ago, 3 h ago, 2 days ago."""
    if seconds < 60:
        return "just now"
    for length, unit in ((86_400, "day"), (3_600, "h"), (60, "min")):
        if seconds >= length:
            number = int(seconds // length)
            plural = "s" if unit == "day" and number > 1 else ""
            return f"{count(number)} {unit}{plural} ago"
    raise AssertionError  # every time is one of these


def clock(at: float) -> str:
    """Local time of a Unix time: 14:02:11."""
    return time.strftime("%H:%M:%S", time.localtime(at))


def clock_ms(at: float) -> str:
    """Local time of a Unix time with milliseconds: 14:02:11.204."""
    return f"{clock(at)}.{int(at * 1000) % 1000:03}"


def sparkline(values: Sequence[float], width: int) -> str:
    """The last ``width`` values as bars, scaled to the highest; zero is the lowest bar."""
    shown = list(values)[-width:] if width > 0 else []
    top = max(shown, default=0.0)
    return "".join(level(value, top) for value in shown)


def level(value: float, top: float) -> str:
    """One bar of a sparkline whose highest value is ``top``."""
    return _BARS[max(0, min(7, round(value / top * 7)))] if top > 0 else _BARS[0]


def bar(value: float, top: float, width: int) -> str:
    """A bar of up to ``width`` cells, in eighths of a cell; something of it shows for any value above 0."""
    eighths = max(round(value / top * width * 8), 1) if top > 0 and value > 0 else 0
    return "█" * (eighths // 8) + (_EIGHTHS[eighths % 8 - 1] if eighths % 8 else "")


def fit(text: str, width: int, *, right: bool = False) -> str:
    """``text`` in exactly ``width`` cells, cut with an ellipsis where it is longer."""
    cells = cell_len(text)
    if cells > width:
        return set_cell_size(text, width - 1) + "…" if width > 0 else ""
    space = " " * (width - cells)
    return space + text if right else text + space


def path(name: str, home: str) -> str:
    """A path as a shell shows it: the home directory is ``~``."""
    inside = home not in ("", "/") and (name == home or name.startswith(f"{home}/"))
    return f"~{name[len(home) :]}" if inside else name


def place(file: str | None, line: int | None) -> str:
    """``file:line``, or as much of it as is known."""
    return f"{file}:{line}" if file and line is not None else file or ""


def status_classes(statuses: Mapping[str, int]) -> dict[str, int]:
    """Totals of 2xx to 5xx, from whole classes (``2xx``) or single codes (``200``)."""
    totals = {"2xx": 0, "3xx": 0, "4xx": 0, "5xx": 0}
    for status, number in statuses.items():
        name = f"{status[:1]}xx"
        if name in totals:
            totals[name] += number
    return totals


def copied(command: str) -> str:
    """What is said of a command that was copied: one with masked secrets does not run as it is."""
    return "Copied, secrets masked" if MASK in command else "Copied"
