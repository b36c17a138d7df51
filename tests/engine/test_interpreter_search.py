"""All interpreters: each place is looked at, each Python is there once, nothing is run, junk does no harm."""

from __future__ import annotations

import base64
import hashlib
import os
import sys
import venv
from pathlib import Path

import pytest

from asgi_tui.engine.interpreter_search import MOST, find_interpreters
from asgi_tui.engine.interpreters import OWN
from asgi_tui.engine.project import list_servers
from tests.engine.test_interpreters import MINOR, distribution, executable, fake_prefix, fake_venv

CONFIG = "home = /x\nversion = 3.12.1\n"


def hashed(path: Path) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(bytes(path.resolve())).digest()).decode()[:8]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "My Shop!"
    (root / "src/deep").mkdir(parents=True)
    (root / "pyproject.toml").write_text('[project]\nname = "My_Shop.App"\n')
    return root


def found(cwd: Path, home: Path, **environ: str) -> list[tuple[str, Path]]:
    """Why and where, less the console's own: it is last, or first where nothing else is chosen."""
    interpreters = find_interpreters(cwd, {"HOME": str(home), "PATH": "", **environ})
    assert [i.why for i in interpreters].count(OWN) == 1
    assert OWN in (interpreters[0].why, interpreters[-1].why)
    assert not list(home.parent.rglob("*.ran"))
    return [(found.why, found.executable) for found in interpreters if found.why != OWN]


def test_every_place_in_order(project: Path, home: Path, tmp_path: Path) -> None:
    active = fake_venv(tmp_path / "active", CONFIG)
    conda = fake_prefix(tmp_path / "prefix", "python3.12")
    near = fake_venv(project / "src/env", CONFIG)
    hidden = fake_venv(project / ".py312", CONFIG)
    poetry = fake_venv(home / f".cache/pypoetry/virtualenvs/my-shop-app-{hashed(project)}-py3.12", CONFIG)
    fake_venv(home / ".cache/pypoetry/virtualenvs/my-shop-app-AAAAAAAA-py3.12", CONFIG)  # another's
    saved = fake_venv(tmp_path / "saved", CONFIG)
    (project / ".pdm-python").write_text(f"{saved}\n")
    (project / "Pipfile").touch()
    pipfile = hashed(project / "Pipfile")
    pipenv = fake_venv(home / f".local/share/virtualenvs/My_Shop_-{pipfile}", CONFIG)
    fake_venv(home / f".local/share/virtualenvs/My_Shop_-{pipfile}x", CONFIG)  # another's
    named = fake_venv(home / f".local/share/virtualenvs/My_Shop_-{pipfile}-3.12", CONFIG)
    old, new = (fake_prefix(home / ".pyenv/versions" / v, f"python{v[:-2]}") for v in ("3.9.9", "3.13.1"))
    uv = fake_prefix(home / ".local/share/uv/python/cpython-3.12.4-linux", "python3.12")
    base = fake_prefix(home / "miniconda", "python3.12")
    (home / "miniconda/condabin").mkdir()
    shop = fake_prefix(home / "miniconda/envs/shop", "python3.12")
    listed = fake_prefix(tmp_path / "listed", "python3.11")
    (home / ".conda").mkdir()
    (home / ".conda/environments.txt").write_text(f"{base.parent.parent}\n{listed.parent.parent}\n/gone\n")
    onpath = fake_prefix(tmp_path / "local", "python3.10", name="python3.10")

    environ = {"PATH": f"relative:{onpath.parent}:{onpath.parent}", "VIRTUAL_ENV": str(active.parent.parent)}
    environ |= {"CONDA_PREFIX": str(conda.parent.parent), "CONDA_EXE": str(home / "miniconda/bin/conda")}
    assert found(project / "src/deep", home, **environ) == [
        ("$VIRTUAL_ENV", active),
        ("$CONDA_PREFIX", conda),
        ("env", near),
        (".py312", hidden),
        ("poetry", poetry),
        ("pdm", saved),
        ("pipenv", pipenv),
        ("pipenv", named),
        ("pyenv", new),
        ("pyenv", old),
        ("uv", uv),
        ("conda env base", base),
        ("conda env shop", shop),
        ("conda env listed", listed),
        ("on PATH", onpath),
    ]


