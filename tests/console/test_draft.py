"""The launch form's texts and what they amount to."""

from dataclasses import replace

import pytest

from asgi_tui.domain.command_line import parse_command
from asgi_tui.domain.concepts import CONCEPTS
from asgi_tui.domain.conflicts import Mend
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.mapping import map_plan
from asgi_tui.domain.reloading import Reloading
from asgi_tui.domain.servers import SERVERS
from asgi_tui.domain.values import Value
from asgi_tui.frontends.console.draft import Draft, default_text, mended, notes, pasted
from tests.console.fake import plan


def draft(server: str = "uvicorn", target: str = "main:app", **values: str) -> Draft:
    return Draft(plan(server), server, target, dict(values))


def test_a_plan_survives_the_form() -> None:
    given = plan("granian", port=9000, access_log=True, http="2")
    assert Draft.of(given).read().plan == given


def test_how_a_change_is_carried_out_survives_the_form() -> None:
    settings = Reloading(("a b/*", "*.html"), ("*.log",), False, ("numba",), True, 0.0, 90.0)
    given = replace(plan(), reloading=settings)
    form = Draft.of(given)
    assert form.read().plan == given
    for name, text in {"exclude": "", "standby": "on", "grace": " ", "ready_timeout": "2m"}.items():
        form.put(name, text)
    read = form.read().plan
    assert read is not None
    changed = replace(settings, exclude=(), standby=True, grace=5.0, ready_timeout=120.0)
    assert read.reloading == changed
    form.put("grace", "4000")
    form.put("standby_exclude", "a-b")
    reading = form.read()
    assert reading.plan is None
    assert "too large" in reading.problems["grace"]
    assert "no module name" in reading.problems["standby_exclude"]
    assert reading.shown is not None
    assert reading.shown.reloading == replace(changed, standby_exclude=())


def test_a_pasted_command_changes_nothing_of_how_a_change_is_carried_out() -> None:
    base = replace(plan(), reload=False, reloading=Reloading(grace=1.0), python="v")
    form, _ = pasted(parse_command("hypercorn -b :90 shop:app"), base)
    read = form.read().plan
    assert read is not None
    assert (read.server, read.port, read.reload) == ("hypercorn", 90, True)
    assert (read.reloading, read.python) == (base.reloading, "v")


