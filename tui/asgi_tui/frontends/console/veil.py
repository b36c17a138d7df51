"""What of one call may be read on the screen: secrets as their masks, or as they are once revealed. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property

from asgi_tui.domain.calls import Item, Message
from asgi_tui.domain.events import Request
from asgi_tui.domain.loose_masking import mask_loosely, secret_spans
from asgi_tui.domain.masking import is_secret_key, mask_body, mask_query, secret_words
from asgi_tui.domain.secret import Secret, revealed
from asgi_tui.domain.text import MASK, hiding, mask_secrets
from asgi_tui.frontends.console.answer_text import masked_json

BODIES = ("http.request", "http.response.body")  # messages that are parts of one body
CONTEXT = 4_096  # bytes of the parts before that are searched for the name of a secret


class Veil:
    """Shows the values of ``call``; ``lifted`` after the user asked to see its secrets."""

    def __init__(self, call: Request, *, lifted: bool = False) -> None:
        self._call = call
        self.lifted = lifted

    def value(self, value: str | Secret) -> str:
        """A value whose owner has said whether it is a secret."""
        if self.lifted:
            return revealed(value)
        return str(value) if isinstance(value, Secret) else self._without_known(value)

    def item(self, item: Item) -> str:
        """A key's value, which may hold secrets of its own."""
        if self.lifted or isinstance(item.value, Secret):
            return self.value(item.value)
        if is_secret_key(item.name) and item.value not in ("", "None", "null", "{}"):
            return MASK
        return self.text(item.value)

    def text(self, text: str) -> str:
        """Free text: a log record, an exception's message, a reason."""
        return text if self.lifted else self._without_known(mask_loosely(mask_secrets(text)))

    def json(self, text: str) -> str:
        """The text of a JSON value."""
        return text if self.lifted else self._without_known(masked_json(text))

    def form(self, text: str) -> str:
        """A form's body, or a query."""
        return text if self.lifted else self._without_known(str(mask_query(text)))

    def frame(self, message: Message, most: int | None = None) -> bytes:
        """The bytes of a message that are kept, to be read as text; a secret among them is its mask.

        ``most``: only so many of its first.
        """
        data = message.data[:most]
        if self.lifted or not data:
            return data
        if not self.split(message) and most is None:
            whole = mask_body(data, self._media(message))
            if whole is not None and MASK in whole:
                return self._without_known(whole).encode()
        return _replaced(data, self._with_known(data, self._spans(data, message)), lambda _: MASK.encode())

    def octets(self, data: bytes, message: Message | None = None) -> bytes:
        """The same to be read as bytes: each one of a secret is an asterisk, the others keep their places."""
        if self.lifted:
            return data
        found = self._with_known(data, self._spans(data, message))
        return _replaced(data, found, lambda length: b"*" * length)

    def split(self, message: Message) -> bool:
        """Whether it is one of several parts of a body, so that its data says little by itself."""
        return len(self._parts.get(message.type, ())) > 1 and id(message) in self._places

    # -- what is known to be a secret --------------------------------------------------------------

    def _without_known(self, text: str) -> str:
        return self._known.sub(MASK, text) if self._known is not None else text

    def _with_known(self, data: bytes, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
        if self._known is None:
            return spans
        # Latin-1 keeps every byte in its place.
        known = [found.span() for found in self._known.finditer(data.decode("latin-1"))]
        return sorted([*spans, *known]) if known else spans

    @cached_property
    def _known(self) -> re.Pattern[str] | None:
        """The call's own secrets, which its logs and bodies may repeat."""
        call = self._call
        headers = [*call.scope.headers, *(header for message in call.messages for header in message.headers)]
        return hiding(secret_words([call.scope.query, *(header.value for header in headers)]))

    def _spans(self, data: bytes, message: Message | None) -> list[tuple[int, int]]:
        """Where secrets lie in the beginning of a message, also one whose name stands in a part before it."""
        context = self._before(message) if message is not None and self.split(message) else b""
        skip = len(context)
        spans = secret_spans(context + data)
        return [(max(start - skip, 0), end - skip) for start, end in spans if end > skip]

    def _before(self, message: Message) -> bytes:
        """The end of what the parts before it hold of the body."""
        kept, parts = 0, []
        for part in self._parts[message.type][: self._places[id(message)]][::-1]:
            parts.append(part.data)
            kept += len(part.data)
            if kept >= CONTEXT:
                break
        return b"".join(parts[::-1])[-CONTEXT:]

    @cached_property
    def _parts(self) -> dict[str, list[Message]]:
        """The messages that are parts of one body, by their type."""
        return {kind: [item for item in self._call.messages if item.type == kind] for kind in BODIES}

    @cached_property
    def _places(self) -> dict[int, int]:
        """Where each part stands among the others, by message."""
        return {id(part): place for parts in self._parts.values() for place, part in enumerate(parts)}

    def _media(self, message: Message) -> str:
        body = {"http.request": self._call.body, "http.response.body": self._call.answer}.get(message.type)
        return body.media if body is not None else ""


def _replaced(data: bytes, spans: list[tuple[int, int]], mask: Callable[[int], bytes]) -> bytes:
    parts, at = [], 0
    for start, end in spans:
        if end > at:
            parts += [data[at:start], mask(end - max(start, at))]
            at = end
    return b"".join([*parts, data[at:]])
