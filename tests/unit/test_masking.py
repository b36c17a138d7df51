"""Secrets are found by their names in headers, queries and bodies, whole or in parts; nothing else is."""

from __future__ import annotations

import base64
import json
import pickle
import time

import pytest

from asgi_tui.domain.calls import Header
from asgi_tui.domain.masking import (
    MAX_DEPTH,
    MAX_WORDS,
    TOLD_CHARS,
    hide,
    make_body,
    mask_body,
    mask_header,
    mask_json,
    mask_loosely,
    mask_path,
    mask_query,
    secret_spans,
    secret_words,
)
from asgi_tui.domain.secret import Secret, revealed
from asgi_tui.domain.text import MASK

FORM = "application/x-www-form-urlencoded"


def test_a_secret_is_its_mask_everywhere() -> None:
    secret = Secret("hunter2")
    assert f"{secret} {secret!r} {secret!s:>8} %s" % secret == f"{MASK} Secret('{MASK}')   {MASK} {MASK}"
    assert "hunter2" not in json.dumps([str(secret)]) + str([secret]) + str({"a": secret})
    assert revealed(secret) == secret.reveal() == "hunter2"
    with pytest.raises(TypeError):
        pickle.dumps(secret)


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("authorization", "Bearer hunter2", f"Bearer {MASK}"),
        ("Authorization", "hunter2", MASK),
        ("proxy-authorization", "Basic aHVudGVyMg==", f"Basic {MASK}"),
        ("cookie", "a=hunter2; b=hunter2", f"a={MASK}; b={MASK}"),
        ("set-cookie", "a=hunter2; Path=/; HttpOnly", f"a={MASK}; Path=/; HttpOnly"),
        ("x-api-key", "hunter2", MASK),
        ("x-auth-token", "hunter2", MASK),
        ("x-csrftoken", "hunter2", MASK),
        ("referer", "http://h/?token=hunter2&a=1", f"http://h/?token={MASK}&a=1"),
        ("location", "https://ada:hunter2@h/", f"https://ada:{MASK}@h/"),
        ("location", "/cb#access_token=hunter2", f"/cb#access_token={MASK}"),
        ("x-forwarded-uri", "/a?client_secret=hunter2", f"/a?client_secret={MASK}"),
        ("x-original-url", "https://ada:hunter2@h/", f"https://ada:{MASK}@h/"),
        ("cf-access-jwt-assertion", "hunter2", MASK),
        ("ocp-apim-subscription-key", "hunter2", MASK),
        ("x-own", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.hunter2", MASK),
        ("sec-websocket-protocol", "bearer, hunter2, chat", f"bearer, {MASK}, chat"),
        ("sec-websocket-protocol", "base64.bearer.hunter2, v1.k8s.io", f"base64.bearer{MASK}, v1.k8s.io"),
        (
            "sec-websocket-protocol",
            "graphql-transport-ws, authorized.v2",
            "graphql-transport-ws, authorized.v2",
        ),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("idempotency-key", "7", "7"),
        ("content-type", "application/json", "application/json"),
        ("accept", "*/*", "*/*"),
    ],
)
def test_headers(name: str, value: str, shown: str) -> None:
    masked = mask_header(name, value)
    assert str(masked) == shown
    assert revealed(masked) == value
    assert isinstance(masked, Secret) == (shown != value)


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("page=2&token=hunter2", f"page=2&token={MASK}"),
        ("access%5Ftoken=hunter2", f"access%5Ftoken={MASK}"),
        ("PASSWORD=hunter2", f"PASSWORD={MASK}"),
        ("code=hunter2&state=x", f"code={MASK}&state=x"),
        ("page=2&q=password", "page=2&q=password"),
        ("user%5Bpassword%5D=hunter2&sessionId=hunter2", f"user%5Bpassword%5D={MASK}&sessionId={MASK}"),
        ("next=%2Fcb%3Ftoken%3Dhunter2&a=1", f"next={MASK}&a=1"),
        ("next=%252Fcb%253Ftoken%253Dhunter2", f"next={MASK}"),
        ("payload=%7B%22token%22%3A%22hunter2%22%7D", f"payload={MASK}"),
        ("next=%2Fitems%3Fpage%3D2", "next=%2Fitems%3Fpage%3D2"),
        ("token=&x", "token=&x"),
        ("", ""),
    ],
)
def test_queries(query: str, shown: str) -> None:
    assert str(mask_query(query)) == shown
    assert revealed(mask_query(query)) == query


