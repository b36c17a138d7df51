"""What is found, filtered, chosen, selected, copied and opened in the log."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from textual import events

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.log_filter import LogFilter, LogTerm
from asgi_tui.domain.needle import Needle
from asgi_tui.engine.log_sieve import Sieve
from asgi_tui.engine.log_store import LogStore
from asgi_tui.frontends.console.app import ConsoleApp
from asgi_tui.frontends.console.history import Place
from asgi_tui.frontends.console.log_search import Hits, LogSearch, Members
from asgi_tui.frontends.console.widgets import log_view
from asgi_tui.frontends.console.widgets.log_view import LogView
from tests.console.fake import FakeDriver, running
from tests.console.screen import focus, met
from tests.console.screen import until as screen_until
from tests.console.small_log import (
    NARROW,
    NOTHING,
    SERIOUS,
    TRACEBACK,
    WIDE,
    Small,
    fresh,
    line,
    text,
)


@pytest.fixture(autouse=True)
def no_desktop(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clipboard of whoever runs this is left alone."""

    async def nothing(text: str) -> None:
        del text

    monkeypatch.setattr(log_view, "copy_to_desktop", nothing)


@pytest.fixture
def store() -> Iterator[LogStore]:
    """An empty one."""
    made = LogStore()
    yield made
    made.close()


async def test_the_cursor_walks_lines_that_are_unfolded_and_tells_their_place(store: LogStore) -> None:
    store.append([line(TRACEBACK, "error", "stderr"), line("see app/views.py:31 for it"), line("nothing")])
    app = Small(store)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("up")
        assert (app.view.current, app.view.place) == (2, None)
        await pilot.press("up")
        assert app.view.place == Place("app/views.py", 31)
        await pilot.press("up")
        assert app.view.place == Place("/shop/cart.py", 12)
        await pilot.press("enter", "down", "down")
        assert app.view.current == 0
        assert app.view.place == Place("/venv/lib/python3.12/site-packages/starlette/routing.py", 70)
        await pilot.press("down", "down", "down", "down", "down")
        assert app.view.current == 1


async def test_what_is_copied_by_keyboard_is_whole_entries(store: LogStore) -> None:
    store.append([line("one"), line(TRACEBACK, "error"), line("x" * 3_000), line("four")])
    app = Small(store)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("up", "up", "up", "y")
        await met(pilot, lambda: len(app.copied) == 1)
        assert app.copied == [TRACEBACK]
        await pilot.press("shift+down", "shift+up", "shift+up", "y")
        await met(pilot, lambda: len(app.copied) == 2)
        assert app.copied[1] == f"one\n{TRACEBACK}"
        await pilot.press("down", "shift+down", "y")
        await met(pilot, lambda: len(app.copied) == 3)
        assert app.copied[2] == f"{TRACEBACK}\n{'x' * 3_000}"


async def test_what_is_selected_by_mouse_is_the_text_that_is_seen(store: LogStore) -> None:
    store.append([line("first 漢字 wide"), line(TRACEBACK, "error"), line("y" * 100), line("last")])
    app = Small(store)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.pause()
        app.view.toggle_wrap()
        await pilot.pause()
        rows = text(app).splitlines()
        x = rows[0].index("first")
        await pilot.mouse_down(offset=(x, 0))
        await pilot.hover(offset=(x + 9, 0))  # the second cell of the second wide character
        await pilot.mouse_up(offset=(x + 9, 0))
        assert app.screen.get_selected_text() in ("first 漢字", "first 漢字 ")
        assert not app.view.following
        await pilot.mouse_down(offset=(x, 1))
        await pilot.hover(offset=(x + 3, 4))
        await pilot.mouse_up(offset=(x + 3, 4))
        clock = rows[2][1:9]
        chosen = app.screen.get_selected_text()
        folded = "Exception in ASGI application\nKeyError: 'plum'"
        assert chosen == f"{folded}\n{clock} INFO  {'y' * 100}\n{clock} INFO  last"
        await pilot.press("y")
        await met(pilot, lambda: bool(app.copied))
        assert app.copied == [chosen]


async def test_a_selection_stays_on_its_text_while_the_log_moves(store: LogStore) -> None:
    store.append(fresh(range(300)))
    app = Small(store)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("pageup")
        x = text(app).splitlines()[5].index("request")
        await pilot.mouse_down(offset=(x, 5))
        await pilot.hover(offset=(x + 30, 6))
        await pilot.mouse_up(offset=(x + 30, 6))
        chosen = app.screen.get_selected_text()
        assert chosen is not None
        assert chosen.count("\n") == 1
        store.append(fresh(range(300, 400)))
        app.view.sync()
        app.view.scroll_rows(-50)
        await pilot.pause()
        assert app.screen.get_selected_text() == chosen


