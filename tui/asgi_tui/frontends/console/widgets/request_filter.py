"""The filter of the requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from textual.message import Message

from asgi_tui.frontends.console.request_filter import (
    RequestFilter,
    complete,
    parse,
    parse_before,
    parse_typed,
)
from asgi_tui.frontends.console.widgets.filter_bar import FilterLine, Typing

PLACEHOLDER = "text in the path  method:GET  status:5xx  time:>100ms  is:error  -not"
TYPING = Typing(parse, parse_typed, parse_before, complete)


class FilterBar(FilterLine[RequestFilter]):
    """Opened by a slash."""

    class Changed(Message):
        """Another filter is in force."""

        def __init__(self, wanted: RequestFilter) -> None:
            self.wanted = wanted
            super().__init__()

    def __init__(self, values: Callable[[str], Iterable[str]]) -> None:
        super().__init__(TYPING, values, mark="/", placeholder=PLACEHOLDER, id="request-filter")

    def changed(self, wanted: RequestFilter) -> None:
        """Other calls are rows."""
        self.post_message(self.Changed(wanted))

    def drop(self, index: int) -> None:
        """Takes one term away."""
        self.show(self.wanted.without(index))
