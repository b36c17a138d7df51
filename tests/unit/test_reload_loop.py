"""Loops of reloads: told from a person's saves by when and how regularly they come."""

from __future__ import annotations

from pathlib import Path

import pytest

from asgi_tui.domain.reload_loop import LIMIT, REGULAR_LIMIT, SOURCE_LIMIT, WINDOW, Loop, LoopDetector

DATA = Path("/project/data.json")
SOURCE = Path("/project/shop/cart.py")


class Runs:
    """Runs in a row, each followed by changes after so many seconds."""

    def __init__(self) -> None:
        self.detector = LoopDetector()
        self.now = 100.0

    def run(self, delay: float, *files: Path, kind: str = "modified", ready: bool = True) -> Loop | None:
        self.now += 1
        self.detector.started(self.now)
        if ready:
            self.now += 0.5
            self.detector.ready(self.now)
        self.now += delay
        return self.detector.saved(dict.fromkeys(files, kind), self.now)


@pytest.mark.parametrize("ready", [True, False])
def test_a_file_that_follows_each_run_at_once_is_a_loop(*, ready: bool) -> None:
    runs = Runs()
    found = [runs.run(0.3, DATA, ready=ready) for _ in range(REGULAR_LIMIT)]
    assert found == [None] * (REGULAR_LIMIT - 1) + [Loop(DATA)]


def test_source_that_the_app_writes_while_it_starts_is_a_loop() -> None:
    runs = Runs()
    found = [runs.run(0.3, SOURCE, ready=False) for _ in range(REGULAR_LIMIT)]
    assert found[-1] == Loop(SOURCE)


def test_irregular_changes_need_more() -> None:
    runs = Runs()
    found = [runs.run(number % 2 + 0.1, DATA) for number in range(LIMIT)]
    assert found == [None] * (LIMIT - 1) + [Loop(DATA)]


def test_quick_saves_of_source_are_a_persons_for_longer() -> None:
    runs = Runs()
    found = [runs.run(0.3, SOURCE) for _ in range(SOURCE_LIMIT)]
    assert found == [None] * (SOURCE_LIMIT - 1) + [Loop(SOURCE)]


def test_a_quiet_moment_begins_anew() -> None:
    runs = Runs()
    for _ in range(5):
        for _ in range(REGULAR_LIMIT - 1):
            assert runs.run(0.3, DATA) is None
        assert runs.run(WINDOW + 0.1, DATA) is None


def test_another_file_each_time_is_no_loop_but_ever_new_ones_are() -> None:
    runs = Runs()
    assert [runs.run(0.3, Path(f"/project/{number}.json")) for number in range(10)] == [None] * 10
    found = [runs.run(0.3, Path(f"/project/{number}.json"), kind="added") for number in range(REGULAR_LIMIT)]
    assert found[-1] == Loop(Path("/project/*.json"), siblings=True)


def test_a_file_is_named_before_its_kind() -> None:
    runs = Runs()
    found = [runs.run(0.3, DATA, kind="added") for _ in range(REGULAR_LIMIT)]
    assert found[-1] == Loop(DATA)


def test_several_bursts_of_one_run_count_once() -> None:
    detector = LoopDetector()
    detector.started(0.0)
    detector.ready(0.1)
    assert [detector.saved({DATA: "modified"}, 0.2 + number / 100) for number in range(20)] == [None] * 20


def test_nothing_counts_before_the_first_run_and_after_a_resume() -> None:
    runs = Runs()
    assert runs.detector.saved({DATA: "modified"}, 1.0) is None
    for _ in range(REGULAR_LIMIT - 1):
        runs.run(0.3, DATA)
    runs.detector.forget()
    assert runs.run(0.3, DATA) is None
