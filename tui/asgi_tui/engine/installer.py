"""Installs what is missing in the app's interpreter, with the tool the project uses."""

from __future__ import annotations

import asyncio
import codecs
import os
import re
import shlex
import shutil
import signal
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.text import mask_value, sanitize
from asgi_tui.engine.guard import Guard
from asgi_tui.engine.interpreter_search import pdm_python, poetry_choice, poetry_environments, read_pyproject
from asgi_tui.engine.interpreters import Interpreter, externally_managed, installed_versions
from asgi_tui.engine.operations import uninterrupted
from asgi_tui.engine.process import ServerProcess
from asgi_tui.engine.root import project_root

Tool = Literal["uv", "poetry", "pdm", "pip"]

# Seconds the tool has to clean up after an interrupt, and then after TERM; KILL comes 1 s later.
INTERRUPT_GRACE = 1.5
TERM_GRACE = 0.5
# Characters of a line that are told; a tool prints none that long for people.
LINE_LIMIT = 4000
REASON_LIMIT = 300
# Lines kept to find the reason of a failure in.
TAIL = 50

# PEP 508 without URLs, markers and spaces: what the console asks for, and no option of any tool.
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_BOUND = r"(?:==|!=|<=|>=|~=|<|>)[A-Za-z0-9][A-Za-z0-9.*+!_-]*"
_REQUIREMENT = re.compile(rf"{_NAME}(?:\[{_NAME}(?:,{_NAME})*\])?(?:{_BOUND}(?:,{_BOUND})*)?")
# How pip, uv (new and old) and pdm begin the line that tells the reason.
_REASON = re.compile(r"\s*(?:ERROR: |error: |cause: |╰─▶ |\[\w+\]: )(?P<text>.*)")
# Nobody can answer a question, and no screen of the tool's own is there to paint on.
_QUIET = {
    "NO_COLOR": "1",
    "PDM_CHECK_UPDATE": "0",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_COLOR": "1",
    "PIP_NO_INPUT": "1",
    "PIP_PROGRESS_BAR": "off",
    "PYTHONUNBUFFERED": "1",
    "TERM": "dumb",
    "UV_NO_PROGRESS": "1",
}


@dataclass(frozen=True, slots=True)
class InstallCommand:
    """One command that installs ``requirements``; as text it is what a shell would need to do the same.

    ``variables`` are what must be set for the tool to use the right interpreter, ``note`` says in a sentence
    what else is to know before a yes, or is empty.
    """

    argv: tuple[str, ...]
    cwd: Path
    tool: Tool
    requirements: tuple[str, ...]
    note: str = ""
    variables: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        variables = [f"{name}={shlex.quote(value)}" for name, value in self.variables]
        return " ".join([*variables, shlex.join(self.argv)])


@dataclass(frozen=True, slots=True)
class Installed:
    """How an installation ended; a negative ``code`` is a signal, ``problem`` is why it failed."""

    code: int
    cancelled: bool = False
    problem: Problem | None = None


def install_command(
    cwd: Path, interpreter: Interpreter, requirements: Iterable[str], environ: Mapping[str, str]
) -> InstallCommand:
    """What installs ``requirements`` into ``interpreter`` for the project that ``cwd`` is in; blocking.

    The project's tool, where it is on PATH and the interpreter is the project's own environment; else pip, or
    uv in its place where the interpreter has no pip. Raises ``Problem`` where nothing may or can install.
    """
    wanted = tuple(requirements)
    for requirement in wanted:
        _check(requirement)
    if not wanted:
        raise Problem("Installing", "there is nothing to install", "name a distribution")
    root = project_root(cwd)
    tool = project_tool(root)
    note = ""
    if tool != "pip":
        if not _is_own(tool, root, interpreter, environ):
            note = f"This Python is not the project's own environment, so {tool} does not record it."
        elif _program(tool, environ) is None:
            note = f"{tool}, which the project uses, is not on PATH, so it does not record it."
        else:
            note = f"{tool} adds it to pyproject.toml and {tool}.lock as well."
            return _project_command(tool, root, interpreter, wanted, note, environ)
    python = str(interpreter.executable)
    if externally_managed(interpreter):
        mend = f"make one with {shlex.quote(python)} -m venv .venv and choose it"
        raise Problem(
            f"Interpreter {python}", "its packages are the system's, install in a virtual environment", mend
        )
    if installed_versions(interpreter, ["pip"])["pip"] is not None:
        # Away from the project: `-m` would import a logging.py that lies there in place of Python's.
        argv = (python, "-m", "pip", "install", *wanted)
        return InstallCommand(argv, interpreter.prefix, "pip", wanted, note)
    if _program("uv", environ):
        argv = ("uv", "pip", "install", "--python", python, *wanted)
        return InstallCommand(argv, root, "uv", wanted, note or "This Python has no pip, so uv installs.")
    raise Problem(
        f"Interpreter {python}",
        "it has no pip, and there is no uv on PATH",
        f"run {shlex.quote(python)} -m ensurepip",
    )


