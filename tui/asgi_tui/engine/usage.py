"""CPU and memory of a process tree."""

from __future__ import annotations

from contextlib import suppress

import psutil


class UsageMeter:
    """Samples a server and its workers; each CPU figure is since the sample before."""

    def __init__(self) -> None:
        self._known: dict[int, psutil.Process] = {}

    def sample(self, leader: int) -> tuple[float, int, int]:
        """CPU (% of one core), resident memory (bytes) and number of processes; blocking."""
        processes: dict[int, psutil.Process] = {}
        with suppress(psutil.Error):
            parent = psutil.Process(leader)
            for process in (parent, *parent.children(recursive=True)):
                # The same object again: psutil measures CPU between two calls on it.
                processes[process.pid] = self._known.get(process.pid, process)
        self._known = processes
        cpu, memory = 0.0, 0
        for process in processes.values():
            with suppress(psutil.Error), process.oneshot():
                cpu += process.cpu_percent()
                memory += process.memory_info().rss
        return cpu, memory, len(processes)
