"""The optional parts of servers agree with what the installed servers say of themselves."""

from __future__ import annotations

import importlib.metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from asgi_tui.domain.extras import Extra, extras_of, missing_extras
from asgi_tui.domain.servers import SERVERS

ALL = [extra for server in SERVERS for extra in extras_of(server)]


def brought(requirement: Requirement) -> set[str]:
    """What the extras of a requirement bring, by the installed distribution's metadata."""
    found = map(Requirement, importlib.metadata.requires(requirement.name) or [])
    return {
        canonicalize_name(item.name)
        for item in found
        for extra in requirement.extras
        if item.marker and item.marker.evaluate({"extra": extra}) and not item.marker.evaluate({"extra": ""})
    }


@pytest.mark.parametrize("extra", ALL, ids=lambda extra: f"{extra.server}:{extra.requirement}")
def test_needs_are_what_the_metadata_says(extra: Extra) -> None:
    requirement = Requirement(extra.requirement)
    named = {canonicalize_name(requirement.name)}
    assert set(extra.needs) == (brought(requirement) if requirement.extras else named)
    assert extra.needs
    assert extra.unlocks[0].islower() or extra.unlocks.startswith("HTTP")


def test_every_server_has_some() -> None:
    assert all(extras_of(server) for server in SERVERS)
    assert extras_of("no such server") == ()


def test_missing_extras() -> None:
    def missing(server: str, installed: dict[str, str | None]) -> list[str]:
        return [extra.requirement for extra in missing_extras(server, installed)]

    assert missing("daphne", {"h2": "4.4.1", "priority": "2.0"}) == []
    assert missing("daphne", {"h2": "4.4.1", "priority": None}) == ["Twisted[http2]"]
    assert missing("daphne", {"h2": "4.4.1"}) == ["Twisted[http2]"]
    assert missing("gunicorn-uvicorn", {"Uvicorn_Worker": "0.4.0", "setproctitle": "1"}) == [
        "uvicorn[standard]"
    ]
    assert missing("hypercorn", {}) == [extra.requirement for extra in extras_of("hypercorn")]
