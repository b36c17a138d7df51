"""Every option of a server: searched, listed, explained, and edited in one place."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, Input, Static, TextArea

from asgi_tui.domain.option_search import SearchIndex
from asgi_tui.domain.options import Option, OptionTable
from asgi_tui.domain.servers import get_server
from asgi_tui.domain.text import sanitize
from asgi_tui.domain.values import ON_OFF
from asgi_tui.frontends.console.widgets.explanation import Explanation, explanation
from asgi_tui.frontends.console.widgets.option_editor import OptionEditor
from asgi_tui.frontends.console.widgets.option_list import OptionsView
from asgi_tui.frontends.console.widgets.option_rows import (
    CHANGED,
    OptionState,
    Row,
    flat,
    option_row,
    toggled,
)

BESIDE = 110  # cells from which the explanation stands beside the list
ROOMY = 60  # cells from which buttons say in words what they do
TALL = 24  # rows from which editor and explanation always have room


class SearchInput(Input):
    """Where the words are typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear_or_leave", "Clear", tooltip="Clear the search; again: to the list"),
        Binding("down", "leave", "To the list", show=False, tooltip="Go to what was found"),
    ]

    class Left(Message):
        """On to the list."""

    def action_clear_or_leave(self) -> None:
        """Empties it; what is empty is left."""
        if self.value:
            self.value = ""
        else:
            self.action_leave()

    def action_leave(self) -> None:
        """To the list."""
        self.post_message(self.Left())


