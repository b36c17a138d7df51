"""What is searched for in the log: one way to find and to mark, so that both agree. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from asgi_tui.domain.errors import Problem

if TYPE_CHECKING:
    # as its stubs have it
    from regex._main import Match, Pattern

# Seconds that one line may take: some expressions take for ever on some lines.
LINE_SECONDS = 0.05
# Characters from which other threads run meanwhile; giving way to them costs more than a shorter line does.
LONG_LINE = 1_000


@dataclass(frozen=True)
class Needle:
    """A text or a regular expression, upper and lower case alike unless ``case``.

    A hit is never empty and lies within one line of an entry's text. Everything but ``text`` raises
    ``Problem`` where it is no regular expression, or one that takes too long.
    """

    text: str
    regex: bool = False
    case: bool = False

    def check(self) -> None:
        """Raises ``Problem`` where it is no regular expression."""
        if self.regex:
            _ = self._expression

    @cached_property
    def _literal(self) -> re.Pattern[str]:
        return re.compile(re.escape(self.text), 0 if self.case else re.IGNORECASE)

    @cached_property
    def _expression(self) -> Pattern[str]:
        # not the standard library's: a match of that cannot be given up, and no key would be answered
        import regex

        try:
            return regex.compile(self.text, 0 if self.case else regex.IGNORECASE)
        except (regex.error, OverflowError, RecursionError) as error:
            raise self._bad(f"it is no regular expression ({error})") from None

    def _matches(self, line: str) -> Iterator[re.Match[str]] | Iterator[Match[str]]:
        if not self.regex:
            return self._literal.finditer(line)
        return self._expression.finditer(line, timeout=LINE_SECONDS, concurrent=len(line) > LONG_LINE)

    def _bad(self, why: str) -> Problem:
        return Problem(f"Search for {self.text}", why, "write it another way, or search for plain text")

    def _too_long(self) -> Problem:
        return self._bad("it takes too long on some line")

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where the hits of a text start and end."""
        at = 0
        try:
            for line in text.split("\n"):
                for match in self._matches(line):
                    if match.end() > match.start():
                        yield at + match.start(), at + match.end()
                at += len(line) + 1
        except TimeoutError:
            raise self._too_long() from None

    def found(self, text: str) -> bool:
        """Whether the text has a hit."""
        if not self.regex:
            return bool(self.text) and self._literal.search(text) is not None
        if "\n" in text or len(text) > LONG_LINE:
            return next(self.spans(text), None) is not None
        try:
            first = self._expression.search(text, timeout=LINE_SECONDS)
        except TimeoutError:
            raise self._too_long() from None
        if first is None or first.end() > first.start():
            return first is not None
        return next(self.spans(text), None) is not None  # there may be one that is not empty
