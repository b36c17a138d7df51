"""Places in the code that a log entry tells of. Pure."""

from __future__ import annotations

import re

from asgi_tui.domain.tracebacks import user_frames
from asgi_tui.frontends.console.history import Place

# Of a traceback; path/to/file.py:12 and C:\file.py:12 as many tools write it.
_FRAME = re.compile(r'^\s*File "(?P<file>[^"\n]+)", line (?P<line>\d{1,9})')
_PATH = re.compile(r"(?<![\w./\\:-])(?P<file>(?:[\w.~@+-]*[/\\])*[\w.@+-]+\.\w{1,8}):(?P<line>\d{1,9})\b")
_CODE = re.compile(r"\.(py|pyi|pyx|toml|cfg|ini|ya?ml|json|html?|jinja2?|j2|css|[jt]sx?|sql|sh|env|txt|md)$")
_SEARCHED = 20_000  # characters of an entry that are searched for a path


def place_of(text: str, line: str = "") -> Place | None:
    """Where an entry of this text says something happened; None where it does not say.

    ``line`` is the one of its lines that is pointed at: the place it tells counts before the innermost frame
    in the user's own code.
    """
    if found := _of_line(line):
        return found
    if frames := user_frames(text):
        return Place(frames[-1].file, frames[-1].line)
    return _of_path(text[:_SEARCHED])


def _of_line(line: str) -> Place | None:
    if frame := _FRAME.match(line):
        return Place(frame["file"], int(frame["line"]))
    return _of_path(line)


def _of_path(text: str) -> Place | None:
    for found in _PATH.finditer(text):
        if _CODE.search(found["file"]):
            return Place(found["file"], int(found["line"]))
    return None
