"""What ``.gitignore`` leaves out, compared with git itself; and globs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from asgi_tui.domain.globs import Globs, glob_of
from asgi_tui.engine.file_tree import FileTree
from asgi_tui.engine.ignored import patterns_above
from asgi_tui.engine.watched import Wanted

FILES = [
    "app.py",
    "build/out.py",
    "src/build/out.py",
    "src/keep/a.py",
    "src/keep/b.py",
    "src/deep/er/x.py",
    "src/deep/y.py",
    "tmp1.py",
    "tmpx.py",
    "#odd.py",
    "with space .py",
    "only/here/z.py",
    "only/there/z.py",
]
RULES = {
    ".gitignore": "# comment\n\\#odd.py\n/build\ntmp[0-9].py\nsrc/keep/*\n!src/keep/b.py\n**/er/\n"
    "only/*/z.py\n!only/there/z.py\nwith space\\ .py\n",
    "src/.gitignore": "!build/\ny.py\n",
    "src/deep/.gitignore": "!y.py\n",
    ".git/info/exclude": "app.py\nout.py\n",
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    for name, text in {**dict.fromkeys(FILES, ""), **RULES}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def found(project: Path, **wanted: tuple[str, ...]) -> set[str]:
    tree = FileTree(Wanted(project, (project,), include=wanted.get("include", ())))
    tree.walk()
    return {shown.relative_to(project).as_posix() for _, shown in tree.files()}


def not_ignored(repository: Path, files: list[str]) -> set[str]:
    words = ["git", "-C", str(repository), "check-ignore", *files]
    said = subprocess.run(words, capture_output=True, text=True).stdout
    return set(files) - {line.strip('"') for line in said.splitlines()}


def test_it_ignores_what_git_ignores(repository: Path) -> None:
    kept = not_ignored(repository, FILES)
    assert 0 < len(kept) < len(FILES)
    assert found(repository) == kept


# Patterns and the paths that they are tried on, each alone.
PATTERNS = [
    "*",
    "/*",
    "a",
    "a/",
    "/a",
    "a/b",
    "a/*",
    "a/**",
    "**/b",
    "**/a/b",
    "a/**/c",
    "*.py",
    "a?c",
    "[ab].py",
]
PATTERNS += [
    "[!a].py",
    "[]a].py",
    "[a-c]*",
    "[^b]",
    "\\[a",
    "[z-a]",
    "***",
    "a**",
    "a\\ ",
    "b/c.py",
    "[[]",
    "a[&&b]",
]
PATHS = [
    "a",
    "b",
    "abc",
    "a.py",
    "b.py",
    "x/a",
    "x/y/b",
    "a/b/c",
    "d/a/b",
    "a/x/y/c",
    "].py",
    "[a",
    "[",
    "a&",
    "b/c.py",
]


def test_each_pattern_means_what_git_means_by_it(tmp_path: Path) -> None:
    for number, pattern in enumerate(PATTERNS):
        directory = tmp_path / str(number)
        directory.mkdir()
        subprocess.run(["git", "init", "-q", directory], check=True)
        (directory / ".gitignore").write_text(f"{pattern}\n")
        globs = Globs([pattern])
        assert {path for path in PATHS if not globs.covers(path)} == not_ignored(directory, PATHS), pattern


def test_a_project_below_the_repository_has_its_rules(repository: Path) -> None:
    kept = not_ignored(repository, FILES)
    inside = {name.removeprefix("src/") for name in kept if name.startswith("src/")}
    assert inside
    assert found(repository / "src") == inside


def test_a_project_that_is_ignored_itself_is_watched(repository: Path) -> None:
    assert patterns_above(str(repository / "build")) == ()
    assert found(repository / "build") == {"out.py"}


def test_an_included_file_counts_below_what_is_ignored(repository: Path) -> None:
    assert "src/deep/er/x.py" in found(repository, include=("src/deep/er/",))
    assert "build/out.py" in found(repository, include=("build/*.py",))
    assert "build/out.py" not in found(repository, include=("src/*.py",))


@pytest.mark.parametrize(
    "name", ["a.py", "data/[x] *?.json", "end ", "!odd.py", "#odd.py", "dir/back\\slash.py"]
)
def test_a_files_glob_means_that_file_alone(name: str) -> None:
    globs = Globs((glob_of(name),))
    assert globs.covers(name)
    assert not globs.covers(f"other/{name}")
    assert not globs.covers(f"b{name[1:]}" if name[0] != "d" else f"d-{name[1:]}")


def test_the_glob_of_siblings_means_all_of_the_suffix() -> None:
    globs = Globs((glob_of("out/*.json"),))
    assert globs.covers("out/1.json")
    assert not globs.covers("out/1.py")
    assert not globs.covers("in/1.json")


def test_a_work_tree_has_its_git_directory_elsewhere(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "tree" / "build").mkdir(parents=True)
    (tmp_path / "tree" / ".git").write_text(f"gitdir: {repository / '.git'}\n")
    (tmp_path / "tree" / "out.py").touch()
    (tmp_path / "tree" / "shop.py").touch()
    assert found(tmp_path / "tree") == {"shop.py"}
