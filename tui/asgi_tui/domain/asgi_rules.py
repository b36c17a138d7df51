"""Rules of the ASGI HTTP specification that a request's messages show broken.

Sections are those of https://asgi.readthedocs.io/en/latest/specs/www.html and, for bodies, of RFC 9110.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from asgi_tui.domain.events import Message, Verdict

START = "http.response.start"
BODY = "http.response.body"
# Other ways to send the last of a body (extensions "pathsend" and "zerocopysend").
_BODIES = (BODY, "http.response.pathsend", "http.response.zerocopysend")
# RFC 9110 6.4.1 and 15.4.5
_NO_BODY = (204, 304)


def check_http(
    method: str, messages: Sequence[Message], *, returned: bool, complete: bool
) -> tuple[Verdict, ...]:
    """The rules that a request broke, in order.

    ``returned``: the app did; one that raised or was cancelled owes nothing any more. ``complete``: no
    message was left out of ``messages``, so that what is missing was never sent.
    """
    return tuple(_verdicts(method, messages, returned=returned, complete=complete))


def _verdicts(
    method: str, messages: Sequence[Message], *, returned: bool, complete: bool
) -> Iterator[Verdict]:
    starts, ended, left, bodies = 0, False, False, 0
    status: int | None = None
    for message in messages:
        if message.type == "http.disconnect":
            left = True
        if message.direction != "send":
            continue
        if message.type == START:
            starts += 1
            status = message.status if starts == 1 else status
            if starts == 2:
                yield _broken("one response start", message, "Response Start")
            if message.status is None:
                yield _broken("status is a whole number", message, "Response Start")
        elif message.type in _BODIES:
            if not starts:
                yield _broken("response start comes before the body", message, "Response Body")
            if ended:
                yield _broken("nothing follows the final body", message, "Response Body")
            bodies += message.bytes
            ended = ended or not (message.type == BODY and message.more)
    last = messages[-1] if messages else Message("send", START, 0.0)
    if complete and returned and not left:
        if not starts:
            yield _broken("an app that returns has answered", last, "Response Start")
        elif not ended:
            yield _broken("an app that returns has sent the final body", last, "Response Body")
    if bodies and (method == "HEAD" or status in _NO_BODY):
        what = "HEAD" if method == "HEAD" else str(status)
        yield Verdict(f"no body on {what}", "app", BODY, "RFC 9110 6.4.1")


def _broken(rule: str, message: Message, section: str) -> Verdict:
    return Verdict(rule, "app", message.type, f"HTTP: {section}")
