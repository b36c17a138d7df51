"""Discovery: every framework and shape, found in the order a person expects, with nothing executed."""

from __future__ import annotations

import ast
import os
import sys
import textwrap
import warnings
from pathlib import Path

import pytest

from asgi_tui.engine import discovery
from asgi_tui.engine.app_source import MAX_BYTES, parse
from asgi_tui.engine.discovery import Candidate, apps_in_file, discover, module_of


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"))
    return root


def found(root: Path) -> list[tuple[str, str, bool]]:
    return [(c.target, c.framework, c.factory) for c in discover(root)]


SHAPES = {
    "fastapi": ("from fastapi import FastAPI\napp = FastAPI()", "FastAPI"),
    "module import": ("import fastapi\napp = fastapi.FastAPI(title='x')", "FastAPI"),
    "alias": ("from fastapi import FastAPI as F\napp = F()", "FastAPI"),
    "module alias": ("import fastapi as f\napp = f.applications.FastAPI()", "FastAPI"),
    "annotated": ("from fastapi import FastAPI\napp: FastAPI = FastAPI()", "FastAPI"),
    "declared": ("from fastapi import FastAPI\nfrom x import make\napp: FastAPI = make()", "FastAPI"),
    "declared type": (
        "from starlette.types import ASGIApp\nfrom x import y\napp: ASGIApp = y()",
        "plain ASGI",
    ),
    "subclass": ("import fastapi\nclass A(fastapi.FastAPI): ...\nclass B(A): ...\napp = B()", "FastAPI"),
    "chained": ("from fastapi import FastAPI\napp = _x = FastAPI()", "FastAPI"),
    "starlette": ("from starlette.applications import Starlette\napp = Starlette(routes=[])", "Starlette"),
    "litestar": ("from litestar import Litestar\napp = Litestar([])", "Litestar"),
    "quart": ("from quart import Quart\napp = Quart(__name__)", "Quart"),
    "django": ("from django.core.asgi import get_asgi_application\napp = get_asgi_application()", "Django"),
    "channels": ("from channels.routing import ProtocolTypeRouter as P\napp = P({'http': 1})", "Django"),
    "blacksheep": ("from blacksheep import Application\napp = Application()", "BlackSheep"),
    "falcon": ("import falcon.asgi\napp = falcon.asgi.App()", "Falcon"),
    "falcon from": ("from falcon.asgi import App\napp = App()", "Falcon"),
    "sanic": ("from sanic import Sanic\napp = Sanic('x')", "Sanic"),
    "socketio": ("import socketio\nsio = socketio.AsyncServer()\napp = socketio.ASGIApp(sio)", "Socket.IO"),
    "socketio around": (
        "import socketio, fastapi\napp = fastapi.FastAPI()\napp = socketio.ASGIApp(sio, other_asgi_app=app)",
        "FastAPI",
    ),
    "middleware": (
        "import fastapi\nfrom x import CORSMiddleware\napp = fastapi.FastAPI()\napp = CORSMiddleware(app)",
        "FastAPI",
    ),
    "own wrapper": (
        "from x import instrument\nfrom fastapi import FastAPI\napp = instrument(FastAPI())",
        "FastAPI",
    ),
    "unknown inside": ("from x import y, TimingMiddleware\napp = TimingMiddleware(y)", "plain ASGI"),
    "wsgi bridge": (
        "from asgiref.wsgi import WsgiToAsgi\nfrom x import y\napp = WsgiToAsgi(y)",
        "plain ASGI",
    ),
    "star and tuple": ("from fasthtml.common import *\napp, rt = fast_app()", "FastHTML"),
    "mcp": ("from fastmcp import FastMCP\n_mcp = FastMCP('x')\napp = _mcp.http_app()", "MCP"),
    "function": ("async def app(scope, receive, send): ...", "plain ASGI"),
    "instance": (
        "class A:\n    async def __call__(self, scope, receive, send): ...\napp = A()",
        "plain ASGI",
    ),
    "double callable": (
        "def app(scope):\n    async def asgi(receive, send): ...\n    return asgi",
        "plain ASGI",
    ),
    "try": (
        "try:\n    from fastapi import FastAPI\n    app = FastAPI()\nexcept ImportError:\n    app = None",
        "FastAPI",
    ),
    "type checking": (
        "import typing\nif typing.TYPE_CHECKING:\n    from fastapi import FastAPI\napp: 'FastAPI' = y()",
        "FastAPI",
    ),
    "branches": (
        "import os\nfrom quart import Quart\nif os.name:\n    app = Quart('a')\nelse:\n    app = 1",
        "Quart",
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes(tmp_path: Path, shape: str) -> None:
    source, framework = SHAPES[shape]
    write(tmp_path, {"main.py": source})
    assert found(tmp_path) == [("main:app", framework, False)]


def test_asgi2_class_is_the_app_itself(tmp_path: Path) -> None:
    source = (
        "class App:\n    def __init__(self, scope): ...\n    async def __call__(self, receive, send): ..."
    )
    write(tmp_path, {"main.py": source})
    assert found(tmp_path) == [("main:App", "plain ASGI", False)]


NOTHING = {
    "script": "from fastapi import FastAPI\nif __name__ == '__main__':\n    app = FastAPI()",
    "type checking": "from fastapi import FastAPI\nif TYPE_CHECKING:\n    app = FastAPI()",
    "wsgi": "import falcon\nfrom flask import Flask\napp = falcon.App()\napplication = Flask('x')",
    "private": "from fastapi import FastAPI\n_app = FastAPI()",
    "rebound": "from fastapi import FastAPI\napp = FastAPI()\napp = None",
    "deleted": "from fastapi import FastAPI\napp = FastAPI()\ndel app",
    "lambda": "from mangum import Mangum\nfrom x import y\nhandler = Mangum(y)",
    "class only": "from fastapi import FastAPI\nclass A(FastAPI): ...",
    "declared only": "from fastapi import FastAPI\napp: FastAPI",
    "route": "async def app(request): ...",
    "needs arguments": "from fastapi import FastAPI\ndef create_app(settings): return FastAPI()",
    "async factory": "from fastapi import FastAPI\nasync def create_app(): return FastAPI()",
    "fixture": "from fastapi import FastAPI\n@pytest.fixture\ndef app(): return FastAPI()",
    "a type": "class A(Protocol):\n def __init__(self, scope): 1\n async def __call__(s, receive, send): 1",
    "circle": "from main import app\nfrom main import *\ncreate = create",
}


@pytest.mark.parametrize("shape", NOTHING)
def test_what_is_no_app(tmp_path: Path, shape: str) -> None:
    write(tmp_path, {"main.py": NOTHING[shape]})
    assert found(tmp_path) == []


FACTORIES = {
    "annotated": "from fastapi import FastAPI\ndef create_app() -> FastAPI:\n    return other()",
    "quoted": "from fastapi import FastAPI\ndef create_app() -> 'FastAPI':\n    return other()",
    "returned": "def create_app(debug=False, *, x=1):\n    from fastapi import FastAPI\n    return FastAPI()",
    "local": "from fastapi import FastAPI\ndef create_app(**kw):\n    app = FastAPI()\n    return app",
    "wrapped": (
        "from fastapi import FastAPI\ndef create_app():\n    app = FastAPI()\n    return GZipMiddleware(app)"
    ),
    "own class": (
        "import fastapi\n@functools.cache\ndef create_app():\n    return A()\nclass A(fastapi.FastAPI): ..."
    ),
}


@pytest.mark.parametrize("shape", FACTORIES)
def test_factories(tmp_path: Path, shape: str) -> None:
    write(tmp_path, {"main.py": FACTORIES[shape]})
    assert found(tmp_path) == [("main:create_app", "FastAPI", True)]


def test_a_factory_of_a_plain_app(tmp_path: Path) -> None:
    source = "def make_app():\n    async def inner(scope, receive, send): ...\n    return inner"
    write(tmp_path, {"main.py": source})
    assert found(tmp_path) == [("main:make_app", "plain ASGI", True)]


def test_called_factory_is_an_instance_and_comes_before_the_factory(tmp_path: Path) -> None:
    source = "from fastapi import FastAPI\ndef create_app(x): return FastAPI()\ndef get_app(): return app\n"
    write(tmp_path, {"main.py": source + "app = create_app(1)"})
    assert found(tmp_path) == [("main:app", "FastAPI", False), ("main:get_app", "FastAPI", True)]


def test_follows_imports_inside_the_project(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "asgi.py": "from shop import app",
            "shop/__init__.py": "from .factory import create_app as c\nfrom .web import *\napp = wrap(c(1))",
            "shop/factory.py": "from .base import Base\ndef create_app(n) -> Base: return Base()",
            "shop/base.py": "from quart import Quart\nfrom . import factory\nclass Base(Quart): ...",
            "shop/web.py": "from .missing import *",
            "worker.py": "from shop import app",
        },
    )
    assert [(c.target, c.framework, c.why) for c in discover(tmp_path)] == [
        ("shop:app", "Quart", "shop/__init__.py:3 assigns wrap(c()) to app"),
        ("asgi:app", "Quart", "asgi.py:1 imports app from shop"),
    ]


def test_imports_in_a_circle_hide_nothing(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"main.py": "from other import app, x\nfrom other import *\ny = x()\n" + APP.replace("app", "api")},
    )
    write(tmp_path, {"other.py": "from main import app, x\nfrom main import *\ny = x()\n"})
    assert found(tmp_path) == [("main:api", "FastAPI", False)]


