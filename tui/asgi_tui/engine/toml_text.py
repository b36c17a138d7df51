"""One table of a TOML document, changed in its text: every byte around it stays."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from asgi_tui.domain.errors import Problem

if TYPE_CHECKING:
    from tomlkit.items import AbstractTable

Keys = tuple[str, ...]


def read_toml(text: str) -> dict[str, Any]:  # Any: a document of any shape
    """The document. Raises ``ValueError`` with the cause, and the line where it is known."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def table_at(document: Mapping[str, object], keys: Keys) -> object:
    """What stands at ``keys``; an empty table where nothing does."""
    here: object = document
    for key in keys:
        here = here.get(key, {}) if isinstance(here, dict) else {}
    return here


def with_table(text: str, keys: Keys, table: Mapping[str, object] | None) -> str:
    """``text`` with the table at ``keys`` set to ``table``, or without it for ``None``.

    What does not change in the table keeps its comments and place; a new one is put at the end. Raises
    ``ValueError`` where ``text`` is no TOML, and ``Problem`` where the table is written in a way that cannot
    be changed alone (``a.b = {...}``).
    """
    wanted = _set(read_toml(text), keys, table)
    # Not splitlines(), which also parts at characters that end no line in TOML.
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    spans = _spans(lines, keys)
    for block in _blocks("".join("".join(lines[span.start : span.stop]) for span in spans), keys, table):
        if "\r\n" in text:
            block = re.sub(r"(?<!\r)\n", "\r\n", block)
        new = _spliced(lines, spans, block) if spans else _appended(text, block)
        try:
            # The parser has the last word: whatever the text looks like, nothing else may have changed.
            if _without_empty(read_toml(new), keys) == wanted:
                return new
        except ValueError:
            continue
    name = ".".join(keys)
    raise Problem(f"Table {name}", "it cannot be changed without touching what is around it", "edit the file")


@dataclass(frozen=True, slots=True)
class _Span:
    """Lines ``start`` up to ``stop``."""

    start: int
    stop: int


def _spans(lines: list[str], keys: Keys) -> list[_Span]:
    """Where the table and its sub-tables stand, neighbours joined, without what leads to the next header."""
    headers = _headers(lines)
    found: list[_Span] = []
    for (start, path), (stop, _) in pairwise([*headers, (len(lines), ())]):
        if path[: len(keys)] != keys:
            continue
        if found and found[-1].stop == start:
            found[-1] = _Span(found[-1].start, stop)
        else:
            found.append(_Span(start, stop))
    return [_Span(span.start, _last_entry(lines, span)) for span in found]


def _last_entry(lines: list[str], span: _Span) -> int:
    stop = span.stop
    while not lines[stop - 1].strip() or lines[stop - 1].lstrip().startswith("#"):
        stop -= 1
    return stop


def _headers(lines: list[str]) -> list[tuple[int, Keys]]:
    """The line and the keys of each table header."""
    found: list[tuple[int, Keys]] = []
    since = 0
    for index, line in enumerate(lines):
        if not line.lstrip().startswith("["):
            continue
        try:
            path = _first_path(read_toml(line))
            # Inside of a multi-line text or list, what is before it does not end here.
            read_toml("".join(lines[since:index]))
        except ValueError:
            continue
        found.append((index, path))
        since = index
    return found


def _first_path(document: dict[str, Any]) -> Keys:  # Any: as read_toml gives it
    path: list[str] = []
    here: Any = document  # a table, or the list of one that [[...]] makes
    while here:
        if isinstance(here, list):
            here = here[0]
        else:
            key, here = next(iter(here.items()))
            path.append(key)
    return tuple(path)


def _blocks(old: str, keys: Keys, table: Mapping[str, object] | None) -> list[str]:
    """The new text of the table, the best first."""
    if table is None:
        return [""]
    import tomlkit  # only to write
    from tomlkit.exceptions import TOMLKitError

    document = tomlkit.document()
    here: AbstractTable | tomlkit.TOMLDocument = document
    for key in keys[:-1]:
        parent = tomlkit.table(is_super_table=True)
        here.append(key, parent)
        here = parent
    here.append(keys[-1], tomlkit.item(dict(table)))
    fresh = tomlkit.dumps(document)
    if not old:
        return [fresh]
    try:
        known = tomlkit.parse(old)
        there: Any = known  # tomlkit's tables are of several types
        for key in keys:
            there = there[key]
        _update(there, table_at(read_toml(old), keys), table)
        return [tomlkit.dumps(known), fresh]
    except (TOMLKitError, LookupError, ValueError, TypeError, AttributeError):
        # It loses its way in dotted keys. The comments in the table are then the price.
        return [fresh]


def _update(there: Any, old: Any, table: Mapping[str, object]) -> None:  # Any: as above, and as it is plainly
    for key in [key for key in old if key not in table]:
        del there[key]
    for key, value in table.items():
        before = old.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            _update(there[key], before, value)
        elif type(before) is not type(value) or before != value:
            there[key] = value


def _spliced(lines: list[str], spans: list[_Span], block: str) -> str:
    """The text with ``block`` in place of the first span, and without the others."""
    parts: list[str] = []
    at = 0
    for span in spans:
        parts += lines[at : span.start]
        at = span.stop
        if span is spans[0] and block:
            parts.append(block)
        else:
            # The blank lines before the table stay, those after it would be too many.
            while at < len(lines) and not lines[at].strip():
                at += 1
    return "".join(parts + lines[at:])


def _appended(text: str, block: str) -> str:
    if not block or not text or text.endswith(("\n\n", "\n\r\n")):
        return text + block
    newline = "\r\n" if "\r\n" in text else "\n"
    return text + (newline if text.endswith("\n") else newline * 2) + block


def _set(document: dict[str, Any], keys: Keys, table: Mapping[str, object] | None) -> dict[str, Any]:
    here: Any = document  # what stands there may be no table
    for key in keys[:-1]:
        here = here.setdefault(key, {}) if isinstance(here, dict) else {}
    if isinstance(here, dict):
        if table is None:
            here.pop(keys[-1], None)
        else:
            here[keys[-1]] = dict(table)
    return _without_empty(document, keys)


def _without_empty(document: dict[str, Any], keys: Keys) -> dict[str, Any]:
    """The document less the tables above ``keys`` that hold nothing: a header names them all at once."""
    inner = document.get(keys[0])
    if len(keys) > 1 and isinstance(inner, dict) and not _without_empty(inner, keys[1:]):
        del document[keys[0]]
    return document
