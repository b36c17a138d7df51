"""The dialog of the app's environment: its variables, where each comes from, and the files read for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button, Input, OptionList, Static

from asgi_tui.domain.environment import Variable, check_name, layered
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.text import MASK, is_secret_name, mask_value
from asgi_tui.frontends.console.format import count
from asgi_tui.frontends.console.screens.launch_dialog import LaunchDialog, Line, LineInput, Lines
from asgi_tui.frontends.console.widgets.option_rows import flat
from asgi_tui.frontends.console.widgets.table import Column

if TYPE_CHECKING:
    from asgi_tui.engine.ambient import Ambient

FORM = "form"
_KEYS = "a add · d remove · v reveal · / filter · f files · Ctrl+S done"
_KEYS_FILES = "Space takes a file or leaves it · Tab to the path · Esc back"
_COLUMNS = (Column("", 30), Column("", 8), Column(""))
_FILE_COLUMNS = (Column("", 3), Column(""))

Result: TypeAlias = tuple[Mapping[str, str], tuple[str, ...]]
Reading: TypeAlias = tuple[Sequence[Variable], "Mapping[str, Ambient]"]


def _read_by_server(options: Mapping[str, Ambient], source: str) -> str:
    """Which options a variable or file sets: ``sets log_level``, ``workers: not used``."""
    used = [key for key, ambient in options.items() if ambient.source == source and ambient.counts]
    unused = [key for key, ambient in options.items() if ambient.source == source and not ambient.counts]
    parts = [f"sets {', '.join(used)}"] if used else []
    return " · ".join([*parts, f"not used for {', '.join(unused)}"] if unused else parts)


class EnvironmentDialog(LaunchDialog[Result]):
    """The variables the app gets; gives the form's own and the environment files, both as they are then.

    ``read`` tells, for variables of the form and files, all variables and what the server reads by itself, by
    option; it may block, and raises ``Problem``. ``files`` are those there are to take; it may block too.
    Values are masked until they are revealed.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "done", "Done", tooltip="Take it over into the form", id="environment.done"),
        Binding("a", "add", "Add", tooltip="Add a variable", id="environment.add"),
        Binding("d,delete", "remove", "Remove", tooltip="Remove the form's own variable"),
        Binding("v", "reveal", "Reveal", tooltip="Show the value, or hide it again"),
        Binding("f", "files", "Files", tooltip="Choose environment files"),
        Binding("slash", "filter", "Filter", key_display="/", tooltip="Filter by name or source"),
    ]

    def __init__(
        self,
        env: Mapping[str, str],
        env_files: Sequence[str],
        read: Callable[[Mapping[str, str], Sequence[str]], Reading],
        files: Callable[[], Sequence[str]],
    ) -> None:
        super().__init__()
        self._given = (dict(env), tuple(env_files))
        self._env = dict(env)
        self._files = list(env_files)
        self._read = read
        self._find_files = files
        self._found: list[str] = []
        self._all: dict[str, Variable] = {}
        self._ambient: Mapping[str, Ambient] = {}
        self._revealed = ""
        self._warned = False
        self._lines = Lines(_COLUMNS, id="variables")
        self._file_lines = Lines(_FILE_COLUMNS, id="env-files", clicks=1)
        self._term = LineInput("name or source", id="env-filter")
        self._variable = LineInput("NAME or NAME=VALUE", id="env-name")
        self._value = LineInput("value", id="env-value")
        self._path = LineInput("path of another file, then Enter", id="env-path")
        self._filter_line = Horizontal(Static("/", markup=False), self._term, classes="line")
        self._edit_line = Horizontal(
            self._variable,
            Static("=", markup=False),
            self._value,
            Button("Set", "primary", action="screen.set", compact=True, tooltip="Set it (Enter)"),
            Button("Back", action="screen.back", compact=True, tooltip="Back to the list (Esc)"),
            classes="line",
        )
        self._path_line = Horizontal(Static("File", markup=False), self._path, classes="line")

    def compose(self) -> ComposeResult:
        """The variables, or the files in their place; below them a line to type in."""
        with self.box("Environment of the app", _KEYS):
            yield Static("", id="env-hint", classes="hint", markup=False)
            yield self._lines
            yield self._file_lines
            yield self._filter_line
            yield self._edit_line
            yield self._path_line
            yield self.said()
            yield self.buttons(
                ("done", "Done", "Take it over into the form (Ctrl+S)"),
                ("add", "Add", "Add a variable (a)"),
                ("edit", "Edit", "Edit the variable (Enter)"),
                ("remove", "Remove", "Remove the form's own variable (d)"),
                ("reveal", "Reveal", "Show the value, or hide it (v)"),
                ("filter", "Filter", "Filter by name or source (/)"),
                ("files", "Files", "Choose environment files (f)"),
                ("close", "Cancel", "Leave the form as it is (Esc)"),
            )

    def on_mount(self) -> None:
        """Reads it all."""
        self._filter_line.display = False
        self.action_back()
        self.say("Looking…")
        self.look()

    # -- what is shown -----------------------------------------------------------------------------

    @work(exclusive=True, group="look")
    async def look(self, pick: str = "") -> None:
        """Layers the variables anew, and finds the files there are."""
        self._warned = False
        env, files = dict(self._env), tuple(self._files)
        problem: Problem | None = None
        try:
            self._found = list(await asyncio.to_thread(self._find_files))
            variables, self._ambient = await asyncio.to_thread(self._read, env, files)
        except Problem as error:
            problem = error
            variables = layered([(FORM, env)])
        self._all = {variable.name: variable for variable in variables}
        self._show(pick)
        self.say(problem or "")

    def _show(self, pick: str = "") -> None:
        term = self._term.value.strip().casefold()
        lines = [
            self._line(variable)
            for name, variable in self._all.items()
            if term in name.casefold() or term in variable.source.casefold()
        ]
        if lines:
            lines.insert(0, Line("\0", ("variable", "from", "value"), heading=True))
        elsewhere = {ambient.source for ambient in self._ambient.values()} - self._all.keys()
        if elsewhere and not term:
            lines.append(Line("\0files", ("Read by the server itself",), heading=True))
            lines += [
                Line(f"\0from {source}", (source, "", ""), _read_by_server(self._ambient, source))
                for source in sorted(elsewhere)
            ]
        self._lines.show(lines, pick=pick)
        files = f" ({flat(', '.join(self._files))})" if self._files else ""
        found = f"{count(len(self._all))} variables" if lines or not term else "Nothing is found"
        self.query_one("#env-hint", Static).update(f"{found} · form over shell over files{files}")
        marks = {name: f"[{number}]" for number, name in enumerate(self._files, 1)}
        names = [*self._files, *(name for name in self._found if name not in self._files)]
        self._file_lines.show([Line(name, (marks.get(name, "[ ]"), name)) for name in names])

    def _line(self, variable: Variable) -> Line:
        name = variable.name
        value = MASK if variable.value else "(empty)"
        notes = [f"also in {', '.join(reversed(variable.hides))}"] if variable.hides else []
        if read := _read_by_server(self._ambient, name):
            notes.append(read)
        if name == self._revealed:
            value = "shown below"
            notes.insert(0, f"value: {variable.value}")
        return Line(name, (name, variable.source, value), " · ".join(notes))

    # -- the list ----------------------------------------------------------------------------------

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """A value that was revealed is masked once it is left."""
        if event.option_list is not self._lines:
            return
        key = self._lines.key
        if self._revealed and key != self._revealed:
            self._revealed = ""
            self._show(key)
        self.query_one("#do-remove", Button).disabled = key not in self._env
        for name in ("#do-edit", "#do-reveal"):
            self.query_one(name, Button).disabled = key not in self._all

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter: edits a variable, takes a file or leaves it."""
        if event.option_list is self._lines:
            self.action_edit()
        elif name := self._file_lines.key:
            if name in self._files:
                self._files.remove(name)
            else:
                self._files.append(name)
            self.look()

    def action_reveal(self) -> None:
        """Shows the value of the picked one, or hides it."""
        key = self._lines.key
        if key in self._all and self._lines.display:
            self._revealed = "" if self._revealed == key else key
            self._show(key)

    def action_remove(self) -> None:
        """Takes a variable of the form out."""
        key = self._lines.key
        if not self._lines.display or key not in self._all:
            return
        if key in self._env:
            del self._env[key]
            self.look(key)
        else:
            source = self._all[key].source
            self.say(Problem(f"Variable {key}", f"it is from {source}, not the form's", "set it in the form"))

    # -- the lines to type in ----------------------------------------------------------------------

    def action_add(self) -> None:
        """Opens the line for a new variable."""
        self._open(self._edit_line, self._variable)
        self._variable.value = self._value.value = ""

    def action_edit(self) -> None:
        """Opens the line with the picked variable; what is set there is the form's."""
        variable = self._all.get(self._lines.key)
        if variable is not None and self._lines.display:
            self._open(self._edit_line, self._value)
            self._variable.value = variable.name
            self._value.value = variable.value
            self._value.cursor_position = len(variable.value)
            self._veil()

    def action_filter(self) -> None:
        """Opens the line for a filter."""
        self._open(self._filter_line, self._term)

    def action_files(self) -> None:
        """The files in place of the variables, or the other way round."""
        if self._file_lines.display:
            self.action_back()
            return
        self._revealed = ""
        self._show()
        self._open(self._path_line, self._path)
        self._lines.display = False
        self._file_lines.display = True
        if self._file_lines.key:
            self._file_lines.focus()
        self.keys(_KEYS_FILES)

    def on_input_changed(self, event: Input.Changed) -> None:
        """``NAME=VALUE`` is split; a secret's value is masked as it is typed; the filter filters."""
        if event.input is self._variable:
            name, equals, value = event.value.partition("=")
            if equals:
                self._variable.value, self._value.value = name, value
                self._value.cursor_position = len(value)
                self._value.focus()
            self._veil()
        elif event.input is self._value:
            self._veil()
        elif event.input is self._term:
            self._show()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter."""
        if event.input is self._term:
            self._lines.focus()
        elif event.input is self._path:
            self._add_file(self._path.value.strip())
        elif event.input is self._variable and not self._value.value:
            self._value.focus()
        else:
            self.action_set()

    def action_set(self) -> None:
        """Sets the variable in the form."""
        name, value = self._variable.value.strip(), self._value.value
        try:
            check_name(name)
            if "\0" in value:
                raise Problem(f"Environment variable {name}", "the value holds a NUL", "take it out")
        except Problem as problem:
            self.say(problem)
            return
        self._env[name] = value
        self.action_back()
        self.look(name)

    def action_back(self) -> None:
        """To the variables; what is typed does not count any more, the filter neither."""
        if self._term.has_focus or self._filter_line.display:
            self._term.value = ""
        for line in (self._filter_line, self._edit_line, self._path_line, self._file_lines):
            line.display = False
        self._lines.display = True
        self.keys(_KEYS)
        self.say("")
        self._lines.focus()

    def action_done(self) -> None:
        """Gives it all back."""
        self.dismiss((self._env, tuple(self._files)))

    def action_close(self) -> None:
        """Leaves a line or the files, else the dialog; changes are not dropped at once."""
        if any(line.display for line in (self._filter_line, self._edit_line, self._path_line)):
            self.action_back()
        elif self._given != (self._env, tuple(self._files)) and not self._warned:
            self._warned = True
            self.say("There are changes. Ctrl+S takes them over, Esc drops them.")
        else:
            self.dismiss(None)

    def _open(self, line: Horizontal, field: Input) -> None:
        if line is not self._filter_line or self._file_lines.display:
            term = self._term.value
            self.action_back()
            self._term.value = term
        line.display = True
        self._filter_line.display = self._filter_line.display or bool(self._term.value)
        field.focus()

    def _veil(self) -> None:
        name, value = self._variable.value, self._value.value
        secret = is_secret_name(name) or mask_value(name, value) != value
        self._value.password = secret and self._revealed != name

    def _add_file(self, name: str) -> None:
        if name and name not in self._files:
            self._files.append(name)
            self._path.value = ""
            self.look()
