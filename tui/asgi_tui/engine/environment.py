"""The app's environment as it will be, with where each variable comes from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from asgi_tui.domain.environment import Variable, layered
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.engine.preparation import read_env_file

# The usual names, in the order in which they are layered: a later one is more particular.
_DOTENV = (
    ".env",
    ".env.local",
    *(
        f".env.{stage}{local}"
        for stage in ("development", "dev", "test", "testing", "staging", "production", "prod")
        for local in ("", ".local")
    ),
)


def app_environment(plan: LaunchPlan, environ: Mapping[str, str]) -> list[Variable]:
    """Every variable the app gets, by name; blocking.

    ``environ`` is the shell's. It wins over the environment files, of which a later one wins over an
    earlier, and the plan's own win over all. Raises ``Problem`` for a file that is missing or broken.
    """
    layers = [(name, read_env_file(Path(plan.cwd), name)) for name in plan.env_files]
    return layered([*layers, ("shell", environ), ("form", plan.env)])


def dotenv_files(cwd: str) -> list[str]:
    """The usual environment files that a directory has, in the order in which they are layered; blocking."""
    # A directory of that name may be a virtual environment.
    return [name for name in _DOTENV if Path(cwd, name).is_file()]
