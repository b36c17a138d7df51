"""Output keeps flowing whatever happens to the disk and the bytes; any cut of them gives the same lines."""

from __future__ import annotations

import os
import re
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_tui.domain.log_formats import LineReader
from asgi_tui.domain.servers import get_server
from asgi_tui.domain.text import MASK
from asgi_tui.engine import line_decoder, spool
from asgi_tui.engine.line_decoder import LINE_CHARS, LineDecoder, Lines
from asgi_tui.engine.log_lines import LogLines
from asgi_tui.engine.output import Output
from asgi_tui.engine.spool import Record, Spool

TOKEN_PATH = "/asgi-tui-0123456789abcdef"


# -- the spool and its threads -------------------------------------------------------------------------


class Kept:
    """A taker that keeps what it is given."""

    def __init__(self, wait: threading.Event | None = None) -> None:
        self.data = {"stdout": b"", "stderr": b""}
        self.missed = 0
        self.ended = False
        self._wait = wait

    def patience(self) -> float | None:
        return None

    def take(self, record: Record) -> None:
        if self._wait is not None:
            self._wait.wait(10)
        self.data[record.stream] += record.data

    def settle(self) -> None:
        raise AssertionError("it did not ask for it")

    def miss(self, size: int) -> None:
        self.missed += size

    def end(self) -> None:
        self.ended = True

    def abandon(self) -> None:
        if self._wait is not None:
            self._wait.set()


def write(out: Output, data: bytes) -> None:
    write_end = os.dup(out.write_ends["stdout"])
    out.start()
    with os.fdopen(write_end, "wb") as pipe:
        pipe.write(data)


def test_every_byte_in_order(tmp_path: Path) -> None:
    data = b"".join(b"line %d\n" % number for number in range(50_000))
    kept = Kept()
    out = Output(tmp_path, "t", kept)
    write(out, data)
    assert out.finished.wait(5)
    assert (kept.data["stdout"], kept.missed, kept.ended) == (data, 0, True)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_counted_and_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    kept = Kept()
    out = Output(tmp_path, "t", kept)
    write(out, b"lost\n" * 1000)
    assert out.finished.wait(5)
    assert (kept.data["stdout"], kept.missed) == (b"", 5000)


def test_a_reader_that_hangs_does_not_hold_up_the_writer_and_ends_once_it_is_abandoned(
    tmp_path: Path,
) -> None:
    kept = Kept(wait=threading.Event())
    out = Output(tmp_path, "t", kept)
    data = b"line\n" * 1_000_000
    begun = time.monotonic()
    write(out, data)
    assert time.monotonic() - begun < 5, "nothing read it, so it had to wait"
    assert not out.finished.is_set()
    out.abandon()
    assert out.finished.wait(5)
    assert 0 < len(kept.data["stdout"]) <= spool.CHUNK_BYTES, "it went on reading"
    assert kept.missed > 0
    assert list(tmp_path.iterdir()) == []


def test_a_descendant_that_keeps_a_pipe_open_is_not_waited_for(tmp_path: Path) -> None:
    kept = Kept()
    out = Output(tmp_path, "t", kept)
    write_end = os.dup(out.write_ends["stdout"])
    out.start()
    os.write(write_end, b"before\n")
    while not kept.data["stdout"]:
        time.sleep(0.001)
    out.end()
    assert out.finished.wait(5)
    # It may go on writing all the same.
    for _ in range(100):
        os.write(write_end, b"x" * 65_536)
    os.close(write_end)
    assert kept.data["stdout"] == b"before\n"


def test_a_bounded_spool_evicts_the_oldest_and_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "SEGMENT_BYTES", 100)
    monkeypatch.setattr(spool, "SEGMENTS", 3)
    spooled = Spool(tmp_path, "s")
    for number in range(20):
        spooled.write("stdout", b"%099d\n" % number)
    spooled.close()
    records = [spooled.read() for _ in range(3)]
    assert [record and int(record.data) for record in records] == [17, 18, 19]
    with pytest.raises(EOFError):
        spooled.read()
    assert (spooled.missed(), spooled.missed()) == (1700, 0)


