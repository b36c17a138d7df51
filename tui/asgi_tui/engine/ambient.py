"""What a server would read by itself: variables and configuration files, and which option each sets.

Nothing is run: a configuration file in Python is read as text, and what it computes is told as that.
"""

from __future__ import annotations

import ast
import os
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from asgi_tui.domain.command_line import parse_command
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.options import Option, OptionTable
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers.base import Server
from asgi_tui.domain.text import MASK, mask_assignment, sanitize
from asgi_tui.domain.values import Kind
from asgi_tui.engine.app_source import parse
from asgi_tui.engine.project import version_tuple
from asgi_tui.engine.toml_text import read_toml
from asgi_tui.engine.user_files import read_text

_MAX_BYTES = 1_000_000
# Characters of a value that are shown.
_SHOWN = 200
# The address is always the console's; the parts it was written in may differ.
_ADDRESS = frozenset({"host", "port", "uds", "bind", "fd"})
# Variables that a server reads beside those of its options, by option.
_PLAIN = {"WEB_CONCURRENCY": "workers", "FORWARDED_ALLOW_IPS": "forwarded_allow_ips"}
# What the console takes out of gunicorn's configuration file (OWNED in asgi_probe/gunicorn_conf.py).
TAKEN_OUT = frozenset(
    {"bind", "workers", "worker_class", "reload", "daemon", "pidfile", "control_socket", "wsgi_app"}
)
_ARGUMENTS = "GUNICORN_CMD_ARGS"
_CONFIG = "config"


@dataclass(frozen=True, slots=True)
class Ambient:
    """What sets an option from outside of the plan.

    ``text`` is the value as it may be shown, or in words why it is not known; ``source`` the variable or
    file; ``counts`` whether the server will use it: not where the plan or the console says otherwise.
    """

    text: str
    source: str
    counts: bool


def ambient_settings(
    server: Server, table: OptionTable, plan: LaunchPlan, variables: Mapping[str, str]
) -> dict[str, Ambient]:
    """What the server would read by itself, by the option's key in a plan; blocking.

    ``variables`` are those the server gets. Of several sources the one that the server prefers is given. A
    file that cannot be read is told under ``config``. Raises nothing.
    """
    reading = _Reading(server, table, plan)
    # The weakest first, as in gunicorn/app/base.py.
    reading.variables(variables)
    reading.file()
    reading.arguments(variables)
    return reading.found


# Stands for a value that only running the file would tell.
_COMPUTED = object()


