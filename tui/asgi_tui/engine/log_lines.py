"""A run's bytes to the lines of a log: safe to show, without secrets, read for what they tell."""

from __future__ import annotations

import re
from collections.abc import Callable

from asgi_tui.domain.log_entry import STREAMS, Fresh, Origin, Span
from asgi_tui.domain.log_formats import LineReader
from asgi_tui.domain.terminal_text import is_plain, read_line
from asgi_tui.domain.text import MASK, SECRET_URL, mask_secrets, sanitize
from asgi_tui.engine.line_decoder import LineDecoder, Place

# How the servers' access log lines begin: a level, a date in brackets or the client's address.
_ACCESS_LINE = re.compile(r"INFO: |\[\d{4}-|\b\d{1,3}(?:\.\d{1,3}){3}[: ]|\[?::1\]?[: ]|None:")
# What explains no failure: a server logs it in the ordinary course.
_ORDINARY = frozenset({"trace", "debug", "info"})


class LogLines:
    """The lines of both streams of one child. All of it belongs to the thread that reads the output."""

    def __init__(
        self,
        reader: LineReader,
        token_path: str,
        secrets: re.Pattern[str] | None,
        keep: Callable[[str], Place | None] | None = None,
    ) -> None:
        """``token_path`` is in the console's own requests, which are left out; ``secrets`` are masked.

        None of the secrets has an end of line in it. ``keep`` writes a piece of a line too long to show.
        """
        # The last line that may explain a failure; any thread may look.
        self.last_line = ""
        self._reader = reader
        self._token_path = token_path
        self._secrets = secrets
        kept = None if keep is None else lambda piece: keep(self._mask(sanitize(piece)))
        self._decoders = {stream: LineDecoder(secrets, kept) for stream in STREAMS[:2]}

    def feed(self, at: float, stream: str, data: bytes, *, final: bool = False) -> list[Fresh]:
        """The lines that ``data``, read at Unix time ``at``, completes; ``final``: an unfinished one too."""
        fresh: list[Fresh] = []
        read = self._reader.read
        for text, rest in self._decoders[stream].feed(data, final=final):
            if is_plain(text) and self._token_path not in text:
                # Of two carriage returns before an end of line one is left.
                for line in self._mask(text.replace("\r\n", "\n")).split("\n"):
                    origin, told, request = read(stream, line)
                    if not told or not line.endswith(told):
                        origin, told, request = self._masked(origin, told, request)
                    fresh.append((at, origin, told, (), request, rest))
                continue
            for raw in text.split("\n"):
                shown = self._clean(raw)
                if shown is None:
                    continue
                line, spans = shown
                origin, told, request = read(stream, line)
                if not told or not line.endswith(told):
                    spans = ()
                    origin, told, request = self._masked(origin, told, request)
                elif spans:
                    spans = _shifted(spans, len(line) - len(told))
                fresh.append((at, origin, told, spans, request, rest))
        for line_read in reversed(fresh):
            if line_read[1].level not in _ORDINARY and line_read[2].strip():
                # What was read from JSON may have several.
                self.last_line = line_read[2].rstrip().rpartition("\n")[2]
                break
        return fresh

    def pending(self, stream: str) -> tuple[str, int]:
        """The line of ``stream`` that has no end yet, as it may be shown, and its size in bytes."""
        text, size = self._decoders[stream].pending
        shown = self._clean(text)
        return (shown[0], size) if shown is not None else ("", 0)

    def is_pending(self, stream: str) -> bool:
        """Whether a line of ``stream`` has no end yet."""
        return self._decoders[stream].is_pending

    def _clean(self, raw: str) -> tuple[str, tuple[Span, ...]] | None:
        """One line made safe, less the console's own; None where nothing is left."""
        line, spans = read_line(raw)
        if self._token_path in line:
            is_fields = line.startswith("{") and line.endswith("}")
            line = self._without_our_own(line)
            if is_fields or not self._reader.read(STREAMS[0], line).text:
                # Of one in a format of the user's own nothing but its front is left, a time and a level.
                return None
            spans = tuple(span for span in spans if span.end <= len(line))
        masked = self._mask(line)
        # What is coloured has moved where something is masked.
        return masked, self._without_secret_links(spans) if spans and masked == line else ()

    def _without_secret_links(self, spans: tuple[Span, ...]) -> tuple[Span, ...]:
        """A link that holds a secret leads nowhere once it is masked, and is none."""
        if not any(span.ink.link for span in spans):
            return spans
        return tuple(
            span
            if self._mask(span.ink.link) == span.ink.link
            else span._replace(ink=span.ink._replace(link=""))
            for span in spans
        )

    def _mask(self, text: str) -> str:
        text = mask_secrets(text)
        if "://" in text:
            text = SECRET_URL.sub(rf"\g<1>:{MASK}", text)
        return text if self._secrets is None else self._secrets.sub(MASK, text)

    def _masked(self, origin: Origin, told: str, request: str) -> tuple[Origin, str, str]:
        """What was read from fields, whose escapes may have hidden what is masked."""
        if origin.logger and (logger := self._mask(origin.logger)) != origin.logger:
            origin = origin._replace(logger=logger)
        return origin, self._mask(told), self._mask(request)

    def _without_our_own(self, line: str) -> str:
        """``line`` less the access log line of the console's own request.

        The app may have written before it without ending its line.
        """
        before = line.partition(self._token_path)[0]
        return before[: min((match.start() for match in _ACCESS_LINE.finditer(before)), default=0)]


def _shifted(spans: tuple[Span, ...], by: int) -> tuple[Span, ...]:
    """The spans of a text whose first ``by`` characters are gone."""
    return tuple(
        [
            Span(start - by if start > by else 0, end - by, ink)  # a call of max costs as much as the rest
            for start, end, ink in spans
            if end > by
        ]
    )
