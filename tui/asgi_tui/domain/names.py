"""Names under which a user keeps things: presets and requests."""

from __future__ import annotations

import re

_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
# Why another is none, and the mend.
BAD_NAME = ("a name has at most 40 letters, digits, - and _", "use another name")


def is_name(name: str) -> bool:
    """Whether something can be kept under ``name``."""
    return _NAME.fullmatch(name) is not None
