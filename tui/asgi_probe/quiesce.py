"""Makes a server stop accepting before it is told to end.

TERM alone loses the connections that a server has accepted and not yet read. No server has an option for
this, so the listening sockets are closed where the server's own library keeps them.
"""

import gc
import sys
import threading

# Seconds the loops get to do it.
PATIENCE = 0.2


def stop_accepting(address):
    """Closes what listens on ``address`` (host and port, or a path); the number of listeners closed.

    Called from a thread; the closing happens on the loops' own threads and is waited for.
    """
    done = [*_close_asyncio(address), *_close_twisted(address)]
    return sum(closed.wait(PATIENCE) for closed in done)


def _closed_by(schedule, close):
    """Has ``close`` run by ``schedule``; the event says that it has."""
    closed = threading.Event()

    def run():
        close()
        closed.set()

    schedule(run)
    return closed


def _same(found, address):
    # An IPv6 name has four parts; the first two are host and port.
    return found == address or (isinstance(found, tuple) and list(found[:2]) == address)


def _close_asyncio(address):
    """uvicorn, hypercorn, gunicorn: ``asyncio.Server`` or uvloop's, which have the same methods."""
    kinds = [module.Server for module in _server_modules() if hasattr(module, "Server")]
    # Looking among all objects once, when a process is about to end, leaves the server unpatched till then.
    for item in gc.get_objects():
        if type(item) in kinds and any(_same(sock.getsockname(), address) for sock in item.sockets or ()):
            yield _closed_by(item.get_loop().call_soon_threadsafe, item.close)


def _server_modules():
    names = ("asyncio.base_events", "uvloop.loop")
    return [sys.modules[name] for name in names if name in sys.modules]


def _close_twisted(address):
    """daphne: the reactor's listening ports."""
    reactor = sys.modules.get("twisted.internet.reactor")
    if reactor is None:
        return
    from twisted.internet import tcp

    for reader in reactor.getReaders():
        if isinstance(reader, tcp.Port) and _same(reader.socket.getsockname(), address):
            yield _closed_by(reactor.callFromThread, reader.stopReading)
