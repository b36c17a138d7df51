"""A series of counts in equal steps of time, as a sparkline shows them."""

from __future__ import annotations


class Steps:
    """Requests and errors by step; a step in which nothing came costs nothing.

    ``origin`` is when the series began, on any monotonic clock (seconds), ``width`` the seconds of a step.
    At most ``most`` steps are kept: the oldest are dropped, or where the series is ``doubling``, two become
    one, twice as wide.
    """

    def __init__(self, origin: float, width: float, most: int, *, doubling: bool) -> None:
        self.width = width
        self._origin = origin
        self._most = most
        self._doubling = doubling
        self._current = 0
        self._counts: dict[int, tuple[int, int]] = {}

    def add(self, requests: int, errors: int, now: float) -> None:
        """Counts what came at ``now``."""
        place = self._slide(now)
        before = self._counts.get(place, (0, 0))
        self._counts[place] = (before[0] + requests, before[1] + errors)

    def rates(self, now: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Requests and errors per second in each step since the origin that is kept, the newest last.

        The step that goes on is told once half of it has passed, over that time: less says nothing.
        """
        current = self._slide(now)
        passed = now - self._origin - current * self.width
        last = current if passed >= self.width / 2 else current - 1
        requests: list[float] = []
        errors: list[float] = []
        for place in range(max(0, last - self._most + 1), last + 1):
            seconds = passed if place == current else self.width
            counts = self._counts.get(place, (0, 0))
            requests.append(counts[0] / seconds)
            errors.append(counts[1] / seconds)
        return tuple(requests), tuple(errors)

    def settled(self, now: float) -> bool:
        """Whether its end is told: nothing is left of what came, or where it stays an empty step after it."""
        self._slide(now)
        if not self._counts:
            return True
        return self._doubling and now - self._origin >= (max(self._counts) + 1.5) * self.width

    def _slide(self, now: float) -> int:
        """Makes room for the step of ``now``; its number."""
        current = int((now - self._origin) / self.width)
        if self._doubling:
            while current >= self._most:
                self._double()
                current = int((now - self._origin) / self.width)
        elif current > self._current:
            # One more than are told: the newest may not be told yet.
            for place in [place for place in self._counts if place < current - self._most]:
                del self._counts[place]
        self._current = current
        return current

    def _double(self) -> None:
        halves, self._counts = self._counts, {}
        self.width *= 2
        for place, (requests, errors) in halves.items():
            before = self._counts.get(place // 2, (0, 0))
            self._counts[place // 2] = (before[0] + requests, before[1] + errors)
