"""The history file: what is remembered, for whom, and what becomes of a broken one."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.reloading import Reloading
from asgi_tui.domain.target import Target
from asgi_tui.engine.history import DIRECTORIES, LAUNCHES, forget, last_plan, recent, remember


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "asgi-tui" / "history.json"


def plan(number: int, cwd: str = "/srv/shop") -> LaunchPlan:
    return LaunchPlan(Target("main", "app"), "uvicorn", cwd, options={"port": 8000 + number})


def ports() -> list[int]:
    return [launch.plan.port - 8000 for launch in recent()]


def test_the_last_launches_are_kept_the_latest_first(file: Path) -> None:
    assert (recent(), last_plan("/srv/shop")) == ([], None)
    for number in range(LAUNCHES + 5):
        remember(plan(number))
    assert ports() == list(range(LAUNCHES + 4, 4, -1))
    times = [launch.at for launch in recent()]
    assert times == sorted(times, reverse=True)
    assert recent()[0].plan == plan(LAUNCHES + 4)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_how_a_change_is_carried_out_is_remembered(file: Path) -> None:
    settings = Reloading(("*.html",), ("*.log",), False, ("numba",), True, 0.5, 90.0)
    remember(replace(plan(1), reloading=settings))
    remember(plan(2))
    assert [launch.plan.reloading for launch in recent()] == [Reloading(), settings]
    assert "grace" not in json.loads(file.read_text())["launches"][0]["plan"]


def test_the_same_launch_again_moves_to_the_front(file: Path) -> None:
    for number in (1, 2, 3, 1):
        remember(plan(number))
    assert ports() == [1, 3, 2]


def test_each_directory_has_its_last_plan(file: Path) -> None:
    for number in range(DIRECTORIES + 2):
        remember(plan(number, f"/srv/{number}"))
    remember(plan(500, "/srv/50"))
    assert last_plan("/srv/50") == plan(500, "/srv/50")
    assert last_plan("/srv/2") == plan(2, "/srv/2")
    assert last_plan("/srv/1") is None
    assert len(json.loads(file.read_text())["directories"]) == DIRECTORIES


def test_no_secret_is_in_it(file: Path) -> None:
    remember(
        replace(
            plan(1),
            options={"tls_key_password": "hunter2"},
            env={"SECRET_KEY": "hunter2"},
            native=("--header", "Authorization: hunter2"),
        )
    )
    assert "hunter2" not in file.read_text()
    assert recent()[0].plan == replace(plan(1), options={})


@pytest.mark.parametrize(
    "content", [b"", b'{"launches": [', b"[]", b"\xff", b"[" * 100_000, b" " * 10_000_001, b'"\\ud800"']
)
def test_a_broken_file_counts_as_none_and_is_kept_aside_once(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    assert (recent(), last_plan("/srv/shop")) == ([], None)
    assert file.read_bytes() == content
    remember(plan(1))
    assert ports() == [1]
    broken = file.with_name("history.json.broken")
    assert broken.read_bytes() == content
    file.write_text("broken again")
    remember(plan(2))
    assert ports() == [2]
    assert broken.read_bytes() == content
    forget()
    assert not broken.exists()


def test_what_cannot_be_read_is_left_out(file: Path) -> None:
    remember(plan(1))
    remember(plan(2))
    content = json.loads(file.read_text())
    good = content["launches"][1]
    content["launches"][0]["plan"]["server"] = "of another version"
    content["launches"] += [3, None, {}, good | {"at": "now"}, good | {"at": float("nan")}, good | {"cwd": 3}]
    content["directories"] = {"no": "list"}
    file.write_text(json.dumps(content))
    assert ports() == [1]
    assert last_plan("/srv/shop") is None


def test_text_that_is_no_unicode_is_kept(file: Path) -> None:
    odd = replace(plan(1), watch=("caf\udce9",))
    remember(odd)
    assert recent()[0].plan == odd


def test_a_huge_plan_is_not_remembered(file: Path) -> None:
    remember(replace(plan(1), native=("x" * 100_000,)))
    assert recent() == []


def test_forgetting_leaves_nothing(file: Path) -> None:
    remember(plan(1))
    forget()
    assert list(file.parent.iterdir()) == []
    assert recent() == []
    forget()


def test_a_directory_that_cannot_be_made_is_a_problem(file: Path) -> None:
    file.parent.write_text("in the way")
    with pytest.raises(Problem, match=r"Directory .*asgi-tui: it cannot be opened"):
        remember(plan(1))


WRITER = """
import sys
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.target import Target
from asgi_tui.engine.history import remember
sys.stdin.readline()
for number in range(25):
    remember(LaunchPlan(Target("main", "app"), "uvicorn", f"/srv/{sys.argv[1]}-{number}"))
"""


def test_consoles_that_write_at_once_lose_nothing(file: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(number)], stdin=subprocess.PIPE, text=True)
        for number in range(4)
    ]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    assert all(last_plan(f"/srv/{writer}-{number}") for writer in range(4) for number in range(25))
    assert len(recent()) == LAUNCHES
