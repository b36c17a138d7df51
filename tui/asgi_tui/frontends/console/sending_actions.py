"""What the console sends by itself: again, edited, new, on another server, as a WebSocket."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from asgi_tui.domain.as_code import as_curl, as_httpx
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.events import Lifespan, Request, State, WebSocket
from asgi_tui.domain.sending import Answer, Opening, Sending, sending_of, subprotocols_of, target_of
from asgi_tui.frontends.console.driver import Driver
from asgi_tui.frontends.console.exchanges import Exchanges
from asgi_tui.frontends.console.format import copied
from asgi_tui.frontends.console.request_list import RequestList
from asgi_tui.frontends.console.session_actions import SessionActions

if TYPE_CHECKING:
    from asgi_tui.engine.knowledge import Knowledge
    from asgi_tui.frontends.console.screens.compose import ComposeScreen
    from asgi_tui.frontends.console.screens.side_by_side import SideBySideScreen

SERVING = frozenset({State.READY, State.RELOADING})
# Headers of a handshake that the next one says anew (RFC 6455 4.1).
_HANDSHAKE = ("sec-websocket-", "host", "upgrade", "connection", "content-length", "origin")


class SendingActions(SessionActions):
    """An app that sends requests to what serves; ``_knowledge`` is set by the class that derives from it."""

    _knowledge: Knowledge

    def __init__(self, driver: Driver) -> None:
        super().__init__(driver)
        self.exchanges = Exchanges()

    @property
    def chosen(self) -> Request | None:
        """The request that the screen in sight has chosen, also while the palette lies on it."""
        for screen in reversed(self.screen_stack):
            if not screen.is_modal:
                found = getattr(screen, "chosen_request", None)
                return found if isinstance(found, Request) else None
        return None

    @property
    def _cwd(self) -> str:
        return self._drive.plan.cwd if self._drive.plan is not None else "."

    # -- sending -----------------------------------------------------------------------------------

    def action_replay(self) -> None:
        """Sends the chosen request again as it is and shows the answer."""
        if isinstance(self.chosen, WebSocket):
            self._converse(opening_of(self.chosen), at_once=True)
        elif (sending := self._chosen_sending()) is not None:
            self._compose(sending, at_once=True)

    def action_edit_request(self) -> None:
        """The chosen request, to be edited and sent."""
        if isinstance(self.chosen, WebSocket):
            self._converse(opening_of(self.chosen))
        elif (sending := self._chosen_sending(cut=True)) is not None:
            self._compose(sending)

    def action_new_request(self) -> None:
        """An empty request."""
        self._compose(Sending())

    def action_open_websocket(self) -> None:
        """A conversation, to the chosen WebSocket's path where one is chosen."""
        chosen = self.chosen
        self._converse(opening_of(chosen) if isinstance(chosen, WebSocket) else Opening())

    def action_replay_on(self) -> None:
        """Asks for another server and compares its answer."""
        if (sending := self._chosen_sending()) is not None:
            self.ask_other(sending)

    def ask_other(self, sending: Sending) -> None:
        """Asks for another server and sends the request to both."""
        from asgi_tui.frontends.console.screens.other_server import OtherServerDialog
        from asgi_tui.frontends.console.widgets.server_list import ServerRow, unknown_rows

        plan = self._drive.plan
        if plan is not None:
            rows = unknown_rows()
            if self.project is not None:
                rows = [
                    ServerRow(info.name, info.version or "", info.installed) for info in self.project.servers
                ]
            rows = [replace(row, current=row.name == plan.server) for row in rows]
            dialog = OtherServerDialog(rows, plan)
            self.push_screen(dialog, partial(self._send_to_both, sending, plan.server))

    def _send_to_both(self, sending: Sending, here: str, there: str | None) -> None:
        from asgi_tui.frontends.console.screens.side_by_side import SideBySideScreen

        if there is not None:
            sends = partial(self._drive.send, sending), partial(self._drive.send_on, there, sending)
            self.push_screen(SideBySideScreen(sending, (here, there), sends))

    async def send(self, sending: Sending) -> Answer:
        """Sends a request to what serves. Raises ``Problem``."""
        return await self._drive.send(sending)

    def _chosen_sending(self, *, cut: bool = False) -> Sending | None:
        """The chosen request as it can be sent again; why it cannot be is said."""
        chosen = self.chosen
        if chosen is None:
            return None
        try:
            return sending_of(chosen, cut=cut)
        except Problem as problem:
            self.notify(str(problem), severity="warning", markup=False)
            return None

    def _compose(self, sending: Sending, *, at_once: bool = False) -> None:
        from asgi_tui.frontends.console.screens.compose import ComposeScreen

        screen = ComposeScreen(self.send, self.exchanges, sending, at_once=at_once)
        self.push_screen(screen)

    def _converse(self, opening: Opening, *, at_once: bool = False) -> None:
        from asgi_tui.frontends.console.screens.conversation import ConversationScreen

        self.push_screen(ConversationScreen(self._drive.converse, opening, at_once=at_once))

    # -- what the screens ask for ------------------------------------------------------------------

    def on_compose_screen_asked(self, event: ComposeScreen.Asked) -> None:
        """Something is to be done with a request as it is typed."""
        screen, sending = event.screen, event.sending
        match event.what:
            case "save":
                self.show_saved(screen.load, sending, naming=True)
            case "saved":
                self.show_saved(screen.load, sending)
            case "copy":
                self._ask_copy(sending)
            case "other":
                self.ask_other(sending)

    def on_compose_screen_opened(self, event: ComposeScreen.Opened) -> None:
        """The trace of an answer."""
        self.show_trace(event.request)

    def on_side_by_side_screen_opened(self, event: SideBySideScreen.Opened) -> None:
        """The trace of one of two answers."""
        self.show_trace(event.request)

    def show_trace(self, request: Request) -> None:
        """A request's own screen, whether or not the list still has it."""
        from asgi_tui.frontends.console.screens.request import RequestScreen

        alone = RequestList()
        alone.add(request)
        self.push_screen(RequestScreen(alone, request, cwd=self._cwd))

    # -- copying -----------------------------------------------------------------------------------

    def action_copy_curl(self) -> None:
        """Copies the chosen request as a curl command."""
        if (sending := self._chosen_sending(cut=True)) is not None:
            self.copy_as("curl", sending)

    def action_copy_httpx(self) -> None:
        """Copies it as Python code."""
        if (sending := self._chosen_sending(cut=True)) is not None:
            self.copy_as("httpx", sending)

    def copy_as(self, kind: str, sending: Sending, *, reveal: bool = False) -> None:
        """Copies a request as ``curl`` or ``httpx``; secrets masked unless ``reveal``."""
        write = as_curl if kind == "curl" else as_httpx
        text = write(self.model.url or "http://127.0.0.1:8000", sending, reveal=reveal)
        self.copy_to_clipboard(text)
        self.notify(f"As {kind}.", title="Copied with secrets" if reveal else copied(text), markup=False)

    def _ask_copy(self, sending: Sending) -> None:
        from asgi_tui.frontends.console.screens.copy_as import CopyDialog

        def copy(picked: tuple[str, bool] | None) -> None:
            if picked is not None:
                self.copy_as(picked[0], sending, reveal=picked[1])

        self.push_screen(CopyDialog(), copy)

    # -- saved requests ----------------------------------------------------------------------------

    def action_save_request(self) -> None:
        """Saves the chosen request."""
        if (sending := self._chosen_sending(cut=True)) is not None:
            self.show_saved(self._compose, sending, naming=True)

    def action_saved_requests(self) -> None:
        """The saved requests, to load one."""
        chosen = self.chosen
        can_be = chosen is not None and not isinstance(chosen, WebSocket | Lifespan)
        self.show_saved(self._compose, sending_of(chosen, cut=True) if chosen and can_be else None)

    def show_saved(
        self, load: Callable[[Sending], None], sending: Sending | None, *, naming: bool = False
    ) -> None:
        """The dialog of the saved requests; ``load`` gets the one that is picked."""
        from asgi_tui.frontends.console.screens.saved_requests import SavedRequestsDialog

        cwd, knowledge = self._cwd, self._knowledge

        def save(name: str, *, keep_body: bool) -> tuple[str, ...]:
            assert sending is not None
            return knowledge.save_request(cwd, name, sending, keep_body=keep_body)

        dialog = SavedRequestsDialog(
            partial(knowledge.saved_requests, cwd),
            save,
            partial(knowledge.delete_request, cwd),
            sending=sending,
            naming=naming,
        )
        self.push_screen(dialog, lambda picked: load(picked) if picked is not None else None)

    # -- what means anything now -------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which actions mean anything now; the others are neither offered nor done."""
        serves = self.model.state in SERVING
        match action:
            case "new_request" | "open_websocket":
                return serves
            case "replay":
                return serves and self._is_chosen(Request) and not self._is_chosen(Lifespan)
            case "edit_request":
                return self._is_chosen(Request) and not self._is_chosen(Lifespan)
            case "replay_on":
                return serves and self._is_http() and bool(self.switchable())
            case "copy_curl" | "copy_httpx" | "save_request":
                return self._is_http()
            case _:
                return super().check_action(action, parameters)

    def _is_chosen(self, kind: type[Request]) -> bool:
        return isinstance(self.chosen, kind)

    def _is_http(self) -> bool:
        return self._is_chosen(Request) and not isinstance(self.chosen, WebSocket | Lifespan)


def opening_of(request: WebSocket) -> Opening:
    """A WebSocket as it can be opened again."""
    headers = tuple(
        header for header in request.scope.headers if not header.name.lower().startswith(_HANDSHAKE)
    )
    return Opening(target_of(request), headers, subprotocols_of(request.scope))
