"""The common options as a form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from asgi_tui.domain.reloading import DEFAULTS, SETTINGS, spell_setting
from asgi_tui.domain.servers import get_server
from asgi_tui.domain.text import sanitize
from asgi_tui.domain.values import ON_OFF
from asgi_tui.frontends.console.draft import PYTHON, RELOAD, TARGET, Draft, Reading
from asgi_tui.frontends.console.widgets.choice import Choice
from asgi_tui.frontends.console.widgets.field import (
    ConceptField,
    Field,
    setting_field,
    suggest,
    text_field,
)
from asgi_tui.frontends.console.widgets.pick import Pick

if TYPE_CHECKING:
    from asgi_tui.engine.discovery import Candidate

FOUND = "found"
DEMO = "demo"
MORE = "more"

_Groups: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]

# The two columns of the form, each a list of titled groups; what is asked most stands first.
_COLUMNS: tuple[_Groups, ...] = (
    (
        ("App", (TARGET, FOUND, "factory", "app_dir", PYTHON)),
        ("Address", ("host", "port", "uds", "root_path", "proxy_headers")),
    ),
    (
        ("Processes and logs", ("workers", "log_level", "access_log", "graceful_timeout")),
        ("Protocols", ("lifespan", "http", "ws")),
        ("TLS", ("tls_cert", "tls_key", "tls_key_password")),
    ),
)
# Below the first column, but mounted last; its settings when they are asked for or not at their defaults.
_LAST: _Groups = (("Reload and switch", (RELOAD, MORE)),)


class Form(VerticalScroll):
    """Every common option of the picked server; posts the draft's changes one by one."""

    BORDER_TITLE = "Options"

    class Changed(Message):
        """One text of the draft is another one now."""

        def __init__(self, name: str, text: str) -> None:
            self.name = name
            self.text = text
            super().__init__()

    class FoundPicked(Message):
        """One of the apps found was picked, by its number; None is the bundled demo."""

        def __init__(self, number: int | None) -> None:
            self.number = number
            super().__init__()

    def __init__(self) -> None:
        super().__init__(id="form", can_focus=False)
        self._fields = {
            name: self._make(name) for groups in (*_COLUMNS, _LAST) for _, names in groups for name in names
        }
        first, *rest = _COLUMNS
        self._columns = [Vertical(*self._widgets(first), classes="column")]
        self._columns += [Vertical(classes="column") for _ in rest]
        self._settings = Vertical(id="settings")

    def compose(self) -> ComposeResult:
        """Two columns of titled groups."""
        yield Horizontal(*self._columns, id="columns")

    def on_mount(self) -> None:
        """The first paint waits for the first column only."""
        self.call_after_refresh(self._complete)

    def _complete(self) -> None:
        for column, groups in zip(self._columns[1:], _COLUMNS[1:], strict=True):
            column.mount_all(self._widgets(groups))
        self._columns[0].mount_all([*self._widgets(_LAST), self._settings])
        self._settings.mount_all(field for name, field in self._fields.items() if name in SETTINGS)

    def _widgets(self, groups: _Groups) -> Iterator[Widget]:
        for title, names in groups:
            yield Static(title, classes="group", markup=False)
            for name in names:
                yield self._fields[name]

    def field(self, name: str) -> Field:
        """The field of that name."""
        return self._fields[name]

    def show_draft(self, draft: Draft) -> None:
        """Puts the whole draft in, as the picked server has it."""
        self._fields[TARGET].set_text(draft.target)
        self._fields[PYTHON].set_text(draft.python)
        self._fields[RELOAD].set_text("on" if draft.reload else "off")
        if any(text.strip() for text in draft.reloading.values()):
            self._show_settings()
        for name in SETTINGS.keys() & self._fields.keys():
            default = spell_setting(name, getattr(DEFAULTS, name)) if SETTINGS[name].kind in ON_OFF else ""
            self._fields[name].set_text(draft.reloading.get(name) or default)
        self.adapt(draft)

    def adapt(self, draft: Draft) -> None:
        """Fits every option to the picked server."""
        server = get_server(draft.server)
        self.border_subtitle = ""  # it spoke of another server's flag
        for name, field in self._fields.items():
            if isinstance(field, ConceptField):
                field.adapt(server, draft.choices(name), draft.values.get(name, ""), draft.lacks(name))

    def show_reading(self, reading: Reading, extra: dict[str, str]) -> None:
        """Says under each field what is wrong with it; ``extra`` is what was found out since."""
        for name, field in self._fields.items():
            field.set_problem(sanitize(reading.problems.get(name) or extra.get(name, "")))

    def show_outside(self, notes: Mapping[str, str]) -> None:
        """Says under each field what sets it from outside, nothing where nothing does."""
        for name, field in self._fields.items():
            if isinstance(field, ConceptField):
                field.set_note(notes.get(name, ""))

    def show_found(self, candidates: tuple[Candidate, ...]) -> None:
        """Offers the apps found, and the demo."""
        texts = [candidate.target for candidate in candidates]
        suggest(self._fields[TARGET], texts)
        options = [
            (sanitize(f"{item.target}  {item.framework}, {item.why}"), str(number))
            for number, item in enumerate(candidates)
        ]
        pick = self._fields[FOUND].editor
        assert isinstance(pick, Pick)
        found = f"{len(candidates)} app{'s' if len(candidates) != 1 else ''}: pick one"
        pick.offer([*options, ("The bundled demo app", DEMO)], found if candidates else "no app")

    def focus_field(self, name: str) -> None:
        """Takes the cursor to a field."""
        self.screen.set_focus(self._fields[name].editor)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Explains the field that has the focus, at the foot of the form."""
        for field in self._fields.values():
            if field.editor.has_focus_within or field.editor is event.widget:
                flag = f"{field.flag}: " if field.flag else ""
                self.border_subtitle = f"{flag}{field.help_text}".replace("[", "\\[")

    def on_field_changed(self, event: Field.Changed) -> None:
        """Passes a change on."""
        event.stop()
        if event.name == FOUND:
            if event.text:
                self.post_message(self.FoundPicked(None if event.text == DEMO else int(event.text)))
                self._fields[FOUND].set_text("")
        elif event.name == MORE:
            self._show_settings(event.text)
        else:
            self.post_message(self.Changed(event.name, event.text))

    def _show_settings(self, more: str = "show") -> None:
        """Shows the settings of a reload, or hides them; they are made when they are first seen."""
        self._fields[MORE].set_text(more)
        self._settings.display = more == "show"
        if more == "show" and not self._fields.keys() >= SETTINGS.keys():
            made = {name: setting_field(name) for name in SETTINGS}
            self._fields |= made
            if self._settings.is_attached:
                self._settings.mount_all(made.values())

    @staticmethod
    def _make(name: str) -> Field:
        if name == TARGET:
            return text_field(
                name, "Target", "The app: module:attribute, a module, or a .py file.", "main:app"
            )
        if name == PYTHON:
            return text_field(name, "Interpreter", "The Python that runs the app and its server.")
        if name == RELOAD:
            choice = Choice([("on", "on"), ("off", "off")], "on")
            return Field(name, "Reload", "Restart the app when a file of the project is saved.", choice)
        if name == FOUND:
            return Field(
                name, "Found here", "Apps found in this project by reading its source.", Pick("looking…")
            )
        if name == MORE:
            choice = Choice([("hide", "hide"), ("show", "show")], "hide")
            return Field(
                name, "Its settings", "Which files count, warm standby, grace time and more.", choice
            )
        return ConceptField(name)
