"""Sends one request of the console's own, exactly as it is written, and reads what is answered."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import socket
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from asgi_tui.domain.calls import Header
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.masking import mask_header, mask_path, mask_text
from asgi_tui.domain.secret import revealed
from asgi_tui.domain.sending import ANSWER_BYTES, HTTP_VERSIONS, Answer, Sending, Timing
from asgi_tui.domain.text import MASK, sanitize
from asgi_tui.engine.listener import Address

if TYPE_CHECKING:
    import httpx

# Seconds a connection may take, and its TLS handshake again.
CONNECT_SECONDS = 5.0
# Seconds until the head of the answer must be there; an app may be at work that long.
ANSWER_SECONDS = 60.0
# Seconds a body may take after its head: a stream of events has no end.
BODY_SECONDS = 10.0
# Bytes of body that are counted; what an app sends without end is ended here.
COUNTED_BYTES = 64 * 1024 * 1024

# RFC 9110 5.6.2: the characters of a method and of a field's name.
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# What may stand in a request line, where a space ends the path (RFC 9112 3).
_TARGET = re.compile(r"[!-~]+")
# RFC 9110 5.5: no control characters but the tab.
_NO_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# The methods whose requests have a body, though it may be empty (RFC 9110 8.6).
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
# Characters of a library's own words that are told.
_TOLD = 200


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, and what finds its trace: our end of the connection and when it was sent.

    ``local`` is ``host:port``, empty on a Unix socket; ``at`` is Unix seconds.
    """

    answer: Answer
    local: str
    at: float


async def send(to: Address, sending: Sending, cwd: str = "") -> Reply:
    """Sends a request on a connection of its own; returns once the response is complete.

    ``cwd`` is the directory that a Unix socket's path is relative to. Raises ``Problem``.
    """
    host = await numeric_host(to)
    headers = _wire_headers(sending, authority(to))
    await asyncio.to_thread(_import)
    exchange = _Exchange(to, sending)
    with exchange.problems():
        async with _transport(to, sending, cwd) as transport:
            return await exchange.run(transport, headers, host)


def _import() -> None:
    """What sending needs, in a thread: it takes 0.2 s, and the loop must not wait for it."""
    import_module("httpx")
    # What httpx imports with the first request.
    import_module("httpcore")
    import_module("h2.connection")
    with suppress(ImportError):  # a name of anyio's own
        import_module("anyio._backends._asyncio")


@asynccontextmanager
async def _transport(to: Address, sending: Sending, cwd: str) -> AsyncIterator[httpx.AsyncHTTPTransport]:
    """A transport alone: an httpx client would add headers and follow what it is told."""
    import httpx

    transport = httpx.AsyncHTTPTransport(
        # The user's own development server, whose certificate is rarely one to verify.
        verify=False,
        # Over TLS both are offered, and whether it was HTTP/2 is seen before anything is sent.
        http1=sending.http_version == "1.1" or to.tls,
        http2=sending.http_version == "2",
        # A proxy of the environment is meant for other hosts.
        trust_env=False,
        uds=os.path.join(cwd, to.path) if to.family == "unix" else None,  # noqa: PTH118 - may be absolute
    )
    try:
        yield transport
    finally:
        with suppress(httpx.HTTPError):
            await transport.aclose()


