"""hypercorn: options and behaviour as in hypercorn/__main__.py and hypercorn/run.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from asgi_tui.domain.conflicts import Conflict, Facts, Mend
from asgi_tui.domain.log_pattern import log_pattern
from asgi_tui.domain.options import Option
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers.arguments import BY_SET, NO_DAEMON, RELOADS, Owned
from asgi_tui.domain.servers.one_bind import OneBind
from asgi_tui.domain.servers.server_options import Flag
from asgi_tui.domain.values import Value


class Hypercorn(OneBind):
    """HTTP/1.1, HTTP/2, HTTP/3 and WebSockets over both; written on the sans-io libraries."""

    name = "hypercorn"
    title = "Hypercorn"
    module = "hypercorn"
    requires = ("hypercorn",)
    docs = "https://hypercorn.readthedocs.io/"
    summary = "HTTP/1.1, HTTP/2, HTTP/3 and WebSockets"
    capabilities = (
        "http/1.1",
        "http/2",
        "http/3",
        "h2c",
        "websocket",
        "lifespan",
        "state",
        "workers",
        "tls",
        "factory",
        "handover",
    )
    adopts = frozenset({"inet", "inet6", "unix"})
    flags: ClassVar = {
        "host": Flag("--bind", default="127.0.0.1"),
        "port": Flag("--bind", default=8000),
        "uds": Flag("--bind"),
        "workers": Flag("--workers", default=1),
        "log_level": Flag(
            "--log-level", choices=("critical", "error", "warning", "info", "debug"), default="info"
        ),
        "access_log": Flag("--access-logfile -", default=False),
        "root_path": Flag("--root-path", default=""),
        "factory": Flag("", default=False, note="written as module:create_app()"),
        "app_dir": Flag("", note="written before the module"),
        "tls_cert": Flag("--certfile"),
        "tls_key": Flag("--keyfile"),
        "tls_key_password": Flag("--keyfile-password"),
        "graceful_timeout": Flag("--graceful-timeout", default=3),
    }
    lacks: ClassVar = {
        "lifespan": "hypercorn always tries lifespan",
        "http": "hypercorn picks the protocol by negotiation",
        "ws": "hypercorn has one WebSocket implementation",
        "proxy_headers": "hypercorn has ProxyFixMiddleware in place of an option",
    }
    log_format = log_pattern(r"\[TIME\] (\[PID\] \[LEVEL\] )")
    exit_codes: ClassVar = {1: "it failed while starting"}
    splits_directory_at = ":"
    owned = Owned(
        {
            # So that it is masked wherever it is shown.
            "--keyfile-password": BY_SET.format("tls_key_password"),
            "--bind": "set the address with --set host=ADDRESS --set port=PORT",
            "-b": "set the address with --set host=ADDRESS --set port=PORT",
            "--workers": BY_SET.format("workers"),
            "-w": BY_SET.format("workers"),
            "--insecure-bind": BY_SET.format("insecure_bind"),
            "--quic-bind": BY_SET.format("quic_bind"),
            "--reload": RELOADS,
            "--daemon": NO_DAEMON,
            "-D": NO_DAEMON,
        },
        frozenset({"--reload", "--daemon", "-D"}),
        short_values="cgkpmu",
        abbreviates=True,
    )

    def owned_arguments(self, plan: LaunchPlan, version: tuple[int, ...]) -> list[str]:
        """``-w 0`` serves in one process; even ``-w 1`` spawns a worker, which its own reload needs."""
        alone = plan.workers == 1 and not plan.flag("reload")
        return ["--workers", "0" if alone else str(plan.workers)]

    def gains_nothing(self, plan: LaunchPlan, python: tuple[int, ...]) -> str:
        """Its own reload needs a spawned worker."""
        if plan.flag("reload"):
            return "hypercorn spawns a worker for its own reload"
        return super().gains_nothing(plan, python)

    def quirks(self, plan: LaunchPlan, facts: Facts) -> list[Conflict]:
        """What QUIC and its worker classes need."""
        found = super().quirks(plan, facts)
        if "quic_bind" in plan.options and not plan.tls:
            text = "HTTP/3 is always encrypted: hypercorn serves none without a certificate and key."
            found.append(Conflict("warning", text, Mend("leave QUIC out", {"quic_bind": None})))
        if "quic_bind" in plan.options and facts.lacks("aioquic"):
            text = "HTTP/3 needs aioquic, which is not installed (hypercorn[h3])."
            found.append(Conflict("warning", text, Mend("leave QUIC out", {"quic_bind": None})))
        wanted = plan.text("worker_class")
        if wanted in ("uvloop", "trio") and facts.lacks(wanted):
            text = f"The {wanted} worker needs {wanted}, which is not installed (hypercorn[{wanted}])."
            found.append(Conflict("warning", text, Mend("use asyncio", {"worker_class": None})))
        return found

    def request_host(self, plan: LaunchPlan) -> str:
        """hypercorn/utils.py, valid_server_name: the host header as a whole is one of them."""
        names = plan.options.get("server_name", ())
        return names[0] if isinstance(names, tuple) and names else ""

    def native_parts(self, option: Option, text: str) -> list[tuple[str, str]]:
        """No workers at all is one process."""
        if option.name == "workers" and text == "0":
            return [("workers", "1")]
        return super().native_parts(option, text)

    def target_arguments(self, plan: LaunchPlan) -> list[str]:
        """A directory is written before the module."""
        (target,) = super().target_arguments(plan)
        directory = plan.text("app_dir")
        prefix = f"{directory.rstrip('/')}/" if directory else ""
        return ["--", f"{prefix}{target}"] if prefix.startswith("-") else [f"{prefix}{target}"]

    def read_target(self, text: str) -> tuple[str, str]:
        """hypercorn/utils.py, load_application: a mode, a directory, a module and what is evaluated in it."""
        if text.count(":") > 1:
            text = text.removeprefix("asgi:")
        directory, slash, rest = text.rpartition("/")
        if not slash or ".py" in rest:
            return text, ""
        return rest, directory or "/"

    def canonical(self, options: Mapping[str, Value]) -> dict[str, Value]:
        """A slash follows the directory in any case."""
        kept = super().canonical(options)
        if "app_dir" in kept:
            kept["app_dir"] = str(kept["app_dir"]).rstrip("/") or "/"
        return kept
