"""A session with a store of logs: the output of every run goes there, and no line of it is an event."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from asgi_tui.domain.events import Log, Logged, State
from asgi_tui.domain.text import MASK
from asgi_tui.engine.log_store import LogStore
from asgi_tui.engine.session import Session
from asgi_tui.engine.stream import EventStream
from tests.engine.test_session_commands import Driven
from tests.support import PLAIN_APP, write_app

KEY = "-----BEGIN PRIVATE KEY-----\nTUlJRXZRSUJBREFO\nQmdrcWhraUc5dzBC\n"
SOURCE = f"import os\n\nprint('imported')\nprint(os.environ['SIGNING_KEY'])\n{PLAIN_APP}"


def printed(logs: LogStore) -> list[str]:
    return [
        entry.text
        for entry in logs.entries(range(logs.first, logs.end))
        for _ in range(entry.count)
        if entry.origin.stream == "stdout"
    ]


async def test_all_runs_of_a_session_share_its_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNING_KEY", KEY)
    write_app(tmp_path, SOURCE)
    logs = LogStore()
    it = Driven(tmp_path)
    it.session = Session(logs=logs)
    assert it.session.logs is logs
    listening = asyncio.create_task(it.listen())
    await asyncio.sleep(0)
    try:
        await it.session.start(it.plan)
        await it.state(State.READY)
        await it.session.switch("hypercorn")
        await it.until(lambda: printed(logs).count("imported") == 2)
        # The console shows it while the session is closed.
        await it.session.close()
        assert printed(logs).count("imported") == 2
    finally:
        await it.session.close()
        await listening
        logs.close()
    # A secret of several lines is masked in each of them.
    assert printed(logs).count(MASK) == 6
    assert not [line for line in printed(logs) if line in KEY.splitlines()]
    assert it.all(Logged)
    assert not it.all(Log)


async def test_word_of_more_does_not_pile_up_before_a_slow_reader() -> None:
    stream = EventStream()
    for at in range(3):
        stream.put(Logged(at))
    stream.close()
    assert [batch async for batch in stream.batches()] == [[Logged(2)]]
