"""Lines added and removed."""

from __future__ import annotations

import time

import pytest

from asgi_tui.domain.line_counts import ORDERED, line_counts


@pytest.mark.parametrize(
    ("old", "new", "counts"),
    [
        (b"", b"", (0, 0)),
        (b"", b"a\nb", (2, 0)),
        (b"a\nb\n", b"", (0, 2)),
        (b"a\nb\nc\n", b"a\nx\nc\n", (1, 1)),
        (b"a\nb\nc\n", b"b\na\nc\n", (1, 1)),
        (b"a\na\na\n", b"a\na\n", (0, 1)),
        (b"a\r\nb\r\n", b"a\nb\nc\n", (1, 0)),
    ],
)
def test_lines_are_counted(old: bytes, new: bytes, counts: tuple[int, int]) -> None:
    assert line_counts(old, new) == counts


def test_a_large_rewrite_is_counted_quickly() -> None:
    old = b"\n".join(b"%d" % (number % 7) for number in range(40 * ORDERED))
    new = b"\n".join(b"%d" % (number % 11) for number in range(40 * ORDERED, 0, -1))
    begun = time.process_time()
    added, removed = line_counts(old, new)
    assert time.process_time() - begun < 2
    assert added == removed > 0
