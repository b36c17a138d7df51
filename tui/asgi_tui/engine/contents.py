"""What source files held when they were last looked at, to count the lines that a save changed."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from asgi_tui.domain.events import Change
from asgi_tui.domain.line_counts import line_counts

# Bytes of one file and of all; the rest is not counted.
MAX_FILE = 200_000
MAX_BYTES = 20_000_000
MAX_FILES = 2_000
# Files read in one go before others get their turn.
_AT_ONCE = 20


class Contents:
    """Keeps the last content of files; may be used by several threads."""

    def __init__(self) -> None:
        self._known: dict[Path, bytes] = {}
        self._bytes = 0

    def read(self, paths: Iterable[Path], stop: threading.Event) -> None:
        """Reads these for the first time, with rests, up to the bounds; blocking."""
        for number, path in enumerate(paths, 1):
            if stop.is_set() or len(self._known) >= MAX_FILES or self._bytes >= MAX_BYTES:
                return
            if path not in self._known and (content := _content(path)) is not None:
                self._keep(path, content)
            if number % _AT_ONCE == 0:
                stop.wait(0.005)

    def with_lines(self, changes: Iterable[tuple[Path, Change]]) -> tuple[Change, ...]:
        """The changes with how many lines each added and removed since the last look; blocking."""
        return tuple(self._with_lines(path, change) for path, change in changes)

    def _with_lines(self, path: Path, change: Change) -> Change:
        old = self._known.pop(path, None)
        self._bytes -= len(old or b"")
        new = _content(path)
        if new is not None:
            self._keep(path, new)
        if old is None and change.change == "added":
            old = b""
        if new is None and change.change == "deleted":
            new = b""
        if old is None or new is None:
            return change
        added, removed = line_counts(old, new)
        return replace(change, added=added, removed=removed)

    def _keep(self, path: Path, content: bytes) -> None:
        if len(self._known) < MAX_FILES and self._bytes + len(content) <= MAX_BYTES:
            self._known[path] = content
            self._bytes += len(content)


def _content(path: Path) -> bytes | None:
    """What a text file of a bearable size holds."""
    with suppress(OSError):
        # A named pipe must not block.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            content = file.read(MAX_FILE + 1)
            if len(content) <= MAX_FILE and b"\0" not in content:
                return content
    return None
