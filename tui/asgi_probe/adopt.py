"""Hands the console's listening socket to granian, which has no flag for a descriptor."""

from __future__ import annotations

import sys

from . import wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

# sysexits.h EX_UNAVAILABLE: the console then lets granian bind by itself.
CANNOT_ADOPT = 69


def adopt_in_granian(fd: int) -> None:
    """Makes granian build its workers from the listening socket ``fd``.

    granian/server/common.py keeps a socket holder in ``_shd`` and its descriptor in ``_sfd``; workers are
    given the holder. Ends the process with ``CANNOT_ADOPT`` where this version does it another way.
    """
    try:
        from granian.net import SocketHolder  # type: ignore[attr-defined]  # not in its __all__
        from granian.server import common

        # Any: what is replaced here is private to granian and differs between versions.
        base: Any = common.AbstractServer
        if not hasattr(base, "_init_shared_socket"):
            raise AttributeError("_init_shared_socket")
        holder = make_holder(SocketHolder, fd)
    except (ImportError, AttributeError, TypeError) as error:
        wire.send_now({"type": "cannot_adopt", "why": str(error)})
        sys.exit(CANNOT_ADOPT)

    def init_shared_socket(server: Any) -> None:
        server._shd = holder
        server._sfd = fd
        server._ssp = None

    base._init_shared_socket = init_shared_socket


def make_holder(holder_type: Callable[..., object], fd: int) -> object:
    """A socket holder from a descriptor; older versions take no backlog."""
    try:
        return holder_type(fd, False, 1024)
    except TypeError:
        return holder_type(fd, False)
