"""What one option's row, hint and explanation say, from its text and what sets it from outside. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.option_search import equivalents
from asgi_tui.domain.options import Option, OptionTable
from asgi_tui.domain.text import MASK, sanitize
from asgi_tui.domain.values import ON_OFF, Kind, plain_number

CHANGED = "●"
WRONG = "!"
MISSING = "×"  # noqa: RUF001 - a mark, and as wide as a letter
OUTSIDE = "↯"
REFUSED = "–"  # noqa: RUF001 - a mark


class Outside(Protocol):
    """What sets an option from outside: its ``text``, its ``source``, and whether it ``counts``."""

    @property
    def text(self) -> str:
        """The value as text."""

    @property
    def source(self) -> str:
        """The variable or file it stands in."""

    @property
    def counts(self) -> bool:
        """Whether the server follows it."""


@dataclass(frozen=True, slots=True)
class OptionState:
    """One server's options with all that is typed and known about them.

    ``texts``, ``wrong`` (a sentence each) and ``outside`` are by ``Option.key``. ``cwd`` is what paths are
    relative to.
    """

    table: OptionTable
    others: tuple[OptionTable, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    wrong: Mapping[str, str] = field(default_factory=dict)
    outside: Mapping[str, Outside] = field(default_factory=dict)
    cwd: str = "."

    def text(self, option: Option) -> str:
        """What is typed for ``option``; empty leaves it to the server."""
        return self.texts.get(option.key, "")

    def changed(self, option: Option) -> bool:
        """Whether something is typed for it."""
        return bool(self.text(option).strip())

    def locked(self, option: Option) -> str:
        """Why ``option`` cannot be set here, empty where it can."""
        return self.table.missing.get(option.name, "") or option.refused

    def problem(self, option: Option) -> str:
        """The sentence on what is wrong with its text, empty where nothing is."""
        return self.wrong.get(option.key, "") or text_problem(option, self.text(option))


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list; ``option`` is None for a heading, whose words are then ``name``.

    ``style`` names the component class of the value: "default", "changed", "wrong", "outside" or "locked".
    """

    name: str
    option: Option | None = None
    mark: str = " "
    value: str = ""
    style: str = "default"
    help: str = ""


def option_row(state: OptionState, option: Option, why: str = "") -> Row:
    """The row of ``option``; ``why`` it was found, where that is not plain to see."""
    flag = flat(option.flag)
    words = flat(why) or flat(option.help)
    outside = state.outside.get(option.key)
    if state.changed(option):
        if state.problem(option) or state.locked(option):
            return Row(flag, option, WRONG, shown(option, state.text(option)), "wrong", words)
        return Row(flag, option, CHANGED, shown(option, state.text(option)), "changed", words)
    if option.name in state.table.missing:
        return Row(flag, option, MISSING, "not in this version", "locked", words)
    if option.refused:
        return Row(flag, option, REFUSED, "not to be set here", "locked", words)
    if outside is not None and outside.counts:
        value = f"{shown(option, outside.text)} ({sanitize(outside.source)})"
        return Row(flag, option, OUTSIDE, value, "outside", words)
    return Row(flag, option, value=default_text(option), help=words)


def flat(text: str) -> str:
    """Text from anywhere on one line and safe to show."""
    return sanitize(" ".join(text.split()))


def shown(option: Option, text: str) -> str:
    """A text of the option as a person may see it: read and spelled where it can be, a secret masked."""
    if option.secret:
        return MASK
    try:
        return flat(option.show(option.read(text)))
    except Problem:
        return flat(option.show(tuple(text.splitlines())))


def text_problem(option: Option, text: str) -> str:
    """What is wrong with a text, empty where nothing is or nothing is typed."""
    if not text.strip():
        return ""
    try:
        option.read(text)
    except Problem as problem:
        return flat(str(problem))
    return ""


