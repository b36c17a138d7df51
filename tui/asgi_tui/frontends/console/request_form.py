"""A request as texts to edit, and what the texts amount to. Pure.

Secrets stand in the texts as their masks. A mask that is left as it is stands for the value it hides; one
that is found anywhere else is a mistake, and nothing is sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPMethod
from typing import Any
from urllib.parse import quote

from asgi_tui.domain.calls import Header
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.masking import mask_header, mask_loosely, mask_query, secret_words
from asgi_tui.domain.secret import revealed as value_of
from asgi_tui.domain.sending import Sending
from asgi_tui.domain.text import MASK, hiding
from asgi_tui.frontends.console.answer_text import (
    PART,
    charset_of,
    decoded,
    kind_of,
    masked_json,
    pretty_json,
    safe_lines,
)

METHODS = tuple(method.value for method in HTTPMethod if method is not HTTPMethod.CONNECT)
MEDIA = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "text": "text/plain; charset=utf-8",
    "none": "",
}
METHOD, PATH, HEADERS, BODY = "method", "path", "headers", "body"

# RFC 9110 5.6.2: what a method and a header's name are made of.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# What a path may have in it unescaped (RFC 3986 3.3 and 3.4), and what is escaped already.
_PATH_SAFE = "/?:@!$&'()*+,;=-._~%[]|{}\"<>^`\\"
_REVEAL = "leave it as it was, type the whole value, or show the secrets (F4)"


@dataclass(frozen=True, slots=True)
class Form:
    """What stands in the fields. ``kept``: an empty ``body`` stands for one that cannot be edited as text."""

    method: str = "GET"
    path: str = "/"
    headers: str = ""
    body: str = ""
    http_version: str = "1.1"
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What the fields amount to: ``sending``, None where there are ``problems``, by field."""

    sending: Sending | None
    problems: Mapping[str, str]


def fill(sending: Sending, *, revealed: bool = False) -> Form:
    """The texts of a request; secrets are masked unless ``revealed``."""
    headers = "\n".join(
        f"{header.name}: {value_of(header.value) if revealed else header.value}" for header in sending.headers
    )
    body = _body_text(sending, revealed=revealed)
    return Form(
        sending.method,
        sending.path if revealed else masked_path(sending.path),
        safe_lines(headers),
        body or "",
        sending.http_version,
        body is None,
    )


def masked_path(path: str) -> str:
    """A path as it may be shown, with the secrets in its query masked."""
    before, mark, query = path.partition("?")
    return safe_lines(f"{before}{mark}{mask_query(query)}")


def known_secrets(sending: Sending) -> re.Pattern[str] | None:
    """What finds the secrets of headers and query in an answer that repeats them."""
    query = mask_query(sending.path.partition("?")[2])
    return hiding(secret_words([query, *(header.value for header in sending.headers)], [sending.body]))


def read(form: Form, given: Sending) -> Reading:
    """The request that the texts say; a mask in them stands for what it hides in ``given``."""
    problems: dict[str, str] = {}
    method = form.method.strip()
    method = method.upper() if method.upper() in METHODS else method
    if not _TOKEN.fullmatch(method):
        problems[METHOD] = str(Problem("Method", "it is no word", "write one such as GET"))
    path, headers, body = given.path, given.headers, given.body
    try:
        path = _read_path(form.path.strip(), given)
    except Problem as problem:
        problems[PATH] = str(problem)
    try:
        headers = read_headers(form.headers, given.headers)
    except Problem as problem:
        problems[HEADERS] = str(problem)
    try:
        body = _read_body(form, given, media_of(headers))
    except Problem as problem:
        problems[BODY] = str(problem)
    return Reading(None if problems else Sending(method, path, headers, body, form.http_version), problems)


def _read_path(text: str, given: Sending) -> str:
    if not text.startswith("/"):
        raise Problem("Path", "it does not begin with a slash", "write it as /items?page=2")
    if "#" in text:
        raise Problem(
            "Path", "it has a fragment, which no client sends", "take out what follows #, or write %23"
        )
    if re.search(r"[\s\x00-\x1f\x7f]", text):
        raise Problem("Path", "it has a space", "write %20 in its place")
    path, mark, query = text.partition("?")
    known = given.path.partition("?")[2]
    query = _filled_in(_restored(query, known, str(mask_query(known)), "&", "Path"), "Path")
    return quote(f"{path}{mark}{query}", safe=_PATH_SAFE)


def read_headers(text: str, given: tuple[Header, ...]) -> tuple[Header, ...]:
    """Headers of ``name: value`` lines. Raises ``Problem``, which names the line."""
    known: dict[str, list[str]] = {}
    for header in given:
        known.setdefault(header.name.lower(), []).append(value_of(header.value))
    headers = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        where, value = f"Header line {number}", value.strip()
        if not colon:
            raise Problem(where, "it has no colon", "write it as name: value")
        if not _TOKEN.fullmatch(name.strip()):
            raise Problem(where, "its name may have no space or special character in it", "mend the name")
        name = name.strip()
        value = _filled_in(_header_value(name, value, known.get(name.lower(), []), where), where)
        if not value.isprintable() and re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value):
            raise Problem(where, "its value has a control character", "take it out")
        if any(ord(character) > 0xFF for character in value):
            raise Problem(where, "its value has a character that is not Latin-1", "escape it or take it out")
        headers.append(Header(name, mask_header(name, value)))
    return tuple(headers)


