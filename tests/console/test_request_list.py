"""What is kept of the requests, and how one is told in a row."""

from dataclasses import replace

import pytest

from asgi_tui.domain.calls import Body, Message, Scope
from asgi_tui.domain.events import Request
from asgi_tui.domain.text import MASK
from asgi_tui.frontends.console.request_filter import parse
from asgi_tui.frontends.console.request_list import MAX_CALLS, RequestList, weight
from asgi_tui.frontends.console.request_row import arrange, cell, gap, lifespan_words, running
from tests.console.calls import failed, lifespan, request, websocket
from tests.console.fake import AT


def kept(requests: RequestList) -> list[str]:
    return [call.id for call in requests]


def rows(requests: RequestList) -> list[str]:
    found = [requests.call(number) for number in requests.rows]
    return [call.id for call in found if call is not None]


def filled(*calls: Request, maximum: int = 10, max_bytes: int = 64_000_000) -> RequestList:
    requests = RequestList(maximum, max_bytes)
    for call in calls:
        requests.add(call)
    return requests


def test_the_newest_are_kept() -> None:
    requests = filled(*(request(n) for n in range(MAX_CALLS + 500)), maximum=MAX_CALLS)
    assert len(requests) == MAX_CALLS == len(requests.rows)
    assert requests.evicted == 500
    assert kept(requests)[0] == rows(requests)[0] == "4242-500"
    assert requests.find("4242-499") is None
    assert requests.call(499) is None
    assert requests.call(500) == request(500)


def test_what_is_kept_is_bounded_in_bytes_too() -> None:
    large = [
        replace(request(n), messages=(Message("send", "http.response.body", 1.0, data=bytes(100_000)),))
        for n in range(10)
    ]
    requests = filled(*large, maximum=100, max_bytes=350_000)
    assert kept(requests) == ["4242-7", "4242-8", "4242-9"]
    assert 300_000 < requests.bytes <= 350_000
    # a call that grows counts anew, and the newest stays whatever its size
    requests.add(replace(large[9], answer=Body(400_000, data=bytes(400_000))))
    assert kept(requests) == ["4242-9"]
    requests.add(request(11))
    assert kept(requests) == ["4242-11"]
    assert requests.bytes == weight(request(11))


def test_all_that_may_be_large_has_its_weight() -> None:
    empty, text = weight(request()), "x" * 50_000
    good = request()
    for call in (
        replace(good, path=text),
        replace(good, scope=Scope(query=text)),
        replace(good, body=Body(1, text=text)),
        replace(good, logs=(replace(good.logs[0], text=text),)),
        replace(failed(), error=replace(failed().error, traceback=text)),  # type: ignore[type-var]  # it has one
    ):
        assert weight(call) > empty + 45_000


def test_what_goes_on_keeps_its_place() -> None:
    begun = replace(websocket(1), outcome="open", messages=())
    requests = filled(begun, request(2))
    numbers = list(requests.rows)
    requests.add(replace(begun, messages=websocket(1).messages[:2]))
    requests.add(websocket(1))
    assert kept(requests) == ["4242-1", "4242-2"]
    assert requests.rows == numbers
    assert requests.find("4242-1") == websocket(1)


def test_the_filter_decides_anew_with_each_news() -> None:
    requests = filled(request(1), replace(request(2), outcome="open"), request(3))
    requests.narrow(parse("is:open"))
    assert rows(requests) == ["4242-2"]
    requests.add(replace(request(1), outcome="open"))
    assert rows(requests) == ["4242-1", "4242-2"]
    requests.add(request(2))
    requests.add(request(4))
    assert rows(requests) == ["4242-1"]
    requests.narrow(parse(""))
    assert rows(requests) == kept(requests) == ["4242-1", "4242-2", "4242-3", "4242-4"]


def test_rows_of_evicted_calls_go() -> None:
    requests = filled(request(1), maximum=2)
    requests.narrow(parse("items"))
    for number in range(2, 5):
        requests.add(request(number))
    assert rows(requests) == ["4242-3", "4242-4"]


def test_a_pause_keeps_what_comes_within_the_bound() -> None:
    requests = filled(request(1), replace(request(2), outcome="open"), maximum=3)
    requests.pause()
    for number in (2, 3, 4, 5, 6):
        requests.add(request(number))
    assert requests.waiting == 3
    assert [call.outcome for call in requests] == ["returned", "open"]
    # one that is read goes on
    assert requests.find("4242-6") == request(6)
    requests.resume()
    assert (requests.waiting, requests.paused) == (0, False)
    assert kept(requests) == rows(requests) == ["4242-4", "4242-5", "4242-6"]


