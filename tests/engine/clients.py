"""Clients that check every byte of what they are answered, while the server behind the address changes."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import random
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# The ids of the requests that reach it go to a file beside its directory.
APP = """\
import asyncio
import hashlib
import os
from urllib.parse import parse_qsl

VERSION = 0
BEGUN = os.open(
    os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "begun"),
    os.O_WRONLY | os.O_APPEND | os.O_CREAT,
)


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    assert scope["type"] == "http"
    query = dict(parse_qsl(scope["query_string"].decode()))
    os.write(BEGUN, query["id"].encode() + b"\\n")
    seconds = int(query["ms"]) / 1000
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message.get("body", b"")
        more = message.get("more_body", False)
    text = [(b"content-type", b"text/plain")]
    if scope["path"] == "/parts":
        await send({"type": "http.response.start", "status": 200, "headers": text})
        for part in range(5):
            await asyncio.sleep(seconds / 5)
            data = b"version %d part %d\\n" % (VERSION, part)
            await send({"type": "http.response.body", "body": data, "more_body": True})
        await send({"type": "http.response.body", "body": b"end\\n"})
        return
    await asyncio.sleep(seconds)
    answer = b"version %d of %s\\n" % (VERSION, hashlib.sha256(body).hexdigest().encode())
    headers = [*text, (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})
"""

PATIENCE = 15.0  # seconds until a request counts as lost
PAUSE = 0.01  # seconds between two requests of one client, on average


class BrokenError(Exception):
    """A request got no answer, half of one or a wrong one."""


class GoneError(BrokenError):
    """The connection ended before the first byte of the answer."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: ``now`` is answered at once, ``parts`` chunked over time, ``posted`` has a body."""

    id: str
    kind: str
    milliseconds: int
    body: bytes = b""

    def head(self, close: bool) -> bytes:
        """Request line and headers."""
        method = "POST" if self.body else "GET"
        return (
            f"{method} /{self.kind}?id={self.id}&ms={self.milliseconds} HTTP/1.1\r\nhost: localhost\r\n"
            + (f"content-length: {len(self.body)}\r\n" if self.body else "")
            + ("connection: close\r\n" if close else "")
            + "\r\n"
        ).encode()

    def check(self, status: int, answer: bytes) -> int:
        """The version that gave this answer. Raises ``BrokenError`` where it is not what was asked for."""
        text = answer.decode(errors="replace")
        words = text.split()
        if status == 200 and words[:1] == ["version"]:
            version = int(words[1])
            expected = f"version {version} of {hashlib.sha256(self.body).hexdigest()}\n"
            if self.kind == "parts":
                expected = "".join(f"version {version} part {part}\n" for part in range(5)) + "end\n"
            if text == expected:
                return version
        raise BrokenError(f"a wrong answer: {status} {text[:300]!r}")


