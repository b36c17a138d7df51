"""What a process writes to the telemetry socket is not believed, and ends no connection but its own."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from asgi_tui.engine.telemetry import Sender, Telemetry, Told

HELLO = b'{"type": "hello", "pid": 7, "generation": 1}\n'
FINE = b'{"type": "held", "listeners": 1}\n'


class Listening:
    """A telemetry server and what it was told."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.told: list[Told] = []
        self.gone: list[Sender] = []
        self.it = Telemetry(
            path, lambda sender: None, lambda _, told: self.told.append(told), self.gone.append
        )

    async def connect(self, data: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_unix_connection(str(self.path))
        writer.write(data)
        return reader, writer

    async def until(self, told: int) -> None:
        async with asyncio.timeout(5):
            while len(self.told) < told:
                await asyncio.sleep(0.005)


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 200_000,
        b'{"type": "loaded", "import_ms": 1' + b"0" * 400 + b', "imports": [], "roots": [], "altered": []}',
        b'{"type": "held", "listeners": ' + b"9" * 5_000 + b"}",
        b"\xff",
        b'{"type": "trace"}',
    ],
    ids=["nesting", "a number", "digits", "no text", "nothing"],
)
async def test_a_hostile_line_is_counted_and_left_out(tmp_path: Path, line: bytes) -> None:
    listening = Listening(tmp_path / "t.sock")
    await listening.it.start()
    _, writer = await listening.connect(HELLO + line + b"\n" + FINE)
    await listening.until(1)
    assert listening.it.malformed == 1
    assert listening.gone == []
    writer.close()
    await listening.it.close()
    assert listening.gone == [Sender(7, 1)]


async def test_a_second_connection_of_a_process_still_gets_its_orders(tmp_path: Path) -> None:
    listening = Listening(tmp_path / "t.sock")
    await listening.it.start()
    _, first = await listening.connect(HELLO + FINE)
    await listening.until(1)
    reader, second = await listening.connect(HELLO + FINE)
    await listening.until(2)
    first.close()
    async with asyncio.timeout(5):
        while not listening.gone:
            await asyncio.sleep(0.005)
    listening.it.order(7, do="trace", rate=3)
    assert json.loads(await reader.readline()) == {"do": "trace", "rate": 3}
    second.close()
    await listening.it.close()
