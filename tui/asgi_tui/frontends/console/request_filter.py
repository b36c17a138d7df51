"""What is typed to filter requests: words of the path and ``key:value`` terms. Pure.

All terms have to hold. A value may be several with commas between them, one of which has to hold; in quotes
it is one, and means exactly that. A minus in front turns a term round.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.events import Lifespan, Request, WebSocket
from asgi_tui.domain.text import sanitize

SLOW_MS = 1_000.0  # from which a request is slow
MAX_TERMS = 20  # more are not typed, and each is asked for every call

Test = Callable[[Request], bool]

# Beginning with a slash it is a path, whatever colons are in it.
_TERM = re.compile(
    r'(?P<minus>-?)(?:(?P<key>[A-Za-z]+):)?(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s"]*))(?=\s|$)'
)
_WORD = re.compile(r"\S+")
_COMPARED = re.compile(r"(>=|<=|>|<|=)?(\d{1,9}(?:\.\d{1,6})?)(ms|s)?")
_CLASS = re.compile(r"[1-5]xx")


@dataclass(frozen=True, slots=True)
class Term:
    """One term as it was typed, and what it asks of a call."""

    text: str
    test: Test
    negated: bool = False

    def matches(self, call: Request) -> bool:
        """Whether the call is let through."""
        return self.test(call) != self.negated


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """Terms that all have to hold; none lets every call through."""

    terms: tuple[Term, ...] = ()

    @property
    def text(self) -> str:
        """The terms as they are typed."""
        return " ".join(term.text for term in self.terms)

    def matches(self, call: Request) -> bool:
        """Whether the call is let through."""
        return all(term.matches(call) for term in self.terms)

    def without(self, index: int) -> RequestFilter:
        """The filter without one of its terms."""
        return RequestFilter(self.terms[:index] + self.terms[index + 1 :])


def parse(text: str) -> RequestFilter:
    """The filter that was typed. Raises ``Problem`` that says what is wrong with which term."""
    # what is shown is what is searched: calls are made safe in the same way
    text = sanitize(text)
    terms: list[Term] = []
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
        terms.append(_term(found))
        at = found.end()
    return RequestFilter(tuple(terms))


def parse_typed(text: str) -> RequestFilter:
    """The filter while it is typed: a last word that may become a key counts for nothing yet.

    Raises ``Problem``.
    """
    whole = parse(text)
    word = _last_word(text).removeprefix("-").lower()
    if len(word) > 1 and any(key.startswith(word) for key in _KEYS):
        return whole.without(len(whole.terms) - 1)
    return whole


def parse_before(text: str) -> RequestFilter:
    """The filter without the last word. Raises ``Problem``."""
    return parse(text.removesuffix(_last_word(text)))


def _last_word(text: str) -> str:
    return re.split(r"\s", text)[-1]


def quoted(key: str, value: str) -> str:
    """The term that asks for exactly ``value``."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{key}:"{escaped}"'


def address(call: Request) -> str:
    """Path and query as they may be shown: secrets masked, nothing in it that moves a cursor."""
    query = str(call.scope.query)
    return sanitize(f"{call.path}?{query}" if query else call.path)


def route(call: Request) -> str:
    """Its route as it may be shown."""
    return sanitize(call.route)


def failed(call: Request) -> bool:
    """Whether the app failed: it raised, or answered with 500 and above."""
    return call.outcome == "raised" or (call.status or 0) >= 500


def cut_off(call: Request) -> bool:
    """Whether the app could not end it: it was cancelled, or its process is gone."""
    return call.outcome in ("cancelled", "gone")


def slow(call: Request) -> bool:
    """Whether a request took long; a WebSocket and a lifespan are meant to."""
    return call.duration_ms >= SLOW_MS and not isinstance(call, WebSocket | Lifespan)


# -- terms -----------------------------------------------------------------------------------------


def _term(found: re.Match[str]) -> Term:
    negated, key, shown = bool(found["minus"]), found["key"], found[0]
    exact = found["quoted"] is not None
    value = re.sub(r"\\(.)", r"\1", found["quoted"]) if exact else found["bare"]
    if key is None:
        if not value and not exact:
            negated, value = False, "-"  # a minus alone is a text like any other
        return Term(shown, _contains(address, value), negated)
    make = _KEYS.get(key.lower())
    if make is None:
        known = ", ".join(_KEYS)
        raise Problem(
            f"Filter term {shown}",
            f"no such key is known but {known}",
            "put it in double quotes to find it in a path",
        )
    if not value:
        raise Problem(
            f"Filter term {shown}", "it has no value", f"write something like {EXAMPLES[key.lower()]}"
        )
    return Term(shown, make(value, exact, shown), negated)


def _bad(shown: str, why: str, key: str) -> Problem:
    return Problem(f"Filter term {shown}", why, f"write something like {EXAMPLES[key]}")


