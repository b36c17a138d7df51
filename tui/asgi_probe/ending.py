"""Ends the calls of the app that would go on for ever: streams and WebSockets."""

from __future__ import annotations

import sys
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any, Callable

# Seconds that a loop gets to do what it is asked from another thread.
PATIENCE = 0.25
# Turns of a loop, at most, from bytes that it reads to the call of the app: hypercorn needs several.
TURNS = 5


def running_loop() -> Any:
    """The asyncio loop that runs in this thread, None where there is none (trio)."""
    # Any: an app's process that never loads asyncio must not load it for a type.
    asyncio = sys.modules.get("asyncio")
    try:
        return asyncio.get_running_loop() if asyncio is not None else None
    except RuntimeError:
        return None


def end_calls(loop: Any, probe: CodeType, tell: Callable[[int], None]) -> None:
    """Cancels the tasks that are inside of ``probe`` with a request or a WebSocket.

    ``tell`` is called with their number. Returns before it is done; any thread may call it.
    """

    def end() -> None:
        try:
            tasks = [task for task in sys.modules["asyncio"].all_tasks(loop) if _is_call(task, probe)]
            # First of all: the process may end with the last of them.
            tell(len(tasks))
            for task in tasks:
                task.cancel()
        except Exception:
            # Tasks of a server's own making may lack anything; nothing of it is the app's concern.
            pass

    if not _run_on(loop, end):
        tell(0)


def settle(loop: Any) -> bool:
    """Returns once the loop has handled what it had read by now; False where that takes too long."""
    turned = threading.Event()
    left = TURNS

    def turn() -> None:
        nonlocal left
        left -= 1
        if left:
            loop.call_soon(turn)
        else:
            turned.set()

    return _run_on(loop, turn) and turned.wait(PATIENCE)


def _run_on(loop: Any, callback: Any) -> bool:
    try:
        loop.call_soon_threadsafe(callback)
    except (AttributeError, RuntimeError):
        # There is none, or it is closed.
        return False
    return True


def _is_call(task: Any, probe: CodeType) -> bool:
    """Whether the task awaits, in however many steps, the probe's call of the app."""
    waiting = task.get_coro()
    while waiting is not None:
        frame = getattr(waiting, "cr_frame", None)
        if frame is not None and frame.f_code is probe:
            return bool(frame.f_locals["scope"].get("type") != "lifespan")
        waiting = getattr(waiting, "cr_await", None) or getattr(waiting, "gi_yieldfrom", None)
    return False
