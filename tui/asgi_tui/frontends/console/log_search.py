"""What of the log is shown and what is found in it: sieves that are advanced bit by bit."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Protocol

from asgi_tui.domain.log_entry import Origin
from asgi_tui.domain.log_filter import LogFilter, LogTerm
from asgi_tui.domain.needle import Needle
from asgi_tui.engine.log_sieve import Sieve
from asgi_tui.engine.log_store import LogStore


class Members(Protocol):
    """Numbers of entries in order."""

    def __len__(self) -> int: ...

    def __contains__(self, number: int) -> bool: ...

    def rank(self, number: int) -> int:
        """How many come before that number."""

    def at(self, rank: int) -> int:
        """The number of that rank. Raises ``IndexError``."""


class Whole:
    """Every entry of a store."""

    def __init__(self, store: LogStore) -> None:
        self._store = store

    def __len__(self) -> int:
        return max(self._store.end - self._store.first, 0)

    def __contains__(self, number: int) -> bool:
        return self._store.first <= number < self._store.end

    def rank(self, number: int) -> int:
        """How many come before that number."""
        first = self._store.first
        return min(max(number - first, 0), max(self._store.end - first, 0))

    def at(self, rank: int) -> int:
        """The number of that rank. Raises ``IndexError``."""
        number = self._store.first + rank
        if rank < 0 or number >= self._store.end:
            raise IndexError(rank)
        return number


@dataclass(frozen=True, slots=True)
class Hits:
    """How far a search is: rank of the current hit (None without one), hits so far, whether these are all."""

    index: int | None = None
    total: int = 0
    complete: bool = True


def _serious(origin: Origin) -> bool:
    return origin.level in ("error", "critical")


ERRORS = LogTerm("level>=error", origin=_serious)


class LogSearch:
    """The filter and the search of a view. ``advance`` is called in a thread, the rest on the event loop."""

    def __init__(self, store: LogStore) -> None:
        self.wanted = LogFilter()
        self.needle: Needle | None = None
        self.members: Members = Whole(store)
        self.hits: Sieve | None = None
        self.hit: int | None = None  # the current one
        self._store = store
        self._coming: Sieve | None = None  # of a filter that has no results yet
        self._errors: Sieve | None = None
        self._looking = threading.Lock()
        self._advanced: Sieve | None = None  # the last one that looked

    def set_filter(self, wanted: LogFilter, around: int | None) -> None:
        """Another filter. What passed the last one stays until something passes this one."""
        self.wanted, self._errors, self._coming = wanted, None, None
        if wanted.terms:
            self._coming = Sieve(self._store, wanted, around=around)
        else:
            self.members = Whole(self._store)
        self.hits = None if self.needle is None else Sieve(self._store, wanted, self.needle, around=around)

    def set_needle(self, needle: Needle | None, around: int | None) -> None:
        """Another search, that begins at an entry; None: at the newest. Raises ``Problem``."""
        if needle is not None:
            needle.check()
        self.needle, self.hit = needle, None
        self.hits = None if needle is None else Sieve(self._store, self.wanted, needle, around=around)

    def _sieves(self) -> list[Sieve]:
        shown = self.members if isinstance(self.members, Sieve) and self._coming is None else None
        return [sieve for sieve in (self._coming, shown, self.hits) if sieve is not None]

    @property
    def unfinished(self) -> bool:
        """Whether there is anything left to look at."""
        return any(not sieve.complete for sieve in self._sieves())

    def advance(self, seconds: float) -> bool:
        """Looks at more entries, so many seconds for each search; whether these were all. Blocks.

        Raises ``Problem`` where an expression takes too long: ``blamed`` says whose.
        """
        done = True
        for sieve in self._sieves():
            self._advanced = sieve
            done = (sieve.complete or sieve.advance(seconds)) and done
        return done

    @property
    def blamed(self) -> str:
        """What ``advance`` could not do: the ``filter`` or the ``search``; empty where that has changed."""
        if self._advanced not in self._sieves():
            return ""
        return "search" if self._advanced is self.hits else "filter"

    def settle(self) -> bool:
        """Takes over the results of a new filter once there are some; whether it did."""
        if self._coming is None or not (len(self._coming) or self._coming.complete):
            return False
        self.members, self._coming = self._coming, None
        return True

    @property
    def shown(self) -> int:
        """How many entries are known to pass."""
        return len(self.members if self._coming is None else self._coming)

    @property
    def complete(self) -> bool:
        """Whether the filter has looked at everything."""
        if self._coming is not None:
            return False
        return not isinstance(self.members, Sieve) or self.members.complete

    @property
    def progress(self) -> Hits:
        """How far the search is."""
        if self.hits is None:
            return Hits()
        found = self.hit is not None and self.hit in self.hits
        index = self.hits.rank(self.hit) if found and self.hit is not None else None
        return Hits(index, len(self.hits), self.hits.complete)

    def pick(self, bottom: int) -> int | None:
        """Makes the last hit up to an entry the current one, else the first after it.

        As long as the search goes on, hits before may still be found: only then the first after counts.
        """
        if self.hits is None or not len(self.hits):
            return None
        rank = self.hits.rank(bottom + 1)
        if rank or self.hits.complete:
            self.hit = near(self.hits, max(rank - 1, 0))
        return self.hit

    def step(self, by: int, start: int) -> int | None:
        """To the next or the previous hit from an entry on; round the ends once all are known."""
        hits = self.hits
        if hits is None or not len(hits):
            return None
        start = self.hit if self.hit is not None else start
        rank = hits.rank(start) + (by if by < 0 else 1 if start in hits else 0)
        if not 0 <= rank < len(hits):
            if not hits.complete:
                return None
            rank %= len(hits)
        self.hit = near(hits, rank)
        return self.hit

    def error(self, by: int, start: int) -> int | None:
        """The nearest error after (``by`` 1) or before (-1) an entry. Blocks."""
        with self._looking:  # one that was given up may still be at it
            if self._errors is None:
                self._errors = Sieve(self._store, LogFilter((*self.wanted.terms, ERRORS)), around=start)
            errors = self._errors
            while not errors.advance(1.0):
                pass
        rank = errors.rank(start) + (by if by < 0 else 1 if start in errors else 0)
        return near(errors, rank) if 0 <= rank < len(errors) else None


def near(members: Members, rank: int) -> int | None:
    """The number of a rank; None where there is none (any more)."""
    try:
        return members.at(rank)
    except IndexError:
        return None
