"""An app that is nothing but a log over a real store, and what is put into it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from textual.app import App, ComposeResult

from asgi_tui.domain.log_entry import Fresh, Origin, Span
from asgi_tui.domain.log_filter import LogFilter, LogTerm
from asgi_tui.domain.needle import Needle
from asgi_tui.engine.log_store import LogStore
from asgi_tui.frontends.console.themes import DARK, FALLBACKS, LIGHT
from asgi_tui.frontends.console.widgets.log_view import LogView

NARROW, WIDE = (80, 24), (200, 60)
AT = 1_800_000_000.0
TRACEBACK = """Exception in ASGI application
Traceback (most recent call last):
  File "/venv/lib/python3.12/site-packages/starlette/routing.py", line 70, in app
    await app(scope, receive, send)
  File "/shop/cart.py", line 12, in total
    return prices[name]
KeyError: 'plum'"""

SERIOUS = LogFilter((LogTerm("level>=error", origin=lambda origin: origin.level in ("error", "critical")),))
NOTHING = LogFilter((LogTerm("absent", content=Needle("absent")),))


class Small(App[None]):
    """Nothing but a log."""

    def __init__(self, store: LogStore) -> None:
        super().__init__()
        for theme in (DARK, LIGHT):
            self.register_theme(theme)
        self.view = LogView(store)
        self.moved = 0
        self.copied: list[str] = []

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """As the console has them."""
        return FALLBACKS

    def compose(self) -> ComposeResult:
        """The log."""
        yield self.view

    def on_mount(self) -> None:
        """In the console's own colours."""
        self.theme = DARK.name
        self.view.focus()

    def on_log_view_moved(self) -> None:
        """Counted."""
        self.moved += 1

    def copy_to_clipboard(self, text: str) -> None:
        """Kept."""
        self.copied.append(text)


def fresh(numbers: Iterable[int], level: Callable[[int], str] = lambda _: "info") -> list[Fresh]:
    """Entries that tell their number."""
    return [
        (AT + n / 100, Origin("stdout", level(n)), f"request number {n} done", (), "", None) for n in numbers
    ]


def line(text: str, level: str = "info", stream: str = "stdout", spans: tuple[Span, ...] = ()) -> Fresh:
    """One entry."""
    return AT, Origin(stream, level), text, spans, "", None


def text(app: Small) -> str:
    """What is seen of the log."""
    strips = app.screen._compositor.render_strips()
    return "\n".join(strip.crop(0, strip.cell_length - 1).text.rstrip() for strip in strips)  # the scrollbar
