"""Lines of output as they are written, read for level, logger, process, request and text."""

from __future__ import annotations

import json
import logging
import re
import time
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_tui.domain.log_entry import LEVELS, Origin
from asgi_tui.domain.log_fields import MAX_LINE, MAX_REQUEST
from asgi_tui.domain.log_formats import MAX_HEADS, MAX_ORIGINS, LineReader, Read
from asgi_tui.domain.log_pattern import MAX_LOGGER, log_pattern
from asgi_tui.domain.servers import SERVERS, get_server
from asgi_tui.domain.text import sanitize

STAMP = "2026-11-21 20:59:04,837"


def read(text: str, server: str = "uvicorn") -> Read:
    return LineReader(get_server(server).log_format).read("stderr", text)


def told(text: str, server: str = "uvicorn") -> tuple[str, str, int | None, str]:
    """Level, logger, process and text."""
    origin, rest, _ = read(text, server)
    return origin.level, origin.logger, origin.pid, rest


# As the installed servers write them.
OWN = [
    ("uvicorn", "INFO:     Waiting.", ("info", "", None, "Waiting.")),
    ("uvicorn", "TRACE:    ASGI [1] Completed", ("trace", "", None, "ASGI [1] Completed")),
    ("uvicorn", "CRITICAL: bad", ("critical", "", None, "bad")),
    (
        "uvicorn",
        'INFO:     127.0.0.1:49256 - "GET / HTTP/1.1" 200 OK',
        ("info", "", None, '127.0.0.1:49256 - "GET / HTTP/1.1" 200 OK'),
    ),
    ("hypercorn", "[2026-11-21 20:59:02 +0000] [4123] [WARNING] slow", ("warning", "", 4123, "slow")),
    (
        "hypercorn",
        '[2026-11-21 20:59:02 +0000] [4123] [INFO] 127.0.0.1:33628 - - [21/Nov/2026:20:59:02] "GET / 1.1" 5',
        ("info", "", 4123, '127.0.0.1:33628 - - [21/Nov/2026:20:59:02] "GET / 1.1" 5'),
    ),
    ("daphne", f"{STAMP} ERROR    Exception: no: such", ("error", "", None, "Exception: no: such")),
    ("daphne", f"{STAMP} WARNING  shop: closed", ("warning", "", None, "shop: closed")),
    (
        "daphne",
        '127.0.0.1:43954 - - [21/Nov/2026:20:59:03] "GET /?a=1" 200 2',
        ("info", "", None, '127.0.0.1:43954 - - [21/Nov/2026:20:59:03] "GET /?a=1" 200 2'),
    ),
    (
        "daphne",
        'None - - [21/Nov/2026:20:59:03] "WSCONNECT /ws" - -',
        ("info", "", None, 'None - - [21/Nov/2026:20:59:03] "WSCONNECT /ws" - -'),
    ),
    ("granian", "[INFO] Started worker-1", ("info", "", None, "Started worker-1")),
    (
        "granian",
        '[2026-11-21 20:59:03 +0000] 127.0.0.1 - "GET / HTTP/1.1" 500 0.583',
        ("info", "", None, '127.0.0.1 - "GET / HTTP/1.1" 500 0.583'),
    ),
    ("gunicorn", "[2026-11-21 20:59:02 +0000] [7] [CRITICAL] bad", ("critical", "", 7, "bad")),
    (
        "gunicorn",
        '127.0.0.1 - - [21/Nov/2026:20:59:03 +0000] "GET / HTTP/1.1" 404 2 "-" "curl/7"',
        ("info", "", None, '127.0.0.1 - - [21/Nov/2026:20:59:03 +0000] "GET / HTTP/1.1" 404 2 "-" "curl/7"'),
    ),
    (
        "gunicorn-uvicorn",
        '::1:39868 - "GET / HTTP/1.1" 200',
        ("info", "", None, '::1:39868 - "GET / HTTP/1.1" 200'),
    ),
]


@pytest.mark.parametrize(("server", "text", "expected"), OWN)
def test_what_servers_write(server: str, text: str, expected: tuple[str, str, int | None, str]) -> None:
    """Each is read by its own server's reader, and alike by every other's."""
    assert told(text, server) == expected
    if server != "daphne":
        assert all(told(text, other) == expected for other in SERVERS)


