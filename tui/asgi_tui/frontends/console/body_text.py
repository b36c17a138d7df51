"""A body as lines: JSON and forms laid out, text, an image's size, or the bytes themselves. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from itertools import islice
from urllib.parse import unquote_plus

from asgi_tui.domain.calls import Header, Message
from asgi_tui.frontends.console.answer_text import (
    HEX_BYTES,
    HEX_ROW,
    HTML_CHARS,
    PAGES,
    decoded,
    kind_of,
    picture,
    pretty_json,
)
from asgi_tui.frontends.console.html_text import html_text
from asgi_tui.frontends.console.lines import Line, line, sentence, table
from asgi_tui.frontends.console.veil import Veil

MAX_LINES = 5_000  # of one body; what is beyond is counted
MAX_LENGTH = 4_000  # characters of one line; a longer one goes on in the next
MAX_UNPACKED = 1_000_000  # bytes that a compressed body may become
_WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}  # as zlib calls the codings (RFC 9110 8.4.1)


def body_lines(
    data: bytes,
    size: int,
    media: str,
    veil: Veil,
    *,
    coding: str = "",
    as_hex: bool = False,
    as_page: bool = False,
    width: int = 80,
    message: Message | None = None,
) -> list[Line]:
    """A body of ``size`` bytes, of which ``data`` is kept; secrets as ``veil`` has it.

    ``as_page``: HTML as its text reads, links below. ``width`` decides how many bytes stand in a row;
    ``message``: the one whose part of a body it is.
    """
    if not data:
        return [sentence("It has no bytes." if not size else f"None of its {size:,} bytes were kept.")]
    notes = []
    if len(data) < size:
        notes.append(sentence(f"The first {len(data):,} of {size:,} bytes are kept.", "warned"))
    if coding and coding.lower() != "identity":
        unpacked = _unpacked(data, coding)
        if unpacked is None:
            notes.append(sentence(f"It is {coding}, as it was sent."))
        else:
            notes.append(sentence(f"It was sent as {coding}; these are the {len(unpacked):,} bytes within."))
            data, message = unpacked, None
    if shown := picture(data):
        notes.append(line((shown, "bold")))
    text = None if shown else decoded(data, media)
    if as_hex or text is None:
        return [*notes, *_hex(data, veil.octets(data, message), width)]
    if message is not None and veil.split(message):
        return [*notes, *_numbered(decoded(veil.frame(message), media) or "", "")]
    if as_page and plain_name(media) in PAGES:
        if len(text) > HTML_CHARS:
            notes.append(sentence(f"The page of its first {HTML_CHARS:,} characters.", "warned"))
        return [*notes, *_numbered(html_text(veil.text(text)[:HTML_CHARS]), "")]
    return [*notes, *_text(text, media, veil)]


def coding_of(headers: Sequence[Header]) -> str:
    """The content coding that headers name; empty where there is none."""
    return next((str(item.value) for item in headers if item.name.lower() == "content-encoding"), "")


def plain_name(media: str) -> str:
    """A content type without its parameters."""
    return media.partition(";")[0].strip().lower()


def _unpacked(data: bytes, coding: str) -> bytes | None:
    """What a compressed body holds, as far as it was kept; None where it is not understood."""
    window = _WINDOWS.get(coding.strip().lower())
    if window is None:
        return None
    try:
        return zlib.decompressobj(window).decompress(data, MAX_UNPACKED)
    except zlib.error:
        return None


def _text(text: str, media: str, veil: Veil) -> list[Line]:
    kind = kind_of(text, media)
    if kind == "form":
        return _form(veil.form(text))
    if kind == "json":
        return _numbered(pretty_json(veil.json(text)), "json")
    return _lines(veil.text(text), media)


def _lines(text: str, media: str) -> list[Line]:
    """Text that is shown as it is, coloured by what it looks like."""
    name = plain_name(media)
    if "html" in name or "xml" in name or text.lstrip()[:1] == "<":
        return _numbered(text, "html")
    return _numbered(text, "json" if "json" in name or text.lstrip()[:1] in ("{", "[") else "")


def _form(text: str) -> list[Line]:
    pairs = (part.partition("=") for part in text.split("&") if part)
    rows = [(unquote_plus(name), unquote_plus(value)) for name, _, value in islice(pairs, MAX_LINES)]
    return table(rows, indent=0)


def _numbered(text: str, syntax: str) -> list[Line]:
    """The lines of a text, as many as are shown."""
    lines: list[Line] = []
    rows = text.split("\n")
    for number, row in enumerate(rows):
        row = row.rstrip("\r")
        hang = min(len(row) - len(row.lstrip(" ")) + 2, 20) if syntax == "json" else 0
        for at in range(0, max(len(row), 1), MAX_LENGTH):
            if len(lines) >= MAX_LINES:
                said = f"{len(rows) - number:,} more lines are not shown."
                return [*lines, sentence(f"These are the first {MAX_LINES:,} lines; {said}", "warned")]
            lines.append(line(row[at : at + MAX_LENGTH], hang=hang, syntax=syntax))
    return lines


def _hex(data: bytes, shown: bytes, width: int) -> list[Line]:
    notes = []
    if shown != data:
        notes.append(sentence("Asterisks stand for secrets in it."))
    if len(shown) > HEX_BYTES:
        notes.append(sentence(f"These are its first {HEX_BYTES:,} bytes.", "warned"))
        shown = shown[:HEX_BYTES]
    wide = width >= HEX_ROW * 4 + 10
    row, gap = (HEX_ROW, "  ") if wide else (HEX_ROW // 2, " ")
    return [*notes, *(_hex_row(at, shown[at : at + row], row, gap) for at in range(0, len(shown), row))]


def _hex_row(at: int, row: bytes, cells: int, gap: str) -> Line:
    """Offset, bytes, and the characters that are printable ASCII."""
    text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "·" for byte in row)
    return line((f"{at:05x}{gap}", "muted"), f"{row.hex(' '):<{cells * 3 - 1}}{gap}", (text, "string"))


def preview(data: bytes, kind: str) -> str:
    """The beginning of a message's bytes in a few words: text as it is, other bytes as hex."""
    head = data[:400]
    text = None if kind == "bytes" else decoded(head, "")
    if text is not None:
        return " ".join(text.split())
    shown = picture(data)
    return shown or head[:24].hex(" ")
