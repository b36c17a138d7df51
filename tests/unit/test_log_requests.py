"""Which request a line of the log belongs to."""

from dataclasses import replace

from asgi_tui.domain.calls import LogRecord
from asgi_tui.domain.events import Request
from asgi_tui.domain.log_entry import Entry, Fresh, Origin
from asgi_tui.domain.text import MASK
from asgi_tui.engine.log_requests import MOST_SPENT, MOST_WAITING, RequestLines
from asgi_tui.engine.log_store import LogStore
from tests.console.calls import request

SHOP = Origin("stderr", "info", "shop")


def line(text: str, at: float, origin: Origin = SHOP, own: str = "") -> Fresh:
    return at, origin, text, (), own, None


def call(number: int, *texts: str, level: str = "info") -> Request:
    records = tuple(LogRecord(5.0 + n, level, "shop", text) for n, text in enumerate(texts))
    return replace(request(number), logs=records)


def told(store: LogStore) -> list[str]:
    return [entry.request for entry in store.entries(range(store.first, store.end))]


def test_lines_are_told_by_text_logger_level_process_and_time() -> None:
    one = call(1, "ordered 3", "paid by card")
    at = one.at + 0.006
    store = LogStore()
    store.append(
        [
            line("ordered 3", one.at - 1),
            line("ordered 3", at, Origin("stderr", "info", "other")),
            line("ordered 3", at, Origin("stderr", "warning", "shop")),
            line("ordered 3", at, Origin("stderr", "info", "shop", one.pid + 1)),
            line("ordered 3", at, own="its-own"),
            line("[app] ordered 3\nwith more", at),
            line("paid by card (42 EUR)", at, Origin("stdout")),
            line("ordered 3", one.at + 60),
        ]
    )
    assert RequestLines(store).take(one)
    assert told(store) == ["", "", "", "", "its-own", one.id, one.id, ""]


def test_each_line_is_of_one_call_and_each_record_has_one_line() -> None:
    calls = [call(n, "the same words") for n in (1, 2, 3)]
    calls = [replace(each, at=calls[0].at) for each in calls]
    store = LogStore()
    at = calls[0].at + 0.01
    store.append([line("the same words", at, replace_pid(n)) for n in range(2)])
    lines = RequestLines(store)
    assert [lines.take(each) for each in calls] == [True, True, False]
    assert told(store) == [calls[0].id, calls[1].id]


def replace_pid(number: int) -> Origin:
    """Lines that are alike one after the other would be one entry."""
    return SHOP._replace(stream=("stdout", "stderr")[number])


def test_a_line_that_comes_late_is_looked_for_once_more() -> None:
    one = call(1, "ordered 3")
    store = LogStore()
    lines = RequestLines(store)
    assert not lines.take(one)
    store.append([line("ordered 3", one.at + 0.01)])
    assert lines.logged()
    assert told(store) == [one.id]
    two = call(2, "never printed")
    assert not lines.take(two)
    assert not lines.logged()
    store.append([line("never printed", two.at + 0.01)])
    assert not lines.logged()


def test_a_secret_of_the_request_may_be_in_the_line() -> None:
    one = call(1, f"login of {MASK} failed")
    store = LogStore()
    store.append([line("login of s3cret failed", one.at + 0.01)])
    assert RequestLines(store).take(one)
    assert told(store) == [one.id]


def test_short_words_are_told_by_the_end_of_a_line() -> None:
    one = call(1, "ok")
    store = LogStore()
    store.append([line("ok so far", one.at + 0.01), line("shop: ok", one.at + 0.01)])
    assert RequestLines(store).take(one)
    assert told(store) == ["", one.id]


def test_telling_costs_little_in_a_flood() -> None:
    one = call(1, *(f"record number {n}" for n in range(100)))
    store = LogStore()
    store.append([line(f"flood {n}", one.at + n / 10_000) for n in range(20_000)])
    lines = RequestLines(store)
    looked: list[int] = []
    entry = store.entry

    def count(number: int) -> Entry | None:
        looked.append(number)
        return entry(number)

    store.entry = count  # type: ignore[method-assign] # to count
    lines.take(one)
    assert len(looked) <= MOST_SPENT + 20
    for number in range(MOST_WAITING * 2):
        lines.take(call(number, "never printed"))
    looked.clear()
    lines.logged()
    assert len(looked) <= (MOST_SPENT + 20) * MOST_WAITING
