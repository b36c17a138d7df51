"""What the console can do with a session that runs: the actions behind keys, palette and clicks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import work
from textual.app import App

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.events import State
from asgi_tui.domain.servers import get_server
from asgi_tui.frontends.console.driver import Driver
from asgi_tui.frontends.console.format import copied
from asgi_tui.frontends.console.history import Place
from asgi_tui.frontends.console.model import SessionModel

if TYPE_CHECKING:
    from asgi_tui.engine.project import Project

RUNNING = frozenset({State.STARTING, State.READY, State.RELOADING})
CHANGEABLE = RUNNING | {State.CRASHED}
# Requests a second that each worker tells in full: while they are looked at, and otherwise.
TRACE_LOOKING, TRACE_ASIDE = 100, 20


class SessionActions(App[int]):
    """An app over a session; each action does nothing where ``check_action`` does not offer it."""

    def __init__(self, driver: Driver) -> None:
        super().__init__()
        self.model = SessionModel(driver.logs)
        self.project: Project | None = None
        self.traces_all = False
        self._traced: int | None = 0  # as asked for last
        self._drive = driver

    @property
    def plan_cwd(self) -> str:
        """Where the app that runs, or ran last, lies; empty before the first."""
        plan = self._drive.plan
        return plan.cwd if plan is not None else ""

    @work(group="drive")
    async def action_stop(self) -> None:
        """Stops the server."""
        await self._drive.stop()

    @work(group="drive")
    async def action_reload(self) -> None:
        """Brings the code as it is now live."""
        await self._drive.reload()

    @work(group="drive")
    async def action_restart(self) -> None:
        """Restarts the server, with nothing imported in advance."""
        await self._drive.restart()

    @work(group="drive")
    async def action_watch(self) -> None:
        """Pauses watching, or resumes it."""
        if self.model.paused:
            await self._drive.resume()
        else:
            await self._drive.pause()

    @work(group="drive")
    async def action_exclude(self) -> None:
        """Leaves out the file that the app writes itself."""
        if self.model.watching is not None and self.model.watching.exclude:
            await self._drive.exclude(self.model.watching.exclude)

    @work(group="drive")
    async def action_end_streams(self) -> None:
        """Ends what a replaced server still has open."""
        await self._drive.end_streams()

    # -- traffic -----------------------------------------------------------------------------------

    def action_window(self, window: str) -> None:
        """Has traffic told of another window of time; numbers that stand still move again."""
        self.model.traffic_window, self.model.traffic_paused = window, False
        self._drive.show_window(window)

    def action_reset_traffic(self) -> None:
        """Has every window of time begin anew; numbers that stand still move again."""
        self.model.traffic_paused = False
        self._drive.reset_traffic()

    def action_pause_traffic(self) -> None:
        """Lets the numbers of the traffic stand still, or move again."""
        self.model.traffic_paused = not self.model.traffic_paused

    # -- change of server --------------------------------------------------------------------------

    @property
    def previous_server(self) -> str:
        """The server that can be moved back to, empty where there is none."""
        return self._drive.previous_server

    @work(group="drive")
    async def action_switch_back(self) -> None:
        """Moves the running app to the server it was on before."""
        await self._drive.switch_back()

    @work(group="drive")
    async def switch_to(self, server: str) -> None:
        """Moves the running app to another server."""
        await self._drive.switch(server)

    def switchable(self) -> list[str]:
        """Servers a switch can be asked for now."""
        plan = self._drive.plan
        if plan is None or self.project is None or self.model.state not in CHANGEABLE:
            return []
        return [info.name for info in self.project.servers if info.installed and info.name != plan.server]

    def action_switch(self) -> None:
        """Asks for the server to move to."""
        from asgi_tui.frontends.console.screens.switch import SwitchDialog
        from asgi_tui.frontends.console.widgets.server_list import ServerRow, unknown_rows

        plan = self._drive.plan
        if plan is None:
            return
        rows = unknown_rows()
        if self.project is not None:
            rows = [ServerRow(info.name, info.version or "", info.installed) for info in self.project.servers]
        rows = [ServerRow(row.name, row.version, row.installed, row.name == plan.server) for row in rows]
        self.push_screen(SwitchDialog(rows, plan), self._switch_picked)

    def _switch_picked(self, server: str | None) -> None:
        if server is not None:
            self.switch_to(server)

    # -- tracing -----------------------------------------------------------------------------------

    @property
    def trace_rate(self) -> int | None:
        """How many requests a second each worker is to tell in full; None: all there is room for."""
        if self.traces_all:
            return None
        return TRACE_LOOKING if self.current_mode == "requests" else TRACE_ASIDE

    def trace(self) -> None:
        """Has as much traced as is wanted now."""
        if self.trace_rate != self._traced:
            self._traced = self.trace_rate
            self._drive.trace(self._traced)

    def action_trace_all(self) -> None:
        """Every request there is room for, or only some a second."""
        self.traces_all = not self.traces_all
        self.trace()

    # -- what happened -----------------------------------------------------------------------------

    def action_ran(self) -> None:
        """Says what really ran."""
        from asgi_tui.frontends.console.screens.ran import RanDialog

        if self.model.account is not None:
            self.push_screen(RanDialog(self.model.account))

    def action_copy_command(self) -> None:
        """Copies the native command of what serves, else of what was tried."""
        plan = self._drive.plan
        command = self.model.account.command if self.model.account else ""
        if not command and plan is not None:
            command = str(get_server(plan.server).command(plan))
        if command:
            self.copy_to_clipboard(command)
            self.notify(command, title=copied(command), markup=False)

    def action_edit(self) -> None:
        """Opens the place of what is wrong now."""
        if self.model.place is not None:
            self.action_open_place(self.model.place)

    @work(group="edit")
    async def action_open_place(self, place: Place) -> None:
        """Opens a place in the code in the user's editor."""
        from asgi_tui.frontends.console.editing import edit

        try:
            await edit(self, place, self.plan_cwd or ".")
        except Problem as problem:
            self.notify(str(problem), severity="warning", markup=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which actions mean anything now; the others are neither offered nor done."""
        model, plan = self.model, self._drive.plan
        match action:
            case "stop":
                return model.state in RUNNING
            case "restart" | "reload" | "switch":
                return plan is not None and model.state in CHANGEABLE
            case "switch_back":
                return bool(self.previous_server) and model.state in CHANGEABLE
            case "start":
                return model.state in (State.STOPPED, State.CRASHED)
            case "watch":
                return model.watches
            case "exclude":
                return model.watching is not None and bool(model.watching.loop and model.watching.exclude)
            case "end_streams":
                return any(model.held[:2])
            case "edit":
                return model.place is not None
            case "copy_command":
                return plan is not None
            case "ran":
                return model.account is not None
            case _:
                return True
