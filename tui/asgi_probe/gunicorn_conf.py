"""gunicorn's configuration file under the console: the user's own, less what the console owns.

gunicorn reads every name of this module that is a setting of its own (gunicorn/app/base.py). A setting
such as ``reload = True`` has no opposite on the command line, so it is taken out here.
"""

from __future__ import annotations

import importlib
import os
import runpy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

RUN = importlib.import_module(os.path.basename(os.path.dirname(__file__)) + ".run").RUN

OWNED = ("bind", "workers", "worker_class", "reload", "daemon", "pidfile", "control_socket", "wsgi_app")


def user_settings(where: str) -> dict[str, Any]:
    """The names that the user's configuration sets; ``where`` is a path or ``python:module``."""
    if not where:
        return {}
    if where.startswith("python:"):
        return vars(importlib.import_module(where[len("python:") :]))
    return runpy.run_path(where.removeprefix("file:"))


globals().update(
    {
        name: value
        for name, value in user_settings(RUN["gunicorn_conf"]).items()
        if not name.startswith("__") and name not in OWNED
    }
)