class _Reading:
    def __init__(self, server: Server, table: OptionTable, plan: LaunchPlan) -> None:
        self.found: dict[str, Ambient] = {}
        self._server = server
        self._plan = plan
        self._options = [option for option in table.options if option.name not in table.missing]
        arguments = server.run_arguments(plan, None, version_tuple(table.version or ""))
        self._decided = _ADDRESS | plan.options.keys() | _parsed(server, arguments).keys()

    def variables(self, variables: Mapping[str, str]) -> None:
        """What the options' own variables say; they win over the plain ones."""
        named = {option.name: option for option in self._options}
        plain = {name: named[key] for name, key in _PLAIN.items() if key in named}
        read = {name: plain[name] for name in self._server.reads_environment if name in plain}
        read |= {option.env: option for option in self._options if option.env}
        for name, option in read.items():
            if text := variables.get(name):
                # gunicorn/config.py: the port alone
                text = f"0.0.0.0:{text}" if (option.name, name) == ("bind", "PORT") else text
                self._add(option, text, name, counts=name not in self._server.owned_environment)

    def arguments(self, variables: Mapping[str, str]) -> None:
        """``GUNICORN_CMD_ARGS``, of which the console takes some out."""
        if _ARGUMENTS not in self._server.reads_environment:
            return
        kept, _ = self._server.environment(variables)
        left = _parsed(self._server, _split(kept.get(_ARGUMENTS, "")))
        for key, text in _parsed(self._server, _split(variables.get(_ARGUMENTS, ""))).items():
            self._put(key, None, text, _ARGUMENTS, counts=key in left)

    def file(self) -> None:
        """The configuration file that the plan names, else the one that lies in its directory."""
        if all(option.name != _CONFIG for option in self._options):
            return
        where = _parsed(self._server, self._plan.native).get(_CONFIG) or self._plan.text(_CONFIG)
        if not where:
            usual = [name for name in self._server.reads_files if os.path.lexists(Path(self._plan.cwd, name))]
            if not usual:
                return
            where = usual[0]
        if where.startswith("python:"):
            self._note(where, "a module, whose settings are known only once it runs", counts=True)
            return
        python = self._server.module == "gunicorn" or where.startswith("file:")
        name = where.removeprefix("file:")
        try:
            text = read_text(Path(self._plan.cwd, name), _MAX_BYTES)
            if text is None:
                raise ValueError("there is no such text file of at most 1 MB")
            settings = _python_settings(text) if python else read_toml(text)
        except ValueError as error:
            self._note(name, f"{name} cannot be read: {error}", counts=False)
            return
        if "*" in settings:
            self._note(name, f"{name} imports further settings from elsewhere", counts=True)
        taken_out = TAKEN_OUT if self._server.module == "gunicorn" else frozenset()
        for option in self._options:
            value = settings.get(option.setting) if option.setting else None
            if value is None:
                continue
            counts = option.setting not in taken_out
            if value is _COMPUTED:
                counts = counts and self._open(option.key)
                self._keep(option.key, Ambient(_short(f"computed in {name}"), sanitize(name), counts))
            else:
                self._add(option, _text(option, value), name, counts=counts)

    def _note(self, source: str, text: str, *, counts: bool) -> None:
        self._keep(_CONFIG, Ambient(_short(text), sanitize(source), counts))

    def _add(self, option: Option, text: str, source: str, *, counts: bool) -> None:
        for key, part in self._server.native_parts(option, text):
            self._put(key, option, part, source, counts=counts)

    def _put(self, key: str, option: Option | None, text: str, source: str, *, counts: bool) -> None:
        shown = _short(self._shown(key, option, text))
        self._keep(key, Ambient(shown, sanitize(source), counts and self._open(key)))

    def _open(self, key: str) -> bool:
        """Whether neither the plan nor the console decides the option."""
        option = self._server.own(key)
        return key not in self._decided and (option is None or option.concept not in self._decided)

    def _keep(self, key: str, new: Ambient) -> None:
        old = self.found.get(key)
        # What does not count hides nothing that does.
        if old is not None and old.counts and not new.counts:
            return
        if new.counts:
            # The same native option, said under its other name: access_log, access_logfile.
            for option in self._options:
                if option.wide and key in (option.key, option.concept):
                    self.found.pop(option.concept if key == option.key else option.key, None)
        self.found[key] = new

    def _shown(self, key: str, option: Option | None, text: str) -> str:
        spec = self._server.spec(key) or option
        if spec is None or spec.secret or (option is not None and option.secret):
            return MASK
        try:
            return spec.show(spec.read(text))
        except Problem:
            return mask_assignment(text)


def _short(text: str) -> str:
    text = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return sanitize(text)


# -- arguments -----------------------------------------------------------------------------------------


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        # An open quote: gunicorn could not read it either.
        return []


def _parsed(server: Server, words: Iterable[str]) -> Mapping[str, str]:
    """The options among a server's arguments; none where they are none."""
    try:
        return parse_command(shlex.join([server.module, *words])).texts
    except Problem:
        return {}


# -- files ---------------------------------------------------------------------------------------------


def _text(option: Option, value: object) -> str:
    """A setting's value as an argument would say it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int) and option.kind is Kind.OCTAL:
        return f"0o{value:o}"
    try:
        if isinstance(value, list | tuple | set):
            return ("\n" if option.multiple else ",").join(str(item) for item in value)
        return str(value)
    except (ValueError, RecursionError):
        # A number of thousands of digits, lists in lists in lists.
        return "a value too large to show"


def _python_settings(source: str) -> dict[str, object]:
    """The names that a Python file sets, ``*`` for what it imports so. Raises ``ValueError``."""
    tree = parse(source.encode())
    if tree is None:
        raise ValueError("it is no Python that could be read")
    found: dict[str, object] = {}
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=targets, value=value):
                found |= {name: _COMPUTED for target in targets for name in _names(target)}
                found |= {target.id: _literal(value) for target in targets if isinstance(target, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                found[name] = _literal(value)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found[name] = _COMPUTED
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                found |= {item.asname or item.name: _COMPUTED for item in names}
            case _:
                # In a branch or a loop: whether it is reached is not known.
                found |= dict.fromkeys(_names(statement), _COMPUTED)
    return found


def _names(node: ast.AST) -> list[str]:
    """The names that are assigned anywhere in it."""
    names = (part for part in ast.walk(node) if isinstance(part, ast.Name))
    return [name.id for name in names if isinstance(name.ctx, ast.Store)]


def _literal(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return _COMPUTED
