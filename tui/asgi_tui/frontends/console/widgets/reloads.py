"""The reloads pane: what was saved, what came of it, and changes of the server."""

from __future__ import annotations

import textwrap
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from asgi_tui.domain.events import Change, Reload, State, Switch
from asgi_tui.domain.text import sanitize
from asgi_tui.frontends.console import format as show
from asgi_tui.frontends.console.model import MAX_RELOADS, FailedSwitch, SessionModel

MAX_FILES = 4  # named in one entry

INDENT = 10  # cells below the time, where the mark stands
NATIVE_BIND = "connections may have been refused: the server binds by itself"

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
        parts += reason(event.reason, event.file, event.line, width)
    return Content.assemble(*parts, *ending(event, width))


def reason(sentence: str, file: str | None, line: int | None, width: int) -> list[Piece]:
    """A line of its own with what went wrong, and where."""
    where = show.place(sanitize(file) if file else None, line)
    # A sentence that tells the place does not need it twice.
    place = "" if where in sentence else f"{where}  "
    return [f"\n{' ' * INDENT}", (place, "bold"), hang(sanitize(sentence), width, len(place))]


def ending(event: Reload | Switch, width: int) -> list[Piece]:
    """The lines that reloads and switches end with: the phases, and whether clients may have noticed."""
    parts: list[Piece] = []
    if event.phases:
        parts.append((f"\n{' ' * INDENT}{hang(show.phases(event.phases), width)}", "$text-muted"))
    if event.refused is None:
        parts.append((f"\n{' ' * INDENT}{hang(NATIVE_BIND, width)}", "$text-warning"))
    return parts


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
    return Content.assemble(*parts, *ending(event, width))


def failed_switch_entry(event: FailedSwitch, width: int) -> Content:
    """A switch that did not come about: to which server, and why."""
    return Content.assemble(
        (show.clock(event.at), "$text-muted"),
        ("  ✗ ", "$text-error"),
        (f"switch to {event.to} failed", "bold $text-error"),
        *reason(event.sentence, event.file, event.line, width),
    )


def entry(item: Reload | Switch | FailedSwitch, width: int) -> Content:
    """One entry of the list."""
    match item:
        case Reload():
            return reload_entry(item, width)
        case Switch():
            return switch_entry(item, width)
        case FailedSwitch():
            return failed_switch_entry(item, width)


def watched(model: SessionModel) -> Content:
    """What is watched, in a sentence, or why nothing is."""
    if model.watching is not None and model.watching.paths:
        home = str(Path.home())
        paths = ", ".join(sanitize(show.path(path, home)) for path in model.watching.paths)
        return Content.assemble(("Watching ", "$text-muted"), paths)
    if not model.reload:
        said = "Reload is off: no file is watched."
    elif model.watching is None:
        said = "Nothing is watched yet."
    elif model.state in (State.STOPPING, State.STOPPED):
        said = "Stopped: no file is watched."
    else:
        said = "No file is watched."
    return Content.styled(said, "$text-muted")


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
        head = watched(model)
        if not model.reloads and model.watching and model.watching.paths:
            head += Content.styled("\nSave a file and the app reloads.", "$text-muted")
        shown = (tuple(model.reloads), head.plain, width)
        if shown == self._shown:
            return
        self._shown = shown
        entries = [entry(item, width) for item in model.reloads]
        self._text.update(Content("\n").join([head, *entries]))
        kept = f" · newest {MAX_RELOADS} kept" if len(entries) == MAX_RELOADS else ""
        self.border_subtitle = (
            f"{len(entries)} event{'s' if len(entries) > 1 else ''}{kept}" if entries else ""
        )
