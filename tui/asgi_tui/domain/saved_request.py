"""A request that was saved to be sent again, less its secrets, and how it is written down."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from asgi_tui.domain.calls import Header
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.names import BAD_NAME, is_name
from asgi_tui.domain.sending import HTTP_VERSIONS, Sending
from asgi_tui.domain.text import sanitize
from asgi_tui.domain.withholding import withhold

# Requests of one project, and characters of one as it is written.
SAVED_REQUESTS = 200
SAVED_CHARS = 256 * 1024


@dataclass(frozen=True, slots=True)
class SavedRequest:
    """A request under a name, saved at a Unix time.

    ``missing`` names what must be filled in before it is sent, as ``withholding.Written`` has it.
    """

    name: str
    at: float
    sending: Sending
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SavedList:
    """The saved requests of a project by name, and what is wrong with the files of others."""

    requests: tuple[SavedRequest, ...] = ()
    problems: tuple[Problem, ...] = ()


def check_name(name: str) -> None:
    """Raises ``Problem`` for a name that a request cannot have."""
    if not is_name(name):
        what = f"Saved request {sanitize(name)[:40]!r}"
        raise Problem(what, *BAD_NAME)


def write(name: str, at: float, sending: Sending, *, keep_body: bool) -> tuple[str, tuple[str, ...]]:
    """The request as JSON, and what must be filled in before it is sent.

    ``keep_body``: with a body that cannot be searched for secrets. Raises ``Problem``.
    """
    check_name(name)
    written = withhold(sending, keep_body=keep_body)
    record: dict[str, object] = {
        "name": name,
        "at": at,
        "method": sending.method,
        "path": written.path,
        "headers": written.headers,
        "http_version": sending.http_version,
        "missing": written.missing,
    }
    try:
        record["body"] = (written.body or b"").decode()
    except UnicodeDecodeError:
        record["body_base64"] = base64.b64encode(written.body or b"").decode()
    text = json.dumps(record, indent=1, ensure_ascii=False)
    if len(text) > SAVED_CHARS:
        why = f"it takes {len(text):,} characters, and {SAVED_CHARS:,} are kept"
        raise Problem(f"Saved request {name}", why, "shorten its body")
    return text, written.missing


def read(text: str) -> SavedRequest:
    """The request that ``write`` wrote. Raises ``ValueError`` where it is none."""
    try:
        record = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    match record:
        case {
            "name": str() as name,
            "at": int() | float() as at,
            "method": str() as method,
            "path": str() as path,
            "headers": list() as headers,
            "http_version": str() as version,
            "missing": list() as missing,
        } if is_name(name) and version in HTTP_VERSIONS and 0 <= at < 1e11:
            sending = Sending(method, path, tuple(map(_header, headers)), _body(record), version)
            return SavedRequest(name, float(at), sending, tuple(map(_text, missing)))
    raise ValueError("it is no saved request")


def _header(item: Any) -> Header:
    # Any: JSON.
    match item:
        case [str() as name, str() as value]:
            return Header(name, value)
    raise ValueError("a header is no pair of texts")


def _text(item: Any) -> str:
    # Any: JSON.
    if not isinstance(item, str):
        raise ValueError("what is missing is no text")
    return item


def _body(record: dict[str, Any]) -> bytes:
    # Any: JSON.
    match record:
        case {"body": str() as text}:
            return text.encode()
        case {"body_base64": str() as text}:
            try:
                return base64.b64decode(text, validate=True)
            except binascii.Error:
                raise ValueError("its body is no base64") from None
    raise ValueError("it has no body")
