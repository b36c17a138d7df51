"""The body of an answer as a person reads it: JSON indented, HTML as text, bytes as hex. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from asgi_tui.domain.images import read_image
from asgi_tui.domain.masking import mask_json, mask_loosely, mask_query, secret_spans
from asgi_tui.domain.text import MASK, mask_secrets, sanitize
from asgi_tui.frontends.console.format import size
from asgi_tui.frontends.console.html_text import html_text

PART = 200_000  # characters shown at a time: a text area joins all of its lines for each row it draws
HEX_BYTES = 64 * 1024  # of a binary body are shown
HTML_CHARS = 256 * 1024  # of HTML are read as text
PAGES = frozenset({"text/html", "application/xhtml+xml"})
HEX_ROW = 16  # bytes a row
INDENT = "  "

# The pieces of a JSON text, spaces left out. A string may hold anything but its own end.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_CHARSET = re.compile(r"charset=\"?([\w.:-]{1,40})", re.IGNORECASE)
# Those that Python reads in a time that grows with the text, and that are what pages are written in.
_KNOWN_CHARSET = re.compile(
    r"utf-?(?:8|16|32)(?:[-_]?[lb]e)?|(?:us-)?ascii|latin-?\d+|iso-8859-\d+|(?:windows-|cp)\d+|koi8-[ru]"
    r"|gb\w+|big5\w*|euc-\w+|shift[-_]jis|iso-2022-\w+",
    re.IGNORECASE,
)
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Readable:
    """A body as text: ``kind`` is ``json``, ``html``, ``form``, ``text``, ``image``, ``hex`` or ``empty``.

    ``note`` says what there is to know of it; every character of ``text`` may be shown.
    """

    kind: str
    text: str = ""
    note: str = ""

    @property
    def parts(self) -> int:
        """How many parts of ``PART`` characters it has."""
        return max(-(-len(self.text) // PART), 1)

    def part(self, number: int) -> str:
        """One of them, from 0 on; it begins and ends with a whole line where lines are not endless."""
        return self.text[self._start(number) : self._start(number + 1)]

    def _start(self, number: int) -> int:
        at = number * PART
        if not 0 < at < len(self.text):
            return max(min(at, len(self.text)), 0)
        end = self.text.rfind("\n", at - PART + 1, at)
        return at if end < 0 else end + 1


def readable(
    data: bytes,
    media: str,
    *,
    whole: int,
    raw: bool = False,
    revealed: bool = False,
    known: re.Pattern[str] | None = None,
) -> Readable:
    """A body of ``whole`` bytes, of which ``data`` was kept, with its content type ``media``.

    ``raw``: as it came, but for what may not be shown. Secrets are masked unless ``revealed``, and so is
    what ``known`` finds: the request's own, which an answer may repeat.
    """
    found = _readable(data, media, whole=whole, raw=raw, revealed=revealed)
    if revealed or known is None or found.kind in ("hex", "image"):
        return found
    return replace(found, text=known.sub(MASK, found.text))


def _readable(data: bytes, media: str, *, whole: int, raw: bool, revealed: bool) -> Readable:
    if not data:
        return Readable("empty", "", "no body" if not whole else f"none of its {size(whole)} was kept")
    cut = f"the first {size(len(data))} of {size(whole)} were kept" if len(data) < whole else ""
    if described := picture(data):
        return Readable("image", hex_text(data), _note(described, _hex_cut(data), cut))
    text = decoded(data, media)
    if text is None:
        shown = data if revealed else _without_secrets(data)
        return Readable("hex", hex_text(shown), _note("binary", _hex_cut(data), cut))
    kind = kind_of(text, media)
    if kind == "json":
        masked = text if revealed else masked_json(text)
        return Readable("json", safe_lines(masked if raw else pretty_json(masked)), _note("JSON", cut))
    if kind == "form":
        return Readable("form", safe_lines(text if revealed else str(mask_query(text))), _note("form", cut))
    text = text if revealed else mask_loosely(mask_secrets(text))
    if kind == "html" and not raw:
        part = f"its first {size(HTML_CHARS)}; raw shows it whole" if len(text) > HTML_CHARS else ""
        return Readable("html", safe_lines(html_text(text[:HTML_CHARS])), _note("HTML as text", part, cut))
    return Readable("text", safe_lines(text), _note("HTML" if kind == "html" else "text", cut))


def _note(*parts: str) -> str:
    return " · ".join(filter(None, parts))


def safe_lines(text: str) -> str:
    """Text of several lines that a terminal may show."""
    return "\n".join(sanitize(line) for line in text.split("\n")) if not text.isprintable() else text


def decoded(data: bytes, media: str) -> str | None:
    """A body as text with ``\\n`` between lines; None where it is none."""
    try:
        text = data.decode(charset_of(media))
    except (UnicodeDecodeError, LookupError):
        # A body that was cut may end within a character.
        try:
            text = data.decode("utf-8", "strict" if not media.startswith("text/") else "replace")
        except UnicodeDecodeError as error:
            if error.reason != "unexpected end of data":
                return None
            text = data[: error.start].decode()
    return None if "\0" in text else text.replace("\r\n", "\n")


def charset_of(media: str) -> str:
    """The charset that a content type names, else UTF-8; it may still be one that nobody knows."""
    charset = _CHARSET.search(media)
    return charset[1] if charset and _KNOWN_CHARSET.fullmatch(charset[1]) else "utf-8"


def kind_of(text: str, media: str) -> str:
    """``json``, ``html``, ``form`` or ``text``, by the content type and else by how it begins."""
    name = media.partition(";")[0].strip().lower()
    if name == _FORM:
        return "form"
    if name in PAGES:
        return "html"
    looks = name in ("", "text/plain") and text.lstrip()[:1] in ("{", "[")
    if looks or name == "application/json" or name.endswith("+json"):
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return "text"
        return "json"
    return "text"


def masked_json(text: str) -> str:
    """JSON with the values of keys that name secrets masked; one without any stays as it is written."""
    found = json.loads(text)
    masked = mask_json(found)
    return text if masked == found else json.dumps(masked, ensure_ascii=False)


def pretty_json(text: str) -> str:
    """JSON with a line for each item; numbers and strings stay as they are written.

    Raises ``ValueError`` where it is none (and ``RecursionError`` where it is too deep).
    """
    json.loads(text)
    return "".join(_indented(_TOKEN.findall(text)))


def _indented(pieces: list[str]) -> Iterator[str]:
    depth = 0
    for at, piece in enumerate(pieces):
        if piece in "{[":
            yield piece
            if pieces[at + 1] not in "}]":
                depth += 1
                yield "\n" + INDENT * depth
        elif piece in "}]":
            if pieces[at - 1] not in "{[":
                depth -= 1
                yield "\n" + INDENT * depth
            yield piece
        elif piece == ",":
            yield ",\n" + INDENT * depth
        else:
            yield ": " if piece == ":" else piece


def hex_text(data: bytes) -> str:
    """The first ``HEX_BYTES`` as offset, bytes and the characters that are printable ASCII."""
    shown = data[:HEX_BYTES]
    rows = (shown[at : at + HEX_ROW] for at in range(0, len(shown), HEX_ROW))
    return "\n".join(
        f"{number * HEX_ROW:06x}  {row.hex(' '):<{HEX_ROW * 3 - 1}}  "
        + "".join(chr(byte) if 0x20 <= byte < 0x7F else "·" for byte in row)
        for number, row in enumerate(rows)
    )


def _without_secrets(data: bytes) -> bytes:
    """Bytes with an asterisk for each one of a secret that stands beside its name."""
    shown = bytearray(data)
    for start, end in secret_spans(data):
        shown[start:end] = b"*" * (end - start)
    return bytes(shown)


def _hex_cut(data: bytes) -> str:
    return f"the first {size(HEX_BYTES)} as hex" if len(data) > HEX_BYTES else ""


def picture(data: bytes) -> str:
    """What image it is, ``PNG image, 32 x 16 pixels``; empty where it is none that is known."""
    found = read_image(data)
    if found is None:
        return ""
    return f"{found.kind} image" + (f", {found.width} x {found.height} pixels" if found.width else "")
