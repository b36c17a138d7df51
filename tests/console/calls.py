"""Calls of an app as the engine tells them, for the screens that show them."""

from __future__ import annotations

import json
from dataclasses import replace

from asgi_tui.domain.calls import Header, Item, LogRecord, Message, Raised, Scope, Verdict
from asgi_tui.domain.events import Lifespan, Request, WebSocket
from asgi_tui.domain.frames import Frame
from asgi_tui.domain.masking import make_body, mask_header, mask_query
from tests.console.fake import AT


def headers(**values: str) -> tuple[Header, ...]:
    """Headers, underscores for hyphens, secrets masked."""
    pairs = ((name.replace("_", "-"), value) for name, value in values.items())
    return tuple(Header(name, mask_header(name, value)) for name, value in pairs)


SCOPE = Scope(
    http_version="1.1",
    scheme="http",
    raw_path="/items/7",
    query=mask_query("page=2&token=s3cret"),
    headers=headers(
        host="127.0.0.1:8000",
        user_agent="curl/8.5.0",
        accept="application/json",
        authorization="Bearer abcdef123456",
        cookie="session=1234567890; theme=dark",
    ),
    client="127.0.0.1:53212",
    server="127.0.0.1:8000",
    asgi="3.0, spec 2.5",
    extensions=(Item("http.response.debug", "{}"),),
    state=(Item("db", "Pool"),),
    added=(Item("route", "/items/{item_id}"), Item("path_params", '{"item_id": 7}')),
    kinds={"client": "str int", "server": "str int", "path": "str", "method": "str"},
)


def request(
    number: int = 1,
    *,
    method: str = "GET",
    path: str = "/items/7",
    route: str = "GET /items/{item_id}",
    status: int | None = 200,
    ms: float = 12.4,
    server: str = "uvicorn",
    pid: int = 4242,
    sent: bytes = b"",
    answered: object = None,
) -> Request:
    """A request that was answered as usual; ``answered`` is its JSON."""
    data = json.dumps({"id": 7, "name": "lamp"} if answered is None else answered).encode()
    own = headers(content_type="application/json", content_length=str(len(data)))
    messages = (
        Message("receive", "http.request", 0.2, len(sent), n=1, waited_ms=0.1, data=sent),
        Message("send", "http.response.start", ms - 1, 0, status, n=2, waited_ms=0.1, headers=own),
        Message("send", "http.response.body", ms - 0.5, len(data), n=3, waited_ms=0.4, data=data),
    )
    return Request(
        AT + number,
        f"{pid}-{number}",
        method,
        path,
        route,
        status,
        ms,
        server,
        pid,
        messages,
        returned_ms=ms + 0.3,
        bytes_in=len(sent),
        bytes_out=len(data),
        scope=SCOPE,
        body=make_body(len(sent), [sent], SCOPE.headers),
        answer=make_body(len(data), [data], own),
        logs=(LogRecord(3.1, "info", "shop.orders", "item 7 was looked up", "/srv/shop/main.py", 21),),
    )


def failed(number: int = 2) -> Request:
    """A request whose handler raised; the response start has a header that breaks a rule."""
    good = request(number, path="/boom", route="GET /boom", status=500)
    raised = Raised(
        "ZeroDivisionError",
        "division by zero",
        'Traceback (most recent call last):\n  File "/srv/shop/main.py", line 31, in boom\n    return 1 / 0\n'
        "ZeroDivisionError: division by zero\n",
        (Frame("/srv/shop/main.py", 31, "boom", "return 1 / 0"),),
    )
    verdict = Verdict(
        "header names are lower-case", "app", "http.response.start", "HTTP: Response Start", "warning", 2
    )
    return replace(good, outcome="raised", error=raised, verdicts=(verdict,))


def websocket(number: int = 3) -> WebSocket:
    """A WebSocket that echoed and was closed by its client."""
    frames = (
        Message("receive", "websocket.connect", 0.1, n=1, waited_ms=0.1),
        Message("send", "websocket.accept", 0.4, n=2, waited_ms=0.2),
        Message(
            "receive", "websocket.receive", 20.0, 5, n=3, waited_ms=19.0, data=b"hello", kinds={"text": "str"}
        ),
        Message("send", "websocket.send", 20.3, 5, n=4, waited_ms=0.1, data=b"hello", kinds={"text": "str"}),
        Message(
            "receive",
            "websocket.receive",
            30.0,
            2,
            n=5,
            waited_ms=9.0,
            data=b"\x00\xff",
            kinds={"bytes": "bytes"},
        ),
        Message(
            "receive",
            "websocket.disconnect",
            61.0,
            n=6,
            waited_ms=30.0,
            fields=(Item("code", "1001"), Item("reason", "")),
        ),
    )
    scope = replace(SCOPE, scheme="ws", raw_path="/ws", query="", subprotocols=("chat",))
    return WebSocket(
        AT + number,
        f"4242-{number}",
        "WS",
        "/ws",
        "WS /ws",
        101,
        61.2,
        "uvicorn",
        4242,
        frames,
        returned_ms=61.2,
        bytes_in=7,
        bytes_out=5,
        scope=scope,
    )


