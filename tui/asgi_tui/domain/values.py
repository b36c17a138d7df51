"""What an option's value may be, and how its text is read and shown: once, for every server and front end."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Literal, TypeAlias

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.text import MASK, mask_assignment

# A repeated option holds the texts it was given, in order.
Value: TypeAlias = str | int | float | bool | tuple[str, ...]
Options: TypeAlias = Mapping[str, Value]


class Kind(Enum):
    """What a value is, and so which widget edits it."""

    TEXT = "text"
    FLAG = "flag"  # present or not
    SWITCH = "switch"  # on or off, each with an argument of its own
    CHOICE = "choice"
    INTEGER = "integer"
    FLOAT = "float"
    DURATION = "duration"  # held in the option's own unit
    OCTAL = "octal"  # file permissions
    SIZE = "size"  # held in bytes
    PATH = "path"
    HOST = "host"
    PORT = "port"
    HEADER = "header"  # Name:Value
    REGEX = "regex"
    SECRET = "secret"  # noqa: S105 - a kind of value, not one


NUMBERS = frozenset({Kind.INTEGER, Kind.FLOAT, Kind.DURATION, Kind.OCTAL, Kind.SIZE, Kind.PORT})
ON_OFF = frozenset({Kind.FLAG, Kind.SWITCH})

_TRUE = {"true", "on", "yes", "1"}
_FALSE = {"false", "off", "no", "0"}
_HOSTNAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?")
# RFC 9110 5.6.2: the characters of a field name
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+:.*", re.DOTALL)
_INTEGER = re.compile(r"-?[0-9]{1,15}")
_FLOAT = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,9})?")
_OCTAL = re.compile(r"(?:0o)?([0-7]{1,7})")
_SIZE = re.compile(r"([0-9]{1,15})(?:\s*([kmg])i?b?|\s*b(?:ytes)?)?", re.IGNORECASE)
_SIZES = {"k": 1024, "m": 1024**2, "g": 1024**3}
_DURATION_PART = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)\s*(ms|s|m|h|d)", re.IGNORECASE)
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
# C0 and C1, line and paragraph separators, and halves of characters
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# sun_path holds 108 bytes on Linux and 104 on macOS, the terminating NUL included (unix(7)).
UDS_PATH_BYTES = 103


@dataclass(frozen=True, slots=True)
class Spec:
    """What one option's value may be.

    ``minimum`` and ``maximum`` are inclusive and in ``unit``, which is "s" or "ms" for a duration and else
    for people to read. ``whole``: a duration without fractions. ``multiple``: it may be given several times.
    ``paths`` says what a path names.
    """

    name: str
    kind: Kind
    label: str
    help: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    unit: str = ""
    whole: bool = True
    multiple: bool = False
    paths: Literal["", "file", "directory"] = ""

    @property
    def secret(self) -> bool:
        """Whether the value is masked wherever it is shown."""
        return self.kind is Kind.SECRET

    def with_choices(self, choices: tuple[str, ...]) -> Spec:
        """The same with the choices of one server."""
        return replace(self, choices=choices)

    def read(self, text: str) -> Value:
        """The value that ``text`` spells; lines are the items of a repeated option. Raises ``Problem``."""
        if self.multiple:
            # As lines: any other separator may be part of a value.
            items = tuple(str(self.read_one(line)) for line in text.split("\n") if line.strip())
            if not items:
                raise self._problem("the value is empty", "give one, or leave the option out")
            return items
        return self.read_one(text)

    def read_one(self, text: str) -> str | int | float | bool:
        """The value of one item. Raises ``Problem``."""
        if self.kind is Kind.SECRET:
            return self._text(text)
        text = text.strip()
        match self.kind:
            case Kind.FLAG | Kind.SWITCH:
                if text.lower() in _TRUE:
                    return True
                if text.lower() in _FALSE:
                    return False
                raise self._problem(f"{text!r} is neither on nor off", "use true or false")
            case Kind.PORT | Kind.INTEGER:
                return self._integer(text)
            case Kind.FLOAT:
                if not _FLOAT.fullmatch(text):
                    raise self._problem(f"{text!r} is no number", self._use("a number"))
                return self._in_range(float(text))
            case Kind.DURATION:
                return self._duration(text)
            case Kind.OCTAL:
                found = _OCTAL.fullmatch(text)
                if found is None:
                    raise self._problem(f"{text!r} is no octal number", "write permissions like 0o640")
                return int(found[1], 8)
            case Kind.SIZE:
                return self._size(text)
            case Kind.CHOICE:
                return self._choice(text)
            case Kind.HOST:
                return self._host(text)
            case Kind.HEADER:
                text = self._text(text)
                if not _HEADER.fullmatch(text):
                    # The text itself may be a secret.
                    raise self._problem("the value is no header", "write it as Name:Value")
                return text
            case Kind.REGEX:
                text = self._text(text)
                try:
                    re.compile(text)
                except (re.error, RecursionError, OverflowError) as error:
                    raise self._problem(f"{text!r} is no regular expression: {error}", "mend it") from None
                return text
            case _:
                return self._text(text)

    def spell(self, value: Value) -> str:
        """``value`` as text that ``read`` reads back; a secret is in it."""
        if isinstance(value, bool):
            return "on" if value else "off"
        if isinstance(value, tuple):
            return "\n".join(value)
        if self.kind is Kind.OCTAL and isinstance(value, int):
            return f"0o{value:o}"
        if isinstance(value, float):
            return plain_number(value)
        return str(value)

    def show(self, value: Value) -> str:
        """``value`` as a person reads it; a secret is masked."""
        shown = self.masked(value)
        return ", ".join(shown) if isinstance(shown, tuple) else self.spell(shown)

    def masked(self, value: Value) -> Value:
        """``value`` with what is secret of it masked: all of it, or a header's or variable's value."""
        if self.secret:
            return MASK
        if isinstance(value, tuple):
            return tuple(map(mask_assignment, value))
        return mask_assignment(value) if isinstance(value, str) else value

    # -- inside ------------------------------------------------------------------------------------

    def _problem(self, why: str, mend: str) -> Problem:
        return Problem(f"Option {self.name}", why, mend)

    def _use(self, what: str) -> str:
        unit = f" {self.unit}" if self.unit and self.kind is not Kind.PORT else ""
        if self.minimum is not None and self.maximum is not None:
            return f"use {what} from {plain_number(self.minimum)} to {plain_number(self.maximum)}{unit}"
        if self.minimum is not None:
            return f"use {what} of {plain_number(self.minimum)}{unit} or more"
        return f"use {what}"

    def _in_range(self, number: float, what: str = "a number") -> float:
        if self.minimum is not None and number < self.minimum:
            raise self._problem(f"{plain_number(number)} is too small", self._use(what))
        if self.maximum is not None and number > self.maximum:
            raise self._problem(f"{plain_number(number)} is too large", self._use(what))
        return number

    def _integer(self, text: str) -> int:
        # int() alone would also read "1_000", "+3" and other scripts' digits, which no server reads
        if not _INTEGER.fullmatch(text):
            raise self._problem(f"{text!r} is not a whole number", self._use("a whole number"))
        return int(self._in_range(int(text), "a whole number"))

    def _size(self, text: str) -> int:
        found = _SIZE.fullmatch(text)
        if found is None:
            return self._integer(text)
        number = int(found[1]) * _SIZES.get((found[2] or "").lower(), 1)
        return int(self._in_range(number, "a whole number"))

    def _duration(self, text: str) -> int | float:
        scale = _SECONDS[self.unit or "s"]
        parts = _DURATION_PART.findall(text)
        if _FLOAT.fullmatch(text):
            number = float(text)
        elif parts and not _DURATION_PART.sub("", text).strip():
            number = round(sum(float(count) * _SECONDS[unit.lower()] for count, unit in parts) / scale, 9)
        else:
            what = "seconds" if self.unit != "ms" else "milliseconds"
            raise self._problem(f"{text!r} is no duration", f"use {what}, or one like 1m30s")
        if self.whole and number != int(number):
            raise self._problem(f"{text!r} is not a whole number of {self.unit or 's'}", "use a whole number")
        number = self._in_range(number)
        return int(number) if self.whole else number

    def _choice(self, text: str) -> str:
        if not self.choices:
            return self._text(text).lower()
        if text in self.choices:
            return text
        if text.lower() not in self.choices:
            raise self._problem(f"{text!r} is not one of its choices", f"use {', '.join(self.choices)}")
        return text.lower()

    def _host(self, text: str) -> str:
        host = text[1:-1] if text.startswith("[") and text.endswith("]") else text
        address, percent, scope = host.partition("%")
        try:
            ipaddress.ip_address(address)
        except ValueError:
            if not _HOSTNAME.fullmatch(host) or re.fullmatch(r"[0-9.]+", host):
                raise self._problem(
                    f"{text!r} is no address or host name", "use one like 127.0.0.1"
                ) from None
            return host
        if percent and not re.fullmatch(r"[\w.-]+", scope):
            raise self._problem(f"{text!r} has no network interface after its %", "use one like fe80::1%eth0")
        return host

    def _text(self, text: str) -> str:
        if not text:
            raise self._problem("the value is empty", "give one, or leave the option out")
        if _CONTROL.search(text):
            raise self._problem("the value holds a control character", "take it out")
        if self.name == "root_path" and not text.startswith("/"):
            raise self._problem(f"{text!r} does not start with a slash", "write it like /api")
        return text


def plain_number(number: float) -> str:
    """Without an exponent or an idle fraction: 30, 0.25."""
    if number == int(number):
        return str(int(number))
    return f"{number:.9f}".rstrip("0")
