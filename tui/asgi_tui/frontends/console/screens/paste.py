"""The dialog that reads a pasted command into the form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static, TextArea

from asgi_tui.domain.command_line import SHELL, Parsed, parse_command, shell_default
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.servers import get_server
from asgi_tui.domain.shell_text import MAX_TEXT
from asgi_tui.domain.text import MASK, mask_arguments, mask_assignment, mask_value
from asgi_tui.frontends.console.screens.launch_dialog import LaunchDialog, cut
from asgi_tui.frontends.console.widgets.safe_area import SafeArea

_NAME = 20  # cells of a name at the most
_HINT = "From a README, Procfile, Dockerfile or unit file. It is not run."
_KEYS = "Ctrl+S fills the form · Tab to the buttons · Esc closes"
_NEEDS_SHELL = "only a shell can fill this in"


@dataclass(frozen=True, slots=True)
class _Item:
    """One line of the reading; ``note`` is what there is to say of the value."""

    name: str
    value: str
    note: str = ""
    wrong: bool = False


def _texts(parsed: Parsed) -> list[str]:
    return [parsed.target, *parsed.texts.values(), *parsed.env.values(), *parsed.native]


def _option(parsed: Parsed, key: str, text: str) -> _Item:
    spec = get_server(parsed.server).spec(key)
    if spec is not None and spec.secret:
        return _Item(key, MASK)
    shown = ", ".join(mask_assignment(line) for line in text.splitlines())
    if f"Option {key}" in parsed.unfilled:
        return _Item(key, shown, _NEEDS_SHELL)
    try:
        if spec is not None:
            spec.read(text)
    except Problem as problem:
        return _Item(key, shown, f"✗ {problem}", wrong=True)
    return _Item(key, shown)


def reading(parsed: Parsed) -> Content:
    """What a command says, a line an option; secrets are masked."""
    shell = _NEEDS_SHELL if SHELL.search(parsed.target) else ""
    sections = [
        ("", [_Item("server", parsed.server), _Item("app", parsed.target or "none in it", shell)]),
        ("Options", [_option(parsed, key, text) for key, text in parsed.texts.items()]),
        (
            "Variables",
            [
                _Item(name, mask_value(name, value), _NEEDS_SHELL if SHELL.search(value) else "")
                for name, value in parsed.env.items()
            ],
        ),
        ("Kept as it is: no option covers it", [_Item("", " ".join(mask_arguments(parsed.native)))]),
    ]
    parts: list[str | tuple[str, str]] = []
    for title, items in sections:
        shown = [item for item in items if item.value or item.name]
        if not shown:
            continue
        if title:
            parts.append((f"{title}\n", "$text-primary"))
        for item in shown:
            name = cut(item.name)
            parts += [(f"  {name:<{_NAME}} " if name else "  ", "$text-muted"), cut(item.value)]
            if item.note:
                parts.append((("\n    " if item.wrong else "  ") + cut(item.note), "$text-warning"))
            parts.append("\n")
    return Content.assemble(*parts)


class PasteDialog(LaunchDialog[Parsed]):
    """Reads a command as it is typed or pasted; gives what it says, for the form."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "ctrl+s,ctrl+enter", "fill", "Fill the form", tooltip="Put it into the form", id="paste.fill"
        ),
        Binding(
            "f2",
            "defaults",
            "Fill in defaults",
            tooltip="Put the defaults of ${NAME:-default} in",
            id="paste.defaults",
        ),
    ]

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self._given = text
        self._parsed: Parsed | None = None

    def compose(self) -> ComposeResult:
        """The text above, what it says below."""
        with self.box("Paste a command", _KEYS, fixed=True):
            yield Static(_HINT, classes="hint", markup=False)
            yield SafeArea(most=MAX_TEXT, id="paste-text")
            with VerticalScroll(id="paste-room", can_focus=True):
                yield Static("", id="paste-reading", markup=False)
            yield self.said()
            yield self.buttons(
                ("fill", "Fill the form", "Put it into the form (Ctrl+S)"),
                (
                    "defaults",
                    "Fill in defaults",
                    "Put the default of each ${NAME:-default} in its place (F2)",
                ),
                ("close", "Cancel", "Leave the form as it is (Esc)"),
            )

    def on_mount(self) -> None:
        """Ready to be pasted into."""
        area = self.query_one(SafeArea)
        area.focus()
        self._read("")
        if self._given:
            # Once it has a size, so that it scrolls to the cursor.
            self.call_after_refresh(area.put, self._given)

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Read anew."""
        self._read(event.text_area.text)

    def on_safe_area_refused(self) -> None:
        """Too long a paste."""
        self.say(Problem("Text", f"it is longer than {MAX_TEXT:,} characters", "paste the command alone"))

    def action_fill(self) -> None:
        """Gives what was read."""
        if self._parsed is not None:
            self.dismiss(self._parsed)
        elif not self.query_one(SafeArea).text.strip():
            self.say(Problem("Command", "there is none yet", "paste one, or type it"))

    def action_defaults(self) -> None:
        """``${PORT:-5000}`` becomes 5000."""
        area = self.query_one(SafeArea)
        filled = shell_default(area.text)
        if filled != area.text:
            area.text = filled

    def _read(self, text: str) -> None:
        self._parsed = None
        wrong: Problem | None = None
        if text.strip():
            try:
                self._parsed = parse_command(text)
            except Problem as problem:
                wrong = problem
        parsed = self._parsed
        shown = reading(parsed) if parsed else Content.styled("What it says stands here.", "$text-muted")
        self.query_one("#paste-reading", Static).update(shown if wrong is None else "")
        has_default = parsed is not None and any(shell_default(item) != item for item in _texts(parsed))
        self.query_one("#do-defaults", Button).display = has_default
        self.query_one("#do-fill", Button).disabled = parsed is None
        if wrong is not None:
            self.say(wrong)
        elif parsed is not None and any(map(SHELL.search, _texts(parsed))):
            more = "F2 fills in the defaults it names." if has_default else "Write the values in their place."
            self.say(f"Some of it only a shell can fill in. {more}")
        else:
            self.say("")
