"""What the keys of the log do, whichever pane of the screen has the focus."""

from __future__ import annotations

import asyncio
import re
from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input

from asgi_tui.domain.log_filter import LEAST, LogFilter, least_level, parse, with_least
from asgi_tui.domain.typed_filter import quoted
from asgi_tui.engine.log_store import LogStore
from asgi_tui.frontends.console.format import count
from asgi_tui.frontends.console.session_actions import SessionActions
from asgi_tui.frontends.console.widgets.logs import Logs

LEVEL_TIP = "The least level of the log that is shown: all, info, warning, error"
TIMES_TIP = "Another way to show the times of the log"
SAVE_TIP = "Save the log, as it is filtered, to a file"
CLEAR_TIP = "Forget the log, after a question"
REQUEST_TIP = "Open the request that the line of the log belongs to"
DROP_TIP = "Take the last term of the log's filter away"


class LogScreen(Screen[None]):
    """A screen with a log pane; ``find`` and ``filter_log`` have keys where its own footer has room."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f,end", "follow", "Follow", show=False, tooltip="Follow the log again", id="run.follow"),
        Binding("w", "wrap", "Wrap", show=False, tooltip="Wrap long log lines, or not", id="run.wrap"),
        Binding("n", "find_step(1)", "Next hit", show=False, tooltip="Go to the next hit", id="run.hit"),
        Binding(
            "N",
            "find_step(-1)",
            "Previous hit",
            show=False,
            tooltip="Go to the one before",
            id="run.hit_back",
        ),
        Binding("L", "level", "Least level", show=False, tooltip=LEVEL_TIP, id="log.level"),
        Binding("d", "times", "Times", show=False, tooltip=TIMES_TIP, id="log.times"),
        Binding("v", "log_request", "Request", show=False, tooltip=REQUEST_TIP, id="log.request"),
        Binding("S", "save_log", "Save the log", show=False, tooltip=SAVE_TIP, id="log.save"),
        Binding("ctrl+l", "clear_log", "Clear the log", show=False, tooltip=CLEAR_TIP, id="log.clear"),
        Binding("backspace", "drop_last", "Drop a term", show=False, tooltip=DROP_TIP, id="log.drop"),
    ]

    class RequestAsked(Message):
        """A request is to be shown; ``request`` is its id."""

        def __init__(self, request: str) -> None:
            self.request = request
            super().__init__()

    def show_pane(self, pane: str) -> None:
        """Shows a pane and gives it the focus. For the subclass to do."""
        raise NotImplementedError

    @property
    def logs(self) -> Logs:
        """The pane."""
        return self.query_one(Logs)

    @property
    def _session(self) -> SessionActions:
        app = self.app
        assert isinstance(app, SessionActions)
        return app

    @property
    def _store(self) -> LogStore:
        return self._session.model.logs

    # -- finding -----------------------------------------------------------------------------------

    def action_find(self) -> None:
        """Opens the find line."""
        self.action_open_find()

    def action_open_find(self) -> None:
        """Likewise, by a click, also from within another line."""
        self.show_pane("logs")
        self.logs.find.open()

    def action_find_step(self, by: int) -> None:
        """To another hit."""
        self.logs.view.step_hit(by)
        self.logs.show()

    def action_find_regex(self) -> None:
        """A regular expression, or text as it is."""
        self.logs.find.toggle_regex()

    def action_find_case(self) -> None:
        """Upper and lower case are not the same, or are."""
        self.logs.find.toggle_case()

    # -- filtering ---------------------------------------------------------------------------------

    def filter_request(self, request: str) -> None:
        """Shows the lines of one request alone."""
        plain = re.fullmatch(r"[\w.-]+", request) is not None
        self.logs.narrow(parse(f"request:{request}" if plain else quoted("request", request)))
        self.show_pane("logs")

    def action_filter_log(self) -> None:
        """Opens the filter line."""
        self.show_pane("logs")
        self.logs.filter.open()

    def action_leave_filter(self) -> None:
        """To the log; the filter stays in force."""
        self.logs.close_filter()

    def action_drop_term(self, index: int) -> None:
        """Takes one term of the filter away."""
        self.logs.narrow(self.logs.wanted.without(index))

    def action_drop_last(self) -> None:
        """Takes the last term of the filter away."""
        self.action_drop_term(len(self.logs.wanted.terms) - 1)

    def action_level(self) -> None:
        """The next least level."""
        wanted = self.logs.wanted
        level = least_level(wanted)
        at = LEAST.index(level) if level in LEAST else -1
        self.logs.narrow(with_least(wanted, LEAST[(at + 1) % len(LEAST)]))

    def close_log_lines(self) -> bool:
        """Closes the find line, else clears the filter that is being typed; whether there was one."""
        logs = self.logs
        if logs.find.opened and not (logs.filter.opened and not logs.find.typing):
            logs.close_find()
        elif logs.filter.opened:
            self.clear_filter()
            logs.close_filter()
        else:
            return False
        return True

    def clear_filter(self) -> None:
        """Every entry again."""
        self.logs.narrow(LogFilter())

    # -- how it is shown ---------------------------------------------------------------------------

    def action_follow(self) -> None:
        """To the end of the log."""
        self.logs.view.follow()
        self.logs.show()

    def action_wrap(self) -> None:
        """Wraps long lines, or not."""
        self.logs.view.toggle_wrap()
        self.logs.show()

    def action_times(self) -> None:
        """Times in the next way."""
        self.logs.cycle_times()

    def action_next_mark(self) -> None:
        """To the next entry that is marked."""
        self.logs.view.action_step_mark(1)

    # -- what is done with it ----------------------------------------------------------------------

    def action_log_request(self) -> None:
        """Opens the request of the line."""
        request = self.logs.view.current_request
        if request:
            self.post_message(self.RequestAsked(request))

    def action_save_log(self) -> None:
        """Asks for the file's name."""
        from asgi_tui.frontends.console.screens.save_log import SaveLogDialog

        self.app.push_screen(SaveLogDialog(self._store, self.logs.wanted, self._session.plan_cwd or "."))

    def action_clear_log(self) -> None:
        """Asks first: what is on disk is forgotten too."""
        from asgi_tui.frontends.console.screens.clear_log import ClearLogDialog

        self.app.push_screen(ClearLogDialog(self._store.lines), self._cleared)

    def _cleared(self, yes: bool | None) -> None:
        if yes:
            self.clear_log()

    @work(group="clear_log")
    async def clear_log(self) -> None:
        """Forgets the log."""
        lines = self._store.lines
        await asyncio.to_thread(self._store.clear)
        self.logs.show()
        self.refresh_bindings()
        self.notify(f"Cleared {count(lines)} lines.", title="Log", timeout=3)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which keys mean anything now."""
        if not self.is_mounted:
            return True
        match action:
            case "find_step":
                return self.logs.find.opened
            case "find":
                return not isinstance(self.focused, Input)
            case "drop_last":
                return bool(self.logs.wanted.terms)
            case "log_request":
                return bool(self.logs.view.current_request)
            case "save_log" | "clear_log":
                return self._store.end > self._store.first
            case _:
                return True
