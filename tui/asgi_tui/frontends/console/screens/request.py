"""One call of the app, opened from the list: its messages in order, and all that is known of it."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.screen import Screen

from asgi_tui.domain.events import Request
from asgi_tui.frontends.console.history import Place
from asgi_tui.frontends.console.lines import BLANK, Line
from asgi_tui.frontends.console.message_text import step_lines
from asgi_tui.frontends.console.model import Part, SessionModel
from asgi_tui.frontends.console.request_list import RequestList
from asgi_tui.frontends.console.request_text import (
    error_lines,
    head_lines,
    is_page,
    log_lines,
    rule_lines,
    side_lines,
)
from asgi_tui.frontends.console.scope_text import request_lines, response_lines, scope_lines
from asgi_tui.frontends.console.screens.returned import Returned
from asgi_tui.frontends.console.screens.reveal import RevealDialog
from asgi_tui.frontends.console.session_actions import SessionActions
from asgi_tui.frontends.console.veil import Veil
from asgi_tui.frontends.console.widgets.keys import Keys
from asgi_tui.frontends.console.widgets.lines_view import LinesView
from asgi_tui.frontends.console.widgets.request_tabs import TABS, RequestTabs, counts
from asgi_tui.frontends.console.widgets.sequence import Sequence
from asgi_tui.frontends.console.widgets.status_line import StatusLine
from asgi_tui.frontends.console.widgets.waterfall import WaterfallView

BESIDE = 110  # cells from which two panes stand side by side
BELOW = 34  # rows from which the chosen message stands below the diagram, and panes have frames
REVEAL_TIP = "Reveal the secrets of this request, or mask them again"
PAGE_TIP = "HTML as a page reads, or as it was sent"
BACK_TIP = "To the tab before"
SIDE_TIP = "To the other of the two panes"
HEX_TIP = "Bodies as text or as bytes"
DELTA_TIP = "Times since the message before, or since the call"
ZOOM_TIP = "The chosen message on the whole screen, and back"
CURL_TIP = "Copy the request as a curl command"
HTTPX_TIP = "Copy the request as Python code for httpx"
# The title of a step in full.
TITLES = {"scope": "Scope", "gap": "Left out", "end": "End"}


class RequestScreen(Screen[None]):
    """A call, live while it goes on, whether or not the list still has it.

    Secrets are masked; revealing them ends with leaving.
    """

    CSS_PATH = "request.tcss"
    AUTO_FOCUS = ""
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-narrow"), (100, "-wide"), (170, "-huge")]  # noqa: RUF012 - as Screen declares it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", tooltip="Back to the list", id="request.back"),
        Binding("tab,right", "tab(1)", "Tab", key_display="⇥", tooltip="To the next tab", id="request.tab"),
        Binding(
            "shift+tab,left", "tab(-1)", "Previous tab", show=False, tooltip=BACK_TIP, id="request.tab_back"
        ),
        Binding(
            "left_square_bracket",
            "beside(-1)",
            "Previous",
            show=False,  # as it is beside the next one's key
            tooltip="The request before this one",
            id="request.previous",
        ),
        Binding(
            "right_square_bracket",
            "beside(1)",
            "Next",
            key_display="[ ]",
            tooltip="The request after it",
            id="request.next",
        ),
        Binding("u", "unfold", "Unfold", tooltip="Show the whole traceback, or not", id="request.unfold"),
        Binding("f3", "page", "Readable", key_display="F3", tooltip=PAGE_TIP, id="request.page"),
        Binding("f6", "side", "Side", key_display="F6", tooltip=SIDE_TIP, id="request.side"),
        Binding("V", "reveal", "Reveal", tooltip=REVEAL_TIP, id="request.reveal"),
        Binding("x", "hex", "Hex", tooltip=HEX_TIP, id="request.hex"),
        Binding("d", "deltas", "Times", tooltip=DELTA_TIP, id="request.deltas"),
        Binding("z", "zoom", "Zoom", tooltip=ZOOM_TIP, id="request.zoom"),
        Binding("r", "app.replay", "Replay", tooltip="Send the request again", id="request.replay"),
        Binding("e", "app.edit_request", "Edit", tooltip="Edit the request and send it", id="request.edit"),
        Binding(
            "o",
            "app.replay_on",
            "Elsewhere",
            tooltip="Send it again on another server",
            id="request.replay_on",
        ),
        Binding("l", "app.log_lines", "Log lines", tooltip="Its lines of the log", id="request.log_lines"),
        Binding("w", "waterfall", "Waterfall", tooltip="Show the phases, or not", id="request.waterfall"),
        Binding("c", "app.copy_curl", "curl", tooltip=CURL_TIP, id="request.curl"),
        Binding("h", "app.copy_httpx", "httpx", tooltip=HTTPX_TIP, id="request.httpx"),
        Binding("S", "app.save_request", "Save", tooltip="Save the request for later", id="request.save"),
    ]

    def __init__(self, requests: RequestList, call: Request, *, cwd: str = "") -> None:
        super().__init__()
        self._requests = requests
        self._number = -1  # where it is, or was, in the list
        self._cwd = cwd
        self._take(call, lifted=False)
        self._now = 0.0
        self._fresh = True  # nothing of the call was shown yet
        self._tab = "messages"
        self._as_hex = self._as_page = self._unfolded = False
        self._reading = False  # the chosen message has the whole room
        self._zoomed = False
        self._phases = True
        self._beside = False
        self._head = LinesView(id="request-head")
        self._head.can_focus = False
        self._tabs = RequestTabs()
        self._waterfall = WaterfallView()
        self._sequence = Sequence()
        self._step = LinesView(id="step")
        self._left, self._right = LinesView(id="left"), LinesView(id="right")

    def compose(self) -> ComposeResult:
        """Status, head, tabs, what the tab shows, keys."""
        yield StatusLine("requests")
        yield self._head
        yield self._tabs
        with Container(id="request-content"):
            with Vertical(id="messages"):
                yield self._waterfall
                with Container(id="flow"):
                    yield self._sequence
                    yield self._step
            with Horizontal(id="pages"):
                yield self._left
                yield self._right
        yield Keys()

    def on_mount(self) -> None:
        """The diagram has the focus."""
        self._waterfall.border_title, self._sequence.border_title = "Phases", "Messages"
        self._arrange()
        self._sequence.view.focus()

    def on_screen_resume(self) -> None:
        """It has missed what happened meanwhile."""
        self.post_message(Returned())

    def on_screen_suspend(self) -> None:
        """Secrets are not shown to whoever comes back."""
        self._lift(False)

    @property
    def chosen_request(self) -> Request:
        """The call that is shown, as it is known."""
        return self._call

    def show_model(self, model: SessionModel, changed: Part, now: float, *, quitting: bool = False) -> None:
        """Shows what came to be known of the call; while it goes on, once a second how long it has."""
        self.query_one(StatusLine).show(model, now, quitting=quitting)
        call = self._requests.find(self._call.id) or self._call
        ticked = call.outcome == "open" and int(now) != int(self._now)
        news = call is not self._call
        self._now = now
        if news:
            self._take(call, lifted=self._veil.lifted)
        # a body that grows is laid out anew once a second, not with each part of it
        calm = self._tab != "messages" and call.outcome == "open"
        if (news and not calm) or ticked or self._fresh:
            self._show(fresh=self._fresh)

    def _take(self, call: Request, *, lifted: bool) -> None:
        self._call, self._veil = call, Veil(call, lifted=lifted)
        number = self._requests.number(call.id)
        self._number = self._number if number is None else number
        name = "Mask" if lifted else "Reveal"
        (binding,) = self._bindings.key_to_bindings["V"]
        if name != binding.description:  # footer and palette say what the key does now
            self._bindings.key_to_bindings["V"] = [replace(binding, description=name)]
            self.refresh_bindings()

    # -- what is shown -----------------------------------------------------------------------------

    @property
    def _now_ms(self) -> float:
        call = self._call
        since = (self._now - call.at) * 1000 if call.outcome == "open" else 0.0
        return max(since, call.duration_ms)

    def _show(self, *, fresh: bool) -> None:
        """Shows the call; ``fresh``: from its start, else what is the same stays where it is."""
        call, veil = self._call, self._veil
        if not self.is_mounted:
            return
        fresh, self._fresh = fresh or self._fresh, False
        self._head.show(head_lines(call, veil, self._now_ms), fresh=False)
        self._tabs.show(self._tab, counts(call))
        if self._tab == "messages":
            self._waterfall.show_call(call, self._now_ms)
            self._sequence.show_call(call, veil, self._now_ms, fresh=fresh)
            self._show_step(fresh=fresh)
        else:
            self._show_pages(call, veil, fresh=fresh)

    def _show_step(self, *, fresh: bool) -> None:
        call, veil, step = self._call, self._veil, self._sequence.view.step
        if step is None:
            return
        lines = step_lines(call, step, veil, now_ms=self._now_ms, as_hex=self._as_hex, width=self._step.room)
        self._step.show(lines, fresh=fresh)
        self._step.border_title = TITLES.get(step.kind, f"Message #{step.n}")

    def _show_pages(self, call: Request, veil: Veil, *, fresh: bool) -> None:
        left, right = self._pages(call, veil)
        if not self._beside and right:
            left, right = [*left, BLANK, *right], []
        self._right.display = bool(right)
        self._left.show(left, fresh=fresh)
        self._right.show(right, fresh=fresh)

    def _pages(self, call: Request, veil: Veil) -> tuple[list[Line], list[Line]]:
        match self._tab:
            case "scope":
                return scope_lines(call, veil), []
            case "headers":
                return request_lines(call, veil), response_lines(call, veil)
            case "body":
                room = (self.size.width - 2) // (2 if self._beside else 1) - 4
                request, response = (
                    side_lines(call, veil, side, as_hex=self._as_hex, as_page=self._as_page, width=room)
                    for side in ("request", "response")
                )
                return request, response
            case "error":
                return error_lines(call, veil, self._cwd, unfolded=self._unfolded), []
            case "logs":
                return log_lines(call, veil, self._cwd), []
            case _:
                return rule_lines(call), []

    # -- room --------------------------------------------------------------------------------------

    def on_resize(self, event: events.Resize) -> None:
        """What has room beside what."""
        self._beside = event.size.width >= BESIDE
        self.set_class(self._beside, "-beside")
        self.set_class(not self._beside and event.size.height >= BELOW, "-below")
        self.set_class(event.size.height >= BELOW, "-framed")
        self._arrange()
        self._show(fresh=False)
        self.refresh_bindings()  # whether there is something to zoom

    def _arrange(self) -> None:
        self.set_class(self._tab == "messages", "-messages")
        self.set_class(self._reading, "-reading")
        self.set_class(self._zoomed, "-zoomed")
        self._waterfall.display = self._phases and not (self._reading and not self.has_class("-framed"))

    # -- moving ------------------------------------------------------------------------------------

    def action_tab(self, step: int) -> None:
        """To the next tab."""
        names = list(TABS)
        self.show_tab(names[(names.index(self._tab) + step) % len(names)])

    def show_tab(self, tab: str) -> None:
        """Shows a tab and gives it the focus."""
        self._tab, self._reading, self._zoomed = tab, False, False
        self._arrange()
        self._show(fresh=tab != "messages")
        # the longer one of two is what there is to scroll
        right = len(self._right.lines) > len(self._left.lines)
        (self._sequence.view if tab == "messages" else self._right if right else self._left).focus()
        self.refresh_bindings()

    def on_request_tabs_chosen(self, event: RequestTabs.Chosen) -> None:
        """A tab was clicked."""
        self.show_tab(event.tab)

    def on_lines_view_moved(self, event: LinesView.Moved) -> None:
        """Another message was chosen."""
        if event.view is self._sequence.view:
            self._show_step(fresh=True)

    def on_lines_view_opened(self, event: LinesView.Opened) -> None:
        """A message is read, a rule leads to its message, a place is opened in the editor."""
        if event.view is self._sequence.view:
            self._reading = True
            self._arrange()
            self._step.focus()
        elif isinstance(event.target, Place):
            app = self.app
            assert isinstance(app, SessionActions)
            app.action_open_place(event.target)
        else:
            self.show_tab("messages")
            self._sequence.view.choose_step(event.target)

    def action_back(self) -> None:
        """From the message to the diagram, from there to the list."""
        if self._reading or self.focused is self._step:
            self._reading = self._zoomed = False
            self._arrange()
            self._sequence.view.focus()
        else:
            self.dismiss(None)

    def action_beside(self, by: int) -> None:
        """To the request before or after."""
        call = self._requests.beside(self._number, by)
        if call is not None:
            self._take(call, lifted=False)
            self._unfolded = False
            self._show(fresh=True)
            self.refresh_bindings()
        else:
            which = "after" if by > 0 else "before"
            self.notify(f"There is no request {which} this one in the list.", timeout=2)

    # -- how it is shown ---------------------------------------------------------------------------

    def action_hex(self) -> None:
        """Bodies as text or as bytes."""
        self._as_hex = not self._as_hex
        if self._tab == "messages":
            self._show_step(fresh=True)
        else:
            self._show(fresh=True)

    def action_side(self) -> None:
        """To the other of the two panes."""
        (self._left if self.focused is self._right else self._right).focus()

    def action_page(self) -> None:
        """HTML as a page reads, or as it was sent."""
        self._as_page = not self._as_page
        self._show(fresh=True)

    def action_unfold(self) -> None:
        """The whole traceback, or the user's frames."""
        self._unfolded = not self._unfolded
        self._show(fresh=True)

    def action_deltas(self) -> None:
        """Times since the message before, or since the call."""
        self._sequence.view.toggle_deltas()

    def action_zoom(self) -> None:
        """The chosen message on the whole screen, and back."""
        self._zoomed = not self._zoomed
        self._arrange()
        (self._step if self._zoomed else self._sequence.view).focus()

    def action_waterfall(self) -> None:
        """Shows the phases, or not."""
        self._phases = not self._phases
        self._arrange()

    def action_reveal(self) -> None:
        """Asks before secrets are shown; masks them again without asking."""
        if self._veil.lifted:
            self._lift(False)
        else:
            asked = self._call.id
            self.app.push_screen(RevealDialog(), lambda yes: self._revealed(asked, yes))

    def _revealed(self, asked: str, yes: bool | None) -> None:
        if yes and self._call.id == asked:
            self._lift(True)

    def _lift(self, lifted: bool) -> None:
        if self._veil.lifted is not lifted:
            self._take(self._call, lifted=lifted)
            self._show(fresh=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which keys mean anything in this tab."""
        match action:
            case "deltas" | "waterfall":
                return self._tab == "messages"
            case "hex":
                return self._tab in ("messages", "body")
            case "side":
                return self._tab != "messages" and self._right.display
            case "page":
                return self._tab == "body" and any(map(is_page, (self._call.body, self._call.answer)))
            case "unfold":
                error = self._call.error
                return self._tab == "error" and error is not None and bool(error.traceback)
            case "zoom":
                return self._tab == "messages" and (self._beside or self.has_class("-below"))
        return True
