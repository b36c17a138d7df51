"""The app's variables: which layer wins, and where each comes from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from asgi_tui.domain.environment import Variable
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.target import Target
from asgi_tui.engine.environment import app_environment, dotenv_files
from asgi_tui.engine.preparation import read_env_files


def plan_in(directory: Path, *files: str, **env: str) -> LaunchPlan:
    return LaunchPlan(Target("main", "app"), "uvicorn", str(directory), env_files=files, env=env)


def test_the_form_wins_over_the_shell_and_the_shell_over_the_files(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=env\nB=env\nC=env\nD=env\n")
    (tmp_path / ".env.local").write_text("B=local\nC=local\nD=local\n")
    plan = plan_in(tmp_path, ".env", ".env.local", D="form", E="form")
    shell = {"C": "shell", "D": "shell", "HOME": "/"}
    found = app_environment(plan, shell)
    assert found == [
        Variable("A", "env", ".env"),
        Variable("B", "local", ".env.local", (".env",)),
        Variable("C", "shell", "shell", (".env", ".env.local")),
        Variable("D", "form", "form", (".env", ".env.local", "shell")),
        Variable("E", "form", "form"),
        Variable("HOME", "/", "shell"),
    ]
    # As the supervisor puts it together.
    really = read_env_files(plan) | shell | dict(plan.env)
    assert {variable.name: variable.value for variable in found} == really


def test_references_are_resolved_as_python_dotenv_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTSIDE", "from the shell")
    monkeypatch.delenv("NOWHERE", raising=False)
    (tmp_path / ".env").write_text(
        "NAME=shop\nURL=http://${NAME}/\nCOPY=${OUTSIDE}\nELSE=${NOWHERE:-else}\nRAW='${NAME}'\nDOLLAR=$NAME\n"
    )
    (tmp_path / "later").write_text("OF_ANOTHER_FILE=[${NAME}]\n")
    before = dict(os.environ)
    found = {item.name: item.value for item in app_environment(plan_in(tmp_path, ".env", "later"), {})}
    assert found == {
        "NAME": "shop",
        "URL": "http://shop/",
        "COPY": "from the shell",
        "ELSE": "else",
        "RAW": "shop",
        "DOLLAR": "$NAME",
        "OF_ANOTHER_FILE": "[]",
    }
    assert dict(os.environ) == before


@pytest.mark.parametrize("name", ["missing.env", "pipe", ".", "~nobody-of-that-name/.env", "x" * 300])
def test_a_file_that_is_none_is_a_problem(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Problem, match=r"Environment file .*: there is no such file; check the path"):
        app_environment(plan_in(tmp_path, name), {})


def test_a_broken_file_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff\n")
    with pytest.raises(Problem, match=r"Environment file .env: it is no UTF-8 text"):
        app_environment(plan_in(tmp_path, ".env"), {})


def test_a_file_elsewhere_is_named_as_given(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "up.env").write_text("A=1\n")
    full = str(tmp_path / "up.env")
    assert app_environment(plan_in(tmp_path / "shop", "../up.env", full), {}) == [
        Variable("A", "1", full, ("../up.env",)),
    ]


def test_the_usual_files_are_found(tmp_path: Path) -> None:
    assert dotenv_files(str(tmp_path)) == []
    for name in (".env.production", ".env.local", ".env.example", ".envrc", ".env.dev.local", ".env.dev"):
        (tmp_path / name).touch()
    (tmp_path / ".env").mkdir()  # a virtual environment
    assert dotenv_files(str(tmp_path)) == [".env.local", ".env.dev", ".env.dev.local", ".env.production"]
