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

from asgi_tui.domain.events import ImportTime, Message

# Bytes of one message; a summary of 500 routes has under 200 kB.
MESSAGE_BYTES = 2 * 1024 * 1024


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
    """What one route gathered since the last summary; buckets are ``asgi_probe.buckets``."""

    route: str
    requests: int
    errors: int
    max_ns: int
    buckets: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Summary:
    """What a process gathered since its last summary; the ``ws_`` fields and gauges are totals."""

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


@dataclass(frozen=True, slots=True)
class Traced:
    """One request with its messages.

    ``returned``: the app did, rather than raise or be cancelled. ``complete``: no message is left out.
    """

    at: float
    id: str
    method: str
    path: str
    route: str
    status: int | None
    duration_ms: float
    returned: bool
    complete: bool
    messages: tuple[Message, ...]


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
    | Traced
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
                except ValueError:
                    self.malformed += 1
        except (ValueError, OSError):
            # Not a probe, a line over the bound, or a connection that broke.
            self.malformed += 1
        except asyncio.CancelledError:
            # close() ends the connections; asyncio's own stream callback would log the cancellation.
            pass
        finally:
            self._tasks.discard(task)
            writer.close()
            if sender is not None:
                self._writers.pop(sender.pid, None)
                self._gone(sender)


def _sender(line: bytes) -> Sender:
    fields = _Fields(json.loads(line))
    if fields.text("type") != "hello":
        raise ValueError("the first message is no hello")
    return Sender(fields.whole("pid"), fields.whole("generation"))


class _Fields:
    """A JSON object read field by field; a field of another type raises ``ValueError``."""

    def __init__(self, data: Any) -> None:
        # Any: it came from json.loads, and nothing is believed of it.
        if not isinstance(data, dict):
            raise ValueError("not an object")
        self._data = data

    def text(self, name: str) -> str:
        value = self._data.get(name)
        if not isinstance(value, str):
            raise ValueError(f"{name} is no text")
        return value

    def whole(self, name: str) -> int:
        return _whole(self._data.get(name))

    def flag(self, name: str) -> bool:
        return self._data.get(name) is True

    def number(self, name: str) -> float:
        value = self._data.get(name)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise ValueError(f"{name} is no number")
        return float(value)

    def optional_text(self, name: str) -> str | None:
        return None if self._data.get(name) is None else self.text(name)

    def optional_whole(self, name: str) -> int | None:
        return None if self._data.get(name) is None else self.whole(name)

    def items(self, name: str) -> list[Any]:
        value = self._data.get(name)
        if not isinstance(value, list):
            raise ValueError(f"{name} is no list")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(str(item) for item in self.items(name))

    def counts(self, name: str) -> dict[str, int]:
        value = self._data.get(name)
        if not isinstance(value, dict):
            raise ValueError(f"{name} is no object")
        return {str(key): _whole(count) for key, count in value.items()}


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{value!r} is no whole number")
    return value


def parse(line: bytes) -> Told:
    """One message of the probe. Raises ``ValueError`` where it is none."""
    data = json.loads(line)
    fields = _Fields(data)
    match fields.text("type"):
        case "stats":
            return _summary(fields)
        case "request":
            return _traced(fields)
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


def _summary(fields: _Fields) -> Summary:
    return Summary(
        requests=fields.whole("requests"),
        errors=fields.whole("errors"),
        websockets=fields.whole("websockets"),
        bytes_in=fields.whole("bytes_in"),
        bytes_out=fields.whole("bytes_out"),
        statuses=fields.counts("statuses"),
        routes=tuple(_route(item) for item in fields.items("routes")),
        in_flight=fields.whole("in_flight"),
        websockets_open=fields.whole("websockets_open"),
        ws_messages_in=fields.whole("ws_messages_in"),
        ws_messages_out=fields.whole("ws_messages_out"),
        ws_bytes_in=fields.whole("ws_bytes_in"),
        ws_bytes_out=fields.whole("ws_bytes_out"),
        ws_errors=fields.whole("ws_errors"),
        dropped=fields.whole("dropped"),
    )


def _route(item: Any) -> RouteDelta:
    with suppress(TypeError):
        name, requests, errors, max_ns, buckets = item
        counts = {_whole(bucket): _whole(count) for bucket, count in buckets}
        return RouteDelta(str(name), _whole(requests), _whole(errors), _whole(max_ns), counts)
    raise ValueError("not a route")


def _import_time(item: Any) -> ImportTime:
    with suppress(TypeError, ValueError):
        module, self_ms, user = item
        return ImportTime(str(module), float(self_ms), bool(user))
    raise ValueError("not an import")


def _traced(fields: _Fields) -> Traced:
    messages = []
    for item in fields.items("messages"):
        message = _Fields(item)
        messages.append(
            Message(
                message.text("direction"),
                message.text("type"),
                message.number("at_ms"),
                message.whole("bytes"),
                message.optional_whole("status"),
                bool(item.get("more")),
            )
        )
    return Traced(
        fields.number("at"),
        fields.text("id"),
        fields.text("method"),
        fields.text("path"),
        fields.text("route"),
        fields.optional_whole("status"),
        fields.number("duration_ms"),
        fields.flag("returned"),
        fields.flag("complete"),
        tuple(messages),
    )
