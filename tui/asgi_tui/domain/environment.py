"""Environment variables for the app: how they are written, and which of several layers wins."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from asgi_tui.domain.errors import Problem

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def read_variables(texts: Iterable[str]) -> Mapping[str, str]:
    """The variables that ``NAME=VALUE`` texts spell; a later one wins. Raises ``Problem``."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            # The text itself may be a secret.
            raise Problem("Environment variable", "there is no = in it", "write it as NAME=value")
        check_name(name)
        if "\0" in value:
            raise Problem(f"Environment variable {name}", "the value holds a NUL", "take it out")
        found[name] = value
    return MappingProxyType(found)


def check_name(name: str) -> None:
    """Raises ``Problem`` where ``name`` is no variable's name (POSIX.1-2017 8.1)."""
    if not _NAME.fullmatch(name):
        why = "a name has letters, digits and underscores, and no digit first"
        raise Problem(f"Environment variable {name!r}", why, "use another name")


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of the app's environment.

    ``source`` is where its value comes from ("form", "shell" or a file's name), ``hides`` the sources that
    set it too and lost.
    """

    name: str
    value: str
    source: str
    hides: tuple[str, ...] = ()


def layered(layers: Iterable[tuple[str, Mapping[str, str]]]) -> list[Variable]:
    """The variables of several layers by name, given as (source, variables); a later layer wins."""
    found: dict[str, Variable] = {}
    for source, variables in layers:
        for name, value in variables.items():
            old = found.get(name)
            hides = (*old.hides, old.source) if old else ()
            found[name] = Variable(name, value, source, hides)
    return [found[name] for name in sorted(found)]
