"""What a process's requests add up to between two summaries; used in the shipping thread alone."""

from __future__ import annotations

from collections import Counter

from .buckets import bucket_of
from .routes import name_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable, Tuple

    from .routes import Place

    # place, status, nanoseconds, bytes in, bytes out (or the path of a file sent), failed
    Record = Tuple[Place, Any, int, int, Any, bool]

# Routes told apart in one process; the rest is counted under OTHER.
MAX_ROUTES = 500
# Of these, paths without a template: a scan of made-up paths must not crowd out the app's own routes.
MAX_PATHS = 400
OTHER = "(other)"

# Marks in the place of a status: no app can send them.
ACCEPTED = object()  # a WebSocket that was accepted
LATE = object()  # an exception after the response, whose status is in the place of the duration


class Route:
    """What one route gathered since the last summary."""

    __slots__ = ("buckets", "errors", "max_ns", "requests")

    def __init__(self) -> None:
        self.requests = self.errors = self.max_ns = 0
        self.buckets: Counter[int] = Counter()


class Names:
    """The bounded set of route names of a process."""

    def __init__(self) -> None:
        self.templates: set[str] = set()
        self.paths: set[str] = set()

    def of(self, place: Place) -> str:
        """The name to count under."""
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
        # Requests of one route and outcome come in runs, so the last place's name is kept.
        last: Place | None = None
        route = Route()
        for place, status, ns, read, written, failed in records:
            try:
                if place != last:
                    route = self._route(names.of(place))
                    last = place
                if status is LATE:
                    # The response was counted already, and as an error if it was one.
                    if _code(ns) < 500:
                        self.errors += 1
                        route.errors += 1
                    continue
                route.requests += 1
                if status is ACCEPTED:
                    self.websockets += 1
                    continue
                self._request(route, place, status, ns, read, written, failed)
            except Exception:
                last = None
                self.unreadable += 1

    def _route(self, name: str) -> Route:
        route = self.routes.get(name)
        if route is None:
            route = self.routes[name] = Route()
        return route