def test_clearing_forgets_what_waits_too() -> None:
    requests = filled(request(1))
    requests.narrow(parse("items"))
    requests.pause()
    requests.add(request(2))
    requests.clear()
    assert (len(requests), requests.rows, requests.waiting, requests.bytes) == (0, [], 0, 0)
    requests.resume()
    requests.add(request(3))
    assert rows(requests) == ["4242-3"]
    assert requests.narrowed.text == "items"


def test_what_is_beside_a_call() -> None:
    requests = filled(*(request(n, status=200 + n % 2) for n in range(6)))

    def beside(number: int, by: int) -> str | None:
        call = requests.beside(number, by)
        return call.id if call is not None else None

    assert beside(2, 1) == "4242-3"
    assert beside(2, -1) == "4242-1"
    assert beside(0, -1) is beside(5, 1) is beside(99, 1) is None
    # one that is kept no more, or never was
    assert (beside(-1, 1), beside(99, -1), beside(-1, -1)) == ("4242-0", "4242-5", None)
    requests.narrow(parse("status:200"))
    assert (beside(2, 1), beside(2, -1)) == ("4242-4", "4242-0")
    assert (beside(3, 1), beside(3, -1)) == ("4242-4", "4242-2")


# -- rows ------------------------------------------------------------------------------------------


def told(call: Request, width: int = 200, now: float = AT + 90) -> dict[str, str]:
    return {column.name: cell(column, call, now).text for column in arrange(width)}


@pytest.mark.parametrize(
    ("width", "names"),
    [
        (60, "time method path rules status took"),
        (76, "time method path rules status took"),
        (116, "time method path route rules status took size worker"),
        (196, "time method path route rules status took size server worker"),
    ],
)
def test_columns_have_room_by_their_worth(width: int, names: str) -> None:
    columns = arrange(width)
    assert " ".join(column.name for column in columns) == names
    assert sum(column.width for column in columns) + gap(width) * (len(columns) - 1) == width


def test_a_row_tells_each_outcome_without_a_colour() -> None:
    assert told(request(1)) | {"time": ""} == {
        "time": "",
        "method": "GET",
        "path": f"/items/7?page=2&token={MASK}",
        "route": "/items/{item_id}",
        "rules": "",
        "status": "200",
        "took": "12 ms",
        "size": "25 B",
        "server": "uvicorn",
        "worker": "4242",
    }
    assert [told(failed())[name] for name in ("status", "rules")] == ["✗ 500", "▲1"]
    assert told(replace(failed(), status=None))["status"] == "✗"
    for outcome in ("cancelled", "gone"):
        assert told(replace(request(), outcome=outcome, status=None))["status"] == "⊘"
    assert told(replace(request(), status=None))["status"] == "-"
    assert told(request(1, ms=2_340.0))["took"] == "! 2.3 s"
    begun = replace(request(1, ms=3.0), outcome="open")
    assert [told(begun)[name] for name in ("status", "took")] == ["◌ 200", "89.0 s"]
    assert [told(websocket())[name] for name in ("method", "status", "size", "took")] == [
        "WS",
        "101",
        "12 B",
        "61 ms",
    ]
    assert [told(lifespan())[name] for name in ("path", "status", "size")] == ["startup complete", "◌", ""]


def test_a_row_shows_nothing_that_moves_a_cursor() -> None:
    hostile = "/\x1b[31mred\x1b]0;t\x07\u202e\r\n"
    call = replace(request(), path=hostile, route=f"GET {hostile}", method="G\x1bT", server="u\x07")
    assert [name for name, text in told(call).items() if not text.isprintable()] == []


def test_words_of_a_lifespan() -> None:
    life = lifespan()
    begun = replace(life, messages=life.messages[:1])
    assert lifespan_words(begun) == "startup begun"
    assert lifespan_words(replace(life, messages=())) == "begun"
    assert lifespan_words(replace(life, messages=(), outcome="raised")) == "not supported by the app"
    end = Message("send", "lifespan.shutdown.complete", 9.0)
    assert lifespan_words(replace(life, messages=(*life.messages, end))) == "shutdown complete"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0121, "12 ms"), (12.44, "12.4 s"), (753, "12:33"), (7_953, "2:12:33"), (273_600, "3 d 4 h")],
)
def test_how_long_something_runs(seconds: float, words: str) -> None:
    assert running(seconds * 1000) == words
