"""Finding a server's command in what people paste: a README, Procfile, Dockerfile, systemd unit or shell."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from asgi_tui.domain.errors import Problem

# The commands of the servers, which are their modules too (`python -m uvicorn`).
PROGRAMS = ("uvicorn", "hypercorn", "daphne", "granian", "gunicorn")
MAX_TEXT = 100_000  # characters read of a paste

_WHAT = "Command"
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
# `web: uvicorn ...` (Procfile), `command: uvicorn ...` (Compose)
_KEYED = re.compile(r"[A-Za-z][\w-]*:\s+(?=\S)")
# systemd.service(5): ExecStart= with its prefixes; supervisor: command=
_UNIT = re.compile(r"(?:ExecStart\s*=\s*[@\-:+!|]*|command\s*=\s*)")
_DOCKER = re.compile(r"(CMD|ENTRYPOINT|RUN|ENV)\s+", re.IGNORECASE)
_PROMPT = re.compile(r"(?:[$#%>]|\([\w.-]+\)\s*\$)\s+")
_LIST_ITEM = re.compile(r"-\s+")
# Their value may have a server's name: uv run --with uvicorn, uvx --from 'granian[reload]' granian
_TAKES_PACKAGE = {
    "--with",
    "--from",
    "--package",
    "--extra",
    "--group",
    "--only-group",
    "-p",
    "-n",
    "--python",
}
_OPERATORS = re.compile(r"[;&|]+")


@dataclass(frozen=True, slots=True)
class Found:
    """The server's own words, its program first, and the variables set for it."""

    words: tuple[str, ...]
    env: dict[str, str]


def find_command(text: str) -> Found:
    """The first server command in ``text``. Raises ``Problem`` where there is none or a quote is open."""
    if len(text) > MAX_TEXT:
        raise Problem(_WHAT, f"it is longer than {MAX_TEXT} characters", "paste the command alone")
    env: dict[str, str] = {}
    entry: list[str] = []
    for line in _lines(text):
        kind, rest = _kind_of(line)
        if kind == "env":
            env |= _assignments(_words(rest))
            continue
        words = _exec_form(rest) if rest.startswith("[") else None
        segments = [words] if words is not None else _segments(rest)
        if kind == "entrypoint":
            entry = segments[0] if segments else []
            if words is None or len(entry) > 2:
                segments = [entry]
            else:
                continue  # the arguments are in CMD
        for segment in segments:
            found = _server_in([*entry, *segment] if kind == "cmd" and words is not None else segment)
            if found is not None:
                return Found(found.words, env | found.env)
    if entry and (found := _server_in(entry)):
        return Found(found.words, env | found.env)
    raise Problem(_WHAT, f"there is no {', '.join(PROGRAMS[:-1])} or {PROGRAMS[-1]} in it", "paste one")


def _lines(text: str) -> Iterable[str]:
    """Lines with continuations joined, less comments, prompts and code fences."""
    joined = re.sub(r"\\\r?\n[ \t]*", " ", text)
    for line in joined.splitlines():
        line = line.strip().strip("`").strip()
        line = _PROMPT.sub("", line, count=1) if _PROMPT.match(line) else line
        if line and not line.startswith(("#", "//", ";")):
            yield line


def _kind_of(line: str) -> tuple[str, str]:
    """What a line is ("cmd", "entrypoint", "env" or "") and what follows its keyword."""
    if unit := _UNIT.match(line):
        return "", line[unit.end() :]
    if line.startswith("Environment="):
        return "env", line.removeprefix("Environment=")
    if docker := _DOCKER.match(line):
        kind = docker[1].lower()
        return ("" if kind == "run" else kind), line[docker.end() :]
    if line.startswith("export "):
        return "env", line.removeprefix("export ")
    line = _LIST_ITEM.sub("", line, count=1) if _LIST_ITEM.match(line) else line
    if (keyed := _KEYED.match(line)) and not line.startswith(PROGRAMS):
        rest = line[keyed.end() :]
        # YAML may quote the whole
        quoted = len(rest) > 1 and rest[0] == rest[-1] and rest[0] in "'\"" and " " in rest
        return "", rest[1:-1] if quoted else rest
    return "", line


def _exec_form(text: str) -> list[str] | None:
    """The words of a JSON list (Dockerfile's exec form); None where it is none."""
    try:
        words = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return None
    if (
        len(words) == 3
        and PurePosixPath(words[0]).name in ("sh", "bash", "ash")
        and words[1] in ("-c", "-lc")
    ):
        segments = _segments(words[2])
        return next((segment for segment in segments if _server_in(segment)), [])
    return words


def _segments(text: str) -> list[list[str]]:
    """The simple commands of a line of shell, each as its words without redirections."""
    segments: list[list[str]] = [[]]
    words = iter(_words(text))
    for word in words:
        if _OPERATORS.fullmatch(word):
            segments.append([])
        elif re.fullmatch(r"[<>]+&?", word):
            if segments[-1] and segments[-1][-1].isdigit():
                segments[-1].pop()  # 2> and 2>&1
            next(words, None)
        else:
            segments[-1].append(word)
    return [segment for segment in segments if segment]


def _words(text: str) -> list[str]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";&|<>")
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return list(lexer)
    except ValueError as error:
        raise Problem(_WHAT, f"it cannot be read ({error})", "close the quote") from None


def _assignments(words: Iterable[str]) -> dict[str, str]:
    words = list(words)
    if len(words) == 2 and "=" not in words[0]:  # ENV NAME value
        return {words[0]: words[1]}
    pairs = (word.partition("=") for word in words if _ASSIGNMENT.match(word))
    return {name: value for name, _, value in pairs}


def _server_in(words: list[str]) -> Found | None:
    """The words from the server's program on, and the assignments before it."""
    env: dict[str, str] = {}
    for index, word in enumerate(words):
        if _ASSIGNMENT.match(word):
            env |= _assignments([word])
            continue
        program = PurePosixPath(word).name
        if program in PROGRAMS and (index == 0 or words[index - 1] not in _TAKES_PACKAGE):
            return Found((program, *words[index + 1 :]), env)
    return None
