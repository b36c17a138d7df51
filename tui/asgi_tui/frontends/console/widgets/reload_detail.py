"""Everything that is known of one reload or switch, as text. Pure."""

from __future__ import annotations

from textual.content import Content
from textual.style import Style

from asgi_tui.domain.events import Change, ImportTime, Reload, Switch, Worker
from asgi_tui.domain.frames import Frame
from asgi_tui.domain.text import sanitize
from asgi_tui.frontends.console import format as show
from asgi_tui.frontends.console.history import Entry, FailedSwitch, Place
from asgi_tui.frontends.console.widgets.reload_text import (
    NATIVE_BIND,
    Piece,
    cause,
    counted,
    lines_changed,
    outcome,
    slowest,
)

BAR = 24  # cells of the longest bar
OPEN_PLACE = "app.open_place"  # the action of a place that is clicked
RETRY = "A client that was sending on one just then had to send again (RFC 9112 9.3.1)."
MEANINGS = {
    "notice": "until the save was noticed",
    "wait": "for the standby, or for checks before a cold start",
    "start": "interpreter and server",
    "import": "your app's modules",
    "startup": "lifespan startup",
    "answer": "the first answer",
    "quiesce": "until the old one accepted no more",
}


def title(entry: Entry) -> str:
    """What was opened: Reload at 14:02:11."""
    kind = "Reload" if isinstance(entry.event, Reload) else "Switch"
    return f"{kind} at {show.clock(entry.event.at)}"


def detail(entry: Entry, cwd: str = "", *, unfolded: bool = False) -> Content:
    """All sections of an entry; ``unfolded``: with the whole traceback in place of the user's frames.

    Files in ``cwd`` are named without it.
    """
    event = entry.event
    blocks = [_summary(entry, cwd)]
    if isinstance(event, Switch):
        blocks += [_options("Carried over", event.mapped), _options("Dropped", event.dropped)]
    if entry.failed:
        blocks.append(_traceback(entry, cwd, unfolded=unfolded))
    if isinstance(event, Reload) and event.changes:
        blocks.append(_section("Files", [_change(item) for item in event.changes]))
    if not isinstance(event, FailedSwitch):
        blocks.append(_phases(event))
        blocks.append(_clients(event.refused, entry.drained))
    if isinstance(event, Reload):
        blocks.append(_imports(event.imports))
    return Content("\n\n").join([block for block in blocks if block])


def place_link(file: str, line: int | None, cwd: str = "") -> Content:
    """``file:line``, which opens in the editor when it is clicked; a file in ``cwd`` is named without it."""
    # The place goes along as a value: an action written out would be parsed, and a file may have any name.
    link = Style(underline=True) + Style.from_meta({"@click": (OPEN_PLACE, (Place(file, line),))})
    shown = file.removeprefix(f"{cwd}/") if cwd else file
    return Content(show.place(sanitize(shown), line)).stylize(link)


def _section(name: str, lines: list[Content]) -> Content:
    if not lines:
        return Content("")
    head = Content.styled(name, "bold $text-primary")
    return Content("\n").join([head, *(Content("  ") + line for line in lines)])


def _summary(entry: Entry, cwd: str) -> Content:
    event = entry.event
    if isinstance(event, FailedSwitch):
        words = (f"✗ switch to {event.to} failed", "bold $text-error")
        return _failure(words, event.sentence, entry.place, cwd)
    if isinstance(event, Switch):
        took = f", live in {show.duration(event.total_ms)}"
        return Content.assemble((f"⇄ {event.from_} → {event.to}", "bold $text-primary"), took)
    mark, went, style = outcome(event)
    start = f", {event.start} start" + ("" if event.changes else f", {cause(event)}")
    if entry.failed:
        said = _failure((f"{mark} {went}", f"bold {style}"), event.reason, entry.place, cwd)
    else:
        said = Content.assemble((f"{mark} {went}", f"bold {style}"), start)
    if event.cold_reason:
        said += Content.styled(f"\nCold: {sanitize(event.cold_reason)}", "$text-warning")
    return said


