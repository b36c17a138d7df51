"""The one editor of the options list: it becomes what the option at hand needs."""

from __future__ import annotations

import asyncio
import os
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Button, Input, Static, TextArea

from asgi_tui.domain.options import Option
from asgi_tui.domain.values import ON_OFF, Kind
from asgi_tui.frontends.console.widgets.choice import Choice
from asgi_tui.frontends.console.widgets.option_rows import (
    default_text,
    flat,
    hint,
    on_off_texts,
    text_problem,
)
from asgi_tui.frontends.console.widgets.pick import Pick

SCANNED = 2_000  # entries of a directory that are looked at for a completion


class PathSuggester(Suggester):
    """Completes a path from the directory it lies in; relative ones start at ``cwd``."""

    def __init__(self, cwd: str, *, directories: bool = False) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._cwd = cwd
        self._directories = directories

    async def get_suggestion(self, value: str) -> str | None:
        """The first path, by name, that begins with ``value``; None where there is none."""
        return await asyncio.to_thread(self._complete, value)

    def _complete(self, value: str) -> str | None:
        start = value.rpartition("/")[2]
        head = value[: len(value) - len(start)]
        folder = os.path.join(self._cwd, head)  # noqa: PTH118 - the text stays as it was typed
        best: str | None = None
        try:
            with os.scandir(folder) as entries:
                for _, entry in zip(range(SCANNED), entries, strict=False):
                    name = entry.name
                    if not name.startswith(start) or (name.startswith(".") and not start):
                        continue
                    inside = entry.is_dir()
                    if self._directories and not inside:
                        continue
                    name += "/" if inside else ""
                    if name.isprintable() and (best is None or name < best):
                        best = name
        except (OSError, ValueError):
            return None
        return None if best is None else head + best


