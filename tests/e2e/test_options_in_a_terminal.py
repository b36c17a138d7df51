"""Options in a real terminal: pasted, searched, set, copied, started, and there again the next time."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest

from tests.e2e.terminal import Terminal
from tests.e2e.test_console_in_a_terminal import ENTER, command, free_port
from tests.support import get, write_app

ESCAPE, CTRL_S = "\x1b", "\x13"


def paste(text: str) -> str:
    """As a terminal sends what is pasted."""
    return f"\x1b[200~{text}\x1b[201~"


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
def test_a_pasted_command_is_changed_copied_started_and_remembered(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    write_app(tmp_path)
    port = free_port()
    state = {"XDG_STATE_HOME": str(tmp_path / "state")}
    line = f"web: granian --interface asgi app:app --port ${{PORT:-{port}}} --http 1"
    with Terminal([command()], tmp_path, size=size, env=state) as terminal:
        terminal.see(r"\$ uvicorn app:app")
        terminal.press("p")
        terminal.see("Paste a command")
        terminal.press(paste(line))
        terminal.see("only a shell can fill")
        terminal.press("\x1bOQ")  # F2
        terminal.see(rf"--port {port} ")
        terminal.press(CTRL_S)
        terminal.see(r"\$ granian --interface asgi")

        terminal.press("o")
        terminal.see(r"All options \(\d+\)\]")
        # Each key that moves the cursor is seen to have done so: a busy machine may take its time.
        terminal.press("/")
        terminal.see("esc Clear")
        terminal.press(*"--backlog", ENTER)
        terminal.see("⏎ Edit")
        terminal.press(ENTER)
        terminal.see("esc To the list")
        terminal.press(*"12")
        terminal.see("too small")
        terminal.press("8", ESCAPE)
        terminal.see("⏎ Edit")
        terminal.see("--backlog 128")

        terminal.press("c")
        terminal.see("Copied")
        copied = re.findall(rb"\x1b\]52;c;([A-Za-z0-9+/=]+)", terminal.raw)
        assert base64.b64decode(copied[-1]).decode().startswith("granian --interface asgi")
        terminal.press("g")
        url = terminal.see(r"READY\s+granian[^\n]*(http://127\.0\.0\.1:\d+)")[1]
        assert url.endswith(f":{port}")
        assert get(url) == (200, "version 0")
        terminal.press("q")
        assert terminal.wait_end() == 0

    with Terminal([command()], tmp_path, size=size, env=state) as terminal:
        terminal.see(r"--backlog 128")
        terminal.see("As started here last")
        terminal.press("q")
        assert terminal.wait_end() == 0
