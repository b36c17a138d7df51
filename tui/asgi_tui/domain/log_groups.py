"""Lines of one stream as entries: a traceback and the line that it belongs to are one."""

from __future__ import annotations

import re
from enum import Enum

from asgi_tui.domain.log_entry import Fresh, Origin, Rest, Span

# What one entry has at most, in lines and in bytes of UTF-8; what is beyond it starts another one.
MAX_LINES = 2_000
MAX_BYTES = 262_144
# Bytes that a coloured part of a line counts for besides: it takes memory of its own.
SPAN_SIZE = 8
# Seconds between two lines of one traceback, which a server writes at once, at most where nothing else tells
# that they belong together; and how many such lines there may be: below the exception, and between the
# line that reports it and its traceback ("future: <Task ...>" of asyncio, the message's second line).
GAP = 0.05
MESSAGE_LINES = 20
LEAD_LINES = 3

# traceback.TracebackException, rich.traceback
_HEADER = "Traceback (most recent call last)"
# logging's stack_info; no exception follows its frames
_STACK = "Stack (most recent call last):"
_GROUP = "  + Exception Group " + _HEADER
_GROUP_END = re.compile(r" +\+-{10,}$")
_STARTS = frozenset("TSDE ╭")
_CHAINED = (
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
)
_PLACE = re.compile(r' +File "[^"]+", line \d+')
_UNCAUGHT = re.compile(r"Exception in thread .*:$|Exception ignored (?:in|on|while)\b")
_WARNING = re.compile(r":\d{1,7}: [\w.]*Warning: ")
_GRAVE = frozenset({"error", "critical"})
# A traceback below one of these is another story: what logs one with it says at least "warning".
_CALM = frozenset({"", "info"})


class _Within(Enum):
    """What of an entry the lines may go on with."""

    # a line that told its level; a traceback may follow
    LINE = 0
    # a warning, whose source line may follow
    WARNING = 1
    # a traceback's frames
    FRAMES = 2
    # the exception was told: more of its message, notes, or a chained one
    MESSAGE = 3
    # "During handling of ..." was told: another traceback follows
    CHAIN = 4


