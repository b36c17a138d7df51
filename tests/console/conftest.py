"""Pilot takes the app for idle after a short look: what a test waits for it asks for (``screen.until``)."""

from __future__ import annotations

import pytest
import textual._wait


@pytest.fixture(autouse=True)
def short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """10 ms in place of 20 for each key and click."""
    monkeypatch.setattr(textual._wait, "SLEEP_GRANULARITY", 0.01)
    monkeypatch.setattr(textual._wait, "SLEEP_IDLE", 0.002)
