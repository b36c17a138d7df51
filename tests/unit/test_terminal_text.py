"""What a server writes, as a terminal would show it; a real terminal emulator (pyte) is the judge."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from typing import Any

import pyte
import pyte.graphics
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.progress import Progress
from rich.text import Text

from asgi_tui.domain.log_entry import Ink, Span
from asgi_tui.domain.sgr import PLAIN
from asgi_tui.domain.terminal_line import MOST_SPANS
from asgi_tui.domain.terminal_text import is_plain, read_line
from asgi_tui.domain.text import sanitize
from tests.unit.hostile import HOSTILE, HOSTILE_BYTES

CONTROLS = "\x00\x07\b\t\r\x0e\x0f\x18\x1b\x7f\x84\x90\x9b\x9c\x9d\u2028\u202e\u2066\ud800\udfff"
PIECES = [
    *CONTROLS, "[", "]", "8;;", "\x1b[", "\x1b]", "\x1b\\", "m", "K", "1K", "2K", ";", ":", "0",
    "38", "5", "2",
    "\x1b[31m", "\x1b[0m", "\x9b1m", "\x1b[38:2::1:2:3m", "\x1b]8;;http://a.b\x1b\\", "\x1b]8;;\x07",
    "a", "bc", " ", "漢", "e\u0301", "\u0301", "👩\u200d💻", "\u200d", "\ufe0f", "🇩🇪", "█", "\xa0",
]  # fmt: skip
UNTRUSTED = st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=60).map("".join))


def check(text: str) -> tuple[str, tuple[Span, ...]]:
    """Reads a line and holds the result to what every reader of it relies on."""
    shown, spans = read_line(text)
    assert sanitize(shown) == shown
    assert "\t" not in shown
    assert "\n" not in shown
    shown.encode()
    assert len(spans) <= MOST_SPANS
    before = Span(0, 0, PLAIN)
    for span in spans:
        assert before.end <= span.start < span.end <= len(shown)
        assert span.ink != PLAIN
        assert before.end < span.start or before.ink != span.ink
        before = span
    return shown, spans


def inks(text: str) -> list[Ink]:
    """The ink of each character shown."""
    shown, spans = check(text)
    drawn = [PLAIN] * len(shown)
    for start, end, ink in spans:
        drawn[start:end] = [ink] * (end - start)
    return drawn


# Anything


@given(UNTRUSTED)
@settings(max_examples=400, deadline=None)
def test_whatever_comes_is_safe_and_well_formed(text: str) -> None:
    shown, _ = check(text)
    assert read_line(shown) == (shown, ())


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Cf"])))
def test_a_line_without_controls_is_as_it_is(text: str) -> None:
    assert read_line(text) == (text, ())
    assert read_line(text + "\r") == (text, ())


@given(UNTRUSTED)
@settings(deadline=None)
def test_a_plain_chunk_has_safe_lines_only(text: str) -> None:
    chunk = "ab\r\n" + text
    if is_plain(chunk):
        for line in chunk.split("\n"):
            assert read_line(line) == (line.removesuffix("\r"), ())


@pytest.mark.parametrize("text", ["", "a\nb\n", "a\r\nb\r\n", "漢字\r\né\n", "\n\n"])
def test_plain(text: str) -> None:
    assert is_plain(text)


@pytest.mark.parametrize(
    "text", ["a\tb", "a\rb\n", "a\r", "\r\r\n", "\x1b[0m", "é\x07", "é\r", "\x7f", "\ud800", "\u202e"]
)
def test_not_plain(text: str) -> None:
    assert not is_plain("first\n" + text)


class Recorder:
    """A terminal that only notes what it is told to do."""

    def __init__(self) -> None:
        self.told: set[str] = set()

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_args, **_more: self.told.add(name)


@pytest.mark.parametrize("name", HOSTILE_BYTES)
@pytest.mark.parametrize("errors", ["replace", "surrogateescape", "backslashreplace"])
def test_hostile_output_only_ever_draws(name: str, errors: str) -> None:
    for text in (HOSTILE_BYTES[name].decode("utf-8", errors), HOSTILE.get(name, "")):
        shown, _ = check(text)
        recorder: Any = Recorder()  # Any: it stands in for a Screen
        pyte.Stream(recorder, strict=False).feed(shown)
        assert recorder.told <= {"draw"}


def test_what_is_not_honoured_is_all_shown() -> None:
    assert read_line("a\x1b]0;owned\x07b")[0] == "a␛]0;owned␇b"
    assert read_line("\x9b2J\x7f\ud800\u202e\x0e")[0] == "\\x9b2J␡\\ud800\\u202e␎"
    assert read_line("\x1b[?31m\x1b[3K\x1bc")[0] == "␛[?31m␛[3K␛c"
    long = "\x1b[" + "1;" * 200 + "m"
    assert read_line(long)[0] == long.replace("\x1b", "␛")


def check_cost(few: str, many: str) -> None:
    """Forty times as much would take 1,600 times as long if it were the square."""
    for _ in range(3):
        started = time.perf_counter()
        read_line(few)
        between = time.perf_counter()
        read_line(many)
        short, long = between - started, time.perf_counter() - between
        if long < max(short, 0.001) * 400:
            return
    raise AssertionError(f"{short} s, then {long} s")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_output_takes_a_time_proportional_to_its_length(name: str) -> None:
    text = (HOSTILE[name] * (16_384 // len(HOSTILE[name]) + 1))[:16_384]
    check_cost(text, text * 40)


# Colours

RED = Ink(fore="1")


@pytest.mark.parametrize(
    ("parameters", "ink"),
    [
        ("31", RED), ("91", Ink(fore="9")), ("42;107", Ink(back="15", fore="")),
        ("38;5;208", Ink(fore="208")),
        ("38:5:208", Ink(fore="208")), ("38;5;007", Ink(fore="7")), ("48;2;1;2;255", Ink(back="#0102ff")),
        ("38:2::1:2:3", Ink(fore="#010203")), ("38:2:1:2:3", Ink(fore="#010203")),
        ("38:2:9:1:2:3:0:1", Ink(fore="#010203")),
        ("38;2;;;", Ink(fore="#000000")), ("1;2;3;4;7;9", Ink("", "", True, True, True, True, True, True)),
        ("4:3", Ink(underline=True)), ("4:0", PLAIN), ("4;4:0", PLAIN), ("21", Ink(underline=True)),
        ("1;2;22", PLAIN), ("3;23;4;24;7;27;9;29", PLAIN), ("31;41;39;49", PLAIN),
        ("31;0", PLAIN), ("31;", PLAIN),
        ("", PLAIN), ("8", PLAIN), ("5;6;31", RED), ("38", PLAIN), ("38;5", PLAIN),
        ("38;5;256", PLAIN), ("38;2;1;2", PLAIN),
        ("38;9;31", RED), ("31;38;2;256;0;0", RED), ("58;5;1;31", RED),
        ("58:2::1:1:1;31", RED), ("58;2;1;1;1;31", RED),
        ("38;5:1;31", RED), ("::;31", RED), ("999;31", RED), ("9" * 250, PLAIN), ("31:1", PLAIN),
    ],
)  # fmt: skip
@pytest.mark.parametrize("introducer", ["\x1b[", "\x9b"])
def test_sgr(introducer: str, parameters: str, ink: Ink) -> None:
    assert inks(f"{introducer}{parameters}mx") == [ink]


def test_each_line_starts_plain_and_equal_neighbours_are_one() -> None:
    assert read_line("\x1b[31ma\x1b[0m\x1b[31mb\x1b[1mc") == (
        "abc",
        (Span(0, 2, RED), Span(2, 3, Ink(fore="1", bold=True))),
    )
    assert read_line("d") == ("d", ())


def test_concealed_text_is_shown() -> None:
    assert read_line("\x1b[8mhidden\x1b[28m") == ("hidden", ())


def test_colours_beyond_the_bound_are_plain() -> None:
    shown, spans = check(HOSTILE["ten thousand colours"])
    assert len(shown) == 10_000
    assert len(spans) == MOST_SPANS


def test_uvicorn_with_colours() -> None:
    shown, spans = check(
        '\x1b[32mINFO\x1b[0m:     127.0.0.1:5 - "\x1b[1mGET / HTTP/1.1\x1b[0m" \x1b[31m404 Not Found\x1b[0m\r'
    )
    assert shown == 'INFO:     127.0.0.1:5 - "GET / HTTP/1.1" 404 Not Found'
    assert [(shown[start:end], ink) for start, end, ink in spans] == [
        ("INFO", Ink(fore="2")),
        ("GET / HTTP/1.1", Ink(bold=True)),
        ("404 Not Found", RED),
    ]


def test_what_rich_writes() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, color_system="truecolor", width=80, _environ={})
    console.print(
        Text.assemble(("a", "bold red"), " ", ("b", "#123456 on bright_blue"), ("c", "link https://a.b/?q=1"))
    )
    shown, spans = check(stream.getvalue().removesuffix("\n"))
    assert shown == "a bc"
    assert spans == (
        Span(0, 1, Ink(fore="1", bold=True)),
        Span(2, 3, Ink(fore="#123456", back="12")),
        Span(3, 4, Ink(link="https://a.b/?q=1")),
    )


# Links


@pytest.mark.parametrize("end", ["\x1b\\", "\x07"])
def test_links(end: str) -> None:
    shown, spans = check(f"see \x1b]8;id=1;https://a.b/c;d{end}\x1b[31mhere\x1b[0m!\x1b]8;;{end} or not")
    assert shown == "see here! or not"
    assert spans == (
        Span(4, 8, Ink(fore="1", link="https://a.b/c;d")),
        Span(8, 9, Ink(link="https://a.b/c;d")),
    )


@pytest.mark.parametrize(
    "address",
    ["javascript:x", "file:///etc", "http://", "http://a b", "http://é", "//a", "http://" + "a" * 2001],
)
def test_other_links_are_shown(address: str) -> None:
    assert read_line(f"\x1b]8;;{address}\x1b\\x\x1b]8;;\x1b\\") == (f"␛]8;;{address}␛\\x", ())


# Carriage returns, backspaces, erasing, tabs


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("abc\rx", "xbc"), ("abc\r", "abc"), ("\r\rabc\r\r", "abc"), ("abc\r\x1b[Kx", "x"),
        ("abc\b\bX", "aXc"),
        ("abc\b\b\b\b\bX", "Xbc"), ("abc\b\x1b[1Kx", "  x"), ("abc\x1b[2Kx", "   x"), ("abc\x1b[2K\rx", "x"),
        ("abc\x1b[2K", ""), ("abc\b\x1b[0K", "ab"), ("\x1b[01;31m\x1b[Ka\x1b[m\x1b[Kb", "ab"),
        ("a\tb", "a       b"), ("漢\tb", "漢      b"), ("e\u0301\tb", "e\u0301       b"),
        ("👩\u200d💻\tb", "👩\u200d💻      b"),
        ("☀\ufe0f\tb", "☀\ufe0f      b"), ("🇩🇪\tb", "🇩🇪      b"),
        ("12345678\tb", "12345678        b"), ("abc\r\tb", "abc     b"),
        ("\ta\rb", "b       a"), ("e\u0301x\rab", "ab"), ("e\u0301x\ra", "ax"),
        ("ex\re\u0301", "e\u0301x"), ("a\u0301b\b\u0302", "a\u0301\u0302b"),
        ("漢字\rx", "x 字"), ("漢字\b\b\bx", " x字"), ("ab\r漢", "漢"), ("漢\b\x1b[K", ""),
        ("漢\rab\x1b[1K\rc", "c"),
        ("🇩🇪x\r漢", "漢x"), ("👩\u200d💻x\rab", "abx"), ("x\r\u0301", "\u0301"),
        ("🇩🇪x\ra", "a x"), ("ab\r漢\x1b[m\u0301\ry", "y"), ("abc\x1b[1K\rxyz\x1b[1K", ""),
        ("abc\x1b[1K\r\x1b[Kxyz\x1b[1K", ""), ("abc\x1b[2K\u0301\x1b[2K", ""),
    ],
)  # fmt: skip
def test_writing_over(text: str, shown: str) -> None:
    assert check(text)[0].rstrip() == shown


def test_progress_bars_show_their_last_state() -> None:
    bar = "".join(f"\r{n:3}%|{'█' * (n // 10):10}| {n}/100 [00:0{n // 30}]" for n in range(101))
    assert read_line(bar) == ("100%|██████████| 100/100 [00:03]", ())
    pip = "\x1b[2K   \x1b[90m━━━\x1b[0m \x1b[32m1.0/2.0 MB\x1b[0m\r\x1b[2K   \x1b[31m━━━━\x1b[0m 2.0/2.0 MB"
    shown, spans = check(pip)
    assert shown == "   ━━━━ 2.0/2.0 MB"
    assert spans == (Span(3, 7, RED),)


def test_a_progress_bar_of_rich() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=60, legacy_windows=False, _environ={})
    with Progress(console=console, auto_refresh=False) as progress:
        task = progress.add_task("work", total=3)
        for _ in range(3):
            progress.advance(task)
            progress.refresh()
    shown, _ = check(stream.getvalue().split("\n")[0])
    assert re.fullmatch(r"work ━+ 100% 0:00:00", shown)


def test_a_tower_of_combining_characters_is_kept_in_cells_of_a_bounded_size() -> None:
    """Adding to one cell for ever would take the square of its length."""
    shown = read_line("x\ra" + "\x1b[0m\u0301" * 100 + "\tb")[0]
    assert shown == "a" + "\u0301" * 100 + "    b"  # four cells of at most 32 characters


# Beside a terminal

NAMES = ["black", "red", "green", "brown", "blue", "magenta", "cyan", "white"]
HEX = dict(zip([*NAMES, *("bright" + name for name in NAMES)], pyte.graphics.FG_BG_256, strict=False))
HEX |= {"default": "", "bfightmagenta": HEX["brightmagenta"]}  # as pyte spells it
SEQUENCES = st.one_of(
    st.sampled_from(["\r", "\b", "\b\b\b", "\t", "\x1b[K", "\x1b[0K", "\x1b[1K", "\x1b[2K", "\x1b[m"]),
    st.lists(
        st.one_of(
            st.sampled_from([0, 1, 3, 4, 7, 9, 22, 23, 24, 27, 29, 39, 49, 5, 8]),
            st.integers(30, 37), st.integers(40, 47), st.integers(90, 97), st.integers(100, 107),
            st.integers(0, 255).map("38;5;{}".format), st.integers(0, 255).map("48;5;{}".format),
            st.tuples(*[st.integers(0, 255)] * 3).map(lambda rgb: "38;2;{};{};{}".format(*rgb)),
        ),
        min_size=1, max_size=4,
    ).map(lambda codes: f"\x1b[{';'.join(map(str, codes))}m"),
)  # fmt: skip
WORDS = st.text("abcxyz 0189=>|█━é", min_size=1, max_size=12)


def hexadecimal(colour: str) -> str:
    """A colour of an ink as pyte has it."""
    if colour.startswith("#") or not colour:
        return colour[1:]
    return str(pyte.graphics.FG_BG_256[int(colour)])


@given(st.lists(st.one_of(WORDS, SEQUENCES), max_size=25).map("".join))
@settings(max_examples=500, deadline=None)
def test_a_terminal_shows_the_same(text: str) -> None:
    screen = pyte.Screen(600, 2)
    pyte.Stream(screen).feed(text)
    shown, _ = check(text)
    assert shown.rstrip() == screen.display[0].rstrip()
    assert screen.cursor.y == 0
    for at, ink in enumerate(inks(text)[: len(shown.rstrip())]):
        cell = screen.buffer[0][at]
        if cell.data == " ":
            continue  # an erased cell has the colours of the cursor in pyte, and none here
        assert (ink.bold, ink.italic, ink.underline, ink.reverse, ink.strike) == (
            cell.bold, cell.italics, cell.underscore, cell.reverse, cell.strikethrough
        )  # fmt: skip
        assert hexadecimal(ink.fore) == HEX.get(cell.fg, cell.fg)
        assert hexadecimal(ink.back) == HEX.get(cell.bg, cell.bg)


@given(
    st.lists(
        st.sampled_from(
            ["漢", "e\u0301", "👩\u200d💻", "👍🏽", "☀\ufe0f", "🇩🇪", "\u200b", "ก็", "한", "█", "ab"]
        ),
        min_size=1,
    ).map("".join)
)
def test_tabs_agree_with_what_the_console_measures(text: str) -> None:
    if text.startswith("\u200b"):
        text = "x" + text
    assert cell_len(read_line(text + "\tx")[0]) % 8 == 1
    assert cell_len(read_line(" \b" + text + "\tx")[0]) % 8 == 1
