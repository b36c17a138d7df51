"""The request that is written: method, path, version, headers and body, with what is wrong beside each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static, TextArea

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.sending import HTTP_VERSIONS, Sending
from asgi_tui.frontends.console import format as show
from asgi_tui.frontends.console.answer_text import PART, pretty_json
from asgi_tui.frontends.console.request_form import (
    BODY,
    HEADERS,
    MEDIA,
    METHOD,
    METHODS,
    PATH,
    Form,
    content_kind,
    fill,
    read,
    with_content_type,
)
from asgi_tui.frontends.console.widgets.choice import Choice
from asgi_tui.frontends.console.widgets.code_area import CodeArea
from asgi_tui.frontends.console.widgets.pick import PickMenu

_HEADERS_HINT = "name: value, a line each; what HTTP itself needs is added"
_MASKED = "A mask that is left as it is sends the secret it hides. F4 shows secrets."
_REVEALED = "Secrets are shown; F4 masks them."
_KEPT = "The body is {} that is no text: it is sent as it is unless you type another; “none” drops it."


class MethodInput(Input):
    """A method: typed, or one of the usual ones by Up and Down."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "step(-1)", "Previous method", show=False, tooltip="The usual method before"),
        Binding("down", "step(1)", "Next method", show=False, tooltip="The next usual method"),
    ]

    def __init__(self) -> None:
        suggester = SuggestFromList(METHODS, case_sensitive=False)
        super().__init__(compact=True, select_on_focus=False, suggester=suggester, id="compose-method")

    def action_step(self, by: int) -> None:
        """To another one of the usual methods."""
        at = METHODS.index(self.value) if self.value in METHODS else -max(by, 0)
        self.value = METHODS[(at + by) % len(METHODS)]
        self.cursor_position = len(self.value)


class MethodMenu(Static):
    """Opens the list of the usual methods when it is clicked."""

    def on_click(self) -> None:
        """The list, below the field."""
        field = self.screen.query_one(MethodInput)
        menu = PickMenu([(name, name) for name in METHODS], field.value, field.region)
        self.app.push_screen(menu, self._picked)

    def _picked(self, name: str | None) -> None:
        if name:
            self.screen.query_one(MethodInput).value = name


