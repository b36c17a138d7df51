"""Bytes of one stream, in any cut, to lines of which none is too long to handle."""

from __future__ import annotations

import codecs
import re
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from asgi_tui.domain.log_entry import Rest

# Characters of a line that are shown; what is longer is cut.
LINE_CHARS = 16_384
# Characters of a long line's rest that are kept at once, and such pieces of one line: the oldest give way.
PIECE_CHARS = 65_536
PIECES = 16_384
# How far before the end of a piece it may be cut, and how much of what follows is looked at for it: a secret
# of up to that many characters is not torn apart, so that it is found in its piece.
MARGIN = 4_096

# A secret in a query ends before one of these.
_BOUNDARIES = " \t&\"'"
# What is masked only where it is whole: a password in an address, the value of a query.
_WHOLE = re.compile(r"://[^/\s:@]*:[^/\s@]+@|[?&][\w-]{1,30}=[^&\s\"']+")

Place: TypeAlias = tuple[int, int, int]
# Of a piece that could not be written; no store reads anything there.
NOWHERE: Place = (-1, 0, 0)


class Lines(NamedTuple):
    """Complete lines joined by ``\\n``, without their ends; one alone where it has a ``rest``."""

    text: str
    rest: Rest | None = None


class LineDecoder:
    """Invalid UTF-8 becomes visible escapes.

    A longer line than ``LINE_CHARS`` is first rid of what a carriage return has overwritten, as the progress
    bars do that never end their line; then it is cut. With ``keep`` the rest goes there piece by piece,
    without it becomes further lines.
    """

    def __init__(
        self, secrets: re.Pattern[str] | None = None, keep: Callable[[str], Place | None] | None = None
    ) -> None:
        """``secrets`` finds what must not be torn apart; ``keep`` writes a piece and returns its place."""
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._secrets = secrets
        self._keep = keep
        # What has no end of line yet: its text, or the long line it is the rest of.
        self._rest = ""
        self._long: _LongLine | None = None
        self._return = ""

    @property
    def pending(self) -> tuple[str, int]:
        """The unfinished line: what is shown of it, and its size in UTF-8 bytes; 0 where there is none."""
        if self._long is not None:
            return self._long.head, _bytes(self._long.head) + self._long.size
        return self._rest, _bytes(self._rest)

    @property
    def is_pending(self) -> bool:
        """Whether a line has no end yet."""
        return bool(self._rest) or self._long is not None

    def feed(self, data: bytes, *, final: bool = False) -> list[Lines]:
        """The lines that ``data`` completes; with ``final`` also an unfinished one."""
        text = self._return + self._decoder.decode(data, final)
        self._return = ""
        if "\r" in text:
            if text.endswith("\r"):
                text = text[:-1]
                # It may be half of the line's end.
                self._return = "" if final else "\r"
            text = text.replace("\r\n", "\n")
        found: list[Lines] = []
        if self._long is not None:
            text = self._continue(self._long, text, found)
        end = text.rfind("\n")
        if end >= 0:
            found += self._whole(self._rest + text[:end])
            self._rest = ""
        self._rest += text[end + 1 :]
        if len(self._rest) > LINE_CHARS + MARGIN:
            found += self._shorten(self._rest, LINE_CHARS + MARGIN)
        if final and self._long is not None:
            found += self._take()
        elif final and self._rest:
            rest, self._rest = self._rest, ""
            found += self._whole(rest)
        return found

    def _continue(self, line: _LongLine, text: str, found: list[Lines]) -> str:
        """Adds to a long line; the text behind its end."""
        more, newline, text = text.partition("\n")
        line.add(more)
        if newline:
            found += self._take()
        return text

    def _take(self) -> list[Lines]:
        """What was unfinished, as one line."""
        line = self._long.end() if self._long is not None else Lines(self._rest)
        self._rest, self._long = "", None
        return [line]

    def _whole(self, text: str) -> list[Lines]:
        """Complete lines; the end of the last one is left out."""
        if len(text) <= LINE_CHARS or max(map(len, text.split("\n"))) <= LINE_CHARS:
            return [Lines(text)]
        found: list[Lines] = []
        for line in text.split("\n"):
            found += self._shorten(line, LINE_CHARS)
            found += self._take()
        return found

    def _shorten(self, line: str, allowed: int) -> list[Lines]:
        """Makes ``line`` the unfinished one and brings it to the length that is allowed.

        Where it is cut depends on its first ``LINE_CHARS + MARGIN`` characters alone, not on what is allowed.
        """
        found: list[Lines] = []
        while len(line) > allowed:
            overwritten = line.rfind("\r", 0, LINE_CHARS) + 1
            if overwritten:
                line = line[overwritten:]
                continue
            end = self._end_of_piece(line, LINE_CHARS)
            head, line = line[:end], line[end:]
            if self._keep is None:
                found.append(Lines(head))
            else:
                self._long = _LongLine(head, self._keep, self._end_of_piece)
                self._long.add(line)
                line = ""
        self._rest = line
        return found

    def _end_of_piece(self, text: str, limit: int) -> int:
        """Where to cut ``text``, at ``limit`` or before, so that no secret is torn apart."""
        end = max(text.rfind(mark, limit - MARGIN, limit + 1) for mark in _BOUNDARIES)
        if end < 0:
            end = limit
        for pattern in (self._secrets, _WHOLE):
            # The second last, as an address may have one of the secrets in it.
            for secret in pattern.finditer(text, end - MARGIN, limit + MARGIN) if pattern is not None else ():
                if 0 < secret.start() < end < secret.end():
                    end = secret.start()
                    break
        return end


class _LongLine:
    """A line whose ``head`` is shown, and ``size`` bytes more that are kept piece by piece."""

    def __init__(
        self, head: str, keep: Callable[[str], Place | None], end_of_piece: Callable[[str, int], int]
    ) -> None:
        self.head = head
        self.size = 0
        self._keep = keep
        self._end_of_piece = end_of_piece
        self._places: deque[Place] = deque(maxlen=PIECES)
        self._rest = ""

    def add(self, text: str) -> None:
        self.size += _bytes(text)
        self._rest += text
        while len(self._rest) > PIECE_CHARS + MARGIN:
            end = self._end_of_piece(self._rest, PIECE_CHARS)
            self._write(self._rest[:end])
            self._rest = self._rest[end:]

    def end(self) -> Lines:
        if self._rest:
            self._write(self._rest)
        return Lines(self.head, Rest(self.size, tuple(self._places)) if self.size else None)

    def _write(self, piece: str) -> None:
        self._places.append(self._keep(piece) or NOWHERE)


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
