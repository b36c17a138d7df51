"""The line at the top of every screen: where one is, and how the server stands."""

from __future__ import annotations

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from asgi_tui.domain.events import State
from asgi_tui.domain.text import sanitize
from asgi_tui.frontends.console import format as show
from asgi_tui.frontends.console.model import SessionModel

MODES = {"launch": "1 Launch", "run": "2 Run", "requests": "3 Requests"}
STATE_STYLES = {
    State.STOPPED: "$text-muted",
    State.STARTING: "$text-warning",
    State.READY: "$text-success",
    State.RELOADING: "$text-warning",
    State.STOPPING: "$text-warning",
    State.CRASHED: "$text-error",
}


def where(model: SessionModel, *, quitting: bool = False) -> Content:
    """State with its mark and word, server and version, address."""
    state = State.STOPPING if quitting else model.state
    style = f"bold {STATE_STYLES[state]}"
    parts: list[str | tuple[str, str]] = [(f"{show.STATE_MARKS[state]} {state.value.upper()}", style)]
    if quitting:
        parts.append(("  stopping…", style))
    elif model.server:
        parts.append(f"  {model.server} {sanitize(model.version)}".rstrip())
        if model.coming:
            parts.append((f" → {model.coming}", style))
        elif model.url and state is not State.STOPPED:
            parts.append(("  " + sanitize(model.url), "$text-primary"))
    return Content.assemble(*parts)


def badges(model: SessionModel) -> list[tuple[str, str]]:
    """What is not as usual, though the server serves."""
    said = []
    if model.last_good:
        said.append((f"▲ {model.reason}", "bold $text-error"))
    if model.paused:
        said.append(("‖ watching paused", "bold $text-warning"))
    return said


def vitals(model: SessionModel, now: float, width: int, *, full: bool = True) -> Content:
    """What is not as usual; and if ``full`` the uptime, and as much of pid, CPU and memory as has room."""
    items = [[badge] for badge in badges(model)]
    used = sum(cell_len(text) + 2 for text, _ in badges(model))
    if full and model.ready_at is not None and model.pid is not None:
        pairs = [("up", show.uptime(now - model.ready_at)), ("pid", str(model.pid))]
        if model.usage is not None:
            usage = model.usage
            pairs += [("cpu", f"{usage.cpu_percent:.0f}%"), ("mem", show.size(usage.rss_bytes))]
        for name, value in pairs:
            used += len(name) + 1 + len(value) + 2
            if used - 2 <= width:
                items.append([(f"{name} ", "$text-muted"), (value, "")])
    parts = [piece for item in items for piece in (("  ", ""), *item)]
    return Content.assemble(*parts[1:])


class ModeTab(Static):
    """A mode's name, clickable."""

    class Chosen(Message):
        """A mode was clicked."""

        def __init__(self, mode: str) -> None:
            self.mode = mode
            super().__init__()

    def __init__(self, mode: str, *, active: bool) -> None:
        super().__init__(MODES[mode], markup=False, classes="-active" if active else "")
        self.mode = mode
        self.tooltip = f"Go to {MODES[mode][2:]} (key {MODES[mode][0]})"

    def on_click(self) -> None:
        """Goes there."""
        self.post_message(self.Chosen(self.mode))


class StatusLine(Vertical):
    """One row where everything fits, two where it does not: nothing is cut off."""

    DEFAULT_CSS = """
    StatusLine { height: auto; background: $panel; dock: top; }
    StatusLine > Horizontal { height: 1; }
    StatusLine #brand { width: auto; padding: 0 2 0 1; text-style: bold; color: $foreground; }
    StatusLine ModeTab { width: auto; padding: 0 1; color: $text-muted; pointer: pointer; }
    StatusLine.-tight #brand { display: none; }
    StatusLine.-tight ModeTab { padding: 0 1 0 0; }
    StatusLine.-tight > Horizontal { padding-left: 1; }
    StatusLine ModeTab:hover { background: $block-hover-background; color: $foreground; }
    StatusLine ModeTab.-active { text-style: bold underline; color: $text-primary; background: $surface; }
    StatusLine #where, StatusLine #vitals {
        height: 1; width: 1fr; padding: 0 1; text-align: right; text-wrap: nowrap; text-overflow: ellipsis;
    }
    """
    # cells of padding, tabs and name beside the state; and of padding and tabs alone, set tight
    _LOOSE = 2 + sum(len(title) + 2 for title in MODES.values()) + 11
    _TIGHT = 2 + sum(len(title) + 1 for title in MODES.values()) + 1
    _SLACK = 4  # cells by which numbers may grow before the name has to go

    def __init__(self, mode: str, *, with_vitals: bool = False) -> None:
        super().__init__()
        self._mode = mode
        self._with_vitals = with_vitals
        self._model: SessionModel | None = None
        self._now = 0.0
        self._quitting = False
        self._shown: tuple[str, str, bool] | None = None
        self._where = Static(id="where", markup=False)
        self._vitals = Static(id="vitals", markup=False)

    def compose(self) -> ComposeResult:
        """Name, tabs, state; the vitals below where they do not fit beside."""
        with Horizontal():
            yield Static("asgi-tui", id="brand", markup=False)
            for mode in MODES:
                yield ModeTab(mode, active=mode == self._mode)
            yield self._where
        yield self._vitals

    def show(self, model: SessionModel, now: float, *, quitting: bool = False) -> None:
        """Shows how the server stands at ``now`` (Unix seconds); paints only what changed."""
        self._model, self._now, self._quitting = model, now, quitting
        self._arrange()

    def on_resize(self) -> None:
        """What fits may be another matter now."""
        self._arrange()

    def _arrange(self) -> None:
        if self._model is None:
            return
        place = where(self._model, quitting=self._quitting)
        vital = vitals(self._model, self._now, self.size.width - 2, full=self._with_vitals)
        both = Content.assemble(place, "  ", vital) if vital else place
        loose, tight = self.size.width - self._LOOSE, self.size.width - self._TIGHT
        roomy = both.cell_length + self._SLACK <= loose
        if both.cell_length <= tight:
            place, vital = both, Content("")
        elif place.cell_length <= tight:
            roomy = place.cell_length <= loose
        else:
            left = self.size.width - 2 - place.cell_length - 2
            vital = vitals(self._model, self._now, left, full=self._with_vitals)
            roomy = True
            place, vital = Content(""), Content.assemble(place, "  ", vital) if vital else place
        shown = (repr(place), repr(vital), roomy)
        if shown == self._shown:
            return
        self._shown = shown
        self.set_class(not roomy, "-tight")
        self._where.update(place)
        self._vitals.update(vital)
        self._vitals.display = bool(vital)
