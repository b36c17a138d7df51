"""Values and rules of the domain: properties over many inputs."""

from __future__ import annotations

import json
import math
import typing
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asgi_probe.buckets import MAX_NS, bucket_bounds, bucket_of
from asgi_tui.domain.concepts import CONCEPTS, read_value
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.events import EVENTS, Event, from_json, to_json
from asgi_tui.domain.histogram import Histogram
from asgi_tui.domain.mapping import map_plan
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.secret import Secret
from asgi_tui.domain.servers import SERVERS, get_server
from asgi_tui.domain.settings import find_option, read_settings
from asgi_tui.domain.target import Target
from asgi_tui.domain.text import mask_secrets, sanitize
from asgi_tui.domain.values import Kind, Value

Result = TypeVar("Result")


def problem_or(call: Callable[[], Result]) -> Result | Problem:
    """What a call returns, or the problem it raises."""
    try:
        return call()
    except Problem as problem:
        return problem


relaxed = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


# -- events ------------------------------------------------------------------------------------------

for_types = st.register_type_strategy
for_types(float, st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15))
for_types(str, st.text(max_size=20))


def told(kind: type) -> st.SearchStrategy[Any]:
    """Instances whose fields are all of those that JSON has; tuples are short."""
    hints = typing.get_type_hints(kind)
    return st.builds(
        kind,
        **{
            item.name: field_of(hints[item.name]) for item in fields(kind) if "in_memory" not in item.metadata
        },
    )


def field_of(hint: Any) -> st.SearchStrategy[Any]:
    # A Secret is its mask in JSON: another test's matter.
    if hint == str | Secret:
        return st.text(max_size=10)
    if typing.get_origin(hint) is tuple:
        return st.lists(field_of(typing.get_args(hint)[0]), max_size=2).map(tuple)
    if is_dataclass(hint):
        return told(typing.cast(type, hint))
    return st.from_type(hint)


@pytest.mark.parametrize("name", EVENTS)
def test_every_event_survives_json(name: str) -> None:
    @relaxed
    @given(told(EVENTS[name]))
    def survives(event: Event) -> None:
        data = to_json(event)
        assert list(data)[:2] == ["type", "at"]
        line = json.dumps(data, ensure_ascii=False)
        assert "\n" not in line
        back = from_json(json.loads(line))
        assert back == event
        assert to_json(back) == data

    survives()


@pytest.mark.parametrize("name", EVENTS)
def test_no_event_can_be_changed(name: str) -> None:
    event = EVENTS[name]
    assert event.__dataclass_params__.frozen  # type: ignore[attr-defined]  # every dataclass has it
    assert {"at"} <= {item.name for item in fields(event)}
    assert typing.get_type_hints(event)["at"] is float


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"type": "ready"},
        {"type": "nothing", "at": 1.0},
        {"type": "worker", "at": 1.0, "pid": "1", "state": "ready"},
        {"type": "worker", "at": 1.0, "pid": True, "state": "ready"},
        {"type": "worker", "at": None, "pid": 1, "state": "ready"},
        {"type": "state", "at": 1.0, "state": "flying"},
        {"type": "stats", "at": 1.0, "routes": [3]},
        {"type": "stats", "at": 1.0, "routes": {"a": 1}},
        {"type": "stats", "at": 1.0, "statuses": []},
        {"type": ["ready"]},
    ],
)
def test_what_is_no_event_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any ValueError will do, and nothing else
        from_json(data)


# -- targets -----------------------------------------------------------------------------------------

word = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True).filter(
    lambda text: (
        text not in ("and", "as", "del", "def", "for", "if", "in", "is", "not", "or", "try", "with")
        and not __import__("keyword").iskeyword(text)
    )
)


@given(st.lists(word, min_size=1, max_size=4), st.lists(word, max_size=2), st.booleans())
def test_a_target_reads_back_as_it_is_written(module: list[str], attribute: list[str], call: bool) -> None:
    text = ".".join(module) + (f":{'.'.join(attribute)}" if attribute else "")
    target = Target.parse(text + ("()" if attribute and call else ""))
    assert str(target) == text
    assert target.factory == bool(attribute and call)
    assert Target.parse(str(target), factory=target.factory) == target