class RequestEditor(Vertical):
    """Shows a request and reads what it is edited to; where there is little room headers or body alone."""

    def __init__(self) -> None:
        super().__init__(id="compose-editor")
        self.revealed = False
        self._given = Sending()
        self._filled = Form()
        self._note = ""
        self._problems: Mapping[str, str] = {}
        self._method = MethodInput()
        self._path = Input(compact=True, select_on_focus=False, placeholder="/path?query", id="compose-path")
        versions = [(version, version) for version in HTTP_VERSIONS]
        self._version = Choice(versions, HTTP_VERSIONS[0], id="compose-version")
        self._half = Choice([("Headers", HEADERS), ("Body", BODY)], HEADERS, id="compose-half")
        self._media = Choice([(kind, kind) for kind in MEDIA], "none", id="compose-media")
        self._headers = CodeArea(id="compose-headers", syntax="headers", placeholder=_HEADERS_HINT)
        self._body = CodeArea(id="compose-body", syntax="json", placeholder="no body")

    def compose(self) -> ComposeResult:
        """The line of the request, its headers, its body."""
        with Horizontal(id="compose-line"):
            yield self._method
            yield MethodMenu("▾ ", id="compose-methods", markup=False)
            yield self._path
            yield Static("HTTP", id="compose-http", markup=False)
            yield self._version
        yield Static("", id="wrong-line", classes="wrong", markup=False)
        with Horizontal(id="compose-bar"):
            yield self._half
            yield Static("content type", id="compose-media-label", markup=False)
            yield self._media
        yield Static("Headers", classes="head", markup=False)
        yield self._headers
        yield Static("", id="wrong-headers", classes="wrong", markup=False)
        yield Static("Body", classes="head", markup=False)
        yield self._body
        yield Static("", id="wrong-body", classes="wrong", markup=False)
        yield Static("", id="compose-note", markup=False)

    # -- what it is filled with, and what it amounts to ----------------------------------------------

    @property
    def given(self) -> Sending:
        """The request that it was filled with last."""
        return self._given

    @property
    def edited(self) -> bool:
        """Whether anything was typed since."""
        return self._typed() != self._filled

    def fill(self, sending: Sending) -> None:
        """Shows a request, in place of what was typed."""
        form = fill(sending, revealed=self.revealed)
        self._given = sending
        self._method.value = form.method
        self._path.value = form.path
        self._path.cursor_position = len(form.path)
        self._version.value = form.http_version
        self._headers.show(form.headers, "headers")
        self._body.show(form.body, "json")
        self._filled = form
        self._filled = self._typed()
        if form.body and not form.headers:
            self._half.value = BODY
        self._complain({})
        self.say("")
        self.rearrange()

    def sent(self, sending: Sending) -> None:
        """What is typed was sent: masks in it stand for what it holds."""
        self._given = sending
        self._filled = self._typed()

    def read(self) -> Sending | None:
        """What is typed; None where it is wrong, which is said beside it."""
        sending = self._check()
        fields = {METHOD: self._method, PATH: self._path, HEADERS: self._headers, BODY: self._body}
        first = next((name for name in fields if name in self._problems), "")
        if first in (HEADERS, BODY):
            self._half.value = first
            self.rearrange()
        if first:
            fields[first].focus()
        return sending

    def _check(self) -> Sending | None:
        reading = read(self._typed(), self._given)
        self._complain(reading.problems)
        return reading.sending

    def _typed(self) -> Form:
        return Form(
            self._method.value,
            self._path.value,
            self._headers.text,
            self._body.text,
            self._version.value,
            self._filled.kept,
        )

    # -- what is said --------------------------------------------------------------------------------

    def _complain(self, problems: Mapping[str, str]) -> None:
        self._problems = problems
        for line, names in {"line": (METHOD, PATH), HEADERS: (HEADERS,), BODY: (BODY,)}.items():
            text = "\n".join(f"✗ {problems[name]}" for name in names if name in problems)
            widget = self.query_one(f"#wrong-{line}", Static)
            widget.update(text)
            widget.display = bool(text)
        fields = {METHOD: self._method, PATH: self._path, HEADERS: self._headers, BODY: self._body}
        for name, field in fields.items():
            field.set_class(name in problems, "-wrong")

    def say(self, text: str) -> None:
        """Says a sentence below the fields, else what there is to know of them."""
        if not text and self._filled.kept and not self._body.text:
            text = _KEPT.format(show.size(len(self._given.body)))
        elif not text and fill(self._given) != fill(self._given, revealed=True):
            text = _REVEALED if self.revealed else _MASKED
        if text != self._note:
            self._note = text
            line = self.query_one("#compose-note", Static)
            line.update(text)
            line.display = bool(text)

    def on_input_changed(self, event: Input.Changed) -> None:
        """What was wrong may not be any more."""
        self._edited()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """So it may; the content type is that of the headers."""
        event.stop()
        if event.text_area is self._headers:
            self._media.value = content_kind(self._headers.text)
        self._edited()

    def _edited(self) -> None:
        if self._problems:
            self._check()
        self._label()

    def on_choice_changed(self, event: Choice.Changed) -> None:
        """The other half of the request, or another content type."""
        event.stop()
        if event.choice is self._media:
            self._headers.text = with_content_type(self._headers.text, event.value)
            if event.value == "none":
                self._filled = replace(self._filled, kept=False)
                self.say("")
            else:
                self._half.value = BODY
        self.rearrange()

    def on_safe_area_refused(self) -> None:
        """Too long a paste."""
        self.say(f"✗ Text: it is longer than {PART:,} characters; paste less of it.")

    def format(self) -> None:
        """Indents the body's JSON, or says where it is none."""
        try:
            self._body.text = pretty_json(self._body.text)
        except (ValueError, RecursionError) as error:
            line, why = getattr(error, "lineno", 0), getattr(error, "msg", "it is nested too deep")
            where = f"Line {line} of the body" if line else "Body"
            self._complain({BODY: str(Problem(where, f"it is no JSON: {why}", "mend it there"))})

    # -- room ----------------------------------------------------------------------------------------

    def switch(self) -> None:
        """From headers to body, or back."""
        area = self._body if self._half.value == HEADERS else self._headers
        self._half.value = BODY if area is self._body else HEADERS
        self.rearrange()
        area.focus()

    def start(self) -> None:
        """The path has the focus."""
        self._path.focus()

    def rearrange(self) -> None:
        """Headers and body where there is room for both."""
        both = self.screen.has_class("-tall")
        self._half.display = not both
        for widget in self.query(".head"):
            widget.display = both
        self._headers.display = both or self._half.value == HEADERS
        self._body.display = both or self._half.value == BODY
        self._label()

    def _label(self) -> None:
        count = sum(bool(line.strip()) for line in self._headers.text.split("\n"))
        kept = self._filled.kept and not self._body.text
        size = len(self._given.body) if kept else len(self._body.text.encode())
        headers, body = (
            f"Headers {count}" if count else "Headers",
            f"Body {show.size(size)}" if size else "Body",
        )
        self._half.set_options([(headers, HEADERS), (body, BODY)])
        self._half.refresh(layout=True)
