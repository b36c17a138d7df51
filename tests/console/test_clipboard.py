"""The desktop's clipboard: which tool is run, and that nothing comes of one that fails."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from asgi_tui.frontends.console import clipboard
from asgi_tui.frontends.console.clipboard import clipboard_command, copy_to_desktop


def tool(folder: Path, name: str, body: str) -> None:
    """A program of that name."""
    file = folder / name
    file.write_text(f"#!{sys.executable}\nimport sys, time, pathlib\n{body}\n")
    file.chmod(0o755)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place programs are looked for."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_a_tool_needs_its_display(folder: Path) -> None:
    tool(folder, "xclip", "")
    tool(folder, "wl-copy", "")
    assert clipboard_command({}) is None
    assert clipboard_command({"DISPLAY": ":0"}) == ("xclip", "-selection", "clipboard", "-in")
    assert clipboard_command({"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-0"}) == ("wl-copy",)
    assert clipboard_command({"WSL_DISTRO_NAME": "Debian"}) is None


async def test_the_text_is_given_to_it_whole(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = folder / "out"
    tool(folder, "xsel", f"pathlib.Path({str(out)!r}).write_bytes(sys.stdin.buffer.read())")
    monkeypatch.setenv("DISPLAY", ":0")
    await copy_to_desktop("kopiert: 漢字\nzwei")
    assert out.read_text() == "kopiert: 漢字\nzwei"


async def test_a_tool_that_hangs_or_fails_is_ended(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clipboard, "TIMEOUT", 0.3)
    monkeypatch.setenv("DISPLAY", ":0")
    tool(folder, "xclip", "time.sleep(30)")
    await copy_to_desktop("x" * 1_000_000)
    tool(folder, "xclip", "sys.exit(1)")
    await copy_to_desktop("x" * 1_000_000)
