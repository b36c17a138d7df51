"""The log as it is used: followed, searched, filtered, folded, marked, copied."""

from __future__ import annotations

import asyncio
import time

from textual import work
from textual.message import Message

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.log_entry import Entry
from asgi_tui.domain.log_filter import LogFilter
from asgi_tui.domain.needle import Needle
from asgi_tui.engine.log_store import LogStore
from asgi_tui.frontends.console.clipboard import copy_to_desktop
from asgi_tui.frontends.console.format import count
from asgi_tui.frontends.console.history import Place
from asgi_tui.frontends.console.log_places import place_of
from asgi_tui.frontends.console.log_search import Hits
from asgi_tui.frontends.console.log_window import Spot
from asgi_tui.frontends.console.widgets.log_cursor import LogCursor
from asgi_tui.frontends.console.widgets.log_paint import CUT

__all__ = ["CUT", "Hits", "LogView"]

SLICE = 0.03  # seconds of search between two looks at what there is
TOLD_EVERY = 0.1  # seconds between two paints of what was found so far
SAID = 2  # seconds that an answer to a key stays; it may be pressed again and again
MAX_COPIED_ENTRIES = 20_000  # that a selection by keyboard takes with it


class LogView(LogCursor):
    """Shows a ``LogStore``; ``sync`` after it has changed."""

    class Moved(Message):
        """Something that a frame around the log tells has changed: what is followed, found or current."""

    class GaveUp(Message):
        """The filter, else the search, takes too long and is dropped."""

        def __init__(self, problem: Problem, *, of_filter: bool) -> None:
            self.problem = problem
            self.of_filter = of_filter
            super().__init__()

    def __init__(self, store: LogStore) -> None:
        super().__init__(store)
        self._version = -1
        self._sifting = self._again = False
        self._stepping = False  # the next error is looked for
        self._seeking = False  # the first hit of a search is still to be shown
        self._told: object = None

    def on_mount(self) -> None:
        """Times that tell how long ago something was go on, where they are shown."""
        self._tick = self.set_interval(1.0, self._age, pause=True)
        self.sync()

    # -- what a frame around it tells --------------------------------------------------------------

    @property
    def unseen(self) -> int:
        """Entries, of those shown, that came since follow was left."""
        members = self._search.members
        return 0 if self.following else max(len(members) - members.rank(self._left_end), 0)

    @property
    def cuts(self) -> bool:
        """Whether a line in sight is longer than there is room for."""
        room = self._window.shape.room
        return not self.wrap and any(rows.width(spot.row) > room for spot, rows in self._drawn if rows)

    @property
    def wanted(self) -> LogFilter:
        """What is let through."""
        return self._search.wanted

    @property
    def needle(self) -> Needle | None:
        """What is searched for."""
        return self._search.needle

    @property
    def hits(self) -> Hits:
        """How far the search is."""
        return self._search.progress

    @property
    def shown(self) -> int:
        """How many entries are known to pass the filter."""
        return self._search.shown

    @property
    def complete(self) -> bool:
        """Whether the filter has looked at everything."""
        return self._search.complete

    @property
    def current_request(self) -> str:
        """The request that the current entry belongs to, empty where unknown."""
        entry = self._current_entry
        return entry.request if entry is not None else ""

    @property
    def marked(self) -> frozenset[int]:
        """Entries that are marked."""
        return self._marks.numbers

    @property
    def place(self) -> Place | None:
        """The place in the code that the current entry, and first the line under the cursor, tells of."""
        number = self.current
        rows = self._window.rows(number) if number is not None else None
        if rows is None:
            return None
        line = 0 if self._cursor is None or rows.folded else self._cursor.row
        return place_of(rows.entry.text, rows.text(line) if line else "")

    @property
    def _current_entry(self) -> Entry | None:
        """As the store has it now: its request may have become known since it was drawn."""
        number = self.current
        if number is None:
            return None
        try:
            return self._store.entry(number)
        except IndexError:
            return None

    # -- keeping up --------------------------------------------------------------------------------

    def sync(self) -> None:
        """Takes in what the store gained and lost; repaints only what is in sight, if that is another."""
        version = self._store.version
        if version == self._version:
            return
        self._version = version
        first = self._store.first
        self._marks.prune(first)
        if self._cursor is not None and self._cursor.number < first:
            self._cursor = Spot(first, 0)
        self.lay_out()
        if self._search.unfinished:
            self._sift()

    def lay_out(self) -> bool:
        """Finds the rows in sight, loads what is on disk, tells the frame."""
        if self._hold is not None and not self.following:
            number = self._window.nearest(self._hold[0])
            if number is not None:
                self._window.place(Spot(number, 0), self._hold[1])
        changed = super().lay_out()
        if self._missing:
            self._load()
        self.tell()
        return changed

    def tell(self) -> None:
        """Posts ``Moved`` if there is anything new to tell."""
        hits = self.hits
        told = (
            (self.following, self.unseen, self.wrap, self.cuts, self.times, self._window.folding),
            (hits, self.shown, self.complete, self.current, len(self._marks), self.wanted, self.needle),
        )
        if told != self._told:
            self._told = told
            self.post_message(self.Moved())

    @work(exclusive=True, group="log-load")
    async def _load(self) -> None:
        """Reads what is in sight from disk, one block after the other."""
        while self._missing:
            number = max(self._missing)
            await asyncio.to_thread(self._store.load, number)
            if self._window.rows(number) is None:
                self._lost.add(number)  # it had to go meanwhile, or cannot be read
            if not super().lay_out():
                break

    def _sift(self) -> None:
        self._again = True
        if not self._sifting:
            self._sifting = True
            self._sift_on()

    @work(group="log-sift")
    async def _sift_on(self) -> None:
        """Filters and searches in a thread, a slice after the other, until everything is looked at."""
        try:
            while self._again:
                self._again = False
                try:
                    await self._sift_all()
                except Problem as problem:
                    self._give_up(problem)
        finally:
            self._sifting = False

    async def _sift_all(self) -> None:
        told = 0.0
        done = False
        while not done:
            done = await asyncio.to_thread(self._search.advance, SLICE)
            fresh = self._search.settle()
            self._window.members = self._search.members
            if fresh or done or self._seeking or time.monotonic() - told > TOLD_EVERY:
                told = time.monotonic()
                self._sifted()

    def _give_up(self, problem: Problem) -> None:
        blamed = self._search.blamed
        if blamed == "filter":
            self.set_filter(LogFilter())
        elif blamed:
            self.set_needle(None)
        self._again = True  # the other one goes on
        if blamed:
            self.post_message(self.GaveUp(problem, of_filter=blamed == "filter"))

    def _sifted(self) -> None:
        if self._seeking:
            bottom = self._store.end if self.following or not self._drawn else self._drawn[-1][0].number
            number = self._search.pick(bottom)
            # one that comes later is found by stepping: nothing is scrolled away from what is read
            self._seeking = number is None and not self.hits.complete
            if number is not None:
                self._reveal(number)
        self.lay_out()
        if self._search.complete:
            self._hold = None

    # -- filter and search -------------------------------------------------------------------------

    def set_filter(self, wanted: LogFilter) -> None:
        """Lets only some entries through; what is in sight stays there where it passes."""
        if wanted == self._search.wanted:
            return
        around = None
        self._hold = None
        if not self.following and self._drawn:
            y, number = self._held()
            self._hold, around = (number, y), number
        self._search.set_filter(wanted, around)
        self._window.members = self._search.members
        self.lay_out()
        self._sift()

    def _held(self) -> tuple[int, int]:
        """The row in sight that is looked at, and its entry."""
        for y, (spot, _) in enumerate(self._drawn):
            if self._cursor is not None and spot.number == self._cursor.number:
                return y, spot.number
        return 0, self._drawn[0][0].number

    def set_needle(self, needle: Needle | None) -> None:
        """Searches, from what is in sight backward first, and marks every hit. Raises ``Problem``."""
        if needle == self._search.needle:
            return
        around = None if self.following or not self._drawn else self._drawn[-1][0].number
        self._search.set_needle(needle, around)
        self._painter.needle = needle
        self._seeking = needle is not None
        self._painter.forget()
        self.refresh()
        self.tell()
        if needle is not None:
            self._sift()

    def step_hit(self, by: int) -> None:
        """To the next or the previous hit, round the ends."""
        number = self._search.step(by, self.current or 0)
        if number is not None:
            self._reveal(number)
            self.show_hit()

    def _reveal(self, number: int) -> None:
        """Shows a hit; one that is in sight moves nothing."""
        self._hold = None
        if not any(spot.number == number for spot, _ in self._drawn):
            self.go_to(number)
            return
        if not self.following:
            self._cursor, self._anchor = Spot(number, 0), None
        self.refresh()
        self.tell()

    def action_step_error(self, by: int) -> None:
        """To the next error, or the one before."""
        if not self._stepping:  # a key that is held does not have threads wait for each other
            self._stepping = True
            self._step_error(by)

    @work(group="log-error")
    async def _step_error(self, by: int) -> None:
        start = self._cursor.number if self._cursor is not None else self._store.end
        try:
            number = await asyncio.to_thread(self._search.error, by, start)
        except Problem:
            return  # of a filter that takes too long, which is told elsewhere
        finally:
            self._stepping = False
        if number is None:
            side = "above" if by < 0 else "below"
            self.notify(f"There is no error {side}.", timeout=SAID, markup=False)
        else:
            self.go_to(number)

    # -- taking away -------------------------------------------------------------------------------

    @work(exclusive=True, group="log-copy")
    async def action_copy(self) -> None:
        """Copies what is selected by keyboard, else by mouse, else the current entry as a whole."""
        chosen = self.selected_entries
        selection = self.text_selection
        if not chosen and selection is not None:
            found = self.get_selection(selection)
            text, said = (found[0], "The selection is in the clipboard.") if found else ("", "")
        else:
            number = self.current
            numbers = chosen or (range(number, number + 1) if number is not None else range(0))
            text, said = await asyncio.to_thread(self._texts, numbers)
        if text:
            self.deselect()
            self.app.copy_to_clipboard(text)
            self.notify(said, title="Copied", markup=False)
            await copy_to_desktop(text)

    def _texts(self, numbers: range) -> tuple[str, str]:
        """The texts of entries that are shown, and what is said of them. Blocks."""
        members = self._search.members
        wanted = [number for number in numbers[:MAX_COPIED_ENTRIES] if number in members]
        entries = [*self._store.entries(wanted)]
        texts = [entry.text for entry in entries]
        lines = sum(text.count("\n") + 1 for text in texts)
        said = "1 entry" if len(texts) == 1 else f"{count(len(texts))} entries"
        said += f" of {count(lines)} lines" if lines > len(texts) else ""
        more = ", the first of a longer selection" if len(numbers) > MAX_COPIED_ENTRIES else ""
        if any(entry.rest is not None for entry in entries):
            more += "; long lines as far as they are shown: S saves all of them"
        return "\n".join(texts), f"{said}{more}."

    async def action_open(self) -> None:
        """Opens the place that the current entry tells of, else its link, else what is wrong now."""
        await self._open(self.place)

    async def _open(self, place: Place | None) -> None:
        from asgi_tui.frontends.console.session_actions import SessionActions

        entry = self._current_entry
        links = (span.ink.link for span in entry.spans) if entry is not None else ()
        link = next((link for link in links if link.startswith(("http://", "https://"))), "")
        session = self.app if isinstance(self.app, SessionActions) else None
        if place is not None and session is not None:
            session.action_open_place(place)
        elif link:
            self.app.open_url(link)
        elif session is not None and session.check_action("edit", ()):
            session.action_edit()
        else:
            self.notify("This entry tells no place in the code.", markup=False)
