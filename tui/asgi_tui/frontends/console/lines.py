"""Lines of text in pieces, each with the name of its style; every character of them may be shown. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from rich.cells import cell_len

from asgi_tui.domain.text import sanitize
from asgi_tui.frontends.console.history import Place

# The names of styles; a plain piece has none. ``LinesView`` has a component class for each.
STYLES = (
    "plain",
    "muted",
    "dim",
    "bold",
    "title",
    "name",
    "key",
    "string",
    "number",
    "good",
    "warned",
    "failed",
    "received",
    "sent",
    "link",
    "alarm",
)

Piece = str | tuple[str, str]
# What Enter or a click on a line opens: a place in the code, or a step of the call by its number.
Target = Place | int

# Where a row of a wrapped line may end before its edge: at the last space in its last third.
_SPACE_WITHIN = 3


@dataclass(frozen=True, slots=True)
class Line:
    """One line; rows after its first are indented by ``hang`` cells where it is wrapped.

    ``syntax`` is ``json`` or ``html`` where its one piece is to be coloured once it is in sight.
    """

    pieces: tuple[tuple[str, str], ...]
    text: str
    hang: int = 0
    target: Target | None = None
    syntax: str = ""

    @property
    def coloured(self) -> tuple[tuple[str, str], ...]:
        """Its pieces, coloured by its syntax."""
        return painted(self.text, self.syntax) if self.syntax else self.pieces


def visible(text: str) -> str:
    """``text`` as one line that a terminal may show."""
    if text.isprintable():
        return text
    return sanitize(text).expandtabs(4)


def line(*pieces: Piece, hang: int = 0, target: Target | None = None, syntax: str = "") -> Line:
    """A line of pieces, each made safe to show."""
    made = tuple(
        (visible(piece), "plain") if isinstance(piece, str) else (visible(piece[0]), piece[1])
        for piece in pieces
    )
    return Line(made, "".join([text for text, _ in made]), hang, target, syntax)


BLANK = line()


def title(text: str, said: str = "") -> Line:
    """The head of a section, and what is said beside it."""
    return line((text, "title"), (f"  {said}" if said else "", "muted"))


def sentence(text: str, style: str = "muted") -> Line:
    """A sentence that stands for what is not there, or explains what is."""
    return line((text, style))


def table(
    rows: list[tuple[str, str]], *, style: str = "plain", indent: int = 2, most: int = 28
) -> list[Line]:
    """Names and values in two columns; the first is as wide as it has to be, up to ``most`` cells."""
    width = min(max((cell_len(visible(name)) for name, _ in rows), default=0), most)
    return [pair(name, value, width, style=style, indent=indent) for name, value in rows]


def pair(name: str, value: str, width: int, *, style: str = "plain", indent: int = 2) -> Line:
    """A name and its value, which begins after ``width`` cells for the name."""
    name = visible(name)
    space = " " * (max(width - cell_len(name), 0) + 2)
    return line(" " * indent, (name, "key"), space, (value, style), hang=indent + width + 2)


def breaks(text: str, width: int, hang: int = 0) -> list[int]:
    """Where the rows of a text begin that is wrapped to ``width`` cells; the first is 0."""
    width = max(width, 8)
    ascii_only = text.isascii()
    if len(text) <= width and (ascii_only or cell_len(text) <= width):
        return [0]
    starts, start, room = [0], 0, width
    hang = min(hang, width // 2)
    while True:
        end = start + room
        if not ascii_only:
            while (over := cell_len(text[start:end]) - room) > 0:
                end -= max(over // 2, 1)
            end = max(end, start + 1)
        if end >= len(text):
            return starts
        space = text.rfind(" ", end - room // _SPACE_WITHIN, end + 1)
        if space > start and text[start:space].strip():
            end = space + 1
        starts.append(end)
        start, room = end, width - hang


# -- syntax ------------------------------------------------------------------------------------------

_JSON = re.compile(
    r'(?P<key>"(?:[^"\\]|\\.)*")(?=\s*:)|(?P<string>"(?:[^"\\]|\\.)*"?)|(?P<number>-?\d[\w.+-]*|\b(?:true|false|null)\b)'
)
_HTML = re.compile(r"(?P<key></?[\w:-]+|/?>|<!\w+|<!--)|(?P<string>\"[^\"<>]*\")|(?P<name>[\w:-]+(?==\"))")
_SYNTAX = {"json": _JSON, "html": _HTML}


@lru_cache(maxsize=256)
def painted(text: str, syntax: str) -> tuple[tuple[str, str], ...]:
    """A line of a language in coloured pieces."""
    pieces, at = [], 0
    for found in _SYNTAX[syntax].finditer(text):
        if found.start() > at:
            pieces.append((text[at : found.start()], "plain"))
        pieces.append((found[0], found.lastgroup or "plain"))
        at = found.end()
    if at < len(text):
        pieces.append((text[at:], "plain"))
    return tuple(pieces)
