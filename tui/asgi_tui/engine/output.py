"""What a server prints: spooled raw by one thread, read as lines by another.

The first thread only moves bytes from the pipes to a bounded private file, so that a busy console never
makes the server wait. The second decodes at its own pace; what it cannot follow is evicted and counted.
"""

from __future__ import annotations

import codecs
import os
import selectors
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

# The spool's bound: SEGMENTS files of SEGMENT_BYTES each; the oldest is evicted.
SEGMENT_BYTES = 8 * 1024 * 1024
SEGMENTS = 8
# Records in a segment: what a server writes byte by byte must not fill the memory instead.
SEGMENT_RECORDS = 100_000
CHUNK_BYTES = 65_536
# A longer line is cut into pieces of this many characters.
LINE_CHARS = 16_384
# Lines handed over at once, and batches that may wait for the loop before reading pauses.
BATCH_LINES = 500
BATCHES_WAITING = 4
# Seconds between two hand-overs: a flood is handed over in few, large batches.
BATCH_SECONDS = 0.02

Line = tuple[str, str]


class Spool:
    """A bounded first-in first-out file of (stream, bytes); one writer, one reader."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self._name = name
        self._condition = threading.Condition()
        # Of each record its stream, offset and length, and the segment it lies in.
        self._segments: list[_Segment] = []
        self._made = 0
        self._closed = False
        self.evicted_bytes = 0

    def write(self, stream: str, data: bytes) -> None:
        """Appends; evicts the oldest segment where the bound is reached, ``data`` where the disk is full."""
        with self._condition:
            try:
                self._append(stream, data)
            except OSError:
                self.evicted_bytes += len(data)
            self._condition.notify()

    def _append(self, stream: str, data: bytes) -> None:
        if not self._segments or self._segments[-1].is_full:
            self._made += 1
            self._segments.append(_Segment(self._directory / f"{self._name}.{self._made}"))
            if len(self._segments) > SEGMENTS:
                self.evicted_bytes += self._segments.pop(0).close()
        self._segments[-1].write(stream, data)

    def read(self) -> tuple[str, bytes] | None:
        """The oldest record; waits for one, None once the spool is closed and empty."""
        with self._condition:
            while True:
                while len(self._segments) > 1 and not self._segments[0].records:
                    self._segments.pop(0).close()
                if self._segments and self._segments[0].records:
                    return self._segments[0].read()
                if self._closed:
                    return None
                self._condition.wait()

    @property
    def waiting(self) -> bool:
        """Whether a record can be read without waiting."""
        with self._condition:
            return any(segment.records for segment in self._segments)

    def close(self) -> None:
        """No more is written; the reader gets what is left."""
        with self._condition:
            self._closed = True
            self._condition.notify()

    def remove(self) -> None:
        """Takes the files away."""
        with self._condition:
            while self._segments:
                self._segments.pop().close()


class _Segment:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self.records: deque[tuple[str, int, int]] = deque()
        self._written = 0
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)

    @property
    def is_full(self) -> bool:
        return self.size >= SEGMENT_BYTES or self._written >= SEGMENT_RECORDS

    def write(self, stream: str, data: bytes) -> None:
        rest = memoryview(data)
        offset = self.size
        while rest:
            count = os.pwrite(self._fd, rest, offset)
            offset, rest = offset + count, rest[count:]
        self.records.append((stream, self.size, len(data)))
        self.size += len(data)
        self._written += 1

    def read(self) -> tuple[str, bytes]:
        stream, offset, length = self.records.popleft()
        return stream, os.pread(self._fd, length, offset)

    def close(self) -> int:
        """Removes the file; returns the bytes that nobody read."""
        os.close(self._fd)
        self.path.unlink(missing_ok=True)
        return sum(length for _, _, length in self.records)


class LineDecoder:
    """Bytes of one stream, in any cut, to lines; invalid UTF-8 becomes visible escapes."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._rest = ""

    def feed(self, data: bytes, *, final: bool = False) -> list[str]:
        """The lines that ``data`` completes; with ``final`` also an unfinished one."""
        text = self._rest + self._decoder.decode(data, final)
        lines = text.split("\n")
        self._rest = lines.pop()
        if len(self._rest) > LINE_CHARS or (final and self._rest):
            lines.append(self._rest)
            self._rest = ""
        return [piece for line in lines for piece in _pieces(line.removesuffix("\r"))]