def test_a_spool_says_when_nothing_came_and_when_each_byte_did(tmp_path: Path) -> None:
    spooled = Spool(tmp_path, "s")
    assert spooled.read(0) is None
    before = time.time()
    spooled.write("stdout", b"a")
    time.sleep(0.01)
    spooled.write("stdout", b"b" * 70_000)
    spooled.write("stderr", b"c")
    spooled.close()
    first, second, third, last = (spooled.read(0) for _ in range(4))
    assert first is not None
    assert second is not None
    assert third is not None
    assert (first.data, len(second.data), len(third.data)) == (b"a", 65_536, 70_000 - 65_536)
    assert before <= first.at <= second.at - 0.01
    assert last is not None
    assert (last.stream, last.data) == ("stderr", b"c")
    spooled.remove()
    assert (list(tmp_path.iterdir()), spooled.missed()) == ([], 0)


def test_what_is_missed_is_told_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "SEGMENT_BYTES", 4)
    monkeypatch.setattr(spool, "SEGMENTS", 2)
    made = Spool(tmp_path, "spool")
    made.write("stdout", b"1234")
    record = made.read(0)
    made.write("stdout", b"5678")
    made.write("stdout", b"9abc")
    made.write("stdout", b"defg")
    # Evicted after the record was read.
    assert record is not None
    assert record.data == b"1234"
    assert made.missed() == 0
    record = made.read(0)
    assert record is not None
    assert record.data == b"9abc"
    assert made.missed() == 4
    made.remove()
    assert made.missed() == 4


def test_what_came_at_once_is_read_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "JOIN_SECONDS", 10)
    spooled = Spool(tmp_path, "s")
    for stream, data in (("stdout", b"a"), ("stdout", b"\n"), ("stderr", b"b"), ("stdout", b"c")):
        spooled.write(stream, data)
    spooled.close()
    records = [spooled.read(0) for _ in range(3)]
    assert [record and record[1:] for record in records] == [
        ("stdout", b"a\n"),
        ("stderr", b"b"),
        ("stdout", b"c"),
    ]
    with pytest.raises(EOFError):
        spooled.read(0)
    spooled.remove()


# -- bytes to lines ------------------------------------------------------------------------------------


def decode(
    data: bytes, cuts: list[int], secrets: str | None = None, pieces: list[str] | None = None
) -> list[Lines]:
    """The lines one by one, ``data`` fed in pieces of so many bytes, then the rest."""

    def keep(piece: str) -> tuple[int, int, int]:
        assert pieces is not None
        pieces.append(piece)
        return (0, len(pieces), len(piece))

    decoder = LineDecoder(re.compile(secrets) if secrets else None, None if pieces is None else keep)
    found = []
    for size in cuts:
        found += decoder.feed(data[:size])
        data = data[size:]
    found += decoder.feed(data) + decoder.feed(b"", final=True)
    assert not decoder.is_pending
    return [Lines(line, lines.rest) for lines in found for line in lines.text.split("\n")]


def texts(lines: list[Lines]) -> list[str]:
    return [line.text for line in lines]


TEXTS = st.lists(st.sampled_from(["a", "é", "日本", " ", "&", "\r", "\n", "\r\n", "SECRET", "x" * 25])).map(
    "".join
)
CUTS = st.lists(st.integers(0, 12))


@given(st.one_of(TEXTS.map(str.encode), st.binary()), CUTS)
def test_any_cut_of_the_bytes_gives_the_same_lines(data: bytes, cuts: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("LINE_CHARS", 20), ("MARGIN", 6), ("PIECE_CHARS", 30)):
            patch.setattr(line_decoder, name, value)
        assert decode(data, cuts, "SECRET") == decode(data, [], "SECRET")
        some: list[str] = []
        whole: list[str] = []
        assert decode(data, cuts, "SECRET", some) == decode(data, [], "SECRET", whole)
        assert some == whole


