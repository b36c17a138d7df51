"""Makes the screenshots of README: the real console on a real server, exported as SVG.

Run it in an environment with ``asgi-tui[dev]``: ``python screenshots/make.py``. It writes a small FastAPI
shop into a temporary home directory, serves it, sends it requests, saves it (sometimes broken) and
switches servers.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from textual.pilot import Pilot

from asgi_tui.domain.events import State
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.sending import Sending, sending_of
from asgi_tui.domain.target import Target
from asgi_tui.engine.knowledge import Knowledge
from asgi_tui.engine.log_store import LogStore
from asgi_tui.engine.session import Session
from asgi_tui.engine.trust import trust
from asgi_tui.engine.user_files import state_directory
from asgi_tui.frontends.console.app import ConsoleApp
from asgi_tui.frontends.console.screens.requests import RequestsScreen
from asgi_tui.frontends.console.screens.side_by_side import SideBySideScreen

HERE = Path(__file__).parent
PORT = 8000
PATHS = ("/", "/items/7", "/items/42", "/items/1138", "/cart", "/checkout", "/search?q=lamp", "/old-page")
SHOP = """\
import asyncio
import logging

from fastapi import BackgroundTasks, FastAPI, Request, WebSocket
from fastapi.responses import JSONResponse

logging.basicConfig(level=logging.INFO)
log = logging.getLogger("shop.orders")
app = FastAPI()


@app.get("/")
async def index():
    return {"shop": "lamps and ladders"}


@app.get("/items/{item_id}")
async def item(item_id: int):
    return {"id": item_id, "name": f"lamp no. {item_id}"}


@app.get("/cart")
async def cart():
    log.info("cart opened, %d items", 3)
    return {"items": [7, 42, 1138]}


@app.get("/search")
async def search(q: str):
    return {"found": [7, 42], "for": q}


@app.post("/orders", status_code=201)
async def order(request: Request, tasks: BackgroundTasks):
    data = await request.json()
    log.info("order of %d items", len(data["items"]))
    await asyncio.sleep(0.008)
    tasks.add_task(confirm, data["mail"])
    return {"order": 1138, "items": data["items"], "token": "tok_4f1c09aa"}


async def confirm(mail):
    await asyncio.sleep(0.02)
    log.info("confirmed")


@app.get("/checkout")
async def checkout():
    log.warning("the payment service does not answer")
    return JSONResponse({"error": "payment service"}, status_code=503)


@app.get("/stock")
async def stock():
    return {"lamp": 12 / 0}


@app.websocket("/chat")
async def chat(socket: WebSocket):
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(text.upper())
"""
ORDER = json.dumps({"items": [7, 42], "mail": "ada@example.org", "password": "correct horse"}).encode()


def save(app: ConsoleApp, name: str) -> None:
    """Writes the screen as an SVG that names no font on another host."""
    svg = app.export_screenshot(title="asgi-tui")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = svg.replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace")
    # Rich pads lines with spaces that a diff would only show as noise.
    (HERE / f"{name}.svg").write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n")
    print(f"{name}.svg")


def ask(path: str) -> None:
    """One request; the shop's errors are part of the picture."""
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{PORT}{path}", timeout=5).read()
    except urllib.error.HTTPError as error:
        error.close()


async def ask_all(times: int) -> None:
    """Asks every path ``times`` times."""
    for _ in range(times):
        for path in PATHS:
            await asyncio.to_thread(ask, path)


async def until(condition: Callable[[], bool]) -> None:
    """Waits up to 20 s."""
    for _ in range(400):
        if condition():
            return
        await asyncio.sleep(0.05)
    raise TimeoutError("the console never came to the state of the picture")


async def with_console(
    project: Path, size: tuple[int, int], scene: Callable[[ConsoleApp, Session, Pilot[int]], Awaitable[None]]
) -> None:
    """Runs a scene in a console of its own and stops everything after it."""
    logs = LogStore()
    session = Session(events_interval=1 / 30, logs=logs)
    plan = LaunchPlan(Target.parse("main:app"), "uvicorn", str(project)).with_options({"port": PORT})
    app = ConsoleApp(driver=session, knowledge=Knowledge(os.environ), plan=plan)
    async with app.run_test(size=size) as pilot:
        await until(lambda: app.project is not None)
        await pilot.pause(0.5)
        await scene(app, session, pilot)
    await session.close()
    logs.close()


