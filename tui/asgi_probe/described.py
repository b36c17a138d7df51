"""Copies of scopes and messages as plain, bounded data, taken when they pass.

Called on the app's loop. Nothing is kept that belongs to the app, and none of its code runs: objects are
named by their type, which is asked for without ``isinstance``, since proxies load what they stand for by it.
Headers that are no list or tuple are not looked into, since they may be read only once.

What the copies say on the wire is put together in the shipping thread (``asgi_probe.telling``).
"""

from __future__ import annotations

import os
from itertools import islice
from types import BuiltinFunctionType, FunctionType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Tuple

    from .asgi_types import Scope

    # What is kept of a header: two bytes objects, or plain data where the app sent something else.
    Pair = Tuple[Any, Any]

# Characters (or bytes) of one value of a scope or message, and of all that one scope or message has. Servers
# take request lines of 8 to 64 KiB; a message's longest is the traceback of a failed startup.
VALUE_CHARS = 16 * 1024
ALL_CHARS = 64 * 1024
# Characters of a value that the app added to its scope: frameworks leave tables of their own there.
ADDED_CHARS = 1000
# Bytes of all headers of a scope or message: as much as servers take.
HEADER_BYTES = 64 * 1024
# Keys of a scope or message, and items of one value.
MAX_KEYS = 100
MAX_ITEMS = 50
# Headers of a scope or message.
MAX_HEADERS = 200
# Values within values that are looked into.
MAX_DEPTH = 4
# Integers beyond this are named by their size: Python refuses to write those of over 4,300 digits.
MAX_INT = 10**30
NAME_CHARS = 200


class Named(str):
    """The name of what is no plain value; ``repr`` adds no quotes."""

    __slots__ = ()

    __repr__ = str.__str__


class Room:
    """How many characters may still be copied."""

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self, size: int) -> int:
        """How many of ``size`` characters fit; at least one counts, for an empty value is one too."""
        fits = max(min(size, self.left), 0)
        self.left -= fits or 1
        return fits


class Headers:
    """Pairs of headers, what is wrong with their types in words, how many are left out, and their bytes."""

    __slots__ = ("fault", "left_out", "pairs", "size")

    def __init__(self, value: Any) -> None:
        self.pairs: list[Pair] = []
        self.fault = ""
        self.left_out = self.size = 0
        if not is_a(value, list, tuple):
            # The specification asks for an iterable of pairs. One that is no list may be read only once.
            if not hasattr(type(value), "__iter__") or is_a(value, str, bytes, bytearray, dict):
                self.fault = f"headers are of type {kind_of(value)}, not pairs"
            return
        for number, pair in enumerate(islice(value, MAX_HEADERS), 1):
            if type(pair) is tuple and len(pair) == 2:
                name, content = pair
                if type(name) is bytes and type(content) is bytes:
                    self.size += len(name) + len(content)
                    if self.size > HEADER_BYTES:
                        self.left_out = len(value) - number + 1
                        return
                    self.pairs.append(pair)
                    continue
            self._odd(number, pair)
        self.left_out = max(len(value) - MAX_HEADERS, 0)

    def _odd(self, number: int, pair: Any) -> None:
        """A header that is no tuple of two bytes objects."""
        if not is_a(pair, list, tuple) or len(pair) != 2:
            self.fault = self.fault or f"header {number} is no pair but of type {kind_of(pair)}"
            return
        for what, value in (("name", pair[0]), ("value", pair[1])):
            if not is_a(value, bytes):
                self.fault = self.fault or f"the {what} of header {number} is of type {kind_of(value)}"
        room = Room(VALUE_CHARS)
        self.pairs.append((plain(pair[0], room), plain(pair[1], room)))
        self.size += VALUE_CHARS - room.left


def is_a(value: object, *kinds: type) -> bool:
    """Whether a value's type is one of these or derived from one."""
    return issubclass(type(value), kinds)


def kind_of(value: object) -> str:
    """Python's name of a value's type."""
    return type(value).__name__[:NAME_CHARS]


def kinds_of(value: object) -> str:
    """The same of the parts of an address."""
    if is_a(value, list, tuple):
        # Any: checkers do not know what that says of it.
        parts: Any = value
        return " ".join(kind_of(part) for part in parts[:4])
    return kind_of(value)


def named(value: object) -> Named:
    """What an object is: a function's or class's own name, else that of its type, and a route's path."""
    function = is_a(value, FunctionType, BuiltinFunctionType, type)
    # Any: a metaclass may answer with what it likes.
    owner: Any = value if function else type(value)
    name = f"{owner.__module__}.{owner.__qualname__}"[:NAME_CHARS]
    if function:
        return Named(f"<{name}>")
    try:
        path = object.__getattribute__(value, "__dict__").get("path")
    except Exception:
        path = None
    return Named(f"<{name} path={path[:NAME_CHARS]!r}>" if type(path) is str else f"<{name}>")


