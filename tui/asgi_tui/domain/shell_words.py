"""The words of shell text, split as sh(1) does (POSIX.1-2017, Shell Command Language, 2.2 and 2.3).

Nothing is expanded: ``$PORT``, ``${PORT:-5000}`` and ``$(nproc)`` stay as they are written. Where quotes keep
a dollar or backquote from the shell, another character stands for it (``restored`` puts it back), so that
``"$PORT"`` can be told from ``'$PORT'``.
"""

from __future__ import annotations

import re

# Lone surrogates: no text that can be encoded holds one.
_LITERAL = {ord("$"): "\udc24", ord("`"): "\udc60"}
_RESTORED = {ord(stand_in): chr(code) for code, stand_in in _LITERAL.items()}
_CLOSING = {"(": ")", "{": "}"}
# A longer expansion is no expansion.
_EXPANSION_LENGTH = 200
_REDIRECTION = re.compile(r"&?[<>]+[&|]?")
_OPERATOR = re.compile(r"[;&|\n]+")
_BLANK = " \t\r"


def restored(text: str) -> str:
    """``text`` with every literal dollar and backquote in place."""
    return text.translate(_RESTORED)


def simple_commands(text: str) -> list[list[str]]:
    """The simple commands, each as its words without redirections and comments.

    Raises ``ValueError`` where a quote is open.
    """
    return _Splitter(text).split()


class _Splitter:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._commands: list[list[str]] = [[]]
        self._word: list[str] | None = None  # None between words: '' is a word too
        self._redirects = False

    def split(self) -> list[list[str]]:
        text = self._text
        while self._at < len(text):
            character = text[self._at]
            if character in _BLANK:
                self._end_word()
                self._at += 1
            elif character == "#" and self._word is None:
                end = text.find("\n", self._at)
                self._at = end if end >= 0 else len(text)
            elif found := _REDIRECTION.match(text, self._at):
                if self._word and "".join(self._word).isdigit():
                    self._word = None  # 2>&1
                self._end_word()
                self._at, self._redirects = found.end(), True
            elif found := _OPERATOR.match(text, self._at):
                self._end_word()
                self._at = found.end()
                self._commands.append([])
            else:
                self._part(character)
        self._end_word()
        return [command for command in self._commands if command]

    def _end_word(self) -> None:
        if self._word is None:
            return
        if self._redirects:
            self._redirects = False  # the file it leads to
        else:
            self._commands[-1].append("".join(self._word))
        self._word = None

    def _part(self, character: str) -> None:
        """The next part of a word: quoted, expanded or plain."""
        if self._word is None:
            self._word = []
        if character == "'":
            end = self._text.find("'", self._at + 1)
            if end < 0:
                raise ValueError("a quote is open")
            self._word.append(self._text[self._at + 1 : end].translate(_LITERAL))
            self._at = end + 1
        elif character == '"':
            self._at += 1
            self._double_quoted(self._word)
        elif character == "\\":
            self._word.append(self._text[self._at + 1 : self._at + 2].translate(_LITERAL))
            self._at += 2
        else:
            end = self._expansion_end()
            self._word.append(self._text[self._at : end])
            self._at = end

    def _double_quoted(self, word: list[str]) -> None:
        while self._at < len(self._text):
            character = self._text[self._at]
            after = self._text[self._at + 1 : self._at + 2]
            if character == '"':
                self._at += 1
                return
            if character == "\\" and after and after in '$`"\\':
                word.append(after.translate(_LITERAL))
                self._at += 2
                continue
            end = self._expansion_end()
            word.append(self._text[self._at : end])
            self._at = end
        raise ValueError("a quote is open")

    def _expansion_end(self) -> int:
        """Where the expansion ends that begins here; one character on where there is none."""
        start, limit = self._at, min(len(self._text), self._at + _EXPANSION_LENGTH)
        if self._text[start] == "`":
            end = self._text.find("`", start + 1, limit)
            return end + 1 if end >= 0 else start + 1
        opening = self._text[start + 1 : start + 2]
        if self._text[start] != "$" or opening not in _CLOSING:
            return start + 1
        depth = 0
        for index in range(start + 1, limit):
            depth += (self._text[index] == opening) - (self._text[index] == _CLOSING[opening])
            if not depth:
                return index + 1
        return start + 1
