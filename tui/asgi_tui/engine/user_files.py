"""The user's own files: where they are, and how one is written so that no reader finds half of it."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import platformdirs

from asgi_tui.domain.errors import Problem

_APP = "asgi-tui"


def config_directory() -> Path:
    """Where presets and settings are kept (``$XDG_CONFIG_HOME/asgi-tui``); it may not exist yet."""
    return platformdirs.user_config_path(_APP, appauthor=False)


def state_directory() -> Path:
    """Where history and remembered answers are kept (``$XDG_STATE_HOME/asgi-tui``); it may not exist yet."""
    return platformdirs.user_state_path(_APP, appauthor=False)


def cache_directory() -> Path:
    """Where what can be found out again is kept (``$XDG_CACHE_HOME/asgi-tui``); it may not exist yet."""
    return platformdirs.user_cache_path(_APP, appauthor=False)


def write_private(path: Path, text: str) -> None:
    """Puts ``text`` in place of the file in one step, readable by the user alone (0600).

    Missing directories are made with mode 0700. A link is followed, so that a file kept elsewhere stays
    there. Raises ``Problem`` where it cannot be written.
    """
    try:
        path = path.resolve()
        _make_private(path.parent)
        # mkstemp gives mode 0600.
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
                file.write(text)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except (OSError, RuntimeError, ValueError) as error:
        # RuntimeError: a loop of links; ValueError: a lone surrogate, which UTF-8 has no bytes for
        why = getattr(error, "strerror", None) or str(error)
        mend = "check its directory's permissions and the free space"
        raise Problem(str(path), f"it cannot be written: {why}", mend, usage=False) from None


def read_text(path: Path, limit: int) -> str | None:
    """The file's text; ``None`` where there is none of at most ``limit`` bytes of UTF-8 that can be read."""
    try:
        # A named pipe must not block.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            content = file.read(limit + 1)
        return content.decode() if len(content) <= limit else None
    except (OSError, ValueError):
        return None


def _make_private(directory: Path) -> None:
    if directory.is_dir():
        return
    # Path.mkdir(parents=True) gives the mode to the last one alone.
    _make_private(directory.parent)
    directory.mkdir(mode=0o700, exist_ok=True)
