"""The sequence diagram of a call, whose steps are chosen with the cursor."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical

from asgi_tui.domain.events import Request
from asgi_tui.frontends.console.sequence_text import Diagram, Step, life_lines
from asgi_tui.frontends.console.veil import Veil
from asgi_tui.frontends.console.widgets.lines_view import LinesView


class SequenceView(LinesView):
    """A row a message. While the call goes on it follows the newest, unless another was chosen."""

    def __init__(self) -> None:
        super().__init__(wrap=False, click_opens=False, id="sequence")
        self.deltas = False
        self.following = False
        self._call: Request | None = None
        self._veil: Veil | None = None
        self._now_ms = 0.0

    @property
    def step(self) -> Step | None:
        """The chosen one."""
        lines = self.lines
        return (
            lines.steps[self.cursor] if isinstance(lines, Diagram) and 0 <= self.cursor < len(lines) else None
        )

    def show_call(self, call: Request, veil: Veil, now_ms: float, *, fresh: bool) -> None:
        """Shows a call; ``fresh``: another one, from its start, or its end while it goes on."""
        self._call, self._veil, self._now_ms = call, veil, now_ms
        if fresh:
            self.following = call.outcome == "open"
        self._draw(fresh=fresh)

    def toggle_deltas(self) -> None:
        """Times since the call, or since the row before."""
        self.deltas = not self.deltas
        self._draw(fresh=False)

    def choose_step(self, row: int) -> None:
        """Chooses the step of that row."""
        self.following = False
        self.choose(row)

    def on_resize(self) -> None:
        """The life lines stand elsewhere."""
        self._draw(fresh=False)

    def _draw(self, *, fresh: bool) -> None:
        if self._call is None or self._veil is None:
            return
        diagram = Diagram(self._call, self._veil, self.room, now_ms=self._now_ms, deltas=self.deltas)
        self.show(diagram, fresh=fresh)
        if self.following:
            self.choose(len(diagram) - 1)
        elif not fresh:
            self.show_cursor()

    def choose(self, index: int) -> None:
        """Moves the cursor; from the last row it follows on."""
        super().choose(index)
        open_ = self._call is not None and self._call.outcome == "open"
        self.following = open_ and index == len(self.lines) - 1


class Sequence(Vertical):
    """The diagram below the names of its life lines."""

    DEFAULT_CSS = """
    Sequence > #life-lines { height: 1; overflow: hidden; }
    """

    def __init__(self) -> None:
        super().__init__(id="diagram")
        self.view = SequenceView()
        self._head = LinesView(wrap=False, id="life-lines")
        self._head.can_focus = False
        self._server = ""

    def compose(self) -> ComposeResult:
        """The names do not scroll."""
        yield self._head
        yield self.view

    def show_call(self, call: Request, veil: Veil, now_ms: float, *, fresh: bool) -> None:
        """As ``SequenceView`` has it."""
        self._server = f"{call.server} {call.pid}"
        self._draw_head()
        self.view.show_call(call, veil, now_ms, fresh=fresh)

    def on_resize(self) -> None:
        """The names stand elsewhere."""
        self.call_after_refresh(self._draw_head)

    def _draw_head(self) -> None:
        self._head.show([life_lines(self.view.room, self._server)], fresh=False)
