"""Every rule the checker knows: who keeps it, how grave a breach is, where it is written, what it means.

Sections are those of https://asgi.readthedocs.io/en/latest/ (``HTTP`` and ``WebSocket`` are specs/www,
``Lifespan`` is specs/lifespan, ``ASGI`` is specs/main) or of an RFC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_LENGTH = "RFC 9110 8.6"
_SERVER = "It is the server's to mend: run a newer version of it, or another server."


@dataclass(frozen=True, slots=True)
class Rule:
    """``side`` is ``app`` or ``server``, ``level`` ``error``, ``warning`` or ``info``.

    ``section`` is empty where it is that of the message that broke the rule. ``meaning`` says what the rule
    asks for and how to mend a breach.
    """

    side: str
    level: str
    section: str
    meaning: str


def _app(meaning: str, section: str = "", level: str = "error") -> Rule:
    return Rule("app", level, section, meaning)


def _server(meaning: str, section: str = "", level: str = "error") -> Rule:
    return Rule("server", level, section, f"{meaning} {_SERVER}")


_HTTP: Mapping[str, Rule] = {
    "one response start": _app(
        "A response has one status and one set of headers: send http.response.start once, as the first."
    ),
    "status is a whole number": _app(
        "Without a status there is no response: give status as an int, like 200."
    ),
    "status is from 200 to 599": _app(
        "The status of a response is a final one: 1xx are interim answers that servers send by themselves, "
        "and no code above 599 is defined.",
        "RFC 9110 15",
    ),
    "response start comes before the body": _app(
        "Status and headers go ahead of the body: send http.response.start first."
    ),
    "nothing follows the final body": _app(
        "A body without more_body=True ends the response and what comes later is lost: set more_body=True on "
        "all parts but the last, and send nothing after it."
    ),
    "an app that returns has answered": _app(
        "The app returned and answered nothing, so the client gets the server's own error or waits in vain: "
        "answer on every path through the code, or raise an exception."
    ),
    "an app that returns has sent the final body": _app(
        "The response was begun and never ended, so the client may wait for the rest: end it with an "
        "http.response.body without more_body=True, which may be empty."
    ),
    "body is bytes": _app(
        "Servers write the body as it is and some refuse all but bytes: encode text first."
    ),
    "more_body is a bool": _app(
        "Some servers take any value but True for False and end the response early: give True or False."
    ),
    "headers are pairs of bytes": _app(
        "Names and values are what goes over the wire: give each header as a pair of "
        "bytes, (b'name', b'value')."
    ),
    "header names are lower-case": _app(
        "The specification asks for names in lower case, though servers let others pass: write "
        "b'content-type'. Django writes them in capitals, and no server minds.",
        level="info",
    ),
    "no pseudo headers": _app(
        "Names like :status belong to HTTP/2 itself, where the server makes them: leave out all that begin "
        "with a colon."
    ),
    "content-length is one number": _app(
        "Clients refuse a response whose length is in doubt: send one content-length in decimal "
        "digits, or none.",
        _LENGTH,
    ),
    "content-length is the size of the body": _app(
        "A client that gets less waits for the rest, and what is more is cut off or spoils the next answer: "
        "count the bytes that are sent, or leave content-length out and let the server frame the body.",
        _LENGTH,
    ),
    "no content-length on 204": _app(
        "A 204 has no body and so no length: leave content-length out.", _LENGTH, "warning"
    ),
    "no body on HEAD": _app(
        "The answer to HEAD is headers alone. Servers leave the body out by themselves, so that nothing "
        "is lost but the work of making it.",
        "RFC 9110 9.3.2",
        "info",
    ),
    "no body on 204": _app(
        "204 says that there is no content: send an empty body, or answer with 200.", "RFC 9110 15.3.5"
    ),
    "no body on 205": _app(
        "205 asks the client to reset its form and has no content: send an empty body.",
        "RFC 9110 15.3.6",
        "warning",
    ),
    "no body on 304": _app(
        "304 sends the client to the copy it has: send an empty body, or answer with 200.", "RFC 9110 15.4.5"
    ),
    "trailers are announced in the response start": _app(
        "The server takes the response for complete with the final body: set trailers=True in "
        "http.response.start."
    ),
    "announced trailers are sent": _app(
        "The server holds the response open for trailers that were announced: send http.response.trailers "
        "after the final body, or do not set trailers=True."
    ),
    "trailers come after the final body": _app(
        "Trailers end a response: send the body without more_body=True before them."
    ),
    "pathsend is the whole body": _app(
        "A file that is sent by its path is all there is of the body, once: use http.response.body alone, or "
        "http.response.pathsend alone."
    ),
    "extension events only where the server offers them": _app(
        "A server may refuse or ignore an event of an extension it does not have: look for its name in "
        'scope["extensions"] first.'
    ),
    "sent messages are those of the protocol": _app(
        "The server does not know this type of message here: look for a typing mistake, and for a message of "
        "another protocol.",
        "ASGI: Error Handling",
    ),
    "the request body is read to its end": _app(
        "The app stopped receiving while more_body was True. That may be meant; the server throws the rest "
        "away or closes the connection.",
        level="info",
    ),
    "nothing is sent after http.disconnect": _app(
        "The client has left and nobody reads what is sent: stop the work when http.disconnect arrives.",
        level="info",
    ),
}

_WEBSOCKET: Mapping[str, Rule] = {
    "connect is received before it is answered": _app(
        "An accept or a close is the answer to websocket.connect: receive that first. Frameworks that close "
        "without it are understood by every server.",
        "WebSocket: Connect",
        "info",
    ),
    "accept, close or a denial comes first": _app(
        "No frame can be sent before the handshake is done: send websocket.accept first.",
        "WebSocket: Connect",
    ),
    "one accept": _app("The handshake is done once: send websocket.accept once."),
    "nothing follows the close": _app(
        "After websocket.close or a denial the connection is over: send nothing more.", "WebSocket: Close"
    ),
    "nothing is sent after websocket.disconnect": _app(
        "The connection is gone and nobody reads what is sent, not even a close: return when "
        "websocket.disconnect arrives.",
        "WebSocket: Disconnect",
        "warning",
    ),
    "a message has either text or bytes": _app(
        "A frame is text or binary: give one of text and bytes, and leave the other out or None."
    ),
    "text is str, bytes is bytes": _app(
        "The key tells which frame it becomes: put str under text and bytes under bytes."
    ),
    "subprotocol is one the client offered": _app(
        "A client gives the connection up over a subprotocol that it did not ask for: choose one of "
        'scope["subprotocols"], or None.',
        "RFC 6455 4.2.2",
    ),
    "no sec-websocket-protocol header in the accept": _app(
        "The server writes that header itself: name it under subprotocol instead."
    ),
    "close code is one that may be sent": _app(
        "A close carries a whole number of 1000-1003, 1007-1014 or 3000-4999; the others are reserved or "
        "never on the wire.",
        "RFC 6455 7.4",
    ),
    "a close before the accept has no code": _app(
        "A close before websocket.accept refuses the handshake with HTTP status 403, and the client sees "
        "neither code nor reason: accept first if it shall, or send a denial response.",
        level="info",
    ),
}

_LIFESPAN: Mapping[str, Rule] = {
    "startup is received before it is answered": _app(
        "lifespan.startup.complete answers lifespan.startup: receive that first.",
        "Lifespan: Startup",
        "warning",
    ),
    "one answer to the startup": _app(
        "A startup is complete or has failed: send one of lifespan.startup.complete and .failed, once."
    ),
    "an app that returns has answered the startup": _app(
        "The server cannot tell an app that is ready from one that knows no lifespan: answer "
        "lifespan.startup, or raise an exception where lifespan is not supported.",
        "Lifespan: Startup",
        "warning",
    ),
    "a startup that fails says so": _app(
        "An exception here tells the server that the app knows no lifespan, and most start all the same: "
        "send lifespan.startup.failed to keep it from starting.",
        "Lifespan: Startup Failed",
        "info",
    ),
    "shutdown is received before it is answered": _app(
        "lifespan.shutdown.complete answers lifespan.shutdown: wait for that in receive().",
        "Lifespan: Shutdown",
    ),
    "one answer to the shutdown": _app(
        "A shutdown is complete or has failed: send one of lifespan.shutdown.complete and .failed, once."
    ),
    "an app that returns has answered the shutdown": _app(
        "The lifespan lasts until the server ends: wait for lifespan.shutdown, clean up and send "
        "lifespan.shutdown.complete.",
        "Lifespan: Shutdown",
        "warning",
    ),
}

_OF_SERVERS: Mapping[str, Rule] = {
    "ports are whole numbers or None": _server(
        "client and server in the scope are a host and a port as int, or None for a Unix socket; code that "
        "computes with a port fails on text."
    ),
    "addresses are host and port": _server("client and server in the scope are pairs of a host and a port."),
    "method is upper-case": _server(
        "The method in the scope is in upper case, so that apps may compare it; the client had it otherwise."
    ),
    "path is text": _server("The path in the scope is str, decoded from UTF-8."),
    "query string is bytes": _server("query_string in the scope is bytes, as the client sent it."),
    "path starts with root_path": Rule(
        "server",
        "warning",
        "",
        "The path in the scope contains root_path, and frameworks take it off the front to find the route. "
        "Some servers leave the path as the client sent it: have the proxy pass the whole path on, or leave "
        "root_path unset.",
    ),
    "scope headers are pairs of bytes": _server("The headers in the scope are pairs of bytes."),
    "no pseudo headers in the scope": _server(
        "Names like :method are HTTP/2's own and are no headers of a request; :authority becomes host."
    ),
    "request body is bytes": _server("The body of http.request is bytes."),
    "request more_body is a bool": _server("more_body of http.request is True or False."),
    "no body follows the end of the request": _server(
        "After the last part of the body, and after http.disconnect, receive() gives http.disconnect alone."
    ),
    "receive gives http.disconnect after the response": Rule(
        "server",
        "warning",
        "HTTP: Disconnect",
        "A receive() after the end of the response gives http.disconnect at once, and this one let the app "
        "wait for over a second, as a server does that waits for the client to leave: do not wait there, or "
        "give the wait a time limit.",
    ),
    "received messages are those of the protocol": _server(
        "receive() gives the messages of this protocol alone.", "ASGI: Protocol Specifications"
    ),
    "a response start needs no headers": _server(
        "headers is optional in http.response.start, and the server refused a message without it; an empty "
        "list is a way around."
    ),
    "websocket.connect comes first": _server("websocket.connect is the first message of a WebSocket, once."),
    "frames come after the accept": _server(
        "No websocket.receive comes before the app has accepted the connection.", "WebSocket: Connect"
    ),
    "a received frame is text or bytes": _server(
        "websocket.receive has a str under text or bytes under bytes, and not both."
    ),
    "nothing follows websocket.disconnect": _server("websocket.disconnect is the last of a WebSocket."),
    "disconnect code is a whole number": _server(
        "websocket.disconnect has the close code as int, 1005 where the client sent none."
    ),
    "lifespan.startup comes first": _server("lifespan.startup is the first message of a lifespan, once."),
    "shutdown follows a completed startup": _server(
        "lifespan.shutdown comes only to an app that has sent lifespan.startup.complete."
    ),
}

RULES: Mapping[str, Rule] = {**_HTTP, **_WEBSOCKET, **_LIFESPAN, **_OF_SERVERS}

# What the specification calls the part that tells of a message; ``scope`` is by protocol.
SECTIONS: Mapping[str, str] = {
    "http scope": "HTTP: Connection Scope",
    "http.request": "HTTP: Request",
    "http.disconnect": "HTTP: Disconnect",
    "http.response.start": "HTTP: Response Start",
    "http.response.body": "HTTP: Response Body",
    "http.response.push": "Extensions: HTTP/2 Server Push",
    "http.response.zerocopysend": "Extensions: Zero Copy Send",
    "http.response.pathsend": "Extensions: Path Send",
    "http.response.early_hint": "Extensions: Early Hints",
    "http.response.trailers": "Extensions: HTTP Trailers",
    "http.response.debug": "Extensions: Debug",
    "websocket scope": "WebSocket: Connection Scope",
    "websocket.connect": "WebSocket: Connect",
    "websocket.accept": "WebSocket: Accept",
    "websocket.receive": "WebSocket: Receive",
    "websocket.send": "WebSocket: Send",
    "websocket.disconnect": "WebSocket: Disconnect",
    "websocket.close": "WebSocket: Close",
    "websocket.http.response.start": "Extensions: Websocket Denial Response",
    "websocket.http.response.body": "Extensions: Websocket Denial Response",
    "lifespan scope": "Lifespan: Scope",
    "lifespan.startup": "Lifespan: Startup",
    "lifespan.startup.complete": "Lifespan: Startup Complete",
    "lifespan.startup.failed": "Lifespan: Startup Failed",
    "lifespan.shutdown": "Lifespan: Shutdown",
    "lifespan.shutdown.complete": "Lifespan: Shutdown Complete",
    "lifespan.shutdown.failed": "Lifespan: Shutdown Failed",
}


def explain(rule: str) -> str:
    """What a rule asks for and how to mend a breach; empty where there is no such rule."""
    found = RULES.get(rule)
    return found.meaning if found is not None else ""
