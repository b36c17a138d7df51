"""Starts one server in the app's interpreter: ``python launch.py CONTROL_FD LIFELINE_FD``.

Waits on the control socket for one JSON line, ``{"module", "argv", "adopt", "preload"}``. With a preload,
``{"modules", "never", "forks"}``, it is a standby: it imports these modules, answers with what came of it
and waits for another line, whatever it says. Then it runs the server's own command line unchanged. End of
file instead of a line means the console has no use for it, or is gone: nothing is started.
"""

from __future__ import annotations

import importlib
import json
import os
import sys


def hold_lifeline(fd: int) -> None:
    """Linux: the kernel kills the whole process group when the console's end of the pipe closes.

    A signal needs no thread, so this works while the GIL is held and across ``fork`` (fcntl(2), F_SETSIG).
    Elsewhere the console's guard process does it alone.
    """
    if sys.platform != "linux":
        return
    import fcntl
    import signal

    f_setsig = 10  # fcntl.F_SETSIG, which Python has no name for before 3.11
    fcntl.fcntl(fd, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(fd, f_setsig, signal.SIGKILL)
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_ASYNC)
    # The pipe may have closed before it was armed.
    os.set_blocking(fd, False)
    try:
        if os.read(fd, 1) == b"":
            os.killpg(0, signal.SIGKILL)
    except BlockingIOError:
        pass


def main() -> None:
    control, lifeline = int(sys.argv[1]), int(sys.argv[2])
    here = os.path.dirname(os.path.abspath(__file__))
    # Python put this file's directory first; our module names must never shadow the user's.
    sys.path[:] = [path for path in sys.path if path != here]
    sys.path.append(os.path.dirname(here))

    hold_lifeline(lifeline)
    # The package's name in the runtime directory is one that no project has.
    package = os.path.basename(here)
    with os.fdopen(control) as lines:
        line = lines.readline()
        if not line:
            return
        order = json.loads(line)
        if order["preload"] is not None:
            standby = importlib.import_module(package + ".standby")
            sys.argv = [order["module"], *order["argv"]]
            told = json.dumps(standby.preload(**order["preload"])) + "\n"
            os.write(control, told.encode())
            if not lines.readline():
                return
    if order["adopt"] is not None:
        adopt = importlib.import_module(package + ".adopt")
        adopt.adopt_in_granian(order["adopt"])

    import runpy

    sys.argv = [order["module"], *order["argv"]]
    runpy.run_module(order["module"], run_name="__main__", alter_sys=True)


# Spawned workers import this file again under another name; they must not start a second server.
if __name__ == "__main__":
    main()
