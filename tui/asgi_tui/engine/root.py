"""Where a project begins."""

from __future__ import annotations

from pathlib import Path

from asgi_tui.engine.there import exists

ROOT_MARKS = ("pyproject.toml", "manage.py", ".git")


def up_to_root(directory: Path) -> list[Path]:
    """``directory`` and its parents up to the project's root; ``directory`` alone where it is in no project.

    The root is the nearest directory with one of ROOT_MARKS. The home directory and the root of the file
    system are none by a mark that happens to lie there; blocking.
    """
    parents = [directory, *directory.parents]
    for index, parent in enumerate(parents):
        if index and parent in (Path.home(), Path(parent.anchor)):
            break
        if any(exists(parent / mark) for mark in ROOT_MARKS):
            return parents[: index + 1]
    return parents[:1]


def project_root(directory: Path) -> Path:
    """The root of the project that ``directory`` is in, else ``directory``; blocking."""
    return up_to_root(directory)[-1]
