"""Latency percentiles and bins from the buckets that the probe fills."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import accumulate

from asgi_probe.buckets import MAX_NS, bucket_bounds, bucket_of
from asgi_tui.domain.events import Bin

LAST_BUCKET = bucket_of(MAX_NS)
# Where a bin ends and the next begins (ms): 0.1, 0.2, 0.5, 1 and so on up to 5,000,000, above MAX_NS.
EDGES = tuple(step * 10.0**power / 10 for power in range(8) for step in (1, 2, 5))


class Histogram:
    """Counts by bucket; a percentile is off by at most one bucket, which is 3.2% wide.

    Bounded by the buckets that ``asgi_probe.buckets`` knows (under 1,500).
    """

    __slots__ = ("_counts", "_ordered", "max_ns", "total")

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        # The buckets in order; emptied where others came or went, which is seldom after a while.
        self._ordered: list[int] = []
        self.total = 0
        self.max_ns = 0

    @property
    def counts(self) -> Mapping[int, int]:
        """The counts by bucket, in no order."""
        return self._counts

    def add(self, counts: Mapping[int, int], max_ns: int) -> None:
        """Merges bucket counts and the longest duration (ns) they hold."""
        mine, known = self._counts, len(self._counts)
        for bucket, count in counts.items():
            mine[bucket] = mine.get(bucket, 0) + count
        if len(mine) != known:
            self._ordered = []
        self.total += sum(counts.values())
        if max_ns > self.max_ns:
            self.max_ns = max_ns

    def subtract(self, counts: Iterable[tuple[int, int]], max_ns: int) -> None:
        """Takes back bucket counts that were added; ``max_ns`` is the longest of those that stay."""
        for bucket, count in counts:
            left = self._counts[bucket] - count
            self.total -= count
            if left:
                self._counts[bucket] = left
            else:
                del self._counts[bucket]
                self._ordered = []
        self.max_ns = max_ns

    def copy(self) -> Histogram:
        """Another one with the same counts."""
        copy = Histogram()
        copy._counts, copy._ordered = dict(self._counts), self._ordered
        copy.total, copy.max_ns = self.total, self.max_ns
        return copy

    def percentiles(self, *shares: float) -> tuple[float, ...]:
        """The durations (ms) under which each of ``shares`` (0 to 1, ascending) of the requests lie."""
        if not self.total:
            return tuple(0.0 for _ in shares)
        found: list[float] = []
        ordered = self._ordered = self._ordered or sorted(self._counts)
        reached = list(accumulate(map(self._counts.__getitem__, ordered)))
        for share in shares:
            rank = max(1, share * self.total)
            low, high = bucket_bounds(ordered[bisect_left(reached, rank)])
            found.append(min((low + high) / 2, self.max_ns) / 1e6)
        return tuple(found)

    def bins(self) -> tuple[Bin, ...]:
        """The counts on a scale for people, from the shortest bin with a request to the longest.

        A bucket that an edge cuts is counted where its middle is.
        """
        found: dict[int, int] = {}
        for bucket, count in self._counts.items():
            place = _bin_of(bucket)
            found[place] = found.get(place, 0) + count
        if not found:
            return ()
        edges = (0.0, *EDGES)
        return tuple(
            Bin(edges[place], edges[place + 1], found.get(place, 0))
            for place in range(min(found), max(found) + 1)
        )


@cache  # bounded: called for buckets alone
def _bin_of(bucket: int) -> int:
    low, high = bucket_bounds(bucket)
    return bisect_right(EDGES, (low + high) / 2 / 1e6)
