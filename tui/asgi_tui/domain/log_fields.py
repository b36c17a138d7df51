"""Log lines that are made of fields, JSON objects and logfmt, as level, logger, process, request and text."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from asgi_tui.domain.log_pattern import MAX_LOGGER
from asgi_tui.domain.terminal_line import TAB
from asgi_tui.domain.text import sanitize

# Characters of a line above which it is shown as it is: reading it would hold up all the others.
MAX_LINE = 65_536
# Longer ids of requests are left in the text.
MAX_REQUEST = 128

LEVEL_NAMES = {
    "trace": "trace",
    "debug": "debug",
    "info": "info",
    "information": "info",
    "notice": "info",
    "success": "info",
    "warn": "warning",
    "warning": "warning",
    "err": "error",
    "error": "error",
    "exception": "error",
    "crit": "critical",
    "critical": "critical",
    "fatal": "critical",
    "alert": "critical",
    "emergency": "critical",
    "panic": "critical",
    "notset": "",
}
# Where the message is "msg" and the level a number they are pino's and bunyan's, else those of `logging`.
_NUMBERS = {5: "trace", 10: "debug", 20: "info", 30: "warning", 40: "error", 50: "critical"}
_PINO_NUMBERS = {10: "trace", 20: "debug", 30: "info", 40: "warning", 50: "error", 60: "critical"}

_LEVEL, _LOGGER, _MESSAGE, _PID, _REQUEST, _TIME, _TRACE = range(7)
_NAMES = {
    _LEVEL: "level levelname level_name severity log.level loglevel lvl levelno",
    _LOGGER: "logger name logger_name log.logger loggerName",
    _MESSAGE: "message msg event",
    _PID: "pid process process_id process.pid",
    _REQUEST: "request_id requestId request-id x-request-id X-Request-ID req_id reqId correlation_id"
    " correlationId trace_id traceId trace.id",
    _TIME: "timestamp time asctime ts @timestamp",
    _TRACE: "exc_info exception exc_text stack_info traceback stack stack_trace error.stack_trace",
}
_PARTS = {name: part for part, names in _NAMES.items() for name in names.split()}
# A request's own id is preferred to what it shares with others.
_SHARED_IDS = frozenset({"correlation_id", "correlationId", "trace_id", "traceId", "trace.id"})
_LOGGER_NAME = re.compile(rf"[\w.:/@$<>-]{{1,{MAX_LOGGER}}}")
_REQUEST_ID = re.compile(rf"(?=.*\w)[\w.:/+=@-]{{1,{MAX_REQUEST}}}")
_TIMESTAMP = re.compile(
    r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?(?:Z|UTC|[-+]\d\d:?\d\d))?|\d{1,12}(?:\.\d{1,9})?"
)
# What needs no quotes after "key=".
_PLAIN = re.compile(r"[^\s\"=,{}\[\]]+")
_PAIR = r'[\w.@/-]+=(?:"(?:[^"\\]|\\.)*+"|[^\s"]*+)(?:\s+|$)'
_LOGFMT = re.compile(rf"(?:{_PAIR})++")
_PAIRS = re.compile(r'([\w.@/-]+)=("(?:[^"\\]|\\.)*+"|[^\s"]*+)')


class Fields(NamedTuple):
    """What a line of fields says; what it does not say is empty or None. The text may have several lines."""

    level: str
    logger: str
    pid: int | None
    text: str
    request: str


class _RepeatedKeyError(ValueError):
    """One of the two values would be lost."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:  # Any: whatever JSON holds
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _RepeatedKeyError
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_unique)
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def read_json(line: str) -> Fields | None:
    """What a JSON log line says; None where it is none, is over ``MAX_LINE`` or names a key twice."""
    if len(line) > MAX_LINE or line[-1] not in "} ":
        return None
    try:
        record = _DECODER.decode(line)
        return _read(record, escaped="\\" in line)
    except (ValueError, RecursionError):
        return None


def read_logfmt(line: str) -> Fields | None:
    """What a line of ``key=value`` pairs says; None where it is none or tells no level and message."""
    if len(line) > MAX_LINE or not _LOGFMT.fullmatch(line):
        return None
    pairs: list[tuple[str, Any]] = []  # Any: as JSON's
    for key, value in _PAIRS.findall(line):
        if value[:1] == '"':
            try:
                pairs.append((key, _DECODER.decode(value)))
                continue
            except ValueError:
                value = value[1:-1]
        pairs.append((key, value))
    try:
        return _read(_unique(pairs), escaped=True)
    except _RepeatedKeyError:
        return None


