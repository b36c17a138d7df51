"""How a place in the code is opened in the user's editor. Pure: nothing is started here."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

from asgi_tui.domain.errors import Problem

# Editors by the name of their executable, and how each takes a line.
_VI = ("vi", "vim", "vimx", "nvim", "view", "ex")
_PLUS = frozenset(  # +N FILE, in the terminal
    (
        *_VI,
        "nano",
        "rnano",
        "pico",
        "kak",
        "hx",
        "helix",
        "micro",
        "joe",
        "jmacs",
        "ne",
        "mg",
        "mcedit",
        "zile",
    )
)
_EMACS = frozenset(("emacs", "emacsclient"))  # +N FILE, in the terminal or in a window of its own
_GOTO = frozenset(("code", "code-insiders", "codium", "vscodium", "cursor", "windsurf"))  # -g FILE:N
_COLON = frozenset(("subl", "sublime_text", "zed", "zeditor", "atom", "pulsar"))  # FILE:N
_LINE = frozenset(  # --line N FILE
    ("idea", "pycharm", "charm", "webstorm", "clion", "goland", "rubymine", "kate", "kwrite")
)
_WINDOW_PLUS = frozenset(("gvim", "gedit", "mousepad", "xed", "pluma", "geany", "bbedit", "mvim"))
_IN_TERMINAL = frozenset(("-nw", "-t", "-tty", "--tty", "--no-window-system"))  # of emacs


@dataclass(frozen=True, slots=True)
class Edit:
    """The command that opens a place; ``terminal``: it needs the terminal until it ends."""

    argv: tuple[str, ...]
    terminal: bool


def edit_command(environ: Mapping[str, str], file: PurePath, line: int | None) -> Edit:
    """How ``$VISUAL``, else ``$EDITOR``, opens ``file`` (an absolute path) at ``line``.

    An editor that is not known gets the file alone, in the terminal. Raises ``Problem`` where neither
    variable names one.
    """
    name = "VISUAL" if environ.get("VISUAL", "").strip() else "EDITOR"
    value = environ.get(name, "").strip()
    mend = "set VISUAL or EDITOR, as in EDITOR=nano"
    if not value:
        raise Problem(f"Opening {file.name}", "neither VISUAL nor EDITOR names an editor", mend)
    try:
        words = shlex.split(value)
    except ValueError as error:
        raise Problem(f"Opening {file.name}", f"{name} cannot be read ({error})", mend) from None
    # Only an absolute path can never be taken for an option or a command of the editor's.
    if not file.is_absolute():
        raise Problem(f"Opening {file}", "it is no absolute path", "open it by hand")
    if not words[0]:
        raise Problem(f"Opening {file.name}", f"{name} names no editor", mend)
    editor = PurePath(words[0]).name.lower().removesuffix(".exe")
    plus = [str(file)] if line is None else [f"+{line}", str(file)]
    if editor in _PLUS:
        return Edit((*words, *plus), terminal=True)
    if editor in _EMACS:
        window = bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))
        return Edit((*words, *plus), terminal=not window or bool(_IN_TERMINAL & {*words[1:]}))
    if editor in _WINDOW_PLUS:
        return Edit((*words, *plus), terminal=False)
    place = str(file) if line is None else f"{file}:{line}"
    if editor in _GOTO:
        return Edit((*words, "-g", place), terminal=False)
    if editor in _COLON:
        return Edit((*words, place), terminal=False)
    if editor in _LINE:
        return Edit((*words, *(() if line is None else ("--line", str(line))), str(file)), terminal=False)
    return Edit((*words, str(file)), terminal=True)
