"""Every option of a server in one list: searched, edited, reset and explained, by key and by mouse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Footer, Input, TextArea

from asgi_tui.domain.options import OptionTable, option
from asgi_tui.domain.text import MASK
from asgi_tui.domain.values import Kind
from asgi_tui.frontends.console.themes import DARK, FALLBACKS
from asgi_tui.frontends.console.widgets.all_options import AllOptions
from asgi_tui.frontends.console.widgets.choice import Choice
from asgi_tui.frontends.console.widgets.option_editor import PathSuggester
from asgi_tui.frontends.console.widgets.option_rows import MISSING, REFUSED, OptionState

TABLE = OptionTable(
    "granian",
    (
        option("host", Kind.HOST, "Address", "Where to listen.", default="127.0.0.1", concept="host"),
        option(
            "backlog",
            Kind.INTEGER,
            "Address",
            "Connections that may wait.",
            default=1024,
            minimum=128,
            env="GRANIAN_BACKLOG",
            setting="backlog",
            topic="backlog",
        ),
        option("interface", Kind.TEXT, "App", "Protocol of the app.", refused="the console runs ASGI apps"),
        option(
            "access_log",
            Kind.SWITCH,
            "Logs",
            "A line a request.",
            default=False,
            off=("--no-access-log",),
            flags=("--access-log",),
            concept="access_log",
        ),
        option("log_level", Kind.CHOICE, "Logs", "Least severe.", default="info", choices=("info", "debug")),
        option("static_path", Kind.PATH, "Static files", "Files to serve.", multiple=True),
        option("cert", Kind.PATH, "TLS", "PEM file.", concept="tls_cert", paths="file"),
        option("key_password", Kind.SECRET, "TLS", "Decrypts the key.", concept="tls_key_password"),
        option("rss_limit", Kind.INTEGER, "Processes", "Memory of a worker."),
    ),
    "2.5.0",
    {"rss_limit": "it came with granian 2.6, and 2.5.0 is installed"},
)
OTHERS = (
    OptionTable("uvicorn", (option("backlog", Kind.INTEGER, "Address", "x", topic="backlog"),)),
    OptionTable(
        "gunicorn",
        (
            option("access_logfile", Kind.PATH, "Logs", "x", concept="access_log", wide=True),
            option("backlog", Kind.INTEGER, "Address", "x", topic="backlog"),
        ),
    ),
)


@dataclass(frozen=True)
class Set:
    """What sets an option from outside."""

    text: str
    source: str
    counts: bool = True


class Host(App[None]):
    """Keeps the texts as the Launch screen would."""

    def __init__(
        self, texts: Mapping[str, str] | None = None, outside: Mapping[str, Set] | None = None
    ) -> None:
        super().__init__()
        self.texts = dict(texts or {})
        self.outside = dict(outside or {})
        self.wrong: dict[str, str] = {}
        self.told: list[tuple[str, str]] = []
        self.cwd = "."
        self.table = TABLE
        self.register_theme(DARK)
        self.theme = DARK.name

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return FALLBACKS

    def compose(self) -> ComposeResult:
        yield AllOptions()
        yield Footer(compact=True)

    def on_mount(self) -> None:
        self.again()
        self.pane.focus_list()

    @property
    def pane(self) -> AllOptions:
        return self.query_one(AllOptions)

    def again(self) -> None:
        texts, wrong = dict(self.texts), dict(self.wrong)
        self.pane.show(OptionState(self.table, OTHERS, texts, wrong, self.outside, self.cwd))

    def on_all_options_changed(self, event: AllOptions.Changed) -> None:
        self.told.append((event.key, event.text))
        self.texts[event.key] = event.text
        self.again()

    def on_all_options_reset_all(self) -> None:
        self.texts.clear()
        self.again()

    @property
    def at(self) -> str:
        found = self.pane.view.option
        return found.name if found else ""

    @property
    def listed(self) -> list[str]:
        return [row.name for row in self.pane.view.rows]

    def row(self, flag: str) -> tuple[str, str]:
        """Mark and value of the row."""
        return next((row.mark, row.value) for row in self.pane.view.rows if row.name == flag)

    def shown(self) -> str:
        return "\n".join(strip.text for strip in self.screen._compositor.render_strips())


async def go(pilot: Pilot[None], app: Host, name: str) -> None:
    """Takes the highlight to an option; keys would take their time."""
    app.pane.focus_list()
    found = next(i for i, row in enumerate(app.pane.view.rows) if row.option and row.option.name == name)
    app.pane.view._highlight(found)
    await pilot.pause()
    assert app.at == name


def focus(app: Host) -> Widget | None:
    """What has the focus now."""
    return app.focused


async def enter_text(pilot: Pilot[None], app: Host, text: str) -> None:
    """Types into the field at hand, all at once."""
    assert isinstance(app.focused, Input)
    app.focused.insert_text_at_cursor(text)
    await pilot.pause()


async def test_options_stand_under_their_groups_with_their_defaults() -> None:
    app = Host()
    async with app.run_test(size=(100, 40)) as pilot:
        await pilot.pause()
        assert app.listed[:6] == ["App", "--interface", "Address", "--host", "--backlog", "Processes"]
        assert app.at == "interface"
        shown = app.shown()
        assert "default 1024" in shown
        assert "Connections that may wait." in shown
        assert "9 options" in shown


async def test_marks_tell_what_is_changed_wrong_missing_refused_and_set_from_outside() -> None:
    texts = {"host": "0.0.0.0", "backlog": "5"}
    outside = {"log_level": Set("debug", "GRANIAN_LOG_LEVEL"), "cert": Set("x", "OTHER", counts=False)}
    app = Host(texts, outside)
    async with app.run_test(size=(100, 40)):
        assert app.row("--host") == ("●", "0.0.0.0")
        assert app.row("--backlog") == ("!", "5")
        assert app.row("--interface") == (REFUSED, "not to be set here")
        assert app.row("--rss-limit") == (MISSING, "not in this version")
        assert app.row("--log-level") == ("↯", "debug (GRANIAN_LOG_LEVEL)")
        assert app.row("--cert") == (" ", "not set")


async def test_typing_edits_and_tells_what_is_wrong() -> None:
    app = Host()
    async with app.run_test(size=(100, 40)) as pilot:
        await go(pilot, app, "backlog")
        await pilot.press("enter", "5")
        assert app.told == [("backlog", "5")]
        assert "✗ Option backlog: 5 is too small; use a whole number of 128 or more." in app.shown()
        assert app.row("--backlog") == ("!", "5")
        await pilot.press(*"12", "enter")
        assert app.told[-1] == ("backlog", "512")
        assert app.row("--backlog") == ("●", "512")
        assert "too small" not in app.shown()
        assert focus(app) is app.pane.view
        await pilot.press("delete")
        assert app.told[-1] == ("backlog", "")
        assert app.row("--backlog") == (" ", "default 1024")


async def test_a_problem_of_the_whole_plan_is_told_at_its_option() -> None:
    app = Host({"cert": "a.pem"})
    app.wrong = {"tls_cert": "Option cert: it needs a key; name one."}
    app.texts = {"tls_cert": "a.pem"}
    async with app.run_test(size=(100, 40)) as pilot:
        await go(pilot, app, "cert")
        assert app.row("--cert") == ("!", "a.pem")
        assert "it needs a key" in app.shown()


async def test_space_switches_and_leaves_out_what_is_the_default_again() -> None:
    app = Host()
    async with app.run_test(size=(100, 40)) as pilot:
        await go(pilot, app, "access_log")
        await pilot.press("space", "space")
        assert app.told == [("access_log", "on"), ("access_log", "")]
        await pilot.press("enter")
        assert isinstance(focus(app), Choice)
        await pilot.press("right", "right", "escape")
        assert app.told[-1] == ("access_log", "off")
        assert focus(app) is app.pane.view


async def test_a_choice_opens_at_once_and_comes_back_to_the_list() -> None:
    app = Host()
    async with app.run_test(size=(100, 40)) as pilot:
        await go(pilot, app, "log_level")
        await pilot.press("enter")
        await pilot.pause()
        await pilot.press("down", "down", "enter")
        await pilot.pause()
        assert app.told == [("log_level", "debug")]
        assert focus(app) is app.pane.view


async def test_a_repeated_option_has_one_item_a_line() -> None:
    app = Host()
    async with app.run_test(size=(100, 40)) as pilot:
        await go(pilot, app, "static_path")
        await pilot.press("enter", "a", "enter", "b", "escape")
        assert app.told[-1] == ("static_path", "a\nb")
        assert app.row("--static-path") == ("●", "a, b")
        await go(pilot, app, "host")
        await go(pilot, app, "static_path")
        assert app.query_one(TextArea).text == "a\nb"


async def test_a_secret_is_never_shown() -> None:
    app = Host({"tls_key_password": "sesame"}, {"tls_key_password": Set("outer", "SECRET_ENV")})
    async with app.run_test(size=(160, 40)) as pilot:
        await go(pilot, app, "key_password")
        assert app.row("--key-password") == ("●", MASK)
        await pilot.press("enter", *"99")
        shown = app.shown()
        assert app.told[-1] == ("tls_key_password", "sesame99")
        assert "sesame" not in shown
        assert "outer" not in shown


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("interface", "The console runs ASGI apps."),
        ("rss_limit", "It came with granian 2.6, and 2.5.0 is installed."),
    ],
)
async def test_what_cannot_be_set_is_explained_and_not_edited(name: str, sentence: str) -> None:
    app = Host()
    async with app.run_test(size=(100, 40)) as pilot:
        await go(pilot, app, name)
        assert sentence in app.shown()
        await pilot.press("enter", "x", "space")
        assert app.told == []
        assert focus(app) is app.pane.view


async def test_the_explanation_says_where_else_it_is_set_and_what_others_call_it() -> None:
    app = Host(outside={"backlog": Set("4096", "GRANIAN_BACKLOG")})
    async with app.run_test(size=(100, 40)) as pilot:
        await go(pilot, app, "backlog")
        shown = app.shown()
        assert "Backlog  --backlog" in shown
        assert "↯ GRANIAN_BACKLOG sets it to 4096." in shown
        assert "Default 1024 · 128 or more · variable GRANIAN_BACKLOG · backlog in the configuration" in shown
        assert "On the other servers: uvicorn, gunicorn --backlog" in shown
        assert "https://github.com/emmett-framework/granian" in shown
        await go(pilot, app, "access_log")
        assert "--access-log · off: --no-access-log" in app.shown()


async def test_search_finds_by_another_servers_name_and_escape_ends_it() -> None:
    app = Host()
    async with app.run_test(size=(100, 40)) as pilot:
        await go(pilot, app, "cert")
        await pilot.press("slash")
        await enter_text(pilot, app, "access-logfile")
        assert app.listed == ["--access-log"]
        assert app.at == "access_log"
        shown = app.shown()
        assert "gunicorn calls it --access-logfile" in shown
        assert "1 of 9" in shown
        await pilot.press("escape")
        assert app.pane.search.value == ""
        assert "9 options" in app.shown()
        assert app.at == "access_log"
        await pilot.press("escape")
        assert focus(app) is app.pane.view
        await pilot.press("slash", "b", "a", "enter", "enter")
        await enter_text(pilot, app, "256")
        assert app.told[-1] == ("backlog", "256")


async def test_no_hit_says_so() -> None:
    app = Host()
    async with app.run_test(size=(100, 40)) as pilot:
        await pilot.press("slash")
        await enter_text(pilot, app, "zz[b]")
        shown = app.shown()
        assert "No option of Granian goes by “zz[b]”." in shown
        assert "0 of 9" in shown
        await pilot.press("enter", "enter", "space", "delete", "down")
        assert app.told == []


async def test_changed_only_and_reset_all() -> None:
    app = Host({"host": "0.0.0.0", "backlog": "512"})
    async with app.run_test(size=(100, 40)) as pilot:
        await pilot.pause()
        assert " Reset all " in app.shown()
        await pilot.press("d")
        assert app.listed == ["Address", "--host", "--backlog"]
        assert "[Changed 2]" in app.shown()
        # what is edited stays while its text is empty
        await go(pilot, app, "backlog")
        await pilot.press("enter", "ctrl+u")
        assert app.told[-1] == ("backlog", "")
        assert app.listed == ["Address", "--host", "--backlog"]
        await pilot.press("escape", "R")
        await pilot.pause(0.1)
        assert app.texts == {}
        assert "Nothing is changed: every option is the server's default." in app.shown()
        assert " Reset all " not in app.shown()
        await pilot.press("d")
        assert len(app.listed) > len(TABLE.options)


async def test_letters_in_a_field_are_letters() -> None:
    app = Host({"host": "a"})
    async with app.run_test(size=(100, 40)) as pilot:
        await pilot.press("slash", "d", "R", "slash")
        assert app.pane.search.value == "dR/"
        assert app.texts == {"host": "a"}


async def test_everything_can_be_clicked() -> None:
    app = Host({"host": "0.0.0.0"})
    async with app.run_test(size=(100, 40)) as pilot:
        await pilot.click("#options-view", offset=(5, 4))
        assert app.at == "backlog"
        assert focus(app) is app.pane.view
        await pilot.click("#options-view", offset=(5, 4), times=2)
        assert isinstance(focus(app), Input)
        await enter_text(pilot, app, "300")
        await pilot.press("escape")
        await pilot.click("OptionEditor Button")
        assert app.told[-1] == ("backlog", "")
        value = app.pane.view._layout(app.pane.view.scrollable_content_region.width)[0] + 5
        await pilot.click("#options-view", offset=(value, 3))
        assert app.at == "host"
        assert isinstance(focus(app), Input)
        await pilot.click("#options-changed")
        assert app.listed == ["Address", "--host"]
        await pilot.click("#options-reset")
        assert app.texts == {}


async def test_the_highlight_is_always_in_sight() -> None:
    app = Host()
    async with app.run_test(size=(60, 16)) as pilot:
        view = app.pane.view
        await pilot.press("end")
        await pilot.pause()
        assert app.at == "static_path"
        assert "  --static-path" in app.shown()
        await pilot.press("pageup")
        await pilot.pause()
        top = app.listed.index(f"--{app.at.replace('_', '-')}") - view.scroll_offset.y
        assert app.at != "static_path"
        assert 0 <= top < view.size.height
        await pilot.press("home")
        await pilot.pause()
        assert view.scroll_offset.y == 0


@pytest.mark.parametrize("width", [44, 89, 160])
async def test_wide_and_narrow(width: int) -> None:
    app = Host({"backlog": "512"})
    async with app.run_test(size=(width, 30)) as pilot:
        await go(pilot, app, "backlog")
        shown = app.shown()
        assert "512" in shown
        assert "Connections that may wait." in shown
        explanation = app.query_one("#explanation").region
        assert (explanation.y < 3) == (width >= 110)
        assert ("Changed 1" if width >= 60 else "● 1") in shown
        await pilot.resize_terminal(244 - width, 30)  # narrow becomes wide
        await pilot.pause(0.1)
        assert ("Changed 1" if width < 184 else "● 1") in app.shown()


async def test_nothing_is_painted_anew_when_nothing_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Host({"host": "0.0.0.0"})
    async with app.run_test(size=(100, 40)) as pilot:
        await pilot.pause(0.1)
        painted: list[int] = []
        view = app.pane.view
        render_line = view.render_line

        def paint(y: int) -> Strip:
            painted.append(y)
            return render_line(y)

        monkeypatch.setattr(view, "render_line", paint)
        app.again()
        await pilot.pause(0.1)
        assert painted == []
        app.texts["backlog"] = "512"
        app.again()
        await pilot.pause(0.1)
        assert painted == [app.listed.index("--backlog")]


async def test_another_table_starts_at_its_first_option() -> None:
    app = Host()
    async with app.run_test(size=(100, 40)) as pilot:
        await go(pilot, app, "cert")
        app.table = OptionTable("uvicorn", OTHERS[0].options)
        app.again()
        await pilot.pause()
        assert app.listed == ["Address", "--backlog"]
        assert "https://uvicorn.dev/" in app.shown()


async def test_a_path_is_completed_from_its_directory(tmp_path: Path) -> None:
    (tmp_path / "certs").mkdir()
    (tmp_path / "certs" / "site.pem").touch()
    (tmp_path / "cert.pem").touch()
    (tmp_path / ".hidden").touch()
    files = PathSuggester(str(tmp_path))
    assert await files.get_suggestion("cert") == "cert.pem"
    assert await files.get_suggestion("certs") == "certs/"
    assert await files.get_suggestion("certs/s") == "certs/site.pem"
    assert await files.get_suggestion(f"{tmp_path}/certs/") == f"{tmp_path}/certs/site.pem"
    assert await files.get_suggestion("h") is None
    assert await files.get_suggestion(".h") == ".hidden"
    assert await files.get_suggestion("nowhere/x") is None
    assert await files.get_suggestion("a\0b/c") is None
    assert await PathSuggester(str(tmp_path), directories=True).get_suggestion("c") == "certs/"

    app = Host()
    app.cwd = str(tmp_path)
    async with app.run_test(size=(100, 40)) as pilot:
        await go(pilot, app, "cert")
        await pilot.press("enter")
        await enter_text(pilot, app, "certs/s")
        for _ in range(40):
            await pilot.pause(0.05)
            if "certs/site.pem" in app.shown():
                break
        await pilot.press("right")
        assert app.told[-1] == ("tls_cert", "certs/site.pem")
