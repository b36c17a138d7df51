"""How an entry of the log becomes rows, columns, colours and places."""

from __future__ import annotations

import pytest
from rich.cells import cell_len
from rich.color import Color
from rich.color_triplet import ColorTriplet
from textual._ansi_theme import ALABASTER, MONOKAI

from asgi_tui.domain.log_entry import Entry, Ink, Origin, Rest, Span
from asgi_tui.frontends.console.history import Place
from asgi_tui.frontends.console.log_columns import Columns
from asgi_tui.frontends.console.log_ink import LEAST_CONTRAST, contrast, ink_style
from asgi_tui.frontends.console.log_marks import MAX_MARKS, Marks
from asgi_tui.frontends.console.log_places import place_of
from asgi_tui.frontends.console.log_rows import EntryRows, Part, Shape, painted, taken, window
from asgi_tui.frontends.console.log_times import TIMES, time_text, time_width

TRACEBACK = """Exception in ASGI application
Traceback (most recent call last):
  File "/venv/lib/python3.12/site-packages/starlette/routing.py", line 70, in app
    await app(scope, receive, send)
  File "/shop/cart.py", line 12, in total
    return prices[name]
KeyError: 'plum'"""


def entry(text: str, level: str = "", **more: object) -> Entry:
    """An entry of that text."""
    return Entry(0, 0.0, Origin("stdout", level), text, **more)  # type: ignore[arg-type]  # as they are given


def drawn(rows: EntryRows, row: int = 0, left: int = 0) -> str:
    """What of a row shows."""
    return "".join(part.text for part in rows.visible(row, left)[0])


@pytest.mark.parametrize("text", ["", "plain " * 30, "客户 wide 漢字 " * 9, "e\u0301" * 50 + "🎉" * 30])
@pytest.mark.parametrize("room", [10, 11, 57])
def test_wrapped_rows_fit_and_lose_nothing(text: str, room: int) -> None:
    rows = EntryRows(entry(text), Shape(room, True), True)
    pieces = [drawn(rows, row) for row in range(rows.height)]
    assert "".join(pieces) == text
    assert all(cell_len(piece) <= room for piece in pieces)
    assert len(pieces) == 1 or all(cell_len(piece) >= room - 1 for piece in pieces[:-1])


def test_a_window_never_splits_a_wide_character() -> None:
    text = "a漢字b"
    assert window(text, 0, 4, 0, 2) == (0, 1, 0)
    assert window(text, 0, 4, 2, 3) == (2, 3, 1)  # half of the first one is left of the window: a blank cell
    assert window(text, 0, 4, 6, 3) == (4, 4, 0)


def test_panning_shows_what_is_to_the_right_and_marks_what_goes_on() -> None:
    rows = EntryRows(entry("0123456789" * 3), Shape(10, False), True)
    parts, skipped = rows.visible(0, 5)
    assert (parts[0].text, skipped, parts[-1].role) == ("5678901234", 5, "cut")
    parts, _ = rows.visible(0, 25)
    assert [part.text for part in parts] == ["56789"]


def test_several_lines_are_folded_to_the_first_and_the_last() -> None:
    rows = EntryRows(entry(TRACEBACK, "error"), Shape(80, False), True)
    assert rows.height == 1
    assert drawn(rows) == "Exception in ASGI application … 7 lines · KeyError: 'plum'"
    narrow = EntryRows(entry(TRACEBACK, "error"), Shape(56, True), True)
    assert (narrow.height, "KeyError: 'plum'" in drawn(narrow)) == (1, True)
    unfolded = EntryRows(entry(TRACEBACK, "error"), Shape(90, False), False)
    assert [drawn(unfolded, row) for row in range(7)] == TRACEBACK.split("\n")
    assert (unfolded.lines, unfolded.row(5), unfolded.line(5)) == (7, 5, 5)


def test_how_often_and_how_much_more_stand_behind_the_text() -> None:
    rows = EntryRows(entry("busy", count=12, rest=Rest(99_000_000)), Shape(60, False), True)
    assert drawn(rows) == "busy \N{MULTIPLICATION SIGN}12 … +99 MB kept on disk"
    cut = EntryRows(entry("x" * 500, count=12), Shape(60, False), True)
    assert drawn(cut).endswith(" \N{MULTIPLICATION SIGN}12")
    assert cell_len(drawn(cut)) == 60
    wrapped = EntryRows(entry("x" * 60, count=12), Shape(60, True), True)
    assert [drawn(wrapped, row) for row in range(wrapped.height)] == ["x" * 60, " \N{MULTIPLICATION SIGN}12"]


