"""Loads the user's app and tells the console what is wrong where it cannot be loaded."""

import difflib
import importlib
import inspect
import os
import sys
import sysconfig
import time
import traceback

from . import wire

# Bounds of what one failure sends: characters of traceback and of message.
TRACEBACK_CHARS = 20_000
MESSAGE_CHARS = 1_000

_LIBRARIES = tuple(
    os.path.join(os.path.realpath(path), "")
    for path in {
        *(sysconfig.get_paths().get(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        sys.prefix,
        sys.base_prefix,
    }
    if path
)
_HERE = os.path.join(os.path.dirname(os.path.realpath(__file__)), "")


def is_user_file(path):
    """Whether a file is the user's code: outside the interpreter, its libraries and this package."""
    if not path or path.startswith("<"):
        return False
    real = os.path.realpath(path)
    if real.startswith(_HERE) or f"{os.sep}site-packages{os.sep}" in real:
        return False
    for library in _LIBRARIES:
        # A virtual environment's prefix may lie in the project, but a project may also lie in a prefix.
        if real.startswith(library) and os.path.join("lib", "python") in real[len(library) - 1 :]:
            return False
    return not real.startswith(os.path.join(os.path.realpath(sys.base_prefix), "lib", ""))


class TargetError(Exception):
    """The target itself is wrong; ``kind`` says how."""

    def __init__(self, kind, message, near=""):
        super().__init__(message)
        self.kind = kind
        self.near = near


def takes(function, count):
    """Whether ``count`` positional arguments can be passed to ``function``."""
    try:
        inspect.signature(function).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:
        # No signature to read (an extension type): assume what ASGI 3 asks for.
        return count == 3
    return True


def find_app(run):
    """Imports the target and returns a single callable ASGI 3 app.

    Raises ``TargetError`` or whatever the user's code raises.
    """
    if run["app_dir"]:
        sys.path.insert(0, run["app_dir"])
    found = importlib.import_module(run["module"])
    for part in run["attribute"].split("."):
        if not hasattr(found, part):
            near = difflib.get_close_matches(part, [name for name in dir(found) if name[0] != "_"], 1)
            raise TargetError("no_attribute", part, near[0] if near else "")
        found = getattr(found, part)
    if not callable(found):
        raise TargetError("not_callable", type(found).__name__)
    if run["factory"] or is_factory(found):
        if not takes(found, 0):
            raise TargetError("factory_arguments", str(inspect.signature(found)))
        found = found()
        if not callable(found):
            raise TargetError("factory_result", type(found).__name__)
    if takes(found, 3):
        return found
    if takes(found, 1):
        return single_callable(found)
    if takes(found, 2):
        raise TargetError("wsgi", type(found).__name__)
    raise TargetError("not_asgi", type(found).__name__)


def is_factory(found):
    """Whether a function can only be a factory: it takes nothing, as no app does."""
    return inspect.isfunction(found) and takes(found, 0) and not takes(found, 1) and not takes(found, 3)


def single_callable(app):
    """An ASGI 2 app, ``app(scope)(receive, send)``, as ASGI 3 (asgi.readthedocs.io, legacy applications)."""

    async def asgi3(scope, receive, send):
        await app(scope)(receive, send)

    return asgi3


def load(run):
    """The user's app. Reports success or failure to the console; a failure is raised on unchanged."""
    started = time.perf_counter()
    try:
        app = find_app(run)
    except BaseException as error:
        wire.send_now(describe(error, run))
        raise
    wire.send_now(
        {
            "type": "loaded",
            "import_ms": (time.perf_counter() - started) * 1000,
            "roots": user_roots(),
        }
    )
    return app


def user_roots():
    """Directories that user modules were imported from, at most 50."""
    roots = set()
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if isinstance(path, str) and is_user_file(path):
            roots.add(os.path.dirname(os.path.realpath(path)))
        if len(roots) == 50:
            break
    return sorted(roots)


def describe(error, run):
    """A failure to load as a message: kind, error, the user's file and line, traceback."""
    kind, near = "error", ""
    if isinstance(error, TargetError):
        kind, near = error.kind, error.near
    elif isinstance(error, ModuleNotFoundError) and error.name and _is_target(error.name, run["module"]):
        kind = "no_module"
    file, line = where(error)
    trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    return {
        "type": "failed",
        "kind": kind,
        "error": type(error).__name__,
        "message": str(error.msg if isinstance(error, SyntaxError) else error)[:MESSAGE_CHARS],
        "near": near,
        "file": file,
        "line": line,
        "traceback": trace[-TRACEBACK_CHARS:],
    }


def _is_target(missing, module):
    return module == missing or module.startswith(missing + ".")


def where(error):
    """The file and line at fault: of a syntax error its own, else the last frame in the user's code."""
    if isinstance(error, SyntaxError) and error.filename:
        return error.filename, error.lineno
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if is_user_file(frame.filename)]
    return (frames[-1].filename, frames[-1].lineno) if frames else (None, None)
