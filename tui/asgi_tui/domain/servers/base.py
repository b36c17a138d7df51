"""What every server adapter has: how common concepts become native arguments, and what cannot be done."""

from __future__ import annotations

import importlib
import re
import shlex
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from functools import cached_property
from typing import ClassVar, Literal, TypeAlias

from asgi_tui.domain.concepts import CONCEPTS
from asgi_tui.domain.conflicts import Conflict, Facts, Mend, error
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.options import Option, OptionTable, with_value
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers.arguments import Owned
from asgi_tui.domain.text import MASK
from asgi_tui.domain.values import UDS_PATH_BYTES, Kind, Spec, Value

Family: TypeAlias = Literal["inet", "inet6", "unix"]

# The name `asgi_probe` has in the child: no project's own module, nor an installed copy, may take its place.
PROBE_PACKAGE = "_asgi_tui_probe"
PROBE_TARGET = f"{PROBE_PACKAGE}.app:app"

_LEVEL = r"(?P<level>TRACE|DEBUG|INFO|WARNING|WARN|ERROR|CRITICAL|FATAL)"
# logging.BASIC_FORMAT, which any app may log in whatever its server is
_PYTHON_LOG = re.compile(rf"{_LEVEL}:(?P<logger>[\w.]+):(?P<text>.*)")
_LEVEL_NAMES = {"warn": "warning", "fatal": "critical"}


def log_pattern(pattern: str) -> re.Pattern[str]:
    """A compiled log line pattern in which ``LEVEL`` stands for the names of the levels."""
    return re.compile(pattern.replace("LEVEL", _LEVEL))


@dataclass(frozen=True, slots=True)
class Flag:
    """How one concept becomes native arguments.

    ``off`` is the argument that turns a switch off; ``choices`` are the server's own where they are not
    the concept's; ``values`` renames values; ``default`` is what the server does when nothing is given.
    """

    flag: str
    off: str = ""
    choices: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    default: Value | None = None
    note: str = ""

    def arguments(self, value: Value) -> list[str]:
        """The native arguments for ``value``."""
        if isinstance(value, bool):
            chosen = self.flag if value else self.off
            return chosen.split() if chosen else []
        return with_value(self.flag, self.values.get(str(value), str(value)))

    def says(self, value: Value) -> bool:
        """Whether there are words for ``value``: many a switch has none for off."""
        return not isinstance(value, bool) or bool(self.flag if value else self.off)


@dataclass(frozen=True, slots=True)
class Command:
    """A native command: environment it needs, then its arguments."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        prefix = [f"{name}={shlex.quote(value)}" for name, value in self.env.items()]
        return " ".join([*prefix, shlex.join(self.argv)])


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of output, read: its level and logger where the line tells them."""

    level: str | None
    logger: str | None
    text: str
    pid: int | None = None


