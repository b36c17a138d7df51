"""What a server prints, from its pipes to lines: spooled raw by one thread, read by another.

The first thread only moves bytes from the pipes to a bounded private file, so that a busy console never
makes the server wait. The second decodes at its own pace; what it cannot follow is evicted and counted.
"""

from __future__ import annotations

import fcntl
import os
import selectors
import threading
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from asgi_tui.engine.spool import Record, Spool

# What a pipe holds where the system lets it be that large, and what is read from it at once: while other
# threads have the interpreter, the server goes on writing.
PIPE_BYTES = 1024 * 1024
READ_BYTES = 256 * 1024
# Linux alone lets a pipe be made larger.
_SET_PIPE_SIZE = getattr(fcntl, "F_SETPIPE_SZ", None)


class Taker(Protocol):
    """What becomes of the output. It is called in the reading thread alone, but for ``abandon``."""

    def patience(self) -> float | None:
        """Seconds from now at which ``settle`` is to be called unless more comes first; None: it need not."""

    def take(self, record: Record) -> None:
        """More of a stream."""

    def settle(self) -> None:
        """Nothing has come in that time: what was held back may go on."""

    def miss(self, size: int) -> None:
        """So many bytes came too fast to be read."""

    def end(self) -> None:
        """Nothing comes any more: everything goes on."""

    def abandon(self) -> None:
        """Nobody waits for it any more: it must not block."""


class Output:
    """The output of one child process; ``finished`` is set once the taker has all of it."""

    def __init__(self, directory: Path, name: str, taker: Taker) -> None:
        """The spool's files lie in ``directory`` and are called ``name``."""
        self._taker = taker
        self._spool = Spool(directory, name)
        self._abandoned = False
        self.finished = threading.Event()
        self._pipes: dict[int, str] = {}
        self.write_ends: dict[str, int] = {}
        for stream in ("stdout", "stderr"):
            read_end, write_end = os.pipe()
            self._pipes[read_end] = stream
            self.write_ends[stream] = write_end
            if _SET_PIPE_SIZE is not None:
                # The system's limit may be lower.
                with suppress(OSError):
                    fcntl.fcntl(write_end, _SET_PIPE_SIZE, PIPE_BYTES)

    def start(self) -> None:
        """Call once the child has the write ends; they are closed here."""
        self.close_write_ends()
        threading.Thread(target=self._spool_pipes, name="spool output", daemon=True).start()
        threading.Thread(target=self._read, name="read output", daemon=True).start()

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

    def end(self) -> None:
        """Takes nothing more from the pipes, which a descendant may keep open; what is spooled is read."""
        self._spool.close()

    def abandon(self) -> None:
        """As ``end``; what is spooled is not read either, only counted."""
        self._abandoned = True
        self._taker.abandon()
        self._spool.close()

    def _spool_pipes(self) -> None:
        """The spooling thread. Its only partner is the spool, so that nothing else can hold the server up."""
        with selectors.DefaultSelector() as selector:
            for fd, stream in self._pipes.items():
                selector.register(fd, selectors.EVENT_READ, stream)
            while selector.get_map():
                for key, _ in selector.select():
                    data = os.read(key.fd, READ_BYTES)
                    if data:
                        self._spool.write(key.data, data)
                    else:
                        selector.unregister(key.fd)
                        os.close(key.fd)
        self._spool.close()

    def _read(self) -> None:
        """The reading thread."""
        taker = self._taker
        try:
            while not self._abandoned:
                try:
                    record = self._spool.read(taker.patience())
                except EOFError:
                    break
                self._tell_missed()
                if record is None:
                    taker.settle()
                else:
                    taker.take(record)
            self._spool.remove()
            self._tell_missed()
            taker.end()
        finally:
            self._spool.remove()
            self.finished.set()

    def _tell_missed(self) -> None:
        if missed := self._spool.missed():
            self._taker.miss(missed)
