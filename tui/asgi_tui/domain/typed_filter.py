"""How a filter is typed: words and ``key:value`` terms, all of which have to hold. Pure.

A value may be several with commas between them, one of which has to hold; in quotes it is one, and means
exactly that. A minus in front turns a term round. What the keys mean is each filter's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.text import sanitize

MAX_TERMS = 20  # more are not typed, and each is asked for every call or line

Meaning = TypeVar("Meaning")

# Beginning with a slash it is a path, whatever colons are in it.
_TERM = re.compile(
    r'(?P<minus>-?)(?:(?P<key>[A-Za-z]+):)?(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s"]*))(?=\s|$)'
)
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Typed:
    """One term: ``text`` as it was typed, ``key`` in lower case, empty for a word alone.

    ``exact``: the value was in quotes; ``raw`` is what stood in them, backslashes as they were typed.
    """

    text: str
    key: str
    value: str
    raw: str
    exact: bool
    negated: bool

    @property
    def parts(self) -> list[str]:
        """The values, one of which has to hold."""
        return [self.value] if self.exact else self.value.split(",")


@dataclass(frozen=True, slots=True)
class Grammar(Generic[Meaning]):
    """The terms of one filter: what a word alone means, and what each key's value does.

    ``examples`` has one or more good terms of each key, ``found_in`` says what a word is looked for in
    (``a path``), ``values`` are those that can be completed though nothing that was seen has them.
    """

    word: Callable[[Typed], Meaning]
    keys: Mapping[str, Callable[[Typed], Meaning]]
    examples: Mapping[str, str]
    found_in: str
    values: Mapping[str, Sequence[str]]

    def parse(self, text: str) -> list[tuple[Typed, Meaning]]:
        """The terms of a text. Raises ``Problem`` that says what is wrong with which term."""
        return [(typed, self._meaning(typed)) for typed in split(text)]

    def waits(self, text: str) -> bool:
        """Whether the last word may still become a key, so that it counts for nothing while it is typed."""
        word = last_word(text).removeprefix("-").lower()
        return len(word) > 1 and any(key.startswith(word) for key in self.keys)

    def bad(self, typed: Typed, why: str) -> Problem:
        """What is wrong with a term's value."""
        return Problem(f"Filter term {typed.text}", why, f"write something like {self.examples[typed.key]}")

    def complete(self, text: str, values: Callable[[str], Iterable[str]]) -> str | None:
        """``text`` with its last word completed: a key, or a value of one; None where nothing fits.

        ``values`` gives those that were seen of a key, the likeliest first.
        """
        word = last_word(text).removeprefix("-")
        key, colon, value = word.partition(":")
        if not word or '"' in word:
            return None
        if not colon:
            return _completed(text, word, [f"{name}:" for name in self.keys])
        part = value.split(",")[-1]
        known = self.values.get(key.lower()) or values(key.lower())
        # a value with a space in it would have to be in quotes
        return _completed(text, part, (item for item in known if " " not in item))

    def _meaning(self, typed: Typed) -> Meaning:
        if not typed.key:
            return self.word(typed)
        make = self.keys.get(typed.key)
        if make is None:
            raise Problem(
                f"Filter term {typed.text}",
                f"no such key is known but {', '.join(self.keys)}",
                f"put it in double quotes to find it in {self.found_in}",
            )
        if not typed.value:
            raise self.bad(typed, "it has no value")
        return make(typed)


def split(text: str) -> list[Typed]:
    """The terms of a text, whatever they mean. Raises ``Problem``."""
    # what is shown is what is searched: calls and lines are made safe in the same way
    text = sanitize(text)
    terms: list[Typed] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        found = _TERM.match(text, at)
        if found is None or not found[0]:
            word = _WORD.match(text, at)
            shown = word[0] if word else text[at:]
            raise Problem(
                f"Filter term {shown}", "a quote in it is not closed", "put text with spaces in double quotes"
            )
        if len(terms) == MAX_TERMS:
            raise Problem("Filter", f"it has more than {MAX_TERMS} terms", "leave some out")
        terms.append(_typed(found))
        at = found.end()
    return terms


def _typed(found: re.Match[str]) -> Typed:
    negated, key = bool(found["minus"]), (found["key"] or "").lower()
    exact = found["quoted"] is not None
    raw = found["quoted"] if exact else found["bare"]
    value = re.sub(r"\\(.)", r"\1", raw) if exact else raw
    if not key and not value and not exact:
        negated, value = False, "-"  # a minus alone is a text like any other
    return Typed(found[0], key, value, raw, exact, negated)


def last_word(text: str) -> str:
    """What stands after the last space."""
    return re.split(r"\s", text)[-1]


def before_last(text: str) -> str:
    """The text without its last word."""
    return text.removesuffix(last_word(text))


def quoted(key: str, value: str) -> str:
    """The term that asks for exactly ``value``, in quotes."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{key}:"{escaped}"'


def _completed(text: str, part: str, known: Iterable[str]) -> str | None:
    begun = part.lower()
    found = next((item for item in known if item.lower().startswith(begun) and len(item) > len(part)), None)
    return text + found[len(part) :] if found is not None else None
