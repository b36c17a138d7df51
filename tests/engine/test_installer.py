"""Installing: the right tool is asked for the right interpreter, or a sentence says why none is."""

from __future__ import annotations

import base64
import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from asgi_tui.domain.errors import Problem
from asgi_tui.engine.installer import InstallCommand, install_command, project_tool
from asgi_tui.engine.interpreters import Interpreter, find_interpreter

PROJECT = '[project]\nname = "shop"\nversion = "0"\n'


def venv(path: Path, *, pip: bool = False) -> Path:
    """Something with the files of a virtual environment, with or without pip."""
    (path / "bin").mkdir(parents=True)
    (path / "bin/python").symlink_to(sys.executable)
    (path / "pyvenv.cfg").write_text("home = /x\nversion = 3.12.1\n")
    packages = path / "lib/python3.12/site-packages"
    packages.mkdir(parents=True)
    if pip:
        (packages / "pip-25.0.dist-info").mkdir()
        (packages / "pip-25.0.dist-info/METADATA").touch()
    return path


def on_path(directory: Path, *tools: str) -> dict[str, str]:
    directory.mkdir(exist_ok=True)
    for tool in tools:
        (directory / tool).write_text("#!/bin/sh\necho $0 $*\n")
        (directory / tool).chmod(0o755)
    return {"PATH": str(directory), "HOME": str(directory.parent)}


def chosen(cwd: Path, python: Path, environ: Mapping[str, str], *names: str) -> InstallCommand:
    interpreter = find_interpreter(cwd, str(python), environ)
    return install_command(cwd, interpreter, names or ("uvicorn[standard]",), environ)


