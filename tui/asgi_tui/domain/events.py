"""What happens in a session, as typed values that every front end reads.

``to_json`` and ``from_json`` are exact inverses but for lone surrogates, so a recorded stream replays. A
trailing underscore of a field name (``from_``) is not part of its JSON name. Times are Unix seconds,
durations milliseconds.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar

from asgi_tui.domain.calls import Body, LogRecord, Message, Raised, Scope, Verdict
from asgi_tui.domain.frames import Frame
from asgi_tui.domain.secret import Secret


class State(StrEnum):
    """Where a session stands."""

    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    RELOADING = "reloading"
    STOPPING = "stopping"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all; ``at`` is when it happened."""

    type: ClassVar[str] = ""
    # Whether `run --json` prints it. The others are for a console that shows or replays a session.
    public: ClassVar[bool] = True
    # Whether a recording has it.
    recorded: ClassVar[bool] = True
    at: float


@dataclass(frozen=True, slots=True)
class Starting(Event):
    """A server is about to run. ``command`` is the native one, ``ran`` what really runs.

    ``bind`` says why the server binds natively, empty where the console's socket is handed over.
    ``inherited`` names settings from the environment or a configuration file and what became of them.
    """

    type: ClassVar[str] = "starting"
    server: str
    version: str
    command: str
    target: str = ""
    python: str = ""
    ran: str = ""
    bind: str = ""
    inherited: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ready(Event):
    """The app answered a request of the console's own through its address."""

    type: ClassVar[str] = "ready"
    server: str
    version: str
    url: str
    pid: int
    startup_ms: float


@dataclass(frozen=True, slots=True)
class Worker(Event):
    """A process that serves the app: ``started``, ``ready`` or ``gone``; ``run`` numbers the start it is of.

    Of a run that makes room for the next, ``draining`` is told with the leader's ``pid`` each time what is
    open changes: ``in_flight`` requests and ``websockets`` get until ``until`` (Unix seconds). ``drained``
    is its end: after ``drain_ms`` in all, ``shutdown_ms`` of them the app's lifespan shutdown; ``cut`` is
    what was still open and was ended, ``idle_closed`` how many idle keep-alive connections were closed: a
    client that was sending on one just then has to send that request again (RFC 9112 9.3.1).
    """

    type: ClassVar[str] = "worker"
    pid: int
    state: str
    run: int = 0
    in_flight: int = 0
    websockets: int = 0
    until: float = 0.0
    drain_ms: float = 0.0
    shutdown_ms: float = 0.0
    cut: int = 0
    idle_closed: int = 0


@dataclass(frozen=True, slots=True)
class Log(Event):
    """One line of output. ``stream`` is stdout, stderr or console; ``level`` None where none is known."""

    type: ClassVar[str] = "log"
    stream: str
    level: str | None
    text: str
    pid: int | None = None
    logger: str | None = None


@dataclass(frozen=True, slots=True)
class Logged(Event):
    """The session's ``LogStore`` holds more: told in place of a ``Log`` for each line where there is one."""

    type: ClassVar[str] = "logged"
    public: ClassVar[bool] = False
    recorded: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class Error(Event):
    """One clear sentence: the thing, the cause, the mend. ``file`` and ``line`` where code is at fault.

    ``frames`` are those of ``traceback`` that lie in the user's code, the innermost last.
    """

    type: ClassVar[str] = "error"
    what: str
    why: str
    mend: str
    file: str | None = None
    line: int | None = None
    traceback: str = ""
    frames: tuple[Frame, ...] = ()

    @property
    def sentence(self) -> str:
        """All three parts as one sentence."""
        return f"{self.what}: {self.why}; {self.mend}." if self.mend else f"{self.what}: {self.why}."


