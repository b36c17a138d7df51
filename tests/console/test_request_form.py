"""A request as texts and back: masks stand for what they hide, and nothing wrong is sent."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from asgi_tui.domain.calls import Header
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.secret import revealed
from asgi_tui.domain.sending import Answer, Sending, Timing
from asgi_tui.domain.text import MASK
from asgi_tui.frontends.console.answer_text import PART, hex_text, pretty_json, readable
from asgi_tui.frontends.console.exchanges import MAX_BYTES, MAX_EXCHANGES, Exchange, Exchanges
from asgi_tui.frontends.console.html_text import html_text
from asgi_tui.frontends.console.request_form import (
    content_kind,
    fill,
    masked_path,
    read,
    with_content_type,
)
from tests.console.calls import headers
from tests.console.sending import HOSTILE

BODY = b'{"user": {"name": "ann", "password": "hunter2"}, "tokens": ["t1"], "n": 1.50}'
GIVEN = Sending(
    "POST",
    "/items/7?page=2&token=s3cret",
    headers(authorization="Bearer abc", cookie="sid=1; theme=dark", content_type="application/json"),
    BODY,
)


def values(sending: Sending | None) -> list[tuple[str, str]]:
    assert sending is not None
    return [(header.name, revealed(header.value)) for header in sending.headers]


def test_what_is_left_as_it_is_comes_back_to_the_byte() -> None:
    form = fill(GIVEN)
    for text in (form.path, form.headers, form.body):
        assert MASK in text
    for secret in ("s3cret", "abc", "sid=1", "hunter2", "t1"):
        assert secret not in repr(form)
    reading = read(form, GIVEN)
    assert reading.sending == GIVEN
    assert not reading.problems
    shown = fill(GIVEN, revealed=True)
    assert "hunter2" in shown.body
    assert read(shown, GIVEN).sending == GIVEN


def test_masks_stand_for_what_they_hide_also_beside_what_was_edited() -> None:
    form = fill(GIVEN)
    edited = replace(
        form,
        path=form.path.replace("page=2", "page=3"),
        headers=form.headers.replace(f"theme={MASK}", "theme=light") + "\nx-more: 1",
        body=form.body.replace("ann", "bob"),
    )
    sending = read(edited, GIVEN).sending
    assert sending is not None
    assert sending.path == "/items/7?page=3&token=s3cret"
    assert values(sending) == [
        ("authorization", "Bearer abc"),
        ("cookie", "sid=1; theme=light"),
        ("content-type", "application/json"),
        ("x-more", "1"),
    ]
    assert "abc" not in repr(sending)
    assert json.loads(sending.body) == {
        "user": {"name": "bob", "password": "hunter2"},
        "tokens": ["t1"],
        "n": 1.5,
    }


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"method": "G ET"}, "method", "no word"),
        ({"path": "items"}, "path", "does not begin with a slash"),
        ({"path": "/a b"}, "path", "write %20"),
        ({"path": "/a#b"}, "path", "fragment"),
        ({"path": f"/?token=x{MASK}"}, "path", "changed in part"),
        ({"headers": "host"}, "headers", "Header line 1: it has no colon"),
        ({"headers": "a: 1\nb c: 2"}, "headers", "Header line 2: its name"),
        ({"headers": "a: \u20ac"}, "headers", "not Latin-1"),
        ({"headers": "a: x\x00y"}, "headers", "control character"),
        ({"headers": f"authorization: Basic {MASK}"}, "headers", "changed in part"),
        ({"headers": f"x-new: {MASK}"}, "headers", "hides nothing"),
        ({"body": f'{{"other": "{MASK}"}}'}, "body", "or moved"),
        ({"body": f"{{ {MASK}"}, "body", "no JSON"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_sent(change: dict[str, str], field: str, said: str) -> None:
    reading = read(replace(fill(GIVEN), **change), GIVEN)  # type: ignore[arg-type] # texts all of them
    assert reading.sending is None
    assert list(reading.problems) == [field]
    assert said in reading.problems[field]


def test_a_secret_that_was_not_saved_must_be_filled_in() -> None:
    saved = Sending(
        "GET",
        f"/?token={MASK}",
        (Header("authorization", f"Bearer {MASK}"),),
        BODY.replace(b"t1", MASK.encode()),
    )
    reading = read(fill(saved), saved)
    assert set(reading.problems) == {"path", "headers", "body"}
    assert all("was not saved" in sentence for sentence in reading.problems.values())


def test_a_body_that_is_no_text_is_kept_unless_it_is_replaced_or_dropped() -> None:
    given = replace(GIVEN, body=b"\x00\xff\x1b", headers=())
    form = fill(given)
    assert (form.body, form.kept) == ("", True)
    assert read(form, given).sending == given
    for changed, body in ((replace(form, body="x"), b"x"), (replace(form, kept=False), b"")):
        sending = read(changed, given).sending
        assert sending is not None
        assert sending.body == body


def test_line_ends_and_charsets_stay() -> None:
    given = Sending(
        "PUT", "/", headers(content_type="text/plain; charset=latin-1"), "gr\u00fc\r\nx".encode("latin-1")
    )
    form = fill(given)
    assert form.body == "gr\u00fc\nx"
    sending = read(replace(form, body="\u00fc\ny"), given).sending
    assert sending is not None
    assert sending.body == b"\xfc\r\ny"
    assert "cannot be written" in read(replace(form, body="\u20ac"), given).problems["body"]


def test_content_types() -> None:
    text = with_content_type("accept: */*\nContent-Type: text/xml", "json")
    assert text == "accept: */*\ncontent-type: application/json"
    assert content_kind(text) == "json"
    assert with_content_type(text, "none") == "accept: */*"
    assert content_kind("content-type: text/xml") == ""
    assert content_kind("") == "none"


def test_paths_are_masked_and_safe() -> None:
    assert masked_path("/a?token=1&b=\x1b[2J") == f"/a?token={MASK}&b=␛[2J"


# -- bodies --------------------------------------------------------------------------------------------


def test_json_is_indented_as_it_is_written() -> None:
    assert pretty_json('{"a":[1.50,{}],"a":"x{,:}","b":[]}') == (
        '{\n  "a": [\n    1.50,\n    {}\n  ],\n  "a": "x{,:}",\n  "b": []\n}'
    )
    with pytest.raises(ValueError, match="Expecting"):
        pretty_json("{")


def test_bodies_by_what_they_are() -> None:
    page = b"<title>T</title><script>no</script><h1>Hi</h1><ul><li>a<li><a href='/b'>b</a></ul><p>one<br>two"
    shown = readable(page, "text/html", whole=len(page))
    assert shown.text.split("\n") == [
        "T",
        "",
        "# Hi",
        "  • a",
        "  • b [1]",
        "one",
        "two",
        "",
        "Links",
        "  [1] /b",
    ]
    assert readable(page, "text/html", whole=len(page), raw=True).text == page.decode()
    link = b"<a href='/b?token=s3cret&page=2'>b</a>"
    for raw in (False, True):
        assert f"/b?token={MASK}&page=2" in readable(link, "text/html", whole=len(link), raw=raw).text
    assert readable(b"", "", whole=0).note == "no body"
    assert readable(b'{"token": "x"}', "", whole=14).text == f'{{\n  "token": "{MASK}"\n}}'
    assert '"x"' in readable(b'{"token": "x"}', "", whole=14, revealed=True).text
    assert readable(b"a=1&token=x", "application/x-www-form-urlencoded", whole=11).text == f"a=1&token={MASK}"
    binary = readable(b"\x00\x01A", "application/octet-stream", whole=9)
    assert binary.text == f"000000  00 01 41{' ' * 39}  ··A"
    assert "3 B of 9 B" in binary.note
    png = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + (32).to_bytes(4, "big") + (16).to_bytes(4, "big")
    assert "32 x 16" in readable(png, "image/png", whole=24).note
    secret = readable(b"\x00password=hunter2", "", whole=17)
    assert "hunter2" not in secret.text
    assert b"hunter2".hex(" ") not in secret.text
    assert hex_text(b"") == ""


@pytest.mark.parametrize(
    "media",
    ["text/plain", "text/html", "application/json", "", "text/x;charset=utf-7", "text/x;charset=idna"],
)
@pytest.mark.parametrize("raw", [False, True])
def test_nothing_of_a_body_moves_the_cursor(media: str, raw: bool) -> None:
    for body in (HOSTILE.encode(), json.dumps({"a": HOSTILE}, ensure_ascii=False).encode()):
        shown = readable(body, media, whole=len(body), raw=raw)
        assert not set(shown.text) & {"\x1b", "\x9b", "\x07", "\u202e"}


def test_a_long_body_is_shown_in_parts() -> None:
    body = "".join(f"line {number}\n" for number in range(60_000)).encode()
    shown = readable(body, "text/plain", whole=len(body))
    parts = [shown.part(number) for number in range(shown.parts)]
    assert shown.parts > 2
    assert "".join(parts) == body.decode()
    assert max(map(len, parts)) <= 2 * PART
    assert all(part.startswith("line ") for part in parts)


def test_html_of_any_kind_is_read() -> None:
    assert html_text("<ul>" * 500 + "<li>x" + "<svg>" + "y").strip() == "• x"
    assert html_text("<b>bold</b> and <a href=''>nothing</a> &amp; &lt;") == "bold and nothing & <"
    assert html_text("a<!-- <p>b</p> -->c") == "ac"
    # tags that are left open took the parser more than a minute
    assert len(html_text("<a " * 50_000)) > 100_000
    assert html_text("x<img src='" + "y" * 5_000 + "'>z") == "x z"
    assert html_text("<pre> a\n  b</pre>") == " a\n  b"
    assert html_text("<ol><li>a</li><li>b</li></ol>") == "  1. a\n  2. b"
    assert html_text("<table><tr><td>1<td>2</table>") == "1 │ 2"


# -- what was sent -------------------------------------------------------------------------------------


def test_the_last_exchanges_are_kept_within_bounds() -> None:
    exchanges = Exchanges()
    for number in range(MAX_EXCHANGES + 5):
        exchanges.add(Exchange(number, Sending(), Problem("a", "b")))
    assert (len(exchanges), exchanges[0].at) == (MAX_EXCHANGES, 5)
    large = Answer(200, "", "1.1", (), 1, bytes(MAX_BYTES + 1), Timing())
    exchanges.add(Exchange(99, Sending(), large))
    assert (len(exchanges), exchanges[0].at) == (1, 99)
