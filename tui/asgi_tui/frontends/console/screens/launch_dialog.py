"""What the dialogs of the Launch screen have in common: rows in columns, a line for sentences, buttons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import ClassVar, TypeVar

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from asgi_tui.domain.errors import Problem
from asgi_tui.frontends.console.format import fit
from asgi_tui.frontends.console.screens.dialog import Dialog
from asgi_tui.frontends.console.widgets.option_rows import flat
from asgi_tui.frontends.console.widgets.table import GAP, Column, layout

Result = TypeVar("Result")

MOST_SHOWN = 2_000  # characters of one value that are shown


def cut(text: str) -> str:
    """Text from anywhere as one safe line that is not endless."""
    text = flat(text)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a list; ``key`` tells it from the others.

    ``below`` stands under the cells, in the style ``tone``. A heading cannot be picked; one with
    several cells names the columns.
    """

    key: str
    cells: tuple[str, ...]
    below: str = ""
    tone: str = "$text-muted"
    heading: bool = False


class Lines(OptionList):
    """Rows in columns. A click moves the highlight; Enter, Space or as many ``clicks`` take the row.

    Texts are made safe here; the width of a column is the most it takes, and 0 takes what is left.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "select", "Take", show=False)]

    def __init__(self, columns: Sequence[Column], *, id: str, clicks: int = 2) -> None:  # noqa: A002 - as every widget
        super().__init__(id=id)
        self._clicks = clicks
        self._columns = tuple(columns)
        self._shown: tuple[Line, ...] = ()

    def show(self, lines: Sequence[Line], *, pick: str = "") -> None:
        """Shows ``lines``; the highlight goes to ``pick``, else stays on its row, else goes to the first."""
        self._shown = tuple(lines)
        self._fill(pick)

    @property
    def key(self) -> str:
        """The row with the highlight; empty where there is none."""
        return "" if self.highlighted is None else self._shown[self.highlighted].key

    def on_resize(self) -> None:
        """The columns are others."""
        self._fill("")

    def on_click(self, event: events.Click) -> None:
        """Once: highlighted. Twice: taken."""
        event.prevent_default()
        index = event.style.meta.get("option")
        if isinstance(index, int) and not self._shown[index].heading:
            self.highlighted = index
            if event.chain >= self._clicks:
                self.action_select()

    def _fill(self, pick: str) -> None:
        options = [self._as_option(line) for line in self._shown]
        wanted = pick or (self.highlighted_option.id if self.highlighted_option else None)
        able = [line.key for line in self._shown if not line.heading]
        before = self.highlighted
        with self.prevent(OptionList.OptionHighlighted):
            self.set_options(options)
            if wanted not in able:
                wanted = able[min(before or 0, len(able) - 1)] if able else None
            self.highlighted = None if wanted is None else self.get_option_index(wanted)
        if self.highlighted is not None:
            self.post_message(self.OptionHighlighted(self, options[self.highlighted], self.highlighted))

    def _cells(self) -> list[int]:
        rows = [line.cells for line in self._shown if len(line.cells) == len(self._columns)]
        columns = [
            Column("", min(column.width, max((cell_len(flat(row[at])) for row in rows), default=1) or 1))
            for at, column in enumerate(self._columns)
        ]
        return layout(columns, self.scrollable_content_region.width)

    def _as_option(self, line: Line) -> Option:
        cells = list(map(flat, line.cells))
        if len(cells) == len(self._columns):
            widths = self._cells()
            text = (" " * GAP).join(
                fit(cell, width, right=False) for cell, width in zip(cells, widths, strict=True)
            )
        else:
            text = cells[0]
        content = Content(text)
        if line.heading:
            content = Content.styled(text, "$text-primary" if len(cells) == 1 else "$text-muted underline")
        if line.below:
            room = max(self.scrollable_content_region.width - 2, 1)
            below = "".join(f"\n  {part}" for part in wrap(cut(line.below), room))
            content = Content.assemble(content, (below, line.tone))
        return Option(content, id=line.key, disabled=line.heading)


class LineInput(Input):
    """One line of text; Escape leads back to the list (``screen.back``)."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "screen.back", "Back", show=False),
    ]

    def __init__(self, placeholder: str, *, id: str | None = None, max_length: int = 0) -> None:  # noqa: A002 - as every widget
        super().__init__(
            placeholder=placeholder, compact=True, select_on_focus=False, id=id, max_length=max_length
        )


class LaunchDialog(Dialog[Result]):
    """A dialog with a line that says things and buttons for what its keys do."""

    CSS_PATH = ["dialog.tcss", "launch_dialogs.tcss"]  # type: ignore[assignment] # noqa: RUF012 - Screen takes both
    AUTO_FOCUS = ""
    # Where there are rows to spare the box is as high as what is in it.
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [  # noqa: RUF012 - as above
        (0, "-low"),
        (34, "-high"),
        (52, "-higher"),
    ]

    _said: tuple[bool, str] | None = None

    def box(self, title: str, keys: str, *, fixed: bool = False) -> Vertical:
        """The box with its title, and the keys below it; ``fixed``: as high as the screen has room for."""
        box = Vertical(classes="box -fixed" if fixed else "box")
        box.border_title = title
        box.border_subtitle = keys
        return box

    def keys(self, keys: str) -> None:
        """Other keys below the box."""
        self.query_one(".box").border_subtitle = keys

    def said(self) -> Static:
        """The line for sentences."""
        return Static("", id="said", markup=False)

    def detail(self) -> Static:
        """The line for what the picked row has no room for."""
        return Static("", id="detail", classes="hint", markup=False)

    def tell(self, text: str) -> None:
        """Shows what the picked row has no room for."""
        line = self.query_one("#detail", Static)
        line.update(cut(text))
        line.display = bool(text)

    def buttons(self, *buttons: tuple[str, str, str]) -> Horizontal:
        """Buttons as (action, label, tooltip); the first one is what the dialog is for."""
        made = [
            Button(
                label,
                "primary" if index == 0 else "default",
                action=f"screen.{action}",
                id=f"do-{action}",
                compact=True,
                tooltip=tooltip,
            )
            for index, (action, label, tooltip) in enumerate(buttons)
        ]
        return Horizontal(*made, classes="buttons")

    def say(self, what: str | Problem) -> None:
        """Says a sentence, or what is wrong; an empty one says nothing."""
        wrong, text = isinstance(what, Problem), cut(str(what))
        if (wrong, text) == self._said:
            return
        self._said = (wrong, text)
        line = self.query_one("#said", Static)
        line.update(f"✗ {text}" if wrong else text)
        line.set_class(wrong, "-problem")
        line.display = bool(text)

    def on_click(self, event: events.Click) -> None:
        """A click beside the box is as Escape is."""
        event.prevent_default()
        if event.widget is self:
            self.action_close()
