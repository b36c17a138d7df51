"""What a request is counted under: the framework's route template, or its path with identifiers folded."""

from __future__ import annotations

import re
from functools import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping, Tuple

    from .asgi_types import Scope

    # method, path and root_path as the server gave them; then, as the app left them: path_template, route,
    # FastAPI's own entry, root_path and path_params (of a mounted app). Values are the app's: anything.
    Place = Tuple[Any, Any, Any, Any, Any, Any, Any, Any]

MAX_PATH = 500
# Segments of a path that are looked at: folding a long path must stay cheap.
MAX_SEGMENTS = 20

# Path segments that are identifiers: numbers, UUIDs, long hexadecimal and random-looking names.
_ID = re.compile(
    r"[0-9]+|[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|(?=[^/]*[0-9])(?:[0-9a-fA-F]{8,}|[\w-]{20,})"
)


@lru_cache(maxsize=1024)
def fold_path(path: str) -> str:
    """``path`` with segments that look like identifiers as ``{id}``; a very deep one ends in ``...``."""
    parts = path[:MAX_PATH].split("/", MAX_SEGMENTS)
    folded = ["{id}" if _ID.fullmatch(part) else part for part in parts[:MAX_SEGMENTS]]
    return "/".join([*folded, "..."] if len(parts) > MAX_SEGMENTS else folded)


def place_of(scope: Scope, path: object, root_path: object) -> Place:
    """What a route is named by; ``path`` and ``root_path`` are as they were before the app ran.

    Called on the app's loop for each request. The scope itself is not kept: what it holds may only be let
    go in the app's own thread, and at once.
    """
    get = scope.get
    after = get("root_path")
    return (
        get("method"),
        path,
        root_path,
        get("path_template"),
        get("route"),
        get("fastapi"),
        after,
        get("path_params") if after != root_path else None,
    )


def name_of(place: Place) -> tuple[str, bool]:
    """Method and template or folded path (``GET /items/{id}``), and whether it is a template."""
    template = template_of(place)
    path = fold_path(str(place[1] or "")) if template is None else template[:MAX_PATH]
    return f"{str(place[0] or 'WS')[:20]} {path}", template is not None


def template_of(place: Place) -> str | None:
    """The framework's route template, mounts included, or None.

    Starlette and FastAPI leave the matched route in ``scope["route"]``, Litestar its template in
    ``scope["path_template"]``. A mount shows as what the framework added to ``root_path``.
    """
    _, path, before, path_template, route, fastapi, after, params = place
    if isinstance(path_template, str) and path_template:
        return path_template
    own = _format_of(_effective(route, fastapi))
    if own is None:
        return None
    mount = _mount(str(path), str(before or ""), str(after or ""), params or {})
    if getattr(route, "routes", None) is None:
        return mount + own
    # Nothing in the mounted app matched, or it has no routes (files): its own part is already in ``mount``.
    depth = own.count("/") - 1
    segments = mount.split("/")
    return "/".join(segments[: max(len(segments) - depth, 1)]) + own


def _format_of(route: object) -> str | None:
    # path_format is the path without convertors: {id}, not {id:int}.
    for name in ("path_format", "path"):
        value = getattr(route, name, None)
        if isinstance(value, str):
            return value
    return None


def _effective(route: object, fastapi: object) -> object:
    """The route as included: FastAPI shares one between inclusions and keeps the prefix beside it."""
    context = fastapi.get("effective_route_context") if isinstance(fastapi, dict) else None
    return context if getattr(context, "original_route", _effective) is route else route


def _mount(path: str, before: str, after: str, params: Mapping[str, object]) -> str:
    """What mounting added to ``root_path``; segments that are path parameters by their names."""
    mount = after.removeprefix(before)
    # A framework may also set the prefix of a proxy here, which is no part of the path.
    if not mount or not path.startswith((before + mount, mount)):
        return ""
    names = {str(value): "{%s}" % name for name, value in params.items()}
    return "/".join(names.get(part, part) for part in mount.split("/"))