def plain(value: Any, room: Room, depth: int = MAX_DEPTH) -> Any:
    """A copy made of None, numbers, text, bytes, lists, tuples and dicts with text for keys."""
    kind = type(value)
    if kind is str or kind is bytes:
        return value[: room.take(len(value))]
    if value is None or kind is bool or kind is float:
        room.left -= 1
        return value
    try:
        return _copied(value, room, depth)
    except Exception:
        return Named(f"<{kind_of(value)}>")


def _copied(value: Any, room: Room, depth: int) -> Any:
    """As ``plain``, for the rest; by the built-in types' methods, since those of a subclass are the app's."""
    if is_a(value, str):
        return str.__getitem__(value, slice(room.take(str.__len__(value))))
    if is_a(value, bytes):
        return bytes.__getitem__(value, slice(room.take(bytes.__len__(value))))
    if is_a(value, bytearray, memoryview):
        return bytes(value[: room.take(len(value))])
    if is_a(value, int):
        room.left -= 1
        number = int.__index__(value)
        return number if abs(number) < MAX_INT else Named(f"<int of {number.bit_length()} bits>")
    if is_a(value, list, tuple, set, frozenset, dict):
        if depth == 0 or room.left <= 0:
            return Named("...")
        if is_a(value, dict):
            return _copied_dict(value, room, depth - 1)
        items = list.__iter__(value) if is_a(value, list) else iter(value)
        copy = [plain(item, room, depth - 1) for item in islice(items, MAX_ITEMS)]
        if len(value) > MAX_ITEMS:
            copy.append(Named("..."))
        return tuple(copy) if is_a(value, tuple) else copy
    room.left -= NAME_CHARS
    return named(value)


def _copied_dict(value: dict[Any, Any], room: Room, depth: int) -> dict[str, Any]:
    copy = {}
    for key, item in islice(dict.items(value), MAX_ITEMS):
        if room.left <= 0:
            break
        name = plain(key, room, depth)
        copy[name if isinstance(name, str) else repr(name)] = plain(item, room, depth)
    if len(copy) < dict.__len__(value):
        copy["..."] = Named("...")
    return copy


class Values:
    """The keys of a scope or message, headers and ``but`` apart, as plain data with their types' names."""

    __slots__ = ("kinds", "size", "values")

    def __init__(self, mapping: Any, but: tuple[str, ...] = ()) -> None:
        self.kinds: dict[str, str] = {}
        self.values: dict[str, Any] = {}
        left = ALL_CHARS
        for key in islice(mapping, MAX_KEYS):
            value = mapping[key]
            name = key if type(key) is str else str(plain(key, Room(NAME_CHARS)))
            name = name[:NAME_CHARS]
            self.kinds[name] = kinds_of(value) if name in ("client", "server") else kind_of(value)
            if name == "headers" or name in but:
                continue
            room = Room(min(left, VALUE_CHARS))
            before = room.left
            self.values[name] = plain(value, room)
            left -= before - room.left
        self.size = ALL_CHARS - left


class ScopeCopy:
    """A scope as it was at the call. Never raises, whatever the scope is."""

    __slots__ = ("headers", "kinds", "size", "values")

    def __init__(self, scope: Scope) -> None:
        self.kinds: dict[str, str] = {}
        self.values: dict[str, Any] = {}
        self.headers = Headers(())
        self.size = 0
        try:
            described = Values(scope)
            self.kinds, self.values, self.size = described.kinds, described.values, described.size
            if "headers" in self.kinds:
                self.headers = Headers(scope["headers"])
                self.size += self.headers.size
        except Exception:
            pass


def state_of(scope: Scope) -> Any:
    """A copy of the scope's state, None where there is none."""
    return plain(scope.get("state"), Room(ADDED_CHARS))


def added(before: dict[str, Any], state: Any, scope: Scope) -> dict[str, Any]:
    """What the app or its framework put into a scope that was ``before``.

    The state, which is changed in place, is compared with a copy of what it was (``state_of``).
    """
    found = {}
    for key in islice(scope, MAX_KEYS):
        value = scope[key]
        if key in before and before[key] is value and key != "state":
            continue
        copy = plain(value, Room(ADDED_CHARS))
        if key in before and copy == (state if key == "state" else plain(before[key], Room(ADDED_CHARS))):
            # Frameworks put copies of what was there in its place.
            continue
        found[key if type(key) is str else str(plain(key, Room(NAME_CHARS)))] = copy
    return found


