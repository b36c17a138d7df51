"""Presets in real files: what is found, what is written, and that nothing else of a file changes."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.reloading import Reloading
from asgi_tui.domain.target import Target
from asgi_tui.engine import presets as module
from asgi_tui.engine.presets import delete_preset, list_presets, load_preset, save_preset
from asgi_tui.engine.toml_text import with_table

PYPROJECT = """\
# the shop
[project]
name = 'shop'   # odd quotes
version="1"

[tool.asgi-tui.presets.dev]  # for every day
target = "main:app"
server = "uvicorn"
# it was 8000 once
options.port = 9000   # not 8000

[tool.asgi-tui.presets.dev.env]
MODE = 'dev'
# the end of dev

# lines are long
[tool.ruff]
line-length   =   110
select = [
  "A",   # all
  ["x"]
]
text = \"\"\"
[tool.asgi-tui.presets.fake]
target = "no:preset"
\"\"\"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    directory = tmp_path / "shop"
    directory.mkdir()
    (directory / "pyproject.toml").write_text(PYPROJECT)
    return directory


def plan_in(directory: Path) -> LaunchPlan:
    return LaunchPlan(Target.parse("main:app"), "granian", str(directory), options={"port": 9100})


def without(text: str, *parts: str) -> str:
    for part in parts:
        assert text.count(part) == 1
        text = text.replace(part, "")
    return text


# -- reading -------------------------------------------------------------------------------------------


def test_the_project_s_presets_come_first_then_the_user_s(project: Path, tmp_path: Path) -> None:
    user = tmp_path / "config" / "asgi-tui" / "presets.toml"
    user.parent.mkdir(parents=True)
    user.write_text(
        '[dev]\ntarget = "mine:app"\nserver = "granian"\n[quick]\ntarget = "q:app"\nserver = "daphne"\n'
    )
    found = list_presets(str(project))
    assert [(preset.name, preset.where) for preset in found.presets] == [
        ("dev", "project"),
        ("dev", "user"),
        ("quick", "user"),
    ]
    assert found.problems == ()
    assert load_preset("dev", str(project)) == LaunchPlan(
        Target("main", "app"), "uvicorn", str(project), options={"port": 9000}, env={"MODE": "dev"}
    )
    assert load_preset("quick", str(project)).cwd == str(project)


def test_nothing_is_there_and_nothing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert list_presets(str(tmp_path)).presets == ()
    with pytest.raises(Problem, match="Preset dev: there is none of that name; save one first"):
        load_preset("dev", str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_none_leads_to_those_that_are(project: Path) -> None:
    with pytest.raises(Problem, match="Preset devv: there is none of that name; use dev"):
        load_preset("devv", str(project))


def test_a_broken_file_is_told_with_its_line_and_the_rest_works(project: Path) -> None:
    save_preset(plan_in(project), "mine", "user", str(project))
    (project / "pyproject.toml").write_text("[project]\nname = shop\n")
    found = list_presets(str(project))
    assert [preset.name for preset in found.presets] == ["mine"]
    (problem,) = found.problems
    assert f"{project}/pyproject.toml" in str(problem)
    assert "line 2" in str(problem)
    assert load_preset("mine", str(project)).server == "granian"
    with pytest.raises(Problem, match="line 2"):
        load_preset("dev", str(project))
    with pytest.raises(Problem, match="line 2"):
        save_preset(plan_in(project), "dev", "project", str(project))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"a" * 1_000_001, "no UTF-8 text of at most 1 MB"),
        (b"\xff\xfe", "no UTF-8 text of at most 1 MB"),
        (b"x = " + b"[" * 100_000, "nested too deep"),
        (b"[tool]\nasgi-tui = {presets = 3}\n", "tool.asgi-tui.presets is no table"),
    ],
)
def test_a_hostile_file_is_a_problem(project: Path, content: bytes, sentence: str) -> None:
    (project / "pyproject.toml").write_bytes(content)
    found = list_presets(str(project))
    assert found.presets == ()
    assert [sentence in str(problem) for problem in found.problems] == [True]