def default_text(option: Option) -> str:
    """What an empty text means: "default 2048", "default 5 s", "not set"."""
    default = option.default
    if default is None and option.kind is Kind.FLAG:
        default = False
    if default is None or default in ("", ()):
        return "not set"
    unit = f" {option.unit}" if option.unit and not isinstance(default, bool) else ""
    return f"default {flat(option.show(default))}{unit}"


def on_off_texts(option: Option) -> list[str]:
    """The texts that an on/off option can have, the empty one first."""
    both = option.spelled == "true"
    return ["", *(["on"] if option.flags or both else []), *(["off"] if option.off or both else [])]


def toggled(option: Option, text: str) -> str:
    """The next text of an on/off option: what only says the default again is left out."""
    default = bool(option.default) if option.default is not None or option.kind is Kind.FLAG else None
    cycle = [item for item in on_off_texts(option) if not item or (item == "on") is not default]
    return cycle[(cycle.index(text) + 1) % len(cycle)] if text in cycle else cycle[-1]


def hint(option: Option) -> str:
    """How the value is written."""
    if option.kind in ON_OFF:
        return "Space or the arrows change it."
    if option.kind is Kind.CHOICE and option.choices and not option.multiple:
        return "Enter opens the list."
    parts = {
        Kind.DURATION: "a duration such as 30s",
        Kind.OCTAL: "permissions such as 0o640",
        Kind.SIZE: "bytes, or with a unit such as 64k or 16m",
        Kind.HEADER: "Name:Value",
        Kind.REGEX: "a regular expression",
        Kind.SECRET: "masked wherever it is shown",
        Kind.PATH: "a path; the right arrow takes the completion",
    }
    said = [parts[option.kind]] if option.kind in parts else []
    if bounds := range_text(option):
        said.append(bounds)
    if option.multiple:
        said.insert(0, "one a line")
    text = ", ".join(said)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def range_text(option: Option) -> str:
    """The range of a number in words, empty where it has none."""
    unit = f" {option.unit}" if option.unit else ""
    low, high = option.minimum, option.maximum
    if low is not None and high is not None:
        return f"{plain_number(low)} to {plain_number(high)}{unit}"
    if low is not None:
        return f"{plain_number(low)}{unit} or more"
    return f"at most {plain_number(high)}{unit}" if high is not None else ""


def spellings(option: Option) -> str:
    """Its flags: ``--access-log · off: --no-access-log``."""
    on, off = flat(", ".join(option.flags)), flat(", ".join(option.off))
    return " · ".join(part for part in (on, f"off: {off}" if off else "") if part)


def facts(option: Option) -> list[str]:
    """Default, range, choices, variable and setting, each in a few words."""
    default = default_text(option)
    said = ["No default" if default == "not set" else default[:1].upper() + default[1:]]
    if bounds := range_text(option):
        said.append(bounds)
    if option.choices:
        said.append("one of " + flat(", ".join(option.choices)))
    if option.multiple:
        said.append("may be given several times")
    if option.env:
        said.append(f"variable {flat(option.env)}")
    if option.setting:
        said.append(f"{flat(option.setting)} in the configuration file")
    return said


def outside_text(state: OptionState, option: Option) -> str:
    """What sets it from outside and whether that counts, empty where nothing does."""
    outside = state.outside.get(option.key)
    if outside is None:
        return ""
    source, value = sanitize(outside.source), shown(option, outside.text)
    if not outside.counts:
        return f"{source} says {value}, which does not count here"
    if state.changed(option):
        return f"{source} says {value}; what is set here wins"
    return f"{source} sets it to {value}"


def others_text(option: Option, others: Sequence[OptionTable]) -> str:
    """What the other servers call it: ``hypercorn --keep-alive · gunicorn --keep-alive``."""
    servers: dict[str, list[str]] = {}  # by flag: one mention for servers that agree
    for server, other in equivalents(option, others):
        servers.setdefault(flat(other.flag), []).append(server)
    return " · ".join(f"{', '.join(dict.fromkeys(names))} {flag}" for flag, names in servers.items())
