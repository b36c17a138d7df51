"""What passes of one call of the app, kept as plain data until the shipping thread takes it.

On the loop nothing is put into words and nothing is read from files; the thread does that
(``asgi_probe.telling``). Nothing here raises into the app, and no object of its is kept.
"""

from __future__ import annotations

import itertools
import time
from time import perf_counter_ns

from .described import MessageCopy, ScopeCopy, added, is_last, payload_of, state_of
from .faults import Fault, fault_of, words_of
from .logs import CALL, join
from .routes import place_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Tuple

    from .asgi_types import Message, Receive, Scope, Send
    from .tracing import Tracing

    # nanoseconds since the call, level, logger, text, file, line, exception
    Record = Tuple[int, str, str, str, str, int, Any]

# Messages that are kept of each call whatever else goes on, and then of those that end something.
FIRST_STEPS = 16
LAST_STEPS = 8
# Bytes that are kept of one message of a WebSocket.
MESSAGE_BYTES = 16 * 1024
# Bytes of bodies that are kept of one request, in however few messages: of its own enough to send it again.
BODY_IN = 256 * 1024
BODY_OUT = 64 * 1024
# Log records of one call, and characters of each.
MAX_LOGS = 100
LOG_CHARS = 2_000
NAME_CHARS = 200
PATH_CHARS = 500

_ids = itertools.count(1)


class Step:
    """One call of ``receive`` or ``send``. Times are nanoseconds since the app was called."""

    __slots__ = ("at", "called", "direction", "done", "error", "kept", "message", "n", "size", "told")

    def __init__(self, n: int, direction: str, called: int, kept: bool) -> None:
        self.n = n
        self.direction = direction
        self.called = called
        self.kept = kept
        self.at: int | None = None
        self.done: int | None = None
        self.error = ""
        self.message: MessageCopy | None = None
        # Bytes of what is sent, to be counted once it is.
        self.size = 0
        self.told = False


class End:
    """How a call ended: whether it was complete before, and what the app left in its scope."""

    __slots__ = ("added", "complete", "place", "returned")

    def __init__(self, complete: int, returned: int, place: Any, added: dict[str, Any]) -> None:
        self.complete = complete
        self.returned = returned
        self.place = place
        self.added = added


