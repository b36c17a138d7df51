"""An answer: status, times, headers and the body, readable or raw."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from functools import partial

from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.sending import Answer
from asgi_tui.domain.text import sanitize
from asgi_tui.frontends.console import format as show
from asgi_tui.frontends.console.answer_lines import header_lines, status_line, timing_lines
from asgi_tui.frontends.console.answer_text import Readable, readable
from asgi_tui.frontends.console.request_form import media_of
from asgi_tui.frontends.console.widgets.choice import Choice
from asgi_tui.frontends.console.widgets.code_area import CodeArea, Syntax

THREAD_BYTES = 20_000  # from here on a body is made readable beside the loop
_NOTHING = "Nothing was sent yet."


class AnswerView(Vertical):
    """Shows what a sending gave; ``raw`` and ``revealed`` say how.

    Where there is room headers, times and body are shown together, else the one that is chosen.
    """

    DEFAULT_CSS = """
    AnswerView { height: 1fr; }
    AnswerView #answer-head { height: auto; max-height: 6; }
    AnswerView #answer-head.-problem { color: $text-error; }
    AnswerView #answer-bar { height: 1; }
    AnswerView #answer-bar Choice { width: auto; background: transparent; padding: 0 1 0 0; }
    AnswerView #answer-note { width: 1fr; color: $text-muted; text-wrap: nowrap; text-overflow: ellipsis; }
    AnswerView #answer-timing { height: auto; text-wrap: nowrap; text-overflow: ellipsis; }
    AnswerView #answer-headers { height: 1fr; scrollbar-size-vertical: 1; }
    AnswerView #answer-headers Static { height: auto; }
    AnswerView #answer-body { height: 1fr; padding: 0; }
    AnswerView Button { width: auto; min-width: 0; height: 1; padding: 0; margin-left: 1; }
    AnswerView Button { background: $panel; color: $foreground; }
    AnswerView Button:hover { background: $block-hover-background; }
    AnswerView Button:focus { text-style: bold underline; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.raw = False
        self.revealed = False
        self._outcome: Answer | Problem | None = None
        self._body = Readable("empty")
        self._known: re.Pattern[str] | None = None
        self._part = 0
        self._choice = Choice(
            [("Body", "body"), ("Headers", "headers"), ("Times", "timing")], "body", id="answer-parts"
        )
        self._area = CodeArea(id="answer-body", read_only=True)

    def compose(self) -> ComposeResult:
        """The head, what can be chosen, and the three parts."""
        yield Static(Content.styled(_NOTHING, "$text-muted"), id="answer-head", markup=False)
        with Horizontal(id="answer-bar"):
            yield self._choice
            yield Static("", id="answer-note", markup=False)
            yield Button(
                "Next part",
                action="screen.next_part",
                id="do-next_part",
                compact=True,
                tooltip="Show the next part of a long body (F7)",
            )
            yield Button(
                "Raw", action="screen.raw", id="do-raw", compact=True, tooltip="As it came, or readable (F3)"
            )
            yield Button(
                "Trace",
                action="screen.trace",
                id="do-trace",
                compact=True,
                tooltip="What the app saw of it: scope, receive and send (Ctrl+T)",
            )
        yield Static("", id="answer-timing", markup=False)
        with VerticalScroll(id="answer-headers"):
            yield Static("", markup=False)
        yield self._area

    def on_mount(self) -> None:
        """Nothing to see yet."""
        self.rearrange()

    @property
    def answer(self) -> Answer | None:
        """The answer that is shown."""
        return self._outcome if isinstance(self._outcome, Answer) else None

    def wait(self, seconds: float) -> None:
        """Says that a sending runs."""
        self._head(Content.styled(f"◐ Sending… {seconds:.1f} s", "$text-warning"))

    def tell(
        self, outcome: Answer | Problem | None, said: str = "", *, known: re.Pattern[str] | None = None
    ) -> None:
        """Shows an answer, or the problem in its place; ``said`` where there is neither.

        ``known`` finds the secrets of the request.
        """
        self._outcome, self._part, self._known = outcome, 0, known
        self.show()
        if outcome is None and said:
            self._head(Content.styled(said, "$text-muted"))

    def show(self) -> None:
        """Shows it anew, after ``raw`` or ``revealed`` changed."""
        outcome = self._outcome
        if isinstance(outcome, Problem):
            self._head(Content(f"✗ {sanitize(str(outcome))}"), problem=True)
        elif outcome is None:
            self._head(Content.styled(_NOTHING, "$text-muted"))
        else:
            self._head(status_line(outcome))
            self.query_one("#answer-timing", Static).update(timing_lines(outcome.timing))
            self.query_one("#answer-headers Static", Static).update(
                header_lines(outcome.headers, reveal=self.revealed, known=self._known)
            )
            self.read(outcome)
        self.rearrange()

    @work(exclusive=True, group="read")
    async def read(self, answer: Answer) -> None:
        """Makes the body readable and shows it."""
        media = media_of(answer.headers)
        make = partial(
            readable,
            answer.body,
            media=media,
            whole=answer.size,
            raw=self.raw,
            revealed=self.revealed,
            known=self._known,
        )
        try:
            self._body = make() if len(answer.body) < THREAD_BYTES else await asyncio.to_thread(make)
        except RecursionError:
            text = partial(make, media="text/plain", raw=True)
            self._body = replace(await asyncio.to_thread(text), note="too deep to be made readable")
        self._show_part()

    def _show_part(self) -> None:
        body = self._body
        self._part %= body.parts
        syntax: Syntax = "json" if body.kind == "json" else ""
        # bytes and columns of a raw body stay where they are
        self._area.soft_wrap = body.kind not in ("hex", "image")
        self._area.show(body.part(self._part), syntax)
        parts = f"part {self._part + 1} of {show.count(body.parts)}" if body.parts > 1 else ""
        answer = self.answer
        seen = "" if answer is None or answer.trace is not None else "no trace of it was kept"
        ended = sanitize(answer.ended) if answer is not None else ""
        raw = "raw" if self.raw and body.kind not in ("empty", "hex", "image") else ""
        note = " · ".join(filter(None, (ended, body.note, raw, parts, seen)))
        self.query_one("#answer-note", Static).update(note)
        self.query_one("#do-next_part").display = body.parts > 1

    def next_part(self) -> None:
        """The next part of a body that is too long to be shown at once."""
        self._part += 1
        self._show_part()

    def next_view(self) -> None:
        """Body, headers, times."""
        self._choice.action_move(1)

    def on_choice_changed(self, event: Choice.Changed) -> None:
        """Another part was chosen."""
        event.stop()
        self.rearrange()

    def rearrange(self) -> None:
        """Shows all parts where there is room, else the chosen one."""
        answer = self.answer
        everything = self.screen.has_class("-tall")
        self.query_one("#answer-bar").display = answer is not None
        for part in ("body", "headers", "timing"):
            wanted = everything or self._choice.value == part
            self.query_one(f"#answer-{part}").display = answer is not None and wanted
        self.query_one("#do-trace").display = answer is not None and answer.trace is not None
        number = f"Headers {len(answer.headers)}" if answer is not None else "Headers"
        self._choice.set_options([("Body", "body"), (number, "headers"), ("Times", "timing")])
        self._choice.refresh(layout=True)

    def _head(self, content: Content, *, problem: bool = False) -> None:
        head = self.query_one("#answer-head", Static)
        head.update(content)
        head.set_class(problem, "-problem")
