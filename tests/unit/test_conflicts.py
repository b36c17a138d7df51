"""What speaks against a plan is found, said in a plain sentence, and mended by one key."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from asgi_tui.domain.conflicts import Conflict, Facts, Mend, find_conflicts
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers import SERVERS, get_server
from asgi_tui.domain.target import Target
from asgi_tui.domain.values import UDS_PATH_BYTES, Value

ALL = Facts(servers=tuple(SERVERS))
NOTHING_INSTALLED = replace(ALL, installed={})


Options = dict[str, Value]


def plan_of(server: str, options: Options, *, reload: bool = False, native: str = "") -> LaunchPlan:
    target = Target("main", "app", factory=bool(options.get("factory")))
    plan = LaunchPlan(target, server, "/tmp", reload=reload, native=tuple(native.split()))
    return plan.with_options(options)


def the_one(plan: LaunchPlan, facts: Facts, says: str) -> Conflict:
    found = [conflict for conflict in find_conflicts(plan, facts) if says in conflict.text]
    assert len(found) == 1, [conflict.text for conflict in find_conflicts(plan, facts)]
    return found[0]


TLS: Options = {"tls_cert": "c.pem", "tls_key": "k.pem"}

# server, options, what the sentence says, level
FOUND: list[tuple[str, Options, str, str]] = [
    ("uvicorn", {"reload": True, "workers": 4}, "workers is ignored", "warning"),
    ("daphne", {}, "sends no lifespan events", "info"),
    ("daphne", {"lifespan": "on"}, "lifespan=on on daphne", "error"),
    ("daphne", {"workers": 2}, "daphne runs one process", "error"),
    ("daphne", {**TLS, "uds": "a.sock"}, "TLS on a port only", "error"),
    ("daphne", {"server_name": "x", "server_header": False}, "without a header", "error"),
    ("granian", {"interface": "rsgi"}, "interface=rsgi", "error"),
    ("granian", {"interface": "wsgi"}, "interface=wsgi", "error"),
    ("uvicorn", {"interface": "wsgi"}, "interface=wsgi", "error"),
    ("uvicorn", {"http2": True}, "zttp", "warning"),
    ("gunicorn", {"http_protocols": "h2,h1"}, "certificate and key", "warning"),
    ("granian", {"http": "2"}, "h2c", "warning"),
    ("hypercorn", {"quic_bind": ("[::1]:443",)}, "always encrypted", "warning"),
    ("hypercorn", {}, "writes no access log by default", "info"),
    ("granian", {}, "writes no access log by default", "info"),
    ("gunicorn", {}, "writes no access log by default", "info"),
    ("gunicorn", {"access_log": True, "access_logfile": "a.log"}, "access_log says it too", "error"),
    ("gunicorn", {"suppress_ragged_eofs": False}, "no argument that turns it off", "error"),
    ("gunicorn", {"daemon": True}, "daemon", "error"),
    ("uvicorn", {"fd": 3}, "hands over its own socket", "error"),
    ("gunicorn", {"app_dir": "a,b"}, "splits it at each ,", "error"),
    ("hypercorn", {"app_dir": "a:b"}, "splits it at each :", "error"),
    ("daphne", {"app_dir": "a:b"}, "splits it at each :", "error"),
    ("gunicorn-uvicorn", {}, "Legacy", "info"),
]


EVERYWHERE: list[tuple[Options, str, str]] = [
    ({"uds": "x" * 200}, "over 103 bytes", "error"),
    ({"uds": "a.sock", "port": 80}, "neither host nor port", "error"),
    ({"tls_cert": "c.pem"}, "a certificate needs its key", "error"),
    ({"tls_key": "k.pem"}, "a key needs its certificate", "error"),
    ({"host": "0.0.0.0"}, "every network", "warning"),
    ({"host": "::"}, "every network", "warning"),
    ({"host": "0::0"}, "every network", "warning"),
    ({"port": 80}, "Port 80 needs privileges", "warning"),
]
FOUND += [(server, *case) for case in EVERYWHERE for server in SERVERS]


@pytest.mark.parametrize(("server", "options", "says", "level"), FOUND)
def test_it_is_found_and_mended(server: str, options: Options, says: str, level: str) -> None:
    plan = plan_of(server, options)
    conflict = the_one(plan, ALL, says)
    assert_mended(plan, ALL, conflict, level)


def assert_mended(plan: LaunchPlan, facts: Facts, conflict: Conflict, level: str) -> None:
    assert conflict.level == level
    assert (conflict.problem is not None) == (level == "error")
    assert re.fullmatch(r"[A-Za-z0-9:].{15,}", conflict.text)
    assert conflict.text.endswith(".") or "The same without gunicorn: " in conflict.text
    assert conflict.mend is not None
    assert conflict.mend.label
    mended = conflict.mend.apply(plan)
    left = [other.text for other in find_conflicts(mended, facts)]
    assert conflict.text not in left
    # it brings up nothing that stops the start
    before = {problem.why for problem in get_server(plan.server).check(plan)}
    assert {problem.why for problem in get_server(mended.server).check(mended)} <= before


@pytest.mark.parametrize("server", ["uvicorn", "hypercorn", "granian", "gunicorn", "gunicorn-uvicorn"])
def test_both_reloads(server: str) -> None:
    """Each alone is fine; the mend leaves the console's."""
    plan = plan_of(server, {"reload": True}, reload=True)
    conflict = the_one(plan, ALL, "the console reloads by itself")
    assert_mended(plan, ALL, conflict, "error")
    assert conflict.mend is not None
    assert conflict.mend.apply(plan).reload
    assert get_server(server).check(replace(plan, reload=False)) == []
    assert get_server(server).check(plan_of(server, {}, reload=True)) == []


