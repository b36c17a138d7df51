"""One operation at a time: a new one takes the place of the one under way."""

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
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            if task.cancelled():
                raise
            cancelled = error
        except BaseException:
            break
    if cancelled is not None:
        raise cancelled
    return task.result()


class Operations:
    """Runs operations of which only the newest matters, and tasks beside them."""

    def __init__(self, failed: Callable[[BaseException], None]) -> None:
        """``failed`` is told of what a task raised that nobody waits for."""
        self._failed = failed
        self._current: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, operation: Callable[[], Awaitable[None]]) -> None:
        """Runs an operation once the one before has been cancelled and has cleaned up after itself.

        Returns at its end; being superseded by another is no error.
        """
        previous = self._current

        async def in_turn() -> None:
            if previous is not None and not previous.done():
                previous.cancel()
                await asyncio.wait([previous])
            await operation()

        task = asyncio.create_task(in_turn())
        self._current = task
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

    async def cancel_current(self) -> None:
        """Cancels the operation under way and waits until it has cleaned up."""
        if self._current is not None and not self._current.done():
            self._current.cancel()
            await asyncio.wait([self._current])

    async def cancel_tasks(self) -> None:
        """Cancels every task."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error)
