"""Lines of text for pipes, CI and terminals that are not to be taken over."""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console
from rich.text import Text as RichText

from asgi_tui.domain.events import Error, Event, Exit, Log, Ready, Reload, Starting, Stats, Switch, Watching
from asgi_tui.domain.text import sanitize

_LEVEL_STYLES = {
    "critical": "bold red",
    "error": "red",
    "warning": "yellow",
    "debug": "dim",
    "trace": "dim",
}


def Text(text: str, style: str = "") -> RichText:  # noqa: N802 - rich's, but safe to print
    """Text in which no control character is left: names and messages come from outside."""
    return RichText(sanitize(text), style=style)


def plain_writer(out: Console, errors: Console) -> Callable[[list[Event]], None]:
    """A function that prints batches of events; problems go to ``errors``, the totals come with the exit."""
    totals: Stats | None = None

    def write(batch: list[Event]) -> None:
        nonlocal totals
        for event in batch:
            if isinstance(event, Error):
                errors.print(Text(event.sentence, style="bold red"), soft_wrap=True)
                continue
            if isinstance(event, Stats):
                totals = event
            if isinstance(event, Exit) and totals is not None and totals.requests:
                out.print(_totals(totals), soft_wrap=True)
            for line in to_lines(event):
                out.print(line, soft_wrap=True)

    return write


def to_lines(event: Event) -> list[RichText]:
    """What an event says, as lines; empty for those that say nothing here."""
    at = Text(time.strftime("%H:%M:%S ", time.localtime(event.at)), style="dim")
    return [at + line for line in _lines(event)]


def _lines(event: Event) -> list[RichText]:
    match event:
        case Starting():
            return [
                Text(f"▶ {event.server} {event.version}: {event.command}", style="bold"),
                *(Text(f"  {note}", style="dim") for note in (*event.notes, *event.inherited)),
                *([Text(f"  {event.bind}", style="dim")] if event.bind else []),
            ]
        case Ready():
            return [
                Text(
                    f"● {event.server} answers on {event.url} after {event.startup_ms:.0f} ms", style="green"
                )
            ]
        case Watching(paths=()):
            return []
        case Watching():
            return [Text(f"  watching {', '.join(event.paths)}", style="dim")]
        case Log():
            logger = f"{event.logger}: " if event.logger else ""
            level = f"{event.level or event.stream:<8} "
            return [Text(f"{level}{logger}{event.text}", style=_LEVEL_STYLES.get(event.level or "", ""))]
        case Reload():
            return [_reload(event)]
        case Switch():
            lines = [Text(f"⇄ {event.from_} → {event.to} in {event.total_ms:.0f} ms", style="bold cyan")]
            return lines + [Text(f"  dropped {option}", style="yellow") for option in event.dropped]
        case Exit():
            how = "stopped on request" if event.code == 0 else "gave up"
            server = "" if event.server_code is None else f" (server: {event.meaning})"
            return [Text(f"■ {how}{server}", style="bold" if event.code == 0 else "bold red")]
    return []


def _reload(event: Reload) -> RichText:
    files = ", ".join(change.path for change in event.changes)
    if event.outcome != "ok":
        return Text(f"✗ reload failed: {files}", style="bold red")
    phases = ", ".join(f"{name} {ms:.0f}" for name, ms in event.phases.items())
    return Text(f"✓ reloaded in {event.total_ms:.0f} ms: {files} ({phases})", style="green")


def _totals(stats: Stats) -> RichText:
    sockets = f", {stats.websockets} WebSockets" if stats.websockets else ""
    return Text(
        f"  {stats.requests:,} requests, {stats.errors:,} errors{sockets}; "
        f"p50 {stats.p50_ms:.1f} ms, p99 {stats.p99_ms:.1f} ms",
        style="dim",
    )
