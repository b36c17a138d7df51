"""Reading a native command back: the inverse of ``Server.command``."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from asgi_tui.domain.concepts import CONCEPTS
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.options import Option, OptionTable
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers import get_server
from asgi_tui.domain.shell_text import find_command
from asgi_tui.domain.shell_words import restored
from asgi_tui.domain.target import Target
from asgi_tui.domain.text import is_secret_name
from asgi_tui.domain.values import ON_OFF, Kind, Spec, Value

# What only a shell can fill in: $PORT, ${PORT:-5000}, $(nproc) and `nproc`.
SHELL = re.compile(r"\$[\w{(]|`")
_DEFAULTED = re.compile(r"\$\{\w+:?-([^}]*)\}")
_LEGACY_WORKERS = ("uvicorn.workers.UvicornWorker", "uvicorn_worker.UvicornWorker")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A native command as a form holds it.

    ``texts`` maps option keys (a concept where one exists, else the native name) to text; ``native`` is what
    no option covers. ``unfilled`` maps what has a value that only a shell knows ("Option port") to its text.
    """

    server: str
    target: str
    texts: Mapping[str, str]
    env: Mapping[str, str]
    native: tuple[str, ...]
    unfilled: Mapping[str, str] = field(default_factory=dict)

    def options(self) -> dict[str, Value]:
        """The values; what a shell would fill in stays text. Raises ``Problem``."""
        server = get_server(self.server)
        options: dict[str, Value] = {}
        for key, text in self.texts.items():
            spec = server.spec(key)
            kept = spec is None or _option(key) in self.unfilled
            options[key] = text if kept or spec is None else spec.read(text)
        return options

    def plan(self, cwd: str) -> LaunchPlan:
        """The plan it says. Raises ``Problem``, also where only a shell knows a value."""
        for what, text in self.unfilled.items():
            if is_secret_name(what.rpartition(" ")[2]):
                raise Problem(what, "only a shell can fill it in", "write the value in its place")
            filled = shell_default(text)
            mend = f"write {filled} in its place" if filled != text else "write the value in its place"
            raise Problem(what, f"only a shell can fill in {text}", mend)
        options = self.options()
        target = Target.parse(self.target, factory=bool(options.get("factory")))
        plan = LaunchPlan(target, self.server, cwd, native=self.native, env=dict(self.env))
        return plan.with_options(options)


def shell_default(text: str) -> str:
    """``text`` with ``${NAME:-default}`` replaced by its default."""
    return _DEFAULTED.sub(r"\1", text)


def parse_command(text: str) -> Parsed:
    """Reads a server's command out of ``text`` as people have it (``shell_text``). Raises ``Problem``."""
    found = find_command(text)
    program, *words = found.words
    server = get_server(program)
    reading = _Reading(server.table, abbreviates=program not in ("uvicorn", "granian"))
    reading.read(words)
    env = dict(found.env)
    native = reading.native
    if program == "gunicorn":
        worker = reading.values.pop("worker_class", ["sync"])[-1]
        if worker in _LEGACY_WORKERS:
            server = get_server("gunicorn-uvicorn")
        elif worker != "asgi" and "worker_class" in reading.named:
            native = ["-k", worker, *native]
    given = {}
    for name, items in reading.values.items():
        option = server.table.named(name)
        assert option is not None
        read = [option.from_native(item) for item in items]
        given[name] = "\n".join(read) if option.multiple else read[-1]
    texts = server.read_back(given)
    for key in [key for key, text in texts.items() if _is_own_implementation(server.spec(key), text)]:
        native += [server.flags[key].flag, texts.pop(key)]
    target, directory = server.read_target(reading.target)
    if directory:
        texts["app_dir"] = directory
    if program == "daphne" and env.get("PYTHONPATH") and ":" not in env["PYTHONPATH"]:
        texts["app_dir"] = env.pop("PYTHONPATH")
    if target.endswith("()"):
        texts["factory"], target = "on", target[:-2]
    unfilled = {_option(key): text for key, text in texts.items()}
    unfilled |= {f"Variable {name}": text for name, text in env.items()}
    unfilled |= {"Target": target, **{f"Argument {text}": text for text in native}}
    return Parsed(
        server.name,
        restored(target),
        {key: restored(text) for key, text in texts.items()},
        {name: restored(text) for name, text in env.items()},
        tuple(map(restored, native)),
        {restored(what): restored(text) for what, text in unfilled.items() if SHELL.search(text)},
    )