def _pieces(line: str) -> Sequence[str]:
    if len(line) <= LINE_CHARS:
        return (line,)
    return [line[start : start + LINE_CHARS] for start in range(0, len(line), LINE_CHARS)]


class Output:
    """The output of one child process, from its pipes to lines on the event loop.

    ``deliver`` is called in the reading thread with a batch of (stream, line) and a callback that frees
    the batch's place; ``finished`` is set once all has been delivered.
    """

    def __init__(
        self, directory: Path, name: str, deliver: Callable[[list[Line], Callable[[], None]], None]
    ) -> None:
        self._deliver = deliver
        self._spool = Spool(directory, name)
        self._places = threading.Semaphore(BATCHES_WAITING)
        self._abandoned = threading.Event()
        self.finished = threading.Event()
        self._pipes: dict[int, str] = {}
        self.write_ends: dict[str, int] = {}
        for stream in ("stdout", "stderr"):
            read_end, write_end = os.pipe()
            self._pipes[read_end] = stream
            self.write_ends[stream] = write_end

    def start(self) -> None:
        """Call once the child has the write ends; they are closed here."""
        self.close_write_ends()
        threading.Thread(target=self._spool_pipes, name="spool output", daemon=True).start()
        threading.Thread(target=self._read_lines, name="read output", daemon=True).start()

    def close_write_ends(self) -> None:
        """Closes this process's write ends, so that the pipes end with the child."""
        while self.write_ends:
            os.close(self.write_ends.popitem()[1])

    def discard(self) -> None:
        """For a child that never started."""
        self.close_write_ends()
        for fd in self._pipes:
            os.close(fd)
        self.finished.set()

    def abandon(self) -> None:
        """Stops waiting for the loop: nobody reads any more."""
        self._abandoned.set()
        self._places.release(BATCHES_WAITING)

    def _spool_pipes(self) -> None:
        with selectors.DefaultSelector() as selector:
            for fd, stream in self._pipes.items():
                selector.register(fd, selectors.EVENT_READ, stream)
            while selector.get_map():
                for key, _ in selector.select():
                    data = os.read(key.fd, CHUNK_BYTES)
                    if data:
                        self._spool.write(key.data, data)
                    else:
                        selector.unregister(key.fd)
                        os.close(key.fd)
        self._spool.close()

    def _read_lines(self) -> None:
        decoders = {stream: LineDecoder() for stream in self._pipes.values()}
        batch: list[Line] = []
        told = 0
        delivered = 0.0
        while (record := self._spool.read()) is not None:
            stream, data = record
            batch += [(stream, line) for line in decoders[stream].feed(data)]
            if self._spool.evicted_bytes > told:
                lost = self._spool.evicted_bytes - told
                told += lost
                batch.append(("console", f"{lost:,} bytes of output came too fast and were left out"))
            full = len(batch) >= BATCH_LINES
            if batch and (full or not self._spool.waiting or time.monotonic() - delivered > BATCH_SECONDS):
                self._hand_over(batch)
                batch = []
                delivered = time.monotonic()
        for stream, decoder in decoders.items():
            batch += [(stream, line) for line in decoder.feed(b"", final=True)]
        if batch:
            self._hand_over(batch)
        self._spool.remove()
        self.finished.set()

    def _hand_over(self, batch: list[Line]) -> None:
        for start in range(0, len(batch), BATCH_LINES):
            self._places.acquire()
            if self._abandoned.is_set():
                # Nobody frees the places any more.
                self._places.release()
                return
            self._deliver(batch[start : start + BATCH_LINES], self._places.release)
