"""The ways between a line of the log and its request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asgi_tui.domain.text import sanitize
from asgi_tui.frontends.console.sending_actions import SendingActions

if TYPE_CHECKING:
    from asgi_tui.frontends.console.screens.log_keys import LogScreen


class LogLinks(SendingActions):
    """An app whose log and whose requests lead to each other."""

    async def on_log_screen_request_asked(self, event: LogScreen.RequestAsked) -> None:
        """The request that a line of the log belongs to."""
        from asgi_tui.frontends.console.screens.request import RequestScreen
        from asgi_tui.frontends.console.screens.requests import RequestsScreen

        call = self.model.requests.find(event.request)
        if call is None:
            self.notify(f"Request {sanitize(event.request)} is not in the list of requests.", markup=False)
            return
        await self.switch_mode("requests")
        while isinstance(self.screen, RequestScreen):
            await self.pop_screen()
        if isinstance(self.screen, RequestsScreen):
            await self.push_screen(RequestScreen(self.model.requests, call, cwd=self.plan_cwd))
        else:
            # what was typed there is not dropped
            self.notify("Close what is open here first: Esc leads to the requests.", markup=False)

    async def action_log_lines(self) -> None:
        """The lines of the log that belong to the request that is shown."""
        from asgi_tui.frontends.console.screens.log_keys import LogScreen
        from asgi_tui.frontends.console.screens.request import RequestScreen

        shown = self.screen
        if isinstance(shown, RequestScreen):
            await self.switch_mode("run")
            for screen in self.screen_stack:
                if isinstance(screen, LogScreen):
                    screen.filter_request(shown.chosen_request.id)
