"""Pilot takes the app for idle after a short look: what a test waits for it asks for (``screen.until``)."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest
import textual._wait
import textual.constants
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet


@pytest.fixture(autouse=True)
def short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """10 ms in place of 20 for each key and click, and no frames between two states of the screen."""
    monkeypatch.setattr(textual._wait, "SLEEP_GRANULARITY", 0.01)
    monkeypatch.setattr(textual._wait, "SLEEP_IDLE", 0.002)
    monkeypatch.setattr(textual.constants, "TEXTUAL_ANIMATIONS", "none")


@pytest.fixture(scope="package", autouse=True)
def styles_are_parsed_once() -> Iterator[None]:
    """Each app parses the styles of every widget anew: a quarter of the time that it takes to open one."""
    parse = Stylesheet._parse_rules
    known: dict[object, list[RuleSet]] = {}

    def remembered(sheet: Stylesheet, css: str, **how: Any) -> list[RuleSet]:  # Any: as it came
        key = css, frozenset(how.items()), frozenset(sheet._variables.items())
        if key not in known:
            known[key] = parse(sheet, css, **how)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "_parse_rules", remembered)
        yield


@pytest.fixture(scope="package", autouse=True)
def rare_collections() -> Iterator[None]:
    """Widgets and strips are many and short-lived: a tenth of the time went into looking for cycles."""
    before = gc.get_threshold()
    gc.set_threshold(50_000, 20, 50)
    yield
    gc.set_threshold(*before)
