"""A console that sends, over a fake session, and what is answered to it."""

from __future__ import annotations

import json
from typing import ClassVar

from asgi_tui.domain.calls import Header
from asgi_tui.domain.events import Request
from asgi_tui.domain.saved_request import SavedList, SavedRequest
from asgi_tui.domain.sending import Answer, Sending, Timing
from asgi_tui.frontends.console import app as console_app
from asgi_tui.frontends.console.app import ConsoleApp
from tests.console.calls import headers
from tests.console.fake import AT, FakeDriver, FakeKnowledge, plan, project

HOSTILE = "a\x1b[2Jb\x9b1mc\x07[red]d[/red]\u202ee"


class SavingKnowledge(FakeKnowledge):
    """Keeps saved requests in memory, as they are."""

    def __init__(self) -> None:
        super().__init__(project)
        self.kept: dict[str, SavedRequest] = {}
        self.bodies: list[bool] = []

    def saved_requests(self, cwd: str) -> SavedList:
        return SavedList(tuple(self.kept.values()))

    def save_request(
        self, cwd: str, name: str, sending: Sending, *, keep_body: bool = False
    ) -> tuple[str, ...]:
        self.kept[name] = SavedRequest(name, AT, sending, ("header authorization",))
        self.bodies.append(keep_body)
        return ("header authorization",)

    def delete_request(self, cwd: str, name: str) -> None:
        del self.kept[name]


class SendingConsole(ConsoleApp):
    """The console, with a request chosen."""

    CSS_PATH: ClassVar[str] = console_app.__file__.removesuffix("py") + "tcss"
    chosen_call: Request | None = None

    @property
    def chosen(self) -> Request | None:
        """The request that a list would have chosen."""
        return self.chosen_call


def sending_console(driver: FakeDriver) -> SendingConsole:
    """The app of ``asgi-tui main:app``, with saved requests in memory."""
    return SendingConsole(
        driver=driver, knowledge=SavingKnowledge(), plan=plan(), autostart=True, clock=lambda: AT + 753.4
    )


def answer(
    body: bytes | object = None,
    status: int = 200,
    *,
    media: str = "application/json",
    server: str = "uvicorn",
    trace: Request | None = None,
    more: tuple[Header, ...] = (),
) -> Answer:
    """An answer; ``body`` is JSON unless it is bytes."""
    data = body if isinstance(body, bytes) else json.dumps({"id": 7} if body is None else body).encode()
    own = headers(date="Sat, 21 Nov 2026 18:00:00 GMT", server=server, content_type=media)
    timing = Timing(0.4, None, 0.2, 8.6, 0.5, 9.9)
    reason = "OK" if status == 200 else ""
    return Answer(status, reason, "1.1", (*own, *more), len(data), data, timing, server, trace)
