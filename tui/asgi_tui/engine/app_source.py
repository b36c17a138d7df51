"""Tells what the names of a module are from its source: apps, their classes and their factories.

A small evaluator that knows imports, assignments, calls, classes and functions, and follows imports inside
the project. Nothing is imported and nothing is run.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

MAX_BYTES = 1 << 20  # of one file
MAX_FOLLOWED = 200  # modules read only because an import led to them, in one search
PLAIN = "plain ASGI"
# Names that tell an app from what is made of one: `app = instrument(app)`, but not `admin = Panel(app)`.
APP_NAMES = frozenset({"app", "application", "asgi", "api"})
# Who makes apps: framework -> "package.Name" of its classes and functions. Matched by the first and the last
# part, because names are re-exported from many places (fastapi.FastAPI, fastapi.applications.FastAPI).
_MAKERS = {
    "FastAPI": "fastapi.FastAPI gradio.mount_gradio_app",
    "Starlette": "starlette.Starlette",
    "Litestar": "litestar.Litestar starlite.Starlite",
    "Quart": "quart.Quart quart_trio.QuartTrio",
    "Django": "django.get_asgi_application channels.ProtocolTypeRouter",
    "BlackSheep": "blacksheep.Application",
    "Falcon": "falcon.App",
    "Sanic": "sanic.Sanic",
    "Socket.IO": "socketio.ASGIApp engineio.ASGIApp",
    "Esmerald": "esmerald.Esmerald ravyn.Ravyn",
    "Lilya": "lilya.Lilya",
    "Connexion": "connexion.AsyncApp connexion.FlaskApp connexion.App",
    "FastHTML": "fasthtml.FastHTML fasthtml.fast_app",
    "GraphQL": "strawberry.GraphQL ariadne.GraphQL",
    "Shiny": "shiny.App",
    "Emmett": "emmett.App",
    "Responder": "responder.API",
    PLAIN: "asgiref.WsgiToAsgi a2wsgi.WSGIMiddleware starlette.WSGIMiddleware uvicorn.WSGIMiddleware",
}
_KNOWN = {tuple(n.split(".")): framework for framework, names in _MAKERS.items() for n in names.split()}
FRAMEWORKS = frozenset(package for package, _ in _KNOWN)
_MCP = {("mcp", "FastMCP"), ("fastmcp", "FastMCP")}
_MCP_METHODS = frozenset({"http_app", "streamable_http_app", "sse_app"})
_ASGI_TYPES = frozenset(
    {"ASGIApp", "ASGIApplication", "ASGI2Application", "ASGI3Application", "ASGIFramework"}
)
_WRAPPER = re.compile(r"Middleware$|ASGI|Asgi|asgi|CORS|^(wrap|with)_")
# Take an app and give something that is none (a client, a Lambda handler, a WSGI app, a server).
_NOT_APPS = frozenset(
    {"Mangum", "TestClient", "AsyncClient", "ASGITransport", "AsgiToWsgi", "Admin", "Config", "Server"}
)
_ASGI3 = ["scope", "receive", "send"]

_GENERIC = {"App", "Application", "API"}
_WORDS = "|".join({name for _, name in _KNOWN} - _GENERIC | {"FastMCP", "DJANGO_SETTINGS_MODULE"})
_PACKAGES = "|".join({package for package, name in _KNOWN if name in _GENERIC})
TELLING = re.compile(
    rf"\b(?:{_WORDS})\b|\b(?:from|import)\s+(?:{_PACKAGES})\b|\breceive\b|ASGI|[Aa]sgi|_app\b".encode()
)


@dataclass(frozen=True, slots=True)
class Value:
    """What an expression is: an app, or a class or function that makes one (``factory``: without arguments).

    ``how`` is the expression as a person would name it, and for a module's names what the line does.
    """

    framework: str
    kind: Literal["app", "class", "factory", "maker", "mcp"]
    how: str = ""


_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Bound = Value | str | _Function | ast.ClassDef | None  # a string is the dotted origin of an import


def read_source(path: Path) -> bytes | None:
    """A file's bytes; ``None`` where it cannot be read or is larger than ``MAX_BYTES``."""
    try:
        return path.read_bytes() if path.is_file() and path.stat().st_size <= MAX_BYTES else None
    except OSError:
        return None


