"""The calls that are kept to be looked at: bounded, numbered, filtered. Pure."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

from asgi_tui.domain.calls import Body, Header, Message
from asgi_tui.domain.events import Lifespan, Request, WebSocket
from asgi_tui.domain.secret import Secret
from asgi_tui.frontends.console.request_filter import RequestFilter

# What is kept; the oldest go first. While paused as much again waits.
MAX_CALLS = 2_000
MAX_BYTES = 64_000_000  # as ``weight`` estimates them

# What Python takes for an object and the strings in it, roughly.
_CALL, _MESSAGE, _FIELD = 3_000, 600, 250


def weight(call: Request) -> int:
    """Bytes of memory that a call takes, estimated."""
    size = _CALL + _FIELD * (len(call.verdicts) + len(call.logs))
    size += len(call.path) + sum(len(record.text) for record in call.logs)
    size += sum(map(_message, call.messages)) + _body(call.body) + _body(call.answer)
    scope = call.scope
    size += _headers(scope.headers) + _text(scope.query)
    for items in (scope.extensions, scope.state, scope.others, scope.added):
        size += sum(_FIELD + _text(item.value) for item in items)
    if call.error is not None:
        size += len(call.error.traceback) + len(call.error.message) + _FIELD * len(call.error.frames)
    return size


def _message(message: Message) -> int:
    fields = sum(_FIELD + _text(item.value) for item in message.fields)
    return _MESSAGE + len(message.data) + _headers(message.headers) + fields


def _headers(headers: tuple[Header, ...]) -> int:
    return sum(_FIELD + _text(header.value) for header in headers)


def _text(value: str | Secret) -> int:
    # of a secret not even the length is asked for
    return _FIELD if isinstance(value, Secret) else len(value)


def _body(body: Body) -> int:
    return len(body.data) + len(body.text or "")


class _Kept:
    """Calls by their ids in the order in which they were first told, within the bounds."""

    def __init__(self, maximum: int, max_bytes: int) -> None:
        self.bytes = 0
        self.calls: dict[str, Request] = {}
        self._maximum = maximum
        self._max_bytes = max_bytes
        self._weights: dict[str, int] = {}

    def put(self, call: Request) -> list[str]:
        """Adds a call, or puts it in the place of the one with its id; the ids that had to go for it."""
        size = weight(call)
        self.bytes += size - self._weights.get(call.id, 0)
        self.calls[call.id] = call
        self._weights[call.id] = size
        gone = []
        # the newest stays, however large it is
        while len(self.calls) > 1 and (len(self.calls) > self._maximum or self.bytes > self._max_bytes):
            oldest = next(iter(self.calls))
            del self.calls[oldest]
            self.bytes -= self._weights.pop(oldest)
            gone.append(oldest)
        return gone


class RequestList:
    """The newest calls: HTTP requests, WebSockets and lifespans, each at most once.

    A call keeps its number for good. ``rows`` are the numbers of those that the filter lets through, in the
    order in which they were first told. While ``paused`` nothing moves, and what comes waits for ``resume``.
    ``evicted`` counts those that had to go since the last ``clear``.
    """

    def __init__(self, maximum: int = MAX_CALLS, max_bytes: int = MAX_BYTES) -> None:
        self.maximum = maximum
        self.max_bytes = max_bytes
        self.paused = False
        self.evicted = 0
        self.end = 0  # the number the next call will have: how many there ever were
        self.rows: list[int] = []
        self._filter = RequestFilter()
        self._kept = _Kept(maximum, max_bytes)
        self._late = _Kept(maximum, max_bytes)
        self._numbers: dict[str, int] = {}
        self._ids: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._kept.calls)

    def __iter__(self) -> Iterator[Request]:
        """All that are kept, the oldest first."""
        return iter(self._kept.calls.values())

    @property
    def bytes(self) -> int:
        """Estimated bytes of what is kept, without what waits."""
        return self._kept.bytes

    @property
    def waiting(self) -> int:
        """How many calls have come, or gone on, while it was paused."""
        return len(self._late.calls)

    @property
    def http(self) -> int:
        """How many of those kept are HTTP requests."""
        return sum(not isinstance(call, WebSocket | Lifespan) for call in self)

    @property
    def narrowed(self) -> RequestFilter:
        """The filter that decides which calls are rows."""
        return self._filter

    def narrow(self, wanted: RequestFilter) -> None:
        """Another filter."""
        self._filter = wanted
        self.rows = [self._numbers[call.id] for call in self if wanted.matches(call)]

    def call(self, number: int) -> Request | None:
        """The call of that number, None where it is not kept any more."""
        return self._kept.calls.get(self._ids.get(number, ""))

    def find(self, id: str) -> Request | None:  # noqa: A002 - the name of the field
        """The newest that is known of the call of that id, also while paused; None where it is not kept."""
        return self._late.calls.get(id) or self._kept.calls.get(id)

    def number(self, id: str) -> int | None:  # noqa: A002 - as above
        """The number of the call of that id, None where it is not kept any more."""
        return self._numbers.get(id)

    def beside(self, number: int, by: int) -> Request | None:
        """The call ``by`` rows after (before, if negative) that of the number; None where there is none.

        Whether the call itself is still a row, or kept at all, makes no difference.
        """
        at = bisect_left(self.rows, number)
        here = at < len(self.rows) and self.rows[at] == number
        index = at + by if here or by < 0 else at + by - 1
        return self.call(self.rows[index]) if 0 <= index < len(self.rows) else None

    def add(self, call: Request) -> None:
        """Takes a call in, or what came to be known of one."""
        if self.paused:
            self._late.put(call)
            return
        number = self._numbers.get(call.id)
        if number is None:
            number, self.end = self.end, self.end + 1
            self._numbers[call.id], self._ids[number] = number, call.id
        for gone in self._kept.put(call):
            self.evicted += 1
            old = self._numbers.pop(gone)
            del self._ids[old]
            self._row(old, wanted=False)
        if number in self._ids:
            self._row(number, wanted=self._filter.matches(call))

    def pause(self) -> None:
        """Nothing moves until ``resume``."""
        self.paused = True

    def resume(self) -> None:
        """Takes in what waits, and on."""
        self.paused = False
        late, self._late = self._late, _Kept(self.maximum, self.max_bytes)
        for call in late.calls.values():
            self.add(call)

    def clear(self) -> None:
        """Forgets every call, those that wait too. The filter and a pause stay."""
        self._kept = _Kept(self.maximum, self.max_bytes)
        self._late = _Kept(self.maximum, self.max_bytes)
        self._numbers.clear()
        self._ids.clear()
        self.rows = []
        self.evicted = 0

    def _row(self, number: int, *, wanted: bool) -> None:
        at = bisect_left(self.rows, number)
        there = at < len(self.rows) and self.rows[at] == number
        if there and not wanted:
            del self.rows[at]
        elif wanted and not there:
            insort(self.rows, number)