def test_hits_lie_over_colours_and_a_fold_tells_what_it_hides() -> None:
    red, bold = Ink(fore="1"), Ink(bold=True)
    spans = [Span(0, 4, red), Span(6, 8, bold)]
    pieces = list(painted(Part("0123456789", at=0), spans, [(2, 7)]))
    assert pieces == [
        ("01", red, False),
        ("23", red, True),
        ("45", None, True),
        ("6", bold, True),
        ("7", bold, False),
        ("89", None, False),
    ]
    note = Part(" … ", "note", hides=(10, 20))
    assert list(painted(note, spans, [(12, 14)])) == [(" … ", None, True)]
    assert list(painted(note, spans, [(20, 24)])) == [(" … ", None, False)]


def test_a_selection_takes_text_without_marks() -> None:
    columns = Columns(wide=True, logger=True)
    head = columns.head(Origin("stderr", "error", "shop"), "14:02:11.204", marked=True, fold="▸")
    assert sum(len(part.text) for part in head) == columns.width
    rows = EntryRows(entry(TRACEBACK, "error"), Shape(80, False), True)
    parts = [*head, *rows.parts(0)]
    assert taken(parts, 0, None) == (
        "14:02:11.204 ERROR    shop             Exception in ASGI application\nKeyError: 'plum'"
    )
    assert taken(parts, columns.width + 4, columns.width + 9) == "ption"


@pytest.mark.parametrize("wide", [False, True])
def test_columns_are_as_wide_as_they_say(wide: bool) -> None:
    for times in TIMES:
        for level in ("", "info", "critical"):
            columns = Columns(times, wide, wide, wide)
            head = columns.head(
                Origin("stdout", level, "a.long.logger.name", 4_194_304), "x", marked=False, fold=""
            )
            assert sum(len(part.text) for part in head) == columns.width
            assert len(columns.hang()[0].text) == columns.width


def test_times() -> None:
    assert time_text("relative", True, 100.0, None, 112.9) == "12 s ago"
    assert time_text("relative", True, 100.0, None, 99.0) == "now"
    assert time_text("delta", True, 100.012, 100.0, 0.0) == "+0.012"
    assert time_text("delta", True, 100.0, 100.5, 0.0) == "+0.000"
    assert time_text("delta", True, 100.0, None, 0.0) == ""
    assert time_text("off", True, 100.0, None, 0.0) == ""
    for kind in TIMES:
        for seconds in (0.0, 59.0, 3_000.0, 9_999.0, 86_400.0 * 300):
            assert len(time_text(kind, False, seconds, 0.0, seconds * 2)) <= time_width(kind, False)


@pytest.mark.parametrize(("background", "palette"), [("#12161c", MONOKAI), ("#f4f6f8", ALABASTER)])
def test_every_colour_can_be_read(background: str, palette: object) -> None:
    triplet = Color.parse(background).triplet
    assert triplet is not None
    for number in range(256):
        style = ink_style(Ink(fore=str(number)), triplet, palette)  # type: ignore[arg-type]  # either of the two
        if style.color is not None:
            assert contrast(style.color.get_truecolor(palette), triplet) >= LEAST_CONTRAST  # type: ignore[arg-type]
        behind = ink_style(Ink(back=str(number)), triplet, palette)  # type: ignore[arg-type]
        assert behind.color is not None
        assert behind.bgcolor is not None
        back = behind.bgcolor.get_truecolor(palette, foreground=False)  # type: ignore[arg-type]
        assert contrast(behind.color.get_truecolor(palette), back) >= 3  # type: ignore[arg-type]
    near = ink_style(Ink(fore=background), triplet, palette)  # type: ignore[arg-type]
    assert near.color is None


def test_ink_is_drawn_as_it_was_meant() -> None:
    style = ink_style(
        Ink(fore="#ff8800", italic=True, link="https://x.test/"), ColorTriplet(0, 0, 0), MONOKAI
    )
    assert (style.italic, style.underline, style.link) == (True, True, "https://x.test/")
    assert style.color is not None
    assert style.color.triplet == ColorTriplet(255, 136, 0)


def test_places() -> None:
    assert place_of(TRACEBACK) == Place("/shop/cart.py", 12)
    library = TRACEBACK.split("\n")[2]
    assert place_of(TRACEBACK, library) == Place(
        "/venv/lib/python3.12/site-packages/starlette/routing.py", 70
    )
    assert place_of("see app/views.py:31 for it") == Place("app/views.py", 31)
    assert place_of("GET http://127.0.0.1:8000/ took 14:02:11") is None
    assert place_of("python.org:443 and localhost:80") is None


def test_marks_are_bounded_and_go_round() -> None:
    marks = Marks()
    for number in range(MAX_MARKS + 5):
        marks.toggle(number * 2)
    assert len(marks) == MAX_MARKS
    assert 0 not in marks
    assert (marks.next_to(20, 1), marks.next_to(20, -1)) == (22, 18)
    assert marks.next_to(5_000, 1) == 10
    marks.prune(2_000)
    assert min(marks.numbers) == 2_000
    marks.toggle(2_000)
    assert marks.next_to(0, 1) == 2_002
