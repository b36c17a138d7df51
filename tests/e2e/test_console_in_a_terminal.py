"""The installed command in a real terminal, from the form to the last process."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

import psutil
import pytest

from tests.e2e.terminal import Terminal
from tests.support import PLAIN_APP, alive, get, wait_for, write_app

DOWN, ENTER, CTRL_C, CTRL_Z = "\x1b[B", "\r", "\x03", "\x1a"


def command() -> str:
    """The installed entry point beside this interpreter."""
    found = shutil.which("asgi-tui", path=str(Path(sys.executable).parent))
    if found is None:
        pytest.skip("asgi-tui is not installed in this environment")
    return found


def free_port() -> str:
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return str(sock.getsockname()[1])


def gone(processes: list[psutil.Process]) -> None:
    wait_for(lambda: not alive(processes))


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
def test_from_the_form_to_the_last_process(tmp_path: Path, size: tuple[int, int]) -> None:
    source = write_app(tmp_path)
    port = free_port()
    with Terminal([command(), "--port", port], tmp_path, size=size) as terminal:
        terminal.see("app:app")
        terminal.see(rf"\$ uvicorn --port {port} app:app")
        terminal.press("s", DOWN, DOWN, DOWN)
        terminal.see(rf"\$ granian --interface asgi --port {port} app:app")
        terminal.press("g")
        url = terminal.see(r"READY\s+granian[^\n]*(http://127\.0\.0\.1:\d+)")[1]
        below = terminal.descendants()

        assert get(url) == (200, "version 0")
        if size == (80, 24):
            terminal.see("Started worker-1")
            show_pane(terminal, "Traffic")
        terminal.see(r"(requests|total) +1\b")
        terminal.see(r"GET /\s+[\d.-]+\s+1\b")
        if size == (80, 24):
            show_pane(terminal, "Reloads")
        else:
            terminal.see("Started worker-1")

        source.write_text(PLAIN_APP.replace("VERSION = 0", "VERSION = 1"))
        terminal.see(r"✓ live in [\d.]+ m?s\s+app\.py")
        assert get(url) == (200, "version 1")

        terminal.press("s")
        terminal.see("Switch server")
        terminal.press(DOWN, ENTER)
        terminal.see("READY +hypercorn")
        terminal.see("granian → hypercorn")
        assert get(url) == (200, "version 1")
        below += terminal.descendants()

        terminal.press("q")
        assert terminal.wait_end() == 0
        gone(below)
    with pytest.raises(OSError, match="refused"):
        get(url)
    assert list(Path(os.environ.get("TMPDIR", "/tmp")).glob(f"asgi-tui-*/{tmp_path.name}")) == []


def show_pane(terminal: Terminal, name: str) -> None:
    """Goes to a pane where only one is shown at a time."""
    for _ in range(3):
        shown = terminal.see(r"\[(Traffic|Reloads|Logs)\]")[1]
        if shown == name:
            return
        terminal.press("\t")
        terminal.see(rf"\[(?!{shown})(Traffic|Reloads|Logs)\]")
    raise AssertionError(f"there is no pane {name}:\n{terminal.text}")


def test_a_named_target_starts_at_once_and_a_broken_save_shows_where(tmp_path: Path) -> None:
    source = write_app(tmp_path)
    with Terminal([command(), "app:app", "--port", "0"], tmp_path) as terminal:
        url = terminal.see(r"READY\s+uvicorn[^\n]*(http://127\.0\.0\.1:\d+)")[1]
        source.write_text(PLAIN_APP + "\nthis is no python\n")
        line = len(PLAIN_APP.splitlines()) + 2
        terminal.see(rf"app\.py:{line}")
        terminal.see("SyntaxError")
        assert get(url) == (200, "version 0")
        source.write_text(PLAIN_APP.replace("VERSION = 0", "VERSION = 2"))
        terminal.see("live in")
        assert get(url) == (200, "version 2")
        terminal.press("q")
        assert terminal.wait_end() == 0


def test_without_an_app_the_demo_is_offered(tmp_path: Path) -> None:
    with Terminal([command(), "--port", free_port()], tmp_path) as terminal:
        terminal.see("bundled demo")
        terminal.press(ENTER)
        url = terminal.see(r"READY\s+uvicorn[^\n]*(http://127\.0\.0\.1:\d+)")[1]
        assert get(url, "/hello")[0] == 200
        terminal.press("q")
        assert terminal.wait_end() == 0


@pytest.mark.parametrize("how", [signal.SIGHUP, signal.SIGTERM, signal.SIGKILL, "ctrl+c"])
def test_however_it_ends_nothing_is_left(tmp_path: Path, how: signal.Signals | str) -> None:
    write_app(tmp_path)
    with Terminal([command(), "app:app", "--port", "0"], tmp_path) as terminal:
        url = terminal.see(r"READY\s+uvicorn[^\n]*(http://127\.0\.0\.1:\d+)")[1]
        below = terminal.descendants()
        assert len(below) >= 2
        if isinstance(how, str):
            terminal.press(CTRL_C)
        else:
            terminal.child.kill(how)
        code = terminal.wait_end()
        if how is not signal.SIGKILL:
            assert code == 0
        gone(below)
    with pytest.raises(OSError, match="refused"):
        get(url)


def test_a_closed_terminal_ends_it(tmp_path: Path) -> None:
    write_app(tmp_path)
    terminal = Terminal([command(), "app:app", "--port", "0"], tmp_path)
    terminal.see(r"READY\s+uvicorn")
    everything = [psutil.Process(terminal.child.pid), *terminal.descendants()]
    terminal.hang_up()
    try:
        gone(everything)
    finally:
        for process in everything:
            if process.is_running():
                process.kill()


def test_suspended_and_continued(tmp_path: Path) -> None:
    write_app(tmp_path)
    shell = ["/bin/sh", "-i"]
    with Terminal(shell, tmp_path, env={"PS1": "shell> "}) as terminal:
        terminal.see("shell>")
        terminal.child.sendline(f"{command()} app:app --port 0")
        url = terminal.see(r"READY\s+uvicorn[^\n]*(http://127\.0\.0\.1:\d+)")[1]
        terminal.press(CTRL_Z)
        terminal.see(r"shell>|[Ss]topped|[Ss]uspended")
        # The server is another process group: it serves on.
        assert get(url) == (200, "version 0")
        terminal.child.sendline("fg")
        terminal.see(r"READY\s+uvicorn")
        terminal.press("q")
        terminal.see("shell>")


def test_where_stdout_is_no_terminal_it_runs_plainly(tmp_path: Path) -> None:
    import subprocess

    write_app(tmp_path)
    with subprocess.Popen(
        [command(), "app:app", "--port", "0"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        seen = ""
        while "answers on" not in seen:
            line = process.stdout.readline()
            assert line, process.stderr.read() if process.stderr else ""
            seen += line
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=20)
        assert process.returncode == 0
        assert "stopped on request" in rest
        assert errors == "This is no terminal, so the console runs as `asgi-tui run`.\n"
