"""What may be imported in advance: learned in one process, imported in another."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TUI = Path(__file__).parents[2] / "tui"

LEARN = """
import importlib, json, sys
from asgi_probe.imports import RECORD
with RECORD:
    importlib.import_module("main")
told = RECORD.told()
print(json.dumps({**told, "altered": sorted(RECORD.altered), "slowest": RECORD.slowest(),
                  "finders": len([f for f in sys.meta_path if type(f).__module__ == "asgi_probe.imports"])}))
"""

PRELOAD = """
import json, sys
from asgi_probe import standby
order = json.loads(sys.stdin.read())
told = standby.preload(**order)
print(json.dumps({**told, "loaded": [name for name in sys.modules if name in sys.argv[1:]]}))
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A project ``app`` beside a directory of installed packages; the user's module is ``main``."""
    (tmp_path / "site-packages").mkdir()
    (tmp_path / "app").mkdir()
    return tmp_path


def write(place: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def python(place: Path, code: str, *arguments: str, stdin: str = "", app: bool = True) -> Any:
    """What ``code`` prints, as JSON; the project is importable as after a server's start, or not yet."""
    paths = [str(TUI), str(place / "site-packages"), *([str(place / "app")] if app else [])]
    found = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[1:1] = {paths!r}\n{code}", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    )
    return json.loads(found.stdout)


def learn(place: Path, main: str, **files: str) -> Any:
    write(place, {"app/main.py": main} | files)
    return python(place, LEARN)


def preload(place: Path, modules: list[str], never: list[str], *asked: str, forks: bool = False) -> Any:
    order = json.dumps({"modules": modules, "never": never, "forks": forks})
    return python(place, PRELOAD, *asked, stdin=order, app=False)


def test_installed_modules_are_learned_and_the_users_are_not(place: Path) -> None:
    files = {
        "site-packages/lib/__init__.py": "from lib import inner\n",
        "site-packages/lib/inner.py": "",
        "app/models.py": "import lib\n",
    }
    told = learn(place, "import models\nimport json.tool\n", **files)
    assert {"lib", "lib.inner", "json.tool"} <= set(told["installed"])
    assert not {"main", "models", "__main__"} & set(told["installed"])
    assert told["never"] == []
    assert told["altered"] == []
    assert told["finders"] == 0
    # The order is one in which they can be imported.
    warm = preload(place, told["installed"], told["never"], "lib", "lib.inner", "main", "models")
    assert sorted(warm["loaded"]) == ["lib", "lib.inner"]
    assert warm["failed"] == []


@pytest.mark.parametrize(
    ("change", "altered"),
    [
        ("import os; os.environ['LIB_MODE'] = 'fast'", ["os.environ LIB_MODE"]),
        ("import os; del os.environ['PATH']", ["os.environ PATH"]),
        ("import sys; sys.path.append('/nowhere')", ["sys.path"]),
        ("import sys; sys.meta_path.append(sys.meta_path[-1])", ["sys.meta_path"]),
    ],
)
def test_what_comes_after_a_change_of_the_users_is_not_imported_in_advance(
    place: Path, change: str, altered: list[str]
) -> None:
    files = {f"site-packages/{name}.py": "" for name in ("early", "late")}
    told = learn(place, f"import early\n{change}\nimport late\n", **files)
    assert "early" in told["installed"]
    assert "late" not in told["installed"]
    assert "late" in told["never"]
    assert told["altered"] == altered


def test_a_change_that_a_library_makes_while_it_is_imported_is_no_obstacle(place: Path) -> None:
    files = {
        "site-packages/noisy.py": "import os\nos.environ['NOISY'] = '1'\n",
        "site-packages/late.py": "",
    }
    told = learn(place, "import noisy, late\n", **files)
    assert {"noisy", "late"} <= set(told["installed"])
    assert told["altered"] == []


def test_a_change_in_a_users_function_called_later_counts(place: Path) -> None:
    files = {
        "app/setup.py": "import os\ndef configure():\n    os.environ['A'] = 'b'\n",
        "site-packages/late.py": "",
    }
    told = learn(place, "import setup\nsetup.configure()\nimport late\n", **files)
    assert "late" not in told["installed"]
    assert told["altered"] == ["os.environ A"]


def test_a_library_that_imports_user_code_is_left_out_and_whoever_needs_it_is_found_out(place: Path) -> None:
    files = {
        "site-packages/plugins.py": "import main_settings\n",
        "site-packages/framework.py": "def load():\n    import plugins\n",
        "site-packages/top.py": "try:\n    import plugins\nexcept ImportError:\n    plugins = None\n",
        "app/main_settings.py": "",
    }
    told = learn(place, "import plugins, top, framework\n", **files)
    assert "plugins" not in told["installed"]
    assert "plugins" in told["never"]
    assert {"top", "framework"} <= set(told["installed"])
    # Whoever imports what is refused came out differently, also where it looks as if nothing was wrong.
    warm = preload(place, told["installed"], told["never"])
    assert warm["spoiled"] == ["top"]
    again = preload(place, [name for name in told["installed"] if name != "top"], [*told["never"], "top"])
    assert again["spoiled"] == []


def test_editable_packages_and_split_namespaces_are_the_users(place: Path) -> None:
    files = {
        "site-packages/whole/part.py": "",
        "site-packages/split/installed.py": "",
        "app/split/own.py": "",
    }
    told = learn(place, "import whole.part, split.installed, split.own\n", **files)
    assert {"whole", "whole.part"} <= set(told["installed"])
    assert not {"split", "split.installed", "split.own"} & set(told["installed"])


def test_user_code_is_refused_before_its_time(place: Path) -> None:
    marker = place / "ran"
    write(place, {"app/main.py": f"open({str(marker)!r}, 'w')\n", "site-packages/lib.py": "import main\n"})
    # As if an editable install had put the project on the path.
    order = json.dumps({"modules": ["lib", "main"], "never": [], "forks": False})
    warm = python(place, PRELOAD, stdin=order)
    assert not marker.exists()
    assert warm["spoiled"] == ["lib"]
    assert [name for name, _ in warm["failed"]] == ["lib", "main"]


def test_a_module_that_cannot_be_imported_is_told_and_the_rest_is_imported(place: Path) -> None:
    files = {"site-packages/bad.py": "raise SystemExit(3)\n", "site-packages/good.py": ""}
    write(place, files)
    warm = preload(place, ["bad", "good"], [], "bad", "good")
    assert warm["failed"] == [["bad", "SystemExit: 3"]]
    assert warm["loaded"] == ["good"]
    assert warm["modules"] == 1


def test_a_thread_is_named_where_the_server_forks(place: Path) -> None:
    starts = "import threading, time\nthreading.Thread(target=time.sleep, args=(30,), daemon=True).start()\n"
    write(place, {"site-packages/threaded.py": starts})
    assert preload(place, ["json", "threaded"], [], forks=True)["threads"] == ["threaded"]
    assert preload(place, ["json", "threaded"], [])["threads"] == []


def test_slow_imports_are_told_by_their_own_time(place: Path) -> None:
    files = {
        "app/slow.py": "import time\ntime.sleep(0.1)\nimport inner\n",
        "site-packages/inner.py": "import time\ntime.sleep(0.3)\n",
    }
    told = learn(place, "import slow\n", **files)
    (first, second) = told["slowest"][:2]
    assert (first[0], first[2]) == ("inner", False)
    assert (second[0], second[2]) == ("slow", True)
    assert first[1] >= 300
    assert 100 <= second[1] < 300
    assert "main" not in [name for name, own, _ in told["slowest"] if own > 90]


def test_importers_see_nothing_of_it(place: Path) -> None:
    main = (
        "import sys, importlib.util\n"
        "import inner\n"
        "assert 'exec_module' not in vars(inner.__spec__.loader), vars(inner.__spec__.loader)\n"
        "assert importlib.util.find_spec('absent_module') is None\n"
        "try:\n    import absent_module\n"
        "except ModuleNotFoundError as error:\n    assert error.name == 'absent_module'\n"
        "import importlib; importlib.reload(inner)\n"
    )
    told = learn(place, main, **{"site-packages/inner.py": ""})
    assert "inner" in told["installed"]
