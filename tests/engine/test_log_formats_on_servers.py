"""Every server's real output: its levels, loggers and processes are read, and a traceback is one entry."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from asgi_tui.domain.log_entry import Fresh
from asgi_tui.domain.log_formats import LineReader
from asgi_tui.domain.log_groups import Grouper
from asgi_tui.domain.servers import get_server
from tests.support import SERVERS, clean_environment, get, wait_for, write_app

APP = """\
import logging, os, warnings

logging.basicConfig(level=logging.INFO)
log = logging.getLogger("shop.orders")


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["path"] == "/raise":
        raise ValueError("no such order\\nof two lines")
    try:
        {}["order"]
    except KeyError:
        log.exception("went wrong [request_id: r-17]")
    log.warning("serving in %d", os.getpid())
    warnings.warn("an old order")
    print("INFO is nice", flush=True)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
"""
ARGUMENTS = {
    "uvicorn": "uvicorn app:app --port {}",
    "hypercorn": "hypercorn app:app --bind 127.0.0.1:{} --access-logfile -",
    "daphne": "daphne app:app --port {} --access-log -",
    "granian": "granian app:app --interface asgi --port {} --access-log",
    "gunicorn": "gunicorn app:app -k asgi --bind 127.0.0.1:{} --access-logfile - --no-control-socket",
    "gunicorn-uvicorn": "gunicorn app:app -k uvicorn_worker.UvicornWorker --bind 127.0.0.1:{}"
    " --access-logfile - --no-control-socket",
}
TELLS_PID = ("hypercorn", "gunicorn", "gunicorn-uvicorn")


def output_of(server: str, directory: Path) -> list[Fresh]:
    """What the server writes while it answers twice, as entries."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    files = [directory / f"{server}.{stream}" for stream in ("stdout", "stderr")]
    with files[0].open("wb") as stdout, files[1].open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", *ARGUMENTS[server].format(port).split()],
            cwd=directory,
            env=clean_environment(PYTHONUNBUFFERED="1"),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
        )
        try:
            wait_for(lambda: answers(f"http://127.0.0.1:{port}"), timeout=30)
            assert get(f"http://127.0.0.1:{port}", "/raise")[0] == 500
            wait_for(lambda: any(file.read_text().count("of two lines") for file in files))
            process.terminate()
            process.wait(20)
        finally:
            process.kill()
            process.wait()
    reader = LineReader(get_server(server).log_format)
    entries: list[Fresh] = []
    for stream, file in zip(("stdout", "stderr"), files, strict=True):
        grouper = Grouper()
        lines = file.read_text().splitlines()
        for line in lines:
            origin, text, request = reader.read(stream, line)
            entries += grouper.feed((1.0, origin, text, (), request, None))
        entries += grouper.flush()
    return entries


def answers(url: str) -> bool:
    with suppress(OSError):
        return get(url)[0] == 200
    return False


def test_levels_loggers_processes_and_tracebacks(tmp_path: Path) -> None:
    write_app(tmp_path, APP)
    with ThreadPoolExecutor(len(SERVERS)) as pool:
        outputs = pool.map(lambda server: output_of(server, tmp_path), SERVERS)
        for server, entries in zip(SERVERS, outputs, strict=True):
            shown = "\n".join(map(str, entries))
            with_text = finder(entries)
            for entry in entries:
                # Nothing is without a level but what was printed.
                assert entry[1].level or entry[2] == "INFO is nice", f"{server}: {entry} of\n{shown}"

            # daphne's own handler is the root's, and its format tells no logger.
            logger = "" if server == "daphne" else "shop.orders"
            logged = with_text("went wrong")
            assert (logged[1].level, logged[1].logger, logged[4]) == ("error", logger, "r-17"), server
            assert logged[2].startswith("went wrong [request_id: r-17]\nTraceback (most"), server
            assert logged[2].endswith("\nKeyError: 'order'"), server
            serving = with_text("serving in")
            assert (serving[1].level, serving[1].logger) == ("warning", logger), server

            raised = with_text("ValueError: no such order\nof two lines")
            assert raised[1].level == "error", server
            assert "exception" in raised[2].lower() or "error in" in raised[2].lower(), server
            assert 'app.py", line 14, in app' in raised[2], server
            # On standard output the access log may follow, never be part of it.
            assert raised[2].endswith("of two lines"), server

            access = with_text('"GET /raise')
            assert (access[1].level, "\n" in access[2]) == ("info", False), server
            if server in TELLS_PID:
                pid = int(serving[2].split()[-1])
                assert raised[1].pid == pid != os.getpid(), server
                assert access[1].pid == (pid if server == "hypercorn" else None), server
            # Twisted keeps warnings to itself.
            if server != "daphne":
                warning = with_text("UserWarning: an old order")
                assert (warning[1].level, warning[2].count("\n")) == ("warning", 1), server


def finder(entries: list[Fresh]) -> Callable[[str], Fresh]:
    """What gives the only entry with a text."""

    def with_text(text: str) -> Fresh:
        found = [entry for entry in entries if text in entry[2]]
        # hypercorn's errors go to its own handler and to the root's.
        assert len(found) == 1 or {entry[1].logger for entry in found[1:]} == {"hypercorn.error"}, found
        return found[0]

    return with_text
