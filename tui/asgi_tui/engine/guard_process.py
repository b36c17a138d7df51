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

# How long it keeps killing a group that does not empty (seconds): zombies whose parent never reaps
# them look alive to killpg(2).
PATIENCE = 5.0


def end(groups: set[int]) -> None:
    deadline = time.monotonic() + PATIENCE
    while groups and time.monotonic() < deadline:
        for group in list(groups):
            try:
                os.killpg(group, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
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
