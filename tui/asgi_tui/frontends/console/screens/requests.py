"""Mode 3: the requests as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input

from asgi_tui.domain.events import Request, State
from asgi_tui.domain.text import sanitize
from asgi_tui.frontends.console import format as show
from asgi_tui.frontends.console.model import Part, SessionModel
from asgi_tui.frontends.console.request_filter import RequestFilter, parse, quoted
from asgi_tui.frontends.console.screens.returned import Returned
from asgi_tui.frontends.console.session_actions import SessionActions
from asgi_tui.frontends.console.widgets.keys import Keys
from asgi_tui.frontends.console.widgets.request_filter import FilterBar
from asgi_tui.frontends.console.widgets.request_table import RequestTable
from asgi_tui.frontends.console.widgets.status_line import StatusLine

ALL_TIP = "Trace every request there is room for, or only some a second"
CURL_TIP = "Copy the request as a curl command"
HTTPX_TIP = "Copy the request as Python code for httpx"

# Values that the filter line can complete, by its keys.
_READ: dict[str, Callable[[Request], str]] = {
    "method": lambda call: call.method,
    "server": lambda call: call.server,
    "worker": lambda call: str(call.pid),
    "route": lambda call: call.route.removeprefix(f"{call.method} "),
}


class RequestsScreen(Screen[None]):
    """The list with its filter; opens one request on a screen of its own."""

    CSS_PATH = "requests.tcss"
    AUTO_FOCUS = ""
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-narrow"), (100, "-wide"), (170, "-huge")]  # noqa: RUF012 - as Screen declares it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("g", "app.start", "Start", tooltip="Start the server", id="requests.start"),
        Binding(
            "enter", "open", "Open", tooltip="Open the request: its messages in order", id="requests.open"
        ),
        Binding("slash", "filter", "Filter", tooltip="Filter the requests", id="requests.filter"),
        Binding("r", "app.replay", "Replay", tooltip="Send the request again", id="requests.replay"),
        Binding("e", "app.edit_request", "Edit", tooltip="Edit the request and send it", id="requests.edit"),
        Binding("n", "app.new_request", "New", tooltip="Send a new request", id="requests.new"),
        Binding("p", "pause", "Pause", tooltip="Let the list stand still, or go on", id="requests.pause"),
        Binding("f,end", "follow", "Follow", tooltip="Follow the newest request", id="requests.follow"),
        Binding("a", "trace_all", "Trace all", tooltip=ALL_TIP, id="requests.all"),
        Binding("x", "clear", "Clear", tooltip="Forget the requests of the list", id="requests.clear"),
        Binding(
            "o",
            "app.replay_on",
            "Replay on",
            tooltip="Send it again on another server",
            id="requests.replay_on",
        ),
        Binding(
            "w", "app.open_websocket", "WebSocket", tooltip="Hold a WebSocket conversation", id="requests.ws"
        ),
        Binding("c", "app.copy_curl", "curl", tooltip=CURL_TIP, id="requests.curl"),
        Binding("h", "app.copy_httpx", "httpx", tooltip=HTTPX_TIP, id="requests.httpx"),
        Binding("S", "app.save_request", "Save", tooltip="Save the request for later", id="requests.save"),
        Binding("l", "app.saved_requests", "Saved", tooltip="The saved requests", id="requests.saved"),
        Binding("escape", "close", "Close", show=False, tooltip="Clear the filter", id="requests.close"),
    ]

    class Opened(Message):
        """A request is to be shown."""

        def __init__(self, request: Request) -> None:
            self.request = request
            super().__init__()

    def __init__(self, model: SessionModel) -> None:
        super().__init__()
        self._model = model
        self._requests = model.requests
        self._table = RequestTable(model.requests)
        self._filter = FilterBar(self._values)
        self._pane = Vertical(self._table, self._filter, id="requests")
        self._now = 0.0
        self._offered: object = None  # what decides which keys mean something

    def compose(self) -> ComposeResult:
        """Status, list and filter, keys."""
        yield StatusLine("requests")
        yield self._pane
        yield Keys()

    def on_mount(self) -> None:
        """The list has the focus; a filter that was set before it was there is shown."""
        self._filter.show(self._requests.narrowed)
        self._table.focus()

    def on_screen_resume(self) -> None:
        """It has missed what happened meanwhile."""
        self.post_message(Returned())

    def show_model(self, model: SessionModel, changed: Part, now: float, *, quitting: bool = False) -> None:
        """Shows what changed; with nothing changed, how long what is open has been so."""
        self.query_one(StatusLine).show(model, now, quitting=quitting)
        self._now = now
        if not changed or changed & (Part.REQUESTS | Part.TRAFFIC | Part.STATUS):
            self._show()
        if changed & (Part.STATUS | Part.OFFERS):
            self.refresh_bindings()

    @property
    def chosen_request(self) -> Request | None:
        """The request under the cursor."""
        return self._table.chosen

    def filter_route(self, route: str) -> None:
        """Shows the requests of one route alone."""
        self._filter_by(parse(quoted("route", sanitize(route))))

    # -- what is shown -----------------------------------------------------------------------------

    def _show(self) -> None:
        self._table.sync(self._now, self._empty())
        self._set("border_title", self._title())
        self._set("border_subtitle", self._subtitle())
        self._name_keys()

    def _title(self) -> str:
        kept, stats = self._requests.http, self._model.stats
        whole = max(stats.requests if stats else 0, kept)
        others = len(self._requests) - kept
        parts = [f"Requests · {show.count(kept)} of {show.count(whole)} requests kept"]
        parts += [f"{show.count(others)} other calls"] if others > 1 else ["1 other call"] if others else []
        if self._requests.narrowed.terms:
            parts.append(f"{show.count(len(self._requests.rows))} match")
        return " · ".join(parts)

    def _subtitle(self) -> str:
        if self._requests.paused:
            waiting = show.count(self._requests.waiting)
            parts = [f"‖ PAUSED, {waiting} waiting · p goes on"]
        elif self._table.following:
            parts = ["FOLLOW"]
        else:
            unseen = self._table.unseen
            parts = [f"+{show.count(unseen)} new · End follows" if unseen else "End follows"]
        app = self.app
        assert isinstance(app, SessionActions)
        rate = app.trace_rate
        parts.append("tracing all" if rate is None else f"tracing {rate}/s a worker")
        bound = f"newest {show.count(self._requests.maximum)} or {show.size(self._requests.max_bytes)} kept"
        room = self.size.width - 8
        return " · ".join([*parts, bound] if len(" · ".join([*parts, bound])) <= room else parts)

    def _empty(self) -> str:
        model = self._model
        if len(self._requests):
            return f"None of {show.count(len(self._requests))} matches the filter.\nEsc clears it."
        if model.state in (State.STOPPED, State.CRASHED):
            return "Nothing runs.\ng starts the server, 1 opens the form."
        if model.state is not State.READY or not model.url:
            return "The server is on its way."
        lines = ["No request yet.", f"Open {sanitize(model.url)} in a browser, or press n to send a request."]
        if self._requests.paused:
            lines.append("The list stands still: p goes on.")
        return "\n".join(lines)

    def _set(self, name: str, text: str) -> None:
        if getattr(self._pane, name) != text:
            setattr(self._pane, name, text)

    def _name_keys(self) -> None:
        """Footer, palette and help say what a key does now, for what is under the cursor."""
        app, call = self.app, self.chosen_request
        assert isinstance(app, SessionActions)
        names = {
            "p": "Go on" if self._requests.paused else "Pause",
            "a": "Trace less" if app.traces_all else "Trace all",
        }
        offered = (names, type(call), call is not None and call.outcome)
        if offered == self._offered:
            return
        self._offered = offered
        for key, name in names.items():
            (binding,) = self._bindings.key_to_bindings[key]
            self._bindings.key_to_bindings[key] = [replace(binding, description=name)]
        self.refresh_bindings()

    def _values(self, key: str) -> Iterable[str]:
        """What the calls that are kept have under a key of the filter, the newest first."""
        read = _READ.get(key)
        if read is None:
            return ()
        return dict.fromkeys(sanitize(read(call)) for call in reversed(list(self._requests)))

    # -- what its widgets tell it ------------------------------------------------------------------

    def on_request_table_moved(self) -> None:
        """Another row, or follow was left or resumed."""
        self._show()

    def on_request_table_opened(self) -> None:
        """A double click."""
        self.action_open()

    def on_filter_bar_changed(self, event: FilterBar.Changed) -> None:
        """Other calls are rows."""
        self._requests.narrow(event.wanted)
        self._show()
        self._table.show_cursor()

    # -- actions -----------------------------------------------------------------------------------

    def action_open(self) -> None:
        """Opens the request under the cursor."""
        call = self.chosen_request
        if call is not None:
            self.post_message(self.Opened(call))

    def action_filter(self) -> None:
        """Opens the filter line."""
        self._filter.open()

    def action_leave_filter(self) -> None:
        """To the list; the filter stays in force."""
        self._filter.close()
        self._table.focus()

    def action_drop_term(self, index: int) -> None:
        """Takes one term of the filter away."""
        self._filter.drop(index)

    def action_close(self) -> None:
        """Clears the filter."""
        self._filter_by(RequestFilter())
        self.action_leave_filter()

    def _filter_by(self, wanted: RequestFilter) -> None:
        self._requests.narrow(wanted)
        if self.is_mounted:
            self._filter.show(wanted)
            self._show()

    def action_follow(self) -> None:
        """To the newest request, and on with what comes."""
        self._table.follow()
        self._show()

    def action_pause(self) -> None:
        """The list stands still, or goes on."""
        if self._requests.paused:
            self._requests.resume()
        else:
            self._requests.pause()
        self._show()

    def action_clear(self) -> None:
        """Forgets what is kept."""
        self._requests.clear()
        self._show()

    def action_trace_all(self) -> None:
        """Every request, or some a second."""
        app = self.app
        assert isinstance(app, SessionActions)
        app.action_trace_all()
        self._show()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which keys mean anything now."""
        match action:
            case "open":
                return self.chosen_request is not None
            case "filter":
                return not (self.is_mounted and isinstance(self.focused, Input))
            case "clear":
                return bool(len(self._requests)) or bool(self._requests.waiting)
            case _:
                return super().check_action(action, parameters)
