"""A place in the user's code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a traceback that lies in the user's code; ``file`` is a path that can be opened."""

    file: str
    line: int
    function: str
    code: str = ""