class Connection:
    """One connection that requests are sent on, one after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.requests = 0

    @classmethod
    async def open(cls, port: int) -> Connection:
        """A fresh one. Raises ``BrokenError`` where it is refused."""
        try:
            return cls(*await asyncio.open_connection("127.0.0.1", port))
        except OSError as error:
            raise BrokenError(f"refused: {error!r}") from None

    @property
    def closed(self) -> bool:
        """Whether the server has closed it while nothing was asked."""
        return self._reader.at_eof() or self._reader.exception() is not None

    def close(self) -> None:
        self._writer.close()

    async def ask(self, asked: Asked, *, close: bool = False) -> tuple[int, bool]:
        """The version that answered, and whether the connection ends with that."""
        self.requests += 1
        try:
            async with asyncio.timeout(PATIENCE):
                await self._send(asked, close)
                head = await self._head()
                status, headers = parse(head)
                try:
                    answer = await self._body(headers)
                except (OSError, EOFError, ValueError) as error:
                    raise BrokenError(f"cut off: {error!r} after {head!r}") from None
        except TimeoutError:
            raise BrokenError(f"no answer within {PATIENCE} s") from None
        return asked.check(status, answer), headers.get("connection", "").lower() == "close"

    async def _send(self, asked: Asked, close: bool) -> None:
        half = len(asked.body) // 2
        # What cannot be written may have been answered nevertheless.
        with suppress(OSError):
            self._writer.write(asked.head(close) + asked.body[:half])
            if asked.body:
                await self._writer.drain()
                await asyncio.sleep(asked.milliseconds / 1000)
                self._writer.write(asked.body[half:])
            await self._writer.drain()

    async def _head(self) -> bytes:
        try:
            return await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise BrokenError(f"cut off: {error.partial!r}") from None
            raise GoneError("closed without an answer") from None
        except OSError as error:
            raise GoneError(f"no answer: {error!r}") from None

    async def _body(self, headers: Mapping[str, str]) -> bytes:
        if "content-length" in headers:
            return await self._reader.readexactly(int(headers["content-length"]))
        if headers.get("transfer-encoding", "").lower() != "chunked":
            raise ValueError("nothing says where the body ends")
        body = b""
        while size := int((await self._reader.readuntil(b"\r\n")).split(b";")[0], 16):
            body += await self._reader.readexactly(size)
            await self._reader.readexactly(2)
        await self._reader.readexactly(2)
        return body


def parse(head: bytes) -> tuple[int, dict[str, str]]:
    """Status and headers of an answer."""
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    return int(first.split()[1]), {name.strip().lower(): value.strip() for name, _, value in pairs}


class Traffic:
    """Clients that ask without end, some on fresh connections and some on kept ones."""

    def __init__(self, port: int, begun: Path) -> None:
        self.port = port
        self.answered = Counter[str]()
        # What no client may ever see, in words.
        self.broken: list[str] = []
        # Requests sent again since a kept connection was closed as they were sent (RFC 9112, 9.3.1).
        self.retried: list[str] = []
        self.closed_while_idle = 0
        self.longest_ms = 0.0
        # Fresh connections from now on must be answered by this version or a later one.
        self.floor = 0
        # What goes on, to tell it with what broke.
        self.during = "the start"
        self._begun = begun
        self._ids = itertools.count()
        self._random = random.Random(4)
        self._over = asyncio.Event()
        self._clients: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Clients that differ in what they ask and on which connections."""
        for client in (self._fresh, self._kept):
            for kinds, count in ((("now",), 3), (("parts", "posted"), 6)):
                self._clients += [asyncio.create_task(client(kinds)) for _ in range(count)]

    async def finish(self) -> None:
        """Ends it: open requests are answered first."""
        self._over.set()
        await asyncio.gather(*self._clients)
        begun = set(self._begun.read_text().split())
        self.broken += [f"{it} was begun and its connection closed" for it in self.retried if it in begun]

    @property
    def figures(self) -> str:
        """What happened, in a line."""
        return (
            f"{self.answered.total()} answered {dict(self.answered)}, {len(self.broken)} broken, "
            f"{len(self.retried)} retried, {self.closed_while_idle} closed while idle, "
            f"the longest wait of a quick one {self.longest_ms:.0f} ms"
        )

    def _next(self, kind: str) -> Asked:
        number = f"{kind}{next(self._ids)}"
        if kind == "now":
            return Asked(number, kind, 0)
        milliseconds = self._random.randrange(50, 301)
        body = self._random.randbytes(self._random.randrange(100, 50_000)) if kind == "posted" else b""
        return Asked(number, kind, milliseconds, body)

    async def _pause(self) -> None:
        await asyncio.sleep(self._random.random() * 2 * PAUSE)

    def _note(self, asked: Asked, where: str, begun: float) -> None:
        self.answered[f"{where} {asked.kind}"] += 1
        if asked.kind == "now":
            self.longest_ms = max(self.longest_ms, (time.monotonic() - begun) * 1000)

    def _complain(self, asked: Asked, where: str, error: BrokenError) -> None:
        what = f"{time.time():.2f} {asked.id} ({asked.milliseconds} ms) on {where}: {error}"
        self.broken.append(f"{what}; {self.during}")

    async def _fresh(self, kinds: tuple[str, ...]) -> None:
        while not self._over.is_set():
            await self._pause()
            asked, floor, begun = self._next(self._random.choice(kinds)), self.floor, time.monotonic()
            try:
                connection = await Connection.open(self.port)
                try:
                    version, _ = await connection.ask(asked, close=True)
                finally:
                    connection.close()
                if version < floor:
                    raise BrokenError(f"stale: version {version} after {floor}")
            except BrokenError as error:
                self._complain(asked, "a fresh connection", error)
            else:
                self._note(asked, "fresh", begun)

    async def _kept(self, kinds: tuple[str, ...]) -> None:
        connection: Connection | None = None
        while not self._over.is_set():
            await self._pause()
            if connection is not None and connection.closed:
                self.closed_while_idle += 1
                connection.close()
                connection = None
            asked, begun = self._next(self._random.choice(kinds)), time.monotonic()
            try:
                try:
                    connection = connection or await Connection.open(self.port)
                    _, ends = await connection.ask(asked)
                except GoneError:
                    assert connection is not None
                    if connection.requests == 1:
                        raise
                    self.retried.append(asked.id)
                    connection.close()
                    asked = self._next(asked.kind)
                    connection = await Connection.open(self.port)
                    _, ends = await connection.ask(asked)
            except BrokenError as error:
                self._complain(asked, "a kept connection", error)
                ends = True
            else:
                self._note(asked, "kept", begun)
            if ends and connection is not None:
                connection.close()
                connection = None
        if connection is not None:
            connection.close()
