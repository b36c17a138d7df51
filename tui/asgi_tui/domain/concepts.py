"""The options every ASGI server has under one name or another.

A *concept* is the common name (``log_level``); each server's adapter says which native argument it
becomes. What a concept's value may be is decided here, once, for every server and every front end.
"""

from __future__ import annotations

from asgi_tui.domain.values import Kind, Spec, Value

Concept = Spec


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
    Concept(
        "app_dir",
        Kind.PATH,
        "App directory",
        "Directory the target is imported from.",
        paths="directory",
    ),
    Concept(
        "tls_cert",
        Kind.PATH,
        "TLS certificate",
        "PEM file; with a key, the server speaks HTTPS.",
        paths="file",
    ),
    Concept(
        "tls_key",
        Kind.PATH,
        "TLS key",
        "PEM file with the private key of the certificate.",
        paths="file",
    ),
    Concept("tls_key_password", Kind.SECRET, "TLS key password", "Decrypts the private key."),
    Concept(
        "graceful_timeout",
        Kind.DURATION,
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


def read_value(name: str, text: str, choices: tuple[str, ...] = ()) -> Value:
    """The value of concept ``name`` that ``text`` spells.

    ``choices`` are the server's own where it narrows or extends the concept's. Raises ``Problem``
    where the text is not a value of the concept.
    """
    concept = CONCEPTS[name]
    return (concept.with_choices(choices) if choices else concept).read(text)
