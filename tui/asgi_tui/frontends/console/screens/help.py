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

from asgi_tui.frontends.console.screens.dialog import Dialog
from asgi_tui.frontends.console.screens.launch import LaunchScreen
from asgi_tui.frontends.console.screens.launch_tools import LaunchTools
from asgi_tui.frontends.console.screens.reload import ReloadDialog
from asgi_tui.frontends.console.screens.run import RunScreen
from asgi_tui.frontends.console.widgets.all_options import AllOptions
from asgi_tui.frontends.console.widgets.log_view import LogView
from asgi_tui.frontends.console.widgets.option_editor import OptionEditor
from asgi_tui.frontends.console.widgets.option_list import OptionsView
from asgi_tui.frontends.console.widgets.reloads import EntryList

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


class HelpDialog(Dialog[None]):
    """Keys by screen; scrolls where they do not fit. ``everywhere`` declares those of all screens."""

    def __init__(self, everywhere: type[DOMNode]) -> None:
        super().__init__()
        palette = Binding("ctrl+p", "command_palette", tooltip="Command palette: every action by name")
        self._sections = [
            ("Everywhere", [*bindings(everywhere), palette]),
            ("Launch", [*bindings(LaunchScreen), *bindings(LaunchTools)]),
            ("All options", [*bindings(AllOptions), *bindings(OptionsView), *bindings(OptionEditor)]),
            ("Run", bindings(RunScreen)),
            ("Reloads", [*bindings(EntryList), *bindings(ReloadDialog)]),
            ("Log", bindings(LogView)),
        ]

    def compose(self) -> ComposeResult:
        """One text."""
        box = VerticalScroll(id="help-box", classes="box")
        box.border_title = "Keys"
        box.border_subtitle = "Esc closes"
        with box:
            yield Static(key_table(self._sections), classes="text", markup=False)
