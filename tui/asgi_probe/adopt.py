"""Hands the console's listening socket to granian, which has no flag for a descriptor."""

import sys

from . import wire

# sysexits.h EX_UNAVAILABLE: the console then lets granian bind by itself.
CANNOT_ADOPT = 69


def adopt_in_granian(fd):
    """Makes granian build its workers from the listening socket ``fd``.

    granian/server/common.py keeps a socket holder in ``_shd`` and its descriptor in ``_sfd``; workers are
    given the holder. Ends the process with ``CANNOT_ADOPT`` where this version does it another way.
    """
    try:
        from granian.net import SocketHolder
        from granian.server import common

        base = common.AbstractServer
        if not hasattr(base, "_init_shared_socket"):
            raise AttributeError("_init_shared_socket")
        holder = make_holder(SocketHolder, fd)
    except (ImportError, AttributeError, TypeError) as error:
        wire.send_now({"type": "cannot_adopt", "why": str(error)})
        sys.exit(CANNOT_ADOPT)

    def init_shared_socket(server):
        server._shd = holder
        server._sfd = fd
        server._ssp = None

    base._init_shared_socket = init_shared_socket


def make_holder(holder_type, fd):
    """A socket holder from a descriptor; older versions take no backlog."""
    try:
        return holder_type(fd, False, 1024)
    except TypeError:
        return holder_type(fd, False)