def test_order(tmp_path: Path) -> None:
    app = "from fastapi import FastAPI\n{} = FastAPI()"
    write(
        tmp_path,
        {
            "zebra.py": app.format("thing"),
            "server.py": app.format("app"),
            "main.py": app.format("api") + "\napp = FastAPI()\ndef create_app(): return FastAPI()",
            "src/main.py": app.format("app"),
            "a/b/app.py": app.format("app"),
            "examples/main.py": app.format("app"),
            "other.py": app.format("app"),
        },
    )
    assert [(c.app_dir, c.target) for c in discover(tmp_path)] == [
        ("", "main:app"),
        ("src", "main:app"),
        ("", "main:api"),
        ("", "server:app"),
        ("", "a.b.app:app"),
        ("", "main:create_app"),
        ("", "other:app"),
        ("", "zebra:thing"),
        ("", "examples.main:app"),
    ]
    assert [c.target for c in discover(tmp_path, limit=2)] == ["main:app", "main:app"]


APP = "from fastapi import FastAPI\napp = FastAPI()\n"
LAYOUTS = {
    "package": ({"app/__init__.py": "", "app/main.py": APP}, "", "app.main:app"),
    "no init": ({"app/main.py": APP}, "", "app.main:app"),
    "no init, relative": ({"app/main.py": "from .db import x\n" + APP}, "", "app.main:app"),
    "no init, absolute": (
        {"app/main.py": "from app.db import x\n" + APP, "app/db.py": ""},
        "",
        "app.main:app",
    ),
    "run inside": ({"web/main.py": "import db\n" + APP, "web/db.py": ""}, "web", "main:app"),
    "src": ({"src/shop/__init__.py": "", "src/shop/main.py": APP}, "src", "shop.main:app"),
    "src file": ({"src/main.py": APP}, "src", "main:app"),
    "src package": ({"src/__init__.py": "", "src/main.py": APP}, "", "src.main:app"),
    "src named": ({"src/main.py": "from src.db import x\n" + APP, "src/db.py": ""}, "", "src.main:app"),
    "monorepo": (
        {"services/a/pyproject.toml": "", "services/a/web/main.py": APP},
        "services/a",
        "web.main:app",
    ),
    "no package name": ({"my-app/main.py": APP}, "my-app", "main:app"),
    "hidden by a library": ({"examples/fastapi/main.py": APP}, "examples/fastapi", "main:app"),
    "inside a package": ({"__init__.py": "", "main.py": "from . import x\n" + APP}, "..", "root.main:app"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(tmp_path: Path, layout: str) -> None:
    files, app_dir, target = LAYOUTS[layout]
    root = write(tmp_path / "root", files)
    assert [(c.app_dir, c.target) for c in discover(root)] == [(app_dir, target)]


MANAGE = 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "{}")\n'


def test_django_project(tmp_path: Path) -> None:
    asgi = "from django.core.asgi import get_asgi_application\napplication = get_asgi_application()"
    write(tmp_path, {"manage.py": MANAGE.format("config.settings.local"), "config/asgi.py": asgi})
    write(tmp_path, {"config/settings/local.py": ""})
    why = "config/asgi.py:2 assigns get_asgi_application() to application"
    assert discover(tmp_path) == [Candidate("config.asgi:application", "Django", False, why, "")]


def test_django_project_with_an_asgi_module_that_parsing_cannot_tell(tmp_path: Path) -> None:
    write(tmp_path, {"back/manage.py": MANAGE.format("site1.settings")})
    assert discover(tmp_path) == []  # no asgi module, nothing to run
    write(tmp_path, {"back/site1/asgi.py": "from odd import load\napplication = load()"})
    why = "back/manage.py names site1.settings"
    assert discover(tmp_path) == [Candidate("site1.asgi:application", "Django", False, why, "back")]


def test_nothing_is_imported_or_run(tmp_path: Path) -> None:
    trap = "import pathlib\npathlib.Path(__file__).with_name('ran').touch()\n"
    write(tmp_path, {"main.py": trap + APP, "__init__.py": trap, "lib.py": trap, "sitecustomize.py": trap})
    before = set(sys.modules)
    assert found(tmp_path) == [("main:app", "FastAPI", False)]
    assert [c.target for c in apps_in_file(tmp_path / "main.py", "main")] == ["main:app"]
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "__pycache__").exists()
    assert not {"main", "fastapi"} & (set(sys.modules) - before)


