"""``--set`` and the form: text to options, by concept or by the server's own name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from asgi_tui.domain.concepts import CONCEPTS, read_value
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.servers.base import Server
from asgi_tui.domain.values import Options, Value


def concept_of(server: Server, name: str) -> str:
    """The concept that ``name`` means on ``server``; dashes and underscores are one.

    Raises ``Problem`` for a name that is neither a concept nor a native option of the server's.
    """
    plain = name.strip().lstrip("-").replace("-", "_").lower()
    if plain in CONCEPTS:
        return plain
    native = {
        option.lstrip("-").replace("-", "_"): concept
        for concept, flag in server.flags.items()
        for option in flag.flag.split()[:1]
        if option not in ("--bind", "--endpoint", "--interface", "--no-ws")
    }
    if plain in native:
        return native[plain]
    near = difflib.get_close_matches(plain, [*CONCEPTS, *native], 1)
    mend = f"did you mean {near[0]}?" if near else "pass the server's own arguments after --"
    raise Problem(f"Option {name!r}", f"{server.name} has no option of that name here", mend.rstrip("?"))


def read_settings(server: Server, settings: Iterable[str]) -> Options:
    """The options that ``NAME=VALUE`` texts spell; a later one wins. Raises ``Problem``."""
    options: dict[str, Value] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise Problem(f"Option {setting!r}", "it has no value", "write it as name=value")
        concept = concept_of(server, name)
        options[concept] = read_value(concept, text, server.choices(concept))
    return options
