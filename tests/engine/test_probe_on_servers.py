"""The probe on the real servers: what the app and its clients see is as without it, and it is counted."""

from __future__ import annotations

import http.client
import socket
import time
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support import SERVERS, Running, get, wait_for, write_app

APP = """\
import asyncio
from fastapi import APIRouter, FastAPI

main, inner, router = FastAPI(), FastAPI(), APIRouter(prefix="/r")
left = []


@inner.get("/items/{item_id}")
async def item(item_id: int):
    return item_id


@router.get("/things/{thing}")
async def thing(thing: str):
    return thing


main.include_router(router, prefix="/v1")
main.mount("/inner", inner)


async def stream(receive, send):
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for number in range(4):
        await send({"type": "http.response.body", "body": b"data: %d\\n\\n" % number, "more_body": True})
        await asyncio.sleep(0.15)
    await send({"type": "http.response.body"})


async def upload(receive, send):
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    await answer(send, b"%d" % size)


async def wait(receive, send):
    while (await receive())["type"] != "http.disconnect":
        pass
    left.append(1)


async def boom(receive, send):
    raise RuntimeError("boom")


async def was_left(receive, send):
    await answer(send, b"%d" % len(left))


async def answer(send, body):
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


OWN = {"/stream": stream, "/upload": upload, "/wait": wait, "/boom": boom, "/left": was_left}


async def app(scope, receive, send):
    if scope["type"] == "http" and scope["path"] in OWN:
        await OWN[scope["path"]](receive, send)
    else:
        await main(scope, receive, send)
"""


def connection_to(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    assert parts.hostname is not None
    return http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)


def stats_of(running: Running, requests: int) -> Any:
    """The statistics once so many requests are counted and none is in flight."""
    return running.wait(
        "stats", lambda event: event["requests"] == requests and event["in_flight"] == 0, timeout=5
    )


def check_stream(url: str) -> None:
    connection = connection_to(url)
    connection.request("GET", "/stream")
    response = connection.getresponse()
    arrived = []
    while chunk := response.read1():
        arrived.append((time.monotonic(), chunk))
    connection.close()
    assert [chunk for _, chunk in arrived] == [b"data: %d\n\n" % number for number in range(4)]
    gaps = [after - before for (before, _), (after, _) in pairwise(arrived)]
    # As sent: neither gathered at the end nor held back until the next.
    assert all(0.05 < gap < 0.4 for gap in gaps), gaps


def leave_while_it_waits(running: Running, url: str) -> None:
    parts = urlsplit(url)
    since = running.mark()
    with socket.create_connection((parts.hostname, parts.port)) as client:
        client.sendall(b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n")
        # A request that has not ended is told too.
        running.wait("stats", lambda event: event["in_flight"] == 1, since=since, timeout=5)


@pytest.mark.parametrize("server", SERVERS)
def test_nothing_changes_and_everything_is_counted(tmp_path: Path, server: str) -> None:
    write_app(tmp_path, APP)
    arguments = ("app:app", "--server", server, "--set", "port=0", "--no-reload")
    with Running(tmp_path, *arguments) as running:
        url = running.ready()
        check_stream(url)
        assert stats_of(running, 1)["bytes_out"] == 4 * len(b"data: 0\n\n")

        connection = connection_to(url)
        connection.request("POST", "/upload", body=b"x" * 100_000)
        assert connection.getresponse().read() == b"100000"
        connection.close()
        assert stats_of(running, 2)["bytes_in"] == 100_000

        leave_while_it_waits(running, url)
        wait_for(lambda: get(url, "/left") == (200, "1"))
        stats = running.wait("stats", lambda event: event["statuses"].get("none") == 1, timeout=5)
        assert stats["errors"] == 0

        before = running.mark()
        asked = stats["requests"]
        assert get(url, "/boom")[0] == 500
        assert get(url, "/inner/items/5") == (200, "5")
        assert get(url, "/v1/r/things/x") == (200, '"x"')
        stats = running.wait(
            "stats",
            lambda event: event["requests"] >= asked + 3 and event["statuses"].get("500") == 1,
            since=before,
        )
        assert stats["errors"] == 1
        routes = {route["route"]: (route["requests"], route["errors"]) for route in stats["routes"]}
        assert routes["GET /boom"] == (1, 1)
        assert routes["GET /inner/items/{item_id}"] == (1, 0)
        assert routes["GET /v1/r/things/{thing}"] == (1, 0)
        assert routes["GET /wait"] == (1, 0)
        assert stats["dropped"] == 0
        traced = running.wait("request", lambda event: event["route"] == "POST /upload")
        assert sum(message["bytes"] for message in traced["messages"]) == 100_006
        assert running.stop()["code"] == 0


DJANGO = """\
import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpResponse
from django.urls import path

settings.configure(DEBUG=False, ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="x")
urlpatterns = [path("items/<int:number>/", lambda request, number: HttpResponse(str(number)))]
app = get_asgi_application()
"""


def test_django_paths_are_folded(tmp_path: Path) -> None:
    pytest.importorskip("django")
    write_app(tmp_path, DJANGO)
    with Running(tmp_path, "app:app", "--server", "uvicorn", "--set", "port=0", "--no-reload") as running:
        url = running.ready()
        for number in range(3):
            assert get(url, f"/items/{number}/") == (200, str(number))
        stats = stats_of(running, 3)
        assert [(route["route"], route["requests"]) for route in stats["routes"]] == [("GET /items/{id}/", 3)]
        assert running.stop()["code"] == 0
