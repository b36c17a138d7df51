"""Saved requests: no secret is written, and what is wrong with a file is told."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from asgi_tui.domain.calls import Header
from asgi_tui.domain.errors import Problem
from asgi_tui.domain.saved_request import SAVED_CHARS
from asgi_tui.domain.secret import Secret
from asgi_tui.domain.sending import Sending
from asgi_tui.domain.text import MASK
from asgi_tui.engine import saved_requests
from asgi_tui.engine.knowledge import Knowledge


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def project(tmp_path: Path) -> str:
    directory = tmp_path / "project"
    (directory / "src").mkdir(parents=True)
    (directory / "pyproject.toml").touch()
    return str(directory)


def files(state: Path) -> list[Path]:
    return [path for path in state.rglob("*") if path.is_file()]


LOGIN = Sending(
    "POST",
    "/login?token=hunter2&page=1",
    (
        Header("authorization", Secret("Bearer hunter2", f"Bearer {MASK}")),
        Header("x-api-key", "hunter2"),
        Header("content-type", "application/json"),
        Header("x-b", "caf\xe9"),
        Header("x-b", "2"),
    ),
    b'{"user": "me", "password": "hunter2"}',
    "2",
)


def test_a_request_is_saved_without_its_secrets(state: Path, project: str) -> None:
    knowledge = Knowledge({})
    missing = knowledge.save_request(project, "log-in", LOGIN)
    assert missing == ("query token", "header authorization", "header x-api-key", "body password")
    (file,) = files(state)
    assert "hunter2" not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for directory in (file.parent, file.parent.parent):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700

    # The whole project has it, no other does.
    found = knowledge.saved_requests(f"{project}/src")
    assert found.problems == ()
    (saved,) = found.requests
    assert (saved.name, saved.missing) == ("log-in", missing)
    assert saved.sending == Sending(
        "POST",
        f"/login?token={MASK}&page=1",
        (
            Header("authorization", f"Bearer {MASK}"),
            Header("x-api-key", MASK),
            Header("content-type", "application/json"),
            Header("x-b", "caf\xe9"),
            Header("x-b", "2"),
        ),
        f'{{"user":"me","password":"{MASK}"}}'.encode(),
        "2",
    )
    assert knowledge.saved_requests(str(state)).requests == ()

    # Once more in its place, in whatever letters, and away.
    knowledge.save_request(project, "Log-In", Sending())
    assert [saved.name for saved in knowledge.saved_requests(project).requests] == ["Log-In"]
    knowledge.delete_request(project, "log-in")
    assert knowledge.saved_requests(project).requests == ()
    with pytest.raises(Problem, match="Saved request log-in: there is none"):
        knowledge.delete_request(project, "log-in")


def test_a_body_that_cannot_be_searched_is_saved_only_when_asked(state: Path, project: str) -> None:
    sending = Sending("POST", "/", (), b"\0hunter2")
    assert saved_requests.save_request(project, "a", sending) == ("body (8 bytes)",)
    (saved,) = saved_requests.saved_requests(project).requests
    assert (saved.sending.body, saved.missing) == (b"", ("body (8 bytes)",))
    assert saved_requests.save_request(project, "a", sending, keep_body=True) == ()
    (saved,) = saved_requests.saved_requests(project).requests
    assert saved.sending == sending


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b"null", b"x" * 2_000_000])
def test_a_damaged_file_is_told_and_kept_aside(state: Path, project: str, content: bytes) -> None:
    saved_requests.save_request(project, "good", Sending())
    saved_requests.save_request(project, "bad", Sending())
    (file,) = [path for path in files(state) if path.stem == "bad"]
    file.write_bytes(content)
    found = saved_requests.saved_requests(project)
    assert [saved.name for saved in found.requests] == ["good"]
    (problem,) = found.problems
    assert str(problem).startswith("Saved request bad: its file is damaged")
    assert file.with_suffix(".json.broken").read_bytes() == content
    # It is told once.
    assert saved_requests.saved_requests(project).problems == ()


@pytest.mark.parametrize(
    "change",
    [
        {"headers": [["a"]]},
        {"headers": [["a", 1]]},
        {"name": "../x"},
        {"at": 1e12},
        {"at": float("nan")},
        {"http_version": "3"},
        {"missing": [1]},
        {"body": 1},
        {"path": None},
    ],
)
def test_a_file_of_another_shape_is_damaged(state: Path, project: str, change: dict[str, object]) -> None:
    saved_requests.save_request(project, "a", Sending())
    (file,) = files(state)
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    found = saved_requests.saved_requests(project)
    assert (len(found.requests), len(found.problems)) == (0, 1)


def test_what_cannot_be_saved_is_told(state: Path, project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("", "a b", "../a", "x" * 41, "\x1b[2J"):
        with pytest.raises(Problem, match="at most 40 letters") as caught:
            saved_requests.save_request(project, name, Sending())
        assert "\x1b" not in str(caught.value)
    large = Sending("POST", "/", (), b'{"a": "%s"}' % (b"x" * SAVED_CHARS))
    with pytest.raises(Problem, match="shorten its body"):
        saved_requests.save_request(project, "large", large)
    monkeypatch.setattr(saved_requests, "SAVED_REQUESTS", 2)
    saved_requests.save_request(project, "one", Sending())
    saved_requests.save_request(project, "two", Sending())
    with pytest.raises(Problem, match="delete one first"):
        saved_requests.save_request(project, "three", Sending())
    saved_requests.save_request(project, "two", Sending("PUT"))
    assert [saved.sending.method for saved in saved_requests.saved_requests(project).requests] == [
        "GET",
        "PUT",
    ]
