"""Telling apart, among arguments a person wrote, those that take what the console owns."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Owned:
    """The options of one server that the console sets itself.

    ``options`` maps each spelling (``--bind``, ``-b``) to what to do instead; ``switches`` are those of
    them that take no value. ``short_values`` are the other one-letter options that take a value, which ends
    a cluster (``-t5``). ``abbreviates``: the parser takes any prefix of a long option (argparse), unless
    another option is called so.
    """

    options: Mapping[str, str] = field(default_factory=dict)
    switches: frozenset[str] = frozenset()
    short_values: str = ""
    abbreviates: bool = False

    def find(self, word: str, others: Collection[str] = ()) -> str | None:
        """The owned option that ``word`` spells, alone, abbreviated, joined to its value or in a cluster.

        ``others`` are the server's other options.
        """
        if word.startswith("--"):
            name = word.partition("=")[0]
            if name in others and name not in self.options:
                return None
            for option in self.options:
                if option == name or (self.abbreviates and len(name) > 2 and option.startswith(name)):
                    return option
            return None
        if not word.startswith("-"):
            return None
        for letter in word[1:]:
            option = f"-{letter}"
            if option in self.options:
                return option
            if letter in self.short_values:
                return None
        return None

    def split(self, words: Iterable[str], others: Collection[str] = ()) -> tuple[list[str], list[str]]:
        """The arguments that the console does not own, and those it does with their values."""
        kept: list[str] = []
        taken: list[str] = []
        rest = iter(words)
        for word in rest:
            option = self.find(word, others)
            if option is None:
                kept.append(word)
                continue
            taken.append(word)
            joined = "=" in word if word.startswith("--") else not word.endswith(option[1])
            if option not in self.switches and not joined:
                taken += [value] if (value := next(rest, None)) is not None else []
        return kept, taken


BY_SET = "set it with --set {}=VALUE"
RELOADS = "the console reloads by itself"
NO_DAEMON = "a daemon would leave the console"
HANDS_OVER = "the console hands over its own socket"
