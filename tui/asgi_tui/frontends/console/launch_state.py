"""What the Launch screen knows, and what follows from it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from asgi_tui.domain.conflicts import Level, Mend
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers import get_server
from asgi_tui.frontends.console.draft import TARGET, Draft, Reading, notes

if TYPE_CHECKING:
    from asgi_tui.engine.outlook import Outlook
    from asgi_tui.engine.project import Project

LOOKING = "Looking at the project…"


@dataclass(frozen=True, slots=True)
class Said:
    """One sentence on the plan; ``mend`` is what one key would do about it, empty where nothing can be."""

    level: Level
    text: str
    mend: str = ""


@dataclass(slots=True)
class LaunchState:
    """The draft with what was found out about it.

    ``problem`` stands against every start, ``python_problem`` and ``target_problem`` against what is typed
    there. ``resolved`` is a plan and what its target was found to be; ``carried`` says what became of options
    in the last change of servers or the last paste. ``reading`` is the draft as ``read`` found it last.
    """

    draft: Draft
    project: Project | None = None
    outlook: Outlook | None = None
    problem: str = LOOKING
    python_problem: str = ""
    target_problem: str = ""
    resolved: tuple[LaunchPlan, LaunchPlan] | None = None
    carried: Sequence[str] = ()
    reading: Reading = field(init=False)

    def __post_init__(self) -> None:
        self.read()

    def read(self) -> Reading:
        """Reads the draft again; what was resolved of another one is forgotten."""
        outlook = self.outlook
        fits = outlook is not None and outlook.table.server == self.draft.server
        self.draft.facts = outlook.facts if outlook is not None and fits else None
        self.reading = self.draft.read()
        if self.resolved is not None and self.resolved[0] != self.reading.plan:
            self.resolved, self.target_problem = None, ""
        if not self.needs_resolving and self.resolved is None:
            self.target_problem = ""
        return self.reading

    @property
    def needs_resolving(self) -> bool:
        """Whether files tell what the target is: it is a file, or has no attribute."""
        plan = self.reading.plan
        return plan is not None and bool(plan.target.path or not plan.target.attribute)

    @property
    def plan(self) -> LaunchPlan | None:
        """What would start now, None where something stands against it."""
        return None if self.blocker else self.reading.plan

    @property
    def shown_plan(self) -> LaunchPlan | None:
        """The plan whose command is shown; None without a target."""
        if self.resolved is not None and self.reading.plan == self.resolved[0]:
            return self.resolved[1]
        return self.reading.shown

    @property
    def problems(self) -> dict[str, str]:
        """What is wrong with each text. An untouched form is not wrong yet."""
        empty = not self.draft.target.strip()
        return {name: text for name, text in self.reading.problems.items() if not (empty and name == TARGET)}

    @property
    def blocker(self) -> str:
        """The first sentence that stands against a start, empty where none does."""
        return (
            self.problem
            or self.reading.blocker
            or self.python_problem
            or self.target_problem
            or self.not_installed
        )

    @property
    def not_installed(self) -> str:
        """What is missing for the picked server, empty where it is installed or nobody knows."""
        if self.project is None or self.project.server(self.draft.server).installed:
            return ""
        from asgi_tui.engine.project import require_server

        try:
            require_server(self.project.servers, self.draft.server)
        except Problem as problem:
            return f"{problem} Key i installs it."
        return ""

    @property
    def mend(self) -> Mend | None:
        """What would mend the first complaint that can be."""
        return next((item.mend for item in self.reading.conflicts if item.mend is not None), None)

    @property
    def said(self) -> list[Said]:
        """What speaks against the plan or is worth knowing; the first mend has a key."""
        first = self.mend
        label = first.label if first is not None else ""
        said = [
            Said(item.level, item.text, label if item.mend is first else "")
            for item in self.reading.conflicts
        ]
        told = [*self.carried, *(notes(self.reading.shown) if self.reading.shown else [])]
        return [*said, *(Said("info", text) for text in told)]

    def command(self) -> list[tuple[str, bool]]:
        """The native command's words, each with whether it differs from the defaults."""
        plan = self.shown_plan
        return get_server(plan.server).marked_command(plan) if plan is not None else []
