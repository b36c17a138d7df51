"""A request as a command and as code that send the same bytes."""

from __future__ import annotations

import re
import shlex

from asgi_tui.domain.secret import revealed
from asgi_tui.domain.sending import Sending
from asgi_tui.domain.withholding import Written, withhold

# Bytes of one argument of a command; Linux takes 128 KiB (execve(2)).
_ARGUMENT_BYTES = 100_000
# A path that no client writes in another way.
_SEGMENT = r"[A-Za-z0-9_~-][A-Za-z0-9_.~-]*"
_PLAIN_PATH = re.compile(rf"/(?:{_SEGMENT}(?:/{_SEGMENT})*/?)?(?:\?[A-Za-z0-9_.~=&+-]+)?")
# What curl sends by itself.
_CURLS_OWN = ("user-agent", "accept")
_LEFT_OUT = "the body ({} bytes) is left out: secrets in it cannot be found"
_MASKED = "fill in what is masked: {}"


def as_curl(url: str, sending: Sending, *, reveal: bool) -> str:
    """A shell command that sends the request to ``url``, an address as ``Address.url`` has it.

    Secrets are masked unless ``reveal``; comments before it say what is missing.
    """
    written, notes = _written(sending, reveal)
    body = written.body or b""
    base, socket = _base(url)
    head = sending.method == "HEAD"
    words = ["curl"]
    if url.startswith("https:"):
        words += ["--insecure", "--http2" if sending.http_version == "2" else "--http1.1"]
    elif sending.http_version == "2":
        words.append("--http2-prior-knowledge")
    if socket:
        words += ["--unix-socket", shlex.quote(socket)]
    if head:
        words.append("--head")
        if body:
            notes.append("the body is left out: curl sends none with HEAD")
            body = b""
    # A POST has a content-length though its body is empty.
    has_body = bool(body) or sending.method in ("POST", "PUT", "PATCH")
    if not head and sending.method != ("POST" if has_body else "GET"):
        words += ["--request", shlex.quote(sending.method)]
    words += _curl_target(base, written.path)
    lines = [" ".join(words), *_curl_headers(written, has_body)]
    before = ""
    if has_body and _is_text(body) and len(body) <= _ARGUMENT_BYTES:
        lines.append(f"--data-raw {shlex.quote(body.decode())}")
    elif has_body:
        before = f"printf {_printf(body)} | "
        lines.append("--data-binary @-")
    return "".join(f"# {note}\n" for note in notes) + before + " \\\n  ".join(lines)


def as_httpx(url: str, sending: Sending, *, reveal: bool) -> str:
    """A Python program that sends the request with httpx; as ``as_curl``."""
    written, notes = _written(sending, reveal)
    base, socket = _base(url)
    plain = _PLAIN_PATH.fullmatch(written.path) is not None
    options = ["trust_env=False"]
    transport = ["verify=False"] if url.startswith("https:") else []
    if sending.http_version == "2":
        transport += ["http2=True"] if url.startswith("https:") else ["http1=False", "http2=True"]
    if socket:
        options.append(f"transport=httpx.HTTPTransport({', '.join([f'uds={socket!r}', *transport])})")
    else:
        options += transport
    lines = [
        *(f"# {note}" for note in notes),
        "import httpx",
        "",
        "request = httpx.Request(",
        f"    {sending.method!r},",
        f"    {base + (written.path if plain else '/')!r},",
    ]
    if written.headers:
        pairs = [f"        ({name!r}, {_python_value(value)})," for name, value in written.headers]
        lines += ["    headers=[", *pairs, "    ],"]
    if written.body:
        lines.append(f"    content={_python_body(written.body)},")
    if not plain:
        lines.append(f"    extensions={{'target': {_python_bytes(written.path)}}},  # exactly as it is")
    lines.append(")")
    if sending.method != sending.method.upper():
        lines.append(f"request.method = {sending.method!r}")
    lines += [
        f"with httpx.Client({', '.join(options)}) as client:",
        "    response = client.send(request)",
        "print(response.status_code, response.reason_phrase)",
        "print(response.text)",
    ]
    return "\n".join(lines) + "\n"


def _written(sending: Sending, reveal: bool) -> tuple[Written, list[str]]:
    """What is to be shown of the sending, and what is to be said about it."""
    if reveal:
        headers = tuple((header.name, revealed(header.value)) for header in sending.headers)
        return Written(sending.path, headers, sending.body, ()), []
    written = withhold(sending)
    notes = []
    masked = [name for name in written.missing if written.body is not None or not name.startswith("body ")]
    if masked:
        notes.append(_MASKED.format(", ".join(masked)))
    if written.body is None:
        notes.append(_LEFT_OUT.format(f"{len(sending.body):,}"))
    return written, notes


def _base(url: str) -> tuple[str, str]:
    """The URL up to the path, and a Unix socket's path."""
    if url.startswith("unix:"):
        return "http://localhost", url.removeprefix("unix:")
    return url.rstrip("/"), ""


# -- for a shell ---------------------------------------------------------------------------------------


def _curl_target(base: str, path: str) -> list[str]:
    """The URL, and what keeps curl from writing its path in another way."""
    if "#" in path or not path.startswith("/"):
        return ["--request-target", shlex.quote(path), shlex.quote(base)]
    words = ["--path-as-is"] if "/." in path else []
    # A list or a range of URLs to curl; an IPv6 address it knows.
    words += ["--globoff"] if set(path) & set("[]{}") else []
    return [*words, shlex.quote(base + path)]


def _curl_headers(written: Written, has_body: bool) -> list[str]:
    names = {name.lower() for name, _ in written.headers}
    # A name with nothing behind the colon takes the header away.
    own = [*_CURLS_OWN, *(("content-type", "expect") if has_body else ())]
    dropped = [f"--header {name}:" for name in own if name not in names]
    # curl sends an empty one where a semicolon ends it.
    given = [f"{name}: {value}" if value else f"{name};" for name, value in written.headers]
    return [*dropped, *(f"--header {_shell_word(text)}" for text in given)]


def _shell_word(text: str) -> str:
    """A word whose bytes are those of ``text`` in Latin-1; a mask, which is not, is shown as it is."""
    try:
        data = text.encode("latin-1")
    except UnicodeEncodeError:
        return shlex.quote(text)
    return shlex.quote(data.decode()) if _is_text(data) else f'"$(printf {_printf(data)})"'


def _is_text(data: bytes) -> bool:
    """Whether it can stand in a command as it is: pasted, a control character would be a key press."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    return text.replace("\n", "").isprintable()


def _printf(data: bytes) -> str:
    """The argument of printf(1) that writes these bytes."""
    parts = []
    for index, byte in enumerate(data):
        character = chr(byte)
        if character == "%":
            parts.append("%%")
        elif character == "-" and index == 0:
            # No option of its own.
            parts.append(r"\055")
        elif 0x20 <= byte < 0x7F and character not in "\\'":
            parts.append(character)
        else:
            parts.append(f"\\{byte:03o}")
    return f"'{''.join(parts)}'"


# -- for Python ----------------------------------------------------------------------------------------


def _python_value(value: str) -> str:
    """A header's value; httpx takes text for ASCII."""
    if value.isascii():
        return repr(value)
    return _python_bytes(value)


def _python_bytes(text: str) -> str:
    try:
        return repr(text.encode("latin-1"))
    except UnicodeEncodeError:
        # It holds a mask.
        return f"{text!r}.encode()"


def _python_body(body: bytes) -> str:
    if not body.isascii() and _is_text(body):
        return f"{body.decode()!r}.encode()"
    return repr(body)
