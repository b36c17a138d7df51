"""What a process does when it is replaced: it stops accepting, counts what is open and ends what goes on."""

from __future__ import annotations

import asyncio
import os
import select
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from asgi_probe.ending import end_calls, running_loop, settle
from asgi_probe.quiesce import connections, hold, release, stop_accepting
from tests.support import wait_for

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only the kernel of Linux tells it")


def new_loops() -> list[Any]:
    found: list[Any] = [pytest.param(asyncio.new_event_loop, id="asyncio")]
    try:
        import uvloop
    except ImportError:
        return found
    return [*found, pytest.param(uvloop.new_event_loop, id="uvloop")]


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[str]:
    """Where the socket is made that nobody can reach; nothing stays of it."""
    yield str(tmp_path)
    assert os.listdir(tmp_path) == []


@contextmanager
def bound(family: int = socket.AF_INET, option: int = 0) -> Iterator[socket.socket]:
    with socket.socket(family) as owned:
        if option:
            owned.setsockopt(socket.SOL_SOCKET, option, 1)
        try:
            owned.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        except OSError as error:
            pytest.skip(f"no such address here: {error}")
        owned.listen()
        yield owned


@asynccontextmanager
async def serving(owned: socket.socket) -> AsyncIterator[socket.socket]:
    """An echo server on a listening socket that somebody else has too, as the console has."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    sock = owned.dup()
    server = await asyncio.start_server(serve, sock=sock)
    yield sock
    server.close()
    await server.wait_closed()


async def echoes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    writer.write(b"line\n")
    async with asyncio.timeout(5):
        return await reader.readline() == b"line\n"


def run_on(new_loop: Callable[[], Any], work: Coroutine[Any, Any, None]) -> None:
    """On a loop of this kind, to the last of its threads."""
    loop = new_loop()
    try:
        loop.run_until_complete(work)
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


async def in_thread(call: Callable[[], Any]) -> Any:
    """As the probe's own thread does it."""
    return await asyncio.to_thread(call)


@pytest.mark.parametrize("new_loop", new_loops())
def test_only_what_listens_on_the_address_stops(new_loop: Callable[[], Any], directory: str) -> None:
    async def main() -> None:
        with bound() as owned, bound() as other:
            async with serving(owned) as sock, serving(other):
                address = list(owned.getsockname())
                connected = await asyncio.open_connection(*address)
                assert await echoes(*connected)
                inheritable = os.get_inheritable(sock.fileno())
                # What is in flight between two sockets is nobody's descriptor: another process has it.
                sender, receiver = socket.socketpair()
                socket.send_fds(sender, [b"x"], [owned.fileno()])
                owned.close()

                assert await in_thread(lambda: stop_accepting(address, directory)) == 1

                fds = socket.recv_fds(receiver, 1, 1)[1]
                with socket.socket(fileno=fds[0]) as again:
                    assert os.get_inheritable(sock.fileno()) == inheritable
                    # Who is connected is served on; who comes now waits for another process to accept.
                    assert await echoes(*connected)
                    with socket.create_connection(again.getsockname()):
                        used = time.process_time()
                        await asyncio.sleep(0.2)
                        # A loop that was told of the waiting connection again and again would use 0.2 s.
                        assert time.process_time() - used < 0.1
                        again.setblocking(False)
                        again.accept()[0].close()
                for each in (sender, receiver):
                    each.close()
                connected[1].close()
                reader, writer = await asyncio.open_connection(*other.getsockname())
                assert await echoes(reader, writer)
                writer.close()
                assert await in_thread(lambda: stop_accepting(address, directory)) == 0

    run_on(new_loop, main())


@LINUX
@pytest.mark.parametrize("new_loop", new_loops())
def test_what_is_held_waits_until_it_is_released(new_loop: Callable[[], Any], directory: str) -> None:
    async def main() -> None:
        with bound() as owned:
            async with serving(owned):
                address = list(owned.getsockname())
                for _ in range(2):
                    assert await in_thread(lambda: hold(address, directory)) == 2
                    reader, writer = await asyncio.open_connection(*address)
                    writer.write(b"line\n")
                    with pytest.raises(TimeoutError):
                        async with asyncio.timeout(0.1):
                            await reader.readline()
                    await in_thread(release)
                    async with asyncio.timeout(5):
                        assert await reader.readline() == b"line\n"
                    writer.close()
                # What is held can be stopped for good.
                assert await in_thread(lambda: hold(address, directory)) == 2
                assert await in_thread(lambda: stop_accepting(address, directory)) == 2
                await in_thread(release)
                assert await in_thread(lambda: stop_accepting(address, directory)) == 0

    run_on(new_loop, main())


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_socket_of_the_servers_own_is_closed_everywhere(family: int, directory: str) -> None:
    with bound(family) as owned:
        address = list(owned.getsockname()[:2])
        assert stop_accepting(address, directory, shared=False) == 1
        with socket.socket(family) as client, pytest.raises(ConnectionRefusedError):
            client.connect(tuple(address))


