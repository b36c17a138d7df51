"""The options of a server as the app's interpreter has it installed: asked of it once, then remembered.

What it answers, and what a cache file holds, is checked field by field: a project's interpreter may say
anything.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import IO, cast

import asgi_probe
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.options import Described, OptionTable, join
from asgi_tui.domain.servers.base import Server
from asgi_tui.domain.text import sanitize
from asgi_tui.domain.values import Value
from asgi_tui.engine.interpreters import Interpreter
from asgi_tui.engine.user_files import read_text, write_private

LIMIT_S = 10.0
LIMIT_BYTES = 2 * 1024 * 1024
MOST_OPTIONS = 500
MOST_FILES = 200
# Part of every cache file's name: to be raised when describe.py tells more, or the same otherwise.
FORMAT = 1

_PYTHON_NAME = re.compile("python|pypy|graalpy")
_DESCRIBE = Path(asgi_probe.__file__).parent / "describe.py"
# All of the environment that reaches the server: a default must be its own, not one of UVICORN_*,
# GUNICORN_CMD_ARGS, WEB_CONCURRENCY, PORT or whatever a next version reads, and PYTHONPATH may not lead it
# astray.
_SYSTEM = ("HOME", "LANG", "LC_ALL", "PATH", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_PYTHON = ("PYTHONNOUSERSITE", "PYTHONUSERBASE", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX")


class _FailedError(Exception):
    """Why the installed server could not be asked: the end of a sentence."""


def read_options(
    server: Server, interpreter: Interpreter, version: str, *, cache: Path | None, allowed: bool = True
) -> OptionTable:
    """Every option of the installed ``server``; blocking, up to ``LIMIT_S`` where the cache has none.

    ``version`` is the installed one by its files; ``cache`` a directory, ``None`` for no cache. Unless
    ``allowed`` (see ``may_read``) only the cache is asked. Never raises for what it meets: where nothing can
    be read, the overlay alone, with a note that says why.
    """
    try:
        told, described = _described(server.module, interpreter, version, cache, allowed)
    except _FailedError as error:
        known = f"The options shown are those the console knows of {server.name} by itself"
        return overlay_table(server, f"{known}, for the installed ones could not be read: {error}.")
    return join(server.name, server.overlay, described, told or version)


def overlay_table(server: Server, note: str) -> OptionTable:
    """The options as far as they are known without the installed server; ``note`` says why so."""
    return OptionTable(server.name, server.overlay, note=note)


def may_read(interpreter: Interpreter, project_root: Path, trusted: bool) -> bool:
    """Whether the interpreter may be run to read options before anything is started.

    Opening the console in a cloned repository runs nothing of it, so one that lies in the project, or takes
    modules from there, needs the user's yes (``trusted``), and so does what is not called a Python: a
    preset of the project may name any program. The console's own runs already.
    """
    folder = interpreter.executable.parent
    if not trusted and not _PYTHON_NAME.match(interpreter.executable.name):
        return False
    if trusted or folder.parent == Path(sys.prefix):
        return True
    root = project_root.resolve()
    # A venv's python is a link to one outside, but its prefix makes it the project's; the prefix may be a
    # link as well, in either direction.
    prefix = folder.parent
    places = (interpreter.executable, folder, prefix, prefix.parent, *interpreter.site_dirs)
    return not any(place.resolve().is_relative_to(root) for place in places)


# -- the cache ---------------------------------------------------------------------------------------


def _described(
    module: str, interpreter: Interpreter, version: str, cache: Path | None, allowed: bool
) -> tuple[str, list[Described]]:
    """The server's version and options, remembered or asked for. Raises ``_FailedError``."""
    file = cache / _cache_name(module, interpreter, version) if cache else None
    if file and (text := read_text(file, LIMIT_BYTES)) is not None:
        # A file that is not as it was written is written anew.
        with suppress(ValueError):
            return _read_document(text)
    if not allowed:
        raise _FailedError("its interpreter belongs to the project, of which nothing runs without your yes")
    try:
        told, described = _read_document(_ask(interpreter.executable, module))
    except ValueError as error:
        raise _FailedError(f"it does not describe itself as expected ({error})") from None
    if file:
        document = {"server": module, "version": told, "options": [asdict(item) for item in described]}
        # Without a cache the next start takes longer, that is all.
        with suppress(Problem):
            write_private(file, json.dumps(document))
            _prune(file.parent)
    return told, described


def _cache_name(module: str, interpreter: Interpreter, version: str) -> str:
    """One name for an interpreter, where its packages are, a server and one installation of its version."""
    installed = ""
    for directory in interpreter.site_dirs:
        for name in (module, module.capitalize()):
            with suppress(OSError, ValueError):
                installed += str((directory / f"{name}-{version}.dist-info").stat().st_mtime_ns)
    places = (interpreter.executable, *interpreter.site_dirs)
    key = json.dumps([FORMAT, module, version, installed, *map(str, places)])
    return f"options-{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"


def _prune(cache: Path) -> None:
    """Takes the oldest files away, down to ``MOST_FILES``."""
    with suppress(OSError):  # another console may be at it too
        files = sorted(cache.glob("options-*.json"), key=lambda file: file.stat().st_mtime)
        for file in files[:-MOST_FILES]:
            file.unlink()


