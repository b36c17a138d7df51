"""What bears on a plan from outside: options as installed, extras, variables; and the trust rule."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.target import Target
from asgi_tui.engine.knowledge import Knowledge


def plan(cwd: Path, server: str, **options: str | int) -> LaunchPlan:
    return LaunchPlan(Target("app", "app"), server, str(cwd)).with_options(options)


def test_the_installed_version_is_read_and_variables_are_told(tmp_path: Path) -> None:
    knowledge = Knowledge({"UVICORN_TIMEOUT_KEEP_ALIVE": "9", "WEB_CONCURRENCY": "4"})
    project = knowledge.project(tmp_path, sys.executable)
    outlook = knowledge.outlook(plan(tmp_path, "uvicorn"), project)
    assert outlook.table.version == project.server("uvicorn").version
    assert outlook.table.missing == {}
    assert outlook.asks is None
    assert outlook.ambient["timeout_keep_alive"].text == "9"
    assert outlook.ambient["timeout_keep_alive"].counts
    assert not outlook.ambient["workers"].counts
    assert outlook.facts.sets_outside == {"timeout_keep_alive"}
    assert "daphne" in outlook.facts.servers


def test_a_projects_own_interpreter_runs_only_after_a_yes(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    venv = tmp_path / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    # Servers the environment has by a path file, and a trap that tells whether its Python ever ran.
    packages = next((venv / "lib").glob("python*/site-packages"))
    own = next(path for path in sys.path if path.endswith("site-packages"))
    ran = tmp_path / "ran"
    (packages / "trap.pth").write_text(f"{own}\nimport pathlib; pathlib.Path({str(ran)!r}).touch()\n")
    info = packages / "uvicorn-0.54.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: uvicorn\nVersion: 0.54.0\n")

    knowledge = Knowledge({})
    project = knowledge.project(tmp_path, None)
    assert project.interpreter.executable.is_relative_to(venv)
    before = knowledge.outlook(plan(tmp_path, "uvicorn"), project)
    assert before.asks == project.interpreter.executable
    assert before.table.version is None
    assert "your yes" in before.table.note
    assert before.table.named("timeout_keep_alive") is not None
    assert not ran.exists()

    knowledge.trust(before.asks)
    after = knowledge.outlook(plan(tmp_path, "uvicorn"), project)
    assert after.asks is None
    assert after.table.version
    assert after.table.note == ""
    assert ran.exists()

    ran.unlink()
    again = knowledge.outlook(plan(tmp_path, "uvicorn"), project)
    assert again.table.version == after.table.version
    assert not ran.exists(), "the second time it is remembered"


def test_a_server_that_is_missing_has_the_options_it_is_known_for(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "v")], check=True)
    knowledge = Knowledge({})
    project = knowledge.project(tmp_path, "v")
    outlook = knowledge.outlook(plan(tmp_path, "granian"), project)
    assert "not installed" in outlook.table.note
    assert outlook.asks is None
    assert outlook.facts.lacks("watchfiles") == "watchfiles"