def test_what_is_skipped(tmp_path: Path) -> None:
    skipped = [
        "venv",
        ".venv",
        ".hidden",
        "node_modules",
        "__pycache__",
        "site-packages",
        "build",
        "dist",
        "tests",
    ]
    write(tmp_path, {f"{folder}/main.py": APP for folder in skipped})
    write(tmp_path, {"py3/pyvenv.cfg": "", "py3/main.py": APP, "test_main.py": APP, "conftest.py": APP})
    write(tmp_path, {"app.py": "app = FastAPI(", "main.py": APP + "#" * MAX_BYTES})
    (tmp_path / "api.py").write_bytes(b"# coding: none-such\n" + APP.encode())
    (tmp_path / "server.py").write_bytes(APP.encode("utf-16"))
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere.py")
    os.mkfifo(tmp_path / "pipe.py")
    assert discover(tmp_path) == []
    assert discover(tmp_path / "nowhere") == []
    assert apps_in_file(tmp_path / "app.py", "app") == []


def test_bad_escapes_make_no_noise(tmp_path: Path) -> None:
    write(tmp_path, {"main.py": APP + "x = '\\d'\n"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert found(tmp_path) == [("main:app", "FastAPI", False)]


def test_deeply_nested_code_is_skipped(tmp_path: Path) -> None:
    write(tmp_path, {"main.py": APP + "app = " + "wrap(" * 90 + "app" + ")" * 90, "app.py": APP})
    write(tmp_path, {"api.py": "if x:\n    pass\n" + "elif x:\n    pass\n" * 900 + APP})
    write(tmp_path, {"server.py": APP + "api = " + "f()." * 3000 + "g()"})
    assert "app:app" in [target for target, _, _ in found(tmp_path)]


def test_linked_folders_and_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"a/main.py": APP, "1/2/3/4/5/6/app.py": APP, "1/2/3/4/5/6/7/app.py": APP})
    (tmp_path / "a/loop").symlink_to(tmp_path)
    assert [c.target for c in discover(tmp_path)] == ["a.main:app", "app:app"]
    monkeypatch.setattr(discovery, "MAX_FILES", 1)
    assert [c.target for c in discover(tmp_path)] == ["a.main:app"]
    monkeypatch.setattr(discovery, "MAX_ENTRIES", 2)  # the root's own two
    assert discover(tmp_path) == []