def _failure(words: Piece, sentence: str, place: Place | None, cwd: str) -> Content:
    lines = [Content.assemble(words, "\n", sanitize(sentence))]
    if place is not None:
        lines.append(Content("at ") + place_link(place.file, place.line, cwd))
    return Content("\n").join(lines)


def _change(item: Change) -> Content:
    plus_minus = " ".join(lines_changed(item))
    return Content.assemble(
        (f"{item.change:<9}", "$text-muted"), f"{sanitize(item.path)}  ", (plus_minus, "$text-muted")
    )


def _options(name: str, options: tuple[str, ...]) -> Content:
    return _section(name, [Content(sanitize(option)) for option in options])


def _phases(event: Reload | Switch) -> Content:
    top = max(event.phases.values(), default=0.0)
    name_width = max(map(len, event.phases), default=0)
    lines = [
        Content.assemble(
            f"{sanitize(name):<{name_width}} ",
            f"{show.milliseconds(value):>7} ms  ",
            (f"{show.bar(value, top, BAR):<{BAR}}", "$text-primary"),
            (f"  {MEANINGS.get(name, '')}", "$text-muted"),
        )
        for name, value in event.phases.items()
    ]
    return _section(f"Phases, {show.duration(event.total_ms)} in all", lines)


def _clients(refused: int | None, drained: Worker | None) -> Content:
    if refused is None:
        lines = [Content.styled(f"{NATIVE_BIND[0].upper()}{NATIVE_BIND[1:]}.", "$text-warning")]
    else:
        style = "bold $text-error" if refused else "$text-success"
        lines = [Content.styled(f"{counted(refused, 'connection')} refused", style)]
    if drained is not None:
        lines.append(Content(f"The old one ended in {show.duration(drained.drain_ms)}."))
        if drained.shutdown_ms:
            lines.append(Content(f"Its lifespan shutdown took {show.duration(drained.shutdown_ms)}."))
        if drained.idle_closed:
            lines.append(Content(f"{counted(drained.idle_closed, 'idle keep-alive connection')} closed."))
            lines.append(Content.styled(RETRY, "$text-muted"))
        if drained.cut:
            cut = counted(drained.cut, "open request or stream", "open requests or streams")
            lines.append(Content.styled(f"{cut} cut at the end of the grace time.", "$text-warning"))
    return _section("Clients and the old server", lines)


def _imports(imports: tuple[ImportTime, ...]) -> Content:
    ranked = slowest(imports)
    top = max((item.self_ms for item in ranked), default=0.0)
    return _section(
        "Slowest imports, each without what it imported in turn",
        [
            Content.assemble(
                f"{show.milliseconds(item.self_ms):>7} ms  ",
                (f"{show.bar(item.self_ms, top, BAR):<{BAR}}", "$text-primary"),
                f"  {sanitize(item.module)}",
                ("" if item.user else "  installed", "$text-muted"),
            )
            for item in ranked
        ],
    )


def _traceback(entry: Entry, cwd: str, *, unfolded: bool) -> Content:
    if unfolded and entry.traceback:
        lines = [Content(sanitize(line)) for line in entry.traceback.rstrip().splitlines()]
        return _section("The whole traceback", lines)
    lines = [line for frame in entry.frames for line in _frame(frame, cwd)]
    hidden = max(entry.traceback.count('  File "') - len(entry.frames), 0)
    if lines and hidden:
        lines.append(
            Content.styled(f"{counted(hidden, 'frame')} of installed code folded; u unfolds", "$text-muted")
        )
    elif not lines and entry.traceback:
        lines = [Content.styled("No frame of it is yours; u unfolds it", "$text-muted")]
    return _section("Traceback, your code only, the innermost last", lines)


def _frame(frame: Frame, cwd: str) -> list[Content]:
    where = place_link(frame.file, frame.line, cwd)
    head = Content.assemble(where, (" in ", "$text-muted"), sanitize(frame.function))
    return [head, Content(f"  {sanitize(frame.code.strip())}")] if frame.code.strip() else [head]
