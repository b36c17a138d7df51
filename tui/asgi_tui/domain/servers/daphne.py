"""daphne: options and behaviour as in daphne/cli.py and daphne/server.py."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from asgi_tui.domain.conflicts import Conflict, Facts, Mend, error
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.log_pattern import log_pattern
from asgi_tui.domain.options import Option
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers.arguments import BY_SET, HANDS_OVER, Owned
from asgi_tui.domain.servers.base import Family, Server
from asgi_tui.domain.servers.server_options import Flag
from asgi_tui.domain.values import Value


def _read_endpoint(endpoint: str) -> list[tuple[str, str]]:
    """A Twisted endpoint as options; nothing where they cannot say all of it.

    Twisted's endpoints.serverFromString: fields between colons, backslash escapes.
    """
    kind, *fields = [
        re.sub(r"\\(.)", r"\1", field) for field in re.findall(r"(?:\\.|[^:\\])+", endpoint)
    ] or [""]
    named = dict(field.split("=", 1) for field in fields[1:] if "=" in field)
    if not fields or len(named) != len(fields) - 1:
        return []
    port = fields[0].removeprefix("port=")
    names = {"interface": "host", "privateKey": "tls_key", "certKey": "tls_cert"}
    needed = {"tcp": set(), "ssl": {"privateKey", "certKey"}}.get(kind)
    if needed is None or not needed <= named.keys() <= names.keys():
        return []
    # Without an interface it is every network.
    return [("host", named.get("interface", "0.0.0.0")), ("port", port)] + [  # noqa: S104 - read, not chosen
        (names[name], value) for name, value in named.items() if name != "interface"
    ]


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
    log_format = log_pattern(r"TIME ((?=[A-Z ]{8} )LEVEL +)")
    exit_codes: ClassVar = {1: "it failed while starting"}
    splits_directory_at = ":"
    owned = Owned(
        {
            "--bind": BY_SET.format("host"),
            "-b": BY_SET.format("host"),
            "--port": BY_SET.format("port"),
            "-p": BY_SET.format("port"),
            "--unix-socket": BY_SET.format("uds"),
            "-u": BY_SET.format("uds"),
            "--endpoint": BY_SET.format("endpoint"),
            "-e": BY_SET.format("endpoint"),
            "--fd": HANDS_OVER,
        },
        short_values="vts",
        abbreviates=True,
    )

    def bind_reason(self, plan: LaunchPlan, family: Family) -> str:
        """TLS exists only as an endpoint; ``--fd`` garbles the addresses of an IPv6 scope."""
        if plan.tls:
            return "daphne speaks TLS only on an endpoint that it binds itself"
        if "endpoint" in plan.options:
            return "with endpoint daphne binds several addresses itself"
        return super().bind_reason(plan, family)

    def option_arguments(self, plan: LaunchPlan) -> list[str]:
        """The certificate and key are part of the endpoint."""
        apart = ("tls_cert", "tls_key", "endpoint")
        shown = {name: value for name, value in plan.options.items() if name not in apart}
        return super().option_arguments(plan.with_options(shown))

    def bind_arguments(self, plan: LaunchPlan) -> list[str]:
        """With TLS an endpoint of Twisted's, in which colons are escaped."""
        if plan.tls or "endpoint" in plan.options:
            return self.native_bind_arguments(plan)
        return super().bind_arguments(plan)

    def native_bind_arguments(self, plan: LaunchPlan) -> list[str]:
        """Always explicit; further endpoints do away with the default address."""
        further = plan.options.get("endpoint", ())
        assert isinstance(further, tuple)
        words = [word for endpoint in further for word in ("--endpoint", endpoint)]
        if plan.tls:
            return [*self._endpoint(plan), *words]
        if "uds" in plan.options:
            return [*self.flags["uds"].arguments(plan.text("uds")), *words]
        return ["--bind", plan.host, "--port", str(plan.port), *words]

    def native_parts(self, option: Option, text: str) -> list[tuple[str, str]]:
        """The first TLS endpoint is the address with its key; verbosity and access log are concepts."""
        if option.name == "verbosity" and text in ("0", "1", "2"):
            return [("log_level", ("warning", "info", "debug")[int(text)])]
        if option.name == "access_log_file" and text in ("-", "/dev/null"):
            return [("access_log", "on" if text == "-" else "off")]
        if option.name != "endpoint":
            return super().native_parts(option, text)
        parts: list[tuple[str, str]] = []
        further = []
        for endpoint in text.split("\n"):
            found = _read_endpoint(endpoint)
            if found and not parts:
                parts = found
            else:
                further.append(endpoint)
        return [*parts, ("endpoint", "\n".join(further))] if further else parts

    def read_back(self, given: Mapping[str, str]) -> dict[str, str]:
        """Beside a plain address every endpoint is a further one."""
        if not given.keys() & {"bind", "port", "unix_socket"}:
            return super().read_back(given)
        further = {name: text for name, text in given.items() if name == "endpoint"}
        return (
            super().read_back({name: text for name, text in given.items() if name not in further}) | further
        )

    def conflicts(self, plan: LaunchPlan) -> list[Conflict]:
        """Twisted's TLS endpoint has a port; a name is said in a header."""
        found = super().conflicts(plan)
        if plan.tls and "uds" in plan.options:
            why = "daphne speaks TLS on a port only"
            problem = Problem("Option uds on daphne", why, "leave it out, or the certificate and key")
            found.append(error(problem, Mend("leave uds out", {"uds": None})))
        if "server_name" in plan.options and plan.options.get("server_header") is False:
            problem = Problem(
                "Option server_name on daphne", "without a header it is not said", "keep one of them"
            )
            found.append(error(problem, Mend("leave server_name out", {"server_name": None})))
        return found

    def quirks(self, plan: LaunchPlan, facts: Facts) -> list[Conflict]:
        """It sends no lifespan events; HTTP/2 needs more than TLS."""
        found = super().quirks(plan, facts)
        text = "daphne sends no lifespan events: startup and shutdown handlers of the app do not run."
        other = next((name for name in facts.servers if name != "daphne"), None)
        found.append(Conflict("info", text, Mend(f"use {other}", server=other) if other else None))
        if {"proxy_headers_host", "proxy_headers_port"} & plan.options.keys() and not plan.flag(
            "proxy_headers"
        ):
            text = "daphne takes the names of proxy headers only together with proxy headers."
            mend = Mend("believe proxy headers", {"proxy_headers": True})
            found.append(Conflict("warning", text, mend))
        lacking = facts.lacks("h2", "priority")
        if plan.tls and lacking:
            text = f"HTTP/2 on daphne needs {lacking}, which is not installed (Twisted[http2])."
            use = Mend("use hypercorn", server="hypercorn") if "hypercorn" in facts.servers else None
            found.append(Conflict("info", text, use))
        return found

    def canonical(self, options: Mapping[str, Value]) -> dict[str, Value]:
        """With TLS or further endpoints the address is always written out."""
        kept = super().canonical(options)
        if ("tls_cert" in kept or "endpoint" in kept) and "uds" not in kept:
            kept = {"host": "127.0.0.1", "port": 8000, **kept}
        return kept

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
