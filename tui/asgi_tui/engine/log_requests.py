"""Which request a line of the log belongs to, told by the log records of its call."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from asgi_tui.domain.calls import LogRecord
from asgi_tui.domain.events import Request
from asgi_tui.domain.log_entry import Entry
from asgi_tui.domain.text import MASK, sanitize
from asgi_tui.engine.log_store import LogStore

NEWEST = 2_000  # entries among which the lines of a call are looked for
AROUND = 2.0  # seconds after a record was made, within which its line is read
BEFORE = 0.05  # seconds, likewise: the clocks of two processes are not read at once
# So that telling costs little also while thousands of lines come a second: the records of a call that are
# looked for, and what may be spent on it; a comparison costs 1, an entry that is read READING.
MOST_RECORDS = 20
MOST_SPENT = 350
READING = 5
MOST_WAITING = 50  # calls whose lines had not been read yet when they were told
LONG = 8  # characters from which a record's text is looked for anywhere in a line, not only at its end


@dataclass(frozen=True, slots=True)
class _Line:
    """What is looked for: a record, when it was made (Unix seconds), and the parts of its first line.

    What is a secret of the request, masked in the record, may be shown in the line.
    """

    record: LogRecord
    made: float
    text: str
    parts: tuple[str, ...]

    @classmethod
    def of(cls, record: LogRecord, began: float) -> _Line:
        text = sanitize(record.text.split("\n", 1)[0]).strip()
        return cls(record, began + record.at_ms / 1000, text, tuple(text.split(MASK)))

    def told_by(self, entry: Entry, text: str) -> bool:
        """Whether an entry, whose first line is ``text``, is the record's."""
        if entry.last_at < self.made - BEFORE or entry.at > self.made + AROUND or not self.text:
            return False
        _, level, logger, _ = entry.origin
        if (level and level != self.record.level) or (logger and logger != self.record.logger):
            return False
        if len(self.parts) > 1 or len(self.text) >= LONG:
            return all(part in text for part in self.parts)
        return text.endswith(self.text)


class RequestLines:
    """Finds the lines of each call that is told, and assigns them to it in the store.

    A line is found by its text, its logger and its level where they are told, and the time. A line that was
    not read yet is looked for once more when there is more of the log.
    """

    def __init__(self, store: LogStore) -> None:
        self._store = store
        self._waiting: deque[tuple[Request, tuple[LogRecord, ...]]] = deque(maxlen=MOST_WAITING)

    def take(self, call: Request) -> bool:
        """Looks for the lines of a call; whether any was found."""
        return bool(call.logs) and self._look(call, call.logs, again=True)

    def logged(self) -> bool:
        """There is more of the log: looks once more for what was not there yet; whether any was found."""
        waiting = list(self._waiting)
        self._waiting.clear()
        found = [self._look(call, records, again=False) for call, records in waiting]
        return any(found)

    def _look(self, call: Request, records: tuple[LogRecord, ...], *, again: bool) -> bool:
        wanted = [_Line.of(record, call.at) for record in records[:MOST_RECORDS]]
        spent = found = 0
        last = max(line.made for line in wanted) + AROUND
        for entry in self._since(min(line.made for line in wanted) - BEFORE):
            spent += READING + len(wanted)
            if not wanted or spent > MOST_SPENT or entry.at > last:
                break
            if entry.request or (entry.origin.pid or call.pid) != call.pid:
                continue
            text = entry.text.split("\n", 1)[0].rstrip()
            line = next((line for line in wanted if line.told_by(entry, text)), None)
            if line is not None:
                self._store.assign(entry.number, call.id)
                wanted.remove(line)
                found += 1
        if again and wanted:
            self._waiting.append((call, tuple(line.record for line in wanted)))
        return bool(found)

    def _since(self, at: float) -> Iterator[Entry]:
        """The entries from a time on that are in memory, of the newest ones."""
        end = self._store.end
        low, high = max(self._store.first, end - NEWEST), end
        while low < high:
            middle = (low + high) // 2
            entry = self._entry(middle)
            if entry is None or entry.last_at < at:
                low = middle + 1
            else:
                high = middle
        for number in range(low, end):
            entry = self._entry(number)
            if entry is not None:
                yield entry

    def _entry(self, number: int) -> Entry | None:
        try:
            return self._store.entry(number)
        except IndexError:  # cleared meanwhile
            return None
