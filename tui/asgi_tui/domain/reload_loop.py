"""Tells saves of a person from what the app itself writes each time it has been reloaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# Seconds after a run became ready in which a change may be the run's own doing.
WINDOW = 1.5
# So many changes in a row are a loop: fewer where they come as regularly as only a program does.
REGULAR_LIMIT = 4
LIMIT = 6
# Source that was there before, changed after the run became ready, is most likely a person's quick saves, or
# those of a tool that saves for one.
SOURCE_LIMIT = 8
# Seconds between the shortest and the longest delay of changes that are regular.
REGULAR = 0.1


@dataclass(frozen=True, slots=True)
class Loop:
    """The file that was changed after each reload; ``siblings``: each time another one of its kind.

    Then it is the directory's files of that suffix that loop.
    """

    file: Path
    siblings: bool = False


class LoopDetector:
    """Counts the runs in a row that were followed at once by a change of the same file.

    All times are seconds on one clock that never goes back.
    """

    def __init__(self) -> None:
        self._began: float | None = None
        self._ready: float | None = None
        self._told_of_this_run: set[Loop] = set()
        self._delays: dict[Loop, list[float]] = {}

    def started(self, now: float) -> None:
        """A run starts: what it writes from here on may be its own doing."""
        self._began, self._ready = now, None
        self._told_of_this_run.clear()

    def ready(self, now: float) -> None:
        """The run has become ready."""
        self._ready = now

    def forget(self) -> None:
        """What was counted so far counts no more."""
        self._delays.clear()
        self._told_of_this_run.clear()

    def saved(self, files: Mapping[Path, str], now: float) -> Loop | None:
        """The loop that this burst of changes (path to kind) completes, if it does."""
        since = self._ready if self._ready is not None else self._began
        if since is None or (self._ready is not None and now - since > WINDOW):
            # Nothing came for a while: it was a person, or an app that writes now and then.
            self.forget()
            return None
        found = None
        # A person rarely makes several files in a row; an app may name each log or upload anew.
        siblings = {Loop(path.with_name(f"*{path.suffix}"), True) for path in files if files[path] == "added"}
        for key in sorted(
            {Loop(path) for path in files} | siblings, key=lambda loop: (loop.siblings, loop.file)
        ):
            if key in self._told_of_this_run:
                continue
            self._told_of_this_run.add(key)
            delays = self._delays.setdefault(key, [])
            delays.append(now - since)
            if found is None and self._is_loop(key, files, delays):
                found = key
        return found

    def _is_loop(self, key: Loop, files: Mapping[Path, str], delays: list[float]) -> bool:
        person = self._ready is not None and key.file.suffix == ".py" and files.get(key.file) == "modified"
        recent = delays[-REGULAR_LIMIT:]
        regular = len(recent) == REGULAR_LIMIT and max(recent) - min(recent) <= REGULAR
        return len(delays) >= SOURCE_LIMIT if person else regular or len(delays) >= LIMIT
