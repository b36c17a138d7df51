"""One child process and its group: started by the launcher, stopped until the group is empty."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from asgi_tui.domain.errors import Problem
from asgi_tui.engine.guard import Guard

# Seconds the group gets after the leader, and again after each KILL, before the next step.
GROUP_GRACE = 1.0
KILL_PATIENCE = 5.0
# A process that survives this many KILLs hangs in the kernel; the guard still has it on its list.
KILL_ROUNDS = 3


# Bytes of a standby's answer.
ANSWER_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Preload:
    """What a standby imports in advance, and what it must not (``asgi_probe.standby``)."""

    modules: tuple[str, ...]
    never: tuple[str, ...]
    # Whether the server forks its workers.
    forks: bool


@dataclass(frozen=True, slots=True)
class Child:
    """How to start one: the app's interpreter, the launcher and what the launcher is told."""

    python: Path
    launcher: Path
    module: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    cwd: str
    # Descriptors the child inherits, and the one granian's workers are built from, if any.
    inherited: Sequence[int]
    adopt: int | None
    # With it the child waits for ``go``.
    preload: Preload | None = None


class ServerProcess:
    """The leader of a process group of its own, which ends with the console (guard and lifeline)."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        guard: Guard,
        lifeline: int,
        control: socket.socket | None = None,
    ) -> None:
        """``control``: the socket on which its launcher is told what to run, if it has one."""
        self._process = process
        self._control = control
        self._guard = guard
        self._lifeline = lifeline
        self._stopping = asyncio.Lock()
        self._emptied = False

    @classmethod
    async def spawn(cls, child: Child, guard: Guard, stdout: int, stderr: int) -> ServerProcess:
        """Starts the launcher and puts it under the guard; ``order`` tells it what to run.

        Raises ``Problem`` where the interpreter cannot be executed.
        """
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        lifeline_read, lifeline_write = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                child.python,
                child.launcher,
                str(theirs.fileno()),
                str(lifeline_read),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                pass_fds=(theirs.fileno(), lifeline_read, *child.inherited),
                env=child.environment,
                cwd=child.cwd,
                start_new_session=True,
            )
        except BaseException as error:
            ours.close()
            os.close(lifeline_write)
            if not isinstance(error, OSError):
                raise
            why = error.strerror or str(error)
            raise Problem(f"Interpreter {child.python}", why, "pick another one", usage=False) from None
        finally:
            theirs.close()
            os.close(lifeline_read)
        self = cls(process, guard, lifeline_write, ours)
        guard.add(process.pid)
        return self

    async def order(self, child: Child) -> None:
        """Tells the launcher what to run; it runs at once unless it is to import something in advance."""
        order = {
            "module": child.module,
            "argv": list(child.arguments),
            "adopt": child.adopt,
            "preload": None if child.preload is None else asdict(child.preload),
        }
        await self._send(json.dumps(order).encode() + b"\n")
        if child.preload is None:
            self._hang_up()

    async def _send(self, line: bytes) -> None:
        assert self._control is not None
        # It may have ended before it could be told anything; wait() gives its exit code.
        with suppress(OSError):
            await asyncio.get_running_loop().sock_sendall(self._control, line)

    async def warmed(self) -> dict[str, Any]:
        """What the standby says once it is warm (``asgi_probe.standby.preload``), empty if it ended."""
        assert self._control is not None
        loop = asyncio.get_running_loop()
        answer = b""
        with suppress(OSError, ValueError):
            while not answer.endswith(b"\n") and len(answer) < ANSWER_BYTES:
                data = await loop.sock_recv(self._control, 65_536)
                if not data:
                    break
                answer += data
            found = json.loads(answer)
            return found if isinstance(found, dict) else {}
        return {}

    async def go(self) -> None:
        """Tells a standby to run the server, now or as soon as it is warm."""
        await self._send(b"go\n")
        self._hang_up()

    def _hang_up(self) -> None:
        if self._control is not None:
            self._control.close()

    @property
    def pid(self) -> int:
        """Process id of the leader, and the group's."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """The leader's exit code; None while it runs."""
        return self._process.returncode

    async def wait(self) -> int:
        """The leader's exit code; a negative one is a signal."""
        return await self._process.wait()

    def terminate(self) -> None:
        """TERM to the leader; ``stop`` sees it through."""
        self._signal_leader(signal.SIGTERM)

    async def stop(self, grace: float) -> int:
        """TERM the leader, after ``grace`` seconds the group, then KILL until the group is empty.

        Returns the leader's exit code.
        """
        async with self._stopping:
            if self._process.returncode is None:
                self._signal_leader(signal.SIGTERM)
                await self._ended(grace)
            if not await self._empty():
                self._signal_group(signal.SIGTERM)
                await self._group_ended(GROUP_GRACE)
            for _ in range(KILL_ROUNDS):
                if await self._empty():
                    break
                self._signal_group(signal.SIGKILL)
                await self._group_ended(KILL_PATIENCE)
            if await self._empty():
                self._release()
        return await self._process.wait()

    def _release(self) -> None:
        if not self._emptied:
            self._emptied = True
            self._guard.remove(self.pid)
            self._hang_up()
            os.close(self._lifeline)

    async def _ended(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._process.wait()

    async def _group_ended(self, seconds: float) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        # The kernel gives no event for the end of a group.
        while not await self._empty() and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - as said
            await asyncio.sleep(0.02)

    async def _empty(self) -> bool:
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            # A member that is no longer ours to signal (it changed its user); it can only be waited for.
            pass
        return not await asyncio.to_thread(group_members, self.pid)

    def _signal_leader(self, number: signal.Signals) -> None:
        # Not send_signal: it may reap a leader that has just ended before asyncio does, and lose its code.
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _signal_group(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


def group_members(group: int) -> list[int]:
    """The living processes of a group; blocking. A zombie that its parent never reaps is none."""
    members = []
    for pid in psutil.pids():
        with suppress(OSError, psutil.Error):
            if os.getpgid(pid) == group and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                members.append(pid)
    return members
