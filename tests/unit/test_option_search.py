"""Finding an option by any of its names."""

from __future__ import annotations

import pytest

from asgi_tui.domain.option_search import SearchIndex, equivalents
from asgi_tui.domain.options import Option, OptionTable, option
from asgi_tui.domain.values import Kind

GRANIAN = OptionTable(
    "granian",
    (
        option("port", Kind.PORT, "Address", "TCP port to listen on.", concept="port", env="GRANIAN_PORT"),
        option("host", Kind.HOST, "Address", "Where requests come in.", concept="host"),
        option(
            "access_log",
            Kind.SWITCH,
            "Logs",
            "One line for each request.",
            off=("--no-access-log",),
            flags=("--access-log",),
            concept="access_log",
        ),
        option("access_log_fmt", Kind.TEXT, "Logs", "Pattern of a line.", topic="access_log_format"),
        option("log_level", Kind.CHOICE, "Logs", "Least severe message.", flags=("--log-level", "-l")),
        option("http1_keep_alive", Kind.SWITCH, "HTTP", "Keep idle connections.", topic="keep_alive"),
        option("backlog", Kind.INTEGER, "Processes", "Waiting connections.", topic="backlog"),
        option("ssl_ca", Kind.PATH, "TLS", "Certificates of clients.", setting="ca_file"),
    ),
)
GUNICORN = OptionTable(
    "gunicorn",
    (
        option("access_logfile", Kind.PATH, "Logs", "File.", concept="access_log", wide=True),
        option("access_logformat", Kind.TEXT, "Logs", "Format.", topic="access_log_format"),
        option("keep_alive", Kind.INTEGER, "HTTP", "Seconds.", topic="keep_alive"),
        option("chdir", Kind.PATH, "App", "Directory."),
    ),
)
HYPERCORN = OptionTable("hypercorn", (option("keep_alive", Kind.DURATION, "HTTP", "x", topic="keep_alive"),))
INDEX = SearchIndex(GRANIAN, (GUNICORN, HYPERCORN, GRANIAN))


def found(query: str) -> list[str]:
    return [hit.option.name for hit in INDEX.search(query)]


def named(table: OptionTable, name: str) -> Option:
    item = table.named(name)
    assert item is not None
    return item


def test_nothing_typed_finds_everything_by_group() -> None:
    groups = [option.name for _, options in GRANIAN.groups() for option in options]
    assert found("") == found("  ") == found("--") == groups


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("--port", "port"),
        ("PORT", "port"),
        ("-l", "log_level"),
        ("--no-access-log", "access_log"),
        ("access_log", "access_log"),
        ("Access-Log", "access_log"),
        ("GRANIAN_PORT", "port"),
        ("ca_file", "ssl_ca"),
        ("level log", "log_level"),
        ("certificates", "ssl_ca"),
    ],
)
def test_an_option_is_found_by_each_of_its_names(query: str, first: str) -> None:
    assert found(query)[0] == first


@pytest.mark.parametrize("query", ["--access-logfile", "access-logfile", "Access_LogFile"])
def test_another_servers_name_leads_to_the_same_thing(query: str) -> None:
    (hit,) = INDEX.search(query)
    assert hit.option.name == "access_log"
    assert hit.why == "gunicorn calls it --access-logfile"


def test_the_best_comes_first() -> None:
    # the name itself, a name that begins so, a name that has it inside
    assert found("access-log") == ["access_log", "access_log_fmt"]
    assert found("log") == ["log_level", "access_log", "access_log_fmt", "backlog"]
    # a name before another server's name, before the help
    assert found("keep") == ["http1_keep_alive"]
    assert found("host") == ["host"]
    # `chdir` has no counterpart here
    assert found("chdir") == []


def test_an_own_name_needs_no_reason() -> None:
    assert [hit.why for hit in INDEX.search("access-log")] == ["", ""]
    assert INDEX.search("processes")[0].why == "in the group Processes"
    assert INDEX.search("granian_port")[0].why == "the variable GRANIAN_PORT sets it"
    assert INDEX.search("ca_file")[0].why == "ca_file in the configuration file"


def test_every_word_is_needed() -> None:
    assert found("log pattern") == ["access_log_fmt"]
    assert found("log nonsense") == []


def test_help_is_found_by_the_beginning_of_a_word() -> None:
    assert found("sever") == ["log_level"]
    assert found("evere") == []


def test_equivalents_go_by_concept_and_by_topic() -> None:
    others = (GUNICORN, HYPERCORN)
    assert [
        (server, item.name) for server, item in equivalents(named(GRANIAN, "http1_keep_alive"), others)
    ] == [
        ("gunicorn", "keep_alive"),
        ("hypercorn", "keep_alive"),
    ]
    assert [item.name for _, item in equivalents(named(GRANIAN, "access_log"), others)] == ["access_logfile"]
    assert equivalents(named(GRANIAN, "ssl_ca"), others) == []  # two empty concepts are not the same thing
