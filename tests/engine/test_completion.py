"""A target is completed from file names and source; nothing is imported."""

from __future__ import annotations

from pathlib import Path

import pytest

from asgi_tui.engine.completion import MAX_FOUND, complete_target


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "main.py").write_text(
        "open('imported', 'w')\nfrom fastapi import FastAPI\nlimit = 3\n_hidden = 1\napp = FastAPI()\n\n\n"
        "def create_app():\n    return app\n"
    )
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "__init__.py").write_text("")
    (shop / "asgi.py").write_text("application: object = None\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "my-notes.py").write_text("")
    (tmp_path / "broken.py").write_text("app = (\n")
    return tmp_path


def test_modules_and_packages(project: Path) -> None:
    assert complete_target(project, "") == ["broken", "main", "shop"]
    assert complete_target(project, "ma") == ["main"]
    assert complete_target(project, "shop.") == ["shop.asgi"]
    assert complete_target(project, "nope.") == []


def test_names_of_a_module_the_app_first(project: Path) -> None:
    found = complete_target(project, "main:")
    assert found[0] == "main:app"
    assert {"main:create_app", "main:FastAPI", "main:limit"} <= set(found)
    assert "main:_hidden" not in found
    assert complete_target(project, "shop.asgi:app") == ["shop.asgi:application"]
    assert complete_target(project, "main.py:cr") == ["main.py:create_app"]
    assert not (project / "imported").exists()


def test_files(project: Path) -> None:
    assert complete_target(project, "./ma") == ["./main.py"]
    assert complete_target(project, "shop/") == ["shop/__init__.py", "shop/asgi.py"]


def test_what_cannot_be_read_completes_to_nothing(project: Path) -> None:
    for text in (
        "broken:",
        "missing:",
        "\0",
        "a\0:",
        "....",
        "x" * 5000,
        f"{'x' * 5000}:",
        "shop.asgi:application",
    ):
        assert complete_target(project, text) == []


def test_a_folder_of_thousands_is_bounded(tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / f"m{number}.py").touch()
    assert len(complete_target(tmp_path, "m")) == MAX_FOUND
