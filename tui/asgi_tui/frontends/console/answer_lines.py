"""An answer's head: status, times and headers as lines. Pure."""

from __future__ import annotations

import re
from http import HTTPStatus

from textual.content import Content

from asgi_tui.domain.calls import Header
from asgi_tui.domain.secret import Secret, revealed
from asgi_tui.domain.sending import Answer, Timing
from asgi_tui.domain.text import MASK, sanitize
from asgi_tui.frontends.console import format as show

BAR = 24  # cells of the whole time
_PHASES = {
    "connect": "TCP",
    "tls": "TLS handshake",
    "send": "the request out",
    "first_byte": "the app at work",
    "body": "the answer in",
}


def status_mark(status: int) -> tuple[str, str]:
    """A mark for a status, and its style."""
    if status < 200 or 300 <= status < 400:
        return "→", "$text-primary"
    return (
        ("✓", "$text-success") if status < 400 else ("✗", "$text-warning" if status < 500 else "$text-error")
    )


def reason(status: int, told: str) -> str:
    """What the status means; HTTP/2 does not tell it."""
    if told:
        return sanitize(told)
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def http(answer: Answer) -> str:
    """HTTP/1.1, HTTP/2."""
    return f"HTTP/{sanitize(answer.http_version)}"


def status_line(answer: Answer) -> Content:
    """Status, time, size, HTTP version, server."""
    mark, style = status_mark(answer.status)
    kept = "" if len(answer.body) == answer.size else f", {show.size(len(answer.body))} kept"
    return Content.assemble(
        (f"{mark} {answer.status} {reason(answer.status, answer.reason)}".rstrip(), f"bold {style}"),
        f"  {show.duration(answer.timing.total)}  {show.size(answer.size)}{kept}",
        (f"  {http(answer)}  {sanitize(answer.server)}".rstrip(), "$text-muted"),
    )


def timing_lines(timing: Timing) -> Content:
    """A bar for each phase, where it began in the whole; ``BAR`` cells are all of it."""
    values = {name: getattr(timing, name) for name in _PHASES}
    known = {name: value for name, value in values.items() if value is not None}
    whole = max(timing.total, sum(known.values())) or 1.0
    lines, passed = [], 0.0
    for name, value in known.items():
        before = min(round(passed / whole * BAR), BAR - 1)
        bar = show.bar(value, whole, BAR)[: BAR - before]
        lines.append(
            Content.assemble(
                (f"{name.replace('_', ' '):<10} ", "$text-muted"),
                f"{show.milliseconds(value):>7} ms  ",
                (f"{' ' * before}{bar}".ljust(BAR), "$text-primary"),
                (f"  {_PHASES[name]}", "$text-muted"),
            )
        )
        passed += value
    total = f"{show.milliseconds(timing.total):>7} ms"
    return Content("\n").join([*lines, Content.assemble((f"{'in all':<10} ", "$text-muted"), total)])


def header_lines(
    headers: tuple[Header, ...], *, reveal: bool = False, known: re.Pattern[str] | None = None
) -> Content:
    """Headers, a line each; secrets, and what ``known`` finds, masked unless ``reveal``."""

    def shown(value: str | Secret) -> str:
        if reveal:
            return revealed(value)
        return known.sub(MASK, str(value)) if known is not None else str(value)

    lines = [
        Content.assemble(
            (f"{sanitize(header.name)}: ", "$text-primary"),
            sanitize(shown(header.value)),
        )
        for header in headers
    ]
    return Content("\n").join(lines) if lines else Content.styled("no headers", "$text-muted")