@dataclass(frozen=True, slots=True)
class RouteStats:
    """Totals of one route; ``route`` is the method and the framework's template or the folded path."""

    route: str
    requests: int
    errors: int
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class WorkerStats:
    """Totals of one worker process; gone workers are not listed.

    ``lag_ms`` is how late its event loop was, at the worst in the last seconds; None where it is not known.
    """

    pid: int
    requests: int
    errors: int
    in_flight: int
    websockets: int
    lag_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Stats(Event):
    """Totals since the session began, across reloads and switches; ``rate`` is requests per second now.

    ``websockets`` counts those accepted, ``websockets_open`` those open now, ``in_flight`` requests that
    are being served. ``errors`` counts responses of 500 and above and exceptions; bytes are of bodies and
    of WebSocket messages; ``dropped`` counts records the probe could not keep.
    """

    type: ClassVar[str] = "stats"
    requests: int = 0
    errors: int = 0
    in_flight: int = 0
    websockets: int = 0
    websockets_open: int = 0
    ws_messages_in: int = 0
    ws_messages_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    rate: float = 0.0
    p50_ms: float = 0.0
    p90_ms: float = 0.0
    p99_ms: float = 0.0
    max_ms: float = 0.0
    statuses: Mapping[str, int] = field(default_factory=dict)
    routes: tuple[RouteStats, ...] = ()
    workers: tuple[WorkerStats, ...] = ()
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Request(Event):
    """One HTTP request with its messages; a bounded number a second is reported. ``at`` is when it came.

    ``duration_ms`` ends with the response, ``returned_ms`` when the app returned, None while it does not.
    ``outcome`` is ``returned``, ``raised``, ``cancelled`` or ``gone`` with its process; before that ``open``.
    ``left_out`` counts messages that were too many to keep; ``bytes_in`` and ``bytes_out`` count them too.
    """

    type: ClassVar[str] = "request"
    id: str
    method: str
    path: str
    route: str
    status: int | None
    duration_ms: float
    server: str
    pid: int
    messages: tuple[Message, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    outcome: str = "returned"
    returned_ms: float | None = None
    bytes_in: int = 0
    bytes_out: int = 0
    left_out: int = 0
    scope: Scope = field(default_factory=Scope)
    body: Body = field(default_factory=Body)
    answer: Body = field(default_factory=Body)
    error: Raised | None = None
    logs: tuple[LogRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class WebSocket(Request):
    """One WebSocket, told when it is over; ``method`` is ``WS``.

    ``status`` is 101 where it was accepted, 403 where it was closed before, else that of the denial response.
    """

    type: ClassVar[str] = "websocket"


@dataclass(frozen=True, slots=True)
class Lifespan(Request):
    """The lifespan of one process, told when it is over; ``method`` is ``LIFESPAN``, the path empty."""

    type: ClassVar[str] = "lifespan"


@dataclass(frozen=True, slots=True)
class Progress(Event):
    """A call that still goes on, as far as it has come; a later one of the same ``id`` takes its place.

    For a console that shows it live: neither printed nor recorded.
    """

    type: ClassVar[str] = "progress"
    public: ClassVar[bool] = False
    recorded: ClassVar[bool] = False
    call: Request


@dataclass(frozen=True, slots=True)
class RouteTraffic:
    """One route within a window of time; ``bytes`` are those of bodies, both ways."""

    route: str
    requests: int
    errors: int
    rate: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    bytes: int


@dataclass(frozen=True, slots=True)
class Bin:
    """How many requests took from ``low_ms`` up to ``high_ms``."""

    low_ms: float
    high_ms: float
    requests: int


@dataclass(frozen=True, slots=True)
class TrafficWindow(Event):
    """What was served within the window that the front end has chosen: ``10s``, ``1m``, ``5m`` or ``all``.

    ``seconds`` is how much of it has passed. ``rates`` and ``error_rates`` are per second, in equal steps
    over the window, the newest last. ``routes`` are the busiest. ``all`` begins at the last reset.
    """

    type: ClassVar[str] = "traffic"
    public: ClassVar[bool] = False
    window: str
    seconds: float
    requests: int = 0
    errors: int = 0
    rate: float = 0.0
    p50_ms: float = 0.0
    p90_ms: float = 0.0
    p99_ms: float = 0.0
    max_ms: float = 0.0
    bytes_in: int = 0
    bytes_out: int = 0
    statuses: Mapping[str, int] = field(default_factory=dict)
    rates: tuple[float, ...] = ()
    error_rates: tuple[float, ...] = ()
    bins: tuple[Bin, ...] = ()
    routes: tuple[RouteTraffic, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """A file that was added, modified or deleted; ``path`` is relative to the project where it lies in it.

    ``added`` and ``removed`` count lines, None where that is not known.
    """

    path: str
    change: str
    added: int | None = None
    removed: int | None = None


@dataclass(frozen=True, slots=True)
class ImportTime:
    """How long a module took to import by itself, without what it imported in turn (``self_ms``)."""

    module: str
    self_ms: float
    user: bool


@dataclass(frozen=True, slots=True)
class Reload(Event):
    """The end of a reload: when the new code answers (``ok``) or at the failure (``failed``).

    ``refused`` counts connections; None where the server binds by itself and nobody can know. ``changes``
    is empty where somebody asked for it. ``start`` is warm (from the standby) or cold, ``cold_reason`` why
    it was cold. ``run`` and ``replaces`` number the new and the old start, as in ``Worker``. ``imports`` are
    the slowest, ``frames`` those of a failure in the user's code.
    """

    type: ClassVar[str] = "reload"
    outcome: str
    changes: tuple[Change, ...]
    phases: Mapping[str, float]
    total_ms: float
    refused: int | None = 0
    reason: str = ""
    file: str | None = None
    line: int | None = None
    start: str = "cold"
    cold_reason: str = ""
    run: int = 0
    replaces: int = 0
    imports: tuple[ImportTime, ...] = ()
    frames: tuple[Frame, ...] = ()


@dataclass(frozen=True, slots=True)
class Switch(Event):
    """Another server has taken over; ``mapped`` and ``dropped`` say what became of each option.

    The other fields are as in ``Reload``.
    """

    type: ClassVar[str] = "switch"
    from_: str
    to: str
    mapped: tuple[str, ...]
    dropped: tuple[str, ...]
    phases: Mapping[str, float]
    total_ms: float
    refused: int | None = 0
    run: int = 0
    replaces: int = 0


@dataclass(frozen=True, slots=True)
class Standby(Event):
    """The process that waits for the next change: ``warming``, ``warm``, ``used``, ``off`` or ``failed``.

    ``modules`` of installed packages are imported, which took ``warm_ms``; ``rss_bytes`` is its resident
    memory; ``reason`` says why there is none.
    """

    type: ClassVar[str] = "standby"
    state: str
    pid: int = 0
    modules: int = 0
    warm_ms: float = 0.0
    rss_bytes: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Exit(Event):
    """The session is over; ``server_code`` is what the server returned, None where it never ran."""

    type: ClassVar[str] = "exit"
    code: int
    reason: str
    server_code: int | None
    meaning: str


@dataclass(frozen=True, slots=True)
class StateChanged(Event):
    """The session moved to another state; ``reason`` is a short phrase for a person."""

    type: ClassVar[str] = "state"
    public: ClassVar[bool] = False
    state: State
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Usage(Event):
    """CPU (% of one core) and resident memory (bytes) of the server's process tree."""

    type: ClassVar[str] = "usage"
    public: ClassVar[bool] = False
    cpu_percent: float
    rss_bytes: int
    processes: int


@dataclass(frozen=True, slots=True)
class Watching(Event):
    """What is watched for changes: directories and files; none once watching has ended.

    ``files`` is how many files count, None until they are counted. ``paused``: changes are noticed but not
    served until it is resumed. ``loop``: the file whose changes were the app's own doing, so that watching
    is paused; ``exclude`` is the glob that would leave it out. ``polling`` says why changes are polled for.
    """

    type: ClassVar[str] = "watching"
    paths: tuple[str, ...]
    files: int | None = None
    paused: bool = False
    loop: str = ""
    exclude: str = ""
    polling: str = ""


EVENTS: dict[str, type[Event]] = {
    event.type: event
    for event in (
        Starting,
        Ready,
        Worker,
        Log,
        Logged,
        Error,
        Stats,
        Request,
        WebSocket,
        Lifespan,
        TrafficWindow,
        Reload,
        Switch,
        Standby,
        Exit,
        StateChanged,
        Usage,
        Watching,
    )
}


def to_json(event: Event) -> dict[str, Any]:
    """The event as a JSON object, ``type`` and ``at`` first."""
    values: dict[str, Any] = _plain(event)
    return {"type": event.type, "at": event.at} | values


def from_json(data: Mapping[str, Any]) -> Event:
    """The event that ``to_json`` gave. Raises ``ValueError`` where it is none."""
    kind = EVENTS.get(str(data.get("type")))
    if kind is None:
        raise ValueError(f"no event type {data.get('type')!r}")
    event = _build(kind, data)
    assert isinstance(event, Event)
    return event


def _plain(value: Any) -> Any:
    # Any: JSON is untyped; the dataclasses on both sides are what gives it its types.
    if is_dataclass(value):
        return {
            item.name.rstrip("_"): _plain(getattr(value, item.name))
            for item in fields(value)
            if not item.metadata.get("in_memory")
        }
    if isinstance(value, Secret):
        return str(value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, str) and not value.isascii():
        # A lone surrogate, which a JSON body may hold, cannot be written as UTF-8: as it is escaped in JSON.
        return value.encode("utf-8", "backslashreplace").decode()
    return value


@cache
def _hints(kind: type) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {item.name: hints[item.name] for item in fields(kind)}


def _build(kind: type, data: Mapping[str, Any]) -> Any:
    if not isinstance(data, Mapping):
        raise ValueError(f"{kind.__name__}: not an object")
    values = {
        name: _typed(hint, data[name.rstrip("_")], name)
        for name, hint in _hints(kind).items()
        if name.rstrip("_") in data
    }
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(f"{kind.__name__}: {error}") from None


def _typed(hint: Any, value: Any, name: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        if value is None:
            return None
        hint = next(argument for argument in arguments if argument is not type(None))
        return _typed(hint, value, name)
    if origin is tuple and isinstance(value, list):
        return tuple(_typed(arguments[0], item, name) for item in value)
    if origin is Mapping and isinstance(value, Mapping):
        return {str(key): _typed(arguments[1], item, name) for key, item in value.items()}
    if is_dataclass(hint):
        return _build(typing.cast(type, hint), value)
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint(value)
    if isinstance(hint, type) and isinstance(value, hint) and (hint is bool or not isinstance(value, bool)):
        return value
    raise ValueError(f"field {name}: {value!r} is no {hint}")
