"""The launch form's texts and what they amount to."""

import pytest

from asgi_tui.domain.concepts import CONCEPTS
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.mapping import map_plan
from asgi_tui.domain.servers import SERVERS
from asgi_tui.domain.values import Value
from asgi_tui.frontends.console.draft import Draft, default_text, notes
from tests.console.fake import plan


def draft(server: str = "uvicorn", target: str = "main:app", **values: str) -> Draft:
    return Draft(plan(server), server, target, dict(values))


def test_a_plan_survives_the_form() -> None:
    given = plan("granian", port=9000, access_log=True, http="2")
    assert Draft.of(given).read().plan == given


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
