"""A traceback's text, folded to the user's own frames."""

from __future__ import annotations

import re
from collections.abc import Iterator

from asgi_tui.domain.frames import Frame
from asgi_tui.domain.text import sanitize

# Frames of one traceback that are kept: the innermost, where the fault is.
MAX_FRAMES = 20

# traceback.format_exception; of a syntax error the line has no function.
_PLACE = re.compile(r'^ *File "(?P<file>[^"\n]+)", line (?P<line>\d+)(?:, in (?P<function>.*))?$')
_LIBRARY = re.compile(r"/(site|dist)-packages/|/lib/python\d[^/]*/|/_asgi_tui_probe/|^<")


def user_frames(traceback: str) -> tuple[Frame, ...]:
    """The frames in the user's code, the innermost last: not in the interpreter's or installed modules."""
    return tuple(_frames(traceback))[-MAX_FRAMES:]


def ends_in_user_code(traceback: str) -> bool:
    """Whether the innermost frame lies in the user's code, so that it is surely its fault."""
    places = [found["file"] for line in traceback.splitlines() if (found := _PLACE.match(line))]
    return bool(places) and not _LIBRARY.search(places[-1])


def _frames(traceback: str) -> Iterator[Frame]:
    lines = traceback.splitlines()
    for number, line in enumerate(lines):
        found = _PLACE.match(line)
        if found is None or _LIBRARY.search(found["file"]):
            continue
        # The code stands on the next line, indented further, unless its file cannot be read.
        after = lines[number + 1] if number + 1 < len(lines) else ""
        code = after.strip() if after.startswith("    ") else ""
        function = sanitize(found["function"] or "")
        yield Frame(sanitize(found["file"]), int(found["line"]), function, sanitize(code))
