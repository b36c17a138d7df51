"""Finding a server's command in what people paste: a README, Procfile, Dockerfile, systemd unit or shell."""

from __future__ import annotations

import csv
import json
import re
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.shell_words import restored, simple_commands

# The commands of the servers, which are their modules too (`python -m uvicorn`).
PROGRAMS = ("uvicorn", "hypercorn", "daphne", "granian", "gunicorn")
MAX_TEXT = 100_000  # characters read of a paste

_WHAT = "Command"
# A quoted script may go over several lines; more are no quote but an apostrophe.
_QUOTED_LINES = 20
_NESTED = 3  # sh -c in sh -c
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
# `web: uvicorn ...` (Procfile), `command: uvicorn ...` (Compose)
_KEYED = re.compile(r"[A-Za-z][\w-]*:\s+(?=\S)")
_YAML = re.compile(r"(\s*(?:-\s+)?)(command|entrypoint):\s*(.*)")
_YAML_FOLDED = re.compile(r"[>|][-+]?")
# systemd.service(5): ExecStart= with its prefixes; supervisor: command=
_UNIT = re.compile(r"(?:ExecStart\s*=\s*[@\-:+!|]*|command\s*=\s*)")
# `env` in small letters is a program
_DOCKER = re.compile(r"((?i:CMD|ENTRYPOINT|RUN)|ENV)\s+")
_PROMPT = re.compile(r"(?:[$%>]|\([\w.-]+\)\s*\$)\s+")
_LIST_ITEM = re.compile(r"-\s+")
# What follows may have a server's name: uv run --with uvicorn, uvx --from 'granian[reload]' granian
_TAKES_NAME = re.compile(r"--(with|from|package|extra|group|only-group|python|name|user)|-[pnu]")
# What follows has a server's name, but none is run: pip install uvicorn
_RUNS_NONE = re.compile(
    r"install|add|remove|uninstall|update|upgrade|download|show|search|clone|build|pull|push|pip3?|which|cd|mkdir"
    r"|echo|cat|man|service|systemctl|kill|pkill|killall|ps|grep|COPY|ADD|FROM"
)
_TARGET = re.compile(r"(?:[\w./-]+:)?[\w./-]+:[A-Za-z_][\w.]*(?:\(.*\))?")


@dataclass(frozen=True, slots=True)
class Found:
    """The server's own words, its program first, and the variables set for it.

    Literal dollars are as ``shell_words`` has them.
    """

    words: tuple[str, ...]
    env: dict[str, str]


def find_command(text: str) -> Found:
    """The first server command in ``text``; one that names an app goes before one that does not.

    Raises ``Problem`` where there is none.
    """
    if len(text) > MAX_TEXT:
        raise Problem(_WHAT, f"it is longer than {MAX_TEXT} characters", "paste the command alone")
    search = _Search()
    lines = list(_lines(text))
    for index, line in enumerate(lines):
        try:
            search.read(line)
        except ValueError:
            search.read_quoted(lines[index : index + _QUOTED_LINES])
    return search.result()


class _Search:
    """What was found so far."""

    def __init__(self) -> None:
        self._env: dict[str, str] = {}
        self._entry: list[str] = []
        self._found: list[tuple[int, Found]] = []
        self._open_quote = False

    def result(self) -> Found:
        """The best of all, with the variables of the whole text."""
        self._keep(self._entry)
        if not self._found and self._open_quote:
            raise Problem(_WHAT, "it cannot be read, for a quote is open", "close the quote")
        if not self._found:
            raise Problem(
                _WHAT, f"there is no {', '.join(PROGRAMS[:-1])} or {PROGRAMS[-1]} in it", "paste one"
            )
        _, best = min(self._found, key=lambda ranked: ranked[0])
        return Found(best.words, self._env | best.env)

    def read_quoted(self, lines: list[str]) -> None:
        """A line in which a quote is open, which a later line may close."""
        for count in range(2, len(lines) + 1):
            try:
                self.read("\n".join(lines[:count]))
            except ValueError:
                continue
            return
        self._open_quote |= any(program in lines[0] for program in PROGRAMS)

    def read(self, line: str) -> None:
        """One line. Raises ``ValueError`` where a quote is open."""
        comment = line.startswith("#")
        if comment:
            line = line.lstrip("#").lstrip()  # or root's prompt
        kind, rest = _kind_of(line)
        if kind == "env":
            self._env |= _assignments(word for words in simple_commands(rest) for word in words)
            return
        words = _exec_form(rest) if rest.startswith("[") else None
        yaml, _, kind = kind.rpartition(" ")
        if yaml and words is None and len(commands := simple_commands(rest)) == 1:
            (words,) = commands  # no shell reads it, other than in a Dockerfile
        if kind == "entrypoint" and words:
            self._entry = words  # the arguments are in CMD
        elif kind == "cmd" and self._entry:
            self._keep([*self._entry, *(words or ["sh", "-c", rest])])
            self._entry = []
        else:
            for command in [words] if words is not None else simple_commands(rest):
                self._keep(command, comment)

    def _keep(self, words: list[str], comment: bool = False) -> None:
        found = _server_in(words)
        if found is not None:
            named = any(_TARGET.fullmatch(word) for word in found.words[1:])
            self._found.append((2 if comment else 0 if named else 1, found))


