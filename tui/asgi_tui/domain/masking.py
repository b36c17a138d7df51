"""Secrets of a request found by their names: in its headers, its query and its body."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import unquote_plus

from asgi_tui.domain.calls import Body, Header
from asgi_tui.domain.loose_masking import holds_secret
from asgi_tui.domain.loose_masking import is_secret_key as is_secret_key
from asgi_tui.domain.loose_masking import mask_loosely as mask_loosely
from asgi_tui.domain.loose_masking import secret_spans as secret_spans
from asgi_tui.domain.secret import Secret, revealed
from asgi_tui.domain.text import MASK, mask_secrets

# Characters of a body that may leave the console with an event.
TOLD_CHARS = 4_096
# How deep a JSON body is searched; what lies deeper is masked whole.
MAX_DEPTH = 50

# Secrets of one call that are looked for in its other texts, and the least characters of one: texts are full
# of shorter words. Bytes of a body that are searched for them.
MAX_WORDS = 200
LEAST_WORD = 6
WORD_BYTES = 8_192

# Headers that hold secrets under a name that does not say so; others end with these.
_SECRET_HEADERS = frozenset({"x-csrftoken", "x-forwarded-client-cert", "x-amzn-oidc-data", "dpop"})
_SECRET_ENDS = ("-key", "-jwt", "-assertion")
# Keys that are no secret: of a handshake (RFC 6455), a retry, a cache.
_OPEN_KEYS = frozenset({"sec-websocket-key", "idempotency-key", "surrogate-key", "x-cache-key"})
# Schemes of an authorization header that may be shown (RFC 9110 11.1): the word before the credentials.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,19}(?= )")
# What stands between the words of a header or a query.
_WORDS = re.compile(r"[\s;,=&\"]+")
_ONE_WORD = re.compile(r"[^\s\[{][^\s]*")
# A subprotocol that says that a token follows, in it or as the next one; and what is no name any more.
_TOKEN_FOLLOWS = re.compile(
    r"(?i)(?:.*[.\-_])?(?:bearer|authorization|auth|(?:access[-_]?)?token|jwt|api[-_]?key)"
)
_NAME_CHARS = 40


def mask_header(name: str, value: str) -> str | Secret:
    """A header's value, a ``Secret`` where it is one: it shows a cookie's name, credentials' scheme."""
    lower = name.lower()
    shown = _shown(lower, value)
    return Secret(value, shown) if shown != value or lower in ("cookie", "set-cookie") else value


def _shown(name: str, value: str) -> str:
    if name == "cookie":
        return "; ".join(_assignment(part) for part in value.split("; "))
    if name == "set-cookie":
        cookie, semicolon, attributes = value.partition(";")
        return _assignment(cookie) + semicolon + attributes
    if name == "sec-websocket-protocol":
        return ", ".join(mask_subprotocols([part.strip() for part in value.split(",")]))
    if (
        name in _SECRET_HEADERS
        or is_secret_key(name)
        or (name.endswith(_SECRET_ENDS) and name not in _OPEN_KEYS)
    ):
        scheme = _SCHEME.match(value) if name.endswith("authorization") else None
        return f"{scheme[0]} {MASK}" if scheme else MASK
    # A URL, as proxies and redirects pass it on.
    return mask_text(value) if "=" in value or "@" in value or "eyJ" in value else value


def _assignment(text: str) -> str:
    name, equals, _ = text.partition("=")
    return f"{name}={MASK}" if equals else MASK


def mask_subprotocols(names: Sequence[str]) -> list[str]:
    """The subprotocols that a client offers: browsers can send a token nowhere else, so apps take it here."""
    shown: list[str] = []
    follows = False
    for name in names:
        telling = _TOKEN_FOLLOWS.match(name)
        if telling is not None and not name[telling.end() :]:
            shown.append(name)
        elif telling is not None and not name[telling.end()].isalnum():
            shown.append(telling[0] + MASK)
        else:
            shown.append(MASK if follows or len(name) >= _NAME_CHARS else name)
        follows = telling is not None and shown[-1] == name
    return shown


