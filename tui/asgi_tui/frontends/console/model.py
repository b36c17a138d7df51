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
    Logged,
    Progress,
    Ready,
    Reload,
    Request,
    Standby,
    Starting,
    State,
    StateChanged,
    Stats,
    Switch,
    TrafficWindow,
    Usage,
    Watching,
    Worker,
)
from asgi_tui.domain.frames import Frame
from asgi_tui.engine.log_requests import RequestLines
from asgi_tui.engine.log_store import LogStore
from asgi_tui.frontends.console import log_feed
from asgi_tui.frontends.console.history import FailedSwitch, History, Place, fault_place
from asgi_tui.frontends.console.request_list import RequestList

SPARK_VALUES = 60  # one a second
STALE_RATE = 2.5  # seconds after which a rate without news counts as nothing
SWITCHING = "switching to "  # how the reason of a switch's RELOADING begins
LAST_GOOD = "serving the last good version"  # the reason of READY after a failure


class Part(Flag):
    """Parts of the model that a batch of events may change, each shown by its own widget."""

    NONE = 0
    STATUS = auto()
    TRAFFIC = auto()
    RELOADS = auto()
    LOGS = auto()
    FAULT = auto()
    OFFERS = auto()
    REQUESTS = auto()
    ALL = STATUS | TRAFFIC | RELOADS | LOGS | FAULT | OFFERS | REQUESTS


@dataclass(frozen=True, slots=True)
class Fault:
    """Why the last start, reload or command failed."""

    sentence: str
    file: str | None = None
    line: int | None = None
    frames: tuple[Frame, ...] = ()

    @property
    def place(self) -> Place | None:
        """Where it is to be mended."""
        return fault_place(self.file, self.line, self.frames)


