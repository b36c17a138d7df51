"""Secrets of a request found by their names: in its headers, its query and its body."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import unquote_plus

from asgi_tui.domain.calls import Body, Header
from asgi_tui.domain.loose_masking import is_secret_key as is_secret_key
from asgi_tui.domain.loose_masking import mask_loosely as mask_loosely
from asgi_tui.domain.loose_masking import secret_spans as secret_spans
from asgi_tui.domain.secret import Secret
from asgi_tui.domain.text import MASK, is_secret_name, mask_secrets, mask_value

# Characters of a body that may leave the console with an event.
TOLD_CHARS = 4_096
# How deep a JSON body is searched; what lies deeper is masked whole.
MAX_DEPTH = 50

# Headers that hold secrets under a name that does not say so.
_SECRET_HEADERS = frozenset({"set-cookie", "x-csrftoken", "x-forwarded-client-cert", "x-amz-security-token"})
# Schemes of an authorization header that may be shown (RFC 9110 11.1): the word before the credentials.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,19}(?= )")
# What stands between the words of a header or a query.
_WORDS = re.compile(r"[\s;,=&]+")


def mask_header(name: str, value: str) -> str | Secret:
    """A header's value, a ``Secret`` where it is one: it shows a cookie's name, credentials' scheme."""
    lower = name.lower()
    if lower == "cookie":
        return Secret(value, "; ".join(_assignment(part) for part in value.split("; ")))
    if lower == "set-cookie":
        cookie, semicolon, attributes = value.partition(";")
        return Secret(value, _assignment(cookie) + semicolon + attributes)
    if lower in _SECRET_HEADERS or is_secret_name(lower):
        scheme = _SCHEME.match(value) if lower.endswith("authorization") else None
        return Secret(value, f"{scheme[0]} {MASK}" if scheme else MASK)
    if lower in ("referer", "location", "origin", "content-location", "link", "refresh"):
        shown = mask_value("", value)
        return Secret(value, shown) if shown != value else value
    return value


def _assignment(text: str) -> str:
    name, equals, _ = text.partition("=")
    return f"{name}={MASK}" if equals else MASK


def mask_query(query: str) -> str | Secret:
    """A query string, a ``Secret`` where one of its keys names one; the other keys stay readable."""
    parts = query.split("&")
    shown = "&".join(_parameter(part) for part in parts)
    return Secret(query, shown) if shown != query else query


def _parameter(text: str) -> str:
    name, equals, value = text.partition("=")
    # OAuth's authorization code (RFC 6749 4.1.2); in a body a code may be anything.
    secret = is_secret_key(unquote_plus(name)) or name.lower() == "code"
    return f"{name}={MASK}" if equals and value and secret else text


def mask_body(data: bytes, media: str) -> str | None:
    """A whole JSON or form body as text with its secrets masked; None where it is neither."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    if media.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded":
        return str(mask_query(text))
    if text.lstrip()[:1] not in ("{", "["):
        # A bare string or number is no answer to whether it is a secret.
        return None
    try:
        found = json.loads(text)
        return json.dumps(_masked(found, 0), ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError):
        return None


def mask_json(found: Any) -> Any:
    """A JSON value with the values of keys that name secrets masked."""
    # Any: JSON.
    return _masked(found, 0)


def _masked(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        return MASK
    if isinstance(value, dict):
        return {
            key: MASK
            if is_secret_key(key) and not (item is None or isinstance(item, bool) or item == "")
            else _masked(item, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_masked(item, depth + 1) for item in value]
    return value


def make_body(size: int, parts: Sequence[bytes], headers: Sequence[Header]) -> Body:
    """A whole body of ``size`` bytes, of which ``parts`` were kept, and what of it may be told."""
    data = b"".join(parts)
    media = next((str(item.value) for item in headers if item.name.lower() == "content-type"), "")
    coding = next((str(item.value) for item in headers if item.name.lower() == "content-encoding"), "")
    text = withheld = None
    if size and len(data) < size:
        withheld = "it was not kept whole, so that secrets in it cannot be found"
    elif size and coding not in ("", "identity"):
        withheld = f"it is {coding}, so that secrets in it cannot be found"
    elif size:
        text = mask_body(data, media)
        if text is None:
            withheld = "it is neither JSON nor a form, so that secrets in it cannot be found"
        elif len(text) > TOLD_CHARS:
            text, withheld = text[:TOLD_CHARS], f"only its first {TOLD_CHARS:,} characters are told"
    return Body(size, media, text, withheld or "", data)


def secret_words(values: Iterable[str | Secret]) -> set[str]:
    """The words of the secrets among ``values`` that their masks do not show."""
    found = set()
    for value in values:
        if isinstance(value, Secret):
            found |= set(_WORDS.split(value.reveal())) - set(_WORDS.split(str(value)))
    return found


def mask_text(text: str, known: re.Pattern[str] | None) -> str:
    """Free text (a log record, an exception's message) with what may be a secret masked for good.

    ``known`` finds secrets that are known (``text.hiding``).
    """
    text = mask_loosely(mask_secrets(text))
    return known.sub(MASK, text) if known is not None else text
