"""Lines in formats of their own: what is in quotes, escaped, cut or missing is masked, safe and apart."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from asgi_tui.domain.events import Event, Log
from asgi_tui.domain.log_entry import Fresh
from asgi_tui.domain.log_formats import LineReader
from asgi_tui.domain.servers import get_server
from asgi_tui.domain.text import MASK, forms, hiding
from asgi_tui.engine.line_decoder import LINE_CHARS, LineDecoder
from asgi_tui.engine.log_lines import LogLines
from asgi_tui.engine.log_store import LogStore
from asgi_tui.engine.log_takers import ToLoop, ToStore
from asgi_tui.engine.output import Taker
from asgi_tui.engine.spool import Record

TOKEN_PATH = "/asgi-tui-0123456789abcdef"


def log_lines(secrets: re.Pattern[str] | None = None) -> LogLines:
    return LogLines(LineReader(get_server("uvicorn").log_format), TOKEN_PATH, secrets)


def read(data: str, secrets: re.Pattern[str] | None = None) -> list[Fresh]:
    return log_lines(secrets).feed(1.0, "stdout", data.encode(), final=True)


@pytest.mark.parametrize(
    "front",
    [
        '{"time": "2026-11-21 20:45:17", "level": "INFO", "message": "%s"}',
        "2026-11-21 20:45:17,123 - uvicorn.access - INFO - %s",
        "2026-11-21 20:45:17 [INFO] %s",
    ],
)
def test_the_consoles_own_requests_leave_nothing_in_any_log_format(front: str) -> None:
    access = f'127.0.0.1:5 - "GET {TOKEN_PATH}/ready HTTP/1.1" 404'
    escaped = access.replace('"', r"\"") if front.startswith("{") else access
    assert read(front % escaped + "\n") == []


def test_no_carriage_return_is_left_of_several() -> None:
    # A program that ends its lines as Windows does, behind a terminal that does so once more.
    for end in ("\r\r\n", "\r\r\r\n"):
        assert [line[2] for line in read(f"one{end}two{end}three\n")] == ["one", "two", "three"]


def test_tabs_that_were_escaped_in_json_are_spaces() -> None:
    ((_, _, text, *_),) = read(r'{"level": "info", "message": "a", "time": 1, "stack": "b\tc\n\td"}' + "\n")
    assert text == "a\nb       c\n        d"


def test_what_fields_tell_beside_the_text_is_masked() -> None:
    line = r'{"level": "info", "ts": 1, "msg": "", "logger": "db:\/\/me:word@db", "req_id": "hunter\u0032"}'
    ((_, origin, text, _, request, _),) = read(line, hiding(["hunter2"]))
    assert origin.logger == f"db://me:{MASK}@db"
    assert (text, request) == (f"req_id={MASK}", MASK)


@pytest.mark.parametrize("write", [json.dumps, repr, lambda secret: json.dumps({"a": [secret]})])
def test_a_secret_in_quotes_is_masked(write: Callable[[str], str]) -> None:
    secret = "pass'\"wörd\\"
    data = f'read {write(secret)}\n{{"level": "info", "message": "m", "key": {json.dumps(secret)}}}\n'
    assert [fresh[2].count(MASK) for fresh in read(data, hiding(forms(secret)))] == [1, 1]


@pytest.mark.parametrize("secret", ["://me:wo&rd@db/", "?token=w0rd-w0rd-w0rd ", "://me:hunter22@"])
def test_what_is_masked_only_where_it_is_whole_is_not_torn(secret: str) -> None:
    for before in range(LINE_CHARS - len(secret), LINE_CHARS + 1):
        pieces: list[str] = []
        decoder = LineDecoder(re.compile("hunter22"), pieces.append)
        ((head, _),) = decoder.feed(b"x" * before + secret.encode() + b"y" * 9_000 + b"\n")
        assert any(secret.strip() in piece for piece in [head, *pieces]), before


@pytest.mark.parametrize("stored", [True, False])
def test_a_line_ends_where_something_is_missing(stored: bool) -> None:
    events: list[Event] = []

    def hand_over(batch: list[Event], free: Callable[[], None]) -> None:
        events.extend(batch)
        free()

    store = LogStore()
    taker: Taker = ToLoop(log_lines(), hand_over)
    if stored:
        taker = ToStore(log_lines(), store, lambda looks: looks())
    taker.take(Record(1.0, "stdout", b"one\ntw"))
    taker.miss(100)
    taker.take(Record(1.0, "stdout", b"ree\n"))
    taker.end()
    texts = [entry.text for entry in store.entries(range(store.end))]
    texts += [event.text for event in events if isinstance(event, Log) and event.stream == "stdout"]
    assert texts == ["one", "tw", "ree"]
    assert store.missed == 100 * stored