def project_tool(root: Path) -> Tool:
    """The tool a project is kept with, told by its lock file, else by its table in ``pyproject.toml``."""
    project = read_pyproject(root)
    tools = project.get("tool")
    tables = tools if isinstance(tools, dict) else {}
    known: tuple[Tool, ...] = ("uv", "poetry", "pdm")
    # Without a project there is nothing to add to; poetry has had a table of its own for that.
    usable = [tool for tool in known if "project" in project or (tool == "poetry" and tool in tables)]
    locked = [tool for tool in usable if (root / f"{tool}.lock").is_file()]
    named = [tool for tool in usable if tool in tables]
    return next(iter([*locked, *named]), "pip")


def _check(requirement: str) -> None:
    if not _REQUIREMENT.fullmatch(requirement):
        why = "it is no name with extras and version bounds"
        raise Problem(f"Requirement {sanitize(requirement)!r}", why, "write it like uvicorn[standard]>=0.34")


def _program(tool: str, environ: Mapping[str, str]) -> str | None:
    """Where a tool is on PATH; one that depends on the working directory is none."""
    found = shutil.which(tool, path=environ.get("PATH", os.defpath))
    return found if found and Path(found).is_absolute() else None


def _is_own(tool: Tool, root: Path, interpreter: Interpreter, environ: Mapping[str, str]) -> bool:
    """Whether the tool would install into it when told to use it."""
    if not interpreter.is_environment:
        return False
    prefix = interpreter.prefix.resolve()
    if tool == "pdm" and (saved := pdm_python(root)):
        return saved.parent.parent.resolve() == prefix
    if tool == "poetry":
        # what `poetry env use` chose comes before the active one, and one in the project before that
        if chosen := poetry_choice(root, environ):
            return (root / ".venv" if (root / ".venv").is_dir() else chosen).resolve() == prefix
        if any(path.resolve() == prefix for path in poetry_environments(root, environ)):
            return True
    return prefix.is_relative_to(root.resolve())


def _project_command(
    tool: Tool,
    root: Path,
    interpreter: Interpreter,
    wanted: tuple[str, ...],
    note: str,
    environ: Mapping[str, str],
) -> InstallCommand:
    prefix = str(interpreter.prefix)
    options: tuple[str, ...] = ()
    variables = {"VIRTUAL_ENV": prefix}
    if tool == "uv":
        # it has an environment of its own, whatever is active, unless told otherwise
        environment = root / environ.get("UV_PROJECT_ENVIRONMENT", ".venv")
        if interpreter.prefix.resolve() == environment.resolve():
            variables = {}
        else:
            options = ("--active",)
    elif tool == "poetry":
        options = ("--no-interaction",)
    elif pdm_python(root) and not environ.get("PDM_PYTHON"):
        variables = {}
    else:
        variables = {"PDM_PYTHON": str(interpreter.executable)}
    return InstallCommand(
        (tool, "add", *options, *wanted), root, tool, wanted, note, tuple(sorted(variables.items()))
    )


