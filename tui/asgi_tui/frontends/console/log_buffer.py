"""The lines of the log pane: bounded, numbered, searchable. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from asgi_tui.domain.events import Error, Log
from asgi_tui.domain.text import sanitize
from asgi_tui.frontends.console.format import place

MAX_LINES = 20_000  # kept; the oldest go first
MAX_LENGTH = 8_192  # characters of one line shown; the rest is counted at its end


@dataclass(frozen=True, slots=True)
class LogLine:
    """One shown line: safe text, ``level`` as the server told it, empty where none is known.

    ``head`` is false for lines that continue the one before (a traceback) and show no time of their own.
    """

    at: float
    level: str
    logger: str
    text: str
    head: bool = True


def safe(text: str) -> str:
    """``text`` as one line that a terminal may show."""
    text = sanitize(text).expandtabs(4)
    if len(text) > MAX_LENGTH:
        text = f"{text[:MAX_LENGTH]}… (+{len(text) - MAX_LENGTH:,} characters)"
    return text


class LogBuffer:
    """The newest ``maximum`` lines. A line keeps its number for good: ``first`` is the oldest one kept."""

    def __init__(self, maximum: int = MAX_LINES) -> None:
        self.maximum = maximum
        self.first = 0
        self.named = False  # whether any line ever told its logger
        self._lines: list[LogLine] = []

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def end(self) -> int:
        """The number the next line will have: how many there ever were."""
        return self.first + len(self._lines)

    def line(self, number: int) -> LogLine:
        """The line of that number. Raises ``IndexError`` where it is gone or not there yet."""
        if number < self.first:
            raise IndexError(number)
        return self._lines[number - self.first]

    def add(self, event: Log) -> None:
        """Appends a line of output."""
        level, logger = event.level or "", sanitize(event.logger or "")
        for index, text in enumerate(event.text.split("\n")):
            self._append(LogLine(event.at, level, logger, safe(text.rstrip("\r")), head=index == 0))

    def add_error(self, event: Error) -> None:
        """Appends an error with its place and the lines of its traceback."""
        where = place(event.file, event.line)
        sentence = f"{event.sentence} ({where})" if where and where not in event.sentence else event.sentence
        self._append(LogLine(event.at, "error", "asgi-tui", safe(sentence)))
        for text in event.traceback.rstrip().splitlines():
            self._append(LogLine(event.at, "error", "", safe(text), head=False))

    def _append(self, line: LogLine) -> None:
        self._lines.append(line)
        self.named = self.named or bool(line.logger)
        # trimmed in strides, so that a full buffer does not move for each line
        if len(self._lines) >= self.maximum + max(self.maximum // 20, 1):
            self.trim()

    def trim(self) -> None:
        """Drops the oldest lines beyond the maximum."""
        surplus = len(self._lines) - self.maximum
        if surplus > 0:
            del self._lines[:surplus]
            self.first += surplus

    def find(self, pattern: re.Pattern[str], start: int) -> list[int]:
        """Numbers of the lines from ``start`` on whose text holds the pattern."""
        first = max(start, self.first)
        search = pattern.search
        lines = self._lines[first - self.first :]
        return [number for number, line in enumerate(lines, first) if search(line.text)]
