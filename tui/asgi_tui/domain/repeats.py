"""Secrets of a call that stand in it once more: in its logs, its answer, an exception, another header."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

from asgi_tui.domain.calls import Body, Header, Item, Message, Raised
from asgi_tui.domain.events import Request
from asgi_tui.domain.masking import hide, hide_value, secret_words
from asgi_tui.domain.tracebacks import user_frames

Value = TypeVar("Value", Header, Item)


def without_repeats(call: Request) -> Request:
    """The call in which nothing that may be told repeats a secret that stands elsewhere in it."""
    scope = call.scope
    headers = [*scope.headers, *(header for message in call.messages for header in message.headers)]
    known = secret_words([scope.query, *(header.value for header in headers)], _sides(call))
    told = "\n".join(_told(call))
    known = tuple(word for word in known if word in told)
    if not known:
        return call
    logs = tuple(replace(record, text=hide(record.text, known)) for record in call.logs)
    return replace(
        call,
        messages=tuple(_message_without(message, known) for message in call.messages),
        scope=replace(scope, headers=_without(scope.headers, known), added=_without(scope.added, known)),
        body=_body_without(call.body, known),
        answer=_body_without(call.answer, known),
        logs=logs,
        error=None if call.error is None else _error_without(call.error, known),
    )


def _told(call: Request) -> Iterator[str]:
    """Every text that may repeat one."""
    yield from _shown(call.scope.headers, call.scope.added)
    for message in call.messages:
        yield message.error
        yield from _shown(message.headers, message.fields)
    yield from (body.text or "" for body in (call.body, call.answer))
    yield from (record.text for record in call.logs)
    if call.error is not None:
        yield from (call.error.type, call.error.message, call.error.traceback)


def _shown(headers: Iterable[Header], items: Iterable[Item]) -> Iterator[str]:
    yield from (str(header.value) for header in headers)
    yield from (str(item.value) for item in items)


def _sides(call: Request) -> Iterator[bytes]:
    """What was received and what was sent, of WebSockets too."""
    for direction in ("receive", "send"):
        yield b"\n".join(item.data for item in call.messages if item.direction == direction)


def _without(items: Iterable[Value], known: tuple[str, ...]) -> tuple[Value, ...]:
    return tuple(replace(item, value=hide_value(item.value, known)) for item in items)


def _message_without(message: Message, known: tuple[str, ...]) -> Message:
    if not (message.headers or message.fields or message.error):
        return message
    headers, fields = _without(message.headers, known), _without(message.fields, known)
    return replace(message, headers=headers, fields=fields, error=hide(message.error, known))


def _body_without(body: Body, known: tuple[str, ...]) -> Body:
    return body if body.text is None else replace(body, text=hide(body.text, known))


def _error_without(raised: Raised, known: tuple[str, ...]) -> Raised:
    text = hide(raised.traceback, known)
    kind, message = hide(raised.type, known), hide(raised.message, known)
    return replace(raised, type=kind, message=message, traceback=text, frames=user_frames(text))
