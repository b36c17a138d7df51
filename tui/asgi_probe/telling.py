"""Puts what the tracers kept into words for the console; in the shipping thread alone."""

from __future__ import annotations

import json
import os
from binascii import b2a_base64

from .described import VALUE_CHARS
from .faults import told_fault, traceback_of
from .routes import name_of
from .stats import size_of_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator

    from .described import Headers, MessageCopy, ScopeCopy
    from .tracer import End, Record, Step, Tracer

# Bytes of one line, about: the console takes up to 2 MiB. What a call has beyond goes into another.
LINE_BYTES = 512 * 1024
# What one step or record takes beside what it carries.
STEP_BYTES = 300
# Keys of a scope that are told by themselves.
_SCOPE = frozenset(
    (
        *("type", "method", "path", "raw_path", "query_string", "root_path", "scheme", "http_version"),
        *("headers", "client", "server", "asgi", "subprotocols", "extensions", "state"),
    )
)


def told(tracer: Tracer) -> Iterator[dict[str, object]]:
    """The messages that tell what a tracer has kept since it was last told; usually one."""
    # First of all: what is kept from now on is told the next time, and what was before the end is there.
    tracer.due = False
    end, copy = tracer.end, tracer.copy
    tracer.end = tracer.copy = None
    steps, logs = taken(tracer.steps), taken(tracer.logs)
    if end is None and copy is None and not steps and not logs:
        return
    begin: dict[str, object] = {}
    if copy is not None:
        begin = {"begin": {"at": tracer.at, "kind": tracer.kind, "scope": told_scope(copy)}}
    while True:
        size, shown, records = 0, [], []
        while steps and size < LINE_BYTES:
            step = steps.pop(0)
            # From now on it is told again when it is done; then what it has is read.
            step.told = True
            shown.append(told_step(step, tracer))
            size += STEP_BYTES + (0 if step.message is None else step.message.weight * 4 // 3)
        while logs and size < LINE_BYTES:
            records.append(told_record(logs.pop(0)))
            size += STEP_BYTES + len(str(records[-1]["text"])) + len(str(records[-1]["traceback"]))
        last = not steps and not logs
        yield {
            "type": "trace",
            "id": "%d-%d" % (os.getpid(), tracer.number),
            **begin,
            "steps": shown,
            "logs": records,
            "left_out": tracer.left_out,
            "bytes_in": tracer.bytes_in,
            "bytes_out": tracer.bytes_out + tracer.file_bytes,
            **({"end": told_end(end, tracer)} if last and end is not None else {}),
        }
        begin = {}
        if last:
            return


def taken(items: list[Any]) -> list[Any]:
    """The items, which are no longer in the list; others may be added to it meanwhile."""
    count = len(items)
    found = items[:count]
    del items[:count]
    return found


def ms(ns: int | None) -> float | None:
    """Nanoseconds as milliseconds."""
    return None if ns is None else ns / 1e6


def worded(value: Any) -> str:
    """A plain value as text, bounded: text is itself, the rest as Python writes it."""
    return value if isinstance(value, str) else repr(value)[:VALUE_CHARS]


def latin(value: Any) -> str:
    """Bytes as text, each byte one character; what is no bytes as ``worded``."""
    return value.decode("latin-1") if isinstance(value, bytes) else worded(value)


def items_of(values: Any) -> list[list[str]]:
    """Names and texts of a dict."""
    return [[str(name), worded(value)] for name, value in values.items()]


def told_headers(headers: Headers) -> list[list[str]]:
    """Headers as pairs of text."""
    return [[latin(name), latin(value)] for name, value in headers.pairs]


def left_off(headers: Headers) -> list[list[str]]:
    """A field that says so where headers were left out."""
    return [["headers left out", str(headers.left_out)]] if headers.left_out else []


def told_scope(copy: ScopeCopy) -> dict[str, object]:
    """A scope as it goes over the wire."""
    values = copy.values
    asgi = values.get("asgi")
    others = {name: value for name, value in values.items() if name not in _SCOPE}
    raw_path = values.get("raw_path")
    scope: dict[str, object] = {
        "raw_path": None if raw_path is None else latin(raw_path),
        "query": latin(values.get("query_string") or ""),
        "headers": told_headers(copy.headers),
        "header_fault": copy.headers.fault,
        "client": address(values.get("client")),
        "server": address(values.get("server")),
        "asgi": {name: worded(value) for name, value in asgi.items()} if isinstance(asgi, dict) else {},
        "subprotocols": [],
        "extensions": [],
        "state": [],
        "kinds": copy.kinds,
    }
    for name in ("method", "path", "root_path", "scheme", "http_version"):
        value = values.get(name)
        scope[name] = "" if value is None else worded(value)
    if isinstance(values.get("subprotocols"), (list, tuple)):
        scope["subprotocols"] = [worded(value) for value in values["subprotocols"]]
    if isinstance(values.get("extensions"), dict):
        scope["extensions"] = [[name, as_json(value)] for name, value in values["extensions"].items()]
    if isinstance(values.get("state"), dict):
        scope["state"] = items_of(values["state"])
    # Of another type than they should be, so that the above shows nothing of them.
    odd = {
        "client": values.get("client") is not None and scope["client"] is None,
        "server": values.get("server") is not None and scope["server"] is None,
        "asgi": not isinstance(asgi, dict),
        "subprotocols": not isinstance(values.get("subprotocols", ()), (list, tuple)),
        "extensions": not isinstance(values.get("extensions") or {}, dict),
        "state": not isinstance(values.get("state") or {}, dict),
    }
    others.update({name: values[name] for name, is_odd in odd.items() if is_odd and name in values})
    scope["others"] = items_of(others) + left_off(copy.headers)
    return scope


def address(value: Any) -> list[object] | None:
    """Host and port of an address, or a path and nothing; None where it is neither."""
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        return None
    host, port = value
    return [worded(host), port if port is None or isinstance(port, int) else worded(port)]


def as_json(value: Any) -> str:
    """A plain value as JSON; bytes as ``latin``."""
    return json.dumps(value, ensure_ascii=False, default=latin)


def told_step(step: Step, tracer: Tracer) -> dict[str, object]:
    """A call of ``receive`` or ``send``, waiting or done."""
    return {
        "n": step.n,
        "dir": step.direction,
        "called": ms(step.called),
        "at": ms(step.at),
        "done": ms(step.done),
        "error": step.error,
        "message": None if step.message is None else told_message(step.message, tracer),
    }


def told_message(copy: MessageCopy, tracer: Tracer) -> dict[str, object]:
    """A message as it goes over the wire."""
    if not isinstance(copy.size, int):
        copy.size = size_of_file(copy.size)
        tracer.file_bytes += copy.size
    return {
        "type": copy.type,
        "status": copy.status,
        "headers": told_headers(copy.headers),
        "header_fault": copy.headers.fault,
        "size": copy.size,
        "data": b2a_base64(copy.data, newline=False).decode(),
        "more": copy.more,
        "fields": items_of(copy.values) + left_off(copy.headers),
        "kinds": copy.kinds,
    }


def told_record(record: Record) -> dict[str, object]:
    """A log record."""
    at, level, logger, text, file, line, fault = record
    return {
        "at": ms(at),
        "level": level,
        "logger": logger,
        "text": text,
        "file": file,
        "line": line,
        "traceback": "" if fault is None else traceback_of(fault),
    }


def told_end(end: End, tracer: Tracer) -> dict[str, object]:
    """What became of the call."""
    error = None if tracer.fault is None else told_fault(tracer.fault)
    tracer.fault = None
    return {
        "outcome": tracer.outcome,
        "ms": ms(end.complete),
        "returned": ms(end.returned),
        "route": "" if tracer.kind == "lifespan" else route_of(end.place),
        "added": items_of(end.added),
        "error": error,
    }


def route_of(place: Any) -> str:
    """The route's name; empty where the app's own objects cannot tell it."""
    try:
        return name_of(place)[0]
    except Exception:
        return ""
