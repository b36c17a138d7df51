"""What requests are counted under, against the frameworks as they are, and the bounds of the sums."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, FastAPI, WebSocket
from hypothesis import given
from hypothesis import strategies as st
from litestar import Litestar, Router, asgi
from litestar import get as litestar_get
from litestar.params import Parameter
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Mount, Route

from tests.unit.test_probe import counted, http, make, run_file

with run_file():
    from asgi_probe.routes import MAX_PATH, fold_path, name_of, place_of, template_of
    from asgi_probe.stats import MAX_BARE, MAX_PATHS, MAX_ROUTES, OTHER, Names, Totals


@pytest.mark.parametrize(
    ("path", "folded"),
    [
        ("/", "/"),
        ("", ""),
        ("/items/42", "/items/{id}"),
        ("/items/42/", "/items/{id}/"),
        ("/items/4x", "/items/4x"),
        ("/v1/users", "/v1/users"),
        ("/u/123e4567-e89b-12d3-a456-426614174000/x", "/u/{id}/x"),
        ("/c/deadbeef01", "/c/{id}"),
        ("/c/feedface", "/c/feedface"),
        ("/t/aGVsbG8gd29ybGQgMTIzNDU2", "/t/{id}"),
        ("/docs/a-long-but-readable-segment-name", "/docs/a-long-but-readable-segment-name"),
        ("/1/2/3", "/{id}/{id}/{id}"),
        ("/a" * 30, "/a" * 19 + "/..."),
    ],
)
def test_identifiers_are_folded(path: str, folded: str) -> None:
    assert fold_path(path) == folded


@given(st.text(alphabet=st.sampled_from("/0aZ-_é\ud800 "), max_size=1000))
def test_folding_is_bounded_and_keeps_the_shape(path: str) -> None:
    folded = fold_path(path)
    assert len(folded) <= MAX_PATH * 4
    assert fold_path(folded) == folded or folded.endswith("...")
    if len(path) <= MAX_PATH and path.count("/") < 20:
        assert folded.count("/") == path.count("/")


# -- frameworks --------------------------------------------------------------------------------------


async def text(request: object) -> PlainTextResponse:
    return PlainTextResponse("x")


def starlette_app() -> Any:
    items: list[BaseRoute] = [Route("/items/{id:int}", text), Route("/files/{path:path}", text)]
    return Starlette(
        routes=[
            Route("/users/{name}", text),
            Mount("/sub", app=Starlette(routes=items)),
            Mount("/outer", routes=[Mount("/inner", routes=items)]),
            Mount("/tenants/{tenant}", routes=items),
            Mount("/static", app=PlainTextResponse("file")),
        ]
    )


def fastapi_app() -> Any:
    sub, app, router = FastAPI(), FastAPI(), APIRouter(prefix="/r")

    @sub.get("/items/{item_id}")
    async def item(item_id: int) -> int:
        return item_id

    @router.get("/things/{thing}")
    async def thing(thing: str) -> str:
        return thing

    @app.get("/top/{name:path}")
    async def top(name: str) -> str:
        return name

    @app.websocket("/ws/{room}")
    async def room(socket: WebSocket, room: str) -> None:
        await socket.accept()

    app.include_router(router, prefix="/v1")
    app.include_router(router, prefix="/v2")
    sub.include_router(router, prefix="/v3")
    app.mount("/api", sub)
    return app


def litestar_app() -> Any:
    @litestar_get("/i/{number:int}")
    async def item(number: Annotated[int, Parameter()]) -> int:
        return number

    @asgi("/mounted", is_mount=True, copy_scope=True)
    async def mounted(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("x")(scope, receive, send)

    return Litestar([Router("/pre", route_handlers=[item]), mounted])


async def serve(app: Any, path: str, root_path: str = "") -> tuple[int, list[str]]:
    """The status of one GET and the routes that it was counted under."""
    probe = make(app)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = http(
        root_path + path,
        root_path=root_path,
        raw_path=path.encode(),
        query_string=b"",
        scheme="http",
        headers=[(b"host", b"localhost")],
        client=("127.0.0.1", 1),
        server=("127.0.0.1", 2),
        state={},
    )
    await asyncio.wait_for(probe(scope, receive, send), 5)
    return sent[0]["status"], [item.route for item in counted(probe).routes]


@pytest.mark.parametrize("root_path", ["", "/root"])
@pytest.mark.parametrize(
    ("build", "path", "route"),
    [
        (starlette_app, "/users/bob", "/users/{name}"),
        (starlette_app, "/sub/items/4", "/sub/items/{id}"),
        (starlette_app, "/sub/files/a/b", "/sub/files/{path}"),
        (starlette_app, "/sub/nothing", "/sub/{path}"),
        (starlette_app, "/outer/inner/items/4", "/outer/inner/items/{id}"),
        (starlette_app, "/outer/inner/nothing", "/outer/inner/{path}"),
        (starlette_app, "/tenants/acme/items/4", "/tenants/{tenant}/items/{id}"),
        (starlette_app, "/tenants/acme/nothing", "/tenants/{tenant}/{path}"),
        (starlette_app, "/static/a/b.css", "/static/{path}"),
        (fastapi_app, "/top/a/b", "/top/{name}"),
        (fastapi_app, "/api/items/4", "/api/items/{item_id}"),
        (fastapi_app, "/v1/r/things/x", "/v1/r/things/{thing}"),
        (fastapi_app, "/v2/r/things/x", "/v2/r/things/{thing}"),
        (fastapi_app, "/api/v3/r/things/x", "/api/v3/r/things/{thing}"),
        (litestar_app, "/pre/i/4", "/pre/i/{number}"),
    ],
)
async def test_templates_carry_their_mounts(
    build: Callable[[], Any], path: str, route: str, root_path: str
) -> None:
    status = 404 if path.endswith("nothing") else 200
    assert await serve(build(), path, root_path) == (status, [f"GET {route}"])


@pytest.mark.parametrize(
    ("build", "path", "route"),
    [
        # No template to be had: the path as it came, though Litestar cuts the mount off it.
        (litestar_app, "/mounted/things/7", "/mounted/things/{id}"),
        (litestar_app, "/nothing/7", "/nothing/{id}"),
        (fastapi_app, "/nothing/7", "/nothing/{id}"),
        (fastapi_app, "/api/nothing/7", "/api/nothing/{id}"),
    ],
)
async def test_unmatched_paths_are_folded(build: Callable[[], Any], path: str, route: str) -> None:
    status = 404 if "nothing" in path else 200
    assert await serve(build(), path) == (status, [f"GET {route}"])


async def test_a_websocket_has_its_template() -> None:
    probe = make(fastapi_app())
    incoming: list[dict[str, Any]] = [
        {"type": "websocket.connect"},
        {"type": "websocket.disconnect", "code": 1000},
    ]

    async def receive() -> dict[str, Any]:
        return incoming.pop(0)

    async def send(message: Any) -> None:
        pass

    scope = {
        **http(
            "/ws/lobby", scheme="ws", query_string=b"", headers=[], subprotocols=[], client=None, state={}
        ),
        "type": "websocket",
    }
    del scope["method"]
    await probe(scope, receive, send)
    assert [item.route for item in counted(probe).routes] == ["WS /ws/{room}"]


def test_the_prefix_of_a_proxy_is_no_mount() -> None:
    """FastAPI(root_path=...) sets it where the path does not carry it."""
    route = SimpleNamespace(path="/items/{id}")
    place = place_of({"root_path": "/proxy", "route": route, "path": "/items/4"}, "/items/4", "")
    assert template_of(place) == "/items/{id}"


def test_an_older_fastapi_without_contexts_keeps_its_route() -> None:
    route, other = SimpleNamespace(path="/v1/items/{id}"), SimpleNamespace(path="/x")
    context = SimpleNamespace(original_route=other, path="/wrong")
    for fastapi in (None, {}, {"effective_route_context": context}, {"effective_route_context": None}):
        place = place_of({"root_path": "", "route": route, "fastapi": fastapi}, "/v1/items/4", "")
        assert template_of(place) == "/v1/items/{id}"


# -- bounds ------------------------------------------------------------------------------------------


def test_made_up_paths_leave_room_for_templates() -> None:
    names = Names()
    for number in range(5000):
        names.of(place_of({"method": "GET"}, f"/made-up-{number}x", ""))
    route = SimpleNamespace(path="/real/{id}")
    assert names.of(place_of({"method": "GET", "route": route}, "/real/1", "")) == "GET /real/{id}"
    assert names.of(place_of({"method": "GET"}, "/made-up-4999x", "")) == OTHER
    assert names.of(place_of({"method": "GET"}, "/made-up-0x", "")) == "GET /made-up-0x"
    assert len(names.paths) == MAX_PATHS
    for number in range(MAX_ROUTES):
        names.of(place_of({"method": "GET", "path_template": f"/t{number}"}, "/", ""))
    assert len(names.paths) + len(names.templates) == MAX_ROUTES


def test_names_that_are_remembered_are_bounded_and_right() -> None:
    names = Names()
    for _ in range(2):
        for number in range(MAX_BARE + 10):
            assert names.of(place_of({"method": "GET"}, f"/items/{number}", "")) == "GET /items/{id}"
    assert len(names.bare) <= MAX_BARE
    names.of(place_of({"method": "GET"}, "/" + "x" * (MAX_PATH + 1), ""))
    assert max(len(path) for _, path in names.bare) <= MAX_PATH
    # The same path, of which a framework knows more.
    assert names.of(place_of({"method": "GET", "path_template": "/t"}, "/items/1", "")) == "GET /t"
    assert names.of(place_of({"method": b"GET"}, "/items/1", "")) == "b'GET' /items/{id}"


def test_a_method_of_any_length_is_cut() -> None:
    name, _ = name_of(place_of({"method": "X" * 100_000}, "/" + "y" * 100_000, ""))
    assert len(name) <= MAX_PATH + 21


def test_a_route_has_its_bytes() -> None:
    totals, names = Totals(), Names()
    get, head = (place_of({"method": method}, "/", "") for method in ("GET", "HEAD"))
    totals.add([(get, 200, 1, 3, 5, False), (get, 200, 1, 0, 10, False), (head, 200, 1, 1, 7, False)], names)
    told: Any = totals.message()["routes"]
    assert {name: size for name, *_, size in told} == {"GET /": 18, "HEAD /": 1}


def test_what_cannot_be_read_is_counted_as_such() -> None:
    class Angry:
        @property
        def path(self) -> str:
            raise RuntimeError("no path")

    totals = Totals()
    good = place_of({"method": "GET"}, "/", "")
    bad = place_of({"method": "GET", "route": Angry()}, "/", "")
    totals.add([(bad, 200, 1, 0, 0, False), (good, 200, 1, 0, 0, False)], Names())
    assert (totals.unreadable, totals.requests) == (1, 1)
