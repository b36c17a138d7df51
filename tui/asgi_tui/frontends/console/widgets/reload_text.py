"""Reloads and switches as text, as the reloads pane shows them. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rich.cells import cell_len
from textual.content import Content

from asgi_tui.domain.events import Change, ImportTime, Reload, Standby, State, Switch, Watching, Worker
from asgi_tui.domain.text import sanitize
from asgi_tui.frontends.console import format as show
from asgi_tui.frontends.console.history import Entry, FailedSwitch, Times
from asgi_tui.frontends.console.model import SessionModel

MAX_FILES = 4  # named in one entry
SLOW_IMPORT = 100.0  # ms of the import phase from which on the slowest modules are named
HIGHEST = 3.0  # medians that make a full bar
MAX_IMPORTS = 3  # named in one entry

INDENT = 10  # cells below the time, where the mark stands
NATIVE_BIND = "connections may have been refused: the server binds by itself"
FAILED = "✗"  # in the place of a bar

Piece = str | tuple[str, str]
BREAK = f"\n{' ' * INDENT}"


def hang(text: str, width: int, first: int = 0) -> str:
    """``text`` wrapped for ``width`` cells, further lines indented; ``first`` cells stand before it."""
    room = max(width - INDENT, 20)
    lines = textwrap.wrap(text, room, initial_indent=" " * min(first, room - 8))
    return BREAK.join([lines[0].lstrip(" "), *lines[1:]]) if lines else ""


def flow(items: Sequence[Piece], width: int) -> list[Piece]:
    """Items on lines of their own below an entry's first, parted by dots; none is broken in two."""
    room = max(width - INDENT, 20)
    parts: list[Piece] = []
    used = 0
    for item in items:
        cells = cell_len(item if isinstance(item, str) else item[0])
        if parts and used + 3 + cells <= room:
            parts.append((" · ", "$text-muted"))
            used += 3 + cells
        else:
            parts.append(BREAK)
            used = cells
        parts.append(item)
    return parts


def change(item: Change) -> str:
    """A file with what became of it and its lines, where they are known: app.py +3 -1, -old.py."""
    mark = {"added": "+", "deleted": "-"}.get(item.change, "")
    return " ".join([mark + sanitize(item.path), *lines_changed(item)])


def lines_changed(item: Change) -> list[str]:
    """How many lines came and went, as far as that is known."""
    counts = (("+", item.added), ("-", item.removed))
    return [f"{sign}{show.count(number)}" for sign, number in counts if number]


def files(changes: tuple[Change, ...]) -> str:
    """The changed files in a few words: app.py +3 -1, +new.py, -old.py and 3 more."""
    names = [change(item) for item in changes[:MAX_FILES]]
    more = f" and {show.count(len(changes) - MAX_FILES)} more" if len(changes) > MAX_FILES else ""
    return ", ".join(names) + more


def cause(event: Reload) -> str:
    """What was saved, or that somebody asked for it."""
    return files(event.changes) if event.changes else "asked for"


def outcome(event: Reload) -> tuple[str, str, str]:
    """The mark, the words and the style of how it went."""
    took = show.duration(event.total_ms)
    if event.outcome == "ok":
        return "✓", f"live in {took}", "$text-success"
    return "✗", f"failed after {took}", "$text-error"


def reload_entry(entry: Entry, event: Reload, width: int) -> Content:
    """A reload: when, how it went, what changed, and its phases or the reason."""
    mark, words, style = outcome(event)
    head = f"{mark} {words}  "
    parts: list[Piece] = [
        (show.clock(event.at), "$text-muted"),
        (f"  {mark} ", style),
        (words, f"bold {style}"),
        f"  {hang(cause(event), width, len(head))}",
    ]
    if entry.failed:
        parts += reason(event.reason, event.file, event.line, width)
    elif event.cold_reason:
        parts += [BREAK, (hang(f"cold: {sanitize(event.cold_reason)}", width), "$text-warning")]
    parts += ending(entry, width)
    parts += slow(event, width)
    return Content.assemble(*parts)


