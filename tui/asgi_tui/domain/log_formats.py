"""Lines of output as level, logger, process, request and text, in the formats that servers and apps log in.

A line's front is read off by one pattern: its time, then the ``head``, which tells all else and is
the same in many lines, so that what it says is looked up.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from asgi_tui.domain.log_entry import STREAMS, Origin
from asgi_tui.domain.log_fields import (
    LEVEL_NAMES,
    MAX_REQUEST,
    Fields,
    as_pid,
    read_json,
    read_logfmt,
    request_id,
)
from asgi_tui.domain.log_pattern import log_pattern, written_out

# Loggers are named by what the app prints. Distinct origins from which on a new one tells no logger, and
# twice which it tells no process either.
MAX_ORIGINS = 1_000
# Heads of lines that are remembered with what they tell; then all are forgotten.
MAX_HEADS = 4_096

# Each with the rest of the line behind it; the first that fits counts.
_AFTER_TIME = (
    r"\[(?P<pid>\d{1,10})\] \[LEVEL *\] ",  # gunicorn, hypercorn
    r"\[LEVEL *\] \[NAME\] ",
    r"\[LEVEL *\] LOWER: ",
    r"\[LEVEL *\] ",
    r"\[FILLED\] ",
    r"LEVEL in NAME: ",  # Flask, Quart
    r"LEVEL:NAME:",
    r"LEVEL: +",
    r"LEVEL +\| NAME(?::|(?: - | \| ))",  # loguru
    r"LEVEL +\| ",
    r"LEVEL +- (?:NAME - )?",
    r"LEVEL +\[NAME\]:? ",
    r"LEVEL LOWER: ",
    r"LEVEL +DOTTED:? ",
    r"LEVEL +",  # daphne
    r"NAME +- +LEVEL +- ",
    r"NAME +\| +LEVEL +\| ",
    r"NAME:? \[LEVEL *\]:? ",
    r"NAME: LEVEL:? +",
    r"DOTTED +LEVEL:? +",
    r"\[NAME\] \[?LEVEL *\]?:? +",
)
_ALONE = (
    r"LEVEL: +",  # uvicorn
    r"LEVEL:NAME:",  # logging.BASIC_FORMAT
    r"\[LEVEL *\] (?:DOTTED: )?",  # granian
    r"\[FILLED\] ",
    r"LEVEL +(?:- |\| )(?:DOTTED(?: - | \| |: ))?",
    r"LEVEL +DOTTED: ",
    r"LEVEL +\[DOTTED\]:? ",
    r"LEVEL  +(?<=^.{9})(?! )",  # filled up to eight letters
)


def _any_of(time: str, heads: tuple[str, ...]) -> re.Pattern[str]:
    # What begins alike is tried once.
    alike: dict[str, list[str]] = {}
    for head in heads:
        start = next(start for start in ("LEVEL", "NAME", "DOTTED", r"\[") if head.startswith(start))
        alike.setdefault(start, []).append(head.removeprefix(start))
    front = "|".join(f"{start}(?:{'|'.join(ends)})" for start, ends in alike.items())
    unnamed = re.sub(r"\(\?P<\w+>", "(?:", written_out(front))
    return re.compile(f"{written_out(time)}({unnamed})")


@cache
def _head_patterns() -> tuple[re.Pattern[str], ...]:
    """Each head by itself, with names for what it tells; they take a while to make."""
    return tuple(map(log_pattern, _AFTER_TIME + _ALONE))


_TIMED = _any_of(r"(?:\[TIME\]|TIME)(?: +(?:- |\| )?|: )", _AFTER_TIME)
_UNTIMED = _any_of("", _ALONE)
# rich's handler leaves a time out that is the same as in the line before.
_RICH = _any_of(" {20}(?=[A-Z ]{8} )", (r"LEVEL +",))
_LEVEL_LETTERS = "TDINSWECF"
_BY_FIRST: dict[str, tuple[re.Pattern[str], ...]] = {
    **dict.fromkeys("0123456789", (_TIMED,)),
    **dict.fromkeys(_LEVEL_LETTERS, (_UNTIMED,)),
    "[": (_TIMED, _UNTIMED),
    " ": (_RICH,),
}
# Django's verbose format: what it tells is on both sides of the time.
_LEVEL_TIME = log_pattern(r"LEVEL +\[?TIME\]?,? (?:- )?(?:NAME PID (?=\d))?")
# structlog's console: the logger stands behind the message, which is filled up to 30 letters.
_LOGGER_BEHIND = log_pattern(r".*? \[NAME\](?= |$)")
# The common log format, with or without its time; as uvicorn and granian write theirs.
_ACCESS = log_pattern(r'(\[TIME\] )?\S+ (?:\S+ \S+ \[\d\d/\w{3}/\d{4}:[^\]]{8,20}\]|-) "[A-Z]')
_WARNING = re.compile(r"[^:]+:\d{1,7}: [\w.]*Warning: ")
_LOGFMT = re.compile(r"[\w.@-]{1,30}=\S.*?\b(?:level|lvl|severity)=|(?:level|lvl|severity)=")
_REQUEST = re.compile(
    # Written out, since the first letters of words are found faster than those of a set.
    r"(?:request|Request|REQUEST|req|Req|correlation|Correlation|trace)[-_ ]?(?:id|Id|ID)[\"']?[:=] ?[\"']?"
    rf"([\w.:/+=@-]{{1,{MAX_REQUEST}}})(?![\w.:/+=@-])"
)
# One of them is in a text that names a request, and in few others.
_FIRST_SIGN, _OTHER_SIGN = "eq", "_id"


class Read(NamedTuple):
    """A line, read: where it comes from, the text that is left of it, the request that it names, else empty.

    The text is the end of the line, so that what is drawn in it moves by the difference in length; of a
    line of fields (JSON, logfmt) it is a new one, which may have several lines joined by "\\n".
    """

    origin: Origin
    text: str
    request: str


_new = tuple.__new__


class LineReader:
    """Reads the lines of one run. Lines alike give the same origin, the very same object."""

    def __init__(self, format: re.Pattern[str]) -> None:  # noqa: A002 - it is the server's `log_format`
        """``format``: what the server's own lines begin with, as ``log_pattern`` makes it."""
        self._own = format.match
        self._origins: dict[Origin, Origin] = {}
        self._bare = {stream: self._intern(stream) for stream in STREAMS}
        self._infos = {stream: self._intern(stream, "info") for stream in STREAMS}
        self._by_head: dict[str, dict[str, Origin]] = {stream: {} for stream in STREAMS}

    def read(self, stream: str, text: str) -> Read:
        """One line of ``stream``, one of ``STREAMS``; ``text`` has no control characters but tabs."""
        found = self._own(text)
        if found is None:
            for pattern in _BY_FIRST.get(text[:1], ()):
                found = pattern.match(text)
                if found is not None:
                    break
            else:
                return self._other(stream, text)
        origin = self._by_head[stream].get(found[1])
        if origin is None:
            return self._learn(stream, text, found)
        text = text[found.end() :]
        request = _named_request(text) if _FIRST_SIGN in text or _OTHER_SIGN in text else ""
        return _new(Read, (origin, text, request))

    def _learn(self, stream: str, text: str, found: re.Match[str]) -> Read:
        """A head that was not seen yet."""
        head = found[1]
        parts = found.groupdict()
        if not parts:
            named = (pattern.fullmatch(head) for pattern in _head_patterns())
            parts = next(filter(None, named)).groupdict()
        level = LEVEL_NAMES[parts["level"].lower()]
        logger = parts.get("logger") or ""
        origin = self._intern(stream, level, logger, as_pid(parts.get("pid")))
        rest = text[found.end() :]
        if behind := parts["level"].islower() and _LOGGER_BEHIND.match(rest):
            # Not the head alone tells it.
            return Read(self._intern(stream, level, behind["logger"]), rest, _named_request(rest))
        if origin.logger == logger:
            known = self._by_head[stream]
            if len(known) >= MAX_HEADS:
                known.clear()
            known[head] = origin
        else:
            # There are too many: it is told by the text.
            rest = text[found.start(1) :]
        return Read(origin, rest, _named_request(rest))

    def _other(self, stream: str, text: str) -> Read:
        """A line with no head."""
        first = text[:1]
        if first == "{":
            return self._fields(stream, text, read_json(text))
        if "=" in text and _LOGFMT.match(text):
            return self._fields(stream, text, read_logfmt(text))
        origin = self._bare[stream]
        if ' "' in text and (found := _ACCESS.match(text)):
            origin = self._infos[stream]
            text = text[found.end(1) :] if found[1] else text
        elif "Warning: " in text and _WARNING.match(text):
            origin = self._intern(stream, "warning")
        elif ":" in text and first in _LEVEL_LETTERS and (found := _LEVEL_TIME.match(text)):
            level = LEVEL_NAMES[found["level"].lower()]
            origin = self._intern(stream, level, found["logger"] or "", as_pid(found["pid"]))
            text = text[found.end() :]
        request = _named_request(text) if _FIRST_SIGN in text or _OTHER_SIGN in text else ""
        return _new(Read, (origin, text, request))

    def _fields(self, stream: str, line: str, fields: Fields | None) -> Read:
        if fields is None:
            return Read(self._bare[stream], line, _named_request(line))
        origin = self._intern(stream, fields.level, fields.logger, fields.pid)
        text = fields.text
        if origin.logger != fields.logger:
            first, newline, below = text.partition("\n")
            text = f"{first} logger={fields.logger}{newline}{below}"
        return Read(origin, text, fields.request)

    def _intern(self, stream: str, level: str = "", logger: str = "", pid: int | None = None) -> Origin:
        origin = Origin(stream, level, logger, pid)
        known = self._origins.get(origin)
        if known is not None:
            return known
        if len(self._origins) >= MAX_ORIGINS:
            origin = origin._replace(logger="")
        if len(self._origins) >= 2 * MAX_ORIGINS:
            origin = origin._replace(pid=None)
        return self._origins.setdefault(origin, origin)


def _named_request(text: str) -> str:
    if "d=" not in text and "d:" not in text and "D" not in text and 'd"' not in text and "d'" not in text:
        return ""
    found = _REQUEST.search(text)
    return request_id(found[1].rstrip(".:,=/")) if found else ""
