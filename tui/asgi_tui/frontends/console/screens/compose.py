"""Writes a request, sends it and shows what came back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import ClassVar

from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Button

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.events import Request
from asgi_tui.domain.sending import Answer, Sending
from asgi_tui.frontends.console import format as show
from asgi_tui.frontends.console.exchanges import Exchange, Exchanges
from asgi_tui.frontends.console.model import Part, SessionModel
from asgi_tui.frontends.console.request_form import known_secrets, masked_path
from asgi_tui.frontends.console.screens.returned import Returned
from asgi_tui.frontends.console.widgets.answer_view import AnswerView
from asgi_tui.frontends.console.widgets.keys import Keys
from asgi_tui.frontends.console.widgets.request_editor import RequestEditor
from asgi_tui.frontends.console.widgets.status_line import StatusLine

TICK = 0.1  # seconds between two looks at a sending that runs
WIDE = 120  # cells from which request and answer stand side by side
TALL = 34  # rows from which headers and body of both are seen together
CLOSE_TIP = "Cancel what is being sent, else go back"
OTHER_TIP = "Compare with another server's answer"
TRACE_TIP = "What the app saw: scope, receive and send"
HALF_TIP = "The request's headers, or its body"


class ComposeScreen(Screen[None]):
    """A small HTTP client over what serves.

    ``send`` sends a request; it raises ``Problem``. ``exchanges`` is what was sent before, and is added to.
    With ``at_once`` the request is sent as it is given.
    """

    CSS_PATH = "compose.tcss"
    AUTO_FOCUS = ""
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-narrow"), (WIDE, "-wide"), (170, "-huge")]  # noqa: RUF012 - as Screen declares it
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-low"), (TALL, "-tall")]  # noqa: RUF012 - as above
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5,ctrl+s", "send", "Send", key_display="F5", tooltip="Send the request", id="compose.send"),
        Binding("escape", "close", "Back", tooltip=CLOSE_TIP, id="compose.close"),
        Binding(
            "f3",
            "raw",
            "Raw",
            key_display="F3",
            tooltip="The answer as it came, or readable",
            id="compose.raw",
        ),
        Binding("ctrl+t", "trace", "Trace", tooltip=TRACE_TIP, id="compose.trace"),
        Binding(
            "f2",
            "format",
            "Format",
            key_display="F2",
            tooltip="Indent the JSON of the body",
            id="compose.format",
        ),
        Binding(
            "f4",
            "secrets",
            "Secrets",
            key_display="F4",
            tooltip="Show secrets, or mask them",
            id="compose.secrets",
        ),
        Binding(
            "f9",
            "save",
            "Save",
            key_display="F9",
            tooltip="Save the request for this project",
            id="compose.save",
        ),
        Binding("ctrl+o", "saved", "Saved", tooltip="Load a saved request", id="compose.saved"),
        Binding("ctrl+l", "copy", "Copy as", tooltip="Copy as curl or httpx code", id="compose.copy"),
        Binding("ctrl+r", "replay_on", "Elsewhere", tooltip=OTHER_TIP, id="compose.other"),
        Binding("ctrl+up,alt+up", "go(-1)", "Earlier", show=False, tooltip="Sent before", id="compose.up"),
        Binding("ctrl+down,alt+down", "go(1)", "Later", show=False, tooltip="Sent after", id="compose.down"),
        # a text area has these two keys for what the mouse does as well
        Binding(
            "f6",
            "half",
            "Headers or body",
            show=False,
            priority=True,
            key_display="F6",
            tooltip=HALF_TIP,
            id="compose.half",
        ),
        Binding(
            "f7",
            "next_part",
            "Next part",
            show=False,
            priority=True,
            key_display="F7",
            tooltip="The next part of a long answer",
            id="compose.part",
        ),
        Binding(
            "f8",
            "next_view",
            "Body, headers or times",
            show=False,
            key_display="F8",
            tooltip="The answer's body, headers or times",
            id="compose.view",
        ),
    ]

    class Asked(Message):
        """What is typed is to be worked on: ``what`` is ``save``, ``copy``, ``saved`` or ``other``."""

        def __init__(self, screen: ComposeScreen, what: str, sending: Sending) -> None:
            self.screen = screen
            self.what = what
            self.sending = sending
            super().__init__()

    class Opened(Message):
        """The trace of an answer is to be shown."""

        def __init__(self, request: Request) -> None:
            self.request = request
            super().__init__()

    def __init__(
        self,
        send: Callable[[Sending], Awaitable[Answer]],
        exchanges: Exchanges,
        sending: Sending,
        *,
        at_once: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        self._send = send
        self._exchanges = exchanges
        self._first = sending
        self._at_once = at_once
        self._clock = clock
        self._index = len(exchanges)  # of the exchange that is shown; after the last where none is
        self._warned = False
        self._busy = False
        self._editor = RequestEditor()
        self._view = AnswerView()

    def compose(self) -> ComposeResult:
        """The request, and its answer below or beside it."""
        yield StatusLine("requests")
        with Horizontal(id="compose-panes"):
            with Vertical(id="compose-request", classes="pane"):
                yield self._editor
                with Horizontal(id="compose-buttons"):
                    yield _button("send", "Send", "Send the request (F5 or Ctrl+S)", primary=True)
                    yield _button("format", "JSON", "Indent the JSON of the body (F2)")
                    yield _button("secrets", "Secrets", "Show secrets, or mask them again (F4)")
                    yield _button("save", "Save", "Save the request for this project (F9)")
                    yield _button("saved", "Saved", "Load a saved request (Ctrl+O)")
                    yield _button("copy", "Copy", "Copy as curl or httpx code (Ctrl+L)")
                    yield _button("replay_on", "Compare", f"{OTHER_TIP} (Ctrl+R)")
            with Vertical(id="compose-answer", classes="pane"):
                yield self._view
        yield Keys()

    def on_mount(self) -> None:
        """Filled; the path has the focus."""
        self.query_one("#compose-request").border_title = "Request"
        self.load(self._first)
        if self._at_once:
            self.action_send()

    def on_screen_resume(self) -> None:
        """It has missed what happened meanwhile."""
        self.post_message(Returned())

    def show_model(self, model: SessionModel, changed: Part, now: float, *, quitting: bool = False) -> None:
        """How the server stands."""
        self.query_one(StatusLine).show(model, now, quitting=quitting)

    def on_resize(self, event: events.Resize) -> None:
        """Both halves of request and answer, or one at a time."""
        # the classes of the new size are set after this
        self.call_after_refresh(self._rearrange)

    def _rearrange(self) -> None:
        self._editor.rearrange()
        self._view.rearrange()

    def load(self, sending: Sending) -> None:
        """Another request, in place of what was typed."""
        self._index = len(self._exchanges)
        self._mask()
        self._editor.fill(sending)
        self._view.tell(None)
        self._show_place()
        self._editor.start()

    # -- sending -----------------------------------------------------------------------------------

    def action_send(self) -> None:
        """Sends what is typed, unless something is being sent or wrong."""
        if not self._busy and (sending := self._editor.read()) is not None:
            self.send(sending)

    @work(group="send")
    async def send(self, sending: Sending) -> None:
        """Sends, waits and shows."""
        self._busy, began = True, time.monotonic()
        self._editor.sent(sending)
        self._view.tell(None)
        ticking = self.set_interval(TICK, lambda: self._view.wait(time.monotonic() - began))
        self._view.wait(0.0)
        outcome: Answer | Problem
        try:
            outcome = await self._send(sending)
        except Problem as problem:
            outcome = problem
        except asyncio.CancelledError:
            if self.is_attached:
                self._view.tell(None, "Cancelled. What the app did until then is in the list of requests.")
            raise
        finally:
            ticking.stop()
            self._busy = False
        self._exchanges.add(Exchange(self._clock(), sending, outcome))
        self._index = len(self._exchanges) - 1
        self._view.tell(outcome, known=known_secrets(sending))
        self._show_place()
        self.refresh_bindings()

    def _show_place(self) -> None:
        pane, number = self.query_one("#compose-answer"), len(self._exchanges)
        title, subtitle = "Answer", f"{number} sent before · Ctrl+Up" if number else ""
        if self._index < number:
            exchange = self._exchanges[self._index]
            path = masked_path(exchange.sending.path)
            title = f"Answer to {exchange.sending.method} {path} at {show.clock(exchange.at)}"
            subtitle = f"{self._index + 1} of {number} · Ctrl+Up Ctrl+Down" if number > 1 else ""
        pane.border_title, pane.border_subtitle = title.replace("[", "\\["), subtitle

    def action_go(self, by: int) -> None:
        """What was sent before, or after."""
        index = self._index + by
        if not self._busy and 0 <= index < len(self._exchanges):
            exchange, self._index = self._exchanges[index], index
            self._mask()
            self._editor.fill(exchange.sending)
            self._view.tell(exchange.outcome, known=known_secrets(exchange.sending))
            self._show_place()
            self.refresh_bindings()

    # -- the other actions -------------------------------------------------------------------------

    def action_format(self) -> None:
        """Indents the body's JSON."""
        self._editor.format()

    def _mask(self) -> None:
        self._editor.revealed = self._view.revealed = self._warned = False

    def action_secrets(self) -> None:
        """Shows secrets in request and answer, or masks them again."""
        if (sending := self._editor.read()) is not None:
            self._editor.revealed = self._view.revealed = not self._editor.revealed
            self._editor.fill(sending)
            self._view.show()

    def action_raw(self) -> None:
        """The answer's body as it came, or readable."""
        self._view.raw = not self._view.raw
        self._view.show()

    def action_next_part(self) -> None:
        """The next part of a long body."""
        self._view.next_part()

    def action_next_view(self) -> None:
        """Body, headers, times."""
        self._view.next_view()

    def action_half(self) -> None:
        """Headers or body of the request."""
        self._editor.switch()

    def action_trace(self) -> None:
        """The request as the app saw it."""
        answer = self._view.answer
        if answer is not None and answer.trace is not None:
            self.post_message(self.Opened(answer.trace))

    def action_saved(self) -> None:
        """The saved requests."""
        self.post_message(self.Asked(self, "saved", self._editor.given))

    def action_save(self) -> None:
        """Saves what is typed."""
        self._ask("save")

    def action_copy(self) -> None:
        """As curl or httpx."""
        self._ask("copy")

    def action_replay_on(self) -> None:
        """Sends it to two servers."""
        self._ask("other")

    def _ask(self, what: str) -> None:
        if (sending := self._editor.read()) is not None:
            self.post_message(self.Asked(self, what, sending))

    def action_close(self) -> None:
        """Cancels what runs, else leaves; what was typed is not dropped at once."""
        if self._busy:
            self.workers.cancel_group(self, "send")
        elif self._editor.edited and not self._warned:
            self._warned = True
            self._editor.say("What you typed was not sent. Esc again leaves it.")
        else:
            self.dismiss(None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which keys mean anything now."""
        answer = self._view.answer
        match action:
            case "trace":
                return answer is not None and answer.trace is not None
            case "raw" | "next_view":
                return answer is not None
            case "go":
                by = parameters[0]
                return isinstance(by, int) and 0 <= self._index + by < len(self._exchanges)
            case _:
                return True


def _button(action: str, label: str, tooltip: str, *, primary: bool = False) -> Button:
    return Button(
        label,
        "primary" if primary else "default",
        action=f"screen.{action}",
        id=f"do-{action}",
        compact=True,
        tooltip=tooltip,
    )