def test_the_places_that_variables_name(project: Path, home: Path, tmp_path: Path) -> None:
    name = f"my-shop-app-{hashed(project)}-py3.12"
    places = {
        "POETRY_VIRTUALENVS_PATH": fake_venv(tmp_path / "poetry" / name, CONFIG),
        "PYENV_ROOT": fake_prefix(tmp_path / "pyenv/versions/3.12.1", "python3.12"),
        "UV_PYTHON_INSTALL_DIR": fake_prefix(tmp_path / "uv/cpython-3.12.2", "python3.12"),
    }
    environ = {
        variable: str(tmp_path / folder)
        for variable, folder in zip(places, ("poetry", "pyenv", "uv"), strict=True)
    }
    assert [path for _, path in found(project, home, **environ)] == [*places.values()]
    cached = fake_venv(tmp_path / "cache/virtualenvs" / name, CONFIG)
    assert found(project, home, POETRY_CACHE_DIR=str(tmp_path / "cache")) == [("poetry", cached)]
    (project / "Pipfile").touch()
    pipenv = fake_venv(tmp_path / f"work/My_Shop_-{hashed(project / 'Pipfile')}", CONFIG)
    assert found(project, home, WORKON_HOME=str(tmp_path / "work")) == [("pipenv", pipenv)]


def test_a_poetry_project_without_a_name(tmp_path: Path, home: Path) -> None:
    project = tmp_path / "shop"
    project.mkdir()
    (project / "pyproject.toml").write_text("[tool.poetry]\npackage-mode = false\n")
    kept = home / ".cache/pypoetry/virtualenvs"
    python = fake_venv(kept / f"non-package-mode-{hashed(project)}-py3.12", CONFIG)
    assert found(project, home) == [("poetry", python)]
    (project / "pyproject.toml").write_text("")
    assert found(project, home) == []


def test_the_chosen_one_comes_first(project: Path, home: Path, tmp_path: Path) -> None:
    fake_venv(project / "a", CONFIG)
    dot = fake_venv(project / ".venv", CONFIG)
    assert [why for why, _ in found(project, home)] == [".venv", "a"]
    assert [i.why for i in find_interpreters(project, {"HOME": str(home), "PATH": ""})] == [".venv", "a", OWN]
    named = fake_venv(tmp_path / "named", CONFIG)
    interpreters = find_interpreters(project, {"HOME": str(home), "PATH": ""}, str(named))
    assert [i.why for i in interpreters] == ["--python", ".venv", "a", OWN]
    # too old to be chosen: the others are there all the same
    (project / ".venv/pyvenv.cfg").write_text("version = 3.8.2\n")
    assert [why for why, _ in found(project, home)] == ["a"]
    assert dot.is_file()


def test_each_is_there_once(project: Path, home: Path, tmp_path: Path) -> None:
    python = fake_prefix(home / ".pyenv/versions/3.12.1", "python3.12", name="python3.12")
    for name in ("python3", "python"):
        (python.parent / name).symlink_to("python3.12")
    (home / ".pyenv/versions/3.12").symlink_to("3.12.1")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python3").symlink_to(python)
    # two venvs of the same Python are two, however often each is met
    for name in ("one", "two"):
        (project / name / "bin").mkdir(parents=True)
        (project / name / "pyvenv.cfg").write_text(CONFIG)
        (project / name / "bin/python").symlink_to(python)
        (project / name / "bin/python3").symlink_to("python")
    (project / "again").symlink_to("one")
    environ = {
        "PATH": f"{tmp_path}/bin:{project}/two/bin:{python.parent}",
        "VIRTUAL_ENV": str(project / "one"),
    }
    assert found(project, home, **environ) == [
        ("$VIRTUAL_ENV", project / "one/bin/python"),
        ("two", project / "two/bin/python"),
        ("pyenv", home / ".pyenv/versions/3.12.1/bin/python"),
    ]