@given(st.text(max_size=30))
def test_any_text_is_a_target_or_a_problem(text: str) -> None:
    target = problem_or(lambda: Target.parse(text))
    if isinstance(target, Problem):
        assert target.exit_code == 2
        assert target.mend
        return
    assert bool(target.module) != bool(target.path)
    assert Target.parse(str(target), factory=target.factory) == target


@given(st.lists(word, min_size=1, max_size=3), word)
def test_a_file_is_a_path(parts: list[str], attribute: str) -> None:
    path = "/".join(parts) + ".py"
    assert Target.parse(path) == Target(path=path)
    assert Target.parse(f"{path}:{attribute}") == Target(path=path, attribute=attribute)


# -- values ------------------------------------------------------------------------------------------


@given(st.sampled_from(sorted(CONCEPTS)), st.text(max_size=30))
def test_any_text_is_a_value_or_a_problem(name: str, text: str) -> None:
    concept = CONCEPTS[name]
    value = problem_or(lambda: read_value(name, text))
    if isinstance(value, Problem):
        assert value.why
        assert value.mend
        if concept.secret and len(text) > 3:
            assert text not in str(value)
        return
    match concept.kind:
        case Kind.SWITCH:
            assert isinstance(value, bool)
        case Kind.PORT | Kind.INTEGER:
            assert isinstance(value, int)
            assert concept.minimum is not None
            assert concept.maximum is not None
            assert concept.minimum <= value <= concept.maximum
        case _:
            assert isinstance(value, str)
            assert "\x00" not in value
            assert "\n" not in value


@given(st.integers(-10, 70_000))
def test_ports_have_bounds(number: int) -> None:
    if 0 <= number <= 65535:
        assert read_value("port", str(number)) == number
    else:
        with pytest.raises(Problem):
            read_value("port", str(number))


@pytest.mark.parametrize(
    "text", ["1_000", "+80", "\uff18\uff10", "80.0", "0x50", "", " ", "1e3", "\u0668\u0660"]
)
def test_only_plain_digits_are_numbers(text: str) -> None:
    with pytest.raises(Problem):
        read_value("port", text)


@pytest.mark.parametrize(
    "text", ["127.0.0.1", "::1", "[::1]", "localhost", "my-host.example.", "fe80::1%lo", "0.0.0.0"]
)
def test_hosts(text: str) -> None:
    assert read_value("host", text) == text.strip("[]")


@pytest.mark.parametrize(
    "text", ["", "a b", "127.0.0", "300.1.1.1", "-x", "http://a", "a:80", "[::1", "::1]", "a" * 64, "::1%a b"]
)
def test_no_hosts(text: str) -> None:
    with pytest.raises(Problem):
        read_value("host", text)


def test_dashes_and_underscores_are_one() -> None:
    uvicorn = get_server("uvicorn")
    for spelled in ("log-level", "log_level", "LOG_LEVEL", "--log-level"):
        assert find_option(uvicorn, spelled).key == "log_level"
    for spelled in ("ssl_keyfile", "ssl-keyfile", "--ssl-keyfile"):
        assert find_option(uvicorn, spelled).key == "tls_key"
    read = read_settings(uvicorn, ["port=1", "port=2", "root-path=/a=b"])
    assert read.options == {"port": 2, "root_path": "/a=b"}


# -- switching ---------------------------------------------------------------------------------------

PORTABLE: dict[str, Value] = {
    "host": "0.0.0.0",
    "port": 9001,
    "log_level": "warning",
    "access_log": True,
    "root_path": "/api",
    "workers": 2,
    "graceful_timeout": 7,
    "lifespan": "on",
    "proxy_headers": True,
    "ws": "none",
}


