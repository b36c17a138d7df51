"""Lines of text for pipes, CI and terminals that are not to be taken over."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable

from rich.console import Console
from rich.text import Text as RichText

from asgi_tui.domain.events import (
    Error,
    Event,
    Exit,
    Log,
    Ready,
    Reload,
    Standby,
    Starting,
    State,
    StateChanged,
    Stats,
    Switch,
    Watching,
    Worker,
)
from asgi_tui.domain.frames import Frame
from asgi_tui.domain.text import sanitize

_LEVEL_STYLES = {
    "critical": "bold red",
    "error": "red",
    "warning": "yellow",
    "debug": "dim",
    "trace": "dim",
}

# Files of a change that are named; a checkout may change thousands.
_FILES = 5


def Text(text: str, style: str = "") -> RichText:  # noqa: N802 - rich's, but safe to print
    """Text in which no control character is left: names and messages come from outside."""
    return RichText(sanitize(text), style=style)


def plain_writer(out: Console, errors: Console) -> Callable[[list[Event]], None]:
    """A function that prints batches of events; problems go to ``errors``, the totals come with the exit."""
    news = _News()

    def write(batch: list[Event]) -> None:
        for event in batch:
            if isinstance(event, Error):
                errors.print(Text(event.sentence, style="bold red"), soft_wrap=True)
            if isinstance(event, Exit) and news.totals is not None and news.totals.requests:
                out.print(_totals(news.totals), soft_wrap=True)
            at = Text(time.strftime("%H:%M:%S ", time.localtime(event.at)), style="dim")
            for line in news.lines(event):
                out.print(at + line, soft_wrap=True)

    return write


class _News:
    """Makes lines of events; what stays as it was is not said again."""

    def __init__(self) -> None:
        self.totals: Stats | None = None
        self._standby = ""
        self._draining = 0
        self._watching = Watching(0.0, ())
        self._reloading = self._reload_failed = False
        self._command = self._url = ""

    def lines(self, event: Event) -> list[RichText]:
        """What an event says that was not said before; empty for those that say nothing here."""
        match event:
            case Stats():
                self.totals = event
            case Starting():
                known, self._command = self._command, event.command
                if self._reloading and event.command == known:
                    return []  # the line of the reload says it
            case Ready():
                known, self._url = self._url, event.url
                if self._reloading and event.url == known:
                    return []
            case Standby():
                return self._of_standby(event)
            case Worker(state="draining"):
                return self._of_draining(event)
            case Watching():
                return self._of_watching(event)
            case StateChanged():
                if event.state is not State.READY:  # which comes before what it is about
                    self._reloading = event.state is State.RELOADING
                failed, self._reload_failed = self._reload_failed, False
                if failed and event.state is State.READY and event.reason:
                    return [Text(f"  {event.reason}", style="yellow")]
            case Reload():
                self._reload_failed = event.outcome != "ok"
        return _lines(event)

    def _of_standby(self, event: Standby) -> list[RichText]:
        said = "warm" if event.state == "warm" else event.reason
        if event.state == "warming" or said in ("", self._standby):
            return []
        self._standby = said
        if event.state == "warm":
            size = f"{event.rss_bytes / 1_000_000:.0f} MB"
            what = f"{event.modules:,} modules imported in {event.warm_ms:.0f} ms, {size}"
            return [Text(f"  standby is warm: {what}", style="dim")]
        style = "yellow" if event.state == "failed" else "dim"
        return [Text(f"  no standby, reloads start cold: {event.reason}", style=style)]

    def _of_draining(self, event: Worker) -> list[RichText]:
        if event.run == self._draining or not (event.in_flight or event.websockets):
            return []
        self._draining = event.run
        what = [_count(event.in_flight, "request"), _count(event.websockets, "WebSocket")]
        held = " and ".join(filter(None, what))
        seconds = max(0.0, event.until - event.at)
        return [Text(f"  the old process still has {held}, for at most {seconds:.0f} s", style="dim")]

    def _of_watching(self, event: Watching) -> list[RichText]:
        before, self._watching = self._watching, event
        if not event.paths:
            return []
        lines = []
        if event.paths != before.paths:
            lines.append(Text(f"  watching {', '.join(event.paths)}", style="dim"))
        if event.polling and event.polling != before.polling:
            lines.append(Text(f"  polling for changes: {event.polling}", style="yellow"))
        if event.loop and event.loop != before.loop:
            mend = f"; leave it out with --exclude {shlex.quote(event.exclude)}" if event.exclude else ""
            why = f"the app itself changes {event.loop}"
            lines.append(Text(f"  watching is paused: {why}{mend}", style="yellow"))
        elif event.paused and not (before.paused or event.loop):
            lines.append(Text("  watching is paused", style="yellow"))
        elif before.paused and not event.paused:
            lines.append(Text("  watching again", style="dim"))
        return lines


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
        case Log():
            logger = f"{event.logger}: " if event.logger else ""
            level = f"{event.level or event.stream:<8} "
            return [Text(f"{level}{logger}{event.text}", style=_LEVEL_STYLES.get(event.level or "", ""))]
        case Error():
            # Only the sentence goes to standard error.
            return [_frame(frame) for frame in event.frames]
        case Reload():
            return [_reload(event)]
        case Switch():
            took = f"{event.total_ms:.0f} ms{_refused(event)}"
            lines = [Text(f"⇄ {event.from_} → {event.to} in {took}", style="bold cyan")]
            return lines + [Text(f"  dropped {option}", style="yellow") for option in event.dropped]
        case Worker(state="drained"):
            return [_drained(event)]
        case Exit():
            how = "stopped on request" if event.code == 0 else "gave up"
            server = "" if event.server_code is None else f" (server: {event.meaning})"
            return [Text(f"■ {how}{server}", style="bold" if event.code == 0 else "bold red")]
    return []


def _reload(event: Reload) -> RichText:
    files = ", ".join(change.path for change in event.changes[:_FILES])
    if len(event.changes) > _FILES:
        files += f" and {len(event.changes) - _FILES:,} more"
    files = f": {files}" if files else ""
    if event.outcome != "ok":
        return Text(f"✗ reload failed{files}", style="bold red")
    phases = ", ".join(f"{name} {ms:.0f}" for name, ms in event.phases.items())
    start = f"cold, {event.cold_reason}" if event.cold_reason else event.start
    took = f"{event.total_ms:.0f} ms ({start}){_refused(event)}"
    return Text(f"✓ reloaded in {took}{files} ({phases})", style="green")


def _refused(event: Reload | Switch) -> str:
    return f", {_count(event.refused, 'connection')} refused" if event.refused else ""


def _drained(event: Worker) -> RichText:
    shutdown = f", shutdown {event.shutdown_ms:.0f} ms" if event.shutdown_ms else ""
    idle = f", {_count(event.idle_closed, 'idle connection')} closed" if event.idle_closed else ""
    cut = f", {_count(event.cut, 'open request or WebSocket', 'open requests and WebSockets')} cut"
    said = (
        f"  the old process is gone after {event.drain_ms:.0f} ms{shutdown}{idle}{cut if event.cut else ''}"
    )
    return Text(said, style="yellow" if event.cut else "dim")


def _frame(frame: Frame) -> RichText:
    code = f"  {frame.code.strip()}" if frame.code.strip() else ""
    return Text(f"  {frame.file}:{frame.line} in {frame.function}{code}", style="red")


def _count(number: int, one: str, many: str = "") -> str:
    """``2 requests``; empty for none."""
    return f"{number:,} {one if number == 1 else many or one + 's'}" if number else ""


def _totals(stats: Stats) -> RichText:
    sockets = f", {stats.websockets} WebSockets" if stats.websockets else ""
    return Text(
        f"  {stats.requests:,} requests, {stats.errors:,} errors{sockets}; "
        f"p50 {stats.p50_ms:.1f} ms, p99 {stats.p99_ms:.1f} ms",
        style="dim",
    )
