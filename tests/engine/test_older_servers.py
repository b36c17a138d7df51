"""The form follows the version that is installed: older servers in an interpreter of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.target import Target
from asgi_tui.engine.knowledge import Knowledge
from tests.support import Running, get, write_app

OLD = {"uvicorn": "0.30.0", "hypercorn": "0.17.0", "granian": "2.5.0"}
# What each has not got yet, and what it has.
LACKS = {
    "uvicorn": {"http2", "reset_contextvars", "timeout_worker_healthcheck", "limit_max_requests_jitter"},
    "hypercorn": {"daemon"},
    "granian": {"metrics", "uds_permissions"},
}
HAS = {"uvicorn": "timeout_keep_alive", "hypercorn": "keep_alive", "granian": "backpressure"}

pytestmark = [pytest.mark.matrix, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with all three, from the package index."""
    venv = tmp_path_factory.mktemp("older") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    wanted = [f"{name}=={version}" for name, version in OLD.items()]
    subprocess.run([venv / "bin" / "python", "-m", "pip", "install", "--quiet", *wanted], check=True)
    return venv


@pytest.mark.parametrize("name", OLD)
def test_the_table_is_that_of_the_installed_version(tmp_path: Path, older: Path, name: str) -> None:
    knowledge = Knowledge({})
    project = knowledge.project(tmp_path, str(older))
    plan = LaunchPlan(Target("app", "app"), name, str(tmp_path))
    table = knowledge.outlook(plan, project).table
    assert table.version == OLD[name]
    assert set(table.missing) >= LACKS[name]
    assert all(OLD[name] in sentence for sentence in table.missing.values())
    assert HAS[name] not in table.missing
    assert table.named(HAS[name]) is not None


@pytest.mark.parametrize("name", OLD)
def test_it_runs_with_its_options_and_refuses_those_to_come(tmp_path: Path, older: Path, name: str) -> None:
    write_app(tmp_path)
    words = ["app:app", "--server", name, "--python", str(older), "--port", "0"]
    with Running(tmp_path, *words, "--set", f"{HAS[name]}=30") as running:
        assert get(running.ready()) == (200, "version 0")
        assert running.wait("starting")["version"] == OLD[name]
        running.stop()
    newer = {"uvicorn": "http2=on", "granian": "metrics=on", "hypercorn": "daemon=on"}[name]
    with Running(tmp_path, *words, "--set", newer) as running:
        error = running.wait("error")
        assert newer.partition("=")[0] in error["what"]
