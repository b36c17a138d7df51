"""What an app owes in lifespan: one answer to the startup and one to the shutdown."""

from __future__ import annotations

from asgi_tui.domain.asgi_rules.findings import Findings
from asgi_tui.domain.calls import Message

_PHASES = ("startup", "shutdown")
_SENT = frozenset(f"lifespan.{phase}.{end}" for phase in _PHASES for end in ("complete", "failed"))


class LifespanApp:
    """The app's side of a lifespan."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._received: set[str] = set()
        # How each phase was answered: ``complete`` or ``failed``.
        self._answers: dict[str, str] = {}
        self._failed = False

    def take(self, message: Message) -> None:
        """The next message that passed."""
        found = self._findings
        _, _, rest = message.type.partition(".")
        if message.direction == "receive":
            self._received.add(rest)
            return
        if not found.known(message, _SENT) or message.type not in _SENT:
            return
        phase, _, answer = rest.partition(".")
        if phase in self._answers:
            found.order(f"one answer to the {phase}", message)
        elif phase not in self._received and found.whole:
            found.order(f"{phase} is received before it is answered", message)
        if message.error:
            self._failed = True
        else:
            self._answers.setdefault(phase, answer)

    def end(self) -> None:
        """The app is done."""
        found = self._findings
        startup = self._answers.get("startup")
        if not found.whole or self._failed or found.disordered:
            return
        if found.call.outcome == "raised" and startup is None and "startup" in self._received:
            found.end("a startup that fails says so", "lifespan.startup.failed")
        if found.call.outcome != "returned":
            return
        if startup is None:
            found.end("an app that returns has answered the startup", "lifespan.startup.complete")
        elif startup == "complete" and "shutdown" not in self._answers:
            found.end("an app that returns has answered the shutdown", "lifespan.shutdown.complete")
