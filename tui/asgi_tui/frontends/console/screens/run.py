"""Mode 2: the running app: traffic, reloads and logs."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget

from asgi_tui.domain.text import sanitize
from asgi_tui.frontends.console.model import Part, SessionModel
from asgi_tui.frontends.console.screens.log_keys import LogScreen
from asgi_tui.frontends.console.screens.returned import Returned
from asgi_tui.frontends.console.widgets.banner import Banner
from asgi_tui.frontends.console.widgets.keys import Keys
from asgi_tui.frontends.console.widgets.logs import Logs
from asgi_tui.frontends.console.widgets.offers import Offers
from asgi_tui.frontends.console.widgets.pane_tabs import PANES, PaneTabs
from asgi_tui.frontends.console.widgets.reloads import Reloads
from asgi_tui.frontends.console.widgets.status_line import StatusLine
from asgi_tui.frontends.console.widgets.traffic import Traffic

SINGLE_BELOW = 100  # cells below which one pane is shown at a time
LOW_BELOW = 20  # rows, likewise
END_TIP = "End at once what a replaced server still has open"
EXCLUDE_TIP = "Leave out the file that the app writes itself"
WATCH_TIP = "Pause watching, or resume it"
BACK_TIP = "Move the running app to the server it was on before"
CLOSE_TIP = "Close the find line, leave zoom, close the banner, or clear the log's filter"
FILTER_TIP = "Filter the log by text, level, logger, worker, stream or request"
RESTART_TIP = "Restart the server with nothing imported in advance"


class RunScreen(LogScreen):
    """Three panes side by side, or one at a time where there is no room for more."""

    CSS_PATH = "run.tcss"
    AUTO_FOCUS = ""
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-narrow"), (100, "-wide"), (170, "-huge")]  # noqa: RUF012 - as Screen declares it
    BINDINGS: ClassVar[list[BindingType]] = [
        # what is only there when it is needed comes first: it has room in every footer
        Binding("o", "app.edit", "Edit", tooltip="Open the place at fault in the editor", id="run.edit"),
        Binding("g,enter", "app.start", "Start", tooltip="Start the server again", id="run.start"),
        Binding(
            "s", "app.switch", "Switch", tooltip="Move the running app to another server", id="run.switch"
        ),
        Binding("r", "app.reload", "Reload", tooltip="Bring the code as it is now live", id="run.reload"),
        Binding("x", "app.stop", "Stop", tooltip="Stop the server", id="run.stop"),
        Binding("p", "app.watch", "Pause", tooltip=WATCH_TIP, id="run.watch"),
        Binding("b", "app.switch_back", "Back", tooltip=BACK_TIP, id="run.back_to"),
        Binding("slash", "find", "Find", tooltip="Find in the log", id="run.find"),
        Binding("ampersand", "filter_log", "Filter", key_display="&", tooltip=FILTER_TIP, id="run.filter"),
        Binding("R", "app.restart", "Restart", tooltip=RESTART_TIP, id="run.restart"),
        Binding("z", "zoom", "Zoom", tooltip="The focused pane on the whole screen, and back", id="run.zoom"),
        Binding("c", "app.copy_command", "Copy", tooltip="Copy the native command", id="run.copy"),
        Binding("i", "app.ran", "Ran", tooltip="What really ran, and with which settings", id="run.ran"),
        # these two stand in a line of their own while they mean anything
        Binding("e", "app.end_streams", "End streams", show=False, tooltip=END_TIP, id="run.end"),
        Binding("l", "app.exclude", "Leave out", show=False, tooltip=EXCLUDE_TIP, id="run.exclude"),
        Binding("tab", "pane(1)", "Next pane", show=False, tooltip="Go to the next pane", id="run.next"),
        Binding(
            "shift+tab",
            "pane(-1)",
            "Previous pane",
            show=False,
            tooltip="Go to the one before",
            id="run.back",
        ),
        Binding(
            "escape",
            "dismiss_top",
            "Close",
            show=False,
            tooltip=CLOSE_TIP,
            id="run.close",
        ),
    ]

    def __init__(self, model: SessionModel) -> None:
        super().__init__()
        self._model = model
        self._pane = "logs"
        self._zoomed = False
        self._single = False

    def compose(self) -> ComposeResult:
        """Status, banner, panes, keys."""
        yield StatusLine("run", with_vitals=True)
        yield Banner()
        yield Offers()
        yield PaneTabs()
        with Container(id="panes"):
            with Container(id="side"):
                yield Traffic()
                yield Reloads()
            yield Logs(self._model.logs)
        yield Keys()

    def on_screen_resume(self) -> None:
        """It has missed what happened meanwhile."""
        self.post_message(Returned())

    def on_mount(self) -> None:
        """The log has the focus: it is what moves first."""
        self._arrange()
        self._target("logs").focus()

    def show_model(self, model: SessionModel, changed: Part, now: float, *, quitting: bool = False) -> None:
        """Hands each pane what changed."""
        self.query_one(StatusLine).show(model, now, quitting=quitting)
        self.query_one(Offers).show(model, now)
        if Part.LOGS in changed:
            self.logs.show()
        if changed & (Part.TRAFFIC | Part.STATUS):
            self._traffic.show(model)
        if Part.RELOADS in changed:
            self.query_one(Reloads).show(model)
        if Part.FAULT in changed:
            self.query_one(Banner).show(model.fault)
        if changed & ~(Part.TRAFFIC | Part.LOGS):
            self._name_keys(model)
            self.refresh_bindings()

    def _name_keys(self, model: SessionModel) -> None:
        """Footer, palette and help say what a key does now."""
        watching = model.watching
        names = {
            "p": "Resume" if model.paused else "Pause",
            "b": f"Back to {self._session.previous_server}",
            "l": f"Leave out {sanitize(watching.exclude)}" if watching and watching.exclude else "Leave out",
        }
        for key, name in names.items():
            (binding,) = self._bindings.key_to_bindings[key]
            if binding.description != name:
                self._bindings.key_to_bindings[key] = [replace(binding, description=name)]

    # -- panes -------------------------------------------------------------------------------------

    @property
    def shows_reloads(self) -> bool:
        """Whether the reloads pane is in sight."""
        return not (self._single or self._zoomed) or self._pane == "reloads"

    def on_resize(self, event: events.Resize) -> None:
        """Side by side, or one at a time."""
        self._single = event.size.width < SINGLE_BELOW or event.size.height < LOW_BELOW
        self._arrange()

    def _refit(self) -> None:
        self._traffic.show(self._model)
        self.query_one(Reloads).show(self._model)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The pane that has the focus is the one that would be zoomed."""
        for widget in event.widget.ancestors_with_self:
            if widget.id in PANES:
                self._pane = widget.id

    def on_pane_tabs_chosen(self, event: PaneTabs.Chosen) -> None:
        """Its name was clicked."""
        self.show_pane(event.pane)

    def on_traffic_window_asked(self, event: Traffic.WindowAsked) -> None:
        """Another window of time."""
        self._session.action_window(event.window)
        self._traffic.show(self._model)

    def on_traffic_pause_asked(self) -> None:
        """The numbers stand still, or move again."""
        self._session.action_pause_traffic()
        self._traffic.show(self._model)

    def on_traffic_reset_asked(self) -> None:
        """The numbers begin anew."""
        self._session.action_reset_traffic()
        self._traffic.show(self._model)

    def show_pane(self, pane: str) -> None:
        """Shows a pane and gives it the focus."""
        self._pane = pane
        self._arrange()
        self.set_focus(self._target(pane))  # at once: a line of it may be opened next

    def action_pane(self, step: int) -> None:
        """To the next pane."""
        panes = list(PANES)
        self.show_pane(panes[(panes.index(self._pane) + step) % len(panes)])

    def action_zoom(self) -> None:
        """One pane on the whole screen, and back."""
        self._zoomed = not self._zoomed
        self._arrange()
        self._target(self._pane).focus()

    def _arrange(self) -> None:
        single = self._single or self._zoomed
        self.set_class(single, "-single")
        for pane in PANES:
            self.set_class(single and pane == self._pane, f"-show-{pane}")
        self.query_one(PaneTabs).show(self._pane)
        self.call_after_refresh(self._refit)  # what was hidden had no width

    def _target(self, pane: str) -> Widget:
        match pane:
            case "traffic":
                return self._traffic.target
            case "reloads":
                return self.query_one("#reload-list")
            case _:
                return self.logs.view

    @property
    def _traffic(self) -> Traffic:
        return self.query_one(Traffic)

    # -- closing -----------------------------------------------------------------------------------

    def action_dismiss_top(self) -> None:
        """Closes what lies on top."""
        if self.close_log_lines():
            return
        if self._zoomed:
            self.action_zoom()
        elif self._model.fault is not None:
            self._dismiss_banner()
        else:
            self.clear_filter()

    def on_banner_dismissed(self) -> None:
        """Closed by a click."""
        self._dismiss_banner()

    def _dismiss_banner(self) -> None:
        self._model.dismiss()
        self.query_one(Banner).show(None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which keys mean anything now."""
        if action == "zoom":
            return not self._single or None
        return super().check_action(action, parameters)