def test_a_json_body_keeps_its_form() -> None:
    body = {"user": "ada", "password": "hunter2", "deep": [{"api_key": ["hunter2"], "n": 1}], "token": None}
    masked = json.loads(mask_body(json.dumps(body).encode(), "") or "")
    assert masked == {
        "user": "ada",
        "password": MASK,
        "deep": [{"api_key": MASK, "n": 1}],
        "token": None,
    }


def test_a_text_within_json_may_hold_a_secret_of_its_own() -> None:
    body = {
        "inner": json.dumps({"password": "hunter2"}),
        "url": "https://h/?token=hunter2",
        "fields": [{"name": "password", "value": "hunter2"}, {"name": "age", "value": "7"}],
        "text": "a: b = c",
    }
    assert mask_json(body) == {
        "inner": MASK,
        "url": MASK,
        "fields": [{"name": "password", "value": MASK}, {"name": "age", "value": "7"}],
        "text": "a: b = c",
    }


def test_known_secrets_are_found_in_other_texts() -> None:
    values = [
        mask_header("authorization", "Basic " + base64.b64encode(b"ada:hunter2").decode()),
        mask_header("cookie", 'sid="abcdefgh"; theme=dark'),
        mask_query("token=a%2Fbcdefg&page=1"),
        "no-secret",
    ]
    known = secret_words(values, [b'{"password": "letmein!", "key": {"some": "sentence"}}'])
    told = "hunter2 abcdefgh a/bcdefg letmein! no-secret sentence"
    assert hide(told, known) == f"{MASK} {MASK} {MASK} {MASK} no-secret sentence"
    assert list(known) == sorted(known, key=len, reverse=True)
    assert len(secret_words([mask_header("cookie", "; ".join(f"a={n:09}" for n in range(999)))])) == MAX_WORDS


def test_a_path_is_told_without_its_secrets() -> None:
    assert mask_path("/a b?client_secret=hunter2&x=1") == f"/a b?client_secret={MASK}&x=1"
    assert mask_path("https://ada:hunter2@h/x") == f"https://ada:{MASK}@h/x"


def test_numbers_are_secrets_too_but_flags_say_nothing() -> None:
    assert mask_json({"passwd": 1, "secret": 0, "token": True, "auth": False, "session": ""}) == {
        "passwd": MASK,
        "secret": MASK,
        "token": True,
        "auth": False,
        "session": "",
    }


def test_what_lies_too_deep_is_masked_whole() -> None:
    found: object = "hunter2"
    for _ in range(MAX_DEPTH + 5):
        found = [found]
    assert "hunter2" not in str(mask_json(found))


def test_other_bodies_are_no_answer() -> None:
    assert mask_body(b"user=ada&password=hunter2", FORM + "; charset=utf-8") == f"user=ada&password={MASK}"
    for data in (b"\xff\xfe", b'"hunter2"', b"[" * 100_000, b'{"a": 1', b""):
        assert mask_body(data, "application/json") is None


