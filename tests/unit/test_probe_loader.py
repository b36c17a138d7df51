"""Loading the user's app: what is an app, what is not, and where the fault is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from asgi_tui.engine.telemetry import Loaded, LoadFailed, parse
from tests.unit.test_probe import run_file

with run_file():
    from asgi_probe import loader, origin, wire
    from asgi_probe.run import RUN

Load = Callable[..., Any]

ASGI3 = "async def app(scope, receive, send): await send({'type': 'x'})\n"
CALLABLE = """
class App:
    async def __call__(self, scope, receive, send):
        await send({"type": "x"})
app = App()
"""
ASGI2_CLASS = """
class App:
    def __init__(self, scope):
        pass
    async def __call__(self, receive, send):
        await send({"type": "x"})
"""
ASGI2_FUNCTION = """
def app(scope):
    async def run(receive, send):
        await send({"type": "x"})
    return run
"""
PARTIAL = """
import functools
async def bound(first, scope, receive, send):
    await send({"type": "x"})
app = functools.partial(bound, 1)
"""
# Names in annotations may be for checkers alone; Python 3.14 takes them unquoted.
ANNOTATED = ASGI3.replace("scope", "scope: Nowhere" if sys.version_info >= (3, 14) else "scope: 'Nowhere'")
LAZY_ATTRIBUTE = """
made = []
def __getattr__(name):
    if name != "app":
        raise AttributeError(name)
    made.append(1)
    async def app(scope, receive, send):
        pass
    return app
"""
LAZY_MODULE = """
import sys, types
class Lazy(types.ModuleType):
    def __getattr__(self, name):
        1 / 0
sys.modules["lazy"] = Lazy("lazy")
"""


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the console is told, as it reads it."""
    messages: list[Any] = []

    def send_now(message: dict[str, object]) -> bool:
        messages.append(parse(wire.line(message)))
        return True

    monkeypatch.setattr(wire, "send_now", send_now)
    return messages


@pytest.fixture
def load(tmp_path: Path, told: list[Any]) -> Iterator[Load]:
    """Loads a target of a module with this source."""
    before, path = set(sys.modules), list(sys.path)

    def load(source: str, attribute: str = "app", **more: Any) -> Any:
        (tmp_path / "probed.py").write_text(source)
        run = {**RUN, "module": "probed", "attribute": attribute, "app_dir": str(tmp_path), **more}
        return loader.load(run)  # type: ignore[arg-type]  # put together from parts

    yield load
    sys.path[:] = path
    for name in set(sys.modules) - before:
        del sys.modules[name]


async def messages_of(app: Any) -> list[Any]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {}

    await app({"type": "http"}, receive, send)
    return sent


@pytest.mark.parametrize(
    ("source", "attribute", "factory"),
    [
        (ASGI3, "app", False),
        (CALLABLE, "app", False),
        (f"class Outer:\n    class inner:\n        @staticmethod\n        {ASGI3}", "Outer.inner.app", False),
        (ASGI3 + "def create(): return app", "create", True),
        # A function that takes nothing can only be one.
        (ASGI3 + "def create(): return app", "create", False),
        (ASGI3 + "def create(debug=False): return app", "create", True),
        (ASGI3 + "class Create:\n    def __call__(self): return app\ncreate = Create()", "create", True),
        (ASGI2_CLASS, "App", False),
        (ASGI2_FUNCTION, "app", False),
        ("async def app(*args): await args[2]({'type': 'x'})", "app", False),
        (PARTIAL, "app", False),
        (ANNOTATED, "app", False),
    ],
)
async def test_what_is_an_app(
    load: Load, told: list[Any], source: str, attribute: str, factory: bool, tmp_path: Path
) -> None:
    app = load(source, attribute, factory=factory)
    assert await messages_of(app) == [{"type": "x"}]
    (loaded,) = told
    assert isinstance(loaded, Loaded)
    assert str(tmp_path.resolve()) in loaded.roots
    assert loaded.import_ms > 0


