"""What events say for the log, as entries of its store. Pure."""

from __future__ import annotations

from asgi_tui.domain.events import Error, Log
from asgi_tui.domain.log_entry import LEVELS, STREAMS, Fresh, Origin
from asgi_tui.domain.text import sanitize
from asgi_tui.frontends.console.format import place

# Characters of one line shown; the rest is counted at its end. Of what a server prints it is kept, elsewhere.
MAX_LENGTH = 8_192
OWN = "asgi-tui"  # the logger of what the console itself tells


def safe(text: str) -> str:
    """``text`` as one line that a terminal may show."""
    text = sanitize(text).expandtabs(4)
    if len(text) > MAX_LENGTH:
        text = f"{text[:MAX_LENGTH]}… (+{len(text) - MAX_LENGTH:,} characters)"
    return text


def line(event: Log) -> Fresh:
    """A line of output that was told as an event, without its colours."""
    stream = event.stream if event.stream in STREAMS else STREAMS[-1]
    level = event.level if event.level in LEVELS else ""
    text = "\n".join(safe(part.rstrip("\r")) for part in event.text.split("\n"))
    return event.at, Origin(stream, level or "", sanitize(event.logger or ""), event.pid), text, (), "", None


def error(event: Error) -> Fresh:
    """An error with its place and its traceback, as one entry."""
    where = place(event.file, event.line)
    sentence = f"{event.sentence} ({where})" if where and where not in event.sentence else event.sentence
    text = "\n".join(map(safe, (sentence, *event.traceback.rstrip().splitlines())))
    return event.at, Origin("console", "error", OWN), text, (), "", None
