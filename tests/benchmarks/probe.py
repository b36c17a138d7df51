"""What the probe adds to a request, beside a pass-through and three other observers.

``python -m tests.benchmarks.probe [--json] [--wrk | --instructions]``: in process, one plain app is called
bare and inside of each, in turns, so that noise of the machine falls on all. What one adds to a call is the
difference of their fastest rounds; ``median`` that of their medians. The probe ships to a console in another
process. "every request traced" measures bursts as large as the probe traces at once.

``--wrk``: through uvicorn and granian, bare, with stats only and with 20 calls traced a second, in turns.
Added is the difference of the times between two answers of one busy worker. ``--instructions``: counted
by valgrind, for machines too noisy for any of it.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import os
import platform
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.support import clean_environment

# Any: what passes between servers and apps is theirs.
App = Callable[[Any, Any, Any], Awaitable[None]]

ROUNDS = 25
CALLS = 2000  # of one round
BURST = 200  # of one in which all are traced: the most at once (asgi_probe.tracing.CALLS_A_FLUSH)
SETTLED = 0.15  # seconds after which the probe has shipped what it had
WRK_ROUNDS = 7
WRK_SECONDS = 2

APP = """\
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"5")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hello"})
"""
# A console that reads everything and says nothing.
CONSOLE = """\
import socket, sys, threading
def read(connection):
    while connection.recv(1 << 20):
        pass
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
print(flush=True)
while True:
    threading.Thread(target=read, args=listener.accept()[:1], daemon=True).start()
"""
SCOPE: dict[str, Any] = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.3"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "path": "/",
    "raw_path": b"/",
    "query_string": b"",
    "root_path": "",
    "headers": [(b"host", b"localhost"), (b"user-agent", b"wrk")],
    "client": ("127.0.0.1", 50000),
    "server": ("127.0.0.1", 8000),
    "state": {},
    # One of the peers asks it for its routes.
    "app": SimpleNamespace(routes=[]),
}
PEERS = {
    "starlette_exporter": "starlette_exporter",
    "prometheus-fastapi-instrumentator": "prometheus_fastapi_instrumentator.middleware",
    "opentelemetry-instrumentation-asgi": "opentelemetry.instrumentation.asgi",
}


@contextmanager
def console(directory: Path, traces_per_second: int | None) -> Iterator[Path]:
    """A run file whose telemetry is read by another process."""
    telemetry, run = directory / "t.sock", directory / "run.json"
    names = ("generation", "module", "attribute", "factory", "app_dir")
    values = dict(zip(names, (1, "plain_app", "app", False, ""), strict=True))
    rest = {"token_path": "/asgi-tui-token", "traces_per_second": traces_per_second, "gunicorn_conf": ""}
    run.write_text(json.dumps({**values, "telemetry": str(telemetry), **rest}))
    (directory / "plain_app.py").write_text(APP)
    argv = [sys.executable, "-c", CONSOLE, str(telemetry)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield run
        finally:
            process.kill()


# -- in process --------------------------------------------------------------------------------------


def passing(app: App) -> App:
    """The least that any wrapper costs."""

    async def passed(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    return passed


def peer(name: str, app: App) -> App:
    """The app inside a peer, as its own documentation sets it up. Raises ``ImportError`` where it is not."""
    module = importlib.import_module(PEERS[name])
    # Any: none of the three is a dependency, so their types are not known.
    made: Any
    if name == "starlette_exporter":
        made = module.PrometheusMiddleware(app)
    elif name == "prometheus-fastapi-instrumentator":
        made = module.PrometheusInstrumentatorMiddleware(app)
    else:
        sdk = importlib.import_module("opentelemetry.sdk.trace")
        metrics = importlib.import_module("opentelemetry.sdk.metrics")
        made = module.OpenTelemetryMiddleware(
            app, tracer_provider=sdk.TracerProvider(), meter_provider=metrics.MeterProvider()
        )
    wrapped: App = made
    return wrapped


async def receive() -> dict[str, Any]:
    """The server's, at its fastest."""
    return {"type": "http.request", "body": b"", "more_body": False}


async def send(message: Any) -> None:
    """Likewise."""


async def one_round(app: App, calls: int) -> float:
    """Microseconds of one call, on the average of a round."""
    begun = time.perf_counter()
    for _ in range(calls):
        await app(dict(SCOPE), receive, send)
    return (time.perf_counter() - begun) / calls * 1e6


