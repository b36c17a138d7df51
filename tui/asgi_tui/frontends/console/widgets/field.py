"""One option of the launch form: label, editor, and one line for what is wrong or lacking."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.widget import Widget
from textual.widgets import Input, Static

from asgi_tui.domain.concepts import CONCEPTS
from asgi_tui.domain.reloading import DEFAULTS, SETTINGS, spell_setting
from asgi_tui.domain.servers.base import Server
from asgi_tui.domain.values import Kind
from asgi_tui.frontends.console.draft import default_text, native_flag
from asgi_tui.frontends.console.widgets.choice import Choice
from asgi_tui.frontends.console.widgets.pick import Pick

Editor = Input | Choice | Pick


class Field(Widget):
    """A labelled editor that posts its text as it changes.

    What there is to say of it is mounted when there is something: most fields never have.
    """

    class Changed(Message):
        """The text of a field is another one now."""

        def __init__(self, name: str, text: str) -> None:
            self.name = name
            self.text = text
            super().__init__()

    def __init__(self, name: str, label: str, help_text: str, editor: Editor) -> None:
        super().__init__(id=f"field-{name}", classes="field")
        self.field_name = name
        self.help_text = help_text
        self.flag = ""
        self._label = label
        self._editor = editor
        self._lacking: Static | None = None
        self._message: Static | None = None
        self._note = ""
        self._problem = ""
        self._why = ""

    def compose(self) -> ComposeResult:
        """The label beside the editor; the message below comes later."""
        label = Static(self._label, classes="label", markup=False)
        label.tooltip = self.help_text
        yield label
        yield self._editor

    def on_mount(self) -> None:
        """What was said before there was room for it."""
        self._show_message()
        self.set_lacking(self._why)

    @property
    def editor(self) -> Editor:
        """What takes the focus."""
        return self._editor

    def set_text(self, text: str) -> None:
        """Puts a text in the editor without posting that it changed."""
        with self._editor.prevent(Input.Changed):
            self._editor.value = text
        if isinstance(self._editor, Input):
            self._editor.action_end()  # where one goes on typing

    def set_problem(self, sentence: str) -> None:
        """Says what is wrong with the text, nothing where it is empty."""
        if sentence != self._problem:
            self._problem = sentence
            self._editor.set_class(bool(sentence), "-wrong")
            self._show_message()

    def set_note(self, note: str) -> None:
        """Says something about the field that is not wrong."""
        if note != self._note:
            self._note = note
            self._show_message()

    def set_lacking(self, why: str) -> None:
        """Takes the editor away and says why, or gives it back."""
        self._why = why
        if not self.is_mounted or not (why or self._lacking):
            return
        if self._lacking is None:
            self._lacking = Static(classes="lacking", markup=False)
            self.mount(self._lacking, after=self._editor)
        self._lacking.update(f"✗ {why}" if why else "")
        self._lacking.display = bool(why)
        self._editor.display = not why
        self._editor.disabled = bool(why)
        self.set_class(bool(why), "-lacking")

    def _show_message(self) -> None:
        text = f"✗ {self._problem}" if self._problem else self._note
        if self._message is None:
            if not text or not self.is_mounted:
                return
            self._message = Static(classes="message", markup=False)
            self.mount(self._message)
        self._message.update(text)
        self._message.display = bool(text)
        self._message.set_class(bool(self._problem), "-problem")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Typed."""
        event.stop()
        self.post_message(self.Changed(self.field_name, event.value))

    def on_choice_changed(self, event: Choice.Changed) -> None:
        """Picked."""
        event.stop()
        self.post_message(self.Changed(self.field_name, event.value))

    def on_pick_changed(self, event: Pick.Changed) -> None:
        """Picked from the list."""
        event.stop()
        self.post_message(self.Changed(self.field_name, event.value))


class ConceptField(Field):
    """A field of a common option, whose choices and default are the picked server's."""

    def __init__(self, concept: str) -> None:
        self._concept = CONCEPTS[concept]
        editor: Editor
        match self._concept.kind:
            case Kind.SWITCH:
                editor = Choice([("default", ""), ("on", "on"), ("off", "off")])
            case Kind.CHOICE:
                editor = Pick("default")
            case kind:
                editor = Input(compact=True, password=kind is Kind.SECRET, select_on_focus=False)
        super().__init__(concept, self._concept.label, self._concept.help, editor)

    def adapt(self, server: Server, choices: tuple[str, ...], text: str, lacking: str) -> None:
        """Shows the option as ``server`` has it, with ``text`` as its value."""
        name = self._concept.name
        self.flag = native_flag(server, name)
        default = default_text(server, name)
        editor = self._editor
        if isinstance(editor, Input):
            editor.placeholder = default
        elif isinstance(editor, Choice):
            editor.set_options([(default, ""), ("on", "on"), ("off", "off")])
        else:
            editor.offer([(choice, choice) for choice in choices], default)
        if editor.value != text:
            self.set_text(text)
        self.set_lacking(lacking)


def text_field(name: str, label: str, help_text: str, placeholder: str = "") -> Field:
    """A field of free text."""
    return Field(name, label, help_text, Input(compact=True, placeholder=placeholder, select_on_focus=False))


def setting_field(name: str) -> Field:
    """A field of a setting of how a change is carried out, see ``domain.reloading``."""
    spec, default = SETTINGS[name], getattr(DEFAULTS, name)
    if spec.kind is Kind.SWITCH:
        return Field(name, spec.label, spec.help, Choice([("on", "on"), ("off", "off")], spec.spell(default)))
    known = spell_setting(name, default)
    return text_field(name, spec.label, spec.help, f"default {known} {spec.unit}" if known else "none")


def suggest(field: Field, texts: list[str]) -> None:
    """Completes what is typed from ``texts``."""
    editor = field.editor
    assert isinstance(editor, Input)
    editor.suggester = SuggestFromList(texts)
