"""Values that are shown as a mask: only a replay and a deliberate reveal read through it."""

from __future__ import annotations

from typing import Any, NoReturn

from asgi_tui.domain.text import MASK


class Secret:
    """A text that every render, event, recording and export shows as ``shown``.

    ``str``, ``repr`` and ``format`` give ``shown``: a forgotten place leaks nothing. It cannot be pickled.
    """

    __slots__ = ("_shown", "_value")

    def __init__(self, value: str, shown: str = MASK) -> None:
        self._value = value
        self._shown = shown

    def reveal(self) -> str:
        """The text itself, for a replay or where the user asked to see it."""
        return self._value

    def __str__(self) -> str:
        return self._shown

    def __repr__(self) -> str:
        return f"Secret({self._shown!r})"

    def __format__(self, spec: str) -> str:
        return format(self._shown, spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and (self._value, self._shown) == (other._value, other._shown)

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not written down")


def revealed(value: str | Secret) -> str:
    """The text of a value that may be a secret: only for a replay or a deliberate reveal."""
    return value.reveal() if isinstance(value, Secret) else value


def shown(value: Any) -> str:
    """A value as it may be shown."""
    # Any: whatever ``str`` takes; of a Secret that is its mask.
    return str(value)
