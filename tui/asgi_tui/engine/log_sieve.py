"""The entries of a store that pass a filter and a search, found bit by bit, newest first."""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate, compress
from typing import NamedTuple

from asgi_tui.domain.log_filter import LogFilter
from asgi_tui.domain.needle import Needle
from asgi_tui.engine.log_block import Block
from asgi_tui.engine.log_store import LogStore


class _Seen(NamedTuple):
    """What passed of one block: two bytes for each entry that did, at most 16 MB of a full store."""

    entries: int  # looked at
    amended: int
    passed: array[int]  # their places in the block


class _Index(NamedTuple):
    """What passed of all blocks, the oldest first; never changed once it is made."""

    firsts: list[int]  # of the blocks
    passed: list[array[int]]
    ends: list[int]  # how many passed up to the end of each block

    def rank(self, number: int) -> int:
        """How many come before that number."""
        block = bisect_right(self.firsts, number) - 1
        if block < 0:
            return 0
        before = self.ends[block - 1] if block else 0
        return before + bisect_left(self.passed[block], number - self.firsts[block])

    def at(self, rank: int) -> int:
        """The number of the entry of that rank. Raises ``IndexError``."""
        block = bisect_right(self.ends, rank)
        before = self.ends[block - 1] if block else 0
        return self.firsts[block] + self.passed[block][rank - before]


class Sieve:
    """Numbers of the entries that pass. ``advance`` is called in a thread, the rest on the event loop.

    What was looked at is kept block by block, so that looking at new entries costs what they cost.
    """

    def __init__(
        self, store: LogStore, wanted: LogFilter, needle: Needle | None = None, *, around: int | None = None
    ) -> None:
        """``around``: the entry to look at first, then those before it, then the newest; None: the newest."""
        self._store = store
        self._wanted = wanted
        self._around = around
        self._by_request = any(term.request is not None for term in wanted.terms)
        # What the text has to have, and whether it must not.
        self._texts = [(term.content, term.negated) for term in wanted.terms if term.content is not None]
        if needle is not None:
            self._texts.append((needle, False))
        self._seen: dict[int, _Seen] = {}  # by the block's first entry
        self._index = _Index([], [], [])
        self._end = -1  # up to which all is looked at
        self._amendments = -1
        self.version = 0

    # -- looking, in a thread ------------------------------------------------------------------------

    def advance(self, seconds: float) -> bool:
        """Looks at more entries for about that long; whether all that there were are looked at. Blocks.

        Raises ``Problem`` where the needle is no regular expression.
        """
        until = time.monotonic() + seconds
        amendments = self._store.amendments
        blocks = self._store.blocks()
        whole = self._end >= 0 and amendments == self._amendments
        end = blocks[-1].end
        done, changed = True, False
        for block in self._in_turn(blocks):
            seen = self._seen.get(block.first)
            if seen is not None and seen.entries == len(block) and seen.amended == block.amended:
                if whole and block is not blocks[-1]:
                    break  # and so are all before it
                continue
            changed = True
            self._seen[block.first] = self._look(block, seen)
            if time.monotonic() > until:
                done = False
                self._amendments = (
                    -1
                )  # there may be a gap: not before all are looked at, it stops at a known one
                break
        if changed:
            self._publish(blocks)
        if done:
            self._end, self._amendments = end, amendments
        return done

    def _in_turn(self, blocks: list[Block]) -> Iterable[Block]:
        """Newest first; the first time those around an entry, then those before it, then the newest."""
        if self._around is None or self._end >= 0:
            return reversed(blocks)
        middle = sum(block.first <= self._around for block in blocks)
        return [*reversed(blocks[:middle]), *reversed(blocks[middle:])]

    def _look(self, block: Block, seen: _Seen | None) -> _Seen:
        end, amended = len(block), block.amended
        if seen is not None and seen.amended == amended:
            start, passed = seen.entries, seen.passed[:]
        else:
            start, passed = 0, array("H")
        passed.extend(self._passing(block, start, end))
        return _Seen(end, amended, passed)

    def _passing(self, block: Block, start: int, end: int) -> Iterable[int]:
        passes = bytes(self._wanted.origin_passes(origin) for origin in block.origins)
        mask = block.kinds[start:end].translate(passes.ljust(256, b"\0"))
        if 1 not in mask:
            return ()
        chosen: Iterator[int] = compress(range(start, end), mask)
        if not self._texts and not self._by_request:
            return chosen
        body = self._store.body(block)
        if body is None:
            return ()  # it had to go meanwhile
        if self._by_request:
            requests = body.requests
            chosen = (index for index in chosen if self._wanted.request_passes(requests.get(index, "")))
        passing = list(chosen)
        for needle, negated in self._texts:
            if needle.regex:
                passing = [index for index in passing if needle.found(body.text(index)) != negated]
            elif passing:
                found = set(body.hits(needle, start, end))
                passing = [index for index in passing if (index in found) != negated]
        return passing

    def _publish(self, blocks: list[Block]) -> None:
        """Makes the index anew: a few thousand blocks at most. Forgets blocks that are gone."""
        kept = [(block.first, seen) for block in blocks if (seen := self._seen.get(block.first)) is not None]
        if len(kept) < len(self._seen):
            self._seen = dict(kept)
        passed = [seen.passed for _, seen in kept]
        self._index = _Index([first for first, _ in kept], passed, list(accumulate(map(len, passed))))
        self.version += 1

    # -- what was found ------------------------------------------------------------------------------

    @property
    def complete(self) -> bool:
        """Whether every entry of the store is looked at, also those that came since ``advance``."""
        return self._end >= self._store.end and self._amendments == self._store.amendments

    def _gone(self, index: _Index) -> int:
        return index.rank(self._store.first)

    def __len__(self) -> int:
        """How many passed, of those looked at and still kept."""
        index = self._index
        return index.ends[-1] - self._gone(index) if index.ends else 0

    def rank(self, number: int) -> int:
        """How many that passed come before the entry of that number, which need not have passed."""
        index = self._index
        return max(index.rank(number) - self._gone(index), 0)

    def at(self, rank: int) -> int:
        """The number of the entry of that rank. Raises ``IndexError``."""
        index = self._index
        rank += self._gone(index)
        if rank < 0:
            raise IndexError(rank)
        return index.at(rank)

    def __contains__(self, number: int) -> bool:
        """Whether the entry is known to pass."""
        index = self._index
        return index.rank(number + 1) > index.rank(number) and number >= self._store.first
