"""Pilot takes the app for idle after a short look: what a test waits for it asks for (``screen.until``)."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
import textual._wait
import textual.constants


@pytest.fixture(autouse=True)
def short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """10 ms in place of 20 for each key and click, and no frames between two states of the screen."""
    monkeypatch.setattr(textual._wait, "SLEEP_GRANULARITY", 0.01)
    monkeypatch.setattr(textual._wait, "SLEEP_IDLE", 0.002)
    monkeypatch.setattr(textual.constants, "TEXTUAL_ANIMATIONS", "none")


@pytest.fixture(scope="package", autouse=True)
def rare_collections() -> Iterator[None]:
    """Widgets and strips are many and short-lived: a tenth of the time went into looking for cycles."""
    before = gc.get_threshold()
    gc.set_threshold(50_000, 20, 50)
    yield
    gc.set_threshold(*before)