def test_files_without_telling_words_are_not_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {f"module_{i}.py": "from fastapi import APIRouter\nx = 1\n" for i in range(20)})
    write(tmp_path, {"web.py": APP})
    parsed: list[bytes] = []

    def spy(source: bytes) -> ast.Module | None:
        parsed.append(source)
        return parse(source)

    monkeypatch.setattr(discovery, "parse", spy)
    assert found(tmp_path) == [("web:app", "FastAPI", False)]
    assert len(parsed) == 1


def test_module_of_and_apps_in_file(tmp_path: Path) -> None:
    write(tmp_path, {"src/shop/__init__.py": "from .web.main import app", "src/shop/web/__init__.py": ""})
    path = write(tmp_path, {"src/shop/web/main.py": "x = 1\n" + APP}) / "src/shop/web/main.py"
    assert module_of(path) == ("shop.web.main", tmp_path / "src")
    assert module_of(tmp_path / "src/shop/__init__.py") == ("shop", tmp_path / "src")
    assert module_of(write(tmp_path, {"run.py": ""}) / "run.py") == ("run", tmp_path)
    why = "main.py:3 assigns FastAPI() to app"
    expected = Candidate("shop.web.main:app", "FastAPI", False, why, "")
    assert apps_in_file(path, "shop.web.main") == [expected]
    again = apps_in_file(tmp_path / "src/shop/__init__.py", "shop")
    assert [(c.target, c.why) for c in again] == [
        ("shop:app", "__init__.py:1 imports app from shop.web.main")
    ]
