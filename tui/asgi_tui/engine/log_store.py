"""The log of one session: the newest entries in memory, older ones on disk, all bounded, searchable."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Iterator

from asgi_tui.domain.log_entry import Entry, Fresh, Origin, Rest, Span
from asgi_tui.engine.log_archive import Archive
from asgi_tui.engine.log_block import BLOCK_CHARS, BLOCK_ENTRIES, BLOCK_ORIGINS, BLOCK_SPANS, Block, Body

# Kept in memory: lines, unless the store is made with another number, and bytes. The rest is on disk.
MEMORY_LINES = 100_000
MEMORY_BYTES = 32 * 1024 * 1024
# Blocks kept, on disk or not: what is in memory of each is small, but a log of single words would have many.
MAX_BLOCKS = 8_192
# Blocks read back from disk that stay for a while.
LOADED_BLOCKS = 16


class LogStore:
    """Entries by their number: ``first`` is the oldest one kept, ``end`` the number the next will have.

    Every method may be called from any thread. Those said to block read or write the disk and are not for
    the event loop.
    """

    def __init__(self, lines: int = MEMORY_LINES, *, archive: Archive | None = None) -> None:
        """``lines``: how many are kept in memory at most."""
        self.maximum = lines
        self._archive = archive or Archive()
        self._lock = threading.Lock()
        self._blocks: list[Block] = [Block(0)]
        self._firsts: list[int] = [0]  # of each block
        self._in_memory: list[Block] = []  # sealed ones whose body is in memory, the oldest first
        self._memory_lines = 0  # of these
        self._memory_bytes = 0
        self._shelving = threading.Lock()
        self._loaded: OrderedDict[int, Body] = OrderedDict()  # by the block's first entry
        # Of the newest entry the origin, text, request and spans.
        self._last: tuple[Origin, str, str, tuple[Span, ...]] | None = None
        self._pending: dict[tuple[object, str], tuple[str, float, str, int]] = {}
        self._lines = 0
        self.version = 0  # another one whenever anything that is shown has changed
        self.amendments = 0  # how often an entry that was there already got its request
        self.evicted = 0  # lines that had to go since the last ``clear``
        self.missed = 0  # bytes, as ``miss`` counted them
        self.has_loggers = False  # whether any entry ever told its logger

    # -- writing -------------------------------------------------------------------------------------

    def append(self, batch: Iterable[Fresh]) -> None:
        """Adds entries. One that equals the last one only counts it up. Blocks for moments: it may write."""
        with self._lock:
            before = self._lines
            for fresh in batch:
                self._add(fresh)
            if self._lines != before:
                self.version += 1
        self._make_room()

    def _add(self, fresh: Fresh) -> None:
        at, origin, text, spans, request, rest = fresh
        block = self._blocks[-1]
        body = block.body
        assert body is not None  # that of the newest block always is in memory
        # Links and colours tell them apart as well.
        painted = tuple(spans)
        lines = text.count("\n") + 1
        self._lines += lines
        if rest is None and self._last == (origin, text, request, painted):
            index = len(block.kinds) - 1
            count, _ = body.counts.get(index, (1, 0.0))
            body.counts[index] = count + 1, at
            block.repeated += lines
            return
        kind = block.kind_of.get(origin)
        if (
            len(block.kinds) >= BLOCK_ENTRIES
            or body.chars >= BLOCK_CHARS
            or body.painted >= BLOCK_SPANS
            or (kind is None and len(block.origins) >= BLOCK_ORIGINS)
        ):
            block = self._next_block()
            body = block.body
            assert body is not None
            kind = None
        if kind is None:
            kind = block.kind_of[origin] = len(block.origins)
            block.origins.append(origin)
            self.has_loggers = self.has_loggers or bool(origin.logger)
        assert body.texts is not None  # it is open
        index = len(body.texts)
        if painted:
            body.paint(index, painted)
        if request:
            body.requests[index] = request
        if rest is not None:
            body.rests[index] = rest
        body.texts.append(text)
        body.times.append(at)
        body.chars += len(text) + 1
        block.lines += lines
        # Last: it is what tells readers that the entry is there.
        block.kinds.append(kind)
        self._last = (origin, text, request, painted) if rest is None else None

    def _next_block(self) -> Block:
        old = self._blocks[-1]
        assert old.body is not None
        old.body.seal()
        old.kind_of = {}  # it is asked for by what is added alone
        self._in_memory.append(old)
        self._memory_lines += old.lines
        self._memory_bytes += old.body.size
        block = Block(old.end)
        self._blocks.append(block)
        self._firsts.append(block.first)
        return block

    def _make_room(self) -> None:
        """Brings the oldest bodies to disk; what has no room there either is forgotten."""
        with self._shelving:
            while True:
                with self._lock:
                    if not self._in_memory or not self._full:
                        break
                    block = self._in_memory[0]
                    body, amended = block.body, block.amended
                assert body is not None
                place = self._archive.write(body.to_bytes())
                with self._lock:
                    if self._in_memory[:1] != [block] or block.amended != amended:
                        continue  # cleared meanwhile, or one of its entries got its request
                    self._in_memory.pop(0)
                    self._memory_lines -= block.lines
                    self._memory_bytes -= body.size
                    block.place, block.body = place, None
                    if place is None:
                        # The disk has no room: its entries go without a text until those before them do.
                        self._let_go(block)
                        self.version += 1
            with self._lock:
                self._forget()

    @property
    def _full(self) -> bool:
        return self._memory_lines > self.maximum or self._memory_bytes > MEMORY_BYTES

    def _forget(self) -> None:
        oldest = self._archive.oldest
        gone = max(len(self._blocks) - MAX_BLOCKS, 0)
        for block in self._blocks[gone:]:
            if block.body is not None or (block.place is not None and block.place[0] >= oldest):
                break
            gone += 1
        for block in self._blocks[:gone]:
            self._loaded.pop(block.first, None)
            if block.body is not None:
                self._in_memory.remove(block)
                self._memory_lines -= block.lines
                self._memory_bytes -= block.body.size
            self._let_go(block)
        if gone:
            del self._blocks[:gone], self._firsts[:gone]
            self.version += 1

    def _let_go(self, block: Block) -> None:
        """Counts the lines of a block as evicted, once."""
        self._lines -= block.lines + block.repeated
        self.evicted += block.lines + block.repeated
        block.lines = block.repeated = 0

    def pend(self, stream: str, at: float, text: str, size: int, run: object = None) -> None:
        """What of ``stream`` has no end of line yet: safe text, shown below the entries; empty takes it away.

        ``size``: bytes of the unfinished line in all, more than the text has where it is long. ``run``: whose
        it is, since two runs overlap while one takes the other's place.
        """
        with self._lock:
            if text:
                self._pending[run, stream] = stream, at, text, size
            elif self._pending.pop((run, stream), None) is None:
                return
            self.version += 1

    def keep(self, text: str) -> tuple[int, int, int] | None:
        """Writes a piece of a line's rest to disk; its place, None where it cannot be written. Blocks."""
        return self._archive.write(text.encode("utf-8"))

    def miss(self, size: int) -> None:
        """Bytes of output that never got here, since they came faster than they were read."""
        with self._lock:
            self.missed += size
            self.version += 1

    def assign(self, number: int, request: str) -> None:
        """Says which request an entry belongs to; nothing happens where it is not in memory any more."""
        with self._lock:
            block = self._block(number)
            if block is None or block.body is None or number >= block.end:
                return
            block.body.requests[number - block.first] = request
            block.amended += 1
            self.amendments += 1
            self.version += 1
            if number == self.end - 1:
                self._last = None  # what comes next is of another request

    def clear(self) -> None:
        """Forgets all entries, on disk too; numbers go on. Blocks."""
        with self._lock:
            end = self._blocks[-1].end
            self._blocks, self._firsts = [Block(end)], [end]
            self._in_memory = []
            self._memory_lines = self._memory_bytes = self._lines = 0
            self.evicted = self.missed = 0
            self._loaded.clear()
            self._last = None
            self._archive.clear()
            self.version += 1

    def close(self) -> None:
        """Gives back what is on disk, where nothing is written from now on. Blocks."""
        self._archive.close()

    # -- reading -------------------------------------------------------------------------------------

    @property
    def first(self) -> int:
        """The number of the oldest entry kept."""
        return self._firsts[0]

    @property
    def end(self) -> int:
        """The number the next entry will have."""
        return self._blocks[-1].end

    @property
    def lines(self) -> int:
        """Lines kept, in memory and on disk, repeated ones counted."""
        return self._lines

    @property
    def pending(self) -> tuple[tuple[str, float, str, int], ...]:
        """Unfinished lines: stream, time, text and size, at most one of each stream of a run."""
        with self._lock:
            return tuple(self._pending.values())

    def _block(self, number: int) -> Block | None:
        index = bisect_right(self._firsts, number) - 1
        return self._blocks[index] if index >= 0 else None

    def _found(self, number: int) -> Block:
        with self._lock:
            block = self._block(number)
        if block is None or number >= block.end:
            raise IndexError(number)
        return block

    def entry(self, number: int) -> Entry | None:
        """An entry; None where it is on disk and was not loaded. Raises ``IndexError`` where it is gone."""
        block = self._found(number)
        body = block.body or self._loaded.get(block.first)
        if body is None:
            return None
        index = number - block.first
        return body.entry(index, number, block.origin(index))

    def load(self, number: int) -> None:
        """Reads an entry and its neighbours from disk, so that ``entry`` has them for a while. Blocks."""
        try:
            block = self._found(number)
        except IndexError:
            return
        if block.body is None and block.first not in self._loaded and (body := self.body(block)) is not None:
            with self._lock:
                self._loaded[block.first] = body
                while len(self._loaded) > LOADED_BLOCKS:
                    self._loaded.popitem(last=False)

    def entries(self, numbers: Iterable[int]) -> Iterator[Entry]:
        """Entries in that order, those that are gone left out. Blocks."""
        block: Block | None = None
        body: Body | None = None
        for number in numbers:
            if block is None or not block.first <= number < block.end or body is None:
                try:
                    block = self._found(number)
                except IndexError:
                    continue
                body = self.body(block)
            if body is not None:
                index = number - block.first
                yield body.entry(index, number, block.origin(index))

    def rest(self, rest: Rest) -> Iterator[str]:
        """The pieces of a line's rest that are still kept. Blocks."""
        for place in rest.places:
            data = self._archive.read(place)
            if data is not None:
                yield data.decode("utf-8")

    # -- for sieves ----------------------------------------------------------------------------------

    def blocks(self) -> list[Block]:
        """All blocks, the oldest first."""
        with self._lock:
            return list(self._blocks)

    def body(self, block: Block) -> Body | None:
        """A block's body, from disk where it has to be; None where it is gone. Blocks."""
        body = block.body
        place = block.place
        if body is None and place is not None:
            data = self._archive.read(place)
            body = None if data is None else Body.from_bytes(data)
        return body
