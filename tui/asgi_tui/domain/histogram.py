"""Latency percentiles from the buckets that the probe fills."""

from __future__ import annotations

from collections.abc import Mapping

from asgi_probe.buckets import bucket_bounds


class Histogram:
    """Counts by bucket; a percentile is off by at most one bucket, which is 3.2% wide.

    Bounded by the buckets that ``asgi_probe.buckets`` knows (under 1,500).
    """

    __slots__ = ("_counts", "max_ns", "total")

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self.total = 0
        self.max_ns = 0

    def add(self, counts: Mapping[int, int], max_ns: int) -> None:
        """Merges bucket counts and the longest duration (ns) they hold."""
        for bucket, count in counts.items():
            self._counts[bucket] = self._counts.get(bucket, 0) + count
            self.total += count
        self.max_ns = max(self.max_ns, max_ns)

    def percentiles(self, *shares: float) -> tuple[float, ...]:
        """The durations (ms) under which each of ``shares`` (0 to 1, ascending) of the requests lie."""
        if not self.total:
            return tuple(0.0 for _ in shares)
        found: list[float] = []
        seen = 0
        ordered = iter(sorted(self._counts.items()))
        bucket = 0
        for share in shares:
            rank = max(1, share * self.total)
            while seen < rank:
                bucket, count = next(ordered)
                seen += count
            low, high = bucket_bounds(bucket)
            found.append(min((low + high) / 2, self.max_ns) / 1e6)
        return tuple(found)