# The key that says, of a message of this type, whether more of its kind follow.
MORE = {
    "http.request": "more_body",
    "http.response.body": "more_body",
    "http.response.zerocopysend": "more_body",
    "http.response.trailers": "more_trailers",
    "websocket.http.response.body": "more_body",
}
# Messages of which there may be any number.
FRAMES = frozenset(("websocket.receive", "websocket.send", "http.response.debug"))
# Keys of a message that are told by themselves.
_OWN = ("body", "bytes", "text")


def payload_of(message: Any) -> tuple[Any, int]:
    """The body, bytes or text of a message, and its size in bytes; of a file sent by its path, the path.

    Where its type is none of these, there is nothing.
    """
    kind = message.get("type")
    if kind == "http.response.pathsend":
        return os.fspath(message.get("path")), 0
    if kind == "http.response.zerocopysend":
        return b"", zero_copied(message)
    # Two keys of a frame may be there, one of them None.
    for key in _OWN:
        data = message.get(key)
        if is_a(data, bytes, bytearray):
            return data, len(data)
        if is_a(data, memoryview):
            return data, data.nbytes
        if key == "text" and is_a(data, str):
            size = len(data) if data.isascii() else len(data.encode("utf-8", "surrogatepass"))
            return data, size
    return b"", 0


def zero_copied(message: Any) -> int:
    """Bytes that an ``http.response.zerocopysend`` sends: its count, or what the file has from its offset."""
    count = message.get("count")
    if is_a(count, int):
        return max(int(count), 0)
    file = message.get("file")
    number = file if is_a(file, int) else file.fileno()
    return max(os.fstat(number).st_size - (message.get("offset") or 0), 0)


def is_last(message: Any) -> bool:
    """Whether a message is one of the few that end or begin something: kept even where there is no room."""
    kind = message.get("type")
    more = MORE.get(kind)
    return kind not in FRAMES and not (more is not None and message.get(more))


class MessageCopy:
    """A message as it was when it passed, with the first ``limit`` bytes of what it carries. Never raises."""

    __slots__ = ("data", "headers", "kinds", "more", "size", "status", "type", "values", "weight")

    def __init__(self, message: Any, limit: int) -> None:
        self.type: Any = ""
        self.status: int | None = None
        self.headers = Headers(())
        # Bytes; the path of a file that is sent by it, until the shipping thread has measured it.
        self.size: Any = 0
        self.data = b""
        self.more = False
        self.kinds: dict[str, str] = {}
        self.values: dict[str, Any] = {}
        # Bytes and characters that this copy holds.
        self.weight = 0
        try:
            if hasattr(type(message), "get"):
                self._copy(message, limit)
            else:
                self.kinds["message"] = kind_of(message)
                self.values["message"] = plain(message, Room(VALUE_CHARS))
        except Exception:
            pass

    def _copy(self, message: Any, limit: int) -> None:
        described = Values(message, _OWN)
        self.kinds, self.values = described.kinds, described.values
        self.weight = described.size
        kind = self.values.pop("type", "")
        self.type = kind if isinstance(kind, str) else repr(kind)
        if isinstance(self.values.get("status"), int):
            status = self.values["status"]
            # What no server sends stays among the values, where any number has room.
            if abs(status) < 10**9:
                self.status = int(status)
                del self.values["status"]
        if "headers" in self.kinds:
            headers = message["headers"]
            self.headers = Headers(headers)
            self.weight += self.headers.size
            if not is_a(headers, list, tuple):
                self.values["headers"] = plain(headers, Room(VALUE_CHARS))
        if "more_body" in self.kinds:
            self.values.pop("more_body", None)
            self.more = bool(message["more_body"])
        self._carry(message, max(limit, 0))

    def _carry(self, message: Any, limit: int) -> None:
        data, self.size = payload_of(message)
        if self.type == "http.response.pathsend":
            self.size = data
        elif isinstance(data, str):
            # A character has at least one byte.
            self.data = data[:limit].encode("utf-8", "surrogatepass")[:limit]
        else:
            if isinstance(data, memoryview):
                data = data.cast("B")
            self.data = bytes(data[:limit])
        self.weight += len(self.data)
        # What is not of the type that carries bytes is told as text.
        for key in _OWN:
            if key in self.kinds and self.kinds[key] != "NoneType":
                right = (str,) if key == "text" else (bytes, bytearray, memoryview)
                if not is_a(message[key], *right):
                    self.values[key] = plain(message[key], Room(VALUE_CHARS))
