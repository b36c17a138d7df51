"""Keep-alive latency through the console's socket beside each server's own bind.

``python -m tests.benchmarks.keepalive [--json] [SERVER...]``: on each server the plain app is run twice, by
itself with its native command and under the console; requests alternate between the two on one keep-alive
connection each, so that noise of the machine falls on both.
"""

from __future__ import annotations

import http.client
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from tests.support import SERVERS, Running, clean_environment, write_app

REQUESTS = 2_000
WARM_UP = 200
NATIVE = {
    "uvicorn": ["uvicorn", "--no-access-log", "--port", "{port}", "app:app"],
    "hypercorn": ["hypercorn", "-w", "0", "-b", "127.0.0.1:{port}", "app:app"],
    "daphne": ["daphne", "--access-log", os.devnull, "-p", "{port}", "app:app"],
    "granian": ["granian", "--interface", "asgi", "--port", "{port}", "app:app"],
    "gunicorn": ["gunicorn", "-k", "asgi", "--no-control-socket", "-b", "127.0.0.1:{port}", "app:app"],
    "gunicorn-uvicorn": [
        *("gunicorn", "-k", "uvicorn_worker.UvicornWorker", "--no-control-socket"),
        *("-b", "127.0.0.1:{port}", "app:app"),
    ],
}
QUIET = {"uvicorn": ["--set", "access_log=off"], "daphne": ["--set", "access_log=off"]}


def connect(port: int) -> http.client.HTTPConnection:
    """A connection that a request has been answered on; waits up to 10 s for the server."""
    deadline = time.monotonic() + 10
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            ask(connection)
        except OSError:
            connection.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return connection


def ask(connection: http.client.HTTPConnection) -> float:
    """One GET; milliseconds until its body is there."""
    begun = time.perf_counter()
    connection.request("GET", "/")
    connection.getresponse().read()
    return (time.perf_counter() - begun) * 1000


def measure(server: str, directory: Path) -> tuple[float, float]:
    """Median latency (ms) under the console and by itself."""
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    argv = [part.format(port=port) for part in NATIVE[server]]
    own = subprocess.Popen(
        [sys.executable, "-m", *argv],
        cwd=directory,
        env=clean_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        flags = ["--server", server, "--port", "0", "--no-reload", *QUIET.get(server, [])]
        with Running(directory, "app:app", *flags) as running:
            # What a console does in everyday use; --json also traces 20 requests a second.
            handed = connect(urlsplit(running.ready()).port or 0)
            native = connect(port)
            ours: list[float] = []
            peer: list[float] = []
            for number in range(WARM_UP + REQUESTS):
                times = ask(handed), ask(native)
                if number >= WARM_UP:
                    ours.append(times[0])
                    peer.append(times[1])
            handed.close()
            native.close()
            running.stop()
    finally:
        own.terminate()
        own.wait(10)
    return statistics.median(ours), statistics.median(peer)


def main() -> None:
    """Measures the servers named, or all."""
    names = [name for name in sys.argv[1:] if not name.startswith("-")] or list(SERVERS)
    rows = []
    with tempfile.TemporaryDirectory() as directory:
        write_app(Path(directory))
        for name in names:
            ours, peer = measure(name, Path(directory))
            rows.append(
                {
                    "what": f"keep-alive: {name}",
                    "ours": round(ours, 3),
                    "peer": round(peer, 3),
                    "peer_name": "its own bind",
                    "ratio": round(ours / peer, 2),
                    "unit": "ms",
                }
            )
    if "--json" in sys.argv:
        machine = {"python": platform.python_version(), "system": platform.system(), "cores": os.cpu_count()}
        print(json.dumps({"rows": rows, "machine": machine}))
        return
    print(f"{'server':<18} {'ours ms':>8} {'own ms':>8} {'ratio':>6}")
    for row in rows:
        print(f"{str(row['what']).split(': ')[1]:<18} {row['ours']:>8} {row['peer']:>8} {row['ratio']:>6}")


if __name__ == "__main__":
    main()
