"""The reloads pane: what was saved, what came of it, and changes of the server."""

from __future__ import annotations

import textwrap
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from asgi_tui.domain.events import Change, Reload, Switch, Watching
from asgi_tui.domain.text import sanitize
from asgi_tui.frontends.console import format as show
from asgi_tui.frontends.console.model import MAX_RELOADS, SessionModel

MAX_FILES = 4  # named in one entry

INDENT = 10  # cells below the time, where the mark stands

Piece = str | tuple[str, str]


def hang(text: str, width: int, first: int = 0) -> str:
    """``text`` wrapped for ``width`` cells, further lines indented; ``first`` cells stand before it."""
    room = max(width - INDENT, 20)
    lines = textwrap.wrap(text, room, initial_indent=" " * min(first, room - 8))
    return f"\n{' ' * INDENT}".join([lines[0].lstrip(" "), *lines[1:]]) if lines else ""


def files(changes: tuple[Change, ...]) -> str:
    """The changed files in a few words: app.py, +new.py, -old.py and 3 more."""
    marks = {"added": "+", "deleted": "-"}
    names = [marks.get(item.change, "") + sanitize(item.path) for item in changes[:MAX_FILES]]
    more = f" and {len(changes) - MAX_FILES} more" if len(changes) > MAX_FILES else ""
    return ", ".join(names) + more


def reload_entry(event: Reload, width: int) -> Content:
    """A reload: when, how it went, what changed, and its phases or the reason."""
    ok = event.outcome == "ok"
    mark, style = ("✓", "$text-success") if ok else ("✗", "$text-error")
    word = "live in" if ok else "failed after"
    parts: list[Piece] = [
        (show.clock(event.at), "$text-muted"),
        (f"  {mark} ", style),
        (f"{word} {show.duration(event.total_ms)}", f"bold {style}"),
    ]
    if event.changes:
        head = f"{mark} {word} {show.duration(event.total_ms)}  "
        parts.append(f"  {hang(files(event.changes), width, len(head))}")
    if not ok:
        where = show.place(sanitize(event.file) if event.file else None, event.line)
        # A reason that begins with the place does not need it twice.
        place = "" if event.reason.startswith(where) else f"{where}  "
        parts += [f"\n{' ' * INDENT}", (place, "bold"), hang(sanitize(event.reason), width, len(place))]
    if event.phases:
        parts.append((f"\n{' ' * INDENT}{hang(show.phases(event.phases), width)}", "$text-muted"))
    if event.refused:
        parts.append((f"\n{' ' * INDENT}{event.refused} connections refused meanwhile", "$text-warning"))
    return Content.assemble(*parts)


def switch_entry(event: Switch, width: int) -> Content:
    """A change of server: from, to, how long, and what became of the options."""
    parts: list[Piece] = [
        (show.clock(event.at), "$text-muted"),
        ("  ⇄ ", "$text-primary"),
        (f"{event.from_} → {event.to}", "bold $text-primary"),
        f"  {show.duration(event.total_ms)}",
    ]
    for word, options, style in (("mapped", event.mapped, ""), ("dropped", event.dropped, "$text-warning")):
        if options:
            text = hang(sanitize("; ".join(options)), width, len(word) + 1)
            parts += [(f"\n{' ' * INDENT}{word} ", "$text-muted"), (text, style)]
    if event.phases:
        parts.append((f"\n{' ' * INDENT}{hang(show.phases(event.phases), width)}", "$text-muted"))
    if event.refused:
        parts.append((f"\n{' ' * INDENT}{event.refused} connections refused meanwhile", "$text-warning"))
    return Content.assemble(*parts)


def watched(watching: Watching | None) -> Content:
    """What is watched, in a sentence."""
    if watching is None:
        return Content.styled("Nothing is watched yet.", "$text-muted")
    if not watching.paths:
        return Content.styled("Reload is off: no file is watched.", "$text-muted")
    if watching.paused:
        return Content.styled("Watching is paused: saving a file changes nothing now.", "$text-warning")
    home = str(Path.home())
    paths = ", ".join(sanitize(show.path(path, home)) for path in watching.paths)
    return Content.assemble(("Watching ", "$text-muted"), paths)


class Reloads(VerticalScroll, can_focus=True):
    """Reloads and switches, the newest first."""

    BORDER_TITLE = "Reloads"

    def __init__(self) -> None:
        super().__init__(id="reloads", classes="pane")
        self._shown: object = None
        self._text = Static("", id="reload-list", markup=False)

    def compose(self) -> ComposeResult:
        """One text: it changes at most once a save."""
        yield self._text

    def show(self, model: SessionModel) -> None:
        """Shows every event kept."""
        # the scrollbar's cell is left free, so that its coming does not wrap anything anew
        width = self.size.width - 1
        shown = (tuple(model.reloads), model.watching, width)
        if shown == self._shown:
            return
        self._shown = shown
        entries = [
            reload_entry(item, width) if isinstance(item, Reload) else switch_entry(item, width)
            for item in model.reloads
        ]
        head = watched(model.watching)
        if not entries and model.watching and model.watching.paths and not model.watching.paused:
            head += Content.styled("\nSave a file and the app reloads.", "$text-muted")
        self._text.update(Content("\n").join([head, *entries]))
        kept = f" · newest {MAX_RELOADS} kept" if len(entries) == MAX_RELOADS else ""
        self.border_subtitle = (
            f"{len(entries)} event{'s' if len(entries) > 1 else ''}{kept}" if entries else ""
        )
