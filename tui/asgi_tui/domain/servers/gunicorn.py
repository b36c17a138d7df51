"""gunicorn: options and behaviour as in gunicorn/config.py and gunicorn/arbiter.py."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from typing import ClassVar

from asgi_tui.domain.concepts import CONCEPTS
from asgi_tui.domain.conflicts import Conflict, Facts, Mend
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.log_pattern import log_pattern
from asgi_tui.domain.options import Option
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers.arguments import BY_SET, NO_DAEMON, RELOADS, Owned
from asgi_tui.domain.servers.one_bind import OneBind
from asgi_tui.domain.servers.server_options import Flag
from asgi_tui.domain.servers.uvicorn import Uvicorn
from asgi_tui.domain.text import mask_arguments

_FLAGS = {
    "host": Flag("--bind", default="127.0.0.1"),
    "port": Flag("--bind", default=8000),
    "uds": Flag("--bind"),
    "workers": Flag("--workers", default=1),
    "log_level": Flag(
        "--log-level", choices=("critical", "error", "warning", "info", "debug"), default="info"
    ),
    "access_log": Flag("--access-logfile -", default=False),
    "factory": Flag("", default=False, note="written as module:create_app()"),
    "app_dir": Flag("--pythonpath"),
    "tls_cert": Flag("--certfile"),
    "tls_key": Flag("--keyfile"),
    "graceful_timeout": Flag("--graceful-timeout", default=30),
}


_ADDRESS = "set the address with --set host=ADDRESS --set port=PORT"
_WORKER = "the server picked in the console sets the worker class"
_OWNED = Owned(
    {
        "--bind": _ADDRESS,
        "-b": _ADDRESS,
        "--workers": BY_SET.format("workers"),
        "-w": BY_SET.format("workers"),
        "--worker-class": _WORKER,
        "-k": _WORKER,
        "--pythonpath": BY_SET.format("app_dir"),
        "--pid": "the console follows the process by itself",
        "-p": "the console follows the process by itself",
        "--reload": RELOADS,
        "--daemon": NO_DAEMON,
        "-D": NO_DAEMON,
    },
    frozenset({"--reload", "--daemon", "-D"}),
    short_values="ctugmne",
    abbreviates=True,
)
_CONFIG = Owned({"--config": "", "-c": ""}, short_values="btukwgmnep", abbreviates=True)
# In GUNICORN_CMD_ARGS a configuration file is left out too: the console passes its own.
_OWNED_BY_ENVIRONMENT = replace(
    _OWNED,
    options={**_OWNED.options, "--config": "", "-c": ""},
    short_values=_OWNED.short_values.replace("c", ""),
)


class Gunicorn(OneBind):
    """The pre-fork server with its native ``asgi`` worker."""

    name = "gunicorn"
    title = "Gunicorn (asgi worker)"
    module = "gunicorn"
    requires: ClassVar[tuple[str, ...]] = ("gunicorn",)
    minimum = (24,)
    docs = "https://gunicorn.org/"
    summary = "The pre-fork server with its own ASGI worker"
    capabilities: ClassVar[tuple[str, ...]] = (
        "http/1.1",
        "http/2",
        "websocket",
        "lifespan",
        "state",
        "workers",
        "tls",
        "factory",
        "handover",
    )
    worker_class: ClassVar[str] = "asgi"
    leader_serves = False
    forks = True
    flags: ClassVar = _FLAGS | {
        "root_path": Flag("--root-path", default=""),
        "lifespan": Flag("--asgi-lifespan", default="auto"),
        "http": Flag("--http-parser", choices=("auto", "fast", "python"), default="auto"),
    }
    lacks: ClassVar = {
        "tls_key_password": "gunicorn reads only keys without a password",
        "ws": "gunicorn has one WebSocket implementation",
        "proxy_headers": "gunicorn trusts addresses by --forwarded-allow-ips in place of a switch",
    }
    log_format = log_pattern(r"\[TIME\] (\[PID\] \[LEVEL\] )")
    exit_codes: ClassVar = {
        1: "the configuration was refused",
        3: "the app failed to start",
        4: "the app was not found",
    }
    reads_environment = ("GUNICORN_CMD_ARGS", "WEB_CONCURRENCY", "FORWARDED_ALLOW_IPS")
    owned_environment = frozenset({"WEB_CONCURRENCY"})
    reads_files = ("gunicorn.conf.py",)
    splits_directory_at = ","
    owned = _OWNED

    def leading(self) -> list[str]:
        """Its default worker class serves WSGI."""
        return ["-k", self.worker_class]

    def environment(self, environ: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
        """``GUNICORN_CMD_ARGS`` holds arguments, of which the console takes its own out."""
        kept, inherited = super().environment(environ)
        arguments = kept.pop("GUNICORN_CMD_ARGS", "")
        if not arguments:
            return kept, inherited
        try:
            left, dropped = _OWNED_BY_ENVIRONMENT.split(shlex.split(arguments))
        except ValueError:
            # An open quote: gunicorn could not read it either.
            left, dropped = [], arguments.split()
        if left:
            kept["GUNICORN_CMD_ARGS"] = shlex.join(left)
        notes = [note for note in inherited if not note.startswith("GUNICORN_CMD_ARGS")]
        for words, fate in ((left, "inherited"), (dropped, "left out: the console decides this")):
            if words:
                notes.append(f"GUNICORN_CMD_ARGS: {shlex.join(mask_arguments(words))} is {fate}")
        return kept, tuple(notes)

    def split_config(self, plan: LaunchPlan) -> tuple[str, LaunchPlan]:
        """The plan's configuration file, and the plan without it.

        gunicorn takes one file, and the console needs it for its own, which reads the user's.
        """
        rest, config = _CONFIG.split(plan.native)
        options = {key: value for key, value in plan.options.items() if key != "config"}
        left = replace(plan, native=tuple(rest)).with_options(options)
        if not config:
            return plan.text("config"), left
        # The last one counts, joined to its option or after it.
        word = config[-1]
        if word.startswith("--"):
            word = word.partition("=")[2]
        elif word.startswith("-"):
            word = word[2:].removeprefix("=")
        return word, left

    def native_parts(self, option: Option, text: str) -> list[tuple[str, str]]:
        """Several directories are more than the app's."""
        if option.name == "pythonpath" and "," not in text:
            return [("app_dir", text)]
        return super().native_parts(option, text)

    def quirks(self, plan: LaunchPlan, facts: Facts) -> list[Conflict]:
        """HTTP/2 needs TLS and h2."""
        found = super().quirks(plan, facts)
        if "h2" in plan.text("http_protocols"):
            mend = Mend("leave HTTP/2 out", {"http_protocols": None})
            if not plan.tls and plan.text("http2_cleartext", "off") == "off":
                found.append(Conflict("warning", "HTTP/2 on gunicorn needs a certificate and key.", mend))
            if facts.lacks("h2"):
                text = "HTTP/2 on gunicorn needs h2, which is not installed (gunicorn[http2])."
                found.append(Conflict("warning", text, mend))
        return found

    def owned_arguments(self, plan: LaunchPlan, version: tuple[int, ...]) -> list[str]:
        """All users' runs share one control socket by default, so this run has none (25.1 and newer)."""
        control = ["--no-control-socket"] if version >= (25, 1) else []
        return ["--workers", str(plan.workers), *control]


