"""The optional parts of each server: what to install for them, and what they bring."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Extra:
    """One optional part of ``server``.

    ``requirement`` is what an installer is given (PEP 508), ``unlocks`` what the server can do with it, in
    plain words, and ``needs`` the distributions that must be there, as their projects are named.
    """

    server: str
    requirement: str
    unlocks: str
    needs: tuple[str, ...]


# By the metadata of uvicorn 0.54, hypercorn 0.18, Twisted 26.10, granian 2.8 and gunicorn 27. Extras for the
# development of a server itself, for WSGI workers and for Windows are left out.
_EXTRAS = (
    Extra(
        "uvicorn",
        "uvicorn[standard]",
        "a faster event loop and HTTP parser, WebSockets, env files and YAML log configuration",
        ("httptools", "python-dotenv", "pyyaml", "uvloop", "watchfiles", "websockets"),
    ),
    Extra("uvicorn", "wsproto", "the WebSocket implementation wsproto", ("wsproto",)),
    Extra("uvicorn", "zttp", "the HTTP implementation zttp and experimental HTTP/2", ("zttp",)),
    Extra("hypercorn", "hypercorn[h3]", "HTTP/3 (QUIC)", ("aioquic",)),
    Extra("hypercorn", "hypercorn[trio]", "apps on trio", ("trio",)),
    Extra("hypercorn", "hypercorn[uvloop]", "a faster event loop", ("uvloop",)),
    # TLS is no extra here: daphne itself requires Twisted[tls].
    Extra("daphne", "Twisted[http2]", "HTTP/2 over TLS", ("h2", "priority")),
    Extra("granian", "granian[uvloop]", "a faster event loop", ("uvloop",)),
    Extra("granian", "granian[rloop]", "an event loop written in Rust", ("rloop",)),
    Extra("granian", "granian[dotenv]", "env files", ("python-dotenv",)),
    Extra("granian", "granian[pname]", "names of its own in the process list", ("setproctitle",)),
    Extra("granian", "granian[reload]", "granian's own reload", ("watchfiles",)),
    Extra("gunicorn", "gunicorn[fast]", "a faster HTTP parser", ("gunicorn-h1c",)),
    Extra("gunicorn", "gunicorn[http2]", "HTTP/2 over TLS", ("h2",)),
    Extra("gunicorn", "uvloop", "a faster event loop", ("uvloop",)),
    Extra("gunicorn", "gunicorn[setproctitle]", "names of its own in the process list", ("setproctitle",)),
    Extra("gunicorn-uvicorn", "uvicorn-worker", "uvicorn's worker class", ("uvicorn-worker",)),
    Extra(
        "gunicorn-uvicorn",
        "uvicorn[standard]",
        "a faster event loop and HTTP parser, and WebSockets",
        ("httptools", "python-dotenv", "pyyaml", "uvloop", "watchfiles", "websockets"),
    ),
    Extra(
        "gunicorn-uvicorn",
        "gunicorn[setproctitle]",
        "names of its own in the process list",
        ("setproctitle",),
    ),
)


def extras_of(server: str) -> tuple[Extra, ...]:
    """The optional parts of ``server``, the most useful first."""
    return tuple(extra for extra in _EXTRAS if extra.server == server)


def missing_extras(server: str, installed: Mapping[str, str | None]) -> tuple[Extra, ...]:
    """Those of which a part is missing; ``installed`` is versions by distribution, ``None`` for none."""
    there = {re.sub(r"[-_.]+", "-", name).lower() for name, version in installed.items() if version}
    return tuple(extra for extra in extras_of(server) if not there.issuperset(extra.needs))