def _lines(text: str) -> Iterator[str]:
    """Lines with continuations joined, less prompts, code fences and what is no shell's comment."""
    joined = re.sub(r"\\[ \t]*\r?\n[ \t]*", " ", text)
    lines = deque(re.split(r"\r\n|\n|\r", joined))
    while lines:
        line = lines.popleft()
        if yaml := _YAML.fullmatch(line):
            line = _yaml_value(yaml, lines)
        line = line.strip()
        if len(line) > 1 and line[0] == line[-1] == "`":
            line = line.strip("`").strip()
        line = _PROMPT.sub("", line, count=1) if _PROMPT.match(line) else line
        if line and not line.startswith(("//", ";")):
            yield line


def _yaml_value(key: re.Match[str], lines: deque[str]) -> str:
    """The key with its whole value on one line: a list, folded text, or what goes on below."""
    indent, value = len(key[1]), key[3]
    items: list[str] = []
    while lines and (deeper := lines[0].lstrip()) and not _YAML.fullmatch(lines[0]):
        closes = value.startswith("[") and "]" not in value
        same = len(lines[0]) - len(deeper) <= indent and not closes
        if same and not (not value and _LIST_ITEM.match(deeper) and "-" not in key[1]):
            break
        lines.popleft()
        if not value and _LIST_ITEM.match(deeper):
            items.append(_unquoted(_LIST_ITEM.sub("", deeper, count=1).strip()))
        else:
            value = f"{value} {deeper.rstrip()}" if not _YAML_FOLDED.fullmatch(value) else deeper.rstrip()
    return f"{key[2]}: {json.dumps(items) if items else value}"


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if quoted else text


def _kind_of(line: str) -> tuple[str, str]:
    """What a line is and what follows its keyword.

    "cmd" or "entrypoint", with "yaml" before it where they are Compose's, "env" or nothing.
    """
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
    if keyed := _KEYED.match(line):
        rest = line[keyed.end() :]
        kind = {"command": "yaml cmd", "entrypoint": "yaml entrypoint"}.get(line.partition(":")[0], "")
        # YAML may quote the whole
        return kind, _unquoted(rest) if " " in rest else rest
    return "", line


def _exec_form(text: str) -> list[str] | None:
    """The words of a list in JSON (Dockerfile's exec form) or YAML; None where it is none."""
    try:
        words = json.loads(text)
    except (ValueError, RecursionError):
        if not text.endswith("]"):
            return None
        inner = text[1:-1]
        try:
            (words,) = csv.reader([inner], skipinitialspace=True, quotechar="'" if "'" in inner else '"')
        except (csv.Error, ValueError):
            return None
        return [_unquoted(word.strip()) for word in words]
    if not isinstance(words, list) or not all(isinstance(word, str | int) for word in words):
        return None
    return [str(word) for word in words]


def _assignments(words: Iterable[str]) -> dict[str, str]:
    words = list(words)
    if len(words) == 2 and "=" not in words[0]:  # ENV NAME value
        return {words[0]: words[1]}
    pairs = (word.partition("=") for word in words if _ASSIGNMENT.match(word))
    return {name: value for name, _, value in pairs}


def _server_in(words: list[str], depth: int = 0) -> Found | None:
    """The words from the server's program on, and the assignments before it."""
    env: dict[str, str] = {}
    before = ""
    for index, word in enumerate(words):
        if re.fullmatch(r"-[a-z]*c", before) and depth < _NESTED:  # sh -c 'uvicorn ...'
            with suppress(ValueError):
                for command in simple_commands(restored(word)):
                    if inner := _server_in(command, depth + 1):
                        return Found(inner.words, env | inner.env)
        if _ASSIGNMENT.match(word):
            env |= _assignments([word])
        elif PurePosixPath(word).name in PROGRAMS and not _TAKES_NAME.fullmatch(before):
            return Found((PurePosixPath(word).name, *words[index + 1 :]), env)
        if _RUNS_NONE.fullmatch(word):
            return None
        before = word
    return None
