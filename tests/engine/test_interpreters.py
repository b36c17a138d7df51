"""Interpreters: the right one is chosen, described from files alone, and never run."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from asgi_tui.domain.errors import Problem
from asgi_tui.engine.interpreters import (
    OWN,
    Interpreter,
    find_interpreter,
    installed_versions,
)

MINOR = f"python{sys.version_info[0]}.{sys.version_info[1]}"


def executable(path: Path) -> Path:
    """A file that would leave a marker if it were run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\ntouch {path}.ran\n")
    path.chmod(0o755)
    return path


def fake_venv(path: Path, config: str, library: str = "") -> Path:
    python = executable(path / "bin/python")
    (path / "pyvenv.cfg").write_text(config)
    if library:
        (path / "lib" / library / "site-packages").mkdir(parents=True)
    return python


def fake_prefix(path: Path, *libraries: str, name: str = "python") -> Path:
    for library in libraries:
        (path / "lib" / library / "site-packages").mkdir(parents=True)
    return executable(path / "bin" / name)


def distribution(directory: Path, *entries: str) -> None:
    for entry in entries:
        (directory / entry).mkdir(parents=True)
        (directory / entry / "METADATA").touch()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "src/deep").mkdir(parents=True)
    (root / "pyproject.toml").touch()
    return root


def test_a_real_venv(tmp_path: Path) -> None:
    home = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True, timeout=50)
    for python in (str(home), str(home / "bin/python"), "env", "./env", "env/bin/python3"):
        found = find_interpreter(tmp_path, python, {})
        # the venv's own name for it: resolved it would be the base interpreter
        assert found.executable.parent == home / "bin"
        assert found.version == sys.version_info[:3]
        assert found.why == "--python"
        assert found.site_dirs == (home / "lib" / MINOR / "site-packages",)
    assert installed_versions(found, ["pytest"])["pytest"] is None


def test_a_real_venv_with_system_packages(tmp_path: Path) -> None:
    venv.create(tmp_path / "env", system_site_packages=True, with_pip=False, symlinks=True)
    found = find_interpreter(tmp_path, "env", {})
    base = Path(sys.base_prefix).resolve() / "lib" / MINOR
    assert found.site_dirs[0] == tmp_path / "env/lib" / MINOR / "site-packages"
    assert any(directory.resolve().is_relative_to(base.parent) for directory in found.site_dirs[1:])


def test_the_consoles_own(tmp_path: Path) -> None:
    found = find_interpreter(tmp_path, None, {})
    assert found.executable == Path(sys.executable)
    assert found.version == sys.version_info[:3]
    assert found.why == OWN
    assert installed_versions(found, ["pytest", "no-such-thing"]) == {
        "pytest": pytest.__version__,
        "no-such-thing": None,
    }


def test_order(project: Path, tmp_path: Path) -> None:
    def why(python: str | None = None, **environ: str) -> str:
        return find_interpreter(project / "src/deep", python, environ).why

    assert why() == OWN
    fake_venv(tmp_path / ".venv", "version = 3.12.0")  # above the project's root: not its own
    assert why() == OWN
    fake_venv(project / "venv", "version = 3.12.0")
    assert why() == "venv"
    fake_venv(project / ".venv", "version = 3.12.1")
    assert why() == ".venv"
    conda = fake_prefix(tmp_path / "conda", "python3.12").parent.parent
    assert why(CONDA_PREFIX=str(conda)) == "$CONDA_PREFIX"
    fake_venv(tmp_path / "active", "version = 3.13.0")
    environ = {"CONDA_PREFIX": str(conda), "VIRTUAL_ENV": str(tmp_path / "active")}
    assert why(**environ) == "$VIRTUAL_ENV"
    assert why(str(conda), **environ) == "--python"
    assert not list(tmp_path.rglob("*.ran"))


def test_the_nearest_venv_wins(project: Path) -> None:
    fake_venv(project / ".venv", "version = 3.12.1")
    nearest = fake_venv(project / "src/.venv", "version = 3.12.1")
    assert find_interpreter(project / "src/deep", None, {}).executable == nearest


def test_stale_environments_are_passed_over(project: Path) -> None:
    (project / "empty").mkdir()
    (project / ".venv/bin").mkdir(parents=True)
    (project / ".venv/bin/python").symlink_to(project / "gone")
    environ = {"VIRTUAL_ENV": str(project / "deleted"), "CONDA_PREFIX": str(project / "empty")}
    assert find_interpreter(project, None, environ).why == OWN


@pytest.mark.parametrize(
    ("config", "library", "version"),
    [
        ("home = /x\nversion = 3.11.4\n", "", (3, 11, 4)),
        ("version_info = 3.10.2.final.0\n", "", (3, 10, 2)),
        ("version_info = 3.13\n", "", (3, 13, 0)),
        ("home = /x\n", "python3.12", (3, 12, 0)),
        ("home = /x\n", "python3.13t", (3, 13, 0)),
        ("home = /x\n", "pypy3.10", (3, 10, 0)),
        ("home = /x\nversion = odd\n", "", None),
    ],
)
def test_versions_of_venvs(
    tmp_path: Path, config: str, library: str, version: tuple[int, int, int] | None
) -> None:
    fake_venv(tmp_path / "env", config, library)
    assert find_interpreter(tmp_path, "env", {}).version == version