class Installation:
    """Runs one command in a process group of its own that ends with the console."""

    def __init__(
        self, command: InstallCommand, environ: Mapping[str, str], tell: Callable[[str], None]
    ) -> None:
        """``tell`` is given each line as it comes, raw: whoever shows it must ``sanitize`` it.

        A line ends at a carriage return too, as progress is shown, and is cut at ``LINE_LIMIT`` characters.
        """
        self._command = command
        self._environ = environ
        self._tell = tell
        self._tail: deque[str] = deque(maxlen=TAIL)
        self._process: ServerProcess | None = None
        self._cancelled = False
        self._cancelling = asyncio.Lock()

    async def run(self) -> Installed:
        """Installs, and returns once the group is empty; cancelling the task ends it as ``cancel`` does.

        Raises ``Problem`` where the command cannot be executed.
        """
        # The guard takes the directory away, and with it what a tool that was killed left in it.
        directory = tempfile.mkdtemp(prefix="asgi-tui-install-")
        guard = Guard(Path(directory))
        try:
            return await self._run(directory, guard)
        finally:
            await uninterrupted(asyncio.to_thread(guard.close))

    async def cancel(self) -> None:
        """Interrupts the group as Ctrl+C would, then TERM, then KILL after 3 s in all; returns at its end.

        An interrupt first, because on TERM uv leaves its changed pyproject.toml and pip its temporary files.
        """
        async with self._cancelling:
            process = self._process
            if process is not None and process.code is not None:
                return
            self._cancelled = True
            if process is None:
                return
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGINT)
            with suppress(TimeoutError):
                async with asyncio.timeout(INTERRUPT_GRACE):
                    await process.wait()
            await process.stop(TERM_GRACE)

    async def _run(self, directory: str, guard: Guard) -> Installed:
        read, write = os.pipe()
        reader = asyncio.StreamReader()
        try:
            transport, _ = await asyncio.get_running_loop().connect_read_pipe(
                lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read, "rb", buffering=0)
            )
            self._process = await self._spawn(directory, guard, write)
        finally:
            os.close(write)
        reading = asyncio.create_task(self._read(reader, transport))
        try:
            if self._cancelled:
                await self.cancel()
            code = await self._process.wait()
            # What the tool left running holds the pipe open.
            await self._process.stop(TERM_GRACE)
            await asyncio.wait([reading], timeout=1)
        except asyncio.CancelledError:
            await uninterrupted(self._end())
            raise
        finally:
            reading.cancel()
        if reading.done():
            reading.result()
        return Installed(code, self._cancelled, self._problem(code))

    async def _end(self) -> None:
        await self.cancel()
        if self._process is not None:
            await self._process.stop(TERM_GRACE)

    async def _spawn(self, directory: str, guard: Guard, output: int) -> ServerProcess:
        command = self._command
        environment = {**self._environ, **_QUIET, "TMPDIR": directory, **dict(command.variables)}
        if "VIRTUAL_ENV" in dict(command.variables):
            # As activating it would: poetry passes over a venv inside of conda's base.
            environment.pop("CONDA_PREFIX", None)
            environment.pop("CONDA_DEFAULT_ENV", None)
        try:
            process = await asyncio.create_subprocess_exec(
                _program(command.argv[0], environment) or command.argv[0],
                *command.argv[1:],
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=command.cwd,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            why = error.strerror or str(error)
            raise Problem(f"Command {command.argv[0]}", why, "check that it is there", usage=False) from None
        guard.add(process.pid)
        # No launcher watches a lifeline here: the guard alone ends the group.
        return ServerProcess(process, guard, os.open(os.devnull, os.O_RDONLY))

    async def _read(self, reader: asyncio.StreamReader, transport: asyncio.BaseTransport) -> None:
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        rest = ""
        try:
            while chunk := await reader.read(65536):
                *lines, rest = (rest + decode(chunk)).replace("\r", "\n").split("\n")
                for line in lines:
                    self._line(line)
                # One character more, so that it is seen to be cut.
                rest = rest[: LINE_LIMIT + 1]
            self._line(rest + decode(b"", True))
        finally:
            # A tool whose output nobody reads any more ends by that instead of waiting for ever.
            transport.close()

    def _line(self, line: str) -> None:
        if line.strip():
            line = line if len(line) <= LINE_LIMIT else f"{line[:LINE_LIMIT]}…"
            self._tail.append(line)
            self._tell(line)

    def _problem(self, code: int) -> Problem | None:
        if code == 0 or self._cancelled:
            return None
        reasons = [found["text"] for line in self._tail if (found := _REASON.match(line))]
        last = self._tail[-1] if self._tail else "it said nothing"
        reason = mask_value("", sanitize((reasons[-1] if reasons else last).strip()))[:REASON_LIMIT]
        what = f"Installing {' '.join(self._command.requirements)}"
        how = f"{self._command.tool} failed with code {code}: {reason.rstrip('.')}"
        return Problem(what, how, "its whole output tells more", usage=False)