# What an app's handlers write, whatever its server is.
FORMATS = [
    ("INFO:shop.orders:stored", ("info", "shop.orders", "stored")),
    ("ERROR:root:a: b", ("error", "root", "a: b")),
    (f"{STAMP} - shop.orders - INFO - stored", ("info", "shop.orders", "stored")),
    (f"{STAMP} INFO shop.orders: stored", ("info", "shop.orders", "stored")),
    (f"{STAMP} INFO httpx: stored", ("info", "httpx", "stored")),
    (f"{STAMP} ERROR KeyError: 'x'", ("error", "", "KeyError: 'x'")),
    (f"{STAMP} [INFO] shop.orders: stored", ("info", "shop.orders", "stored")),
    (f"{STAMP} [WARNING ] [shop.orders] stored", ("warning", "shop.orders", "stored")),
    (f"[{STAMP}] INFO in views: stored", ("info", "views", "stored")),
    (f"{STAMP} INFO:     stored", ("info", "", "stored")),
    (f"{STAMP} - INFO - stored", ("info", "", "stored")),
    (f"{STAMP} | INFO     | stored", ("info", "", "stored")),
    (f"{STAMP} shop.orders INFO stored", ("info", "shop.orders", "stored")),
    (f"{STAMP} shop [ERROR] stored", ("error", "shop", "stored")),
    (f"[{STAMP}] [shop.orders] [INFO] stored", ("info", "shop.orders", "stored")),
    ("20:59:04 WARN stored", ("warning", "", "stored")),
    ("2026-11-21T20:59:04.837Z FATAL stored", ("critical", "", "stored")),
    ("INFO - shop.orders - stored", ("info", "shop.orders", "stored")),
    ("WARNING  stored", ("warning", "", "stored")),
    ("[ERROR] shop.orders: stored", ("error", "shop.orders", "stored")),
    # Django's verbose one, loguru, structlog and rich
    (f"INFO {STAMP} views 17 140115 stored", ("info", "views", "140115 stored")),
    ("2026-11-21 20:59:04.837 | SUCCESS  | shop.orders:add:15 - hi", ("info", "shop.orders", "add:15 - hi")),
    (
        "2026-11-21 20:59:04.837 | INFO     | __main__:<module>:5 - hi",
        ("info", "__main__", "<module>:5 - hi"),
    ),
    ("2026-11-21 20:59:04 [info     ] stored     order=17", ("info", "", "stored     order=17")),
    (
        "2026-11-21T20:59:04.32Z [warning  ] stored     [shop.orders] order=17",
        ("warning", "shop.orders", "stored     [shop.orders] order=17"),
    ),
    ("[critical ] stored", ("critical", "", "stored")),
    ("[11/21/26 21:14:44] INFO     one      rt.py:6", ("info", "", "one      rt.py:6")),
    ("                    WARNING  two      rt.py:7", ("warning", "", "two      rt.py:7")),
    ("/a b/x.py:12: UserWarning: old", ("warning", "", "/a b/x.py:12: UserWarning: old")),
    # logfmt
    ('time=2026-11-21T20:59:04Z level=info logger=x msg="a \\"b\\"" n=1', ("info", "x", 'a "b" n=1')),
    ('level=warn msg=late by="3 s"', ("warning", "", 'late by="3 s"')),
]


@pytest.mark.parametrize(("text", "expected"), FORMATS)
def test_what_apps_write(text: str, expected: tuple[str, str, str]) -> None:
    level, logger, _, rest = told(text)
    assert (level, logger, rest) == expected


def test_process_ids() -> None:
    assert read(f"INFO {STAMP} views 17 140115 stored").origin.pid == 17
    assert read(f"[{STAMP}] [0] [INFO] a").origin.pid is None


