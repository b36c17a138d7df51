"""Untrusted text made safe to show, and secrets in it masked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

# ECMA-48: CSI with its parameters and final byte; OSC, DCS, SOS, PM and APC up to their terminator; the
# two-character escapes. 8-bit C1 introducers count as well, since some terminals honour them.
_SGR = re.compile(r"(?:\x1b\[|\x9b)[0-9;:]*m")
# What is made visible, as a part of a character class: controls but the tab, ends of lines of other kinds,
# bidirectional overrides, lone surrogates.
CONTROLS = r"\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff"
_CONTROL = re.compile(f"[{CONTROLS}]")
_SECRET_QUERY = re.compile(
    r"(?i)([?&](?:access_token|api[_-]?key|auth|code|key|password|passwd|secret|session|sig|signature|token)=)"
    r"[^&\s\"']+"
)

# What is called so holds a secret: a variable, a header, a key.
_SECRET_NAME = re.compile(
    r"(?i)(password|passwd|passphrase|secret|token|(^|[_\-.])(pass|pwd|auth(orization)?|cookie|credential|dsn|session"
    r"|signature|salt|(api|private|access|signing|encryption|master)[_-]?key))s?($|[_\-.])"
)
# https://user:password@host
SECRET_URL = re.compile(r"(?<=://)([^/\s:@]*):([^/\s@]+)(?=@)")

MASK = "••••••"


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def sanitize(text: str) -> str:
    """``text`` without colour sequences and with every other control character made visible.

    Nothing that is left can move the cursor, change a mode, a title or the clipboard, or reorder what
    is read (bidirectional overrides), and all of it can be written as UTF-8 (no lone surrogates). Tabs stay.
    """
    if text.isprintable():
        return text
    return _CONTROL.sub(_visible, _SGR.sub("", text))


# Named like passwords, set by every shell.
_WORKING_DIRECTORIES = frozenset({"PWD", "OLDPWD"})


def mask_secrets(text: str) -> str:
    """``text`` with the values of query keys that name a secret masked."""
    if "=" not in text:
        return text
    return _SECRET_QUERY.sub(rf"\g<1>{MASK}", text)


def is_secret_name(name: str) -> bool:
    """Whether a variable or header of that name is taken for a secret."""
    return name not in _WORKING_DIRECTORIES and bool(_SECRET_NAME.search(name))


def mask_value(name: str, value: str) -> str:
    """``value`` as it may be shown under ``name``: a secret, or the password in a URL, is masked."""
    if is_secret_name(name):
        return MASK if value else ""
    return mask_secrets(SECRET_URL.sub(rf"\g<1>:{MASK}", value))


def mask_assignment(text: str) -> str:
    """``NAME=value`` or ``Name:value`` with a secret value masked; any other text as it is."""
    found = re.match(r"([\w.-]+)([=:]\s*)(.*)", text, re.DOTALL)
    if found is None or found[3].startswith("//"):
        return mask_value("", text)
    return f"{found[1]}{found[2]}{mask_value(found[1], found[3])}"


def mask_arguments(words: Iterable[str]) -> list[str]:
    """A command's arguments as they may be shown, each secret that is known by its name masked."""
    shown = []
    name = ""
    for word in words:
        flag, equals, value = split_flag(word)
        if is_secret_name(name) and not word.startswith("--"):
            shown.append(MASK)  # whatever it looks like, it is the value
        else:
            shown.append(
                f"{flag}{equals}{mask_value(flag.lstrip('-'), mask_assignment(value) if value else '')}"
            )
        name = flag if not value and not equals else ""
    return shown


def split_flag(word: str) -> tuple[str, str, str]:
    """An argument's option, what joins them and the value: ``--env=A=1``, ``-eA=1``; either may be empty."""
    if word.startswith("--"):
        return word.partition("=")
    return (word[:2], "", word[2:]) if re.match(r"-[A-Za-z]", word) else ("", "", word)


def secrets_in(words: Iterable[str]) -> set[str]:
    """The values that ``mask_arguments`` masks."""
    words = list(words)
    found = set()
    for word, shown in zip(words, mask_arguments(words), strict=True):
        if MASK in shown and shown != word:
            before, _, after = shown.partition(MASK)
            found.add(word.removeprefix(before).removesuffix(after))
    return found


def forms(secret: str) -> set[str]:
    """A secret, and how it is written in quotes, in JSON and by Python, and where it is no UTF-8."""
    written = {repr(secret), json.dumps(secret), json.dumps(secret, ensure_ascii=False)}
    shown = secret.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return {secret, shown, *(quoted[1:-1] for quoted in written)}


def hiding(secrets: Iterable[str]) -> re.Pattern[str] | None:
    """What finds any of the secrets in a text; None without one.

    Those under 6 characters are left out: a text is full of such words.
    """
    known = sorted({re.escape(secret) for secret in secrets if len(secret) >= 6}, key=len, reverse=True)
    return re.compile("|".join(known)) if known else None
