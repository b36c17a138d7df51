"""A small app that shows what ASGI is: a callable that is given a scope, and talks in messages.

There is no framework, so nothing is hidden. Start at `app`, near the end: it is what a server calls, once for
every request and every WebSocket, and once for the life of the process ("lifespan").

    scope    a dict that says what this connection is: its type, path, headers, client, ...
    receive  `await receive()` gives the next message from the client (or from the server, for lifespan)
    send     `await send(message)` passes a message to the client

The specification: https://asgi.readthedocs.io/
"""

from __future__ import annotations

import asyncio
import html
import itertools
import json
import re
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

# The values of a scope and of a message are of many types, as the specification has it.
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Header = tuple[bytes, bytes]


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


# What /state tells on servers that run no lifespan (daphne) or have no lifespan state.
without_lifespan: dict[str, Any] = {"started_at": now(), "requests": 0}
stopping = False


async def lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    """One call that lasts as long as the process: open things at startup, close them at shutdown."""
    await receive()  # lifespan.startup
    end_streams_on_signals()
    if "state" in scope:
        # Each request gets a shallow copy of this dict, so what requests share is put inside one value.
        scope["state"]["demo"] = {"started_at": now(), "requests": 0}
    # Until this is sent the server takes no requests; "lifespan.startup.failed" would stop it.
    await send({"type": "lifespan.startup.complete"})
    await receive()  # lifespan.shutdown, perhaps days later
    await send({"type": "lifespan.shutdown.complete"})


