"""No secret is in what is shown: commands, arguments, values, sentences."""

from __future__ import annotations

import pytest

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.options import Described, join
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.preset import to_table
from asgi_tui.domain.servers import SERVERS, get_server
from asgi_tui.domain.settings import read_settings
from asgi_tui.domain.target import Target
from asgi_tui.domain.text import MASK, is_secret_name, mask_arguments
from asgi_tui.domain.values import Kind, Value


def plan_of(server: str, options: dict[str, Value], *native: str) -> LaunchPlan:
    return LaunchPlan(Target("app", "app"), server, "/", native=native).with_options(options)


@pytest.mark.parametrize(
    "words",
    [
        ["--password", "hunter2"],
        ["--password=hunter2"],
        ["--password", "-hunter2"],
        ["--keyfile-password", "-hunter2"],
        ["--env", "DB_PASSWORD=hunter2"],
        ["--env=DB_PASSWORD=hunter2"],
        ["-e", "PGPASSWORD=hunter2"],
        ["-eTOKEN=hunter2"],
        ["-eAPI_KEY=hunter2"],
        ["--header", "Authorization: Bearer hunter2"],
        ["--statsd", "redis://user:hunter2@host/0"],
    ],
)
def test_an_argument_with_a_secret_is_masked_and_not_saved(words: list[str]) -> None:
    shown = mask_arguments(["--backlog", "5", *words, "--port", "1"])
    assert "hunter2" not in " ".join(shown)
    assert [shown[0], shown[1], *shown[-2:]] == ["--backlog", "5", "--port", "1"]
    table, left_out = to_table(plan_of("gunicorn", {}, *words, "--port", "1"))
    assert "hunter2" not in str(table) + str(left_out)
    assert left_out
    assert "--port" in str(table)


def test_what_is_no_secret_is_shown_as_it_is() -> None:
    words = [
        "-w",
        "4",
        "-w4",
        "--bind",
        "[::1]:80",
        "-e",
        "A=b",
        "-D",
        "--header",
        "X-Frame-Options: DENY",
        "a:b",
    ]
    assert mask_arguments(words) == words


def test_a_command_has_no_secret_in_it() -> None:
    for server, options in (
        ("uvicorn", {"header": ("Authorization: Bearer hunter2", "X-A: b")}),
        ("gunicorn", {"env": ("DB_PASSWORD=hunter2", "A=b")}),
    ):
        plan = plan_of(server, dict(options), "--header", "Cookie: hunter2", "-eTOKEN=hunter2")
        adapter = get_server(server)
        assert "hunter2" not in str(adapter.command(plan))
        assert "hunter2" not in str(adapter.marked_command(plan))
        # but what runs has it
        assert "hunter2" in str(adapter.run_arguments(plan, None, ()))


def test_every_secret_option_is_known_by_its_flag() -> None:
    for server in SERVERS:
        for option in get_server(server).overlay:
            for flag in (*option.flags, *option.off):
                assert is_secret_name(flag) == option.secret, flag


def test_an_unknown_option_with_a_secrets_name_is_one_if_it_takes_a_value() -> None:
    described = [Described(("--api-token",)), Described(("--require-token",), takes="flag", type="bool")]
    kinds = {option.name: option.kind for option in join("uvicorn", (), described, "9").options}
    assert kinds == {"api_token": Kind.SECRET, "require_token": Kind.FLAG}


def test_what_a_server_inherits_is_told_without_secrets() -> None:
    environ = {
        "UVICORN_HEADERS": "X-A:b Authorization:hunter2",
        "UVICORN_SSL_KEYFILE_PASSWORD": "hunter2",
        "UVICORN_BACKLOG": "5",
    }
    _, told = get_server("uvicorn").environment(environ)
    assert "hunter2" not in str(told)
    assert "X-A:b" in str(told)
    assert "UVICORN_BACKLOG=5 is inherited" in told
    for arguments in ("--env DB_PASSWORD=hunter2 --backlog 5", "--env DB_PASSWORD=hunter2 --backlog '5"):
        kept, told = get_server("gunicorn").environment({"GUNICORN_CMD_ARGS": arguments})
        assert "hunter2" not in str(told)
        assert "backlog" in str(told)
    assert kept == {}


@pytest.mark.parametrize(
    "setting", ["tls_key_password:hunter2", "header=Authorization hunter2", "tls_key_password="]
)
def test_a_sentence_on_a_setting_has_no_secret(setting: str) -> None:
    with pytest.raises(Problem) as caught:
        read_settings(get_server("uvicorn"), [setting])
    assert "hunter2" not in str(caught.value)
    assert setting[:6] in str(caught.value)


def test_a_value_is_masked_item_by_item() -> None:
    header = get_server("uvicorn").own("header")
    assert header is not None
    assert header.masked(("Cookie: a", "X-A: b")) == (f"Cookie: {MASK}", "X-A: b")
    assert header.show(("Cookie: a", "X-A: b")) == f"Cookie: {MASK}, X-A: b"
