"""Cached bytecode of changed source files, which a quick second save would leave in use."""

# There are many paths here, and as text they cost a fraction.
# ruff: noqa: PTH108, PTH120, PTH208

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def drop_bytecode(sources: Iterable[Path], pycache: str = "") -> None:
    """Removes the cached bytecode of changed files; blocking.

    A cached file counts as valid while the source has the same size and whole second of change
    (``importlib``), so two quick saves would run the first. ``pycache`` is ``PYTHONPYCACHEPREFIX``, below
    which the directories of sources are repeated.
    """
    stems: dict[str, set[str]] = defaultdict(set)
    for source in sources:
        if source.suffix == ".py":
            stems[str(source.parent)].add(source.stem)
            # As the import system may know it: a link is not resolved there.
            real = os.path.realpath(source)
            stems[os.path.dirname(real)].add(Path(real).stem)
    for directory, names in stems.items():
        caches = [f"{directory}/__pycache__"]
        if pycache:
            caches.append(f"{pycache}/{directory.lstrip('/')}")
        for cache in caches:
            _drop(cache, names)
        for name in names:
            # What `compileall -b` leaves is imported once the source is gone.
            with suppress(OSError):
                os.unlink(f"{directory}/{name}.pyc")


def _drop(cache: str, stems: set[str]) -> None:
    with suppress(OSError):
        for name in os.listdir(cache):
            if name.endswith(".pyc") and name.partition(".")[0] in stems:
                with suppress(OSError):
                    os.unlink(f"{cache}/{name}")
