"""Lines to entries: tracebacks as Python and others write them are one, nothing is lost or moved."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_tui.domain.log_entry import Fresh, Ink, Origin, Rest, Span
from asgi_tui.domain.log_formats import LineReader
from asgi_tui.domain.log_groups import GAP, LEAD_LINES, MAX_BYTES, MAX_LINES, MESSAGE_LINES, Grouper
from asgi_tui.domain.servers import get_server

HEADER = "Traceback (most recent call last):"
FRAME = '  File "/app/x.py", line 3, in f'


def fresh(lines: list[str], at: float = 1.0, server: str = "uvicorn") -> list[Fresh]:
    """The lines as they are read."""
    reader = LineReader(get_server(server).log_format)
    reads = [reader.read("stderr", line) for line in lines]
    return [(at, origin, text, (), request, None) for origin, text, request in reads]


def grouped(lines: list[Fresh]) -> list[Fresh]:
    grouper = Grouper()
    entries = [entry for line in lines for entry in grouper.feed(line)]
    return entries + grouper.flush()


def entries(text: str) -> list[tuple[str, int]]:
    """Of each entry its level and how many lines it has."""
    lines = fresh(textwrap.dedent(text).strip("\n").split("\n"))
    found = grouped(lines)
    assert "\n".join(entry[2] for entry in found) == "\n".join(line[2] for line in lines)
    return [(entry[1].level, entry[2].count("\n") + 1) for entry in found]


REPORTED = """
    INFO:     before
    ERROR:    Exception in ASGI application
    Traceback (most recent call last):
      File "/app/x.py", line 3, in f
        1 / 0
        ~~^~~
      [Previous line repeated 2 more times]
    ZeroDivisionError: division by zero
    INFO:     after