class Grouper:
    """Joins the lines of one stream, none is lost and none changes its place.

    Only what the next line may go on with is held: the newest line where it told a level that a traceback may
    follow, up to ``LEAD_LINES`` below an error, and an unfinished traceback.
    """

    def __init__(self) -> None:
        self._held: list[Fresh] = []
        # Of the held ones those that are one entry; the others are entries of their own.
        self._joined = 0
        self._within = _Within.LINE
        self._size = 0
        # By how many letters the traceback is indented: rich's handler has its messages in a column.
        self._indent = 0
        # Lines without a mark of a traceback since its exception was told.
        self._loose = 0
        self._bare: dict[Origin, Origin] = {}

    def feed(self, fresh: Fresh) -> list[Fresh]:
        """Takes the next line; returns the entries that are complete now, in order."""
        told = fresh[1]
        held = self._held
        if told.level or told.logger:
            # It starts an entry, whatever came before it.
            if not held:
                done = []
            elif self._joined == len(held) == 1:
                done = [held[0]]
            else:
                done = self.flush()
            if told.level in _CALM:
                self._held = []
                return [*done, fresh]
            self._held = [fresh]
            self._joined = 1
            self._within = _Within.LINE
            return done
        if fresh[2][:1] not in _STARTS:
            if not held:
                return [fresh]
            if self._within is _Within.LINE and held[0][1].level not in _GRAVE:
                self._held = []
                return [held[0], fresh]
        return self._go_on(fresh)

    def flush(self) -> list[Fresh]:
        """What is held: for when the stream has been quiet for a moment, and at its end."""
        held, joined = self._held, self._joined
        self._held, self._joined = [], 0
        return [_as_one(held[:joined]), *held[joined:]] if held else []

    def _go_on(self, fresh: Fresh) -> list[Fresh]:
        """A line that told neither level nor logger, where something is held or a traceback may begin."""
        text = fresh[2]
        starts = _starts_traceback(text)
        if self._held:
            within = self._next(fresh, starts)
            if within is not None:
                return self._join(fresh, within)
            if self._may_lead(fresh):
                self._held.append(fresh)
                return []
            if not text.strip() and self._may_be_between(fresh):
                # Blank lines stand around what chains two tracebacks, and in those of loguru.
                self._held.append(fresh)
                if len(self._held) - self._joined <= LEAD_LINES:
                    return []
                return self.flush()
        done = self.flush()
        if not starts:
            return [*done, fresh]
        self._open(fresh)
        return done

    def _open(self, fresh: Fresh) -> None:
        """A traceback that no line reports is an error of its own."""
        origin = fresh[1]._replace(level="error")
        self._held = [(fresh[0], self._bare.setdefault(origin, origin), *fresh[2:])]
        self._joined = 1
        self._size = _bytes(fresh)
        self._within, self._indent = _within(fresh[2])
        self._loose = 0

    def _next(self, fresh: Fresh, starts: bool) -> _Within | None:
        """What the entry goes on with after this line; None where the line is none of it."""
        text, within = fresh[2], self._within
        first = self._held[0]
        if within is _Within.LINE:
            told = first[5] is None
            # A chain begins below the exception without frames that it starts with.
            chained = text in _CHAINED and len(self._held) == 1
            if starts and told and not chained and not _UNCAUGHT.match(text):
                within, self._indent = _within(text)
                return within
            if first[1].level == "warning" and text.startswith("  ") and len(self._held) == 1:
                return _Within.WARNING if _WARNING.search(first[2]) else None
            return None
        if within is _Within.WARNING or text[: self._indent].strip():
            return None
        text = text[self._indent :].rstrip()
        blanks = len(self._held) - self._joined
        if not text or (blanks and within is _Within.FRAMES and fresh[0] - self._held[-1][0] > GAP):
            return None
        if within is _Within.CHAIN:
            return _within(text)[0] if starts else _Within.MESSAGE
        if text[0] in " \t│╰" or text.startswith("> File "):
            if _GROUP_END.match(text):
                return _Within.MESSAGE
            apart = within is _Within.MESSAGE and (blanks or text.startswith(_GROUP))
            return None if apart else within
        if text in _CHAINED:
            return _Within.CHAIN
        if starts:
            return self._quotes(text, blanks)
        if within is _Within.FRAMES:
            return _Within.MESSAGE
        if blanks or self._loose >= MESSAGE_LINES or fresh[0] - self._held[-1][0] > GAP:
            return None
        self._loose += 1
        return _Within.MESSAGE

    def _quotes(self, start: str, blanks: int) -> _Within | None:
        """What a traceback goes on with where another one starts; None where that is an entry of its own."""
        before = self._held[-1][2]
        if blanks:
            return None
        if self._within is _Within.FRAMES:
            return _Within.FRAMES if _UNCAUGHT.match(before) else None
        # What another process raised is quoted: concurrent.futures, multiprocessing.
        return _within(start)[0] if start == _STACK or before == '"""' else None

    def _may_lead(self, fresh: Fresh) -> bool:
        """Whether a traceback of the line that is held may follow this line."""
        first = self._held[0]
        return (
            self._within is _Within.LINE
            and first[1].level in _GRAVE
            and first[5] is fresh[5] is None
            and len(self._held) <= LEAD_LINES
            and fresh[0] - first[0] <= GAP
        )

    def _may_be_between(self, blank: Fresh) -> bool:
        """Whether a traceback may go on behind a blank line; what was cut off a line is the end."""
        whole = blank[5] is self._held[-1][5] is None
        return whole and self._within not in (_Within.LINE, _Within.WARNING)

    def _join(self, fresh: Fresh, within: _Within) -> list[Fresh]:
        if self._within is _Within.LINE:
            self._size = sum(map(_bytes, self._held))
            self._loose = 0
        elif within is not _Within.MESSAGE:
            self._loose = 0
        done: list[Fresh] = []
        held = self._held
        size = _bytes(fresh)
        # What was cut off a line is shown at the end of its entry.
        if len(held) >= MAX_LINES or self._size + size > MAX_BYTES or held[-1][5] is not None:
            origin = held[0][1]
            done = self.flush()
            held = self._held
            self._size = 0
            fresh = (fresh[0], origin, *fresh[2:])
        held.append(fresh)
        self._joined = len(held)
        self._size += size
        self._within = within
        return done


def _within(start: str) -> tuple[_Within, int]:
    """What a traceback that starts with this line goes on with, and how far it is indented."""
    if start in _CHAINED:
        return _Within.CHAIN, 0
    bare = start.lstrip()
    indent = len(start) - len(bare) if bare.startswith((_HEADER, "╭")) else 0
    return _Within.MESSAGE if start == _STACK else _Within.FRAMES, indent


def _starts_traceback(text: str) -> bool:
    if text[:1] not in _STARTS:
        return False
    if _HEADER in text:
        return text.lstrip().startswith((_HEADER, "╭")) or text.startswith(_GROUP)
    return text in _CHAINED or text == _STACK or bool(_PLACE.match(text) or _UNCAUGHT.match(text))


def _as_one(lines: list[Fresh]) -> Fresh:
    if len(lines) == 1:
        return lines[0]
    at, origin, _, _, request, _ = lines[0]
    spans: list[Span] = []
    offset = 0
    for line in lines:
        spans += [Span(start + offset, end + offset, ink) for start, end, ink in line[3]]
        offset += len(line[2]) + 1
    rest: Rest | None = lines[-1][5]
    return at, origin, "\n".join([line[2] for line in lines]), tuple(spans), request, rest


def _bytes(line: Fresh) -> int:
    text = line[2]
    size = len(text) if text.isascii() else len(text.encode())
    return size + 1 + SPAN_SIZE * len(line[3])