class OptionEditor(Vertical):
    """Edits the text of one option; an empty text leaves it to the server.

    Typing, choosing and resetting post ``Changed`` at once. A repeated option has one item a line.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter", "leave", "To the list", tooltip="Go back to the list", id="options.leave"),
    ]
    DEFAULT_CSS = """
    OptionEditor {
        height: 2; padding: 0 1; border-top: solid $border-blurred; border-title-color: $text-muted;
    }
    OptionEditor:focus-within { border-top: solid $border; border-title-color: $text-primary; }
    OptionEditor:nocolor:focus-within { border-top: heavy; }
    OptionEditor:focus-within { height: 4; }
    OptionEditor.-tall { height: 4; }
    OptionEditor #option-line { height: auto; }
    OptionEditor Input.-textual-compact { width: 1fr; background: $surface; padding: 0 1; }
    OptionEditor Input > .input--placeholder { color: $text-disabled; }
    OptionEditor Input:focus { background: $panel; background-tint: transparent; }
    OptionEditor TextArea.-textual-compact {
        width: 1fr; height: 1; background: $surface; border: none; padding: 0 1;
    }
    OptionEditor TextArea.-textual-compact:focus {
        background: $panel; background-tint: transparent; border: none;
    }
    OptionEditor TextArea:focus { height: 2; }
    OptionEditor.-tall TextArea, OptionEditor.-tall TextArea:focus { height: 2; }
    OptionEditor .-wrong { background: $error 25%; }
    OptionEditor #option-locked { width: 1fr; color: $text-disabled; padding: 0 1; height: 1; }
    OptionEditor #option-message { height: 1fr; color: $text-muted; padding: 0 1; }
    OptionEditor #option-message.-problem { color: $text-error; }
    OptionEditor Button { min-width: 9; height: 1; margin-left: 1; background: $panel; color: $foreground; }
    OptionEditor Button:hover { background: $block-hover-background; }
    OptionEditor Button:focus { text-style: bold underline; }
    """

    class Changed(Message):
        """The option's text is another one now."""

        def __init__(self, option: Option, text: str) -> None:
            self.option = option
            self.text = text
            super().__init__()

    class Left(Message):
        """Back to the list."""

    def __init__(self) -> None:
        super().__init__(id="option-editor")
        self._option: Option | None = None
        self._locked = ""
        self._problem = ""
        self._cwd = "."
        self._input = Input(compact=True, select_on_focus=False)
        self._choice = Choice([])
        self._pick = Pick("")
        self._area = TextArea(compact=True, soft_wrap=False, highlight_cursor_line=False)
        self._nothing = Static("", id="option-locked", markup=False)
        self._reset = Button("Reset", compact=True)
        self._reset.tooltip = "Give the option its default back"
        self._message = Static("", id="option-message", markup=False)
        self._editor: Input | Choice | Pick | TextArea | Static = self._nothing

    def compose(self) -> ComposeResult:
        """The editors in one place, of which one is shown, and a message below."""
        yield Horizontal(
            self._input, self._choice, self._pick, self._area, self._nothing, self._reset, id="option-line"
        )
        yield self._message

    def on_mount(self) -> None:
        """No option yet."""
        self._fit()

    # -- what it is told ---------------------------------------------------------------------------

    def show(self, option: Option | None, text: str, problem: str, locked: str, cwd: str) -> None:
        """Edits ``option``, which has ``text``; ``problem`` is what is wrong with it.

        ``locked`` is why it cannot be edited, empty where it can; paths are relative to ``cwd``.
        """
        fresh = (option, locked, cwd) != (self._option, self._locked, self._cwd)
        if fresh:
            self._option, self._locked, self._cwd = option, locked, cwd
            self._fit()
        # While it is being typed in, what comes back may be behind what is typed.
        if fresh or not self._editor.has_focus:
            self._set_text(text)
        self._reset.display = bool(text)
        self._say(problem)

    def edit(self) -> None:
        """Takes the focus; a list of choices opens at once."""
        if self._locked or self._option is None:
            return
        if isinstance(self._editor, Pick):
            self._editor.action_open()
        else:
            self.screen.set_focus(self._editor)
            if isinstance(self._editor, Input):
                self._editor.action_end()

    # -- inside ------------------------------------------------------------------------------------

    def _fit(self) -> None:
        """Becomes the editor of the option."""
        option = self._option
        self._editor = self._nothing if option is None or self._locked else self._editor_of(option)
        for widget in (self._input, self._choice, self._pick, self._area, self._nothing):
            widget.display = widget is self._editor
        title = f" {flat(option.flag)} " if option else ""
        self.border_title = title.replace("[", "\\[")
        if option is None or self._locked:
            self._nothing.update("It cannot be set here." if option else "")
            return
        default = default_text(option)
        match self._editor:
            case Choice():
                self._choice.set_options([(text or default, text) for text in on_off_texts(option)])
            case Pick():
                self._pick.offer([(flat(choice), choice) for choice in option.choices], default)
            case TextArea():
                self._area.placeholder = f"{default}; one a line"
            case Input():
                self._input.password = option.secret
                self._input.placeholder = default
                self._input.suggester = self._suggester(option)

    def _editor_of(self, option: Option) -> Input | Choice | Pick | TextArea:
        if option.multiple:
            return self._area
        if option.kind in ON_OFF:
            return self._choice
        return self._pick if option.kind is Kind.CHOICE and option.choices else self._input

    def _suggester(self, option: Option) -> Suggester | None:
        if option.kind is not Kind.PATH:
            return None
        return PathSuggester(self._cwd, directories=option.paths == "directory")

    def _set_text(self, text: str) -> None:
        editor = self._editor
        if isinstance(editor, TextArea):
            if editor.text != text:
                with editor.prevent(TextArea.Changed):
                    editor.text = text
        elif not isinstance(editor, Static) and editor.value != text:
            with editor.prevent(Input.Changed):
                editor.value = text

    def _say(self, problem: str) -> None:
        self._editor.set_class(bool(problem), "-wrong")
        said = ""
        if self._option is not None:
            said = f"✗ {problem}" if problem else "" if self._locked else hint(self._option)
        self._message.set_class(bool(problem), "-problem")
        self._message.update(said, layout=False)

    def _typed(self, text: str) -> None:
        if self._option is not None:
            self._say(text_problem(self._option, text))
            self._reset.display = bool(text)
            self.post_message(self.Changed(self._option, text))

    # -- what its widgets tell it ------------------------------------------------------------------

    def on_input_changed(self, event: Input.Changed) -> None:
        """Typed."""
        event.stop()
        self._typed(event.value)

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Typed."""
        event.stop()
        self._typed(event.text_area.text)

    def on_choice_changed(self, event: Choice.Changed) -> None:
        """Chosen."""
        event.stop()
        self._typed(event.value)

    def on_pick_changed(self, event: Pick.Changed) -> None:
        """Chosen from the list."""
        event.stop()
        self._typed(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter is done with it."""
        event.stop()
        self.action_leave()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The default again."""
        event.stop()
        self._set_text("")
        self._typed("")
        self.action_leave()

    def action_leave(self) -> None:
        """Back to the list."""
        self.post_message(self.Left())
