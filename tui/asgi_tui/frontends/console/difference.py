"""Two answers to one request laid side by side, with what differs between them marked. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from asgi_tui.domain.calls import Header, Item, Message, Verdict
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.events import Request
from asgi_tui.domain.secret import revealed
from asgi_tui.domain.sending import Answer
from asgi_tui.domain.text import MASK
from asgi_tui.frontends.console import format as show
from asgi_tui.frontends.console.answer_lines import http, reason
from asgi_tui.frontends.console.answer_text import readable
from asgi_tui.frontends.console.request_form import media_of
from asgi_tui.frontends.console.veil import Veil

SAME, DIFFERENT, EXPECTED = "", "≠", "~"
NOTHING = "—"
# Lines of each body that are compared; of the rest only whether the bytes are the same.
MAX_LINES = 2_000
# Lines times lines that are matched up; beyond, the first is laid beside the first, and so on.
MATCHED = 400_000
# Headers that differ from server to server, or from one moment or connection to the next.
OWN_HEADERS = frozenset({"date", "server"})
_OWN_SCOPE = frozenset({"client", "server"})
_OWN_SCOPE_HEADERS = frozenset({"host"})

Outcome = Answer | Problem
Pairs = Sequence[tuple[str, str, bool]]


@dataclass(frozen=True, slots=True)
class Row:
    """What both have under one name; ``mark`` is ``SAME``, ``DIFFERENT`` or ``EXPECTED``."""

    label: str
    left: str
    right: str
    mark: str = SAME


@dataclass(frozen=True, slots=True)
class Section:
    """Rows of one kind; ``note`` says what there is to know of them."""

    title: str
    rows: tuple[Row, ...]
    note: str = ""

    def count(self, mark: str) -> int:
        """How many rows have that mark."""
        return sum(row.mark == mark for row in self.rows)


def compare(left: Outcome, right: Outcome, known: re.Pattern[str] | None = None) -> tuple[Section, ...]:
    """Everything of two answers, in sections; of a sending that failed only why.

    ``known`` finds the secrets of the request, which an answer may repeat.
    """
    sections = _compared(left, right)
    if known is None:
        return sections
    return tuple(replace(item, rows=tuple(_without(known, row) for row in item.rows)) for item in sections)


def _without(known: re.Pattern[str], row: Row) -> Row:
    return replace(row, left=known.sub(MASK, row.left), right=known.sub(MASK, row.right))


def _compared(left: Outcome, right: Outcome) -> tuple[Section, ...]:
    if isinstance(left, Problem) or isinstance(right, Problem):
        row = Row("answer", _told(left), _told(right), DIFFERENT if _told(left) != _told(right) else SAME)
        return (Section("Answer", (row,)),)
    sections = [
        _answer(left, right),
        _headers("Headers", left.headers, right.headers, OWN_HEADERS),
        _body(left, right),
    ]
    if left.trace is None or right.trace is None:
        missing = [answer.server for answer in (left, right) if answer.trace is None]
        note = f"No trace was kept of {' and of '.join(name or 'one' for name in missing)}."
        return (*sections, Section("Scope, messages and verdicts", (), note))
    return (*sections, *_traces(left.trace, right.trace))


def _told(outcome: Outcome) -> str:
    if isinstance(outcome, Problem):
        return f"✗ {outcome}"
    return f"{outcome.status} {reason(outcome.status, outcome.reason)}".rstrip()


def _row(label: str, left: str, right: str, *, expected: bool = False) -> Row:
    if left == right:
        return Row(label, left, right)
    return Row(label, left or NOTHING, right or NOTHING, EXPECTED if expected else DIFFERENT)


def _answer(left: Answer, right: Answer) -> Section:
    rows = [
        # HTTP/1.1 lets the reason be any text, HTTP/2 has none
        _row("status", _told(left), _told(right), expected=left.status == right.status),
        _row("version", http(left), http(right)),
    ]
    for label, name in (
        ("in all", "total"),
        ("connect", "connect"),
        ("first byte", "first_byte"),
        ("body", "body"),
    ):
        times = [getattr(answer.timing, name) for answer in (left, right)]
        texts = [NOTHING if value is None else show.duration(value) for value in times]
        rows.append(_row(label, texts[0], texts[1], expected=True))
    return Section("Answer", tuple(rows))


# -- headers -------------------------------------------------------------------------------------------


def _headers(
    title: str, left: Iterable[Header], right: Iterable[Header], own: frozenset[str], prefix: str = ""
) -> Section:
    """By name, whatever their order; values of one name keep theirs."""
    sides = [_by_name(left), _by_name(right)]
    rows = []
    for name in {**sides[0], **sides[1]}:
        values = [side.get(name, []) for side in sides]
        texts = ["\n".join(str(header.value) for header in found) for found in values]
        real = [[revealed(header.value) for header in found] for found in values]
        mark = SAME if real[0] == real[1] else EXPECTED if name in own else DIFFERENT
        rows.append(
            Row(f"{prefix}{name}", texts[0] or _absent(values[0]), texts[1] or _absent(values[1]), mark)
        )
    return Section(title, tuple(rows))


def _by_name(headers: Iterable[Header]) -> dict[str, list[Header]]:
    found: dict[str, list[Header]] = {}
    for header in headers:
        found.setdefault(header.name.lower(), []).append(header)
    return found


def _absent(values: list[Header]) -> str:
    return "(empty)" if values else NOTHING


# -- bodies --------------------------------------------------------------------------------------------


def _body(left: Answer, right: Answer) -> Section:
    same = left.body == right.body and left.size == right.size
    sizes = [f"{show.count(answer.size)} bytes" for answer in (left, right)]
    rows = [Row("size", sizes[0], sizes[1], SAME if left.size == right.size else DIFFERENT)]
    read = [readable(answer.body, media_of(answer.headers), whole=answer.size) for answer in (left, right)]
    notes = [f"{read[0].note}" if read[0].note == read[1].note else f"{read[0].note} | {read[1].note}"]
    lines = [body.text.split("\n") if body.text else [] for body in read]
    if any(len(side) > MAX_LINES for side in lines):
        notes.append(f"only the first {show.count(MAX_LINES)} lines are compared")
        lines = [side[:MAX_LINES] for side in lines]
    compared = list(_lines(lines[0], lines[1]))
    if not same and all(row.mark == SAME for row in [*rows, *compared]):
        rows.append(Row("bytes", "not the same", "only where masked, in spaces or beyond", DIFFERENT))
    return Section("Body", (*rows, *compared), " · ".join(filter(None, notes)))


def _lines(left: list[str], right: list[str]) -> Iterator[Row]:
    start = 0
    while start < min(len(left), len(right)) and left[start] == right[start]:
        start += 1
    end = 0
    while end < min(len(left), len(right)) - start and left[-1 - end] == right[-1 - end]:
        end += 1
    for at in range(start):
        yield Row(str(at + 1), left[at], right[at])
    inner = left[start : len(left) - end], right[start : len(right) - end]
    if len(inner[0]) * len(inner[1]) <= MATCHED:
        blocks = SequenceMatcher(None, *inner, autojunk=False).get_opcodes()
    else:
        blocks = [("replace", 0, len(inner[0]), 0, len(inner[1]))]
    for kind, i1, i2, j1, j2 in blocks:
        for step in range(max(i2 - i1, j2 - j1)):
            i, j = i1 + step, j1 + step
            a = inner[0][i] if i < i2 else NOTHING
            b = inner[1][j] if j < j2 else NOTHING
            number = str(start + (i if i < i2 else j) + 1)
            yield Row(number, a, b, SAME if kind == "equal" or a == b else DIFFERENT)
    for at in range(len(left) - end, len(left)):
        yield Row(str(at + 1), left[at], left[at])


# -- traces --------------------------------------------------------------------------------------------


def _traces(left: Request, right: Request) -> Iterator[Section]:
    yield _outcome(left, right)
    yield _scope(left, right)
    yield _messages(left.messages, right.messages)
    yield _verdicts(left.verdicts, right.verdicts)


def _outcome(left: Request, right: Request) -> Section:
    rows = [
        _row("app", left.outcome, right.outcome),
        _row("raised", _raised(left), _raised(right)),
        _row("took", *(show.duration(call.duration_ms) for call in (left, right)), expected=True),
    ]
    return Section("The call", tuple(row for row in rows if row.left or row.right))


def _raised(call: Request) -> str:
    return Veil(call).text(f"{call.error.type}: {call.error.message}") if call.error else ""


def _scope(first: Request, second: Request) -> Section:
    left, right = first.scope, second.scope
    names = ("http_version", "scheme", "asgi", "root_path", "raw_path", "client", "server")
    rows = [
        _row(name, getattr(left, name), getattr(right, name), expected=name in _OWN_SCOPE) for name in names
    ]
    queries = [revealed(scope.query) for scope in (left, right)]
    mark = SAME if queries[0] == queries[1] else DIFFERENT
    rows.append(Row("query", str(left.query), str(right.query), mark))
    rows += _headers("", left.headers, right.headers, _OWN_SCOPE_HEADERS, "header ").rows
    rows.append(_row("subprotocols", ", ".join(left.subprotocols), ", ".join(right.subprotocols)))
    for label, name in (
        ("extension", "extensions"),
        ("state", "state"),
        ("key", "others"),
        ("added", "added"),
    ):
        rows += _items(label, (first, second), (getattr(left, name), getattr(right, name)))
    rows += _kinds(left.kinds, right.kinds)
    return Section("Scope", tuple(row for row in rows if row.left or row.right))


def _items(
    label: str, calls: tuple[Request, Request], items: tuple[Iterable[Item], Iterable[Item]]
) -> Iterator[Row]:
    sides = [{item.name: item for item in found} for found in items]
    veils = [Veil(call) for call in calls]
    for name in {**sides[0], **sides[1]}:
        values = [side.get(name) for side in sides]
        texts = [
            NOTHING if item is None else veil.item(item) or "(empty)"
            for veil, item in zip(veils, values, strict=True)
        ]
        real = [None if item is None else revealed(item.value) for item in values]
        yield Row(f"{label} {name}", texts[0], texts[1], SAME if real[0] == real[1] else DIFFERENT)


def _kinds(left: Mapping[str, str], right: Mapping[str, str]) -> Iterator[Row]:
    """Python's types, only where they are not the same."""
    for name in sorted({*left, *right}):
        if left.get(name) != right.get(name) and name in left and name in right:
            yield Row(f"type of {name}", left[name], right[name], DIFFERENT)


