"""What is shown of the log besides its text is bounded and kept apart as the text is."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from asgi_tui.domain.log_entry import Fresh, Ink, Origin, Span
from asgi_tui.domain.log_groups import MAX_BYTES, SPAN_SIZE, Grouper
from asgi_tui.engine.log_archive import SEGMENT_BYTES, Archive
from asgi_tui.engine.log_block import BLOCK_SPANS
from asgi_tui.engine.log_store import LogStore


@pytest.fixture
def store() -> Iterator[LogStore]:
    made = LogStore(100)
    yield made
    made.close()


def line(text: str, *spans: Span, level: str = "") -> Fresh:
    return 1.0, Origin("stdout", level), text, spans, "", None


def test_lines_that_differ_in_a_link_or_a_colour_are_not_one(store: LogStore) -> None:
    links = [Span(0, 4, Ink(link=f"https://a.example/{number}")) for number in (1, 2, 2)]
    store.append(line("here", link) for link in links)
    entries = list(store.entries(range(store.end)))
    assert [(entry.spans, entry.count) for entry in entries] == [((links[0],), 1), ((links[1],), 2)]


@pytest.mark.parametrize("link", ["", "https://a.example/" + "x" * 1_900])
def test_of_what_is_painted_nothing_is_too_large_for_the_disk(store: LogStore, link: str) -> None:
    chosen = random.Random(1)
    width, lines = (8, 4_000) if link else (600, 600)
    for number in range(lines):
        inks = [
            Ink(f"#{chosen.randrange(1 << 24):06x}", link=link and f"{link}{number}.{at}")
            for at in range(width)
        ]
        store.append([line("x" * width, *(Span(at, at + 1, ink) for at, ink in enumerate(inks)))])
        # Little is in memory, since it counts for what it takes.
        assert sum(block.body.painted for block in store.blocks() if block.body) < 8 * BLOCK_SPANS
    assert all(block.place is None or block.place[2] < SEGMENT_BYTES // 2 for block in store.blocks())
    store.append(line(f"{number}") for number in range(5_000))
    assert store._archive.size
    assert store.evicted == 0
    first = next(store.entries([0]))
    assert len(first.spans) == width


def test_an_entry_of_many_coloured_lines_is_bounded() -> None:
    grouper = Grouper()
    spans = [Span(at, at + 1, Ink(str(at % 16))) for at in range(200)]
    fresh = [line("Traceback (most recent call last):")] + [line("  " + "x" * 200, *spans)] * 400
    found = [entry for one in fresh for entry in grouper.feed(one)] + grouper.flush()
    assert sum(entry[2].count("\n") + 1 for entry in found) == 401
    assert max(len(entry[3]) for entry in found) <= MAX_BYTES // SPAN_SIZE
    assert len(found) > 1


def test_a_closed_store_makes_no_more_files(store: LogStore) -> None:
    store.close()
    store.append(line(f"{number}") for number in range(5_000))
    assert store.keep("rest") is None
    assert store._archive.size == 0
    assert store.evicted > 0
    assert store.lines + store.evicted == 5_000


def test_a_request_that_is_told_while_an_entry_goes_to_disk_goes_with_it(
    store: LogStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = store._archive.write
    told: list[int] = []

    def assign_meanwhile(data: bytes) -> tuple[int, int, int] | None:
        if not told:
            told.append(1)
            store.assign(7, "42-1")
        return write(data)

    monkeypatch.setattr(store._archive, "write", assign_meanwhile)
    store.append(line(f"{number}") for number in range(5_000))
    assert store.entry(7) is None  # it is on disk
    assert [entry.request for entry in store.entries([6, 7])] == ["", "42-1"]


def test_what_the_disk_has_no_room_for_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    archive = Archive()
    made = LogStore(2_000, archive=archive)
    made.append(line(f"{number}") for number in range(10_000))
    monkeypatch.setattr(archive, "write", lambda data: None)
    made.append(line(f"{number}") for number in range(10_000))
    kept = sum(entry.count for entry in made.entries(range(made.first, made.end)))
    assert (made.first, made.lines, made.evicted) == (0, kept, 20_000 - kept)
    assert 0 < kept < 20_000
    made.close()
    made.append(line(f"{number}") for number in range(10_000))
    assert made.lines + made.evicted == 30_000
