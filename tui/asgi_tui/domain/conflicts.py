"""What speaks against a plan or is worth knowing before it runs, each with the change that mends it."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from asgi_tui.domain.values import Value

if TYPE_CHECKING:
    from asgi_tui.domain.errors import Problem
    from asgi_tui.domain.plan import LaunchPlan

Level = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Mend:
    """A change of the plan. ``options`` maps names to new values, None takes one out; ``label`` says it.

    ``server``, ``reload`` and ``native`` change the plan's own where they are not None.
    """

    label: str
    options: Mapping[str, Value | None] = field(default_factory=dict)
    server: str | None = None
    reload: bool | None = None
    native: tuple[str, ...] | None = None

    def apply(self, plan: LaunchPlan) -> LaunchPlan:
        """The mended plan; another server takes over what it also has. Raises ``Problem`` where it cannot."""
        from asgi_tui.domain.mapping import map_plan

        options = {name: value for name, value in plan.options.items() if name not in self.options}
        options |= {name: value for name, value in self.options.items() if value is not None}
        mended = replace(
            plan,
            reload=plan.reload if self.reload is None else self.reload,
            native=plan.native if self.native is None else self.native,
        ).with_options(options)
        return map_plan(mended, self.server).plan if self.server else mended


@dataclass(frozen=True, slots=True)
class Conflict:
    """One sentence about a plan. An "error" stops the start; ``problem`` is then what it is told as."""

    level: Level
    text: str
    mend: Mend | None = None
    problem: Problem | None = None


def error(problem: Problem, mend: Mend | None = None) -> Conflict:
    """A conflict that stops the start."""
    return Conflict("error", str(problem), mend, problem)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a plan's quirks depend on beyond the plan itself.

    ``installed`` maps distributions of the app's interpreter to versions, None where it is not known;
    ``servers`` are the installed ones; ``first_free_port`` is the lowest port this user may bind;
    ``sets_outside`` names the options that a variable or a file sets.
    """

    installed: Mapping[str, str | None] | None = None
    servers: tuple[str, ...] = ()
    first_free_port: int = 1024
    sets_outside: frozenset[str] = frozenset()

    def lacks(self, *distributions: str) -> str:
        """The first of them that is known not to be installed, else empty."""
        if self.installed is None:
            return ""
        return next((name for name in distributions if self.installed.get(name) is None), "")


def find_conflicts(plan: LaunchPlan, facts: Facts | None = None) -> list[Conflict]:
    """Everything worth knowing of a plan before it runs, what stops it first."""
    from asgi_tui.domain.servers import get_server

    server = get_server(plan.server)
    facts = facts or Facts()
    found = [*server.conflicts(plan), *_of_every_server(plan, facts), *server.quirks(plan, facts)]
    order = {"error": 0, "warning": 1, "info": 2}
    return sorted(found, key=lambda conflict: order[conflict.level])


def _of_every_server(plan: LaunchPlan, facts: Facts) -> list[Conflict]:
    found = []
    if "uds" not in plan.options and _is_every_network(plan.host):
        text = f"{plan.host} is every network of this machine: whoever reaches it reaches the app."
        mend = Mend("listen on 127.0.0.1", {"host": None})
        found.append(Conflict("warning", text, mend))
    if plan.reload and "reload" in facts.sets_outside:
        text = f"{plan.server}'s own reload is set outside of the form; the console's is on as well."
        found.append(Conflict("warning", text, Mend("turn the console's off", reload=False)))
    if "uds" not in plan.options and 0 < plan.port < facts.first_free_port:
        port = {80: 8080, 443: 8443}.get(plan.port, plan.port + 8000)
        text = f"Port {plan.port} needs privileges: this user may bind {facts.first_free_port} and above."
        found.append(Conflict("warning", text, Mend(f"use port {port}", {"port": port})))
    return found


def _is_every_network(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False  # a name
