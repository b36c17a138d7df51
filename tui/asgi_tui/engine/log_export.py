"""Writes entries of the log to a file of the user's, as plain text."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.log_entry import Entry
from asgi_tui.domain.log_filter import LogFilter
from asgi_tui.domain.text import sanitize
from asgi_tui.engine.log_sieve import Sieve
from asgi_tui.engine.log_store import LogStore

LOOK = 0.2  # seconds of looking for entries between two questions whether to stop
TELL = 1_000  # entries written between two tellings of how far it is


def default_name(now: float) -> str:
    """What a file is called that is written at that Unix time: asgi-tui-logs-20261121-204517.log."""
    return f"asgi-tui-logs-{datetime.fromtimestamp(now):%Y%m%d-%H%M%S}.log"


def located(name: str, directory: str) -> Path:
    """The path of a typed name: ``~`` is the home directory, what is relative lies in ``directory``.

    Raises ``Problem`` where nothing can be written there.
    """
    try:
        path = Path(directory, Path(name).expanduser())
        there = path.exists()
        if there and not path.is_file():
            raise Problem(sanitize(name), "it is no file", "choose another name")
        if not there and not path.parent.is_dir():
            why = f"there is no directory {sanitize(str(path.parent))}"
            raise Problem(sanitize(name), why, "make it, or choose another")
    except (OSError, RuntimeError, ValueError) as error:  # not to be looked at; no home; a null character
        raise Problem(sanitize(name), f"it cannot be used: {_reason(error)}", "choose another name") from None
    return path


class Export:
    """Writes the entries of ``store`` that pass ``wanted``; what comes meanwhile is left out.

    ``run`` is for a thread; ``written`` (lines) and ``stop`` may be asked from any.
    """

    def __init__(self, store: LogStore, wanted: LogFilter, path: Path, *, overwrite: bool = False) -> None:
        self.path = path
        self.written = 0
        self._store = store
        self._wanted = wanted
        self._overwrite = overwrite
        self._stopped = False

    def stop(self) -> None:
        """Ends it soon; nothing of it stays."""
        self._stopped = True

    def run(self) -> bool:
        """Writes the file, readable by the user alone, in one step; whether it was not stopped. Blocks.

        Raises ``Problem`` where it cannot be written, or where a file is there that may not be overwritten.
        """
        try:
            # A link is followed, so that a file kept elsewhere stays there.
            path = self.path.resolve()
            # mkstemp gives mode 0600.
            descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
            temporary = Path(name)
            try:
                # sanitize left nothing that UTF-8 has no bytes for
                with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
                    self._write(file)
                if not self._stopped:
                    self._put(temporary, path)
            finally:
                temporary.unlink(missing_ok=True)
        except (OSError, RuntimeError, ValueError) as error:
            why = f"it cannot be written: {_reason(error)}"
            mend = "check its directory's permissions and the free space"
            raise Problem(sanitize(str(self.path)), why, mend, usage=False) from None
        return not self._stopped

    def _put(self, temporary: Path, path: Path) -> None:
        if self._overwrite:
            if path.exists() and not stat.S_ISREG(path.stat().st_mode):
                raise Problem(sanitize(str(path)), "it is no file", "choose another name")
            temporary.replace(path)
            return
        try:
            os.link(temporary, path)  # unlike a rename it never replaces what is there
        except FileExistsError:
            raise Problem(
                sanitize(str(path)), "it is there already", "choose another name, or overwrite it"
            ) from None
        except OSError:  # a file system without links
            if path.exists():
                raise
            temporary.replace(path)

    def _write(self, file: TextIO) -> None:
        numbers = self._numbers(self._store.end)
        for index, entry in enumerate(self._store.entries(numbers)):
            if index % TELL == 0 and self._stopped:
                return
            file.writelines(pieces(entry, self._store.rest(entry.rest) if entry.rest else ()))
            self.written += entry.lines

    def _numbers(self, end: int) -> Iterator[int]:
        if not self._wanted.terms:
            yield from range(self._store.first, end)
            return
        sieve = Sieve(self._store, self._wanted)
        while not self._stopped and not sieve.advance(LOOK):
            pass
        number = -1
        # by number, as ranks change when the oldest entries go
        while not self._stopped and (rank := sieve.rank(number + 1)) < len(sieve):
            number = sieve.at(rank)
            if number >= end:
                return
            yield number


def pieces(entry: Entry, rest: Iterable[str] = ()) -> Iterator[str]:
    """An entry as it is written, in pieces: time, level, stream, worker, logger, text, and ``rest`` after it.

    What is not known is ``-``. Nothing of it can move a cursor or colour a terminal.
    """
    origin = entry.origin
    pid = "-" if origin.pid is None else str(origin.pid)
    logger = sanitize(origin.logger) or "-"
    yield f"{moment(entry.at)} {origin.level.upper() or '-'} {origin.stream} [{pid}] {logger} "
    yield "\n".join(map(sanitize, entry.text.split("\n")))
    if entry.rest is not None:
        size, places = entry.rest
        kept = 0
        for piece in rest:
            kept += 1
            yield sanitize(piece)
        # By the pieces: each was made safe and masked, so that its size says nothing.
        if kept < max(len(places), 1):
            lost = size - size * kept // max(len(places), 1)
            yield f" ({lost:,} bytes of this line were not kept)"
    if entry.count > 1:
        yield f" ({entry.count:,} times, the last at {moment(entry.last_at)})"
    yield "\n"


def moment(at: float) -> str:
    """A Unix time with milliseconds and its offset from UTC: 2026-11-21T20:45:17.204+00:00."""
    return datetime.fromtimestamp(at, UTC).astimezone().isoformat(timespec="milliseconds")


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
