"""Packages that come to and go from an environment."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

# Seconds without another change after which an installer is taken to be done.
QUIET = 1.0
# Seconds after which what is half installed counts all the same.
PATIENCE = 60.0
_SUFFIXES = (".dist-info", ".egg-info", ".egg-link", ".pth")

Burst = dict[Path, str]


class Libraries:
    """Looks, about once a second, whether something was installed; costs a ``stat`` for each directory."""

    def __init__(self, directories: Iterable[Path]) -> None:
        self._directories = tuple(directories)
        self._times = self._look_at_times()
        self._known = self._packages()
        self._changed_at = 0.0
        self._first = 0.0

    def look(self) -> Burst:
        """What came, went or was replaced, once the installer is done; blocking."""
        now = time.monotonic()
        times = self._look_at_times()
        if times != self._times:
            self._times, self._changed_at = times, now
            self._first = self._first or now
        if not self._first or now - self._changed_at < QUIET:
            return {}
        packages = self._packages()
        if not all(map(_is_complete, packages.keys() - self._known.keys())) and now - self._first < PATIENCE:
            return {}
        known, self._known, self._first = self._known, packages, 0.0
        burst: Burst = dict.fromkeys(known.keys() - packages.keys(), "deleted")
        burst |= dict.fromkeys(packages.keys() - known.keys(), "added")
        burst |= {
            path: "modified" for path in packages.keys() & known.keys() if packages[path] != known[path]
        }
        return burst

    def _look_at_times(self) -> tuple[int, ...]:
        times = []
        for directory in self._directories:
            try:
                times.append(directory.stat().st_mtime_ns)
            except OSError:
                times.append(0)
        return tuple(times)

    def _packages(self) -> dict[Path, tuple[int, int]]:
        found = {}
        for directory in self._directories:
            with suppress(OSError), os.scandir(directory) as entries:
                for entry in entries:
                    # pip moves what it replaces to a name that begins with a tilde.
                    if entry.name.endswith(_SUFFIXES) and not entry.name.startswith("~"):
                        with suppress(OSError):
                            status = entry.stat()
                            # What is in a directory is written first; its own name comes with its inode.
                            changed = 0 if entry.is_dir() else status.st_mtime_ns
                            found[directory / entry.name] = (status.st_ino, changed)
        return found


def _is_complete(path: Path) -> bool:
    """Whether a package is all there: RECORD is the last that pip and uv write."""
    return path.suffix != ".dist-info" or (path / "RECORD").exists()