@pytest.mark.parametrize(
    "style", [logging.BASIC_FORMAT, "%(asctime)s - %(name)s - %(levelname)s - %(message)s"]
)
def test_pythons_own_formatter(style: str) -> None:
    for number, level in ((10, "debug"), (20, "info"), (30, "warning"), (40, "error"), (50, "critical")):
        record = logging.LogRecord("shop.orders", number, "x.py", 1, "stored: %s", ("a - b",), None)
        line = logging.Formatter(style).format(record)
        assert told(line) == (level, "shop.orders", None, "stored: a - b")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "hello",
        "INFO",
        "INFO is nice",
        "ERROR in your face",
        "ERROR in your face: no",
        "ERRORS: 3",
        "INFORMATION: a",
        "[INFO]",
        "[information] a",
        "[error] a",
        "error: cannot open",
        "INFO:12:30 o'clock",
        "INFO       padded as in a table",
        "Warning: wet floor",
        f"{STAMP} hello",
        f"{STAMP} got ERROR from there",
        "2026-11-21 ERROR",
        "[1, 2, 3]",
        "[2026] [INFO",
        "                    INFO x",
        "SELECT users.id FROM users WHERE users.id = ? LIMIT 1",
        "INSERT INTO log (level) VALUES ('INFO')",
        "level=",
        "level=high mood=good",
        "a=1 b=2",
        "level of water=3",
        'he said - "hello"',
        '  File "x.py", line 3, in f',
        "Traceback (most recent call last):",
        "ValueError: bad",
        '{"a": 1}',
        '{"message": "not found"}',
        '{"level": "info", "port": 80}',
        '{"level": 10, "score": 3}',
        '{"level": "high", "message": "a"}',
        '{"name": "Joe", "message": "hi"}',
        '{"level": "info", "message": "a"',
        '{"level": "info", "level": "error", "message": "a"}',
        '{"level": "info", "message": "a"} trailing',
        '["level", "info"]',
        "17",
        "{}",
        "{",
    ],
)
def test_what_is_no_log_line_stays_as_it_is(text: str) -> None:
    """Nothing but a format makes a level of a word."""
    for server in SERVERS:
        assert read(text, server) == (Origin("stderr"), text, "")


def as_json(**fields: Any) -> str:
    return json.dumps(fields)


def test_json() -> None:
    line = as_json(
        timestamp="2026-11-21T20:59:04.837Z",
        level="WARNING",
        logger="shop.orders",
        message="stored order",
        process=17,
        request_id="3f2a",
        order=5,
        user={"name": "Jo é", "tags": [1, None]},
        note="two words",
        empty="",
    )
    origin, text, request = read(line)
    assert origin == Origin("stderr", "warning", "shop.orders", 17)
    assert request == "3f2a"
    assert text == (
        'stored order request_id=3f2a order=5 user={"name":"Jo é","tags":[1,null]} note="two words" empty=""'
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"levelname": "INFO", "name": "a", "message": "m"}, ("info", "a", None, "m")),
        ({"severity": "ERROR", "message": "m"}, ("error", "", None, "m")),
        ({"lvl": "warn", "msg": "m"}, ("warning", "", None, "m")),
        ({"log.level": "info", "log.logger": "a", "message": "m"}, ("info", "a", None, "m")),
        ({"log": {"level": "info", "x": 1}, "message": "m"}, ("info", "", None, "m log.x=1")),
        ({"level": 30, "time": 1795295684370, "pid": 5, "msg": "m"}, ("info", "", 5, "m")),
        ({"levelno": 30, "message": "m"}, ("warning", "", None, "m")),
        ({"level": 35, "message": "m", "timestamp": 1.5}, ("", "", None, "m level=35")),
        ({"message": "m", "time": "yesterday", "level": "info"}, ("info", "", None, "m time=yesterday")),
        ({"event": "e", "message": "m", "level": "info"}, ("info", "", None, "e message=m")),
        ({"level": "info", "ts": 1.5, "a": 1}, ("info", "", None, "a=1")),
        ({"level": "info", "msg": 5, "ts": 1.5}, ("info", "", None, "msg=5")),
        ({"level": "info", "message": "m", "pid": True}, ("info", "", None, "m pid=true")),
        ({"level": "info", "message": "m", "pid": -1}, ("info", "", None, "m pid=-1")),
        ({"level": "info", "message": "m", "n": float("nan")}, ("info", "", None, "m n=NaN")),
        ({"level": "info", "message": "a\nb", "n": 1}, ("info", "", None, "a n=1\nb")),
        ({"level": "error", "event": "e", "exception": "T:\n  f\nE"}, ("error", "", None, "e\nT:\n  f\nE")),
        ({"level": "error", "event": "e", "exc_info": True}, ("error", "", None, "e exc_info=true")),
    ],
)
def test_json_in_many_dialects(fields: dict[str, Any], expected: tuple[str, str, int | None, str]) -> None:
    assert told(json.dumps(fields)) == expected