def _safe(text: str) -> str:
    """Text with its line ends kept, tabs as spaces and all else that is not for a screen made visible."""
    if text.isprintable():
        return text
    lines = text.rstrip("\r\n").split("\n")
    return "\n".join(sanitize(line.removesuffix("\r").expandtabs(TAB)) for line in lines)


def _read(record: dict[str, Any], *, escaped: bool) -> Fields | None:
    """``escaped``: whether a value may hold what the line, which is safe, did not."""
    level = message = None
    logger = request = ""
    pid = None
    timed = shared = False
    rest: list[tuple[str, Any]] = []  # Any: whatever JSON holds
    traces: list[str] = []
    for key, value in (_flat(record) if _NESTED & record.keys() else record).items():
        part = _PARTS.get(key)
        if part == _MESSAGE and message is None and type(value) is str:
            message = value
        elif part == _LEVEL and level is None and (level := _level(value, "msg" in record)) is not None:
            pass
        elif part == _LOGGER and not logger and type(value) is str and _LOGGER_NAME.fullmatch(value):
            logger = value
        elif part == _PID and pid is None and (pid := as_pid(value)) is not None:
            pass
        elif part == _TIME and not timed and _is_time(value):
            timed = True
        elif part == _TRACE and type(value) is str and value:
            traces.append(value)
        else:
            better = not request or (shared and key not in _SHARED_IDS)
            if part == _REQUEST and better and type(value) is str and request_id(value):
                request, shared = value, key in _SHARED_IDS
            rest.append((key, value))
    told = message is not None and (level is not None or timed)
    if not told and not (level and timed):
        return None
    text = _joined(message or "", rest, traces)
    return Fields(level or "", logger, pid, _safe(text) if escaped else text, request)


_NESTED = frozenset({"log", "record", "level", "process"})


def _flat(record: dict[str, Any]) -> dict[str, Any]:
    """The record with what ECS ("log") and loguru ("record") put one level down at the top."""
    inner = record.get("record")
    if type(inner) is dict and "message" in inner and "level" in inner and inner.keys().isdisjoint(record):
        # loguru: "text" is the record as a line, and below it the traceback that the record lacks.
        text = record.get("text")
        _, _, trace = text.partition("\n") if type(text) is str else ("", "", "")
        record = inner | {key: value for key, value in record.items() if key not in ("record", "text")}
        if trace.strip():
            record["traceback"] = trace
    flat: dict[str, Any] = {}
    for key, value in record.items():
        if type(value) is not dict:
            flat[key] = value
        elif key == "log":
            flat |= {f"log.{name}": below for name, below in value.items()}
        elif key == "level" and type(value.get("name")) is str:
            flat[key] = value["name"]
        elif key == "process":
            flat |= {
                "pid" if name in ("pid", "id") else f"process.{name}": below for name, below in value.items()
            }
        else:
            flat[key] = value
    return flat


def _joined(message: str, rest: Iterable[tuple[str, Any]], traces: Iterable[str]) -> str:
    first, newline, below = message.partition("\n")
    parts = [first] if first else []
    for key, value in rest:
        if type(value) is str and _PLAIN.fullmatch(value):
            parts.append(f"{key}={value}")
        else:
            parts.append(f"{key}={_ENCODER.encode(value)}")
    return "\n".join([" ".join(parts) + newline + below, *traces])


def _level(value: object, pino: bool) -> str | None:
    if type(value) is str:
        return LEVEL_NAMES.get(value.strip().lower())
    if type(value) is int:
        return (_PINO_NUMBERS if pino else _NUMBERS).get(value)
    return None


def _is_time(value: object) -> bool:
    if type(value) is str:
        return _TIMESTAMP.fullmatch(value) is not None
    return type(value) is int or (type(value) is float and math.isfinite(value))


def as_pid(value: object) -> int | None:
    """A process id; None for what is none."""
    if type(value) is str and 0 < len(value) <= 10 and value.isascii() and value.isdigit():
        value = int(value)
    return value if type(value) is int and 0 < value < 2**32 else None


def request_id(value: str) -> str:
    """The id of a request; empty for what stands for none or is too long."""
    return value if _REQUEST_ID.fullmatch(value) and value not in ("None", "null") else ""
