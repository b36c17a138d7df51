"""Aggregates a process's requests off the hot path and ships small summaries to the console."""

import atexit
import collections
import itertools
import os
import re
import threading
import time
from multiprocessing import util

from . import wire
from .buckets import bucket_of
from .quiesce import stop_accepting

# Seconds between two summaries: at most 10 a second.
INTERVAL = 0.1
# Records kept between two summaries; what comes on top is counted as dropped.
MAX_RECORDS = 50_000
# Routes told apart in one process; the rest is counted under OTHER.
MAX_ROUTES = 500
OTHER = "(other)"
# Traces kept between two summaries.
MAX_TRACES = 100
MAX_PATH = 500

# Path segments that are identifiers: numbers, UUIDs, long hexadecimal and random-looking names.
_ID = re.compile(
    r"[0-9]+|[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|(?=[^/]*[0-9])(?:[0-9a-fA-F]{8,}|[\w-]{20,})"
)


def fold_path(path):
    """``path`` with segments that look like identifiers replaced by ``{id}``."""
    return "/".join("{id}" if _ID.fullmatch(part) else part for part in path[:MAX_PATH].split("/"))


def template_of(scope, root_path):
    """The framework's route template, mounts included, or None.

    Starlette and FastAPI leave the matched route in ``scope["route"]``, Litestar its template in
    ``scope["path_template"]``. A mount shows as what the framework added to ``root_path``.
    """
    template = scope.get("path_template")
    if not isinstance(template, str):
        template = getattr(scope.get("route"), "path", None)
        if not isinstance(template, str):
            return None
        mount = scope.get("root_path") or ""
        before = root_path or ""
        mount = mount.removeprefix(before)
        # A framework may also set the prefix of a proxy here, which is no part of the path.
        if mount and str(scope.get("path", "")).startswith((before + mount, mount)):
            template = mount + template
    return template[:MAX_PATH]


def route_of(scope, root_path):
    """Method and template, or method and folded path: ``GET /items/{id}``."""
    path = template_of(scope, root_path) or fold_path(str(scope.get("path", "")))
    return "%s %s" % (scope.get("method", "WS") if scope["type"] == "http" else "WS", path)


class Route:
    """What one route gathered since the last summary."""

    __slots__ = ("buckets", "errors", "max_ns", "requests")

    def __init__(self):
        self.requests = self.errors = self.max_ns = 0
        self.buckets = collections.Counter()