def test_a_real_venv_and_the_consoles_own(project: Path, home: Path) -> None:
    venv.create(project / "real", with_pip=False, symlinks=True)
    python = Path(sys.executable)
    interpreters = find_interpreters(project, {"HOME": str(home), "PATH": str(python.parent)})
    # the console's own is met on PATH as well, and is no second one; the venv links to the same Python
    assert [(i.why, i.version) for i in interpreters] == [
        (OWN, sys.version_info[:3]),
        ("real", sys.version_info[:3]),
    ]
    assert interpreters[1].site_dirs == (project / "real/lib" / MINOR / "site-packages",)


def test_old_ones_and_those_of_no_known_version_are_left_out(project: Path, home: Path) -> None:
    for version in ("2.7.18", "3.8.20"):
        fake_prefix(home / ".pyenv/versions" / version, f"python{version.rpartition('.')[0]}")
    fake_prefix(home / ".pyenv/versions/odd")
    fake_venv(project / "old", "version = 3.8.1\n")
    fake_venv(project / "odd", "version = odd\n")
    shim = executable(home / ".pyenv/shims/python3.12")
    wrapper = executable(home / "bin/python3")
    assert found(project, home, PATH=f"{shim.parent}:{wrapper.parent}") == []


def test_junk_does_no_harm(project: Path, home: Path, tmp_path: Path) -> None:
    good = fake_venv(project / "zz good", CONFIG)
    (project / "broken/bin").mkdir(parents=True)
    (project / "broken/pyvenv.cfg").write_bytes(b"\xff\xfeversion=\x00")
    (project / "broken/bin/python").symlink_to("/gone")
    (project / "circle").symlink_to("circle")
    (project / "looping/bin").mkdir(parents=True)
    (project / "looping/pyvenv.cfg").write_text(CONFIG)
    (project / "looping/bin/python").symlink_to("python")
    (project / "folder/bin/python").mkdir(parents=True)
    (project / "folder/pyvenv.cfg").mkdir()
    (project / "pyproject.toml").write_bytes(b"\xff = [[[")
    (project / "Pipfile").mkdir()
    os.mkfifo(project / ".pdm-python")
    (home / ".pyenv").write_text("a file")
    (home / ".local/share/uv/python/cpython-x/bin").mkdir(parents=True)
    (home / ".conda").mkdir()
    (home / ".conda/environments.txt").write_bytes(
        b"/a\x00b\n/" + b"x" * 5000 + b"\nrelative\n/dev/null\n/\xff\n"
    )
    fifo = tmp_path / "fifo"
    fifo.mkdir()
    os.mkfifo(fifo / "python3")
    environ = {
        "PATH": f":.:{fifo}:/no/such:{project}/circle:{'x' * 5000}",
        "VIRTUAL_ENV": str(project / "circle"),
    }
    environ |= {"CONDA_EXE": "conda", "CONDA_PREFIX": "/dev/null", "POETRY_CACHE_DIR": "~nobody-at-all/x"}
    assert found(project, home, **environ) == [("zz good", good)]
    for saved in ("relative/python", "/no/such", "/\x1b[31m", "/" + "x" * 5000, "/dev/null"):
        (project / ".pdm-python").unlink()
        (project / ".pdm-python").write_text(saved)
        assert found(project, home) == [("zz good", good)]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_may_not_be_read_is_passed_over(project: Path, home: Path) -> None:
    fake_venv(project / "closed", CONFIG)
    (project / "closed").chmod(0)
    try:
        assert found(project, home) == []
    finally:
        (project / "closed").chmod(0o755)


def test_there_is_an_end(project: Path, home: Path) -> None:
    for number in range(MOST + 5):
        fake_venv(project / f"env{number:02}", CONFIG)
    assert len(find_interpreters(project, {"HOME": str(home), "PATH": ""})) == MOST


def test_each_has_its_own_packages(project: Path, home: Path) -> None:
    for name, version in {"a": "0.30.1", "b": "0.54.0"}.items():
        fake_venv(project / name, CONFIG, "python3.12")
        distribution(project / name / "lib/python3.12/site-packages", f"uvicorn-{version}.dist-info")
    interpreters = find_interpreters(project, {"HOME": str(home), "PATH": ""})
    versions = {interpreter.why: list_servers(interpreter)[0].version for interpreter in interpreters}
    assert versions.items() >= {"a": "0.30.1", "b": "0.54.0"}.items()
