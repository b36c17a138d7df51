"""The filter of the requests: what is typed, and what it lets through."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_tui.domain.calls import Scope
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.events import Request
from asgi_tui.domain.masking import mask_query
from asgi_tui.frontends.console.request_filter import (
    EXAMPLES,
    IS,
    MAX_TERMS,
    SLOW_MS,
    complete,
    parse,
    parse_before,
    parse_typed,
    quoted,
)
from tests.console.calls import failed, lifespan, request, websocket

GET = request(1)
POST = request(2, method="POST", path="/Items", route="POST /items", status=422, ms=120.0)
SLOW = request(3, path="/report", route="GET /report", ms=SLOW_MS, server="granian", pid=4243)
BOOM = failed(4)
WS = websocket(5)
OPEN = replace(request(6, status=None), outcome="open")
LIFE = lifespan(7)
CALLS = {"get": GET, "post": POST, "slow": SLOW, "boom": BOOM, "ws": WS, "open": OPEN, "life": LIFE}


@pytest.mark.parametrize(
    ("typed", "through"),
    [
        ("", "get post slow boom ws open life"),
        ("items", "get post open"),
        ("ITEMS -method:post", "get open"),
        ("path:report", "slow"),
        ('path:"/ws"', "ws"),
        ('"token=••••••" boom', "boom"),
        ("token=s3cret", ""),
        ("method:GET", "get slow boom open"),
        ("method:get,post status:>=400", "post boom"),
        ("status:5xx", "boom"),
        ("status:4xx,5XX", "post boom"),
        ("status:101", "ws"),
        ("status:<300", "get slow ws"),
        ("-status:200", "post boom ws open life"),
        ("time:>100ms", "post slow"),
        ("time:>=1s", "slow"),
        ("time:<0.01s", "life"),
        ("time:>100 -time:>0.5S", "post"),
        ("worker:4243", "slow"),
        ("worker:4243,4242", "get post slow boom ws open life"),
        ("server:Granian", "slow"),
        ("server:gran", ""),
        ("route:/items", "get post open"),
        ('route:"POST /items"', "post"),
        ("route:{item_id}", "get open"),
        ("is:open", "open life"),
        ("is:error", "boom"),
        ("is:slow", "slow"),
        ("is:ws,lifespan", "ws life"),
        ("is:broken", "boom"),
        ("-is:ws -is:lifespan -is:open", "get post slow boom"),
        ("-", ""),
        ("/items:batch", ""),
        ('"" ', "get post slow boom ws open life"),
    ],
)
def test_what_is_let_through(typed: str, through: str) -> None:
    wanted = parse(typed)
    assert [name for name, call in CALLS.items() if wanted.matches(call)] == through.split()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("status:abc", "status:abc: this is neither a status"),
        ("status:", "it has no value; write something like status:5xx"),
        ("status:200ms", "neither a status"),
        ("status:6xx", "neither a status"),
        ("time:100ms", "compared with > or <"),
        ("time:>fast", "compared with > or <"),
        ("worker:main", "a number"),
        ("is:fast", "only open, error, cancelled, slow, ws, lifespan, broken"),
        ("items foo:bar", "Filter term foo:bar: no such key is known but method, path,"),
        ('path:"items', "a quote in it is not closed"),
        ('it"ems', "a quote in it is not closed"),
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


def holds(typed: str) -> None:
    try:
        wanted = parse(typed)
    except Problem:
        return
    for call in CALLS.values():
        wanted.matches(call)
    assert parse(wanted.text).text == wanted.text


@given(st.text())
def test_whatever_is_typed_is_a_filter_or_a_problem(typed: str) -> None:
    holds(typed)


_PIECES = [
    *EXAMPLES,
    *IS,
    ":",
    ",",
    "-",
    '"',
    "\\",
    " ",
    ">",
    "<",
    "=",
    "5xx",
    "404",
    "1e9",
    "ms",
    "s",
    "٣",
    "\x1b[31m",
]


@given(st.lists(st.sampled_from(_PIECES)).map("".join))
def test_whatever_is_made_of_its_words_too(typed: str) -> None:
    holds(typed)


@given(st.text(min_size=1))
def test_a_quoted_value_is_found_exactly(path: str) -> None:
    call = replace(GET, path=path, scope=Scope(query=mask_query("")))
    shown = parse(quoted("path", path)).terms
    if path.isprintable():
        assert [term.matches(call) for term in shown] == [True]


def test_a_term_can_be_taken_away() -> None:
    wanted = parse('a -is:ws route:"GET /a b"')
    assert wanted.without(1).text == 'a route:"GET /a b"'
    assert not wanted.without(0).without(0).without(0).terms


def known(key: str) -> list[str]:
    return {"method": ["GET", "POST"], "server": ["granian", "gunicorn"], "route": ["/a b", "/items"]}.get(
        key, []
    )


@pytest.mark.parametrize(
    ("typed", "whole"),
    [
        ("me", "method:"),
        ("items -st", "items -status:"),
        ("method:P", "method:POST"),
        ("method:GET,p", "method:GET,pOST"),
        ("server:gu", "server:gunicorn"),
        ("route:/", "route:/items"),
        ("is:br", "is:broken"),
        ("-is:", "-is:open"),
        ("status:", "status:2xx"),
        ("", None),
        ("items ", None),
        ("worker:4", None),
        ('path:"it', None),
        ("zebra", None),
    ],
)
def test_the_last_word_is_completed(typed: str, whole: str | None) -> None:
    assert complete(typed, known) == whole


def test_nothing_secret_is_searched() -> None:
    call: Request = replace(GET, scope=replace(GET.scope, query=mask_query("password=hunter2")))
    assert not parse("hunter2").matches(call)
    assert parse("password=").matches(call)


def test_a_word_that_may_become_a_key_waits() -> None:
    assert parse_typed("items -sta").text == "items"
    assert parse_typed("items status").text == "items"
    for typed in ("items sta ", "items s", "items stage", 'items "sta"', "items -status:2xx"):
        assert parse_typed(typed).text == typed.rstrip()
    assert parse_before("a status:").text == "a"


def test_what_was_cut_off_can_be_asked_for() -> None:
    wanted = parse("is:cancelled")
    outcomes = ("returned", "raised", "open", "cancelled", "gone")
    assert [name for name in outcomes if wanted.matches(replace(GET, outcome=name))] == ["cancelled", "gone"]
