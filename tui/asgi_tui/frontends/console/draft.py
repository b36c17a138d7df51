"""What is typed in the launch form, and what it amounts to. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from asgi_tui.domain.concepts import CONCEPTS, read_value
from asgi_tui.domain.conflicts import Conflict, Facts, Mend, find_conflicts
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.mapping import carry, map_plan
from asgi_tui.domain.options import OptionTable
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.reloading import SETTINGS, Reloading, read_setting, spell_setting
from asgi_tui.domain.servers import get_server
from asgi_tui.domain.servers.base import Family, Server
from asgi_tui.domain.target import Target
from asgi_tui.domain.text import mask_arguments
from asgi_tui.domain.values import Kind, Value

if TYPE_CHECKING:
    from asgi_tui.domain.command_line import Parsed

TARGET = "target"
PYTHON = "python"
RELOAD = "reload"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a draft amounts to.

    ``plan`` is what would run, None while anything is wrong; ``shown`` is the same with what is wrong left
    out, None without a target. ``problems`` has one sentence a field, ``conflicts`` those of the whole plan.
    """

    plan: LaunchPlan | None
    shown: LaunchPlan | None
    problems: Mapping[str, str]
    conflicts: tuple[Conflict, ...]

    @property
    def command(self) -> str:
        """The native command, empty without a target."""
        return str(get_server(self.shown.server).command(self.shown)) if self.shown else ""

    @property
    def blocker(self) -> str:
        """The first sentence that stands against a start, empty where none does."""
        stops = [conflict.text for conflict in self.conflicts if conflict.level == "error"]
        return next(iter([*self.problems.values(), *stops]), "")


@dataclass(slots=True)
class Draft:
    """The form's texts; an empty one leaves the option to the server.

    ``base`` holds what the form has no field for: directory, native arguments, variables, watched paths.
    ``values`` are the texts of the common options by concept, and of the picked server's own by name; those
    of common options that it lacks stay, unused, for when another one is picked. ``reloading`` are those of
    how a change is carried out, by setting. ``table`` are the server's options as installed, None until they
    are known, and ``facts`` what else its quirks depend on.
    """

    base: LaunchPlan
    server: str
    target: str = ""
    values: dict[str, str] = field(default_factory=dict)
    reload: bool = True
    python: str = ""
    reloading: dict[str, str] = field(default_factory=dict)
    table: OptionTable | None = None
    facts: Facts | None = None
    # The own texts typed for servers that were picked before, for when they are picked again; the one they
    # were typed for last; and what the picked server had when it was picked.
    others: dict[str, dict[str, str]] = field(default_factory=dict)
    origin: str = ""
    arrived: dict[str, str] | None = None

    @classmethod
    def of(cls, plan: LaunchPlan) -> Draft:
        """The draft that spells ``plan``."""
        server = get_server(plan.server)
        values = {}
        for key, value in plan.options.items():
            spec = server.spec(key)
            values[key] = spec.spell(value) if spec else str(value)
        reloading = {name: spell_setting(name, value) for name, value in plan.reloading.changed().items()}
        return cls(plan, plan.server, str(plan.target), values, plan.reload, plan.python or "", reloading)

    def put(self, name: str, text: str) -> None:
        """Another text in the form's field of that name."""
        if name == TARGET:
            self.target = text
        elif name == PYTHON:
            self.python = text
        elif name == RELOAD:
            self.reload = text == "on"
        elif name in SETTINGS:
            self.reloading[name] = text
        else:
            self.values[name] = text

    def pick(self, name: str) -> list[str]:
        """Another server: what becomes of each of the own options set last, one sentence each.

        Those are of the server that they were typed for: on the way along the list nothing gets lost.
        """
        if name == self.server:
            return []
        own = {key: text for key, text in self.values.items() if key not in CONCEPTS}
        common = {key: text for key, text in self.values.items() if key in CONCEPTS}
        if own != self.arrived:
            self.origin, self.others[self.server] = self.server, own
        old, new = get_server(self.origin), get_server(name)
        kept = dict(self.others.get(name, {}))
        said = []
        for key, text in self.others[self.origin].items() if new is not old else ():
            option = old.own(key)
            if option is None or not text.strip():
                continue
            try:
                carried = carry(old, key, option.read(text), new)
            except Problem:
                continue
            if isinstance(carried, str):
                said.append(f"{key} is left behind: {carried}.")
            else:
                kept[carried[0].name] = carried[0].spell(carried[1])
                said.append(f"{option.flag} becomes {carried[0].flag}.")
        self.server, self.values, self.table, self.arrived = name, common | kept, None, kept
        return said

    def choices(self, concept: str) -> tuple[str, ...]:
        """The values that a common choice may take: those the installed version has, where it is known."""
        known = get_server(self.server).choices(concept)
        if self.table is None or self.table.version is None:
            return known
        own = [option for option in self.table.of_concept(concept) if option.kind is Kind.CHOICE]
        installed = own[0].choices if len(own) == 1 and not own[0].wide else ()
        return tuple(choice for choice in known if choice in installed) or known

    def lacks(self, concept: str) -> str:
        """Why the picked server has no such option, empty where it has or where a value must be taken out."""
        server = get_server(self.server)
        if server.supports(concept):
            return ""
        if self._refused(server, concept):
            return ""
        return server.lacks.get(concept, f"{server.name} has no such option")

    def read(self) -> Reading:
        """What the texts amount to."""
        server = get_server(self.server)
        problems: dict[str, str] = {}
        target = self._read_target(problems)
        options: dict[str, Value] = {}
        for concept in CONCEPTS:
            text = self.values.get(concept, "")
            if not text.strip():
                continue
            if not server.supports(concept):
                if why := self._refused(server, concept):
                    mend = "clear it or pick another server"
                    problems[concept] = str(Problem(f"Option {concept}", why, mend))
                continue
            try:
                options[concept] = read_value(concept, text, self.choices(concept))
            except Problem as problem:
                problems[concept] = str(problem)
        native = self._read_own(server, options, problems)
        reloading = self._read_reloading(problems)
        if target is None:
            return Reading(None, None, problems, ())
        if options.get("factory"):
            target = replace(target, factory=True)
        shown = replace(
            self.base,
            target=target,
            server=self.server,
            native=(*(self.base.native if self.server == self.base.server else ()), *native),
            python=self.python.strip() or None,
            reload=self.reload,
            reloading=reloading,
        ).with_options(options)
        conflicts = tuple(find_conflicts(shown, self.facts))
        stopped = problems or any(conflict.level == "error" for conflict in conflicts)
        return Reading(None if stopped else shown, shown, problems, conflicts)

    def _read_own(self, server: Server, options: dict[str, Value], problems: dict[str, str]) -> list[str]:
        """Reads the server's own options; the native arguments of those only the installed version knows."""
        native: list[str] = []
        table = self.table or server.table
        for key, text in self.values.items():
            option = None if key in CONCEPTS else table.named(key) or server.own(key)
            if option is None or not text.strip():
                continue
            try:
                value = option.read(text)
            except Problem as problem:
                problems[key] = str(problem)
                continue
            if key in table.missing:
                mend = "clear it or pick another interpreter"
                problems[key] = str(Problem(f"Option {key}", table.missing[key], mend))
            elif server.own(key) is not None:
                options[key] = value
            else:
                native += option.arguments(value)
        return native

    def _read_reloading(self, problems: dict[str, str]) -> Reloading:
        values: dict[str, Value] = {}
        for name, text in self.reloading.items():
            if not text.strip():
                continue
            try:
                values[name] = read_setting(name, text)
            except Problem as problem:
                problems[name] = str(problem)
        return Reloading().with_settings(values)

    def _read_target(self, problems: dict[str, str]) -> Target | None:
        try:
            return Target.parse(self.target)
        except Problem as problem:
            problems[TARGET] = str(problem)
            return None

    def _refused(self, server: Server, concept: str) -> str:
        """Why what is typed may not be left out silently on a server that lacks it; empty where it may.

        The rule is that of a switch: without it the server would serve something else.
        """
        text = self.values.get(concept, "")
        if not text.strip():
            return ""
        value: Value = text
        with suppress(Problem):
            value = read_value(concept, text)
        try:
            map_plan(replace(self.base, native=()).with_options({concept: value}), server.name)
        except Problem as problem:
            return problem.why
        return ""


