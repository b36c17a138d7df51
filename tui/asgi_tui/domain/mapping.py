"""What becomes of a plan's options when another server takes over."""

from __future__ import annotations

from dataclasses import dataclass, replace

from asgi_tui.domain.concepts import CONCEPTS, show_value
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers import get_server


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
    for concept, value in plan.options.items():
        shown = f"{concept}={show_value(concept, value)}"
        why = new.why_not(concept, value)
        if why:
            if concept == "factory" or concept.startswith("tls_"):
                raise Problem(
                    f"Switching to {to}", f"{why} ({shown})", "pick another server or change the option"
                )
            dropped.append(f"{shown} ({why})")
        elif new.supports(concept):
            kept[concept] = value
            before, after = old.flags.get(concept), new.flags[concept]
            if before and before.flag != after.flag and not CONCEPTS[concept].secret:
                mapped.append(f"{shown}: {before.flag or 'target'} → {after.flag or 'target'}")
            else:
                mapped.append(shown)
    if plan.native and to != plan.server:
        dropped.append(f"{' '.join(plan.native)} ({plan.server}'s own arguments)")
    native = plan.native if to == plan.server else ()
    carried = replace(plan, server=to, native=native).with_options(kept)
    return Mapping(carried, tuple(mapped), tuple(dropped))
