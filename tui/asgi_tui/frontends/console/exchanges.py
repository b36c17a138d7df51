"""What was sent last and what came of it: bounded. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.sending import Answer, Sending

# What is kept; the oldest go first, the newest stays however large it is.
MAX_EXCHANGES = 20
MAX_BYTES = 16_000_000  # of bodies, both ways


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request that was sent at a Unix time, and its answer or why there is none."""

    at: float
    sending: Sending
    outcome: Answer | Problem

    @property
    def bytes(self) -> int:
        """How much of bodies it holds."""
        answer = self.outcome
        trace = answer.trace if isinstance(answer, Answer) else None
        kept = len(trace.body.data) + len(trace.answer.data) if trace else 0
        return len(self.sending.body) + (len(answer.body) if isinstance(answer, Answer) else 0) + kept


class Exchanges:
    """The last ones, the newest at the end."""

    def __init__(self) -> None:
        self._kept: list[Exchange] = []

    def __len__(self) -> int:
        return len(self._kept)

    def __getitem__(self, index: int) -> Exchange:
        return self._kept[index]

    def add(self, exchange: Exchange) -> None:
        """Keeps one more."""
        self._kept.append(exchange)
        while len(self._kept) > 1 and (
            len(self._kept) > MAX_EXCHANGES or sum(item.bytes for item in self._kept) > MAX_BYTES
        ):
            del self._kept[0]
