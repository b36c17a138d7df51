"""Nothing of the user's is read or written by a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def home_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Presets, history and caches go to a directory of the test run's own."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CONFIG", "STATE", "CACHE"):
            patch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
        # readline, which pytest loads, sets them: a process below would take them for its terminal's size
        for name in ("COLUMNS", "LINES"):
            patch.delenv(name, raising=False)
        yield home
