"""One option of the launch form: label, editor, and one line for what is wrong or lacking."""

from __future__ import annotations

from typing import cast

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.widget import Widget
from textual.widgets import Input, Select, Static

from asgi_tui.domain.concepts import CONCEPTS, Kind
from asgi_tui.domain.servers.base import Server
from asgi_tui.frontends.console.draft import default_text, native_flag
from asgi_tui.frontends.console.widgets.choice import Choice


class Field(Vertical):
    """A labelled editor that posts its text as it changes."""

    class Changed(Message):
        """The text of a field is another one now."""

        def __init__(self, name: str, text: str) -> None:
            self.name = name
            self.text = text
            super().__init__()

    def __init__(self, name: str, label: str, help_text: str, editor: Widget) -> None:
        super().__init__(id=f"field-{name}", classes="field")
        self.field_name = name
        self.help_text = help_text
        self.flag = ""
        self._label = label
        self._editor = editor
        self._lacking = Static("", classes="lacking", markup=False)
        self._message = Static("", classes="message", markup=False)
        self._note = ""
        self._problem = ""

    def compose(self) -> ComposeResult:
        """The label beside the editor, the message below."""
        with Horizontal(classes="row"):
            label = Static(self._label, classes="label", markup=False)
            label.tooltip = self.help_text
            yield label
            yield self._editor
            yield self._lacking
        yield self._message

    def on_mount(self) -> None:
        """What is empty takes no room."""
        self._lacking.display = False
        self._show_message()

    @property
    def editor(self) -> Widget:
        """What takes the focus."""
        return self._editor

    def set_text(self, text: str) -> None:
        """Puts a text in the editor without posting that it changed."""
        editor = self._editor
        with editor.prevent(Input.Changed, Select.Changed, Choice.Changed):
            if isinstance(editor, Input | Choice):
                editor.value = text
            elif isinstance(editor, Select):
                cast("Select[str]", editor).value = text

    def set_problem(self, sentence: str) -> None:
        """Says what is wrong with the text, nothing where it is empty."""
        if sentence != self._problem:
            self._problem = sentence
            self._editor.set_class(bool(sentence), "-invalid")
            self._show_message()

    def set_note(self, note: str) -> None:
        """Says something about the field that is not wrong."""
        if note != self._note:
            self._note = note
            self._show_message()

    def set_lacking(self, why: str) -> None:
        """Takes the editor away and says why, or gives it back."""
        self._lacking.update(f"– {why}" if why else "")
        self._lacking.display = bool(why)
        self._editor.display = not why
        self._editor.disabled = bool(why)
        self.set_class(bool(why), "-lacking")

    def _show_message(self) -> None:
        self._message.update(f"✗ {self._problem}" if self._problem else self._note)
        self._message.display = bool(self._problem or self._note)
        self._message.set_class(bool(self._problem), "-problem")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Typed."""
        event.stop()
        self.post_message(self.Changed(self.field_name, event.value))

    def on_choice_changed(self, event: Choice.Changed) -> None:
        """Picked."""
        event.stop()
        self.post_message(self.Changed(self.field_name, event.value))

    def on_select_changed(self, event: Select.Changed) -> None:
        """Picked from the list."""
        event.stop()
        self.post_message(self.Changed(self.field_name, str(event.value)))


class ConceptField(Field):
    """A field of a common option, whose choices and default are the picked server's."""

    def __init__(self, concept: str) -> None:
        self._concept = CONCEPTS[concept]
        editor: Widget
        match self._concept.kind:
            case Kind.SWITCH:
                editor = Choice([("default", ""), ("on", "on"), ("off", "off")])
            case Kind.CHOICE:
                editor = Select([("default", "")], allow_blank=False, value="", compact=True)
            case kind:
                editor = Input(compact=True, password=kind is Kind.SECRET, select_on_focus=False)
        super().__init__(concept, self._concept.label, self._concept.help, editor)

    def adapt(self, server: Server, text: str, lacking: str) -> None:
        """Shows the option as ``server`` has it, with ``text`` as its value."""
        name = self._concept.name
        self.flag = native_flag(server, name)
        default = default_text(server, name)
        editor = self._editor
        with editor.prevent(Input.Changed, Select.Changed, Choice.Changed):
            if isinstance(editor, Input):
                editor.placeholder = default
            elif isinstance(editor, Choice):
                editor.set_options([(default, ""), ("on", "on"), ("off", "off")])
            elif isinstance(editor, Select):
                choices = [(default, ""), *((choice, choice) for choice in server.choices(name))]
                if text and text not in server.choices(name):
                    choices.append((text, text))
                cast("Select[str]", editor).set_options(choices)
        self.set_text(text)
        self.set_lacking(lacking)


def text_field(name: str, label: str, help_text: str, placeholder: str = "") -> Field:
    """A field of free text."""
    return Field(name, label, help_text, Input(compact=True, placeholder=placeholder, select_on_focus=False))


def suggest(field: Field, texts: list[str]) -> None:
    """Completes what is typed from ``texts``."""
    editor = field.editor
    assert isinstance(editor, Input)
    editor.suggester = SuggestFromList(texts)
