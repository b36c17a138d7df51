"""Opens the console on a real session and closes both, however the terminal goes."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import threading

from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.engine.knowledge import Knowledge
from asgi_tui.engine.log_store import LogStore
from asgi_tui.engine.session import Session
from asgi_tui.frontends.console.app import ConsoleApp

# Seconds the servers get once the terminal is gone; then the guard ends them.
HANGUP_GRACE = 3.0
# Seconds between two batches of events: the screen is drawn at most 10 times a second anyway.
INTERVAL = 1 / 30
# Seconds after which the console has loaded most of what it needs.
SETTLED = 3.0


def run_console(plan: LaunchPlan, *, named: bool, note: str = "", logs: LogStore | None = None) -> int:
    """Runs the console to its end; ``named``: the target was, so it is started at once. The exit code.

    ``note`` says where the plan comes from, ``logs`` is filled, and closed at the end.
    """
    return asyncio.run(_run(plan, named, note, logs or LogStore()))


async def _run(plan: LaunchPlan, named: bool, note: str, logs: LogStore) -> int:
    session = Session(events_interval=INTERVAL, logs=logs)
    app = ConsoleApp(
        driver=session,
        knowledge=Knowledge(os.environ),
        plan=plan,
        note=note,
        autostart=named,
    )
    loop = asyncio.get_running_loop()

    def end() -> None:
        loop.create_task(app.action_quit_console())  # noqa: RUF006 - the app itself keeps what it starts

    loop.add_signal_handler(signal.SIGTERM, end)
    # What is loaded by then stays: a full collection that looks through it takes 50 to 160 ms, without a key.
    loop.call_later(SETTLED, gc.freeze)
    _end_with_terminal(loop, session)
    try:
        await app.run_async()
    finally:
        # Also where the app ended by a fault of its own.
        await session.close()
        await asyncio.to_thread(logs.close)
    if app.return_code:
        print("asgi-tui ended by a fault of its own; please report it.", file=sys.stderr)  # noqa: T201 - the screen is gone
    return app.return_code or 0


def _end_with_terminal(loop: asyncio.AbstractEventLoop, session: Session) -> None:
    """Ends the console when its terminal is closed (SIGHUP).

    There is no screen to put back, and Textual's writer waits for ever for a terminal that is gone; it may
    hold up the event loop too. So this is no handler of the loop's, and the process ends without clean-up.
    """

    async def close() -> None:
        await session.close()
        os._exit(0)

    def hang_up(*_: object) -> None:
        threading.Timer(HANGUP_GRACE, os._exit, (0,)).start()
        loop.call_soon_threadsafe(lambda: tasks.add(loop.create_task(close())))

    tasks: set[asyncio.Task[None]] = set()
    signal.signal(signal.SIGHUP, hang_up)
