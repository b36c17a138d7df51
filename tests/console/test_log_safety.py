"""Whatever is logged, a terminal draws it in its place and nothing else happens to it."""

from __future__ import annotations

import asyncio
import re

import pyte
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from asgi_tui.domain.log_formats import LineReader
from asgi_tui.domain.servers import get_server
from asgi_tui.domain.text import sanitize
from asgi_tui.engine.log_lines import LogLines
from asgi_tui.engine.log_store import LogStore
from tests.console.small_log import NARROW, Small
from tests.unit.hostile import HOSTILE_BYTES

WIDTH, HEIGHT = NARROW
MARGIN = 20  # cells beside the log, which must stay as they are
# All that a row may have: colours, and links to the web.
_DRAWN = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;id=[0-9-]+;https?://[!-~]+\x1b\\|\x1b\]8;;\x1b\\")


def stored(lines: list[bytes]) -> LogStore:
    """The lines, as a child wrote them, on the way that all output takes."""
    store = LogStore()
    reading = LogLines(LineReader(get_server("uvicorn").log_format), "/none", None)
    for line in lines:
        store.append(reading.feed(1.0, "stdout", line + b"\n"))
    return store


async def rows(store: LogStore, *keys: str, wrap: bool) -> list[str]:
    """The rows of the log as they are sent to a terminal."""
    app = Small(store)
    async with app.run_test(size=NARROW) as pilot:
        if wrap:
            app.view.toggle_wrap()
        await pilot.press(*keys)
        console = Console(color_system="truecolor", force_terminal=True, legacy_windows=False, width=WIDTH)
        return [app.view.render_line(y).render(console) for y in range(app.view.size.height)]


def check(drawn: list[str], *, widths: bool) -> None:
    """Nothing but what may be drawn; and recorded by a terminal it stays in its place."""
    for row in drawn:
        text = _DRAWN.sub("", row)
        assert sanitize(text) == text, row
        assert "\t" not in text
    screen = pyte.Screen(WIDTH + MARGIN, HEIGHT)
    stream = pyte.Stream(screen)
    for y in range(HEIGHT):
        stream.feed(f"\x1b[{y + 1};1H" + "#" * (WIDTH + MARGIN))
    before = screen.title, screen.icon_name, set(screen.mode), screen.margins, screen.charset
    for y, row in enumerate(drawn):
        # pyte does not know links
        stream.feed(f"\x1b[{y + 1};1H" + re.sub(r"\x1b\]8;[^\x1b]*\x1b\\", "", row))
        assert screen.cursor.y == y
    assert (screen.title, screen.icon_name, set(screen.mode), screen.margins, screen.charset) == before
    if widths:
        assert all(line[WIDTH:] == "#" * MARGIN for line in screen.display)


CONTROLS = "".join(map(chr, [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x202E, 0x2066]))
SEQUENCES = st.one_of(
    st.sampled_from(sorted(HOSTILE_BYTES.values())),
    st.text(CONTROLS.replace("\n", "") + "ab0;[]?mHJ\\%", max_size=60).map(str.encode),
    st.binary(max_size=60).map(lambda data: data.replace(b"\n", b"")),
    st.from_regex(r"\x1b\[[0-9;:?>]{0,12}[@-~]text", fullmatch=True).map(str.encode),
    st.from_regex(r"\x1b\][0-9]{1,3};[ -~]{0,20}(\x07|\x1b\\)text", fullmatch=True).map(str.encode),
)


@settings(max_examples=12, deadline=None)
@given(
    st.lists(SEQUENCES, min_size=15, max_size=HEIGHT),
    st.sampled_from([(), ("right", "right")]),
    st.booleans(),
)
def test_nothing_leaves_its_row(lines: list[bytes], keys: tuple[str, ...], wrap: bool) -> None:
    check(asyncio.run(rows(stored(lines), *keys, wrap=wrap)), widths=all(line.isascii() for line in lines))


def test_every_hostile_line_is_drawn_in_its_place() -> None:
    lines = list(HOSTILE_BYTES.values())
    for start in range(0, len(lines), HEIGHT - 1):
        check(asyncio.run(rows(stored(lines[start : start + HEIGHT - 1]), wrap=True)), widths=False)
