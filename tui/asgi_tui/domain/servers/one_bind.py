"""Servers whose address is one ``--bind``: hypercorn and gunicorn."""

from __future__ import annotations

from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers.base import Server


class OneBind(Server):
    """``--bind`` takes ``host:port``, ``unix:path`` or ``fd://number``; a factory is written as a call."""

    def bind_arguments(self, plan: LaunchPlan) -> list[str]:
        """Nothing where the address is the default."""
        if "uds" not in plan.options and (plan.host, plan.port) == ("127.0.0.1", 8000):
            return []
        return self.native_bind_arguments(plan)

    def native_bind_arguments(self, plan: LaunchPlan) -> list[str]:
        """Always explicit: a configuration file may hold another address."""
        if "uds" in plan.options:
            return ["--bind", f"unix:{plan.text('uds')}"]
        host = f"[{plan.host}]" if ":" in plan.host else plan.host
        return ["--bind", f"{host}:{plan.port}"]

    def adopt_arguments(self, plan: LaunchPlan, fd: int) -> list[str]:
        """hypercorn/config.py and gunicorn/util.py read ``fd://``."""
        return ["--bind", f"fd://{fd}"]

    def target_arguments(self, plan: LaunchPlan) -> list[str]:
        """hypercorn evaluates what follows the colon, gunicorn knows calls."""
        return [f"{plan.target}()" if plan.target.factory else str(plan.target)]