def lifespan(number: int = 0) -> Lifespan:
    """A lifespan whose startup is complete and that waits for the shutdown."""
    messages = (
        Message("receive", "lifespan.startup", 0.1, n=1, waited_ms=0.1),
        Message("send", "lifespan.startup.complete", 8.2, n=2, waited_ms=0.1),
        Message("receive", "", 8.4, n=3),
    )
    scope = Scope(asgi="3.0, spec 2.0", state=(Item("db", "Pool"),))
    return Lifespan(
        AT,
        f"4242-{number}",
        "LIFESPAN",
        "",
        "",
        None,
        8.4,
        "uvicorn",
        4242,
        messages,
        outcome="open",
        scope=scope,
    )


def posted(
    number: int = 4, body: bytes = b'{"user": "ada", "password": "hunter22", "cart": [1, 2]}'
) -> Request:
    """A JSON body that came in two parts, streamed back slowly; its log repeats a secret of its own."""
    scope = replace(SCOPE, headers=(*SCOPE.headers, *headers(content_type="application/json")))
    half = len(body) // 2 + 6  # within the password
    own = headers(content_type="application/json", set_cookie="session=abcdef987654; Path=/; HttpOnly")
    answers = (b'{"ok": true, "token": "tok_', b'987654321", "items": [', b'{"id": 1}, {"id": 2}]}')
    messages = (
        Message("receive", "http.request", 0.9, half, None, True, 1, 0.8, data=body[:half]),
        Message("receive", "http.request", 6.2, len(body) - half, n=2, waited_ms=5.2, data=body[half:]),
        Message("send", "http.response.start", 17.4, 0, 201, n=3, waited_ms=0.1, headers=own),
        *(
            Message("send", "http.response.body", at, len(data), None, more, n, waited, data=data)
            for n, at, waited, more, data in (
                (4, 18.0, 0.2, True, answers[0]),
                (5, 21.0, 12.0, True, answers[1]),
                (6, 34.5, 0.3, False, answers[2]),
            )
        ),
    )
    call = request(number, method="POST", path="/orders", route="POST /orders", status=201, ms=34.8)
    whole = b"".join(answers)
    return replace(
        call,
        scope=replace(scope, raw_path="/orders"),
        messages=messages,
        returned_ms=52.0,
        bytes_in=len(body),
        bytes_out=len(whole),
        body=make_body(len(body), [body], scope.headers),
        answer=make_body(len(whole), [whole], own),
        logs=(
            LogRecord(7.0, "info", "shop.orders", "order of ada", "/srv/shop/main.py", 40),
            LogRecord(9.5, "warning", "shop.auth", "Bearer abcdef123456 expires", "/srv/shop/auth.py", 12),
        ),
    )


def answered(
    data: bytes, media: str, number: int = 5, *, size: int | None = None, coding: str = ""
) -> Request:
    """A response of that content type; ``size`` where not all of it was kept."""
    whole = len(data) if size is None else size
    fields = {"content_type": media} | ({"content_encoding": coding} if coding else {})
    own = headers(**fields)
    messages = (
        Message("receive", "http.request", 0.2, n=1, waited_ms=0.1),
        Message("send", "http.response.start", 4.0, 0, 200, n=2, waited_ms=0.1, headers=own),
        Message("send", "http.response.body", 4.4, whole, n=3, waited_ms=0.4, data=data),
    )
    call = request(number, path="/file", route="GET /file", ms=4.9)
    return replace(call, messages=messages, bytes_out=whole, answer=make_body(whole, [data], own))


def going_on(number: int = 6, frames: int = 3) -> WebSocket:
    """A WebSocket that is open: so many frames each way, and a receive that waits."""
    call = websocket(number)
    talk = [
        Message(
            direction,
            f"websocket.{direction}",
            10.0 * n,
            9,
            n=n,
            waited_ms=0.1,
            data=b"frame %03d" % n,
            kinds={"text": "str"},
        )
        for n in range(3, 3 + 2 * frames)
        for direction in (("receive", "send")[n % 2 == 0],)
    ]
    waits = Message("receive", "", 10.0 * (3 + 2 * frames), n=3 + 2 * frames)
    messages = (*call.messages[:2], *talk, waits)
    return replace(call, messages=messages, outcome="open", returned_ms=None, duration_ms=waits.at_ms)
