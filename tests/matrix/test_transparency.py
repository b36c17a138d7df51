"""Frameworks' own test suites come out the same with every app inside the probe (needs the package index)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ElementTree
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import pytest

import asgi_probe
from tests.support import clean_environment

# What a suite needs beside its framework; what cannot be had makes tests fail or be skipped, both times.
SUITES = {
    "starlette": "starlette[full] httpx httpx2[zstd] blockbuster importlib-metadata trio "
    "opentelemetry-sdk pytest",
    "fastapi": "fastapi[standard] httpx httpx2 anyio[trio] dirty-equals flask inline-snapshot pwdlib[argon2] "
    "pyjwt pyyaml python-slugify sqlmodel pytest pytest-timeout pytest-xdist",
}
# Tests that must pass at the least, so that two broken runs are not taken for two equal ones.
AT_LEAST = 1_000
HERE = Path(__file__).parent

pytestmark = [pytest.mark.matrix, pytest.mark.timeout(3600)]


def run(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=clean_environment(**environment),
        capture_output=True,
        text=True,
        timeout=1800,
    )


def source_of(framework: str, directory: Path) -> Path:
    """The unpacked source distribution of the installed version."""
    wanted = f"{framework}=={version(framework)}"
    pip = f"-m pip download --no-deps --no-binary :all: -d {directory} {wanted}".split()
    fetched = run(sys.executable, *pip, cwd=directory)
    archives = list(directory.glob("*.tar.gz"))
    if not archives:
        pytest.skip(f"{wanted} cannot be fetched: {fetched.stderr.strip().splitlines()[-1:]}")
    with tarfile.open(archives[0]) as archive:
        archive.extractall(directory, filter="data")
    (source,) = (path for path in directory.iterdir() if path.is_dir())
    return source


def outcomes(python: Path, source: Path, directory: Path, *plugin: str, **environment: str) -> dict[str, str]:
    """What became of each test."""
    report = directory / f"report{len(plugin)}.xml"
    pytest_run = (
        "-m",
        "pytest",
        "-q",
        "--continue-on-collection-errors",
        "-p",
        "no:cacheprovider",
        *plugin,
        "tests",
        f"--junitxml={report}",
    )
    done = run(python, *pytest_run, cwd=source, **environment)
    assert report.exists(), done.stdout[-3000:] + done.stderr[-3000:]
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        kinds = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        found[f"{case.get('classname')}::{case.get('name')}"] = kinds[0] if kinds else "passed"
    return found


@pytest.mark.parametrize("framework", SUITES)
def test_a_frameworks_own_suite(framework: str, tmp_path: Path) -> None:
    needs = SUITES[framework].split()
    source = source_of(framework, tmp_path)
    run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    pinned = needs[0].replace("]", f"]=={version(framework)}")
    installed = run(python, "-m", "pip", "install", pinned, *needs[1:], cwd=tmp_path)
    assert installed.returncode == 0, installed.stderr[-2000:]

    bare = outcomes(python, source, tmp_path)
    path = os.pathsep.join((str(HERE), str(Path(asgi_probe.__file__).parent.parent)))
    told = tmp_path / "told.json"
    plugin = ("-p", "probed_client")
    probed = outcomes(python, source, tmp_path, *plugin, PYTHONPATH=path, PROBED_REPORT=str(told))

    differ = {name: (bare.get(name), probed.get(name)) for name in bare | probed}
    differ = {name: pair for name, pair in differ.items() if pair[0] != pair[1]}
    print(f"\n{framework} {version(framework)}: {dict(Counter(bare.values()))}, told {told.read_text()}")
    assert not differ
    assert Counter(bare.values())["passed"] > AT_LEAST
    # The probe was in between: what it told of traced calls was read.
    assert json.loads(told.read_text())["calls"] > AT_LEAST / 4