class SessionModel:
    """The state of a session as its events tell it.

    ``serving`` is the run that answers, ``account`` what is known of its start. While nothing serves, the
    account is of what was tried last. ``reload`` is the plan's own and no event tells it: the app sets it.
    ``logs`` is filled by the session, but for what is told as events of its own.
    """

    def __init__(self, logs: LogStore) -> None:
        self.state = State.STOPPED
        self.reason = ""
        self.url = ""
        self.usage: Usage | None = None
        self.serving: Ready | None = None
        self.account: Starting | None = None
        self.reload = True
        self.watching: Watching | None = None
        self.standby: Standby | None = None
        self.draining: dict[int, Worker] = {}  # the newest news of each run that makes room, by its number
        self.stats: Stats | None = None
        self.window: TrafficWindow | None = None
        self.traffic_window = "1m"  # the window of time that is asked for
        self.traffic_paused = False  # the traffic pane stands still; what comes is taken in all the same
        self.requests = RequestList()
        self.rates: deque[float] = deque(maxlen=SPARK_VALUES)
        self.reloads = History()
        self.logs = logs
        self.fault: Fault | None = None
        self._lines = RequestLines(logs)
        self._tried: Starting | None = None  # the newest start, however it ends
        self._pending: Starting | None = None  # the same while its end is open
        self._switching = ""  # the server a switch under way goes to
        self._trouble: Error | None = None  # the newest error since the last change of state
        self._failed = 0  # the entry of a failed switch, until the next state, or its Switch after all
        self._unexplained = 0  # the entry of a failed reload whose error was not told yet
        self._sampled_at = 0.0

    @property
    def server(self) -> str:
        """The server that serves; while none does, the one that did or that was tried. Empty before."""
        known = self.serving or self.account
        return known.server if known else ""

    @property
    def version(self) -> str:
        """Its version."""
        known = self.serving or self.account
        return known.version if known else ""

    @property
    def coming(self) -> str:
        """The server that is being started in place of the one that serves; empty where it is the same."""
        name = self._pending.server if self._pending and self.serving else ""
        return name if name != self.server else ""

    @property
    def pid(self) -> int | None:
        """The process that serves."""
        return self.serving.pid if self.serving else None

    @property
    def ready_at(self) -> float | None:
        """Since when it serves, in Unix seconds."""
        return self.serving.at if self.serving else None

    @property
    def rate(self) -> float:
        """Requests per second now."""
        return self.rates[-1] if self.rates else 0.0

    @property
    def last_good(self) -> bool:
        """Whether a save failed and what ran before serves on."""
        return self.state is State.READY and self.reason == LAST_GOOD

    @property
    def watches(self) -> bool:
        """Whether files are watched, paused or not."""
        return self.watching is not None and bool(self.watching.paths)

    @property
    def paused(self) -> bool:
        """Whether saves are not served."""
        return self.watching is not None and self.watching.paused

    @property
    def held(self) -> tuple[int, int, float]:
        """What replaced runs still have open: requests, WebSockets, and until when (Unix seconds)."""
        runs = [run for run in self.draining.values() if run.in_flight or run.websockets]
        return (
            sum(run.in_flight for run in runs),
            sum(run.websockets for run in runs),
            max((run.until for run in runs), default=0.0),
        )

    @property
    def place(self) -> Place | None:
        """Where what is wrong now is to be mended: of the fault, else of the last reload, if it failed."""
        if self.fault is not None and self.fault.place is not None:
            return self.fault.place
        return self.reloads[0].place if len(self.reloads) else None

    def apply(self, events: Iterable[Event]) -> Part:
        """Takes a batch in and says what it changed."""
        changed = Part.NONE
        for event in events:
            changed |= self._apply(event)
        return changed

    def dismiss(self) -> None:
        """Forgets the fault that is shown."""
        self.fault = None

    def _apply(self, event: Event) -> Part:
        match event:
            case Log():
                self.logs.append((log_feed.line(event),))
                self._lines.logged()
                return Part.LOGS
            case Logged():
                self._lines.logged()
                return Part.LOGS
            case Stats():
                self.stats = event
                self._sample(event.at)
                return Part.TRAFFIC
            case TrafficWindow():
                self.window = event
                return Part.TRAFFIC
            case Request():
                self.requests.add(event)
                return Part.REQUESTS | Part.LOGS if self._lines.take(event) else Part.REQUESTS
            case Progress():
                self.requests.add(event.call)
                return Part.REQUESTS
            case Usage():
                changed = Part.NONE if self.usage and _same(self.usage, event) else Part.STATUS
                self.usage = event
                return changed | (Part.TRAFFIC if self._sample(event.at) else Part.NONE)
            case StateChanged():
                return self._state(event)
            case Starting():
                self._tried = self._pending = event
                if self.serving is None:
                    self.account = event
                return Part.STATUS
            case Ready():
                known = self._tried is not None and self._tried.server == event.server
                self.account = self._tried if known else None
                self.serving, self.url, self._pending = event, event.url, None
                self.usage = self.fault = None
                return Part.STATUS | Part.FAULT
            case Worker():
                return self._worker(event)
            case Standby():
                self.standby = event
                return Part.RELOADS
            case Watching():
                self.watching = event
                return Part.STATUS | Part.RELOADS | Part.OFFERS
            case Reload():
                return self._reload(event)
            case Switch():
                if self._failed:
                    # the error was of something else
                    self.reloads.remove(self._failed)
                    self._failed = 0
                self.reloads.add(event)
                self.fault = None
                return Part.STATUS | Part.RELOADS | Part.FAULT
            case Error():
                self.logs.append((log_feed.error(event),))
                self.fault = Fault(event.sentence, event.file, event.line, event.frames)
                self._trouble = event
                if self._unexplained:
                    self.reloads.explain(self._unexplained, event)
                    self._unexplained = 0
                return Part.LOGS | Part.FAULT | Part.RELOADS
            case _:
                return Part.NONE

    def _state(self, event: StateChanged) -> Part:
        before, self.state, self.reason = self.state, event.state, event.reason
        self._end_switch(event)
        self._unexplained = 0
        match event.state:
            case State.READY:
                # a new run tells its Ready next; without one the old run serves on
                self._pending = None
            case State.STOPPED:
                self.serving = self.usage = self._pending = self.standby = None
                self.draining.clear()
                self.url = ""
            case State.CRASHED:
                self.serving = self.usage = None
                self.account, self._pending = self._pending or self.account, None
                if before is State.STARTING:
                    self.url = ""  # of an earlier run
        if event.state is State.CRASHED and self.fault is None:
            self.fault = Fault(event.reason or "The server crashed.")
            return Part.STATUS | Part.FAULT | Part.RELOADS | Part.OFFERS
        return Part.STATUS | Part.RELOADS | Part.OFFERS

    def _end_switch(self, event: StateChanged) -> None:
        """A switch under way has failed where an error came before its end."""
        to, error, self._failed = self._switching, self._trouble, 0
        if to and error and event.state in (State.READY, State.CRASHED):
            failed = FailedSwitch(error.at, to, error.sentence, error.file, error.line, error.frames)
            self._failed = self.reloads.add(failed, error.traceback).number
        begins = event.state is State.RELOADING and event.reason.startswith(SWITCHING)
        self._switching = event.reason.removeprefix(SWITCHING) if begins else ""
        self._trouble = None

    def _reload(self, event: Reload) -> Part:
        entry = self.reloads.add(event)
        if not entry.failed:
            self.fault = None
            return Part.RELOADS | Part.FAULT
        self.fault = Fault(event.reason or "The reload failed.", event.file, event.line, event.frames)
        if self._trouble is not None and self._trouble.sentence == event.reason:
            self.reloads.explain(entry.number, self._trouble)
        else:
            self._unexplained = entry.number
        return Part.RELOADS | Part.FAULT

    def _worker(self, event: Worker) -> Part:
        match event.state:
            case "draining":
                self.draining[event.run] = event
                return Part.OFFERS
            case "drained":
                self.draining.pop(event.run, None)
                self.reloads.drained(event)
                return Part.OFFERS | Part.RELOADS
            case "gone" if event.run in self.draining and self.draining[event.run].pid == event.pid:
                del self.draining[event.run]
                return Part.OFFERS
        return Part.NONE

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
