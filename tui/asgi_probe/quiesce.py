"""Makes a server stop accepting before it is told to end, and counts the connections it still has.

TERM alone loses the connections that a server has accepted and not yet read. No server has an option for
this. It is done below them all, so that no server's insides matter: each descriptor that listens on the
address is replaced by that of a socket to which nobody can connect, and accept(2) finds nothing from then on.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

# Where each of these is not what the host of a connection is, but any.
WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 - compared with, never bound
# So typed, an object made of a descriptor leaves its mode alone, whatever setdefaulttimeout says (on Linux).
STREAM = socket.SOCK_STREAM | getattr(socket, "SOCK_NONBLOCK", 0)
# Offsets in struct tcp_info (linux/tcp.h) of tcpi_bytes_received and of tcpi_last_data_recv, which are the
# milliseconds since the connection was made where nothing has come yet.
BYTES_RECEIVED = 128
LAST_RECEIVED = 52
# Milliseconds after which a connection without a byte is one that a browser keeps for later.
SILENT = 1000
# Seconds that a socket of the server's own gets to be emptied by it before it is closed.
EMPTYING = 0.05
# Offset of tcpi_unacked there: of a listening socket, the connections that wait to be accepted.
BACKLOG = 24


# Descriptors that are held, with duplicates of what they were.
_held: list[tuple[int, int]] = []


def hold(address: object, directory: str) -> int:
    """As ``stop_accepting`` with a shared socket, but ``release`` undoes it; 0 but on Linux.

    The loops still watch the listener, and turn for nothing while a connection waits there: it is for the
    moment in which another process gets ready to take it. (kqueue would forget the descriptor.)
    """
    if sys.platform != "linux":
        return 0
    found, _ = _listeners(address)
    if found:
        with _deaf(directory) as deaf:
            for fd in found:
                _held.append((fd, os.dup(fd)))
                os.dup2(deaf.fileno(), fd, inheritable=os.get_inheritable(fd))
    return len(found)


def release() -> None:
    """What is held accepts again."""
    while _held:
        fd, listener = _held.pop()
        os.dup2(listener, fd, inheritable=os.get_inheritable(fd))
        os.close(listener)


def stop_accepting(address: object, directory: str, *, shared: bool = True) -> int:
    """Stops this process from accepting on ``address`` (host and port, or a path); the listeners found.

    Called from any thread; takes about a millisecond. ``directory`` is for a file that exists for a moment.
    ``shared``: others accept from the same socket, so that what waits in its backlog is theirs. Otherwise
    the socket is closed, wherever else it is open.
    """
    # The loops know the listener, not what stands in its place.
    release()
    found, others = _listeners(address)
    if not found:
        return 0
    pollers = _pollers(others)
    with _deaf(directory) as deaf:
        for fd in found:
            with socket.socket(-1, STREAM, 0, os.dup(fd)) as listener:
                if not shared:
                    _until_empty(listener)
                _replace(fd, deaf.fileno(), pollers)
                if not shared:
                    _shut(listener)
    for poller in pollers:
        poller.close()
    return len(found)


def connections(address: object) -> tuple[int, int]:
    """How many accepted connections on ``address`` are open, and how many of them have something unread.

    Those are the new ones on which no byte has come yet, and those with bytes that the server has not read.
    One that the client has closed is not open, though a server may be slow to notice.
    """
    unread = 0

    def is_open(sock: socket.SocketType) -> bool:
        nonlocal unread
        if not (_is_connected(sock) and _is_named(sock, address) and _streams(sock)):
            return False
        try:
            waits = bool(sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
            if not waits:
                return False
        except BlockingIOError:
            waits = _tcp_info(sock, "Q", BYTES_RECEIVED) == 0 and _tcp_info(sock, "I", LAST_RECEIVED) < SILENT
        unread += waits
        return True

    return len(_matching(is_open)[0]), unread


def _listeners(address: object) -> tuple[list[int], list[int]]:
    """As ``_matching``, for the sockets that listen on ``address``."""
    return _matching(lambda sock: _listens(sock) and _is_named(sock, address))


def _matching(matches: Callable[[socket.SocketType], bool]) -> tuple[list[int], list[int]]:
    """The descriptors of all sockets that match, and those of what is no socket.

    There may be thousands: 6 us each.
    """
    found, others = [], []
    for name in os.listdir("/dev/fd"):
        fd = int(name)
        try:
            sock = socket.SocketType(-1, STREAM, 0, fd)
        except OSError:
            # No socket, or closed meanwhile.
            others.append(fd)
            continue
        try:
            if matches(sock):
                found.append(fd)
        except OSError:
            # Closed meanwhile.
            pass
        finally:
            sock.detach()
    return found, others


def _listens(sock: socket.SocketType) -> bool:
    try:
        return bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except OSError:
        # macOS cannot be asked for it. What has no peer there and streams, and has the name, listens.
        return _streams(sock) and not _is_connected(sock)


def _streams(sock: socket.SocketType) -> bool:
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_STREAM


def _is_connected(sock: socket.SocketType) -> bool:
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


def _is_named(sock: socket.SocketType, address: object) -> bool:
    found = sock.getsockname()
    if not isinstance(found, tuple) or not isinstance(address, list):
        return bool(found == address)
    # An IPv6 name has four parts; the first two are host and port.
    host, port = address
    return bool(found[1] == port and (found[0] == host or host in WILDCARDS))


def _tcp_info(sock: socket.SocketType, kind: str, offset: int) -> int:
    """A number of the kernel's about a TCP socket; -1 where it tells none."""
    if sys.platform != "linux" or sock.family == socket.AF_UNIX:
        return -1
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, offset + struct.calcsize(kind))
    return int(struct.unpack_from(kind, info, offset)[0])


