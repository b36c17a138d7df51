"""What of a request that is to be sent may be written down: its secrets masked, and named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from asgi_tui.domain.calls import Header
from asgi_tui.domain.masking import mask_body, mask_header, mask_query
from asgi_tui.domain.secret import Secret
from asgi_tui.domain.sending import Sending
from asgi_tui.domain.text import MASK, sanitize


@dataclass(frozen=True, slots=True)
class Written:
    """A sending without its secrets; each has its mask in its place.

    ``body`` is None where it was left out, since secrets in it cannot be found. ``missing`` names what is
    masked or left out: ``header cookie``, ``query token``, ``body user.password``, ``body (12 bytes)``.
    """

    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    missing: tuple[str, ...]


def withhold(sending: Sending, *, keep_body: bool = False) -> Written:
    """What may be written down of a sending. ``keep_body``: also of a body that cannot be searched."""
    missing: list[str] = []
    path, mark, query = sending.path.partition("?")
    masked = str(mask_query(query))
    missing += [f"query {name}" for name in _changed_names(query, masked)]
    headers = []
    for header in sending.headers:
        value, secret = _shown(header)
        headers.append((header.name, value))
        if secret:
            missing.append(f"header {header.name}")
    body, names = _body(sending, keep_body)
    missing += names
    # Names are the user's text too, and a comment in a command ends with a line.
    named = tuple(dict.fromkeys(map(sanitize, missing)))
    return Written(path + mark + masked, tuple(headers), body, named)


def _shown(header: Header) -> tuple[str, bool]:
    """A header's value as it may be shown, and whether that is not all of it."""
    value = header.value
    found = value if isinstance(value, Secret) else mask_header(header.name, value)
    return str(found), isinstance(found, Secret) or MASK in str(found)


def _body(sending: Sending, keep: bool) -> tuple[bytes | None, list[str]]:
    data = sending.body
    if not data:
        return b"", []
    media = next((str(item.value) for item in sending.headers if item.name.lower() == "content-type"), "")
    text = mask_body(data, media)
    if text is None:
        return (data, []) if keep else (None, [f"body ({len(data):,} bytes)"])
    if text[:1] in ("{", "["):
        names = list(_changed_keys(json.loads(data), json.loads(text), ""))
        # Of a key that is there twice only the last was searched.
        whole = not names and not _has_twice(data)
    else:
        names = list(_changed_names(data.decode(), text))
        whole = not names
    # As it was written where there is nothing to hide: JSON is else written anew.
    return (data if whole else text.encode("utf-8", "replace")), [f"body {name}" for name in names]


def _has_twice(data: bytes) -> bool:
    """Whether an object of a JSON text has a key twice."""
    found = False

    def look(pairs: list[tuple[str, Any]]) -> None:
        nonlocal found
        found = found or len({key for key, _ in pairs}) < len(pairs)

    json.loads(data, object_pairs_hook=look)
    return found


def _changed_names(before: str, after: str) -> Iterator[str]:
    """The keys of a query or form whose values were masked."""
    for old, new in zip(before.split("&"), after.split("&"), strict=True):
        if old != new or MASK in new:
            yield unquote_plus(new.partition("=")[0])


def _changed_keys(before: Any, after: Any, path: str) -> Iterator[str]:
    # Any: JSON, twice of the same shape but for what is masked.
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            yield from _changed_keys(value, after[key], f"{path}.{key}" if path else key)
    elif isinstance(before, list) and isinstance(after, list):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _changed_keys(old, new, f"{path}[{index}]")
    elif after == MASK:
        yield path
