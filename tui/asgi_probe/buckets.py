"""Latency buckets: 32 linear steps in each power of two, so a bucket is at most 3.2% wide."""

from __future__ import annotations

STEP_BITS = 5
# 2**42 ns is 73 minutes; what takes longer is counted in the last bucket.
MAX_NS = 1 << 42


def bucket_of(ns: int) -> int:
    """The bucket of a duration in nanoseconds."""
    if ns < 0:
        ns = 0
    elif ns > MAX_NS:
        ns = MAX_NS
    shift = ns.bit_length() - 1 - STEP_BITS
    if shift <= 0:
        return ns
    return ((shift + 1) << STEP_BITS) + (ns >> shift) - (1 << STEP_BITS)


def bucket_bounds(bucket: int) -> tuple[int, int]:
    """The durations (ns) a bucket holds: from the first, up to but not the second."""
    shift = (bucket >> STEP_BITS) - 1
    if shift <= 0:
        return bucket, bucket + 1
    low = ((bucket & ((1 << STEP_BITS) - 1)) + (1 << STEP_BITS)) << shift
    return low, low + (1 << shift)
