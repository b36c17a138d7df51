"""The log store and its sieves: against a plain list, bounded, on disk, from several threads."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.log_entry import Fresh, Ink, Origin, Rest, Span
from asgi_tui.domain.log_filter import LogFilter, LogTerm
from asgi_tui.domain.needle import Needle
from asgi_tui.engine import log_archive, log_block, log_store
from asgi_tui.engine.log_archive import Archive
from asgi_tui.engine.log_sieve import Sieve
from asgi_tui.engine.log_store import LogStore

INFO = Origin("stdout", "info", "app")
ERROR = Origin("stderr", "error", "app.db", 7)
ERRORS = LogFilter((LogTerm("level:error", origin=lambda origin: origin.level == "error"),))
ANY = LogFilter()


_stores: list[LogStore] = []


def store_of(lines: int = log_store.MEMORY_LINES, archive: Archive | None = None) -> LogStore:
    """A store whose files are closed at the end of the test."""
    _stores.append(LogStore(lines, archive=archive))
    return _stores[-1]


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    while _stores:
        _stores.pop().close()


def fresh(text: str, origin: Origin = INFO, at: float = 1.0, request: str = "") -> Fresh:
    return at, origin, text, (), request, None


def fill(store: LogStore, count: int, first: int = 0) -> None:
    store.append(fresh(f"number {n}", ERROR if n % 10 == 0 else INFO, n) for n in range(first, first + count))


def sift(sieve: Sieve) -> list[int]:
    while not sieve.advance(0.01):
        pass
    assert sieve.complete
    return [sieve.at(rank) for rank in range(len(sieve))]


def numbers(store: LogStore) -> list[int]:
    return [entry.number for entry in store.entries(range(store.first, store.end))]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks and files so small that a few hundred lines fill many."""
    monkeypatch.setattr(log_store, "BLOCK_ENTRIES", 10)
    monkeypatch.setattr(log_archive, "SEGMENT_BYTES", 2_000)
    monkeypatch.setattr(log_archive, "SEGMENTS", 4)


def test_entries_keep_what_they_were_given() -> None:
    store = store_of()
    ink = Ink(fore="9", bold=True, link="https://example.org/")
    store.append(
        [(5.5, ERROR, "first\nsecond", [Span(0, 5, ink)], "r1", Rest(9, ((0, 1, 2),))), fresh("other")]
    )
    entry = store.entry(0)
    assert entry is not None
    assert (entry.number, entry.at, entry.origin, entry.text) == (0, 5.5, ERROR, "first\nsecond")
    assert (entry.spans, entry.request, entry.rest) == ((Span(0, 5, ink),), "r1", Rest(9, ((0, 1, 2),)))
    assert (entry.lines, entry.count, store.lines, store.has_loggers) == (2, 1, 3, True)
    other = store.entry(1)
    assert other is not None
    assert other.origin is INFO
    for number in (-1, 2):
        with pytest.raises(IndexError):
            store.entry(number)


def test_repeats_are_counted_and_nothing_else_is() -> None:
    store = store_of()
    store.append([fresh("a", at=1), fresh("a", at=2), fresh("a", at=3)])
    store.append([fresh("a", ERROR), fresh("a", request="r")])
    entries = list(store.entries(range(store.end)))
    assert [(entry.count, entry.at, entry.last_at) for entry in entries] == [(3, 1, 3), (1, 1, 1), (1, 1, 1)]
    assert store.lines == 5
    store.clear()
    store.append([fresh("a", request="r")])
    assert [entry.count for entry in store.entries(range(store.first, store.end))] == [1]


