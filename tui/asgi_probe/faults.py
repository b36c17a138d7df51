"""Exceptions as plain data on the app's loop, and their tracebacks' text in the shipping thread.

An exception holds its frames and all that is in them, so none is kept; and the lines of a traceback are read
from files, which is nothing for a loop.
"""

from __future__ import annotations

import builtins
import os
from collections import deque
from itertools import islice

from .origin import is_user_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    import traceback
    from types import CodeType, TracebackType
    from typing import Any, Optional, Tuple

    # code, line, offset of the instruction
    Place = Tuple[CodeType, int, int]

# Bounds of what one exception sends: characters of traceback and of message.
TRACEBACK_CHARS = 20_000
MESSAGE_CHARS = 1_000
# Exceptions that are told with one: its causes, contexts and, of a group, its parts.
MAX_FAULTS = 20
# Frames of each, the innermost: an endless recursion has a thousand.
MAX_FRAMES = 200
MAX_NOTES = 10

# Any: there are no groups before Python 3.11.
_GROUP: Any = getattr(builtins, "BaseExceptionGroup", ())
# What a SyntaxError says beside its message; the rest has no file of its own.
_SYNTAX = (SyntaxError, IndentationError, TabError)


class Fault:
    """One exception, with those that belong to it."""

    __slots__ = (
        *("cause", "context", "frames", "module", "notes", "parts", "qualname", "suppress", "syntax"),
        *("text", "type"),
    )

    def __init__(self, error: BaseException, known: set[int]) -> None:
        kind = type(error)
        self.type = kind.__name__[:MESSAGE_CHARS]
        self.qualname = kind.__qualname__[:MESSAGE_CHARS]
        self.module = str(kind.__module__)[:MESSAGE_CHARS]
        self.text = text_of(error)
        self.frames = frames_of(error.__traceback__)
        self.syntax: Optional[Tuple[Any, ...]] = None
        if kind in _SYNTAX:
            details = getattr(error, "args", ((), ()))[1:2]
            self.syntax = _syntax(error) if details else None
        notes = getattr(error, "__notes__", None)
        self.notes = []
        if isinstance(notes, list):
            self.notes = [str(note)[:MESSAGE_CHARS] for note in notes[:MAX_NOTES] if isinstance(note, str)]
        known.add(id(error))
        self.suppress = bool(error.__suppress_context__)
        self.cause = follow(error.__cause__, known)
        # One that stands behind a cause is not shown.
        self.context = None if self.suppress else follow(error.__context__, known)
        self.parts: list[Fault] = []
        if isinstance(error, _GROUP):
            parts = (follow(part, known) for part in error.exceptions)
            self.parts = [part for part in parts if part is not None]


def fault_of(error: BaseException) -> Fault | None:
    """The exception as plain data; None where even that fails."""
    try:
        return follow(error, set())
    except Exception:
        return None


def follow(error: BaseException | None, known: set[int]) -> Fault | None:
    """The next exception; None where there is none, or it is known or one too many."""
    if error is None or id(error) in known or len(known) >= MAX_FAULTS:
        return None
    return Fault(error, known)


def text_of(error: BaseException) -> str:
    """The exception's own words, bounded; its ``__str__`` is the app's."""
    try:
        return str(error)[:MESSAGE_CHARS]
    except Exception:
        return "<exception str() failed>"


def words_of(error: BaseException) -> str:
    """An exception in one line: type and words."""
    text = text_of(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def frames_of(trace: TracebackType | None) -> list[Place]:
    """The frames of a traceback, the innermost last."""
    found: deque[Place] = deque(maxlen=MAX_FRAMES)
    while trace is not None:
        # A line may be None where the compiler left none (PEP 626).
        found.append((trace.tb_frame.f_code, trace.tb_lineno or 0, trace.tb_lasti))
        trace = trace.tb_next
    return list(found)


def _syntax(error: Any) -> tuple[Any, ...]:
    """What a SyntaxError is made of: type, message, and the place if it is as it should be."""
    place: Tuple[Any, ...] = (error.filename, error.lineno, error.offset, error.text)
    ends = (getattr(error, "end_lineno", None), getattr(error, "end_offset", None))
    if None not in ends:
        place += ends
    kinds = [value is None or type(value) in (int, str) for value in place]
    return (type(error), str(error.msg)[:MESSAGE_CHARS], place if all(kinds) else None)


# -- in the shipping thread --------------------------------------------------------------------------


def told_fault(fault: Fault) -> dict[str, str]:
    """Type, message and traceback of an exception as they go over the wire."""
    return {"type": fault.type, "message": fault.text, "traceback": traceback_of(fault)}


def traceback_of(fault: Fault) -> str:
    """The traceback as Python prints it, causes, contexts and groups too; from the user's first frame on."""
    import traceback

    try:
        # Python puts it together from exceptions that look like those that were raised.
        like = _likeness(fault)
        printed = traceback.TracebackException(type(like), like, None)
        _place_frames(printed, fault)
        return "".join(printed.format())[-TRACEBACK_CHARS:]
    except Exception:
        return f"{fault.type}: {fault.text}\n"


def _likeness(fault: Fault) -> BaseException:
    error: BaseException
    if fault.syntax is not None:
        kind, message, place = fault.syntax
        error = kind(message, place) if place else kind(message)
    else:
        names = {"__qualname__": fault.qualname, "__module__": fault.module, "__str__": lambda _: fault.text}
        if fault.parts:
            parts = [_likeness(part) for part in fault.parts]
            error = type(fault.type, (_GROUP,), names)(fault.text, parts)
        else:
            error = type(fault.type, (Exception,), names)()
    if fault.notes:
        # Any: exceptions have notes since Python 3.11.
        noted: Any = error
        noted.__notes__ = fault.notes
    error.__cause__ = _likeness(fault.cause) if fault.cause else None
    error.__context__ = _likeness(fault.context) if fault.context else None
    error.__suppress_context__ = fault.suppress
    return error


def _place_frames(printed: Any, fault: Fault) -> None:
    """Gives an exception that is about to be printed the frames of the one it looks like, and so on."""
    import traceback

    frames = [_summary(place) for place in _from_users(fault.frames)]
    printed.stack = traceback.StackSummary.from_list(frames)
    for inner, its in ((printed.__cause__, fault.cause), (printed.__context__, fault.context)):
        if inner is not None and its is not None:
            _place_frames(inner, its)
    # Only groups have them; more than a few are not printed.
    for number, inner in enumerate(getattr(printed, "exceptions", None) or ()):
        _place_frames(inner, fault.parts[number])


# As our frames name this directory.
_OURS = os.path.dirname(fault_of.__code__.co_filename)


def _from_users(frames: list[Place]) -> list[Place]:
    """From the user's first frame on: what the server did before is no news. Ours never are."""
    theirs = [place for place in frames if os.path.dirname(place[0].co_filename) != _OURS]
    for number, place in enumerate(theirs):
        if is_user_file(place[0].co_filename):
            return theirs[number:]
    return theirs


def _summary(place: Place) -> traceback.FrameSummary:
    import linecache
    import traceback

    code, line, instruction = place
    linecache.checkcache(code.co_filename)
    # Any: what Python 3.11 and newer underline in a line.
    marks: dict[str, Any] = {}
    if hasattr(code, "co_positions"):
        position = next(islice(code.co_positions(), instruction // 2, None), None)
        if position is not None and position[0] == line:
            _, end_line, column, end_column = position
            marks = {"end_lineno": end_line, "colno": column, "end_colno": end_column}
    return traceback.FrameSummary(code.co_filename, line, code.co_name, lookup_line=False, **marks)
