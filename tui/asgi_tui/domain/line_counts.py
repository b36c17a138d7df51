"""How many lines of a file were added and removed."""

from __future__ import annotations

from collections import Counter
from difflib import SequenceMatcher

# Lines on both sides together up to which they are compared in order; beyond that it takes too long.
ORDERED = 1000


def line_counts(old: bytes, new: bytes) -> tuple[int, int]:
    """Lines added and removed between two contents of a file.

    Exact for changes of up to ORDERED lines; beyond, a line that only moved counts as neither.
    """
    before, after = old.splitlines(), new.splitlines()
    start = _common(before, after)
    before, after = before[start:], after[start:]
    end = _common(before[::-1], after[::-1])
    before, after = before[: len(before) - end], after[: len(after) - end]
    if len(before) + len(after) <= ORDERED:
        blocks = SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
        kept = sum(block.size for block in blocks)
    else:
        kept = (Counter(before) & Counter(after)).total()
    return len(after) - kept, len(before) - kept


def _common(first: list[bytes], second: list[bytes]) -> int:
    """How many lines are the same from the start on."""
    pairs = zip(first, second, strict=False)
    return next(
        (index for index, (one, other) in enumerate(pairs) if one != other), min(len(first), len(second))
    )