@pytest.mark.parametrize("to", SERVERS)
@pytest.mark.parametrize("start", SERVERS)
def test_a_switch_accounts_for_every_option(start: str, to: str) -> None:
    old, new = get_server(start), get_server(to)
    options = {name: value for name, value in PORTABLE.items() if old.why_not(name, value) is None}
    plan = LaunchPlan(Target("app", "app"), start, "/tmp", native=("--verbose",)).with_options(options)
    mapping = map_plan(plan, to)
    assert mapping.plan.server == to
    assert (mapping.plan.target, mapping.plan.cwd) == (plan.target, plan.cwd)
    for name, value in options.items():
        told = Counter(line.partition("=")[0] for line in (*mapping.mapped, *mapping.dropped))
        if name in mapping.plan.options:
            assert mapping.plan.options[name] == value
            assert told[name] == 1
        elif not new.is_neutral(name, value):
            # Nothing vanishes without a word.
            assert told[name] == 1, (name, mapping)
    assert new.check(mapping.plan) == []
    assert (mapping.plan.native == ()) == (start != to)
    if start != to:
        assert any("--verbose" in line for line in mapping.dropped)


@pytest.mark.parametrize("to", SERVERS)
@pytest.mark.parametrize("start", SERVERS)
def test_tls_is_never_lost_in_a_switch(start: str, to: str) -> None:
    tls: dict[str, Value] = {"tls_cert": "c.pem", "tls_key": "k.pem"}
    if get_server(start).supports("tls_key_password"):
        tls["tls_key_password"] = "open sesame"
    plan = LaunchPlan(Target("app", "app"), start, "/tmp").with_options(tls)
    mapping = problem_or(lambda: map_plan(plan, to))
    if isinstance(mapping, Problem):
        assert "open sesame" not in str(mapping)
        return
    assert mapping.plan.tls
    assert mapping.plan.text("tls_key") == "k.pem"
    assert "open sesame" not in " ".join((*mapping.mapped, *mapping.dropped))


# -- percentiles -------------------------------------------------------------------------------------


@given(st.integers(0, MAX_NS))
def test_a_bucket_holds_what_is_put_in_it(ns: int) -> None:
    low, high = bucket_bounds(bucket_of(ns))
    assert low <= ns < high
    assert high - low <= max(1, low / 31)


@relaxed
@given(st.lists(st.integers(1, 10**11), min_size=1, max_size=300))
def test_percentiles_are_near_the_exact_ones(durations: list[int]) -> None:
    histogram = Histogram()
    half = len(durations) // 2
    for part in (durations[:half], durations[half:]):
        if part:
            histogram.add(Counter(map(bucket_of, part)), max(part))
    shares = (0.0, 0.5, 0.9, 0.99, 1.0)
    ordered = sorted(durations)
    found = histogram.percentiles(*shares)
    assert list(found) == sorted(found)
    for share, value in zip(shares, found, strict=True):
        exact = ordered[max(0, math.ceil(share * len(ordered)) - 1)]
        assert value * 1e6 == pytest.approx(exact, rel=0.033, abs=1)
    assert found[-1] <= max(durations) / 1e6


def test_no_requests_have_no_latency() -> None:
    assert Histogram().percentiles(0.5, 0.99) == (0.0, 0.0)


# -- text --------------------------------------------------------------------------------------------

nasty = st.text(
    st.one_of(
        st.characters(max_codepoint=0x9F),
        st.sampled_from(
            "\x1b\x9b\x9d\x07[]mH;0123\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
        ),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=40,
)


@settings(max_examples=500, deadline=None)
@given(nasty)
def test_nothing_that_moves_the_cursor_or_turns_the_text_passes(text: str) -> None:
    shown = sanitize(text)
    for character in shown:
        assert character == "\t" or unicodedata.category(character) != "Cc", repr(shown)
        assert unicodedata.bidirectional(character) not in {
            "LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI",
        }, repr(shown)  # fmt: skip
    assert sanitize(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[38;5;12;1mblue\x1b[m", "blue"),
        ("plain ünïcode 项目 🎉", "plain ünïcode 项目 🎉"),
        ("a\tb", "a\tb"),
    ],
)
def test_colours_go_and_text_stays(text: str, shown: str) -> None:
    assert sanitize(text) == shown


def test_the_values_of_secret_query_keys_are_masked() -> None:
    masked = mask_secrets('"GET /cb?code=abc&state=1&access_token=s3cret HTTP/1.1" 200')
    assert "abc" not in masked
    assert "s3cret" not in masked
    assert "state=1" in masked
