"""The filter of the log: what is typed, and what it lets through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.log_entry import LEVELS, STREAMS, Entry, Origin
from asgi_tui.domain.log_filter import (
    EXAMPLES,
    LEAST,
    LogFilter,
    complete,
    least_level,
    parse,
    parse_before,
    parse_typed,
    with_least,
)
from asgi_tui.domain.typed_filter import MAX_TERMS, quoted

ENTRIES = {
    "plain": Entry(0, 0.0, Origin("stdout"), "printed [x] 12 ms"),
    "info": Entry(1, 0.0, Origin("stderr", "info", "uvicorn.error", 4242), "Started server process"),
    "warn": Entry(
        2, 0.0, Origin("stdout", "warning", "shop.orders", 4243), 'took 480 ms for "/items"', (), "7"
    ),
    "error": Entry(
        3, 0.0, Origin("stderr", "error", "shop", 4243), "It failed\nTraceback:\nValueError", (), "8"
    ),
    "own": Entry(4, 0.0, Origin("console", "error", "asgi-tui"), "Reload: it broke"),
}


def passes(wanted: LogFilter, entry: Entry) -> bool:
    return (
        wanted.origin_passes(entry.origin)
        and all(term.content.found(entry.text) != term.negated for term in wanted.terms if term.content)
        and wanted.request_passes(entry.request)
    )


@pytest.mark.parametrize(
    ("typed", "through"),
    [
        ("", "plain info warn error own"),
        ("FAILED", "error"),
        ("-failed -broke", "plain info warn"),
        ("level:error", "error own"),
        ("level:>=warning", "warn error own"),
        ("level:>info", "warn error own"),
        ("level:<warning", "info"),
        ("level:<=WARN", "info warn"),
        ("level:info,error", "info error own"),
        ("level:none", "plain"),
        ("level:none,>=error", "plain error own"),
        ("-level:>=warning", "plain info"),
        ("stream:stderr", "info error"),
        ("stream:Console,stdout", "plain warn own"),
        ("worker:4243", "warn error"),
        ("-worker:4243", "plain info own"),
        ("logger:shop", "warn error"),
        ('logger:"shop"', "error"),
        ("logger:sho", ""),
        ("logger:uvicorn,asgi-tui", "info own"),
        ("request:7", "warn"),
        ("request:7,8", "warn error"),
        ("-request:7", "plain info error own"),
        (r're:"took \d+ ms"', "warn"),
        (r're:"for \"/"', "warn"),
        (r"/\d+\sms$/", "plain"),
        ("re:^traceback", "error"),
        ("-/server|broke/ level:>=info", "warn error"),
        ("/items", "warn"),
        ('"server process"', "info"),
        ("[x]", "plain"),
        ("-", ""),
        ('"it broke" -', ""),
    ],
)
def test_what_is_let_through(typed: str, through: str) -> None:
    wanted = parse(typed)
    assert [name for name, entry in ENTRIES.items() if passes(wanted, entry)] == through.split()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("level:loud", "only trace, debug, info, warning, error, critical and none can be asked for"),
        ("level:", "it has no value; write something like level:>=warning"),
        ("level:error,,", "only trace"),
        ("stream:stdin", "only stdout, stderr, console can be asked for"),
        ("worker:main", "a number"),
        ("re:(", "Filter term re:(: it is no regular expression (missing )"),
        ("a /[/", "Filter term /[/: it is no regular expression"),
        (
            "INFO:x",
            "no such key is known but level, logger, stream, worker, request, re; put it in double quotes",
        ),
        ('re:"(', "a quote in it is not closed"),
        (" ".join(["a"] * (MAX_TERMS + 1)), f"more than {MAX_TERMS} terms"),
    ],
)
def test_a_bad_term_is_one_sentence(typed: str, said: str) -> None:
    with pytest.raises(Problem, match=r"^Filter") as told:
        parse(typed)
    assert said in str(told.value)
    assert "\n" not in str(told.value)


def test_the_examples_are_good_terms() -> None:
    for key, examples in EXAMPLES.items():
        for example in examples.split(" or "):
            assert parse(example).terms[0].text == example
            assert example.startswith(f"{key}:")


_PIECES = [
    *EXAMPLES,
    *LEVELS,
    *STREAMS,
    ":",
    ",",
    "-",
    '"',
    "\\",
    " ",
    ">=",
    "<",
    "/",
    "(",
    "[",
    "*",
    "\x1b[31m",
]


@given(st.one_of(st.text(), st.lists(st.sampled_from(_PIECES)).map("".join)))
def test_whatever_is_typed_is_a_filter_or_a_problem(typed: str) -> None:
    try:
        wanted = parse(typed)
    except Problem:
        return
    for entry in ENTRIES.values():
        passes(wanted, entry)
    assert parse(wanted.text).text == wanted.text
    parse_typed(typed)


@given(st.text(min_size=1))
def test_a_quoted_value_is_found_exactly(name: str) -> None:
    if name.isprintable():
        assert passes(parse(quoted("request", name)), Entry(0, 0.0, Origin("stdout"), "", (), name))


def test_the_least_level_is_a_term_of_its_own() -> None:
    wanted = parse("boom level:error")
    assert least_level(wanted) == ""
    seen = [wanted.text]
    for level in (*LEAST[1:], *LEAST[:1]):
        wanted = with_least(wanted, level)
        assert least_level(wanted) == level
        seen.append(wanted.text)
    assert seen == [
        "boom level:error",
        "boom level:error level:>=info",
        "boom level:error level:>=warning",
        "boom level:error level:>=error",
        "boom level:error",
    ]


def known(key: str) -> list[str]:
    return {"logger": ["uvicorn.error", "shop"], "worker": ["4242"]}.get(key, [])


@pytest.mark.parametrize(
    ("typed", "whole"),
    [
        ("le", "level:"),
        ("x -st", "x -stream:"),
        ("level:e", "level:error"),
        ("level:>=w", "level:>=warning"),
        ("level:info,c", "level:info,critical"),
        ("logger:u", "logger:uvicorn.error"),
        ("worker:4", "worker:4242"),
        ("stream:c", "stream:console"),
        ("re:x", None),
        ("zebra", None),
        ('logger:"s', None),
    ],
)
def test_the_last_word_is_completed(typed: str, whole: str | None) -> None:
    assert complete(typed, known) == whole


def test_a_word_that_may_become_a_key_waits() -> None:
    assert parse_typed("boom lev").text == "boom"
    assert parse_typed("boom lev ").text == "boom lev"
    assert parse_before("boom level:lo").text == "boom"
