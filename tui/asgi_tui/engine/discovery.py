"""Finds ASGI apps in a directory by parsing source: nothing is imported and nothing is run.

A file is first searched for telling words, so that most are never parsed. What is parsed is read by a small
evaluator that knows imports, assignments, calls, classes and functions, and follows imports inside the project.
"""

from __future__ import annotations

import ast
import os
import re
import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

MAX_FILES = 2_000  # Python files looked at
MAX_ENTRIES = 50_000  # directory entries looked at: a folder of data must not stall the console
MAX_DEPTH = 6  # folders below the root
MAX_BYTES = 1 << 20  # of one file

PLAIN = "plain ASGI"
_SKIPPED = frozenset(
    "__pycache__ __pypackages__ build dist htmlcov node_modules site-packages venv virtualenv tests test".split()
)
_TEST_FILE = re.compile(r"test_.*\.py|.*_tests?\.py|conftest\.py|setup\.py|noxfile\.py")
_SIDELINES = frozenset("benchmark benchmarks docs example examples samples scripts tools".split())
_MARKERS = ("manage.py", "pyproject.toml", "setup.py", "setup.cfg")
_STEMS = {"main": 0, "app": 1, "asgi": 2, "api": 3, "server": 4, "application": 5, "__init__": 6}
_ATTRS = {"app": 0, "application": 1, "asgi": 2, "api": 3}
_FACTORY = re.compile(r"(create|make|get|build|init)_?(asgi_?)?(app|application)|app_?factory")

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
_MCP = {("mcp", "FastMCP"), ("fastmcp", "FastMCP")}
_MCP_METHODS = frozenset({"http_app", "streamable_http_app", "sse_app"})
_ASGI_TYPES = frozenset(
    {"ASGIApp", "ASGIApplication", "ASGI2Application", "ASGI3Application", "ASGIFramework"}
)
_WRAPPER = re.compile(r"Middleware$|ASGI|Asgi|asgi|CORS|^(wrap|with)_")
# Take an app and give something that is none (a client, a Lambda handler, a WSGI app, a server).
_NOT_APPS = frozenset(
    "Mangum TestClient AsyncClient ASGITransport AsgiToWsgi Admin Config Server run".split()
)
_ASGI3 = ["scope", "receive", "send"]

_GENERIC = {"App", "Application", "API"}
_WORDS = "|".join(sorted({name for _, name in _KNOWN} - _GENERIC) + ["FastMCP", "DJANGO_SETTINGS_MODULE"])
_PACKAGES = "|".join(sorted({package for package, name in _KNOWN if name in _GENERIC}))
_TELLING = re.compile(
    rf"\b(?:{_WORDS})\b|\b(?:from|import)\s+(?:{_PACKAGES})\b|\breceive\b|ASGI|[Aa]sgi|_app\b".encode()
)
_SETTINGS = re.compile(rb"""DJANGO_SETTINGS_MODULE["']\s*[,\]]\s*=?\s*["']([\w.]+)["']""")


@dataclass(frozen=True, slots=True)
class Candidate:
    """An app that a server could load.

    ``target`` is ``module:attr`` relative to ``app_dir``, which is "" for the directory searched itself, else
    a relative posix path; ``why`` is a short phrase for a person.
    """

    target: str
    framework: str
    factory: bool
    why: str
    app_dir: str


@dataclass(frozen=True, slots=True)
class _Value:
    """What an expression is: an app, a class or a function that makes one (``factory`` without arguments)."""

    framework: str
    kind: Literal["app", "class", "factory", "maker", "mcp"]
    how: str = ""


_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Rank = tuple[bool, int, bool, bool, int, int, int, str]
_Ranked = tuple[_Rank, Candidate]
_Bound = _Value | str | _Function | ast.ClassDef | None  # a string is the dotted origin of an import


def discover(root: Path, *, limit: int = 50) -> list[Candidate]:
    """The ASGI apps below ``root``, the likeliest first, at most ``limit``; unreadable files are skipped."""
    root = Path(os.path.abspath(root))  # noqa: PTH100 - resolve() would follow links, the user's names should stay
    modules = _Modules()
    ranked: list[_Ranked] = []
    settings: list[tuple[Path, str]] = []
    for path in _python_files(root):
        source = _source(path)
        if source is None or not (_TELLING.search(source) or path.stem in _STEMS):
            continue
        if path.name == "manage.py":
            settings += [(path.parent, found.decode()) for found in _SETTINGS.findall(source)]
            continue
        tree = _parse(source)
        if tree is None:
            continue
        module, base = _place(path, root, tree)
        scope = modules.read(path, module, base, tree)
        # a name imported elsewhere is offered again only where people look for it
        again = path.stem in _STEMS and path.stem != "__init__"
        ranked += _apps(scope, path.relative_to(root), module, _relative(base, root), again)
    for folder, name in settings:
        found = _django(folder, name, root)
        # where parsing saw it as well, the line it is on says more
        if found and not any((f.target, f.app_dir) == (found.target, found.app_dir) for _, f in ranked):
            ranked.append((_rank(Path(found.app_dir, "asgi.py"), "application", False, False), found))
    return _best(ranked)[:limit]


