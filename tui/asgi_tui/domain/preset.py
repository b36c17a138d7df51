"""A launch plan as a plain table that TOML and JSON can hold, and back: presets and history."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NoReturn

from asgi_tui.domain.environment import check_name
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.reloading import SETTINGS, Reloading, read_item
from asgi_tui.domain.servers import get_server
from asgi_tui.domain.target import Target
from asgi_tui.domain.text import is_secret_name, mask_assignment, mask_value, sanitize, split_flag
from asgi_tui.domain.values import NUMBERS, ON_OFF, Kind, Spec, Value, plain_number

KEYS = ("target", "server", "options", "native", "python", "env", "env_files", "reload", "watch", *SETTINGS)
# Characters of a cause that is quoted; the value in it may be as long as its file.
_QUOTED = 200
_LARGEST = 1e15
# How a person writes it. Permissions only so: of a number in a file nobody can tell the base it was meant in.
_AS_TEXT = {Kind.DURATION: '"1m30s"', Kind.SIZE: '"64k"', Kind.OCTAL: '"0o640"'}


def to_table(plan: LaunchPlan) -> tuple[dict[str, object], tuple[str, ...]]:
    """The plan as a table, and the names of what was left out of it.

    It holds only what is set, and all but the directory to run in. Left out are secrets: secret options,
    variables and headers with a secret's name, passwords in URLs; and options that only the installed server
    knows, which nothing could check when the table is read.
    """
    left_out: list[str] = []
    options = _written_options(plan, left_out)
    target = str(plan.target)
    if plan.target.factory and not plan.options.get("factory"):
        if plan.target.attribute:
            target += "()"
        else:
            options["factory"] = True
    env = {}
    for name, value in plan.env.items():
        if is_secret_name(name) or mask_value(name, value) != value:
            left_out.append(name)
        else:
            env[name] = value
    table: dict[str, object] = {"target": target, "server": plan.server}
    if plan.python is not None:
        table["python"] = plan.python
    if not plan.reload:
        table["reload"] = False
    reloading = plan.reloading.changed()
    table |= {name: _short(value) for name, value in reloading.items() if not isinstance(value, tuple)}
    lists = {
        "native": _without_secrets(plan, left_out),
        "env_files": list(plan.env_files),
        "watch": list(plan.watch),
        **{name: list(value) for name, value in reloading.items() if isinstance(value, tuple)},
    }
    # Tables last: in TOML, keys after a table would belong to it.
    table |= {key: texts for key, texts in lists.items() if texts}
    table |= {key: values for key, values in (("options", options), ("env", env)) if values}
    return table, tuple(left_out)


def from_table(name: str, table: Mapping[str, object], cwd: str) -> LaunchPlan:
    """The plan that a table holds, to be run in ``cwd``; ``name`` is how a problem calls it.

    The table is not trusted: a wrong type, an unknown key, server or option and a bad value are refused.
    Raises ``Problem`` with the name, the key, the cause and the mend.
    """
    return _Reader(name, table).plan(cwd)


# -- writing -------------------------------------------------------------------------------------------


def _short(value: Value) -> Value:
    """A whole number without a fraction, as a person writes it."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _written_options(plan: LaunchPlan, left_out: list[str]) -> dict[str, object]:
    server = get_server(plan.server)
    options: dict[str, object] = {}
    for key, value in plan.options.items():
        spec = server.spec(key)
        if spec is None or spec.secret or (isinstance(value, str) and _holds_secret(value)):
            left_out.append(key)
        elif isinstance(value, tuple):
            if kept := [item for item in value if not _holds_secret(item)]:
                options[key] = kept
            if len(kept) < len(value):
                left_out.append(key)
        else:
            options[key] = spec.spell(value) if spec.kind is Kind.OCTAL else value
    return options


def _holds_secret(text: str) -> bool:
    return mask_assignment(text) != text


def _without_secrets(plan: LaunchPlan, left_out: list[str]) -> list[str]:
    """The plan's native arguments less the options with a secret; their names go to ``left_out``."""
    overlay = get_server(plan.server).overlay
    secret = {flag for option in overlay if option.secret for flag in option.flags}
    kept: list[str] = []
    words = iter(plan.native)
    for word in words:
        flag, equals, value = split_flag(word)
        if flag in secret or (flag.startswith("-") and is_secret_name(flag)):
            left_out.append(flag)
            if not equals:
                next(words, None)
        elif _holds_secret(word) or _holds_secret(value):
            # The flag whose value it is goes too.
            alone = not word.startswith("-") and bool(kept) and kept[-1].startswith("-")
            left_out.append(kept.pop() if alone else flag or re.split("[=:]", word, maxsplit=1)[0])
        else:
            kept.append(word)
    return kept


# -- reading -------------------------------------------------------------------------------------------


