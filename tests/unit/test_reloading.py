"""The settings of a change of guard as texts."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec

from asgi_tui.domain.errors import Problem
from asgi_tui.domain.reloading import DEFAULTS, SETTINGS, Reloading, read_item, read_setting, spell_setting


def test_every_setting_can_be_read_and_its_default_is_allowed() -> None:
    assert list(SETTINGS) == [field.name for field in fields(Reloading)]
    assert DEFAULTS.changed() == {}
    for name in SETTINGS:
        default = getattr(DEFAULTS, name)
        assert read_setting(name, spell_setting(name, default)) == default


def test_what_is_changed_makes_the_same_settings_again() -> None:
    settings = Reloading(("a b",), ("*.log",), False, ("numba.core",), True, 0.0, 3600.0)
    assert Reloading().with_settings(settings.changed()) == settings
    assert settings.changed().keys() == SETTINGS.keys()


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("include", "templates/** *.html", ("templates/**", "*.html")),
        ("exclude", "'my files/*' C:\\\\x", ("my files/*", "C:\\x")),
        ("include", "  ", ()),
        ("standby_exclude", "numba google.cloud", ("numba", "google.cloud")),
        ("standby", "off", False),
        ("old_first", "yes", True),
        ("grace", "0", 0.0),
        ("grace", "1m30s", 90.0),
        ("grace", "250ms", 0.25),
        ("ready_timeout", "3600", 3600.0),
    ],
)
def test_settings_are_read_from_one_line(name: str, text: str, value: object) -> None:
    assert read_setting(name, text) == value


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("grace", "3601", "Option grace: 3601 is too large; use a number from 0 to 3600 s."),
        ("grace", "-1", "Option grace: -1 is too small; use a number from 0 to 3600 s."),
        ("grace", "nan", "Option grace: 'nan' is no duration; use seconds, or one like 1m30s."),
        ("ready_timeout", "0.9", "Option ready_timeout: 0.9 is too small; use a number from 1 to 3600 s."),
        ("standby_exclude", "numba,torch", "Option standby_exclude: 'numba,torch' is no module name;"),
        ("standby_exclude", "a..b", "Option standby_exclude: 'a..b' is no module name;"),
        ("standby_exclude", "scikit-learn", "Option standby_exclude: 'scikit-learn' is no module name;"),
        ("include", "a '' b", "Option include: the value is empty;"),
        ("include", "it's", "Option include: a quote or backslash is left open; close it."),
        ("exclude", "a\\", "Option exclude: a quote or backslash is left open; close it."),
        ("exclude", "a\0b", "Option exclude: the value holds a control character; take it out."),
        *(
            ("include", glob, f"Option include: {glob!r} is no glob; write one like templates/** or *.html.")
            for glob in ("!*.html", "#x", "/", "[z-a]")
        ),
        ("standby", "maybe", "Option standby: 'maybe' is neither on nor off; use true or false."),
    ],
)
def test_what_is_wrong_is_one_sentence(name: str, text: str, sentence: str) -> None:
    with pytest.raises(Problem) as caught:
        read_setting(name, text)
    assert str(caught.value).startswith(sentence)


@pytest.mark.filterwarnings("ignore:Possible nested set:FutureWarning")
@given(st.text("!#/*?[]\\a-z", min_size=1, max_size=8))
def test_every_glob_that_is_read_is_one_for_the_watcher(text: str) -> None:
    try:
        glob = str(read_item("exclude", text))
    except Problem:
        return
    (pattern,) = GitIgnoreSpec.from_lines([glob]).patterns  # which would raise
    assert pattern.include is not False


@given(st.lists(st.text(min_size=1, max_size=9), max_size=4))
def test_globs_come_back_from_one_line(texts: list[str]) -> None:
    globs = []
    for text in texts:
        try:
            globs.append(str(read_item("exclude", text)))
        except Problem:
            continue
    assert read_setting("exclude", spell_setting("exclude", tuple(globs))) == tuple(globs)
