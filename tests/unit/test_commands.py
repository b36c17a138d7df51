"""Commands on standard input: each is one call of the session's, and what is none is one sentence."""

from __future__ import annotations

import asyncio
import json

import pytest

from asgi_tui.domain.errors import Problem
from asgi_tui.engine.session import Session
from asgi_tui.frontends.headless import Over, read_command


class Recorder(Session):
    """Records what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    async def reload(self) -> None:
        self.calls.append("reload")

    async def restart(self) -> None:
        self.calls.append("restart")

    async def pause(self) -> None:
        self.calls.append("pause")

    async def resume(self) -> None:
        self.calls.append("resume")

    async def exclude(self, glob: str) -> None:
        self.calls.append(f"exclude {glob}")

    async def end_streams(self) -> None:
        self.calls.append("end_streams")

    async def switch(self, server: str) -> None:
        self.calls.append(f"switch {server}")

    async def switch_back(self) -> None:
        self.calls.append("switch_back")


@pytest.mark.parametrize(
    ("line", "call"),
    [
        *(
            ({"do": name}, name)
            for name in ("reload", "restart", "pause", "resume", "end_streams", "switch_back")
        ),
        ({"do": "exclude", "glob": "*.sqlite"}, "exclude *.sqlite"),
        ({"do": "switch", "server": "granian"}, "switch granian"),
    ],
)
def test_a_command_is_one_call(line: dict[str, str], call: str) -> None:
    session, over = Recorder(), Over()
    asyncio.run(_run(json.dumps(line).encode(), session, over))
    assert session.calls == [call]
    assert not over.is_set()


def test_stop_is_the_end() -> None:
    session, over = Recorder(), Over()
    asyncio.run(_run(b'{"do": "stop"}', session, over))
    assert over.is_set()
    assert not session.calls


async def _run(line: bytes, session: Session, over: Over) -> None:
    await read_command(line)(session, over)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"reload", "the line is no JSON; send one like"),
        (b'"reload"', "it is none of reload, restart, pause, resume, end_streams, switch_back, exclude,"),
        (b'{"do": "dance"}', "it is none of reload,"),
        (b'{"do": ["reload"]}', "it is none of reload,"),
        (b'{"do": {}}', "it is none of reload,"),
        (b'{"do": "exclude"}', 'exclude names no glob; send one like {"do": "exclude", "glob":'),
        (b'{"do": "exclude", "glob": 3}', "exclude names no glob;"),
        (b'{"do": "exclude", "glob": ""}', "exclude has a bad glob: the value is empty;"),
        (b'{"do": "exclude", "glob": "a\\u0000"}', "exclude has a bad glob: the value holds a control"),
        (b'{"do": "switch"}', 'switch names no server; send one like {"do": "switch", "server":'),
    ],
)
def test_what_is_no_command_is_one_sentence(line: bytes, why: str) -> None:
    with pytest.raises(Problem) as caught:
        read_command(line)
    assert str(caught.value).startswith(f"Command on standard input: {why}")