@pytest.mark.parametrize(
    ("server", "options", "says"),
    [
        ("uvicorn", {"http2": True, "http": "zttp"}, "http=zttp needs zttp"),
        ("uvicorn", {"ws": "wsproto"}, "ws=wsproto needs wsproto"),
        ("uvicorn", {"loop": "uvloop"}, "loop=uvloop needs uvloop"),
        ("hypercorn", {"worker_class": "trio"}, "needs trio"),
        ("hypercorn", {**TLS, "quic_bind": (":443",)}, "aioquic"),
        ("daphne", TLS, "HTTP/2 on daphne needs h2"),
        ("gunicorn", {**TLS, "http_protocols": "h2"}, "HTTP/2 on gunicorn needs h2"),
        ("granian", {"reload": True}, "needs watchfiles"),
    ],
)
def test_what_is_not_installed(server: str, options: Options, says: str) -> None:
    plan = plan_of(server, options)
    conflict = the_one(plan, NOTHING_INSTALLED, says)
    mended = conflict.mend.apply(plan) if conflict.mend else plan
    assert conflict.text not in [other.text for other in find_conflicts(mended, NOTHING_INSTALLED)]
    # where it is installed, or nothing is known of it, nothing is said
    names = ("zttp", "wsproto", "uvloop", "trio", "aioquic", "h2", "priority", "watchfiles")
    everything = dict.fromkeys(names, "1")
    for facts in (replace(ALL, installed=everything), ALL):
        assert not [other for other in find_conflicts(plan, facts) if says in other.text]


ARGUMENTS = {
    "uvicorn": "--reload --backlog 9 --fd=3",
    "hypercorn": "-b :80 --backlog 9 -D",
    "daphne": "--fd 3 --ping-interval 9",
    "granian": "--interface rsgi --backlog 256",
    "gunicorn": "-k sync --backlog 9 --daem",
    "gunicorn-uvicorn": "-w4 --backlog 9",
}


