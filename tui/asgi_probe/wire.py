"""One connection to the console for each process: JSON objects, one a line, over a Unix socket.

A console that is gone or slow never slows the app: only the shipping thread waits for the socket, and
what was said before that thread exists is a few small lines.
"""

import json
import os
import select
import socket
import threading

from .run import RUN

# Seconds one send may wait for the console.
TIMEOUT = 2.0

_lock = threading.Lock()
_socket = None
_lost = False


def _connect():
    global _socket
    _socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    _socket.settimeout(TIMEOUT)
    _socket.connect(RUN["telemetry"])
    hello = {"type": "hello", "pid": os.getpid(), "ppid": os.getppid(), "generation": RUN["generation"]}
    _socket.sendall(_line(hello))


def _line(message):
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def send_now(message):
    """Sends one message; False once the console cannot be reached, from then on without trying."""
    global _lost
    with _lock:
        if _lost:
            return False
        try:
            if _socket is None:
                _connect()
            _socket.sendall(_line(message))
        except OSError:
            # A line may be cut in half, so the connection is of no more use.
            _lost = True
        return not _lost


def read_orders(obey):
    """Calls ``obey`` with each of the console's messages until the connection ends; for a thread."""
    connection, rest = _socket, b""
    while connection is not None:
        try:
            # Not the socket's own time-out, which is for sending.
            select.select([connection], [], [])
            data = connection.recv(65536)
        except (OSError, ValueError):
            return
        if not data:
            return
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            obey(json.loads(line))


def _after_fork():
    # The parent's connection is not ours; another one says who we are.
    global _lock, _socket, _lost
    _lock = threading.Lock()
    if _socket is not None:
        _socket.close()
    _socket = None
    _lost = False


os.register_at_fork(after_in_child=_after_fork)