def test_a_unix_socket_is_known_by_its_path(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as owned:
        owned.bind(path)
        owned.listen()
        assert stop_accepting(path + "2", str(place)) == 0
        assert stop_accepting(path, str(place)) == 1
        owned.setblocking(False)
        with pytest.raises(BlockingIOError):
            owned.accept()


def test_the_mode_of_others_sockets_is_left_alone(directory: str) -> None:
    left, right = socket.socketpair()
    with left, right, bound() as owned:
        socket.setdefaulttimeout(5)
        try:
            assert connections(list(owned.getsockname())) == (0, 0)
            assert stop_accepting(list(owned.getsockname()), directory) == 1
        finally:
            socket.setdefaulttimeout(None)
        assert os.get_blocking(left.fileno())


@LINUX
def test_a_loop_may_still_take_its_listener_out(directory: str) -> None:
    with bound() as owned, select.epoll() as poller:
        poller.register(owned.fileno(), select.EPOLLIN)
        assert stop_accepting(list(owned.getsockname()), directory) == 1
        poller.modify(owned.fileno(), select.EPOLLIN)
        assert poller.poll(0) == []
        poller.unregister(owned.fileno())


def test_open_connections_are_counted_with_what_nobody_has_read(directory: str) -> None:
    with bound() as owned:
        address = list(owned.getsockname())
        clients = [socket.create_connection(owned.getsockname()) for _ in range(3)]
        accepted = [owned.accept()[0] for _ in clients]
        new, idle, gone = clients
        idle.sendall(b"x")
        wait_for(lambda: connections(address) == (3, 3 if sys.platform == "linux" else 1))
        assert [taken.recv(1) for taken in accepted if taken.getpeername() == idle.getsockname()] == [b"x"]
        gone.close()
        wait_for(lambda: connections(address) == (2, 1 if sys.platform == "linux" else 0))
        # A connection that a browser makes in advance is idle too.
        wait_for(lambda: connections(address) == (2, 0), 3)
        new.sendall(b"x")
        wait_for(lambda: connections(address) == (2, 1))
        assert stop_accepting(address, directory) == 1
        assert connections(["0.0.0.0", address[1]]) == (2, 1)
        assert connections(["127.0.0.2", address[1]]) == (0, 0)
        for each in (*clients, *accepted):
            each.close()
        assert connections(address) == (0, 0)


# -- ending calls ------------------------------------------------------------------------------------

Scope = dict[str, Any]


class Wrapper:
    """Stands for the probe: the call that is looked for in what a task awaits."""

    async def __call__(self, scope: Scope, wait: Callable[[], Awaitable[None]]) -> None:
        await self.inner(scope, wait)

    async def inner(self, scope: Scope, wait: Callable[[], Awaitable[None]]) -> None:
        await wait()


CODE = Wrapper.__call__.__code__


async def ended(loop: Any = None) -> int:
    told: list[int] = []
    loop = loop or asyncio.get_running_loop()
    await asyncio.to_thread(end_calls, loop, CODE, told.append)
    async with asyncio.timeout(5):
        while not told:
            await asyncio.sleep(0.001)
    return told[0]


async def test_only_calls_of_the_app_are_ended_and_never_its_lifespan() -> None:
    async def server(scope: Scope) -> None:
        await Wrapper()(scope, asyncio.Event().wait)  # type: ignore[arg-type]  # what it returns is of no use

    async def group(scope: Scope) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server(scope))

    def start(call: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return asyncio.create_task(call)

    calls = [start(server({"type": "http"})), start(server({"type": "websocket"}))]
    nested = start(group({"type": "http"}))
    others = [start(server({"type": "lifespan"})), start(asyncio.sleep(60))]
    await asyncio.sleep(0.01)
    assert await ended() == 3
    _, pending = await asyncio.wait([*calls, nested, *others], timeout=0.1)
    assert pending == set(others)
    assert all(call.cancelled() for call in calls)
    assert await ended() == 0
    for other in others:
        other.cancel()
    await asyncio.wait(others)


async def test_a_task_of_another_kind_is_no_obstacle() -> None:
    class Odd(asyncio.Task[None]):
        def get_coro(self) -> Any:
            return object()

    task = Odd(asyncio.sleep(60), loop=asyncio.get_running_loop())
    assert await ended() == 0
    task.cancel()
    await asyncio.wait([task])


def test_without_a_loop_there_is_nothing_to_end() -> None:
    told: list[int] = []
    end_calls(None, CODE, told.append)
    loop = asyncio.new_event_loop()
    loop.close()
    end_calls(loop, CODE, told.append)
    assert told == [0, 0]
    assert running_loop() is None
    assert not settle(None)


async def test_what_a_loop_has_read_is_a_request_once_it_has_settled() -> None:
    loop = asyncio.get_running_loop()
    assert running_loop() is loop
    steps: list[int] = []

    async def handed_on(times: int) -> None:
        # Lets the other thread in.
        time.sleep(0.01)
        steps.append(times)
        if times:
            tasks.append(asyncio.create_task(handed_on(times - 1)))

    def looked() -> list[int]:
        loop.call_soon_threadsafe(lambda: tasks.append(asyncio.create_task(handed_on(2))))
        assert settle(loop)
        return steps.copy()

    tasks: list[asyncio.Task[None]] = []
    assert await asyncio.to_thread(looked) == [2, 1, 0]


async def test_a_busy_loop_is_waited_for_but_briefly() -> None:
    results: list[bool] = []
    loop = asyncio.get_running_loop()
    thread = threading.Thread(target=lambda: results.append(settle(loop)))
    begun = time.monotonic()
    thread.start()
    thread.join(5)
    assert time.monotonic() - begun < 2
    assert results == [False]
