"""A request as curl and httpx code: what it sends, run for real, is the request; secrets stay masked."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from asgi_tui.domain.as_code import as_curl, as_httpx
from asgi_tui.domain.calls import Body, Header, Scope
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.events import Request, WebSocket
from asgi_tui.domain.masking import mask_header, mask_query
from asgi_tui.domain.secret import Secret, revealed
from asgi_tui.domain.sending import Sending, sending_of, target_of
from asgi_tui.domain.text import MASK
from asgi_tui.domain.withholding import withhold
from tests.support import clean_environment


class Recorder(threading.Thread):
    """A server that keeps the bytes of each request, head and body, and answers with nothing."""

    def __init__(self, family: int, name: object) -> None:
        super().__init__(daemon=True)
        self.requests: list[bytes] = []
        self._socket = socket.socket(family)
        self._socket.bind(name)  # type: ignore[arg-type]  # as its family has it
        self._socket.listen()
        self.name_ = self._socket.getsockname()
        self.start()

    def run(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                with connection:
                    self.requests.append(self._read(connection))
                    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")

    def _read(self, connection: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:"), 0
        )
        while len(body) < length:
            body += connection.recv(65536)
        return head + b"\r\n\r\n" + body

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.join(5)


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    it = Recorder(socket.AF_INET, ("127.0.0.1", 0))
    yield it
    it.close()


def expected(sending: Sending, host: str) -> tuple[bytes, set[bytes], bytes]:
    """Request line, headers (lower-case names) and body as they must arrive."""
    lines = [f"{header.name.lower()}: {revealed(header.value)}".rstrip() for header in sending.headers]
    if not any(line.startswith("host:") for line in lines):
        lines.append(f"host: {host}")
    if sending.body or sending.method in ("POST", "PUT", "PATCH"):
        lines.append(f"content-length: {len(sending.body)}")
    headers = {line.encode("latin-1") for line in lines}
    assert len(headers) == len(lines)
    return f"{sending.method} {sending.path} HTTP/1.1".encode(), headers, sending.body


def arrived(data: bytes) -> tuple[bytes, set[bytes], bytes]:
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    names = [line.partition(b":") for line in lines]
    return first, {(name.lower() + b": " + value.strip()).rstrip() for name, _, value in names}, body


SENDINGS: dict[str, Sending] = {
    "plain": Sending(),
    "odd path": Sending(path="//a/../%2f;b?c='%20'&&d[]={1,2}&$HOME`x`!"),
    "fragment": Sending(path="/a#b"),
    "headers": Sending(
        "GET",
        "/",
        (
            Header("X-A", 'it\'s "$HOME" `x` \\ 100%'),
            Header("x-a", "2"),
            Header("X-Empty", ""),
            Header("host", "example.test"),
            Header("User-Agent", "me"),
            Header("authorization", Secret("Bearer abc")),
            Header("x-utf8", "caf\xc3\xa9"),
            Header("x-latin", "caf\xe9 100% -'-"),
        ),
    ),
    "json": Sending("POST", "/", (Header("content-type", "application/json"),), b'{"a": "it\'s\n\xc3\xa9"}'),
    "at": Sending("PUT", "/", body=b"@/etc/passwd\n"),
    "empty": Sending("POST", "/"),
    "binary": Sending("PATCH", "/", body=bytes(range(256)) + b"-%d\\n%'"),
    "dash": Sending("POST", "/", body=b"-e\0"),
    "large": Sending("POST", "/", body=b"x'%\n" * 50_000),
    "get with a body": Sending("GET", "/", body=b"a=b"),
    "another": Sending("DELETE", "/items/1"),
    "own": Sending("purge", "/"),
}


@pytest.mark.parametrize("case", SENDINGS)
def test_curl_sends_the_same(recorder: Recorder, case: str, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl command")
    sending = SENDINGS[case]
    url = f"http://127.0.0.1:{recorder.name_[1]}"
    command = as_curl(url, sending, reveal=True)
    file = tmp_path / "command.sh"
    file.write_text(command)
    subprocess.run(["sh", str(file)], check=True, capture_output=True, timeout=10)
    assert arrived(recorder.requests[-1]) == expected(sending, url.removeprefix("http://"))


def test_httpx_sends_the_same(recorder: Recorder, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{recorder.name_[1]}"
    # All in one process: each import of httpx takes its time.
    codes = [as_httpx(url, sending, reveal=True) for sending in SENDINGS.values()]
    file = tmp_path / "program.py"
    file.write_text("\n".join(codes))
    before = len(recorder.requests)
    done = subprocess.run(
        [sys.executable, str(file)], capture_output=True, env=clean_environment(), timeout=30, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    for data, (case, sending) in zip(recorder.requests[before:], SENDINGS.items(), strict=True):
        assert arrived(data) == expected(sending, url.removeprefix("http://")), case


def test_a_unix_socket(tmp_path: Path) -> None:
    recorder = Recorder(socket.AF_UNIX, str(tmp_path / "a b.sock"))
    try:
        sending = Sending(path="/a/../b")
        url = f"unix:{tmp_path / 'a b.sock'}"
        (tmp_path / "program.py").write_text(as_httpx(url, sending, reveal=True))
        subprocess.run(
            [sys.executable, str(tmp_path / "program.py")], check=True, timeout=30, capture_output=True
        )
        if shutil.which("curl") is not None:
            (tmp_path / "command.sh").write_text(as_curl(url, sending, reveal=True))
            subprocess.run(["sh", str(tmp_path / "command.sh")], check=True, timeout=10)
        assert {arrived(data)[0] for data in recorder.requests} == {b"GET /a/../b HTTP/1.1"}
    finally:
        recorder.close()


def test_versions_and_methods_have_their_flags() -> None:
    def curl(url: str, **changes: str) -> str:
        return as_curl(url, Sending(**changes), reveal=True)  # type: ignore[arg-type]  # texts all

    assert "--http2-prior-knowledge" in curl("http://a:1", http_version="2")
    assert "--insecure --http2 " in curl("https://a:1", http_version="2")
    assert "--insecure --http1.1 " in curl("https://a:1")
    assert "http2" not in curl("http://a:1")
    assert "--head" in curl("http://a:1", method="HEAD")
    assert "# the body is left out" in as_curl("http://a:1", Sending("HEAD", body=b"x"), reveal=True)
    two = as_httpx("http://a:1", Sending(http_version="2"), reveal=True)
    assert "Client(trust_env=False, http1=False, http2=True)" in two
    two = as_httpx("https://a:1", Sending(http_version="2"), reveal=True)
    assert "Client(trust_env=False, verify=False, http2=True)" in two


SECRETS = Sending(
    "POST",
    "/login?token=hunter2&page=1",
    (
        # Typed by hand: nobody has made it a Secret.
        Header("authorization", "Bearer hunter2"),
        Header("cookie", mask_header("cookie", "id=hunter2; theme=dark")),
        Header("content-type", "application/json"),
    ),
    b'{"user": "me", "password": "hunter2", "deep": [{"api_key": "hunter2"}]}',
)


@pytest.mark.parametrize("render", [as_curl, as_httpx])
def test_secrets_are_masked_unless_revealed(render: object) -> None:
    assert callable(render)
    masked, clear = (str(render("http://a:1", SECRETS, reveal=reveal)) for reveal in (False, True))
    assert "hunter2" not in masked
    assert "page=1" in masked
    assert '"user":"me"' in masked
    first = masked.splitlines()[0]
    assert first == (
        "# fill in what is masked: query token, header authorization, header cookie, body password, "
        "body deep[0].api_key"
    )
    assert clear.count("hunter2") == 5
    assert MASK not in clear
    assert "#" not in clear


@pytest.mark.parametrize("body", [b"password is hunter2", b"\0hunter2", b'"hunter2"'])
def test_a_body_that_cannot_be_searched_is_left_out(body: bytes) -> None:
    sending = Sending("POST", "/", (Header("content-type", "text/plain"),), body)
    for render in (as_curl, as_httpx):
        text = render("http://a:1", sending, reveal=False)
        assert "hunter2" not in text
        assert f"# the body ({len(body)} bytes) is left out" in text
    assert withhold(sending).missing == (f"body ({len(body)} bytes)",)
    assert withhold(sending, keep_body=True).body == body


def test_what_hides_nothing_stays_as_it_was_written() -> None:
    json_type, form = Header("content-type", "application/json"), "application/x-www-form-urlencoded"
    written = withhold(Sending("POST", "/", (json_type,), b'{ "a" : 1.0 }'))
    assert (written.body, written.missing) == (b'{ "a" : 1.0 }', ())
    written = withhold(Sending("POST", "/", (Header("content-type", form),), b"a=1&password=hunter2"))
    assert (written.body, written.missing) == (f"a=1&password={MASK}".encode(), ("body password",))
    # The first of two keys was not searched.
    written = withhold(Sending("POST", "/", (json_type,), b'{"a": {"password": "hunter2"}, "a": 1}'))
    assert written.body == b'{"a":1}'


def test_a_name_cannot_become_a_command() -> None:
    body = b'{"x\\nrm -rf .password": "hunter2"}'
    text = as_curl("http://a:1", Sending("POST", "/", (), body), reveal=False)
    assert text.splitlines()[0].startswith("# fill in what is masked: body x")
    assert text.splitlines()[1].startswith("curl ")


# -- a request that was seen, to be sent again ---------------------------------------------------------


def seen(method: str = "GET", server: str = "uvicorn", body: Body | None = None, **scope: object) -> Request:
    made = Scope(**scope)  # type: ignore[arg-type]  # its own fields
    return Request(0, "1", method, "/a b", "", 200, 1, server, 1, scope=made, body=body or Body())


def test_a_request_that_was_seen_is_sent_again() -> None:
    headers = (
        Header("host", "h"),
        Header("connection", "keep-alive, X-Hop"),
        Header("x-hop", "1"),
        Header("te", "trailers"),
        Header("Transfer-Encoding", "chunked"),
        Header("upgrade", "h2c"),
        Header("content-length", "3"),
        Header("authorization", Secret("Bearer abc", f"Bearer {MASK}")),
        Header("accept", "*/*"),
    )
    request = seen(
        "PUT",
        body=Body(3, data=b"abc"),
        raw_path="/p/a%20b",
        root_path="/p",
        query=mask_query("token=x&y"),
        headers=headers,
        http_version="2",
    )
    sending = sending_of(request)
    assert (sending.method, sending.path, sending.body) == ("PUT", "/a%20b?token=x&y", b"abc")
    assert [header.name for header in sending.headers] == ["host", "authorization", "accept"]
    assert isinstance(sending.headers[1].value, Secret)
    assert sending.http_version == "2"
    # Others do not put the root path in front.
    assert target_of(seen(server="hypercorn", raw_path="/p/a", root_path="/p")) == "/p/a"
    assert target_of(seen()) == "/a%20b"


def test_a_body_that_was_not_kept_whole_is_not_sent_again() -> None:
    cut = seen("POST", body=Body(1_500, data=bytes(300)))
    with pytest.raises(Problem, match="POST /a b: 1,200 bytes of its body were not kept"):
        sending_of(cut)
    assert len(sending_of(cut, cut=True).body) == 300
    # The app answered before it had read it.
    unread = seen("POST", headers=(Header("content-length", "10"),))
    with pytest.raises(Problem, match="10 bytes"):
        sending_of(unread)
    with pytest.raises(Problem, match="no HTTP request"):
        sending_of(WebSocket(0, "1", "WS", "/", "", 101, 1, "uvicorn", 1))
