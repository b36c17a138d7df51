"""The reloads pane: what was saved, what came of it, and changes of the server."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from asgi_tui.frontends.console.history import MAX_RELOADS, Entry
from asgi_tui.frontends.console.model import SessionModel
from asgi_tui.frontends.console.widgets.reload_text import counted, entry_text, head


class EntryList(OptionList):
    """The entries, the newest first; Enter or a click opens one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "cursor_up", "Up", show=False, tooltip="Go to a newer one"),
        Binding("down", "cursor_down", "Down", show=False, tooltip="Go to an older one"),
        Binding(
            "enter", "select", "Details", tooltip="Show everything of the chosen reload", id="reloads.open"
        ),
    ]

    def __init__(self) -> None:
        super().__init__(id="reload-list", markup=False)
        self._shown: dict[str, Entry] = {}
        self._width = 0

    def on_focus(self) -> None:
        """There is always one to open."""
        if self.highlighted is None and self.option_count:
            self.highlighted = 0

    def show(self, entries: tuple[Entry, ...], width: int) -> None:
        """Shows the entries; makes only the text of those that changed."""
        shown = {str(entry.number): entry for entry in entries}
        if shown == self._shown and width == self._width:
            return
        before, self._shown = self._shown, shown
        if list(shown) == list(before) and width == self._width:
            for number, entry in shown.items():
                if entry != before[number]:
                    self.replace_option_prompt(number, entry_text(entry, width))
            return
        self._width = width
        self._rebuild(before)

    def _rebuild(self, before: dict[str, Entry]) -> None:
        chosen = self.highlighted_option.id if self.highlighted_option else None
        followed = not before or chosen == next(iter(before))
        self.set_options(
            Option(entry_text(entry, self._width), id=number) for number, entry in self._shown.items()
        )
        if chosen is not None or self.has_focus:
            # the newest stays chosen as the newest, another one as itself
            keep = chosen is not None and chosen in self._shown and not followed
            self.highlighted = self.get_option_index(chosen) if keep and chosen and self._shown else 0

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without an entry there is nothing to open: Enter starts a stopped server then."""
        return action != "select" or bool(self._shown)


class Reloads(Vertical):
    """What is watched, how long reloads take, and each of them."""

    BORDER_TITLE = "Reloads"

    class Opened(Message):
        """An entry was asked for in full."""

        def __init__(self, number: int) -> None:
            self.number = number
            super().__init__()

    def __init__(self) -> None:
        super().__init__(id="reloads", classes="pane")
        self._head: Content | None = None
        self._text = Static("", id="reload-head", markup=False)
        self._list = EntryList()

    def compose(self) -> ComposeResult:
        """A few lines that stay, and the list."""
        yield self._text
        yield self._list

    def show(self, model: SessionModel) -> None:
        """Shows every event kept; paints only what changed."""
        width = self.content_size.width
        above = head(model, width)
        if self._head is None or not above.is_same(self._head):
            self._head = above
            self._text.update(above)
        # the scrollbar's cell is left free, so that its coming does not wrap anything anew
        self._list.show(tuple(model.reloads), width - 1)
        count = len(model.reloads)
        kept = f" · newest {MAX_RELOADS} kept" if count == MAX_RELOADS else ""
        said = f"{counted(count, 'event')}{kept} · Enter opens" if count else ""
        title = "Reloads · PAUSED" if model.paused else "Reloads"
        if (title, said) != (self.border_title, self.border_subtitle):
            self.border_title, self.border_subtitle = title, said

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Opened by Enter or a click."""
        event.stop()
        if event.option_id is not None:
            self.post_message(self.Opened(int(event.option_id)))