@pytest.mark.parametrize(
    "text",
    [
        '<a href="/x?page=2&amp;token=hunter2">',
        "<a href='/x?token=hunter2'>",
        "<a href=/x?token=hunter2>",
        '<a title="50%" href="/x?token=hunter2" rel="a%20b">',
        '<a href="/login?next=%2Fcb%3Ftoken%3Dhunter2">',
        '{"password": "hunter2", "x": 1',
        r'{"password": "a\"hunter2", "x": 1',
        r'{"password": "a\\", "token": "hunter2", "x": 1',
        r'{"pass\u0077ord": "hunter2"',
        '{"password" :\n "hunter2"',
        '{"password": "hunter2',
        '{"password": "hunter2\\',
        '{"tokens": ["hunter2", "b"], "x":',
        '{"secret": {"a": {"b": "}"}, "c": "hunter2"}, "x":',
        '{"pin": 1, "secret": 8hunter2, "x":',
        "{'password': 'hunter2', 'x': 1}",
        "user=ada&password=hunter2&x=1",
        "password = hunter2",
        'api_key="hunter2 hunter2"',
        "password: hunter2",
        "Authorization: Bearer hunter2",
        "cookie: a=hunter2; b=hunter2",
        '--x\r\nContent-Disposition: form-data; name="password"\r\n\r\nhunter2\r\n--x--',
        '--x\r\nContent-Disposition: form-data; name="token"\r\nContent-Type: text/plain\r\n\r\nhunter2',
        '<input type="hidden" name="csrf_token" value="hunter2">',
        "<meta content='hunter2' name='csrf-token'>",
        "connecting to postgres://ada:hunter2@db/shop",
        "got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.hunter2 from it",
        "payload=%7B%22token%22%3A%22hunter2%22%7D",
        '[{"name": "password", "value": "hunter2"}]',
        '{"apiKey": "hunter2", "sessionId": "hunter2"}',
    ],
)
def test_text_of_any_kind(text: str) -> None:
    shown = mask_loosely(text)
    assert "hunter2" not in shown
    assert MASK in shown
    data = text.encode()
    kept = bytearray(data)
    for start, end in secret_spans(data):
        kept[start:end] = b"*" * (end - start)
    assert b"hunter2" not in kept
    assert len(kept) == len(data)


@pytest.mark.parametrize(
    "text",
    [
        '{"user": "ada", "token": null, "x": [1, 2]}',
        "a plain sentence: with a colon, and = signs",
        "14:02:11 INFO GET /items/7 200",
        "http://127.0.0.1:8000/items",
        '<a href="/login">password</a>',
        "tokens are counted",
        "",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert mask_loosely(text) == text


@pytest.mark.parametrize(
    "piece",
    [
        '"',
        "'",
        "a=",
        "a: ",
        "<input ",
        'name="a"\r\n',
        '{"key": [',
        "\\",
        'Content-Disposition: name="a"\r\n',
        "key={",
        "a=%25",
        "://a:",
        "eyJaaaaaaaa.",
        '"name":"key","value":',
    ],
)
def test_hostile_text_takes_no_longer_than_its_length(piece: str) -> None:
    def took(length: int) -> float:
        text = piece * (length // len(piece))
        begun = time.process_time()
        mask_loosely(text)
        return time.process_time() - begun

    took(1_000)
    # 16 times the text: 16 times as long, and not 256 times
    assert took(160_000) < max(took(10_000), 0.002) * 64


def test_a_body_tells_only_what_was_searched() -> None:
    headers = (Header("content-type", "application/json"),)
    whole = make_body(17, [b'{"pass', b'word": "x"}'], headers)
    assert (whole.text, whole.withheld, whole.cut) == (f'{{"password":"{MASK}"}}', "", False)
    cut = make_body(99, [b'{"a": 1}'], headers)
    assert cut.text is None
    assert cut.cut
    assert cut.withheld
    packed = make_body(2, [b"{}"], (*headers, Header("content-encoding", "gzip")))
    assert packed.text is None
    assert "gzip" in packed.withheld
    assert make_body(5, [b"hello"], ()).text is None
    assert make_body(0, [], ()).withheld == ""
    data = json.dumps(["x" * TOLD_CHARS]).encode()
    long = make_body(len(data), [data], headers)
    assert len(long.text or "") == TOLD_CHARS
    assert "first" in long.withheld
