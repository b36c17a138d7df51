"""A larger app, made of a few hundred modules of the user's own, to reload."""

from __future__ import annotations

from pathlib import Path

# Areas of the shop, each a package of seven modules.
AREAS = 40

# Installed packages that real apps import, all of them there for the tests anyway.
MAIN = """\
from __future__ import annotations

import contextlib
import logging
import sqlite3

import cryptography.fernet
import httpx
import msgspec
import multidict
import polyfactory.factories.pydantic_factory
import rich.console
import yaml
from fastapi import FastAPI, Request
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import PlainTextResponse

{imports}

VERSION = 0


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI):
    app.state.database = sqlite3.connect(":memory:")
    app.state.client = httpx.AsyncClient(verify=False)
    yield
    await app.state.client.aclose()
    app.state.database.close()


app = FastAPI(title="Shop", lifespan=lifespan)
app.add_middleware(GZipMiddleware)
{routers}


@app.exception_handler(LookupError)
async def not_found(request: Request, error: LookupError) -> PlainTextResponse:
    return PlainTextResponse(str(error), 404)


@app.get("/")
async def root():
    return f"version {{VERSION}}"
"""

AREA = {
    "__init__": '"""All about {name}."""\n',
    "errors": """\
class {title}Error(Exception):
    \"\"\"Base of what goes wrong with {name}.\"\"\"


class {title}Missing({title}Error, LookupError):
    pass
""",
    "models": """\
from __future__ import annotations

import dataclasses
import datetime
import enum
import uuid


class {title}State(enum.StrEnum):
    NEW = "new"
    PAID = "paid"
    SENT = "sent"


@dataclasses.dataclass(slots=True)
class {title}:
    name: str
    amount: int = 0
    state: {title}State = {title}State.NEW
    id: uuid.UUID = dataclasses.field(default_factory=uuid.uuid4)
    made: datetime.datetime = dataclasses.field(default_factory=datetime.datetime.now)
""",
    "schemas": """\
import datetime
import uuid

from pydantic import BaseModel, Field, field_validator

from shop.{name}.models import {title}State


class {title}In(BaseModel):
    name: str = Field(min_length=1, max_length=80)
    amount: int = Field(0, ge=0)
    labels: list[str] = []

    @field_validator("name")
    @classmethod
    def stripped(cls, value: str) -> str:
        return value.strip()


class {title}Out({title}In):
    id: uuid.UUID
    state: {title}State
    made: datetime.datetime
""",
    "repository": """\
from __future__ import annotations

import uuid

from shop.{name}.errors import {title}Missing
from shop.{name}.models import {title}


class {title}Repository:
    def __init__(self) -> None:
        self._kept: dict[uuid.UUID, {title}] = {{}}

    def add(self, item: {title}) -> {title}:
        self._kept[item.id] = item
        return item

    def get(self, id: uuid.UUID) -> {title}:
        try:
            return self._kept[id]
        except KeyError:
            raise {title}Missing(f"no {name} {{id}}") from None

    def all(self) -> list[{title}]:
        return list(self._kept.values())
""",
    "service": """\
from __future__ import annotations

import functools
import logging

from shop.{name}.models import {title}
from shop.{name}.repository import {title}Repository

logger = logging.getLogger(__name__)


class {title}Service:
    def __init__(self, repository: {title}Repository) -> None:
        self.repository = repository

    def make(self, name: str, amount: int) -> {title}:
        logger.debug("a new %s", name)
        return self.repository.add({title}(name, amount))


@functools.cache
def service() -> {title}Service:
    return {title}Service({title}Repository())
""",
    "router": """\
import dataclasses
import uuid
from typing import Annotated

from fastapi import APIRouter, Depends

from shop.{name}.schemas import {title}In, {title}Out
from shop.{name}.service import {title}Service, service

router = APIRouter(prefix="/{name}", tags=["{name}"])
Service = Annotated[{title}Service, Depends(service)]


@router.get("/")
async def all(service: Service) -> list[{title}Out]:
    return [{title}Out(**dataclasses.asdict(item)) for item in service.repository.all()]


@router.post("/", status_code=201)
async def make(item: {title}In, service: Service) -> {title}Out:
    return {title}Out(**dataclasses.asdict(service.make(item.name, item.amount)))


@router.get("/{{id}}")
async def one(id: uuid.UUID, service: Service) -> {title}Out:
    return {title}Out(**dataclasses.asdict(service.repository.get(id)))
""",
}


def write_real_app(directory: Path, areas: int = AREAS) -> Path:
    """Writes the app ``app:app`` with its package ``shop``; the file that holds the ``VERSION``."""
    names = [f"area{number:02}" for number in range(areas)]
    shop = directory / "shop"
    shop.mkdir()
    (shop / "__init__.py").write_text("")
    for name in names:
        (shop / name).mkdir()
        for module, source in AREA.items():
            (shop / name / f"{module}.py").write_text(source.format(name=name, title=name.title()))
    main = directory / "app.py"
    imports = "\n".join(f"from shop.{name}.router import router as {name}" for name in names)
    routers = "\n".join(f"app.include_router({name})" for name in names)
    main.write_text(MAIN.format(imports=imports, routers=routers))
    return main
