"""The rules that one call broke, as they are found."""

from __future__ import annotations

from asgi_tui.domain.asgi_rules.table import RULES, SECTIONS
from asgi_tui.domain.calls import Message, Verdict
from asgi_tui.domain.events import Lifespan, Request, WebSocket
from asgi_tui.domain.secret import revealed

# Python's own types. A class of the app's may be derived from the right one, so it is never judged.
_PLAIN = frozenset(
    (
        "NoneType",
        "bool",
        "int",
        "float",
        "str",
        "bytes",
        "bytearray",
        "memoryview",
        "list",
        "tuple",
        "dict",
        "set",
    )
)
# Events of extensions and the name under which a server offers them.
EXTENSIONS = {
    "http.response.push": "http.response.push",
    "http.response.zerocopysend": "http.response.zerocopysend",
    "http.response.pathsend": "http.response.pathsend",
    "http.response.early_hint": "http.response.early_hint",
    "http.response.trailers": "http.response.trailers",
    "http.response.debug": "http.response.debug",
    "websocket.http.response.start": "websocket.http.response",
    "websocket.http.response.body": "websocket.http.response",
}


def protocol_of(call: Request) -> str:
    """``http``, ``websocket`` or ``lifespan``: the ``type`` of its scope."""
    if isinstance(call, WebSocket):
        return "websocket"
    return "lifespan" if isinstance(call, Lifespan) else "http"


class Findings:
    """Verdicts on one call: each rule once, where it was broken first."""

    def __init__(self, call: Request) -> None:
        self.call = call
        self.protocol = protocol_of(call)
        # Whether no message was left out: what is not there was never sent.
        self.whole = not call.left_out
        self._verdicts: dict[str, Verdict] = {}
        # Sides whose messages came out of order.
        self._disordered: set[str] = set()
        self._offered = frozenset(item.name for item in call.scope.extensions)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """In the order in which they were found."""
        return tuple(self._verdicts.values())

    @property
    def disordered(self) -> bool:
        """Whether the app's messages came out of order."""
        return "app" in self._disordered

    def scope(self, rule: str) -> None:
        """The scope breaks ``rule``."""
        self._add(rule, "scope", SECTIONS[f"{self.protocol} scope"], 0)

    def message(self, rule: str, message: Message) -> None:
        """``message`` breaks ``rule``."""
        self._add(rule, message.type, SECTIONS.get(message.type, "ASGI: Events"), message.n)

    def order(self, rule: str, message: Message) -> None:
        """``message`` comes out of order: told once a side, for others follow from the first."""
        side = RULES[rule].side
        if side not in self._disordered:
            self._disordered.add(side)
            self.message(rule, message)

    def end(self, rule: str, owed: str) -> None:
        """The call ended and breaks ``rule``: by the message of the type ``owed``."""
        self._add(rule, owed, SECTIONS[owed], -1)

    def _add(self, name: str, message: str, section: str, n: int) -> None:
        rule = RULES[name]
        self._verdicts.setdefault(
            name, Verdict(name, rule.side, message, rule.section or section, rule.level, n)
        )

    def known(self, message: Message, types: frozenset[str]) -> bool:
        """Whether ``message`` is of one of ``types`` or of an extension that the server offers."""
        if message.type in types or any(
            message.type == name or message.type.startswith(f"{name}.") for name in self._offered
        ):
            return True
        sent = message.direction == "send"
        self.message(f"{'sent' if sent else 'received'} messages are those of the protocol", message)
        return False

    def offered(self, message: Message) -> bool:
        """Whether the server offers the extension that ``message`` is of, if it is of one."""
        name = EXTENSIONS.get(message.type)
        if name is None or name in self._offered:
            return True
        self.message("extension events only where the server offers them", message)
        return False

    def typed(self, rule: str, message: Message, key: str, *right: str) -> bool:
        """Whether the value under ``key`` is of a ``right`` type, or of none that is surely wrong."""
        if wrong(message.kinds.get(key), *right):
            self.message(rule, message)
            return False
        return True

    def headers(self, message: Message) -> None:
        """The headers of a message that the app sent."""
        if message.header_fault:
            self.message("headers are pairs of bytes", message)
            return
        names = [header.name for header in message.headers]
        if any(name.startswith(":") for name in names):
            self.message("no pseudo headers", message)
        if any(name != name.lower() for name in names):
            self.message("header names are lower-case", message)


def wrong(kind: str | None, *right: str) -> bool:
    """Whether a value of this type is surely of none of the ``right`` types; None where there is none."""
    return kind in _PLAIN and kind not in right


def field(message: Message, key: str) -> str:
    """The text of a key that has no field of its own, empty where it is missing or None."""
    if message.kinds.get(key) == "NoneType":
        return ""
    return next((revealed(item.value) for item in message.fields if item.name == key), "")
