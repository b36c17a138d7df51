"""daphne: options and behaviour as in daphne/cli.py and daphne/server.py."""

from __future__ import annotations

from typing import ClassVar

from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers.arguments import BY_SET, HANDS_OVER, Owned
from asgi_tui.domain.servers.base import Family, Flag, Server, log_pattern


class Daphne(Server):
    """Django Channels' server on Twisted; one process, no lifespan."""

    name = "daphne"
    title = "Daphne"
    module = "daphne"
    requires = ("daphne",)
    docs = "https://github.com/django/daphne"
    summary = "Django Channels' own server, on Twisted"
    capabilities = ("http/1.1", "http/2", "websocket", "asgi2", "tls", "handover")
    has_lifespan = False
    adopts = frozenset({"inet"})
    flags: ClassVar = {
        "host": Flag("--bind", default="127.0.0.1"),
        "port": Flag("--port", default=8000),
        "uds": Flag("--unix-socket"),
        "log_level": Flag(
            "--verbosity",
            choices=("critical", "error", "warning", "info", "debug"),
            values={"critical": "0", "error": "0", "warning": "0", "info": "1", "debug": "2"},
            default="info",
            note="verbosity 0 is warnings and above",
        ),
        "access_log": Flag(
            "--access-log -", "--access-log /dev/null", default=True, note="verbosity 1 turns it on"
        ),
        "root_path": Flag("--root-path", default=""),
        "app_dir": Flag("", note="becomes PYTHONPATH"),
        "tls_cert": Flag("--endpoint"),
        "tls_key": Flag("--endpoint"),
        "proxy_headers": Flag("--proxy-headers", default=False),
    }
    neutral: ClassVar = {"lifespan": ("auto", "off")}
    lacks: ClassVar = {
        "workers": "daphne runs one process",
        "lifespan": "daphne sends no lifespan events",
        "factory": "daphne cannot call a factory",
        "tls_key_password": "daphne reads only keys without a password",
        "graceful_timeout": "daphne does not wait for open requests",
        "http": "daphne picks the protocol by negotiation",
        "ws": "daphne has one WebSocket implementation",
    }
    # --log-fmt's default: "%(asctime)-15s %(levelname)-8s %(message)s"
    log_format = log_pattern(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} LEVEL +(?P<text>.*)")
    exit_codes: ClassVar = {1: "it failed while starting"}
    owned = Owned(
        {
            "--bind": BY_SET.format("host"),
            "-b": BY_SET.format("host"),
            "--port": BY_SET.format("port"),
            "-p": BY_SET.format("port"),
            "--unix-socket": BY_SET.format("uds"),
            "-u": BY_SET.format("uds"),
            "--endpoint": "the console follows one address",
            "-e": "the console follows one address",
            "--fd": HANDS_OVER,
        },
        short_values="vts",
        abbreviates=True,
    )

    def bind_reason(self, plan: LaunchPlan, family: Family) -> str:
        """TLS exists only as an endpoint; ``--fd`` garbles the addresses of an IPv6 scope."""
        if plan.tls:
            return "daphne speaks TLS only on an endpoint that it binds itself"
        return super().bind_reason(plan, family)

    def option_arguments(self, plan: LaunchPlan, *, defaults: bool = False) -> list[str]:
        """The certificate and key are part of the endpoint."""
        shown = {name: value for name, value in plan.options.items() if name not in ("tls_cert", "tls_key")}
        return super().option_arguments(plan.with_options(shown), defaults=defaults)

    def bind_arguments(self, plan: LaunchPlan) -> list[str]:
        """With TLS an endpoint of Twisted's, in which colons are escaped."""
        return self._endpoint(plan) if plan.tls else super().bind_arguments(plan)

    def native_bind_arguments(self, plan: LaunchPlan) -> list[str]:
        """Always explicit."""
        if plan.tls:
            return self._endpoint(plan)
        if "uds" in plan.options:
            return ["--unix-socket", plan.text("uds")]
        return ["--bind", plan.host, "--port", str(plan.port)]

    def _endpoint(self, plan: LaunchPlan) -> list[str]:
        def escaped(text: str) -> str:
            return text.replace("\\", "\\\\").replace(":", "\\:")

        parts = {
            "privateKey": escaped(plan.text("tls_key")),
            "certKey": escaped(plan.text("tls_cert")),
            "interface": escaped(plan.host),
        }
        return [
            "--endpoint",
            ":".join(["ssl", str(plan.port), *(f"{key}={value}" for key, value in parts.items())]),
        ]

    def owned_arguments(self, plan: LaunchPlan, version: tuple[int, ...]) -> list[str]:
        """It runs one process and nothing in the environment changes it."""
        return []

    def command_environment(self, plan: LaunchPlan) -> dict[str, str]:
        """It has no option for the app's directory."""
        return {"PYTHONPATH": plan.text("app_dir")} if "app_dir" in plan.options else {}
