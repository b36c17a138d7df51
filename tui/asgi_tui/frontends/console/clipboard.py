"""Copies to the desktop's own clipboard, beside what the terminal is told with OSC 52."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping

TIMEOUT = 2.0  # seconds; a tool that takes longer is ended
# Kept until another program copies: a child of theirs holds the selection, so nothing of ours is passed on.
_TOOLS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("WAYLAND_DISPLAY", ("wl-copy",)),
    ("DISPLAY", ("xclip", "-selection", "clipboard", "-in")),
    ("DISPLAY", ("xsel", "--clipboard", "--input")),
    ("WSL_DISTRO_NAME", ("clip.exe",)),
)


def clipboard_command(environment: Mapping[str, str]) -> tuple[str, ...] | None:
    """The tool to give a text on standard input; None where there is no desktop, or no tool for it."""
    if sys.platform == "darwin" and shutil.which("pbcopy"):
        return ("pbcopy",)
    for variable, command in _TOOLS:
        if environment.get(variable) and shutil.which(command[0]):
            return command
    return None


async def copy_to_desktop(text: str) -> None:
    """Gives ``text`` to the desktop's clipboard. Says nothing where it cannot: OSC 52 may have done it."""
    await asyncio.to_thread(_copy, text)


def _copy(text: str) -> None:
    command = clipboard_command(os.environ)
    if command is None:
        return
    # clip.exe reads UTF-16 (with its mark), the others UTF-8
    data = text.encode("utf-16" if command[0] == "clip.exe" else "utf-8", errors="replace")
    try:
        subprocess.run(
            command,
            input=data,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            timeout=TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return
