"""granian: options and behaviour as in granian/cli.py and granian/server/common.py."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from asgi_tui.domain.conflicts import Conflict, Facts, Mend, error
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.log_pattern import log_pattern
from asgi_tui.domain.options import Option, OptionTable
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers.arguments import BY_SET, RELOADS, Owned
from asgi_tui.domain.servers.base import Server
from asgi_tui.domain.servers.server_options import Flag
from asgi_tui.domain.values import Value

_OWNED = (
    "HOST",
    "PORT",
    "UDS",
    "INTERFACE",
    "WORKERS",
    "FACTORY",
    "WORKING_DIR",
    "RELOAD",
    "RELOAD_PATHS",
    "PID_FILE",
)


class Granian(Server):
    """A Rust HTTP server for Python apps; HTTP/1.1, HTTP/2 and WebSockets."""

    name = "granian"
    title = "Granian"
    module = "granian"
    requires = ("granian",)
    docs = "https://github.com/emmett-framework/granian"
    summary = "HTTP/1.1, HTTP/2 and WebSockets, in Rust"
    capabilities = (
        "http/1.1",
        "http/2",
        "h2c",
        "websocket",
        "lifespan",
        "state",
        "workers",
        "tls",
        "factory",
        "handover",
    )
    flags: ClassVar = {
        "host": Flag("--host", default="127.0.0.1"),
        "port": Flag("--port", default=8000),
        "uds": Flag("--uds"),
        "workers": Flag("--workers", default=1),
        "log_level": Flag(
            "--log-level", choices=("critical", "error", "warning", "info", "debug", "notset"), default="info"
        ),
        "access_log": Flag("--access-log", "--no-access-log", default=False),
        "root_path": Flag("--url-path-prefix", default=""),
        "lifespan": Flag("--interface", choices=("auto", "off"), default="auto", note="off is asginl"),
        "factory": Flag("--factory", "--no-factory", default=False),
        "app_dir": Flag("--working-dir"),
        "tls_cert": Flag("--ssl-certificate"),
        "tls_key": Flag("--ssl-keyfile"),
        "tls_key_password": Flag("--ssl-keyfile-password"),
        "graceful_timeout": Flag("--workers-kill-timeout"),
        "http": Flag("--http", choices=("auto", "1", "2"), default="auto"),
        "ws": Flag("--no-ws", choices=("auto", "none"), default="auto"),
    }
    lacks: ClassVar = {"proxy_headers": "granian has a wrapper for proxies in place of an option"}
    adopts_in_child = True
    # Its own TCP sockets have SO_REUSEPORT (2.5 and newer), so that one granian can bind beside another; on
    # Linux the kernel then spreads connections over all of them.
    shares_port: ClassVar[bool] = sys.platform == "linux"
    forks = True
    log_format = log_pattern(r"(\[LEVEL\] )")
    exit_codes: ClassVar = {1: "a worker failed to start or ended unexpectedly"}
    owned_environment = frozenset(f"GRANIAN_{name}" for name in _OWNED)
    reads_environment = ("GRANIAN_",)
    owned = Owned(
        {
            # So that it is masked wherever it is shown.
            "--ssl-keyfile-password": BY_SET.format("tls_key_password"),
            "--host": BY_SET.format("host"),
            "--port": BY_SET.format("port"),
            "--uds": BY_SET.format("uds"),
            "--workers": BY_SET.format("workers"),
            "--factory": BY_SET.format("factory"),
            "--no-factory": BY_SET.format("factory"),
            "--working-dir": BY_SET.format("app_dir"),
            "--interface": BY_SET.format("lifespan"),
            "--reload": RELOADS,
        },
        frozenset({"--factory", "--no-factory", "--reload"}),
    )

    def option_arguments(self, plan: LaunchPlan) -> list[str]:
        """Its default interface is RSGI, so there is always one; ``ws`` is a switch."""
        options = dict(plan.options)
        lifespan = options.pop("lifespan", "auto")
        websocket = options.pop("ws", "")
        interface = (
            [] if "interface" in options else ["--interface", "asginl" if lifespan == "off" else "asgi"]
        )
        arguments = [*interface, *super().option_arguments(plan.with_options(options))]
        if not websocket:
            return arguments
        return [*arguments, "--no-ws" if websocket == "none" else "--ws"]

    def conflicts(self, plan: LaunchPlan) -> list[Conflict]:
        """The probe speaks ASGI."""
        found = super().conflicts(plan)
        interface = plan.text("interface", "asgi")
        if interface in ("rsgi", "wsgi"):
            problem = Problem(
                f"Option interface={interface} on granian", "the console serves ASGI apps", "use asgi"
            )
            found.append(error(problem, Mend("serve ASGI", {"interface": None})))
        return found

    def gains_nothing(self, plan: LaunchPlan, python: tuple[int, ...]) -> str:
        """It uses the start method that its Python has as default."""
        if python >= (3, 14) or sys.platform != "linux":
            return "granian spawns its workers here, and a spawned process imports everything itself"
        return ""

    def quirks(self, plan: LaunchPlan, facts: Facts) -> list[Conflict]:
        """What its extras and its HTTP/2 need."""
        found = super().quirks(plan, facts)
        if plan.flag("reload") and facts.lacks("watchfiles"):
            text = "granian's own reload needs watchfiles, which is not installed (granian[reload])."
            found.append(
                Conflict("warning", text, Mend("let the console reload", {"reload": None}, reload=True))
            )
        if plan.text("http") == "2" and not plan.tls:
            text = "HTTP/2 without TLS is h2c: no browser speaks it, curl does with --http2-prior-knowledge."
            found.append(Conflict("warning", text, Mend("speak HTTP/1.1 as well", {"http": "auto"})))
        return found

    def native_parts(self, option: Option, text: str) -> list[tuple[str, str]]:
        """``--no-ws`` and ``--interface asginl`` say what are concepts elsewhere."""
        if option.name == "ws":
            return [("ws", "auto" if text == "on" else "none")]
        if option.name == "interface" and text in ("asgi", "asginl"):
            return [("lifespan", "off")] if text == "asginl" else []
        if option.name == "log_level" and text == "warn":
            return [("log_level", "warning")]
        return super().native_parts(option, text)

    def for_form(self, table: OptionTable) -> OptionTable:
        """The console passes its interface, whatever granian takes by itself."""
        return replace(table, options=tuple(map(self._as_run, super().for_form(table).options)))

    def _as_run(self, option: Option) -> Option:
        if option.name == "interface":
            return replace(option, default="asgi")
        if option.concept == "log_level":
            # It also takes "warn" for warning, which no other server does.
            return replace(option, choices=self.choices("log_level"))
        return option

    def canonical(self, options: Mapping[str, Value]) -> dict[str, Value]:
        """``lifespan=auto`` is ``--interface asgi``, which is always there."""
        kept = super().canonical(options)
        if kept.get("lifespan") == "auto":
            del kept["lifespan"]
        return kept

    def adopt_arguments(self, plan: LaunchPlan, fd: int) -> list[str]:
        """It has no flag for a descriptor: see ``adopts_in_child``."""
        return self.native_bind_arguments(plan)

    def request_path(self, plan: LaunchPlan, path: str) -> str:
        """It answers 404 by itself outside its path prefix."""
        return plan.text("root_path") + path

    def answers_http1(self, plan: LaunchPlan) -> bool:
        """Not where only HTTP/2 is spoken."""
        return plan.text("http", "auto") != "2"
