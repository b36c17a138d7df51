"""Numbers, times and rows as a person reads them."""

import pytest

from asgi_tui.domain.events import Change, State
from asgi_tui.frontends.console import format as show
from asgi_tui.frontends.console.widgets.reload_text import files, hang
from asgi_tui.frontends.console.widgets.table import Column, layout


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0.0"), (0.44, "0.4"), (9.8, "9.8"), (9.96, "10"), (38, "38"), (1204.2, "1,204")]
)
def test_milliseconds(value: float, text: str) -> None:
    assert show.milliseconds(value) == text


def test_duration_takes_the_unit_that_fits() -> None:
    assert show.duration(38) == "38 ms"
    assert show.duration(1_240) == "1.2 s"


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 B"), (999, "999 B"), (1_204, "1.2 kB"), (86_400_000, "86 MB"), (999_600_000, "1.0 GB")],
)
def test_size(number: int, text: str) -> None:
    assert show.size(number) == text


def test_uptime() -> None:
    assert show.uptime(753.4) == "00:12:33"
    assert show.uptime(90_061) == "1d 01:01:01"
    assert show.uptime(-3) == "00:00:00"


def test_sparkline_is_scaled_to_the_highest_and_shows_the_last() -> None:
    assert show.sparkline([0, 5, 10], 3) == "▁▅█"
    assert show.sparkline([0, 5, 10], 2) == "▅█"
    assert show.sparkline([0, 0], 5) == "▁▁"
    assert show.sparkline([], 5) == ""


def test_fit_counts_cells() -> None:
    assert show.fit("ab", 4) == "ab  "
    assert show.fit("ab", 4, right=True) == "  ab"
    assert show.fit("abcdef", 4) == "abc…"
    assert show.fit("日本語", 4) == "日 …"


def test_status_classes_take_codes_and_classes() -> None:
    assert show.status_classes({"200": 2, "2xx": 1, "503": 4}) == {"2xx": 3, "3xx": 0, "4xx": 0, "5xx": 4}


def test_every_state_has_its_own_mark_or_word() -> None:
    assert set(show.STATE_MARKS) == set(State)


def test_a_bar_grows_by_eighths_of_a_cell() -> None:
    assert show.bar(10, 10, 4) == "████"
    assert show.bar(5.3, 10, 4) == "██▏"
    assert show.bar(0.01, 10, 4) == "▏"
    assert show.bar(0, 10, 4) == show.bar(0, 0, 4) == ""


def test_place() -> None:
    assert show.place("app.py", 12) == "app.py:12"
    assert show.place("app.py", None) == "app.py"
    assert show.place(None, 3) == ""


def test_changed_files_are_named_and_the_rest_counted() -> None:
    changes = tuple(Change(f"{n}.py", "added" if n == 0 else "modified") for n in range(6))
    assert files(changes) == "+0.py, 1.py, 2.py, 3.py and 2 more"


def test_hanging_lines_keep_every_word() -> None:
    shown = hang("SyntaxError: invalid syntax in a rather long line", 34, first=11)
    assert shown.split() == ["SyntaxError:", "invalid", "syntax", "in", "a", "rather", "long", "line"]
    assert all(line.startswith(" " * 10) for line in shown.splitlines()[1:])


def test_the_open_column_takes_what_is_left() -> None:
    assert layout([Column("a"), Column("b", 5)], 20) == [13, 5]
    assert layout([Column("a"), Column("b", 5)], 4) == [8, 5]


def test_a_path_in_the_home_directory_is_short() -> None:
    assert show.path("/home/ada/shop", "/home/ada") == "~/shop"
    assert show.path("/home/ada", "/home/ada") == "~"
    assert show.path("/home/adam/shop", "/home/ada") == "/home/adam/shop"
    assert show.path("/srv", "/") == "/srv"
