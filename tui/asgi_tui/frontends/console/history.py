"""Reloads and switches of a session, newest first, with what came to be known of each; bounded. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import median

from asgi_tui.domain.events import Error, Reload, Switch, Worker
from asgi_tui.domain.frames import Frame

MAX_RELOADS = 100  # newest kept
MAX_WAITING = 8  # ends of old runs that are kept until their reload is told


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the code; ``file`` may be relative to the project."""

    file: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class FailedSwitch:
    """A switch that did not come about, and why."""

    at: float
    to: str
    sentence: str
    file: str | None = None
    line: int | None = None
    frames: tuple[Frame, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One event; ``number`` counts them from the start of the session.

    ``drained`` is the end of the run that it replaced, once known; ``traceback`` the whole one of a failure.
    """

    number: int
    event: Reload | Switch | FailedSwitch
    drained: Worker | None = None
    traceback: str = ""

    @property
    def failed(self) -> bool:
        """Whether what ran before serves on, or nothing."""
        return isinstance(self.event, FailedSwitch) or (
            isinstance(self.event, Reload) and self.event.outcome != "ok"
        )

    @property
    def frames(self) -> tuple[Frame, ...]:
        """Frames of a failure in the user's code, the innermost last."""
        return () if isinstance(self.event, Switch) else self.event.frames

    @property
    def place(self) -> Place | None:
        """Where a failure is to be mended."""
        if isinstance(self.event, Switch):
            return None
        return fault_place(self.event.file, self.event.line, self.event.frames)


def fault_place(file: str | None, line: int | None, frames: tuple[Frame, ...]) -> Place | None:
    """The place that a failure names, else its innermost frame in the user's code."""
    if file:
        return Place(file, line)
    return Place(frames[-1].file, frames[-1].line) if frames else None


@dataclass(frozen=True, slots=True)
class Times:
    """Total durations (ms) of the reloads that are kept, oldest first; None for a failed one."""

    totals: tuple[float | None, ...]

    @property
    def good(self) -> list[float]:
        """Those that went well."""
        return [total for total in self.totals if total is not None]

    @property
    def median(self) -> float | None:
        """Of those that went well; None without any."""
        return median(self.good) if self.good else None


class History:
    """The newest ``MAX_RELOADS`` entries."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=MAX_RELOADS)
        self._count = 0
        self._waiting: dict[int, Worker] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def __getitem__(self, index: int) -> Entry:
        return self._entries[index]

    @property
    def times(self) -> Times:
        """How long the reloads took."""
        return Times(
            tuple(
                None if entry.failed else entry.event.total_ms
                for entry in reversed(self._entries)
                if isinstance(entry.event, Reload)
            )
        )

    def find(self, number: int) -> Entry | None:
        """The entry of that number, None where it is not kept any more."""
        return next((entry for entry in self._entries if entry.number == number), None)

    def add(self, event: Reload | Switch | FailedSwitch, traceback: str = "") -> Entry:
        """A new entry; with the end of the run it replaces, where that was told before (old first)."""
        self._count += 1
        replaces = 0 if isinstance(event, FailedSwitch) else event.replaces
        entry = Entry(self._count, event, traceback=traceback)
        if not entry.failed:
            entry = replace(entry, drained=self._waiting.pop(replaces, None))
        self._entries.appendleft(entry)
        return entry

    def remove(self, number: int) -> None:
        """It did not happen after all."""
        entry = self.find(number)
        if entry is not None:
            self._entries.remove(entry)

    def drained(self, worker: Worker) -> None:
        """The end of a replaced run, which is told of the entry that replaced it."""
        for index, entry in enumerate(self._entries):
            if (
                isinstance(entry.event, Reload | Switch)
                and not entry.failed
                and worker.run
                and entry.event.replaces == worker.run
            ):
                self._entries[index] = replace(entry, drained=worker)
                return
        self._waiting[worker.run] = worker
        while len(self._waiting) > MAX_WAITING:
            del self._waiting[next(iter(self._waiting))]

    def explain(self, number: int, error: Error) -> None:
        """What an error tells of the failure beyond its entry."""
        for index, entry in enumerate(self._entries):
            if entry.number == number and not isinstance(entry.event, Switch):
                frames = entry.event.frames or error.frames
                event = replace(entry.event, frames=frames)
                self._entries[index] = replace(entry, event=event, traceback=error.traceback)
                return
