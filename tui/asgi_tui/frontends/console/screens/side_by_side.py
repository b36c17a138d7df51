"""One request on two servers: both answers side by side, differences marked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import pairwise
from typing import ClassVar

from rich.cells import cell_len
from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Button, Static

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.events import Request
from asgi_tui.domain.sending import Answer, Sending
from asgi_tui.domain.text import sanitize
from asgi_tui.frontends.console.difference import (
    DIFFERENT,
    EXPECTED,
    SAME,
    Outcome,
    Row,
    Section,
    compare,
)
from asgi_tui.frontends.console.format import count, fit
from asgi_tui.frontends.console.lines import BLANK, Line, breaks, line, visible
from asgi_tui.frontends.console.model import Part, SessionModel
from asgi_tui.frontends.console.request_form import known_secrets, masked_path
from asgi_tui.frontends.console.screens.returned import Returned
from asgi_tui.frontends.console.widgets.keys import Keys
from asgi_tui.frontends.console.widgets.lines_view import LinesView
from asgi_tui.frontends.console.widgets.status_line import StatusLine

STACKED_BELOW = 100  # cells below which the two stand one below the other
LABEL = 32  # cells of a row's name at the most
TICK = 0.2  # seconds between two looks at what is waited for
_STYLES = {SAME: "muted", EXPECTED: "plain", DIFFERENT: "warned"}

Send = Callable[[], Awaitable[Answer]]


def laid_out(sections: tuple[Section, ...], names: tuple[str, str], width: int, *, only: bool) -> list[Line]:
    """The lines of a comparison in ``width`` cells; ``only``: what differs, and how much was left out."""
    lines: list[Line] = []
    label = label_width(sections, width)
    for section in sections:
        rows = [row for row in section.rows if not only or row.mark == DIFFERENT]
        if only and not rows:
            continue
        notes = [section.note] if section.note else []
        if hidden := len(section.rows) - len(rows):
            notes.append(f"{count(hidden)} equal or expected folded")
        mark = "≠ " if section.count(DIFFERENT) else ""
        lines += [
            *([BLANK] if lines else []),
            line((f"{mark}{section.title}", "title"), (f"  {' · '.join(notes)}" if notes else "", "muted")),
        ]
        for row in rows:
            stacked = width < STACKED_BELOW and row.mark != SAME
            lines += _stacked(row, names, width) if stacked else _beside(row, label, width)
    return lines


def label_width(sections: tuple[Section, ...], width: int) -> int:
    """Cells of the names of all rows."""
    longest = max((cell_len(visible(row.label)) for item in sections for row in item.rows), default=0)
    return min(longest, LABEL, max(width // 4, 26))


def _beside(row: Row, label: int, width: int) -> Iterator[Line]:
    """A row in two columns, or in one where both are the same and there is little room."""
    style = _STYLES[row.mark]
    if width < STACKED_BELOW:
        room = max(width - label - 4, 8)
        cells = [_wrapped(row.label, label), _wrapped(row.left, room)]
    else:
        room = max((width - label - 7) // 2, 8)
        cells = [_wrapped(row.label, label), _wrapped(row.left, room), _wrapped(row.right, room)]
    for at in range(max(map(len, cells))):
        name, left, *right = (cell[at] if at < len(cell) else "" for cell in cells)
        mark = row.mark if at == 0 else ""
        pieces = [
            (f"{fit(mark, 1)} ", "warned" if row.mark == DIFFERENT else "muted"),
            (fit(name, label), "key"),
        ]
        pieces += [("  ", "plain"), (fit(left, room) if right else left, style)]
        if right:
            pieces += [(" │ ", "dim"), (right[0], style)]
        yield line(*pieces)


def _stacked(row: Row, names: tuple[str, str], width: int) -> Iterator[Line]:
    """A row's name, and below it what each has."""
    style = _STYLES[row.mark]
    yield line((f"{row.mark} ", "warned" if row.mark == DIFFERENT else "muted"), (row.label, "key"))
    indent = max(map(len, names)) + 6
    for name, text in zip(names, (row.left, row.right), strict=True):
        for at, part in enumerate(_wrapped(text, max(width - indent, 8))):
            head = f"    {name if at == 0 else ''}"
            yield line((fit(head, indent), "muted"), (part, style))


