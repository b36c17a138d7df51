"""JSON that is not believed: an object read field by field."""

from __future__ import annotations

from typing import Any

# Numbers beyond it are none that anything counts or measures.
LARGEST = 1 << 63


class Fields:
    """A JSON object read field by field; a field of another type raises ``ValueError``."""

    def __init__(self, data: Any) -> None:
        # Any: it came from json.loads, and nothing is believed of it.
        if not isinstance(data, dict):
            raise ValueError("not an object")
        self._data = data

    def has(self, name: str) -> bool:
        return self._data.get(name) is not None

    def text(self, name: str) -> str:
        value = self._data.get(name)
        if not isinstance(value, str):
            raise ValueError(f"{name} is no text")
        return value

    def whole(self, name: str) -> int:
        return whole(self._data.get(name))

    def flag(self, name: str) -> bool:
        return self._data.get(name) is True

    def number(self, name: str) -> float:
        value = self._data.get(name)
        if not isinstance(value, int | float) or isinstance(value, bool) or not -LARGEST <= value <= LARGEST:
            # Neither is what JSON has no word for: NaN and Infinity.
            raise ValueError(f"{name} is no number")
        return float(value)

    def optional_number(self, name: str) -> float | None:
        return None if self._data.get(name) is None else self.number(name)

    def optional_text(self, name: str) -> str | None:
        return None if self._data.get(name) is None else self.text(name)

    def optional_whole(self, name: str) -> int | None:
        return None if self._data.get(name) is None else self.whole(name)

    def within(self, name: str) -> Fields | None:
        """The object under ``name``; None where there is none."""
        value = self._data.get(name)
        return None if value is None else Fields(value)

    def pairs(self, name: str) -> tuple[tuple[str, str], ...]:
        """A list of pairs of texts."""
        pairs = []
        for item in self.items(name):
            if not isinstance(item, list) or len(item) != 2:
                raise ValueError(f"{name} holds something that is no pair")
            pairs.append((str(item[0]), str(item[1])))
        return tuple(pairs)

    def names(self, name: str) -> dict[str, str]:
        """An object whose values are texts."""
        value = self._data.get(name)
        if not isinstance(value, dict):
            raise ValueError(f"{name} is no object")
        return {str(key): str(text) for key, text in value.items()}

    def items(self, name: str) -> list[Any]:
        value = self._data.get(name)
        if not isinstance(value, list):
            raise ValueError(f"{name} is no list")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(str(item) for item in self.items(name))

    def counts(self, name: str) -> dict[str, int]:
        value = self._data.get(name)
        if not isinstance(value, dict):
            raise ValueError(f"{name} is no object")
        return {str(key): whole(count) for key, count in value.items()}


def whole(value: Any) -> int:
    # Any: as above.
    if not isinstance(value, int) or isinstance(value, bool) or not -LARGEST <= value <= LARGEST:
        raise ValueError("not a whole number")
    return value