"""
CASES = {
    "reported by a line": (REPORTED, [("info", 1), ("error", 7), ("info", 1)]),
    "of a logger": (
        """
        WARNING:shop:could not
        Traceback (most recent call last):
          File "x.py", line 3, in f
        KeyError
        INFO:shop:went on
        """,
        [("warning", 4), ("info", 1)],
    ),
    "reported by nobody": (
        """
        hello
        Traceback (most recent call last):
          File "x.py", line 3, in f
        KeyError: 3
        """,
        [("", 1), ("error", 3)],
    ),
    "below a line that reports none": (
        """
        INFO:     127.0.0.1:1 - "GET / HTTP/1.1" 200 OK
        Traceback (most recent call last):
          File "x.py", line 3, in f
        KeyError: 3
        """,
        [("info", 1), ("error", 3)],
    ),
    "two in a row": (
        """
        Traceback (most recent call last):
          File "x.py", line 3, in f
        KeyError: 3
        Traceback (most recent call last):
          File "x.py", line 3, in f
        KeyError: 4
        """,
        [("error", 3), ("error", 3)],
    ),
    "a message of several lines": (
        """
        ERROR:    Exception in ASGI application
        Traceback (most recent call last):
          File "x.py", line 3, in f
        pydantic_core.ValidationError: 1 error for Item
        id
          Input should be a valid integer
            For further information visit https://errors.pydantic.dev/
        a note
        INFO:     after
        """,
        [("error", 8), ("info", 1)],
    ),
    "a blank line is the end": (
        """
        ERROR:    bad
        Traceback (most recent call last):
          File "x.py", line 3, in f
        KeyError: 3

        hello
        """,
        [("error", 4), ("", 1), ("", 1)],
    ),
    "the report has several lines": (
        """
        ERROR:asyncio:Task exception was never retrieved
        future: <Task finished name='Task-1' exception=ValueError()>
        Traceback (most recent call last):
          File "x.py", line 3, in f
        ValueError
        """,
        [("error", 5)],
    ),
    "an error and what was printed after it": (
        """
        ERROR:shop:no
        a
        b
        INFO:shop:yes
        """,
        [("error", 1), ("", 1), ("", 1), ("info", 1)],
    ),
    "a table below a line": (
        """
        INFO:shop:table
          a  b
          1  2
        """,
        [("info", 1), ("", 1), ("", 1)],
    ),
    "a warning": (
        """
        /app/x.py:12: UserWarning: old
          warnings.warn("old")
          indented
        """,
        [("warning", 2), ("", 1)],
    ),
    "a warning that was logged": (
        """
        WARNING:py.warnings:/app/x.py:12: UserWarning: old
          warnings.warn("old")
        """,
        [("warning", 2)],
    ),
    "of a thread": (
        """
        Exception in thread Thread-1 (f):
        Traceback (most recent call last):
          File "x.py", line 3, in f
        ValueError
        """,
        [("error", 4)],
    ),
    "a syntax error without frames": (
        """
        hello
          File "/app/x.py", line 3
            def
               ^
        SyntaxError: invalid syntax
        """,
        [("", 1), ("error", 4)],
    ),
    "of another process, quoted": (
        '''
        ERROR:    bad
        concurrent.futures.process._RemoteTraceback:
        """
        Traceback (most recent call last):
          File "x.py", line 3, in f
        ValueError: x
        """

        The above exception was the direct cause of the following exception:

        Traceback (most recent call last):
          File "y.py", line 3, in g
        ValueError: x
        ''',
        [("error", 13)],
    ),
    "a cause without frames": (
        """
        ERROR:    bad
        ValueError: x

        The above exception was the direct cause of the following exception:

        Traceback (most recent call last):
          File "y.py", line 3, in g
        ValueError: x
        """,
        [("error", 8)],
    ),
    "with the stack": (
        """
        ERROR:shop:bad
        Traceback (most recent call last):
          File "y.py", line 3, in g
        ValueError: x
        Stack (most recent call last):
          File "y.py", line 9, in <module>
            g()
        """,
        [("error", 7)],
    ),
    "of loguru": (
        """
        2026-11-21 21:14:44.365 | ERROR    | __main__:<module>:17 - bad
        Traceback (most recent call last):

        > File "/tmp/b/fm.py", line 16, in <module>
            try: 1/0

        ZeroDivisionError: division by zero
        2026-11-21 21:14:44.365 | INFO     | __main__:<module>:17 - good
        """,
        [("error", 7), ("info", 1)],
    ),
    "of rich": (
        """
        hello
        ╭──────── Traceback (most recent call last) ────────╮
        │ /tmp/b/rt.py:12 in f                              │
        │ ❱ 12 │   try: 1/0                                 │
        ╰───────────────────────────────────────────────────╯
        ZeroDivisionError: division by zero

        The above exception was the direct cause of the following exception:

        ╭──────── Traceback (most recent call last) ────────╮
        │ /tmp/b/rt.py:14 in <module>                       │
        ╰───────────────────────────────────────────────────╯
        ValueError: x
        """,
        [("", 1), ("error", 12)],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_one_entry(name: str) -> None:
    text, expected = CASES[name]
    assert entries(text) == expected


def test_richs_handler_has_its_tracebacks_in_a_column() -> None:
    column = " " * 29
    lines = ["[11/21/26 21:14:44] ERROR    bad     rt.py:8"]
    lines += [
        f"{column}{line}".ljust(100)
        for line in (HEADER, '  File "rt.py", line 7', "    1/0", "ZeroDivisionError: x")
    ]
    found = grouped(fresh([*lines, "hello"], at=1.0)[:-1] + fresh(["hello"], at=2.0))
    assert [entry[2].count("\n") + 1 for entry in found] == [5, 1]


def test_an_entry_is_its_first_line_with_the_spans_of_all() -> None:
    red = Ink(fore="1")
    first = (1.0, Origin("stderr", "error", "shop", 7), "bad", (Span(0, 3, red),), "r1", None)
    plain = Origin("stderr")
    header = (2.0, plain, HEADER, (), "", None)
    last = (3.0, plain, "ValueError: x", (Span(0, 10, red),), "r2", None)
    (entry,) = grouped([first, header, last])
    at, origin, text, spans, request, rest = entry
    assert (at, origin, request, rest) == (1.0, first[1], "r1", None)
    assert text == f"bad\n{HEADER}\nValueError: x"
    assert [text[start:end] for start, end, _ in spans] == ["bad", "ValueError"]


def test_only_what_may_go_on_is_held() -> None:
    grouper = Grouper()
    hello, info, warning = fresh(["hello", "INFO: a", "WARNING: a"])
    error, header, final = fresh(["ERROR: b", HEADER, "ValueError"])
    assert grouper.feed(hello) == [hello]
    assert grouper.feed(info) == [info]
    assert grouper.feed(warning) == []
    assert grouper.feed(warning) == [warning]
    assert grouper.feed(info) == [warning, info]
    assert grouper.feed(warning) == []
    assert grouper.feed(hello) == [warning, hello]
    assert grouper.feed(error) == []
    for _ in range(LEAD_LINES):
        assert grouper.feed(hello) == []
    assert grouper.feed(hello) == [error, *[hello] * (LEAD_LINES + 1)]
    assert grouper.feed(error) + grouper.feed(header) + grouper.feed(final) == []
    assert [entry[2] for entry in grouper.flush()] == [f"b\n{HEADER}\nValueError"]
    assert grouper.flush() == []
    assert grouper.feed(hello) == [hello]


def test_what_comes_later_is_no_part_of_a_message() -> None:
    traceback = fresh([HEADER, FRAME, "ValueError: a", "b"])
    later = fresh(["c"], at=1.0 + GAP * 2)
    assert [entry[2].count("\n") + 1 for entry in grouped(traceback + later)] == [4, 1]
    loose = fresh([str(number) for number in range(MESSAGE_LINES + 5)])
    assert [entry[2].count("\n") + 1 for entry in grouped(traceback + loose)] == [3 + MESSAGE_LINES] + [1] * 6


def test_a_group_of_exceptions_ends_with_its_frame() -> None:
    group = ["  + Exception Group Traceback (most recent call last):", "  |   File", "  | ExceptionGroup: a"]
    group += ["  +-+---------------- 1 ----------------", "    | ValueError: b", "    +" + "-" * 36]
    later = fresh(["hello"], at=2.0)
    assert [entry[2].count("\n") + 1 for entry in grouped(fresh(group) + later)] == [6, 1]
    assert [entry[2].count("\n") + 1 for entry in grouped(fresh(group * 2))] == [6, 6]


def test_entries_are_bounded() -> None:
    many = fresh(["ERROR: a", HEADER, *[FRAME] * (MAX_LINES * 2), "ValueError: a", "INFO: b"])
    found = grouped(many)
    assert [entry[2].count("\n") + 1 for entry in found] == [MAX_LINES, MAX_LINES, 3, 1]
    assert [entry[1].level for entry in found] == ["error"] * 3 + ["info"]
    for letter in ("x", "é"):
        large = fresh(["ERROR: a", HEADER, *["  " + letter * 10_000] * 100, "ValueError: a"])
        found = grouped(large)
        assert len(found) > 3
        assert all(len(entry[2].encode()) <= MAX_BYTES for entry in found)
        assert "\n".join(entry[2] for entry in found) == "\n".join(line[2] for line in large)


def test_what_was_cut_off_a_line_ends_its_entry() -> None:
    lines = fresh(["ERROR: a", HEADER, FRAME, "    long", "ValueError: a"])
    rest = Rest(10, ((1, 2, 3),))
    lines[3] = (*lines[3][:5], rest)
    found = grouped(lines)
    assert [(entry[2].count("\n") + 1, entry[5], entry[1].level) for entry in found] == [
        (4, rest, "error"),
        (1, None, "error"),
    ]
    chain = "During handling of the above exception, another exception occurred:"
    blank, final = fresh(["", chain])
    whole = fresh(["ERROR: a", HEADER, "ValueError: a"])
    behind = grouped([*whole, (*blank[:5], rest), blank, final])
    assert [(entry[2].count("\n") + 1, entry[5]) for entry in behind] == [
        (3, None),
        (1, rest),
        (1, None),
        (1, None),
    ]
    lines[0] = (*lines[0][:5], rest)
    assert [entry[5] for entry in grouped(lines)] == [rest, rest, None]


SCRIPT = r"""
import logging, sys, traceback, warnings
logging.basicConfig(level=20, format="%(levelname)s:%(name)s:%(message)s")
log = logging.getLogger("shop")