def test_json_of_loguru() -> None:
    record = {
        "level": {"icon": "x", "name": "ERROR", "no": 40},
        "message": "bad",
        "name": "shop",
        "process": {"id": 17, "name": "MainProcess"},
        "extra": {},
    }
    line = as_json(text="12:00:00 | ERROR | bad\nTraceback:\n  f\nValueError\n", record=record)
    expected = "bad process.name=MainProcess extra={}\nTraceback:\n  f\nValueError"
    assert told(line) == ("error", "shop", 17, expected)


def test_escapes_in_json_are_made_safe() -> None:
    nasty = "\x1b]0;x\x07\x1b[31mred\u202e\ud800\x9b2J\r"
    line = as_json(level="info", message=nasty, **{nasty: nasty}, exception="a\r\n\x1b[2Jb", logger=nasty)
    origin, text, _ = read(line)
    assert origin.logger == ""
    assert not [char for char in text if char != "\n" and unicodedata.category(char) in ("Cc", "Cf", "Cs")]
    assert text.endswith("\na\n␛[2Jb")
    line = 'level=info msg="a\\u001b[2Jb" x="\\x1b"'
    assert read(line).text == "a␛[2Jb x=\\x1b"


def test_json_is_bounded() -> None:
    huge = as_json(level="info", message="m", x="x" * MAX_LINE)
    assert told(huge) == ("", "", None, huge)
    for deep in (
        "[" * 30_000,
        '{"a":' * 12_000 + "1" + "}" * 12_000,
        '{"level":"info","message":"m","x":' + "[" * 20_000 + "]" * 20_000 + "}",
    ):
        assert read(deep).text.startswith(("[", "{", "m x=["))
    number = '{"level": "info", "message": "m", "n": ' + "1" * 10_000 + "}"
    assert told(number) == ("", "", None, number)


REQUESTS = [
    ("INFO:     stored [request_id: 3f2a-9c] order", "3f2a-9c"),
    ("INFO:     request_id=3f2a.", "3f2a"),
    ("stored req-id=7 now", "7"),
    ("stored requestId=7", "7"),
    ("X-Request-ID: abc/def=", "abc/def"),
    ("[trace_id=0af7 span_id=b7]", "0af7"),
    ("correlation_id='x1'", "x1"),
    (f"{STAMP} [INFO] shop: a (request_id=b)", "b"),
    ("INFO:     [request_id: -] order", ""),
    ("request_id=None", ""),
    ("GET /requests?user_id=3", ""),
    ("the request was valid: yes", ""),
    ("request_id=" + "x" * (MAX_REQUEST + 1), ""),
    (as_json(level="info", message="m", correlation_id="a", request_id="b", trace_id="c"), "b"),
    (as_json(level="info", message="m", trace_id="c", correlation_id="a"), "c"),
    (as_json(level="info", message="m", request_id="a b"), ""),
    (as_json(level="info", message="m", request_id=None), ""),
]


@pytest.mark.parametrize(("text", "request_id"), REQUESTS)
def test_requests(text: str, request_id: str) -> None:
    _, shown, found = read(text)
    assert found == request_id
    # Where it stands it stays.
    assert not found or found in shown


def test_lines_alike_give_the_same_origin() -> None:
    reader = LineReader(get_server("gunicorn").log_format)
    lines = [
        "[2026-11-21 20:59:0{} +0000] [17] [INFO] a",
        "{}",
        "INFO:a:{}",
        '{{"level": "info", "msg": "{}"}}',
    ]
    for line in lines:
        first, second = (reader.read("stdout", line.format(number)).origin for number in (1, 2))
        assert first is second
    info = reader.read("stdout", "INFO: a").origin
    assert info is reader.read("stdout", '127.0.0.1 - "GET / HTTP/1.1" 200').origin
    assert info is reader.read("stdout", as_json(level="INFO", msg="a")).origin
    assert info != reader.read("stderr", "INFO: a").origin


