"""The filter of the requests: a line to type it in, what is in force as chips, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.style import Style
from textual.suggester import Suggester
from textual.widgets import Input, Static

from asgi_tui.domain.errors import Problem
from asgi_tui.frontends.console.request_filter import (
    RequestFilter,
    complete,
    parse,
    parse_before,
    parse_typed,
)

PLACEHOLDER = "text in the path  method:GET  status:5xx  time:>100ms  is:error  -not"
HINT = " → completes · Esc clears"
MAX_TYPED = 500  # characters


class FilterSuggester(Suggester):
    """Completes the last word; ``values`` gives what is known of a key."""

    def __init__(self, values: Callable[[str], Iterable[str]]) -> None:
        # what is known changes with each request
        super().__init__(use_cache=False, case_sensitive=True)
        self._values = values

    async def get_suggestion(self, value: str) -> str | None:
        """The likeliest one."""
        return complete(value, self._values)


class FilterInput(Input):
    """Where the filter is typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,down", "screen.leave_filter", "To the list", show=False),
    ]


class FilterBar(Vertical):
    """Nothing at all while no filter is in force and none is typed."""

    DEFAULT_CSS = """
    FilterBar { height: auto; background: $background; }
    FilterBar #filter-line { height: 1; background: $surface; }
    FilterBar .slash { width: 2; color: $text-primary; text-style: bold; }
    FilterBar #filter-term { width: 1fr; background: $surface; }
    FilterBar #filter-term:focus { background-tint: transparent; }
    FilterBar #filter-hint { width: auto; color: $text-muted; }
    FilterBar #filter-problem { height: auto; max-height: 3; color: $text-error; }
    FilterBar #filter-chips {
        height: auto; max-height: 3; color: $foreground;
        link-style: none; link-background: transparent; link-color: $foreground;
    }
    """

    class Changed(Message):
        """Another filter is in force."""

        def __init__(self, wanted: RequestFilter) -> None:
            self.wanted = wanted
            super().__init__()

    def __init__(self, values: Callable[[str], Iterable[str]]) -> None:
        super().__init__(id="request-filter")
        self._wanted = RequestFilter()
        self._chips = Static("", id="filter-chips", markup=False)
        self._input = FilterInput(
            placeholder=PLACEHOLDER,
            compact=True,
            id="filter-term",
            suggester=FilterSuggester(values),
            max_length=MAX_TYPED,
        )
        self._hint = Static(HINT, id="filter-hint", markup=False)
        self._line = Horizontal(
            Static("/ ", classes="slash", markup=False), self._input, self._hint, id="filter-line"
        )
        self._problem = Static("", id="filter-problem", markup=False)
        self._chips.tooltip = "A click takes a term away"
        self._line.display = self._problem.display = self._chips.display = self._hint.display = False

    def compose(self) -> ComposeResult:
        """What is in force, the line, and what is wrong with it."""
        yield self._chips
        yield self._line
        yield self._problem

    @property
    def opened(self) -> bool:
        """Whether the line is open."""
        return self._line.display

    def open(self) -> None:
        """Opens the line with what is in force."""
        self._line.display = True
        self._input.focus()

    def close(self) -> None:
        """Closes the line; what was typed is in force, but for what cannot be understood."""
        with suppress(Problem):
            self._take(parse(self._input.value))
        self._line.display = False
        self._type(self._wanted.text)
        self._tell("")

    def show(self, wanted: RequestFilter) -> None:
        """Shows a filter that was not typed."""
        self._type(wanted.text)
        self._tell("")
        self._take(wanted)

    def on_input_changed(self, event: Input.Changed) -> None:
        """In force while it is typed; where its last term cannot be understood, what it was without it."""
        event.stop()
        self._hint.display = bool(event.value)  # the words in an empty line need the room
        if not self.opened:
            return
        try:
            wanted = parse_typed(event.value)
        except Problem as problem:
            self._tell(str(problem))
            # its beginning, before it had a colon, was a text to be found
            with suppress(Problem):
                self._take(parse_before(event.value))
        else:
            self._tell("")
            self._take(wanted)

    def drop(self, index: int) -> None:
        """Takes one term away."""
        self.show(self._wanted.without(index))

    def _take(self, wanted: RequestFilter) -> None:
        if wanted.text == self._wanted.text:
            return
        self._wanted = wanted
        self._chips.display = bool(wanted.terms)
        self._chips.update(chips(wanted))
        self.post_message(self.Changed(wanted))

    def _type(self, text: str) -> None:
        with self.prevent(Input.Changed):
            self._input.value = text
        self._hint.display = bool(text)

    def _tell(self, problem: str) -> None:
        self._problem.display = bool(problem)
        self._problem.update(f"✗ {problem}" if problem else "")


def chips(wanted: RequestFilter) -> Content:
    """The terms, each with the cross that takes it away."""
    text = Content.assemble(("Only ", "$text-muted"))
    for index, term in enumerate(wanted.terms):
        chip = Content.assemble((f" {term.text}", "bold"), "\N{NO-BREAK SPACE}✕ ")
        dropping = Style.from_meta({"@click": f"screen.drop_term({index})"})
        text += chip.stylize("on $surface").stylize(dropping) + Content(" ")
    return text
