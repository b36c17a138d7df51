"""What stands against running a plan, whatever its server."""

from __future__ import annotations

from asgi_tui.domain.conflicts import Conflict, Mend, error
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.servers.arguments import Owned
from asgi_tui.domain.servers.server_options import ServerOptions
from asgi_tui.domain.values import UDS_PATH_BYTES


def check_plan(server: ServerOptions, owned: Owned, plan: LaunchPlan) -> list[Conflict]:
    """Each as one sentence, with the change that mends it."""
    return [*_check_options(server, plan), *_check_pairs(server, plan), *_check_native(server, owned, plan)]


def _check_options(server: ServerOptions, plan: LaunchPlan) -> list[Conflict]:
    found = []
    for key, value in plan.options.items():
        why = server.why_not_option(key, value)
        if why:
            what = f"Option {key}={server.show(key, value)} on {server.name}"
            problem = Problem(what, why, "leave it out or pick another server")
            found.append(error(problem, Mend(f"leave {key} out", {key: None})))
    for key in plan.options:
        option = server.own(key)
        if option is not None and option.wide and option.concept in plan.options and not option.multiple:
            problem = Problem(f"Option {key}", f"{option.concept} says it too", "keep one of them")
            found.append(error(problem, Mend(f"leave {option.concept} out", {option.concept: None})))
    if plan.flag("reload") and plan.reload:
        problem = Problem(
            f"Option reload on {server.name}",
            "the console reloads by itself, and both would restart on each save",
            "leave it out, or use --no-reload",
        )
        found.append(error(problem, Mend("let the console reload", {"reload": None})))
    return found


def _check_pairs(server: ServerOptions, plan: LaunchPlan) -> list[Conflict]:
    found = []
    if plan.tls and "tls_key" not in plan.options and server.supports("tls_cert"):
        problem = Problem("Option tls_cert", "a certificate needs its key", "set tls_key too")
        found.append(error(problem, Mend("leave tls_cert out", {"tls_cert": None})))
    if "tls_key" in plan.options and not plan.tls:
        problem = Problem("Option tls_key", "a key needs its certificate", "set tls_cert too")
        found.append(error(problem, Mend("leave tls_key out", {"tls_key": None})))
    if "uds" in plan.options and ("host" in plan.options or "port" in plan.options):
        problem = Problem("Option uds", "a Unix socket has neither host nor port", "keep one of them")
        found.append(error(problem, Mend("leave host and port out", {"host": None, "port": None})))
    if len(plan.text("uds").encode("utf-8", "replace")) > UDS_PATH_BYTES:
        problem = Problem("Option uds", f"the path is over {UDS_PATH_BYTES} bytes", "use a shorter one")
        found.append(error(problem, Mend("use app.sock in the working directory", {"uds": "app.sock"})))
    return found


def _check_native(server: ServerOptions, owned: Owned, plan: LaunchPlan) -> list[Conflict]:
    found = []
    for argument in plan.native:
        name = owned.find(argument, server.flag_names)
        if name is not None:
            why = f"on {server.name} the console decides this"
            # The option's name alone: its value may be a secret.
            problem = Problem(f"Argument {name}", why, owned.options[name])
            kept, _ = owned.split(plan.native, server.flag_names)
            found.append(error(problem, Mend(f"leave {name} out", native=tuple(kept))))
    return found