def test_origins_are_bounded_and_what_they_do_not_tell_stays_in_the_text() -> None:
    reader = LineReader(get_server("gunicorn").log_format)
    origins = set()
    for number in range(MAX_HEADS + 10):
        origin, text, _ = reader.read("stdout", f"INFO:app.m{number}:hello")
        origins.add(origin)
        assert text == ("hello" if origin.logger else f"INFO:app.m{number}:hello")
        assert origin.level == "info"
        origins.add(reader.read("stdout", f"[{STAMP}] [{number + 1}] [INFO] a").origin)
    assert len(origins) <= 2 * MAX_ORIGINS + len(LEVELS)
    line = as_json(level="info", logger="one.more", message="m", n=1)
    assert reader.read("stdout", line).text == "m n=1 logger=one.more"
    assert reader.read("stdout", "INFO:app.m1:hello").origin.logger == "app.m1"


def test_long_loggers_stay_in_the_text() -> None:
    name = "a" * (MAX_LOGGER + 1)
    assert told(f"INFO:{name}:hello") == ("", "", None, f"INFO:{name}:hello")
    assert told(as_json(level="info", logger=name, message="m")) == ("info", "", None, f"m logger={name}")


def test_a_servers_own_format_goes_first() -> None:
    reader = LineReader(log_pattern(r"<(PID LEVEL NAME)> "))
    assert reader.read("stdout", "<17 WARN a.b> hello") == (
        Origin("stdout", "warning", "a.b", 17),
        "hello",
        "",
    )


SAFE = st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp"))
WORDS = st.sampled_from(
    [
        "INFO",
        ":",
        " ",
        "[",
        "]",
        "ERROR",
        "-",
        "|",
        STAMP,
        "[17]",
        "shop.orders",
        "info     ",
        '"',
        "{",
        "}",
        "=",
        *("level", "msg", "request_id", "\\u001b", "\\n", ",", "Warning: ", "127.0.0.1", "x.py:1"),
    ]
)
SERVER = st.sampled_from(sorted(SERVERS))


@given(st.text(SAFE) | st.lists(WORDS).map("".join), SERVER)
def test_nothing_is_lost(text: str, server: str) -> None:
    """Whatever the line is, its text is its end, unless it is made of fields."""
    reader = LineReader(get_server(server).log_format)
    origin, rest, request = reader.read("stdout", text)
    assert origin.level in LEVELS
    assert origin.logger in text
    assert request in text
    assert reader.read("stdout", text) == (origin, rest, request)
    if not text.startswith("{") and "=" not in text:
        assert text.endswith(rest)
        # What is gone is what the origin tells, times and marks.
        gone = text.removesuffix(rest).replace(origin.logger, "", 1)
        gone = re.sub(
            r"(?i)trace|debug|info|notice|success|warn(ing)?|error|exception|critical|fatal|notset", "", gone
        )
        assert not re.search(r"[A-SU-Ya-y]", gone), gone


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.text()
        | st.sampled_from(
            ["level", "message", "logger", "time", "exception", "pid", "log", "record", "process"]
        ),
        VALUES | st.sampled_from(["info", "ERROR", "2026-11-21 20:59:04"]),
    )
)
def test_any_json_is_safe(fields: dict[str, Any]) -> None:
    line = json.dumps(fields)
    text = read(line).text
    if text != line:
        assert all(sanitize(line) == line for line in text.split("\n"))
        for key, value in fields.items():
            # No field that is known has so short a name.
            if len(key) == 1 and key.isalpha() and type(value) is int:
                assert f"{key}={value}" in text


@pytest.mark.parametrize(
    "filling", [" ", "a", "[", "a ", "=", "a=b ", '"', "\\\\", "1:", " - ", "req_id", ":1: "]
)
def test_no_line_holds_up_the_others(filling: str) -> None:
    """A pattern that tries all ways to read such a line would take minutes."""
    reader = LineReader(get_server("uvicorn").log_format)
    fronts = (
        "",
        "INFO",
        "INFO ",
        f"{STAMP} ",
        f"{STAMP} [info     ] ",
        f"{STAMP} a - ",
        "level=info ",
        "x.py:1: ",
    )
    before = time.process_time()
    for front in fronts:
        reader.read("stdout", (front + filling * MAX_LINE)[:MAX_LINE])
    assert time.process_time() - before < 5
