"""Runs the user's editor on a place in the code, while the session goes on."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from textual.app import App, SuspendNotSupported

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.text import sanitize
from asgi_tui.frontends.console.editor import edit_command
from asgi_tui.frontends.console.history import Place


async def edit(app: App[Any], place: Place, cwd: str) -> None:  # Any: what the app returns is of no interest
    """Opens ``place``, below ``cwd`` where it is relative; an editor of the terminal's has it until it ends.

    Raises ``Problem`` where there is no editor or no such file.
    """
    file = Path.cwd() / cwd / place.file
    what = f"Opening {sanitize(file.name)}"
    command = edit_command(os.environ, file, place.line)
    if not await asyncio.to_thread(file.is_file):
        raise Problem(what, "there is no such file", "look whether it was moved")
    editor = command.argv[0]
    if shutil.which(editor) is None:
        raise Problem(what, f"there is no editor {sanitize(editor)}", "set VISUAL or EDITOR to one")
    try:
        if command.terminal:
            await _in_terminal(app, command.argv)
        else:
            await asyncio.to_thread(_beside, command.argv)
            app.notify(f"{file.name} is opened by {Path(editor).name}.", markup=False)
    except OSError as error:
        raise Problem(what, f"{editor} cannot be run ({error.strerror})", "set VISUAL or EDITOR") from None
    except SuspendNotSupported:
        raise Problem(what, "this terminal cannot be lent", "set VISUAL to an editor with a window") from None


async def _in_terminal(app: App[Any], argv: tuple[str, ...]) -> None:  # Any: as above
    # Events go on meanwhile, so that a save in the editor reloads the app. Nothing may be painted: Textual's
    # writer is stopped, and waits for ever once its queue is full.
    with app.batch_update(), _deaf_to_interrupt(), app.suspend():
        await asyncio.to_thread(subprocess.run, argv, check=False)
    app.refresh(layout=True)


def _beside(argv: tuple[str, ...]) -> None:
    """Starts an editor with a window, which outlives the console; blocking for as long as that takes."""
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    # Somebody has to take note of its end; nobody waits for that.
    threading.Thread(target=process.wait, name="asgi-tui-editor", daemon=True).start()


@contextmanager
def _deaf_to_interrupt() -> Iterator[None]:
    """A Ctrl+C is the editor's while it has the terminal.

    A handler rather than SIG_IGN, which the editor would inherit.
    """
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
