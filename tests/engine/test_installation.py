"""An installation: what the tool says arrives live, it can be cancelled, and nothing of it is left."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import psutil
import pytest

from asgi_tui.domain.errors import Problem
from asgi_tui.engine.installer import LINE_LIMIT, Installation, InstallCommand, Installed, install_command
from asgi_tui.engine.interpreters import find_interpreter, installed_versions
from asgi_tui.engine.process import group_members
from tests.support import wait_for


def script(directory: Path, text: str) -> InstallCommand:
    path = directory / "tool"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return InstallCommand((str(path),), directory, "pip", ("thing",))


async def run(command: InstallCommand, **environ: str) -> tuple[Installed, list[str]]:
    lines: list[str] = []
    result = await Installation(command, {"PATH": os.environ["PATH"], **environ}, lines.append).run()
    return result, lines


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with pip, and a wheel beside it."""
    root = tmp_path_factory.mktemp("real")
    subprocess.run([sys.executable, "-m", "venv", root / "env"], check=True, timeout=55)
    info = "tiny_thing-1.5.dist-info"
    with zipfile.ZipFile(root / "tiny_thing-1.5-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny_thing.py", "x = 1\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-thing\nVersion: 1.5\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(
            f"{info}/RECORD", f"tiny_thing.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n"
        )
    return root


async def test_a_real_installation_and_a_failing_one(real: Path) -> None:
    (real / "logging.py").write_text("raise SystemExit('shadowed')")
    environ = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(real), "PIP_CONFIG_FILE": os.devnull}
    interpreter = find_interpreter(real, "env", {})
    assert installed_versions(interpreter, ["tiny-thing"])["tiny-thing"] is None
    command = install_command(real, interpreter, ["tiny-thing>=1"], {})
    result, lines = await run(command, **environ)
    assert result == Installed(0), lines
    assert lines[-1] == "Successfully installed tiny-thing-1.5"
    assert installed_versions(interpreter, ["tiny-thing"])["tiny-thing"] == "1.5"

    result, lines = await run(install_command(real, interpreter, ["tiny-thing>=2"], {}), **environ)
    assert result.code == 1
    assert not result.cancelled
    assert str(result.problem) == (
        "Installing tiny-thing>=2: pip failed with code 1: No matching distribution found for tiny-thing>=2; "
        "its whole output tells more."
    )
    assert result.problem is not None
    assert result.problem.exit_code == 1


async def test_lines_come_live_and_in_order(tmp_path: Path) -> None:
    lines: list[str] = []

    def tell(line: str) -> None:
        lines.append(line)
        if line == "one":
            (tmp_path / "go").touch()

    text = 'echo one; until [ -e go ]; do sleep 0.01; done; echo two >&2; printf "3%%\\r9%%\\r\\nend"'
    result = await Installation(script(tmp_path, text), {"PATH": os.environ["PATH"]}, tell).run()
    assert result == Installed(0)
    assert lines == ["one", "two", "3%", "9%", "end"]


async def test_any_output_is_told(tmp_path: Path) -> None:
    writes = (b"x" * 500_000 + b"\nb\xff\xc3", b"\xa4\n", b"y" * 4000)
    for number, data in enumerate(writes):
        (tmp_path / str(number)).write_bytes(data)
    result, lines = await run(script(tmp_path, "cat 0; cat 1; cat 2"))
    assert result == Installed(0)
    assert lines == ["x" * LINE_LIMIT + "…", "b�ä", "y" * 4000]


