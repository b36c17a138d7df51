"""A host for one dialog: what it shows, and what it gives."""

from __future__ import annotations

import time
from typing import Any, Generic, TypeVar

from textual.app import App
from textual.pilot import Pilot
from textual.screen import ModalScreen
from textual.widgets import OptionList

from asgi_tui.frontends.console import app as console
from asgi_tui.frontends.console.themes import DARK, FALLBACKS, THEMES
from tests.console.screen import PATIENCE

Result = TypeVar("Result")
SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (200, 60)


class Host(App[None], Generic[Result]):
    """Shows one dialog; ``results`` is what it gave, empty while it is open."""

    CSS_PATH = f"{console.__file__.removesuffix('.py')}.tcss"

    def __init__(self, dialog: ModalScreen[Result]) -> None:
        super().__init__()
        self.results: list[Result | None] = []
        self._dialog = dialog
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = DARK.name

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """As the console has them."""
        return FALLBACKS

    def on_mount(self) -> None:
        self.push_screen(self._dialog, self.results.append)

    @property
    def shown(self) -> str:
        """The whole screen, a line a row."""
        return "\n".join(row.text for row in self.screen._compositor.render_strips())

    @property
    def words(self) -> str:
        """What it says, whatever the width: without frames and line ends."""
        return " ".join(self.shown.replace("│", " ").split())


async def until(pilot: Pilot[Any], app: Host[Any], wanted: str) -> str:  # Any: whatever the dialog gives
    """The words once ``wanted`` is among them; as they are after ``PATIENCE`` where it never is."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        await pilot.pause(0.02)
        if wanted in app.words:
            break
    return app.words


async def click(pilot: Pilot[Any], app: Host[Any], text: str, times: int = 1) -> None:  # Any: as above
    """Clicks on the first place where ``text`` stands."""
    for y, row in enumerate(app.shown.splitlines()):
        if text in row:
            x = row.index(text) + 1
            widget, region = app.screen.get_widget_at(x, y)
            await pilot.click(widget, offset=(x - region.x, y - region.y), times=times)
            return
    raise AssertionError(f"{text} is not on the screen:\n{app.shown}")


def rows(app: Host[Any], selector: str) -> list[str]:  # Any: as above
    """The rows of a list as text, without spaces at their ends."""
    options = app.screen.query_one(selector, OptionList).options
    return ["\n".join(line.rstrip() for line in str(option.prompt).splitlines()) for option in options]
