"""A WebSocket that the console itself holds."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
import time
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.masking import mask_path, mask_subprotocols, mask_text
from asgi_tui.domain.sending import Opening, Turn
from asgi_tui.domain.text import sanitize
from asgi_tui.engine.client import (
    ANSWER_SECONDS,
    CONNECT_SECONDS,
    TOKEN,
    authority,
    check_path,
    numeric_host,
    reason_of,
    wire_header,
)
from asgi_tui.engine.listener import Address
from asgi_tui.engine.operations import uninterrupted

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection, connect
    from websockets.exceptions import ConnectionClosed

# Bytes of one message; a longer one closes the WebSocket with 1009.
MESSAGE_BYTES = 4 * 1024 * 1024
# Messages received that nobody has looked at yet; then the server has to wait.
QUEUED = 16
# Bytes of a denial's body that are told.
DENIAL_BYTES = 64 * 1024
# Seconds the other side gets to answer a close.
CLOSE_SECONDS = 2.0
# RFC 6455 5.5: a control frame holds 125 bytes, two of them the code.
_REASON_BYTES = 123
# The codes that may be sent (RFC 6455 7.4, and the registry that it made).
_CODES = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)})
# What the handshake says itself.
_HANDSHAKE = frozenset(
    {
        "connection",
        "content-length",
        "host",
        "sec-websocket-extensions",
        "sec-websocket-key",
        "sec-websocket-protocol",
        "sec-websocket-version",
        "upgrade",
    }
)


class Conversation:
    """One WebSocket, opened by the first iteration of ``turns``. It can be opened once."""

    def __init__(self, to: Address, opening: Opening, cwd: str = "") -> None:
        """``cwd`` is the directory that a Unix socket's path is relative to."""
        self._to = to
        self._opening = opening
        self._cwd = cwd
        self._connection: ClientConnection | None = None
        self._turns: asyncio.Queue[Turn] = asyncio.Queue()
        # For what is received; what is said here is bounded by who says it.
        self._room = asyncio.Semaphore(QUEUED)

    async def turns(self) -> AsyncGenerator[Turn, None]:
        """What happens, from ``open`` or ``failed`` to ``close``. Ending the iteration closes it too."""
        try:
            connection = self._connection = await self._open()
        except Problem as problem:
            yield Turn(time.time(), "failed", str(problem).encode())
            return
        reading = asyncio.create_task(self._read(connection))
        try:
            yield Turn(time.time(), "open", (connection.subprotocol or "").encode())
            while True:
                turn = await self._turns.get()
                if not turn.sent:
                    self._room.release()
                yield turn
                if turn.kind == "close":
                    return
        finally:
            self._connection = None
            reading.cancel()
            # Going away (RFC 6455 7.4.1); nothing where it is closed. Half of it would leave a socket.
            await uninterrupted(connection.close(1001))

    async def say(self, data: str | bytes) -> None:
        """Sends a message; it comes back as a turn once it is sent. Nothing happens where none is open."""
        from websockets.exceptions import ConnectionClosed

        if self._connection is None:
            return
        try:
            await self._connection.send(data)
        except ConnectionClosed:
            return
        self._turns.put_nowait(_message(time.time(), data, sent=True))

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Closes it; nothing happens where it is closed. Raises ``Problem`` for a code that none may send."""
        what = f"Close code {code}"
        if code not in _CODES:
            raise Problem(what, "it is not for sending (RFC 6455 7.4)", "use 1000, or 3000 to 4999")
        if len(reason.encode("utf-8", "replace")) > _REASON_BYTES:
            raise Problem(what, f"its reason has more than {_REASON_BYTES} bytes", "shorten it")
        if self._connection is not None:
            await self._connection.close(code, reason)

    # -- opening -----------------------------------------------------------------------------------

    async def _open(self) -> ClientConnection:
        """Raises ``Problem``."""
        check_path(self._opening.path)
        for name in self._opening.subprotocols:
            if not TOKEN.fullmatch(name):
                shown = mask_subprotocols([name])[0]
                raise Problem(f"Subprotocol {shown!r}", "it is no word of letters", "use one like chat.v1")
        headers = [wire_header(header) for header in self._opening.headers]
        seconds = CONNECT_SECONDS
        try:
            sock = await self._connected()
            seconds = ANSWER_SECONDS
            try:
                handshake = await asyncio.to_thread(self._handshake, sock, headers)
            except BaseException:
                sock.close()
                raise
            return await handshake
        except Problem:
            raise
        except TimeoutError:
            raise self._problem(f"no answer came within {seconds:.0f} s", "see where the app waits") from None
        except Exception as error:
            # Of websockets and asyncio: what is answered is any bytes at all.
            raise self._explained(error) from None

    async def _connected(self) -> socket.socket:
        """A connection of our own: with one the library looks for no proxy and follows no redirect."""
        host = await numeric_host(self._to)
        families = {"unix": socket.AF_UNIX, "inet": socket.AF_INET, "inet6": socket.AF_INET6}
        name: Any = (host, self._to.port)  # Any: as its family has it
        if self._to.family == "unix":
            name = os.path.join(self._cwd, self._to.path)  # noqa: PTH118 - may be absolute
        sock = socket.socket(families[self._to.family])
        sock.setblocking(False)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await asyncio.get_running_loop().sock_connect(sock, name)
        except BaseException:
            sock.close()
            raise
        return sock

    def _handshake(self, sock: socket.socket, headers: list[tuple[bytes, bytes]]) -> connect:
        """What carries the handshake out when it is awaited; blocking, since the library is imported."""
        from websockets.asyncio.client import ClientConnection, connect
        from websockets.typing import Subprotocol

        target = self._opening.path

        class Exact(ClientConnection):
            """Asks for the path as it is written; the library would leave a part of some out."""

            def __init__(self, protocol: Any, **options: Any) -> None:
                # Any: passed on as the library gives it.
                super().__init__(protocol, **options)
                protocol.uri.path, protocol.uri.query = target, ""

        # It would warn on the terminal that the console is drawn on.
        logging.getLogger("websockets.client").setLevel(logging.CRITICAL)
        named = (value.decode("latin-1") for name, value in headers if name.lower() == b"host")
        host = next(named, authority(self._to))
        return connect(
            f"{'wss' if self._to.tls else 'ws'}://{host}/",
            sock=sock,
            ssl=_unverified() if self._to.tls else None,
            subprotocols=[Subprotocol(name) for name in self._opening.subprotocols] or None,
            additional_headers=[_text(header) for header in headers if _is_extra(header)],
            user_agent_header=None,
            open_timeout=ANSWER_SECONDS,
            close_timeout=CLOSE_SECONDS,
            max_size=MESSAGE_BYTES,
            max_queue=4,
            create_connection=Exact,
        )

    def _explained(self, error: Exception) -> Problem:
        from websockets.exceptions import InvalidStatus

        seen: BaseException | None = error
        while seen is not None and not isinstance(seen, InvalidStatus):
            # One that would lead elsewhere is told with another exception before it.
            seen = seen.__cause__
        if seen is None:
            return self._problem(reason_of(error), "start the server, or see its log")
        answer = seen.response
        status = f"{answer.status_code} {sanitize(answer.reason_phrase)}".strip()
        body = bytes(answer.body or b"")[:DENIAL_BYTES].decode(errors="replace")
        told = f" with {sanitize(mask_text(body))}" if body else ""
        return self._problem(f"it was denied: {status}{told}", "")

    def _problem(self, why: str, mend: str) -> Problem:
        path = sanitize(mask_path(self._opening.path))
        return Problem(f"WebSocket {path} on {sanitize(self._to.url)}", why, mend, usage=False)

    # -- talking -----------------------------------------------------------------------------------

    async def _read(self, connection: ClientConnection) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            while True:
                data = await connection.recv()
                at = time.time()
                await self._room.acquire()
                self._turns.put_nowait(_message(at, data, sent=False))
        except ConnectionClosed as closed:
            self._turns.put_nowait(_closed(closed))


def _message(at: float, data: str | bytes, *, sent: bool) -> Turn:
    if isinstance(data, str):
        return Turn(at, "text", data.encode(), sent)
    return Turn(at, "binary", bytes(data), sent)


def _closed(closed: ConnectionClosed) -> Turn:
    """The end, as whoever closed first told it."""
    ours = closed.rcvd is None or closed.rcvd_then_sent is False
    said = closed.sent if ours else closed.rcvd
    if said is None:
        # RFC 6455 7.1.5: 1006 stands for an end without a word.
        return Turn(time.time(), "close", b"the connection broke", code=1006)
    return Turn(time.time(), "close", said.reason.encode(), ours, int(said.code))


def _unverified() -> ssl.SSLContext:
    """The certificate of the user's own development server is rarely one to verify."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # A server that prefers HTTP/2 would else speak it.
    context.set_alpn_protocols(["http/1.1"])
    return context


def _is_extra(header: tuple[bytes, bytes]) -> bool:
    return header[0].decode("ascii").lower() not in _HANDSHAKE


def _text(header: tuple[bytes, bytes]) -> tuple[str, str]:
    """The header as the library wants it, which writes UTF-8."""
    name, value = header
    return name.decode("ascii"), value.decode("utf-8", "replace")
