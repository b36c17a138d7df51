"""How a terminal's colour sequences (ECMA-48 SGR, ITU-T T.416 colours) change what is drawn next. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

from asgi_tui.domain.log_entry import Ink

PLAIN = Ink()

# Distinct sequences of the log that are remembered; an application has a few dozen. A sequence has at most
# 256 characters as `terminal_text` reads it, so this stays under a megabyte.
_REMEMBERED = 1024

_FORE, _BACK = Ink._fields.index("fore"), Ink._fields.index("back")
_UNDERLINE = Ink._fields.index("underline")
# 58 is the colour of the underline: read past, so that its numbers are not taken for codes of their own.
_COLOURS = {38: _FORE, 48: _BACK, 58: None}


def _table() -> dict[int, tuple[tuple[int, str | bool], ...]]:
    """What each code sets: places of ``Ink`` and their values. Conceal (8) is not there: all is shown."""
    bold, dim, italic, reverse, strike = map(
        Ink._fields.index, ("bold", "dim", "italic", "reverse", "strike")
    )
    table: dict[int, tuple[tuple[int, str | bool], ...]] = {
        0: tuple(enumerate(PLAIN)),
        1: ((bold, True),),
        2: ((dim, True),),
        3: ((italic, True),),
        4: ((_UNDERLINE, True),),
        7: ((reverse, True),),
        9: ((strike, True),),
        21: ((_UNDERLINE, True),),  # doubly underlined
        22: ((bold, False), (dim, False)),
        23: ((italic, False),),
        24: ((_UNDERLINE, False),),
        27: ((reverse, False),),
        29: ((strike, False),),
        39: ((_FORE, ""),),
        49: ((_BACK, ""),),
    }
    for number in range(8):
        for first, place, shift in ((30, _FORE, 0), (40, _BACK, 0), (90, _FORE, 8), (100, _BACK, 8)):
            table[first + number] = ((place, str(number + shift)),)
    return table


_TABLE = _table()


@lru_cache(maxsize=_REMEMBERED)
def after_sgr(ink: Ink, parameters: str) -> Ink:
    """``ink`` (without a link) after the SGR sequence with these parameters; if plain, ``PLAIN`` itself.

    ``parameters`` has digits, ";" and ":" only. What is unknown or malformed changes nothing.
    """
    drawn: list[str | bool] = list(ink)
    codes = iter(parameters.split(";"))
    for code in codes:
        head, *details = code.split(":")
        number = _number(head)
        if number in _COLOURS:
            colour = _colour(details) if details else _legacy_colour(codes)
            place = _COLOURS[number]
            if colour and place is not None:
                drawn[place] = colour
        elif details:
            if number == 4:  # 4:0 is none, 4:3 a curly one
                drawn[_UNDERLINE] = _number(details[0]) != 0
        else:
            for place, value in _TABLE.get(number, ()):
                drawn[place] = value
    made = Ink._make(drawn)
    return PLAIN if made == PLAIN else made


def _number(text: str) -> int:
    """A parameter: 0 where it is left out, -1 where it is no number."""
    if not text:
        return 0
    return int(text) if text.isdecimal() else -1


def _legacy_colour(codes: Iterator[str]) -> str:
    """The colour of 38;5;n and 38;2;r;g;b: its numbers are the codes that follow, and are used up."""
    kind = next(codes, "")
    return _colour([kind, *islice(codes, {"5": 1, "2": 3}.get(kind, 0))])


def _colour(details: list[str]) -> str:
    """The colour of 5:n, 2:r:g:b or 2:space:r:g:b; empty where it is none."""
    kind, *values = details
    numbers = [_number(value) for value in values]
    if kind == "2" and len(numbers) > 3:
        del numbers[0]  # the colour space, mostly left out
    size = {"5": 1, "2": 3}.get(kind, 0)
    numbers = numbers[:size]
    if not size or len(numbers) < size or not all(0 <= number <= 255 for number in numbers):
        return ""
    return str(numbers[0]) if size == 1 else "#{:02x}{:02x}{:02x}".format(*numbers)
