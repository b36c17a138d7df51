"""The filter of the log."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from textual.message import Message

from asgi_tui.domain.log_filter import LogFilter, complete, parse, parse_before, parse_typed
from asgi_tui.frontends.console.widgets.filter_bar import FilterLine, Typing

PLACEHOLDER = "text in a line  level:>=warning  logger:shop  /regex/  -not"
TYPING = Typing(parse, parse_typed, parse_before, complete)


class LogFilterBar(FilterLine[LogFilter]):
    """Opened by an ampersand, as in less."""

    class Changed(Message):
        """Other entries are shown."""

        def __init__(self, wanted: LogFilter) -> None:
            self.wanted = wanted
            super().__init__()

    def __init__(self, values: Callable[[str], Iterable[str]]) -> None:
        super().__init__(TYPING, values, mark="&", placeholder=PLACEHOLDER, id="log-filter")

    def changed(self, wanted: LogFilter) -> None:
        """Other entries are shown."""
        self.post_message(self.Changed(wanted))
