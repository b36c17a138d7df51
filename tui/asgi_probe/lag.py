"""How late the app's event loop is: the time from asking for a turn, from another thread, to having it."""

from __future__ import annotations

from time import perf_counter_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Nanoseconds from which on a lag alone is worth a word to the console.
NOTABLE = 5_000_000


class Lag:
    """Samples the lag of one asyncio loop; used in the shipping thread, but for ``_turn``."""

    def __init__(self) -> None:
        self.loop: Any = None
        self.asked = 0
        self.waiting = False
        self.worst = 0
        self.told: int | None = None

    def sample(self, loop: Any) -> None:
        """Asks the loop for a turn, unless it still owes one; nothing happens without one that runs."""
        self.loop = loop
        if loop is None or not _runs(loop):
            self.waiting = False
            return
        if self.waiting:
            return
        self.asked = perf_counter_ns()
        self.waiting = True
        try:
            loop.call_soon_threadsafe(self._turn)
        except Exception:
            # It is closed.
            self.waiting = False

    def _turn(self) -> None:
        self.worst = max(self.worst, perf_counter_ns() - self.asked)
        self.waiting = False

    def now(self) -> int | None:
        """The worst lag (ns) since the last that was told, a turn that the loop owes included.

        None without an asyncio loop.
        """
        if self.loop is None or not _runs(self.loop):
            return None
        return max(self.worst, perf_counter_ns() - self.asked) if self.waiting else self.worst

    def is_news(self, lag: int | None) -> bool:
        """Whether a lag is worth a summary of its own: a notable one, or the end of one."""
        return lag is not None and lag != self.told and max(lag, self.told or 0) >= NOTABLE

    def tell(self, lag: int | None) -> None:
        """It is told: from now on the next worst is looked for."""
        self.told = lag
        self.worst = 0


def _runs(loop: Any) -> bool:
    try:
        return bool(loop.is_running())
    except Exception:
        return False