@given(TEXTS.map(lambda text: text.replace("\r", "")), CUTS)
def test_of_long_lines_nothing_is_lost_and_no_secret_torn(text: str, cuts: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("LINE_CHARS", 20), ("MARGIN", 6), ("PIECE_CHARS", 30)):
            patch.setattr(line_decoder, name, value)
        shorter = texts(decode(text.encode(), cuts, "SECRET"))
        assert "".join(shorter) == text.replace("\n", "")
        assert max(map(len, shorter), default=0) <= 20
        assert sum(line.count("SECRET") for line in shorter) == text.count("SECRET")
        pieces: list[str] = []
        kept = decode(text.encode(), cuts, "SECRET", pieces)
        assert len(kept) == len(text.split("\n")) - (not text or text.endswith("\n"))
        assert sum(len(line.text) for line in kept) + sum(map(len, pieces)) == len(text.replace("\n", ""))
        assert sum(line.rest.size for line in kept if line.rest) == len("".join(pieces).encode())
        assert sum(part.count("SECRET") for part in [*texts(kept), *pieces]) == text.count("SECRET")


def test_bytes_that_are_no_text_are_shown_and_long_lines_cut() -> None:
    assert texts(decode(b"a\xffb\n", [])) == ["a\\xffb"]
    long = b"x" * (2 * LINE_CHARS + 5)
    assert [len(line) for line in texts(decode(long + b"\nnext\n", []))] == [LINE_CHARS, LINE_CHARS, 5, 4]
    pieces: list[str] = []
    line, after = decode(long + b"\r\nnext\n", [LINE_CHARS, 9_000], None, pieces)
    assert (len(line.text), after) == (LINE_CHARS, Lines("next"))
    assert line.rest is not None
    assert (line.rest.size, len(line.rest.places), pieces) == (LINE_CHARS + 5, 1, ["x" * (LINE_CHARS + 5)])


def test_a_progress_bar_without_end_stays_bounded_and_shows_where_it_is() -> None:
    decoder = LineDecoder()
    for step in range(20_000):
        assert decoder.feed(f"\r{step:>6} of 20000 {'#' * (step // 500)}".encode()) == []
        assert decoder.pending[1] <= LINE_CHARS + line_decoder.MARGIN
    assert decoder.pending[0].endswith(f"\r 19999 of 20000 {'#' * 39}")
    (lines,) = decoder.feed(b"\n")
    assert lines.text.endswith(f"\r 19999 of 20000 {'#' * 39}")
    assert decoder.pending == ("", 0)


def test_a_file_with_the_line_ends_of_windows() -> None:
    assert texts(decode(b"a\r\nb\r\r\n\r\nc\r", [2, 1, 1, 1])) == ["a", "b\r", "", "c"]


# -- lines made safe and read --------------------------------------------------------------------------


def log_lines(secrets: str | None = None) -> LogLines:
    reader = LineReader(get_server("uvicorn").log_format)
    return LogLines(reader, TOKEN_PATH, re.compile(secrets) if secrets else None)


def read(data: str, cuts: list[int], secrets: str | None = None) -> list[tuple[str, str, object]]:
    lines = log_lines(secrets)
    raw = data.encode()
    fresh = []
    for size in cuts:
        fresh += lines.feed(1.0, "stdout", raw[:size])
        raw = raw[size:]
    fresh += lines.feed(1.0, "stdout", raw) + lines.feed(1.0, "stdout", b"", final=True)
    return [(origin.level, text, tuple(spans)) for _, origin, text, spans, _, _ in fresh]


PARTS = st.sampled_from(
    [
        "INFO:     Started\n",
        "\x1b[31mred\x1b[0m",
        "GET /?token=abc",
        "&key=x",
        "my word",
        "a\nb",
        "\n",
        " ",
        "é",
        "\t",
        "\x00",
        f'INFO:     127.0.0.1:5 - "GET {TOKEN_PATH}/a HTTP/1.1" 200 OK\n',
    ]
)


