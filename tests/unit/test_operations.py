"""Commands take each other's place; what yields waits; nothing is interrupted half-way that must not be."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from asgi_tui.engine.operations import Operations, uninterrupted


class Trail:
    """Operations that say when they begin, clean up and end."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.faults: list[BaseException] = []
        self.operations = Operations(self.faults.append)

    async def work(self, name: str, seconds: float = 0.02, cleaning: float = 0.02) -> None:
        self.said.append(f"{name} begins")
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.said.append(f"{name} cleans up")
            await asyncio.sleep(cleaning)
            self.said.append(f"{name} is clean")
            raise
        self.said.append(f"{name} ends")

    def run(self, name: str, seconds: float = 0.02, *, yields: bool = False) -> asyncio.Task[None]:
        return asyncio.create_task(self.operations.run(lambda: self.work(name, seconds), yields=yields))


async def test_a_third_command_waits_for_the_first_to_clean_up() -> None:
    trail = Trail()
    tasks = [trail.run("one", 10)]
    await asyncio.sleep(0.01)
    tasks.append(trail.run("two", 10))
    await asyncio.sleep(0.005)
    tasks.append(trail.run("three"))
    await asyncio.gather(*tasks)
    assert trail.said == ["one begins", "one cleans up", "one is clean", "three begins", "three ends"]


async def test_what_yields_waits_for_a_command_and_gives_way_to_one() -> None:
    trail = Trail()
    command = trail.run("command", 0.03)
    await asyncio.sleep(0.01)
    reload = trail.run("reload", yields=True)
    await asyncio.gather(command, reload)
    assert trail.said == ["command begins", "command ends", "reload begins", "reload ends"]

    trail.said.clear()
    reload = trail.run("reload", 10, yields=True)
    await asyncio.sleep(0.01)
    command = trail.run("command")
    await asyncio.gather(command, reload)
    assert trail.said == [
        *("reload begins", "reload cleans up", "reload is clean"),
        *("command begins", "command ends"),
    ]


async def test_of_what_yields_the_newest_counts() -> None:
    trail = Trail()
    command = trail.run("command", 0.03)
    await asyncio.sleep(0.01)
    old, new = trail.run("old", yields=True), trail.run("new", yields=True)
    await asyncio.gather(command, old, new)
    assert trail.said == ["command begins", "command ends", "new begins", "new ends"]


async def test_cancel_all_waits_for_the_cleaning() -> None:
    trail = Trail()
    task = trail.run("one", 10)
    await asyncio.sleep(0.01)
    await trail.operations.cancel_all()
    assert trail.said == ["one begins", "one cleans up", "one is clean"]
    await task


async def test_an_operation_that_fails_tells_its_caller_and_a_task_the_owner() -> None:
    trail = Trail()

    async def fail() -> None:
        raise LookupError("no")

    with pytest.raises(LookupError):
        await trail.operations.run(fail)
    trail.operations.spawn(fail())
    await asyncio.sleep(0.01)
    assert [str(error) for error in trail.faults] == ["no"]


async def test_uninterrupted_work_ends_before_the_cancellation_goes_on() -> None:
    done: list[str] = []

    async def work() -> str:
        await asyncio.sleep(0.03)
        done.append("work")
        return "result"

    async def caller() -> None:
        try:
            await uninterrupted(work())
        finally:
            done.append("caller")

    task = asyncio.create_task(caller())
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.sleep(0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == ["work", "caller"]
    assert await uninterrupted(work()) == "result"


async def test_a_task_that_loses_a_cancellation_is_cancelled_again() -> None:
    trail = Trail()

    async def deaf() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(10)
        await asyncio.sleep(10)

    trail.operations.spawn(deaf())
    await asyncio.sleep(0.01)
    async with asyncio.timeout(3):
        await trail.operations.cancel_tasks()
