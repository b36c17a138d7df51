"""Servers whose address is one ``--bind``: hypercorn and gunicorn."""

from __future__ import annotations

import re
from collections.abc import Mapping

from asgi_tui.domain.conflicts import Conflict, Mend, error
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.options import Option
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers.base import Family, Server
from asgi_tui.domain.values import Value

# Options that name more addresses than the one the console follows.
_FURTHER = ("bind", "insecure_bind", "quic_bind")


class OneBind(Server):
    """``--bind`` takes ``host:port``, ``unix:path`` or ``fd://number``; a factory is written as a call."""

    def bind_arguments(self, plan: LaunchPlan) -> list[str]:
        """Nothing where no address is set."""
        if not {"host", "port", "uds", "bind"} & plan.options.keys():
            return []
        return self.native_bind_arguments(plan)

    def native_bind_arguments(self, plan: LaunchPlan) -> list[str]:
        """Always explicit: a configuration file may hold another address."""
        host = f"[{plan.host}]" if ":" in plan.host else plan.host
        first = f"unix:{plan.text('uds')}" if "uds" in plan.options else f"{host}:{plan.port}"
        further = plan.options.get("bind", ())
        assert isinstance(further, tuple)
        return [word for address in (first, *further) for word in ("--bind", address)]

    def bind_reason(self, plan: LaunchPlan, family: Family) -> str:
        """The console hands over one socket; further ones must not be bound twice while two runs overlap."""
        for key in _FURTHER:
            if key in plan.options:
                return f"with {key} {self.name} binds several addresses itself"
        return super().bind_reason(plan, family)

    def conflicts(self, plan: LaunchPlan) -> list[Conflict]:
        """A descriptor of the shell's is none of the child's."""
        found = super().conflicts(plan)
        for key in _FURTHER:
            addresses = plan.options.get(key, ())
            if isinstance(addresses, tuple) and any(text.startswith("fd://") for text in addresses):
                problem = Problem(f"Option {key}", "the console hands over its own socket", "name an address")
                found.append(error(problem, Mend(f"leave {key} out", {key: None})))
        return found

    def native_parts(self, option: Option, text: str) -> list[tuple[str, str]]:
        """The first address is the host and port or the Unix socket, the others are further ones."""
        if option.name == "access_logfile" and text == "-":
            return [("access_log", "on")]
        if option.name != "bind":
            return super().native_parts(option, text)
        first, *further = text.split("\n")
        if first.startswith("fd://"):
            return [("bind", text)]
        parts = self._address_parts(first)
        return [*parts, ("bind", "\n".join(further))] if further else parts

    def canonical(self, options: Mapping[str, Value]) -> dict[str, Value]:
        """An address is written in full as soon as a part of it is."""
        kept = super().canonical(options)
        if {"host", "port", "bind"} & kept.keys() and "uds" not in kept:
            kept = {"host": "127.0.0.1", "port": 8000, **kept}
        return kept

    @staticmethod
    def _address_parts(address: str) -> list[tuple[str, str]]:
        """hypercorn/config.py and gunicorn/util.py: ``host:port``, ``host``, ``unix:path``."""
        if address.startswith("unix:"):
            return [("uds", address.removeprefix("unix:").removeprefix("//"))]
        address = address.removeprefix("tcp://")
        # A shell's ${PORT:-8000} has a colon of its own.
        found = re.fullmatch(r"(\[[^\]]*\]|(?:\$\{[^}]*\}|[^:])*)(?::(.*))?", address)
        if found is None:
            return [("host", address)]
        host, port = found[1].strip("[]"), found[2]
        # gunicorn: ":8000" is every network
        return [("host", host or "0.0.0.0"), *([("port", port)] if port else [])]  # noqa: S104 - read, not chosen

    def adopt_arguments(self, plan: LaunchPlan, fd: int) -> list[str]:
        """hypercorn/config.py and gunicorn/util.py read ``fd://``."""
        return ["--bind", f"fd://{fd}"]

    def target_arguments(self, plan: LaunchPlan) -> list[str]:
        """hypercorn evaluates what follows the colon, gunicorn knows calls."""
        return [f"{plan.target}()" if plan.target.factory else str(plan.target)]
