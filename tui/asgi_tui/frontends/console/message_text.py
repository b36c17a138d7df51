"""One step of a call in full: every key of a message, its headers, its body. Pure."""

from __future__ import annotations

from asgi_tui.domain.calls import Message, Verdict
from asgi_tui.domain.close_codes import meaning
from asgi_tui.domain.events import Request
from asgi_tui.frontends.console.body_text import body_lines, coding_of
from asgi_tui.frontends.console.lines import BLANK, Line, line, pair, sentence, table, title, visible
from asgi_tui.frontends.console.request_row import running
from asgi_tui.frontends.console.request_text import ended, error_head, verdict_lines
from asgi_tui.frontends.console.scope_text import scope_lines
from asgi_tui.frontends.console.sequence_text import Step, stamp, status_words
from asgi_tui.frontends.console.veil import Veil

GAP = "The first and the last messages of a call are kept; those in between were only counted."


def step_lines(
    call: Request, step: Step, veil: Veil, *, now_ms: float = 0.0, as_hex: bool = False, width: int = 80
) -> list[Line]:
    """Everything of one step."""
    verdicts = [item for item in call.verdicts if item.n == step.n]
    match step.kind:
        case "scope":
            return [*_verdicts(verdicts), *scope_lines(call, veil)]
        case "gap":
            return [title(f"{call.left_out:,} messages left out"), BLANK, sentence(GAP)]
        case "end":
            error = error_head(call, veil) if call.outcome == "raised" else []
            return [title("The end of the call"), *_verdicts(verdicts), BLANK, *ended(call), *error]
    assert step.message is not None
    return _message(call, step, step.message, verdicts, veil, now_ms, as_hex=as_hex, width=width)


def _message(
    call: Request,
    step: Step,
    message: Message,
    verdicts: list[Verdict],
    veil: Veil,
    now_ms: float,
    *,
    as_hex: bool,
    width: int,
) -> list[Line]:
    style = "received" if message.direction == "receive" else "sent"
    told = f"  #{message.n} {message.direction}"
    lines = [line((message.type or f"a {message.direction} that waits", style), (told, "muted"), hang=2)]
    lines.append(line((_times(step, message, call, now_ms), "muted"), hang=2))
    if message.error:
        lines.append(line((f"✗ the call raised {veil.text(message.error)}", "failed"), hang=2))
    lines += _verdicts(verdicts)
    if not message.type:
        return lines
    lines += [BLANK, *_keys(message, veil)]
    if message.headers or message.header_fault:
        lines += [BLANK, title("headers", f"{len(message.headers)}, as bytes on the wire")]
        if message.header_fault:
            lines.append(sentence(f"  ▲ {message.header_fault}", "warned"))
        lines += table([(item.name, veil.value(item.value)) for item in message.headers])
    if message.bytes or message.data:
        lines += [
            BLANK,
            title(_data_key(message), f"{message.bytes:,} bytes"),
            *_data(call, message, veil, as_hex=as_hex, width=width),
        ]
    return lines


def _times(step: Step, message: Message, call: Request, now_ms: float) -> str:
    since = stamp(max(step.at_ms - step.before_ms, 0.0), delta=True)
    parts = [f"at {stamp(message.at_ms)}, {since}"]
    if message.waited_ms is not None:
        parts.append(f"took {stamp(message.waited_ms)}")
    elif call.outcome == "open":
        parts.append(f"waiting for {running(max(now_ms - message.at_ms, 0.0))}")
    else:
        parts.append("never returned")
    return " · ".join(parts)


def _keys(message: Message, veil: Veil) -> list[Line]:
    """Each key but headers and data, which stand below: name, type, value."""
    rows: list[tuple[str, str]] = [("type", f'"{message.type}"')]
    if message.status is not None:
        rows.append(("status", status_words(message.status)))
    for item in message.fields:
        value = veil.item(item)
        said = meaning(value) if item.name == "code" else ""
        rows.append((item.name, f"{value}  {said}".rstrip() if value else "empty"))
    if message.more or message.type in ("http.request", "http.response.body"):
        rows.append(("more_body", "True" if message.more else "False"))
    if not message.bytes and message.type in ("http.request", "http.response.body"):
        rows.append(("body", 'b""'))
    kinds = {"status": "int", "type": "str", "more_body": "bool"} | dict(message.kinds)
    width = max(len(visible(name)) for name, _ in rows)
    kind_width = max(len(visible(kinds.get(name, ""))) for name, _ in rows)
    lines = []
    for name, value in rows:
        made = pair(name, value, width)
        kind = f"{visible(kinds.get(name, '')):<{kind_width}}  "
        lines.append(line(*made.pieces[:3], (kind, "dim"), *made.pieces[3:], hang=made.hang + len(kind)))
    return lines


def _data_key(message: Message) -> str:
    if message.type in ("websocket.receive", "websocket.send"):
        return "bytes" if message.kinds.get("bytes", "NoneType") != "NoneType" else "text"
    return "body"


def _data(call: Request, message: Message, veil: Veil, *, as_hex: bool, width: int) -> list[Line]:
    media, coding = "", ""
    if message.type == "http.request":
        media, coding = call.body.media, coding_of(call.scope.headers)
    elif message.type == "http.response.body":
        starts = [item for item in call.messages if item.type == "http.response.start"]
        media, coding = call.answer.media, coding_of(starts[0].headers) if starts else ""
    return body_lines(
        message.data, message.bytes, media, veil, coding=coding, as_hex=as_hex, width=width, message=message
    )


def _verdicts(verdicts: list[Verdict]) -> list[Line]:
    return [row for verdict in verdicts for row in verdict_lines(verdict, here=True)]
