"""A request on another server beside the one that serves: it is answered there, and nothing is left."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from asgi_tui.domain.calls import Header
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.events import State
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.reloading import Reloading
from asgi_tui.domain.secret import Secret
from asgi_tui.domain.sending import Sending
from asgi_tui.domain.target import Target
from asgi_tui.domain.values import Value
from asgi_tui.engine import side_run
from asgi_tui.engine.side_run import beside, send_on
from tests.engine.sending import ECHO_APP, serving, told
from tests.support import SERVERS, wait_for, write_app


def below() -> set[psutil.Process]:
    return set(psutil.Process(os.getpid()).children(recursive=True))


async def test_on_every_server_beside_one_that_serves(tmp_path: Path) -> None:
    async with serving(tmp_path, "uvicorn") as it:
        before, count, url = below(), len(it.events), it.to.url
        headers = (Header("authorization", Secret("Bearer abc")), Header("x-forwarded-for", "192.0.2.7"))
        sending = Sending("POST", "/a/../b?c", headers, b"hello")
        here = told(await it.session.send(sending))
        for server in SERVERS:
            answer = await it.session.send_on(server, sending)
            there = told(answer)
            port = dict(there["headers"])["host"]
            assert port != dict(here["headers"])["host"]
            assert (there["raw_path"], there["query"], there["body"]) == ("/a/../b", "c", here["body"])
            assert ["authorization", "Bearer abc"] in there["headers"]
            assert answer.server == server
            assert answer.trace is not None
            assert answer.trace.server == server
            wait_for(lambda: below() == before)
        assert it.session.state is State.READY
        assert told(await it.session.send(sending))["headers"] == here["headers"]
        assert it.to.url == url
        # Of what ran beside, it told nothing.
        told_of = {event.type for event in it.events[count:]}
        assert not told_of & {"starting", "ready", "worker", "state", "error", "exit", "switch"}


async def test_tls_stays_tls(tmp_path: Path, key_pair: dict[str, Value]) -> None:
    async with serving(tmp_path, "uvicorn", key_pair) as it:
        assert it.session.plan is not None
        answer = await send_on(it.session.plan, "granian", Sending(http_version="2"))
        assert answer.timing.tls is not None
        assert told(answer)["http_version"] == "2"


async def test_a_cancelled_one_leaves_nothing(tmp_path: Path) -> None:
    write_app(tmp_path, ECHO_APP)
    before = below()
    for seconds in (0.0, 0.15, 0.6):
        sending = asyncio.create_task(send_on(plan(tmp_path), "uvicorn", Sending(path="/endless")))
        await asyncio.sleep(seconds)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        wait_for(lambda: below() == before)


async def test_what_fails_there_names_the_server(tmp_path: Path) -> None:
    write_app(tmp_path, "import no_such_module_anywhere\n")
    before = below()
    with pytest.raises(Problem, match=r"^granian beside, .*no_such_module_anywhere"):
        await send_on(plan(tmp_path), "granian", Sending())
    write_app(tmp_path, ECHO_APP)
    with pytest.raises(Problem, match=r"^uvicorn beside, HTTP/2 to "):
        await send_on(plan(tmp_path), "uvicorn", Sending(http_version="2"))
    wait_for(lambda: below() == before)
    with pytest.raises(Problem, match="Server 'nope'"):
        await send_on(plan(tmp_path), "nope", Sending())
    once = replace(plan(tmp_path), reloading=Reloading(old_first=True))
    with pytest.raises(Problem, match="set to run once at a time"):
        await send_on(once, "granian", Sending())
    factory = replace(plan(tmp_path), target=Target.parse("app:app()")).with_options({"factory": True})
    with pytest.raises(Problem, match="daphne"):
        await send_on(factory, "daphne", Sending())


async def test_one_that_never_is_ready_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_run, "START_SECONDS", 1.0)
    write_app(
        tmp_path, "import asyncio\n\n\nasync def app(scope, receive, send):\n    await asyncio.sleep(60)\n"
    )
    before = below()
    with pytest.raises(Problem, match="uvicorn beside: it was not ready within 1 s"):
        await send_on(plan(tmp_path), "uvicorn", Sending())
    wait_for(lambda: below() == before)


def plan(directory: Path) -> LaunchPlan:
    it = LaunchPlan(Target.parse("app:app"), "uvicorn", str(directory))
    return it.with_options({"port": 1, "workers": 4, "log_level": "warning"})


def test_the_plan_beside_has_an_address_of_its_own() -> None:
    fixed = LaunchPlan(Target.parse("app:app"), "hypercorn", "/x").with_options(
        {"uds": "a.sock", "quic_bind": ("127.0.0.1:1",), "workers": 4, "log_level": "warning"}
    )
    options = beside(fixed, "hypercorn").options
    assert options == {
        "host": "127.0.0.1",
        "port": 0,
        "workers": 1,
        "graceful_timeout": 1,
        "log_level": "warning",
    }
    assert not beside(fixed, "granian").reload
    assert fixed.workers == 4
