"""A call as a row of the list: which columns have room, and what stands in each. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from asgi_tui.domain.events import Lifespan, Request, WebSocket
from asgi_tui.domain.text import sanitize
from asgi_tui.frontends.console import format as show
from asgi_tui.frontends.console.request_filter import address, cut_off, failed, route, slow

# What a colour tells is told by a mark too.
OPEN, FAILED, CANCELLED, BROKEN, SLOW = "◌", "✗", "⊘", "▲", "!"

PATH_CELLS = 30  # the path has at least these before another column gets room
ROUTE_CELLS = 20


@dataclass(frozen=True, slots=True)
class Column:
    """A column; ``width`` 0 shares the room that is left with the others of that kind."""

    name: str
    title: str
    width: int = 0
    right: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a column; ``style`` is a name: plain, muted, good, moved, warned or failed."""

    text: str
    style: str = "plain"


_COLUMNS = (
    Column("time", "time", 8),
    Column("method", "method", 8),
    Column("path", "path"),
    Column("route", "route"),
    Column("rules", "", 3, right=True),
    Column("status", "status", 6, right=True),
    Column("took", "duration", 9, right=True),
    Column("size", "size", 7, right=True),
    Column("server", "server", 9),
    Column("worker", "worker", 7, right=True),
)
_ALWAYS = frozenset({"time", "method", "path", "rules", "status", "took"})
_BY_WORTH = ("size", "route", "worker", "server")
_MILLISECONDS = 4  # cells more of a time with them


def gap(width: int) -> int:
    """Cells between columns."""
    return 1 if width < 100 else 2


def arrange(width: int) -> list[Column]:
    """The columns that have room in ``width`` cells, each with its own width."""
    names = set(_ALWAYS)
    spare = _spare(names, width) - PATH_CELLS
    for name in _BY_WORTH:
        column = next(column for column in _COLUMNS if column.name == name)
        cost = (column.width or ROUTE_CELLS) + gap(width)
        if cost > spare:
            break
        names.add(name)
        spare -= cost
    room = _spare(names, width)
    widths = {"time": 8}
    if len(names) == len(_COLUMNS) and spare >= _MILLISECONDS:
        widths["time"] += _MILLISECONDS
        room -= _MILLISECONDS
    widths["route"] = room * 2 // 5 if "route" in names else 0
    widths["path"] = max(room - widths["route"], 8)
    return [
        Column(column.name, column.title, widths.get(column.name, column.width), column.right)
        for column in _COLUMNS
        if column.name in names
    ]


def _spare(names: set[str], width: int) -> int:
    fixed = sum(column.width for column in _COLUMNS if column.name in names)
    return width - fixed - gap(width) * (len(names) - 1)


def cell(column: Column, call: Request, now: float) -> Cell:
    """What stands in a column at ``now`` (Unix seconds)."""
    match column.name:
        case "time":
            return Cell(show.clock(call.at) if column.width < 12 else show.clock_ms(call.at), "muted")
        case "method":
            return Cell(sanitize(call.method))
        case "path":
            return Cell(lifespan_words(call), "muted") if isinstance(call, Lifespan) else Cell(address(call))
        case "route":
            return Cell(route(call).removeprefix(f"{sanitize(call.method)} "), "muted")
        case "rules":
            return _rules(call)
        case "status":
            return _status(call)
        case "took":
            return _took(call, now)
        case "size":
            return _size(call)
        case "server":
            return Cell(sanitize(call.server), "muted")
        case _:
            return Cell(str(call.pid), "muted")


def lifespan_words(call: Request) -> str:
    """How far a lifespan has come."""
    last = next((item for item in reversed(call.messages) if item.type.startswith("lifespan.")), None)
    if last is None:
        return "begun" if call.outcome == "open" else "not supported by the app"
    words = sanitize(last.type.removeprefix("lifespan.")).replace(".", " ")
    return words if last.direction == "send" else f"{words} begun"


def running(milliseconds: float) -> str:
    """How long something has been going on: 38 ms, 12.4 s, 12:33, 2:12:33, 3 d 4 h."""
    seconds = int(milliseconds / 1000)
    if seconds < 100:
        return show.duration(milliseconds)
    if seconds < 3600:
        return f"{seconds // 60}:{seconds % 60:02}"
    if seconds < 86_400:
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{seconds // 86_400} d {seconds // 3600 % 24} h"


def _rules(call: Request) -> Cell:
    if not call.verdicts:
        return Cell("")
    worst = any(verdict.level == "error" for verdict in call.verdicts)
    return Cell(f"{BROKEN}{min(len(call.verdicts), 99)}", "failed" if worst else "warned")


def _status(call: Request) -> Cell:
    number = "" if call.status is None else str(call.status)
    if call.outcome == "open":
        return Cell(f"{OPEN} {number}".rstrip(), "moved")
    if failed(call):
        return Cell(f"{FAILED} {number}".rstrip(), "failed")
    if cut_off(call):
        return Cell(f"{CANCELLED} {number}".rstrip(), "warned")
    status = call.status or 0
    style = "warned" if status >= 400 else "moved" if status >= 300 else "good" if status else "muted"
    return Cell(number or "-", style)


def _took(call: Request, now: float) -> Cell:
    if call.outcome == "open":
        return Cell(running(max(call.duration_ms, (now - call.at) * 1000)), "moved")
    if slow(call):
        return Cell(f"{SLOW} {running(call.duration_ms)}", "warned")
    return Cell(running(call.duration_ms))


def _size(call: Request) -> Cell:
    if isinstance(call, Lifespan):
        return Cell("")
    both = call.bytes_in if isinstance(call, WebSocket) else 0
    return Cell(show.size(call.bytes_out + both), "muted")