def test_a_pipe_in_place_of_the_file_does_not_block(project: Path) -> None:
    (project / "pyproject.toml").unlink()
    os.mkfifo(project / "pyproject.toml")
    assert len(list_presets(str(project)).problems) == 1


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ('["a b"]\ntarget = "main:app"', "Preset 'a b' in "),
        ("[aaaaaaaaaabbbbbbbbbbccccccccccddddddddddx]", "at most 40 letters"),
        ("name = 3", "it is no table; write [name] and its keys"),
        ('[name]\ntarget = "main:app"\nserver = "iis"', "server: there is none named 'iis'"),
        ('[name]\ntarget = "main:app"\nserver = "uvicorn"\ncwd = "x"', "cwd: there is no such key"),
    ],
)
def test_a_bad_preset_spoils_no_other(project: Path, tmp_path: Path, table: str, sentence: str) -> None:
    user = tmp_path / "config" / "asgi-tui" / "presets.toml"
    user.parent.mkdir(parents=True)
    user.write_text(f'{table}\n\n[good]\ntarget = "main:app"\nserver = "uvicorn"\n')
    bad, good = list_presets(str(project)).presets[1:]
    assert sentence in str(bad.problem)
    assert bad.plan is None
    assert good.plan is not None


@pytest.mark.parametrize("directory", ["..", "/etc", "a/../..", "nowhere", "x" * 300, "a\\u0000"])
def test_a_project_s_preset_runs_in_the_project(project: Path, directory: str) -> None:
    with (project / "pyproject.toml").open("a") as file:
        file.write(f'[tool.asgi-tui.presets.x]\ntarget = "m:a"\nserver = "uvicorn"\ncwd = "{directory}"\n')
    with pytest.raises(Problem, match="cwd: it is no directory below the file's own"):
        load_preset("x", str(project))


# -- writing -------------------------------------------------------------------------------------------


def test_a_new_preset_is_added_at_the_end_and_taken_out_again(project: Path) -> None:
    file = project / "pyproject.toml"
    assert save_preset(plan_in(project), "fast", "project", str(project)) == ()
    added = (
        '\n[tool.asgi-tui.presets.fast]\ntarget = "main:app"\nserver = "granian"\n'
        "\n[tool.asgi-tui.presets.fast.options]\nport = 9100\n"
    )
    assert file.read_text() == PYPROJECT + added
    assert load_preset("fast", str(project)) == plan_in(project)
    delete_preset("fast", "project", str(project))
    assert file.read_text() == PYPROJECT + "\n"


def test_how_a_change_is_carried_out_is_written_where_it_is_no_default(project: Path) -> None:
    plan = replace(plan_in(project), reloading=Reloading(exclude=("*.log", "out/**"), standby=False, grace=2))
    save_preset(plan, "fast", "project", str(project))
    written = tomllib.loads((project / "pyproject.toml").read_text())["tool"]["asgi-tui"]["presets"]["fast"]
    assert written == {
        "target": "main:app",
        "server": "granian",
        "standby": False,
        "grace": 2,
        "exclude": ["*.log", "out/**"],
        "options": {"port": 9100},
    }
    assert load_preset("fast", str(project)) == plan


def test_a_changed_preset_keeps_its_comments(project: Path) -> None:
    plan = load_preset("dev", str(project))
    changed = replace(plan, options={"port": 9001, "host": "::1"}, reload=False)
    save_preset(changed, "dev", "project", str(project))
    text = (project / "pyproject.toml").read_text()
    assert load_preset("dev", str(project)) == changed
    for kept in (
        "# for every day",
        "# it was 8000 once",
        "MODE = 'dev'\n# the end of dev\n\n# lines are long\n",
    ):
        assert kept in text
    before, after = PYPROJECT.index("target ="), PYPROJECT.index("# the end of dev")
    assert text.startswith(PYPROJECT[:before])
    assert text.endswith(PYPROJECT[after:])


def test_deleting_takes_only_the_preset(project: Path) -> None:
    delete_preset("dev", "project", str(project))
    start, end = PYPROJECT.index("[tool.asgi-tui"), PYPROJECT.index("# the end of dev")
    assert (project / "pyproject.toml").read_text() == PYPROJECT[:start] + PYPROJECT[end:]
    with pytest.raises(Problem, match="Preset dev: there is none in "):
        delete_preset("dev", "project", str(project))
    with pytest.raises(Problem, match="Preset fake: there is none in "):
        delete_preset("fake", "project", str(project))


