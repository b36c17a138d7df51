"""What happened in a WebSocket conversation: bounded, numbered. Pure."""

from __future__ import annotations

import json

from asgi_tui.domain.close_codes import meaning
from asgi_tui.domain.masking import mask_loosely
from asgi_tui.domain.sending import Turn
from asgi_tui.frontends.console.answer_text import decoded, hex_text, masked_json, pretty_json, safe_lines
from asgi_tui.frontends.console.format import count, size

# What is kept; the oldest go first, the newest stays however large it is.
MAX_TURNS = 2_000
MAX_BYTES = 16_000_000
PREVIEW = 300  # bytes of a message in a row
TEXT, JSON, HEX = "text", "json", "hex"
NO_CODE = 1005
LOST = 1006


class TurnLog:
    """The newest turns; ``gone`` counts those that had to go."""

    def __init__(self) -> None:
        self.gone = 0
        self.bytes = 0
        self._turns: dict[int, Turn] = {}
        self._next = 0

    def __len__(self) -> int:
        return len(self._turns)

    def items(self) -> list[tuple[int, Turn]]:
        """Each with its number, which it keeps for good."""
        return list(self._turns.items())

    def find(self, number: int) -> Turn | None:
        """The turn of that number, if it is still kept."""
        return self._turns.get(number)

    def add(self, turn: Turn) -> None:
        """Keeps one more."""
        self._turns[self._next] = turn
        self._next += 1
        self.bytes += len(turn.data)
        while len(self._turns) > 1 and (len(self._turns) > MAX_TURNS or self.bytes > MAX_BYTES):
            oldest = next(iter(self._turns))
            self.bytes -= len(self._turns.pop(oldest).data)
            self.gone += 1

    def clear(self) -> None:
        """Forgets all."""
        self._turns.clear()
        self.bytes = self.gone = 0


def arrow(turn: Turn) -> str:
    """Which way it went: ``→`` to the app, ``←`` from it."""
    if turn.kind in ("text", "binary"):
        return "→" if turn.sent else "←"
    return {"open": "●", "close": "○"}.get(turn.kind, "✗")


def kind_of(turn: Turn) -> str:
    """``text``, ``JSON`` or ``binary`` for a message, else what happened."""
    if turn.kind == "text" and turn.data[:1] in (b"{", b"["):
        try:
            json.loads(turn.data)
        except (ValueError, RecursionError):
            return "text"
        return "JSON"
    return turn.kind


def told(turn: Turn) -> str:
    """A turn in one line."""
    match turn.kind:
        case "text":
            return safe_lines(" ".join(mask_loosely(turn.data[:PREVIEW].decode(errors="replace")).split()))
        case "binary":
            return turn.data[: PREVIEW // 3].hex(" ")
        case "open":
            subprotocol = turn.data.decode(errors="replace")
            return f"open, subprotocol {safe_lines(subprotocol)}" if subprotocol else "open, no subprotocol"
        case "close":
            return closing(turn)
        case _:
            return safe_lines(turn.data.decode(errors="replace"))


def closing(turn: Turn) -> str:
    """Code, what it means, the reason that was told, and who closed."""
    code = NO_CODE if turn.code is None else turn.code
    who = "nobody" if code == LOST else "you" if turn.sent else "the app or its server"
    why = turn.data.decode(errors="replace")
    reason = f" “{safe_lines(why)}”" if why else ""
    return f"closed by {who}: {code} {meaning(str(code))}{reason}"


def whole(turn: Turn, form: str, *, revealed: bool = False) -> str:
    """All of a message as ``TEXT``, ``JSON`` or ``HEX``; secrets masked unless ``revealed``."""
    text = None if form == HEX else decoded(turn.data, "")
    if text is None:
        return hex_text(turn.data)
    if form == JSON:
        try:
            return safe_lines(pretty_json(text if revealed else masked_json(text)))
        except (ValueError, RecursionError):
            pass
    return safe_lines(text if revealed else mask_loosely(text))


def summary(log: TurnLog) -> str:
    """How many messages went which way, and what is not kept any more."""
    turns = [turn for _, turn in log.items() if turn.kind in ("text", "binary")]
    out = [len(turn.data) for turn in turns if turn.sent]
    back = [len(turn.data) for turn in turns if not turn.sent]
    parts = [
        f"→ {count(len(out))}, {size(sum(out))}",
        f"← {count(len(back))}, {size(sum(back))}",
        f"newest {count(MAX_TURNS)} or {size(MAX_BYTES)} kept",
    ]
    return " · ".join([*parts, f"{count(log.gone)} older gone"] if log.gone else parts)
