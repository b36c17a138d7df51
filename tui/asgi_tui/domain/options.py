"""The native options of one server: what is known of each, and what its installed version says of itself.

An *overlay* is the hand-made part (group, plain words, kind, units); ``join`` lays it over what the server's
own parser tells (flags, choices, default, range), which always wins.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from asgi_tui.domain.text import is_secret_name
from asgi_tui.domain.values import NUMBERS, ON_OFF, Kind, Spec, Value, plain_number

OTHER = "Other"
# The groups, in the order in which they are shown.
GROUPS = (
    "App",
    "Address",
    "Processes",
    "Reload",
    "Timeouts and limits",
    "HTTP",
    "HTTP/2",
    "WebSocket",
    "TLS",
    "Proxy",
    "Logs",
    "Metrics",
    "Static files",
    "Environment",
    "Security",
    "Advanced",
    "Information",
    OTHER,
)


def with_value(flag: str, text: str) -> list[str]:
    """The arguments that give an option a value."""
    # A value that looks like an option would be taken for one.
    if text.startswith("-") and len(text) > 1 and flag.startswith("--"):
        return [f"{flag}={text}"]
    return [flag, text]


@dataclass(frozen=True, slots=True)
class Option(Spec):
    """One native option of a server.

    ``flags`` are the spellings that set it or turn it on, the one to print first; ``off`` those that turn it
    off. ``default`` is what the server does when it is left out (None: nothing, or it decides by itself).
    ``concept`` is the common option it is, or takes part in; with ``wide`` it can say more than the concept
    (``--access-logfile PATH``), and then such values stand under the option's own name. ``topic`` names what
    it is about where other servers have the same without a concept (``backlog``). ``bare`` is what the flag
    means without its value, where it may stand so. ``spelled`` is how a number or an on/off value is printed.
    ``since`` is the first version that has it; ``refused`` why it cannot be set here; ``setting`` its name in
    the server's configuration file; ``env`` the variable the server reads it from.
    """

    flags: tuple[str, ...] = ()
    off: tuple[str, ...] = ()
    default: Value | None = None
    group: str = OTHER
    basic: bool = False
    concept: str = ""
    wide: bool = False
    topic: str = ""
    bare: str = ""
    spelled: Literal["", "octal", "decimal", "true"] = ""
    since: str = ""
    refused: str = ""
    setting: str = ""
    env: str = ""

    @property
    def key(self) -> str:
        """The name its value has in a plan: the concept's where it is nothing but that."""
        return self.concept if self.concept and not self.wide else self.name

    @property
    def flag(self) -> str:
        """The spelling that is printed."""
        return self.flags[0] if self.flags else self.off[0]

    def arguments(self, value: Value) -> list[str]:
        """The native arguments for ``value``; none where the server has no way to say it."""
        if isinstance(value, bool) and self.spelled == "true":
            return [self.flag, "true" if value else "false"]
        if isinstance(value, bool):
            chosen = self.flags if value else self.off
            return [chosen[0]] if chosen else []
        items = value if isinstance(value, tuple) else (self.native_text(value),)
        arguments: list[str] = []
        for item in items:
            arguments += with_value(self.flag, item)
        return arguments

    def native_text(self, value: str | int | float) -> str:
        """One value as the server reads it."""
        if self.kind is Kind.OCTAL and isinstance(value, int) and self.spelled != "decimal":
            return f"0o{value:o}"
        return plain_number(value) if isinstance(value, float) else str(value)

    def from_native(self, text: str) -> str:
        """One value as the server would read it, in the text that ``read`` reads."""
        # int(text) or int(text, 0): without a leading zero the digits are decimal.
        decimal = re.fullmatch(r"[0-9]{1,9}", text) and (self.spelled == "decimal" or text[0] != "0")
        return f"0o{int(text):o}" if self.kind is Kind.OCTAL and decimal else text


