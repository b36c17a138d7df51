"""How long each phase of a start took."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Phases:
    """When each phase of a start ended (monotonic seconds), 0 where it has not."""

    begun: float = field(default_factory=time.monotonic)
    loaded: float = 0.0
    import_ms: float = 0.0
    started: float = 0.0
    answered: float = 0.0
    alone: float = 0.0

    @property
    def startup_ms(self) -> float:
        """From the start of the process to the first answer."""
        return _ms(self.answered - self.begun)

    def go(self) -> None:
        """The clock starts now: what was imported in advance cost nobody's time."""
        self.begun = time.monotonic()

    def total_ms(self, begun: float) -> float:
        """From ``begun`` (monotonic seconds) until only this run answered."""
        return _ms(self.alone - begun)

    def wait_ms(self, begun: float) -> float:
        """From ``begun`` (monotonic seconds) until the process started, or was told to go on."""
        return _ms(self.begun - begun)

    def in_ms(self) -> dict[str, float]:
        """The phases' durations: interpreter and server, the app's import, its startup, its first answer,
        and until the server before it accepted no more.
        """
        import_begun = self.loaded - self.import_ms / 1000
        started = max(self.started, self.loaded)
        return {
            "start": _ms(import_begun - self.begun),
            "import": round(self.import_ms, 1),
            "startup": _ms(started - self.loaded),
            "answer": _ms(self.answered - started),
            "quiesce": _ms(self.alone - self.answered),
        }


def _ms(seconds: float) -> float:
    return round(max(0.0, seconds) * 1000, 1)
