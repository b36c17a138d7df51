"""The wrapper around the user's app: counts and times what passes, and changes nothing.

The same scope and messages are forwarded, ``receive`` is never called on the app's behalf, no task is
made, and exceptions are raised on bare. What a request costs here is one record in a list; a thread of
its own aggregates it (``asgi_probe.shipper``). Counting is wrapped in ``try`` throughout: apps may send
what no type allows, and what is wrong with it is the server's to say.
"""

from __future__ import annotations

import atexit
import json
import os
from time import perf_counter_ns

from . import wire
from .described import zero_copied
from .shipper import LAST_WORDS, Shipper
from .stats import LATE, SILENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .asgi_types import App, Message, Receive, Run, Scope, Send


class Probe:
    """An ASGI 3 app around another."""

    def __init__(self, app: App, run: Run) -> None:
        self.app = app
        self.token_path = run["token_path"]
        # Most paths are shorter, which is sooner seen.
        self.token_length = len(self.token_path)
        self.shipper = Shipper(run["traces_per_second"])
        os.register_at_fork(after_in_child=self.begin_anew)
        atexit.register(self.last_words)

    def begin_anew(self) -> None:
        """In a forked process nothing has been counted and no thread runs.

        Requests that were being handled are the parent's: what they still do here is kept nowhere.
        """
        parents, self.shipper = self.shipper, Shipper(self.shipper.tracing.rate)
        parents.give_up()

    def last_words(self) -> None:
        """At exit."""
        self.shipper.flush(LAST_WORDS)
        wire.leave()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Daphne passes the three by keyword: these names are part of the interface.
        if scope.get("type") != "http":
            await self.other(scope, receive, send)
            return
        path = scope.get("path")
        if type(path) is str and len(path) >= self.token_length and path.endswith(self.token_path):
            await self.answer(send)
            return
        shipper = self.shipper
        shipper.in_flight += 1
        if not shipper.awake:
            shipper.touch()
        tracer = None
        if shipper.tracing.room:
            tracer = shipper.tracing.begin("http", scope)
            if tracer is not None:
                receive, send = tracer.between(receive, send)
        # As it is before the app runs. One variable, since each that closures share is paid for.
        asked = (scope, path, scope.get("root_path"), perf_counter_ns())
        status: Any = 0
        bytes_in = 0
        bytes_out: Any = 0
        failed: Any = False
        gone = False
        # When the response was complete; None once trailers are announced, which are its last then.
        ended: int | None = 0

        async def probe_receive() -> Message:
            nonlocal bytes_in, gone
            message = await receive()
            try:
                if message["type"] == "http.request":
                    bytes_in += len(message.get("body") or b"")
                else:
                    gone = True
            except Exception:
                pass
            return message

        async def probe_send(message: Message) -> None:
            nonlocal status, bytes_out, ended
            if shipper.draining:
                message = closing(scope, message)
            await send(message)
            try:
                kind = message["type"]
                if kind == "http.response.body":
                    bytes_out += len(message.get("body") or b"")
                    if message.get("more_body"):
                        return
                elif kind == "http.response.start":
                    if not status:
                        status = message["status"]
                        if "trailers" in message and message["trailers"]:  # noqa: RUF019 - faster than get
                            ended = None
                    return
                elif kind == "http.response.pathsend":
                    # The whole body is a file, which the server reads; it is measured off the loop.
                    bytes_out = message["path"]
                elif kind == "http.response.zerocopysend":
                    bytes_out += zero_copied(message)
                    if message.get("more_body"):
                        return
                elif kind != "http.response.trailers" or ended is not None or message.get("more_trailers"):
                    return
                else:
                    ended = 0
                if ended == 0:
                    # The response is complete. The app may go on for long, with its background work.
                    ended = perf_counter_ns()
                    shipper.in_flight -= 1
                    shipper.add(asked, status, ended, bytes_in, bytes_out, False)
            except Exception:
                pass

        try:
            await self.app(scope, probe_receive, probe_send)
            if not status and not gone:
                failed = SILENT
        except Exception as error:
            # CancelledError is none: a client that left is no fault of the app's.
            failed = True
            if tracer is None:
                tracer = shipper.tracing.failed("http", scope, asked[3], bytes_in, bytes_out)
            if tracer is not None:
                tracer.raised(error)
            raise
        except BaseException as error:
            if tracer is not None:
                tracer.raised(error)
            # Where the console has the call ended, the server needs no traceback of it.
            if not (shipper.ending and is_cancelled(error)):
                raise
        finally:
            if not ended:
                ended = perf_counter_ns()
                shipper.in_flight -= 1
                shipper.add(asked, status, ended, bytes_in, bytes_out, failed)
            elif failed is True:
                shipper.add(asked, LATE, ended, status, 0, True)
            if tracer is not None:
                tracer.over(scope, path, asked[2], ended)

    async def other(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forwards what is no request; a type that nobody knows yet passes untouched."""
        kind = scope.get("type")
        if kind == "websocket":
            await self.websocket(scope, receive, send)
        elif kind == "lifespan":
            await self.lifespan(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def answer(self, send: Send) -> None:
        """Answers the console's own request; the app never sees it and it is not counted."""
        # From now on orders are listened to, even where nobody else asks anything.
        self.shipper.touch()
        body = json.dumps({"pid": os.getpid()}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forwards one WebSocket; it is open from its acceptance until either side closes it."""
        shipper = self.shipper
        path, root_path = scope.get("path"), scope.get("root_path")
        accepted = is_open = False
        started = perf_counter_ns()
        # As the server gave it, for what the console itself sends.
        servers_send = send
        shipper.stir()
        tracer = shipper.tracing.begin("websocket", scope)
        if tracer is not None:
            receive, send = tracer.between(receive, send)

        def closed() -> None:
            nonlocal is_open
            if is_open:
                is_open = False
                shipper.websockets_open -= 1
                shipper.touch()

        async def probe_receive() -> Message:
            message = await receive()
            try:
                kind = message["type"]
                if kind == "websocket.receive":
                    shipper.ws_bytes_in += size_of(message)
                    shipper.ws_messages_in += 1
                    shipper.touch()
                elif kind == "websocket.disconnect":
                    closed()
            except Exception:
                pass
            return message

        async def probe_send(message: Message) -> None:
            nonlocal accepted, is_open
            await send(message)
            try:
                kind = message["type"]
                if kind == "websocket.send":
                    shipper.ws_bytes_out += size_of(message)
                    shipper.ws_messages_out += 1
                    shipper.touch()
                elif kind == "websocket.accept" and not accepted:
                    accepted = is_open = True
                    shipper.accepted(scope, path, root_path)
                elif kind == "websocket.close":
                    closed()
            except Exception:
                pass

        try:
            await self.app(scope, probe_receive, probe_send)
        except Exception as error:
            shipper.ws_errors += 1
            shipper.touch()
            if tracer is None:
                tracer = shipper.tracing.failed("websocket", scope, started, 0, 0)
            if tracer is not None:
                tracer.raised(error)
            raise
        except BaseException as error:
            if tracer is not None:
                tracer.raised(error)
            if not (shipper.ending and is_cancelled(error)):
                raise
            if is_open:
                await restarting(servers_send)
        finally:
            closed()
            if tracer is not None:
                tracer.over(scope, path, root_path)

    async def lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forwards the lifespan and tells what became of it."""
        shipper = self.shipper
        started = perf_counter_ns()
        answered = ended = False
        tracer = shipper.tracing.begin("lifespan", scope)
        if tracer is not None:
            receive, send = tracer.between(receive, send)

        def tell(state: str, message: object = "") -> None:
            elapsed_ms = (perf_counter_ns() - started) / 1e6
            try:
                text = str(message)[:1000]
            except Exception:
                text = ""
            shipper.say({"type": "lifespan", "state": state, "ms": elapsed_ms, "message": text})

        async def probe_receive() -> Message:
            message = await receive()
            if kind_of(message) == "lifespan.shutdown":
                tell("shutdown")
            return message

        async def probe_send(message: Message) -> None:
            nonlocal answered, ended
            kind = kind_of(message)
            if kind == "lifespan.startup.failed":
                # hypercorn raises here, which must not look like an app without a lifespan.
                answered = True
                tell("startup.failed", message.get("message", ""))
                await send(message)
                return
            await send(message)
            if not kind.startswith("lifespan."):
                return
            if kind == "lifespan.startup.complete":
                answered = True
            tell(kind[len("lifespan.") :], message.get("message", ""))
            if kind.startswith("lifespan.shutdown."):
                # The server ends the process next, perhaps without running exit handlers.
                ended = True
                shipper.flush(LAST_WORDS)

        try:
            await self.app(scope, probe_receive, probe_send)
        except BaseException as error:
            if tracer is not None:
                tracer.raised(error)
            if not answered and isinstance(error, Exception):
                tell("unsupported", Described(error))
            raise
        else:
            if not answered:
                tell("unsupported", "the app returned without answering startup")
        finally:
            if tracer is not None:
                tracer.over(scope, None, None)
                if ended:
                    shipper.flush(LAST_WORDS)


class Described:
    """An exception in words, put together where it can do no harm: its ``__str__`` is the app's."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __str__(self) -> str:
        return f"{type(self.error).__name__}: {self.error}"


def closing(scope: Scope, message: Message) -> Message:
    """While draining, a response start that asks the client to open its next connection anew.

    The one change ever made to a message, and only in HTTP/1, where the field exists (RFC 9112 9.6).
    """
    try:
        if message["type"] != "http.response.start" or not scope["http_version"].startswith("1"):
            return message
        headers = [*(message.get("headers") or ()), (b"connection", b"close")]
    except Exception:
        return message
    return {**message, "headers": headers}


def kind_of(message: Any) -> str:
    """A message's type; empty where it has none, which is the server's to judge."""
    kind = message.get("type") if hasattr(message, "get") else None
    return kind if isinstance(kind, str) else ""


def is_cancelled(error: BaseException) -> bool:
    """Whether asyncio's or trio's own exception ended a call."""
    return not isinstance(error, (GeneratorExit, KeyboardInterrupt, SystemExit))


async def restarting(send: Send) -> None:
    """Closes a WebSocket whose call the console has ended, so that the client connects anew."""
    # 1012 is Service Restart (IANA, WebSocket close codes); daphne lets an app send 1000 and from 3000 on.
    for code in (1012, 1000):
        try:
            await send({"type": "websocket.close", "code": code})
            return
        except Exception:
            pass


def size_of(message: Message) -> int:
    """Bytes of a WebSocket message's payload; text counts as UTF-8."""
    data = message.get("bytes")
    if data is not None:
        return len(data)
    text = message.get("text") or ""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
