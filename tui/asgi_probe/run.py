"""What this run is: the file that the console wrote, named by an environment variable.

An environment variable, since it also reaches workers that are spawned by the server.
"""

from __future__ import annotations

import json
import os

# As typing.TYPE_CHECKING, without loading typing into an app that may do without.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from .asgi_types import Run

VARIABLE = "ASGI_TUI_RUN"


def read_run() -> Run:
    """The run's settings: generation, target, telemetry socket and token path."""
    with open(os.environ[VARIABLE], encoding="utf-8") as file:
        run: Run = json.load(file)
    return run


RUN = read_run()
