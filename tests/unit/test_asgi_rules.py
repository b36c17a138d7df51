"""Each rule with messages that keep it and messages that break it."""

from __future__ import annotations

import pytest

from asgi_tui.domain.asgi_rules import check_http
from asgi_tui.domain.events import Message

REQUEST = Message("receive", "http.request", 0.0)
LEFT = Message("receive", "http.disconnect", 0.1)
START = Message("send", "http.response.start", 0.2, status=200)
PART = Message("send", "http.response.body", 0.3, bytes=5, more=True)
END = Message("send", "http.response.body", 0.4, bytes=5)


def broken(
    *messages: Message, method: str = "GET", returned: bool = True, complete: bool = True
) -> list[str]:
    return [verdict.rule for verdict in check_http(method, messages, returned=returned, complete=complete)]


@pytest.mark.parametrize(
    "messages",
    [
        (REQUEST, START, END),
        (START, END),
        (REQUEST, START, PART, PART, END),
        (REQUEST, START, Message("send", "http.response.pathsend", 0.3)),
        (REQUEST, LEFT),
        (REQUEST, START, PART, LEFT),
        (REQUEST, START, END, Message("send", "http.response.trailers", 0.5)),
    ],
)
def test_what_the_specification_allows(messages: tuple[Message, ...]) -> None:
    assert broken(*messages) == []


def test_what_it_forbids() -> None:
    assert broken(REQUEST, START, START, END) == ["one response start"]
    assert broken(REQUEST, END, START, END)[0] == "response start comes before the body"
    assert broken(START, END, END) == ["nothing follows the final body"]
    assert broken(REQUEST) == ["an app that returns has answered"]
    assert broken(REQUEST, START) == ["an app that returns has sent the final body"]
    assert broken(START, PART) == ["an app that returns has sent the final body"]
    no_status = Message("send", "http.response.start", 0.2)
    assert broken(no_status, END) == ["status is a whole number"]


def test_bodies_where_none_may_be() -> None:
    assert broken(START, END, method="HEAD") == ["no body on HEAD"]
    assert broken(Message("send", "http.response.start", 0.2, status=204), END) == ["no body on 204"]
    empty = Message("send", "http.response.body", 0.4)
    assert broken(START, empty, method="HEAD") == []


def test_after_an_exception_or_where_messages_were_left_out_nothing_is_owed() -> None:
    assert broken(REQUEST, returned=False) == []
    assert broken(REQUEST, START, complete=False) == []
