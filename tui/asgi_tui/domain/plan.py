"""What is to be run, complete and unchanging: the launch plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from asgi_tui.domain.reloading import Reloading
from asgi_tui.domain.target import Target
from asgi_tui.domain.values import Options, Value

NOTHING: Mapping[str, Value] = MappingProxyType({})
NO_VARIABLES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class LaunchPlan:
    """A server, an app and the options that were set; an option left out is at the server's default.

    ``options`` maps concepts, and native options by ``Option.key``, to values; ``native`` holds arguments for
    the server as they are; ``cwd`` is the directory to run in; ``python`` the interpreter asked for, None for
    the project's own. ``env`` are variables for the app; they win over the shell's, and the shell's over
    those of ``env_files``, of which a later file wins over an earlier. ``reload``: whether files are watched;
    ``watch`` are paths beside the project's, and ``reloading`` says how a change is carried out.
    """

    target: Target
    server: str
    cwd: str
    options: Options = field(default_factory=lambda: NOTHING)
    native: tuple[str, ...] = ()
    python: str | None = None
    env_files: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=lambda: NO_VARIABLES)
    reload: bool = True
    watch: tuple[str, ...] = ()
    reloading: Reloading = field(default_factory=Reloading)

    def text(self, name: str, default: str = "") -> str:
        """The value of a concept as text."""
        return str(self.options.get(name, default))

    def number(self, name: str, default: int) -> int:
        """The value of a whole-number concept."""
        return int(str(self.options.get(name, default)))

    def flag(self, name: str) -> bool:
        """The value of an on/off concept; off where the plan leaves it out."""
        return bool(self.options.get(name, False))

    @property
    def host(self) -> str:
        """Address to listen on; every server's default is the loopback address."""
        return self.text("host", "127.0.0.1")

    @property
    def port(self) -> int:
        """Port to listen on; every server's default is 8000."""
        return self.number("port", 8000)

    @property
    def workers(self) -> int:
        """Number of worker processes; every server's default is one."""
        return self.number("workers", 1)

    @property
    def tls(self) -> bool:
        """Whether the server speaks TLS."""
        return "tls_cert" in self.options

    def with_options(self, options: Options) -> LaunchPlan:
        """The same plan with other options."""
        return replace(self, options=MappingProxyType(dict(options)))