async def numeric_host(to: Address) -> str:
    """The address of the host within its family: a name may have others, where another server listens."""
    if to.family == "unix":
        return "localhost"
    family = socket.AF_INET if to.family == "inet" else socket.AF_INET6
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(to.client_host, to.port, family=family, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        why = f"it does not resolve ({getattr(error, 'strerror', None) or error})"
        raise Problem(f"Host {to.client_host}", why, "use an address like 127.0.0.1", usage=False) from None
    return str(found[0][4][0])


def authority(to: Address) -> str:
    """What a ``host`` header says of the address."""
    if to.family == "unix":
        return "localhost"
    host = f"[{to.client_host}]" if ":" in to.client_host else to.client_host
    return host if to.port == (443 if to.tls else 80) else f"{host}:{to.port}"


# -- what is sent --------------------------------------------------------------------------------------


def _wire_headers(sending: Sending, host: str) -> list[tuple[bytes, bytes]]:
    """The headers as they are sent, with those that HTTP needs. Raises ``Problem`` for what it forbids.

    h11 puts ``host`` before the others, as RFC 9112 3.2 would have it.
    """
    if not TOKEN.fullmatch(sending.method):
        raise Problem(f"Method {sending.method!r}", "it is no word of letters", "use one like GET")
    if sending.http_version not in HTTP_VERSIONS:
        raise Problem(f"HTTP version {sending.http_version}", "it is not spoken here", "use 1.1 or 2")
    check_path(sending.path)
    headers = [wire_header(header) for header in sending.headers]
    for name, value in headers:
        if name.lower() == b"content-length" and value != b"%d" % len(sending.body):
            why = f"the body has {len(sending.body):,} bytes and the header says otherwise"
            raise Problem("Header content-length", why, "leave it out, it is added")
    names = {name.lower() for name, _ in headers}
    if b"host" not in names:
        headers.insert(0, (b"host", host.encode("idna" if not host.isascii() else "ascii")))
    if not names & {b"content-length", b"transfer-encoding"} and (
        sending.body or sending.method in _WITH_BODY
    ):
        headers.append((b"content-length", b"%d" % len(sending.body)))
    return headers


def check_path(path: str) -> None:
    """Raises ``Problem`` for a path that cannot be sent as it is."""
    what = f"Path {sanitize(mask_path(path))[:_TOLD]!r}"
    if not path.startswith("/") and path != "*":
        raise Problem(what, "it does not begin with a slash", "put one in front")
    found = re.search(r"[^!-~]", path)
    if MASK in path:
        raise Problem(what, "it holds a mask in place of a secret", "fill the secret in")
    if found is not None:
        encoded = "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "replace"))
        raise Problem(what, f"a request line cannot hold {found[0]!r}", f"write it as {encoded}")


def wire_header(header: Header) -> tuple[bytes, bytes]:
    """A header as it is sent. Raises ``Problem`` where it cannot be; its words do not show the value."""
    # Checked here, since a library's words on it would show the value.
    what = f"Header {sanitize(header.name)[:_TOLD]}"
    if not TOKEN.fullmatch(header.name):
        raise Problem(
            f"Header {header.name[:_TOLD]!r}", "it is no name of a header", "use letters and dashes"
        )
    value = revealed(header.value)
    if MASK in value:
        raise Problem(what, "its value is a mask in place of a secret", "fill the secret in")
    if _NO_VALUE.search(value):
        raise Problem(what, "its value holds a line break or a control character", "take it out")
    if value != value.strip(" \t"):
        raise Problem(what, "its value begins or ends with a space", "take it away")
    try:
        return header.name.encode("ascii"), value.encode("latin-1")
    except UnicodeEncodeError as error:
        why = f"its value holds {value[error.start]!r}, and headers are Latin-1"
        raise Problem(what, why, "write it percent-encoded") from None


# -- the exchange --------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Exchange:
    """One request and its response, with the times at which things happened (``time.monotonic``)."""

    to: Address
    sending: Sending
    local: str = ""
    marks: dict[str, float] = field(default_factory=dict)

    async def run(
        self, transport: httpx.AsyncHTTPTransport, headers: list[tuple[bytes, bytes]], host: str
    ) -> Reply:
        import httpx

        netloc = f"[{host}]" if ":" in host else host
        request = httpx.Request(
            self.sending.method,
            f"{'https' if self.to.tls else 'http'}://{netloc}:{self.to.port or 80}/",
            headers=headers,
            stream=httpx.ByteStream(self.sending.body),
            extensions={
                # In place of the URL's path, which httpx would normalise.
                "target": self.sending.path.encode("ascii"),
                "timeout": {"connect": CONNECT_SECONDS},
                "trace": self._trace,
                "sni_hostname": self.to.client_host,
            },
        )
        # Methods are case-sensitive (RFC 9110 9.1), and httpx has made it upper case.
        request.method = self.sending.method
        at, begun = time.time(), time.monotonic()
        async with asyncio.timeout(ANSWER_SECONDS):
            response = await transport.handle_async_request(request)
        body, size, ended = await _read(response)
        over = time.monotonic()
        answer = Answer(
            response.status_code,
            sanitize(response.reason_phrase),
            response.http_version.removeprefix("HTTP/"),
            tuple(_read_header(name, value) for name, value in response.headers.raw),
            size,
            body,
            self._timing(begun, over),
            ended=ended,
        )
        return Reply(answer, self.local, at)

    async def _trace(self, name: str, info: Mapping[str, Any]) -> None:
        # Any: what httpcore tells of each step is its own; see its "trace" extension.
        self.marks[name.partition(".")[2]] = time.monotonic()
        if name == "connection.connect_tcp.complete":
            host, port, *_ = info["return_value"].get_extra_info("client_addr")
            self.local = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        elif name == "connection.start_tls.complete" and self.sending.http_version == "2":
            stream = info["return_value"]
            if stream.get_extra_info("ssl_object").selected_alpn_protocol() != "h2":
                await stream.aclose()
                raise self._no_http2("it is not offered over TLS")

    def _timing(self, begun: float, over: float) -> Timing:
        sent = self._mark("send_request_body.complete", "send_request_body.failed")
        head = self._mark("receive_response_headers.complete")
        return Timing(
            connect=self._between("connect_tcp") if self.local else self._between("connect_unix_socket"),
            tls=self._between("start_tls"),
            send=_ms(self._mark("send_request_headers.started"), sent),
            first_byte=_ms(sent, head),
            body=_ms(head, over),
            total=round((over - begun) * 1000, 3),
        )

    def _mark(self, *names: str) -> float | None:
        return next((self.marks[name] for name in names if name in self.marks), None)

    def _between(self, step: str) -> float | None:
        return _ms(self._mark(f"{step}.started"), self._mark(f"{step}.complete"))

    # -- what goes wrong ---------------------------------------------------------------------------

    @contextmanager
    def problems(self) -> Iterator[None]:
        """Tells what the library raises as a ``Problem``."""
        try:
            yield
        except Problem:
            raise
        except TimeoutError:
            raise self._problem(
                f"no answer came within {ANSWER_SECONDS:.0f} s", "see where the app waits"
            ) from None
        except Exception as error:
            # Of httpx, httpcore, h11, h2 and anyio: what is answered is any bytes at all.
            raise self._explained(error) from None

    def _explained(self, error: Exception) -> Problem:
        import httpx

        cause = reason_of(error)
        if isinstance(error, httpx.ConnectTimeout):
            return self._problem(
                f"it took no connection within {CONNECT_SECONDS:.0f} s", "restart the server"
            )
        if isinstance(error, httpx.ConnectError):
            return self._problem(cause, "start the server, or wait until it is ready")
        if self.sending.http_version == "2" and not self.to.tls and not _spoke_http2(error):
            return self._no_http2(f"it gave no HTTP/2 answer ({cause})")
        # What HTTP/2 finds wrong in the answer comes as a fault of ours too.
        ours = isinstance(error, httpx.LocalProtocolError) and "send_request_body.complete" not in self.marks
        if ours:
            return self._problem(f"HTTP does not allow it ({cause})", "mend the request", usage=True)
        if isinstance(error, httpx.ProtocolError):
            return self._problem(f"it gave no valid HTTP answer ({cause})", "see its log")
        return self._problem(f"the connection broke ({cause})", "see its log")

    def _problem(self, why: str, mend: str, *, usage: bool = False) -> Problem:
        return Problem(f"Request to {sanitize(self.to.url)}", why, mend, usage=usage)

    def _no_http2(self, why: str) -> Problem:
        how = (
            "hypercorn, granian and daphne do, gunicorn with http_protocols=h2,h1"
            if self.to.tls
            else "hypercorn and granian speak it without TLS"
        )
        return Problem(
            f"HTTP/2 to {sanitize(self.to.url)}", why, f"{how}; or send it with HTTP/1.1", usage=False
        )


def _spoke_http2(error: BaseException | None) -> bool:
    """Whether it failed on frames that were some: HTTP/1.1 read as a frame has a senseless length."""
    from h2.exceptions import FrameTooLargeError, ProtocolError

    while error is not None:
        if isinstance(error, ProtocolError) and not isinstance(error, FrameTooLargeError):
            return True
        error = error.__cause__ or error.__context__
    return False


async def _read(response: httpx.Response) -> tuple[bytes, int, str]:
    """The beginning of the body, the size of what was read, and why it was not all."""
    import httpx

    parts: list[bytes] = []
    kept = size = 0
    # One within another makes gigabytes of a few bytes: left as it is.
    nested = "," in response.headers.get("content-encoding", "")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in response.aiter_raw() if nested else response.aiter_bytes():
                size += len(part)
                if kept < ANSWER_BYTES:
                    parts.append(part[: ANSWER_BYTES - kept])
                    kept += len(parts[-1])
                if size >= COUNTED_BYTES:
                    return b"".join(parts), size, f"it has more than {COUNTED_BYTES // 2**20} MB"
    except TimeoutError:
        ended = f"it had not ended after {BODY_SECONDS:.0f} s"
    except httpx.DecodingError as error:
        ended = f"it is not in the coding that it says ({reason_of(error)})"
    except Exception as error:
        # As in ``_Exchange.problems``; what has come is shown all the same.
        ended = f"the connection broke ({reason_of(error)})"
    else:
        ended = ""
    return b"".join(parts), size, ended


def _read_header(name: bytes, value: bytes) -> Header:
    title = name.decode("latin-1")
    return Header(title, mask_header(title, value.decode("latin-1")))


def _ms(begun: float | None, ended: float | None) -> float | None:
    return None if begun is None or ended is None else round((ended - begun) * 1000, 3)


def reason_of(error: BaseException) -> str:
    """What lies below a library's exception: the system's words where there are any."""
    reasons: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(reasons) < 10:
        if isinstance(seen, OSError) and seen.errno == errno.ECONNREFUSED:
            return "it refuses connections"
        reasons.append(getattr(seen, "reason", None) or getattr(seen, "strerror", None) or str(seen))
        seen = seen.__cause__ or seen.__context__
    told = [text for text in map(str, reasons) if text]
    # A line that was not understood may be a header.
    return sanitize(mask_text(told[-1] if told else type(error).__name__))[:_TOLD]
