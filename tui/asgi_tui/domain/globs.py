"""The globs of ``.gitignore`` files (gitignore(5)), which all globs of ours are too."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

# What each part of a pattern means; a character class is read as fnmatch(3) reads it.
_PART = re.compile(
    r"(?P<deep>/\*\*(?=/)|/\*\*$)|(?P<star>\*+)|(?P<one>\?)|\[(?P<set>[!^]?\]?[^\]]*)\]|\\?(?P<plain>.)"
)


@dataclass(frozen=True, slots=True)
class _Glob:
    regex: re.Pattern[str]
    takes: bool
    directories: bool


class Globs:
    """Patterns of which the last that matches decides; one that begins with ``!`` takes a match back."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._globs = [glob for line in lines if (glob := _read(line)) is not None][::-1]

    def says(self, path: str, *, directory: bool = False) -> bool | None:
        """Whether this very path is matched, or taken back; None where nothing is said of it.

        ``path`` has slashes, and is relative to the directory that the patterns are for.
        """
        for glob in self._globs:
            if (directory or not glob.directories) and glob.regex.fullmatch(path):
                return glob.takes
        return None

    def covers(self, path: str, *, directory: bool = False) -> bool:
        """Whether the path, or else the nearest directory above it of which something is said, is matched."""
        while path:
            said = self.says(path, directory=directory)
            if said is not None:
                return said
            path, directory = path.rpartition("/")[0], True
        return False


def _read(line: str) -> _Glob | None:
    text = re.sub(r"(?<!\\)[ \t\r\n]+$", "", line)
    if not text or text.startswith("#"):
        return None
    takes = not text.startswith("!")
    text = text.removeprefix("!")
    directories = text.endswith("/")
    text = text.rstrip("/")
    # Without a slash but at its end it may be at any depth.
    text = text if "/" in text else f"**/{text}"
    try:
        return _Glob(re.compile(_regex(text.removeprefix("/")), re.DOTALL), takes, directories)
    except re.error:
        # A range that runs backwards matches nothing.
        return None


def _regex(text: str) -> str:
    regex = ""
    if text.startswith("**/"):
        regex, text = "(?:.*/)?", text.removeprefix("**/")
    for part in _PART.finditer(text):
        if part["deep"]:
            regex += "/.*" if part.end() == len(text) else "(?:/.*)?"
        elif part["star"]:
            regex += "[^/]*"
        elif part["one"]:
            regex += "[^/]"
        elif part["set"] is not None:
            inner = part["set"]
            but = "^/" if inner[:1] in ("!", "^") else ""
            # What Python would read otherwise than the shell.
            inner = re.sub(r"([\[\]&~|^])", r"\\\1", inner[bool(but) :])
            regex += f"[{but}{inner}]"
        else:
            regex += re.escape(part["plain"])
    return regex


def glob_of(path: str) -> str:
    """The glob that means exactly this path; a name ``*.suffix`` stays a pattern."""
    *above, name = path.split("/")
    star = "*" if name.startswith("*.") else ""
    escaped = [re.sub(r"([\\*?\[\]])", r"\\\1", part) for part in (*above, name.removeprefix(star))]
    escaped[-1] = re.sub(r"([ \t])$", r"\\\1", star + escaped[-1])
    return "/" + "/".join(escaped)
