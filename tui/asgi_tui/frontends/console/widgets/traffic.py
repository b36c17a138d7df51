"""The traffic pane: rates, latencies, totals, routes, a histogram and workers, of a window of time."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from asgi_tui.domain.events import State
from asgi_tui.domain.text import sanitize
from asgi_tui.frontends.console.format import count
from asgi_tui.frontends.console.model import SessionModel
from asgi_tui.frontends.console.widgets.cursor_table import CursorTable
from asgi_tui.frontends.console.widgets.histogram import Histogram
from asgi_tui.frontends.console.widgets.route_table import RouteTable
from asgi_tui.frontends.console.widgets.traffic_bar import VIEWS, WINDOWS, foot_chips, frame, title_chips
from asgi_tui.frontends.console.widgets.traffic_text import LEGEND, Picture, numbers, picture
from asgi_tui.frontends.console.widgets.worker_table import WorkerTable

TALL_FROM = 25  # rows from which the histogram and the workers stand below the routes
BROAD_FROM = 100  # cells from which they stand side by side there
DETAIL_FROM = 12  # rows from which there is room for the chosen route in full
NONE_WITHIN = {
    "10s": "No request in the last 10 seconds.",
    "1m": "No request in the last minute.",
    "5m": "No request in the last 5 minutes.",
    "all": "No request since the reset.",
}


class RouteTerm(Input):
    """Where a part of a route is typed; up and down lead to the routes, as Enter does."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("up,down", "submit", "To the routes", show=False)]


class RouteFilter(Horizontal):
    """The line in which the routes are filtered; there while it has the focus, or something is filtered."""

    def __init__(self) -> None:
        super().__init__(id="route-filter")
        self.input = RouteTerm(placeholder="filter the routes", compact=True)
        self._hits = Static("", classes="hits", markup=False)

    def compose(self) -> ComposeResult:
        """As the find line of the log has it."""
        yield Static("/ ", classes="slash", markup=False)
        yield self.input
        yield self._hits

    def show(self, matching: int, routes: int) -> None:
        """Says how many routes are left."""
        self._hits.update(f"{count(matching)} of {count(routes)} · Enter keeps · Esc clears")


