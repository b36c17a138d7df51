"""How the log is scrolled: by rows with keys and wheel, by entries with its scrollbar."""

from __future__ import annotations

import math

from textual import events
from textual.scrollbar import ScrollDown, ScrollTo, ScrollUp
from textual.selection import SelectEnd

from asgi_tui.engine.log_store import LogStore
from asgi_tui.frontends.console.widgets.log_sight import LogSight


class LogScroll(LogSight, inherit_bindings=False):
    """A log that can be scrolled. Whatever else changes ``scroll_y`` scrolls by as many rows."""

    def __init__(self, store: LogStore) -> None:
        super().__init__(store)
        self._drift = 0.0  # parts of a row that something else scrolled

    def scroll_rows(self, by: int) -> None:
        """Scrolls by rows; to the end it is followed again."""
        top = self._window.top
        at_end = self._window.move(by)
        if self._window.top != top:
            self.leave()
        if by > 0 and at_end:
            self._window.following = True
        self.scrolled()

    def scrolled(self) -> None:
        """What is in sight is another part of the log."""
        self.lay_out()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Something else scrolls, such as a selection at the edge: by rows."""
        if self._placing or old_value > self.max_scroll_y:  # or it only had to stay within its bounds
            return
        self._drift += new_value - old_value
        self._drift, rows = math.modf(self._drift)
        if rows:
            self.scroll_rows(int(rows))
            self._stretch_selection()
        else:
            self._place_scrollbar()

    def _stretch_selection(self) -> None:
        """A selection goes on to what has come under the mouse, which Textual asks for only when it moves."""
        screen = self.screen
        state = screen._select_state  # there is no public one
        if state is None or state.end is None:
            return
        widget, offset = screen.get_widget_and_offset_at(*state.screen_offset)
        if widget is self and offset is not None:
            end = SelectEnd(state.end.container, self, offset)
            screen._select_state = state.update_end(state.screen_offset, end)

    def on_scroll_to(self, message: ScrollTo) -> None:
        """The scrollbar was dragged."""
        message.prevent_default().stop()
        if message.y is not None:
            self.leave()
            self._window.scroll_to(message.y)
            self.scroll_rows(0)
            if self._window.top >= self._window.end_top:
                self._window.following = True
                self.scrolled()

    def on_scroll_up(self, message: ScrollUp) -> None:
        """The scrollbar was clicked above its thumb."""
        message.prevent_default().stop()
        self.scroll_rows(1 - self._area.height)

    def on_scroll_down(self, message: ScrollDown) -> None:
        """The scrollbar was clicked below its thumb."""
        message.prevent_default().stop()
        self.scroll_rows(self._area.height - 1)

    def _wheel(self, event: events.MouseEvent, by: int) -> None:
        event.prevent_default().stop()
        if event.shift or event.ctrl:
            self.pan(by * int(self.app.scroll_sensitivity_x))
        else:
            self.scroll_rows(by * max(int(self.app.scroll_sensitivity_y), 1))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel."""
        self._wheel(event, -1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel."""
        self._wheel(event, 1)

    def on_mouse_scroll_left(self, event: events.MouseScrollLeft) -> None:
        """A wheel for the other direction."""
        event.prevent_default().stop()
        self.pan(-int(self.app.scroll_sensitivity_x))

    def on_mouse_scroll_right(self, event: events.MouseScrollRight) -> None:
        """A wheel for the other direction."""
        event.prevent_default().stop()
        self.pan(int(self.app.scroll_sensitivity_x))

    def pan(self, by: int) -> None:
        """Moves the text of lines that are not wrapped to the side, as far as those in sight go."""
        widest = max((rows.width(spot.row) for spot, rows in self._drawn if rows is not None), default=0)
        most = 0 if self.wrap else max(widest - self._window.shape.room, 0)
        left = min(max(self._painter.left + by, 0), max(most, 0))
        if left != self._painter.left:
            self._painter.left = left
            self._painter.forget()
            self.refresh()