def _is_own_implementation(spec: Spec | None, text: str) -> bool:
    """uvicorn also takes ``--http module:attribute``, which is none of the choices."""
    named = re.fullmatch(r"[\w.]+:[\w.]+", text)
    return spec is not None and spec.kind is Kind.CHOICE and spec.name in CONCEPTS and named is not None


def _option(key: str) -> str:
    return f"Option {key}"


class _Reading:
    """Goes through a server's arguments as its parser would."""

    def __init__(self, table: OptionTable, *, abbreviates: bool) -> None:
        self.values: dict[str, list[str]] = {}
        self.named: set[str] = set()
        self.native: list[str] = []
        self.target = ""
        self._flags = {flag: option for option in table.options for flag in (*option.flags, *option.off)}
        self._abbreviates = abbreviates

    def read(self, words: list[str]) -> None:
        """Sorts the words into options, target and the rest."""
        rest = deque(words)
        while rest:
            word = rest.popleft()
            if word == "--":
                while rest:
                    self._positional(rest.popleft())
            elif word.startswith("--"):
                self._long(word, rest)
            elif word.startswith("-") and len(word) > 1:
                self._short(word, rest)
            else:
                self._positional(word)

    def _positional(self, word: str) -> None:
        if self.target:
            self.native.append(word)
        else:
            self.target = word

    def _long(self, word: str, rest: deque[str]) -> None:
        name, equals, joined = word.partition("=")
        flag = self._full(name)
        option = self._flags.get(flag) if flag else None
        if option is None or flag is None:
            self.native.append(word)
            if not equals:
                self._unknown_value(rest)
            return
        self._take(option, flag, joined if equals else None, rest)

    def _full(self, name: str) -> str | None:
        """argparse takes any unambiguous beginning of a long option."""
        if name in self._flags:
            return name
        near = [flag for flag in self._flags if self._abbreviates and flag.startswith(name)]
        return near[0] if len({id(self._flags[flag]) for flag in near}) == 1 else None

    def _short(self, word: str, rest: deque[str]) -> None:
        """``-w 4``, ``-w4``, ``-w=4``, and several letters of which the last may take a value."""
        for index in range(1, len(word)):
            flag = f"-{word[index]}"
            option = self._flags.get(flag)
            if option is None:
                self.native.append(f"-{word[index:]}")
                return
            if option.kind not in ON_OFF:
                joined = word[index + 1 :].removeprefix("=")
                self._take(option, flag, joined or None, rest)
                return
            self._take(option, flag, None, rest)

    def _take(self, option: Option, flag: str, joined: str | None, rest: deque[str]) -> None:
        self.named.add(option.name)
        if option.kind in ON_OFF and option.spelled != "true":
            self.values[option.name] = ["off" if flag in option.off else "on"]
            return
        if joined is None and option.bare and not (rest and rest[0] in option.choices):
            joined = option.bare
        if joined is None:
            if not rest:
                raise Problem(f"Option {flag}", "its value is missing", "write one after it")
            joined = rest.popleft()
        if not joined:
            # An option that holds nothing is left out; this one was given.
            self.native += [flag, ""]
            return
        self.values.setdefault(option.name, []).append(joined)

    def _unknown_value(self, rest: deque[str]) -> None:
        """What follows an unknown option is its value, unless it looks like the target or an option."""
        if rest and not rest[0].startswith("-") and (self.target or ":" not in rest[0]):
            self.native.append(rest.popleft())


def canonical(plan: LaunchPlan) -> LaunchPlan:
    """The plan as its native command can say it: what ``parse_command`` gives back."""
    options = get_server(plan.server).canonical(plan.options)
    target = plan.target
    if options.get("factory") or target.factory:
        options["factory"] = True
        target = replace(target, factory=True)
    return replace(plan, target=target).with_options(options)
