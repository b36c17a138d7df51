"""What the console knows of the session, folded from its events; bounded. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Flag, auto

from asgi_tui.domain.events import (
    Error,
    Event,
    Log,
    Ready,
    Reload,
    Starting,
    State,
    StateChanged,
    Stats,
    Switch,
    Usage,
    Watching,
)
from asgi_tui.frontends.console.log_buffer import LogBuffer

MAX_RELOADS = 100  # newest kept
SPARK_VALUES = 60  # one a second
STALE_RATE = 2.5  # seconds after which a rate without news counts as nothing


class Part(Flag):
    """Parts of the model that a batch of events may change, each shown by its own widget."""

    NONE = 0
    STATUS = auto()
    TRAFFIC = auto()
    RELOADS = auto()
    LOGS = auto()
    FAULT = auto()
    ALL = STATUS | TRAFFIC | RELOADS | LOGS | FAULT


@dataclass(frozen=True, slots=True)
class Fault:
    """Why the last start, reload or command failed."""

    sentence: str
    file: str | None = None
    line: int | None = None


class SessionModel:
    """The state of a session as its events tell it."""

    def __init__(self) -> None:
        self.state = State.STOPPED
        self.reason = ""
        self.server = ""
        self.version = ""
        self.url = ""
        self.pid: int | None = None
        self.ready_at: float | None = None
        self.usage: Usage | None = None
        self.starting: Starting | None = None
        self.watching: Watching | None = None
        self.stats: Stats | None = None
        self.rates: deque[float] = deque(maxlen=SPARK_VALUES)
        self.reloads: deque[Reload | Switch] = deque(maxlen=MAX_RELOADS)
        self.logs = LogBuffer()
        self.fault: Fault | None = None
        self._sampled_at = 0.0

    @property
    def rate(self) -> float:
        """Requests per second now."""
        return self.rates[-1] if self.rates else 0.0

    def apply(self, events: Iterable[Event]) -> Part:
        """Takes a batch in and says what it changed."""
        changed = Part.NONE
        for event in events:
            changed |= self._apply(event)
        if Part.LOGS in changed:
            self.logs.trim()
        return changed

    def dismiss(self) -> None:
        """Forgets the fault that is shown."""
        self.fault = None

    def _apply(self, event: Event) -> Part:
        match event:
            case Log():
                self.logs.add(event)
                return Part.LOGS
            case Stats():
                self.stats = event
                self._sample(event.at)
                return Part.TRAFFIC
            case Usage():
                changed = Part.NONE if self.usage and _same(self.usage, event) else Part.STATUS
                self.usage = event
                return changed | (Part.TRAFFIC if self._sample(event.at) else Part.NONE)
            case StateChanged():
                return self._state(event)
            case Starting():
                self.starting, self.server, self.version = event, event.server, event.version
                self.pid = self.ready_at = self.usage = None
                return Part.STATUS
            case Ready():
                self.server, self.version, self.url = event.server, event.version, event.url
                self.pid, self.ready_at, self.fault = event.pid, event.at, None
                return Part.STATUS | Part.FAULT
            case Watching():
                self.watching = event
                return Part.RELOADS
            case Reload():
                return self._reload(event)
            case Switch():
                self.reloads.appendleft(event)
                self.server, self.fault = event.to, None
                return Part.STATUS | Part.RELOADS | Part.FAULT
            case Error():
                self.logs.add_error(event)
                self.fault = Fault(event.sentence, event.file, event.line)
                return Part.LOGS | Part.FAULT
            case _:
                return Part.NONE

    def _state(self, event: StateChanged) -> Part:
        self.state, self.reason = event.state, event.reason
        if event.state in (State.STOPPED, State.CRASHED):
            self.pid = self.ready_at = self.usage = None
        if event.state is State.CRASHED and self.fault is None:
            self.fault = Fault(event.reason or "The server crashed.")
            return Part.STATUS | Part.FAULT | Part.RELOADS
        return Part.STATUS | Part.RELOADS

    def _reload(self, event: Reload) -> Part:
        self.reloads.appendleft(event)
        if event.outcome == "ok":
            self.fault = None
        else:
            self.fault = Fault(event.reason or "The reload failed.", event.file, event.line)
        return Part.RELOADS | Part.FAULT

    def _sample(self, at: float) -> bool:
        """Puts the rate at ``at`` in the sparkline, one value a second; whether that shows."""
        live = self.stats is not None and at - self.stats.at < STALE_RATE
        value = self.stats.rate if live and self.stats else 0.0
        before = list(self.rates) if any(self.rates) or value else None
        if not self.rates or at - self._sampled_at >= 1:
            self.rates.append(value)
            self._sampled_at = at
        else:
            self.rates[-1] = value
        return before is not None and before != list(self.rates)


def _same(old: Usage, new: Usage) -> bool:
    """Whether two usages are shown alike: whole per cent, tenths of a megabyte."""
    return (round(old.cpu_percent), round(old.rss_bytes, -5)) == (
        round(new.cpu_percent),
        round(new.rss_bytes, -5),
    )
