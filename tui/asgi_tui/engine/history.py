"""What was launched before: the last launches of all projects, and the last plan of each directory."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.preset import from_table, to_table
from asgi_tui.engine.user_files import read_text, state_directory, write_private

LAUNCHES = 20
DIRECTORIES = 100
# Characters of one launch; a larger one is not remembered, so that the file can be read whole.
_MAX_LAUNCH = 60_000
_MAX_BYTES = 10_000_000
# Seconds another console may take to write.
_LOCK_WAIT = 2.0


@dataclass(frozen=True, slots=True)
class Launch:
    """One launch: ``at`` in Unix seconds, and its plan less the secrets."""

    at: float
    plan: LaunchPlan


def remember(plan: LaunchPlan) -> None:
    """Adds a launch; blocking. The same plan again moves to the front.

    What ``to_table`` leaves out, secrets above all, is not kept. Raises ``Problem``.
    """
    table, _ = to_table(plan)
    entry = _Entry(time.time(), plan.cwd, table)
    if len(json.dumps(entry.record())) > _MAX_LAUNCH:
        return
    with _locked():
        history = _read(_path())
        if history is None:
            _keep_aside()
            history = _History()
        launches = [old for old in history.launches if (old.cwd, old.table) != (plan.cwd, table)]
        directories = [old for old in history.directories if old.cwd != plan.cwd]
        new = _History((entry, *launches)[:LAUNCHES], (entry, *directories)[:DIRECTORIES])
        write_private(_path(), json.dumps(new.record(), indent=1))


def recent() -> list[Launch]:
    """The last launches, the latest first; blocking. What cannot be read is left out."""
    history = _read(_path()) or _History()
    return [launch for entry in history.launches if (launch := entry.launch()) is not None]


def last_plan(cwd: str) -> LaunchPlan | None:
    """The plan that was last launched in a directory; blocking."""
    history = _read(_path()) or _History()
    entry = next((entry for entry in history.directories if entry.cwd == cwd), None)
    launch = entry.launch() if entry is not None else None
    return launch.plan if launch is not None else None


def forget() -> None:
    """Deletes the history; blocking. Raises ``Problem``."""
    with _locked():
        for path in (_path(), _broken()):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                why = f"it cannot be deleted: {error.strerror}"
                raise Problem(f"History {path}", why, "delete it by hand", usage=False) from None


# -- the file ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Entry:
    at: float
    cwd: str
    table: Mapping[str, object]

    def record(self) -> dict[str, object]:
        return {"at": self.at, "cwd": self.cwd, "plan": self.table}

    def launch(self) -> Launch | None:
        """None for what this version cannot read."""
        try:
            return Launch(self.at, from_table("of the history", self.table, self.cwd))
        except Problem:
            return None


@dataclass(frozen=True, slots=True)
class _History:
    launches: tuple[_Entry, ...] = ()
    directories: tuple[_Entry, ...] = ()

    def record(self) -> dict[str, object]:
        return {
            "launches": [entry.record() for entry in self.launches],
            "directories": [entry.record() for entry in self.directories],
        }


def _path() -> Path:
    return state_directory() / "history.json"


def _broken() -> Path:
    return state_directory() / "history.json.broken"


def _read(path: Path) -> _History | None:
    """None for a file that is broken."""
    text = read_text(path, _MAX_BYTES)
    if text is None:
        return None if os.path.lexists(path) else _History()
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    return _History(_entries(content.get("launches")), _entries(content.get("directories")))


def _entries(records: object) -> tuple[_Entry, ...]:
    if not isinstance(records, list):
        return ()
    return tuple(entry for record in records if (entry := _entry(record)) is not None)


def _entry(record: object) -> _Entry | None:
    match record:
        # The bounds leave out NaN, and what no clock says.
        case {"at": int() | float() as at, "cwd": str() as cwd, "plan": dict() as table} if 0 <= at < 1e11:
            return _Entry(float(at), cwd, table)
    return None


def _keep_aside() -> None:
    """The first broken file stays for whoever wants to look into it."""
    if not _broken().exists():
        with suppress(OSError):
            _path().rename(_broken())


@contextmanager
def _locked() -> Iterator[None]:
    """No other console writes meanwhile. Raises ``Problem`` where there is no directory to write in."""
    directory = state_directory()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The directory itself, so that no file need be kept to lock.
        descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        why = f"it cannot be opened: {error.strerror}"
        raise Problem(f"Directory {directory}", why, "check its permissions", usage=False) from None
    try:
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    """Gives up on a console that hangs, and where the file system has no locks: then the last one wins."""
    until = time.monotonic() + _LOCK_WAIT
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                return
            time.sleep(0.01)
        except OSError:
            return
        else:
            return
