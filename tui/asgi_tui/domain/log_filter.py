"""Which entries of the log are shown, and how that is typed. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.log_entry import LEVELS, STREAMS, Origin
from asgi_tui.domain.needle import Needle
from asgi_tui.domain.typed_filter import Grammar, Typed, before_last

# What else levels are called; lines that tell none are asked for as such.
_ALIASES = {"warn": "warning", "fatal": "critical", "none": ""}
_COMPARED = re.compile(r"(>=|<=|>|<|=)?([A-Za-z]+)")
_LEAST = re.compile(r"level:>=([a-z]+)")
# Of the least level, one key goes through these and back to all.
LEAST = ("", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class LogTerm:
    """One condition as it was typed: at most one of the three is set, ``negated`` turns it round.

    ``origin`` asks for level, stream, worker or logger, ``request`` for the id of the request that an entry
    belongs to (empty where unknown); ``content`` is what its text has.
    """

    text: str
    origin: Callable[[Origin], bool] | None = None
    content: Needle | None = None
    request: Callable[[str], bool] | None = None
    negated: bool = False


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Terms that all have to hold; none lets every entry through."""

    terms: tuple[LogTerm, ...] = ()

    @property
    def text(self) -> str:
        """The terms as they are typed."""
        return " ".join(term.text for term in self.terms)

    def without(self, index: int) -> LogFilter:
        """The filter without one of its terms."""
        return LogFilter(self.terms[:index] + self.terms[index + 1 :])

    def origin_passes(self, origin: Origin) -> bool:
        """Whether the terms on the origin let it through."""
        return all(term.origin(origin) != term.negated for term in self.terms if term.origin)

    def request_passes(self, request: str) -> bool:
        """Whether the terms on the request let it through."""
        return all(term.request(request) != term.negated for term in self.terms if term.request)


# -- what is typed ---------------------------------------------------------------------------------


def parse(text: str) -> LogFilter:
    """The filter that was typed. Raises ``Problem`` that says what is wrong with which term."""
    terms = (replace(made, text=typed.text, negated=typed.negated) for typed, made in GRAMMAR.parse(text))
    return LogFilter(tuple(terms))


def parse_typed(text: str) -> LogFilter:
    """The filter while it is typed: a last word that may become a key counts for nothing yet.

    Raises ``Problem``.
    """
    whole = parse(text)
    return whole.without(len(whole.terms) - 1) if GRAMMAR.waits(text) else whole


def parse_before(text: str) -> LogFilter:
    """The filter without the last word. Raises ``Problem``."""
    return parse(before_last(text))


def complete(text: str, values: Callable[[str], Iterable[str]]) -> str | None:
    """``text`` with its last word completed: a key, or a value of one; None where nothing fits.

    ``values`` gives those of ``logger``, ``worker`` and ``request`` that were seen, the likeliest first.
    """
    return GRAMMAR.complete(text, values)


def least_level(wanted: LogFilter) -> str:
    """The least level that a filter lets through by a term of its own; empty where it has none."""
    found = [match[1] for term in wanted.terms if (match := _LEAST.fullmatch(term.text))]
    return found[-1] if found else ""


def with_least(wanted: LogFilter, level: str) -> LogFilter:
    """The filter with another least level, in place of the one it has; empty: every level."""
    others = tuple(term for term in wanted.terms if not _LEAST.fullmatch(term.text))
    return LogFilter(others + (parse(f"level:>={level}").terms if level else ()))


def _contains(typed: Typed) -> LogTerm:
    value = typed.value
    if not typed.exact and len(value) > 2 and value.startswith("/") and value.endswith("/"):
        return _matches(typed, value[1:-1])
    return LogTerm("", content=Needle(value) if value else None)


def _regex(typed: Typed) -> LogTerm:
    # in quotes a backslash is the expression's own, also the one before a quote
    return _matches(typed, typed.raw)


def _matches(typed: Typed, source: str) -> LogTerm:
    needle = Needle(source, regex=True)
    try:
        needle.check()
    except Problem as problem:
        raise Problem(f"Filter term {typed.text}", problem.why, problem.mend) from None
    return LogTerm("", content=needle)


def _level(typed: Typed) -> LogTerm:
    let_through: set[str] = set()
    for part in typed.parts:
        found = _COMPARED.fullmatch(part)
        name = _ALIASES.get(found[2].lower(), found[2].lower()) if found else None
        if found is None or name not in LEVELS:
            raise GRAMMAR.bad(typed, f"only {', '.join(LEVELS[1:])} and none can be asked for")
        bound, sign = LEVELS.index(name), found[1] or "="
        let_through.update(level for at, level in enumerate(LEVELS) if _compared(sign, at, bound))
    return LogTerm("", origin=lambda origin: origin.level in let_through)


def _compared(sign: str, at: int, bound: int) -> bool:
    """Whether the level of index ``at`` is let through; none is neither more nor less than another."""
    if at == bound:
        return "=" in sign
    return bool(at and bound) and (at > bound if ">" in sign else at < bound if "<" in sign else False)


def _stream(typed: Typed) -> LogTerm:
    names = [part.lower() for part in typed.parts]
    if not set(names) <= set(STREAMS):
        raise GRAMMAR.bad(typed, f"only {', '.join(STREAMS)} can be asked for")
    return LogTerm("", origin=lambda origin: origin.stream in names)


def _worker(typed: Typed) -> LogTerm:
    if not all(part.isascii() and part.isdigit() for part in typed.parts):
        raise GRAMMAR.bad(typed, "a worker is named by its process id, a number")
    names = typed.parts
    return LogTerm("", origin=lambda origin: str(origin.pid) in names)


def _logger(typed: Typed) -> LogTerm:
    names = [part.casefold() for part in typed.parts]

    def passes(origin: Origin) -> bool:
        logger = origin.logger.casefold()
        # those below it in the hierarchy count as it does, but for a name in quotes
        return any(logger == name or (not typed.exact and logger.startswith(f"{name}.")) for name in names)

    return LogTerm("", origin=passes)


def _request(typed: Typed) -> LogTerm:
    names = typed.parts
    return LogTerm("", request=lambda request: request in names)


EXAMPLES = {
    "level": "level:>=warning or level:error,critical or level:none",
    "logger": "logger:uvicorn",
    "stream": "stream:stderr",
    "worker": "worker:4243",
    "request": "request:4243-7",
    "re": 're:"took \\d+ ms"',
}
GRAMMAR: Grammar[LogTerm] = Grammar(
    word=_contains,
    keys={
        "level": _level,
        "logger": _logger,
        "stream": _stream,
        "worker": _worker,
        "request": _request,
        "re": _regex,
    },
    examples=EXAMPLES,
    found_in="the text of a line",
    values={"level": (*(f">={level}" for level in LEVELS[3:-1]), *LEVELS[1:], "none"), "stream": STREAMS},
)
