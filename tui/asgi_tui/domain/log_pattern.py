"""The front of a server's log lines as a pattern; light, since every adapter imports it."""

from __future__ import annotations

import re

# Longer names of loggers are left in the text.
MAX_LOGGER = 100

_LEVEL = r"(?P<level>TRACE|DEBUG|INFO|NOTICE|SUCCESS|WARN(?:ING)?|ERROR|CRITICAL|FATAL|NOTSET)"
# structlog's, in lower case and filled up to its longest name
_FILLED = r"(?=[^\]]{8,9}\])(?P<level>trace|debug|info|warn(?:ing)?|error|exception|critical|notset) *"
_NAME = rf"(?P<logger>[A-Za-z_][\w.-]{{0,{MAX_LOGGER - 1}}})"
# Where a word may as well begin the message: a logger that is no exception's name, one with a dot.
_LOWER = rf"(?P<logger>[a-z_][\w.-]{{0,{MAX_LOGGER - 1}}})"
_DOTTED = rf"(?P<logger>root|__main__|[A-Za-z_]\w{{0,{MAX_LOGGER // 2}}}\.[\w.-]{{1,{MAX_LOGGER // 2 - 2}}})"
_DAY = r"\d{4}[-/]\d\d[-/]\d\d[ T]"
_CLOCK = r"\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?(?:Z|UTC|[-+]\d\d:?\d\d))?"
_TIME = rf"(?:(?:{_DAY})?{_CLOCK}|\d\d/\w{{3}}/\d{{4}}[: ]{_CLOCK}|\d\d/\d\d/\d\d \d\d:\d\d:\d\d)"

_SHORT = {
    "LEVEL": _LEVEL,
    "FILLED": _FILLED,
    "DOTTED": _DOTTED,
    "LOWER": _LOWER,
    "NAME": _NAME,
    "PID": r"(?P<pid>\d{1,10})",
    "TIME": _TIME,
}


def log_pattern(front: str) -> re.Pattern[str]:
    """The front of a server's log lines, for ``LineReader``; what is behind it is the text.

    ``TIME``, ``LEVEL``, ``PID`` and ``NAME`` (a logger's) stand for what they say. The first group is the
    head: all of the front but its time.
    """
    return re.compile(written_out(front))


def written_out(front: str) -> str:
    """The regular expression of a front."""
    return re.sub("|".join(_SHORT), lambda word: _SHORT[word[0]], front)