class Traffic(Vertical):
    """What the app serves. What it is asked for itself it does, the rest it posts."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "next_window", "Window", tooltip="Another window of time", id="traffic.window"),
        Binding("slash", "filter", "Filter", tooltip="Filter the routes", id="traffic.filter"),
        Binding("h", "next_view", "View", tooltip="Routes, latencies or workers", id="traffic.view"),
        Binding(
            "k",
            "pause",
            "Pause numbers",
            show=False,  # as it is in the frame
            tooltip="Let the numbers stand still, or move again",
            id="traffic.pause",
        ),
        Binding(
            "u",
            "reset",
            "Reset numbers",
            show=False,
            tooltip="Begin every window of time anew",
            id="traffic.reset",
        ),
        Binding(
            "escape", "clear", "All routes", show=False, tooltip="Show every route again", id="traffic.clear"
        ),
    ]

    class WindowAsked(Message):
        """Another window of time is wanted: a key of ``WINDOWS``."""

        def __init__(self, window: str) -> None:
            self.window = window
            super().__init__()

    class PauseAsked(Message):
        """The numbers are to stand still, or to move again."""

    class ResetAsked(Message):
        """Every window is to begin anew."""

    class RouteChosen(Message):
        """The requests of a route are wanted; ``route`` is as in ``RouteTraffic``."""

        def __init__(self, route: str) -> None:
            self.route = route
            super().__init__()

    def __init__(self) -> None:
        super().__init__(id="traffic", classes="pane")
        self._window = ""
        self._paused = False
        self._view = "routes"
        self._picture: Picture | None = None
        self._above: Content | None = None
        self._frame: tuple[Content, Content] | None = None
        self._detail_text = ""
        self._numbers = Static("", id="numbers", markup=False)
        self._routes = RouteTable()
        self._detail = Static("", id="route-detail", markup=False)
        self._filter = RouteFilter()
        self._latencies = Histogram()
        self._workers = WorkerTable()

    def compose(self) -> ComposeResult:
        """Numbers above, the views below."""
        yield self._numbers
        yield self._routes
        yield self._detail
        yield self._filter
        with Container(id="beside"):
            yield self._latencies
            yield self._workers

    def on_mount(self) -> None:
        """Nothing is typed or chosen yet."""
        self._filter.display = self._detail.display = False
        self._numbers.tooltip = Content(LEGEND)

    # -- what is shown -----------------------------------------------------------------------------

    def show(self, model: SessionModel) -> None:
        """Shows the newest picture, or while paused the last; paints only what changed."""
        held = model.traffic_paused and self._picture is not None
        if (self._window, self._paused) != (model.traffic_window, model.traffic_paused):
            self._window, self._paused = model.traffic_window, model.traffic_paused
            self._name_pause()
        if not held:
            self._picture = picture(model)
        shown = self._picture
        self.set_class(shown is None, "-empty")
        self._show_above(numbers(shown, self.content_size.width) if shown else _empty(model))
        if shown is not None:
            window = shown.window
            none = NONE_WITHIN.get(window.window, "")
            self._routes.show_routes(window.routes, none)
            self._latencies.show_bins(window.bins, none)
            self._workers.show_workers(shown.stats.workers)
        self._show_filter()
        self._show_detail()
        self._show_frame()

    def _show_above(self, above: Content) -> None:
        before, self._above = self._above, above
        if before is None or not above.is_same(before):
            # as many lines take as much room: nothing else moves
            same = before is not None and before.plain.count("\n") == above.plain.count("\n")
            self._numbers.update(above, layout=not same or self.has_class("-empty"))

    def _show_frame(self) -> None:
        width = self.outer_size.width
        title = frame(title_chips(self._window, paused=self._paused), width)
        one = "" if self.has_class("-tall") else self._view
        foot = frame(foot_chips(one, paused=self._paused), width)
        before, self._frame = self._frame, (title, foot)
        if before is None or not (title.is_same(before[0]) and foot.is_same(before[1])):
            self.border_title, self.border_subtitle = title, foot

    def _show_filter(self) -> None:
        if self._filter.display and self._picture is not None:
            self._filter.show(len(self._routes.rows), len(self._picture.window.routes))

    def _show_detail(self) -> None:
        """What the table has no room for, of the row with the cursor."""
        room = self.content_size
        wanted = self._routes.has_focus and room.height >= DETAIL_FROM
        text = self._routes.detail(room.width) if wanted else ""
        if text != self._detail_text:
            self._detail_text = text
            self._detail.display = bool(text)
            self._detail.update(text)

    def _name_pause(self) -> None:
        """Footer and palette say what the key does now."""
        name = "Resume numbers" if self._paused else "Pause numbers"
        (binding,) = self._bindings.key_to_bindings["k"]
        self._bindings.key_to_bindings["k"] = [replace(binding, description=name)]
        self.refresh_bindings()

    # -- room and focus ----------------------------------------------------------------------------

    def on_resize(self, event: events.Resize) -> None:
        """Everything in sight where there is room for it, else one view at a time."""
        room = self.content_size
        self.set_class(room.height >= TALL_FROM, "-tall")
        self.set_class(room.width >= BROAD_FROM, "-broad")
        if self._picture is not None:
            self._show_above(numbers(self._picture, room.width))
        self._show_frame()

    @property
    def target(self) -> Widget:
        """What takes the focus of the pane."""
        views: dict[str, Widget] = {"latencies": self._latencies, "workers": self._workers}
        return views.get(self._view, self._routes)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """What has the focus is the view."""
        if event.widget.id in VIEWS:
            self._set_view(event.widget.id)
        self._show_detail()

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """Nothing is typed any more, or the cursor is not shown."""
        if event.widget is self._filter.input:
            self._filter.display = bool(self._routes.term)
        self._show_detail()

    def _set_view(self, view: str) -> None:
        self._view = view
        for name in VIEWS:
            self.set_class(name == view, f"-{name}")
        self._show_frame()

    def on_cursor_table_moved(self, event: CursorTable.Moved) -> None:
        """Another route is told in full."""
        event.stop()
        self._show_detail()

    def on_cursor_table_chosen(self, event: CursorTable.Chosen) -> None:
        """The requests of a route are wanted."""
        event.stop()
        self.post_message(self.RouteChosen(event.row.key))

    # -- actions -----------------------------------------------------------------------------------

    def action_window(self, window: str) -> None:
        """Asks for a window of time."""
        self.post_message(self.WindowAsked(window))

    def action_next_window(self) -> None:
        """Asks for the next one."""
        names = list(WINDOWS)
        at = names.index(self._window) if self._window in names else -1
        self.action_window(names[(at + 1) % len(names)])

    def action_pause(self) -> None:
        """Asks for a pause or its end."""
        self.post_message(self.PauseAsked())

    def action_reset(self) -> None:
        """Asks for new numbers."""
        self.post_message(self.ResetAsked())

    def action_view(self, view: str) -> None:
        """To a view."""
        self._set_view(view)
        self.target.focus()

    def action_next_view(self) -> None:
        """To the next one."""
        names = list(VIEWS)
        self.action_view(names[(names.index(self._view) + 1) % len(names)])

    def action_filter(self) -> None:
        """Opens the filter line with the last term."""
        self._set_view("routes")
        self._filter.display = True
        self._filter.input.focus()
        self._show_filter()

    def action_clear(self) -> None:
        """Every route again."""
        self._filter.input.value = ""
        self._narrow("")
        self._filter.display = False
        self._routes.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filtered while typing."""
        event.stop()
        self._narrow(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """What was typed stays; the routes have the focus again."""
        event.stop()
        self._routes.focus()

    def _narrow(self, term: str) -> None:
        if term != self._routes.term:
            self._routes.narrow(term)
            self._show_filter()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which keys mean anything now."""
        return action != "clear" or self._filter.display or bool(self._routes.term)


def _empty(model: SessionModel) -> Content:
    if model.state in (State.READY, State.RELOADING) and model.url:
        return Content.assemble(
            ("No request yet. Open ", "$text-muted"),
            sanitize(model.url),
            (" or send one from another terminal; every request is counted here.", "$text-muted"),
        )
    return Content.styled(
        "No request yet: rates, latencies and routes show here once the server answers.", "$text-muted"
    )