def test_windows_line_ends_stay(project: Path) -> None:
    file = project / "pyproject.toml"
    file.write_bytes(PYPROJECT.replace("\n", "\r\n").encode())
    save_preset(plan_in(project), "dev", "project", str(project))
    save_preset(plan_in(project), "fast", "project", str(project))
    content = file.read_bytes()
    assert content.count(b"\n") == content.count(b"\r\n")
    assert load_preset("dev", str(project)) == load_preset("fast", str(project)) == plan_in(project)


@pytest.mark.parametrize(
    "text",
    [
        '[tool]\nasgi-tui.presets.dev.target = "m:a"\n',
        '[tool.asgi-tui]\npresets = { dev = { target = "m:a" } }\n',
    ],
)
def test_what_cannot_be_changed_alone_is_not_changed(project: Path, text: str) -> None:
    (project / "pyproject.toml").write_text(text)
    with pytest.raises(
        Problem, match=r"pyproject.toml, Table tool\.asgi-tui\.presets\.dev: it cannot be changed"
    ):
        save_preset(plan_in(project), "dev", "project", str(project))
    assert (project / "pyproject.toml").read_text() == text


def test_permissions_and_links_stay(project: Path, tmp_path: Path) -> None:
    real = tmp_path / "real.toml"
    file = project / "pyproject.toml"
    file.rename(real)
    real.chmod(0o664)
    file.symlink_to(real)
    save_preset(plan_in(project), "fast", "project", str(project))
    assert file.is_symlink()
    assert "fast" in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o664
    assert sorted(path.name for path in project.iterdir()) == ["pyproject.toml"]


def test_a_read_only_file_is_left_alone(project: Path) -> None:
    (project / "pyproject.toml").chmod(0o444)
    with pytest.raises(Problem, match=r"pyproject.toml: it is read-only; make it writable"):
        save_preset(plan_in(project), "fast", "project", str(project))
    assert (project / "pyproject.toml").read_text() == PYPROJECT


def test_the_user_s_file_is_private_and_keeps_its_comments(project: Path, tmp_path: Path) -> None:
    save_preset(plan_in(project), "one", "user", str(project))
    user = tmp_path / "config" / "asgi-tui" / "presets.toml"
    assert user.stat().st_mode & 0o777 == 0o600
    user.write_text(f"# mine\n{user.read_text()}# after\n")
    save_preset(replace(plan_in(project), server="uvicorn"), "two", "user", str(project))
    text = user.read_text()
    assert text.startswith("# mine\n[one]\n")
    assert "# after\n\n[two]\n" in text
    assert [preset.name for preset in list_presets(str(project)).presets] == ["dev", "one", "two"]


@pytest.mark.parametrize("name", ["", "a b", "a.b", "ä", "x" * 41, "a\n"])
def test_a_bad_name_is_refused(project: Path, name: str) -> None:
    with pytest.raises(Problem, match="a name has at most 40 letters, digits, - and _"):
        save_preset(plan_in(project), name, "project", str(project))


def test_a_project_without_a_file_gets_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with pytest.raises(
        Problem, match=r"it has no pyproject.toml; make one, or save the preset as the user's"
    ):
        save_preset(plan_in(tmp_path), "dev", "project", str(tmp_path))


def test_secrets_are_left_out_and_named(project: Path) -> None:
    plan = replace(plan_in(project), env={"API_KEY": "hunter2"}, options={"tls_key_password": "hunter2"})
    assert save_preset(plan, "dev", "project", str(project)) == ("tls_key_password", "API_KEY")
    assert "hunter2" not in (project / "pyproject.toml").read_text()


def test_a_text_that_is_no_unicode_is_refused(project: Path) -> None:
    plan = replace(plan_in(project), watch=("caf\udce9",))
    with pytest.raises(Problem, match="not valid Unicode"):
        save_preset(plan, "dev", "project", str(project))
    assert (project / "pyproject.toml").read_text() == PYPROJECT


