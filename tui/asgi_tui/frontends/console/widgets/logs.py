"""The log pane: the log, what of it is shown and how, the find line and the filter."""

from __future__ import annotations

from collections.abc import Iterable

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from asgi_tui.domain.log_filter import LogFilter, least_level
from asgi_tui.engine.log_store import LogStore
from asgi_tui.frontends.console.format import count, size
from asgi_tui.frontends.console.widgets.log_filter import LogFilterBar
from asgi_tui.frontends.console.widgets.log_find import FindLine
from asgi_tui.frontends.console.widgets.log_view import LogView
from asgi_tui.frontends.console.widgets.traffic_bar import Chip, frame

# Of what is kept, the newest part whose loggers and workers can be completed.
NEWEST_BLOCKS = 256
TIMES = {"absolute": "clock times", "relative": "times ago", "delta": "time between", "off": "no times"}


class SessionLog(LogView):
    """The log of a session: until an entry is chosen, the key for a place opens the one at fault."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which keys mean anything here; the others are the screen's."""
        if action == "open" and self.following:
            return not self.app.check_action("edit", ())
        if action == "fold":
            return self.foldable
        return super().check_action(action, parameters)


class Logs(Vertical):
    """Output of the servers and the console's own errors. What its frame offers are actions of the screen."""

    def __init__(self, store: LogStore) -> None:
        super().__init__(id="logs", classes="pane")
        self._store = store
        self.view = SessionLog(store)
        self.find = FindLine()
        self.filter = LogFilterBar(self._values)
        self._offered: object = None  # what decides which keys mean something
        self._frame: tuple[Content, Content] | None = None

    def compose(self) -> ComposeResult:
        """The log above, below it what is in force and the lines that are open."""
        yield self.view
        yield self.filter
        yield self.find

    def on_mount(self) -> None:
        """Shows what there is."""
        self.show()

    def on_resize(self, event: events.Resize) -> None:
        """Another part of the frame has room."""
        self._show_frame()

    def show(self) -> None:
        """Takes in what the store gained."""
        self.view.sync()
        self._show_frame()
        if self.find.opened:
            self.find.show(self.view.hits)
        store, view = self._store, self.view
        offered = (
            bool(view.current_request),
            view.following,
            bool(self.wanted.terms),
            self.find.opened,
            store.end > store.first,
        )
        if offered != self._offered:
            self._offered = offered
            self.screen.refresh_bindings()

    @property
    def wanted(self) -> LogFilter:
        """The filter in force."""
        return self.filter.wanted

    def narrow(self, wanted: LogFilter) -> None:
        """Shows what passes another filter."""
        self.filter.show(wanted)

    def cycle_times(self) -> None:
        """Shows the times in the next way."""
        self.view.cycle_times()
        self.show()

    def close_find(self) -> None:
        """Nothing is searched for any more."""
        self.find.close()
        self.view.focus()

    def close_filter(self) -> None:
        """The filter stays in force."""
        self.filter.close()
        self.view.focus()

    # -- what its widgets tell it ------------------------------------------------------------------

    def on_find_line_changed(self, event: FindLine.Changed) -> None:
        """Something else is searched for."""
        event.stop()
        self.view.set_needle(event.needle)
        self.show()

    def on_find_line_left(self, event: FindLine.Left) -> None:
        """To the log."""
        event.stop()
        self.view.focus()
        self.view.show_hit()

    def on_log_filter_bar_changed(self, event: LogFilterBar.Changed) -> None:
        """Other entries are shown."""
        event.stop()
        self.view.set_filter(event.wanted)
        self.show()

    @on(LogView.GaveUp)
    def give_up(self, event: LogView.GaveUp) -> None:
        """An expression takes too long."""
        event.stop()
        (self.filter if event.of_filter else self.find).refuse(str(event.problem))
        self.show()

    @on(LogView.Moved)
    def show_moved(self, event: LogView.Moved) -> None:
        """The frame tells where it is and what was found."""
        event.stop()
        self.show()

    # -- the frame ---------------------------------------------------------------------------------

    def _show_frame(self) -> None:
        width = self.outer_size.width
        title, foot = frame(self._title(), width), frame(self._foot(), width)
        before, self._frame = self._frame, (title, foot)
        if before is None or not (title.is_same(before[0]) and foot.is_same(before[1])):
            self.border_title, self.border_subtitle = title, foot

    def _title(self) -> list[Chip]:
        store, view = self._store, self.view
        held = f"{count(store.lines)} lines"
        if self.wanted.terms:
            # an entry may be of several lines, or of several that are alike
            more = "" if view.complete else "…"
            held = f"{count(view.shown)}{more} of {count(store.end - store.first)} entries"
        chips = [Chip(f"Logs · {held}")]
        if store.missed:
            chips.append(Chip(f"▲ {size(store.missed)} came too fast", style="$text-warning"))
        if store.evicted:
            chips.append(Chip(f"oldest {count(store.evicted)} lines gone"))
        return chips

    def _foot(self) -> list[Chip]:
        """What the pane does now, then what else can be clicked; the last ones go where there is no room."""
        view = self.view
        new = f"+{count(view.unseen)} new · End follows"
        chips = [Chip("FOLLOW") if view.following else Chip(new, "screen.follow", style="bold")]
        if view.wrap or view.cuts:
            chips.append(Chip("wrapped" if view.wrap else "w wraps", "screen.wrap"))
        level = least_level(self.wanted)
        chips.append(Chip(f"L {level} and above" if level else "L all levels", "screen.level"))
        if view.marked:
            chips.append(Chip(f"{count(len(view.marked))} marked", "screen.next_mark", style="bold"))
        chips.append(Chip(f"d {TIMES[view.times]}", "screen.times"))
        chips += [
            Chip("/ Find", "screen.open_find"),
            Chip("& Filter", "screen.filter_log"),
            Chip("S Save", "screen.save_log"),
        ]
        return chips

    def _values(self, key: str) -> Iterable[str]:
        """The loggers or workers that were seen, the newest first; a logger is below others."""
        if key not in ("logger", "worker"):
            return ()
        blocks = reversed(self._store.blocks()[-NEWEST_BLOCKS:])
        origins = dict.fromkeys(origin for block in blocks for origin in reversed(block.origins[:]))
        if key == "worker":
            return dict.fromkeys(str(origin.pid) for origin in origins if origin.pid is not None)
        names = dict.fromkeys(origin.logger for origin in origins if origin.logger)
        above = (name.rpartition(".")[0] for name in names)
        return dict.fromkeys([*names, *filter(None, above)])
