"""The wrapper around the user's app: counts and times what passes, and changes nothing.

The same scope and messages are forwarded, ``receive`` is never called on the app's behalf, no task is
made, and exceptions are raised on bare. What a request costs here is one record in a list; a thread of
its own aggregates it (``asgi_probe.stats``).
"""

import json
import os
import time

from .stats import Shipper

# Messages kept of one traced request.
TRACE_MESSAGES = 50


class Probe:
    """An ASGI 3 app around another."""

    def __init__(self, app, run):
        self.app = app
        self.token_path = run["token_path"]
        self.shipper = Shipper(run["traces_per_second"])

    async def __call__(self, scope, receive, send):
        # Daphne passes the three by keyword: these names are part of the interface.
        kind = scope["type"]
        if kind == "http":
            if scope["path"].endswith(self.token_path):
                await self.answer(send)
            elif self.shipper.may_trace():
                await self.traced(scope, receive, send)
            else:
                await self.http(scope, receive, send)
        elif kind == "websocket":
            await self.websocket(scope, receive, send)
        elif kind == "lifespan":
            await self.lifespan(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def answer(self, send):
        """Answers the console's own request; the app never sees it and it is not counted."""
        body = json.dumps({"pid": os.getpid()}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def http(self, scope, receive, send):
        status = bytes_in = bytes_out = ended = 0
        failed = False
        now = time.perf_counter_ns
        root_path = scope.get("root_path")

        async def probe_receive():
            nonlocal bytes_in
            message = await receive()
            if message["type"] == "http.request":
                bytes_in += len(message.get("body") or b"")
            return message

        async def probe_send(message):
            nonlocal status, bytes_out, ended
            if shipper.draining:
                message = closing(scope, message)
            await send(message)
            kind = message["type"]
            if kind == "http.response.body":
                bytes_out += len(message.get("body") or b"")
                if not message.get("more_body"):
                    ended = now()
            elif kind == "http.response.start":
                status = message["status"]

        shipper = self.shipper
        shipper.in_flight += 1
        started = now()
        try:
            await self.app(scope, probe_receive, probe_send)
        except Exception:
            # CancelledError is none: a client that left is no fault of the app's.
            failed = True
            raise
        finally:
            shipper.in_flight -= 1
            shipper.add((scope, root_path, status, (ended or now()) - started, bytes_in, bytes_out, failed))

    async def traced(self, scope, receive, send):
        """``http`` that also keeps the messages, for a bounded number of requests a second."""
        messages = []
        now = time.perf_counter_ns
        method, path, at, started = scope["method"], scope["path"], time.time(), now()

        def keep(direction, message):
            if len(messages) < TRACE_MESSAGES:
                messages.append((direction, now() - started, dict(message)))

        async def trace_receive():
            message = await receive()
            keep("receive", message)
            return message

        async def trace_send(message):
            keep("send", message)
            await send(message)

        try:
            await self.http(scope, trace_receive, trace_send)
        finally:
            self.shipper.add_trace((scope, method, path, at, now() - started, messages))

    async def websocket(self, scope, receive, send):
        shipper = self.shipper
        accepted = False
        failed = False

        async def probe_receive():
            message = await receive()
            if message["type"] == "websocket.receive":
                shipper.ws_messages_in += 1
                shipper.ws_bytes_in += size_of(message)
                shipper.touch()
            return message

        async def probe_send(message):
            nonlocal accepted
            await send(message)
            kind = message["type"]
            if kind == "websocket.send":
                shipper.ws_messages_out += 1
                shipper.ws_bytes_out += size_of(message)
                shipper.touch()
            elif kind == "websocket.accept" and not accepted:
                accepted = True
                shipper.websockets_open += 1
                shipper.add((scope, scope.get("root_path"), None, 0, 0, 0, False))

        try:
            await self.app(scope, probe_receive, probe_send)
        except Exception:
            failed = True
            raise
        finally:
            if accepted:
                shipper.websockets_open -= 1
            if failed:
                shipper.ws_errors += 1
            shipper.touch()

    async def lifespan(self, scope, receive, send):
        shipper = self.shipper
        started = time.perf_counter_ns()
        answered = False

        def tell(state, message=""):
            elapsed_ms = (time.perf_counter_ns() - started) / 1e6
            shipper.say({"type": "lifespan", "state": state, "ms": elapsed_ms, "message": message[:1000]})

        async def probe_receive():
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                tell("shutdown")
            return message

        async def probe_send(message):
            nonlocal answered
            await send(message)
            kind = message["type"]
            if kind in ("lifespan.startup.complete", "lifespan.startup.failed"):
                answered = True
            tell(kind[len("lifespan.") :], str(message.get("message", "")))
            if kind.startswith("lifespan.shutdown."):
                # The server ends the process next, perhaps without running exit handlers.
                shipper.flush()

        try:
            await self.app(scope, probe_receive, probe_send)
        except BaseException as error:
            if not answered and isinstance(error, Exception):
                tell("unsupported", f"{type(error).__name__}: {error}")
            raise
        else:
            if not answered:
                tell("unsupported", "the app returned without answering startup")


def closing(scope, message):
    """While draining, a response start that asks the client to open its next connection anew.

    The one change ever made to a message, and only in HTTP/1, where the field exists (RFC 9112 9.6).
    """
    if message["type"] != "http.response.start" or not scope["http_version"].startswith("1"):
        return message
    headers = [*message.get("headers", ()), (b"connection", b"close")]
    return {**message, "headers": headers}


def size_of(message):
    """Bytes of a WebSocket message's payload; text counts as UTF-8."""
    data = message.get("bytes")
    return (
        len(data) if data is not None else len((message.get("text") or "").encode("utf-8", "surrogatepass"))
    )