def has_reloads(app: ConsoleApp, count: int) -> bool:
    """Whether the pane shows so many."""
    return len(app.model.reloads) >= count


async def launch(app: ConsoleApp, session: Session, pilot: Pilot[int], *, name: str) -> None:
    """The form, before anything runs."""
    save(app, name)


async def options(app: ConsoleApp, session: Session, pilot: Pilot[int], *, name: str) -> None:
    """Every option of granian, two of them set."""
    await pilot.press("s", "down", "down", "down")
    await pilot.pause(1)
    await pilot.press("o", "slash", *"backpressure", "enter", "enter", *"64", "escape", "slash", "escape")
    await pilot.press(*"timeout", "enter", "down", "enter", *"30s")
    await pilot.pause(1)
    save(app, name)


async def paste(app: ConsoleApp, session: Session, pilot: Pilot[int], *, name: str) -> None:
    """A line of a Procfile."""
    await pilot.press("p")
    await pilot.pause(0.3)
    await pilot.press(*"web: SECRET_KEY=abc gunicorn -k asgi -w 4 -b 0.0.0.0:${PORT:-8000} main:app")
    await pilot.pause(0.5)
    save(app, name)


def settled(app: ConsoleApp) -> bool:
    """Whether the standby waits and the end of the last old run is known."""
    newest = app.model.reloads[0] if len(app.model.reloads) else None
    ended = newest is None or newest.failed or newest.drained is not None
    return ended and app.model.standby is not None and app.model.standby.state == "warm"


async def save_texts(app: ConsoleApp, pilot: Pilot[int], project: Path, *texts: str) -> None:
    """Saves one text after the other, each once what came of the one before is known."""
    source = project / "main.py"
    for text in texts:
        await until(partial(settled, app))
        count = len(app.model.reloads)
        source.write_text(text)
        await until(partial(has_reloads, app, count + 1))
        await pilot.pause(0.3)


async def run(app: ConsoleApp, session: Session, pilot: Pilot[int], *, name: str, project: Path) -> None:
    """Traffic, a row of reloads, a switch, and a broken save that is mended."""
    await pilot.press("enter")
    await until(lambda: session.state is State.READY)
    await ask_all(12)
    good = (project / "main.py").read_text()
    drafts = [good + f"\nVERSION = {number}\n" for number in range(8)]
    drafts.insert(5, good + "\ndef broken(:\n")
    await save_texts(app, pilot, project, *drafts)
    await ask_all(8)
    await until(partial(settled, app))
    await session.switch("granian")
    await save_texts(app, pilot, project, good + "\ndef broken(:\n", good)
    await until(partial(settled, app))
    await ask_all(20)
    await pilot.pause(4)
    save(app, name)


async def reload(app: ConsoleApp, session: Session, pilot: Pilot[int], *, name: str, project: Path) -> None:
    """Everything of a reload that took its time."""
    await pilot.press("enter")
    await until(lambda: session.state is State.READY)
    source = project / "main.py"
    good = source.read_text()
    (project / "prices.py").write_text("import time\n\ntime.sleep(0.18)  # reads a table\n")
    await save_texts(app, pilot, project, good + "\n", "import prices\n" + good, "import prices\n\n" + good)
    await until(partial(settled, app))
    await pilot.press("tab", "tab", "enter")
    await pilot.pause(0.5)
    save(app, name)
    source.write_text(good)


async def order(path: str) -> None:
    """Sends an order, as a browser that is signed in would."""
    headers = {
        "content-type": "application/json",
        "authorization": "Bearer 9f3ac1d2e8",
        "cookie": "session=a1b2c3d4",
    }
    request = urllib.request.Request(f"http://127.0.0.1:{PORT}{path}", ORDER, headers)
    await asyncio.to_thread(lambda: urllib.request.urlopen(request, timeout=5).read())


async def chat(*words: str) -> None:
    """A WebSocket that says the words."""
    from websockets.asyncio.client import connect

    async with connect(f"ws://127.0.0.1:{PORT}/chat") as socket:
        for word in words:
            await socket.send(word)
            await socket.recv()


