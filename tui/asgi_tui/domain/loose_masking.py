"""Secrets found beside their names in text of any kind: part of a JSON body, HTML, a log line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import unquote_plus

from asgi_tui.domain.text import MASK, SECRET_URL, is_secret_name

_WORD = r"[\w.\-\[\]%]"
# A name in quotes and its colon, in JSON and where Python shows a dictionary; the value begins at the end.
_QUOTED = re.compile(
    r'"((?:[^"\\]|\\.){1,100})"\s*:\s*' + "|" + r"'((?:[^'\\]|\\.){1,100})'\s*:\s*", re.DOTALL
)
# name=value in a form, a query, a command; not from within a word, which would be tried at each letter.
_ASSIGNED = re.compile(rf"(?<!{_WORD})({_WORD}{{1,100}})\s?=\s?")
_ASSIGNEE = re.compile(r"\"([^\"\n]*)|'([^'\n]*)|([^&\s\"']+)")
# Characters of a value in which a sign of percent-encoding is looked for.
_ENCODED_WITHIN = 400
# Name: value in a log line or YAML; of a header that is a secret the whole line.
_HEADER = re.compile(
    r"(?i)(?<![\w\-])(?:((?:proxy-)?authorization|(?:set-)?cookie):[ \t]*([^\r\n]+)"
    r"|([\w\-]{1,100}):[ \t]+(?!//)([^\s\"'{\[][^\s]*))"
)
# A part of a multipart form (RFC 7578 4.2): its value lies between the empty line and the next boundary.
_PART = re.compile(
    r'(?i)content-disposition:[^\r\n]{0,200}?\bname="([^"\r\n]{1,100})"[^\r\n]{0,1000}\r?\n'
    r"(?:[^\r\n]{1,1000}\r?\n){0,8}\r?\n(.*?)(?=\r?\n--|\Z)",
    re.DOTALL,
)
# <input name="password" value="..."> and <meta name="csrf-token" content="...">
_TAG = re.compile(r"(?i)<(?:input|meta)\b([^<>]{1,4000})")
_ATTRIBUTE = re.compile(r"(?i)(?<![\w\-])(name|id|value|content)\s*=\s*(?:\"([^\"]*)|'([^']*)|([^\s\"'>]+))")
# {"name": "password", "value": "..."}, as forms are written down; the value begins at the end.
_NAMED = re.compile(r'"name"\s*:\s*"((?:[^"\\]|\\.){1,100})"\s*,\s*"value"\s*:\s*')
# How often what is percent-encoded may be so again, and is still read.
_ENCODED = 3
# A signed token, whatever stands beside it (RFC 7519; its header is a JSON object: ``{"`` in base64).
_JWT = re.compile(r"(?<![\w\-])eyJ[\w\-]{8,}\.[\w\-]{2,}(?:\.[\w\-]*){0,3}")
# Values that are no secret under any name.
_NONE = frozenset({"", "null", "true", "false", "None", "True", "False", '""', "''", "[]", "{}", MASK})


# Keys that are secrets though nothing in their name says so: of signed URLs, sessions and single sign-on.
_SECRET_KEYS = frozenset(
    {
        "assertion",
        "bearer",
        "client_assertion",
        "csrf",
        "jsessionid",
        "jwt",
        "key",
        "otp",
        "passcode",
        "phpsessid",
        "samlresponse",
        "sessid",
        "sessionid",
        "sid",
        "sig",
        "xsrf",
    }
)
# Characters of a name whose answer is remembered: most come again and again.
_NAME_CHARS = 100
# What stands between the words of a key: ``user[apiKey]`` has three.
_BETWEEN = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")


def is_secret_key(name: str) -> bool:
    """Whether a key of a query, a form or a JSON object names a secret."""
    return _is_secret(name) if len(name) <= _NAME_CHARS else _is_secret.__wrapped__(name)


@lru_cache(4_096)
def _is_secret(name: str) -> bool:
    words = _BETWEEN.sub("_", name).strip("_").lower()
    return words in _SECRET_KEYS or is_secret_name(words)


def mask_loosely(text: str) -> str:
    """``text`` with every value that stands beside a secret's name masked; others cannot be known."""
    parts, at = [], 0
    for start, end in _merged(_found(text)):
        parts += [text[at:start], MASK]
        at = end
    return "".join([*parts, text[at:]]) if parts else text