def test_version_of_a_prefix(tmp_path: Path) -> None:
    python = fake_prefix(tmp_path / "prefix", "python3.11", "python3.12", name="python3.12")
    (tmp_path / "python").symlink_to(python)
    found = find_interpreter(tmp_path, "./python", {})
    assert found.version == (3, 12, 0)
    assert found.executable == tmp_path / "python"
    assert found.site_dirs == (tmp_path / "prefix/lib/python3.12/site-packages",)
    header = tmp_path / "prefix/include/python3.12/patchlevel.h"
    header.parent.mkdir(parents=True)
    header.write_text('#define PY_VERSION\t"3.12.7"\n')
    assert find_interpreter(tmp_path, "./python", {}).version == (3, 12, 7)


def test_version_of_conda(tmp_path: Path) -> None:
    fake_prefix(tmp_path / "conda", "python3.12")
    (tmp_path / "conda/conda-meta").mkdir()
    (tmp_path / "conda/conda-meta/python-3.12.4-h194c7f8_1.json").touch()
    found = find_interpreter(tmp_path, None, {"CONDA_PREFIX": str(tmp_path / "conda")})
    assert found.version == (3, 12, 4)


def test_a_command_on_path(tmp_path: Path) -> None:
    python = fake_prefix(tmp_path / "prefix", "python3.12", name="python3.12")
    environ = {"PATH": str(python.parent), "HOME": str(tmp_path)}
    user = tmp_path / ".local/lib/python3.12/site-packages"
    user.mkdir(parents=True)
    found = find_interpreter(tmp_path, "python3.12", environ)
    assert (found.executable, found.version) == (python, (3, 12, 0))
    assert found.site_dirs == (user, tmp_path / "prefix/lib/python3.12/site-packages")
    assert user not in find_interpreter(tmp_path, "python3.12", environ | {"PYTHONNOUSERSITE": "1"}).site_dirs


def test_a_pyenv_shim_stands_for_the_chosen_version(tmp_path: Path) -> None:
    pyenv = tmp_path / "pyenv"
    for version in ("3.12.1", "3.13.0"):
        fake_prefix(pyenv / "versions" / version, f"python{version[:4]}", name="python3")
    executable(pyenv / "shims/python3")
    (pyenv / "version").write_text("3.12.1\n")
    environ = {"PATH": str(pyenv / "shims")}
    found = find_interpreter(tmp_path, "python3", environ)
    assert (found.executable, found.version) == (pyenv / "versions/3.12.1/bin/python3", (3, 12, 0))
    (tmp_path / ".python-version").write_text("3.13.0\n")
    assert find_interpreter(tmp_path, "python3", environ).version == (3, 13, 0)
    assert find_interpreter(tmp_path, "python3", environ | {"PYENV_VERSION": "3.12.1"}).version == (3, 12, 0)


def test_what_is_no_interpreter(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    for python, cause in {
        "no-such-python": "no such command on PATH",
        "./nowhere": "no such file or directory",
        "folder": "the directory has no bin/python that can be run",
        "./file": "the file is not executable",
    }.items():
        with pytest.raises(Problem) as caught:
            find_interpreter(tmp_path, python, {"PATH": "/nowhere"})
        assert str(caught.value).startswith(f"--python {python}: {cause}; ")
        assert caught.value.exit_code == 2


@pytest.mark.parametrize("library", ["python3.8", "python2.7"])
def test_too_old(tmp_path: Path, library: str) -> None:
    python = fake_prefix(tmp_path / "prefix", library)
    with pytest.raises(
        Problem, match=rf"bin/python \(from --python\): it is Python {library[6:]}, and the app's"
    ):
        find_interpreter(tmp_path, str(python), {})
    fake_venv(tmp_path / ".venv", "version = 3.8.18")
    with pytest.raises(
        Problem, match=r"\(from \.venv\): it is Python 3\.8, .* must be 3\.9 or newer; .*--python"
    ):
        find_interpreter(tmp_path, None, {})


def test_an_executable_that_is_no_python_has_no_version(tmp_path: Path) -> None:
    fake_prefix(tmp_path, "python3.8", name="launcher")
    assert find_interpreter(tmp_path, "bin/launcher", {}).version is None


def test_installed_versions(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    distribution(
        first, "uvicorn-0.54.0.dist-info", "uvicorn_worker-0.3.0.dist-info", "Hyper.Corn-1.dist-info"
    )
    distribution(second, "uvicorn-0.1.dist-info", "granian-2.8.dist-info")
    (first / "granian-9.dist-info").mkdir()  # a remnant of an uninstall: no metadata
    (first / "old_dist-1.5-py3.11.egg-info").touch()
    (second / "linked.egg-info").mkdir()
    (second / "linked.egg-info/PKG-INFO").write_text("Metadata-Version: 2.1\nName: linked\nVersion: 7.0\n")
    (first / "uvicorn").mkdir()
    found = Interpreter(tmp_path, None, "", (first, tmp_path / "gone", second))
    names = [
        "uvicorn",
        "uvicorn-worker",
        "Uvicorn_Worker",
        "hyper-corn",
        "granian",
        "old.dist",
        "linked",
        "no",
    ]
    versions = ["0.54.0", "0.3.0", "0.3.0", "1", "2.8", "1.5", "7.0", None]
    assert installed_versions(found, names) == dict(zip(names, versions, strict=True))
    assert installed_versions(found, ["daphne"])["daphne"] is None


def test_lib64_is_counted_once(tmp_path: Path) -> None:
    fake_venv(tmp_path / "env", "version = 3.12.1", "python3.12")
    (tmp_path / "env/lib64").symlink_to("lib")
    assert len(find_interpreter(tmp_path, "env", {}).site_dirs) == 1
    (tmp_path / "env/lib64").unlink()
    shutil.copytree(tmp_path / "env/lib", tmp_path / "env/lib64")
    assert [d.parts[-3] for d in find_interpreter(tmp_path, "env", {}).site_dirs] == ["lib", "lib64"]
