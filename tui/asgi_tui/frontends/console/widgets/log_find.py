"""The find line of the log: what is searched for, how, and how often it was found."""

from __future__ import annotations

from typing import ClassVar, Protocol

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.style import Style
from textual.widgets import Input, Static

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.needle import Needle
from asgi_tui.frontends.console.format import count

MAX_TYPED = 500  # characters
HINT_FROM = 84  # cells from which there is room for what the keys do
REGEX_TIP = "Search for a regular expression, or for text as it is"
CASE_TIP = "Tell upper and lower case apart, or not"


class Hits(Protocol):
    """What was found: the entry of the cursor among them, how many, and whether all were looked at."""

    @property
    def index(self) -> int | None: ...
    @property
    def total(self) -> int: ...
    @property
    def complete(self) -> bool: ...


class FindInput(Input):
    """Where the term is typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "screen.find_step(1)", "Next hit", show=False),
        Binding("up", "screen.find_step(-1)", "Previous hit", show=False),
        Binding("ctrl+r", "screen.find_regex", "Regex", tooltip=REGEX_TIP, id="find.regex"),
        Binding("ctrl+t", "screen.find_case", "Case", tooltip=CASE_TIP, id="find.case"),
    ]


class FindLine(Vertical):
    """Keeps its term and how it is meant while it is closed."""

    DEFAULT_CSS = """
    FindLine { height: auto; background: $background; }
    FindLine .find-line { height: 1; background: $surface; }
    FindLine .slash { width: 2; color: $text-primary; text-style: bold; }
    FindLine FindInput { width: 1fr; background: $surface; }
    FindLine FindInput:focus { background-tint: transparent; }
    FindLine #find-ways {
        width: auto; margin: 0 1; link-style: none; link-background: transparent; link-color: $foreground;
    }
    FindLine #find-hits { width: auto; color: $text-muted; }
    FindLine .problem { height: auto; max-height: 3; color: $text-error; }
    """

    class Changed(Message):
        """Something else is searched for; ``needle`` is None where it is nothing."""

        def __init__(self, needle: Needle | None) -> None:
            self.needle = needle
            super().__init__()

    class Left(Message):
        """Enter: to the log, where n and N step."""

    def __init__(self) -> None:
        super().__init__(id="find")
        self._regex = self._case = False
        self._needle: Needle | None = None
        self._shown: object = None
        self._input = FindInput(
            placeholder="find in the log", compact=True, id="find-term", max_length=MAX_TYPED
        )
        self._ways = Static("", id="find-ways", markup=False)
        self._hits = Static("", id="find-hits", markup=False)
        self._line = Horizontal(
            Static("/ ", classes="slash", markup=False),
            self._input,
            self._ways,
            self._hits,
            classes="find-line",
        )
        self._problem = Static("", classes="problem", markup=False)
        self._ways.tooltip = f".* {REGEX_TIP} (Ctrl+R). Aa {CASE_TIP} (Ctrl+T)."
        self.display = self._problem.display = False
        self._show_ways()

    def compose(self) -> ComposeResult:
        """The line, and what is wrong with it."""
        yield self._line
        yield self._problem

    @property
    def opened(self) -> bool:
        """Whether it is open."""
        return self.display

    @property
    def typing(self) -> bool:
        """Whether keys go into it."""
        return self._input.has_focus

    def open(self) -> None:
        """Opens it with the last term."""
        self.display = True
        self.screen.set_focus(self._input)  # at once: what is typed next is its own
        self._take()

    def close(self) -> None:
        """Closes it; nothing is searched for any more."""
        self.display = False
        self._tell(None)

    def toggle_regex(self) -> None:
        """A regular expression, or text as it is."""
        self._regex = not self._regex
        self._show_ways()
        self._take()

    def toggle_case(self) -> None:
        """Upper and lower case are not the same, or are."""
        self._case = not self._case
        self._show_ways()
        self._take()

    def refuse(self, problem: str) -> None:
        """What is searched for cannot be found out."""
        self._say(problem)
        self._tell(None)

    def show(self, hits: Hits) -> None:
        """Says how often it was found."""
        wide = self.size.width >= HINT_FROM
        text = self._count(hits)
        if wide:
            text += " · n N step · Esc closes" if self._needle and hits.total else " · Esc closes"
        if text != self._shown:
            self._shown = text
            self._hits.update(text.removeprefix(" · "))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Searched for while typing."""
        event.stop()
        if self.opened:
            self._take()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """To the log."""
        event.stop()
        self.post_message(self.Left())

    def _count(self, hits: Hits) -> str:
        more = "" if hits.complete else "…"
        if self._problem.display:
            return "✗ not searched for"
        if self._needle is None:
            return ""
        if not hits.total:
            return "no entry has it" if hits.complete else "searching…"
        of = f"{count(hits.index + 1)} of " if hits.index is not None else ""
        entries = "entry" if hits.total == 1 else "entries"
        return f"{of}{count(hits.total)}{more} {entries}"

    def _take(self) -> None:
        text = self._input.value
        needle = Needle(text, regex=self._regex, case=self._case) if text else None
        try:
            if needle is not None:
                needle.check()
        except Problem as problem:
            self._say(str(problem))
            needle = None
        else:
            self._say("")
        self._tell(needle)

    def _tell(self, needle: Needle | None) -> None:
        self._needle = needle
        self.post_message(self.Changed(needle))

    def _say(self, problem: str) -> None:
        self._problem.display = bool(problem)
        self._problem.update(f"✗ {problem}" if problem else "")

    def _show_ways(self) -> None:
        """The chosen ways are in brackets."""
        parts = [
            (".*", self._regex, "screen.find_regex"),
            ("Aa", self._case, "screen.find_case"),
        ]
        text = Content("")
        for name, on, action in parts:
            chip = Content(f"[{name}]" if on else f" {name} ")
            chip = chip.stylize("bold $text-primary" if on else "$text-muted")
            text += chip.stylize(Style.from_meta({"@click": action}))
        self._ways.update(text)
