"""Rules of the ASGI specification that the messages of a call show broken, by the app or by the server.

Only what is surely known is judged: where messages were left out nothing is said to be missing, an app
that raised or was cancelled owes nothing any more, and one that still runs is judged by what has passed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from asgi_tui.domain.asgi_rules.findings import Findings
from asgi_tui.domain.asgi_rules.http import Http
from asgi_tui.domain.asgi_rules.lifespan import LifespanApp
from asgi_tui.domain.asgi_rules.server import HttpServer, LifespanServer, Server, WebSocketServer, check_scope
from asgi_tui.domain.asgi_rules.table import RULES, Rule, explain
from asgi_tui.domain.asgi_rules.websocket import WebSocketApp
from asgi_tui.domain.calls import Message, Verdict
from asgi_tui.domain.events import Request

__all__ = ["RULES", "Rule", "check_call", "explain"]


class _App(Protocol):
    def take(self, message: Message) -> None: ...

    def end(self) -> None: ...


_SIDES: Mapping[str, tuple[Callable[[Findings], _App], type[Server]]] = {
    "http": (Http, HttpServer),
    "websocket": (WebSocketApp, WebSocketServer),
    "lifespan": (LifespanApp, LifespanServer),
}


def check_call(call: Request) -> tuple[Verdict, ...]:
    """The rules that a call broke, each once, in the order of the messages that broke them."""
    findings = Findings(call)
    app_side, server_side = _SIDES[findings.protocol]
    app, server = app_side(findings), server_side(findings)
    check_scope(findings)
    for message in sorted(call.messages, key=lambda message: (message.at_ms, message.n)):
        # A receive that gave nothing has no type. A message without one has a kind at least.
        if message.type or message.kinds:
            app.take(message)
            server.take(message)
        else:
            server.waited(message)
    app.end()
    return findings.verdicts