def apps_in_file(path: Path, module: str) -> list[Candidate]:
    """The apps in one file, also those it imports from its own project, the likeliest first.

    ``module`` is its dotted name, as ``module_of`` gives it; an unreadable file has no apps.
    """
    source = _source(path)
    tree = _parse(source) if source is not None else None
    if tree is None:
        return []
    base = path.parents[len(module.split(".")) - (path.stem != "__init__")]
    return _best(_apps(_Modules().read(path, module, base, tree), Path(path.name), module, "", True))


def module_of(path: Path) -> tuple[str, Path]:
    """The dotted module name of a .py file and the directory that must be on ``sys.path`` for it."""
    path = Path(os.path.abspath(path))  # noqa: PTH100 - as above
    folder = path.parent
    while folder.parent != folder and (folder / "__init__.py").is_file():
        folder = folder.parent
    return _dotted(path, folder), folder


def _dotted(path: Path, base: Path) -> str:
    parts = path.relative_to(base).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def _relative(base: Path, root: Path) -> str:
    return "" if base == root else Path(os.path.relpath(base, root)).as_posix()


def _python_files(root: Path) -> Iterator[Path]:
    """Python files, the shallow ones first. Linked folders are not entered, so loops cannot happen."""
    folders, files, entries = deque([(root, 0)]), 0, 0
    while folders:
        folder, depth = folders.popleft()
        try:
            with os.scandir(folder) as scan:
                listing = [entry for entry, _ in zip(scan, range(MAX_ENTRIES - entries), strict=False)]
        except OSError:
            continue
        entries += len(listing)
        if depth and any(entry.name in ("pyvenv.cfg", "conda-meta") for entry in listing):
            continue
        for entry in sorted(listing, key=lambda entry: entry.name):
            if entry.name.startswith("."):
                continue
            if entry.name.endswith(".py") and not _TEST_FILE.fullmatch(entry.name) and entry.is_file():
                if files == MAX_FILES:
                    return
                files += 1
                yield Path(entry.path)
            elif depth < MAX_DEPTH and entry.name not in _SKIPPED and entry.is_dir(follow_symlinks=False):
                folders.append((Path(entry.path), depth + 1))


def _source(path: Path) -> bytes | None:
    try:
        return path.read_bytes() if path.is_file() and path.stat().st_size <= MAX_BYTES else None
    except OSError:
        return None


def _parse(source: bytes) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a bad escape in the user's code must not write over the console
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _place(path: Path, root: Path, tree: ast.Module) -> tuple[str, Path]:
    """The module name and its directory on ``sys.path``, also where folders lack ``__init__.py``."""
    folder, tops, level = path.parent, set[str](), 0
    for statement, _ in _flat(tree.body):
        if isinstance(statement, ast.ImportFrom):
            level = max(level, statement.level)
            tops |= {(statement.module or "").partition(".")[0]} if not statement.level else set()
        elif isinstance(statement, ast.Import):
            tops |= {alias.name.partition(".")[0] for alias in statement.names}
    home = next((f for f in path.parents if f == root or any((f / m).is_file() for m in _MARKERS)), root)
    while folder != home and (folder / "__init__.py").is_file():
        folder = folder.parent
    inside = [f for f in (folder, *folder.parents) if f == home or home in f.parents]
    named = next((f.parent for f in inside[:-1] if f.name in tops), None)
    beside = any((folder / top).is_dir() or (folder / f"{top}.py").is_file() for top in tops)
    if named:  # `from app.db import x` in app/main.py: run from the folder that holds app
        folder = named
    elif not beside and folder == path.parent:
        # either way works: prefer the shorter command, unless a folder's name is no package's
        folder = next((f for f in inside if not f.name.isidentifier() or f.name == "src"), home)
        folder = folder if folder in inside else home
    # `from ..x import y` needs as many packages above; the folder searched may itself be one
    while level and level >= len(path.relative_to(folder).parts) and folder.parent != folder:
        folder = folder.parent
    return _dotted(path, folder), folder