def parse(source: bytes) -> ast.Module | None:
    """The syntax tree; ``None`` where the source is broken or its encoding is unknown."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a bad escape in the user's code must not write over the console
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def flat(body: list[ast.stmt], branch: bool = False) -> Iterator[tuple[ast.stmt, bool]]:
    """The statements an import may reach, each with whether it is in a branch.

    Left out are those for scripts, and for the type checker all but imports.
    """
    todo = [(node, branch) for node in reversed(body)]
    while todo:
        node, branch = todo.pop()
        inner: list[ast.stmt]
        if isinstance(node, ast.If):
            inner = [*_reached(node), *node.orelse]
        elif isinstance(node, ast.Try | ast.TryStar):
            handled = [statement for handler in node.handlers for statement in handler.body]
            inner = [*node.body, *handled, *node.orelse, *node.finalbody]
        elif isinstance(node, ast.With | ast.AsyncWith | ast.For | ast.While):
            inner = node.body
        elif isinstance(node, ast.Match):
            inner = [statement for case in node.cases for statement in case.body]
        else:
            yield node, branch
            continue
        todo += [(statement, True) for statement in reversed(inner)]


def _reached(node: ast.If) -> list[ast.stmt]:
    test = ast.unparse(node.test)
    if test in ("__name__ == '__main__'", "'__main__' == __name__"):
        return []
    if test.endswith("TYPE_CHECKING") and not test.startswith("not "):
        return [statement for statement in node.body if isinstance(statement, ast.Import | ast.ImportFrom)]
    return node.body


class Modules:
    """Reads modules of the project as imports lead to them, each once, and answers what a dotted name is."""

    def __init__(self) -> None:
        self._scopes: dict[Path, Scope | None] = {}
        self._followed = 0

    def read(self, path: Path, module: str, base: Path, tree: ast.Module) -> Scope:
        """The names of the file at ``path``, which is ``module`` with ``base`` on ``sys.path``."""
        scope = self._scopes.get(path)
        if scope is None:
            package = module if path.stem == "__init__" else module.rpartition(".")[0]
            scope = self._scopes[path] = Scope(self, base, package)
            scope.run(tree.body)
        return scope

    def origin(self, dotted: str, base: Path) -> Value | None:
        """What ``package.module.name`` is: a known maker of apps, or a name in a module below ``base``."""
        module, _, name = dotted.rpartition(".")
        key = (dotted.partition(".")[0], name)
        if key in _MCP:
            return Value("MCP", "mcp")
        if key in _KNOWN and (key[0] != "falcon" or ".asgi" in dotted):  # falcon.App is a WSGI app
            return Value(_KNOWN[key], "class")
        if not module:
            return None
        stem = base.joinpath(*module.split("."))
        for path in (stem.with_name(f"{stem.name}.py"), stem / "__init__.py"):
            if path not in self._scopes and self._followed < MAX_FOLLOWED:
                self._scopes[path] = None
                source = read_source(path)
                if source is not None and (tree := parse(source)):
                    self._followed += 1
                    self.read(path, module, base, tree)
            if scope := self._scopes.get(path):
                return scope.lookup(name)
        return None


class Scope:
    """The names of a module or a function, and what they are; what cannot be told is ``None``."""

    def __init__(self, modules: Modules, base: Path, package: str, outer: Scope | None = None) -> None:
        self._modules, self._base, self._package, self._outer = modules, base, package, outer
        self.names: dict[str, tuple[_Bound, int]] = {}  # name -> what it is, its line
        self.returned: Value | None = None
        self._stars: list[str] = []
        self._busy: set[str] = set()

    def apps(self, again: bool) -> Iterator[tuple[str, int, Value, str]]:
        """Each public name that is an app or a factory: name, line, what it is, its origin if imported.

        Apps that are only imported are among them if ``again`` is true and they are named as apps.
        """
        for name, (bound, line) in list(self.names.items()):
            origin = bound if isinstance(bound, str) else ""
            if name.startswith("_") or (origin and not (again and name in APP_NAMES)):
                continue
            value = self.lookup(name)
            if value and value.kind in ("app", "factory"):
                yield name, line, value, origin

    def run(self, body: list[ast.stmt]) -> None:
        for node, branch in flat(body):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    name = alias.asname or alias.name.partition(".")[0]
                    self.names[name] = (alias.name if alias.asname else name, node.lineno)
            elif isinstance(node, ast.ImportFrom):
                package = self._package.split(".")[: 1 - node.level or None] if node.level else []
                origin = ".".join([*package, *([node.module] if node.module else [])])
                for alias in node.names:
                    if alias.name == "*":
                        self._stars.append(origin)
                    else:
                        self.names[alias.asname or alias.name] = (f"{origin}.{alias.name}", node.lineno)
            elif isinstance(node, _Function | ast.ClassDef):
                self.names[node.name] = (node, node.lineno)
            elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    self._assign(target, node.value, node.lineno, branch)
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                    known = self._annotated(node.annotation)
                    if known and not isinstance(self.names.get(node.target.id, (None, 0))[0], Value):
                        app = Value(known, "app", f"declares {node.target.id} as {known}")
                        self.names[node.target.id] = (app, node.lineno)
            elif isinstance(node, ast.Delete):
                for gone in node.targets:
                    self.names.pop(gone.id if isinstance(gone, ast.Name) else "", None)
            elif isinstance(node, ast.Return) and node.value is not None:
                self.returned = self.returned or self.value(node.value)

    def _assign(self, target: ast.expr, value: ast.expr, line: int, branch: bool) -> None:
        if isinstance(target, ast.Tuple):
            parts = value.elts if isinstance(value, ast.Tuple) else [value]  # app, rt = fast_app()
            for name, part in zip(target.elts, parts, strict=False):
                self._assign(name, part, line, branch)
        elif isinstance(target, ast.Name):
            found = self.value(value, target.id)
            if found:
                self.names[target.id] = (replace(found, how=f"assigns {found.how} to {target.id}"), line)
            elif not branch or target.id not in self.names:  # `except ImportError: app = None` hides no app
                self.names[target.id] = (None, line)

    def lookup(self, name: str) -> Value | None:
        """What a name is, here or outside; ``None`` also for what leads back to itself."""
        if name in self._busy:
            return None
        self._busy.add(name)
        try:
            return self._lookup(name)
        finally:
            self._busy.discard(name)

    def _lookup(self, name: str) -> Value | None:
        if name not in self.names:
            if self._outer:
                return self._outer.lookup(name)
            stars = (self._modules.origin(f"{origin}.{name}", self._base) for origin in self._stars)
            return next((value for value in stars if value), None)
        bound, line = self.names[name]
        if isinstance(bound, str):
            return self._modules.origin(bound, self._base)
        if isinstance(bound, _Function | ast.ClassDef):
            bound = self._class(bound) if isinstance(bound, ast.ClassDef) else self._function(bound)
            self.names[name] = (bound, line)
        return bound

    def value(self, node: ast.expr, target: str = "") -> Value | None:
        """What an expression is, assigned to the name ``target``."""
        if isinstance(node, ast.Name | ast.Attribute):
            if isinstance(node, ast.Name):
                found = self.lookup(node.id)
            else:
                found = self._modules.origin(self._dotted(node), self._base)
            return replace(found, how=ast.unparse(node)) if found else None
        if isinstance(node, ast.Call):
            return self._call(node, target)
        if isinstance(node, ast.IfExp):
            return self.value(node.body, target) or self.value(node.orelse, target)
        return self.value(node.value, target) if isinstance(node, ast.NamedExpr) else None

    def _dotted(self, node: ast.expr) -> str:
        if isinstance(node, ast.Attribute):
            prefix = self._dotted(node.value)
            return f"{prefix}.{node.attr}" if prefix else ""
        scope: Scope | None = self
        while isinstance(node, ast.Name) and scope:
            if node.id in scope.names:
                bound = scope.names[node.id][0]
                return bound if isinstance(bound, str) else ""
            scope = scope._outer
        return ""

    def _call(self, node: ast.Call, target: str) -> Value | None:
        func = node.func
        name = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
        if isinstance(func, ast.Attribute) and func.attr in _MCP_METHODS:
            owner = self.value(func.value)
            return Value("MCP", "app", f"{name}()") if owner and owner.kind == "mcp" else None
        made = self.value(func)
        if made and made.kind == "mcp":
            return made
        maker = made if made and made.kind in ("class", "factory", "maker") else None
        if maker and maker.framework not in (PLAIN, "Socket.IO"):
            return Value(maker.framework, "app", f"{name}()")
        if not name or name in _NOT_APPS:
            return None
        if maker or _WRAPPER.search(name) or target in APP_NAMES:
            for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
                inner = self.value(argument, target)
                if inner and inner.kind == "app":
                    return Value(inner.framework, "app", f"{name}({inner.how})")
        if maker:
            return Value(maker.framework, "app", f"{name}()")
        if name.endswith("Middleware") and target in APP_NAMES:  # around something that cannot be told
            return Value(PLAIN, "app", f"{name}()")
        return None

    def _class(self, node: ast.ClassDef) -> Value | None:
        if any(ast.unparse(base).endswith("Protocol") for base in node.bases):
            return None  # a type
        methods = {m.name: m for m in node.body if isinstance(m, _Function)}
        call, init = methods.get("__call__"), methods.get("__init__")
        if isinstance(call, ast.AsyncFunctionDef):
            if _parameters(call)[1:] == _ASGI3:
                return Value(PLAIN, "class")
            if _parameters(call)[1:] == _ASGI3[1:] and init and _parameters(init)[1:] == _ASGI3[:1]:
                return Value(PLAIN, "app", f"defines {node.name}(scope), an ASGI 2 class")
        bases = (self.value(base) for base in node.bases)
        known = next((base for base in bases if base and base.kind == "class"), None)
        return Value(known.framework, "class") if known else None

    def _function(self, node: _Function) -> Value | None:
        parameters, nested = _parameters(node), [n for n in node.body if isinstance(n, ast.AsyncFunctionDef)]
        if isinstance(node, ast.AsyncFunctionDef):
            how = f"defines {node.name}(scope, receive, send)"
            return Value(PLAIN, "app", how) if parameters == _ASGI3 else None
        if parameters == _ASGI3[:1] and any(_parameters(inner) == _ASGI3[1:] for inner in nested):
            return Value(PLAIN, "app", f"defines {node.name}(scope), an ASGI 2 double callable")
        inside = Scope(self._modules, self._base, self._package, self)
        for name in parameters:
            inside.names[name] = (None, node.lineno)
        inside.run(node.body)
        found = inside.returned
        annotated = self._annotated(node.returns) if node.returns else ""
        framework = found.framework if found and found.kind == "app" else annotated
        if not framework:
            return None
        arguments = node.args
        given = len(arguments.defaults) + sum(default is not None for default in arguments.kw_defaults)
        cached = all(
            ast.unparse(d).rpartition(".")[2].startswith(("cache", "lru_cache")) for d in node.decorator_list
        )
        kind: Literal["factory", "maker"] = "factory" if given >= len(parameters) and cached else "maker"
        return Value(framework, kind, f"{node.name}() returns {_a(framework)}")

    def _annotated(self, node: ast.expr) -> str:
        """The framework an annotation names, or ""."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                node = ast.parse(node.value, mode="eval").body
            except SyntaxError:
                return ""
        found = self.value(node) if isinstance(node, ast.Name | ast.Attribute) else None
        if found:
            return found.framework if found.kind == "class" else ""
        return PLAIN if ast.unparse(node).rpartition(".")[2] in _ASGI_TYPES else ""


def _parameters(node: _Function) -> list[str]:
    return [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]


def _a(framework: str) -> str:
    return "an ASGI app" if framework == PLAIN else framework
