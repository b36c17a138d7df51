"""Requests of the console's own, on every server: what arrives is what was written."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from asgi_tui.domain.as_code import as_curl, as_httpx
from asgi_tui.domain.calls import Header, Scope
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.events import Request
from asgi_tui.domain.secret import Secret
from asgi_tui.domain.sending import ANSWER_BYTES, HTTP_VERSIONS, Answer, Opening, Sending, Timing, sending_of
from asgi_tui.domain.text import MASK
from asgi_tui.domain.values import Value
from asgi_tui.engine import client
from asgi_tui.engine.client import Reply, send
from asgi_tui.engine.conversation import Conversation
from asgi_tui.engine.correlation import Awaited
from asgi_tui.engine.listener import Address
from tests.engine.sending import ECHO_APP, Serving, serving, told
from tests.support import SERVERS, clean_environment, write_app

BYTES = bytes(range(256))
CLEARTEXT = ("hypercorn", "granian")


@pytest.mark.parametrize("server", SERVERS)
async def test_what_arrives_is_what_was_written(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(tmp_path, server) as it:
        headers = (
            Header("x-a", "1"),
            Header("x-a", "2"),
            Header("authorization", Secret("Bearer abc")),
            Header("x-b", "caf\xe9"),
        )
        answer = await it.session.send(Sending("GET", "/a/../%2F;x=1?q=%20&&r", headers))
        arrived = told(answer)
        assert (arrived["method"], arrived["raw_path"]) == ("GET", "/a/../%2F;x=1")
        assert arrived["query"] == "q=%20&&r"
        host = ["host", f"127.0.0.1:{it.to.port}"]
        given = [["x-a", "1"], ["x-a", "2"], ["authorization", "Bearer abc"], ["x-b", "caf\xe9"]]
        assert arrived["headers"] == [host, *given]
        assert answer.server == server
        assert answer.trace is not None
        # What the app saw, sent again, is seen the same.
        assert told(await it.session.send(sending_of(answer.trace))) == arrived
        assert await forwarded(it, server)

        answer = await it.session.send(Sending("POST", "/", body=BYTES))
        arrived = told(answer)
        assert base64.b64decode(arrived["body"]) == BYTES
        assert arrived["headers"] == [host, ["content-length", "256"]]
        assert answer.trace is not None
        assert sending_of(answer.trace).body == BYTES
        await check_bodies(it)
        # Nothing is followed.
        moved = await it.session.send(Sending(path="/moved"))
        assert (moved.status, moved.size) == (307, 0)
        monkeypatch.setattr(client, "BODY_SECONDS", 0.2)
        endless = (await send(it.to, Sending(path="/endless"))).answer
        assert endless.body.startswith(b"data: x\n\ndata: x")
        assert "had not ended" in endless.ended


async def forwarded(it: Serving, server: str) -> bool:
    """Whether the trace is found though a header stands for the client."""
    answer = await it.session.send(Sending(path="/?f", headers=(Header("x-forwarded-for", "192.0.2.7"),)))
    assert answer.trace is not None
    assert answer.trace.scope.query == "f"
    return (answer.trace.scope.client == "192.0.2.7:0") == server.endswith("uvicorn")


async def check_bodies(it: Serving, version: str = "1.1", *, head: bool = True) -> None:
    """Large bodies both ways, and none."""

    async def asked(method: str, path: str, body: bytes = b"") -> client.Reply:
        return await send(it.to, Sending(method, path, body=body, http_version=version))

    assert told((await asked("PUT", "/", bytes(1_000_000))).answer)["body"] == 1_000_000
    large = (await asked("GET", "/large")).answer
    assert (large.size, len(large.body), large.ended) == (6 * 2**20, ANSWER_BYTES, "")
    assert large.timing.connect is not None
    assert large.timing.first_byte is not None
    assert large.timing.body is not None
    parts = large.timing.connect + large.timing.first_byte + large.timing.body
    assert 0 < parts <= large.timing.total
    if head:
        empty = (await asked("HEAD", "/")).answer
        assert (empty.status, empty.size, empty.ended) == (200, 0, "")


@pytest.mark.parametrize("server", CLEARTEXT)
async def test_http2_without_tls(tmp_path: Path, server: str) -> None:
    async with serving(tmp_path, server) as it:
        headers = (Header("X-A", "1"), Header("x-a", "2"), Header("cookie", "a=b; c=d"))
        answer = await it.session.send(Sending(path="//x/../y?z", headers=headers, http_version="2"))
        assert answer.http_version == "2"
        arrived = told(answer)
        assert (arrived["http_version"], arrived["raw_path"], arrived["query"]) == ("2", "//x/../y", "z")
        expected = [["host", f"127.0.0.1:{it.to.port}"], ["x-a", "1"], ["x-a", "2"], ["cookie", "a=b; c=d"]]
        assert arrived["headers"] == expected
        assert answer.trace is not None
        assert told(await it.session.send(sending_of(answer.trace))) == arrived
        await check_code(it, Sending("POST", "/a?b", headers, b"hello", "2"), tmp_path)
        # granian sends a body with it, which HTTP/2 forbids.
        await check_bodies(it, "2", head=server != "granian")
        if server == "granian":
            with pytest.raises(Problem, match=r"it gave no valid HTTP answer .*Expected 0 bytes"):
                await send(it.to, Sending("HEAD", http_version="2"))


@pytest.mark.parametrize(
    ("server", "options"),
    [("hypercorn", {}), ("granian", {}), ("gunicorn", {"http_protocols": "h2,h1"})],
)
async def test_over_tls(
    tmp_path: Path, server: str, options: dict[str, Value], key_pair: dict[str, Value]
) -> None:
    async with serving(tmp_path, server, key_pair | options) as it:
        plain = await it.session.send(Sending())
        assert told(plain)["http_version"] == "1.1"
        assert plain.timing.tls is not None
        answer = await it.session.send(Sending(path="/a?b", http_version="2"))
        assert (told(answer)["http_version"], told(answer)["raw_path"]) == ("2", "/a")
        assert answer.trace is not None
        await check_bodies(it, "2", head=server != "granian")
        if server == "hypercorn":
            for version in HTTP_VERSIONS:
                await check_code(it, Sending("POST", "/a?b", (), b"hello", version), tmp_path)


async def test_gunicorn_without_tls(tmp_path: Path) -> None:
    """By itself: where it takes HTTP/2 in the clear it takes nothing else, so the console cannot ask it."""
    write_app(tmp_path, ECHO_APP)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        words = "-k asgi --no-control-socket --http-protocols h2,h1 --http2-cleartext prior-knowledge app:app"
        bind = ("--bind", f"fd://{listener.fileno()}")
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *bind, *words.split()],
            cwd=tmp_path,
            env=clean_environment(),
            pass_fds=(listener.fileno(),),
            stderr=subprocess.DEVNULL,
        )
        try:
            to = Address("inet", "127.0.0.1", listener.getsockname()[1])
            answer = (await send(to, Sending("POST", "//a?b", body=b"hello", http_version="2"))).answer
            assert (told(answer)["raw_path"], told(answer)["http_version"]) == ("//a", "2")
        finally:
            process.terminate()
            process.wait(10)


async def check_code(it: Serving, sending: Sending, directory: Path) -> None:
    """What is copied as code reaches the app as what is sent."""
    arrived = told((await send(it.to, sending)).answer)
    programs = [("program.py", [sys.executable], as_httpx)]
    if shutil.which("curl") is not None:
        programs.append(("command.sh", ["sh"], as_curl))
    for name, runs, render in programs:
        file = directory / name
        file.write_text(render(it.to.url, sending, reveal=True))
        process = await asyncio.create_subprocess_exec(*runs, str(file), stdout=-1, stderr=-1)
        output, errors = await process.communicate()
        assert process.returncode == 0, errors
        found = json.loads(output.decode().splitlines()[-1])
        assert sorted(found.pop("headers")) == sorted(arrived["headers"])
        assert found == {name: value for name, value in arrived.items() if name != "headers"}


async def test_http2_where_there_is_none(tmp_path: Path, key_pair: dict[str, Value]) -> None:
    async with serving(tmp_path, "uvicorn") as it:
        for sending in (Sending(http_version="2"), Sending("POST", body=bytes(300_000), http_version="2")):
            with pytest.raises(Problem, match=r"no HTTP/2 answer .*; hypercorn and granian speak it"):
                await send(it.to, sending)
    async with serving(tmp_path, "uvicorn", key_pair) as it:
        with pytest.raises(Problem, match=r"HTTP/2 to https://.*: it is not offered over TLS; hypercorn"):
            await send(it.to, Sending(http_version="2"))


async def test_a_unix_socket_and_a_root_path(tmp_path: Path) -> None:
    async with serving(tmp_path, "uvicorn", {"uds": "app.sock", "root_path": "/prefix"}) as it:
        answer = await it.session.send(Sending(path="/x?u"))
        assert told(answer)["headers"] == [["host", "localhost"]]
        assert told(answer)["raw_path"] == "/prefix/x"
        assert answer.trace is not None
        # uvicorn puts it in front, and would do so again.
        assert told(await it.session.send(sending_of(answer.trace))) == told(answer)


async def test_ipv6(tmp_path: Path) -> None:
    if not has_ipv6():
        pytest.skip("no IPv6 here")
    async with serving(tmp_path, "uvicorn", {"host": "::1"}) as it:
        answer = await it.session.send(Sending())
        assert told(answer)["headers"] == [["host", f"[::1]:{it.to.port}"]]
        assert answer.trace is not None


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


# -- servers that do as they like ----------------------------------------------------------------------


@asynccontextmanager
async def replying(*parts: bytes) -> AsyncIterator[tuple[Address, list[bytes]]]:
    """A server that answers any bytes with these, and what it was sent."""
    heads: list[bytes] = []
    answering: list[asyncio.Task[None] | None] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answering.append(asyncio.current_task())
        heads.append(await reader.read(65536))
        for part in parts:
            writer.write(part)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield Address("inet", "localhost", server.sockets[0].getsockname()[1]), heads
    await asyncio.gather(*filter(None, answering))


async def test_every_byte_of_the_head_is_as_it_was_written() -> None:
    answer = b"HTTP/1.1 200 Fine\r\nSet-Cookie: id=abc; Path=/\r\ncontent-length: 0\r\n\r\n"
    async with replying(answer) as (to, heads):
        headers = (Header("X-A", "1"), Header("x-a", ""), Header("hOST", "h"), Header("cookie", "k=\xe9"))
        reply = await send(to, Sending("get", "//a/./%2f;b?c=%20&&d[]=#e", headers))
        assert heads == [
            b"get //a/./%2f;b?c=%20&&d[]=#e HTTP/1.1\r\nhOST: h\r\nX-A: 1\r\nx-a: \r\ncookie: k=\xe9\r\n\r\n"
        ]
        assert reply.local.startswith("127.0.0.1:")
        assert (reply.answer.status, reply.answer.reason) == (200, "Fine")
        names = [(header.name, str(header.value)) for header in reply.answer.headers]
        assert names == [("Set-Cookie", f"id={MASK}; Path=/"), ("content-length", "0")]


@pytest.mark.parametrize(
    ("answer", "ended", "size"),
    [
        (b"content-length: 20\r\n\r\nhi", "the connection broke", 2),
        (b"content-length: 2\r\ncontent-encoding: gzip\r\n\r\nhi", "not in the coding that it says", 0),
        (b"\r\n" + bytes(300), "more than 0 MB", 300),
    ],
)
async def test_a_body_that_is_not_whole_is_shown_as_far_as_it_came(
    answer: bytes, ended: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "COUNTED_BYTES", 200)
    async with replying(b"HTTP/1.1 200 OK\r\n" + answer) as (to, _):
        found = (await send(to, Sending())).answer
        assert (found.status, found.size, len(found.body)) == (200, size, size)
        assert ended in found.ended


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 2x0 OK\r\n\r\n", bytes(200_000)])
@pytest.mark.parametrize("version", ["1.1", "2"])
async def test_what_is_no_answer_is_told_in_a_sentence(answer: bytes, version: str) -> None:
    async with replying(answer) as (to, _):
        with pytest.raises(Problem, match=r"no valid HTTP answer|the connection broke|no HTTP/2 answer"):
            await send(to, Sending(http_version=version))


async def test_who_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"http://127.0.0.1:1: it refuses connections; start the server"):
        await send(Address("inet", "127.0.0.1", 1), Sending())
    with pytest.raises(Problem, match=r"unix:no.sock: No such file"):
        await send(Address("unix", path="no.sock"), Sending(), str(tmp_path))
    with pytest.raises(Problem, match="does not resolve"):
        await send(Address("inet", "no.invalid", 80), Sending())
    monkeypatch.setattr(client, "ANSWER_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with pytest.raises(Problem, match="no answer came within"):
            await send(Address("inet", "127.0.0.1", silent.getsockname()[1]), Sending())
        monkeypatch.setattr(client, "CONNECT_SECONDS", 0.05)
        with pytest.raises(Problem, match="it took no connection within"):
            await send(Address("inet", "127.0.0.1", silent.getsockname()[1], tls=True), Sending())


async def test_a_sending_that_is_cancelled_closes_its_connection() -> None:
    arrived, closed = asyncio.Event(), asyncio.Event()

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        arrived.set()
        with suppress(OSError):
            assert await reader.read() == b""
        writer.close()
        closed.set()

    async with await asyncio.start_server(wait, "127.0.0.1", 0) as server:
        to = Address("inet", "127.0.0.1", server.sockets[0].getsockname()[1])
        sending = asyncio.create_task(send(to, Sending()))
        await arrived.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        async with asyncio.timeout(5):
            await closed.wait()


CANNOT: dict[str, tuple[Sending, str]] = {
    "method": (Sending("GE T"), "Method 'GE T'"),
    "version": (Sending(http_version="3"), "HTTP version 3"),
    "no slash": (Sending(path="x"), "does not begin with a slash"),
    "space": (Sending(path="/a b"), "write it as %20"),
    "letter": (Sending(path="/\xe9"), "write it as %C3%A9"),
    "masked path": (Sending(path=f"/?token={MASK}"), "fill the secret in"),
    "name": (Sending(headers=(Header("a b", "1"),)), "Header 'a b'"),
    "line": (Sending(headers=(Header("a", Secret("hunter2\r\nb: c")),)), "Header a: .* line break"),
    "blank": (Sending(headers=(Header("a", " hunter2"),)), "begins or ends with a space"),
    "masked": (Sending(headers=(Header("a", f"Bearer {MASK}"),)), "Header a: .* fill the secret in"),
    "wide": (Sending(headers=(Header("a", "hunter2 \u0142"),)), "headers are Latin-1"),
    "length": (Sending(headers=(Header("content-length", "5"),)), "Header content-length: the body has 0"),
    "hosts": (Sending(headers=(Header("host", "a"), Header("host", "b"))), "HTTP does not allow it"),
}


@pytest.mark.parametrize("case", CANNOT)
async def test_what_cannot_be_sent_is_told_without_the_value(case: str) -> None:
    sending, expected = CANNOT[case]
    async with replying() as (to, heads):
        with pytest.raises(Problem, match=expected) as caught:
            await send(to, sending)
        assert caught.value.usage
        assert "hunter2" not in str(caught.value)
        assert heads in ([], [b""])


async def test_the_loop_never_waits_for_an_import() -> None:
    async with replying(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n") as (to, _):
        code = f"""
