"""Types of ASGI and of the run's file, for type checkers alone: nothing loads this module at run time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypedDict

# Any: asgi.readthedocs.io leaves the values to each message type, and apps may send what they like.
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Run(TypedDict):
    """The run's file, written by the console."""

    generation: int
    module: str
    attribute: str
    factory: bool
    app_dir: str
    telemetry: str
    token_path: str
    traces_per_second: int | None
    gunicorn_conf: str