class Tracer:
    """Keeps one call. ``between`` stands between the probe and the server.

    The context of the call has it too, and with that every task that the app starts meanwhile, however long
    it lives: so it holds nothing of the server's, and nothing at all once it is told.
    """

    __slots__ = (
        *("at", "before", "bytes_in", "bytes_out", "copy", "due", "end", "ended", "fault", "file_bytes"),
        *("kind", "left_out", "logged", "logs", "n", "number", "outcome", "room_in", "room_out"),
        *("spare", "started", "state", "steps", "token", "tracing"),
    )

    def __init__(self, tracing: Tracing, kind: str, scope: Scope) -> None:
        self.tracing = tracing
        self.kind = kind
        self.number = next(_ids)
        self.at = time.time()
        self.steps: list[Step] = []
        self.logs: list[Record] = []
        self.logged = self.n = self.left_out = self.bytes_in = self.bytes_out = 0
        # Bytes of files that were sent by their paths: counted by the shipping thread.
        self.file_bytes = 0
        self.room_in, self.room_out, self.spare = BODY_IN, BODY_OUT, LAST_STEPS
        self.fault: Fault | None = None
        self.outcome = "returned"
        self.due = self.ended = False
        self.end: End | None = None
        self.token: Any = None
        copy = ScopeCopy(scope)
        tracing.bytes_left -= copy.size
        self.copy: ScopeCopy | None = copy
        # What was in the scope, to tell what was added: only while the call goes on.
        self.before: dict[str, Any] = {}
        self.state: Any = None
        try:
            self.before.update(scope)
            self.state = state_of(scope)
        except Exception:
            pass
        self.started = perf_counter_ns()

    def entered(self) -> Tracer:
        """The call is about to be made in this context."""
        join()
        self.token = CALL.set(self)
        self.mark()
        return self

    def begun_at(self, started: int, read: int, written: Any) -> Tracer:
        """The call has gone on since ``started``, and none of its messages was kept."""
        self.at -= (self.started - started) / 1e9
        self.started = started
        self.left_out = 1
        self.bytes_in = read
        self.bytes_out = written if isinstance(written, int) else 0
        # What it added cannot be known any more.
        self.before.clear()
        return self

    def mark(self) -> None:
        """There is something to tell."""
        if not self.due and not self.tracing.stopped:
            self.due = True
            self.tracing.due.append(self)
            self.tracing.wake()

    # -- messages ----------------------------------------------------------------------------------

    def between(self, receive: Receive, send: Send) -> tuple[Receive, Send]:
        """The server's two callables, with what passes being kept."""

        async def traced_receive() -> Message:
            step = self.called("receive")
            try:
                message = await receive()
            except BaseException as error:
                self.broken(step, error)
                raise
            self.received(step, message)
            return message

        async def traced_send(message: Message) -> None:
            step = self.attempted(message)
            try:
                await send(message)
            except BaseException as error:
                self.broken(step, error)
                raise
            self.sent(step)

        return traced_receive, traced_send

    def called(self, direction: str) -> Step:
        """The app calls ``receive`` or ``send``."""
        self.n += 1
        step = Step(self.n, direction, perf_counter_ns() - self.started, self.has_room())
        if step.kept and direction == "receive":
            self.keep(step)
        return step

    def has_room(self) -> bool:
        """Whether one more message is kept."""
        if self.ended:
            return False
        if self.n <= FIRST_STEPS:
            return True
        if self.tracing.messages_left > 0:
            self.tracing.messages_left -= 1
            return True
        return False

    def keep(self, step: Step) -> None:
        """The step is told, now or again."""
        step.kept = True
        self.steps.append(step)
        self.mark()

    def finished(self, step: Step) -> None:
        """The call returned or raised. One that was told while it waited is told again."""
        step.done = perf_counter_ns() - self.started
        if not step.kept or self.ended:
            return
        if step.told:
            self.steps.append(step)
        self.mark()

    def broken(self, step: Step, error: BaseException) -> None:
        """The server's ``receive`` or ``send`` raised, or was cancelled."""
        step.error = words_of(error)
        if not step.kept and not self.ended:
            self.left_out += step.direction == "receive"
        self.finished(step)

    def received(self, step: Step, message: Message) -> None:
        """``receive`` returned a message."""
        step.at = perf_counter_ns() - self.started
        try:
            late = self.take_in(step, message)
        except Exception:
            late = False
        if late:
            self.keep(step)
        self.finished(step)

    def take_in(self, step: Step, message: Message) -> bool:
        """Copies a received message; whether only now the step is found worth keeping."""
        if self.ended:
            return False
        late = not step.kept and self.spare > 0 and is_last(message)
        if not step.kept and not late:
            self.left_out += 1
            self.bytes_in += payload_of(message)[1]
            return False
        self.spare -= late
        limit = self.room_in if self.kind == "http" else MESSAGE_BYTES
        copy = step.message = MessageCopy(message, min(limit, self.tracing.bytes_left))
        self.room_in -= len(copy.data)
        self.tracing.bytes_left -= copy.weight
        self.bytes_in += copy.size
        return late

    def attempted(self, message: Message) -> Step:
        """``send`` is called: the message as it is now, whatever is done to it meanwhile."""
        step = self.called("send")
        step.at = step.called
        try:
            self.take_out(step, message)
        except Exception:
            pass
        return step

    def take_out(self, step: Step, message: Message) -> None:
        """Copies a message that is about to be sent."""
        if self.ended:
            return
        if not step.kept and self.spare > 0 and is_last(message):
            self.spare -= 1
            step.kept = True
        if not step.kept:
            self.left_out += 1
            step.size = payload_of(message)[1]
            return
        limit = self.room_out if self.kind == "http" else MESSAGE_BYTES
        copy = MessageCopy(message, min(limit, self.tracing.bytes_left))
        step.message = copy
        self.room_out -= len(copy.data)
        self.tracing.bytes_left -= copy.weight
        if isinstance(copy.size, int):
            step.size = copy.size
        self.keep(step)

    def sent(self, step: Step) -> None:
        """``send`` returned."""
        self.bytes_out += step.size
        self.finished(step)

    # -- the rest ----------------------------------------------------------------------------------

    def log(self, record: Any) -> None:
        """A record was made in the call's context. Any thread may call it; never raises, changes nothing."""
        try:
            # One without a name is made to be filled by somebody else (logging.makeLogRecord).
            if self.ended or self.logged > MAX_LOGS or record.name is None or self.tracing.bytes_left <= 0:
                return
            self.logged += 1
            at = perf_counter_ns() - self.started
            if self.logged > MAX_LOGS:
                text = "This call has more log records; they are not kept."
                self.logs.append((at, "info", "asgi-tui", text, "", 0, None))
                self.mark()
                return
            error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
            self.logs.append(
                (
                    at,
                    str(record.levelname).lower()[:NAME_CHARS],
                    str(record.name)[:NAME_CHARS],
                    words_in(record)[:LOG_CHARS],
                    str(record.pathname)[:PATH_CHARS],
                    int(record.lineno),
                    None if error is None else fault_of(error),
                )
            )
            self.tracing.bytes_left -= len(self.logs[-1][3])
            self.mark()
        except Exception:
            pass

    def raised(self, error: BaseException) -> None:
        """The app raised; the exception itself is not kept."""
        if is_cancellation(error):
            self.outcome = "cancelled"
        else:
            self.outcome = "raised"
            self.fault = fault_of(error)

    def over(self, scope: Scope, path: object, root_path: object, complete: int = 0) -> None:
        """The app is done; its response was complete at ``complete`` (``perf_counter_ns``), 0 for none."""
        returned = perf_counter_ns() - self.started
        try:
            if self.token is not None:
                CALL.reset(self.token)
        except (RuntimeError, ValueError):
            # It ends in another context than it began in, where nothing of it is set.
            pass
        self.token = None
        found: dict[str, Any] = {}
        try:
            place = place_of(scope, path, root_path)
            if self.before:
                found = added(self.before, self.state, scope)
        except Exception:
            place = (None,) * 8
        self.before, self.state = {}, None
        self.end = End(complete - self.started if complete else returned, returned, place, found)
        self.ended = True
        self.tracing.open -= 1
        self.mark()


def words_in(record: Any) -> str:
    """A log record's text; as it was written where its arguments do not fit."""
    try:
        return str(record.getMessage())
    except Exception:
        return str(record.msg)


def is_cancellation(error: BaseException) -> bool:
    """Whether a call was cancelled, by asyncio or trio, or closed by a loop that ends."""
    if isinstance(error, Exception):
        return False
    names = [kind.__name__ for kind in type(error).__mro__]
    return "CancelledError" in names or "Cancelled" in names or isinstance(error, GeneratorExit)
