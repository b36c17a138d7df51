"""Why a server did not come up, in one sentence."""

from __future__ import annotations

import os
import time

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.events import Error
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.text import mask_secrets, sanitize
from asgi_tui.domain.tracebacks import user_frames
from asgi_tui.engine.telemetry import LoadFailed

# Characters of one message shown in a sentence.
MESSAGE_CHARS = 300


def from_problem(problem: Problem) -> Error:
    """A problem as an event."""
    return Error(time.time(), problem.what, problem.why, problem.mend)


def load_failure(failed: LoadFailed, plan: LaunchPlan) -> Error:
    """Why the app could not be loaded, with file, line and traceback where code is at fault."""
    target = plan.target
    file = _shown_path(failed.file, plan.cwd) if failed.file else None
    near = f"did you mean {target.module}:{failed.near}?".rstrip("?") if failed.near else ""
    message = _shown(failed.message)
    called = f"{target.attribute}()"
    what, why, mend = f"Target {target}", "", "name the app, as in main:app"
    match failed.kind:
        case "no_module":
            why = f"there is no module {target.module} in {plan.text('app_dir') or plan.cwd}"
            mend = "check the name, or set app_dir to the directory it is in"
        case "no_attribute":
            why, mend = f"module {target.module} has no attribute {message}", near or mend
        case "not_callable":
            why = f"{target.attribute} is no ASGI app but of type {message}"
        case "factory_arguments":
            why = f"the factory {target.attribute}{message} needs arguments"
            mend = "give them defaults, or name a function without any"
        case "factory_result":
            why, mend = f"{called} returned no ASGI app but {message}", "return the app from it"
        case "wsgi":
            why = f"{message} takes two arguments, which is a WSGI app"
            mend = "wrap it, for example with a2wsgi.WSGIMiddleware"
        case "not_asgi":
            why = f"{message} does not take scope, receive and send"
        case _:
            what = f"{file}:{failed.line}" if file else f"Target {target}"
            why, mend = f"{failed.error}: {message}", "mend it and save"
    code = failed.kind == "error"
    return Error(
        time.time(),
        what,
        why,
        mend,
        file=file if code else None,
        line=failed.line if code else None,
        traceback=failed.traceback if code else "",
        frames=user_frames(failed.traceback) if code else (),
    )


def lifespan_failure(message: str, plan: LaunchPlan) -> Error:
    """The app answered lifespan.startup.failed; its message may be a whole traceback."""
    lines = message.strip().splitlines()
    why = _shown(lines[-1]) if lines else "it gave no reason"
    traceback = message if len(lines) > 1 else ""
    frames = user_frames(traceback)
    return Error(
        time.time(),
        f"Startup of {plan.target}",
        f"the app's lifespan failed ({why})",
        "mend it and save",
        file=_shown_path(frames[-1].file, plan.cwd) if frames else None,
        line=frames[-1].line if frames else None,
        traceback=traceback,
        frames=frames,
    )


def workers_failure(plan: LaunchPlan, last_line: str) -> Error:
    """The server starts its workers over and over."""
    detail = f" ({_shown(last_line)})" if last_line else ""
    why = f"its workers end while they start{detail}"
    return Error(time.time(), f"Server {plan.server}", why, "see the log for what they said")


def unready_failure(plan: LaunchPlan, lacks: str, seconds: float) -> Error:
    """The start took longer than it may."""
    why = f"it was not ready within {seconds:g} s, waiting for {lacks}"
    mend = "mend it and save, or allow more with --ready-timeout"
    return Error(time.time(), f"Server {plan.server}", why, mend)


def exit_failure(plan: LaunchPlan, meaning: str, last_line: str, *, ready: bool) -> Error:
    """The server ended before it was ready, or by itself while it served."""
    when = "it ended while serving" if ready else "it ended before it was ready"
    detail = f" ({_shown(last_line)})" if last_line else ""
    return Error(
        time.time(), f"Server {plan.server}", f"{when}: {meaning}{detail}", "see the log for what it said"
    )


def _shown(text: str) -> str:
    text = mask_secrets(sanitize(" ".join(text.split())))
    return text if len(text) <= MESSAGE_CHARS else text[: MESSAGE_CHARS - 1] + "…"


def _shown_path(path: str, cwd: str) -> str:
    real, base = os.path.realpath(path), os.path.realpath(cwd)
    shown = os.path.relpath(real, base) if real.startswith(base + os.sep) else path
    return sanitize(shown)
