"""``--set``: text to options, by concept or by the server's own name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from asgi_tui.domain.concepts import CONCEPTS
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.options import Option, OptionTable, option_name
from asgi_tui.domain.servers.base import Server
from asgi_tui.domain.values import Options, Value


@dataclass(frozen=True, slots=True)
class Settings:
    """Options, and the native arguments of those that only the installed version knows."""

    options: Options
    native: tuple[str, ...] = ()


def read_settings(server: Server, settings: Iterable[str], table: OptionTable | None = None) -> Settings:
    """What ``NAME=VALUE`` texts spell; a later one wins, a repeated option takes them all.

    ``table`` is the installed version's, where it has been asked. Raises ``Problem``.
    """
    options: dict[str, Value] = {}
    native: list[str] = []
    given: dict[str, str] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            # What else there is may be a secret.
            start = re.match(r"[\w.-]*", setting)
            raise Problem(f"Option {start[0] if start else ''}", "it has no value", "write it as name=value")
        concept = option_name(name)
        if concept in CONCEPTS:
            _put(server, options, concept, text)
            continue
        option = find_option(server, name, table)
        if option.key not in CONCEPTS and server.own(option.key) is None:
            native += option.arguments(option.read(text))
            continue
        if option.multiple and option.wide:
            # The first of its values may be a concept, the others are not.
            text = given[option.name] = "\n".join([*given.get(option.name, "").splitlines(), text])
            options.pop(option.key, None)
        for key, part in server.native_parts(option, text):
            _put(server, options, key, part)
    return Settings(options, tuple(native))


def find_option(server: Server, name: str, table: OptionTable | None = None) -> Option:
    """The native option of that name or flag. Raises ``Problem`` with the nearest names."""
    tables = [table, server.table] if table is not None else [server.table]
    for known in tables:
        option = known.named(name) or known.with_flag(name.strip())
        option = option or known.with_flag(f"--{name.strip().lstrip('-').replace('_', '-')}")
        if option is None:
            continue
        if option.name in known.missing:
            raise Problem(f"Option {option.name}", known.missing[option.name], "leave it out or upgrade")
        return option
    names = [*CONCEPTS, *(option.name for known in tables for option in known.options)]
    near = difflib.get_close_matches(option_name(name), names, 1)
    mend = f"did you mean {near[0]}" if near else f"asgi-tui options {server.name} lists them"
    raise Problem(f"Option {name!r}", f"{server.name} has no option of that name", mend)


def _put(server: Server, options: dict[str, Value], key: str, text: str) -> None:
    spec = server.spec(key)
    if spec is None:
        raise Problem(f"Option {key}", f"{server.name} has no such option", "leave it out")
    value = spec.read(text)
    before = options.get(key)
    if isinstance(value, tuple) and isinstance(before, tuple):
        value = (*before, *value)
    options[key] = value
