"""The tabs of one request: what there is to read of it, with how much of it there is."""

from __future__ import annotations

from collections.abc import Mapping

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from asgi_tui.domain.events import Request

TABS = {
    "messages": "Messages",
    "scope": "Scope",
    "headers": "Headers",
    "body": "Body",
    "error": "Error",
    "logs": "Logs",
    "rules": "Rules",
}


class RequestTab(Static):
    """One tab's name."""

    def __init__(self, name: str) -> None:
        super().__init__(TABS[name], markup=False, id=f"tab-{name}")
        self.tab = name
        self.tooltip = f"Show {TABS[name]} (Tab goes on)"

    def on_click(self) -> None:
        """Chosen."""
        self.post_message(RequestTabs.Chosen(self.tab))


class RequestTabs(Horizontal):
    """One row; the chosen tab's name is in brackets."""

    DEFAULT_CSS = """
    RequestTabs { height: 1; background: $background; }
    RequestTabs RequestTab { width: auto; color: $text-muted; pointer: pointer; }
    RequestTabs RequestTab:hover { color: $foreground; }
    RequestTabs RequestTab.-active { color: $text-primary; text-style: bold; }
    """

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, tab: str) -> None:
            self.tab = tab
            super().__init__()

    def __init__(self) -> None:
        super().__init__()
        self._shown: dict[str, str] = {}

    def compose(self) -> ComposeResult:
        """All of them."""
        for name in TABS:
            yield RequestTab(name)

    def show(self, active: str, counts: Mapping[str, tuple[str, str]]) -> None:
        """Marks the chosen one; ``counts`` are what stands behind a name, with its style."""
        for tab in self.query(RequestTab):
            chosen = tab.tab == active
            count, style = counts.get(tab.tab, ("", ""))
            left, right = ("[", "]") if chosen else (" ", " ")
            behind = (f" {count}", style) if count else ""
            text = Content.assemble(left, TABS[tab.tab], behind, right)
            if self._shown.get(tab.tab) != repr(text):
                self._shown[tab.tab] = repr(text)
                tab.set_class(chosen, "-active")
                tab.update(text)


def counts(call: Request) -> dict[str, tuple[str, str]]:
    """What stands behind a tab's name, with its style."""
    messages = len(call.messages) + call.left_out
    found = {"messages": (f"{messages:,}", "$text-muted")}
    if call.error is not None:
        found["error"] = ("✗", "bold $text-error")
    if call.logs:
        found["logs"] = (f"{len(call.logs):,}", "$text-muted")
    if call.verdicts:
        worst = any(verdict.level == "error" for verdict in call.verdicts)
        style = "bold $text-error" if worst else "bold $text-warning"
        found["rules"] = (f"▲ {len(call.verdicts):,}", style)
    return found