async def test_a_selection_at_the_edge_scrolls_and_takes_what_comes(store: LogStore) -> None:
    store.append(fresh(range(300)))
    app = Small(store)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("pageup", "pageup")
        view = app.view
        before = view.scroll_y
        await pilot.mouse_down(offset=(30, 12))
        app.screen._forward_event(
            events.MouseMove(None, 30, 0, 0, -12, 1, False, False, False, screen_x=30, screen_y=0)
        )
        await met(pilot, lambda: view.scroll_y < before - 5)
        rows = (app.screen.get_selected_text() or "").count("\n")
        await met(pilot, lambda: (app.screen.get_selected_text() or "").count("\n") > rows + 3)
        await pilot.mouse_up(offset=(30, 0))


async def test_filter_and_search_show_what_a_sieve_finds(store: LogStore) -> None:
    store.append(fresh(range(5_000), lambda n: "error" if n % 10 == 3 else "info"))
    needle = Needle("number 1?33 ", regex=True)
    app = Small(store)
    async with app.run_test(size=WIDE) as pilot:
        view = app.view
        view.set_filter(SERIOUS)
        view.set_needle(needle)
        await met(pilot, lambda: view.complete and view.hits.complete)
        sieve = Sieve(store, SERIOUS, needle)
        while not sieve.advance(1):
            pass
        expected = [sieve.at(rank) for rank in range(len(sieve))]
        assert view.hits.total == len(expected) > 1
        assert view.shown == 500
        assert numbers(view._search.members) == list(range(3, 5_000, 10))
        assert view.current == expected[-1]
        highlighted = set()
        found = [view._painter.style("found"), view._painter.style("here")]
        view.action_top()
        while not view.following:
            for y, (spot, _) in enumerate(view._drawn):
                if any(segment.style in found for segment in view._row(y)):
                    highlighted.add(spot.number)
            view.action_page(1)
        assert sorted(highlighted) == expected


async def test_steps_go_from_hit_to_hit_and_round(store: LogStore) -> None:
    store.append(fresh(range(1_000)))
    app = Small(store)
    async with app.run_test(size=NARROW) as pilot:
        view = app.view
        view.set_needle(Needle("NUMBER 50"))
        await met(pilot, lambda: view.hits.complete)
        assert view.hits == Hits(10, 11)
        assert view.current == 509
        assert not view.following
        view.step_hit(1)
        assert view.current == 50
        view.step_hit(-1)
        view.step_hit(-1)
        assert (view.current, view.hits.index) == (508, 9)
        store.append(fresh(range(500, 510)))
        view.sync()
        await met(pilot, lambda: view.hits.complete and view.hits.total == 21)
        assert view.hits.index == 9
        with pytest.raises(Problem):
            view.set_needle(Needle("(", regex=True))
        view.set_needle(None)
        assert view.hits == Hits()


async def test_a_filter_keeps_what_is_read_in_sight_and_old_rows_until_there_are_new_ones(
    store: LogStore,
) -> None:
    store.append(fresh(range(5_000), lambda n: "error" if n % 50 == 7 else "info"))
    app = Small(store)
    async with app.run_test(size=NARROW) as pilot:
        view = app.view
        view.go_to(2_500)
        await pilot.pause()
        y = next(y for y, row in enumerate(text(app).splitlines()) if "number 2500 " in row)
        view.set_filter(SERIOUS)
        assert "number 2500 " in "".join(view.render_line(row).text for row in range(24))
        await met(pilot, lambda: view.complete)
        assert "number 2507 " in text(app).splitlines()[y]
        assert "number 2500 " not in text(app)
        view.set_filter(NOTHING)
        await met(pilot, lambda: view.complete)
        assert "No entry passes the filter." in text(app)
        view.set_filter(LogFilter())
        await pilot.pause()
        assert view.shown == 5_000
        view.follow()
        view.set_filter(SERIOUS)
        await met(pilot, lambda: view.complete)
        assert view.following
        assert "number 4957 " in text(app).splitlines()[-1]


async def test_marks_and_errors_are_stepped_to(store: LogStore) -> None:
    store.append(fresh(range(500), lambda n: "error" if n in (100, 300) else "info"))
    app = Small(store)
    async with app.run_test(size=NARROW) as pilot:
        view = app.view
        await pilot.press("left_square_bracket")
        await met(pilot, lambda: view.current == 300)
        await pilot.press("m", "left_square_bracket")
        await met(pilot, lambda: view.current == 100)
        await pilot.press("m")
        assert "★" in text(app)
        assert view.marked == {100, 300}
        await pilot.press("full_stop")
        assert view.current == 300
        await pilot.press("full_stop")
        assert view.current == 100
        await pilot.press("comma")
        assert view.current == 300
        await pilot.press("right_square_bracket")
        await met(pilot, lambda: any("no error below" in note.message for note in app._notifications))
        await pilot.press("m")
        assert view.marked == {100}


