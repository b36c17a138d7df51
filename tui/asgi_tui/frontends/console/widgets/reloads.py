"""The reloads pane: what was saved, what came of it, and changes of the server."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from asgi_tui.domain.events import Change, Reload, Switch, Watching
from asgi_tui.domain.text import sanitize
from asgi_tui.frontends.console import format as show
from asgi_tui.frontends.console.model import MAX_RELOADS, SessionModel

MAX_FILES = 4  # named in one entry

Piece = str | tuple[str, str]


def files(changes: tuple[Change, ...]) -> str:
    """The changed files in a few words: app.py, +new.py, -old.py and 3 more."""
    marks = {"added": "+", "deleted": "-"}
    names = [marks.get(item.change, "") + sanitize(item.path) for item in changes[:MAX_FILES]]
    more = f" and {len(changes) - MAX_FILES} more" if len(changes) > MAX_FILES else ""
    return ", ".join(names) + more


def reload_entry(event: Reload) -> Content:
    """A reload: when, how it went, what changed, and its phases or the reason."""
    ok = event.outcome == "ok"
    mark, style = ("✓", "$text-success") if ok else ("✗", "$text-error")
    word = "live in" if ok else "failed after"
    parts: list[Piece] = [
        (show.clock(event.at), "$text-muted"),
        (f"  {mark} ", style),
        (f"{word} {show.duration(event.total_ms)}", f"bold {style}"),
        f"  {files(event.changes)}" if event.changes else "",
    ]
    if not ok:
        where = show.place(sanitize(event.file) if event.file else None, event.line)
        parts += ["\n          ", (f"{where}  " if where else "", "bold"), sanitize(event.reason)]
    if event.phases:
        parts.append((f"\n          {show.phases(event.phases)}", "$text-muted"))
    if event.refused:
        parts.append((f"\n          {event.refused} connections refused meanwhile", "$text-warning"))
    return Content.assemble(*parts)


def switch_entry(event: Switch) -> Content:
    """A change of server: from, to, how long, and what became of the options."""
    parts: list[Piece] = [
        (show.clock(event.at), "$text-muted"),
        ("  ⇄ ", "$text-primary"),
        (f"{event.from_} → {event.to}", "bold $text-primary"),
        f"  {show.duration(event.total_ms)}",
    ]
    for word, options, style in (("mapped", event.mapped, ""), ("dropped", event.dropped, "$text-warning")):
        if options:
            parts += [(f"\n          {word} ", "$text-muted"), (sanitize("; ".join(options)), style)]
    if event.phases:
        parts.append((f"\n          {show.phases(event.phases)}", "$text-muted"))
    if event.refused:
        parts.append((f"\n          {event.refused} connections refused meanwhile", "$text-warning"))
    return Content.assemble(*parts)


def watched(watching: Watching | None) -> Content:
    """What is watched, in a sentence."""
    if watching is None:
        return Content.styled("Nothing is watched yet.", "$text-muted")
    if not watching.paths:
        return Content.styled("Reload is off: no file is watched.", "$text-muted")
    if watching.paused:
        return Content.styled("Watching is paused: saving a file changes nothing now.", "$text-warning")
    paths = ", ".join(sanitize(path) for path in watching.paths)
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
        shown = (tuple(model.reloads), model.watching)
        if shown == self._shown:
            return
        self._shown = shown
        entries = [reload_entry(item) if isinstance(item, Reload) else switch_entry(item) for item in model.reloads]
        head = watched(model.watching)
        if not entries and model.watching and model.watching.paths and not model.watching.paused:
            head += Content.styled("\nSave a file and the app reloads.", "$text-muted")
        self._text.update(Content("\n").join([head, *entries]))
        kept = f" · newest {MAX_RELOADS} kept" if len(entries) == MAX_RELOADS else ""
        self.border_subtitle = f"{len(entries)}{kept}" if entries else ""
