"""The guard: ends the servers of a console that died. Runs by itself as ``python -I -S``.

Reads lines from standard input: ``add PGID``, ``del PGID``. At end of file, which comes however the
console ends, it kills every process group still listed until each is empty, then removes the runtime
directory. Standard library only.
"""

import os
import shutil
import signal
import sys
import time
from pathlib import Path

# How long it keeps killing a group that does not empty (seconds).
PATIENCE = 5.0


def only_zombies(group: int) -> bool:
    """Whether nobody in the group runs any more; killpg(2) also finds who was not reaped yet (Linux)."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # After the name in brackets: state, parent, group (proc(5)).
            state, _, number = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(number) == group and state not in "ZX":
            return False
    return sys.platform == "linux"


def end(groups: set[int]) -> None:
    deadline = time.monotonic() + PATIENCE
    while groups and time.monotonic() < deadline:
        for group in list(groups):
            try:
                os.killpg(group, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                groups.discard(group)
                continue
            if only_zombies(group):
                groups.discard(group)
        time.sleep(0.02)


def main() -> None:
    # Ctrl+C and a closed terminal are the console's business; the guard outlives it by design.
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        word, _, group = line.strip().partition(" ")
        if word == "add":
            groups.add(int(group))
        elif word == "del":
            groups.discard(int(group))
    end(groups)
    shutil.rmtree(sys.argv[1], ignore_errors=True)


if __name__ == "__main__":
    main()
