"""What becomes of native options when another server takes over."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asgi_tui.domain.concepts import CONCEPTS
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.mapping import Mapping, carry, map_plan
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers import SERVERS, get_server
from asgi_tui.domain.target import Target
from asgi_tui.domain.text import MASK
from asgi_tui.domain.values import Value
from tests.contract.test_round_trip import assert_read_back, files, plans

__all__ = ["files"]  # the fixture: some parsers look for the files that plans name


def switched(server: str, to: str, options: dict[str, Value], native: tuple[str, ...] = ()) -> Mapping:
    plan = LaunchPlan(Target("main", "app"), server, "/tmp", native=native).with_options(options)
    return map_plan(plan, to)


CARRIED: list[tuple[str, str, Value, str, str, Value]] = [
    # server, option, value; to, option, value there
    ("uvicorn", "backlog", 4096, "granian", "backlog", 4096),
    ("uvicorn", "timeout_keep_alive", 7, "hypercorn", "keep_alive", 7),
    ("hypercorn", "keep_alive", 7, "gunicorn", "keep_alive", 7),
    # seconds and milliseconds
    ("uvicorn", "reload_delay", 0.25, "granian", "reload_tick", 250),
    ("granian", "reload_tick", 1500, "uvicorn", "reload_delay", 1.5),
    # with fractions and without
    ("uvicorn", "ws_ping_interval", 20.0, "daphne", "ping_interval", 20),
    ("daphne", "ping_interval", 20, "uvicorn", "ws_ping_interval", 20.0),
    # sizes, in bytes everywhere
    ("uvicorn", "ws_max_size", 1024, "daphne", "websocket_max_message_size", 1024),
    ("gunicorn", "websocket_max_message_size", 1024, "uvicorn", "ws_max_size", 1024),
    # one for several
    ("uvicorn", "env_file", "a.env", "granian", "env_files", ("a.env",)),
    ("granian", "env_files", ("a.env",), "uvicorn", "env_file", "a.env"),
    ("uvicorn", "reload_dir", ("a", "b"), "granian", "reload_paths", ("a", "b")),
    # a pair, and an option that only turns it off
    ("uvicorn", "server_header", False, "daphne", "server_header", False),
    ("uvicorn", "limit_max_requests", 100, "gunicorn", "max_requests", 100),
    ("hypercorn", "access_logfile", "a.log", "daphne", "access_log_file", "a.log"),
    ("hypercorn", "ca_certs", "ca.pem", "granian", "ssl_ca", "ca.pem"),
]


@pytest.mark.parametrize(("server", "key", "value", "to", "there", "after"), CARRIED)
def test_it_is_carried(server: str, key: str, value: Value, to: str, there: str, after: Value) -> None:
    mapping = switched(server, to, {key: value})
    assert dict(mapping.plan.options) == {there: after}
    assert type(mapping.plan.options[there]) is type(after)
    assert mapping.dropped == ()
    (line,) = mapping.mapped
    assert line.startswith(f"{key}=")
    old, new = get_server(server).own(key), get_server(to).own(there)
    assert old is not None
    assert new is not None
    if (old.flag, old.show(value)) == (new.flag, new.show(after)):
        assert "→" not in line
    elif old.show(value) == new.show(after):
        assert line.endswith(f" → {new.flag}")
    else:
        assert line.endswith(f" → {new.flag} {new.show(after)}")
    assert get_server(to).check(mapping.plan) == []


DROPPED: list[tuple[str, str, Value, str, str]] = [
    # server, option, value; to; why
    ("uvicorn", "reset_contextvars", True, "granian", "granian has no such option"),
    ("granian", "task_impl", "rust", "uvicorn", "uvicorn has no such option"),
    ("granian", "env_files", ("a", "b"), "uvicorn", "takes no such value"),
    ("uvicorn", "backlog", 5, "granian", "takes no such value"),
    ("uvicorn", "reload_delay", 60.0, "granian", "takes no such value"),
    ("uvicorn", "http2", True, "gunicorn", "takes no such value"),
    ("uvicorn", "reload", False, "hypercorn", "takes no such value"),
    ("hypercorn", "pid", "a.pid", "gunicorn", "two runs overlap"),
    ("hypercorn", "config", "a.toml", "gunicorn", "written in another way"),
    ("hypercorn", "access_logformat", "%(h)s", "granian", "written in another way"),
    ("uvicorn", "loop", "uvloop", "granian", "written in another way"),
]


@pytest.mark.parametrize(("server", "key", "value", "to", "why"), DROPPED)
def test_it_is_dropped_with_a_sentence(server: str, key: str, value: Value, to: str, why: str) -> None:
    mapping = switched(server, to, {key: value})
    assert dict(mapping.plan.options) == {}
    assert mapping.mapped == ()
    (line,) = mapping.dropped
    assert line.startswith(f"{key}=")
    assert why in line


def test_what_keeps_strangers_out_is_not_dropped() -> None:
    tls: dict[str, Value] = {"tls_cert": "c", "tls_key": "k"}
    with pytest.raises(Problem, match="clients would no longer be checked"):
        switched("hypercorn", "daphne", {**tls, "ca_certs": "ca.pem"})
    with pytest.raises(Problem, match="Switching to daphne"):
        switched("uvicorn", "daphne", {**tls, "tls_key_password": "hunter2"})
    with pytest.raises(Problem, match="Switching to daphne"):
        switched("uvicorn", "daphne", {"factory": True})


def test_the_same_server_keeps_all() -> None:
    options: dict[str, Value] = {"backlog": 5, "header": ("a:b",), "port": 9}
    mapping = switched("uvicorn", "uvicorn", options, ("--new", "x"))
    assert dict(mapping.plan.options) == options
    assert mapping.plan.native == ("--new", "x")
    assert mapping.dropped == ()


def test_native_arguments_are_dropped_together() -> None:
    mapping = switched("uvicorn", "granian", {}, ("--new", "x y"))
    assert mapping.plan.native == ()
    assert mapping.dropped == ("--new x y (uvicorn's own arguments)",)


@pytest.mark.parametrize(
    ("options", "native"),
    [
        ({"tls_cert": "c", "tls_key": "k", "tls_key_password": "hunter2"}, ()),
        ({"header": ("Authorization: hunter2", "X-Api-Key:hunter2")}, ()),
        ({}, ("--ssl-keyfile-password", "hunter2")),
        ({}, ("--ssl-keyfile-password=hunter2",)),
        ({}, ("--header", "Authorization: hunter2")),
        ({}, ("--header=Cookie: hunter2",)),
        ({}, ("--env", "SECRET_KEY=hunter2", "--url", "https://me:hunter2@host/?token=hunter2")),
    ],
)
@pytest.mark.parametrize("to", SERVERS)
def test_no_secret_is_told(options: dict[str, Value], native: tuple[str, ...], to: str) -> None:
    try:
        mapping = switched("uvicorn", to, options, native)
    except Problem as problem:
        told = [str(problem)]
    else:
        told = [*mapping.mapped, *mapping.dropped]
    assert all("hunter2" not in line for line in told), told
    if to not in ("uvicorn", "daphne"):
        assert any(MASK in line for line in told)


@pytest.mark.parametrize("server", SERVERS)
def test_a_topic_is_one_option(server: str) -> None:
    """Else two options of one server would be carried to the same one of another."""
    topics = Counter(option.topic for option in get_server(server).overlay if option.topic)
    assert [topic for topic, count in topics.items() if count > 1] == []


def test_no_name_is_carried_to_what_it_does_not_mean() -> None:
    """Only what has the same topic or concept."""
    for server in SERVERS.values():
        for option in server.overlay:
            for other in SERVERS.values():
                if option.key in CONCEPTS or other is server:
                    continue
                value: Value = option.choices[0] if option.choices else True
                found = carry(server, option.name, value, other)
                if not isinstance(found, str):
                    assert found[0].topic == option.topic
                    assert found[0].kind is option.kind or not option.concept


@pytest.mark.parametrize("server", SERVERS)
def test_any_switch_is_told_and_can_start(server: str) -> None:
    """Whatever the plan: each option is told once, and what is left is a plan of the other server."""

    @given(plans(server), st.sampled_from([name for name in SERVERS if name != server]))
    @settings(max_examples=60, deadline=None, database=None)
    def holds(plan: LaunchPlan, to: str) -> None:
        try:
            mapping = map_plan(plan, to)
        except Problem:
            assert plan.tls or plan.flag("factory") or guards(plan)
            return
        told = [line.partition("=")[0] for line in (*mapping.mapped, *mapping.dropped)]
        silent = [key for key in plan.options if key not in told]
        assert all(get_server(to).is_neutral(key, plan.options[key]) for key in silent)
        assert len(told) == len(set(told))
        if not get_server(to).check(mapping.plan):
            assert_read_back(mapping.plan)
        else:
            assert_known_conflict(mapping.plan)

    holds()


def guards(plan: LaunchPlan) -> set[str]:
    """Its options that check clients."""
    own = [get_server(plan.server).own(key) for key in plan.options]
    return {option.name for option in own if option and option.topic in ("tls_client_verify", "tls_ca")}


def assert_known_conflict(plan: LaunchPlan) -> None:
    """What cannot go together on the other server alone, for which it has a mend."""
    for conflict in get_server(plan.server).conflicts(plan):
        assert conflict.mend is not None, conflict.text
        assert any(words in conflict.text for words in ("TLS on a port only", "says it too")), conflict.text
