"""The console's end of the guard process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from asgi_tui.engine import guard_process


class Guard:
    """Sees to it that no server outlives the console, however the console dies.

    It holds no lock and answers nothing: a few bytes down a pipe are all there is.
    """

    def __init__(self, runtime_directory: Path) -> None:
        # A session of its own: a signal to the terminal's foreground group must not reach it.
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", guard_process.__file__, str(runtime_directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            bufsize=0,
        )

    def add(self, group: int) -> None:
        """From now on process group ``group`` dies with the console."""
        self._tell(f"add {group}\n")

    def remove(self, group: int) -> None:
        """The group is empty; its number may soon be another's."""
        self._tell(f"del {group}\n")

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line.encode())
        except OSError:
            # Somebody killed the guard. On Linux the children still have the lifeline.
            return

    def close(self) -> None:
        """Ends the guard, which ends what is still listed; blocking."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