@pytest.mark.usefixtures("small")
def test_the_oldest_go_to_disk_and_then_for_good() -> None:
    store = store_of(50)
    fill(store, 100)
    assert numbers(store) == list(range(100))
    assert store.entry(99) is not None
    assert store.entry(3) is None
    store.load(3)
    assert [store.entry(n) is not None for n in (3, 9, 13)] == [True, True, False]
    fill(store, 1_000, 100)
    assert store.first > 0
    assert numbers(store) == list(range(store.first, 1_100))
    assert store.lines + store.evicted == 1_100
    assert store._archive.size <= 4 * 2_000
    with pytest.raises(IndexError):
        store.entry(0)
    store.load(0)
    assert [entry.text for entry in store.entries([0, store.first, 1_099])] == [
        f"number {store.first}",
        "number 1099",
    ]


@pytest.mark.usefixtures("small")
def test_what_was_on_disk_is_as_it_was() -> None:
    store = store_of(0)
    ink = Ink(back="#102030", link="https://example.org/")
    odd = "ä€😀\nsecond"
    store.append([(2.5, ERROR, odd, [Span(1, 3, ink)], "r9", None), fresh("b"), fresh("b", at=4)])
    fill(store, 30)
    assert store.entry(0) is None
    entry, repeated = store.entries([0, 1])
    assert (entry.at, entry.origin, entry.text, entry.spans) == (2.5, ERROR, odd, (Span(1, 3, ink),))
    assert (entry.request, repeated.count, repeated.last_at) == ("r9", 2, 4)


def test_a_disk_that_cannot_be_written_costs_the_oldest_lines_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_store, "BLOCK_ENTRIES", 10)

    def refuse() -> BinaryIO:
        raise OSError(28, "No space left on device")

    store = store_of(50, archive=Archive(refuse))
    fill(store, 200)
    assert numbers(store) == list(range(store.first, 200))
    assert 50 <= store.lines <= 70
    assert store.evicted == 200 - store.lines
    assert store.keep("rest") is None


def test_memory_is_bounded_by_bytes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_store, "MEMORY_BYTES", 100_000)
    monkeypatch.setattr(log_store, "BLOCK_CHARS", 10_000)
    store = store_of()
    store.append(fresh(f"{n}" + "x" * 1_000) for n in range(500))
    in_memory = [block for block in store.blocks() if block.body is not None]
    assert sum(len(block) for block in in_memory) <= 120
    assert numbers(store) == list(range(500))


def test_blocks_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_store, "BLOCK_ENTRIES", 1)
    monkeypatch.setattr(log_store, "MAX_BLOCKS", 20)
    store = store_of()
    fill(store, 100)
    assert len(store.blocks()) <= 21
    assert numbers(store) == list(range(store.first, 100))
    assert store.lines + store.evicted == 100


def test_more_origins_than_a_byte_has_values() -> None:
    store = store_of()
    store.append(fresh("x", Origin("stdout", "info", f"logger{n}")) for n in range(1_000))
    loggers = [entry.origin.logger for entry in store.entries(range(1_000))]
    assert loggers == [f"logger{n}" for n in range(1_000)]
    assert all(len(block.origins) <= log_block.BLOCK_ORIGINS for block in store.blocks())


def test_the_files_are_private_and_have_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    archive = Archive()
    place = archive.write(b"secret")
    assert place is not None
    assert archive.read(place) == b"secret"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert (tmp_path / "asgi-tui").stat().st_mode & 0o777 == 0o700
    descriptors = len(os.listdir("/dev/fd"))
    archive.clear()
    assert len(os.listdir("/dev/fd")) == descriptors - 1
    assert archive.read(place) is None


def test_an_archive_refuses_what_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_archive, "SEGMENT_BYTES", 100)
    archive = Archive()
    assert archive.write(b"x" * 101) is None
    places = [archive.write(b"%03d" % n * 10) for n in range(100)]
    kept = [archive.read(place) for place in places if place is not None]
    assert kept[-1] == b"099" * 10
    assert len([data for data in kept if data is not None]) == (log_archive.SEGMENTS - 1) * 3 + 1
    archive.clear()


def test_the_rest_of_a_line_comes_back() -> None:
    store = store_of()
    pieces = ["ä" * 1_000, "b" * 10]
    places = tuple(place for piece in pieces if (place := store.keep(piece)) is not None)
    assert list(store.rest(Rest(2_010, places))) == pieces
    store.clear()
    assert list(store.rest(Rest(2_010, places))) == []


