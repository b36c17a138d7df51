"""One connection to the console for each process: JSON objects, one a line, over a Unix socket.

A console that is gone or slow never slows the app: only the shipping thread waits for the socket, and
what was said before that thread exists is a few small lines. What a slow console leaves unread is kept
and sent first the next time, so that a line is never cut in half.
"""

from __future__ import annotations

import json
import os
import select
import socket
import threading
import time

from .run import RUN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Mapping

# Seconds one send may wait for the console.
TIMEOUT = 2.0

_lock = threading.Lock()
_socket: socket.socket | None = None
_unsent = b""
_lost = False


def line(message: Mapping[str, object]) -> bytes:
    """A message as it goes over the wire; text that is no Unicode (lone surrogates) passes."""
    text = json.dumps(message, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass") + b"\n"


def send_now(message: Mapping[str, object]) -> bool:
    """Sends one message; False once the console cannot be reached, from then on without trying."""
    return send(line(message))


def send(data: bytes, patience: float = TIMEOUT) -> bool:
    """Sends whole lines, after what is left from before, for at most ``patience`` seconds.

    True also where some is left (``unsent``); False once the console cannot be reached.
    """
    global _unsent, _lost, _socket
    deadline = time.monotonic() + patience
    if not _lock.acquire(timeout=patience):
        return not _lost
    try:
        if _lost:
            return False
        _unsent += data
        if _socket is None:
            _socket = _connect(patience)
            hello = {
                "type": "hello",
                "pid": os.getpid(),
                "ppid": os.getppid(),
                "generation": RUN["generation"],
            }
            _unsent = line(hello) + _unsent
        while _unsent:
            _socket.settimeout(max(deadline - time.monotonic(), 0.001))
            _unsent = _unsent[_socket.send(_unsent) :]
    except (socket.timeout, BlockingIOError):
        # It is slow, or stopped (Ctrl+Z): it may read on later. A full backlog refuses with EAGAIN.
        # Two types, since a time-out of sockets is another before Python 3.10.
        pass
    except OSError:
        _lost = True
        _unsent = b""
    finally:
        _lock.release()
    return not _lost


def unsent() -> bool:
    """Whether the console has not yet taken all that was sent."""
    return bool(_unsent)


def _connect(patience: float) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(patience)
        connection.connect(RUN["telemetry"])
    except BaseException:
        connection.close()
        raise
    return connection


def read_orders(obey: Callable[[Any], object]) -> None:
    """Calls ``obey`` with each of the console's messages until the connection ends; for a thread."""
    connection, rest = _socket, b""
    if connection is None:
        return
    # Not the socket's own time-out, which is for sending; and select() knows no descriptor over 1023.
    poller = select.poll()
    poller.register(connection, select.POLLIN)
    while True:
        try:
            poller.poll()
            data = connection.recv(65536)
        except (socket.timeout, BlockingIOError):
            continue
        except (OSError, ValueError):
            return
        if not data:
            return
        *lines, rest = (rest + data).split(b"\n")
        for text in lines:
            try:
                obey(json.loads(text))
            except Exception:
                # An order that is not understood is no reason to stop, nor to write into the app's output.
                pass


def leave() -> None:
    """At exit: lets the kernel close the connection, so that no unclosed socket is warned of."""
    global _socket, _lost
    if _lock.acquire(timeout=0.1):
        if _socket is not None:
            _socket.detach()
        _socket, _lost = None, True
        _lock.release()


def _after_fork() -> None:
    # The parent's connection is not ours; another one says who we are.
    global _lock, _socket, _unsent, _lost
    _lock = threading.Lock()
    if _socket is not None:
        _socket.close()
    _socket = None
    _unsent = b""
    _lost = False


os.register_at_fork(after_in_child=_after_fork)
