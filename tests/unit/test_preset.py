"""Plans as tables: what is written, and that nothing wrong is read."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from typing import Any

import pytest
import tomlkit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asgi_tui.domain.concepts import CONCEPTS
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.preset import KEYS, from_table, to_table
from asgi_tui.domain.reloading import SETTINGS, Reloading, read_item
from asgi_tui.domain.servers import SERVERS
from asgi_tui.domain.servers.base import Server
from asgi_tui.domain.target import Target
from asgi_tui.domain.text import sanitize
from asgi_tui.domain.values import NUMBERS, ON_OFF, Kind, Spec, Value

PLAN = LaunchPlan(Target.parse("main:app"), "uvicorn", "/srv/shop")
TABLE: dict[str, object] = {"target": "main:app", "server": "uvicorn"}


def read(**changes: object) -> LaunchPlan:
    return from_table("dev", TABLE | changes, "/srv/shop")


# -- what is written -----------------------------------------------------------------------------------


def test_an_empty_plan_is_its_target_and_server() -> None:
    assert to_table(PLAN) == ({"target": "main:app", "server": "uvicorn"}, ())


def test_every_key_is_written_and_read() -> None:
    plan = replace(
        PLAN,
        options={"port": 9000, "access_log": False, "log_level": "debug"},
        native=("--header", "X-A:b"),
        python=".venv/bin/python",
        env_files=(".env", ".env.local"),
        env={"DEBUG": "1", "EMPTY": ""},
        reload=False,
        watch=("templates",),
        reloading=Reloading(("*.html",), ("*.sqlite", "out/**"), False, ("numba",), True, 2.5, 90),
    )
    table, left_out = to_table(plan)
    assert left_out == ()
    assert table == {
        "target": "main:app",
        "server": "uvicorn",
        "python": ".venv/bin/python",
        "reload": False,
        "standby": False,
        "old_first": True,
        "grace": 2.5,
        "ready_timeout": 90,
        "native": ["--header", "X-A:b"],
        "env_files": [".env", ".env.local"],
        "watch": ["templates"],
        "include": ["*.html"],
        "exclude": ["*.sqlite", "out/**"],
        "standby_exclude": ["numba"],
        "options": {"port": 9000, "access_log": False, "log_level": "debug"},
        "env": {"DEBUG": "1", "EMPTY": ""},
    }
    assert table.keys() == set(KEYS)
    assert from_table("dev", table, "/srv/shop") == plan


@pytest.mark.parametrize(
    ("plan", "written"),
    [
        (replace(PLAN, target=Target("main", "create", factory=True)), {"target": "main:create()"}),
        (
            replace(PLAN, target=Target("main", "create", factory=True), options={"factory": True}),
            {"target": "main:create", "options": {"factory": True}},
        ),
        (
            replace(PLAN, target=Target("main", factory=True)),
            {"target": "main", "options": {"factory": True}},
        ),
    ],
)
def test_a_factory_stays_one(plan: LaunchPlan, written: dict[str, object]) -> None:
    table, _ = to_table(plan)
    assert table == {"server": "uvicorn"} | written
    assert from_table("dev", table, plan.cwd).target == plan.target


def test_secrets_are_not_written_but_named() -> None:
    plan = replace(
        PLAN,
        options={
            "port": 9000,
            "tls_key_password": "hunter2",
            "header": ("Server:x", "Authorization:Bearer hunter2"),
            "root_path": "/x?token=hunter2",
            "only_the_installed_version_knows": "hunter2",
        },
        env={"SECRET_KEY": "hunter2", "DATABASE_URL": "postgres://shop:hunter2@db/shop", "MODE": "dev"},
        native=(
            *("--ssl-keyfile-password", "hunter2", "--ssl-keyfile-password=hunter2", "--backlog", "5"),
            *("--header", "X-Token: hunter2", "--header=Cookie:hunter2", "--api-key=hunter2"),
        ),
    )
    table, left_out = to_table(plan)
    assert "hunter2" not in json.dumps(table)
    assert left_out == (
        *("tls_key_password", "header", "root_path", "only_the_installed_version_knows"),
        *("SECRET_KEY", "DATABASE_URL"),
        *("--ssl-keyfile-password", "--ssl-keyfile-password", "--header", "--header", "--api-key"),
    )
    assert from_table("dev", table, PLAN.cwd) == replace(
        PLAN,
        options={"port": 9000, "header": ("Server:x",)},
        env={"MODE": "dev"},
        native=("--backlog", "5"),
    )


def test_no_server_has_a_secret_option_that_is_written() -> None:
    for server in SERVERS.values():
        options: dict[str, Value] = {option.key: "hunter2" for option in server.overlay if option.secret}
        native = tuple(
            word for option in server.overlay if option.secret for word in (option.flag, "hunter2")
        )
        table, left_out = to_table(LaunchPlan(PLAN.target, server.name, "/", options=options, native=native))
        assert table == {"target": "main:app", "server": server.name}
        assert len(left_out) == len(options) + len(native) / 2


# -- what is read --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"colour": 1}, "Preset dev, colour: there is no such key; use target, server, options,"),
        ({"target": 3}, "Preset dev, target: it is a number; write a text in quotes."),
        ({"target": "main:"}, "Preset dev, target: 'main:': nothing follows the colon"),
        ({"target": "a b"}, "'a b' is no module name"),
        ({"server": "apache"}, "Preset dev, server: there is none named 'apache'; use uvicorn, hypercorn"),
        ({"server": True}, "it is true or false; write a text in quotes"),
        ({"options": []}, "Preset dev, options: it is a list; write a table."),
        ({"options": {"colour": 1}}, "Preset dev, options.colour: uvicorn has no option of that name"),
        ({"options": {"port": "9000"}}, "Preset dev, options.port: it is text; write a number."),
        ({"options": {"port": True}}, "options.port: it is true or false; write a number"),
        (
            {"options": {"port": 70000}},
            "options.port: 70000 is too large; use a whole number from 0 to 65535",
        ),
        ({"options": {"port": 80.5}}, "options.port: '80.5' is not a whole number"),
        ({"options": {"port": float("nan")}}, "options.port: nan is out of any range"),
        ({"options": {"port": 1e300}}, "options.port: 1e+300 is out of any range"),
        ({"options": {"port": 10**400}}, "options.port: '1000"),
        ({"options": {"access_log": 1}}, "options.access_log: it is a number; write true or false"),
        ({"options": {"log_level": "loud"}}, "options.log_level: 'loud' is not one of its choices; use"),
        ({"options": {"host": ["a"]}}, "options.host: it is a list; write a text in quotes"),
        ({"options": {"host": "a b"}}, "options.host: 'a b' is no address"),
        ({"options": {"header": "A:b"}}, "options.header: it is text; write a list of texts"),
        ({"options": {"header": ["A:b", 3]}}, "options.header: it is a list; write a list of texts"),
        ({"options": {"header": []}}, "options.header: the list is empty"),
        ({"options": {"header": ["nothing"]}}, "options.header: the value is no header"),
        ({"options": {"graceful_timeout": "soon"}}, "options.graceful_timeout: 'soon' is no duration"),
        ({"options": {"graceful_timeout": False}}, 'write it like "1m30s"'),
        ({"options": {"uds": "/tmp/\x1b[2J"}}, "options.uds: the value holds a control character"),
        ({"native": "--backlog 5"}, "Preset dev, native: it is text; write a list of texts."),
        ({"native": ["a\0b"]}, "native: the text holds a NUL"),
        ({"python": ""}, "python: the text is empty"),
        ({"env": {"A": 1}}, "env.A: it is a number; write a text in quotes"),
        ({"env": {"A-B": "1"}}, "env.A-B: a name has letters, digits and underscores"),
        ({"env": {"A": "a\0"}}, "env.A: the text holds a NUL"),
        ({"env_files": {}}, "env_files: it is a table; write a list of texts"),
        ({"reload": "no"}, "reload: it is text; write true or false"),
        ({"watch": [[]]}, "watch: it is a list; write a text in quotes"),
        ({"include": "*.html"}, "Preset dev, include: it is text; write a list of texts."),
        ({"include": [""]}, "Preset dev, include: the text is empty; mend it."),
        ({"include": [" "]}, "Preset dev, include: the value is empty;"),
        ({"exclude": ["a\0"]}, "Preset dev, exclude: the text holds a NUL; mend it."),
        ({"exclude": ["\x1b[2J"]}, "Preset dev, exclude: the value holds a control character; take it out."),
        ({"standby": 1}, "Preset dev, standby: it is a number; write true or false."),
        ({"standby": "off"}, "Preset dev, standby: it is text; write true or false."),
        ({"old_first": []}, "Preset dev, old_first: it is a list; write true or false."),
        (
            {"standby_exclude": ["a-b"]},
            "Preset dev, standby_exclude: 'a-b' is no module name; write it as in",
        ),
        ({"standby_exclude": [1]}, "Preset dev, standby_exclude: it is a number; write a text in quotes."),
        ({"grace": -1}, "Preset dev, grace: -1 is too small; use a number from 0 to 3600 s."),
        ({"grace": 3600.5}, "Preset dev, grace: 3600.5 is too large; use a number from 0 to 3600 s."),
        ({"grace": True}, 'Preset dev, grace: it is true or false; write it like "1m30s".'),
        ({"grace": float("inf")}, "Preset dev, grace: inf is out of any range"),
        ({"grace": "soon"}, "Preset dev, grace: 'soon' is no duration"),
        (
            {"ready_timeout": 0.5},
            "Preset dev, ready_timeout: 0.5 is too small; use a number from 1 to 3600 s.",
        ),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(Problem) as caught:
        read(**changes)
    shown = str(caught.value)
    assert sentence in shown
    assert sanitize(shown) == shown
    assert len(shown) < 500


@pytest.mark.parametrize("key", ["target", "server"])
def test_target_and_server_are_needed(key: str) -> None:
    with pytest.raises(Problem, match=f"Preset dev, {key}: it is missing"):
        from_table("dev", {name: value for name, value in TABLE.items() if name != key}, "/")


def test_a_date_is_none_of_the_types() -> None:
    with pytest.raises(Problem, match="it is a date or time"):
        read(**tomllib.loads("watch = 2026-01-01"))


def test_units_are_read_as_people_write_them() -> None:
    assert read(options={"graceful_timeout": "1m30s"}).options == {"graceful_timeout": 90}
    assert read(ready_timeout="1m30s", grace="500ms").reloading == Reloading(ready_timeout=90, grace=0.5)
    table = {"target": "main:app", "server": "gunicorn", "options": {"umask": "0o27"}}
    plan = from_table("dev", table, "/")
    assert plan.options == {"umask": 0o27}
    assert to_table(plan)[0] == table
    with pytest.raises(Problem, match=r"options\.umask: it is a number; write it like"):
        from_table("dev", table | {"options": {"umask": 27}}, "/")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150)
@given(st.sampled_from(KEYS), JSON)
def test_whatever_is_read_gives_a_plan_or_a_problem(key: str, value: object) -> None:
    try:
        plan = read(**{key: value})
    except Problem as caught:
        sentence = str(caught)
        assert sanitize(sentence) == sentence
    else:
        assert isinstance(plan, LaunchPlan)


# -- there and back ------------------------------------------------------------------------------------

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)
NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,8}", fullmatch=True)
TEXTS: dict[Kind, st.SearchStrategy[str]] = {
    Kind.HOST: st.sampled_from(["127.0.0.1", "::1", "fe80::1%eth0", "example.org"]),
    Kind.HEADER: NAMES.map(lambda name: f"X-{name}:a b"),
    Kind.REGEX: st.sampled_from([r"a+", r"^/x\d\"$"]),
    Kind.OCTAL: st.integers(0, 0o777).map(lambda value: f"0o{value:o}"),
    Kind.FLOAT: st.decimals(0, 50, places=3).map(str),
}


def one_value(spec: Spec) -> st.SearchStrategy[Value]:
    if spec.kind in ON_OFF:
        return st.booleans()
    if spec.kind is Kind.CHOICE and spec.choices:
        texts: st.SearchStrategy[str] = st.sampled_from(spec.choices)
    elif spec.kind in TEXTS:
        texts = TEXTS[spec.kind]
    elif spec.kind in NUMBERS:
        low = int(spec.minimum or 0)
        texts = st.integers(low, int(spec.maximum if spec.maximum is not None else low + 10**6)).map(str)
    else:
        texts = WORDS.map(lambda text: f"/{text}")
    if spec.multiple:
        texts = st.lists(texts, min_size=1, max_size=3).map("\n".join)

    def value(text: str) -> Value | None:
        try:
            return spec.read(text)
        except Problem:
            return None

    return texts.map(value).filter(lambda found: found is not None)  # type: ignore[return-value] # no None is left


def items(name: str, texts: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, ...]]:
    def item(text: str) -> str:
        try:
            return str(read_item(name, text))
        except Problem:
            return ""

    return st.lists(texts.map(item).filter(bool), max_size=2).map(tuple)


def seconds(name: str) -> st.SearchStrategy[float]:
    spec = SETTINGS[name]
    assert spec.minimum is not None
    assert spec.maximum is not None
    return st.decimals(int(spec.minimum), int(spec.maximum), places=3).map(float)


RELOADINGS = st.builds(
    Reloading,
    include=items("include", WORDS),
    exclude=items("exclude", WORDS),
    standby=st.booleans(),
    standby_exclude=items("standby_exclude", NAMES),
    old_first=st.booleans(),
    grace=seconds("grace"),
    ready_timeout=seconds("ready_timeout"),
)


@st.composite
def plans(draw: st.DrawFn) -> LaunchPlan:
    server: Server = draw(st.sampled_from(list(SERVERS.values())))
    specs = {key: server.spec(key) for key in [*CONCEPTS, *(option.key for option in server.overlay)]}
    options: dict[str, Value] = {}
    for key in draw(st.lists(st.sampled_from(sorted(specs)), max_size=6, unique=True)):
        spec = specs[key]
        if spec is not None and not spec.secret:
            options[key] = draw(one_value(spec))
    factory = bool(options.get("factory")) or draw(st.booleans())
    if factory and options.get("factory") is False:
        del options["factory"]
    paths = st.lists(WORDS, max_size=2).map(tuple)
    return LaunchPlan(
        Target("shop.main", draw(st.sampled_from(["app", "api.app"])), factory=factory),
        server.name,
        "/srv/shop",
        options=options,
        native=draw(paths),
        python=draw(st.none() | WORDS),
        env_files=draw(paths),
        env=draw(st.dictionaries(NAMES, st.text(st.characters(codec="utf-8", exclude_characters="\0")))),
        reload=draw(st.booleans()),
        watch=draw(paths),
        reloading=draw(RELOADINGS),
    )


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(plans())
def test_a_plan_without_secrets_comes_back_through_toml_and_json(plan: LaunchPlan) -> None:
    table, left_out = to_table(plan)
    if left_out:  # a made-up name may be one of a secret
        return
    for written in (tomllib.loads(tomlkit.dumps(table)), json.loads(json.dumps(table))):
        loaded: dict[str, Any] = written  # Any: as the parsers give it
        assert from_table("dev", loaded, plan.cwd) == plan
