"""How a change of the running app is carried out, by a save, a restart or a switch of the server."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.values import Kind, Spec, Value


@dataclass(frozen=True, slots=True)
class Reloading:
    """Settings of the change of guard; all have a default that suits most apps.

    ``include`` and ``exclude`` are globs of files that count, or never count, as changes, relative to the
    project and written as in a ``.gitignore`` file (``templates/**``, ``*.sqlite``). ``standby``: whether the
    next process waits with the installed modules imported; ``standby_exclude`` names modules, with all below
    them, that it must not import. ``old_first``: the old process ends before the new one starts. ``grace``:
    seconds that open requests, streams and WebSockets get to end at a change. ``ready_timeout``: seconds a
    start may take.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    standby: bool = True
    standby_exclude: tuple[str, ...] = ()
    old_first: bool = False
    grace: float = 5.0
    ready_timeout: float = 60.0

    def changed(self) -> dict[str, Value]:
        """The settings that are not at their default, by name."""
        values = {name: getattr(self, name) for name in SETTINGS}
        return {name: value for name, value in values.items() if value != getattr(DEFAULTS, name)}

    def with_settings(self, values: Mapping[str, Value]) -> Reloading:
        """The same with what ``read_item`` and ``read_setting`` gave for some of them, by name."""
        return replace(self, **values)  # type: ignore[arg-type]  # each has its field's type


DEFAULTS = Reloading()

# What a .gitignore file has in place of a pattern, a comment or one turned round; the root alone; and a
# backslash that nothing follows in its part of the path.
_NO_GLOB = re.compile(r"[!#].*|/+|(?:.*[^\\])?(?:\\\\)*\\(?:/.*)?")
_RANGES = re.compile(r"(?<=\[)[^\]]+(?=\])")

# Each setting as front ends and presets read and show it, by its name.
SETTINGS: Mapping[str, Spec] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            Spec(
                "include",
                Kind.TEXT,
                "Reload also for",
                "Globs of files that count as changes beside Python source, as in: templates/** *.html",
                multiple=True,
            ),
            Spec(
                "exclude",
                Kind.TEXT,
                "Never reload for",
                "Globs of files whose changes never count, as in: generated/** *.sqlite",
                multiple=True,
            ),
            Spec(
                "standby",
                Kind.SWITCH,
                "Warm standby",
                "The next process waits with the installed modules imported, so that a save is live at once.",
            ),
            Spec(
                "standby_exclude",
                Kind.TEXT,
                "Not in standby",
                "Modules that the standby must not import, with all below them, as in: numba torch",
                multiple=True,
            ),
            Spec(
                "old_first",
                Kind.SWITCH,
                "Old first",
                "The old process ends before the new one starts: for apps that cannot run twice at a time.",
            ),
            Spec(
                "grace",
                Kind.DURATION,
                "Grace time",
                "Time that open requests, streams and WebSockets get to end when a process is replaced.",
                minimum=0,
                maximum=3600,
                unit="s",
                whole=False,
            ),
            Spec(
                "ready_timeout",
                Kind.DURATION,
                "Ready within",
                "Time that a start may take before it counts as failed.",
                minimum=1,
                maximum=3600,
                unit="s",
                whole=False,
            ),
        )
    }
)


def _is_glob(text: str) -> bool:
    ranges = (ends for part in _RANGES.findall(text) for ends in re.findall("(.)-(.)", part))
    return not _NO_GLOB.fullmatch(text) and all(low <= high for low, high in ranges)


def read_item(name: str, text: str) -> str | bool | float:
    """What ``text`` spells: the value of a setting, or one item of a list. Raises ``Problem``."""
    value = SETTINGS[name].read_one(text)
    if name in ("include", "exclude") and not _is_glob(str(value)):
        raise Problem(f"Option {name}", f"{value!r} is no glob", "write one like templates/** or *.html")
    if name == "standby_exclude" and not all(part.isidentifier() for part in str(value).split(".")):
        mend = "write it as in an import, like numba or google.cloud"
        raise Problem(f"Option {name}", f"{value!r} is no module name", mend)
    return value


def read_setting(name: str, text: str) -> Value:
    """The value that ``text`` spells on one line. Raises ``Problem``.

    Items of a list are parted by spaces; one that holds a space, quote or backslash is quoted as for a shell.
    """
    if not SETTINGS[name].multiple:
        return read_item(name, text)
    try:
        items = shlex.split(text)
    except ValueError:
        raise Problem(f"Option {name}", "a quote or backslash is left open", "close it") from None
    return tuple(str(read_item(name, item)) for item in items)


def spell_setting(name: str, value: Value) -> str:
    """``value`` on one line, as ``read_setting`` reads it back."""
    if not isinstance(value, tuple):
        return SETTINGS[name].spell(value)
    return " ".join(shlex.quote(item) if re.search(r"[\s'\"\\]", item) else item for item in value)
