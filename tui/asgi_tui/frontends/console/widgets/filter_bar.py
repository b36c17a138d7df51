"""A filter: a line to type it in, what is in force as chips, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar, Generic, Protocol, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.style import Style
from textual.suggester import Suggester
from textual.widgets import Input, Static

from asgi_tui.domain.errors import Problem

HINT = " → completes · Esc clears"
MAX_TYPED = 500  # characters

Completed = Callable[[str, Callable[[str], Iterable[str]]], "str | None"]


class _Term(Protocol):
    @property
    def text(self) -> str: ...


class _Filter(Protocol):
    @property
    def text(self) -> str: ...
    @property
    def terms(self) -> Sequence[_Term]: ...


Wanted = TypeVar("Wanted", bound=_Filter)


@dataclass(frozen=True, slots=True)
class Typing(Generic[Wanted]):
    """How a filter is read: as a whole, while it is typed, and without its last word. They raise ``Problem``.

    ``complete`` completes the last word, with the values that were seen of a key.
    """

    whole: Callable[[str], Wanted]
    typed: Callable[[str], Wanted]
    before: Callable[[str], Wanted]
    complete: Completed


class FilterSuggester(Suggester):
    """Completes the last word; ``values`` gives what is known of a key."""

    def __init__(self, complete: Completed, values: Callable[[str], Iterable[str]]) -> None:
        # what is known changes all the time
        super().__init__(use_cache=False, case_sensitive=True)
        self._complete = complete
        self._values = values

    async def get_suggestion(self, value: str) -> str | None:
        """The likeliest one."""
        return self._complete(value, self._values)


class FilterInput(Input):
    """Where the filter is typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,down", "screen.leave_filter", "Done", show=False),
    ]


class FilterLine(Vertical, Generic[Wanted]):
    """Nothing at all while no filter is in force and none is typed.

    ``mark`` is the key that opens the line. The screen has the actions ``leave_filter`` and ``drop_term``.
    """

    DEFAULT_CSS = """
    FilterLine { height: auto; background: $background; }
    FilterLine .filter-line { height: 1; background: $surface; }
    FilterLine .slash { width: 2; color: $text-primary; text-style: bold; }
    FilterLine FilterInput { width: 1fr; background: $surface; }
    FilterLine FilterInput:focus { background-tint: transparent; }
    FilterLine .hint { width: auto; color: $text-muted; }
    FilterLine .problem { height: auto; max-height: 3; color: $text-error; }
    FilterLine .chips {
        height: auto; max-height: 3; color: $foreground;
        link-style: none; link-background: transparent; link-color: $foreground;
    }
    """

    def __init__(
        self,
        typing: Typing[Wanted],
        values: Callable[[str], Iterable[str]],
        *,
        mark: str,
        placeholder: str,
        id: str,  # noqa: A002 - as every widget
    ) -> None:
        super().__init__(id=id)
        self._typing = typing
        self._wanted = typing.whole("")
        self._chips = Static("", classes="chips", markup=False)
        self._input = FilterInput(
            placeholder=placeholder,
            compact=True,
            id="filter-term",
            suggester=FilterSuggester(typing.complete, values),
            max_length=MAX_TYPED,
        )
        self._hint = Static(HINT, classes="hint", markup=False)
        self._line = Horizontal(
            Static(f"{mark} ", classes="slash", markup=False), self._input, self._hint, classes="filter-line"
        )
        self._problem = Static("", classes="problem", markup=False)
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

    @property
    def wanted(self) -> Wanted:
        """The filter that is in force."""
        return self._wanted

    def changed(self, wanted: Wanted) -> None:
        """Another filter is in force. For the subclass to tell."""
        raise NotImplementedError

    def open(self) -> None:
        """Opens the line with what is in force."""
        self._line.display = True
        self.screen.set_focus(self._input)  # at once: what is typed next is its own

    def close(self) -> None:
        """Closes the line; what was typed is in force, but for what cannot be understood."""
        with suppress(Problem):
            self._take(self._typing.whole(self._input.value))
        self._line.display = False
        self._type(self._wanted.text)
        self._tell("")

    def show(self, wanted: Wanted) -> None:
        """Shows a filter that was not typed."""
        self._type(wanted.text)
        self._tell("")
        self._take(wanted)

    def refuse(self, problem: str) -> None:
        """What is in force cannot be done: nothing is, and what is typed can be mended."""
        self._take(self._typing.whole(""))
        if self.opened:
            self._tell(problem)
        else:
            self._type("")
            self.notify(problem, severity="warning", markup=False)

    def on_input_changed(self, event: Input.Changed) -> None:
        """In force while it is typed; where its last term cannot be understood, what it was without it."""
        event.stop()
        self._hint.display = bool(event.value)  # the words in an empty line need the room
        if not self.opened:
            return
        try:
            wanted = self._typing.typed(event.value)
        except Problem as problem:
            self._tell(str(problem))
            # its beginning, before it had a colon, was a text to be found
            with suppress(Problem):
                self._take(self._typing.before(event.value))
        else:
            self._tell("")
            self._take(wanted)

    def _take(self, wanted: Wanted) -> None:
        if wanted.text == self._wanted.text:
            return
        self._wanted = wanted
        self._chips.display = bool(wanted.terms)
        self._chips.update(chips(wanted))
        self.changed(wanted)

    def _type(self, text: str) -> None:
        with self.prevent(Input.Changed):
            self._input.value = text
        self._hint.display = bool(text)

    def _tell(self, problem: str) -> None:
        self._problem.display = bool(problem)
        self._problem.update(f"✗ {problem}" if problem else "")


def chips(wanted: _Filter) -> Content:
    """The terms, each with the cross that takes it away."""
    text = Content.assemble(("Only ", "$text-muted"))
    for index, term in enumerate(wanted.terms):
        chip = Content.assemble((f" {term.text}", "bold"), "\N{NO-BREAK SPACE}✕ ")
        dropping = Style.from_meta({"@click": f"screen.drop_term({index})"})
        text += chip.stylize("on $surface").stylize(dropping) + Content(" ")
    return text