async def choose(app: ConsoleApp, pilot: Pilot[int], path: str) -> None:
    """Puts the cursor of the list on the newest request of a path."""
    screen = app.screen
    assert isinstance(screen, RequestsScreen)
    for _ in range(40):
        if screen.chosen_request is not None and screen.chosen_request.path == path:
            return
        await pilot.press("up")
        await pilot.pause(0.05)
    raise TimeoutError(f"no request of {path} in the list")


async def requests(app: ConsoleApp, session: Session, pilot: Pilot[int], *, name: str) -> None:
    """The list, one call, and the same call on two servers."""
    await pilot.press("enter")
    await until(lambda: session.state is State.READY)
    await ask_all(1)
    await chat("hello", '{"room": 7}', "bye")
    await asyncio.to_thread(ask, "/stock")
    await order("/orders?coupon=lamp&token=73f0a8")
    await ask_all(1)
    await pilot.pause(1)
    await pilot.press("3")
    await pilot.pause(1)
    await choose(app, pilot, "/orders")
    await pilot.pause(0.5)
    save(app, f"requests{name}")
    await pilot.press("enter")
    await pilot.pause(0.5)
    await pilot.press("down")
    await pilot.pause(0.5)
    save(app, f"request{name}")
    await pilot.press("escape")
    await pilot.pause(0.5)
    sending = sending_of(app.chosen) if app.chosen else Sending()
    app.ask_other(sending)
    await pilot.pause(0.5)
    await pilot.press("down", "down", "down", "enter")
    await until(lambda: isinstance(app.screen, SideBySideScreen))
    await pilot.pause(4)
    save(app, f"side-by-side{name}")


async def log(app: ConsoleApp, session: Session, pilot: Pilot[int], *, name: str) -> None:
    """The log on the whole screen: a mark, a search, a filter."""
    await pilot.press("enter")
    await until(lambda: session.state is State.READY)
    await ask_all(2)
    await pilot.pause(0.5)
    await pilot.press("z", "up")
    await pilot.pause(0.5)
    await pilot.press("m", "ampersand", *"-old-page", "enter")
    await pilot.pause(0.5)
    await pilot.press("slash", *"checkout")
    await pilot.pause(1)
    save(app, name)


async def light(app: ConsoleApp, session: Session, pilot: Pilot[int], *, project: Path) -> None:
    """The Run screen in the light theme."""
    app.action_toggle_theme()
    await run(app, session, pilot, name="run-light", project=project)


def make_project(home: Path) -> Path:
    """A project with an environment of its own, which borrows the packages of this one."""
    project = home / "shop"
    project.mkdir()
    (project / "main.py").write_text(SHOP)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", project / ".venv"], check=True)
    packages = next((project / ".venv" / "lib").glob("python*/site-packages"))
    for name in Path(sysconfig.get_paths()["purelib"]).iterdir():
        (packages / name.name).symlink_to(name)
    # As if its owner had said yes: its options are read from what is installed in it.
    trust(project / ".venv" / "bin" / "python", state_directory())
    return project


async def main(project: Path) -> None:
    """All pictures, one console after the other."""
    for size, suffix in (((120, 40), ""), ((80, 24), "-80x24")):
        await with_console(project, size, partial(launch, name=f"launch{suffix}"))
        await with_console(project, size, partial(options, name=f"options{suffix}"))
        await with_console(project, size, partial(run, name=f"run{suffix}", project=project))
        await with_console(project, size, partial(log, name=f"logs{suffix}"))
        await with_console(project, size, partial(requests, name=suffix))
    await with_console(project, (120, 40), partial(paste, name="paste"))
    await with_console(project, (120, 40), partial(reload, name="reload", project=project))
    await with_console(project, (120, 40), partial(light, project=project))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        # What is shown is below the home directory, as it is for everybody; nothing of this machine is.
        os.environ["HOME"] = directory
        os.environ.pop("VIRTUAL_ENV", None)
        os.environ.pop("CONDA_PREFIX", None)
        for name in ("CONFIG", "STATE", "CACHE"):
            os.environ.pop(f"XDG_{name}_HOME", None)
        asyncio.run(main(make_project(Path(directory))))