def deep(n):
    if n == 0:
        raise ValueError("first\nsecond")
    deep(n - 1)

def chained():
    try:
        try:
            deep(20)
        except ValueError:
            {}["key"]
    except KeyError as error:
        raise RuntimeError("third") from error

def syntax():
    compile("def f(:\n  pass", "some.py", "exec")

def group():
    inner = []
    for f in (chained, syntax):
        try:
            f()
        except Exception as error:
            inner.append(error)
    raise ExceptionGroup("several", [ExceptionGroup("more", inner), OSError("x\ny")])

def noted():
    error = ValueError("a")
    error.add_note("a note\nof two lines")
    raise error

cases = [deep, chained, syntax] + [group, noted] * (sys.version_info >= (3, 11))
for case in cases:
    try:
        case(*[3] * (case is deep))
    except BaseException:
        log.exception("went wrong")
        log.info("and on")
        traceback.print_exc()
        log.info("and on")
    warnings.warn("old " + case.__name__)
    log.error("with the stack", stack_info=True)
log.info("end")
sys.stdout.write("%d %s" % (len(cases), sys.version_info[:2]))
"""


def pythons() -> list[str]:
    versions = Path.home() / ".pyenv" / "versions"
    found = {
        path.parents[1].name.rpartition(".")[0]: path for path in sorted(versions.glob("3.*/bin/python"))
    }
    return [sys.executable, *(str(found.get(name, name)) for name in ("3.9", "3.11", "3.13"))]


@pytest.mark.parametrize("python", pythons())
def test_tracebacks_of_real_pythons(python: str, tmp_path: Path) -> None:
    if not Path(python).exists():
        pytest.skip(f"there is no Python {python} here")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run([python, "-I", script], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    cases = int(done.stdout.split()[0])
    lines = fresh(done.stderr.splitlines())
    found = grouped(lines)
    assert "\n".join(entry[2] for entry in found) == "\n".join(line[2] for line in lines)
    assert [(entry[1].level, entry[1].logger) for entry in found] == [
        ("error", "shop"),
        ("info", "shop"),
        ("error", ""),
        ("info", "shop"),
        ("warning", ""),
        ("error", "shop"),
    ] * cases + [("info", "shop")]
    # The traceback that was logged is the very one that was printed.
    for number in range(cases):
        logged, printed = found[number * 6][2], found[number * 6 + 2][2]
        assert logged == f"went wrong\n{printed}"
        assert found[number * 6 + 4][2].count("\n") == 1


LINES = st.sampled_from(
    [
        *("", " ", "hello", "INFO: a", "ERROR: b", "WARNING: c", "  indented", HEADER, FRAME, "    1 / 0"),
        *("ValueError: x", '"""', "x.py:1: UserWarning: old", "Exception in thread Thread-1:", "│ a", "╰─"),
        *("  + Exception Group Traceback (most recent call last):", "  | ValueError: x", "    +" + "-" * 36),
        *("Stack (most recent call last):", " " * 9 + HEADER, "╭── Traceback (most recent call last) ──╮"),
        *('> File "x.py", line 3', '{"level": "info", "msg": "a\\nb"}'),
        "During handling of the above exception, another exception occurred:",
    ]
)
TIMES = st.sampled_from([0.0, GAP / 2, GAP * 2])
RESTS = st.sampled_from([None] * 9 + [Rest(1)])


