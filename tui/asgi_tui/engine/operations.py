"""One operation at a time: a new command takes the place of the one under way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


async def uninterrupted(work: Coroutine[Any, Any, Result]) -> Result:
    """Runs ``work`` to its end even if the caller is cancelled meanwhile; the cancellation comes after."""
    task = asyncio.create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        if not task.cancelled():
            # Nobody is left to whom its failure means anything.
            task.exception()
        raise cancelled
    return task.result()


def _cancel(task: asyncio.Task[None]) -> None:
    """Cancels a task once: a second time would interrupt it while it cleans up."""
    if not task.cancelling():
        task.cancel()


class Operations:
    """Runs operations one after the other, and tasks beside them.

    A command cancels what is under way or waits; it starts once that has cleaned up after itself. An
    operation that yields (a reload, the handling of a crash) never cancels a command but waits for it.
    """

    def __init__(self, failed: Callable[[BaseException], None]) -> None:
        """``failed`` is told of what a task raised that nobody waits for."""
        self._failed = failed
        self._turn = asyncio.Lock()
        self._outstanding: dict[asyncio.Task[None], bool] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, operation: Callable[[], Awaitable[None]], *, yields: bool = False) -> None:
        """Runs an operation in its turn; returns at its end. Being superseded by another is no error.

        Of operations that yield only the newest counts.
        """

        async def in_turn() -> None:
            async with self._turn:
                await operation()

        for task, other_yields in self._outstanding.items():
            if other_yields or not yields:
                _cancel(task)
        task = asyncio.create_task(in_turn())
        self._outstanding[task] = yields
        task.add_done_callback(self._outstanding.pop)
        await asyncio.wait([task])
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error

    def spawn(self, work: Coroutine[Any, Any, None], name: str = "") -> None:
        """Starts a task that nobody waits for."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def join(self, name: str) -> None:
        """Waits for the tasks of a name."""
        while named := [task for task in self._tasks if task.get_name() == name]:
            await asyncio.wait(named)

    async def cancel_all(self) -> None:
        """Cancels every operation and waits until the last has cleaned up."""
        while self._outstanding:
            for task in self._outstanding:
                _cancel(task)
            await asyncio.wait(list(self._outstanding))

    async def cancel_tasks(self) -> None:
        """Cancels every task, again where a library let one cancellation get lost."""
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks, timeout=0.5)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error)
