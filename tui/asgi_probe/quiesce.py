"""Makes a server stop accepting before it is told to end.

TERM alone loses the connections that a server has accepted and not yet read. No server has an option for
this, so the listening sockets are closed where the server's own library keeps them.
"""

from __future__ import annotations

import gc
import sys
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterator

# Seconds the loops get to do it.
PATIENCE = 0.2


def stop_accepting(address: object) -> int:
    """Closes what listens on ``address`` (host and port, or a path); the number of listeners closed.

    Called from a thread; the closing happens on the loops' own threads and is waited for.
    """
    done = [*_close_asyncio(address), *_close_twisted(address)]
    return sum(closed.wait(PATIENCE) for closed in done)


def _closed_by(
    schedule: Callable[[Callable[[], None]], object], close: Callable[[], object]
) -> threading.Event:
    """Has ``close`` run by ``schedule``; the event says that it has."""
    closed = threading.Event()

    def run() -> None:
        close()
        closed.set()

    try:
        schedule(run)
    except RuntimeError:
        # Its loop is closed: so is the listener.
        closed.set()
    return closed


def _listens(sock: Any, address: object) -> bool:
    try:
        found = sock.getsockname()
    except OSError:
        # Closed meanwhile.
        return False
    # An IPv6 name has four parts; the first two are host and port.
    return bool(found == address or (isinstance(found, tuple) and list(found[:2]) == address))


def _close_asyncio(address: object) -> Iterator[threading.Event]:
    """uvicorn, hypercorn, gunicorn: ``asyncio.Server`` or uvloop's, which have the same methods."""
    kinds = {module.Server for module in _server_modules() if hasattr(module, "Server")}
    # Looking among all objects once, when a process is about to end, leaves the server unpatched till then.
    # Any: uvloop has no types. One expression: a list that lived on would keep the app's objects alive.
    servers: list[Any] = [item for item in gc.get_objects() if type(item) in kinds]
    for server in servers:
        if any(_listens(sock, address) for sock in server.sockets or ()):
            yield _closed_by(server.get_loop().call_soon_threadsafe, server.close)


def _server_modules() -> list[Any]:
    names = ("asyncio.base_events", "uvloop.loop")
    return [sys.modules[name] for name in names if name in sys.modules]


def _close_twisted(address: object) -> Iterator[threading.Event]:
    """daphne: the reactor's listening ports."""
    reactor: Any = sys.modules.get("twisted.internet.reactor")
    if reactor is None:
        return
    from twisted.internet import tcp

    for reader in reactor.getReaders():
        if isinstance(reader, tcp.Port) and _listens(reader.socket, address):
            yield _closed_by(reactor.callFromThread, reader.stopReading)