@given(st.lists(st.tuples(LINES | st.text(max_size=5), TIMES, RESTS, st.booleans()), max_size=60))
def test_nothing_is_lost_or_moved(parts: list[tuple[str, float, Rest | None, bool]]) -> None:
    """Whatever is fed and whenever it is flushed, the lines come out as they went in."""
    reader = LineReader(get_server("uvicorn").log_format)
    grouper = Grouper()
    at = 1.0
    fed: list[Fresh] = []
    found: list[Fresh] = []
    for text, later, rest, flushed in parts:
        at += later
        origin, shown, request = reader.read("stdout", text)
        fed.append((at, origin, shown, (Span(0, len(shown), Ink()),), request, rest))
        found += grouper.feed(fed[-1])
        if flushed:
            found += grouper.flush()
    found += grouper.flush()
    assert "\n".join(entry[2] for entry in found) == "\n".join(line[2] for line in fed)
    assert [entry[5] for entry in found if entry[5]] == [line[5] for line in fed if line[5]]
    assert [entry[0] for entry in found] == sorted(entry[0] for entry in found)
    for entry in found:
        assert [entry[2][start:end] for start, end, _ in entry[3]] == [
            line[2] for line in fed[: len(entry[3])]
        ]
        del fed[: len(entry[3])]
    assert not fed
