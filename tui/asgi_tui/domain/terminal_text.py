"""Output as a terminal would show it: colours, links and progress bars; the rest made visible. Pure."""

from __future__ import annotations

import re
from functools import cache

from asgi_tui.domain.log_entry import Span
from asgi_tui.domain.sgr import PLAIN, after_sgr
from asgi_tui.domain.terminal_line import OverwrittenLine, StraightLine
from asgi_tui.domain.text import CONTROLS, sanitize

# A control character as `sanitize` knows them, and a tab; with what makes it a sequence that is honoured: SGR
# and EL (7 or 8 bits), OSC 8 with an http or https address or none. Lengths are bounded, and nothing is read
# twice (the ++ of it), so that it takes no longer however it is made up.
_CONTROL = re.compile(
    rf"([\t{CONTROLS}])"
    r"""(?: (?: (?<=\x9b) | (?<=\x1b)\[ ) (?: ([0-9;:]{0,256}+) m | ([012]?) K )
      | (?<=\x1b) \]8; [ -:<-~]{0,256}+ ; ((?:(?i:https?)://[!-~]{1,2000}+)?) (?:\x07|\x1b\\)
    )?""",
    re.VERBOSE,
)
_PRINTABLE = bytes(range(0x20, 0x7F)) + b"\n"


def is_plain(text: str) -> bool:
    r"""Whether a text of many lines has only printable characters and line ends ("\n" or "\r\n").

    Then each line is as safe as ``sanitize`` makes it, once its "\r" is dropped. About 0.4 ns a character of
    ASCII, 3 ns where there are others.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    if text.isascii():
        return not text.encode("ascii").translate(None, _PRINTABLE)
    return text.replace("\n", "").isprintable()


@cache  # of the two thousand characters that `_CONTROL` finds
def _mark(control: str) -> str:
    return sanitize(control)


def read_line(text: str) -> tuple[str, tuple[Span, ...]]:
    r"""One line (without its "\n") as a terminal shows it, and its coloured parts, in order and apart.

    Honoured are colours (not concealment), links to http and https, erasing in the line, carriage returns,
    backspaces and tabs; every other control character is made visible as ``sanitize`` does. The text is
    up to 8 times as long (tabs); it takes a time proportional to its length.
    """
    text = text.strip("\r")
    if text.isprintable():
        return text, ()
    line = OverwrittenLine() if _overwrites(text) else StraightLine()
    style = ink = PLAIN
    link = ""
    pending, *found = _CONTROL.split(text)
    for control, parameters, erase, address, piece in zip(*[iter(found)] * 5, strict=True):
        if parameters is None and address is None and erase is None and control not in "\t\r\b":
            pending += _mark(control) + piece
            continue
        if pending:
            line.write(pending, ink)
        pending = piece
        if parameters is not None:
            style = after_sgr(style, parameters)
            ink = style._replace(link=link) if link else style
        elif address is not None:
            link = address
            ink = style._replace(link=link) if link else style
        elif erase is not None:
            line.erase(erase)
        else:
            line.move(control)
    if pending:
        line.write(pending, ink)
    return line.finish()


def _overwrites(text: str) -> bool:
    """Whether a terminal may write over a part of the line: anything else only adds to it."""
    return "\r" in text or "\b" in text or "1K" in text or "2K" in text
