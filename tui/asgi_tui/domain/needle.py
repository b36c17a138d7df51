"""What is searched for in the log: one way to find and to mark, so that both agree. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from asgi_tui.domain.errors import Problem


@dataclass(frozen=True)
class Needle:
    """A text or a regular expression, upper and lower case alike unless ``case``.

    A hit is never empty and lies within one line of an entry's text.
    """

    text: str
    regex: bool = False
    case: bool = False

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Compiled. Raises ``Problem`` where it is no regular expression."""
        source = self.text if self.regex else re.escape(self.text)
        try:
            return re.compile(source, 0 if self.case else re.IGNORECASE)
        except (re.error, OverflowError, RecursionError) as error:
            raise Problem(
                f"Search for {self.text}",
                f"it is no regular expression ({error})",
                "mend it, or turn that off",
            ) from None

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where the hits of a text start and end."""
        at = 0
        for line in text.split("\n"):
            for match in self.pattern.finditer(line):
                if match.end() > match.start():
                    yield at + match.start(), at + match.end()
            at += len(line) + 1

    def found(self, text: str) -> bool:
        """Whether the text has a hit."""
        if not self.regex:
            return self.pattern.search(text) is not None and bool(self.text)
        if "\n" not in text:
            first = self.pattern.search(text)
            if first is None or first.end() > first.start():
                return first is not None
        return next(self.spans(text), None) is not None
