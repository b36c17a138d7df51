"""The sequence diagram ``server | app``: every message of a call as an arrow between two life lines. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import overload

from rich.cells import cell_len

from asgi_tui.domain.calls import Message
from asgi_tui.domain.close_codes import meaning
from asgi_tui.domain.events import Request
from asgi_tui.domain.waterfall import NOTABLE_MS
from asgi_tui.frontends.console import format as show
from asgi_tui.frontends.console.body_text import preview
from asgi_tui.frontends.console.lines import Line, line, visible
from asgi_tui.frontends.console.request_row import BROKEN, FAILED, running
from asgi_tui.frontends.console.veil import Veil

PREVIEW = 1_000  # bytes of a message that a row may show the beginning of
TIME = 11  # cells of the time, with the mark before it
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_LEVELS = ("error", "warning", "info")
MARKS = {"error": (BROKEN, "failed"), "warning": (BROKEN, "warned"), "info": (BROKEN, "received")}
# How a call ends, by its outcome.
ENDINGS = {
    "returned": ("app returned", "muted"),
    "raised": ("app raised", "failed"),
    "cancelled": ("app was cancelled", "warned"),
    "gone": ("the process is gone", "failed"),
    "open": ("goes on", "muted"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the diagram: ``scope``, ``message``, ``gap`` (messages left out) or ``end``.

    ``before_ms`` is the time of the step before; ``n`` as in ``Message``.
    """

    kind: str
    n: int
    at_ms: float = 0.0
    before_ms: float = 0.0
    message: Message | None = None


def steps(call: Request) -> list[Step]:
    """The rows of a call, in order."""
    found = [Step("scope", 0)]
    hole = _hole(call)
    before = 0.0
    for message in call.messages:
        if hole is not None and message.n > hole:
            found.append(Step("gap", -2, message.at_ms, before))
            hole = None
        found.append(Step("message", message.n, message.at_ms, before, message))
        before = message.at_ms
    if hole is not None:
        found.append(Step("gap", -2, before, before))
    if call.outcome != "open":
        end = call.returned_ms if call.returned_ms is not None else call.duration_ms
        found.append(Step("end", -1, end, before))
    return found


def _hole(call: Request) -> int | None:
    """The number after which messages were left out; None where none were."""
    if not call.left_out:
        return None
    there = {message.n for message in call.messages}
    return next(number for number in range(1, len(there) + 2) if number not in there)


def stamp(value: float, *, delta: bool = False) -> str:
    """A time since the call: 0.04 ms, 11.4 ms, 1,204 ms, 00:12:33."""
    sign = "+" if delta else ""
    if value >= 100_000:
        return sign + show.uptime(value / 1000)
    digits = 0 if value >= 100 or not value else 1 if value >= 0.095 else 2
    return f"{sign}{value:,.{digits}f} ms"


class Diagram(Sequence[Line]):
    """The rows as lines of ``width`` cells, each made when it is asked for.

    ``now_ms`` is the time since the call, for what still waits; ``deltas``: times since the row before.
    """

    def __init__(
        self, call: Request, veil: Veil, width: int, *, now_ms: float = 0.0, deltas: bool = False
    ) -> None:
        self.steps = steps(call)
        self._call = call
        self._veil = veil
        self._tube = max(width - TIME - 4, 20)  # cells between the life lines
        self._now_ms = now_ms
        self._deltas = deltas
        self._marks = marks(call)

    def __len__(self) -> int:
        return len(self.steps)

    @overload
    def __getitem__(self, index: int) -> Line: ...
    @overload
    def __getitem__(self, index: slice) -> list[Line]: ...
    def __getitem__(self, index: int | slice) -> Line | list[Line]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        step = self.steps[index]
        mark, style = self._marks.get(step.n, (" ", "plain"))
        at = step.at_ms - step.before_ms if self._deltas else step.at_ms
        shown = stamp(max(at, 0.0), delta=self._deltas)
        head: list[tuple[str, str]] = [(mark, style), (f"{shown:>{TIME - 1}}  ", "muted")]
        return line(*head, *self._arrow(step), target=index)

    def _arrow(self, step: Step) -> list[tuple[str, str]]:
        match step.kind:
            case "scope":
                return self._to_app([("scope", "received"), *_facts(scope_facts(self._call))])
            case "gap":
                said = f"{self._call.left_out:,} messages left out"
                return [("┊", "dim"), (f" {said} ".center(self._tube, "┄"), "warned"), ("┊", "dim")]
            case "end":
                return self._ending()
        message = step.message
        assert message is not None
        label = self._label(message)
        if not message.type or (message.direction == "receive" and message.waited_ms is None):
            return self._to_app(label, waits=True)
        return self._to_app(label) if message.direction == "receive" else self._to_server(label)

    def _label(self, message: Message) -> list[tuple[str, str]]:
        waits = f"waiting for {running(max(self._now_ms - message.at_ms, 0.0))}"
        if not message.type:
            over = self._call.outcome != "open"
            style = "failed" if message.error else "muted"
            said = f"raised {message.error}" if message.error else "never came" if over else waits
            return [(message.direction, "received"), *_facts([(said, style)])]
        facts = message_facts(message, self._veil)
        said, style = "", ""
        if message.waited_ms is None:
            said, style = (waits if self._call.outcome == "open" else "never returned"), "warned"
        elif message.waited_ms > NOTABLE_MS:
            style = "warned" if message.direction == "send" else "muted"
            said = f"waited {show.duration(message.waited_ms)}"
        if said:
            facts.insert(1, (said, style))
        if message.error:
            facts.append((f"raised {message.error}", "failed"))
        label = [(message.type, "received" if message.direction == "receive" else "sent"), *_facts(facts)]
        text = (
            preview(self._veil.frame(message, PREVIEW), message.kinds.get("bytes", ""))
            if message.data
            else ""
        )
        return [*label, (" · ", "dim"), (text, "string")] if text else label

    def _to_app(self, label: list[tuple[str, str]], *, waits: bool = False) -> list[tuple[str, str]]:
        shaft = "╌" if waits else "─"
        pieces, used = _fitted([(visible(text), style) for text, style in label], self._tube - 6)
        rest = self._tube - used - 4
        head = "" if waits else "►"
        tail = [(shaft * (rest - len(head)), "dim"), (head, "received")]
        return [("├", "dim"), (shaft * 2 + " ", "dim"), *pieces, (" ", "plain"), *tail, ("┃", "dim")]

    def _to_server(self, label: list[tuple[str, str]]) -> list[tuple[str, str]]:
        pieces, used = _fitted([(visible(text), style) for text, style in label], self._tube - 6)
        rest = self._tube - used - 4
        return [
            ("│", "dim"),
            ("◄", "sent"),
            ("─ ", "dim"),
            *pieces,
            (" ", "plain"),
            ("─" * rest, "dim"),
            ("┨", "dim"),
        ]

    def _ending(self) -> list[tuple[str, str]]:
        said, style = ENDINGS.get(self._call.outcome, (self._call.outcome, "muted"))
        label = [(said, style)]
        error = self._call.error
        if self._call.outcome == "raised" and error is not None:
            text = f"{error.type}: {error.message}" if error.message else error.type
            label = [(f"{FAILED} {said} ", style), (self._veil.text(text), "failed")]
        pieces, used = _fitted([(visible(text), name) for text, name in label], self._tube - 6)
        rest = self._tube - used - 4
        return [("│", "dim"), ("◄╌ ", "dim"), *pieces, (" ", "plain"), ("╌" * rest, "dim"), ("┚", "dim")]