def _messages(left: Sequence[Message], right: Sequence[Message]) -> Section:
    """By kind: bytes in sum. How many messages they came in is the server's own affair."""
    sides = [_by_kind(left), _by_kind(right)]
    rows = []
    for kind in {**sides[0], **sides[1]}:
        found = [side.get(kind) for side in sides]
        texts = [NOTHING if item is None else _summed(*item) for item in found]
        if found[0] is None or found[1] is None:
            mark = DIFFERENT
        else:
            mark = SAME if found[0] == found[1] else EXPECTED if found[0][1] == found[1][1] else DIFFERENT
        rows.append(Row(kind, texts[0], texts[1], mark))
    return Section(
        "Messages", tuple(rows), "bytes compared in sum; in how many messages is the server's affair"
    )


def _by_kind(messages: Sequence[Message]) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for message in messages:
        # a receive that still waits is none yet
        if message.type:
            kind = f"{message.direction} {message.type}"
            number, total = found.get(kind, (0, 0))
            found[kind] = number + 1, total + message.bytes
    return found


def _summed(number: int, total: int) -> str:
    messages = "1 message" if number == 1 else f"{show.count(number)} messages"
    return f"{messages}, {show.count(total)} bytes" if total else messages


def _verdicts(left: Sequence[Verdict], right: Sequence[Verdict]) -> Section:
    sides = [{(item.side, item.rule): item for item in items} for items in (left, right)]
    rows = []
    for side, rule in {**sides[0], **sides[1]}:
        texts = [_verdict(found.get((side, rule))) for found in sides]
        rows.append(Row(rule, texts[0], texts[1], SAME if texts[0] == texts[1] else DIFFERENT))
    return Section("Rules that were broken", tuple(rows), "" if rows else "none on either side")


def _verdict(verdict: Verdict | None) -> str:
    return NOTHING if verdict is None else f"{verdict.level}, {verdict.side}: {verdict.message}"