def _deaf(directory: str) -> socket.socket:
    """A listening socket that nobody can reach: its file is gone."""
    deaf = socket.socket(socket.AF_UNIX)
    try:
        # No longer than the telemetry socket's own name, since such paths are bounded.
        path = os.path.join(directory, f"{os.getpid():x}")
        deaf.bind(path)
        os.unlink(path)
        deaf.listen(1)
        deaf.setblocking(False)
    except BaseException:
        deaf.close()
        raise
    return deaf


def _until_empty(listener: socket.socket) -> None:
    """Returns once nothing waits in the backlog, or after a while; the server still accepts."""
    deadline = time.monotonic() + EMPTYING
    while _tcp_info(listener, "I", BACKLOG) > 0 and time.monotonic() < deadline:
        time.sleep(0.0001)


def _shut(listener: socket.socket) -> None:
    """Ends listening for all processes that have the socket; the kernel sends nobody here any more."""
    try:
        listener.shutdown(socket.SHUT_RDWR)
    except OSError:
        # Another worker was first.
        pass


def _replace(fd: int, deaf: int, pollers: list[select.epoll]) -> None:
    """Puts another socket in a descriptor's place, also in the eyes of the loops that watch it."""
    # As long as any process has the listener open, epoll would report a connection that waits there.
    watching = [poller for poller in pollers if _forgets(poller, fd)]
    os.dup2(deaf, fd, inheritable=os.get_inheritable(fd))
    for poller in watching:
        # Their owner may take the descriptor out or change it, as if nothing had happened.
        poller.register(fd, 0)


def _pollers(fds: list[int]) -> list[select.epoll]:
    """The epoll instances among descriptors, Linux only; kqueue forgets a descriptor that is replaced."""
    found = []
    if sys.platform == "linux":
        for fd in fds:
            try:
                if os.readlink(f"/dev/fd/{fd}") == "anon_inode:[eventpoll]":
                    # A duplicate, since the object closes it in the end.
                    found.append(select.epoll.fromfd(os.dup(fd)))
            except OSError:
                # Closed meanwhile.
                pass
    return found


def _forgets(poller: select.epoll, fd: int) -> bool:
    """Takes a descriptor out; False where it is not in."""
    try:
        poller.unregister(fd)
    except OSError:
        return False
    return True
