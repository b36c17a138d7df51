"""Completes a target as it is typed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from textual.suggester import Suggester


class TargetSuggester(Suggester):
    """``complete`` gives the targets that begin with a text, the likeliest first; it may block."""

    def __init__(self, complete: Callable[[str], Sequence[str]]) -> None:
        # Files change, and another directory has other modules.
        super().__init__(use_cache=False, case_sensitive=True)
        self._complete = complete

    async def get_suggestion(self, value: str) -> str | None:
        """The likeliest one."""
        found = await asyncio.to_thread(self._complete, value)
        return found[0] if found else None
