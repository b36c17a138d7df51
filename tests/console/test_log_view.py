"""The log's widget over a real store: what is in sight, how it is drawn, what moves it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from textual.geometry import Offset
from textual.strip import Strip

from asgi_tui.domain.log_entry import Ink, Origin, Span
from asgi_tui.engine.log_store import LogStore
from asgi_tui.frontends.console.widgets.log_view import CUT
from tests.console.screen import met
from tests.console.small_log import (
    AT,
    NARROW,
    TRACEBACK,
    WIDE,
    Small,
    fresh,
    line,
    text,
)


@pytest.fixture
def store() -> Iterator[LogStore]:
    """An empty one."""
    made = LogStore()
    yield made
    made.close()


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_it_follows_is_left_by_moving_up_and_resumes(store: LogStore, size: tuple[int, int]) -> None:
    store.append(fresh(range(500)))
    app = Small(store)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        assert app.view.following
        assert text(app).splitlines()[-1].endswith("number 499 done")
        for key, back in (("pageup", "end"), ("up", "down"), ("home", "end")):
            await pilot.press(key)
            assert app.view.unseen == 0
            assert app.view.current is not None
            seen = text(app)
            store.append(fresh(range(store.end, store.end + 7)))
            app.view.sync()
            await pilot.pause()
            assert app.view.unseen == 7  # and so it does not follow
            assert text(app) == seen
            for _ in range(9):
                await pilot.press(back)
            assert app.view.following
            assert app.view.unseen == 0
            await pilot.pause()
            assert text(app).splitlines()[-1].endswith(f"number {store.end - 1} done")


async def test_nothing_is_laid_out_or_painted_when_nothing_in_sight_changed(store: LogStore) -> None:
    store.append(fresh(range(300)))
    app = Small(store)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("home")
        await pilot.pause(0.1)
        painted: list[int] = []
        render = app.view.render_line

        def watched(y: int) -> Strip:
            painted.append(y)
            return render(y)

        app.view.render_line = watched  # type: ignore[method-assign]  # watched
        app.view.sync()
        await pilot.pause()
        moved = app.moved
        store.append(fresh(range(300, 400)))
        app.view.sync()
        await pilot.pause()
        assert not painted
        assert app.moved > moved  # the frame tells how many are unseen
        await pilot.press("end")
        assert painted


async def test_what_is_read_stays_when_the_oldest_entries_go() -> None:
    small = LogStore()
    small.append(fresh(range(100)))
    app = Small(small)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("home", "down", "down")
        assert app.view.current == 2
        small.clear()
        app.view.sync()
        await pilot.pause()
        assert "Nothing was logged yet." in text(app)
        small.append(fresh(range(100, 140)))
        app.view.sync()
        await pilot.pause()
        assert "number 100 done" in text(app)
        await pilot.press("home")
        assert app.view.current == small.first == 100
    small.close()


async def test_the_wheel_and_the_scrollbar_move_it(store: LogStore) -> None:
    store.append([line(TRACEBACK), *fresh(range(1, 2000)), line(TRACEBACK)])
    app = Small(store)
    async with app.run_test(size=NARROW) as pilot:
        view = app.view
        await pilot.press("T")
        assert view.show_vertical_scrollbar
        assert view.scroll_y == view.max_scroll_y
        view.scroll_relative(y=-3, animate=False, immediate=True)  # as a selection at the edge does
        await pilot.pause()
        assert not view.following
        assert text(app).splitlines()[-1].endswith("await app(scope, receive, send)")
        bar = Offset(79, 23)
        await pilot.mouse_down(offset=bar)
        await pilot.hover(offset=(79, 0))
        await pilot.mouse_up(offset=(79, 0))
        await met(pilot, lambda: view.scroll_y < 100)
        assert "Exception in ASGI" in text(app) or view.scroll_y > 0
        await pilot.press("home")
        assert view.scroll_y == 0
        await pilot.press("end")
        assert view.following


async def test_scrolled_row_by_row_every_row_is_seen_once(store: LogStore) -> None:
    store.append([line(TRACEBACK + f" {n}") for n in range(20)])
    app = Small(store)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("T", "home")
        seen = text(app).splitlines()
        while not app.view.following:
            app.view.scroll_rows(1)
            await pilot.pause()
            seen.append(text(app).splitlines()[-1])
        assert len(seen) == 20 * 7
        ends = [row.split()[-1] for row in seen if "KeyError" in row]
        assert ends == [str(n) for n in range(20)]


async def test_long_lines_are_cut_panned_and_wrapped(store: LogStore) -> None:
    long = "".join(f"[{n:03}]" for n in range(40))
    store.append([line(long), line("漢字" * 60), line("short")])
    app = Small(store)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.pause()
        assert app.view.cuts  # and says so
        assert CUT in text(app)
        assert "[039]" not in text(app)
        await pilot.press("shift+right", "shift+right", "shift+right", "shift+right")
        assert "[039]" in text(app)
        await pilot.press("shift+left", "shift+left", "shift+left", "shift+left", "left")
        assert "[000]" in text(app)
        assert app.view.toggle_wrap()
        await pilot.pause()
        rows = text(app).splitlines()
        assert CUT not in text(app)
        column = rows[0].index("[000]")
        start = next(y for y, row in enumerate(rows) if "漢" in row)
        assert "".join(row[column:] for row in rows[:start]) == long
        end = next(y for y, row in enumerate(rows) if "short" in row)
        assert "".join(row[column:] for row in rows[start:end]) == "漢字" * 60
        assert all(not row[:column].strip() for row in rows[1:start])


async def test_entries_fold_and_unfold_by_key_and_by_mouse(store: LogStore) -> None:
    store.append([line("before"), line(TRACEBACK, "error", "stderr"), line("after")])
    app = Small(store)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.pause()
        assert "7 lines · KeyError: 'plum'" in text(app)
        assert "starlette" not in text(app)
        x = text(app).splitlines()[1].index("▸")
        await pilot.click(offset=(x, 1))
        assert "starlette" in text(app)
        assert "▾" in text(app)
        await pilot.press("up", "up", "enter")
        assert "starlette" not in text(app)
        await pilot.press("T")
        assert "starlette" in text(app)
        assert app.view.current == 1


async def test_repeats_pending_lines_and_streams_are_told(store: LogStore) -> None:
    store.append([line("polling")] * 12)
    store.pend("stdout", AT, "downloading 40 %", 16)
    app = Small(store)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.pause()
        assert "polling \N{MULTIPLICATION SIGN}12" in text(app)
        assert text(app).splitlines()[1].endswith("downloading 40 % …")
        store.append([line("polling")])
        store.pend("stdout", AT, "x" * 50, 12_000_000)
        app.view.sync()
        await pilot.pause()
        assert "polling \N{MULTIPLICATION SIGN}13" in text(app)
        assert "… 12 MB so far" in text(app)
        store.pend("stdout", AT, "", 0)
        store.append([line("bad", "error", "stderr"), line("ours", "error", "console")])
        app.view.sync()
        await pilot.pause()
        assert [row[0] for row in text(app).splitlines()[:3]] == [" ", "▏", "●"]
        assert "so far" not in text(app)


async def test_times_and_columns_are_as_wide_as_there_is_room(store: LogStore) -> None:
    store.append([(time.time() - 30, Origin("stdout", "info", "shop", 1), "old", (), "", None)])
    store.append([(time.time() - 5, Origin("stdout", "warning", "shop", 2), "new", (), "r7", None)])
    app = Small(store)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.pause()
        assert text(app).splitlines()[0].split()[-3:] == ["shop", "1", "old"]
        assert app.view.current_request == "r7"
        assert app.view.cycle_times() == "relative"
        await pilot.pause()
        assert "30 s ago" in text(app) or "31 s ago" in text(app)
        assert app.view.cycle_times() == "delta"
        await pilot.pause()
        assert "+25.0" in text(app) or "+24.9" in text(app)
        assert app.view.cycle_times() == "off"
        await pilot.pause()
        assert text(app).splitlines()[1].startswith(" WARNING")
        assert app.view.cycle_times() == "absolute"
        await pilot.resize_terminal(*NARROW)
        await pilot.pause()
        assert text(app).splitlines()[1].split()[-2:] == ["WARN", "new"]


async def test_colours_of_the_output_and_links_are_drawn(store: LogStore) -> None:
    spans = (Span(0, 3, Ink(fore="#ff8800", bold=True)), Span(4, 8, Ink(link="https://x.test/")))
    store.append([line("hot link", spans=spans)])
    app = Small(store)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.pause()
        styles = {segment.text: segment.style for segment in app.view.render_line(0)}
        hot, link = styles["hot"], styles["link"]
        assert hot is not None
        assert hot.color is not None
        assert (hot.color.name, hot.bold) == ("#ff8800", True)
        assert link is not None
        assert (link.link, link.underline) == ("https://x.test/", True)
        opened: list[str] = []
        app.open_url = lambda url, new_tab=True: opened.append(url)  # type: ignore[method-assign, misc]  # no browser
        await pilot.press("up", "o")
        assert opened == ["https://x.test/"]


async def test_an_empty_log_says_so(store: LogStore) -> None:
    app = Small(store)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("up", "pageup", "home", "enter", "y", "m", "shift+up", "o", "T", "pagedown", "end")
        assert "Nothing was logged yet." in text(app)
        assert app.view.current is None
