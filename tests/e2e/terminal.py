"""A real terminal for tests: the installed command in a pty, its screen read by pyte."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import pexpect
import psutil
import pyte

from tests.support import clean_environment


class Terminal:
    """A command in a pty of a given size; ``see`` waits for what a person would read."""

    def __init__(
        self,
        argv: Sequence[str],
        cwd: Path,
        *,
        size: tuple[int, int] = (120, 40),
        env: Mapping[str, str] | None = None,
    ) -> None:
        columns, rows = size
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        environment = clean_environment(TERM="xterm-256color", COLORTERM="truecolor", **(env or {}))
        self.child = pexpect.spawn(
            argv[0],
            list(argv[1:]),
            cwd=str(cwd),
            env=environment,
            dimensions=(rows, columns),
            timeout=10,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.child.close(force=True)

    def read(self, seconds: float = 0.05) -> None:
        """Takes in what has been written within ``seconds``."""
        try:
            data = cast(bytes, self.child.read_nonblocking(65_536, timeout=seconds))
        except (pexpect.TIMEOUT, pexpect.EOF):
            return
        self.raw += data
        self._stream.feed(data)

    @property
    def text(self) -> str:
        """The screen as lines of text."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def see(self, pattern: str, timeout: float = 30) -> re.Match[str]:
        """Waits until the screen matches a regular expression; fails with the screen."""
        deadline = time.monotonic() + timeout
        while True:
            self.read()
            if match := re.search(pattern, self.text):
                return match
            assert time.monotonic() < deadline, f"never saw {pattern!r}; the screen:\n{self.text}"

    def press(self, *keys: str) -> None:
        """Types keys, each as a person would: one after the other."""
        for key in keys:
            self.child.send(key)
            self.read(0.1)

    def wait_end(self, timeout: float = 30) -> int | None:
        """Waits for the command to end; its exit code."""
        deadline = time.monotonic() + timeout
        while self.child.isalive():
            self.read()
            assert time.monotonic() < deadline, f"it never ended; the screen:\n{self.text}"
        code: int | None = self.child.exitstatus
        return code

    def hang_up(self) -> None:
        """Closes the terminal, as a window manager or a lost connection does; sends nothing itself."""
        process = self.child.ptyproc  # type: ignore[attr-defined]  # the stub leaves it out
        process.fileobj.close()
        process.closed = True
        self.child.closed = True

    def descendants(self) -> list[psutil.Process]:
        """All processes below the command."""
        return psutil.Process(self.child.pid).children(recursive=True)