def _flat(body: list[ast.stmt], branch: bool = False) -> Iterator[tuple[ast.stmt, bool]]:
    """The statements a run may reach, without those for the type checker (but their imports) or for a script."""
    for node in body:
        if isinstance(node, ast.If):
            test = ast.unparse(node.test)
            if test.endswith("TYPE_CHECKING") and not test.startswith("not "):
                yield from ((n, True) for n in node.body if isinstance(n, ast.Import | ast.ImportFrom))
            elif test not in ("__name__ == '__main__'", "'__main__' == __name__"):
                yield from _flat(node.body, True)
            yield from _flat(node.orelse, True)
        elif isinstance(node, ast.Try | ast.TryStar):
            yield from _flat(node.body, True)
            for handler in node.handlers:
                yield from _flat(handler.body, True)
            yield from _flat(node.orelse + node.finalbody, True)
        elif isinstance(node, ast.With | ast.AsyncWith | ast.For | ast.While):
            yield from _flat(node.body, True)
        elif isinstance(node, ast.Match):
            for case in node.cases:
                yield from _flat(case.body, True)
        else:
            yield node, branch


class _Modules:
    """Reads modules of the project as imports lead to them, each once, and answers what a dotted name is."""

    def __init__(self) -> None:
        self._scopes: dict[Path, _Scope | None] = {}

    def read(self, path: Path, module: str, base: Path, tree: ast.Module) -> _Scope:
        scope = self._scopes.get(path)
        if scope is None:
            package = module if path.stem == "__init__" else module.rpartition(".")[0]
            scope = self._scopes[path] = _Scope(self, base, package)
            scope.run(tree.body)
        return scope

    def origin(self, dotted: str, base: Path) -> _Value | None:
        """What ``package.module.name`` is: a known maker of apps, or a name in a module below ``base``."""
        module, _, name = dotted.rpartition(".")
        key = (dotted.partition(".")[0], name)
        if key in _MCP:
            return _Value("MCP", "mcp")
        if key in _KNOWN and (key[0] != "falcon" or ".asgi" in dotted):  # falcon.App is a WSGI app
            return _Value(_KNOWN[key], "class")
        stem = base.joinpath(*module.split("."))
        for path in (stem.with_name(f"{stem.name}.py"), stem / "__init__.py"):
            if path not in self._scopes and len(self._scopes) < MAX_FILES:
                self._scopes[path] = None  # modules that import each other end here
                source = _source(path)
                tree = _parse(source) if source is not None else None
                if tree is not None:
                    self.read(path, module, base, tree)
            if scope := self._scopes.get(path):
                return scope.lookup(name)
        return None