# -- the process -------------------------------------------------------------------------------------


def _ask(executable: Path, module: str) -> str:
    """What describe.py prints in that interpreter. Raises ``_FailedError``, or ``ValueError``: no text."""
    until = time.monotonic() + LIMIT_S
    environment = {name: os.environ[name] for name in (*_SYSTEM, *_PYTHON) if name in os.environ}
    try:
        process = subprocess.Popen(
            [executable, _DESCRIBE, module],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            env=environment,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "its path is none"
        raise _FailedError(f"{_shown(str(executable))} cannot be run ({why})") from None
    with process:
        try:
            output, errors = _collect(process, until)
            code = process.wait(max(0.0, until - time.monotonic()))
        except BaseException as error:
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                raise _FailedError(f"that took longer than {LIMIT_S:g} s") from None
            raise
    if code:
        lines = errors.decode("utf-8", "replace").strip().splitlines()
        raise _FailedError(_shown(lines[-1]) if lines else f"it ended with {code}")
    return output.decode()


def _collect(process: subprocess.Popen[bytes], until: float) -> tuple[bytes, bytes]:
    """All of standard output and error. Raises ``TimeoutExpired``, or ``_FailedError`` for too much."""
    assert process.stdout
    assert process.stderr
    texts = {process.stdout: bytearray(), process.stderr: bytearray()}
    with selectors.DefaultSelector() as selector:
        for stream in texts:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, until - time.monotonic()))
            if not ready:
                raise subprocess.TimeoutExpired(process.args, LIMIT_S)
            for key, _ in ready:
                chunk = os.read(key.fd, 65536)
                texts[cast(IO[bytes], key.fileobj)] += chunk
                if not chunk:
                    selector.unregister(key.fileobj)
            if sum(map(len, texts.values())) > LIMIT_BYTES:
                raise _FailedError(f"it printed more than {LIMIT_BYTES // 1024**2} MB")
    return bytes(texts[process.stdout]), bytes(texts[process.stderr])


def _shown(text: str) -> str:
    return sanitize(text.encode("utf-8", "replace").decode())[:300].rstrip(".")


# -- what was said, checked --------------------------------------------------------------------------

_FIELDS = {field.name for field in fields(Described)}
_FLAG = re.compile(r"--?[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,99})?")
_TAKES = ("flag", "switch", "value")
_TYPES = ("int", "float", "bool", "path", "text")


def _read_document(text: str) -> tuple[str, list[Described]]:
    """Version and options of what describe.py printed. Raises ``ValueError`` for anything unexpected."""
    try:
        document = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    except ValueError:
        raise ValueError("it is no JSON") from None
    if not isinstance(document, dict) or not isinstance(document.get("options"), list):
        raise ValueError("there is no list of options")
    if not 0 < len(document["options"]) <= MOST_OPTIONS:
        raise ValueError(f"{len(document['options'])} options")
    return _text(document.get("version"), 50), [_read_option(item) for item in document["options"]]


def _read_option(item: object) -> Described:
    if not isinstance(item, dict) or item.keys() != _FIELDS:
        raise ValueError("an option has other fields")
    flags, off = (_texts(item[name], _FLAG.fullmatch) for name in ("flags", "off"))
    if not flags and not off:
        raise ValueError("an option has no flag")
    if item["takes"] not in _TAKES or item["type"] not in _TYPES:
        raise ValueError("an option takes something unknown")
    if not isinstance(item["multiple"], bool):
        raise ValueError("a field is not true or false")
    return Described(
        flags=flags,
        off=off,
        takes=item["takes"],
        type=item["type"],
        choices=_texts(item["choices"], str.isprintable),
        default=_default(item["default"]),
        multiple=item["multiple"],
        env=_name(item["env"]),
        help=_text(item["help"], 2000),
        minimum=_number(item["minimum"]),
        maximum=_number(item["maximum"]),
        bare=_text(item["bare"], 200),
        setting=_name(item["setting"]),
    )


def _texts(value: object, fits: object) -> tuple[str, ...]:
    """A list of a few short texts, each of which ``fits``."""
    if not isinstance(value, list) or len(value) > 100 or not callable(fits):
        raise ValueError("a field is no list, or too long a one")
    if not all(isinstance(text, str) and 0 < len(text) <= 200 and fits(text) for text in value):
        raise ValueError("a list holds what it should not")
    return tuple(value)


def _text(value: object, most: int) -> str:
    """A text made safe to show, cut at ``most`` characters."""
    if not isinstance(value, str):
        raise ValueError("a field is no text")
    # A lone surrogate could not be printed.
    return sanitize(value.encode("utf-8", "replace").decode())[:most]


def _name(value: object) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError("a field is no name")
    return value


def _number(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a field is no number")
    if not abs(value) <= 1e15:  # nor is NaN
        raise ValueError("a number is out of range")
    return value


def _default(value: object) -> Value | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, 1000)
    if isinstance(value, list):
        return tuple(_text(item, 1000) for item in value[:100])
    return _number(value)
