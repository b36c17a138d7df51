"""A driver that plays a script, and a project that is only told of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path

from asgi_tui.domain.conflicts import Facts
from asgi_tui.domain.environment import Variable, layered
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.events import (
    Error,
    Event,
    Log,
    Ready,
    RouteStats,
    Starting,
    State,
    StateChanged,
    Stats,
    Switch,
    Usage,
    Watching,
    WorkerStats,
)
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.sending import Answer, Opening, Sending, Turn
from asgi_tui.domain.servers import SERVERS, get_server
from asgi_tui.domain.target import Target
from asgi_tui.engine.discovery import Candidate
from asgi_tui.engine.history import Launch
from asgi_tui.engine.interpreters import Interpreter
from asgi_tui.engine.knowledge import Knowledge
from asgi_tui.engine.log_store import LogStore
from asgi_tui.engine.outlook import Outlook
from asgi_tui.engine.presets import Preset, PresetList, Where
from asgi_tui.engine.project import Project, ServerInfo
from asgi_tui.frontends.console.app import ConsoleApp

AT = 1_790_000_000.0
URL = "http://127.0.0.1:8000"
VERSIONS = {
    "uvicorn": "0.54.0",
    "hypercorn": "0.18.0",
    "daphne": "4.2.3",
    "granian": "2.8.7",
    "gunicorn": "27.0.1",
    "gunicorn-uvicorn": "27.0.1",
}
CWD = Path("/srv/shop")
CANDIDATES = (
    Candidate("main:app", "FastAPI", False, "app in main.py", ""),
    Candidate("shop.asgi:create_app", "Starlette", True, "factory in shop/asgi.py", "src"),
)


class FakeConversation:
    """A WebSocket whose other side is a script."""

    def __init__(self) -> None:
        self.said: list[str | bytes] = []
        self.closed: list[tuple[int, str]] = []
        self._turns: asyncio.Queue[Turn | None] = asyncio.Queue()

    def play(self, *turns: Turn | None) -> None:
        """What happens next; None ends it."""
        for turn in turns:
            self._turns.put_nowait(turn)

    async def turns(self) -> AsyncIterator[Turn]:
        while (turn := await self._turns.get()) is not None:
            yield turn

    async def say(self, data: str | bytes) -> None:
        self.said.append(data)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self.closed.append((code, reason))


class FakeDriver:
    """Records what it is told and plays what ``play`` is given."""

    def __init__(self, *, scripted: bool = True, logs: LogStore | None = None) -> None:
        self._logs = logs or LogStore()
        self.calls: list[str] = []
        # What was asked of the traffic that is told.
        self.observing: list[str] = []
        self.previous_server = ""
        self.sent: list[Sending] = []
        # What is answered by a server, by what serves under "".
        self.answers: dict[str, Answer | Problem] = {}
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.conversation: FakeConversation | None = None
        self.closed = False
        self.may_close = asyncio.Event()
        self.may_close.set()
        self._state = State.STOPPED
        self._plan: LaunchPlan | None = None
        self._scripted = scripted
        self._batches: asyncio.Queue[list[Event] | None] = asyncio.Queue()

    @property
    def state(self) -> State:
        return self._state

    @property
    def plan(self) -> LaunchPlan | None:
        return self._plan

    @property
    def logs(self) -> LogStore:
        return self._logs

    async def events(self) -> AsyncIterator[list[Event]]:
        while (batch := await self._batches.get()) is not None:
            yield batch

    def play(self, *events: Event) -> None:
        for event in events:
            if isinstance(event, StateChanged):
                self._state = event.state
        self._batches.put_nowait(list(events))

    async def start(self, plan: LaunchPlan) -> None:
        self.calls.append(f"start {plan.server} {plan.target}")
        self._plan = plan
        if self._scripted:
            self.play(*start_events(plan))

    async def stop(self) -> None:
        self.calls.append("stop")
        if self._scripted:
            self.play(
                StateChanged(AT + 9, State.STOPPING),
                Watching(AT + 9, ()),
                StateChanged(AT + 9, State.STOPPED),
            )

    async def restart(self) -> None:
        self.calls.append("restart")

    async def reload(self) -> None:
        self.calls.append("reload")

    async def pause(self) -> None:
        self.calls.append("pause")
        self.play(Watching(AT + 5, (str(CWD),), paused=True))

    async def resume(self) -> None:
        self.calls.append("resume")
        self.play(Watching(AT + 5, (str(CWD),)))

    async def exclude(self, glob: str) -> None:
        self.calls.append(f"exclude {glob}")
        self.play(Watching(AT + 5, (str(CWD),)))

    async def end_streams(self) -> None:
        self.calls.append("end_streams")

    async def switch(self, server: str) -> None:
        from asgi_tui.domain.mapping import map_plan

        self.calls.append(f"switch {server}")
        assert self._plan is not None
        mapping = map_plan(self._plan, server)
        old, self._plan = self._plan.server, mapping.plan
        self.previous_server = old
        if self._scripted:
            self.play(
                StateChanged(AT + 59, State.RELOADING, f"switching to {server}"),
                starting(mapping.plan, AT + 59),
                StateChanged(AT + 60, State.READY),
                Ready(AT + 60, server, VERSIONS[server], URL, 4300, 84.0),
                Switch(AT + 60, old, server, mapping.mapped, mapping.dropped, {"start": 70.0}, 84.0),
            )

    async def switch_back(self) -> None:
        self.calls.append("switch_back")

    def trace(self, per_second: int | None) -> None:
        self.observing.append(f"trace {per_second}")

    def show_window(self, window: str) -> None:
        self.observing.append(f"window {window}")

    def reset_traffic(self) -> None:
        self.observing.append("reset_traffic")

    async def send(self, sending: Sending) -> Answer:
        self.calls.append(f"send {sending.method} {sending.path}")
        self.sent.append(sending)
        return await self._answer("")

    async def send_on(self, server: str, sending: Sending) -> Answer:
        self.calls.append(f"send_on {server} {sending.method} {sending.path}")
        self.sent.append(sending)
        return await self._answer(server)

    async def _answer(self, server: str) -> Answer:
        await self.may_answer.wait()
        answer = self.answers.get(server)
        if isinstance(answer, Answer):
            return answer
        raise answer or Problem("Sending", "nothing serves", "start a server first")

    def converse(self, opening: Opening) -> FakeConversation:
        self.calls.append(f"converse {opening.path}")
        self.conversation = FakeConversation()
        return self.conversation

    async def close(self) -> None:
        self.calls.append("close")
        await self.may_close.wait()
        self.closed = True
        self._logs.close()
        self._batches.put_nowait(None)


def starting(plan: LaunchPlan, at: float = AT) -> Starting:
    """A server about to run."""
    return Starting(
        at,
        plan.server,
        VERSIONS[plan.server],
        str(get_server(plan.server).command(plan)),
        target=str(plan.target),
        python="/srv/shop/.venv/bin/python",
        ran=f"/srv/shop/.venv/bin/python launch.py {plan.server} --fd 7 asgi_probe.app:app",
        inherited=("UVICORN_LOG_LEVEL=debug is used", "WEB_CONCURRENCY=4 is not used: workers is 1"),
        notes=("A note of the adapter's.",),
    )


def failed_switch(to: LaunchPlan, at: float = AT + 40, *, crashed: bool = False) -> list[Event]:
    """A switch to a server that does not come up; ``crashed``: the old one had to be ended first."""
    end = (State.CRASHED, "it ended with 1") if crashed else (State.READY, "serving the last good version")
    return [
        StateChanged(at, State.RELOADING, f"switching to {to.server}"),
        starting(to, at),
        Error(at + 1, f"Starting {to.server}", "it ended with 1", "see the log"),
        StateChanged(at + 1, *end),
    ]


def start_events(plan: LaunchPlan) -> list[Event]:
    """A start that works."""
    version = VERSIONS[plan.server]
    watched = (str(CWD),) if plan.reload else ()
    return [
        StateChanged(AT, State.STARTING),
        starting(plan),
        Log(AT, "stderr", "info", "Started server process [4242]", 4242, "uvicorn.error"),
        Log(AT + 0.1, "stderr", "info", "Application startup complete.", 4242, "uvicorn.error"),
        StateChanged(AT + 0.4, State.READY),
        Ready(AT + 0.4, plan.server, version, URL, 4242, 412.0),
        Watching(AT + 0.4, watched),
        Usage(AT + 1, 3.2, 86_000_000, 1),
    ]


def stats(requests: int = 48_112, *, at: float = AT + 2, errors: int = 2, rate: float = 1204.0) -> Stats:
    """Totals of a busy app."""
    return Stats(
        at,
        requests=requests,
        errors=errors,
        in_flight=3,
        websockets=2,
        ws_messages_in=14,
        ws_messages_out=20,
        bytes_in=1_204_000,
        bytes_out=86_400_000,
        rate=rate,
        p50_ms=1.2,
        p90_ms=2.9,
        p99_ms=9.8,
        max_ms=31.0,
        statuses={"2xx": requests - 114, "3xx": 0, "4xx": 112, "5xx": errors},
        routes=(
            RouteStats("GET /items/{id}", requests - 1_000, 0, 1.1, 8.0),
            RouteStats("POST /items", 900, 0, 2.4, 12.0),
            RouteStats("GET /boom", 100, errors, 0.4, 0.9),
        ),
        workers=(WorkerStats(4242, requests, errors, 3, 2),),
    )


class FakeKnowledge(Knowledge):
    """Knows one project, whose servers are exactly as the overlays have them; keeps nothing."""

    def __init__(self, load: Callable[[], Project]) -> None:
        super().__init__({})
        self._load = load
        self.remembered: list[LaunchPlan] = []
        self.saved: dict[str, LaunchPlan] = {}

    def project(self, cwd: Path, python: str | None) -> Project:
        return self._load()

    def outlook(self, plan: LaunchPlan, project: Project) -> Outlook:
        server = get_server(plan.server)
        table = replace(server.table, version=VERSIONS[plan.server])
        installed = tuple(info.name for info in project.servers if info.installed)
        return Outlook(table, Facts(None, installed, 0), {}, {})

    def complete(self, base: Path, text: str) -> list[str]:
        return [name for name in ("main:app", "main:create_app", "shop.asgi:app") if name.startswith(text)]

    def remember(self, plan: LaunchPlan) -> None:
        self.remembered.append(plan)

    def last_plan(self, cwd: str) -> LaunchPlan | None:
        return None

    def presets(self, cwd: str) -> tuple[PresetList, Sequence[Launch]]:
        presets = tuple(Preset(name, "user", plan) for name, plan in self.saved.items())
        return PresetList(presets), [Launch(AT, plan) for plan in self.remembered]

    def save_preset(self, plan: LaunchPlan, name: str, where: Where) -> tuple[str, ...]:
        self.saved[name] = plan
        return ()

    def delete_preset(self, name: str, where: Where, cwd: str) -> None:
        del self.saved[name]

    def environment(self, plan: LaunchPlan) -> list[Variable]:
        return layered([("shell", {"HOME": "/home/u", "API_KEY": "k"}), ("form", plan.env)])

    def environment_files(self, cwd: str) -> list[str]:
        return [".env"]

    def interpreters(self, cwd: Path) -> tuple[Interpreter | None, tuple[Interpreter, ...]]:
        found = self._load().interpreter
        return found, (found,)


def project(*, missing: tuple[str, ...] = (), candidates: tuple[Candidate, ...] = CANDIDATES) -> Project:
    """A project with every server but the ``missing`` ones."""
    python = Path("/srv/shop/.venv/bin/python")
    servers = tuple(
        ServerInfo(
            name,
            name not in missing,
            None if name in missing else VERSIONS[name],
            str(python),
            server.capabilities,
            server.requires if name in missing else (),
            server.deprecated,
        )
        for name, server in SERVERS.items()
    )
    return Project(CWD, Interpreter(python, (3, 11, 9), ".venv", ()), servers, candidates)


def plan(server: str = "uvicorn", **options: str | int | bool) -> LaunchPlan:
    """A plan for ``main:app``."""
    return LaunchPlan(Target("main", "app"), server, str(CWD)).with_options(options)


def console(
    driver: FakeDriver,
    *,
    found: Project | None = None,
    given: LaunchPlan | None = None,
    autostart: bool = False,
    knowledge: Knowledge | None = None,
) -> ConsoleApp:
    """The app over a fake session, at a fixed time."""
    return ConsoleApp(
        driver=driver,
        knowledge=knowledge or FakeKnowledge(lambda: found or project()),
        plan=given,
        autostart=autostart,
        clock=lambda: AT + 753.4,
    )


def running(driver: FakeDriver, server: str = "uvicorn", **options: str | int | bool) -> ConsoleApp:
    """The app of ``asgi-tui main:app``."""
    return console(driver, given=plan(server, **options), autostart=True)


def lines(number: int, start: int = 0) -> list[Event]:
    """Log lines with their numbers."""
    return [
        Log(AT + n, "stdout", "info", f"request number {n} was served", 4242, "uvicorn.access")
        for n in range(start, start + number)
    ]
