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
    old, new = get_server(plan.server), get_server(to)
    kept, mapped, dropped = {}, [], []
    for key, value in plan.options.items():
        shown = f"{key}={old.show(key, value)}"
        if key not in CONCEPTS:
            own = old.own(key) if old is new else None
            carried = (own, value) if own else carry(old, key, value, new)
            if isinstance(carried, str) and _topic(old, key) in _GUARDS:
                reason = f"{carried} ({shown}), and clients would no longer be checked"
                raise Problem(f"Switching to {to}", reason, "pick another server or change the option")
            if isinstance(carried, str):
                dropped.append(f"{shown} ({carried})")
            else:
                kept[carried[0].name] = carried[1]
                before = old.own(key)
                mapped.append(f"{shown}: {before.flag if before else key} → {carried[0].flag}")
            continue
        why = new.why_not(key, value)
        if why:
            if key == "factory" or key.startswith("tls_"):
                raise Problem(
                    f"Switching to {to}", f"{why} ({shown})", "pick another server or change the option"
                )
            dropped.append(f"{shown} ({why})")
        elif new.supports(key):
            kept[key] = value
            flag, after = old.flags.get(key), new.flags[key]
            if flag and flag.flag != after.flag and not CONCEPTS[key].secret:
                mapped.append(f"{shown}: {flag.flag or 'target'} → {after.flag or 'target'}")
            else:
                mapped.append(shown)
    native = plan.native if old is new else ()
    if plan.native and not native:
        dropped.append(f"{' '.join(mask_arguments(plan.native))} ({plan.server}'s own arguments)")
    carried_plan = replace(plan, server=to, native=native).with_options(kept)
    return Mapping(carried_plan, tuple(mapped), tuple(dropped))


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


def _topic(server: Server, key: str) -> str:
    option = server.own(key)
    return option.topic if option else ""


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
