"""Makes the screenshots of README: the real console on a real server, exported as SVG.

Run it in an environment with ``asgi-tui[all]``: ``python screenshots/make.py``. It serves the bundled demo
app on a free port, sends it real requests, saves a file of it and switches servers.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from textual.pilot import Pilot

from asgi_tui.domain.events import State
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.target import Target
from asgi_tui.engine.project import DEMO_DIRECTORY, load_project
from asgi_tui.engine.session import Session
from asgi_tui.frontends.console.app import ConsoleApp

HERE = Path(__file__).parent
PORT = 8000
PATHS = ("/hello", "/items/7", "/items/42", "/hello", "/stream", "/state", "/error", "/nowhere")


def save(app: ConsoleApp, name: str) -> None:
    """Writes the screen as an SVG that names no font on another host."""
    svg = app.export_screenshot(title="asgi-tui")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = svg.replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace")
    # Rich pads lines with spaces that a diff would only show as noise.
    (HERE / f"{name}.svg").write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n")
    print(f"{name}.svg")


def ask(path: str) -> None:
    """One request; the demo's errors are part of the picture."""
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{PORT}{path}", timeout=5).read()
    except urllib.error.HTTPError as error:
        error.close()


async def ask_all(times: int) -> None:
    """Asks every path ``times`` times."""
    for _ in range(times):
        for path in PATHS:
            if path != "/stream":
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
    session = Session(events_interval=1 / 30)
    plan = LaunchPlan(Target.parse("main:app"), "uvicorn", str(project)).with_options({"port": PORT})
    app = ConsoleApp(driver=session, load=partial(load_project, project, None, os.environ), plan=plan)
    async with app.run_test(size=size) as pilot:
        await until(lambda: app.project is not None)
        await pilot.pause(0.5)
        await scene(app, session, pilot)
    await session.close()


def has_reloads(app: ConsoleApp, count: int) -> bool:
    """Whether the pane shows so many."""
    return len(app.model.reloads) >= count


async def launch(app: ConsoleApp, session: Session, pilot: Pilot[int], *, name: str) -> None:
    """The form, before anything runs."""
    save(app, name)


async def run(app: ConsoleApp, session: Session, pilot: Pilot[int], *, name: str, project: Path) -> None:
    """Traffic, a reload, a broken save and its mend, and a switch."""
    await pilot.press("enter")
    await until(lambda: session.state is State.READY)
    await ask_all(12)
    source = project / "main.py"
    good = source.read_text()
    for count, text in enumerate((good + "\n", good + "\ndef broken(:\n", good), 1):
        source.write_text(text)
        await until(partial(has_reloads, app, count))
        await pilot.pause(0.3)
    await ask_all(8)
    await session.switch("granian")
    await ask_all(20)
    await pilot.pause(4)
    save(app, name)


async def light(app: ConsoleApp, session: Session, pilot: Pilot[int], *, project: Path) -> None:
    """The Run screen in the light theme."""
    app.action_toggle_theme()
    await run(app, session, pilot, name="run-light", project=project)


async def main() -> None:
    """All pictures, one console after the other."""
    with tempfile.TemporaryDirectory() as directory:
        project = Path(directory, "shop")
        project.mkdir()
        shutil.copy(DEMO_DIRECTORY / "asgi_demo.py", project / "main.py")
        for size, suffix in (((120, 40), ""), ((80, 24), "-80x24")):
            await with_console(project, size, partial(launch, name=f"launch{suffix}"))
            await with_console(project, size, partial(run, name=f"run{suffix}", project=project))
        await with_console(project, (120, 40), partial(light, project=project))


if __name__ == "__main__":
    asyncio.run(main())
