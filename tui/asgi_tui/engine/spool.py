"""A bounded private file between the thread that moves a server's output and the one that reads it."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from pathlib import Path
from typing import NamedTuple

# The spool's bound, 256 MB: SEGMENTS files of SEGMENT_BYTES each; the oldest is evicted.
SEGMENT_BYTES = 8 * 1024 * 1024
SEGMENTS = 32
# Records in a segment: what a server writes byte by byte must not fill the memory instead.
SEGMENT_RECORDS = 100_000
# Bytes read at once. What came of one stream within JOIN_SECONDS is one record: a server may write each line
# in two parts, and times are told to the millisecond.
CHUNK_BYTES = 65_536
JOIN_SECONDS = 0.001


class Record(NamedTuple):
    """Bytes of one stream, and the Unix time at which they came out of its pipe."""

    at: float
    stream: str
    data: bytes


class Spool:
    """First in, first out; one thread writes, another one reads."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self._name = name
        self._condition = threading.Condition()
        self._segments: deque[_Segment] = deque()
        self._made = 0
        self._closed = False
        # Bytes that nobody will read: of them those before what was read last.
        self._missed = 0
        self._passed = 0

    def write(self, stream: str, data: bytes) -> None:
        """Appends; evicts the oldest segment where the bound is reached, ``data`` where the disk is full.

        Once the spool is closed nothing happens.
        """
        with self._condition:
            if self._closed:
                return
            try:
                self._append(time.time(), stream, data)
            except OSError:
                self._missed += len(data)
            self._condition.notify()

    def _append(self, at: float, stream: str, data: bytes) -> None:
        if not self._segments or self._segments[-1].is_full:
            self._made += 1
            self._segments.append(_Segment(self._directory / f"{self._name}.{self._made}"))
            if len(self._segments) > SEGMENTS:
                self._missed += self._segments.popleft().close()
        self._segments[-1].write(at, stream, data)

    def read(self, timeout: float | None = None) -> Record | None:
        """The oldest bytes, at most ``CHUNK_BYTES``; None where none came within ``timeout`` seconds.

        Raises ``EOFError`` once the spool is closed and empty.
        """
        with self._condition:
            if not self._has_record() and not self._closed:
                self._condition.wait_for(lambda: self._has_record() or self._closed, timeout)
            self._passed, self._missed = self._passed + self._missed, 0
            if self._has_record():
                return self._segments[0].read()
            if self._closed:
                raise EOFError
            return None

    def _has_record(self) -> bool:
        """Whether there is a record; segments that are read to their end go, but for the one written to."""
        while len(self._segments) > 1 and not self._segments[0].records:
            self._segments.popleft().close()
        return bool(self._segments and self._segments[0].records)

    def missed(self) -> int:
        """Bytes that came before what was read last and that nobody will read, since this was asked last."""
        with self._condition:
            missed, self._passed = self._passed, 0
            return missed

    def close(self) -> None:
        """No more is written; the reader gets what is left."""
        with self._condition:
            self._closed = True
            self._condition.notify()

    def remove(self) -> None:
        """Takes the files away; what is left in them is missed."""
        with self._condition:
            self._closed = True
            while self._segments:
                self._missed += self._segments.popleft().close()
            self._passed, self._missed = self._passed + self._missed, 0


class _Segment:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        # Of each record the time, stream, offset and length.
        self.records: deque[tuple[float, str, int, int]] = deque()
        self._written = 0
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)

    @property
    def is_full(self) -> bool:
        return self.size >= SEGMENT_BYTES or self._written >= SEGMENT_RECORDS

    def write(self, at: float, stream: str, data: bytes) -> None:
        rest = memoryview(data)
        offset = self.size
        while rest:
            count = os.pwrite(self._fd, rest, offset)
            offset, rest = offset + count, rest[count:]
        start = self.size
        self.size += len(data)
        if self.records:
            begun, before, first, length = self.records[-1]
            if before == stream and 0 <= at - begun < JOIN_SECONDS and length + len(data) <= CHUNK_BYTES:
                self.records[-1] = begun, stream, first, length + len(data)
                return
        self.records.append((at, stream, start, len(data)))
        self._written += 1

    def read(self) -> Record:
        at, stream, offset, length = self.records.popleft()
        if length > CHUNK_BYTES:
            self.records.appendleft((at, stream, offset + CHUNK_BYTES, length - CHUNK_BYTES))
            length = CHUNK_BYTES
        return Record(at, stream, os.pread(self._fd, length, offset))

    def close(self) -> int:
        """Removes the file; returns how many bytes nobody read."""
        os.close(self._fd)
        self.path.unlink(missing_ok=True)
        return sum(length for *_, length in self.records)
