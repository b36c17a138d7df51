"""Finds a server's options by any name they have, there or on another server. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from asgi_tui.domain.options import Option, OptionTable

# How well a word fits, best first.
EXACT = 100
PREFIX = 80
PART = 70  # a part of the name begins so
INSIDE = 60
SETTING = 50
ELSEWHERE_EXACT = 46
ELSEWHERE_PREFIX = 44
ELSEWHERE_PART = 42
ELSEWHERE = 40
GROUP = 30
HELP = 20

_WORDS = re.compile(r"[a-z0-9][a-z0-9'./-]*")


@dataclass(frozen=True, slots=True)
class Hit:
    """An option that was found.

    ``why`` is a few words where its own names do not tell it, else empty; a higher ``score`` fits better.
    """

    option: Option
    why: str
    score: int


def equivalents(option: Option, others: Sequence[OptionTable]) -> list[tuple[str, Option]]:
    """The options of other servers that are for the same thing, each with its server's name."""
    return [(table.server, other) for table in others for other in table.options if _same(option, other)]


def plain(name: str) -> str:
    """A name or flag as it is compared: lower case, without dashes in front, dashes for underscores."""
    return name.strip().lower().replace("_", "-").lstrip("-")


def _same(one: Option, other: Option) -> bool:
    return bool((one.concept and one.concept == other.concept) or (one.topic and one.topic == other.topic))


@dataclass(frozen=True, slots=True)
class _Entry:
    """What one option is found by, made ready to compare."""

    option: Option
    names: tuple[str, ...]
    settings: tuple[tuple[str, str], ...]  # (what it is called, plain)
    elsewhere: tuple[tuple[str, str, str], ...]  # (server, flag, plain)
    group: str
    help: str  # each word with a space in front

    def fit(self, word: str) -> tuple[int, str]:
        """How well ``word`` fits, 0 where it does not, and why where that is not plain to see."""
        best = max((_fit(word, name) for name in self.names), default=0)
        if best == EXACT:
            return EXACT, ""
        setting = next((said for said, name in self.settings if name == word), "")
        if setting:
            return EXACT - 1, setting
        if best:
            return best, ""
        if setting := next((said for said, name in self.settings if word in name), ""):
            return SETTING, setting
        score, why = self._fit_elsewhere(word)
        if score:
            return score, why
        if word in self.group:
            return GROUP, f"in the group {self.option.group}"
        return (HELP, "") if f" {word}" in self.help else (0, "")

    def _fit_elsewhere(self, word: str) -> tuple[int, str]:
        ranks = {
            EXACT: ELSEWHERE_EXACT,
            PREFIX: ELSEWHERE_PREFIX,
            PART: ELSEWHERE_PART,
            INSIDE: ELSEWHERE,
            0: 0,
        }
        best, why = 0, ""
        for server, flag, name in self.elsewhere:
            score = ranks[_fit(word, name)]
            if score > best:
                best, why = score, f"{server} calls it {flag}"
        return best, why


def _fit(word: str, name: str) -> int:
    if word not in name:
        return 0
    if word == name:
        return EXACT
    if name.startswith(word):
        return PREFIX
    return PART if f"-{word}" in name or f" {word}" in name else INSIDE


class SearchIndex:
    """The options of ``table`` with all they are found by; ``others`` are the other servers' tables."""

    def __init__(self, table: OptionTable, others: Sequence[OptionTable]) -> None:
        groups = [option for _, options in table.groups() for option in options]
        others = [other for other in others if other.server != table.server]
        self._entries = [_entry(option, others) for option in groups]

    def search(self, query: str) -> list[Hit]:
        """The options that every word of ``query`` fits, best first; all of them for an empty one."""
        words = [word for word in map(plain, query.split()) if word]
        hits = []
        for entry in self._entries:
            fits = [entry.fit(word) for word in words]
            if all(score for score, _ in fits):
                why = next((why for _, why in fits if why), "")
                hits.append(Hit(entry.option, why, sum(score for score, _ in fits)))
        # Sorting is stable: what fits equally well stays in the order of the groups.
        return sorted(hits, key=lambda hit: -hit.score)


def _entry(option: Option, others: Sequence[OptionTable]) -> _Entry:
    own = dict.fromkeys(plain(name) for name in (option.name, *option.flags, *option.off, option.label))
    settings = []
    if option.env:
        settings.append((f"the variable {option.env} sets it", plain(option.env)))
    if option.setting and plain(option.setting) not in own:
        settings.append((f"{option.setting} in the configuration file", plain(option.setting)))
    elsewhere = [
        (server, flag, plain(flag))
        for server, other in equivalents(option, others)
        for flag in (*other.flags, *other.off)
        if plain(flag) not in own
    ]
    words = _WORDS.findall(f"{option.help} {option.label}".lower())
    return _Entry(
        option,
        tuple(own),
        tuple(settings),
        tuple(elsewhere),
        plain(option.group),
        "".join(f" {word}" for word in words),
    )
