"""WebSockets that the console holds, on every server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from asgi_tui.domain.calls import Header
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.secret import Secret
from asgi_tui.domain.sending import Opening, Turn
from asgi_tui.domain.text import MASK
from asgi_tui.domain.values import Value
from asgi_tui.engine import conversation
from asgi_tui.engine.conversation import MESSAGE_BYTES, Conversation
from asgi_tui.engine.listener import Address
from tests.engine.sending import serving
from tests.support import SERVERS


class Talk:
    """A conversation and the turns so far."""

    def __init__(self, to: Address, opening: Opening, cwd: str = "") -> None:
        self.it = Conversation(to, opening, cwd)
        self._turns: AsyncIterator[Turn] = self.it.turns()

    async def next(self) -> Turn:
        async with asyncio.timeout(10):
            return await anext(self._turns)

    async def open(self) -> dict[str, Any]:
        """What the app says of the handshake."""
        assert (await self.next()).kind == "open"
        return dict(json.loads((await self.next()).data))

    async def said(self, data: str | bytes) -> Turn:
        """The echo of a message."""
        await self.it.say(data)
        turn = await self.next()
        raw = data.encode() if isinstance(data, str) else data
        assert (turn.sent, turn.data) == (True, raw)
        return await self.next()

    async def all(self) -> list[Turn]:
        async with asyncio.timeout(10):
            return [turn async for turn in self._turns]


def shape(turn: Turn) -> tuple[str, bytes, bool, int | None]:
    return turn.kind, turn.data, turn.sent, turn.code


@pytest.mark.parametrize("server", SERVERS)
async def test_a_conversation(tmp_path: Path, server: str) -> None:
    async with serving(tmp_path, server) as it:
        headers = (
            Header("X-A", "1"),
            Header("authorization", Secret("Bearer abc")),
            Header("host", "example.test:81"),
            # The handshake's own are left out.
            Header("Sec-WebSocket-Key", "none"),
            Header("connection", "close"),
        )
        talk = Talk(it.to, Opening("/a/../%2F?q=%20&&r", headers, ("chat.v1", "b")))
        assert shape(await talk.next()) == ("open", b"chat.v1", False, None)
        arrived = json.loads((await talk.next()).data)
        assert (arrived["raw_path"], arrived["query"]) == ("/a/../%2F", "q=%20&&r")
        expected = [["host", "example.test:81"], ["x-a", "1"], ["authorization", "Bearer abc"]]
        assert [
            pair for pair in arrived["headers"] if pair[0] in ("host", "x-a", "authorization")
        ] == expected
        assert shape(await talk.said("h\xe9llo")) == ("text", "h\xe9llo".encode(), False, None)
        assert shape(await talk.said(b"\0\xff")) == ("binary", b"\0\xff", False, None)
        await talk.it.say("close 3001 bye")
        *_, last = await talk.all()
        # daphne says no reason.
        assert shape(last) == ("close", b"" if server == "daphne" else b"bye", False, 3001)
        # Nothing happens where it is over.
        await talk.it.say("more")
        await talk.it.close()
        assert await talk.all() == []

        talk = Talk(it.to, Opening("/ws"))
        await talk.open()
        await talk.it.close(4001, "done")
        assert [shape(turn) for turn in await talk.all()] == [("close", b"done", True, 4001)]

        failed = await Talk(it.to, Opening("/denied")).all()
        assert [turn.kind for turn in failed] == ["failed"]
        assert b"/denied on http://127.0.0.1" in failed[0].data
        assert b"it was denied: 403" in failed[0].data
        # Not followed; where the server takes no denial response, it is a plain one.
        (moved,) = await Talk(it.to, Opening("/moved")).all()
        told = (b": 307" in moved.data, b"with go away" in moved.data)
        assert told == ((False, False) if server in ("daphne", "gunicorn") else (True, True))


async def test_over_tls_and_a_unix_socket(tmp_path: Path, key_pair: dict[str, Value]) -> None:
    async with serving(tmp_path, "hypercorn", key_pair) as it:
        talk = Talk(it.to, Opening("/ws"))
        await talk.open()
        assert (await talk.said("hello")).data == b"hello"
        await talk.it.close()
        assert [turn.code for turn in await talk.all()] == [1000]
    async with serving(tmp_path, "uvicorn", {"uds": "app.sock"}) as it:
        talk = Talk(it.to, Opening("/ws"), str(tmp_path))
        assert ["host", "localhost"] in (await talk.open())["headers"]
        # A message that is too long, and one that the server must wait with.
        await talk.it.say("long")
        *_, last = await talk.all()
        assert (last.kind, last.sent, last.code) == ("close", True, 1009)
        assert str(MESSAGE_BYTES).encode() in last.data
        await check_that_it_waits(it.to, str(tmp_path))
        await check_that_leaving_closes(it.to, str(tmp_path))


async def check_that_it_waits(to: Address, cwd: str) -> None:
    """Of a server that sends faster than anybody looks, a bounded number of messages is held."""
    talk = Talk(to, Opening("/ws"), cwd)
    await talk.open()
    for _ in range(200):
        await talk.it.say("x")
    await asyncio.sleep(0.1)
    held = [turn for turn in list(talk.it._turns._queue) if not turn.sent]  # type: ignore[attr-defined]  # asyncio's own
    assert len(held) <= conversation.QUEUED
    got = 0
    while got < 200:
        turn = await talk.next()
        got += not turn.sent
    await talk.it.close()
    await talk.all()


async def check_that_leaving_closes(to: Address, cwd: str) -> None:
    it = Conversation(to, Opening("/ws"), cwd)
    async with aclosing(it.turns()) as turns:
        assert (await anext(turns)).kind == "open"
        connection = it._connection
        assert connection is not None
    assert connection.close_code == 1001
    await it.say("nobody is there")


@pytest.mark.parametrize(
    ("opening", "expected"),
    [
        (Opening("/a b"), b"write it as %20"),
        (Opening("ws"), b"does not begin with a slash"),
        (Opening("/", (Header("a", f"Bearer {MASK}"),)), b"fill the secret in"),
        (Opening("/", (Header("a", "1\r\nb: 2"),)), b"a line break"),
        (Opening("/", (), ("a\r\nb: 2",)), b"Subprotocol 'a"),
        (Opening("/", (Header("host", "a b"),)), b"WebSocket / on http://"),
        (Opening("/?token=abc"), f"/?token={MASK} on http://127.0.0.1:1: it refuses connections".encode()),
    ],
)
async def test_what_cannot_be_opened_is_told(opening: Opening, expected: bytes) -> None:
    (turn,) = await Talk(Address("inet", "127.0.0.1", 1), opening).all()
    assert turn.kind == "failed"
    assert expected in turn.data


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"", "failed"),
        (b"SSH-2.0\r\n\r\n", "failed"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", "failed"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "failed"),
    ],
)
async def test_a_server_that_does_as_it_likes(answer: bytes, expected: str) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        to = Address("inet", "127.0.0.1", server.sockets[0].getsockname()[1])
        turns = await Talk(to, Opening()).all()
    assert [turn.kind for turn in turns] == [expected]
    if b"200" in answer:
        assert b"it was denied: 200 OK with hi" in turns[0].data


async def test_a_code_that_none_may_send() -> None:
    it = Conversation(Address("inet", "127.0.0.1", 1), Opening())
    for code in (0, 999, 1005, 1006, 1015, 2000, 5000):
        with pytest.raises(Problem, match=f"Close code {code}"):
            await it.close(code)
    with pytest.raises(Problem, match="more than 123 bytes"):
        await it.close(1000, "\xe9" * 62)
    await it.close(3000, "x" * 123)


async def test_a_conversation_that_is_cancelled_twice_leaves_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path, "uvicorn") as it:

        async def talk() -> None:
            async for turn in Conversation(it.to, Opening("/ws")).turns():
                if turn.kind == "open":
                    opened.set()

        before = asyncio.all_tasks()
        for _ in range(3):
            opened = asyncio.Event()
            talking = asyncio.create_task(talk())
            await opened.wait()
            talking.cancel()
            await asyncio.sleep(0)
            talking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await talking
        # The library's own, one for each connection that is open.
        await asyncio.sleep(0.05)
        assert asyncio.all_tasks() == before