async def test_what_the_tool_is_given(tmp_path: Path) -> None:
    command = script(tmp_path, 'env; touch "$TMPDIR/left"; read line || echo "no input"')
    command = InstallCommand(command.argv, tmp_path, "uv", ("x",), variables=(("VIRTUAL_ENV", "/v"),))
    result, lines = await run(command, NO_COLOR="", CONDA_PREFIX="/c", CONDA_DEFAULT_ENV="base", MINE="1")
    assert result == Installed(0)
    given = dict(line.split("=", 1) for line in lines if "=" in line)
    wanted = {
        "PIP_NO_INPUT": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "NO_COLOR": "1",
        "PYTHONUNBUFFERED": "1",
    }
    assert given.items() >= (wanted | {"VIRTUAL_ENV": "/v", "MINE": "1", "PWD": str(tmp_path)}).items()
    assert "CONDA_PREFIX" not in given
    assert lines[-1] == "no input"
    assert not Path(given["TMPDIR"]).exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "echo fine; echo 'error: no'; echo '  cause: because it is so.'; exit 2",
            "code 2: because it is so;",
        ),
        ("echo '[NotFound]: none.'; echo 'WARNING: add -v'; exit 1", "code 1: none;"),
        ("echo one; echo two; exit 3", "code 3: two;"),
        ("exit 4", "code 4: it said nothing;"),
        (
            "echo 'ERROR: see https://me:hunter2@host/simple'; exit 1",
            "code 1: see https://me:••••••@host/simple;",
        ),
        ("printf 'ERROR: \\033]0;title\\007bad\\n'; exit 1", "code 1: ␛]0;title␇bad;"),
        ("kill -9 $$", "code -9: it said nothing;"),
    ],
)
async def test_why_it_failed(tmp_path: Path, text: str, sentence: str) -> None:
    result, _ = await run(script(tmp_path, text))
    assert str(result.problem) == f"Installing thing: pip failed with {sentence} its whole output tells more."


async def test_a_command_that_cannot_be_executed(tmp_path: Path) -> None:
    command = InstallCommand((str(tmp_path / "gone"),), tmp_path, "pip", ("thing",))
    with pytest.raises(Problem, match=r"Command .*gone: No such file or directory"):
        await run(command)


DEAF = """\
trap '' INT TERM
(trap '' INT TERM; while :; do sleep 0.1; done) &
echo $$
while :; do sleep 0.1; done
"""


async def started(text: str, tmp_path: Path) -> tuple[Installation, asyncio.Task[Installed], list[str]]:
    lines: list[str] = []
    installation = Installation(script(tmp_path, text), {"PATH": os.environ["PATH"]}, lines.append)
    task = asyncio.create_task(installation.run())
    while not lines:
        await asyncio.sleep(0.01)
    return installation, task, lines


async def test_cancel_ends_the_whole_group(tmp_path: Path) -> None:
    installation, task, lines = await started(DEAF, tmp_path)
    group = int(lines[0])
    assert len(group_members(group)) > 1
    begun = time.monotonic()
    await asyncio.gather(installation.cancel(), installation.cancel())
    assert 2.5 < time.monotonic() - begun < 20
    assert group_members(group) == []
    result = await task
    assert result == Installed(-signal.SIGKILL, cancelled=True)
    await installation.cancel()  # nothing to do any more


async def test_cancel_interrupts_first_so_that_a_tool_can_clean_up(tmp_path: Path) -> None:
    text = "trap 'echo restored; exit 130' INT; echo $$; while :; do sleep 0.02; done"
    installation, task, lines = await started(text, tmp_path)
    await installation.cancel()
    assert await task == Installed(130, cancelled=True)
    assert lines[1:] == ["restored"]


async def test_cancelled_before_it_starts(tmp_path: Path) -> None:
    installation = Installation(script(tmp_path, "exec sleep 60"), dict(os.environ), print)
    await installation.cancel()
    assert (await installation.run()).cancelled


async def test_a_cancelled_task_leaves_nothing(tmp_path: Path) -> None:
    text = "trap 'touch interrupted; exit' INT; (sleep 60) & echo $$; while :; do sleep 0.02; done"
    _, task, lines = await started(text, tmp_path)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (tmp_path / "interrupted").exists()
    assert group_members(int(lines[0])) == []


async def test_what_the_tool_leaves_running_is_ended(tmp_path: Path) -> None:
    result, lines = await run(script(tmp_path, "sleep 60 & echo $$"))
    assert result == Installed(0)
    assert group_members(int(lines[0])) == []


CONSOLE = """\
import asyncio, os, sys
from pathlib import Path
from asgi_tui.engine.installer import InstallCommand, Installation
command = InstallCommand((sys.argv[1],), Path(sys.argv[2]), "pip", ("thing",))
asyncio.run(Installation(command, dict(os.environ), lambda line: print(line, flush=True)).run())
"""


def test_it_ends_with_the_console(tmp_path: Path) -> None:
    command = script(tmp_path, DEAF)
    argv = [sys.executable, "-c", CONSOLE, command.argv[0], str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as console:
        assert console.stdout is not None
        group = int(console.stdout.readline())
        assert psutil.pid_exists(group)
        console.kill()
    wait_for(lambda: not group_members(group), 5)