def secret_spans(data: bytes) -> list[tuple[int, int]]:
    """Where such values lie in bytes, from and up to, in order and apart."""
    # Latin-1 keeps every byte in its place.
    return _merged(_found(data.decode("latin-1")))


def _merged(spans: Iterator[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def holds_secret(value: str) -> bool:
    """Whether a percent-encoded value is a URL, a form or JSON with a secret of its own."""
    for _ in range(_ENCODED):
        if "%" not in value:
            break
        value = unquote_plus(value)
    # What is still encoded is looked into no further.
    return (
        any(mark in value for mark in ("=", ":", "eyJ")) and next(_found(value, inner=True), None) is not None
    )


def _found(text: str, *, inner: bool = False) -> Iterator[tuple[int, int]]:
    done = 0
    for match in _QUOTED.finditer(text):
        if match.start() >= done and is_secret_key(_read(match[1] or match[2] or "")):
            start, done = _value(text, match.end())
            yield from _worth(text, start, done)
    if '"value"' in text:
        for match in _NAMED.finditer(text):
            if is_secret_key(_read(match[1])):
                yield from _worth(text, *_value(text, match.end()))
    if "=" in text:
        yield from _assigned(text, inner=inner)
    if ":" in text:
        for match in _HEADER.finditer(text):
            if match[1] or is_secret_key(match[3]):
                yield from _worth(text, *match.span(match.lastindex or 0))
    if 'name="' in text:
        for match in _PART.finditer(text):
            if is_secret_key(match[1]):
                yield from _worth(text, *match.span(2))
    if "://" in text:
        for match in SECRET_URL.finditer(text):
            yield from _worth(text, *match.span(2))
    if "eyJ" in text:
        for match in _JWT.finditer(text):
            yield match.span()
    for match in _TAG.finditer(text):
        found = {part[1].lower(): part for part in _ATTRIBUTE.finditer(text, *match.span(1))}
        names = [part[part.lastindex or 0] for key, part in found.items() if key in ("name", "id")]
        if any(is_secret_key(name) for name in names):
            for key in ("value", "content"):
                if key in found:
                    yield from _worth(text, *found[key].span(found[key].lastindex or 0))


def _assigned(text: str, *, inner: bool) -> Iterator[tuple[int, int]]:
    """The value of a name that says secret, and one that holds such a name encoded.

    Of any other the value is searched too: ``href="/x?token=..."``.
    """
    done = 0
    for match in _ASSIGNED.finditer(text):
        end = match.end()
        secret = is_secret_key(unquote_plus(match[1]))
        encoded = not inner and text.find("%", end, end + _ENCODED_WITHIN) >= 0
        if match.start() < done or not (secret or encoded):
            continue
        value = _ASSIGNEE.match(text, end)
        if value is None:
            continue
        group = value.lastindex or 0
        # Each part of the text is read as a value once.
        done = value.end()
        if secret or ("%" in value[0] and holds_secret(value[group])):
            yield from _worth(text, *value.span(group))
        elif "%" not in value[0]:
            done = end


def _worth(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    if end > start and text[start:end] not in _NONE:
        yield start, end


def _read(name: str) -> str:
    """A name in which letters may be escaped."""
    if "\\" not in name:
        return name
    try:
        return str(json.loads(f'"{name}"'))
    except ValueError:
        return name


_STRINGS = {
    '"': re.compile(r'(?:[^"\\]|\\.)*', re.DOTALL),
    "'": re.compile(r"(?:[^'\\]|\\.)*", re.DOTALL),
}
_BARE = re.compile(r"[^\s,\]}]*")
_NESTED = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)


def _value(text: str, at: int) -> tuple[int, int]:
    """Where the value that begins at ``at`` lies: a string without its quotes, an object or array whole."""
    first = text[at : at + 1]
    if first in _STRINGS:
        found = _STRINGS[first].match(text, at + 1)
        # One whose end was cut off ends with the text, in the middle of an escape too.
        end = found.end() if found else at + 1
        return at + 1, len(text) if end == len(text) - 1 and text[end] == "\\" else end
    if first not in ("[", "{"):
        found = _BARE.match(text, at)
        return at, found.end() if found else at
    depth = 0
    for match in _NESTED.finditer(text, at):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match[0], 0)
        if depth == 0:
            return at, match.end()
    return at, len(text)
