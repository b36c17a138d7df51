"""The options every ASGI server has under one name or another.

A *concept* is the common name (``log_level``); each server's adapter says which native argument it
becomes. What a concept's value may be is decided here, once, for every server and every front end.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.text import MASK

Value: TypeAlias = str | int | bool
Options: TypeAlias = Mapping[str, Value]


class Kind(Enum):
    """What a concept's value is, and so which widget edits it."""

    TEXT = "text"
    HOST = "host"
    PORT = "port"
    INTEGER = "integer"
    CHOICE = "choice"
    SWITCH = "switch"
    PATH = "path"
    SECRET = "secret"  # noqa: S105 - a kind of value, not one


@dataclass(frozen=True, slots=True)
class Concept:
    """One common option: its kind, its help in plain words and its bounds (inclusive)."""

    name: str
    kind: Kind
    label: str
    help: str
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    unit: str = ""

    @property
    def secret(self) -> bool:
        """Whether the value is masked wherever it is shown."""
        return self.kind is Kind.SECRET


_ALL = (
    Concept("host", Kind.HOST, "Host", "Address to listen on; 0.0.0.0 is every network of this machine."),
    Concept(
        "port", Kind.PORT, "Port", "TCP port to listen on; 0 picks a free one.", minimum=0, maximum=65535
    ),
    Concept("uds", Kind.PATH, "Unix socket", "Listen on this Unix domain socket in place of host and port."),
    Concept("workers", Kind.INTEGER, "Workers", "Processes that serve the app.", minimum=1, maximum=512),
    Concept(
        "log_level",
        Kind.CHOICE,
        "Log level",
        "Least severe message the server logs.",
        choices=("critical", "error", "warning", "info", "debug", "trace"),
    ),
    Concept("access_log", Kind.SWITCH, "Access log", "One log line for each request."),
    Concept("root_path", Kind.TEXT, "Root path", "Prefix the app is mounted under: scope['root_path']."),
    Concept(
        "lifespan",
        Kind.CHOICE,
        "Lifespan",
        "Whether startup and shutdown events are sent: auto tries, on insists, off skips.",
        choices=("auto", "on", "off"),
    ),
    Concept("factory", Kind.SWITCH, "Factory", "The target is a function that returns the app."),
    Concept("app_dir", Kind.PATH, "App directory", "Directory the target is imported from."),
    Concept("tls_cert", Kind.PATH, "TLS certificate", "PEM file; with a key, the server speaks HTTPS."),
    Concept("tls_key", Kind.PATH, "TLS key", "PEM file with the private key of the certificate."),
    Concept("tls_key_password", Kind.SECRET, "TLS key password", "Decrypts the private key."),
    Concept(
        "graceful_timeout",
        Kind.INTEGER,
        "Graceful time-out",
        "Seconds open requests may take to finish when the server stops.",
        minimum=1,
        maximum=1800,
        unit="s",
    ),
    Concept("http", Kind.CHOICE, "HTTP", "HTTP implementation or version; the choices are the server's own."),
    Concept("ws", Kind.CHOICE, "WebSocket", "WebSocket implementation; the choices are the server's own."),
    Concept("proxy_headers", Kind.SWITCH, "Proxy headers", "Believe X-Forwarded-* of a proxy in front."),
)

CONCEPTS: dict[str, Concept] = {concept.name: concept for concept in _ALL}

_TRUE = {"true", "on", "yes", "1"}
_FALSE = {"false", "off", "no", "0"}
_HOSTNAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?")
# sun_path holds 108 bytes on Linux and 104 on macOS, the terminating NUL included (unix(7)).
UDS_PATH_BYTES = 103


def _fail(concept: Concept, why: str, mend: str) -> Problem:
    return Problem(f"Option {concept.name}", why, mend)


def read_value(name: str, text: str, choices: tuple[str, ...] = ()) -> Value:
    """The value of concept ``name`` that ``text`` spells.

    ``choices`` are the server's own where it narrows or extends the concept's. Raises ``Problem``
    where the text is not a value of the concept.
    """
    concept = CONCEPTS[name]
    text = text.strip() if concept.kind is not Kind.SECRET else text
    match concept.kind:
        case Kind.SWITCH:
            if text.lower() in _TRUE:
                return True
            if text.lower() in _FALSE:
                return False
            raise _fail(concept, f"{text!r} is neither on nor off", "use true or false")
        case Kind.PORT | Kind.INTEGER:
            return _read_integer(concept, text)
        case Kind.CHOICE:
            allowed = choices or concept.choices
            if not allowed:
                return _read_text(concept, text).lower()
            if text.lower() not in allowed:
                raise _fail(concept, f"{text!r} is not one of its choices", f"use {', '.join(allowed)}")
            return text.lower()
        case Kind.HOST:
            return _read_host(concept, text)
        case _:
            return _read_text(concept, text)


def _read_integer(concept: Concept, text: str) -> int:
    mend = f"use a whole number from {concept.minimum} to {concept.maximum}"
    # int() alone would also read "1_000", "+3" and other scripts' digits, which no server reads
    if not re.fullmatch(r"-?[0-9]{1,9}", text):
        raise _fail(concept, f"{text!r} is not a whole number", mend)
    number = int(text)
    if concept.minimum is not None and number < concept.minimum:
        raise _fail(concept, f"{number} is too small", mend)
    if concept.maximum is not None and number > concept.maximum:
        raise _fail(concept, f"{number} is too large", mend)
    return number


def _read_host(concept: Concept, text: str) -> str:
    host = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    address, percent, scope = host.partition("%")
    try:
        ipaddress.ip_address(address)
        if percent and not re.fullmatch(r"[\w.-]+", scope):
            raise _fail(
                concept, f"{text!r} has no network interface after its %", "use one like fe80::1%eth0"
            )
    except ValueError:
        if not _HOSTNAME.fullmatch(host) or re.fullmatch(r"[0-9.]+", host):
            raise _fail(concept, f"{text!r} is no address or host name", "use one like 127.0.0.1") from None
    return host


def _read_text(concept: Concept, text: str) -> str:
    if not text:
        raise _fail(concept, "the value is empty", "give one, or leave the option out")
    if any(ord(character) < 32 for character in text):
        raise _fail(concept, "the value holds a control character", "take it out")
    if concept.name == "uds" and len(text.encode()) > UDS_PATH_BYTES:
        raise _fail(concept, f"the path is over {UDS_PATH_BYTES} bytes", "use a shorter one")
    if concept.name == "root_path" and not text.startswith("/"):
        raise _fail(concept, f"{text!r} does not start with a slash", "write it like /api")
    return text


def show_value(name: str, value: Value) -> str:
    """``value`` as a person reads it; a secret is masked."""
    if CONCEPTS[name].secret:
        return MASK
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)
