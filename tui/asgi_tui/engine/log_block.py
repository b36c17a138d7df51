"""A run of consecutive log entries: what tells them apart in memory, their text in memory or on disk."""

from __future__ import annotations

import marshal
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

from asgi_tui.domain.log_entry import Entry, Ink, Origin, Rest, Span
from asgi_tui.domain.needle import Needle
from asgi_tui.engine.log_archive import Place

# Where a block ends: entries (they are told by 16 bits), characters, and origins (one byte an entry).
BLOCK_ENTRIES = 1_024
BLOCK_CHARS = 256 * 1024
BLOCK_ORIGINS = 256
# Spans of a block, where so many characters of links count as one more: a picture drawn in coloured
# characters takes far more than they do.
BLOCK_SPANS = 32_768
LINK_CHARS = 100
# What a span and an entry take beside their characters, about.
SPAN_BYTES = 150
ENTRY_BYTES = 16


class Body:
    """Texts and times of a block's entries, and what only few of them have, by their place in the block.

    One thread adds, any other may read: ``texts`` are those of an open body, ``joined`` and ``ends`` those of
    a sealed one, and one of the two is always there.
    """

    __slots__ = (
        "chars",
        "counts",
        "ends",
        "joined",
        "painted",
        "requests",
        "rests",
        "spans",
        "texts",
        "times",
    )

    def __init__(self) -> None:
        self.texts: list[str] | None = []
        self.joined = ""
        self.ends: array[int] = array("I")  # of each text in ``joined``, where they are joined by "\n"
        self.times: array[float] = array("d")
        self.spans: dict[int, tuple[Span, ...]] = {}
        self.requests: dict[int, str] = {}
        self.counts: dict[int, tuple[int, float]] = {}  # how often it came, the last time at
        self.rests: dict[int, Rest] = {}
        self.chars = 0
        self.painted = 0  # spans, as BLOCK_SPANS counts them; only of what was added

    def paint(self, index: int, spans: tuple[Span, ...]) -> None:
        """The spans of the entry that is added next."""
        self.spans[index] = spans
        self.painted += len(spans) + sum([len(ink.link) for _, _, ink in spans]) // LINK_CHARS

    def seal(self) -> None:
        """Nothing is added any more."""
        texts = self.texts
        if texts is not None:
            self.joined, self.ends = _join(texts)
            self.texts = None

    @property
    def size(self) -> int:
        """Bytes of memory, about."""
        wide = 1 if self.texts is not None or self.joined.isascii() else 4
        return self.chars * wide + len(self.times) * ENTRY_BYTES + SPAN_BYTES * self.painted

    def text(self, index: int) -> str:
        """The text of one entry."""
        texts = self.texts
        if texts is not None:
            return texts[index]
        return self.joined[self.ends[index - 1] + 1 if index else 0 : self.ends[index]]

    def entry(self, index: int, number: int, origin: Origin) -> Entry:
        """One entry, put together."""
        at = self.times[index]
        count, last_at = self.counts.get(index, (1, at))
        return Entry(
            number,
            at,
            origin,
            self.text(index),
            self.spans.get(index, ()),
            self.requests.get(index, ""),
            count,
            last_at,
            self.rests.get(index),
        )

    def hits(self, needle: Needle, start: int, end: int) -> Iterator[int]:
        """Which of the entries from ``start`` up to ``end`` have a hit."""
        term = needle.text
        if needle.regex or not term.isascii():
            # What is the same in upper and lower case, only the expression knows.
            yield from (index for index in range(start, end) if needle.found(self.text(index)))
            return
        # One search through all of them at once; an entry's text has no hit across its lines.
        texts = self.texts
        if texts is not None:
            joined, ends = _join(texts[start:end])
        else:
            joined, ends = self.joined, self.ends
        first = start if texts is not None else 0
        if not needle.case:
            if not joined.isascii():
                yield from (index for index in range(start, end) if needle.found(self.text(index)))
                return
            joined, term = joined.lower(), term.lower()
        at = 0 if texts is not None or not start else ends[start - 1] + 1
        while term and (at := joined.find(term, at)) >= 0:
            index = bisect_right(ends, at)
            if first + index >= end:
                return
            yield first + index
            at = ends[index] + 1

    def to_bytes(self) -> bytes:
        """As it is kept on disk: in this process's own file, and read by it alone."""
        self.seal()
        spans = {
            index: [(*span[:2], tuple(span.ink)) for span in spans] for index, spans in self.spans.items()
        }
        rests = {index: tuple(rest) for index, rest in self.rests.items()}
        return marshal.dumps(
            (
                self.joined,
                self.ends.tobytes(),
                self.times.tobytes(),
                spans,
                dict(self.requests),
                dict(self.counts),
                rests,
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Body:
        """What ``to_bytes`` gave."""
        body = cls()
        body.texts = None
        body.joined, ends, times, spans, body.requests, body.counts, rests = marshal.loads(data)  # noqa: S302 - ours
        body.ends.frombytes(ends)
        body.times.frombytes(times)
        body.chars = len(body.joined)
        body.spans = {
            index: tuple(Span(start, end, Ink(*ink)) for start, end, ink in spans)
            for index, spans in spans.items()
        }
        body.rests = {index: Rest(*rest) for index, rest in rests.items()}
        return body


def _join(texts: list[str]) -> tuple[str, array[int]]:
    ends = array("I", accumulate(len(text) + 1 for text in texts))
    return "\n".join(texts), array("I", (end - 1 for end in ends))


class Block:
    """Entries from the number ``first`` on. ``origins`` and ``kinds`` stay in memory, the body may not.

    ``kinds`` has for each entry the place of its origin in ``origins``; its length is how many there are.
    ``lines`` counts the lines of texts, ``repeated`` those of the entries that were counted only.
    """

    __slots__ = ("amended", "body", "first", "kind_of", "kinds", "lines", "origins", "place", "repeated")

    def __init__(self, first: int) -> None:
        self.first = first
        self.kinds = bytearray()
        self.origins: list[Origin] = []
        self.kind_of: dict[Origin, int] = {}
        self.lines = 0
        self.repeated = 0
        self.amended = 0  # how often entries that were there already have changed
        self.body: Body | None = Body()
        self.place: Place | None = None

    def __len__(self) -> int:
        return len(self.kinds)

    @property
    def end(self) -> int:
        """The number after its last entry."""
        return self.first + len(self.kinds)

    def origin(self, index: int) -> Origin:
        """Where one of its entries comes from."""
        return self.origins[self.kinds[index]]