import asyncio, sys
from asgi_tui.domain.sending import Sending
from asgi_tui.engine import client
from asgi_tui.engine.listener import Address
assert not {{"httpx", "httpcore", "h2"}} & sys.modules.keys()

async def main():
    await asyncio.to_thread(client._import)
    before = set(sys.modules)
    await client.send(Address("inet", "127.0.0.1", {to.port}), Sending())
    print(sorted(set(sys.modules) - before))

asyncio.run(main())
"""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        assert process.returncode == 0
        assert not re.search(rb"httpx|httpcore|h11|h2|hpack|anyio", output), output


# -- which request is ours -----------------------------------------------------------------------------


def seen(client_: str, at: float = 100.0, path: str = "/a", method: str = "GET") -> Request:
    headers = (Header("x-forwarded-for", "192.0.2.7"),)
    scope = Scope(client=client_, raw_path=path, headers=headers)
    return Request(at, "1", method, path, "", 200, 1, "hypercorn", 1, scope=scope)


@pytest.mark.parametrize(
    ("local", "forwards", "request_", "ours"),
    [
        ("127.0.0.1:5", False, seen("127.0.0.1:5"), True),
        # The app may be mounted, or a middleware's path be told: the connection is enough.
        ("127.0.0.1:5", False, seen("127.0.0.1:5", path="/b"), True),
        ("127.0.0.1:5", False, seen("[::ffff:127.0.0.1]:5"), True),
        ("[::1]:5", False, seen("[0:0::1]:5"), True),
        ("127.0.0.1:5", False, seen("127.0.0.1:6"), False),
        # The port was used before, or is used again.
        ("127.0.0.1:5", False, seen("127.0.0.1:5", at=99.0), False),
        ("127.0.0.1:5", False, seen("127.0.0.1:5", at=103.0), False),
        ("127.0.0.1:5", True, seen("192.0.2.7:0"), True),
        ("127.0.0.1:5", True, seen("192.0.2.7:0", path="/b"), False),
        ("", False, seen(""), True),
        ("", False, seen("app.sock", path="/b"), False),
        ("", False, seen("", method="PUT"), False),
    ],
)
async def test_the_trace_of_a_sending(local: str, forwards: bool, request_: Request, ours: bool) -> None:
    headers = (Header("X-Forwarded-For", "192.0.2.7"),) if forwards else ()
    awaited = Awaited(Sending("GET", "/a", headers))
    answer = Answer(200, "", "HTTP/1.1", (), 0, b"", Timing(total=2_000.0))
    waiting = asyncio.create_task(awaited.trace(Reply(answer, local, 100.0), 0.02))
    await asyncio.sleep(0)
    awaited.offer(seen("192.0.2.1:1", path="/other"))
    awaited.offer(request_)
    assert await waiting == (request_ if ours else None)


async def test_a_sending_without_an_address_never_takes_the_trace_of_another() -> None:
    ours = (Header("x-id", "1"),)
    sending = Sending("POST", "/a", ours, b"12345")
    reply = Reply(Answer(201, "", "1.1", (), 0, b"", Timing(total=1_000.0)), "", 100.0)
    right = replace(
        seen("", at=100.5, method="POST"), status=201, bytes_in=5, scope=Scope(raw_path="/a", headers=ours)
    )
    others = (
        replace(right, scope=Scope(raw_path="/a", headers=(Header("x-id", "2"),))),
        replace(right, status=200),
        replace(right, bytes_in=6),
        replace(right, at=101.2),
    )
    for found in (right, replace(right, status=None)):
        awaited = Awaited(sending)
        for call in (*others, found):
            awaited.offer(call)
        assert await awaited.trace(reply, 0.01) is found
    awaited = Awaited(sending)
    for call in (right, replace(right, id="8-1")):
        awaited.offer(call)
    # Two that are alike: nobody knows which.
    assert await awaited.trace(reply, 0.01) is None


@pytest.mark.parametrize("coding", ["gzip", "gzip, gzip"])
async def test_a_body_in_several_codings_is_left_as_it_is(coding: str) -> None:
    body = bytes(2**20)
    for _ in coding.split(", "):
        body = gzip.compress(body)
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ncontent-length: {len(body)}\r\n\r\n"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        reply = await send(Address("inet", "127.0.0.1", server.sockets[0].getsockname()[1]), Sending())
    assert reply.answer.size == (2**20 if coding == "gzip" else len(body))


@pytest.mark.parametrize(
    "path", ["/a b?client_secret=hunter2", "https://ada:hunter2@h/", "/ws?jwt=hunter2 x"]
)
async def test_no_sentence_on_a_path_has_its_secret(path: str) -> None:
    to = Address("inet", "127.0.0.1", 1)
    with pytest.raises(Problem) as caught:
        await send(to, Sending(path=path))
    assert "hunter2" not in str(caught.value) + repr(Sending(path=path)) + repr(Opening(path=path))
    [turn] = [turn async for turn in Conversation(to, Opening(path=path)).turns()]
    assert turn.kind == "failed"
    assert b"hunter2" not in turn.data
