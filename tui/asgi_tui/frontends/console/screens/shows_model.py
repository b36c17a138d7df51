"""What a screen is that shows how the session stands."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from asgi_tui.frontends.console.model import Part, SessionModel


@runtime_checkable
class ShowsModel(Protocol):
    """The app hands it every change while it is in sight, and everything when it comes back."""

    @property
    def is_mounted(self) -> bool:
        """Whether its widgets are there."""

    def show_model(self, model: SessionModel, changed: Part, now: float, *, quitting: bool = False) -> None:
        """Shows what ``changed`` by ``now`` (Unix seconds); with nothing changed a second has passed."""
