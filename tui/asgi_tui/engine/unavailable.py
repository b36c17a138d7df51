"""Answers 503 with the reason while the app cannot be served and a save is waited for."""

from __future__ import annotations

import asyncio
import html
import ssl
from contextlib import suppress

from asgi_tui.engine.listener import BACKLOG, Listener

# Seconds and bytes a client gets to send the head of its request.
HEAD_SECONDS = 5.0
HEAD_BYTES = 65_536
BODY_BYTES = 16 * 1024 * 1024

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="2">
<title>503 · asgi-tui</title>
<style>:root{{color-scheme:light dark}}
body{{font:16px/1.5 system-ui;margin:4rem auto;max-width:44rem;padding:0 1rem}}
pre{{white-space:pre-wrap;font:14px/1.5 ui-monospace,monospace}}</style>
<h1>The app cannot be served</h1><pre>{reason}</pre>
<p>The next good save replaces this page by itself.</p></html>
"""


class Unavailable:
    """Accepts from the console's listening socket while no server does."""

    def __init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._reason = ""

    async def start(self, listener: Listener, reason: str, tls: ssl.SSLContext | None = None) -> None:
        """Answers with ``reason`` from now on; connections that wait in the backlog are answered too."""
        self.stop()
        self._reason = reason
        # A copy: closing it leaves the console's own socket listening. asyncio would set a smaller backlog.
        self._server = await asyncio.start_server(
            self._answer, sock=listener.socket.dup(), limit=HEAD_BYTES, backlog=BACKLOG, ssl=tls
        )

    def stop(self) -> None:
        """Leaves new connections to the backlog, where the next server finds them."""
        server, self._server = self._server, None
        if server is not None:
            server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(HEAD_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
            page = b"text/html" in head.lower()
            text = _PAGE.format(reason=html.escape(self._reason)) if page else f"{self._reason}\n"
            body = text.encode()
            kind = "html" if page else "plain"
            writer.write(
                b"HTTP/1.1 503 Service Unavailable\r\n"
                b"content-type: text/%s; charset=utf-8\r\ncontent-length: %d\r\n"
                b"cache-control: no-store\r\nretry-after: 1\r\nconnection: close\r\n\r\n"
                % (kind.encode(), len(body))
            )
            if not head.startswith(b"HEAD "):
                writer.write(body)
            await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()
            # Closing while a body is on its way would reset the connection before the answer is read.
            async with asyncio.timeout(HEAD_SECONDS):
                await _drain(reader)
        writer.close()


async def _drain(reader: asyncio.StreamReader) -> None:
    """Reads and forgets what else is sent, up to BODY_BYTES."""
    left = BODY_BYTES
    while left > 0 and (data := await reader.read(HEAD_BYTES)):
        left -= len(data)
