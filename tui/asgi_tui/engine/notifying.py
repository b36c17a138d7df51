"""What the operating system tells of changed files, by watchfiles."""

from __future__ import annotations

import sys
import threading
import time

from watchfiles._rust_notify import RustNotify

from asgi_tui.engine.file_tree import FileTree, Told

# Milliseconds between two looks at what the system told: a save is seen after one or two. Each costs some
# 0.05 ms of CPU, so there are fewer when nothing has been saved for ACTIVE seconds.
STEP_MS = 5
IDLE_STEP_MS = 10
ACTIVE = 120.0
# Milliseconds for which what keeps coming is one batch.
DEBOUNCE_MS = 50


class Notifier:
    """What the system tells of a tree's directories; one thread uses it."""

    def __init__(self, tree: FileTree) -> None:
        """Raises ``OSError`` or ``RuntimeError`` where the system refuses."""
        self._tree = tree
        # FSEvents always tells of all below a directory, and is slow with many of them.
        self._recursive = sys.platform == "darwin" and not tree.shallow
        self._paths: list[str] = []
        self._notify = self._listen()
        self._active_until = 0.0

    def renew(self) -> tuple[set[str], set[Told]]:
        """Listens to what the tree holds now.

        Returns the directories listened to before, and what was told while the new ones were added. Raises
        as the constructor does.
        """
        before = set(self._paths)
        if self._recursive:
            return before, set()
        old, self._notify = self._notify, self._listen()
        told = self._watch(old, 0.001, 1)
        old.close()
        return before, told

    def wait(self, seconds: float, stop: threading.Event) -> set[Told]:
        """What changes first within ``seconds``."""
        step = STEP_MS if time.monotonic() < self._active_until else IDLE_STEP_MS
        return self._watch(self._notify, seconds, step, stop)

    def was_saved(self) -> None:
        """The next save may come soon."""
        self._active_until = time.monotonic() + ACTIVE

    def close(self) -> None:
        """Listens no more."""
        self._notify.close()

    def _listen(self) -> RustNotify:
        # The documented lower level of watchfiles: once it is made, changes are seen. Directories are given
        # one by one, so that none is listened to in environments, node_modules and the like.
        self._paths = self._tree.roots() if self._recursive else self._tree.listens()
        return RustNotify(self._paths, False, False, 0, self._recursive, True)

    @staticmethod
    def _watch(
        notify: RustNotify, seconds: float, step: int, stop: threading.Event | None = None
    ) -> set[Told]:
        found = notify.watch(DEBOUNCE_MS, step, max(1, int(seconds * 1000)), stop)
        return found if isinstance(found, set) else set()
