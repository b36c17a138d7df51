"""Which code is the user's: what lies outside the interpreter, its libraries and this package."""

from __future__ import annotations

import os
import sys
from functools import lru_cache

_HERE = os.path.join(os.path.dirname(os.path.realpath(__file__)), "")
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_libraries: tuple[str, ...] = ()


def libraries() -> tuple[str, ...]:
    """The directories of the interpreter's and of installed modules, as named and as they really are."""
    global _libraries
    if not _libraries:
        import sysconfig

        paths = sysconfig.get_paths()
        found = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib") if name in paths}
        # Not the prefixes themselves: a project may lie in one (/usr/local/app), an environment in a project.
        found |= {os.path.join(prefix, "lib", "python") for prefix in (sys.prefix, sys.base_prefix)}
        found |= {os.path.realpath(path) for path in found}
        _libraries = tuple(path if path.endswith("python") else os.path.join(path, "") for path in found)
    return _libraries


def is_user_file(path: str) -> bool:
    """Whether a file is the user's code: outside the interpreter, its libraries and this package."""
    return bool(path) and not path.startswith("<") and _is_users(os.path.dirname(path))


@lru_cache(maxsize=4096)
def _is_users(directory: str) -> bool:
    # Most are a library's by the name they were imported under, and realpath is slow.
    return not _in_library(os.path.join(directory, "")) and not _in_library(
        os.path.join(os.path.realpath(directory), "")
    )


def _in_library(path: str) -> bool:
    return path.startswith((_HERE, *libraries())) or any(name in path for name in _INSTALLED)