class AllOptions(Vertical):
    """Shows every option of one server and posts what is changed; ``show`` it the outcome."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "Search", key_display="/", tooltip="Search", id="options.search"),
        Binding("d", "changed_only", "Changed", tooltip="Changed options only, or all", id="options.changed"),
        Binding(
            "R",
            "reset_all",
            "Reset all",
            show=False,  # its button stands there, and the footer has no room to spare
            tooltip="Every option's default again",
            id="options.reset_all",
        ),
    ]
    DEFAULT_CSS = """
    AllOptions { height: 1fr; }
    AllOptions #options-top { height: 1; }
    AllOptions .slash { width: 2; color: $text-muted; }
    AllOptions SearchInput.-textual-compact { width: 1fr; background: $surface; padding: 0 1; }
    AllOptions SearchInput:focus { background: $panel; background-tint: transparent; }
    AllOptions SearchInput > .input--placeholder { color: $text-disabled; }
    AllOptions #options-count { width: 11; color: $text-muted; margin-left: 1; text-align: right; }
    AllOptions #options-top Button {
        min-width: 8; width: auto; height: 1; margin-left: 1; background: $panel; color: $foreground;
    }
    AllOptions #options-top Button:hover { background: $block-hover-background; }
    AllOptions #options-top Button:focus { text-style: bold underline; }
    AllOptions #options-body { height: 1fr; layout: vertical; }
    AllOptions #options-left { height: 1fr; width: 1fr; }
    AllOptions Explanation { height: 4; border-top: solid $border-blurred; }
    AllOptions Explanation.-tall { height: 9; }
    AllOptions Explanation:focus { border-top: solid $border; }
    AllOptions Explanation.-beside {
        width: 36%; height: 100%; padding: 0 1 0 2; border-top: none; border-left: solid $border-blurred;
    }
    AllOptions Explanation.-beside:focus { border-left: solid $border; }
    """

    class Changed(Message):
        """An option has another text, empty for its default; ``key`` is ``Option.key``."""

        def __init__(self, key: str, text: str) -> None:
            self.key = key
            self.text = text
            super().__init__()

    class ResetAll(Message):
        """Every option is to have its default back."""

    def __init__(self) -> None:
        super().__init__(id="all-options")
        self._state: OptionState | None = None
        self._index = SearchIndex(OptionTable("", ()), ())
        self._names = 0  # cells of the widest flag
        self._why: dict[str, str] = {}  # why each option was found, by name
        self._changed_only = False
        self._changes = 0
        self.search = SearchInput(placeholder="search: name, flag, or another server's flag", compact=True)
        self.view = OptionsView()
        self.editor = OptionEditor()
        self._explanation = Explanation()
        self._body = Container(id="options-body")
        self._beside = self._tall = False
        self._count = Static("", id="options-count", markup=False)
        self._filter = Button("", compact=True, id="options-changed")
        self._reset = Button("Reset all", compact=True, id="options-reset")
        self._filter.tooltip = "Changed options only, or all (key d)"
        self._reset.tooltip = "Give every option its default back (key R)"

    def compose(self) -> ComposeResult:
        """Search on top, then the list over its editor, and the explanation below or beside them."""
        with Horizontal(id="options-top"):
            yield Static("/ ", classes="slash", markup=False)
            yield self.search
            yield self._count
            yield self._filter
            yield self._reset
        with self._body:
            with Vertical(id="options-left"):
                yield self.view
                yield self.editor
            yield self._explanation

    def on_mount(self) -> None:
        """What was given before there was room for it."""
        self._show_rows(to_first=True)

    # -- what it is told ---------------------------------------------------------------------------

    def show(self, state: OptionState) -> None:
        """Shows a server's options with what is typed; it costs little where nothing is another one."""
        before, self._state = self._state, state
        if state == before:
            return
        if before is None or (before.table, before.others) != (state.table, state.others):
            self._index = SearchIndex(state.table, state.others)
            self._names = max((cell_len(flat(option.flag)) for option in state.table.options), default=0)
        if self.is_mounted:
            self._show_rows(to_first=before is None or before.table.server != state.table.server)

    def focus_list(self) -> None:
        """Takes the cursor to the list."""
        self.screen.set_focus(self.view)

    # -- inside ------------------------------------------------------------------------------------

    def _show_rows(self, *, to_first: bool = False) -> None:
        """Fits the list to the search, the filter and the state."""
        state = self._state
        if state is None:
            return
        hits = self._index.search(self.search.value)
        searching = bool(self.search.value.strip())
        self._why = {hit.option.name: hit.why for hit in hits if hit.why}
        changes = sum(map(state.changed, state.table.options))
        if self._changed_only:
            # What is being edited stays, also while its text is empty.
            hits = [hit for hit in hits if state.changed(hit.option) or self._edited(hit.option)]
        rows: list[Row] = []
        group = ""
        for hit in hits:
            if not searching and hit.option.group != group:
                group = hit.option.group
                rows.append(Row(group))
            rows.append(option_row(state, hit.option, hit.why))
        total = len(state.table.options)
        count = f"{len(hits)} of {total}" if len(hits) != total else f"{total} options"
        if str(self._count.content) != count:
            self._count.update(count, layout=False)
        with self.prevent(OptionsView.Highlighted):
            self.view.show(rows, self._names, "" if rows else self._nothing(state), to_first=to_first)
        self._show_option()
        self._show_changes(changes)

    def _edited(self, option: Option) -> bool:
        edited = self.view.option
        return self.editor.has_focus_within and edited is not None and edited.name == option.name

    def _nothing(self, state: OptionState) -> str:
        if self.search.value.strip():
            word = sanitize(self.search.value.strip())
            among = (
                "changed option"
                if self._changed_only
                else f"option of {get_server(state.table.server).title}"
            )
            return f"No {among} goes by “{word}”.\nEsc in the search shows every option."
        return "Nothing is changed: every option is the server's default.\nd shows every option."

    def _show_changes(self, changes: int) -> None:
        label = f"Changed {changes}" if self.size.width >= ROOMY else f"{CHANGED} {changes}"
        label = f"[{label}]" if self._changed_only else f" {label} "
        if str(self._filter.label) != label:
            self._filter.label = Content(label)
            self._filter.styles.width = cell_len(label) + 2  # its own idea of it comes late
        self._reset.display = changes > 0
        before, self._changes = self._changes, changes
        if (changes > 0) != (before > 0):
            self.refresh_bindings()

    def _show_option(self) -> None:
        """Fits editor and explanation to the highlighted option."""
        state, option = self._state, self.view.option
        if state is None or option is None:
            self.editor.show(None, "", "", "", ".")
            self._explanation.show(Content(""))
            return
        self.editor.show(option, state.text(option), state.problem(option), state.locked(option), state.cwd)
        docs = get_server(state.table.server).docs
        why = self._why.get(option.name, "")
        self._explanation.show(explanation(state, option, why, docs, spaced=self._beside))

    def _change(self, option: Option, text: str) -> None:
        self.post_message(self.Changed(option.key, text))

    # -- what its widgets tell it ------------------------------------------------------------------

    def on_resize(self, event: events.Resize) -> None:
        """The explanation beside the list or below it."""
        # on the widgets it concerns only: every class costs a look at all that lies below
        self._beside = event.size.width >= BESIDE
        self._tall = event.size.height >= TALL
        self._body.styles.layout = "horizontal" if self._beside else "vertical"
        self._explanation.set_class(self._beside, "-beside")
        self._explanation.set_class(self._tall, "-tall")
        self.editor.set_class(self._tall, "-tall")
        self._make_room()
        self._show_changes(self._changes)
        self._show_option()

    def on_descendant_focus(self) -> None:
        """The editor has the cursor, or no longer."""
        self._make_room()

    def _make_room(self) -> None:
        """Where there is little of it, the explanation makes way for what is edited."""
        self._explanation.display = self._beside or self._tall or not self.editor.has_focus_within

    def on_input_changed(self, event: Input.Changed) -> None:
        """Found while typing."""
        event.stop()
        self._show_rows(to_first=bool(event.value.strip()))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes on to the list."""
        event.stop()
        self.focus_list()

    def on_search_input_left(self, event: SearchInput.Left) -> None:
        """So does Esc."""
        event.stop()
        self.focus_list()

    def on_options_view_highlighted(self, event: OptionsView.Highlighted) -> None:
        """Another option is edited and explained."""
        event.stop()
        self._show_option()

    def on_options_view_edit_asked(self, event: OptionsView.EditAsked) -> None:
        """To the editor."""
        event.stop()
        self.editor.edit()

    def on_options_view_toggle_asked(self, event: OptionsView.ToggleAsked) -> None:
        """On or off."""
        event.stop()
        state, option = self._state, self.view.option
        if state and option and option.kind in ON_OFF and not state.locked(option):
            self._change(option, toggled(option, state.text(option)))

    def on_options_view_reset_asked(self, event: OptionsView.ResetAsked) -> None:
        """Its default again."""
        event.stop()
        state, option = self._state, self.view.option
        if state and option and state.changed(option):
            self._change(option, "")

    def on_option_editor_changed(self, event: OptionEditor.Changed) -> None:
        """Passed on, by the name it has in a plan."""
        event.stop()
        self._change(event.option, event.text)

    def on_option_editor_left(self, event: OptionEditor.Left) -> None:
        """Back from the editor."""
        event.stop()
        self.focus_list()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The filter, or everything reset."""
        event.stop()
        if event.button is self._filter:
            self.action_changed_only()
        else:
            self.action_reset_all()
        self.focus_list()

    # -- actions -----------------------------------------------------------------------------------

    def action_search(self) -> None:
        """To the search."""
        self.screen.set_focus(self.search)  # at once: what is typed fast is meant for it

    def action_changed_only(self) -> None:
        """Changed options only, or all of them."""
        self._changed_only = not self._changed_only
        self._show_rows()

    def action_reset_all(self) -> None:
        """Asks for every default."""
        self.post_message(self.ResetAll())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Letters are letters in a field; resetting needs something changed."""
        if action in ("search", "changed_only", "reset_all") and isinstance(
            self.screen.focused, Input | TextArea
        ):
            return False
        return action != "reset_all" or self._changes > 0