class _Scope:
    """The names of a module or a function, and what they are; what cannot be told is ``None``."""

    def __init__(self, modules: _Modules, base: Path, package: str, outer: _Scope | None = None) -> None:
        self._modules, self._base, self._package, self._outer = modules, base, package, outer
        self.names: dict[str, tuple[_Bound, int]] = {}  # name -> what it is, its line
        self.returned: _Value | None = None
        self._stars: list[str] = []

    def run(self, body: list[ast.stmt]) -> None:
        for node, branch in _flat(body):
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
                    if known and not isinstance(self.names.get(node.target.id, (None, 0))[0], _Value):
                        app = _Value(known, "app", f"declares {node.target.id} as {known}")
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
            if (
                found or not branch or target.id not in self.names
            ):  # `except ImportError: app = None` is not the rule
                how = f"assigns {found.how} to {target.id}" if found and found.kind == "app" else ""
                self.names[target.id] = (replace(found, how=how) if found else None, line)

    def lookup(self, name: str) -> _Value | None:
        if name not in self.names:
            if self._outer:
                return self._outer.lookup(name)
            stars = (self._modules.origin(f"{origin}.{name}", self._base) for origin in self._stars)
            return next((value for value in stars if value), None)
        bound, line = self.names[name]
        if isinstance(bound, str):
            return self._modules.origin(bound, self._base) if "." in bound else None
        if isinstance(bound, _Function | ast.ClassDef):
            self.names[name] = (None, line)  # a function that returns itself ends here
            bound = self._class(bound) if isinstance(bound, ast.ClassDef) else self._function(bound)
            self.names[name] = (bound, line)
        return bound

    def value(self, node: ast.expr, target: str = "") -> _Value | None:
        """What an expression is; ``target`` is the name it is assigned to, which tells wrappers from others."""
        if isinstance(node, ast.Name):
            found = self.lookup(node.id)
            return replace(found, how=node.id) if found else None
        if isinstance(node, ast.Attribute):
            dotted = self._dotted(node)
            return self._modules.origin(dotted, self._base) if dotted else None
        if isinstance(node, ast.Call):
            return self._call(node, target)
        if isinstance(node, ast.IfExp):
            return self.value(node.body, target) or self.value(node.orelse, target)
        return self.value(node.value, target) if isinstance(node, ast.NamedExpr) else None

    def _dotted(self, node: ast.expr) -> str:
        if isinstance(node, ast.Attribute):
            prefix = self._dotted(node.value)
            return f"{prefix}.{node.attr}" if prefix else ""
        scope: _Scope | None = self
        while isinstance(node, ast.Name) and scope:
            if node.id in scope.names:
                bound = scope.names[node.id][0]
                return bound if isinstance(bound, str) else ""
            scope = scope._outer
        return ""

    def _call(self, node: ast.Call, target: str) -> _Value | None:
        func = node.func
        name = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
        if isinstance(func, ast.Attribute) and func.attr in _MCP_METHODS:
            owner = self.value(func.value)
            return _Value("MCP", "app", f"{name}()") if owner and owner.kind == "mcp" else None
        made = self.value(func)
        if made and made.kind == "mcp":
            return made
        maker = made if made and made.kind in ("class", "factory", "maker") else None
        if maker and maker.framework not in (PLAIN, "Socket.IO"):
            return _Value(maker.framework, "app", f"{name}()")
        if not name or name in _NOT_APPS:
            return None
        if maker or _WRAPPER.search(name) or target in _ATTRS:
            for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
                inner = self.value(argument, target)
                if inner and inner.kind == "app":
                    return _Value(inner.framework, "app", f"{name}({inner.how})")
        if maker:
            return _Value(maker.framework, "app", f"{name}()")
        # an ASGI middleware around something that cannot be told
        return _Value(PLAIN, "app", f"{name}()") if name.endswith("Middleware") and target in _ATTRS else None

    def _class(self, node: ast.ClassDef) -> _Value | None:
        methods = {m.name: m for m in node.body if isinstance(m, _Function)}
        call, init = methods.get("__call__"), methods.get("__init__")
        if isinstance(call, ast.AsyncFunctionDef):
            if _parameters(call)[1:] == _ASGI3:
                return _Value(PLAIN, "class")
            if _parameters(call)[1:] == _ASGI3[1:] and init and _parameters(init)[1:] == _ASGI3[:1]:
                return _Value(PLAIN, "app", f"defines {node.name}(scope), an ASGI 2 class")
        bases = (self.value(base) for base in node.bases)
        known = next((base for base in bases if base and base.kind == "class"), None)
        return _Value(known.framework, "class") if known else None

    def _function(self, node: _Function) -> _Value | None:
        parameters, nested = _parameters(node), [n for n in node.body if isinstance(n, ast.AsyncFunctionDef)]
        if isinstance(node, ast.AsyncFunctionDef):
            how = f"defines {node.name}(scope, receive, send)"
            return _Value(PLAIN, "app", how) if parameters == _ASGI3 else None
        if parameters == _ASGI3[:1] and any(_parameters(inner) == _ASGI3[1:] for inner in nested):
            return _Value(PLAIN, "app", f"defines {node.name}(scope), an ASGI 2 double callable")
        inside = _Scope(self._modules, self._base, self._package, self)
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
        return _Value(framework, kind, f"{node.name}() returns {_a(framework)}")

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


def _apps(scope: _Scope, where: Path, module: str, app_dir: str, again: bool) -> Iterator[_Ranked]:
    """The apps and factories among a module's names; those it imports only where ``again`` says so."""
    for name, (bound, line) in list(scope.names.items()):
        imported = isinstance(bound, str)
        if name.startswith("_") or (imported and not (again and name in _ATTRS)):
            continue
        found = scope.lookup(name)
        if found is None or found.kind not in ("app", "factory"):
            continue
        how = f"imports {name} from {str(bound).rpartition('.')[0]}" if imported else found.how
        why = f"{where.as_posix()}:{line} {how}"
        factory = found.kind == "factory"
        candidate = Candidate(f"{module}:{name}", found.framework, factory, why, app_dir)
        yield _rank(where, name, factory, imported), candidate


def _rank(where: Path, name: str, factory: bool, imported: bool) -> _Rank:
    stem = _STEMS.get(where.stem, 9)
    attr = 0 if factory and _FACTORY.fullmatch(name) else _ATTRS.get(name, 9)
    unusual = (stem == 9) + (attr == 9)
    sideline = any(part in _SIDELINES for part in where.parts[:-1])
    depth = len([part for part in where.parts[:-1] if part != "src"])
    return sideline, unusual, factory, imported, depth, stem, attr, f"{where.as_posix()}:{name}"


def _best(ranked: Iterable[_Ranked]) -> list[Candidate]:
    return [candidate for _, candidate in sorted(ranked, key=lambda pair: pair[0])]


def _django(folder: Path, settings: str, root: Path) -> Candidate | None:
    """The app of a Django project: the ``asgi`` module beside the settings that ``manage.py`` names."""
    packages = settings.split(".")[:-1]
    while packages:
        path = folder.joinpath(*packages, "asgi.py")
        if b"application" in (_source(path) or b""):
            why = f"{(folder / 'manage.py').relative_to(root).as_posix()} names {settings}"
            return Candidate(
                f"{'.'.join(packages)}.asgi:application", "Django", False, why, _relative(folder, root)
            )
        packages.pop()
    return None