def reason(sentence: str, file: str | None, line: int | None, width: int) -> list[Piece]:
    """A line of its own with what went wrong, and where."""
    where = show.place(sanitize(file) if file else None, line)
    # A sentence that tells the place does not need it twice.
    place = "" if where in sentence else f"{where}  "
    return [BREAK, (place, "bold"), hang(sanitize(sentence), width, len(place))]


def phases(times: Mapping[str, float]) -> list[Piece]:
    """The phases in order, in whole ms where that says enough; those that took no time are left out."""
    items = [
        f"{sanitize(name)} {value:.0f}" if value >= 0.95 else f"{sanitize(name)} {value:.1f}"
        for name, value in times.items()
        if value >= 0.05
    ]
    if items:
        items[-1] += " ms"
    return [(item, "$text-muted") for item in items]


def refused(number: int | None) -> list[Piece]:
    """How many connections were refused; nothing where nobody can count them (``NATIVE_BIND`` says so)."""
    if number is None:
        return []
    return [(f"refused {number:,}", "bold $text-error" if number else "$text-success")]


def old_run(worker: Worker) -> list[Piece]:
    """How the replaced run ended."""
    lifespan = f", shutdown {show.duration(worker.shutdown_ms)}" if worker.shutdown_ms else ""
    items: list[Piece] = [(f"drained in {show.duration(worker.drain_ms)}{lifespan}", "$text-muted")]
    if worker.idle_closed:
        items.append((f"{counted(worker.idle_closed, 'idle connection')} closed", "$text-muted"))
    if worker.cut:
        items.append(
            (f"{counted(worker.cut, 'request or stream', 'requests or streams')} cut", "$text-warning")
        )
    return items


def counted(number: int, one: str, many: str = "") -> str:
    """1 file, 2 files."""
    return f"{show.count(number)} {one if number == 1 else many or f'{one}s'}"


def ending(entry: Entry, width: int) -> list[Piece]:
    """What reloads and switches end with: the phases, what clients noticed, and the end of the old run."""
    event = entry.event
    assert not isinstance(event, FailedSwitch)
    known = phases(event.phases) + refused(event.refused)
    if isinstance(event, Reload) and not (entry.failed or event.cold_reason):
        known.insert(0, (event.start, "$text-muted"))
    parts = flow(known + (old_run(entry.drained) if entry.drained else []), width)
    if event.refused is None:
        parts += [BREAK, (hang(NATIVE_BIND, width), "$text-warning")]
    return parts


def slow(event: Reload, width: int) -> list[Piece]:
    """The slowest imports of a reload whose import was slow: it explains itself."""
    if event.phases.get("import", 0.0) < SLOW_IMPORT or not event.imports:
        return []
    ranked = slowest(event.imports)[:MAX_IMPORTS]
    named = ", ".join(f"{sanitize(item.module)} {show.milliseconds(item.self_ms)}" for item in ranked)
    return [BREAK, (hang(f"slow to import: {named} ms", width), "$text-warning")]


def slowest(imports: Iterable[ImportTime]) -> list[ImportTime]:
    """The slowest first."""
    return sorted(imports, key=lambda item: -item.self_ms)


def switch_entry(entry: Entry, event: Switch, width: int) -> Content:
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
            parts += [(f"{BREAK}{word} ", "$text-muted"), (text, style)]
    return Content.assemble(*parts, *ending(entry, width))


def failed_switch_entry(event: FailedSwitch, width: int) -> Content:
    """A switch that did not come about: to which server, and why."""
    return Content.assemble(
        (show.clock(event.at), "$text-muted"),
        ("  ✗ ", "$text-error"),
        (f"switch to {event.to} failed", "bold $text-error"),
        *reason(event.sentence, event.file, event.line, width),
    )