def test_unfinished_lines_come_and_go() -> None:
    store = store_of()
    store.pend("stdout", 1.0, "10%", 3)
    store.pend("stderr", 1.0, "x", 9_000)
    version = store.version
    assert list(store.pending) == [("stdout", 1.0, "10%", 3), ("stderr", 1.0, "x", 9_000)]
    store.pend("stdout", 2.0, "", 0)
    assert list(store.pending) == [("stderr", 1.0, "x", 9_000)]
    assert store.version != version
    version = store.version
    store.pend("stdout", 2.0, "", 0)
    store.pend("stderr", 2.0, "", 0, "another run")
    assert store.version == version
    store.pend("stderr", 3.0, "y", 1, "another run")
    assert [text for _, _, text, _ in store.pending] == ["x", "y"]


def test_nothing_new_is_another_version() -> None:
    store = store_of()
    version = store.version
    store.append([])
    assert store.version == version
    store.append([fresh("a")])
    assert store.version != version
    version = store.version
    store.append([fresh("a")])
    assert store.version != version  # its count is shown


def test_clear_forgets_all_and_numbers_go_on() -> None:
    store = store_of()
    fill(store, 30)
    store.clear()
    assert (store.first, store.end, store.lines, store.evicted) == (30, 30, 0, 0)
    fill(store, 3, 30)
    assert numbers(store) == [30, 31, 32]


# -- sieves ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small")
def test_a_sieve_keeps_up_with_what_comes_and_goes() -> None:
    store = store_of(100)
    errors, found = Sieve(store, ERRORS), Sieve(store, ERRORS, Needle("NUMBER 1"))
    assert (len(errors), errors.complete) == (0, False)
    for start in range(0, 2_000, 130):
        fill(store, 130, start)
        kept = range(store.first, store.end)
        assert sift(errors) == [n for n in kept if n % 10 == 0]
        assert sift(found) == [n for n in kept if n % 10 == 0 and str(n).startswith("1")]
        assert len(errors._seen) <= len(store.blocks())
    assert store.evicted
    first = errors.at(0)
    assert (errors.rank(first), errors.rank(first + 1), errors.rank(store.end)) == (0, 1, len(errors))
    assert first in errors
    assert first + 1 not in errors
    assert 0 not in errors
    for rank in (-1, len(errors)):
        with pytest.raises(IndexError):
            errors.at(rank)
    store.clear()
    assert (len(errors), errors.rank(store.end)) == (0, 0)


@pytest.mark.usefixtures("small")
def test_a_sieve_looks_where_one_reads_first() -> None:
    store = store_of()
    fill(store, 1_000)
    newest, middle = Sieve(store, ERRORS), Sieve(store, ERRORS, around=500)
    newest.advance(0)
    middle.advance(0)
    assert [newest.at(rank) for rank in range(len(newest))] == [990]
    assert [middle.at(rank) for rank in range(len(middle))] == [500]
    middle.advance(0)
    assert [middle.at(rank) for rank in range(len(middle))] == [490, 500]
    assert not middle.complete
    fill(store, 100, 1_000)
    assert sift(middle) == sift(newest) == list(range(0, 1_100, 10))


@pytest.mark.usefixtures("small")
def test_a_flood_leaves_no_gap() -> None:
    store = store_of()
    fill(store, 100)
    sieve = Sieve(store, ERRORS)
    sift(sieve)
    for start in range(100, 2_000, 100):  # ten blocks each, of which one is looked at
        fill(store, 100, start)
        sieve.advance(0)
    assert sift(sieve) == list(range(0, 2_000, 10))


