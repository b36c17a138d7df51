"""Saving the log to a file."""

import os
import re
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.log_entry import Entry, Fresh, Origin, Rest
from asgi_tui.domain.log_filter import LogFilter, parse
from asgi_tui.domain.log_formats import LineReader
from asgi_tui.domain.servers import get_server
from asgi_tui.engine.line_decoder import LINE_CHARS
from asgi_tui.engine.log_export import Export, default_name, located, moment, pieces
from asgi_tui.engine.log_lines import LogLines
from asgi_tui.engine.log_store import LogStore

AT = 1_790_000_000.204
ALL = LogFilter()


@pytest.fixture
def store() -> Iterator[LogStore]:
    made = LogStore(1_000)
    yield made
    made.close()


def line(text: str, level: str = "info", rest: Rest | None = None) -> Fresh:
    return AT, Origin("stderr", level, "shop", 4243), text, (), "", rest


def test_one_line_an_entry_with_all_that_is_known() -> None:
    entry = Entry(0, AT, Origin("stderr", "error", "uvicorn.error", 4243), "It\x1b[31m failed\x07\n  File\tx")
    first, second = "".join(pieces(entry)).splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.204[+-]\d\d:\d\d", first.split(" ")[0])
    assert first.split(" ", 1)[1] == "ERROR stderr [4243] uvicorn.error It failed␇"
    assert second == "  File\tx"


def test_what_is_not_known_is_a_dash_and_repeats_are_told() -> None:
    entry = Entry(0, AT, Origin("stdout"), "again", count=12, last_at=AT + 3)
    assert "".join(pieces(entry)) == (
        f"{moment(AT)} - stdout [-] - again (12 times, the last at {moment(AT + 3)})\n"
    )


def test_the_rest_of_a_line_is_written_in_full(store: LogStore, tmp_path: Path) -> None:
    place = store.keep("\x1b]52;c;aGk=\x07" + "y" * 50_000)
    assert place is not None
    store.append([line("x" * 10, rest=Rest(50_012, (place,))), line("z", rest=Rest(7))])
    assert Export(store, ALL, tmp_path / "log").run()
    whole, lost = (tmp_path / "log").read_text().splitlines()
    assert whole.endswith("x" * 10 + "␛]52;c;aGk=␇" + "y" * 50_000)
    assert lost.endswith("z (7 bytes of this line were not kept)")


def test_a_rest_of_which_nothing_is_lost_is_not_said_to_be_shorter(store: LogStore, tmp_path: Path) -> None:
    # Its colours took bytes that are not kept.
    lines = LogLines(LineReader(get_server("uvicorn").log_format), "/token", None, store.keep)
    store.append(lines.feed(AT, "stdout", b"\x1b[31mred\x1b[0m " * 20_000 + b"\n"))
    store.append(
        LogLines(LineReader(get_server("uvicorn").log_format), "/token", None, lambda _: None).feed(
            AT, "stdout", b"x" * 20_000 + b"\n"
        )
    )
    assert Export(store, ALL, tmp_path / "log").run()
    whole, lost = (tmp_path / "log").read_text().splitlines()
    assert whole.count("red ") == 20_000
    assert whole.endswith("red ")
    assert lost.endswith(f"x ({20_000 - LINE_CHARS:,} bytes of this line were not kept)")


def test_what_passes_the_filter_is_written_for_the_user_alone(store: LogStore, tmp_path: Path) -> None:
    # more than memory has room for
    store.append(line(f"line {n}", "error" if n % 10 == 0 else "info") for n in range(5_000))
    path = tmp_path / "log.txt"
    export = Export(store, parse("level:error"), path)
    assert export.run()
    written = path.read_text().splitlines()
    assert [text.rsplit(" ", 1)[1] for text in written] == [str(n) for n in range(0, 5_000, 10)]
    assert export.written == 500
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Export(store, ALL, tmp_path / "all").run()
    assert len((tmp_path / "all").read_text().splitlines()) == 5_000


def test_what_is_there_is_kept_unless_it_may_be_overwritten(store: LogStore, tmp_path: Path) -> None:
    store.append([line("new")])
    path = tmp_path / "log"
    path.write_text("old")
    with pytest.raises(Problem, match="there already"):
        Export(store, ALL, path).run()
    assert path.read_text() == "old"
    link = tmp_path / "link"
    link.symlink_to(path)
    assert Export(store, ALL, link, overwrite=True).run()
    assert link.is_symlink()
    assert path.read_text().endswith("new\n")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link", "log"]


def test_a_stopped_one_leaves_nothing(store: LogStore, tmp_path: Path) -> None:
    store.append(line(f"line {n}") for n in range(5_000))
    export = Export(store, ALL, tmp_path / "log")
    export.stop()
    assert not export.run()
    assert not list(tmp_path.iterdir())


def test_lines_that_come_meanwhile_are_left_out(store: LogStore, tmp_path: Path) -> None:
    store.append(line(f"line {n}") for n in range(3_000))
    going_on = threading.Event()

    def flood() -> None:
        while not going_on.is_set():
            store.append([line("flood")])

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        export = Export(store, parse("line"), tmp_path / "log")
        assert export.run()
    finally:
        going_on.set()
        thread.join()
    assert export.written == 3_000


def test_bad_places_are_one_sentence(store: LogStore, tmp_path: Path) -> None:
    store.append([line("x")])
    os.mkfifo(tmp_path / "pipe")
    for name, said in [
        ("nowhere/log", "there is no directory"),
        (".", "it is no file"),
        ("pipe", "it is no file"),
        ("x" * 300, "File name too long"),
        ("~nobody-of-that-name/x", "it cannot be used"),
    ]:
        with pytest.raises(Problem, match=said) as told:
            located(name, str(tmp_path))
        assert "\n" not in str(told.value)
    with pytest.raises(Problem, match="it cannot be written: No such file"):
        Export(store, ALL, tmp_path / "gone" / "log").run()
    assert located("sub.log", str(tmp_path)) == tmp_path / "sub.log"
    assert located("~/x.log", str(tmp_path)) == Path.home() / "x.log"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_told_and_leaves_nothing(
    store: LogStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.append(line("x" * 100) for _ in range(10))
    made: list[str] = []

    def full(prefix: str, dir: Path) -> tuple[int, str]:  # noqa: A002 - as mkstemp has it
        made.append(str(dir / f"{prefix}x"))
        Path(made[0]).touch()
        return os.open("/dev/full", os.O_WRONLY), made[0]

    monkeypatch.setattr("tempfile.mkstemp", full)
    with pytest.raises(Problem, match="No space left on device; check its directory's permissions"):
        Export(store, ALL, tmp_path / "log").run()
    assert made
    assert not list(tmp_path.iterdir())


def test_the_name_offered_tells_the_time() -> None:
    assert re.fullmatch(r"asgi-tui-logs-\d{8}-\d{6}\.log", default_name(AT))
