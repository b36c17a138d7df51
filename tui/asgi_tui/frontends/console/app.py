"""The console's app: it wires the session, the screens and the keys, and does no work of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.filter import Monochrome, NoColor
from textual.screen import Screen
from textual.timer import Timer

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.events import Switch
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.text import sanitize
from asgi_tui.frontends.console.app_keys import AppKeys
from asgi_tui.frontends.console.driver import Driver
from asgi_tui.frontends.console.log_links import LogLinks
from asgi_tui.frontends.console.model import Part
from asgi_tui.frontends.console.screens.returned import Returned
from asgi_tui.frontends.console.screens.shows_model import ShowsModel
from asgi_tui.frontends.console.terminal import LATE, Pace
from asgi_tui.frontends.console.themes import DARK, FALLBACKS, LIGHT, THEMES
from asgi_tui.frontends.console.widgets.status_line import MODES as MODE_TITLES
from asgi_tui.frontends.console.widgets.status_line import ModeTab

if TYPE_CHECKING:
    from rich.console import RenderableType
    from textual.command import Provider

    from asgi_tui.engine.knowledge import Knowledge
    from asgi_tui.engine.project import Project
    from asgi_tui.frontends.console.screens.launch import LaunchScreen
    from asgi_tui.frontends.console.screens.requests import RequestsScreen
    from asgi_tui.frontends.console.widgets.reloads import Reloads
    from asgi_tui.frontends.console.widgets.traffic import Traffic

SWITCH_TOAST = 3.0  # seconds


def _commands() -> type[Provider]:
    from asgi_tui.frontends.console.commands import ConsoleCommands

    return ConsoleCommands


class ConsoleApp(AppKeys, LogLinks):
    """The terminal console of one session."""

    TITLE = "asgi-tui"
    CSS_PATH = "app.tcss"
    COMMANDS: ClassVar = {_commands}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "mode('launch')", "Launch", show=False, tooltip="Go to Launch", id="app.launch"),
        Binding("2", "mode('run')", "Run", show=False, tooltip="Go to Run", id="app.run"),
        Binding("3", "mode('requests')", "Requests", show=False, tooltip="Go to Requests", id="app.requests"),
        Binding("question_mark", "help", "Help", tooltip="Every key", key_display="?", id="app.help"),
        # where a field takes the question mark
        Binding("f1", "help", "Help", tooltip="Every key, in fields too", key_display="F1"),
        Binding("t", "toggle_theme", "Theme", show=False, tooltip="Dark or light theme", id="app.theme"),
        Binding("q", "quit_console", "Quit", tooltip="Stop the server and quit", id="app.quit"),
        Binding(
            "ctrl+q", "quit_console", "Quit", show=False, priority=True, tooltip="Stop the server and quit"
        ),
        Binding(
            "ctrl+c",
            "interrupt",
            "Copy or quit",
            show=False,
            priority=True,
            tooltip="Copy the selection, else stop and quit; twice quits at once",
        ),
        Binding(
            "ctrl+z",
            "suspend_process",
            "Suspend",
            show=False,
            priority=True,
            tooltip="Suspend to the shell (fg comes back)",
        ),
    ]

    def __init__(
        self,
        *,
        driver: Driver,
        knowledge: Knowledge,
        plan: LaunchPlan | None = None,
        note: str = "",
        autostart: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(driver)
        self._problem = ""  # why the project or the interpreter named last cannot be used
        self._knowledge = knowledge
        self._given = plan
        self._note = note
        self._autostart = autostart and plan is not None
        self._clock = clock
        self._changed = Part.NONE
        self._paint_timer: Timer | None = None
        self._painted_at = 0.0
        self._pace = Pace(far="SSH_CONNECTION" in os.environ)
        self._draw_timer: Timer | None = None
        self._quitting = False
        self._launch: LaunchScreen | None = None
        if self.no_color:
            # Textual would send greys, which are colours too to a terminal.
            self._filters = [NoColor() if isinstance(item, Monochrome) else item for item in self._filters]
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = DARK.name
        self.add_mode("launch", self._launch_screen)
        self.add_mode("run", self._run_screen)
        self.add_mode("requests", self._requests_screen)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our own colour names, for themes that lack them."""
        return FALLBACKS

    def _launch_screen(self) -> Screen[None]:
        from asgi_tui.frontends.console.screens.launch import LaunchScreen

        return LaunchScreen(self._drive.plan or self._given, self._knowledge, self._note)

    def _run_screen(self) -> Screen[None]:
        from asgi_tui.frontends.console.screens.run import RunScreen

        return RunScreen(self.model)

    def _requests_screen(self) -> Screen[None]:
        from asgi_tui.frontends.console.screens.requests import RequestsScreen

        return RequestsScreen(self.model)

    async def on_mount(self) -> None:
        """Opens the first screen, listens to the session, looks at the project."""
        await self.switch_mode("run" if self._autostart else "launch")
        self.trace()
        self._drive.show_window(self.model.traffic_window)
        self.mode_change_signal.subscribe(self, lambda _: self.trace())
        self.listen()
        # the first paint does not share the interpreter with a thread that imports and reads files
        given = self._given
        self.call_after_refresh(self.look, (given and given.python) or "", given.cwd if given else ".")
        self.set_interval(1, self._tick)
        if self._autostart and self._given is not None:
            self.begin(self._given)

    # -- the session's events ----------------------------------------------------------------------

    @work(group="listen")
    async def listen(self) -> None:
        """Folds the session's events into the model and has what changed painted."""
        async for batch in self._drive.events():
            plan = self._drive.plan
            self.model.reload = plan is None or plan.reload
            self._changed |= self.model.apply(batch)
            for event in batch:
                if isinstance(event, Switch):
                    self._tell_switch(event)
            self._paint_soon()

    def _paint_soon(self) -> None:
        """Paints at once after a quiet time, else when the time for the next repaint has come."""
        if self._changed and self._paint_timer is None:
            wait = self._painted_at + self._pace.interval - time.monotonic()
            if wait <= 0:
                self._paint()
            else:
                self._paint_timer = self.set_timer(wait, self._paint)

    def _paint(self) -> None:
        self._paint_timer = None
        self._painted_at = time.monotonic()
        self._pace.speed_up()
        changed, self._changed = self._changed, Part.NONE
        self._show(changed)

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """Draws a frame, or leaves it out while the terminal does not follow."""
        if renderable is not None and self._pace.is_behind(self._driver):
            self._pace.leave_out(renderable)
            self._draw_later()
        else:
            super()._display(screen, renderable)
            self._pace.drawn()

    def _draw_later(self) -> None:
        if self._draw_timer is None:
            self._draw_timer = self.set_timer(LATE, self._draw)

    def _draw(self) -> None:
        """Draws what was left out, as it is now."""
        self._draw_timer = None
        if self._pace.is_behind(self._driver):
            self._draw_later()
        elif self.is_running:
            self.screen.refresh(*self._pace.left_out(self.screen.size))

    def _show(self, changed: Part) -> None:
        from asgi_tui.frontends.console.screens.reload import ReloadDialog

        if not self.is_running:
            return  # the screens are being taken down
        for screen in reversed(self.screen_stack):
            if isinstance(screen, ReloadDialog):
                if Part.RELOADS in changed:
                    screen.show_model(self.model)
            elif isinstance(screen, ShowsModel) and screen.is_mounted:
                with self.batch_update():
                    screen.show_model(self.model, changed, self._clock(), quitting=self._quitting)
            if not screen.is_modal:
                return  # what lies below is told everything when it comes back

    def _tick(self) -> None:
        """The uptime moves once a second, and so does the time that open streams have left."""
        if self.model.ready_at is not None or self.model.draining:
            self._show(Part.NONE)

    def on_returned(self, event: Returned) -> None:
        """A screen that comes back shows what it missed."""
        self._show(Part.ALL)

    def _tell_switch(self, event: Switch) -> None:
        from asgi_tui.frontends.console.screens.run import RunScreen

        if self._launch is not None and self._drive.plan is not None:
            self._launch.adopt(self._drive.plan)
        if any(isinstance(screen, RunScreen) and screen.shows_reloads for screen in self.screen_stack):
            return
        mapped = f"Mapped: {'; '.join(event.mapped)}." if event.mapped else ""
        dropped = f"Dropped: {'; '.join(event.dropped)}." if event.dropped else "Nothing was dropped."
        self.notify(
            f"{mapped}\n{dropped}".strip(),
            title=f"{event.from_} → {event.to}",
            markup=False,
            timeout=SWITCH_TOAST,
        )

    # -- the project -------------------------------------------------------------------------------

    @work(thread=True, exclusive=True, group="look", exit_on_error=False)
    def look(self, python: str, cwd: str) -> None:
        """Looks at the project in ``cwd``, with the interpreter ``python`` where one is named; blocking."""
        try:
            project = self._knowledge.project(Path(cwd), python or None)
        except Problem as problem:
            self.call_from_thread(self._show_problem, str(problem))
        else:
            self.call_from_thread(self._show_project, project)

    @work(thread=True, group="remember", exit_on_error=False)
    def remember(self, plan: LaunchPlan) -> None:
        """Adds a launch to the history; blocking."""
        with suppress(Problem):  # a run does not fail for its history
            self._knowledge.remember(plan)

    def _show_project(self, project: Project) -> None:
        self.project, self._problem = project, ""
        if self._launch is not None:
            self._launch.show_project(project)

    def _show_problem(self, sentence: str) -> None:
        self._problem = sentence
        if self._launch is not None:
            self._launch.show_problem(sentence)

    def on_launch_screen_opened(self, event: LaunchScreen.Opened) -> None:
        """The form is there: what was found out before is told now."""
        self._launch = event.screen
        if self.project is not None:
            self._launch.show_project(self.project)
        if self._problem:
            self._launch.show_problem(self._problem)

    # -- what the screens ask for ------------------------------------------------------------------

    def on_launch_screen_start(self, event: LaunchScreen.Start) -> None:
        """The form's plan starts, in place of what runs."""
        self.begin(event.plan)

    def on_launch_tools_look(self, event: LaunchScreen.Look) -> None:
        """Another interpreter has other servers."""
        self.look(event.python, event.cwd)

    def on_mode_tab_chosen(self, event: ModeTab.Chosen) -> None:
        """A mode was clicked."""
        self.action_mode(event.mode)

    def on_reloads_opened(self, event: Reloads.Opened) -> None:
        """An entry of the reloads pane, in full."""
        from asgi_tui.frontends.console.screens.reload import ReloadDialog

        entry = self.model.reloads.find(event.number)
        if entry is not None:
            self.push_screen(ReloadDialog(entry, self.plan_cwd))

    async def on_traffic_route_chosen(self, event: Traffic.RouteChosen) -> None:
        """The requests of one route; one of them that was being read gives way to their list."""
        from asgi_tui.frontends.console.screens.request import RequestScreen
        from asgi_tui.frontends.console.screens.requests import RequestsScreen

        await self.switch_mode("requests")
        for screen in self.screen_stack:
            if isinstance(screen, RequestsScreen):
                screen.filter_route(event.route)
        while isinstance(self.screen, RequestScreen):
            await self.pop_screen()
        if not isinstance(self.screen, RequestsScreen):
            # what was typed there is not dropped
            self.notify(f"The list shows {sanitize(event.route)}: Esc leads to it.", markup=False)

    def on_requests_screen_opened(self, event: RequestsScreen.Opened) -> None:
        """A request, on a screen of its own."""
        from asgi_tui.frontends.console.screens.request import RequestScreen

        self.push_screen(RequestScreen(self.model.requests, event.request, cwd=self.plan_cwd))

    # -- actions -----------------------------------------------------------------------------------

    @work(group="drive")
    async def begin(self, plan: LaunchPlan) -> None:
        """Shows the run and starts the plan."""
        if self.current_mode != "run":
            await self.switch_mode("run")
        self.remember(plan)
        await self._drive.start(plan)

    def action_start(self) -> None:
        """Starts what ran last, else what the form holds."""
        plan = self._drive.plan or (self._launch.plan if self._launch else None)
        if plan is not None:
            self.begin(plan)
        else:
            self.action_mode("launch")

    def action_mode(self, mode: str) -> None:
        """To another mode."""
        if mode != self.current_mode:
            self.switch_mode(mode)

    def action_help(self) -> None:
        """Every key."""
        from asgi_tui.frontends.console.screens.help import HelpDialog

        if not isinstance(self.screen, HelpDialog):
            self.push_screen(HelpDialog(type(self), type(self.screen)))

    def action_toggle_theme(self) -> None:
        """Dark or light."""
        self.theme = LIGHT.name if self.current_theme.dark else DARK.name

    async def action_interrupt(self) -> None:
        """Copies the selection, else stops and quits."""
        if self._quitting or not self.copy_selected():
            await self.action_quit_console()

    async def action_quit(self) -> None:
        """Textual's own way out is ours."""
        await self.action_quit_console()

    async def action_quit_console(self) -> None:
        """Stops the server and then ends; asked a second time it ends at once."""
        if self._quitting:
            self.exit(0)
            return
        self._quitting = True
        self._show(Part.STATUS)
        self._close()

    @work(group="close")
    async def _close(self) -> None:
        await self._drive.close()
        self.exit(0)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which actions mean anything now; the others are neither offered nor done."""
        if action == "mode":
            return parameters[0] in MODE_TITLES
        return super().check_action(action, parameters)
