"""What an app prints and what a client sends reaches a real terminal as text, never as its sequences."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from urllib.parse import urlsplit

from tests.e2e.terminal import Terminal
from tests.e2e.test_console_in_a_terminal import command
from tests.unit.hostile import HOSTILE_BYTES

APP = """\
import sys

sys.stdout.buffer.write({output!r})
sys.stdout.buffer.write(b"THE END\\n")
sys.stdout.flush()


async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({{"type": "http.response.start", "status": 200, "headers": [(b"x-a", b"a")]}})
        await send({{"type": "http.response.body", "body": b"ok"}})
"""
# Control sequences (ECMA-48 5.4), strings with their terminator, and the escapes of two characters.
SEQUENCE = re.compile(
    rb"\x1b\[(?P<private>[<-?]?)(?P<parameters>[0-9;:]*)(?P<final>[ -/]*[@-~])"
    rb"|\x1b(?P<string>[\]PX^_])(?P<body>[^\x07\x1b]*)(?:\x07|\x1b\\)|\x1b(?P<short>[ -/]*[0-~])"
)
PAGE_UP, HOME, END = "\x1b[5~", "\x1b[H", "\x1b[F"


def kinds(raw: bytes) -> set[bytes]:
    """What the terminal was told to do: each sequence by its name, a mode with its number."""
    found = set()
    for match in SEQUENCE.finditer(raw):
        if match["final"]:
            mode = match["parameters"] if match["final"] in (b"h", b"l", b"t", b"u", b"q") else b""
            found.add(b"CSI " + match["private"] + mode + match["final"])
        elif match["string"]:
            found.add(match["string"] + match["body"].partition(b";")[0])
        else:
            found.add(b"ESC " + match["short"])
    rest = SEQUENCE.sub(b"", raw).decode("utf-8")
    return found | {ch.encode() for ch in rest if ch < " " or "\x7f" <= ch < "\xa0"}


def told(directory: Path, lines: list[bytes], request: bytes) -> tuple[set[bytes], Terminal]:
    """What a terminal is told while all of that is in sight once."""
    directory.mkdir()
    (directory / "app.py").write_text(APP.format(output=b"".join(line + b"\n" for line in lines)))
    argv = [command(), "app:app", "--port", "0", "--set", "access_log=true"]
    with Terminal(argv, directory, size=(200, 60)) as terminal:
        url = urlsplit(terminal.see(r"READY\s+uvicorn[^\n]*(http://127\.0\.0\.1:\d+)")[1])
        terminal.see("THE END")
        with socket.create_connection((url.hostname, url.port), timeout=10) as client:
            client.sendall(request)
            assert b"200 OK" in client.recv(65_536)
        terminal.see(r"INFO +127[^\n]*GET /path")
        terminal.press("z", HOME, "w", PAGE_UP, END, PAGE_UP, "z", "3")
        terminal.see("GET +/path")
        terminal.press("\r")
        terminal.see(r"\[Messages 2\]")
        terminal.press("\x1b", "2", "q")
        terminal.wait_end()
        return kinds(terminal.raw), terminal


def test_hostile_output_and_requests_reach_the_terminal_as_text(tmp_path: Path) -> None:
    header = b"GET /path HTTP/1.1\r\nhost: a\r\nx-a: %s\r\nconnection: close\r\n\r\n"
    harmless = [b"line %d" % number for number in range(len(HOSTILE_BYTES))]
    plain, calm = told(tmp_path / "plain", harmless, header % b"a")
    path = b"/path%1b%5d0;owned%07%1b%5b2J%9b2J%c2%9d0;x%07"
    hostile, terminal = told(
        tmp_path / "hostile",
        list(HOSTILE_BYTES.values()),
        (header % b"\x9d0;owned\x9c\x9b2J\xc2\x9b2J").replace(b"/path", path),
    )
    # Links to the web are drawn as such.
    assert hostile - plain <= {b"]8"}
    assert (terminal.screen.title, terminal.screen.icon_name) == (calm.screen.title, calm.screen.icon_name)