def marks(call: Request) -> dict[int, tuple[str, str]]:
    """The mark of each message that broke a rule, the worst of them, by its number."""
    found: dict[int, str] = {}
    for verdict in call.verdicts:
        level = verdict.level if verdict.level in _LEVELS else "error"
        found[verdict.n] = min(found.get(verdict.n, "info"), level, key=_LEVELS.index)
    return {n: MARKS[level] for n, level in found.items()}


def life_lines(width: int, server: str) -> Line:
    """The head of the diagram: who stands at which line."""
    tube = max(width - TIME - 4, 20)
    left = f"server  {server}"
    space = " " * max(tube - cell_len(visible(left)) - 2, 1)
    return line(" " * (TIME + 2), ("server", "title"), (f"  {server}", "muted"), space, ("app", "title"))


def scope_facts(call: Request) -> list[tuple[str, str]]:
    """What a scope is, in a few words."""
    scope = call.scope
    kind = {"WS": "websocket", "LIFESPAN": "lifespan"}.get(call.method, "http")
    version = f"HTTP/{scope.http_version}" if scope.http_version else ""
    path = "" if kind == "lifespan" else f"{call.method if kind == 'http' else ''} {call.path}".strip()
    return [(word, "plain") for word in (kind, version, path) if word]


def message_facts(message: Message, veil: Veil) -> list[tuple[str, str]]:
    """The short facts of a message: status, size, whether more comes, its code."""
    facts: list[tuple[str, str]] = []
    if message.status is not None:
        facts.append((status_words(message.status), status_style(message.status)))
    if message.headers:
        facts.append((f"{len(message.headers)} header" + ("s" if len(message.headers) > 1 else ""), "muted"))
    if message.type in ("websocket.receive", "websocket.send"):
        kind = "bytes" if message.kinds.get("bytes", "NoneType") != "NoneType" else "text"
        facts.append((f"{kind} {show.size(message.bytes)}", "plain"))
    elif message.bytes or message.type in ("http.request", "http.response.body"):
        facts.append((show.size(message.bytes), "plain"))
    if message.more:
        facts.append(("more_body", "muted"))
    for item in message.fields:
        value = veil.item(item)
        if item.name == "code":
            said = meaning(value)
            facts.append((f"{value} {said}".strip(), "plain"))
        elif value not in ("", "None", "null", "False", "false", "[]"):
            facts.append((f"{item.name} {value}", "muted"))
    return facts


def status_words(status: int) -> str:
    """A status with its phrase: 200 OK."""
    return f"{status} {_PHRASES.get(status, '')}".rstrip()


def status_style(status: int) -> str:
    """The style of a status."""
    return (
        "good"
        if 200 <= status < 300
        else "received"
        if status < 400
        else "warned"
        if status < 500
        else "failed"
    )


def _facts(facts: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Facts behind dots."""
    return [piece for fact in facts for piece in ((" · ", "dim"), fact)]


def _fitted(pieces: list[tuple[str, str]], room: int) -> tuple[list[tuple[str, str]], int]:
    """Pieces in at most ``room`` cells, the last one cut where they are longer; and their cells."""
    kept: list[tuple[str, str]] = []
    used = 0
    for text, style in pieces:
        cells = cell_len(text)
        if used + cells > room:
            text = show.fit(text, room - used)
            kept.append((text, style))
            return kept, room
        kept.append((text, style))
        used += cells
    return kept, used
