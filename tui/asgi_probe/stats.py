"""What a process's requests add up to between two summaries; used in the shipping thread alone."""

from __future__ import annotations

import os
from collections import Counter

from .buckets import bucket_of
from .routes import MAX_PATH, name_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable, Tuple

    from .routes import Place

    # place, status, nanoseconds, bytes in, bytes out (or the path of a file sent), failed (see ``SILENT``)
    Record = Tuple[Place, Any, int, Any, Any, Any]

# Routes told apart in one process; the rest is counted under OTHER.
MAX_ROUTES = 500
# Of these, paths without a template: a scan of made-up paths must not crowd out the app's own routes.
MAX_PATHS = 400
OTHER = "(other)"
# Paths whose names are remembered, each of at most MAX_PATH characters; then they are made anew.
MAX_BARE = 1000

# Marks in the place of a status: no app can send them.
ACCEPTED = object()  # a WebSocket that was accepted
LATE = object()  # an exception after the response, whose status is in the place of the bytes in
# In the place of ``failed``: the app returned without a response while its client was still there.
SILENT = "silent"


class Route:
    """What one route gathered since the last summary."""

    __slots__ = ("buckets", "bytes", "errors", "max_ns", "requests")

    def __init__(self) -> None:
        self.requests = self.errors = self.max_ns = self.bytes = 0
        self.buckets: Counter[int] = Counter()


class Names:
    """The bounded set of route names of a process."""

    def __init__(self) -> None:
        self.templates: set[str] = set()
        self.paths: set[str] = set()
        # Names by method and path, of requests that no framework left anything of in the scope.
        self.bare: dict[tuple[str, str], str] = {}

    def of(self, place: Place) -> str:
        """The name to count under."""
        method, path, _, path_template, route, fastapi, _, _ = place
        if not (path_template is route is fastapi is None and type(method) is type(path) is str):
            return self._of(place)
        if len(path) > MAX_PATH or len(method) > MAX_PATH:
            return self._of(place)
        name = self.bare.get((method, path))
        if name is None:
            if len(self.bare) >= MAX_BARE:
                self.bare.clear()
            name = self.bare[method, path] = self._of(place)
        return name

    def _of(self, place: Place) -> str:
        name, is_template = name_of(place)
        known = self.templates if is_template else self.paths
        if name in known:
            return name
        room = MAX_ROUTES - len(self.templates) - len(self.paths)
        if room <= 0 or (not is_template and len(self.paths) >= MAX_PATHS):
            return OTHER
        known.add(name)
        return name


class Totals:
    """Sums of records, until they are told and begun anew."""

    def __init__(self) -> None:
        self.requests = self.errors = self.websockets = self.bytes_in = self.bytes_out = 0
        self.unreadable = 0
        self.statuses: Counter[str] = Counter()
        self.routes: dict[str, Route] = {}

    def add(self, records: Iterable[Record], names: Names) -> None:
        """Adds records; one that cannot be read (an app may send what it likes) is counted as such."""
        for record in records:
            try:
                self._add(record, names)
            except Exception:
                self.unreadable += 1

    def _add(self, record: Record, names: Names) -> None:
        place, status, ns, read, written, failed = record
        name = names.of(place)
        route = self.routes.get(name)
        if route is None:
            route = self.routes[name] = Route()
        if status is LATE:
            # The response was counted already, and as an error if it was one.
            if code_of(read) < 500:
                self.errors += 1
                route.errors += 1
            return
        if status is ACCEPTED:
            self.websockets += 1
            route.requests += 1
            return
        # Servers answer 500 for an app that raised before it started its response.
        code = code_of(status) or (500 if failed is True else 0)
        self.requests += 1
        route.requests += 1
        self.bytes_in += read
        # No server sends the body of an answer to HEAD (RFC 9110 9.3.2).
        if place[0] == "HEAD":
            written = 0
        elif type(written) is not int:
            written = size_of_file(written)
        self.bytes_out += written
        route.bytes += read + written
        self.statuses[str(code) if code else "none"] += 1
        if failed or code >= 500:
            self.errors += 1
            route.errors += 1
        route.buckets[bucket_of(ns)] += 1
        if ns > route.max_ns:
            route.max_ns = ns

    def any(self) -> bool:
        """Whether anything was counted."""
        return bool(self.routes or self.unreadable)

    def message(self) -> dict[str, object]:
        """What a summary tells of them."""
        return {
            "type": "stats",
            "requests": self.requests,
            "errors": self.errors,
            "websockets": self.websockets,
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
            "statuses": self.statuses,
            "routes": [
                [
                    *(name, route.requests, route.errors, route.max_ns),
                    *(list(route.buckets.items()), route.bytes),
                ]
                for name, route in self.routes.items()
            ],
        }


def code_of(status: Any) -> int:
    """A status as a number, 0 for none; an ``HTTPStatus`` is one, what no server sends is none."""
    return int(status) if isinstance(status, int) and 100 <= status < 1000 else 0


def size_of_file(path: Any) -> int:
    """Bytes of a file that the server sent by its path; 0 where it is gone."""
    try:
        return os.stat(path).st_size
    except (OSError, TypeError, ValueError):
        return 0
