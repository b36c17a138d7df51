"""What an option does, in plain words, and what it is elsewhere."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.style import Style
from textual.widgets import Static

from asgi_tui.domain.options import Option
from asgi_tui.frontends.console.widgets.option_rows import (
    MISSING,
    OUTSIDE,
    OptionState,
    facts,
    flat,
    others_text,
    outside_text,
    shown,
    spellings,
)


def explanation(state: OptionState, option: Option, why: str, docs: str, *, spaced: bool) -> Content:
    """Everything there is to say of ``option``, what matters most first.

    ``why`` is how it was found, ``docs`` the address of the server's documentation; ``spaced``: an empty
    line between the paragraphs.
    """
    parts = [Content.assemble((flat(option.label), "bold"), "  ", (spellings(option), "$text-accent"))]
    if locked := state.locked(option):
        parts.append(Content.styled(f"{MISSING} {_sentence(locked)}", "$text-warning"))
    if why:
        parts.append(Content.styled(f"{flat(why)}.", "$text-primary"))
    parts.append(Content(flat(option.help)))
    if outside := outside_text(state, option):
        parts.append(Content.styled(f"{OUTSIDE} {outside}.", "$text-warning"))
    if option.wide and (common := state.texts.get(option.concept, "").strip()):
        said = f"The common option {option.concept} is set too: {shown(option, common)}."
        parts.append(Content.styled(said, "$text-warning"))
    parts.append(Content.styled(" · ".join(facts(option)), "$text-muted"))
    if others := others_text(option, state.others):
        parts.append(Content.assemble(("On the other servers: ", "$text-muted"), others))
    if docs:
        parts.append(Content.assemble(("Documentation: ", "$text-muted"), (docs, Style(link=docs))))
    return Content("\n\n" if spaced else "\n").join(parts)


def _sentence(text: str) -> str:
    text = flat(text)
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "!", "?")) else ".")


class Explanation(VerticalScroll):
    """Explains one option."""

    DEFAULT_CSS = """
    Explanation { scrollbar-size-vertical: 1; padding: 0 1; }
    Explanation Static { width: 100%; height: auto; }
    """

    def __init__(self) -> None:
        super().__init__(id="explanation")
        self._text = Static("", markup=False)
        self._shown = Content("")

    def compose(self) -> ComposeResult:
        """One text."""
        yield self._text

    def show(self, content: Content) -> None:
        """Shows another explanation, from its beginning."""
        if content.is_same(self._shown):
            return
        self._shown = content
        self._text.update(content)
        self.scroll_home(animate=False, immediate=True)