def _header_value(name: str, text: str, known: list[str], where: str) -> str:
    if MASK not in text:
        return text
    separator = "; " if name.lower() == "cookie" else ""
    problem = None
    for value in known:
        try:
            restored = _restored(text, value, str(mask_header(name, value)), separator, where)
        except Problem as error:
            problem = error
        else:
            known.remove(value)
            return restored
    raise problem or Problem(where, "it has a mask in it that hides nothing", _REVEAL)


def _filled_in(text: str, where: str) -> str:
    """``text``, where no secret is missing: a saved request has masks in their places."""
    if MASK in text:
        raise Problem(where, "a secret in it was not saved", "type it in place of its mask")
    return text


def _restored(text: str, given: str, shown: str, separator: str, where: str) -> str:
    """``text`` with each part that is still masked as it is in ``given``, which is shown as ``shown``."""
    if MASK not in text:
        return text
    if text == shown:
        return given
    hidden: dict[str, list[str]] = {}
    if separator:
        for masked, real in zip(shown.split(separator), given.split(separator), strict=True):
            hidden.setdefault(masked, []).append(real)
    parts = []
    for part in text.split(separator) if separator else [text]:
        if MASK in part:
            if not hidden.get(part):
                raise Problem(where, "a masked secret in it was changed in part", _REVEAL)
            parts.append(hidden[part].pop(0))
        else:
            parts.append(part)
    return separator.join(parts)


# -- the body ------------------------------------------------------------------------------------------


def media_of(headers: tuple[Header, ...]) -> str:
    """The content type among headers, empty where there is none."""
    return next((str(header.value) for header in headers if header.name.lower() == "content-type"), "")


def _body_text(sending: Sending, *, revealed: bool) -> str | None:
    """A body as text to edit, None where it is none (or too long)."""
    if not sending.body:
        return ""
    if len(sending.body) > PART:
        return None
    media = media_of(sending.headers)
    text = decoded(sending.body, media)
    if text is None or safe_lines(text) != text:
        return None
    if revealed:
        return text
    kind = kind_of(text, media)
    if kind == "json":
        masked = masked_json(text)
        return text if masked == text else pretty_json(masked)
    return str(mask_query(text)) if kind == "form" else mask_loosely(text)


def _read_body(form: Form, given: Sending, media: str) -> bytes:
    if form.kept and not form.body:
        return given.body
    if MASK.encode() in given.body and MASK in form.body:
        raise Problem("Body", "a secret in it was not saved", "type it in place of its mask")
    for shown in (False, True):
        # as it came, to the byte
        if form.body == _body_text(given, revealed=shown):
            return given.body
    text = form.body
    if MASK in text:
        was = _body_text(given, revealed=True) or ""
        if kind_of(was, media_of(given.headers)) == "form":
            text = _restored(text, was, str(mask_query(was)), "&", "Body")
        else:
            text = _restored_json(text, was)
    if b"\r\n" in given.body:
        text = text.replace("\n", "\r\n")
    try:
        return text.encode(charset_of(media))
    except (UnicodeEncodeError, LookupError):
        mend = "write charset=utf-8 into the content type"
        raise Problem("Body", f"it cannot be written as {charset_of(media)}", mend) from None


def _restored_json(text: str, given: str) -> str:
    try:
        merged = _merged(json.loads(text), json.loads(given))
    except (ValueError, RecursionError):
        why = "it has masked secrets and is no JSON"
        raise Problem("Body", why, "mend it, or show the secrets (F4) and edit it then") from None
    return json.dumps(merged, ensure_ascii=False, indent=2)


def _merged(edited: Any, given: Any) -> Any:
    """``edited`` with what is still masked in it as it is at the same place of ``given``."""
    # Any: JSON.
    if isinstance(edited, dict):
        known = given if isinstance(given, dict) else {}
        return {key: _merged(value, known.get(key)) for key, value in edited.items()}
    if isinstance(edited, list):
        items = given if isinstance(given, list) else []
        padded = [*items, *[None] * max(len(edited) - len(items), 0)]
        return [_merged(value, item) for value, item in zip(edited, padded, strict=False)]
    if isinstance(edited, str) and MASK in edited:
        if edited != MASK or given is None:
            raise Problem("Body", "a masked secret in it was changed in part or moved", _REVEAL)
        return given
    return edited


def content_kind(headers: str) -> str:
    """Which of ``MEDIA`` the header lines say, empty where it is another."""
    found = _CONTENT_TYPE.search(headers)
    name = found[1].partition(";")[0].strip().lower() if found else ""
    if not name:
        return "none"
    return next((kind for kind, media in MEDIA.items() if media.partition(";")[0] == name), "")


def with_content_type(headers: str, kind: str) -> str:
    """The header lines with another content type, or none."""
    rest = [line for line in headers.split("\n") if line.strip() and not _CONTENT_TYPE.fullmatch(line)]
    return "\n".join([*rest, *([f"content-type: {MEDIA[kind]}"] if MEDIA[kind] else [])])


_CONTENT_TYPE = re.compile(r"^[ \t]*content-type[ \t]*:(.*)$", re.IGNORECASE | re.MULTILINE)
