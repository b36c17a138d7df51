"""NO_COLOR in a real terminal: no colour is sent, and every state has its word."""

import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.e2e.terminal import Terminal
from tests.support import PLAIN_APP, write_app

# SGR parameters that set a colour: 30 to 38, 40 to 48, 90 to 97, 100 to 107. 39 and 49 take one back.
COLOUR = re.compile(r"(?:^|;)(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;|$)")
HIGHLIGHTED = re.compile(r"\x1b\[(?:\d+;)*7(?:;\d+)*m")


def colours(raw: bytes) -> list[str]:
    """The colour codes in what was written."""
    codes = re.findall(r"\x1b\[([\d;]*)m", raw.decode(errors="replace"))
    return [code for code in codes if COLOUR.search(code)]


def test_no_colour_is_sent_and_states_are_words(tmp_path: Path) -> None:
    found = shutil.which("asgi-tui", path=str(Path(sys.executable).parent))
    if found is None:
        pytest.skip("asgi-tui is not installed in this environment")
    source = write_app(tmp_path)
    with Terminal([found, "app:app", "--port", "0"], tmp_path, env={"NO_COLOR": "1"}) as terminal:
        terminal.see(r"● READY\s+uvicorn")
        terminal.see(r"INFO +")
        source.write_text(PLAIN_APP + "\nthis is no python\n")
        terminal.see("✗ failed after")
        terminal.see(r"✗ Reload|✗ .*SyntaxError")
        source.write_text(PLAIN_APP.replace("VERSION = 0", "VERSION = 1"))
        terminal.see("✓ live in")
        terminal.press("s")
        terminal.see("running")
        terminal.see("not installed|Hypercorn")
        assert HIGHLIGHTED.search(terminal.raw.decode())
        terminal.press("\x1b")
        terminal.see(r"(?s)\A(?!.*Switch server)")
        terminal.press("x")
        terminal.see("○ STOPPED")
        assert colours(terminal.raw) == []
        terminal.press("q")
        assert terminal.wait_end() == 0


def test_colours_are_found_where_they_are() -> None:
    assert colours(b"\x1b[1;38;2;9;9;9m a \x1b[31m b \x1b[39;49m c \x1b[7m d \x1b[0;97m") == [
        "1;38;2;9;9;9",
        "31",
        "0;97",
    ]