async def test_entries_on_disk_are_read_in_a_thread() -> None:
    small = LogStore(lines=2_000)
    small.append(fresh(range(30_000)))
    assert small.entry(0) is None
    app = Small(small)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("home")
        await met(pilot, lambda: "number 0 done" in text(app))
        assert "reading from disk" not in text(app)
        await pilot.press("shift+down", "y")
        await met(pilot, lambda: bool(app.copied))
        assert app.copied == ["request number 0 done\nrequest number 1 done"]
    small.close()


async def test_the_place_of_an_entry_is_opened_by_key_and_by_mouse(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Place] = []
    monkeypatch.setattr(ConsoleApp, "action_open_place", lambda _, place: opened.append(place))
    app = running(FakeDriver())
    async with app.run_test(size=WIDE) as pilot:
        await screen_until(pilot, app, "READY")
        app.model.logs.append([line(TRACEBACK, "error", "stderr"), line("see app/views.py:31 for it")])
        view = app.screen.query_one(LogView)
        await focus(pilot, view)
        view.sync()
        await pilot.press("up", "o")
        assert opened == [Place("app/views.py", 31)]
        rows = len(view._drawn)
        await pilot.click(view, offset=(60, rows - 2), control=True)
        assert opened[1:] == [Place("/shop/cart.py", 12)]


async def test_what_is_followed_stays_followed_with_another_filter_and_with_late_hits(
    store: LogStore,
) -> None:
    store.append(fresh(range(2_000), lambda n: "error" if n % 10 == 3 else "info"))
    app = Small(store)
    async with app.run_test(size=NARROW) as pilot:
        view = app.view
        view.set_needle(Needle("number 3100 "))
        await met(pilot, lambda: view.hits.complete)
        assert view.hits == Hits(None, 0)
        view.set_filter(SERIOUS)
        await met(pilot, lambda: view.complete and view.hits.complete)
        view.set_filter(LogFilter())
        store.append(fresh(range(2_000, 4_000)))
        view.sync()
        await met(pilot, lambda: view.hits.complete and view.hits.total == 1)
        assert view.following
        assert "number 3999 " in text(app)
        view.step_hit(1)
        assert (view.current, view.hits.index, view.following) == (3_100, 0, False)


def numbers(members: Members) -> list[int]:
    """All of them."""
    return [members.at(rank) for rank in range(len(members))]


def test_a_filter_takes_over_with_its_first_result_and_not_before(store: LogStore) -> None:
    store.append(fresh(range(20_000)))
    search = LogSearch(store)
    search.set_filter(LogFilter((LogTerm("number 0 ", content=Needle("number 0 ")),)), None)
    turns = 0
    while not search.settle():
        assert (len(search.members), search.shown, search.complete) == (20_000, 0, False)
        search.advance(0)
        turns += 1
    assert turns > 2
    assert (numbers(search.members), len(search.members), search.shown) == ([0], 1, 1)


async def test_a_selection_of_a_line_that_is_panned_takes_what_is_seen(store: LogStore) -> None:
    store.append([line("".join(f"[{n:03}]" for n in range(40)))])
    app = Small(store)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("shift+right", "shift+right")
        x = text(app).index("[020]")
        await pilot.mouse_down(offset=(x, 0))
        await pilot.hover(offset=(x + 9, 0))
        await pilot.mouse_up(offset=(x + 9, 0))
        assert app.screen.get_selected_text() == "[020][021]"
        await pilot.pause()
        background = app.view.get_component_rich_style("log--selected").bgcolor
        strip = app.screen._compositor.render_strips()[0]
        marked = [segment.text for segment in strip if segment.style and segment.style.bgcolor == background]
        assert "".join(marked) == "[020][021]"


@pytest.mark.parametrize("wrap", [False, True])
async def test_a_step_shows_the_place_that_was_found(store: LogStore, wrap: bool) -> None:
    filler = "\n".join(f"row {n}" for n in range(60))
    store.append(
        [*fresh(range(50)), line(f"Traceback\n{filler}\nhere a plum\nend", "error"), *fresh(range(50))]
    )
    store.append([line(f"{'x' * 4_990} a plum {'y' * 5_000}"), *fresh(range(50))])
    app = Small(store)
    async with app.run_test(size=NARROW) as pilot:
        app.view.wrap = wrap
        await pilot.press("home")
        app.view.set_needle(Needle("plum"))
        await met(pilot, lambda: app.view.hits.complete and app.view.hits.total == 2)
        for _ in range(4):
            app.view.step_hit(1)
            await pilot.pause()
            assert "a plum" in text(app)


async def test_the_current_entry_stays_in_sight_when_the_room_changes(store: LogStore) -> None:
    store.append(fresh(range(50)))
    app = Small(store)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("up", "up")
        for size in (WIDE, NARROW):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert "number 48 done" in text(app)
