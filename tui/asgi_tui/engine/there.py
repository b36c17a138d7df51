"""Whether a path is there, for paths that anybody may have written.

Unlike pathlib's own these raise nothing: not for too long a name, nor where one may not look.
"""

from __future__ import annotations

import os
from pathlib import Path


def exists(path: Path) -> bool:
    """Whether anything is there."""
    return os.path.exists(path)  # noqa: PTH110 - as said above


def is_file(path: Path) -> bool:
    """Whether it is a file, or leads to one."""
    return os.path.isfile(path)  # noqa: PTH113 - as said above


def is_directory(path: Path) -> bool:
    """Whether it is a directory, or leads to one."""
    return os.path.isdir(path)  # noqa: PTH112 - as said above