@pytest.mark.parametrize(
    ("source", "attribute", "factory", "kind", "message", "near"),
    [
        (ASGI3, "ap", False, "no_attribute", "ap", "app"),
        (ASGI3, "app.inner", False, "no_attribute", "inner", ""),
        (ASGI3, "", False, "no_attribute", "", ""),
        ("app = 5", "app", False, "not_callable", "int", ""),
        (ASGI3 + "def create(debug): return app", "create", True, "factory_arguments", "(debug)", ""),
        ("def create(): return 5", "create", False, "factory_result", "int", ""),
        ("def app(environ, start_response): return [b'']", "app", False, "wsgi", "function", ""),
        ("def app(a, b, c, d): pass", "app", False, "not_asgi", "function", ""),
    ],
)
def test_a_wrong_target_is_told_by_its_kind(
    load: Load,
    told: list[Any],
    source: str,
    attribute: str,
    factory: bool,
    kind: str,
    message: str,
    near: str,
) -> None:
    with pytest.raises(loader.TargetError):
        load(source, attribute, factory=factory)
    (failed,) = told
    assert (failed.kind, failed.message, failed.near) == (kind, message, near)


@pytest.mark.parametrize(
    ("source", "error", "kind", "line"),
    [
        ("x = 1\nthis is no python\n", "SyntaxError", "error", 2),
        ("x = 1\nimport no_such_module_at_all\n", "ModuleNotFoundError", "error", 2),
        ("import json\n\njson.loads('{')\n", "JSONDecodeError", "error", 3),
        ("def f():\n    1 / 0\nf()\n", "ZeroDivisionError", "error", 2),
        # The fault is where it is executed, not in a text that has no file.
        ("x = 1\nx = 2\nexec('this is no python')\n", "SyntaxError", "error", 3),
        ("raise SystemExit(3)", "SystemExit", "error", 1),
        ("class E(Exception):\n    def __str__(self): raise ValueError\nraise E", "E", "error", 3),
        ("raise SyntaxError(None)", "SyntaxError", "error", 1),
        ("raise ModuleNotFoundError(name=5)", "ModuleNotFoundError", "error", 1),
        ("raise ValueError('\\ud800' * 5000)", "ValueError", "error", 1),
        ("def create():\n    return app\n", "NameError", "error", 2),
    ],
)
def test_a_failure_names_the_users_line(
    load: Load, told: list[Any], tmp_path: Path, source: str, error: str, kind: str, line: int
) -> None:
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - each raises its own
        load(source, "create" if "create" in source else "app")
    assert type(caught.value).__name__ == error
    (failed,) = told
    assert isinstance(failed, LoadFailed)
    assert (failed.error, failed.kind, failed.line) == (error, kind, line)
    assert failed.file == str(tmp_path / "probed.py")
    assert len(failed.message) <= loader.MESSAGE_CHARS
    assert error in failed.traceback


@pytest.mark.parametrize("module", ["nowhere_at_all", "nowhere_at_all.inner"])
def test_a_module_that_is_not_there(load: Load, told: list[Any], module: str) -> None:
    with pytest.raises(ModuleNotFoundError):
        load(ASGI3, module=module)
    assert (told[0].kind, told[0].file) == ("no_module", None)


def test_a_lazy_attribute_is_asked_for_once(load: Load) -> None:
    load(LAZY_ATTRIBUTE)
    assert sys.modules["probed"].made == [1]


def test_lazy_modules_are_left_lazy(load: Load) -> None:
    """Looking for the user's directories asks no module for what it may import on demand."""
    load(ASGI3 + LAZY_MODULE)


def test_whose_a_file_is(tmp_path: Path) -> None:
    assert origin.is_user_file(str(tmp_path / "app.py"))
    library, frozen = sys.modules["json"].__file__, "<frozen importlib._bootstrap>"
    for path in (pytest.__file__, "/x/site-packages/y.py", loader.__file__, library, frozen, "<string>", ""):
        assert not origin.is_user_file(str(path)), path
    # A project may lie in the interpreter's prefix: /usr/local/app beside /usr/local/lib/python3.
    assert origin.is_user_file(str(Path(sys.base_prefix, "app", "main.py")))


def test_a_link_to_the_library_is_the_library(tmp_path: Path) -> None:
    library = Path(sys.modules["json"].__file__ or "").parent.parent
    (tmp_path / "link").symlink_to(library)
    assert not origin.is_user_file(str(tmp_path / "link" / "json" / "__init__.py"))
