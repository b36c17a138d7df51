"""The listening socket that the console owns and hands to every server it runs."""

from __future__ import annotations

import errno
import os
import socket
import stat
import struct
import sys
from contextlib import suppress
from dataclasses import dataclass

import psutil

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers.base import Family

BACKLOG = 2048
# socket(7), Linux 4.12 and newer; Python has no name for it.
_SO_MEMINFO = 55
_SK_MEMINFO_DROPS = 8
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, never bound


@dataclass(frozen=True, slots=True)
class Address:
    """Where the app is reached: host and port, or a Unix socket's path."""

    family: Family
    host: str = ""
    port: int = 0
    path: str = ""
    tls: bool = False

    @property
    def client_host(self) -> str:
        """The host to connect to: a wildcard address is reached through the loopback one."""
        return _WILDCARDS.get(self.host, self.host)

    @property
    def url(self) -> str:
        """The address as a URL a browser opens; of a Unix socket its path."""
        if self.family == "unix":
            return f"unix:{self.path}"
        host = self.client_host
        return f"{'https' if self.tls else 'http'}://{f'[{host}]' if ':' in host else host}:{self.port}"


def family_of(plan: LaunchPlan) -> Family:
    """The family the plan's address will have; blocking where the host is a name. Raises ``Problem``."""
    return "unix" if "uds" in plan.options else _resolve(plan)[0]


def _resolve(plan: LaunchPlan) -> tuple[Family, str]:
    try:
        found = socket.getaddrinfo(plan.host, plan.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise Problem(
            f"Host {plan.host}", f"it does not resolve ({why})", "use an address like 127.0.0.1", usage=False
        ) from None
    # "localhost" may resolve to ::1 first; what servers listen on by default is IPv4.
    found.sort(key=lambda item: item[0] != socket.AF_INET)
    family, *_, address = found[0]
    return ("inet" if family == socket.AF_INET else "inet6"), str(address[0])


class Listener:
    """A bound and listening socket; connections wait in its backlog while no server accepts."""

    def __init__(self, plan: LaunchPlan, *, shared: bool = False) -> None:
        """Binds; blocking. Raises ``Problem`` that names who holds the port.

        ``shared``: beside a server that lets others bind its port. Such a socket does not listen, since
        connections would come to it that nobody accepts.
        """
        if "uds" in plan.options:
            self.address = Address("unix", path=plan.text("uds"))
            self._path = os.path.join(plan.cwd, plan.text("uds"))  # noqa: PTH118 - may be absolute
            self.socket = _bind_unix(self._path)
        else:
            family, host = _resolve(plan)
            self.socket = _bind_tcp(family, host, plan, shared=shared)
            self.address = Address(family, plan.host, self.socket.getsockname()[1])
        if not shared:
            self.socket.listen(BACKLOG)
        name = self.socket.getsockname()
        # An IPv6 name has four parts.
        self.name: tuple[str, int] | str = name if isinstance(name, str) else (name[0], name[1])

    @property
    def fd(self) -> int:
        """The descriptor to hand over."""
        return self.socket.fileno()

    def dropped(self) -> int:
        """Connections that the kernel has turned away since it listens, its backlog being full.

        ``sk_drops`` of the socket (linux/sock_diag.h, SK_MEMINFO_DROPS); 0 where the system counts none.
        """
        if sys.platform != "linux":
            return 0
        try:
            info = self.socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 4 * (_SK_MEMINFO_DROPS + 1))
        except OSError:
            return 0
        return int(struct.unpack_from("I", info, 4 * _SK_MEMINFO_DROPS)[0])

    def serves(self, plan: LaunchPlan) -> bool:
        """Whether the plan asks for this very address (port 0 asks for any)."""
        if "uds" in plan.options:
            return self.address.family == "unix" and self.address.path == plan.text("uds")
        return (
            self.address.family != "unix"
            and self.address.host == plan.host
            and plan.port in (0, self.address.port)
        )

    def close(self) -> None:
        """Stops listening; a Unix socket's file is taken away."""
        self.socket.close()
        if self.address.family == "unix":
            with suppress(OSError):
                os.unlink(self._path)  # noqa: PTH108 - a string all along


def is_shared(plan: LaunchPlan) -> bool:
    """Whether the plan's port is taken by a server that lets others bind it too; blocking.

    Only another process of the same user can, and only with SO_REUSEPORT (socket(7)).
    """
    family, host = _resolve(plan)

    def can_bind(option: int) -> bool:
        with socket.socket(socket.AF_INET if family == "inet" else socket.AF_INET6) as sock:
            sock.setsockopt(socket.SOL_SOCKET, option, 1)
            try:
                sock.bind((host, plan.port))
            except OSError:
                return False
            return True

    return not can_bind(socket.SO_REUSEADDR) and can_bind(socket.SO_REUSEPORT)


def _bind_tcp(family: Family, host: str, plan: LaunchPlan, *, shared: bool) -> socket.socket:
    sock = socket.socket(socket.AF_INET if family == "inet" else socket.AF_INET6)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        # uvicorn wraps a descriptor as AF_UNIX and so never sets this itself: 44 ms a request (Nagle).
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if family == "inet6":
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, plan.port))
    except OSError as error:
        sock.close()
        raise _bind_problem(error, plan) from None
    return sock


def _bind_unix(path: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    try:
        with suppress(FileNotFoundError):
            if not stat.S_ISSOCK(os.stat(path).st_mode):  # noqa: PTH116 - a string all along
                raise Problem(f"Unix socket {path}", "a file that is no socket is there", "use another path")
            _refuse_if_alive(path)
            os.unlink(path)  # noqa: PTH108 - a string all along
        sock.bind(path)
    except OSError as error:
        sock.close()
        why = error.strerror or str(error)
        raise Problem(f"Unix socket {path}", why, "use another path", usage=False) from None
    except Problem:
        sock.close()
        raise
    return sock


def _refuse_if_alive(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(path)
        except OSError:
            return
    raise Problem(f"Unix socket {path}", "another server answers on it", "stop that one", usage=False)


def _bind_problem(error: OSError, plan: LaunchPlan) -> Problem:
    what = f"Port {plan.port}"
    if error.errno == errno.EADDRINUSE:
        why = f"it is taken by {holder(plan.port)}"
        return Problem(what, why, "stop that or use another port", usage=False)
    if error.errno in (errno.EACCES, errno.EPERM):
        return Problem(what, "ports below 1024 are privileged", "use a port from 1024 on", usage=False)
    if error.errno == errno.EADDRNOTAVAIL:
        return Problem(f"Host {plan.host}", "it is no address of this machine", "use 127.0.0.1", usage=False)
    return Problem(f"{what} on {plan.host}", error.strerror or str(error), "use another address", usage=False)


def holder(port: int) -> str:
    """The process that listens on ``port``, in words; other users' processes may be hidden; blocking."""
    with suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
                if connection.pid is None:
                    break
                name = psutil.Process(connection.pid).name()
                return f"{name} (pid {connection.pid})"
    return "another process"