def mended(draft: Draft, mend: Mend) -> list[str]:
    """Puts a conflict's mend into the draft; what becomes of options where that is another server."""
    said = draft.pick(mend.server) if mend.server is not None else []
    server = get_server(draft.server)
    for key, value in mend.options.items():
        spec = server.spec(key)
        draft.values[key] = "" if value is None or spec is None else spec.spell(value)
    if mend.reload is not None:
        draft.reload = mend.reload
    if mend.native is not None:
        draft.base = replace(draft.base, native=mend.native)
    return said


def pasted(parsed: Parsed, base: LaunchPlan) -> tuple[Draft, list[str]]:
    """The draft of a native command, and what was made of it beyond the words.

    A server's own reload becomes the console's. Directory, interpreter, files and how a change is carried
    out stay those of ``base``.
    """
    said = []
    texts = dict(parsed.texts)
    if texts.get("reload") == "on":
        del texts["reload"]
        said.append("The console reloads by itself, so the server's own reload was left out.")
    if parsed.native:
        said.append(f"Passed on as they are: {' '.join(mask_arguments(parsed.native))}.")
    base = replace(
        base, server=parsed.server, native=parsed.native, env={**base.env, **parsed.env}
    ).with_options({})
    draft = replace(Draft.of(base), target=parsed.target, values=texts, reload=True)
    return draft, said


def default_text(server: Server, concept: str) -> str:
    """What an empty field shows: the server's default, or what is so without one."""
    default = server.default(concept)
    if default is None or default == "":
        return "no limit" if concept == "graceful_timeout" else "none"
    spec = CONCEPTS[concept]
    return f"default {spec.spell(default)}{' ' + spec.unit if spec.unit else ''}"


def native_flag(server: Server, concept: str) -> str:
    """How the server spells the concept, with a note where there is one."""
    flag = server.flags.get(concept)
    if flag is None:
        return ""
    return " · ".join(part for part in (flag.flag, flag.note) if part)


def notes(plan: LaunchPlan) -> list[str]:
    """What is worth knowing of how the plan is bound."""
    server = get_server(plan.server)
    host = plan.host
    family: Family = "unix" if "uds" in plan.options else "inet6" if ":" in host else "inet"
    found = []
    if reason := server.bind_reason(plan, family):
        found.append(f"{reason[:1].upper()}{reason[1:]}, so a restart may refuse connections for a moment.")
    return found
