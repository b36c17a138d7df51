"""Bodies as lines: JSON and forms laid out, text, HTML, hex, and what is said of those that were cut."""

from __future__ import annotations

import gzip
import json
import struct

from asgi_tui.domain.images import Image, read_image
from asgi_tui.domain.text import MASK
from asgi_tui.frontends.console.body_text import MAX_LINES
from asgi_tui.frontends.console.request_text import side_lines
from asgi_tui.frontends.console.veil import Veil
from tests.console.calls import answered, request, websocket
from tests.console.test_request_text import said


def body(
    data: bytes,
    media: str,
    *,
    size: int | None = None,
    coding: str = "",
    as_hex: bool = False,
    as_page: bool = False,
) -> list[str]:
    call = answered(data, media, size=size, coding=coding)
    rows = side_lines(call, Veil(call), "response", as_hex=as_hex, as_page=as_page)
    return [row.text for row in rows]


def test_json_is_laid_out_and_coloured() -> None:
    call = answered(b'{"a": [1.50, "x", true]}', "application/problem+json")
    rows = side_lines(call, Veil(call), "response")
    assert [row.text for row in rows[1:5]] == ["{", '  "a": [', "    1.50,", '    "x",']
    assert dict(rows[2].coloured)['"a"'] == "key"
    assert rows[3].coloured[1] == ("1.50", "number")
    assert f'  "token": "{MASK}"' in body(b'{"a": 1, "token": "t"}', "application/json")


def test_html_as_its_text_reads() -> None:
    page = b"<h1>Hi</h1><p>see <a href='/b?token=s3cret'>\x1b[2Jb</a>"
    assert body(page, "text/html; charset=utf-8", as_page=True)[1:] == [
        "# Hi",
        "see ␛[2Jb [1]",
        "",
        "Links",
        f"  [1] /b?token={MASK}",
    ]
    assert (
        "first 262,144 characters"
        in body(gzip.compress(b"<p>a</p>" * 40_000), "text/html", coding="gzip", as_page=True)[2]
    )
    # of anything else it says nothing
    assert body(b"<a>", "text/plain", as_page=True)[1:] == ["<a>"]


def test_forms_text_and_html() -> None:
    assert body(b"user=ada+b&password=x", "application/x-www-form-urlencoded")[1:] == [
        "user      ada b",
        f"password  {MASK}",
    ]
    assert body(b"a\tb\r\nc", "text/plain")[1:] == ["a   b", "c"]
    rows = side_lines(answered(b'<p id="x">hi</p>', "text/html"), Veil(request()), "response")
    assert ("<p", "key") in rows[1].coloured
    assert "é" in body("é".encode("latin-1"), "text/plain; charset=latin-1")[1]


def test_bytes_are_a_hex_dump_of_16_a_line() -> None:
    rows = body(bytes(range(40)), "application/octet-stream")
    assert rows[1].startswith("00000  00 01 02")
    assert rows[3] == f"00020  {bytes(range(32, 40)).hex(' '):<47}  " + " !\"#$%&'"
    assert body(b"hi", "text/plain", as_hex=True)[1].startswith("00000  68 69 ")
    call = answered(b"x" * 20, "text/plain")
    narrow = [row.text for row in side_lines(call, Veil(call), "response", as_hex=True, width=40)]
    assert len(narrow) == 4
    assert max(map(len, narrow[1:])) <= 40


def test_truncation_compression_and_emptiness_are_said() -> None:
    assert (
        body(b'{"a": 1', "application/json", size=1_204_000)[1] == "The first 7 of 1,204,000 bytes are kept."
    )
    packed = gzip.compress(b'{"a": 1}')
    rows = body(packed, "application/json", coding="gzip")
    assert "sent as gzip; these are the 8 bytes within" in rows[1]
    assert rows[3] == '  "a": 1'
    assert "It is br, as it was sent." in body(packed, "application/json", coding="br")
    assert "no bytes" not in body(b"x", "text/plain")[1]
    call = request()
    assert "The request has none." in said(side_lines(call, Veil(call), "request"))
    assert "messages in place of bodies" in said(side_lines(websocket(), Veil(websocket()), "request"))
    bomb = gzip.compress(b"a" * 50_000_000)
    assert "1,000,000 bytes within" in body(bomb, "text/plain", coding="gzip")[1]


def test_a_long_body_ends_with_a_sentence() -> None:
    rows = body(json.dumps(list(range(30_000))).encode(), "application/json")
    assert len(rows) == MAX_LINES + 2
    assert rows[-1] == "These are the first 5,000 lines; 25,002 more lines are not shown."
    assert len(body(b"x" * 100_000, "text/plain")) == 26


def test_sizes_of_images() -> None:
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 640, 480) + b"\x08\x02\x00\x00\x00"
    jpeg = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xff\xc2\x00\x11\x08" + struct.pack(">HH", 33, 44) + b"\x03"
    webp = b"RIFF\x00\x00\x00\x00WEBP"
    assert read_image(png) == Image("PNG", 640, 480)
    assert read_image(b"GIF89a" + struct.pack("<HH", 7, 9)) == Image("GIF", 7, 9)
    assert read_image(jpeg) == Image("JPEG", 44, 33)
    lossy = webp + b"VP8 " + bytes(10) + struct.pack("<HH", 300 | 0x4000, 200)
    assert read_image(lossy) == Image("WebP", 300, 200)
    bits = (99 | 49 << 14).to_bytes(4, "little")
    assert read_image(webp + b"VP8L" + bytes(4) + b"\x2f" + bits) == Image("WebP", 100, 50)
    large = (1919).to_bytes(3, "little") + (1079).to_bytes(3, "little")
    assert read_image(webp + b"VP8X" + bytes(8) + large) == Image("WebP", 1920, 1080)
    for cut in range(len(png)):
        found = read_image(png[:cut])
        assert found is None or found.kind == "PNG"
    assert read_image(b"\xff\xd8\xff" + b"\xff" * 50) == Image("JPEG")
    assert read_image(b"BM") is None
    assert body(png, "image/png")[1] == "PNG image, 640 x 480 pixels"