def entry_text(entry: Entry, width: int) -> Content:
    """One entry of the list."""
    match entry.event:
        case Reload():
            return reload_entry(entry, entry.event, width)
        case Switch():
            return switch_entry(entry, entry.event, width)
        case FailedSwitch():
            return failed_switch_entry(entry.event, width)


# -- above the list ------------------------------------------------------------------------------------


def watched(model: SessionModel) -> Content:
    """What is watched, in a sentence, or why nothing is."""
    if model.watching is not None and model.watching.paths:
        return _watching(model.watching)
    if not model.reload:
        said = "Reload is off: no file is watched."
    elif model.watching is None:
        said = "Nothing is watched yet."
    elif model.state in (State.STOPPING, State.STOPPED):
        said = "Stopped: no file is watched."
    else:
        said = "No file is watched."
    return Content.styled(said, "$text-muted")


def _watching(watching: Watching) -> Content:
    home = str(Path.home())
    paths = ", ".join(sanitize(show.path(path, home)) for path in watching.paths)
    parts: list[Piece] = [("Watching ", "$text-muted"), paths]
    if watching.files is not None:
        parts.append((f", {counted(watching.files, 'file')}", "$text-muted"))
    if watching.paused:
        parts += ["  ", ("PAUSED", "bold $text-warning")]
    if watching.polling:
        parts.append((f"\nPolled for: {sanitize(watching.polling)}", "$text-warning"))
    return Content.assemble(*parts)


def waiting(standby: Standby | None) -> Content:
    """The process that waits for the next change, or why there is none; empty before it is known."""
    if standby is None:
        return Content("")
    parts: list[Piece] = [("Standby ", "$text-muted")]
    match standby.state:
        case "warm":
            facts = [counted(standby.modules, "module")]
            facts += [show.size(standby.rss_bytes)] if standby.rss_bytes else []
            parts += [("warm", "$text-success"), (f", {', '.join(facts)}", "$text-muted")]
        case "failed":
            why = f": {sanitize(standby.reason)}" if standby.reason else ""
            parts.append((f"failed{why}; the next start is cold", "$text-warning"))
        case "used":
            parts.append(("in use, the next one follows", "$text-muted"))
        case "off":
            parts.append((f"off: {sanitize(standby.reason)}" if standby.reason else "off", "$text-muted"))
        case state:
            parts.append((f"{sanitize(state)}…", "$text-muted"))
    return Content.assemble(*parts)


def trend(times: Times, width: int) -> Content:
    """How long the reloads took, oldest to newest, failures marked; empty before the second."""
    if len(times.totals) < 2:
        return Content("")
    facts: list[Piece] = []
    last = times.totals[-1]
    if times.median is not None:
        said = "failed" if last is None else show.duration(last)
        facts = [("  last ", "$text-muted"), (said, "$text-error" if last is None else "bold")]
        facts += [("  median ", "$text-muted"), show.duration(times.median)]
    broken = len(times.totals) - len(times.good)
    if broken:
        facts.append((f"  {broken} failed", "$text-error"))
    summary = Content.assemble(*facts)
    shown = times.totals[-max(width - summary.cell_length, 8) :]
    # one cold start among many warm ones is a full bar, and does not flatten the others
    top = min(max(times.good, default=0.0), HIGHEST * (times.median or 0.0))
    bars: list[Piece] = [
        (FAILED, "$text-error") if total is None else (show.level(total, top), "$text-primary")
        for total in shown
    ]
    return Content.assemble(*bars) + summary


def head(model: SessionModel, width: int) -> Content:
    """What stands above the list: what is watched, the standby, how long the reloads took."""
    first, second = watched(model), waiting(model.standby)
    if second and "\n" not in first.plain and first.cell_length + 3 + second.cell_length <= width:
        lines = [Content.assemble(first, (" · ", "$text-muted"), second)]
    else:
        lines = [first, second]
    lines.append(trend(model.reloads.times, width))
    if model.watches and not len(model.reloads):
        lines.append(Content.styled("Save a file and the app reloads.", "$text-muted"))
    return Content("\n").join([line for line in lines if line])
