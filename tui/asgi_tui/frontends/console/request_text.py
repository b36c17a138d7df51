"""What is known of a call beside its messages: head, error, log records, rules, bodies. Pure."""

from __future__ import annotations

from asgi_tui.domain.asgi_rules import explain
from asgi_tui.domain.calls import Body, LogRecord, Verdict
from asgi_tui.domain.close_codes import meaning
from asgi_tui.domain.events import Request
from asgi_tui.domain.frames import Frame
from asgi_tui.frontends.console import format as show
from asgi_tui.frontends.console.answer_text import PAGES
from asgi_tui.frontends.console.body_text import body_lines, coding_of, plain_name
from asgi_tui.frontends.console.history import Place
from asgi_tui.frontends.console.lines import BLANK, Line, Piece, line, sentence, table, title
from asgi_tui.frontends.console.request_row import CANCELLED, FAILED, OPEN, running
from asgi_tui.frontends.console.scope_text import scope_type
from asgi_tui.frontends.console.sequence_text import MARKS, stamp, status_style, status_words, steps
from asgi_tui.frontends.console.veil import Veil

_OUTCOMES: dict[str, tuple[str, str]] = {
    "returned": ("app returned", "muted"),
    "raised": (f"{FAILED} app raised", "failed"),
    "cancelled": (f"{CANCELLED} app was cancelled", "warned"),
    "gone": (f"{FAILED} its process is gone", "failed"),
    "open": (f"{OPEN} goes on", "received"),
}
_LOG_STYLES = {"warning": "warned", "error": "failed", "critical": "failed", "debug": "muted"}
_LEVEL_WORDS = {"error": "error", "warning": "warning", "info": "note"}


def head_lines(call: Request, veil: Veil, now_ms: float) -> list[Line]:
    """The call in two lines: what was asked and answered, and who served it."""
    query = veil.value(call.scope.query)
    path = veil.text(call.path) + (f"?{query}" if query else "")
    kind = scope_type(call)
    took = running(now_ms) if call.outcome == "open" else show.duration(call.duration_ms)
    first: list[Piece] = [(call.method, "title"), f" {path}".rstrip(), "  "]
    if call.status is not None and kind != "lifespan":
        first += [(status_words(call.status), status_style(call.status)), "  "]
    elif kind != "lifespan" and call.outcome != "open":
        first += [("no response from the app", "failed"), "  "]
    sizes = [(call.bytes_in, "in"), (call.bytes_out, "out")]
    passed = ", ".join(f"{show.size(number)} {way}" for number, way in sizes if number)
    first += [(took, "bold"), (f"  {passed}" if passed else "", "muted")]
    if veil.lifted:
        first += ["  ", (" SECRETS SHOWN ", "alarm")]
    version = f"HTTP/{call.scope.http_version}" if call.scope.http_version else ""
    known = [call.route, call.server, f"worker {call.pid}", version, show.clock(call.at)]
    second: list[Piece] = [(" · ".join(item for item in known if item), "muted"), (" · ", "muted")]
    second.append(_OUTCOMES.get(call.outcome, (call.outcome, "muted")))
    if closing := closed(call, veil):
        second += [(" · ", "muted"), (closing, "plain")]
    return [line(*first, hang=2), line(*second, hang=2)]


def closed(call: Request, veil: Veil) -> str:
    """Who closed a WebSocket, and how; empty while it is open."""
    for message in call.messages:
        if message.type in ("websocket.close", "websocket.disconnect"):
            values = {item.name: veil.item(item) for item in message.fields}
            code = values.get("code", "") or ("1000" if message.type == "websocket.close" else "1005")
            by = "the app" if message.type == "websocket.close" else "the client"
            if message.type == "websocket.disconnect" and code in ("1006", "1012"):
                by = "neither side" if code == "1006" else "the server"
            why = f": {values['reason']}" if values.get("reason", "") not in ("", "None") else ""
            return f"closed by {by}, {code} {meaning(code)}{why}".rstrip()
    return ""


def ended(call: Request) -> list[Line]:
    """How and when a call ended."""
    said, style = _OUTCOMES.get(call.outcome, (call.outcome, "muted"))
    rows = [("response ended at", stamp(call.duration_ms))] if scope_type(call) == "http" else []
    if call.returned_ms is not None:
        rows.append(("the app's call ended at", stamp(call.returned_ms)))
    return [line((f"{said[:1].upper()}{said[1:]}", style)), *table(rows)]


# -- error -------------------------------------------------------------------------------------------


def error_head(call: Request, veil: Veil) -> list[Line]:
    """The exception in a line; nothing without one."""
    error = call.error
    if error is None:
        return []
    message = veil.text(error.message)
    said = f"✗ {error.type}: {message}" if message else f"✗ {error.type}"
    return [line((row, "failed"), hang=2) for row in said.split("\n")]