def _contains(read: Callable[[Request], str], value: str) -> Test:
    wanted = value.casefold()
    return lambda call: wanted in read(call).casefold()


def _any(value: str, exact: bool, make: Callable[[str], Test]) -> Test:
    tests = [make(part) for part in ([value] if exact else value.split(","))]
    return lambda call: any(test(call) for test in tests)


def _path(value: str, exact: bool, shown: str) -> Test:
    if exact:
        return lambda call: address(call) == value
    return _contains(address, value)


def _route(value: str, exact: bool, shown: str) -> Test:
    if exact:
        return lambda call: route(call) == value
    return _contains(route, value)


def _word_of(read: Callable[[Request], str]) -> Callable[[str, bool, str], Test]:
    def make(value: str, exact: bool, shown: str) -> Test:
        def one(part: str) -> Test:
            return lambda call: read(call).casefold() == part.casefold()

        return _any(value, exact, one)

    return make


def _worker(value: str, exact: bool, shown: str) -> Test:
    def one(part: str) -> Test:
        if not part.isascii() or not part.isdigit():
            raise _bad(shown, "a worker is named by its process id, a number", "worker")
        return lambda call: str(call.pid) == part

    return _any(value, exact, one)


def _status(value: str, exact: bool, shown: str) -> Test:
    def one(part: str) -> Test:
        if _CLASS.fullmatch(part.lower()):
            return lambda call: call.status is not None and call.status // 100 == int(part[0])
        found = _COMPARED.fullmatch(part)
        if found is None or found[3] or "." in found[2]:
            raise _bad(shown, "this is neither a status, nor a class, nor a comparison", "status")
        compare, bound = _COMPARISONS[found[1] or "="], float(found[2])
        return lambda call: call.status is not None and compare(call.status, bound)

    return _any(value, exact, one)


def _time(value: str, exact: bool, shown: str) -> Test:
    def one(part: str) -> Test:
        found = _COMPARED.fullmatch(part.lower())
        if found is None or found[1] in (None, "="):
            raise _bad(shown, "a time is compared with > or <, in ms or s", "time")
        compare, bound = _COMPARISONS[found[1]], float(found[2]) * (1000 if found[3] == "s" else 1)
        return lambda call: compare(call.duration_ms, bound)

    return _any(value, exact, one)


def _is(value: str, exact: bool, shown: str) -> Test:
    def one(part: str) -> Test:
        test = IS.get(part.lower())
        if test is None:
            raise _bad(shown, f"only {', '.join(IS)} can be asked for", "is")
        return test

    return _any(value, exact, one)


_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">": lambda value, bound: value > bound,
    ">=": lambda value, bound: value >= bound,
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
    "=": lambda value, bound: value == bound,
}
IS: dict[str, Test] = {
    "open": lambda call: call.outcome == "open",
    "error": failed,
    "cancelled": cut_off,
    "slow": slow,
    "ws": lambda call: isinstance(call, WebSocket),
    "lifespan": lambda call: isinstance(call, Lifespan),
    "broken": lambda call: bool(call.verdicts),
}
_KEYS: dict[str, Callable[[str, bool, str], Test]] = {
    "method": _word_of(lambda call: sanitize(call.method)),
    "path": _path,
    "route": _route,
    "status": _status,
    "time": _time,
    "server": _word_of(lambda call: sanitize(call.server)),
    "worker": _worker,
    "is": _is,
}
EXAMPLES = {
    "method": "method:GET",
    "path": "path:/items",
    "route": "route:/items/{id}",
    "status": "status:5xx or status:>=400",
    "time": "time:>100ms",
    "server": "server:granian",
    "worker": "worker:4243",
    "is": "is:error",
}


# -- completion ------------------------------------------------------------------------------------


def complete(text: str, values: Callable[[str], Iterable[str]]) -> str | None:
    """``text`` with its last word completed: a key, or a value of one; None where nothing fits.

    ``values`` gives those of ``method``, ``route``, ``server`` and ``worker``, the likeliest first.
    """
    word = _last_word(text).removeprefix("-")
    key, colon, value = word.partition(":")
    if not word or '"' in word:
        return None
    if not colon:
        return _completed(text, word, [f"{name}:" for name in _KEYS])
    part = value.split(",")[-1]
    known = _VALUES.get(key.lower()) or values(key.lower())
    # a value with a space in it would have to be in quotes
    return _completed(text, part, (item for item in known if " " not in item))


def _completed(text: str, part: str, known: Iterable[str]) -> str | None:
    begun = part.lower()
    found = next((item for item in known if item.lower().startswith(begun) and len(item) > len(part)), None)
    return text + found[len(part) :] if found is not None else None


_VALUES: dict[str, Sequence[str]] = {
    "is": tuple(IS),
    "status": ("2xx", "3xx", "4xx", "5xx"),
    "time": (">100ms",),
}
