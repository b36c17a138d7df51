"""The waterfall of a call's phases."""

from __future__ import annotations

from typing import ClassVar

from asgi_tui.domain.events import Request
from asgi_tui.domain.waterfall import Waterfall, waterfall
from asgi_tui.frontends.console.lines import STYLES
from asgi_tui.frontends.console.waterfall_text import waterfall_lines
from asgi_tui.frontends.console.widgets.lines_view import LinesView

_BARS = ("app", "client", "out", "after")


class WaterfallView(LinesView, can_focus=False):
    """As high as it has phases."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"lines--{name}" for name in STYLES),
        *(f"lines--bar-{name}" for name in _BARS),
        *(f"lines--bar-{name}-reversed" for name in _BARS),
        "lines--bar-wait",
    }
    DEFAULT_CSS = """
    WaterfallView { height: auto; max-height: 9; scrollbar-gutter: auto; }
    WaterfallView > .lines--bar-app { color: $primary; }
    WaterfallView > .lines--bar-client { color: $secondary; }
    WaterfallView > .lines--bar-out { color: $success; }
    WaterfallView > .lines--bar-after { color: $text-disabled; }
    WaterfallView > .lines--bar-wait { color: $warning; }
    WaterfallView > .lines--bar-app-reversed { color: $primary; text-style: reverse; }
    WaterfallView > .lines--bar-client-reversed { color: $secondary; text-style: reverse; }
    WaterfallView > .lines--bar-out-reversed { color: $success; text-style: reverse; }
    WaterfallView > .lines--bar-after-reversed { color: $text-disabled; text-style: reverse; }
    """

    def __init__(self) -> None:
        super().__init__(wrap=False, id="waterfall")
        self._found: Waterfall | None = None

    def show_call(self, call: Request, now_ms: float) -> None:
        """Shows the phases of a call as they are now."""
        found = waterfall(call, now_ms)
        if found != self._found:
            self._found = found
            self._draw()

    def on_resize(self) -> None:
        """The axis has another length."""
        self._draw()

    def _draw(self) -> None:
        if self._found is not None:
            self.show(waterfall_lines(self._found, self.room))
