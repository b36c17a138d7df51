"""Interpreters the user has said yes to: they may be run to read options before anything is started."""

from __future__ import annotations

import json
from pathlib import Path

from asgi_tui.engine.user_files import read_text, write_private

MOST = 500
_FILE = "trusted.json"
_BYTES = 4 * 1024 * 1024


def is_trusted(path: Path, state_dir: Path) -> bool:
    """Whether the user has said yes to this interpreter (its absolute path, links kept)."""
    return str(path) in _trusted(state_dir)


def trust(path: Path, state_dir: Path) -> None:
    """Remembers a yes; the oldest of over ``MOST`` is forgotten. Raises ``Problem`` where that fails."""
    others = [known for known in _trusted(state_dir) if known != str(path)]
    write_private(state_dir / _FILE, json.dumps({"trusted": [*others, str(path)][-MOST:]}, indent=1))


def _trusted(state_dir: Path) -> list[str]:
    """The paths, oldest first; none where the file is not as it was written."""
    try:
        content = json.loads(read_text(state_dir / _FILE, _BYTES) or "")
        paths = content["trusted"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        return []
    return paths[-MOST:]
