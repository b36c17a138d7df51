"""What is searched for in the log: one way to find and to mark, so that both agree. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from asgi_tui.domain.errors import Problem

# Seconds that one line may take: some expressions take for ever on some lines.
LINE_SECONDS = 0.05


class _Match(Protocol):
    def start(self) -> int: ...

    def end(self) -> int: ...


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
        _ = self._find

    @cached_property
    def _find(self) -> Callable[[str], Iterable[_Match]]:
        """What gives the matches within one line, empty ones too."""
        if not self.regex:
            return re.compile(re.escape(self.text), 0 if self.case else re.IGNORECASE).finditer
        # not the standard library's: a match of that cannot be given up, and no key would be answered
        import regex

        try:
            pattern = regex.compile(self.text, 0 if self.case else regex.IGNORECASE)
        except (regex.error, OverflowError, RecursionError) as error:
            raise self._bad(f"it is no regular expression ({error})") from None
        return lambda line: pattern.finditer(line, timeout=LINE_SECONDS, concurrent=True)

    def _bad(self, why: str) -> Problem:
        return Problem(f"Search for {self.text}", why, "write it another way, or search for plain text")

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where the hits of a text start and end."""
        at = 0
        try:
            for line in text.split("\n"):
                for match in self._find(line):
                    if match.end() > match.start():
                        yield at + match.start(), at + match.end()
                at += len(line) + 1
        except TimeoutError:
            raise self._bad("it takes too long on some line") from None

    def found(self, text: str) -> bool:
        """Whether the text has a hit."""
        return next(self.spans(text), None) is not None