@given(st.lists(PARTS).map("".join), CUTS, st.sampled_from([None, "my word"]))
def test_whole_chunks_are_read_as_their_lines_are(data: str, cuts: list[int], secrets: str | None) -> None:
    one_by_one = [len(line.encode()) for line in data.splitlines(keepends=True)]
    whole = read(data, [], secrets)
    assert whole == read(data, one_by_one, secrets) == read(data, cuts, secrets)
    assert not any("token=abc" in text or TOKEN_PATH in text for _, text, _ in whole)
    assert secrets is None or not any("my word" in text for _, text, _ in whole)


def test_colours_move_with_the_text_and_go_where_it_is_masked() -> None:
    ((level, text, spans),) = read("\x1b[32mINFO\x1b[0m:     Uvicorn on \x1b[1mhttp://x\x1b[0m\n", [])
    assert (level, text) == ("info", "Uvicorn on http://x")
    assert isinstance(spans, tuple)
    assert [text[span.start : span.end] for span in spans if span.ink.bold] == ["http://x"]
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    assert read("\x1b[1m/?token=abc\x1b[0m\n", []) == [("", f"/?token={MASK}", ())]


@pytest.mark.parametrize("address", ["https://a.example/?token=abc", "https://me:word@a.example/"])
def test_a_link_with_a_secret_is_none(address: str) -> None:
    def links(address: str) -> list[str]:
        ((_, _, spans),) = read(f"\x1b]8;;{address}\x07\x1b[1mhere\x1b]8;;\x07\n", [])
        assert isinstance(spans, tuple)
        return [span.ink.link for span in spans]

    assert links("https://a.example/?page=1") == ["https://a.example/?page=1"]
    assert links(address) == [""]


@pytest.mark.parametrize("colour", ["", "\x1b[1m"])
def test_a_password_in_an_address_is_masked(colour: str) -> None:
    ((_, text, _),) = read(f"{colour}connecting to postgres://me:word@db:5432/shop\n", [])
    assert text == f"connecting to postgres://me:{MASK}@db:5432/shop"


def test_the_consoles_own_requests_are_left_out_but_not_what_stands_before_them() -> None:
    own = f'INFO:     127.0.0.1:5 - "GET {TOKEN_PATH}/ready HTTP/1.1" 404 Not Found\n'
    assert read(own, []) == []
    assert [text for _, text, _ in read("unfinished " + own, [])] == ["unfinished "]
    lines = log_lines()
    lines.feed(1.0, "stdout", own[:-1].encode())
    assert lines.pending("stdout")[0] == ""


@pytest.mark.parametrize("colour", ["", "\x1b[1m"])
def test_a_secret_that_was_escaped_in_json_is_masked_once_it_is_read(colour: str) -> None:
    line = r'{"level": "info", "message": "it is a\"b\"c, /?token\u003dabc"}'
    ((_, text, spans),) = read(f"{colour}{line}\n", [], 'a"b"c')
    assert spans == ()
    assert "abc" not in text
    assert 'a"b"c' not in text
    assert text.count(MASK) == 2


def test_a_rest_is_made_safe_and_masked_before_it_is_kept() -> None:
    pieces = []

    def keep(piece: str) -> None:
        pieces.append(piece)

    reader = LineReader(get_server("uvicorn").log_format)
    lines = LogLines(reader, TOKEN_PATH, re.compile("hunter22"), keep)
    (fresh,) = lines.feed(1.0, "stderr", b"\x1b[31m word ?token=abc hunter22" * 10_000 + b"\n")
    assert fresh[5] is not None
    everything = "".join([fresh[2], *pieces])
    assert len(pieces) > 2
    assert everything.count(MASK) == 20_000
    assert not re.search(r"hunter22|token=abc|\x1b", everything)


def test_the_last_line_that_may_explain_a_failure() -> None:
    lines = log_lines()
    lines.feed(1.0, "stderr", b"Traceback (most recent call last):\nValueError: no\n\nINFO:     Bye\n")
    assert lines.last_line == "ValueError: no"
