"""Holds a WebSocket conversation with what serves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import Button, Input, Static

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.sending import Opening, Sending, Turn
from asgi_tui.frontends.console.driver import Conversation
from asgi_tui.frontends.console.model import Part, SessionModel
from asgi_tui.frontends.console.request_form import Form, fill, read
from asgi_tui.frontends.console.screens.frame import FrameDialog
from asgi_tui.frontends.console.screens.returned import Returned
from asgi_tui.frontends.console.turn_log import (
    HEX,
    JSON,
    TEXT,
    TurnLog,
    closing,
    summary,
    told,
)
from asgi_tui.frontends.console.widgets.choice import Choice
from asgi_tui.frontends.console.widgets.code_area import CodeArea
from asgi_tui.frontends.console.widgets.keys import Keys
from asgi_tui.frontends.console.widgets.say import HINTS, SayInput, message
from asgi_tui.frontends.console.widgets.status_line import StatusLine
from asgi_tui.frontends.console.widgets.turn_table import TurnTable

PAINT = 0.1  # seconds between two repaints of the list at the least
LEAVE_SECONDS = 2.0  # that leaving waits for the other side's close
GOING_AWAY = 1001
CONNECT_TIP = "Open the WebSocket"
CLOSE_TIP = "Close it, with a code and a reason"
HEADERS_TIP = "Headers beside the handshake's own"


def _handshake(opening: Opening) -> Sending:
    """The request of the handshake, as far as it is typed."""
    return Sending("GET", opening.path, opening.headers)


class ConversationScreen(Screen[None]):
    """A WebSocket, its frames both ways, and a line to say something. Leaving closes it with 1001.

    ``converse`` makes a conversation; nothing is opened before its turns are asked for. With ``at_once`` it
    is opened as it is given.
    """

    CSS_PATH = "conversation.tcss"
    AUTO_FOCUS = ""
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-narrow"), (100, "-wide"), (170, "-huge")]  # noqa: RUF012 - as Screen declares it
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-low"), (34, "-tall")]  # noqa: RUF012 - as above
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5,ctrl+s", "connect", "Connect", key_display="F5", tooltip=CONNECT_TIP, id="ws.connect"),
        Binding("f8", "disconnect", "Close it", key_display="F8", tooltip=CLOSE_TIP, id="ws.close"),
        Binding("escape", "close", "Back", tooltip="Close the WebSocket and go back", id="ws.back"),
        Binding("f2", "form", "Form", key_display="F2", tooltip="Say text, JSON or bytes", id="ws.form"),
        Binding("f3", "headers", "Headers", key_display="F3", tooltip=HEADERS_TIP, id="ws.headers"),
        Binding("f4", "look", "Look", key_display="F4", tooltip="All of the chosen message", id="ws.look"),
        Binding("f9", "clear", "Clear", key_display="F9", tooltip="Forget the messages", id="ws.clear"),
    ]

    def __init__(
        self,
        converse: Callable[[Opening], Conversation],
        opening: Opening | None = None,
        *,
        at_once: bool = False,
    ) -> None:
        super().__init__()
        self._converse = converse
        self._given = opening or Opening()
        self._at_once = at_once
        self._conversation: Conversation | None = None
        self._state = ""  # "", "connecting", "open" or "closed"
        self._log = TurnLog()
        self._painting = False
        self._path = Input(compact=True, select_on_focus=False, placeholder="/path", id="ws-path")
        self._subprotocols = Input(
            compact=True, select_on_focus=False, placeholder="none", id="ws-subprotocols"
        )
        self._subprotocols.tooltip = "Names of subprotocols, with commas between them"
        self._headers = CodeArea(id="ws-headers", syntax="headers", placeholder="name: value, a line each")
        self._table = TurnTable()
        self._form = Choice([("text", TEXT), ("JSON", JSON), ("hex", HEX)], TEXT, id="say-form")
        self._say = SayInput()
        self._code = Input("1000", compact=True, select_on_focus=False, id="close-code", restrict=r"\d{0,4}")
        self._reason = Input(
            compact=True, select_on_focus=False, placeholder="reason, if any", id="close-reason"
        )
        self._ask_code = Horizontal(
            Static("Close with", markup=False),
            self._code,
            self._reason,
            Button("Close it", action="screen.hang_up", compact=True, tooltip="Close with this code (Enter)"),
            Button("Back", action="screen.close", compact=True, tooltip="Leave it open (Esc)"),
            id="ws-closing",
        )

    def compose(self) -> ComposeResult:
        """Where to, what was said, what to say."""
        yield StatusLine("requests")
        with Vertical(id="ws", classes="pane"):
            with Horizontal(id="ws-line"):
                yield Static("WS", id="ws-label", markup=False)
                yield self._path
                yield Static("subprotocols", classes="label", markup=False)
                yield self._subprotocols
                yield Button(
                    "Connect",
                    "primary",
                    action="screen.connect",
                    id="do-connect",
                    compact=True,
                    tooltip="Open the WebSocket (F5)",
                )
                yield Button(
                    "Close…",
                    action="screen.disconnect",
                    id="do-disconnect",
                    compact=True,
                    tooltip="Close it with a code (F8)",
                )
                yield Button(
                    "Headers",
                    action="screen.headers",
                    id="do-headers",
                    compact=True,
                    tooltip="Headers beside the handshake's own (F3)",
                )
            yield self._headers
            yield Static("", id="ws-wrong", markup=False)
            yield Static("", id="ws-state", markup=False)
            yield self._table
            yield self._ask_code
            with Horizontal(id="ws-say"):
                yield self._form
                yield self._say
                yield Button("Send", action="screen.say", compact=True, tooltip="Send it (Enter)")
        yield Keys()

    def on_mount(self) -> None:
        """Filled; the path has the focus."""
        form = fill(_handshake(self._given))
        self._path.value = form.path
        self._subprotocols.value = ", ".join(self._given.subprotocols)
        self._headers.show(form.headers, "headers")
        self._headers.display = bool(self._given.headers)
        self._ask_code.display = False
        self.query_one("#ws").border_title = "WebSocket"
        self._complain("")
        self._show_form()
        self._enter("")
        self._path.focus()
        if self._at_once:
            self.action_connect()

    def on_screen_resume(self) -> None:
        """It has missed what happened meanwhile."""
        self.post_message(Returned())

    def show_model(self, model: SessionModel, changed: Part, now: float, *, quitting: bool = False) -> None:
        """How the server stands."""
        self.query_one(StatusLine).show(model, now, quitting=quitting)

    # -- the WebSocket -----------------------------------------------------------------------------

    def action_connect(self) -> None:
        """Opens it, where what is typed is right."""
        if self._state in ("connecting", "open"):
            return
        typed = Form("GET", self._path.value, self._headers.text)
        reading = read(typed, _handshake(self._given))
        self._complain("\n✗ ".join(reading.problems.values()))
        if reading.sending is not None:
            names = tuple(name.strip() for name in self._subprotocols.value.split(",") if name.strip())
            self.hold(Opening(reading.sending.path, reading.sending.headers, names))

    @work(group="hold", exclusive=True)
    async def hold(self, opening: Opening) -> None:
        """Opens it and tells what happens to its end."""
        self._given = opening
        try:
            self._conversation = conversation = self._converse(opening)
        except Problem as problem:
            self._complain(str(problem))
            return
        self._enter("connecting")
        async for turn in conversation.turns():
            self._log.add(turn)
            if turn.kind == "open":
                self._enter("open")
                self._say.focus()
            elif turn.kind in ("close", "failed"):
                self._enter("closed", turn)
            self._paint_soon()
        if self._state != "closed":
            self._enter("closed")

    def action_say(self) -> None:
        """Sends what is typed, as the chosen form has it."""
        text = self._say.value
        if self._state != "open" or self._conversation is None:
            self._complain(str(Problem("Message", "the WebSocket is not open", "connect with F5")))
            return
        try:
            data = message(text, self._form.value)
        except Problem as problem:
            self._complain(str(problem))
            return
        self._complain("")
        self._say.remember()
        self.say(self._conversation, data)

    @work(group="say")
    async def say(self, conversation: Conversation, data: str | bytes) -> None:
        """Sends; what went wrong is said."""
        try:
            await conversation.say(data)
        except Problem as problem:
            self._complain(str(problem))

    def action_disconnect(self) -> None:
        """Asks for the code."""
        if self._state in ("connecting", "open"):
            self._ask_code.display = True
            self._code.focus()

    def action_hang_up(self) -> None:
        """Closes it with the code and the reason that are typed."""
        if self._conversation is not None:
            self.hang_up(self._conversation, int(self._code.value or 1000), self._reason.value)

    @work(group="say")
    async def hang_up(self, conversation: Conversation, code: int, reason: str) -> None:
        """Closes it; that it is closed is told as a turn."""
        try:
            await conversation.close(code, reason)
        except Problem as problem:
            self._complain(str(problem))
            self._code.focus()
        else:
            self._complain("")
            self._ask_code.display = False
            self._say.focus()

    async def on_unmount(self) -> None:
        """Whoever leaves goes away."""
        if self._conversation is not None and self._state in ("connecting", "open"):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._conversation.close(GOING_AWAY, ""), LEAVE_SECONDS)

    # -- what is shown -----------------------------------------------------------------------------

    def _enter(self, state: str, turn: Turn | None = None) -> None:
        self._state = state
        if not self.is_attached:
            return
        said = {
            "": "○ not connected",
            "connecting": "◐ connecting…",
            "open": "● open",
            "closed": "○ closed",
        }[state]
        if turn is not None:
            said = f"○ {closing(turn)}" if turn.kind == "close" else f"✗ {told(turn)}"
        line = self.query_one("#ws-state", Static)
        line.update(said)
        line.set_class(state == "open", "-open")
        line.set_class(turn is not None and turn.kind == "failed", "-failed")
        busy = state in ("connecting", "open")
        self.query_one("#do-connect").display = not busy
        self.query_one("#do-disconnect").display = busy
        for field in (self._path, self._subprotocols, self._headers):
            field.disabled = busy
        if not busy:
            self._ask_code.display = False
        self.refresh_bindings()

    def _paint_soon(self) -> None:
        """A stream of messages repaints a few times a second."""
        if not self._painting:
            self._painting = True
            self.set_timer(PAINT, self._paint)

    def _paint(self) -> None:
        self._painting = False
        self._table.show_log(self._log)
        self.query_one("#ws").border_subtitle = summary(self._log)

    def _complain(self, sentence: str) -> None:
        line = self.query_one("#ws-wrong", Static)
        line.update(f"✗ {sentence}" if sentence else "")
        line.display = bool(sentence)

    def _show_form(self) -> None:
        self._say.placeholder = HINTS[self._form.value]

    # -- keys and clicks ---------------------------------------------------------------------------

    def on_choice_changed(self) -> None:
        """Another form."""
        self._show_form()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter."""
        if event.input is self._say:
            self.action_say()
        elif event.input in (self._code, self._reason):
            self.action_hang_up()
        else:
            self.action_connect()

    def on_cursor_table_chosen(self) -> None:
        """All of a message."""
        self.action_look()

    def action_look(self) -> None:
        """All of the chosen message."""
        row = self._table.cursor
        turn = self._log.find(int(row.key)) if row is not None else None
        if turn is not None:
            self.app.push_screen(FrameDialog(turn))

    def action_form(self) -> None:
        """Text, JSON, hex."""
        self._form.action_move(1)
        self._say.focus()

    def action_headers(self) -> None:
        """Shows the headers, or hides them."""
        self._headers.display = not self._headers.display
        (self._headers if self._headers.display else self._path).focus()

    def action_clear(self) -> None:
        """Forgets what was said."""
        self._log.clear()
        self._paint()

    def action_close(self) -> None:
        """Leaves what is asked, else the screen."""
        if self._ask_code.display:
            self._ask_code.display = False
            self._say.focus()
        else:
            self.dismiss(None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which keys mean anything now."""
        busy = self._state in ("connecting", "open")
        match action:
            case "connect":
                return not busy
            case "disconnect":
                return busy
            case _:
                return True