async def in_turns(apps: Mapping[str, App], rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Microseconds of one call, round by round."""
    times: dict[str, list[float]] = {name: [] for name in apps}
    for number in range(rounds + 1):
        for name, app in apps.items():
            traced = "traced" in name
            if traced:
                await asyncio.sleep(SETTLED)
            taken = await one_round(app, BURST if traced else CALLS)
            if number:  # the first warms up
                times[name].append(taken)
    return times


def wrapped_apps(plain: App) -> dict[str, App]:
    """The app bare and in everything that is compared; a missing peer is said on stderr."""
    from asgi_probe.probe import Probe
    from asgi_probe.run import RUN

    traced = Probe(plain, RUN)
    traced.shipper.tracing.set_rate(None)
    apps: dict[str, App] = {"bare": plain, "pass-through": passing(plain), "stats only": Probe(plain, RUN)}
    for name in PEERS:
        try:
            apps[name] = peer(name, plain)
        except ImportError as error:
            hint = f"pip install {name}" + (" opentelemetry-sdk" if "opentelemetry" in name else "")
            print(f"{name} is skipped, because {error}; {hint}", file=sys.stderr)
    return {**apps, "every request traced": traced}


def measured(directory: Path) -> list[dict[str, object]]:
    """A row for each thing that the probe is compared with."""
    plain: App = {}  # type: ignore[assignment]  # set by the next line
    names: dict[str, Any] = {}
    exec(APP, names)
    plain = names["app"]
    with console(directory, 0) as run:
        os.environ["ASGI_TUI_RUN"] = str(run)
        apps = wrapped_apps(plain)
        gc.collect()
        gc.freeze()
        times = asyncio.run(in_turns(apps))
    bare = times.pop("bare")
    added = {
        name: (min(taken) - min(bare), statistics.median(taken) - statistics.median(bare))
        for name, taken in times.items()
    }
    ours = added.pop("stats only")
    return [
        {
            "what": "probe: stats only",
            "ours": round(ours[0], 2),
            "ours_median": round(ours[1], 2),
            "peer": round(theirs[0], 2),
            "peer_median": round(theirs[1], 2),
            "peer_name": name if name in PEERS or name == "pass-through" else f"probe: {name}",
            # A pass-through may seem to cost nothing at all.
            "ratio": round(ours[0] / max(theirs[0], 0.01), 3),
            "unit": "us added",
        }
        for name, theirs in added.items()
    ]


# -- by instructions ---------------------------------------------------------------------------------


def counted(directory: Path) -> list[dict[str, object]]:
    """Instructions that the probe adds to a call; empty where nothing can count them."""
    if shutil.which("valgrind") is None:
        print("instructions are not counted, because valgrind is not installed", file=sys.stderr)
        return []
    with console(directory, 0) as run:
        # Twice as many calls, less what the first half and the start cost.
        bare, ours = (
            (instructions(run, which, 4000) - instructions(run, which, 2000)) / 2000
            for which in ("bare", "stats only")
        )
    return [
        {
            "what": "probe: stats only",
            "ours": round(ours - bare),
            "peer": round(bare),
            "peer_name": "the bare call itself",
            "ratio": round((ours - bare) / bare, 2),
            "unit": "instructions added",
        }
    ]


def instructions(run: Path, which: str, calls: int) -> int:
    """Instructions of a process that calls the app so many times."""
    argv = [sys.executable, "-m", "tests.benchmarks.probe", "--calls", which, str(calls)]
    out = run.with_name("callgrind.out")
    env = {**os.environ, "ASGI_TUI_RUN": str(run), "PYTHONHASHSEED": "0"}
    counting = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", *argv]
    result = subprocess.run(counting, env=env, capture_output=True, text=True, check=True)
    found = re.search(r"Collected : (\d+)", result.stderr)
    assert found is not None, result.stderr
    return int(found[1])


async def call(which: str, calls: int) -> None:
    """Calls the app: what is counted."""
    names: dict[str, Any] = {}
    exec(APP, names)
    app = names["app"]
    if which != "bare":
        from asgi_probe.probe import Probe
        from asgi_probe.run import RUN

        app = Probe(app, RUN)
        # Nothing is shipped: the thread's turns depend on the clock, which hardly moves for valgrind.
        app.shipper.awake, app.shipper.touched = True, float("inf")
    for _ in range(calls):
        await app(dict(SCOPE), receive, send)


# -- through servers ---------------------------------------------------------------------------------

SERVERS = {
    "uvicorn": ("--no-access-log", "--log-level", "warning"),
    "granian": ("--interface", "asgi", "--log-level", "warning"),
}


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port


@contextmanager
def served(server: str, target: str, run: Path) -> Iterator[int]:
    """The port of a server that runs the target, from the directory of the run file."""
    import asgi_probe

    port = free_port()
    path = os.pathsep.join((str(Path(asgi_probe.__file__).parents[1]), str(run.parent)))
    env = {**clean_environment(), "ASGI_TUI_RUN": str(run), "PYTHONPATH": path}
    argv = [sys.executable, "-m", server, *SERVERS[server], "--port", str(port), target]
    with subprocess.Popen(argv, env=env, cwd=run.parent) as process:
        try:
            deadline = time.monotonic() + 10
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except OSError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.05)
            yield port
        finally:
            process.terminate()


def loaded(port: int) -> float:
    """Microseconds between two answers under wrk."""
    argv = ["wrk", "-t1", "-c16", f"-d{WRK_SECONDS}s", f"http://127.0.0.1:{port}/"]
    text = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    found = re.search(r"Requests/sec:\s+([\d.]+)", text)
    assert found is not None, text
    return 1e6 / float(found[1])


def paired(taken: list[float], bare: list[float]) -> float:
    """The median of the differences within a round, which lies within one mood of the machine."""
    return statistics.median(ours - theirs for ours, theirs in zip(taken, bare, strict=True))


def under_load(directory: Path) -> list[dict[str, object]]:
    """A row for each server and way; empty where there is no wrk."""
    if shutil.which("wrk") is None:
        print("servers are not measured, because wrk is not installed", file=sys.stderr)
        return []
    ways = {"bare": ("plain_app:app", 0), "stats only": ("asgi_probe.app:app", 0)}
    ways["20 calls traced a second"] = ("asgi_probe.app:app", 20)
    rows: list[dict[str, object]] = []
    for server in SERVERS:
        with ExitStack() as stack:
            ports = {}
            for number, (way, (target, rate)) in enumerate(ways.items()):
                own = directory / f"{server}{number}"
                own.mkdir()
                ports[way] = stack.enter_context(
                    served(server, target, stack.enter_context(console(own, rate)))
                )
            times: dict[str, list[float]] = {way: [] for way in ports}
            for number in range(WRK_ROUNDS + 1):
                for way, port in ports.items():
                    taken = loaded(port)
                    if number:  # the first warms up
                        times[way].append(taken)
        bare = times.pop("bare")
        rows += [
            {
                "what": f"probe: {way}, wrk on {server}",
                "ours": round(added := paired(taken, bare), 2),
                "peer": round(statistics.median(bare), 2),
                "peer_name": "the bare answer itself",
                "ratio": round(added / statistics.median(bare), 3),
                "unit": "us added",
            }
            for way, taken in times.items()
        ]
    return rows


def main() -> None:
    """Measures what is asked for."""
    if "--calls" in sys.argv:
        which, calls = sys.argv[-2:]
        asyncio.run(call(which, int(calls)))
        return
    measure = under_load if "--wrk" in sys.argv else counted if "--instructions" in sys.argv else measured
    with tempfile.TemporaryDirectory(prefix="probe-") as directory:
        rows = measure(Path(directory))
    if "--json" in sys.argv:
        machine = {"python": platform.python_version(), "system": platform.system(), "cores": os.cpu_count()}
        print(json.dumps({"rows": rows, "machine": machine}))
        return
    print(f"{'what':<44} {'ours':>8} {'median':>8} {'peer':>9}  {'peer name':<36} {'ratio':>6}  unit")
    for row in rows:
        ours, median = f"{row['ours']!s:>8}", f"{row.get('ours_median', '')!s:>8}"
        theirs = f"{row['peer']!s:>9}  {row['peer_name']!s:<36}"
        print(f"{row['what']!s:<44} {ours} {median} {theirs} {row['ratio']!s:>6}  {row['unit']}")


if __name__ == "__main__":
    main()