@pytest.mark.parametrize("server", SERVERS)
def test_arguments_that_the_console_owns(server: str) -> None:
    """The mend takes all of them out, with their values, and leaves the others."""
    plan = plan_of(server, {}, native=ARGUMENTS[server])
    errors = [conflict for conflict in find_conflicts(plan, ALL) if conflict.level == "error"]
    assert errors
    for conflict in errors:
        assert conflict.mend is not None
        mended = conflict.mend.apply(plan)
        assert get_server(server).check(mended) == []
        assert len(mended.native) == 2


def test_what_depends_on_the_machine() -> None:
    low, high = plan_of("uvicorn", {"port": 80}), plan_of("uvicorn", {"port": 1024})
    assert the_one(low, ALL, "needs privileges").mend == Mend("use port 8080", {"port": 8080})
    assert not [other for other in find_conflicts(high, ALL) if "privileges" in other.text]
    assert not [
        other for other in find_conflicts(low, replace(ALL, first_free_port=0)) if "privileges" in other.text
    ]
    assert find_conflicts(plan_of("uvicorn", {"port": 0}), ALL) == []


def test_the_longest_path_of_a_socket() -> None:
    """In bytes, not characters (unix(7))."""
    server = get_server("uvicorn")
    assert server.check(plan_of("uvicorn", {"uds": "x" * UDS_PATH_BYTES})) == []
    assert len(server.check(plan_of("uvicorn", {"uds": "x" * (UDS_PATH_BYTES + 1)}))) == 1
    assert len(server.check(plan_of("uvicorn", {"uds": "ü" * 52}))) == 1


def test_a_set_access_log_is_not_spoken_of() -> None:
    given: list[Options] = [{"access_log": False}, {"access_log": True}, {"access_logfile": "a.log"}]
    for options in given:
        plan = plan_of("hypercorn", options)
        assert not [other for other in find_conflicts(plan, ALL) if "access log" in other.text]
    outside = replace(ALL, sets_outside=frozenset({"access_log"}))
    assert not [c for c in find_conflicts(plan_of("granian", {}), outside) if "access log" in c.text]


@pytest.mark.parametrize("server", SERVERS)
def test_what_stops_the_start_comes_first(server: str) -> None:
    plan = plan_of(server, {"host": "0.0.0.0", "tls_key": "k.pem", "port": 80})
    levels = [conflict.level for conflict in find_conflicts(plan, ALL)]
    assert levels[0] == "error"
    assert levels == sorted(levels, key=["error", "warning", "info"].index)


@pytest.mark.parametrize("server", SERVERS)
def test_no_secret_is_told(server: str) -> None:
    plan = plan_of(
        server,
        {"tls_key_password": "hunter2"},
        native="--ssl-keyfile-password hunter2 --keyfile-password=hunter2",
    )
    assert all("hunter2" not in conflict.text for conflict in find_conflicts(plan, ALL))
    assert all("hunter2" not in str(problem) for problem in get_server(server).check(plan))


def test_a_mend_changes_nothing_else() -> None:
    plan = plan_of("uvicorn", {"port": 80, "workers": 2}, reload=True, native="--backlog 9")
    assert Mend("nothing").apply(plan) == plan
    mended = Mend("all", {"port": None, "host": "::1"}, server="granian", reload=False, native=()).apply(plan)
    assert (mended.server, mended.reload, mended.native) == ("granian", False, ())
    assert dict(mended.options) == {"workers": 2, "host": "::1"}
    assert (mended.target, mended.cwd) == (plan.target, plan.cwd)


def test_another_server_takes_over_what_it_also_has() -> None:
    options: Options = {"workers": 2, "backlog": 9, "keep_alive": 3, "spew": True}
    plan = plan_of("gunicorn-uvicorn", options, native="--x y")
    conflict = the_one(plan, ALL, "Legacy")
    assert "uvicorn --workers 2 --backlog 9 --timeout-keep-alive 3 main:app" in conflict.text
    assert conflict.mend is not None
    mended = conflict.mend.apply(plan)
    assert (mended.server, mended.native) == ("uvicorn", ())
    assert dict(mended.options) == {"workers": 2, "backlog": 9, "timeout_keep_alive": 3}
    assert get_server("uvicorn").check(mended) == []
