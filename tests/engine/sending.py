"""What tests of sending share: an app that tells what reached it, and a session that serves it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from asgi_tui.domain.events import Error, Event, State
from asgi_tui.domain.plan import NOTHING, LaunchPlan
from asgi_tui.domain.reloading import Reloading
from asgi_tui.domain.sending import Answer
from asgi_tui.domain.target import Target
from asgi_tui.domain.values import Value
from asgi_tui.engine.listener import Address
from asgi_tui.engine.session import Session
from tests.support import write_app

ECHO_APP = """\
import asyncio
import base64
import json


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    await (websocket if scope["type"] == "websocket" else http)(scope, receive, send)


async def http(scope, receive, send):
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    raw_path = scope["raw_path"].decode("latin-1")
    if raw_path == "/large":
        await start(send, 200, [])
        for _ in range(6):
            await send({"type": "http.response.body", "body": bytes(2**20), "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    elif raw_path == "/endless":
        await start(send, 200, [(b"content-type", b"text/event-stream")])
        gone = asyncio.ensure_future(receive())
        while not gone.done():
            await send({"type": "http.response.body", "body": b"data: x\\n\\n", "more_body": True})
            await asyncio.sleep(0.01)
    elif raw_path == "/moved":
        await start(send, 307, [(b"location", b"/elsewhere"), (b"content-length", b"0")])
        await send({"type": "http.response.body", "body": b""})
    else:
        told = {
            "method": scope["method"],
            "http_version": scope["http_version"],
            "raw_path": raw_path,
            "query": scope["query_string"].decode("latin-1"),
            "headers": headers_of(scope),
            "body": base64.b64encode(body).decode() if len(body) < 10_000 else len(body),
        }
        text = json.dumps(told).encode()
        await start(send, 200, [(b"content-length", b"%d" % len(text))])
        await send({"type": "http.response.body", "body": text})


def headers_of(scope):
    return [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]]


async def start(send, status, headers):
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def websocket(scope, receive, send):
    await receive()
    if scope["path"] == "/denied":
        await send({"type": "websocket.close"})
        return
    if scope["path"] == "/moved":
        extension = "websocket.http.response"
        if extension not in scope.get("extensions", {}):
            await send({"type": "websocket.close"})
            return
        headers = [(b"location", b"/ws"), (b"content-length", b"7")]
        await send({"type": extension + ".start", "status": 307, "headers": headers})
        await send({"type": extension + ".body", "body": b"go away"})
        return
    await send({"type": "websocket.accept", "subprotocol": next(iter(scope["subprotocols"]), None)})
    told = {
        "raw_path": (scope.get("raw_path") or b"").decode("latin-1"),
        "query": scope["query_string"].decode("latin-1"),
        "headers": headers_of(scope),
    }
    await send({"type": "websocket.send", "text": json.dumps(told)})
    while (message := await receive())["type"] == "websocket.receive":
        text, data = message.get("text"), message.get("bytes")
        if text is not None and text.startswith("close "):
            await send({"type": "websocket.close", "code": int(text[6:10]), "reason": text[11:]})
            return
        if text == "long":
            await send({"type": "websocket.send", "bytes": bytes(5 * 2**20)})
        elif text is not None:
            await send({"type": "websocket.send", "text": text})
        else:
            await send({"type": "websocket.send", "bytes": data})
"""


class Serving:
    """A session that serves the app, and what it told."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.events: list[Event] = []

    async def listen(self) -> None:
        async for batch in self.session.events():
            self.events += batch

    @property
    def to(self) -> Address:
        """Where it serves."""
        run = self.session._handover.current
        assert run is not None
        return run.address


@asynccontextmanager
async def serving(
    directory: Path, server: str, options: Mapping[str, Value] = NOTHING, source: str = ECHO_APP
) -> AsyncIterator[Serving]:
    """The app on a server, its calls told with their messages."""
    write_app(directory, source)
    it = Serving(Session(traces_per_second=100))
    listening = asyncio.create_task(it.listen())
    await asyncio.sleep(0)
    plan = LaunchPlan(Target.parse("app:app"), server, str(directory), reload=False)
    plan = replace(plan, reloading=Reloading(standby=False, grace=0.0))
    try:
        address: dict[str, Value] = {} if "uds" in options else {"port": 0}
        await it.session.start(plan.with_options(address | dict(options)))
        # What was told is read a moment later.
        await asyncio.sleep(0.01)
        errors = [event.sentence for event in it.events if isinstance(event, Error)]
        assert it.session.state is State.READY, errors
        yield it
    finally:
        await it.session.close()
        await listening


def told(answer: Answer) -> dict[str, Any]:
    """What the app says of the request that reached it."""
    assert answer.status == 200
    found: dict[str, Any] = json.loads(answer.body)
    return found