def mask_query(query: str) -> str | Secret:
    """A query string, a ``Secret`` where one of its keys names one; the other keys stay readable."""
    parts = query.split("&")
    shown = "&".join(_parameter(part) for part in parts)
    return Secret(query, shown) if shown != query else query


def mask_path(path: str) -> str:
    """A path with its query, or a whole URL, as it may be told."""
    before, mark, query = path.partition("?")
    return f"{mask_text(before)}{mark}{mask_query(query)}"


def _parameter(text: str) -> str:
    name, equals, value = text.partition("=")
    if not value:
        return text
    key = unquote_plus(name)
    # OAuth's authorization code (RFC 6749 4.1.2); in a body a code may be anything.
    secret = is_secret_key(key) or key.lower() == "code"
    return f"{name}{equals}{MASK}" if secret or holds_secret(value) else text


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
    """A JSON value with the values of keys that name secrets masked, and texts that hold one of their own."""
    # Any: JSON.
    return _masked(found, 0)


def _masked(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        return MASK
    if isinstance(value, dict):
        name = value.get("name")
        masked = {
            key: MASK if is_secret_key(key) and _worth(item) else _masked(item, depth + 1)
            for key, item in value.items()
        }
        # {"name": "password", "value": "..."}, as forms are written down.
        if isinstance(name, str) and "value" in value and is_secret_key(name) and _worth(value["value"]):
            masked["value"] = MASK
        return masked
    if isinstance(value, list):
        return [_masked(item, depth + 1) for item in value]
    # JSON within a text, or a URL: the whole text, so that a mask is always one whole value.
    return MASK if isinstance(value, str) and mask_text(value) != value else value


def _worth(value: Any) -> bool:
    # Any: JSON.
    return not (value is None or isinstance(value, bool) or value == "")


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


def secret_words(values: Iterable[str | Secret], bodies: Iterable[bytes] = ()) -> tuple[str, ...]:
    """The words of secrets among ``values`` that their masks do not show, and those in ``bodies`` whole.

    The longest first.
    """
    found = set()
    for value in values:
        if isinstance(value, Secret):
            found |= {*_WORDS.split(value.reveal()), *_password(value.reveal())} - {*_WORDS.split(str(value))}
    for body in bodies:
        data = body[:WORD_BYTES]
        for start, end in secret_spans(data):
            # An object or a sentence would be words that are everywhere.
            found |= {
                text for text in [data[start:end].decode("utf-8", "replace")] if _ONE_WORD.fullmatch(text)
            }
    found |= {unquote_plus(word) for word in found if "%" in word}
    return tuple(
        sorted((word for word in found if len(word) >= LEAST_WORD), key=len, reverse=True)[:MAX_WORDS]
    )


def _password(credentials: str) -> Iterator[str]:
    """The password of basic credentials (RFC 7617), which an app has decoded."""
    scheme, _, text = credentials.partition(" ")
    if scheme.lower() == "basic":
        try:
            yield base64.b64decode(text).decode("utf-8", "replace").partition(":")[2]
        except ValueError:
            return


def hide(text: str, known: Iterable[str]) -> str:
    """``text`` without the secrets that are known (``secret_words``)."""
    for word in known:
        text = text.replace(word, MASK)
    return text


def hide_value(value: str | Secret, known: Iterable[str]) -> str | Secret:
    """A value of which those are not shown either."""
    shown = hide(str(value), known)
    return value if shown == str(value) else Secret(revealed(value), shown)


def mask_text(text: str, known: Iterable[str] = ()) -> str:
    """Free text (a log record, an exception's message) with what may be a secret masked for good.

    ``known`` are secrets that are known (``secret_words``).
    """
    return hide(mask_loosely(mask_secrets(text)), known)
