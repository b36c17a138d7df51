"""The ASGI servers the console can run; adding one is adding a file here and a line below."""

from __future__ import annotations

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.servers.base import Server
from asgi_tui.domain.servers.daphne import Daphne
from asgi_tui.domain.servers.granian import Granian
from asgi_tui.domain.servers.gunicorn import Gunicorn, GunicornUvicorn
from asgi_tui.domain.servers.hypercorn import Hypercorn
from asgi_tui.domain.servers.uvicorn import Uvicorn

SERVERS: dict[str, Server] = {
    server.name: server
    for server in (Uvicorn(), Hypercorn(), Daphne(), Granian(), Gunicorn(), GunicornUvicorn())
}


def get_server(name: str) -> Server:
    """The adapter of a server. Raises ``Problem`` for a name that is none."""
    try:
        return SERVERS[name]
    except KeyError:
        raise Problem(f"Server {name!r}", "there is none of that name", f"use {', '.join(SERVERS)}") from None
