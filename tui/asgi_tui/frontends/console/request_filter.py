"""What is typed to filter requests: words of the path and ``key:value`` terms. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from asgi_tui.domain import typed_filter
from asgi_tui.domain.events import Lifespan, Request, WebSocket
from asgi_tui.domain.text import sanitize
from asgi_tui.domain.typed_filter import Grammar, Typed, before_last
from asgi_tui.domain.typed_filter import quoted as quoted

SLOW_MS = 1_000.0  # from which a request is slow
MAX_TERMS = typed_filter.MAX_TERMS

Test = Callable[[Request], bool]

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
    return RequestFilter(tuple(Term(typed.text, test, typed.negated) for typed, test in GRAMMAR.parse(text)))


def parse_typed(text: str) -> RequestFilter:
    """The filter while it is typed: a last word that may become a key counts for nothing yet.

    Raises ``Problem``.
    """
    whole = parse(text)
    return whole.without(len(whole.terms) - 1) if GRAMMAR.waits(text) else whole


def parse_before(text: str) -> RequestFilter:
    """The filter without the last word. Raises ``Problem``."""
    return parse(before_last(text))


def complete(text: str, values: Callable[[str], Iterable[str]]) -> str | None:
    """``text`` with its last word completed: a key, or a value of one; None where nothing fits.

    ``values`` gives those of ``method``, ``route``, ``server`` and ``worker``, the likeliest first.
    """
    return GRAMMAR.complete(text, values)


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


def _contains(read: Callable[[Request], str], value: str) -> Test:
    wanted = value.casefold()
    return lambda call: wanted in read(call).casefold()


def _any(typed: Typed, make: Callable[[str], Test]) -> Test:
    tests = [make(part) for part in typed.parts]
    return lambda call: any(test(call) for test in tests)


def _text_of(read: Callable[[Request], str]) -> Callable[[Typed], Test]:
    def make(typed: Typed) -> Test:
        if typed.exact:
            return lambda call: read(call) == typed.value
        return _contains(read, typed.value)

    return make


def _word_of(read: Callable[[Request], str]) -> Callable[[Typed], Test]:
    def make(typed: Typed) -> Test:
        def one(part: str) -> Test:
            return lambda call: read(call).casefold() == part.casefold()

        return _any(typed, one)

    return make


def _worker(typed: Typed) -> Test:
    def one(part: str) -> Test:
        if not part.isascii() or not part.isdigit():
            raise GRAMMAR.bad(typed, "a worker is named by its process id, a number")
        return lambda call: str(call.pid) == part

    return _any(typed, one)


def _status(typed: Typed) -> Test:
    def one(part: str) -> Test:
        if _CLASS.fullmatch(part.lower()):
            return lambda call: call.status is not None and call.status // 100 == int(part[0])
        found = _COMPARED.fullmatch(part)
        if found is None or found[3] or "." in found[2]:
            raise GRAMMAR.bad(typed, "this is neither a status, nor a class, nor a comparison")
        compare, bound = _COMPARISONS[found[1] or "="], float(found[2])
        return lambda call: call.status is not None and compare(call.status, bound)

    return _any(typed, one)


def _time(typed: Typed) -> Test:
    def one(part: str) -> Test:
        found = _COMPARED.fullmatch(part.lower())
        if found is None or found[1] in (None, "="):
            raise GRAMMAR.bad(typed, "a time is compared with > or <, in ms or s")
        compare, bound = _COMPARISONS[found[1]], float(found[2]) * (1000 if found[3] == "s" else 1)
        return lambda call: compare(call.duration_ms, bound)

    return _any(typed, one)


def _is(typed: Typed) -> Test:
    def one(part: str) -> Test:
        test = IS.get(part.lower())
        if test is None:
            raise GRAMMAR.bad(typed, f"only {', '.join(IS)} can be asked for")
        return test

    return _any(typed, one)


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
_KEYS: dict[str, Callable[[Typed], Test]] = {
    "method": _word_of(lambda call: sanitize(call.method)),
    "path": _text_of(address),
    "route": _text_of(route),
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
GRAMMAR: Grammar[Test] = Grammar(
    word=lambda typed: _contains(address, typed.value),
    keys=_KEYS,
    examples=EXAMPLES,
    found_in="a path",
    values={"is": tuple(IS), "status": ("2xx", "3xx", "4xx", "5xx"), "time": (">100ms",)},
)