def test_empty_fields_leave_the_server_its_defaults() -> None:
    reading = draft(port="", workers=" ").read()
    assert reading.plan is not None
    assert dict(reading.plan.options) == {}
    assert reading.command == "uvicorn main:app"


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("port", "99999", "large"),
        ("port", "x", "whole number"),
        ("host", "a b", "host name"),
        ("root_path", "api", "/"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(name: str, text: str, word: str) -> None:
    reading = draft(**{name: text}).read()
    assert word in reading.problems[name]
    assert reading.plan is None
    assert reading.command == "uvicorn main:app"


def test_a_bad_target_is_told_and_has_no_command() -> None:
    reading = draft(target="main:").read()
    assert "colon" in reading.problems["target"]
    assert reading.command == ""


def test_rules_of_the_whole_plan_are_told() -> None:
    assert "key" in draft(tls_cert="cert.pem").read().blocker


def test_what_the_server_lacks_is_kept_but_not_used() -> None:
    form = draft("daphne", workers="4")
    assert "one process" in form.lacks("workers")
    assert form.read().command == "daphne main:app"
    form.server = "granian"
    assert "--workers 4" in form.read().command


def test_a_factory_is_never_left_out_silently() -> None:
    form = draft("daphne", factory="on")
    assert form.lacks("factory") == ""
    assert "factory" in form.read().problems["factory"]


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("concept", CONCEPTS)
def test_the_form_refuses_to_leave_out_what_a_switch_refuses_to(server: str, concept: str) -> None:
    text = {"factory": "on", "workers": "4", "uds": "/tmp/s"}.get(concept, "x")
    if SERVERS[server].supports(concept):
        return
    value: Value = text == "on" or text
    try:
        map_plan(plan("uvicorn").with_options({concept: value}), server)
    except Problem:
        refused = True
    else:
        refused = False
    form = draft(server, **{concept: text})
    assert (concept in form.read().problems) is refused
    assert bool(form.lacks(concept)) is not refused
    assert refused is (concept == "factory" or concept.startswith("tls_"))


def test_native_arguments_stay_with_their_server() -> None:
    given = Draft.of(plan("uvicorn"))
    given.base = type(given.base)(
        given.base.target, "uvicorn", given.base.cwd, native=("--no-server-header",)
    )
    assert "--no-server-header" in given.read().command
    given.server = "granian"
    assert "--no-server-header" not in given.read().command


def test_a_secret_never_shows() -> None:
    command = draft(tls_cert="c", tls_key="k", tls_key_password="hunter2").read().command
    assert "hunter2" not in command


def test_defaults_are_told() -> None:
    assert default_text(SERVERS["uvicorn"], "port") == "default 8000"
    assert default_text(SERVERS["gunicorn"], "graceful_timeout") == "default 30 s"
    assert default_text(SERVERS["uvicorn"], "uds") == "none"


def test_notes_tell_the_legacy_server_and_a_native_bind() -> None:
    said = [conflict.text for conflict in Draft.of(plan("gunicorn-uvicorn")).read().conflicts]
    assert any("uvicorn main:app" in text for text in said)
    assert "IPv6" in notes(plan("daphne", host="::1"))[0]
    assert notes(plan("uvicorn")) == []


def test_nothing_is_lost_on_the_way_along_the_list_of_servers() -> None:
    form = draft("uvicorn", backlog="200", reset_contextvars="on")
    assert form.pick("hypercorn") != []
    assert any("left behind" in text for text in form.pick("daphne"))  # daphne has no backlog
    said = form.pick("granian")
    assert "--backlog becomes --backlog." in said
    assert any(text.startswith("reset_contextvars is left behind") for text in said)
    assert form.values == {"backlog": "200"}
    assert form.pick("uvicorn") == []
    assert form.values == {"backlog": "200", "reset_contextvars": "on"}


def test_what_was_cleared_does_not_come_back_with_a_server_that_it_was_carried_to() -> None:
    form = draft("uvicorn", backlog="200")
    form.pick("granian")
    assert form.values == {"backlog": "200"}
    form.pick("uvicorn")
    form.values["backlog"] = ""
    form.pick("granian")
    assert form.values == {}
    form.values["backlog"] = "300"  # typed for granian, it is granian's
    form.pick("uvicorn")
    assert form.values == {"backlog": "300"}


def test_choices_are_those_of_the_installed_version() -> None:
    form = draft("uvicorn", http="zttp")
    table = SERVERS["uvicorn"].table
    older = [
        replace(item, choices=("auto", "h11", "httptools")) if item.name == "http" else item
        for item in table.options
    ]
    assert "zttp" in form.choices("http")
    assert form.read().problems == {}
    form.table = replace(table, options=tuple(older), version="0.30.0")
    assert form.choices("http") == ("auto", "h11", "httptools")
    assert "zttp" in form.read().problems["http"]
    form.table = replace(form.table, version=None)  # only what it is known for
    assert "zttp" in form.choices("http")


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("concept", CONCEPTS)
def test_choices_of_the_newest_version_are_all_there(server: str, concept: str) -> None:
    form = draft(server)
    form.table = replace(SERVERS[server].table, version="1")
    assert form.choices(concept) == SERVERS[server].choices(concept)


def test_a_mend_that_picks_another_server_says_what_becomes_of_the_options() -> None:
    form = draft("gunicorn-uvicorn", keep_alive="7")
    assert mended(form, Mend("uvicorn", server="uvicorn")) == ["--keep-alive becomes --timeout-keep-alive."]
    assert form.server == "uvicorn"
