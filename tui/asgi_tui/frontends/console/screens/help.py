"""The dialog with every key."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.keys import format_key
from textual.widgets import Static

from asgi_tui.frontends.console.screens.compose import ComposeScreen
from asgi_tui.frontends.console.screens.conversation import ConversationScreen
from asgi_tui.frontends.console.screens.dialog import Dialog
from asgi_tui.frontends.console.screens.launch import LaunchScreen
from asgi_tui.frontends.console.screens.launch_tools import LaunchTools
from asgi_tui.frontends.console.screens.log_keys import LogScreen
from asgi_tui.frontends.console.screens.reload import ReloadDialog
from asgi_tui.frontends.console.screens.request import RequestScreen
from asgi_tui.frontends.console.screens.requests import RequestsScreen
from asgi_tui.frontends.console.screens.run import RunScreen
from asgi_tui.frontends.console.screens.saved_requests import SavedRequestsDialog
from asgi_tui.frontends.console.screens.side_by_side import SideBySideScreen
from asgi_tui.frontends.console.widgets.all_options import AllOptions
from asgi_tui.frontends.console.widgets.lines_view import LinesView
from asgi_tui.frontends.console.widgets.log_cursor import LogCursor
from asgi_tui.frontends.console.widgets.log_find import FindInput
from asgi_tui.frontends.console.widgets.option_editor import OptionEditor
from asgi_tui.frontends.console.widgets.option_list import OptionsView
from asgi_tui.frontends.console.widgets.reloads import EntryList
from asgi_tui.frontends.console.widgets.request_table import RequestTable
from asgi_tui.frontends.console.widgets.route_table import RouteTable
from asgi_tui.frontends.console.widgets.traffic import Traffic
from asgi_tui.frontends.console.widgets.turn_table import TurnTable

KEY_WIDTH = 18


def key_table(sections: Sequence[tuple[str, Sequence[Binding]]]) -> Content:
    """Every key with what it does, a section a screen."""
    parts: list[str | tuple[str, str]] = []
    for title, bindings in sections:
        parts += [("\n" if parts else "", ""), (f"{title}\n", "bold $text-primary")]
        for binding in bindings:
            keys = " ".join(format_key(key.strip()) for key in binding.key.split(","))
            parts += [
                (f"  {keys:<{KEY_WIDTH}}", "bold"),
                f"{binding.tooltip or binding.description}\n",
            ]
    return Content.assemble(*parts)


def bindings(holder: type[DOMNode]) -> list[Binding]:
    """The bindings a class declares itself."""
    return [binding for binding in holder.__dict__["BINDINGS"] if isinstance(binding, Binding)]


# Each section: its screen, and whose keys it tells.
SECTIONS: tuple[tuple[str, type[DOMNode], tuple[type[DOMNode], ...]], ...] = (
    ("Launch", LaunchScreen, (LaunchScreen, LaunchTools)),
    ("All options", LaunchScreen, (AllOptions, OptionsView, OptionEditor)),
    ("Run", RunScreen, (RunScreen,)),
    ("Traffic", RunScreen, (RouteTable, Traffic)),
    ("Reloads", RunScreen, (EntryList, ReloadDialog)),
    ("Log", RunScreen, (LogScreen, LogCursor, FindInput)),
    ("Requests", RequestsScreen, (RequestsScreen, RequestTable)),
    ("One call", RequestScreen, (RequestScreen, LinesView)),
    ("Compose", ComposeScreen, (ComposeScreen,)),
    ("WebSocket", ConversationScreen, (ConversationScreen, TurnTable)),
    ("Side by side", SideBySideScreen, (SideBySideScreen,)),
    ("Saved requests", ComposeScreen, (SavedRequestsDialog,)),
)


class HelpDialog(Dialog[None]):
    """Keys by screen, those of the screen in sight first; scrolls where they do not fit.

    ``everywhere`` declares those of all screens, ``here`` is the screen in sight.
    """

    def __init__(self, everywhere: type[DOMNode], here: type[DOMNode]) -> None:
        super().__init__()
        palette = Binding("ctrl+p", "command_palette", tooltip="Command palette: every action by name")
        ordered = sorted(SECTIONS, key=lambda section: not issubclass(here, section[1]))
        self._sections = [
            (title, [key for holder in holders for key in bindings(holder)]) for title, _, holders in ordered
        ]
        first = sum(issubclass(here, screen) for _, screen, _ in SECTIONS)
        self._sections.insert(first, ("Everywhere", [*bindings(everywhere), palette]))

    def compose(self) -> ComposeResult:
        """One text."""
        box = VerticalScroll(id="help-box", classes="box")
        box.border_title = "Keys"
        box.border_subtitle = "Esc closes"
        with box:
            yield Static(key_table(self._sections), classes="text", markup=False)