def test_a_request_that_is_known_later_is_found() -> None:
    store = store_of()
    fill(store, 20)
    wanted = LogFilter((LogTerm("request:r1", request=lambda request: request == "r1"),))
    sieve = Sieve(store, wanted)
    assert sift(sieve) == []
    store.assign(7, "r1")
    store.assign(99, "r1")
    assert not sieve.complete
    assert sift(sieve) == [7]
    assert [entry.request for entry in store.entries([7])] == ["r1"]


TEXTS = st.sampled_from(
    ["alpha", "Alpha beta", "ALPHABET", "\u017ftra\xdfe ALPHA", "\u212a elvin alpha", "", "x\nalpha", "b"]
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(TEXTS, st.booleans()), max_size=80),
    st.sampled_from(["alpha", "ALPHA", "a b", "s", "k", "ß", "", "a.*b", "^$", "x*", "a$"]),
    st.booleans(),
    st.booleans(),
)
def test_what_is_found_is_what_is_marked(
    lines: list[tuple[str, bool]], term: str, regex: bool, case: bool
) -> None:
    store = store_of()
    needle = Needle(term, regex, case)
    sieve = Sieve(store, ANY, needle)
    for start in range(0, len(lines), 7):
        store.append(fresh(text, ERROR if bad else INFO) for text, bad in lines[start : start + 7])
        sieve.advance(1)
    entries = list(store.entries(range(store.end)))
    marked = [entry.number for entry in entries if list(needle.spans(entry.text))]
    assert sift(sieve) == marked
    assert sum(entry.count for entry in entries) == len(lines)
    pattern = re.compile(term if regex else re.escape(term), 0 if case else re.IGNORECASE)
    plain = [
        entry.number
        for entry in entries
        if any(match[0] for line in entry.text.split("\n") for match in pattern.finditer(line))
    ]
    assert marked == plain


@settings(max_examples=40, deadline=None)
@given(
    st.lists(TEXTS, max_size=60),
    st.lists(
        st.tuples(st.sampled_from(["alpha", "b", "^alpha", "a b", "beta|b"]), st.booleans(), st.booleans()),
        max_size=3,
    ),
)
def test_terms_on_the_text_all_have_to_hold(texts: list[str], terms: list[tuple[str, bool, bool]]) -> None:
    store = LogStore()
    store.append(fresh(text, at=at) for at, text in enumerate(texts))
    made = [(Needle(text, regex), negated) for text, regex, negated in terms]
    wanted = LogFilter(tuple(LogTerm("", content=needle, negated=negated) for needle, negated in made))
    expected = [
        entry.number
        for entry in store.entries(range(store.end))
        if all(needle.found(entry.text) != negated for needle, negated in made)
    ]
    assert sift(Sieve(store, wanted)) == expected


@pytest.mark.parametrize("source", ["(", "[", "*", "a{1}{2}(", r"(a+)+$"])
def test_an_expression_that_is_wrong_or_takes_for_ever_is_a_sentence(source: str) -> None:
    store = store_of()
    store.append([fresh("a" * 5_000 + "!")])
    with pytest.raises(Problem, match="Search for"):
        Sieve(store, ANY, Needle(source, regex=True)).advance(1)


@pytest.mark.usefixtures("small")
def test_one_thread_writes_while_others_read() -> None:
    store = store_of(200)
    done = threading.Event()
    faults: list[BaseException] = []

    def write() -> None:
        try:
            for start in range(0, 20_000, 50):
                fill(store, 50, start)
        except BaseException as error:
            faults.append(error)
        done.set()

    def read() -> None:
        sieve = Sieve(store, ERRORS, Needle("number"))
        try:
            while not done.is_set():
                sieve.advance(0.005)
                for number in range(max(store.end - 5, store.first), store.end):
                    entry = store.entry(number)
                    assert entry is None or entry.text == f"number {number}"
                for entry in store.entries(range(store.first + 100, store.first + 130)):
                    assert entry.text == f"number {entry.number}"
            expected = [n for n in range(store.first, store.end) if n % 10 == 0]
            assert sift(sieve) == expected
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=target) for target in (write, read, read)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert faults == []
    assert store.lines + store.evicted == 20_000
