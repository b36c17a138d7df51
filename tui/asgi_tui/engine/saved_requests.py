"""Saved requests of a project: a file each, in the user's own directory."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.saved_request import (
    SAVED_CHARS,
    SAVED_REQUESTS,
    SavedList,
    SavedRequest,
    check_name,
    read,
    write,
)
from asgi_tui.domain.sending import Sending
from asgi_tui.domain.text import sanitize
from asgi_tui.engine.root import up_to_root
from asgi_tui.engine.user_files import read_text, state_directory, write_private

# A character has at most four bytes in UTF-8.
_MAX_BYTES = 4 * SAVED_CHARS


def saved_requests(cwd: str) -> SavedList:
    """Every saved request of a directory's project, by name; blocking.

    A file that is damaged is kept aside, which is told as a problem.
    """
    found: list[SavedRequest] = []
    problems: list[Problem] = []
    for path in _files(cwd):
        try:
            found.append(_read(path))
        except Problem as problem:
            problems.append(problem)
    return SavedList(tuple(sorted(found, key=lambda saved: saved.name.lower())), tuple(problems))


def save_request(cwd: str, name: str, sending: Sending, *, keep_body: bool = False) -> tuple[str, ...]:
    """Saves a request, in place of one of that name; blocking.

    Gives what was masked or left out and must be filled in before it is sent. A body that cannot be searched
    for secrets is left out unless ``keep_body``. Raises ``Problem``.
    """
    text, missing = write(name, time.time(), sending, keep_body=keep_body)
    path = _path(cwd, name)
    others = [other for other in _files(cwd) if other != path]
    if len(others) >= SAVED_REQUESTS:
        why = f"the project has {SAVED_REQUESTS} already"
        raise Problem(f"Saved request {name}", why, "delete one first", usage=False)
    write_private(path, text)
    return missing


def delete_request(cwd: str, name: str) -> None:
    """Deletes a saved request; blocking. Raises ``Problem``, also where there is none."""
    check_name(name)
    try:
        _path(cwd, name).unlink()
    except FileNotFoundError:
        raise Problem(f"Saved request {name}", "there is none of that name", "check the name") from None
    except OSError as error:
        why = f"it cannot be deleted: {error.strerror}"
        raise Problem(f"Saved request {name}", why, "check the permissions", usage=False) from None


def _directory(cwd: str) -> Path:
    root = up_to_root(Path(os.path.realpath(cwd)))[-1]
    project = hashlib.sha256(os.fsencode(root)).hexdigest()[:32]
    return state_directory() / "requests" / project


def _path(cwd: str, name: str) -> Path:
    # Some file systems tell no capitals from small letters; so names that differ in them alone are one.
    return _directory(cwd) / f"{name.lower()}.json"


def _files(cwd: str) -> list[Path]:
    try:
        return sorted(path for path in _directory(cwd).iterdir() if path.suffix == ".json")
    except OSError:
        return []


def _read(path: Path) -> SavedRequest:
    what = f"Saved request {sanitize(path.stem)}"
    text = read_text(path, _MAX_BYTES)
    if text is None and not os.access(path, os.R_OK):
        raise Problem(what, f"{sanitize(str(path))} cannot be read", "check its permissions", usage=False)
    try:
        if text is None:
            raise ValueError("it is no UTF-8 text of a saved request's size")
        return read(text)
    except ValueError as error:
        aside = path.with_suffix(".json.broken")
        why = f"its file is damaged ({sanitize(str(error))})"
        try:
            path.replace(aside)
        except OSError:
            raise Problem(what, why, f"mend or delete {sanitize(str(path))}", usage=False) from None
        raise Problem(what, why, f"it was kept as {sanitize(str(aside))}", usage=False) from None
