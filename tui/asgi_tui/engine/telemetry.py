"""What the probe tells: the server of its Unix socket and its messages as typed values.

The app shares its process with the probe and could write here too, so every message is checked; one
that is not of its shape is counted and left out.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from asgi_tui.domain.events import ImportTime
from asgi_tui.domain.histogram import LAST_BUCKET
from asgi_tui.engine.fields import Fields
from asgi_tui.engine.traces import Trace, parse_trace

# Bytes of one message; a summary of 500 routes has under 200 kB.
MESSAGE_BYTES = 2 * 1024 * 1024
# The longest name of a route; the probe's have under 600 characters.
ROUTE_CHARS = 1_000
# The most that one summary may say: of bytes, nanoseconds and the like, and of requests in one bucket. Sums
# stay within what a float and 64 bits hold.
MAX_AMOUNT = 1 << 60
MAX_COUNT = 1 << 32


@dataclass(frozen=True, slots=True)
class Loaded:
    """The app was imported in ``import_ms``; ``roots`` are the directories of user modules.

    ``imports`` are the slowest modules. ``altered`` names what user code changed meanwhile that an import
    may depend on: ``os.environ NAME``, ``sys.path``, ``sys.meta_path``.
    """

    import_ms: float
    roots: tuple[str, ...]
    imports: tuple[ImportTime, ...]
    altered: frozenset[str]


@dataclass(frozen=True, slots=True)
class Modules:
    """What the next standby may import in advance, and what it must not."""

    installed: tuple[str, ...]
    never: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LoadFailed:
    """The app could not be loaded; ``kind`` is one of ``asgi_probe.loader``'s."""

    kind: str
    error: str
    message: str
    near: str
    file: str | None
    line: int | None
    traceback: str


@dataclass(frozen=True, slots=True)
class Lifespan:
    """The app's lifespan: startup.complete, startup.failed, unsupported, shutdown, shutdown.complete."""

    state: str
    ms: float
    message: str


@dataclass(frozen=True, slots=True)
class Quiesced:
    """The process accepts no more; ``listeners`` is how many it closed, 0 where it knows of no way."""

    listeners: int


@dataclass(frozen=True, slots=True)
class Held:
    """As ``Quiesced``, but for the moment."""

    listeners: int


@dataclass(frozen=True, slots=True)
class Connections:
    """What the process has open: accepted connections, those with something unread, and requests served.

    ``look`` is the number that was given with the order.
    """

    look: int
    open: int
    unread: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class Ended:
    """How many calls of the app were cancelled."""

    calls: int


@dataclass(frozen=True, slots=True)
class CannotAdopt:
    """This version of the server cannot be handed a socket."""

    why: str


