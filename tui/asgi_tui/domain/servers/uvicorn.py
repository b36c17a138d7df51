"""uvicorn: options and behaviour as in uvicorn/main.py and uvicorn/config.py."""

from __future__ import annotations

from typing import ClassVar

from asgi_tui.domain.conflicts import Conflict, Facts, Mend, error
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.log_pattern import log_pattern
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers.arguments import BY_SET, HANDS_OVER, RELOADS, Owned
from asgi_tui.domain.servers.base import Server
from asgi_tui.domain.servers.server_options import Flag

_OWNED = (
    "APP",
    "HOST",
    "PORT",
    "UDS",
    "FD",
    "RELOAD",
    "RELOAD_DIRS",
    "WORKERS",
    "FACTORY",
    "APP_DIR",
    "INTERFACE",
)

# Values that need a distribution of their own (uvicorn/config.py).
_NEEDED = (
    ("http", "httptools", "httptools"),
    ("http", "zttp", "zttp"),
    ("loop", "uvloop", "uvloop"),
    ("ws", "websockets", "websockets"),
    ("ws", "websockets-sansio", "websockets"),
    ("ws", "wsproto", "wsproto"),
)


class Uvicorn(Server):
    """The most used one; HTTP/1.1 and WebSockets."""

    name = "uvicorn"
    title = "Uvicorn"
    module = "uvicorn"
    requires = ("uvicorn",)
    docs = "https://uvicorn.dev/"
    summary = "HTTP/1.1 and WebSockets; the default of most frameworks"
    capabilities = ("http/1.1", "websocket", "lifespan", "state", "workers", "tls", "factory", "handover")
    adopts = frozenset({"inet", "inet6", "unix"})
    flags: ClassVar = {
        "host": Flag("--host", default="127.0.0.1"),
        "port": Flag("--port", default=8000),
        "uds": Flag("--uds"),
        "workers": Flag("--workers", default=1),
        "log_level": Flag("--log-level", default="info"),
        "access_log": Flag("--access-log", "--no-access-log", default=True),
        "root_path": Flag("--root-path", default=""),
        "lifespan": Flag("--lifespan", default="auto"),
        "factory": Flag("--factory", default=False),
        "app_dir": Flag("--app-dir"),
        "tls_cert": Flag("--ssl-certfile"),
        "tls_key": Flag("--ssl-keyfile"),
        "tls_key_password": Flag("--ssl-keyfile-password"),
        "graceful_timeout": Flag("--timeout-graceful-shutdown"),
        "http": Flag("--http", choices=("auto", "h11", "httptools", "zttp"), default="auto"),
        "ws": Flag(
            "--ws", choices=("auto", "websockets", "websockets-sansio", "wsproto", "none"), default="auto"
        ),
        "proxy_headers": Flag("--proxy-headers", "--no-proxy-headers", default=True),
    }
    log_format = log_pattern(r"(LEVEL: +)")
    exit_codes: ClassVar = {1: "it failed while starting", 3: "the app failed to start"}
    owned_environment = frozenset(f"UVICORN_{name}" for name in _OWNED) | {"WEB_CONCURRENCY"}
    reads_environment = ("UVICORN_", "FORWARDED_ALLOW_IPS", "WEB_CONCURRENCY")
    owned = Owned(
        {
            # So that it is masked wherever it is shown.
            "--ssl-keyfile-password": BY_SET.format("tls_key_password"),
            "--host": BY_SET.format("host"),
            "--port": BY_SET.format("port"),
            "--uds": BY_SET.format("uds"),
            "--workers": BY_SET.format("workers"),
            "--factory": BY_SET.format("factory"),
            "--app-dir": BY_SET.format("app_dir"),
            "--fd": HANDS_OVER,
            "--reload": RELOADS,
            "--interface": BY_SET.format("interface"),
        },
        frozenset({"--factory", "--reload"}),
    )

    def conflicts(self, plan: LaunchPlan) -> list[Conflict]:
        """The probe speaks ASGI."""
        found = super().conflicts(plan)
        if plan.text("interface") == "wsgi":
            problem = Problem("Option interface=wsgi on uvicorn", "the console serves ASGI apps", "use auto")
            found.append(error(problem, Mend("serve ASGI", {"interface": None})))
        return found

    def quirks(self, plan: LaunchPlan, facts: Facts) -> list[Conflict]:
        """Its reload knows one worker; its HTTP/2 one parser."""
        found = super().quirks(plan, facts)
        if plan.flag("reload") and plan.workers > 1:
            text = "uvicorn's own reload serves with one worker: workers is ignored."
            mend = Mend("let the console reload", {"reload": None}, reload=True)
            found.append(Conflict("warning", text, mend))
        if plan.flag("http2") and plan.text("http", "auto") != "zttp":
            text = "HTTP/2 on uvicorn needs the zttp parser; with another one it is not spoken."
            found.append(Conflict("warning", text, Mend("use zttp", {"http": "zttp"})))
        for option, value, package in _NEEDED:
            if plan.text(option) == value and facts.lacks(package):
                text = f"{option}={value} needs {package}, which is not installed (uvicorn[standard])."
                found.append(Conflict("warning", text, Mend(f"leave {option} out", {option: None})))
        return found

    def owned_arguments(self, plan: LaunchPlan, version: tuple[int, ...]) -> list[str]:
        """Colours would only be taken out again, so they are not asked for."""
        return ["--workers", str(plan.workers), "--interface", "asgi3", "--no-use-colors"]
