"""A text area with JSON and headers coloured."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from rich.style import Style
from rich.text import Text

from asgi_tui.frontends.console.answer_text import PART
from asgi_tui.frontends.console.lines import painted
from asgi_tui.frontends.console.widgets.safe_area import SafeArea

Syntax = Literal["", "json", "headers"]
_HEADER = re.compile(r"^[^:\s]+:")
LONG_LINE = 2_000  # characters from which a line is not coloured


class CodeArea(SafeArea):
    """Text that is edited, or with ``read_only`` only read."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"code--key", "code--string", "code--number"}
    DEFAULT_CSS = """
    CodeArea { background: $surface; border: none; padding: 0 1; scrollbar-size: 1 1; }
    CodeArea:focus { border: none; background: $panel; }
    CodeArea.-wrong { background: $error 25%; }
    CodeArea .code--key { color: $text-primary; }
    CodeArea .code--string { color: $text-success; }
    CodeArea .code--number { color: $text-warning; }
    CodeArea:nocolor { border-left: solid; }
    CodeArea:nocolor:focus { border-left: heavy; }
    """

    def __init__(
        self,
        text: str = "",
        *,
        id: str,  # noqa: A002 - as every widget
        syntax: Syntax = "",
        read_only: bool = False,
        placeholder: str = "",
    ) -> None:
        super().__init__(text, most=PART, id=id, read_only=read_only, placeholder=placeholder)
        self.match_cursor_bracket = False
        self.syntax: Syntax = syntax
        self._tones: dict[str, Style] = {}

    def show(self, text: str, syntax: Syntax = "") -> None:
        """Shows another text, which is safe already, from its beginning."""
        if (text, syntax) != (self.text, self.syntax):
            self.syntax = syntax
            self.load_text(text)
            # Textual has kept lines of the same size and place
            self.notify_style_update()
            self.refresh()
            self.scroll_home(animate=False)

    def get_line(self, line_index: int) -> Text:
        """A line with its colours."""
        line = super().get_line(line_index)
        if self.syntax == "headers":
            if found := _HEADER.match(line.plain):
                line.stylize(self._tone("key"), 0, found.end())
        elif self.syntax == "json" and len(line) <= LONG_LINE:
            at = 0
            for piece, style in painted(line.plain, "json"):
                if style != "plain":
                    line.stylize(self._tone(style), at, at + len(piece))
                at += len(piece)
        return line

    def _tone(self, name: str) -> Style:
        if name not in self._tones:
            # of the colours alone: the background is the cursor's or the selection's
            style = self.get_component_rich_style(f"code--{name}", partial=True)
            self._tones[name] = Style(color=style.color)
        return self._tones[name]

    def notify_style_update(self) -> None:
        """Another theme."""
        super().notify_style_update()
        self._tones.clear()