@pytest.mark.parametrize(
    ("files", "tool"),
    [
        ({"uv.lock": "", "pyproject.toml": PROJECT}, "uv"),
        ({"pyproject.toml": PROJECT + "[tool.uv]\n"}, "uv"),
        ({"poetry.lock": "", "pyproject.toml": PROJECT}, "poetry"),
        ({"pyproject.toml": '[tool.poetry]\nname = "shop"\n'}, "poetry"),
        ({"pdm.lock": "", "pyproject.toml": PROJECT}, "pdm"),
        ({"pyproject.toml": PROJECT + "[tool.pdm]\n"}, "pdm"),
        # what the lock file says counts, not what else is configured
        ({"poetry.lock": "", "pyproject.toml": PROJECT + "[tool.uv]\n"}, "poetry"),
        ({"pyproject.toml": PROJECT}, "pip"),
        ({"requirements.txt": ""}, "pip"),
        # nothing to add to: uv would refuse
        ({"uv.lock": "", "pyproject.toml": "[tool.uv]\n"}, "pip"),
        ({"uv.lock": "", "pyproject.toml": "not = = toml"}, "pip"),
        ({"pyproject.toml": "tool = 1\nproject = 2\n[[tool.uv]]"}, "pip"),
        ({"pyproject.toml": "project = 1\ntool = 2\n"}, "pip"),
    ],
)
def test_the_tool_of_a_project(tmp_path: Path, files: dict[str, str], tool: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert project_tool(tmp_path) == tool


@pytest.mark.parametrize(
    ("tool", "command"),
    [
        ("uv", "uv add 'uvicorn[standard]' 'h2>=4'"),
        ("poetry", "VIRTUAL_ENV={venv} poetry add --no-interaction 'uvicorn[standard]' 'h2>=4'"),
        ("pdm", "PDM_PYTHON={venv}/bin/python pdm add 'uvicorn[standard]' 'h2>=4'"),
    ],
)
def test_the_projects_tool_is_used_for_its_own_environment(tmp_path: Path, tool: str, command: str) -> None:
    (tmp_path / "pyproject.toml").write_text(f"{PROJECT}[tool.{tool}]\n")
    (tmp_path / "src").mkdir()
    own = venv(tmp_path / ".venv", pip=True)
    environ = on_path(tmp_path / "bin", tool)
    found = chosen(tmp_path / "src", own, environ, "uvicorn[standard]", "h2>=4")
    assert str(found) == command.format(venv=own)
    assert (found.tool, found.cwd) == (tool, tmp_path)
    assert found.note == f"{tool} adds it to pyproject.toml and {tool}.lock as well."

    # without the tool, and for another environment, pip does it and the project stays as it is
    missing = chosen(tmp_path, own, environ | {"PATH": "/nowhere"})
    assert str(missing) == f"{own}/bin/python -m pip install 'uvicorn[standard]'"
    assert missing.note == f"{tool}, which the project uses, is not on PATH, so it does not record it."
    other = venv(tmp_path.parent / f"{tmp_path.name}-other", pip=True)
    elsewhere = chosen(tmp_path, other, environ)
    assert elsewhere.argv == (f"{other}/bin/python", "-m", "pip", "install", "uvicorn[standard]")
    assert (
        elsewhere.note == f"This Python is not the project's own environment, so {tool} does not record it."
    )
    # `-m` imports from the working directory first
    assert elsewhere.cwd == other


def test_uv_is_told_of_an_environment_that_is_not_its_default(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "uv.lock").touch()
    environ = on_path(tmp_path / "bin", "uv")
    other = venv(tmp_path / "env 3.12")
    assert str(chosen(tmp_path, other, environ, "h2")) == f"VIRTUAL_ENV='{other}' uv add --active h2"
    environ["UV_PROJECT_ENVIRONMENT"] = "env 3.12"
    assert str(chosen(tmp_path, other, environ, "h2")) == "uv add h2"


def test_environments_that_poetry_and_pdm_keep_elsewhere(tmp_path: Path) -> None:
    project = tmp_path / "shop"
    project.mkdir()
    (project / "pyproject.toml").write_text('[tool.poetry]\nname = "shop"\n')
    environ = on_path(tmp_path / "bin", "poetry", "pdm") | {"POETRY_VIRTUALENVS_PATH": str(tmp_path / "kept")}
    name = f"shop-{base64.urlsafe_b64encode(hashlib.sha256(bytes(project)).digest()).decode()[:8]}"
    first, second = (venv(tmp_path / "kept" / f"{name}-py3.{minor}", pip=True) for minor in (11, 12))
    assert chosen(project, first, environ).tool == "poetry"
    assert chosen(project, second, environ).variables == (("VIRTUAL_ENV", str(second)),)
    (tmp_path / "kept/envs.toml").write_text(f'[{name}]\nminor = "3.12"\npatch = "3.12.1"\n')
    assert chosen(project, first, environ).tool == "pip"  # poetry would install in the one it was told to use
    assert chosen(project, second, environ).tool == "poetry"

    (project / "pyproject.toml").write_text(f"{PROJECT}[tool.pdm]\n")
    assert chosen(project, second, environ).tool == "pip"
    (project / ".pdm-python").write_text(f"{second}/bin/python\n")
    assert str(chosen(project, second, environ, "h2")) == "pdm add h2"
    assert chosen(project, first, environ).tool == "pip"


def test_an_environment_without_pip(tmp_path: Path) -> None:
    bare = venv(tmp_path / "bare")
    found = chosen(tmp_path, bare, on_path(tmp_path / "bin", "uv"), "h2")
    assert found.argv == ("uv", "pip", "install", "--python", f"{bare}/bin/python", "h2")
    assert found.note == "This Python has no pip, so uv installs."
    with pytest.raises(Problem) as caught:
        chosen(tmp_path, bare, {"PATH": "/nowhere"}, "h2")
    python = f"{bare}/bin/python"
    why = "it has no pip, and there is no uv on PATH"
    assert str(caught.value) == f"Interpreter {python}: {why}; run {python} -m ensurepip."


def test_the_systems_packages_are_not_touched(tmp_path: Path) -> None:
    library = tmp_path / "system/lib/python3.12"
    (library / "site-packages/pip-25.0.dist-info").mkdir(parents=True)
    (library / "site-packages/pip-25.0.dist-info/METADATA").touch()
    python = tmp_path / "system/bin/python3.12"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    environ = on_path(tmp_path / "bin", "uv")
    assert chosen(tmp_path, python, environ, "h2").tool == "pip"
    (library / "EXTERNALLY-MANAGED").touch()
    with pytest.raises(
        Problem, match=r"packages are the system's.*python3\.12 -m venv \.venv and choose it\."
    ):
        chosen(tmp_path, python, environ, "h2")
    # a virtual environment made from it is nobody's business
    inside = venv(tmp_path / "env", pip=True)
    (inside / "lib/python3.12/EXTERNALLY-MANAGED").touch()
    assert chosen(tmp_path, inside, environ, "h2").tool == "pip"


@pytest.mark.parametrize(
    "name", ["h2", "uvicorn[standard]>=0.34,<1", "a.b-c_d[e,f]==1.*", "Twisted[http2,tls]"]
)
def test_requirements(tmp_path: Path, name: str) -> None:
    assert chosen(tmp_path, venv(tmp_path / "env", pip=True), {"PATH": "/x"}, name).argv[-1] == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "-r",
        "--index-url=http://x",
        "h2 @ http://evil/h2.whl",
        "http://evil/h2.whl",
        "git+https://evil/x",
        "./here",
        "../up",
        "/etc/x.whl",
        "h2; echo",
        "h2 --pre",
        "h2\n--pre",
        "h2\n",
        "h2>=$(id)",
        "h2[",
        "h2[]",
        "h2>",
        "h2>=-1",
        "\N{CYRILLIC SMALL LETTER ES}lick",
        "h2\x1b[31m",
    ],
)
def test_hostile_requirements(tmp_path: Path, name: str) -> None:
    env = venv(tmp_path / "env", pip=True)
    with pytest.raises(Problem, match="it is no name with extras and version bounds") as caught:
        chosen(tmp_path, env, {"PATH": "/x"}, "h2", name)
    assert "\x1b" not in str(caught.value)


def test_nothing_to_install(tmp_path: Path) -> None:
    interpreter = Interpreter(Path(sys.executable), None, "", ())
    with pytest.raises(Problem, match="there is nothing to install"):
        install_command(tmp_path, interpreter, [], {})
