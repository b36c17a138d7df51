"""What every server adapter has: how common concepts become native arguments, and what cannot be done."""

from __future__ import annotations

import re
import shlex
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from typing import ClassVar, Literal, TypeAlias

from asgi_tui.domain.conflicts import Conflict, Facts, Mend
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers.arguments import Owned
from asgi_tui.domain.servers.checks import check_plan
from asgi_tui.domain.servers.server_options import ServerOptions
from asgi_tui.domain.text import MASK, is_secret_name, mask_arguments, mask_value
from asgi_tui.domain.values import Value

Family: TypeAlias = Literal["inet", "inet6", "unix"]

# The name `asgi_probe` has in the child: no project's own module, nor an installed copy, may take its place.
PROBE_PACKAGE = "_asgi_tui_probe"
PROBE_TARGET = f"{PROBE_PACKAGE}.app:app"


@dataclass(frozen=True, slots=True)
class Command:
    """A native command: environment it needs, then its arguments."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        prefix = [f"{name}={shlex.quote(value)}" for name, value in self.env.items()]
        return " ".join([*prefix, shlex.join(self.argv)])


class Server(ServerOptions):
    """One ASGI server. A subclass is data and the few places where the server is unlike the others."""

    title: ClassVar[str]
    # The distributions that must be installed, its own first.
    requires: ClassVar[tuple[str, ...]]
    minimum: ClassVar[tuple[int, ...]] = (0,)
    docs: ClassVar[str]
    summary: ClassVar[str]
    capabilities: ClassVar[tuple[str, ...]]
    deprecated: ClassVar[str] = ""
    has_lifespan: ClassVar[bool] = True
    # Whether the first process may serve; otherwise it only starts workers.
    leader_serves: ClassVar[bool] = True
    # Whether it has no argument for a descriptor: the launcher hands the socket over (``asgi_probe.adopt``).
    adopts_in_child: ClassVar[bool] = False
    # Descriptors it can take over; for the rest it binds natively, and `bind_reason` says why.
    adopts: ClassVar[frozenset[Family]] = frozenset({"inet", "inet6"})
    # Whether two of them can bind one TCP address at a time, each with a socket of its own (SO_REUSEPORT).
    shares_port: ClassVar[bool] = False
    # Whether it forks its workers, which inherit what its first process has imported.
    forks: ClassVar[bool] = False
    # The front of its log lines (``domain.log_pattern``).
    log_format: ClassVar[re.Pattern[str]]
    exit_codes: ClassVar[Mapping[int, str]] = {}
    # Environment variables that set what the console owns; they never reach the server.
    owned_environment: ClassVar[frozenset[str]] = frozenset()
    # Prefixes and names of environment variables that the server reads, shown when set.
    reads_environment: ClassVar[tuple[str, ...]] = ()
    # Configuration files that the server reads by itself from its working directory.
    reads_files: ClassVar[tuple[str, ...]] = ()
    # Native options that the console sets itself.
    owned: ClassVar[Owned] = Owned()

    # -- what speaks against a plan ------------------------------------------------------------------

    def check(self, plan: LaunchPlan) -> list[Problem]:
        """Everything that stands against running the plan, each one sentence."""
        return [conflict.problem for conflict in self.conflicts(plan) if conflict.problem is not None]

    def conflicts(self, plan: LaunchPlan) -> list[Conflict]:
        """What stands against running the plan, with the change that mends it."""
        return check_plan(self, self.owned, plan)

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
        """The plain native command for the plan, as a person would type it; secrets masked."""
        return Command(
            (
                *self.executable(),
                *self.leading(),
                # A header or a variable may hold a secret too.
                *mask_arguments(self.option_arguments(plan)),
                *self.bind_arguments(plan),
                *self.app_dir_arguments(plan),
                *self.shown_native(plan),
                *self.target_arguments(plan),
            ),
            {
                **{name: mask_value(name, value) for name, value in plan.env.items()},
                **self.command_environment(plan),
            },
        )

    def marked_command(self, plan: LaunchPlan) -> list[tuple[str, bool]]:
        """The command's words as a shell needs them, each with whether it differs from the defaults."""
        plain = {key: value for key, value in plan.options.items() if value == self.default_of(key)}
        usual = self.command(replace(plan, native=()).with_options(plain))
        command = self.command(plan)
        words = [(f"{name}={shlex.quote(value)}", True) for name, value in command.env.items()]
        matcher = SequenceMatcher(None, usual.argv, command.argv, autojunk=False)
        for kind, _, _, start, end in matcher.get_opcodes():
            words += [(shlex.quote(word), kind != "equal") for word in command.argv[start:end]]
        return words

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
            arguments += self._native(key, MASK if self._secret(key) else value)
        return arguments

    def _native(self, key: str, value: Value) -> list[str]:
        """The native arguments of one option, common or its own; none where the server has neither."""
        spelling = self.flags.get(key) or self.own(key)
        return spelling.arguments(value) if spelling is not None else []

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
        """The user's own native arguments, secrets masked."""
        return mask_arguments(plan.native)

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
            if self._secret(key):
                arguments += self._native(key, value)
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
                # It may hold several headers.
                value = " ".join(mask_arguments(environ[name].split(" ")))
                value = MASK if is_secret_name(name) else value
                inherited.append(f"{name}={value} is inherited")
        return kept, tuple(inherited)

    def request_path(self, plan: LaunchPlan, path: str) -> str:
        """What the console asks for so that ``path`` ends the path of the app's scope."""
        return path

    def request_host(self, plan: LaunchPlan) -> str:
        """The name to ask it by where it does not answer to its address; else empty."""
        return ""

    def gains_nothing(self, plan: LaunchPlan, python: tuple[int, ...]) -> str:
        """Why a process with the app's packages imported would be of no use to the next start; else empty."""
        if plan.workers > 1 and not self.forks:
            return f"{self.name} spawns its workers, and a spawned process imports everything itself"
        return ""

    def answers_http1(self, plan: LaunchPlan) -> bool:
        """Whether the console can ask the server over HTTP/1.1 if it is ready."""
        return True

    def expects_lifespan(self, plan: LaunchPlan) -> bool:
        """Whether the server sends lifespan events under this plan."""
        return self.has_lifespan and plan.text("lifespan", "auto") != "off"

    # -- what comes back --------------------------------------------------------------------------

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