def error_lines(call: Request, veil: Veil, cwd: str = "", *, unfolded: bool = False) -> list[Line]:
    """The exception with the user's frames, or ``unfolded`` the whole traceback."""
    error = call.error
    if error is None:
        said = (
            "raised no exception so far" if call.outcome == "open" else "raised no exception and logged none"
        )
        return [sentence(f"The app {said}.")]
    lines = error_head(call, veil)
    if error.logged:
        lines.append(sentence("The app logged it; its call did not raise."))
    lines += [BLANK, title("Traceback, your code only", "the innermost last")]
    for frame in error.frames:
        lines += _frame(frame, veil, cwd)
    if not error.frames:
        lines.append(sentence("  No frame of it is yours."))
    hidden = max(error.traceback.count('  File "') - len(error.frames), 0)
    if unfolded:
        rows = veil.text(error.traceback).rstrip().split("\n")
        return [*lines, BLANK, title("The whole traceback"), *(line("  ", row, hang=6) for row in rows)]
    if error.traceback:
        word = "frame" if hidden == 1 else "frames"
        said = (
            f"{hidden:,} {word} of installed code folded; u unfolds"
            if hidden
            else "u shows it as Python wrote it"
        )
        lines.append(sentence(f"  {said}"))
    return lines


def _frame(frame: Frame, veil: Veil, cwd: str) -> list[Line]:
    file = frame.file.removeprefix(f"{cwd}/") if cwd else frame.file
    where = show.place(file, frame.line)
    head = line(
        "  ",
        (where, "link"),
        (f" in {frame.function}", "muted"),
        hang=4,
        target=Place(frame.file, frame.line),
    )
    code = frame.code.strip()
    return [head, line("    ", veil.text(code), hang=6)] if code else [head]


# -- logs --------------------------------------------------------------------------------------------


def log_lines(call: Request, veil: Veil, cwd: str = "") -> list[Line]:
    """The call's own log records."""
    if not call.logs:
        return [sentence("No record was logged while it was handled.")]
    width = max(len(record.logger) for record in call.logs)
    return [row for record in call.logs for row in _record(record, min(width, 24), veil, cwd)]


def _record(record: LogRecord, width: int, veil: Veil, cwd: str) -> list[Line]:
    level = record.level.lower()
    file = record.file.removeprefix(f"{cwd}/") if cwd else record.file
    where = show.place(file, record.line or None)
    first, *others = veil.text(record.text).split("\n")
    style = _LOG_STYLES.get(level, "good")
    head = f"{stamp(record.at_ms, delta=True):>11}  "
    lines = [
        line(
            (head, "muted"),
            (f"{level.upper():<8} ", style),
            (f"{record.logger:<{width}}  ", "name"),
            first,
            ("  ", "plain"),
            (where, "link"),
            hang=13,
            target=Place(record.file, record.line or None) if record.file else None,
        )
    ]
    return [*lines, *(line(" " * 22, row, hang=24) for row in others)]


# -- rules -------------------------------------------------------------------------------------------


def rule_lines(call: Request) -> list[Line]:
    """The rules that were broken, each with its message and its section."""
    if not call.verdicts:
        said = "so far, " if call.outcome == "open" else ""
        return [sentence(f"No rule of the ASGI specification was broken {said}by the app or the server.")]
    rows = {step.n: index for index, step in enumerate(steps(call))}
    lines: list[Line] = []
    for verdict in call.verdicts:
        lines += [*verdict_lines(verdict, rows.get(verdict.n)), BLANK]
    return [*lines[:-1], BLANK, sentence("Enter shows the message.")]


def verdict_lines(verdict: Verdict, row: int | None = None, *, here: bool = False) -> list[Line]:
    """A rule that was broken: by whom, where, and why it is one; ``row`` is what it opens.

    ``here``: it stands at its message, which need not be named.
    """
    mark, style = MARKS.get(verdict.level, MARKS["error"])
    level = _LEVEL_WORDS.get(verdict.level, verdict.level)
    where = {0: "the scope", -1: "the end of the call"}.get(verdict.n, f"#{verdict.n} {verdict.message}")
    told = [level, f"{verdict.side} side", *([] if here else [where]), verdict.section]
    lines = [line((f"{mark} {verdict.rule}", style), hang=2, target=row)]
    lines.append(line((f"  {', '.join(told)}", "muted"), hang=2))
    if why := explain(verdict.rule):
        lines.append(line("  ", why, hang=2))
    return lines


# -- bodies ------------------------------------------------------------------------------------------


def is_page(body: Body) -> bool:
    """Whether it is HTML of which something was kept."""
    return bool(body.data) and plain_name(body.media) in PAGES


def side_lines(
    call: Request, veil: Veil, side: str, *, as_hex: bool = False, as_page: bool = False, width: int = 80
) -> list[Line]:
    """The whole body of the ``request`` or the ``response``; HTML ``as_page`` as its text reads."""
    name = f"{side.capitalize()} body"
    kind = scope_type(call)
    if kind != "http":
        thing = "A WebSocket has" if kind == "websocket" else "A lifespan has"
        return [title(name), sentence(f"{thing} messages in place of bodies: see Messages.")]
    body: Body = call.body if side == "request" else call.answer
    if not body.size:
        told = "has none" if call.outcome != "open" else "has none so far"
        return [title(name), sentence(f"The {side} {told}.")]
    headers = call.scope.headers
    if side == "response":
        headers = next((item.headers for item in call.messages if item.type == "http.response.start"), ())
    said = " · ".join(filter(None, [f"{body.size:,} bytes", plain_name(body.media), coding_of(headers)]))
    rows = body_lines(
        body.data,
        body.size,
        body.media,
        veil,
        coding=coding_of(headers),
        as_hex=as_hex,
        as_page=as_page,
        width=width,
    )
    return [title(name, said), *rows]
