"""Joins log records to the call in whose context they are made, in its tasks and threads too."""

from __future__ import annotations

import sys
from contextvars import ContextVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from .tracer import Tracer

# The call that is being traced; set for traced calls alone.
CALL: ContextVar[Optional[Tracer]] = ContextVar("asgi_tui_call", default=None)

_joined = False


def join() -> None:
    """From the first traced call on, ``logging`` shows us each record that it makes."""
    global _joined
    # An app that never loads it has no records.
    logging = sys.modules.get("logging")
    if _joined or logging is None:
        return
    _joined = True
    try:
        former = logging.getLogRecordFactory()
    except AttributeError:
        # A module of the project's own has the name.
        return

    def make_record(*args: Any, **named: Any) -> Any:
        record = former(*args, **named)
        call = CALL.get()
        if call is not None:
            call.log(record)
        return record

    logging.setLogRecordFactory(make_record)
