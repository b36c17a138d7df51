"""What the session waits for a word on, each with the key that does it: one line each, or nothing at all."""

from __future__ import annotations

import math
from dataclasses import dataclass

from textual.content import Content
from textual.style import Style
from textual.widgets import Static

from asgi_tui.domain.text import sanitize
from asgi_tui.frontends.console.model import SessionModel
from asgi_tui.frontends.console.widgets.reload_text import counted

END, LEAVE_OUT, RESUME = "e", "l", "p"  # the keys, as screens/run.py binds them


@dataclass(frozen=True, slots=True)
class Offer:
    """A sentence, and what can be done: key, words and action."""

    sentence: str
    ways: tuple[tuple[str, str, str], ...]


def offers(model: SessionModel, now: float) -> list[Offer]:
    """What is offered at ``now`` (Unix seconds)."""
    found = []
    requests, websockets, until = model.held
    if requests or websockets:
        open_ = [counted(requests, "request")] if requests else []
        open_ += [counted(websockets, "WebSocket")] if websockets else []
        left = math.ceil(until - now)
        when = f"in {left} s" if left > 0 else "now"
        sentence = f"◑ Old server: {' and '.join(open_)} open, ended {when}."
        found.append(Offer(sentence, ((END, "End now", "app.end_streams"),)))
    watching = model.watching
    if watching is not None and watching.loop:
        sentence = f"↻ The app itself writes {sanitize(watching.loop)}: watching is paused."
        leave_out = (LEAVE_OUT, f"Leave out {sanitize(watching.exclude)}", "app.exclude")
        ways = (leave_out,) if watching.exclude else ()
        found.append(Offer(sentence, (*ways, (RESUME, "Resume", "app.watch"))))
    return found


def offer_text(items: list[Offer]) -> Content:
    """The offers, a line each."""
    lines = []
    for item in items:
        line = Content(item.sentence)
        for key, words, action in item.ways:
            # a way is never broken in two
            way = Content.assemble((key, "bold"), "\N{NO-BREAK SPACE}", (_joined(words), "underline"))
            line += Content("   ") + way.stylize(Style.from_meta({"@click": action}))
        lines.append(line)
    return Content("\n").join(lines)


def _joined(words: str) -> str:
    return words.replace(" ", "\N{NO-BREAK SPACE}")


class Offers(Static):
    """Changes once a second while a countdown runs, and never otherwise."""

    DEFAULT_CSS = """
    Offers {
        height: auto; max-height: 4; padding: 0 1; display: none;
        background: $offer-background; color: $offer-foreground;
        link-style: none; link-background: transparent; link-color: $offer-foreground;
    }
    """

    def __init__(self) -> None:
        super().__init__("", id="offers", markup=False)
        self._items: list[Offer] = []

    def show(self, model: SessionModel, now: float) -> None:
        """Shows what is offered at ``now``."""
        items = offers(model, now)
        if items != self._items:
            self._items = items
            self.display = bool(items)
            self.update(offer_text(items))