class _Reader:
    """Reads one table, strictly."""

    def __init__(self, name: str, table: Mapping[str, object]) -> None:
        self.name = name
        self.table = table

    def plan(self, cwd: str) -> LaunchPlan:
        for key in self.table:
            if key not in KEYS:
                self._refuse(key, "there is no such key", f"use {', '.join(KEYS)}")
        server = self._server()
        options = self._options(server)
        return LaunchPlan(
            self._target(factory=options.get("factory") is True),
            server,
            cwd,
            options=MappingProxyType(options),
            native=self._texts("native"),
            python=self._text("python", self.table["python"]) if "python" in self.table else None,
            env_files=self._texts("env_files"),
            env=MappingProxyType(self._env()),
            reload=self._reload(),
            watch=self._texts("watch"),
            reloading=self._reloading(),
        )

    def _refuse(self, key: str, why: str, mend: str) -> NoReturn:
        why = sanitize(why if len(why) <= _QUOTED else f"{why[:_QUOTED]}…")
        raise Problem(f"Preset {sanitize(self.name)}, {sanitize(key[:_QUOTED])}", why, mend) from None

    def _refuse_type(self, key: str, value: object, wanted: str) -> NoReturn:
        kinds = ((bool, "true or false"), (int | float, "a number"), (str, "text"), (list, "a list"))
        found = next((word for kind, word in kinds if isinstance(value, kind)), "a table")
        if not isinstance(value, dict) and found == "a table":
            found = "a date or time"
        self._refuse(key, f"it is {found}", f"write {wanted}")

    def _text(self, key: str, value: object) -> str:
        if not isinstance(value, str):
            self._refuse_type(key, value, "a text in quotes")
        if not value or "\0" in value:
            self._refuse(key, "the text holds a NUL" if value else "the text is empty", "mend it")
        return value

    def _texts(self, key: str) -> tuple[str, ...]:
        value = self.table.get(key, [])
        if not isinstance(value, list):
            self._refuse_type(key, value, "a list of texts")
        return tuple(self._text(key, item) for item in value)

    def _mapping(self, key: str) -> dict[str, object]:
        value = self.table.get(key, {})
        if not isinstance(value, dict):
            self._refuse_type(key, value, "a table")
        return value

    def _reload(self) -> bool:
        value = self.table.get("reload", True)
        if not isinstance(value, bool):
            self._refuse_type("reload", value, "true or false")
        return value

    def _reloading(self) -> Reloading:
        values: dict[str, Value] = {}
        for name, spec in SETTINGS.items():
            if name not in self.table:
                continue
            try:
                if spec.multiple:
                    values[name] = tuple(str(read_item(name, text)) for text in self._texts(name))
                else:
                    values[name] = self._option(name, spec, self.table[name])
            except Problem as problem:
                if problem.what != f"Option {name}":
                    raise
                self._refuse(name, problem.why, problem.mend)
        return Reloading().with_settings(values)

    def _server(self) -> str:
        if "server" not in self.table:
            self._refuse("server", "it is missing", 'write one like server = "uvicorn"')
        name = self._text("server", self.table["server"])
        try:
            return get_server(name).name
        except Problem as problem:
            self._refuse("server", f"there is none named {name!r}", problem.mend)

    def _target(self, *, factory: bool) -> Target:
        if "target" not in self.table:
            self._refuse("target", "it is missing", 'write one like target = "main:app"')
        text = self._text("target", self.table["target"])
        try:
            return Target.parse(text, factory=factory)
        except Problem as problem:
            self._refuse("target", f"{text!r}: {problem.why}", problem.mend)

    def _env(self) -> dict[str, str]:
        env = {}
        for name, value in self._mapping("env").items():
            key = f"env.{name}"
            try:
                check_name(name)
            except Problem as problem:
                self._refuse(key, problem.why, problem.mend)
            if not isinstance(value, str):
                self._refuse_type(key, value, "a text in quotes")
            if "\0" in value:
                self._refuse(key, "the text holds a NUL", "take it out")
            env[name] = value
        return env

    def _options(self, server: str) -> dict[str, Value]:
        adapter = get_server(server)
        options = {}
        for name, value in self._mapping("options").items():
            key = f"options.{name}"
            spec = adapter.spec(name)
            if spec is None:
                mend = f"see asgi-tui options {server} for their names"
                self._refuse(key, f"{server} has no option of that name", mend)
            try:
                options[name] = self._option(key, spec, value)
            except Problem as problem:
                if problem.what != f"Option {spec.name}":
                    raise
                self._refuse(key, problem.why, problem.mend)
        return options

    def _option(self, key: str, spec: Spec, value: object) -> Value:
        if spec.multiple:
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                self._refuse_type(key, value, "a list of texts")
            return self._items(key, spec, value)
        if spec.kind in ON_OFF:
            if not isinstance(value, bool):
                self._refuse_type(key, value, "true or false")
            return value
        if isinstance(value, str) and (spec.kind not in NUMBERS or spec.kind in _AS_TEXT):
            return spec.read_one(value)
        if spec.kind not in NUMBERS:
            self._refuse_type(key, value, "a text in quotes")
        if spec.kind is Kind.OCTAL or isinstance(value, bool) or not isinstance(value, int | float):
            wanted = f"it like {_AS_TEXT[spec.kind]}" if spec.kind in _AS_TEXT else "a number"
            self._refuse_type(key, value, wanted)
        if isinstance(value, float) and not (math.isfinite(value) and abs(value) < _LARGEST):
            self._refuse(key, f"{value} is out of any range", "use another number")
        return spec.read_one(plain_number(value))

    def _items(self, key: str, spec: Spec, items: Iterable[str]) -> tuple[str, ...]:
        # One by one: read() would part an item at a line separator in it.
        read = tuple(str(spec.read_one(item)) for item in items)
        if not read:
            self._refuse(key, "the list is empty", "fill it, or leave the option out")
        return read