class Shipper:
    """Takes records from the probe and ships them from a thread of its own.

    The thread starts with the first scope that a process handles, never at import: a forking server may
    load the app before it forks.
    """

    def __init__(self, traces_per_second):
        self.traces_per_second = traces_per_second
        self.ids = itertools.count(1)
        self.known = set()
        self.reset()
        os.register_at_fork(after_in_child=self.reset)
        atexit.register(self.flush)

    def reset(self):
        """Starts anew: in a new process nothing has been counted and no thread runs."""
        self.in_flight = self.websockets_open = self.ws_errors = 0
        self.ws_messages_in = self.ws_messages_out = self.ws_bytes_in = self.ws_bytes_out = 0
        self.dropped = 0
        self.draining = False
        self.records = []
        self.traces = []
        self.trace_budget = min(1, self.traces_per_second)
        self.outbox = collections.deque(maxlen=1000)
        self.wake = threading.Event()
        self.lock = threading.Lock()
        self.thread = None
        self.shipped = ()

    # -- called from the app's event loop ----------------------------------------------------------

    def add(self, record):
        """Keeps one finished request or accepted WebSocket."""
        if len(self.records) < MAX_RECORDS:
            self.records.append(record)
        else:
            self.dropped += 1
        self.touch()

    def may_trace(self):
        """Whether the next request's messages are kept."""
        if self.trace_budget < 1:
            return False
        self.trace_budget -= 1
        return True

    def add_trace(self, trace):
        if len(self.traces) < MAX_TRACES:
            self.traces.append(trace)
        self.touch()

    def say(self, message):
        """Sends a message soon and in order."""
        self.outbox.append(message)
        self.touch()

    def touch(self):
        """Wakes the shipping thread where it sleeps."""
        if not self.wake.is_set():
            self.wake.set()
            if self.thread is None:
                self.start()

    def start(self):
        # multiprocessing ends its workers without atexit, but with its own finalizers.
        util.Finalize(self, self.flush, exitpriority=100)
        self.thread = threading.Thread(target=self.ship_forever, name="asgi-tui probe", daemon=True)
        self.thread.start()

    def obey(self, order):
        """An order of the console's: to stop accepting and to close keep-alive connections politely."""
        if order["do"] == "quiesce":
            self.draining = True
            self.say({"type": "quiesced", "listeners": stop_accepting(order["address"])})
            self.flush()

    # -- the shipping thread -----------------------------------------------------------------------

    def ship_forever(self):
        reached = self.flush()
        threading.Thread(
            target=wire.read_orders, args=(self.obey,), name="asgi-tui orders", daemon=True
        ).start()
        while reached:
            self.wake.wait()
            self.wake.clear()
            reached = self.flush()
            time.sleep(INTERVAL)
            self.trace_budget = min(
                max(1, self.traces_per_second * INTERVAL) if self.traces_per_second else 0,
                self.trace_budget + self.traces_per_second * INTERVAL,
            )
            if self.gauges() != self.shipped[:2]:
                self.wake.set()

    def gauges(self):
        return self.in_flight, self.websockets_open

    def counters(self):
        return (
            self.ws_messages_in,
            self.ws_messages_out,
            self.ws_bytes_in,
            self.ws_bytes_out,
            self.ws_errors,
        )

    def flush(self):
        """Ships all there is; False once the console cannot be reached. Any thread may call it."""
        if self.thread is None:
            # A master that only loads the app has nothing to say.
            return True
        with self.lock:
            reached = True
            while self.outbox:
                reached = wire.send_now(self.outbox.popleft())
            count = len(self.records)
            records = self.records[:count]
            del self.records[:count]
            state = (*self.gauges(), *self.counters(), self.dropped)
            if records or state != self.shipped:
                reached = wire.send_now(self.summary(records, state))
                self.shipped = state
            while self.traces:
                reached = wire.send_now(self.trace(self.traces.pop(0)))
            return reached

    def summary(self, records, state):
        """One summary: what the records add, and the process's gauges and WebSocket totals."""
        routes = {}
        statuses = collections.Counter()
        requests = errors = websockets = bytes_in = bytes_out = 0
        for scope, root_path, status, ns, read, written, failed in records:
            name = route_of(scope, root_path)
            if name not in self.known:
                if len(self.known) >= MAX_ROUTES:
                    name = OTHER
                self.known.add(name)
            route = routes.get(name)
            if route is None:
                route = routes[name] = Route()
            route.requests += 1
            if status is None:
                websockets += 1
                continue
            requests += 1
            bytes_in += read
            bytes_out += written
            # Servers answer 500 for an app that raised before it started its response.
            status = status or (500 if failed else 0)
            statuses[str(status) if status else "none"] += 1
            if failed or status >= 500:
                errors += 1
                route.errors += 1
            route.buckets[bucket_of(ns)] += 1
            if ns > route.max_ns:
                route.max_ns = ns
        in_flight, open_, ws_in, ws_out, ws_read, ws_written, ws_errors, dropped = state
        return {
            "type": "stats",
            "requests": requests,
            "errors": errors,
            "websockets": websockets,
            "bytes_in": bytes_in,
            "bytes_out": bytes_out,
            "statuses": statuses,
            "routes": [
                [name, route.requests, route.errors, route.max_ns, list(route.buckets.items())]
                for name, route in routes.items()
            ],
            "in_flight": in_flight,
            "websockets_open": open_,
            "ws_messages_in": ws_in,
            "ws_messages_out": ws_out,
            "ws_bytes_in": ws_read,
            "ws_bytes_out": ws_written,
            "ws_errors": ws_errors,
            "dropped": dropped,
        }

    def trace(self, trace):
        """One request with its messages: types, times, sizes; no header and no body leaves the process."""
        scope, method, path, at, ns, messages = trace
        status = None
        shown = []
        for direction, after, message in messages:
            kind = str(message.get("type", ""))
            if kind == "http.response.start" and status is None:
                status = message.get("status")
            body = message.get("body")
            shown.append(
                {
                    "direction": direction,
                    "type": kind[:100],
                    "at_ms": after / 1e6,
                    "bytes": len(body) if isinstance(body, (bytes, bytearray)) else 0,
                    "status": message.get("status") if isinstance(message.get("status"), int) else None,
                    "more": bool(message.get("more_body")),
                }
            )
        return {
            "type": "request",
            "at": at,
            "id": "%d-%d" % (os.getpid(), next(self.ids)),
            "method": method,
            "path": path[:MAX_PATH],
            "route": route_of(scope, scope.get("root_path")),
            "status": status if isinstance(status, int) else None,
            "duration_ms": ns / 1e6,
            "messages": shown,
        }
