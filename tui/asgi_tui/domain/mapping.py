"""What becomes of a plan's options when another server takes over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from asgi_tui.domain.concepts import CONCEPTS
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.options import Option
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers import get_server
from asgi_tui.domain.servers.base import Server
from asgi_tui.domain.text import mask_arguments
from asgi_tui.domain.values import NUMBERS, ON_OFF, Kind, Value

_PER_SECOND = {"s": 1, "ms": 1000}
# What one server writes in these means something else, or nothing, to another.
_OWN_SYNTAX = frozenset(
    {"access_log_format", "config_file", "event_loop", "log_config", "log_format", "reload_exclude"}
)
# Without them a switch would let in whom the old server turned away.
_GUARDS = frozenset({"tls_client_verify", "tls_ca"})


@dataclass(frozen=True, slots=True)
class Mapping:
    """The plan for the other server, and in words what was mapped and what was dropped."""

    plan: LaunchPlan
    mapped: tuple[str, ...]
    dropped: tuple[str, ...]


def map_plan(plan: LaunchPlan, to: str) -> Mapping:
    """Carries every option that server ``to`` also has.

    Raises ``Problem`` where the app cannot run there at all: a factory on a server that calls none, and
    TLS on a server that cannot take the key (it must not fall back to plain HTTP unasked).
    """
    carrying = _Carrying(get_server(plan.server), get_server(to))
    for key, value in plan.options.items():
        if key in CONCEPTS:
            carrying.common(key, value)
        else:
            carrying.own(key, value)
    dropped = carrying.dropped
    same = carrying.old is carrying.new
    if plan.native and not same:
        dropped.append(f"{' '.join(mask_arguments(plan.native))} ({plan.server}'s own arguments)")
    new = replace(plan, server=to, native=plan.native if same else ()).with_options(carrying.kept)
    return Mapping(new, tuple(carrying.mapped), tuple(dropped))


class _Carrying:
    """What was carried so far from one server to another, and what was not."""

    def __init__(self, old: Server, new: Server) -> None:
        self.old = old
        self.new = new
        self.kept: dict[str, Value] = {}
        self.mapped: list[str] = []
        self.dropped: list[str] = []

    def common(self, key: str, value: Value) -> None:
        """A concept. Raises ``Problem`` where the app would not be the same without it."""
        shown = f"{key}={self.old.show(key, value)}"
        why = self.new.why_not(key, value)
        if why and (key == "factory" or key.startswith("tls_")):
            raise self._refused(f"{why} ({shown})")
        if why:
            self.dropped.append(f"{shown} ({why})")
        elif self.new.supports(key):
            self.kept[key] = value
            flag, after = self.old.flags.get(key), self.new.flags[key]
            renamed = flag is not None and flag.flag != after.flag and not CONCEPTS[key].secret
            change = f": {(flag and flag.flag) or 'target'} → {after.flag or 'target'}" if renamed else ""
            self.mapped.append(shown + change)

    def own(self, key: str, value: Value) -> None:
        """An option of the old server's own. Raises ``Problem`` where clients would get in unchecked."""
        shown = f"{key}={self.old.show(key, value)}"
        before = self.old.own(key)
        same = before if self.old is self.new else None
        carried = (same, value) if same else carry(self.old, key, value, self.new)
        if not isinstance(carried, str):
            option, there = carried
            self.kept[option.name] = there
            flag = before.flag if before else key
            # In another unit the number is another one.
            same_text = option.show(there) == self.old.show(key, value)
            said = option.flag if same_text else f"{option.flag} {option.show(there)}"
            self.mapped.append(shown if said == flag else f"{shown}: {flag} → {said}")
        elif before is not None and before.topic in _GUARDS:
            raise self._refused(f"{carried} ({shown}), and clients would no longer be checked")
        else:
            self.dropped.append(f"{shown} ({carried})")

    def _refused(self, why: str) -> Problem:
        return Problem(f"Switching to {self.new.name}", why, "pick another server or change the option")


def carry(old: Server, key: str, value: Value, new: Server) -> tuple[Option, Value] | str:
    """The option of ``new`` that means the same with its value, or why there is none."""
    option = old.own(key)
    if option is None:
        return f"{old.name} has no such option"
    found = equivalent(option, new.overlay)
    if found is None:
        return f"{new.name} has no such option"
    if found.refused:
        return found.refused
    if found.topic in _OWN_SYNTAX:
        return f"{found.flag} on {new.name} is written in another way"
    carried = _converted(option, value, found)
    return (found, carried) if carried is not None else f"{found.flag} on {new.name} takes no such value"


def equivalent(option: Option, others: Iterable[Option]) -> Option | None:
    """The option among another server's that is about the same."""
    if option.topic:
        return next((other for other in others if other.topic == option.topic), None)
    if option.concept:
        return next((other for other in others if other.concept == option.concept and other.wide), None)
    return None


def _converted(old: Option, value: Value, new: Option) -> Value | None:
    """``value`` in the other option's kind and unit; None where it cannot be said there."""
    items = value if isinstance(value, tuple) else (value,)
    if _family(old.kind) != _family(new.kind) or (len(items) != 1 and not new.multiple):
        return None
    text = [_in_unit(old, item, new) for item in items]
    try:
        read = new.read("\n".join(text))
    except Problem:
        return None
    # A switch that can only be turned on says nothing when it is off.
    return read if not isinstance(read, bool) or new.arguments(read) else None


def _family(kind: Kind) -> str:
    """Kinds whose texts may stand for each other."""
    if kind in NUMBERS:
        return "number"
    if kind in ON_OFF:
        return "switch"
    return kind.value if kind in (Kind.SECRET, Kind.HEADER) else "text"


def _in_unit(old: Option, item: str | int | float | bool, new: Option) -> str:
    timed = old.unit in _PER_SECOND and new.unit in _PER_SECOND
    if timed and isinstance(item, int | float) and not isinstance(item, bool):
        scaled = item * _PER_SECOND[new.unit] / _PER_SECOND[old.unit]
        return new.native_text(scaled if not new.whole or scaled != int(scaled) else int(scaled))
    return old.spell(item)