def end_streams_on_signals() -> None:
    """Note a stop as early as the server does, whose own handler is still called.

    ASGI has no message for "please finish": "lifespan.shutdown" comes only when every response has ended.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        servers_own = signal.getsignal(number)

        def note(number: int, frame: Any, servers_own: Any = servers_own) -> None:
            global stopping
            stopping = True
            servers_own(number, frame)

        # Only the main thread may set handlers; elsewhere the server takes care of signals.
        if callable(servers_own) and threading.current_thread() is threading.main_thread():
            signal.signal(number, note)


async def respond(
    scope: Scope, send: Send, body: object, status: int = 200, kind: str = "text/plain", *headers: Header
) -> None:
    """A whole answer: one start with the status and the headers, then one body. A dict is sent as JSON."""
    if isinstance(body, dict):
        body, kind = json.dumps(body, indent=2) + "\n", "application/json"
    data = str(body).encode()
    # Names and values of headers are bytes, and names are lower-case: HTTP/2 and HTTP/3 know no others.
    base = [(b"content-type", f"{kind}; charset=utf-8".encode()), (b"content-length", b"%d" % len(data))]
    await send({"type": "http.response.start", "status": status, "headers": [*base, *headers]})
    # HEAD is answered as GET would be, without the body.
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else data})


async def stream(scope: Scope, receive: Receive, send: Send, kind: bytes, chunks: Iterable[str]) -> None:
    """An answer in parts: until the chunks end, the client leaves or the server is asked to stop."""
    headers = [(b"content-type", kind), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    # Only `receive` tells that the client has left: on most servers `send` then does nothing, without error.
    left = asyncio.ensure_future(disconnected(receive))
    try:
        for chunk in chunks if scope["method"] == "GET" else ():
            # `more_body` says that another part follows. There is no content-length: nobody knows it yet.
            await send({"type": "http.response.body", "body": chunk.encode(), "more_body": True})
            await asyncio.wait({left}, timeout=0.5)  # a pause that ends early if the client leaves
            if left.done() or stopping:
                break
        if not left.done():
            await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        left.cancel()


async def disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass  # the request's body, even an empty one, comes before


async def index(scope: Scope, receive: Receive, send: Send) -> None:
    # Behind a proxy or a mount, root_path is what comes before our own paths: links must begin with it.
    page = PAGE.replace("ROOT", html.escape(scope.get("root_path", "").rstrip("/")))
    await respond(scope, send, page, 200, "text/html")


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await respond(scope, send, "Hello from ASGI!\n")


async def item(scope: Scope, receive: Receive, send: Send, number: str) -> None:
    await respond(scope, send, {"id": number, "name": f"Item {number}"})


async def chunks(scope: Scope, receive: Receive, send: Send) -> None:
    await stream(scope, receive, send, b"text/plain", (f"chunk {n} of 10\n" for n in range(1, 11)))


async def events(scope: Scope, receive: Receive, send: Send) -> None:
    ticks = (f"id: {n}\ndata: {time.strftime('%H:%M:%S')}\n\n" for n in itertools.count(1))
    await stream(scope, receive, send, b"text/event-stream", ticks)


async def slow(scope: Scope, receive: Receive, send: Send) -> None:
    # The query string is bytes, still percent-encoded; the path is text, already decoded.
    seconds = parse_qs(scope["query_string"].decode("latin-1")).get("seconds", ["1"])[0]
    if re.fullmatch(r"[0-9]{1,2}(\.[0-9]+)?", seconds):
        await asyncio.sleep(
            float(seconds)
        )  # other requests go on meanwhile; time.sleep() would stop them all
        await respond(scope, send, "That was slow\n")
    else:
        await respond(scope, send, "seconds must be a number below 100\n", 400)


async def error(scope: Scope, receive: Receive, send: Send) -> None:
    # No answer has begun, so the server answers 500 and logs the traceback.
    raise RuntimeError("the demo fails here on purpose")


async def upload(scope: Scope, receive: Receive, send: Send) -> None:
    # A body comes in as many messages as the server likes: count its bytes, never the messages.
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return  # nobody is left to answer
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    await respond(scope, send, {"bytes": size})


async def state(scope: Scope, receive: Receive, send: Send) -> None:
    shared = scope.get("state", {}).get("demo", without_lifespan)
    await respond(scope, send, {**shared, "lifespan_state": shared is not without_lifespan})


ROUTES: dict[str, tuple[str, Callable[..., Awaitable[None]]]] = {
    "/": ("GET, HEAD", index),
    "/hello": ("GET, HEAD", hello),
    "/items/{id}": ("GET, HEAD", item),
    "/stream": ("GET, HEAD", chunks),
    "/events": ("GET, HEAD", events),
    "/slow": ("GET, HEAD", slow),
    "/error": ("GET, HEAD", error),
    "/upload": ("POST", upload),
    "/state": ("GET, HEAD", state),
}


async def http(scope: Scope, receive: Receive, send: Send) -> None:
    """Find the route and call it: this much of a framework is needed."""
    scope.get("state", {}).get("demo", without_lifespan)["requests"] += 1
    for template, (methods, route) in ROUTES.items():
        match = re.fullmatch(template.replace("{id}", "([^/]+)"), own_path(scope))
        if match:
            # Tools outside see this dict too: the template makes one route of /items/1 and /items/2.
            scope["path_template"] = template
            if scope["method"] in methods.split(", "):
                await route(scope, receive, send, *match.groups())
            else:
                allow = (b"allow", methods.encode())
                await respond(scope, send, "Method not allowed\n", 405, "text/plain", allow)
            break
    else:
        await respond(scope, send, "Not found\n", 404)


def own_path(scope: Scope) -> str:
    """The path without root_path, with which it begins by the specification (not on every server)."""
    path, root = str(scope["path"]), str(scope.get("root_path", "")).rstrip("/")
    return path[len(root) :] or "/" if f"{path}/".startswith(f"{root}/") else path


async def websocket(scope: Scope, receive: Receive, send: Send) -> None:
    """An echo: the client connects, we accept, then either side sends until one of them leaves."""
    await receive()  # websocket.connect
    if own_path(scope) != "/ws":
        await send({"type": "websocket.close"})  # to close before accepting is to refuse, with a 403
        return
    scope["path_template"] = "/ws"
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        # A message is text or bytes; the other one is absent or None.
        kind = "text" if message.get("text") is not None else "bytes"
        await send({"type": "websocket.send", kind: message[kind]})


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """What the server calls: `uvicorn asgi_demo:app`."""
    speak = {"http": http, "websocket": websocket, "lifespan": lifespan}.get(scope["type"])
    if speak is None:  # by raising, an app says that it does not know a protocol
        raise NotImplementedError(f"unknown scope type {scope['type']!r}")
    await speak(scope, receive, send)


PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>ASGI demo</title><base href="ROOT/">
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><style>
:root { color-scheme: light dark; font: 16px/1.6 system-ui, sans-serif } input, button { font: inherit }
body { max-width: 40rem; margin: 3rem auto; padding: 0 1rem } a, code { font-family: monospace }
</style><h1>ASGI demo</h1><p>One callable, no framework: <code>async def app(scope, receive, send)</code></p>
<ul><li><a href="hello">GET /hello</a> a whole answer<li><a href="items/42">GET /items/{id}</a> JSON
<li><a href="stream">GET /stream</a> ten parts, slowly<li><a href="events">GET /events</a> server-sent events
<li><a href="slow?seconds=1">GET /slow?seconds=1</a> waits, blocks nobody
<li><a href="error">GET /error</a> raises<li><code>POST /upload</code> counts bytes
<li><a href="state">GET /state</a> what lifespan left for requests
<li><code>WebSocket /ws</code> echo, as below</ul>
<h2>WebSocket</h2><form id="form"><input id="text" value="hello" aria-label="Message"> <button>Send</button>
<output id="echo">connecting</output></form><h2>Server-sent events</h2><output id="tick">waiting</output>
<script> const show = (id, text) => document.getElementById(id).textContent = text
const ws = new WebSocket(new URL("ws", document.baseURI).href.replace(/^http/, "ws"))
ws.onopen = () => show("echo", "connected"); ws.onclose = () => show("echo", "closed")
ws.onmessage = event => show("echo", "echo: " + event.data)
form.onsubmit = event => { event.preventDefault(); ws.send(text.value) }
const source = new EventSource(new URL("events", document.baseURI))
source.onmessage = event => show("tick", "event " + event.lastEventId + " at " + event.data)
source.onerror = () => show("tick", "reconnecting")</script></html>
"""
