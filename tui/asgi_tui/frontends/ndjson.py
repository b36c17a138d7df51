"""One JSON object a line, for editors, scripts and recordings."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TextIO

from asgi_tui.domain.events import Event, Starting, Watching, to_json


def ndjson_writer(file: TextIO, *, everything: bool = False) -> Callable[[list[Event]], None]:
    """A function that writes batches of events to ``file``.

    ``everything`` also writes events that only a console shows, as a recording needs. What is watched is
    told from the first start on, which is the first line.
    """
    started = everything

    def write(batch: list[Event]) -> None:
        nonlocal started
        lines = []
        for event in batch:
            started = started or isinstance(event, Starting)
            if (everything and event.recorded) or (
                event.public and (started or not isinstance(event, Watching))
            ):
                lines.append(json.dumps(to_json(event), ensure_ascii=False, separators=(",", ":")))
        if lines:
            file.write("\n".join(lines) + "\n")
            file.flush()

    return write
