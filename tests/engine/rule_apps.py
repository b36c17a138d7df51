"""An app that breaks each rule of the checker at a place of its own; the tests serve a copy of this file.

The mappings (``HTTP``, ``WEBSOCKET`` and so on) give each place's name, the rule that is broken
there (none where all are kept) and what the app does, step by step: it sends what is a message. Nothing but
the standard library is imported, for it runs as a project's own file.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Places = Mapping[str, tuple[str, tuple[Any, ...]]]

# Steps that are no message: receive one, receive until the client has left, raise an exception.
READ, READ_ALL, RAISE = "read", "read all", "raise"


def start(*headers: tuple[Any, Any], status: Any = 200, **keys: Any) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": list(headers), **keys}


def body(data: Any = b"hello", **keys: Any) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, **keys}


def of(kind: str, **keys: Any) -> dict[str, Any]:
    return {"type": kind, **keys}


START, END, PART, EMPTY = start(), body(), body(more_body=True), body(b"")
LENGTH_5, LENGTH_9 = (b"content-length", b"5"), (b"content-length", b"9")
FILE = of("http.response.pathsend", path=os.path.abspath(__file__))
TRAILING = start(trailers=True)
TRAILERS = of("http.response.trailers", headers=[(b"x-sum", b"1")])

HTTP: Places = {
    "good": ("", (READ, start((b"content-length", b"10")), PART, END)),
    "two_starts": ("one response start", (START, START, END)),
    "status_as_text": ("status is a whole number", (start(status="200"), END)),
    "interim_status": ("status is from 200 to 599", (start(status=103), EMPTY)),
    "body_first": ("response start comes before the body", (END,)),
    "after_the_end": ("nothing follows the final body", (START, END, END)),
    "silent": ("an app that returns has answered", (READ,)),
    "unfinished": ("an app that returns has sent the final body", (START, PART)),
    "body_as_text": ("body is bytes", (START, body("hello"))),
    "more_as_number": ("more_body is a bool", (START, body(more_body=1), END)),
    "headers_as_text": ("headers are pairs of bytes", (start(("x-own", "1")), END)),
    "upper_case": ("header names are lower-case", (start((b"X-Own", b"1")), END)),
    "pseudo_header": ("no pseudo headers", (start((b":status", b"200")), END)),
    "two_lengths": ("content-length is one number", (start(LENGTH_5, LENGTH_9), END)),
    "too_short": ("content-length is the size of the body", (start(LENGTH_9), END)),
    "too_long": ("content-length is the size of the body", (start(LENGTH_9), body(b"hello hello"))),
    "length_of_nothing": (
        "no content-length on 204",
        (start((b"content-length", b"0"), status=204), EMPTY),
    ),
    "head": ("no body on HEAD", (start(LENGTH_5), END)),
    "no_content": ("no body on 204", (start(status=204), END)),
    "reset_content": ("no body on 205", (start(status=205), END)),
    "not_modified": ("no body on 304", (start(status=304), END)),
    "not_offered": ("extension events only where the server offers them", (START, FILE)),
    "unknown_type": ("sent messages are those of the protocol", (of("http.respond", status=200),)),
    "half_read": ("the request body is read to its end", (READ, START, END)),
    "after_leaving": ("nothing is sent after http.disconnect", (READ_ALL, START, END)),
}

# HTTP/2 without TLS on hypercorn, which offers trailers there.
HTTP_2: Places = {
    "trailers": ("", (TRAILING, END, TRAILERS)),
    "surprise": ("trailers are announced in the response start", (START, END, TRAILERS)),
    "missing": ("announced trailers are sent", (TRAILING, END)),
    "early": ("trailers come after the final body", (TRAILING, TRAILERS)),
}

# granian offers to send files.
GRANIAN: Places = {
    "file": ("", (START, FILE)),
    "part_of_file": ("pathsend is the whole body", (START, PART, FILE)),
    "no_headers": ("a response start needs no headers", (of("http.response.start", status=200), END)),
}

# gunicorn gives http.disconnect when the client leaves, not before.
GUNICORN: Places = {
    "still_there": ("receive gives http.disconnect after the response", (READ, START, END, READ)),
}

ACCEPT, CLOSE, TEXT = of("websocket.accept"), of("websocket.close"), of("websocket.send", text="hello")
CHAT = of("websocket.accept", subprotocol="chat")
PROTOCOL_HEADER = of("websocket.accept", headers=[(b"sec-websocket-protocol", b"chat")])
DENIAL = (
    of("websocket.http.response.start", status=401, headers=[LENGTH_5]),
    of("websocket.http.response.body", body=b"hello"),
)

WEBSOCKET: Places = {
    "hello": ("", (READ, CHAT, TEXT, READ_ALL)),
    "denied": ("", (READ, *DENIAL)),
    "unanswered": ("an app that returns has answered", (READ,)),
    "accepted_unasked": ("connect is received before it is answered", (ACCEPT, READ_ALL)),
    "frame_first": ("accept, close or a denial comes first", (READ, TEXT)),
    "two_accepts": ("one accept", (READ, ACCEPT, ACCEPT)),
    "after_the_close": ("nothing follows the close", (READ, ACCEPT, CLOSE, TEXT)),
    "after_leaving": ("nothing is sent after websocket.disconnect", (READ, ACCEPT, READ_ALL, CLOSE)),
    "text_and_bytes": (
        "a message has either text or bytes",
        (READ, ACCEPT, of("websocket.send", text="hello", bytes=b"hello")),
    ),
    "bytes_as_text": ("text is str, bytes is bytes", (READ, ACCEPT, of("websocket.send", text=b"hello"))),
    "other_subprotocol": (
        "subprotocol is one the client offered",
        (READ, of("websocket.accept", subprotocol="other")),
    ),
    "protocol_header": ("no sec-websocket-protocol header in the accept", (READ, PROTOCOL_HEADER)),
    "reserved_code": (
        "close code is one that may be sent",
        (READ, ACCEPT, of("websocket.close", code=1005)),
    ),
    "refused": ("a close before the accept has no code", (READ, of("websocket.close", code=3000))),
}

UP, DOWN = of("lifespan.startup.complete"), of("lifespan.shutdown.complete")

# Each worker process takes another.
LIFESPAN: Places = {
    "up_and_down": ("", (READ, UP, READ, DOWN)),
    "up_unasked": ("startup is received before it is answered", (UP, READ, READ, DOWN)),
    "up_twice": ("one answer to the startup", (READ, UP, UP, READ, DOWN)),
    "returned": ("an app that returns has answered the startup", (READ,)),
    "raised": ("a startup that fails says so", (READ, RAISE)),
    "down_unasked": ("shutdown is received before it is answered", (READ, UP, DOWN)),
    "down_twice": ("one answer to the shutdown", (READ, UP, READ, DOWN, DOWN)),
    "up_alone": ("an app that returns has answered the shutdown", (READ, UP)),
}


HTTP_ALL = {**HTTP, **HTTP_2, **GRANIAN, **GUNICORN}


def claimed() -> str:
    """The lifespan's place that no other process has, the first where all are had."""
    for name in LIFESPAN:
        try:
            os.close(os.open(f"claimed-{name}", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            continue
        return name
    return next(iter(LIFESPAN))


async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Does what the place says: the path's name, in a lifespan one that is still to be had."""
    name = claimed() if scope["type"] == "lifespan" else scope["path"].lstrip("/")
    places = {"lifespan": LIFESPAN, "websocket": WEBSOCKET}.get(scope["type"], HTTP_ALL)
    # What else is asked for, as by the console to see whether the app answers, is answered well.
    _, steps = places[name] if name in places else HTTP["good"]
    for step in steps:
        if step == READ:
            await receive()
        elif step == READ_ALL:
            while not (await receive())["type"].endswith(".disconnect"):
                pass
        elif step == RAISE:
            raise RuntimeError("no database")
        else:
            await send(dict(step))
