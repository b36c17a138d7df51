"""Watching with real files: what counts, what is one burst, and what must not be lost."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from asgi_tui.domain.events import Error, Event, Watching
from asgi_tui.domain.plan import LaunchPlan
from asgi_tui.domain.reloading import Reloading
from asgi_tui.domain.target import Target
from asgi_tui.engine import notifying
from asgi_tui.engine.changes import Changes, Save
from asgi_tui.engine.watch_thread import refusal


class Watched:
    """Changes of a project, with what they told."""

    def __init__(self, plan: LaunchPlan) -> None:
        self.plan = plan
        self.saves = 0
        self.events: list[Event] = []
        self.errors: list[Error] = []
        self._told = asyncio.Event()
        self.changes = Changes(self._saved, self.events.append, self.errors.append)

    def _saved(self) -> None:
        self.saves += 1
        self._told.set()

    async def saved(self) -> dict[str, str]:
        """What the next burst says, as a run would take it."""
        return {change.path: change.change for change in (await self.save()).changes}

    async def save(self) -> Save:
        save = None
        while save is None:
            async with asyncio.timeout(10):
                await self._told.wait()
            self._told.clear()
            save = await self.changes.take(self.plan)
        # What was told since is for the next one.
        served = self.changes.serve()
        self.changes.restore({path: found for path, found in served.items() if found[1] > save.number})
        return save

    async def until_saved(self, path: str) -> str:
        """Takes bursts until one names ``path``; what became of it."""
        while path not in (found := await self.saved()):
            pass
        return found[path]

    async def silent(self, seconds: float = 0.12) -> bool:
        """Whether nothing is told for a while."""
        before = self.saves
        await asyncio.sleep(seconds)
        return self.saves == before

    @property
    def last(self) -> Watching:
        return [event for event in self.events if isinstance(event, Watching)][-1]

    def paused(self) -> bool:
        return self.last.paused

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not true():
                await asyncio.sleep(0.005)


@asynccontextmanager
async def watching(plan: LaunchPlan, *libraries: Path) -> AsyncIterator[Watched]:
    watched = Watched(plan)
    await watched.changes.watch(plan, (), tuple(map(str, libraries)))
    await watched.changes.armed()
    await watched.until(lambda: watched.last.files is not None)
    try:
        yield watched
    finally:
        watched.changes.stop()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "shop").mkdir(parents=True)
    (root / "pyproject.toml").touch()
    (root / "app.py").write_text("VERSION = 0\n")
    (root / "shop" / "cart.py").write_text("one\ntwo\nthree\n")
    return root


def plan_for(project: Path, *, include: tuple[str, ...] = (), exclude: tuple[str, ...] = ()) -> LaunchPlan:
    reloading = Reloading(include=include, exclude=exclude)
    return LaunchPlan(Target("app", "app"), "uvicorn", str(project), reloading=reloading)


# -- what counts ---------------------------------------------------------------------------------------


async def test_a_save_is_told_soon_and_by_its_name(project: Path) -> None:
    async with watching(plan_for(project)) as watched:
        delays = []
        for number in range(5):
            (project / "app.py").write_text(f"VERSION = {number + 1}\n")
            save = await watched.save()
            assert [(change.path, change.change) for change in save.changes] == [("app.py", "modified")]
            assert save.cold == ""
            delays.append(save.notice_ms)
        # Some 8 ms where nothing else runs.
        assert min(delays) < 60
        assert watched.last.files == 2


async def test_what_is_junk_or_ignored_does_not_count(project: Path) -> None:
    subprocess.run(["git", "init", "-q", project], check=True)
    (project / ".gitignore").write_text("/build/\ngenerated_*.py\n")
    (project / "shop" / ".gitignore").write_text("*.py\n!cart.py\n")
    (project / ".git" / "info").mkdir(exist_ok=True)
    (project / ".git" / "info" / "exclude").write_text("mine.py\n")
    directories = ["build", "my environment/lib", "node_modules", "__pycache__", "x.egg-info"]
    for name in directories:
        (project / name).mkdir(parents=True)
    (project / "my environment" / "pyvenv.cfg").touch()
    async with watching(plan_for(project)) as watched:
        assert watched.last.files == 2
        names = [f"{name}/module.py" for name in directories]
        names += ["generated_1.py", "shop/other.py", "mine.py", "app.pyc", ".#app.py", ".app.py.swp", "4913"]
        names += ["db.sqlite3-wal", "db.sqlite3-journal", "app.py~", ".coverage", "notes.txt", ".git/x.py"]
        for name in names:
            (project / name).write_text("x")
        (project / "__pycache__" / "app.cpython-311.pyc").write_text("x")
        assert await watched.silent()
        (project / "shop" / "cart.py").write_text("four\n")
        assert await watched.saved() == {"shop/cart.py": "modified"}
        # What is ignored is read anew.
        (project / ".gitignore").write_text("app.py\n")
        await watched.until(lambda: watched.last.files == 3)
        (project / "app.py").write_text("x")
        (project / "generated_1.py").write_text("y")
        assert await watched.saved() == {"generated_1.py": "modified"}


async def test_globs_include_and_exclude(project: Path) -> None:
    (project / ".gitignore").write_text("static/\n")
    for name in ("templates/mail/a.txt", "static/x.css", "docs/page.html", "legacy/page.html", "legacy/m.py"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("x")
    plan = plan_for(project, include=("templates/**", "*.html", "static/"), exclude=("legacy/", "/app.py"))
    async with watching(plan) as watched:
        assert watched.last.files == 4
        for name in ("legacy/page.html", "legacy/m.py", "app.py"):
            (project / name).write_text("changed")
        assert await watched.silent()
        for name in ("templates/mail/a.txt", "static/x.css", "docs/page.html"):
            (project / name).write_text("changed")
            assert await watched.saved() == {name: "modified"}


async def test_named_paths_count_whatever_their_suffix(project: Path, tmp_path: Path) -> None:
    data, elsewhere = project / "data", tmp_path / "elsewhere" / "rates.csv"
    data.mkdir()
    elsewhere.parent.mkdir()
    elsewhere.write_text("1")
    async with watching(replace(plan_for(project), watch=("data", str(elsewhere)))) as watched:
        (data / "a.json").write_text("{}")
        assert await watched.saved() == {"data/a.json": "added"}
        elsewhere.write_text("2")
        assert await watched.saved() == {elsewhere.as_posix(): "modified"}
        (elsewhere.parent / "other.csv").write_text("2")
        assert await watched.silent()


async def test_the_home_directory_is_not_walked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "module.py").touch()
    async with watching(plan_for(tmp_path)) as watched:
        assert watched.last.files == 0
        (tmp_path / "app.py").write_text("x")
        assert await watched.saved() == {"app.py": "added"}
        (tmp_path / "deep" / "module.py").write_text("x")
        (tmp_path / "deeper").mkdir()
        (tmp_path / "deeper" / "module.py").write_text("x")
        assert await watched.silent()


# -- cold starts ---------------------------------------------------------------------------------------


async def test_settings_start_cold(project: Path, tmp_path: Path) -> None:
    env = tmp_path / "secrets.env"
    env.write_text("A=1\n")
    (project / "log.json").write_text("{}")
    plan = replace(plan_for(project), env_files=(str(env),), native=("--log-config", "log.json"))
    async with watching(plan) as watched:
        for path, reason in (
            (env, "an environment file"),
            (project / "log.json", "Uvicorn reads at its start"),
        ):
            # As many editors do: another file takes its place.
            (path.parent / "new").write_text("changed")
            (path.parent / "new").replace(path)
            save = await watched.save()
            assert save.paths == (path,)
            assert reason in save.cold
    async with watching(replace(plan_for(project), server="gunicorn")) as watched:
        (project / "gunicorn.conf.py").write_text("x = 1")
        assert "gunicorn.conf.py" in (await watched.save()).cold


async def test_an_installed_package_starts_cold_once_it_is_complete(project: Path, tmp_path: Path) -> None:
    packages = tmp_path / "lib" / "site-packages"
    packages.mkdir(parents=True)
    plan = replace(plan_for(project), watch=(str(packages / "pinned"),))
    (packages / "pinned").mkdir()
    async with watching(plan, packages) as watched:
        (packages / "pinned" / "module.py").write_text("x")
        assert "module.py" in (await watched.save()).cold
        begun = time.monotonic()
        info = packages / "thing-1.0.dist-info"
        info.mkdir()
        (packages / "~hing-0.9.dist-info").mkdir()
        await asyncio.sleep(0.2)
        (info / "RECORD").touch()
        save = await watched.save()
        assert save.paths == (info,)
        assert "thing-1.0" in save.cold
        assert time.monotonic() - begun >= 1.0


# -- bursts --------------------------------------------------------------------------------------------


async def test_a_checkout_of_thousands_of_files_is_one_burst(project: Path) -> None:
    subprocess.run(["git", "init", "-q", project], check=True)
    lock = project / ".git" / "index.lock"

    def check_out() -> None:
        lock.touch()
        for number in range(5000):
            directory = project / f"package{number // 100}"
            directory.mkdir(exist_ok=True)
            (directory / f"module{number}.py").write_text("x")
            if number % 1000 == 0:
                time.sleep(0.15)
        lock.unlink()

    async with watching(plan_for(project)) as watched:
        await asyncio.to_thread(check_out)
        await watched.until(lambda: watched.last.files == 5002)
        # More than one where the machine is so busy that it takes longer than a burst may.
        assert watched.saves <= 4
        save = await watched.save()
        assert len(save.paths) == 5000
        assert save.changes[-1].path == "and 4,950 more"
        assert await watched.silent()
        (project / "package7" / "module700.py").write_text("y")
        assert await watched.saved() == {"package7/module700.py": "modified"}


async def test_a_lock_that_was_left_behind_delays_one_save_only(project: Path) -> None:
    (project / ".git").mkdir()
    (project / ".git" / "index.lock").touch()
    os.utime(project / ".git" / "index.lock", (time.time() - 60,) * 2)
    async with watching(plan_for(project)) as watched:
        taken = []
        for text in ("1", "2"):
            begun = time.monotonic()
            (project / "app.py").write_text(text)
            await watched.save()
            taken.append(time.monotonic() - begun)
        assert taken[1] < taken[0]


@pytest.mark.parametrize("dance", ["rename", "backup", "empty first"])
async def test_ways_in_which_editors_save(project: Path, dance: str) -> None:
    source = project / "app.py"
    async with watching(plan_for(project)) as watched:
        if dance == "rename":
            (project / "app.py.tmp.1").write_text("VERSION = 1\n")
            (project / "app.py.tmp.1").replace(source)
        elif dance == "backup":
            (project / "4913").touch()
            (project / "4913").unlink()
            source.replace(project / "app.py~")
            await asyncio.sleep(0.012)
            source.write_text("VERSION = 1\n")
            (project / "app.py~").unlink()
        else:
            with source.open("w") as file:
                file.flush()
                await asyncio.sleep(0.012)
                file.write("VERSION = 1\n")
        assert await watched.saved() == {"app.py": "modified"}
        assert await watched.silent()


async def test_files_come_and_go(project: Path) -> None:
    async with watching(plan_for(project)) as watched:
        (project / "new").mkdir()
        (project / "new" / "module.py").write_text("x")
        assert await watched.until_saved("new/module.py") in ("added", "modified")
        (project / "new" / "later.py").write_text("x")
        assert await watched.until_saved("new/later.py") == "added"
        await watched.until(lambda: watched.last.files == 4)
        shutil.rmtree(project / "new")
        assert await watched.until_saved("new/module.py") == "deleted"
        await watched.until(lambda: watched.last.files == 2)
        (project / "shop").rename(project / "store")
        assert await watched.until_saved("store/cart.py") == "added"
        (project / "store" / "cart.py").write_text("x")
        assert await watched.until_saved("store/cart.py") == "modified"


async def test_a_directory_that_is_deleted_and_made_anew(project: Path) -> None:
    async with watching(plan_for(project)) as watched:
        for _ in range(2):
            shutil.rmtree(project / "shop")
            (project / "shop").mkdir()
            (project / "shop" / "cart.py").write_text("anew")
            await watched.until_saved("shop/cart.py")
            await watched.until(lambda: watched.last.files == 2)
        shutil.rmtree(project)
        await watched.until_saved("app.py")
        project.mkdir()
        (project / "app.py").write_text("anew")
        await watched.until_saved("app.py")
        (project / "app.py").write_text("again")
        assert await watched.until_saved("app.py") == "modified"


async def test_links_are_followed(project: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "module.py").write_text("x")
    (outside / "single.py").write_text("x")
    package = tmp_path / "package"
    package.mkdir()
    (package / "inner.py").write_text("x")
    (package / "up").symlink_to(tmp_path)
    (project / "package").symlink_to(package)
    (project / "linked.py").symlink_to(outside / "single.py")
    async with watching(plan_for(project)) as watched:
        (package / "inner.py").write_text("changed")
        assert await watched.saved() == {"package/inner.py": "modified"}
        (outside / "new").write_text("changed")
        (outside / "new").replace(outside / "single.py")
        assert await watched.saved() == {"linked.py": "modified"}
        (outside / "module.py").write_text("changed")
        assert await watched.silent()


# -- pause and loops -----------------------------------------------------------------------------------


async def test_a_pause_keeps_what_is_saved(project: Path) -> None:
    async with watching(plan_for(project)) as watched:
        watched.changes.pause()
        assert watched.paused()
        (project / "app.py").write_text("1")
        assert await watched.silent()
        watched.changes.resume()
        assert not watched.paused()
        assert await watched.saved() == {"app.py": "modified"}


async def test_an_app_that_writes_a_file_after_each_reload_is_paused(project: Path) -> None:
    (project / "[odd] name.py").write_text("x")
    async with watching(plan_for(project)) as watched:
        (project / "app.py").write_text("1")
        await watched.save()
        for number in range(10):
            watched.changes.ready()
            await asyncio.sleep(0.02)
            (project / "[odd] name.py").write_text(str(number))
            await watched.until(lambda: watched.paused() or watched._told.is_set())
            if watched.paused():
                break
            await watched.save()
        assert watched.last.loop == "[odd] name.py"
        glob = watched.last.exclude
        watched.changes.exclude(glob)
        assert not watched.paused()
        await watched.changes.armed()
        assert await watched.changes.take(watched.plan) is None
        await watched.until(lambda: watched.last.files == 2)
        (project / "[odd] name.py").write_text("once more")
        assert await watched.silent()
        # It stays so when the plan is watched anew.
        await watched.changes.watch(watched.plan, ())
        (project / "app.py").write_text("2")
        assert await watched.saved() == {"app.py": "modified"}


# -- nothing lost --------------------------------------------------------------------------------------


async def test_a_save_during_a_reload_is_not_lost(project: Path) -> None:
    async with watching(plan_for(project)) as watched:
        changes = watched.changes
        (project / "app.py").write_text("1")
        await watched.until(lambda: watched.saves == 1)
        first = await changes.take(watched.plan)
        assert first is not None
        served = changes.serve()
        (project / "app.py").write_text("2")
        await watched.until(lambda: watched.saves == 2)
        # The first run fails, and its failure is told after the second save was seen.
        changes.restore(served)
        changes.forget(first)
        second = await changes.take(watched.plan)
        assert second is not None
        assert second.paths == first.paths
        changes.forget(second)
        assert await changes.take(watched.plan) is None


async def test_a_save_while_the_watch_changes_is_not_lost(project: Path, tmp_path: Path) -> None:
    async with watching(plan_for(project)) as watched:
        for number in range(10):
            other = tmp_path / f"other{number}"
            other.mkdir()
            await watched.changes.watch(watched.plan, (str(other),))
            (project / "app.py").write_text(str(number))
            await watched.until_saved("app.py")


async def test_where_the_system_refuses_files_are_polled(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("Error creating recommended watcher: Too many open files (os error 24)")

    monkeypatch.setattr(notifying, "RustNotify", refuse)
    async with watching(plan_for(project)) as watched:
        await watched.until(lambda: bool(watched.errors))
        assert "fs.inotify.max_user_instances" in watched.errors[0].sentence
        assert "limit" in watched.last.polling
        # What was saved a moment before another watch is told again, rather than lost.
        await asyncio.sleep(0.05)
        await watched.changes.watch(watched.plan, (str(tmp_path),))
        await watched.until(lambda: "limit" in watched.last.polling)
        assert len(watched.errors) == 1
        # Within one second and of the same size: both are seen.
        for number in range(3):
            (project / "app.py").write_text(f"VERSION = {number}\n")
            assert await watched.saved() == {"app.py": "modified"}
        (project / "new").mkdir()
        (project / "new" / "module.py").write_text("x")
        assert await watched.until_saved("new/module.py") == "added"
        (project / "new" / "module.py").write_text("xx")
        assert await watched.until_saved("new/module.py") == "modified"
        (project / "new" / "module.py").unlink()
        assert await watched.until_saved("new/module.py") == "deleted"


def test_each_limit_has_its_own_mend() -> None:
    assert "max_user_watches" in str(refusal(OSError(28, "No space left on device")))
    assert "max_user_watches" in str(refusal(RuntimeError("OS file watch limit reached.")))
    assert "max_user_instances" in str(refusal(OSError(24, "Too many open files")))
    assert "\x1b" not in str(refusal(RuntimeError("\x1b[31m")))


# -- lines and bytecode --------------------------------------------------------------------------------


async def test_lines_are_counted(project: Path) -> None:
    async with watching(plan_for(project)) as watched:
        await watched.until(lambda: len(watched.changes._watcher.contents._known) == 2)  # type: ignore[union-attr] # it watches
        (project / "shop" / "cart.py").write_text("one\n2\nthree\nfour\n")
        (change,) = await watched.changes.with_lines(await watched.save())
        assert (change.added, change.removed) == (2, 1)
        (project / "new.py").write_text("a\nb\n")
        (change,) = await watched.changes.with_lines(await watched.save())
        assert (change.added, change.removed) == (2, 0)
        (project / "new.py").unlink()
        (change,) = await watched.changes.with_lines(await watched.save())
        assert (change.added, change.removed) == (0, 2)
        (project / "new.py").write_bytes(b"\0binary")
        (change,) = await watched.changes.with_lines(await watched.save())
        assert (change.added, change.removed) == (None, None)


@pytest.mark.parametrize("prefix", [False, True])
async def test_bytecode_is_never_stale(project: Path, tmp_path: Path, *, prefix: bool) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    if prefix:
        environment["PYTHONPYCACHEPREFIX"] = str(tmp_path / "cache")
    plan = replace(plan_for(project), env={"PYTHONPYCACHEPREFIX": str(tmp_path / "cache")} if prefix else {})
    cache = tmp_path / "cache" / str(project).lstrip("/") if prefix else project / "__pycache__"

    def imported() -> str:
        words = [sys.executable, "-c", "import app; print(app.VERSION)"]
        return subprocess.run(
            words, cwd=project, env=environment, capture_output=True, text=True
        ).stdout.strip()

    def save(number: int) -> None:
        (project / "app.py").write_text(f"VERSION = {number}\n")
        # The same second whatever the clock says.
        os.utime(project / "app.py", (1_700_000_000, 1_700_000_000))

    async with watching(plan) as watched:
        for number in range(1, 4):
            save(number)
            await watched.save()
            assert imported() == str(number)
            assert len(list(cache.glob("app.*.pyc"))) == 1
        # Without it, the old code would be run.
        watched.changes.stop()
        save(4)
        assert imported() == "3"


async def test_bytecode_beside_a_deleted_source_goes_too(project: Path) -> None:
    (project / "app.pyc").write_text("legacy")
    async with watching(plan_for(project)) as watched:
        (project / "app.py").unlink()
        assert await watched.saved() == {"app.py": "deleted"}
        assert not (project / "app.pyc").exists()


async def test_a_change_of_many_is_not_lost_when_the_watch_changes(project: Path, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", project], check=True)
    async with watching(plan_for(project)) as watched:
        # git is at work, so what was saved is still held back.
        (project / ".git" / "index.lock").touch()
        (project / "app.py").write_text("1")
        await asyncio.sleep(0.1)
        await watched.changes.watch(watched.plan, (str(tmp_path),))
        assert await watched.until_saved("app.py") == "modified"