class Server:
    """One ASGI server. A subclass is data and the few places where the server is unlike the others."""

    name: ClassVar[str]
    title: ClassVar[str]
    # `python -m MODULE` runs it; `requires` are the distributions that must be installed, its own first.
    module: ClassVar[str]
    requires: ClassVar[tuple[str, ...]]
    minimum: ClassVar[tuple[int, ...]] = (0,)
    docs: ClassVar[str]
    # Module of the options' overlay, in `asgi_tui.domain.servers.overlays`.
    overlay_module: ClassVar[str] = ""
    summary: ClassVar[str]
    capabilities: ClassVar[tuple[str, ...]]
    deprecated: ClassVar[str] = ""
    flags: ClassVar[Mapping[str, Flag]]
    # Values at which a concept that the server lacks is accepted all the same.
    neutral: ClassVar[Mapping[str, tuple[Value, ...]]] = {}
    # Why the server lacks a concept, in a few words.
    lacks: ClassVar[Mapping[str, str]] = {}
    has_lifespan: ClassVar[bool] = True
    # Whether the first process may serve; otherwise it only starts workers.
    leader_serves: ClassVar[bool] = True
    # Whether it has no argument for a descriptor: the launcher hands the socket over (``asgi_probe.adopt``).
    adopts_in_child: ClassVar[bool] = False
    # Descriptors it can take over; for the rest it binds natively, and `bind_reason` says why.
    adopts: ClassVar[frozenset[Family]] = frozenset({"inet", "inet6"})
    log_format: ClassVar[re.Pattern[str]]
    exit_codes: ClassVar[Mapping[int, str]] = {}
    # Environment variables that set what the console owns; they never reach the server.
    owned_environment: ClassVar[frozenset[str]] = frozenset()
    # Prefixes and names of environment variables that the server reads, shown when set.
    reads_environment: ClassVar[tuple[str, ...]] = ()
    # Configuration files that the server reads by itself from its working directory.
    reads_files: ClassVar[tuple[str, ...]] = ()
    # What ends the directory of the app where more may follow it.
    splits_directory_at: ClassVar[str] = ""
    # Native options that the console sets itself.
    owned: ClassVar[Owned] = Owned()

    _NEUTRAL: ClassVar[Mapping[str, tuple[Value, ...]]] = {
        "workers": (1,),
        "lifespan": ("auto",),
        "factory": (False,),
        "http": ("auto",),
        "ws": ("auto",),
        "proxy_headers": (False,),
    }

    # -- its options ------------------------------------------------------------------------------

    @cached_property
    def overlay(self) -> tuple[Option, ...]:
        """Every native option as far as it is known here; imported when first asked for."""
        module = f"asgi_tui.domain.servers.overlays.{self.overlay_module or self.module}"
        options: tuple[Option, ...] = importlib.import_module(module).OPTIONS
        return options

    @cached_property
    def table(self) -> OptionTable:
        """The overlay alone, for where the installed version has not been asked."""
        return OptionTable(self.name, self.overlay)

    @cached_property
    def _own(self) -> dict[str, Option]:
        return {option.name: option for option in self.overlay if option.key not in CONCEPTS}

    @cached_property
    def flag_names(self) -> frozenset[str]:
        """Every spelling of every option."""
        return frozenset(flag for option in self.overlay for flag in (*option.flags, *option.off))

    def own(self, key: str) -> Option | None:
        """The native option that a plan holds under ``key``; None for a concept or an unknown name."""
        return None if key in CONCEPTS else self._own.get(key)

    def spec(self, key: str) -> Spec | None:
        """What a value under ``key`` may be on this server; None where there is no such option."""
        if key in CONCEPTS:
            choices = self.choices(key)
            return CONCEPTS[key].with_choices(choices) if choices else CONCEPTS[key]
        return self.own(key)

    def show(self, key: str, value: Value) -> str:
        """An option's value as a person reads it; a secret is masked."""
        spec = self.spec(key)
        return spec.show(value) if spec else str(value)

    def for_form(self, table: OptionTable) -> OptionTable:
        """The table with its common options in the concepts' terms, as a plan holds them."""
        return replace(table, options=tuple(map(self._in_concepts, table.options)))

    def _in_concepts(self, option: Option) -> Option:
        concept = CONCEPTS.get(option.key)
        if concept is None:
            return option
        choices = option.choices if option.kind is concept.kind is Kind.CHOICE else self.choices(option.key)
        return replace(
            option,
            kind=concept.kind,
            choices=choices,
            minimum=concept.minimum,
            maximum=concept.maximum,
            unit=concept.unit,
            paths=concept.paths,
            multiple=False,
            default=self.default(option.key),
        )

    def native_parts(self, option: Option, text: str) -> list[tuple[str, str]]:
        """What one native option with its value says, as (key, text): concepts where they can say it.

        ``text`` is "on" or "off" for an option without a value. Where the server renames a concept's
        values, the last of those with the same native one stands for all.
        """
        flag = self.flags.get(option.key)
        if flag is not None and flag.values:
            names = [name for name, native in flag.values.items() if native == text]
            return [(option.key, names[-1] if names else text)]
        return [(option.key, text)]

    def read_back(self, given: Mapping[str, str]) -> dict[str, str]:
        """What the native options of one command say together: their names and texts to keys and texts."""
        texts: dict[str, str] = {}
        for name, text in given.items():
            option = self.table.named(name)
            assert option is not None
            texts |= dict(self.native_parts(option, text))
        return texts

    def read_target(self, text: str) -> tuple[str, str]:
        """The target that a command names, and the directory it is in where that is written with it."""
        return text, ""

    def canonical(self, options: Mapping[str, Value]) -> dict[str, Value]:
        """The options less what the native command has no word for, each value as it is read back."""
        kept: dict[str, Value] = {}
        for key, value in options.items():
            option, flag = self.own(key), self.flags.get(key)
            if option is not None:
                kept |= self._read_back_own(option, value)
            elif flag is not None and (flag.says(value) or (key == "factory" and value)):
                kept[key] = self._read_back_renamed(flag, value)
        return kept

    def _read_back_own(self, option: Option, value: Value) -> dict[str, Value]:
        if not option.arguments(value):
            return {}
        if option.multiple:
            return {option.key: value}
        parts = [(key, text, self.spec(key)) for key, text in self.native_parts(option, option.spell(value))]
        return {key: spec.read(text) for key, text, spec in parts if spec is not None}

    def _read_back_renamed(self, flag: Flag, value: Value) -> Value:
        native = flag.values.get(str(value))
        return next((name for name in reversed([*flag.values]) if flag.values[name] == native), value)

    # -- what is supported ------------------------------------------------------------------------

    def supports(self, concept: str) -> bool:
        """Whether the server has an option for the concept."""
        return concept in self.flags

    def choices(self, concept: str) -> tuple[str, ...]:
        """The values a choice may take on this server; empty where any text will do."""
        flag = self.flags.get(concept)
        return (flag.choices if flag else ()) or CONCEPTS[concept].choices

    def default(self, concept: str) -> Value | None:
        """What the server does when the concept is left out; None where it has no such option."""
        flag = self.flags.get(concept)
        return flag.default if flag else None

    def is_neutral(self, concept: str, value: Value) -> bool:
        """Whether a concept that the server lacks changes nothing at this value."""
        return value in self.neutral.get(concept, self._NEUTRAL.get(concept, ()))

    def why_not(self, concept: str, value: Value) -> str | None:
        """Why the server cannot do this option, or None where it can."""
        if concept not in self.flags:
            if self.is_neutral(concept, value):
                return None
            return self.lacks.get(concept, f"{self.name} has no such option")
        choices = self.choices(concept)
        if CONCEPTS[concept].kind is Kind.CHOICE and choices and value not in choices:
            return f"{self.name} knows {', '.join(choices)}"
        if concept == "app_dir" and self.splits_directory_at and self.splits_directory_at in str(value):
            return f"{self.name} splits it at each {self.splits_directory_at}"
        return None

    def check(self, plan: LaunchPlan) -> list[Problem]:
        """Everything that stands against running the plan, each one sentence."""
        return [conflict.problem for conflict in self.conflicts(plan) if conflict.problem is not None]

    def conflicts(self, plan: LaunchPlan) -> list[Conflict]:
        """What stands against running the plan, with the change that mends it."""
        found = []
        for key, value in plan.options.items():
            why = self._why_not_option(key, value)
            if why:
                what = f"Option {key}={self.show(key, value)} on {self.name}"
                problem = Problem(what, why, "leave it out or pick another server")
                found.append(error(problem, Mend(f"leave {key} out", {key: None})))
        if plan.tls and "tls_key" not in plan.options and self.supports("tls_cert"):
            problem = Problem("Option tls_cert", "a certificate needs its key", "set tls_key too")
            found.append(error(problem, Mend("leave tls_cert out", {"tls_cert": None})))
        if "tls_key" in plan.options and not plan.tls:
            problem = Problem("Option tls_key", "a key needs its certificate", "set tls_cert too")
            found.append(error(problem, Mend("leave tls_key out", {"tls_key": None})))
        if "uds" in plan.options and ("host" in plan.options or "port" in plan.options):
            problem = Problem("Option uds", "a Unix socket has neither host nor port", "keep one of them")
            found.append(error(problem, Mend("leave host and port out", {"host": None, "port": None})))
        if len(plan.text("uds").encode("utf-8", "replace")) > UDS_PATH_BYTES:
            problem = Problem("Option uds", f"the path is over {UDS_PATH_BYTES} bytes", "use a shorter one")
            found.append(error(problem, Mend("use app.sock in the working directory", {"uds": "app.sock"})))
        for key in plan.options:
            option = self.own(key)
            if option is not None and option.wide and option.concept in plan.options and not option.multiple:
                problem = Problem(f"Option {key}", f"{option.concept} says it too", "keep one of them")
                found.append(error(problem, Mend(f"leave {option.concept} out", {option.concept: None})))
        if plan.flag("reload") and plan.reload:
            problem = Problem(
                f"Option reload on {self.name}",
                "the console reloads by itself, and both would restart on each save",
                "leave it out, or use --no-reload",
            )
            found.append(error(problem, Mend("let the console reload", {"reload": None})))
        for argument in plan.native:
            name = self.owned.find(argument, self.flag_names)
            if name is not None:
                why = f"on {self.name} the console decides this"
                # The option's name alone: its value may be a secret.
                problem = Problem(f"Argument {name}", why, self.owned.options[name])
                kept, _ = self.owned.split(plan.native, self.flag_names)
                found.append(error(problem, Mend(f"leave {name} out", native=tuple(kept))))
        return found

    def _why_not_option(self, key: str, value: Value) -> str | None:
        if key in CONCEPTS:
            return self.why_not(key, value)
        option = self.own(key)
        if option is None:
            return f"{self.name} has no such option"
        if isinstance(value, bool) and value is not bool(option.default) and not option.arguments(value):
            return f"{self.name} has no argument that turns it {'on' if value else 'off'}"
        return option.refused or None

    def quirks(self, plan: LaunchPlan, facts: Facts) -> list[Conflict]:
        """What is worth knowing of this server under this plan."""
        found = []
        default = self.default("access_log")
        silent = not ({"access_log", "access_logfile", "access_log_file"} & plan.options.keys())
        if default is False and silent and "access_log" not in facts.sets_outside:
            text = f"{self.name} writes no access log by default."
            found.append(Conflict("info", text, Mend("turn the access log on", {"access_log": True})))
        return found

    # -- the command that is shown ----------------------------------------------------------------

    def command(self, plan: LaunchPlan) -> Command:
        """The plain native command for the plan, as a person would type it."""
        return Command(
            (
                *self.executable(),
                *self.leading(),
                *self.option_arguments(plan),
                *self.bind_arguments(plan),
                *self.app_dir_arguments(plan),
                *self.shown_native(plan),
                *self.target_arguments(plan),
            ),
            self.command_environment(plan),
        )

    def marked_command(self, plan: LaunchPlan) -> list[tuple[str, bool]]:
        """The command's words as a shell needs them, each with whether it differs from the defaults."""
        plain = {key: value for key, value in plan.options.items() if value == self._default_of(key)}
        usual = self.command(replace(plan, native=()).with_options(plain))
        command = self.command(plan)
        words = [(f"{name}={shlex.quote(value)}", True) for name, value in command.env.items()]
        matcher = SequenceMatcher(None, usual.argv, command.argv, autojunk=False)
        for kind, _, _, start, end in matcher.get_opcodes():
            words += [(shlex.quote(word), kind != "equal") for word in command.argv[start:end]]
        return words

    def _default_of(self, key: str) -> Value | None:
        option = self.own(key)
        return option.default if option is not None else self.default(key)

    def executable(self) -> tuple[str, ...]:
        """The command's name."""
        return (self.module,)

    def leading(self) -> list[str]:
        """Arguments without which it would not serve ASGI."""
        return []

    def option_arguments(self, plan: LaunchPlan) -> list[str]:
        """Native arguments of all options but the address and the app directory; secrets masked."""
        arguments: list[str] = []
        for key, value in plan.options.items():
            if key in ("host", "port", "uds", "app_dir", "bind"):
                continue
            flag, option = self.flags.get(key), self.own(key)
            if flag is not None:
                arguments += flag.arguments(MASK if CONCEPTS[key].secret else value)
            elif option is not None:
                arguments += option.arguments(MASK if option.secret else value)
        return arguments

    def bind_arguments(self, plan: LaunchPlan) -> list[str]:
        """Native arguments of the address, as far as it is set."""
        if "uds" in plan.options:
            return self.flags["uds"].arguments(plan.text("uds"))
        arguments = []
        for concept in ("host", "port"):
            if concept in plan.options:
                arguments += [self.flags[concept].flag, str(plan.options[concept])]
        return arguments

    def app_dir_arguments(self, plan: LaunchPlan) -> list[str]:
        """Native arguments that make the app importable."""
        if "app_dir" not in plan.options or not self.flags["app_dir"].flag:
            return []
        return self.flags["app_dir"].arguments(plan.text("app_dir"))

    def shown_native(self, plan: LaunchPlan) -> list[str]:
        """The user's own native arguments."""
        return list(plan.native)

    def target_arguments(self, plan: LaunchPlan) -> list[str]:
        """The target as the server spells it."""
        return [str(plan.target)]

    def command_environment(self, plan: LaunchPlan) -> dict[str, str]:
        """Environment variables that the native command needs."""
        return {}

    # -- what really runs -------------------------------------------------------------------------

    def bind_reason(self, plan: LaunchPlan, family: Family) -> str:
        """Why the server must bind by itself; empty where it takes the console's socket."""
        if family in self.adopts:
            return ""
        kind = {"inet": "IPv4", "inet6": "IPv6", "unix": "a Unix socket"}[family]
        return f"{self.name} binds {kind} itself"

    def run_arguments(self, plan: LaunchPlan, fd: int | None, version: tuple[int, ...]) -> list[str]:
        """Arguments of the child: the probe in place of the app, and all that the console owns, explicitly.

        ``fd`` is the console's listening socket, None where the server binds natively.
        """
        options = self.option_arguments(self._runtime_plan(plan))
        bind = self.adopt_arguments(plan, fd) if fd is not None else self.native_bind_arguments(plan)
        return [
            *self.leading(),
            *self.owned_arguments(plan, version),
            *options,
            *self.secret_arguments(plan),
            *bind,
            *plan.native,
            PROBE_TARGET,
        ]

    def _runtime_plan(self, plan: LaunchPlan) -> LaunchPlan:
        # Workers and interface are passed explicitly; the target and its directory are the probe's.
        skipped = {"workers", "factory", "app_dir", "interface"}
        skipped |= {key for key in plan.options if self._secret(key)}
        return plan.with_options({key: value for key, value in plan.options.items() if key not in skipped})

    def _secret(self, key: str) -> bool:
        spec = self.spec(key)
        return spec is not None and spec.secret

    def secret_arguments(self, plan: LaunchPlan) -> list[str]:
        """Native arguments of the secrets that are set, unmasked: for the child alone."""
        arguments: list[str] = []
        for key, value in plan.options.items():
            flag, option = self.flags.get(key), self.own(key)
            if not self._secret(key):
                continue
            if flag is not None:
                arguments += flag.arguments(value)
            elif option is not None:
                arguments += option.arguments(value)
        return arguments

    def owned_arguments(self, plan: LaunchPlan, version: tuple[int, ...]) -> list[str]:
        """What no variable or file may change: the number of workers and the interface."""
        return ["--workers", str(plan.workers)]

    def adopt_arguments(self, plan: LaunchPlan, fd: int) -> list[str]:
        """Arguments that hand over the console's socket."""
        return ["--fd", str(fd)]

    def native_bind_arguments(self, plan: LaunchPlan) -> list[str]:
        """Arguments that make the server bind by itself, always explicit."""
        if "uds" in plan.options:
            return self.flags["uds"].arguments(plan.text("uds"))
        return ["--host", plan.host, "--port", str(plan.port)]

    def environment(self, environ: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
        """The environment less what the console owns, and in words what the server inherits from it."""
        kept = {name: value for name, value in environ.items() if name not in self.owned_environment}
        inherited = []
        for name in sorted(environ):
            if not name.startswith(self.reads_environment):
                continue
            if name in self.owned_environment:
                inherited.append(f"{name} is set and left out: the console decides this")
            else:
                value = MASK if "PASSWORD" in name else environ[name]
                inherited.append(f"{name}={value} is inherited")
        return kept, tuple(inherited)

    def request_path(self, plan: LaunchPlan, path: str) -> str:
        """What the console asks for so that ``path`` ends the path of the app's scope."""
        return path

    def answers_http1(self, plan: LaunchPlan) -> bool:
        """Whether the console can ask the server over HTTP/1.1 if it is ready."""
        return True

    def expects_lifespan(self, plan: LaunchPlan) -> bool:
        """Whether the server sends lifespan events under this plan."""
        return self.has_lifespan and plan.text("lifespan", "auto") != "off"

    # -- what comes back --------------------------------------------------------------------------

    def read_line(self, text: str) -> LogLine:
        """The level and logger of one line of output."""
        match = self.log_format.match(text) or _PYTHON_LOG.match(text)
        if match is None:
            return LogLine(None, None, text)
        parts = match.groupdict()
        level = (parts.get("level") or "info").lower()
        pid = int(parts["pid"]) if parts.get("pid") else None
        return LogLine(_LEVEL_NAMES.get(level, level), parts.get("logger"), parts.get("text") or "", pid)

    def exit_meaning(self, code: int) -> str:
        """What an exit code says, in words; negative codes are signals (``subprocess``)."""
        if code < 0:
            try:
                name = signal.Signals(-code).name
            except ValueError:
                name = f"signal {-code}"
            return f"ended by {name}"
        if code in self.exit_codes:
            return self.exit_codes[code]
        return "ended normally" if code == 0 else f"ended with code {code}"
