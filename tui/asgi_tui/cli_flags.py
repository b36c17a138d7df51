"""The flags that the console, ``run`` and ``command`` share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import click

from asgi_tui.domain.reloading import Reloading, read_item
from asgi_tui.domain.servers import SERVERS
from asgi_tui.domain.values import Value

Command = TypeVar("Command", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class RunFlags:
    """What the flags say, by their names on the command line; each has the value of a flag left out."""

    server: str | None = None
    settings: tuple[str, ...] = ()
    host: str | None = None
    port: str | None = None
    python: str | None = None
    no_reload: bool = False
    watch: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    no_standby: bool = False
    standby_exclude: tuple[str, ...] = ()
    old_first: bool = False
    grace: str | None = None
    ready_timeout: str | None = None
    env_files: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    preset: str | None = None

    @property
    def say_nothing(self) -> bool:
        """Whether none was given, so that the last launch may be taken up."""
        return self == RunFlags()

    def reloading(self, base: Reloading) -> Reloading:
        """``base`` with what the flags change of it; lists grow. Raises ``Problem``."""
        values: dict[str, Value] = {}
        for name, old, texts in (
            ("include", base.include, self.include),
            ("exclude", base.exclude, self.exclude),
            ("standby_exclude", base.standby_exclude, self.standby_exclude),
        ):
            values[name] = (*old, *(str(read_item(name, text)) for text in texts))
        for name, text in (("grace", self.grace), ("ready_timeout", self.ready_timeout)):
            if text is not None:
                values[name] = read_item(name, text)
        values["standby"] = base.standby and not self.no_standby
        values["old_first"] = base.old_first or self.old_first
        return base.with_settings(values)


_FLAGS = (
    click.argument("target", required=False),
    click.option("--server", metavar="NAME", help=f"One of {', '.join(SERVERS)}."),
    click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="OPTION=VALUE",
        help="A common option or the server's own name for it; repeatable.",
    ),
    click.option("--host", metavar="ADDRESS", help="Short for --set host=ADDRESS."),
    click.option("--port", metavar="PORT", help="Short for --set port=PORT; 0 picks a free one."),
    click.option(
        "--python",
        metavar="PATH",
        help="Interpreter that runs the app: an executable, a virtual environment or a name on PATH.",
    ),
    click.option("--no-reload", is_flag=True, help="Do not reload when files change."),
    click.option("--watch", multiple=True, metavar="PATH", help="Watch this as well; repeatable."),
    click.option(
        "--include",
        multiple=True,
        metavar="GLOB",
        help="Reload for these files as well, as in 'templates/**'; repeatable.",
    ),
    click.option(
        "--exclude", multiple=True, metavar="GLOB", help="Never reload for these files; repeatable."
    ),
    click.option("--no-standby", is_flag=True, help="Keep no process waiting for the next reload."),
    click.option(
        "--standby-exclude",
        multiple=True,
        metavar="MODULE",
        help="A module that the waiting process must not import in advance; repeatable.",
    ),
    click.option("--old-first", is_flag=True, help="End the old process before the new one starts."),
    click.option(
        "--grace",
        metavar="SECONDS",
        help="Time that open requests get to end when a process is replaced: 0 to 3600, default 5.",
    ),
    click.option("--ready-timeout", metavar="SECONDS", help="Time a start may take: 1 to 3600, default 60."),
    click.option(
        "--env-file",
        "env_files",
        multiple=True,
        metavar="FILE",
        help="Environment variables for the app; repeatable, the last one wins.",
    ),
    click.option(
        "--env", multiple=True, metavar="NAME=VALUE", help="One environment variable for the app; repeatable."
    ),
    click.option("--preset", metavar="NAME", help="A saved preset; other flags change what it says."),
)


def run_flags(command: Command) -> Command:
    """Gives a command the flags, and the target before them."""
    for flag in reversed(_FLAGS):
        command = flag(command)
    return command
