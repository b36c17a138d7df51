"""What the log is made of: entries of safe text with where they come from and how they are coloured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

# From the least to the most serious; empty where a line tells none.
LEVELS = ("", "trace", "debug", "info", "warning", "error", "critical")
STREAMS = ("stdout", "stderr", "console")


class Origin(NamedTuple):
    """Where an entry comes from. Few are distinct, so that a store keeps one byte an entry for it.

    ``stream`` is one of ``STREAMS``, ``level`` one of ``LEVELS``, ``logger`` safe text, empty where the line
    tells none; ``pid`` is the worker that wrote it, None where the line does not tell.
    """

    stream: str
    level: str = ""
    logger: str = ""
    pid: int | None = None


class Ink(NamedTuple):
    """How a part of a line is drawn (ECMA-48 SGR, OSC 8).

    A colour is empty, one of the 16 by its number (``"9"``), one of the 256 (``"208"``; 0 to 15 are those
    of the terminal's own palette) or ``"#rrggbb"``. ``link`` is an http or https address, else empty.
    """

    fore: str = ""
    back: str = ""
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    reverse: bool = False
    strike: bool = False
    link: str = ""


class Span(NamedTuple):
    """The characters from ``start`` up to ``end`` of a text, and how they are drawn."""

    start: int
    end: int
    ink: Ink


class Rest(NamedTuple):
    """What of a line was too long to show: its size in UTF-8 bytes, and where the store keeps it.

    ``places`` are the store's own; fewer bytes than ``size`` may be left, since the oldest give way.
    """

    size: int
    places: tuple[tuple[int, int, int], ...] = ()


# What is appended to a store, a plain tuple as there are a hundred thousand a second: Unix time, origin, safe
# text (lines of one entry, such as a traceback, joined by "\n"), its spans, the request it belongs to (empty
# where unknown), the rest of a line that was cut.
Fresh: TypeAlias = tuple[float, Origin, str, Sequence[Span], str, Rest | None]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the log, as it is shown. ``number`` is its own for good, the first is 0.

    ``count`` entries alike came one after the other, the last one at ``last_at``; they are kept as one.
    """

    number: int
    at: float
    origin: Origin
    text: str
    spans: tuple[Span, ...] = ()
    request: str = ""
    count: int = 1
    last_at: float = 0.0
    rest: Rest | None = None

    @property
    def lines(self) -> int:
        """How many lines it has."""
        return self.text.count("\n") + 1