def option(
    name: str,
    kind: Kind,
    group: str,
    help: str,  # noqa: A002 - the word for it
    *,
    flags: tuple[str, ...] = (),
    off: tuple[str, ...] = (),
    default: Value | None = None,
    choices: tuple[str, ...] = (),
    minimum: float | None = None,
    maximum: float | None = None,
    unit: str = "",
    whole: bool = True,
    multiple: bool = False,
    paths: Literal["", "file", "directory"] = "",
    basic: bool = False,
    concept: str = "",
    wide: bool = False,
    topic: str = "",
    bare: str = "",
    spelled: Literal["", "octal", "decimal", "true"] = "",
    since: str = "",
    refused: str = "",
    setting: str = "",
    env: str = "",
) -> Option:
    """One line of an overlay; ``flags`` default to ``--`` and the name with dashes."""
    return Option(
        name=name,
        kind=kind,
        label=_label(name),
        help=help,
        choices=choices,
        minimum=minimum,
        maximum=maximum,
        unit=unit,
        whole=whole,
        multiple=multiple,
        paths=paths,
        flags=flags or (() if off else (f"--{name.replace('_', '-')}",)),
        off=off,
        default=default,
        group=group,
        basic=basic,
        concept=concept,
        wide=wide,
        topic=topic,
        bare=bare,
        spelled=spelled,
        since=since,
        refused=refused,
        setting=setting,
        env=env,
    )


_ACRONYMS = {"http": "HTTP", "http1": "HTTP/1", "http2": "HTTP/2", "h11": "h11", "tls": "TLS", "ssl": "TLS"}
_ACRONYMS |= {"ws": "WebSocket", "uds": "Unix socket", "ip": "IP", "ips": "IPs", "pid": "PID", "rss": "RSS"}
_ACRONYMS |= {"asgi": "ASGI", "ca": "CA", "crl": "CRL", "fd": "file descriptor", "json": "JSON"}
_ACRONYMS |= {"url": "URL", "eofs": "EOFs", "statsd": "StatsD"}
_ACRONYMS |= {"quic": "QUIC", "websocket": "WebSocket", "uwsgi": "uWSGI", "env": "environment"}


def _label(name: str) -> str:
    words = " ".join(_ACRONYMS.get(word, word) for word in name.split("_"))
    return words[:1].upper() + words[1:]


def option_name(text: str) -> str:
    """An option's name as a person may write it: dashes and underscores are one, as are capitals."""
    return text.strip().lstrip("-").replace("-", "_").lower()


@dataclass(frozen=True, slots=True)
class Described:
    """One option as the installed server's own parser has it.

    ``takes`` is "flag" (no value), "switch" (an argument for on and one for off) or "value"; ``type`` is the
    parser's word for the value: "int", "float", "bool", "path" or "text".
    """

    flags: tuple[str, ...]
    off: tuple[str, ...] = ()
    takes: str = "value"
    type: str = "text"
    choices: tuple[str, ...] = ()
    default: Value | None = None
    multiple: bool = False
    env: str = ""
    help: str = ""
    minimum: float | None = None
    maximum: float | None = None
    bare: str = ""
    setting: str = ""


@dataclass(frozen=True, slots=True)
class OptionTable:
    """Every option of one server.

    ``version`` is the installed version that was asked, None where nobody was; ``note`` then says why.
    ``missing`` maps the names of options that the installed version lacks to a sentence that says so.
    """

    server: str
    options: tuple[Option, ...]
    version: str | None = None
    missing: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    def named(self, name: str) -> Option | None:
        """The option of that name; dashes and underscores are one."""
        plain = option_name(name)
        return next((option for option in self.options if option.name.lower() == plain), None)

    def with_flag(self, flag: str) -> Option | None:
        """The option that has this spelling, on or off."""
        return next((option for option in self.options if flag in (*option.flags, *option.off)), None)

    def of_concept(self, concept: str) -> tuple[Option, ...]:
        """The options that make up a concept."""
        return tuple(option for option in self.options if option.concept == concept)

    def groups(self) -> list[tuple[str, list[Option]]]:
        """The options by group, groups in their order."""
        found: dict[str, list[Option]] = {}
        for item in self.options:
            found.setdefault(item.group, []).append(item)
        order = {group: index for index, group in enumerate(GROUPS)}
        return sorted(found.items(), key=lambda pair: order.get(pair[0], len(order)))