class GunicornUvicorn(Gunicorn):
    """The legacy pattern: gunicorn managing uvicorn's worker class."""

    name = "gunicorn-uvicorn"
    title = "Gunicorn (uvicorn worker)"
    requires = ("gunicorn", "uvicorn-worker")
    minimum = (20,)
    docs = "https://github.com/Kludex/uvicorn-worker"
    summary = "Legacy: uvicorn's worker class under gunicorn"
    capabilities = ("http/1.1", "websocket", "lifespan", "state", "workers", "tls", "factory", "handover")
    deprecated = "uvicorn manages workers by itself since 0.30"
    worker_class = "uvicorn_worker.UvicornWorker"
    flags: ClassVar = _FLAGS
    lacks: ClassVar = Gunicorn.lacks | {
        "root_path": "uvicorn's worker class takes no options of uvicorn's",
        "lifespan": "uvicorn's worker class takes no options of uvicorn's",
        "http": "uvicorn's worker class takes no options of uvicorn's",
    }

    @cached_property
    def overlay(self) -> tuple[Option, ...]:
        """gunicorn's options, less those of its own ASGI worker."""
        return tuple(map(self._without_asgi, super().overlay))

    def _without_asgi(self, option: Option) -> Option:
        foreign = option.key in self.lacks if option.key in CONCEPTS else option.name.startswith("asgi_")
        why = "uvicorn's worker class takes no such option"
        return replace(option, refused=why) if foreign and not option.refused else option

    def quirks(self, plan: LaunchPlan, facts: Facts) -> list[Conflict]:
        """A legacy pattern, with what replaces it."""
        text = f"Legacy: {self.deprecated}."
        with suppress(Problem):  # uvicorn may lack what must not be left out
            text = f"{text} The same without gunicorn: {self.equivalent(plan)}"
        return [*super().quirks(plan, facts), Conflict("info", text, Mend("use uvicorn", server="uvicorn"))]

    def equivalent(self, plan: LaunchPlan) -> str:
        """The native uvicorn command that does the same without gunicorn, as far as uvicorn can."""
        from asgi_tui.domain.mapping import map_plan

        return str(Uvicorn().command(map_plan(plan, "uvicorn").plan))
