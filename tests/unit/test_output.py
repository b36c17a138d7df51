"""Output keeps flowing whatever happens to the disk, the loop and the bytes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_tui.engine import output
from asgi_tui.engine.output import Line, LineDecoder, Output, Spool


def finish(out: Output, seconds: float = 5) -> None:
    assert out.finished.wait(seconds), "the reader never ended"


def run(directory: Path, data: bytes) -> list[Line]:
    lines: list[Line] = []

    def deliver(batch: list[Line], free: Callable[[], None]) -> None:
        lines.extend(batch)
        free()

    out = Output(directory, "t", deliver)
    write_end = os.dup(out.write_ends["stdout"])
    out.start()
    with os.fdopen(write_end, "wb") as pipe:
        pipe.write(data)
    finish(out)
    return lines


def test_every_line_in_order(tmp_path: Path) -> None:
    data = b"".join(b"line %d\n" % number for number in range(50_000))
    assert run(tmp_path, data) == [("stdout", f"line {number}") for number in range(50_000)]
    assert list(tmp_path.iterdir()) == []


@given(st.text(), st.integers(1, 7))
def test_any_cut_of_the_bytes_gives_the_same_lines(text: str, size: int) -> None:
    data = text.encode()
    decoder = LineDecoder()
    lines = [line for start in range(0, len(data), size) for line in decoder.feed(data[start : start + size])]
    lines += decoder.feed(b"", final=True)
    whole = LineDecoder()
    assert lines == whole.feed(data) + whole.feed(b"", final=True)


def test_bytes_that_are_no_text_are_shown_and_long_lines_cut() -> None:
    decoder = LineDecoder()
    assert decoder.feed(b"a\xffb\n") == ["a\\xffb"]
    long = b"x" * (2 * output.LINE_CHARS + 5)
    assert [len(line) for line in decoder.feed(long + b"\n")] == [output.LINE_CHARS, output.LINE_CHARS, 5]


def test_a_full_disk_is_counted_and_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    lines = run(tmp_path, b"lost\n" * 1000)
    assert lines == []


def test_a_bounded_spool_evicts_the_oldest_and_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "SEGMENT_BYTES", 100)
    monkeypatch.setattr(output, "SEGMENTS", 3)
    spool = Spool(tmp_path, "s")
    for number in range(20):
        spool.write("stdout", b"%099d\n" % number)
    spool.close()
    kept = []
    while (record := spool.read()) is not None:
        kept.append(int(record[1]))
    assert kept == [17, 18, 19]
    assert spool.evicted_bytes == 1700


def test_a_reader_nobody_frees_ends_once_it_is_abandoned(tmp_path: Path) -> None:
    delivered = threading.Event()

    def deliver(batch: list[Line], free: Callable[[], None]) -> None:
        delivered.set()

    out = Output(tmp_path, "t", deliver)
    write_end = os.dup(out.write_ends["stdout"])
    out.start()
    with os.fdopen(write_end, "wb") as pipe:
        pipe.write(b"line\n" * 20_000)
    assert delivered.wait(5)
    out.abandon()
    finish(out)
    assert list(tmp_path.iterdir()) == []