def join(server: str, overlay: Iterable[Option], described: Iterable[Described], version: str) -> OptionTable:
    """The options of an installed version, with all that the overlay knows of them."""
    by_flag = {flag: item for item in described for flag in (*item.flags, *item.off)}
    options: list[Option] = []
    missing: dict[str, str] = {}
    seen: set[int] = set()
    for known in overlay:
        found = [
            item
            for item in dict.fromkeys(by_flag[flag] for flag in (*known.flags, *known.off) if flag in by_flag)
            if id(item) not in seen
        ]
        if not found:
            missing[known.name] = _why_missing(known, server, version)
            options.append(known)
            continue
        seen.update(map(id, found))
        options.append(_laid_over(known, found))
    options += [_unknown(item) for item in described if id(item) not in seen]
    return OptionTable(server, tuple(options), version, missing)


def _why_missing(known: Option, server: str, version: str) -> str:
    since = f"it came with {server} {known.since}, " if known.since else f"{server} does not have it here, "
    return f"{since}and {version} is installed"


def _laid_over(known: Option, found: list[Described]) -> Option:
    """The overlay's words over the installed version's facts."""
    first = found[0]
    flags = tuple(flag for flag in known.flags if any(flag in item.flags + item.off for item in found))
    off = tuple(flag for flag in known.off if any(flag in item.flags + item.off for item in found))
    flags += tuple(flag for item in found for flag in item.flags if flag not in (*flags, *off))
    off += tuple(flag for item in found for flag in item.off if flag not in (*flags, *off))
    default = known.default
    # What a parser starts from says nothing of an option that can only turn off, or only adds to another.
    adds = not known.flags or (known.wide and known.multiple)
    if first.default is not None and known.kind is not Kind.SECRET and not adds:
        default = _as_kind(known.kind, first.default)
    return replace(
        known,
        flags=flags,
        off=off,
        choices=first.choices or known.choices if known.kind is Kind.CHOICE else known.choices,
        default=default,
        multiple=first.multiple,
        # A parser may let through what the server then fails on, so the narrower range counts.
        minimum=max((x for x in (first.minimum, known.minimum) if x is not None), default=None),
        maximum=min((x for x in (first.maximum, known.maximum) if x is not None), default=None),
        env=first.env or known.env,
        setting=known.setting or first.setting,
        bare=first.bare or known.bare,
    )


def _as_kind(kind: Kind, value: Value) -> Value | None:
    """A parser's default as a value of ``kind``; None where it is none."""
    if kind in ON_OFF:
        return value if isinstance(value, bool) else None
    if kind in NUMBERS:
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None
    return value


_KINDS = {"int": Kind.INTEGER, "float": Kind.FLOAT, "bool": Kind.SWITCH, "path": Kind.PATH}


def _unknown(item: Described) -> Option:
    """An option no overlay knows: what the server says is all there is."""
    longest = max(item.flags or item.off, key=len)
    name = longest.lstrip("-").replace("-", "_").lower()
    if not item.flags:
        name = name.removeprefix("no_")
    kind = {"flag": Kind.FLAG, "switch": Kind.SWITCH}.get(item.takes) or _KINDS.get(item.type, Kind.TEXT)
    if item.choices:
        kind = Kind.CHOICE
    if item.takes == "value" and is_secret_name(name):
        kind = Kind.SECRET
    return option(
        name,
        kind,
        OTHER,
        item.help or "The server gives no explanation.",
        flags=item.flags,
        off=item.off,
        default=_as_kind(kind, item.default) if item.default is not None else None,
        choices=item.choices,
        minimum=item.minimum,
        maximum=item.maximum,
        multiple=item.multiple,
        bare=item.bare,
        spelled="true" if item.type == "bool" and item.takes == "value" else "",
        setting=item.setting,
        env=item.env,
    )


def as_json(table: OptionTable) -> dict[str, object]:
    """The table as ``asgi-tui options SERVER --json`` prints it; ``flags`` holds every spelling."""
    return {
        "server": table.server,
        "version": table.version,
        "options": [
            {
                "name": item.name,
                "flags": [*item.flags, *item.off],
                "kind": item.kind.value,
                "choices": list(item.choices),
                "min": item.minimum,
                "max": item.maximum,
                "default": None if item.secret else item.default,
                "multiple": item.multiple,
                "secret": item.secret,
                "group": item.group,
                "help": item.help,
                "common": item.concept or None,
                "off": list(item.off),
                "unit": item.unit or None,
                "env": item.env or None,
                "missing": table.missing.get(item.name),
                "refused": item.refused or None,
            }
            for item in table.options
        ],
    }
