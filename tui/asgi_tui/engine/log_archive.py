"""What of the log has no room in memory: bounded files without a name, so that nothing of them can stay."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, TypeAlias

from asgi_tui.engine.user_files import cache_directory

# The archive's bound, 256 MB: SEGMENTS files of SEGMENT_BYTES each; the oldest is dropped.
SEGMENT_BYTES = 16 * 1024 * 1024
SEGMENTS = 16

# Number of the segment, offset and length in it.
Place: TypeAlias = tuple[int, int, int]


class Archive:
    """Records in the order they were written; the oldest go when the bound is reached. For any thread.

    The files are private, and gone with the process however it ends: they have no name. They lie in the
    user's cache directory, since the one for temporary files is often in memory.
    """

    def __init__(self, opened: Callable[[], IO[bytes]] | None = None) -> None:
        """``opened`` makes a new file that may be written and read."""
        self._opened = opened or _file_without_name
        self._lock = threading.Lock()
        self._files: list[IO[bytes]] = []
        self._oldest = 0
        self._size = 0  # of the newest segment
        self._is_closed = False

    @property
    def oldest(self) -> int:
        """The oldest segment kept: records in those before it are gone."""
        return self._oldest

    @property
    def size(self) -> int:
        """Bytes on disk."""
        with self._lock:
            return max(len(self._files) - 1, 0) * SEGMENT_BYTES + self._size

    def write(self, data: bytes) -> Place | None:
        """Appends a record; None where it cannot be written or is larger than a segment. Blocks."""
        if len(data) > SEGMENT_BYTES:
            return None
        with self._lock:
            if self._is_closed:
                return None
            try:
                if not self._files or self._size + len(data) > SEGMENT_BYTES:
                    self._begin()
                offset, rest = self._size, memoryview(data)
                while rest:
                    count = os.pwrite(self._files[-1].fileno(), rest, self._size + len(data) - len(rest))
                    rest = rest[count:]
            except OSError:
                return None
            self._size += len(data)
            return self._oldest + len(self._files) - 1, offset, len(data)

    def _begin(self) -> None:
        self._files.append(self._opened())
        self._size = 0
        if len(self._files) > SEGMENTS:
            self._files.pop(0).close()
            self._oldest += 1

    def read(self, place: Place) -> bytes | None:
        """A record; None where it is gone or cannot be read. Blocks."""
        segment, offset, length = place
        with self._lock:
            if not 0 <= segment - self._oldest < len(self._files):
                return None
            try:
                data = os.pread(self._files[segment - self._oldest].fileno(), length, offset)
            except OSError:
                return None
        return data if len(data) == length else None

    def clear(self) -> None:
        """Drops every record."""
        with self._lock:
            self._drop()

    def close(self) -> None:
        """Drops every record, and takes no more: a server may write on while the console ends."""
        with self._lock:
            self._is_closed = True
            self._drop()

    def _drop(self) -> None:
        self._oldest += len(self._files)
        while self._files:
            self._files.pop().close()
        self._size = 0


def _file_without_name() -> IO[bytes]:
    directory = cache_directory()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _open(directory)
    except OSError:
        # A home that is not there or not ours.
        return _open(None)


def _open(directory: Path | None) -> IO[bytes]:
    return tempfile.TemporaryFile(dir=directory, buffering=0)
