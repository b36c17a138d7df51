"""Takes records from the probe on the app's loop and ships them from a thread of its own."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from functools import partial

from . import wire
from .ending import end_calls, running_loop, settle
from .imports import RECORD
from .lag import Lag
from .quiesce import connections, hold, release, stop_accepting
from .routes import place_of
from .run import RUN
from .stats import ACCEPTED, Names, Totals
from .telling import told
from .tracing import Tracing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Tuple

    from .asgi_types import Scope
    from .stats import Record

    # scope, then path and root_path as they were before the app ran, and perf_counter_ns
    Asked = Tuple[Scope, object, object, int]

# Seconds between two summaries: at most 10 a second.
INTERVAL = 0.1
# Records kept between two summaries; what comes on top is counted as dropped.
MAX_RECORDS = 50_000
# Records added up without a pause: the loop waits for the interpreter's lock meanwhile (0.5 ms).
BATCH = 500
PAUSE = 0.0005
# Seconds between two tellings of what was counted while requests come without a pause: together they take
# fewer bytes. A front end hears of each within 0.5 s, the console's own pace included.
COUNTS = 0.3
# Traces put into words without a pause: as long as that takes.
TRACES = 5
# Seconds between two looks at the loop's lag while nothing else happens.
LOOK = 1.0
# Seconds after which the thread should long have looked.
OVERDUE = INTERVAL * 1.5
# Seconds that the last words of a process may take where something waits for them.
LAST_WORDS = 0.25


class Shipper:
    """One process's records on their way to the console.

    The thread starts with the first scope that a process handles, never at import: a forking server may
    load the app before it forks. It sleeps while nothing happens. Nothing here raises.
    """

    def __init__(self, rate: float | None) -> None:
        """``rate``: calls traced a second, None all (``Tracing``)."""
        self.tracing = Tracing(rate, self.stir)
        self.lag = Lag()
        self.in_flight = self.websockets_open = self.ws_errors = 0
        self.ws_messages_in = self.ws_messages_out = self.ws_bytes_in = self.ws_bytes_out = 0
        self.dropped = 0
        self.draining = self.ending = False
        self.records: list[Record] = []
        self.room = MAX_RECORDS
        self.outbox: deque[dict[str, object]] = deque(maxlen=1000)
        self.names = Names()
        self.totals = Totals()
        self.counts_told = 0.0
        self.shipped: tuple[int, ...] = ()
        self.awake = False
        self.touched = 0.0
        self.wake = threading.Event()
        self.hurry = threading.Event()
        self.lock = threading.Lock()
        self.thread: threading.Thread | None = None
        # The app's loop, where it is one of asyncio's.
        self.loop: Any = None

    # -- called from the app's event loop ----------------------------------------------------------

    def add(self, asked: Asked, status: Any, ended: int, read: Any, written: Any, failed: Any) -> None:
        """Keeps one finished request or accepted WebSocket; ``ended`` is its ``perf_counter_ns``."""
        count = len(self.records)
        if count < self.room:
            scope, path, root_path, started = asked
            place = place_of(scope, path, root_path)
            self.records.append((place, status, ended - started, read, written, failed))
        else:
            self.dropped += 1
        if not self.awake:
            self.touch()
        elif not count & 63:
            self.give_way()

    def accepted(self, scope: Scope, path: object, root_path: object) -> None:
        """A WebSocket was accepted."""
        self.websockets_open += 1
        self.add((scope, path, root_path, 0), ACCEPTED, 0, 0, 0, False)

    def give_way(self) -> None:
        """Lets the shipping thread in where the loop has kept it out.

        A busy loop gives the interpreter's lock up for microseconds at a time. That is too short for a
        waiting thread to take it, and ends its claim to it each time (CPython, ceval_gil.c, ``take_gil``):
        it was seen to wait for seconds.
        """
        if self.room and time.monotonic() - self.touched > OVERDUE:
            time.sleep(0.0001)

    def say(self, message: dict[str, object]) -> None:
        """Sends a message at once and in order."""
        self.outbox.append(message)
        self.hurry.set()
        self.touch()

    def stir(self) -> None:
        """A tracer has something to tell."""
        if not self.awake:
            self.touch()

    def touch(self) -> None:
        """Wakes the shipping thread where it sleeps.

        ``awake`` spares the event's lock. The thread clears the event first and ``awake`` second, then
        looks at what there is: whatever was kept before either is seen, and nothing waits for the next.
        """
        if not self.awake:
            self.awake = True
            self.touched = time.monotonic()
            self.wake.set()
            if not wire.unsent():
                # After a rest there is room for traces again. A console that does not read gets none.
                self.tracing.pass_time()
            if self.loop is None:
                self.loop = running_loop()
            if self.thread is None:
                self.start()

    def start(self) -> None:
        """Starts the thread; a process that can have no more threads goes on without."""
        self.thread = threading.Thread(target=self.ship_forever, name="asgi-tui probe", daemon=True)
        try:
            self.thread.start()
        except RuntimeError:
            self.give_up()
            return
        # multiprocessing ends its workers without atexit, but with its own finalizers; where it was never
        # imported, this process is not one of them.
        util = sys.modules.get("multiprocessing.util")
        if util is not None:
            util.Finalize(self, self.flush, args=(LAST_WORDS,), exitpriority=100)

    def give_up(self) -> None:
        """From now on nothing is kept: nobody will take it."""
        self.room = 0
        self.tracing.stop()
        self.awake = True
        self.thread = None
        self.records.clear()
        self.outbox.clear()
        # New ones, since this may be a forked process and the parent's thread may have held their locks.
        self.wake, self.hurry = threading.Event(), threading.Event()

    # -- the shipping thread -----------------------------------------------------------------------

    def ship_forever(self) -> None:
        """Ships what there is a moment after it came, until the console is gone."""
        listening = False
        self.hurry.set()
        while True:
            self.wake.wait(INTERVAL if self.lag.waiting else LOOK)
            self.lag.sample(self.loop)
            # What comes meanwhile goes along. Words that are said do not wait.
            self.hurry.wait(INTERVAL)
            if not (self.wake.is_set() or self.lag.is_news(self.lag.now())):
                continue
            self.hurry.clear()
            self.wake.clear()
            self.awake = False
            if not self.flush(pause=PAUSE):
                self.give_up()
                return
            # A loop that stands still from now on is seen by this one, for nothing wakes us meanwhile.
            self.lag.sample(self.loop)
            if not listening:
                listening = True
                self.listen()
            if wire.unsent():
                # The console is slow. It was waited for; it is tried again.
                self.touch()

    def listen(self) -> None:
        """Reads the console's orders in a thread of its own."""
        reader = threading.Thread(target=wire.read_orders, args=(self.obey,), name="asgi-tui orders")
        reader.daemon = True
        try:
            reader.start()
        except RuntimeError:
            # The interpreter is ending (Python 3.12 and newer refuse then): no order can matter any more.
            pass

    def obey(self, order: Any) -> None:
        """An order of the console's: steps of the change of guard, in the order of their telling.

        ``hold`` stops accepting until ``release``; ``quiesce`` does so for good and closes keep-alive
        connections politely, ``connections`` tells what is still open, ``end`` ends requests and WebSockets
        that go on. ``modules`` tells what was imported. ``trace`` sets how many calls a second are traced.
        """
        do = order["do"]
        if do == "hold":
            self.say({"type": "held", "listeners": tried(hold, order["address"])})
        elif do == "release":
            release()
        elif do == "quiesce":
            self.draining = True
            stop = partial(stop_accepting, shared=order.get("shared", True))
            self.say({"type": "quiesced", "listeners": tried(stop, order["address"])})
        elif do == "connections":
            open_, unread = connections(order["address"])
            # What was read just before is a request then. A loop that is too busy to say so is asked again.
            if settle(self.loop) or self.loop is None:
                look = {"open": open_, "unread": unread, "in_flight": self.in_flight}
                self.say({"type": "connections", "look": order["look"], **look})
        elif do == "end":
            from .probe import Probe

            self.ending = True
            end_calls(self.loop, Probe.__call__.__code__, self.tell_ended)
        elif do == "trace":
            self.tracing.set_rate(order["rate"])
        elif do == "modules":
            self.say({"type": "modules", **RECORD.told()})

    def tell_ended(self, calls: int) -> None:
        """So many calls are being cancelled."""
        self.say({"type": "ended", "calls": calls})

    def gauges(self) -> tuple[int, ...]:
        """The process's gauges and WebSocket totals."""
        websockets = (self.ws_messages_in, self.ws_messages_out, self.ws_bytes_in, self.ws_bytes_out)
        return (self.in_flight, self.websockets_open, *websockets, self.ws_errors, self.dropped)

    def flush(self, patience: float = wire.TIMEOUT, pause: float = 0) -> bool:
        """Ships all there is, waiting at most ``patience`` seconds for each of the lock and the console.

        False once the console cannot be reached. Any thread may call it. ``pause`` is the shipping thread's:
        without it, all that there is is told.
        """
        if self.thread is None:
            # A master that only loads the app has nothing to say.
            return True
        if not self.lock.acquire(timeout=patience):
            return True
        try:
            count = self.gather(pause)
            reached = wire.send(b"", patience)
            if wire.unsent():
                # A console that does not read gets no more to read: sums add up here until it does.
                return reached
            due = not (pause and count) or time.monotonic() - self.counts_told >= COUNTS
            reached = wire.send(self.lines(pause, counts=due), patience)
            if not wire.unsent():
                self.tracing.refill()
            return reached
        except Exception:
            # On the app's loop a tool that finds blocking calls may forbid this one (blockbuster).
            return True
        finally:
            self.lock.release()

    def gather(self, pause: float) -> int:
        """Adds the records up; how many there were."""
        count = len(self.records)
        records = self.records[:count]
        del self.records[:count]
        for first in range(0, count, BATCH):
            self.totals.add(records[first : first + BATCH], self.names)
            if pause and first + BATCH < count:
                time.sleep(pause)
        return count

    def lines(self, pause: float, *, counts: bool) -> bytes:
        """The lines to send: what was said, a summary where anything changed, and the traces.

        Without ``counts`` a summary waits as long as something was counted: its figures belong together.
        """
        lines = []
        while self.outbox:
            lines.append(wire.line(self.outbox.popleft()))
        totals, gauges, lag = self.totals, self.gauges(), self.lag.now()
        if totals.any() and not counts:
            # Told with what comes next, or once nothing comes.
            self.touch()
        elif totals.any() or gauges != self.shipped or self.lag.is_news(lag):
            if totals.any():
                self.totals, self.counts_told = Totals(), time.monotonic()
            self.shipped = gauges
            self.dropped += totals.unreadable
            self.lag.tell(lag)
            lines.append(wire.line(summary(totals, gauges, lag)))
        # As many as there are now: one that is told may have more to tell already.
        for number in range(len(self.tracing.due)):
            if pause and number % TRACES == TRACES - 1:
                time.sleep(pause)
            lines += [wire.line(message) for message in told(self.tracing.due.popleft())]
        return b"".join(lines)


def tried(stop: Callable[[Any, str], int], address: Any) -> int:
    """The listeners that ``stop`` stopped; none where the kernel refuses (no descriptor is left)."""
    try:
        return stop(address, os.path.dirname(RUN["telemetry"]))
    except Exception:
        return 0


def summary(totals: Totals, gauges: tuple[int, ...], lag: int | None = None) -> dict[str, object]:
    """One summary: what the records add, the process's gauges and WebSocket totals, and its lag (ns)."""
    in_flight, open_, ws_in, ws_out, ws_read, ws_written, ws_errors, dropped = gauges
    return {
        **totals.message(),
        "in_flight": in_flight,
        "websockets_open": open_,
        "ws_messages_in": ws_in,
        "ws_messages_out": ws_out,
        "ws_bytes_in": ws_read,
        "ws_bytes_out": ws_written,
        "ws_errors": ws_errors,
        "dropped": dropped + totals.unreadable,
        "lag_ns": lag,
    }