def test_a_preset_of_a_subdirectory_runs_there_from_anywhere(project: Path) -> None:
    backend = project / "backend"
    backend.mkdir()
    plan = replace(
        plan_in(backend),
        target=Target(path=str(backend / "src/main.py"), attribute="app"),
        python=str(project / ".venv/bin/python"),
        env_files=(str(backend / ".env"), ".env.local", "/etc/shop.env"),
        watch=(str(project / "shared"),),
        options={"app_dir": str(backend / "src"), "static_path_mount": (str(backend / "a"), "/srv/b")},
    )
    save_preset(plan, "backend", "project", str(backend))
    loaded = load_preset("backend", str(project))
    assert loaded == load_preset("backend", str(backend))
    assert loaded == replace(
        plan,
        target=Target(path="src/main.py", attribute="app"),
        python="../.venv/bin/python",
        env_files=(".env", ".env.local", "/etc/shop.env"),
        watch=("../shared",),
        options={"app_dir": "src", "static_path_mount": ("a", "/srv/b")},
    )
    assert str(project) not in (project / "pyproject.toml").read_text()
    with pytest.raises(Problem, match="is outside of the project"):
        save_preset(plan_in(project.parent), "outside", "project", str(project))


def test_a_change_by_another_meanwhile_is_kept(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = project / "pyproject.toml"

    def and_an_editor_saves(text: str, *arguments: object) -> str:
        if "# saved meanwhile" not in text:
            file.write_text(text + "# saved meanwhile\n")
        return with_table(text, *arguments)  # type: ignore[arg-type] # passed on as they came

    monkeypatch.setattr(module, "with_table", and_an_editor_saves)
    save_preset(plan_in(project), "fast", "project", str(project))
    text = file.read_text()
    assert "# saved meanwhile\n\n[tool.asgi-tui.presets.fast]\n" in text
    assert without(text, "# saved meanwhile\n").startswith(PYPROJECT)


def test_tomlkit_is_loaded_only_to_write(project: Path) -> None:
    code = (
        "import sys; from asgi_tui.engine.presets import list_presets;"
        f"assert list_presets({str(project)!r}).presets; print('tomlkit' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


# -- one table in a text -------------------------------------------------------------------------------

DOCUMENTS = [
    "",
    "[a]\nb = 1",
    "[a.x]\ny = 1\n[b]\nc = 1\n[a.x.z]\nw = 2\n",
    "[[a.list]]\nb = 1\n\n[[a.list]]\nb = 2\n",
    "[a]\nx.y = 1 # dotted\n",
    '[a."x"]\n"y" = 1\n# tail',
    "# only this",
    'q = """\n[a.x]\n"""\n[a]\n[ a . x ] # spaced\ny=[\n[1],\n["a.x"],\n]\n\n\n[a.x2]\nk=1\n',
]


@pytest.mark.parametrize("text", DOCUMENTS)
@pytest.mark.parametrize("table", [{"y": 5, "t": {"u": "v"}}, {"k": ["é\t\n\"'"]}, None])
def test_only_the_table_changes(text: str, table: dict[str, object] | None) -> None:
    before = tomllib.loads(text)
    try:
        after = tomllib.loads(with_table(text, ("a", "x"), table))
    except Problem:
        assert "dotted" in text
        return
    assert after.get("a", {}).get("x") == table
    for document in (before, after):
        document.get("a", {}).pop("x", None)
        if not document.get("a"):
            document.pop("a", None)
    assert after == before


VALUES = st.booleans() | st.integers(0, 9) | st.text(max_size=5) | st.lists(st.text(max_size=3), max_size=2)
KEYS = st.sampled_from(["target", "server", "reload", "port", "a b", "ä"])
TABLES = st.dictionaries(
    KEYS | st.sampled_from(["options", "env"]), VALUES | st.dictionaries(KEYS, VALUES, max_size=3), max_size=4
)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(["dev", "new"]), TABLES, TABLES, st.sampled_from(["\n", "\r\n"]))
def test_any_table_is_written_changed_and_deleted(
    name: str, first: dict[str, object], second: dict[str, object], newline: str
) -> None:
    text, keys = PYPROJECT.replace("\n", newline), ("tool", "asgi-tui", "presets", name)
    ruff = text[text.index("# the end of dev") :]
    for table in (first, second):
        text = with_table(text, keys, table)
        assert tomllib.loads(text)["tool"]["asgi-tui"]["presets"][name] == table
        assert ruff in text
    text = with_table(text, keys, None)
    assert ruff in text
    if name == "new":
        assert text.rstrip() == PYPROJECT.replace("\n", newline).rstrip()
