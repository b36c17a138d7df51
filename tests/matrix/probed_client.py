"""A pytest plugin: whatever starlette's TestClient is given runs inside the real probe, every call traced.

It is loaded by the interpreter of the framework's own environment, where nothing of ours is installed but
the directory of the probe's package on ``PYTHONPATH``.
"""

from __future__ import annotations

import atexit
import copy
import json
import os
import shutil
import socket
import tempfile
import threading
from typing import Any

DIRECTORY = tempfile.mkdtemp(prefix="probed-")
TELEMETRY = os.path.join(DIRECTORY, "t.sock")
received = {"bytes": 0, "calls": 0}


def read(connection: socket.socket) -> None:
    """Reads what the probe tells, as a console would."""
    while data := connection.recv(1 << 16):
        received["bytes"] += len(data)
        received["calls"] += data.count(b'"type":"trace"')


def listen() -> None:
    """The console's side of the telemetry socket; it asks for every call to be traced."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(TELEMETRY)
    server.listen()
    while True:
        connection, _ = server.accept()
        connection.sendall(b'{"do":"trace","rate":null}\n')
        threading.Thread(target=read, args=(connection,), daemon=True).start()


def probe() -> Any:
    # Any: the probe's package is not on the path of those who check this file's types.
    with open(os.path.join(DIRECTORY, "run.json"), "w") as file:
        json.dump(
            {
                "generation": 1,
                "module": "",
                "attribute": "",
                "factory": False,
                "app_dir": "",
                "telemetry": TELEMETRY,
                "token_path": "/asgi-tui-token",
                "traces_per_second": 1_000_000,
                "gunicorn_conf": "",
            },
            file,
        )
    os.environ["ASGI_TUI_RUN"] = file.name
    threading.Thread(target=listen, daemon=True).start()
    from asgi_probe.probe import Probe
    from asgi_probe.run import RUN

    return Probe(None, RUN)  # type: ignore[arg-type] # each client puts its own app in


PROBE = probe()


def probed(app: Any) -> Any:
    """The app inside the probe; all share one shipping thread."""
    wrapped = copy.copy(PROBE)
    wrapped.app = app
    return wrapped


def wrap_test_client() -> None:
    """Has every TestClient wrap its app."""
    from starlette import testclient

    init = testclient.TestClient.__init__

    def wrapped(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        self.app = self._transport.app = probed(self._transport.app)

    testclient.TestClient.__init__ = wrapped  # type: ignore[method-assign] # that is what this plugin is for


def tell() -> None:
    """Leaves a proof that the probe was really in between."""
    with open(os.environ["PROBED_REPORT"], "w") as file:
        json.dump(received, file)
    shutil.rmtree(DIRECTORY, ignore_errors=True)


wrap_test_client()
atexit.register(tell)