def _wrapped(text: str, width: int) -> list[str]:
    """The lines of a text, broken where there is no more room."""
    rows = []
    for part in map(visible, text.split("\n")):
        starts = [*breaks(part, width), len(part)]
        rows += [part[start:end] for start, end in pairwise(starts)]
    return rows


class SideBySideScreen(Screen[None]):
    """Sends on both servers at the same time and compares what they answer."""

    CSS_PATH = "side_by_side.tcss"
    AUTO_FOCUS = ""
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-narrow"), (100, "-wide"), (170, "-huge")]  # noqa: RUF012 - as Screen declares it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "only", "Differences", tooltip="Only what differs, or everything", id="sides.only"),
        Binding(
            "escape", "close", "Back", tooltip="Cancel what is being sent, else go back", id="sides.close"
        ),
        Binding("n", "step(1)", "Next", tooltip="To the next difference", id="sides.next"),
        Binding(
            "N", "step(-1)", "Previous", show=False, tooltip="To the difference before", id="sides.previous"
        ),
        Binding("r,f5", "send", "Again", tooltip="Send it to both again", id="sides.send"),
        Binding(
            "l", "trace(0)", "Left trace", tooltip="What the app saw on the first server", id="sides.left"
        ),
        Binding(
            "L", "trace(1)", "Right trace", tooltip="What the app saw on the second server", id="sides.right"
        ),
    ]

    class Opened(Message):
        """The trace of an answer is to be shown."""

        def __init__(self, request: Request) -> None:
            self.request = request
            super().__init__()

    def __init__(self, sending: Sending, names: tuple[str, str], sends: tuple[Send, Send]) -> None:
        super().__init__()
        self._sending = sending
        self._names = names
        self._sends = sends
        self._outcomes: list[Outcome | None] = [None, None]
        self._sections: tuple[Section, ...] = ()
        self._only = False
        self._marks: list[int] = []
        self._busy = False
        self._view = LinesView(wrap=False, id="sides-view")

    def compose(self) -> ComposeResult:
        """What was sent, the comparison, buttons, keys."""
        yield StatusLine("requests")
        with Vertical(id="sides", classes="pane"):
            yield Static("", id="sides-head", markup=False)
            yield Static("", id="sides-names", markup=False)
            yield self._view
            with Horizontal(id="sides-buttons"):
                for action, label, tooltip in (
                    ("only", "Differences", "Only what differs, or everything (d)"),
                    ("step(1)", "Next", "To the next difference (n)"),
                    ("send", "Again", "To both servers (r)"),
                    ("trace(0)", "Left trace", f"What the app saw on {self._names[0]} (l)"),
                    ("trace(1)", "Right trace", f"What the app saw on {self._names[1]} (L)"),
                ):
                    yield Button(label, action=f"screen.{action}", compact=True, tooltip=tooltip)
        yield Keys()

    def on_mount(self) -> None:
        """Sends at once."""
        method, path = sanitize(self._sending.method), masked_path(self._sending.path)
        title = f"{method} {path} on {self._names[0]} and {self._names[1]}"
        self.query_one("#sides").border_title = title.replace("[", "\\[")
        self._view.focus()
        self.action_send()

    def on_screen_resume(self) -> None:
        """It has missed what happened meanwhile."""
        self.post_message(Returned())

    def show_model(self, model: SessionModel, changed: Part, now: float, *, quitting: bool = False) -> None:
        """How the server stands."""
        self.query_one(StatusLine).show(model, now, quitting=quitting)

    # -- sending -----------------------------------------------------------------------------------

    def action_send(self) -> None:
        """To both."""
        if not self._busy:
            self.send()

    @work(group="send")
    async def send(self) -> None:
        """Waits for both and compares."""
        self._busy, began = True, time.monotonic()
        self._outcomes, self._sections = [None, None], ()
        self._show()
        ticking = self.set_interval(TICK, lambda: self._waiting(time.monotonic() - began))
        self._waiting(0.0)
        try:
            await asyncio.gather(self._one(0), self._one(1))
            left, right = self._outcomes
            if left is not None and right is not None:
                self._sections = await asyncio.to_thread(compare, left, right, known_secrets(self._sending))
        finally:
            ticking.stop()
            self._busy = False
        self._show()
        self.refresh_bindings()

    async def _one(self, side: int) -> None:
        try:
            self._outcomes[side] = await self._sends[side]()
        except Problem as problem:
            self._outcomes[side] = problem

    def _waiting(self, seconds: float) -> None:
        missing = [name for name, found in zip(self._names, self._outcomes, strict=True) if found is None]
        waits = (
            f"◐ Waiting for {' and '.join(missing)}… {seconds:.1f} s · Esc cancels"
            if missing
            else "◐ Comparing…"
        )
        self.query_one("#sides-head", Static).update(Content.styled(waits, "$text-warning"))

    # -- what is shown -----------------------------------------------------------------------------

    def on_resize(self, event: events.Resize) -> None:
        """Other columns."""
        self.call_after_refresh(self._show)

    def _show(self) -> None:
        width = self._view.room
        lines = laid_out(self._sections, self._names, width, only=self._only)
        self._marks = [at for at, item in enumerate(lines) if item.text.startswith(f"{DIFFERENT} ")]
        self._view.show(lines, fresh=True)
        head, names = self.query_one("#sides-head", Static), self.query_one("#sides-names", Static)
        names.display = bool(self._sections) and width >= STACKED_BELOW
        if not self._sections:
            return
        differ, expected = (
            sum(item.count(mark) for item in self._sections) for mark in (DIFFERENT, EXPECTED)
        )
        said = f"≠ {count(differ)} differ" if differ else "✓ nothing differs"
        tail = f"  ~ {count(expected)} differ as expected (times, addresses, date, server, pieces)"
        only = "  · differences only, d shows everything" if self._only else ""
        style = "$text-warning" if differ else "$text-success"
        head.update(Content.assemble((said, f"bold {style}"), (tail + only, "$text-muted")))
        names.update(self._columns(width))

    def _columns(self, width: int) -> Content:
        label = label_width(self._sections, width)
        room = max((width - label - 7) // 2, 8)
        left, right = self._names
        return Content.styled(f"{' ' * (label + 4)}{fit(left, room)}   {right}", "bold")

    def action_only(self) -> None:
        """Only differences, or everything."""
        self._only = not self._only
        self._show()

    def action_step(self, by: int) -> None:
        """To the next difference, or the one before."""
        top = round(self._view.scroll_offset.y)
        found = [at for at in self._marks if (at > top if by > 0 else at < top)]
        if found:
            self._view.scroll_to(y=found[0] if by > 0 else found[-1], animate=False, immediate=True)

    def action_trace(self, side: int) -> None:
        """What the app saw."""
        outcome = self._outcomes[side]
        if isinstance(outcome, Answer) and outcome.trace is not None:
            self.post_message(self.Opened(outcome.trace))

    def action_close(self) -> None:
        """Cancels what runs, else leaves."""
        if self._busy:
            self.workers.cancel_group(self, "send")
            self.query_one("#sides-head", Static).update("Cancelled. r sends it again.")
        else:
            self.dismiss(None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which keys mean anything now."""
        match action:
            case "trace":
                side = parameters[0]
                outcome = self._outcomes[side] if isinstance(side, int) else None
                return isinstance(outcome, Answer) and outcome.trace is not None
            case "only" | "step":
                return bool(self._sections)
            case _:
                return True
