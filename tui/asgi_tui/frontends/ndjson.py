"""One JSON object a line, for editors, scripts and recordings."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TextIO

from asgi_tui.domain.events import Event, to_json


def ndjson_writer(file: TextIO, *, everything: bool = False) -> Callable[[list[Event]], None]:
    """A function that writes batches of events to ``file``.

    ``everything`` also writes events that only a console shows, as a recording needs.
    """

    def write(batch: list[Event]) -> None:
        lines = [
            json.dumps(to_json(event), ensure_ascii=False, separators=(",", ":"))
            for event in batch
            if everything or event.public
        ]
        if lines:
            file.write("\n".join(lines) + "\n")
            file.flush()

    return write
