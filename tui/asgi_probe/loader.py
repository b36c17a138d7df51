"""Loads the user's app and tells the console what is wrong where it cannot be loaded."""

from __future__ import annotations

import importlib
import os
import sys
import time

from . import imports, wire
from .origin import is_user_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    import inspect
    from typing import Any

    from .asgi_types import App, Receive, Run, Scope, Send

# Bounds of what one failure sends: characters of traceback and of message.
TRACEBACK_CHARS = 20_000
MESSAGE_CHARS = 1_000
# Directories of user modules that are told.
MAX_ROOTS = 50

_MISSING = object()


class TargetError(Exception):
    """The target itself is wrong; ``kind`` says how."""

    def __init__(self, kind: str, message: str, near: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.near = near


def signature(function: Any) -> inspect.Signature:
    """Its signature; the annotations are never evaluated, since names in them may be for checkers alone."""
    import inspect

    if sys.version_info >= (3, 14):
        from annotationlib import Format

        return inspect.signature(function, annotation_format=Format.STRING)
    return inspect.signature(function)


def takes(function: Any, count: int) -> bool:
    """Whether ``count`` positional arguments can be passed to ``function``."""
    try:
        signature(function).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:
        # No signature to read (an extension type): assume what ASGI 3 asks for.
        return count == 3
    return True


def find_app(run: Run) -> App:
    """Imports the target and returns a single callable ASGI 3 app.

    Raises ``TargetError`` or whatever the user's code raises.
    """
    # Any: it is whatever the user's module holds under that name.
    found: Any = importlib.import_module(run["module"])
    for part in run["attribute"].split("."):
        # Asked for once: a module's __getattr__ may build the app.
        inner = getattr(found, part, _MISSING)
        if inner is _MISSING:
            raise TargetError("no_attribute", part, near_name(part, found))
        found = inner
    if not callable(found):
        raise TargetError("not_callable", type(found).__name__)
    if run["factory"] or is_factory(found):
        if not takes(found, 0):
            raise TargetError("factory_arguments", str(signature(found)))
        found = found()
        if not callable(found):
            raise TargetError("factory_result", type(found).__name__)
    app: App = found
    if takes(app, 3):
        return app
    if takes(app, 1):
        return single_callable(found)
    if takes(app, 2):
        raise TargetError("wsgi", type(found).__name__)
    raise TargetError("not_asgi", type(found).__name__)


def near_name(part: str, owner: object) -> str:
    """The public name of ``owner`` that is most like ``part``, or nothing."""
    import difflib

    near = difflib.get_close_matches(part, [name for name in dir(owner) if name[:1] != "_"], 1)
    return near[0] if near else ""


def is_factory(found: Any) -> bool:
    """Whether a function can only be a factory: it takes nothing, as no app does."""
    import inspect

    return inspect.isfunction(found) and takes(found, 0) and not takes(found, 1) and not takes(found, 3)


def single_callable(app: Any) -> App:
    """An ASGI 2 app, ``app(scope)(receive, send)``, as ASGI 3 (asgi.readthedocs.io, legacy applications)."""

    async def asgi3(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope)(receive, send)

    return asgi3


def load(run: Run) -> App:
    """The user's app. Reports success or failure to the console; a failure is raised on unchanged."""
    started = time.perf_counter()
    if run["app_dir"]:
        sys.path.insert(0, run["app_dir"])
    record = imports.RECORD
    try:
        with record:
            app = find_app(run)
    except BaseException as error:
        wire.send_now(describe(error, run))
        raise
    wire.send_now(
        {
            "type": "loaded",
            "import_ms": (time.perf_counter() - started) * 1000,
            "roots": user_roots(),
            "imports": record.slowest(),
            "altered": sorted(record.altered),
        }
    )
    return app


def user_roots() -> list[str]:
    """Directories that user modules were imported from, at most ``MAX_ROOTS``."""
    directories = set()
    for module in list(sys.modules.values()):
        # vars(), since asking a lazy module for an attribute may import what it stands for.
        names = getattr(module, "__dict__", None)
        path = names.get("__file__") if isinstance(names, dict) else None
        if isinstance(path, str):
            directories.add(os.path.dirname(path) or os.curdir)
    # Each directory is looked at once: there are far fewer than modules.
    roots = {os.path.realpath(path) for path in directories if is_user_file(os.path.join(path, ""))}
    return sorted(roots)[:MAX_ROOTS]


def describe(error: BaseException, run: Run) -> dict[str, object]:
    """A failure to load as a message: kind, error, the user's file and line, traceback."""
    kind, near = "error", ""
    if isinstance(error, TargetError):
        kind, near = error.kind, error.near
    elif isinstance(error, ModuleNotFoundError) and _is_target(error.name, run["module"]):
        kind = "no_module"
    file, number = where(error)
    return {
        "type": "failed",
        "kind": kind,
        "error": type(error).__name__,
        "message": _message(error)[:MESSAGE_CHARS],
        "near": near,
        "file": file,
        "line": number,
        "traceback": _traceback(error)[-TRACEBACK_CHARS:],
    }


def _is_target(missing: object, module: str) -> bool:
    return isinstance(missing, str) and f"{module}.".startswith(f"{missing}.")


def _message(error: BaseException) -> str:
    try:
        return str(error.msg if isinstance(error, SyntaxError) else error)
    except Exception:
        # The exception is the user's, and so is its __str__.
        return "<no message: its __str__ failed>"


def _traceback(error: BaseException) -> str:
    import traceback

    # From the user's first frame on: what the server and this package did before is no news.
    trace = error.__traceback__
    while trace is not None and not is_user_file(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    try:
        return "".join(traceback.format_exception(type(error), error, trace))
    except Exception:
        return ""


def where(error: BaseException) -> tuple[str | None, int | None]:
    """The file and line at fault: of a syntax error its own, else the last frame in the user's code."""
    import traceback

    if isinstance(error, SyntaxError) and isinstance(error.filename, str) and error.filename[:1] != "<":
        return error.filename, error.lineno
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if is_user_file(frame.filename)]
    return (frames[-1].filename, frames[-1].lineno) if frames else (None, None)