@dataclass(frozen=True, slots=True)
class RouteDelta:
    """What one route gathered since the last summary; buckets are ``asgi_probe.buckets``.

    ``bytes`` are those of bodies, both ways.
    """

    route: str
    requests: int
    errors: int
    max_ns: int
    buckets: Mapping[int, int]
    bytes: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What a process gathered since its last summary; the ``ws_`` fields and gauges are totals.

    ``lag_ns`` is how late its event loop was at the worst, None where that was not measured.
    """

    requests: int
    errors: int
    websockets: int
    bytes_in: int
    bytes_out: int
    statuses: Mapping[str, int]
    routes: tuple[RouteDelta, ...]
    in_flight: int
    websockets_open: int
    ws_messages_in: int
    ws_messages_out: int
    ws_bytes_in: int
    ws_bytes_out: int
    ws_errors: int
    dropped: int
    lag_ns: int | None


Told: TypeAlias = (
    Loaded
    | LoadFailed
    | Modules
    | Lifespan
    | Held
    | Quiesced
    | Connections
    | Ended
    | CannotAdopt
    | Summary
    | Trace
)


@dataclass(frozen=True, slots=True)
class Sender:
    """The process at the other end."""

    pid: int
    generation: int


class Telemetry:
    """Listens for probes; ``connected``, ``told`` and ``gone`` are called on the event loop."""

    def __init__(
        self,
        path: Path,
        connected: Callable[[Sender], None],
        told: Callable[[Sender, Told], None],
        gone: Callable[[Sender], None],
    ) -> None:
        self._path = path
        self._connected = connected
        self._told = told
        self._gone = gone
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: dict[int, asyncio.StreamWriter] = {}
        self.malformed = 0

    async def start(self) -> None:
        """Starts listening; the directory's mode keeps other users out."""
        self._server = await asyncio.start_unix_server(self._serve, str(self._path), limit=MESSAGE_BYTES)

    def order(self, pid: int, **order: object) -> None:
        """Sends an order to the probe of one process; nothing happens where it is gone."""
        if (writer := self._writers.get(pid)) is not None:
            writer.write(json.dumps(order).encode() + b"\n")

    def order_all(self, **order: object) -> None:
        """Sends an order to every probe."""
        for pid in self._writers:
            self.order(pid, **order)

    async def close(self) -> None:
        """Stops listening and ends every connection."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        sender: Sender | None = None
        try:
            sender = _sender(await reader.readline())
            self._writers[sender.pid] = writer
            self._connected(sender)
            while line := await reader.readline():
                try:
                    self._told(sender, parse(line))
                except (ValueError, RecursionError):
                    self.malformed += 1
        except (ValueError, RecursionError, OSError):
            # Not a probe, a line over the bound, or a connection that broke.
            self.malformed += 1
        except asyncio.CancelledError:
            # close() ends the connections; asyncio's own stream callback would log the cancellation.
            pass
        finally:
            self._tasks.discard(task)
            writer.close()
            if sender is not None:
                if self._writers.get(sender.pid) is writer:
                    del self._writers[sender.pid]
                self._gone(sender)


def _sender(line: bytes) -> Sender:
    fields = Fields(json.loads(line))
    if fields.text("type") != "hello":
        raise ValueError("the first message is no hello")
    return Sender(fields.whole("pid"), fields.whole("generation"))


def parse(line: bytes) -> Told:
    """One message of the probe. Raises ``ValueError`` where it is none."""
    data = json.loads(line)
    fields = Fields(data)
    match fields.text("type"):
        case "stats":
            return _summary(fields)
        case "trace":
            return parse_trace(fields)
        case "loaded":
            imports = tuple(_import_time(item) for item in fields.items("imports"))
            return Loaded(
                fields.number("import_ms"), fields.texts("roots"), imports, frozenset(fields.texts("altered"))
            )
        case "modules":
            return Modules(fields.texts("installed"), fields.texts("never"))
        case "failed":
            return LoadFailed(
                fields.text("kind"),
                fields.text("error"),
                fields.text("message"),
                fields.text("near"),
                fields.optional_text("file"),
                fields.optional_whole("line"),
                fields.text("traceback"),
            )
        case "lifespan":
            return Lifespan(fields.text("state"), fields.number("ms"), fields.text("message"))
        case "quiesced":
            return Quiesced(fields.whole("listeners"))
        case "held":
            return Held(fields.whole("listeners"))
        case "connections":
            return Connections(
                fields.whole("look"), fields.whole("open"), fields.whole("unread"), fields.whole("in_flight")
            )
        case "ended":
            return Ended(fields.whole("calls"))
        case "cannot_adopt":
            return CannotAdopt(fields.text("why"))
        case other:
            raise ValueError(f"no message type {other!r}")


def _summary(fields: Fields) -> Summary:
    lag_ns = fields.optional_whole("lag_ns")
    return Summary(
        requests=_amount(fields.whole("requests")),
        errors=_amount(fields.whole("errors")),
        websockets=_amount(fields.whole("websockets")),
        bytes_in=_amount(fields.whole("bytes_in")),
        bytes_out=_amount(fields.whole("bytes_out")),
        statuses={_status(status): _amount(count) for status, count in fields.counts("statuses").items()},
        routes=tuple(_route(item) for item in fields.items("routes")),
        in_flight=fields.whole("in_flight"),
        websockets_open=fields.whole("websockets_open"),
        ws_messages_in=_amount(fields.whole("ws_messages_in")),
        ws_messages_out=_amount(fields.whole("ws_messages_out")),
        ws_bytes_in=_amount(fields.whole("ws_bytes_in")),
        ws_bytes_out=_amount(fields.whole("ws_bytes_out")),
        ws_errors=_amount(fields.whole("ws_errors")),
        dropped=_amount(fields.whole("dropped")),
        lag_ns=None if lag_ns is None else _amount(lag_ns),
    )


def _route(item: Any) -> RouteDelta:
    with suppress(TypeError):
        name, requests, errors, max_ns, pairs, size = item
        if isinstance(name, str) and len(name) <= ROUTE_CHARS:
            return RouteDelta(
                name, _amount(requests), _amount(errors), _amount(max_ns), _buckets(pairs), _amount(size)
            )
    raise ValueError("not a route")


def _buckets(pairs: Any) -> dict[int, int]:
    # Thousands a second: checked without a step of Python for each.
    buckets = dict(pairs)
    counts = buckets.values()
    if {*map(type, buckets), *map(type, counts)} <= {int} and (
        not buckets
        or (
            min(buckets) >= 0 and max(buckets) <= LAST_BUCKET and min(counts) > 0 and max(counts) <= MAX_COUNT
        )
    ):
        return buckets
    raise ValueError("no buckets")


def _amount(value: Any) -> int:
    if type(value) is int and 0 <= value <= MAX_AMOUNT:
        return value
    raise ValueError(f"{value!r} is no amount")


def _status(status: str) -> str:
    if status != "none" and not (len(status) == 3 and status.isascii() and status.isdecimal()):
        raise ValueError(f"{status!r} is no status")
    return status


def _import_time(item: Any) -> ImportTime:
    with suppress(TypeError, ValueError):
        module, self_ms, user = item
        return ImportTime(str(module), float(self_ms), bool(user))
    raise ValueError("not an import")
