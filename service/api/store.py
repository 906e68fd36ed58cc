"""The store over REST: JSON documents under a namespace and a key, each tenant's its own."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema
from sqlalchemy import RowMapping

from service.api.access import TheCaller, TheHouse
from service.api.forms import Label, Whole
from service.api.paging import Json, Text
from service.database import store
from tools.errors import ConsiliaError, InvalidInput

router = APIRouter(prefix="/store", tags=["store"])

Ttl = Annotated[float, Field(gt=0, le=60 * 24 * 366 * 10)]


def _is_false(value: bool) -> bool:
    if value:
        raise ValueError("an index is false, or a list of fields")
    return value


NoIndex = Annotated[bool, AfterValidator(_is_false), WithJsonSchema({"const": False})]


class InvalidNamespace(ConsiliaError):
    """A namespace that is not allowed: empty, or reserved."""

    code = "invalid_namespace"
    status = 400


class KeyRequired(ConsiliaError):
    code = "key_required"
    status = 400


class Item(BaseModel):
    """A document of the store."""

    namespace: list[str]
    key: str
    value: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class FoundItem(Item):
    """A document that a search found. score: always none, since no embeddings are configured."""

    score: float | None = None


class Found(BaseModel):
    items: list[FoundItem]


class Namespaces(BaseModel):
    namespaces: list[list[str]]


class Put(BaseModel):
    """ttl: minutes to live. index: accepted and without effect until embeddings are configured."""

    model_config = ConfigDict(strict=True)

    namespace: list[Label] = Field(json_schema_extra={"minItems": 1})
    key: Text
    value: Json
    index: NoIndex | list[str] | None = None
    ttl: Ttl | None = None


class Delete(BaseModel):
    model_config = ConfigDict(strict=True)

    namespace: list[Label] = Field(default_factory=list)
    key: Text


class Search(BaseModel):
    """query: accepted and without effect until embeddings are configured; the filter decides."""

    model_config = ConfigDict(strict=True)

    namespace_prefix: list[Label] | None = None
    filter: dict[str, Any] | None = None
    limit: Whole = Field(default=10, ge=1, le=10_000)
    offset: Whole = Field(default=0, ge=0, le=1_000_000)
    query: str | None = None
    refresh_ttl: bool | None = None


class NamespaceSearch(BaseModel):
    """prefix, suffix: labels, "*" for any."""

    model_config = ConfigDict(strict=True)

    prefix: list[Label] | None = None
    suffix: list[Label] | None = None
    max_depth: Whole | None = Field(default=None, ge=1)
    limit: Whole = Field(default=100, ge=0, le=10_000)
    offset: Whole = Field(default=0, ge=0, le=2**31)


def _checked(labels: list[str] | None) -> tuple[str, ...]:
    for label in labels or ():
        if not label or "." in label:
            raise InvalidInput(f"Namespace label {label!r} must be a non-empty string without periods", label=label)
    return tuple(labels or ())


def _fields(row: RowMapping) -> dict[str, Any]:
    return {**row, "namespace": store.labels(row)}


@router.put("/items", status_code=204, response_model=None)
async def put(body: Put, house: TheHouse, caller: TheCaller) -> Response:
    """Keep a document, new or in place of the one there."""
    namespace = _checked(body.namespace)
    if not namespace:
        raise InvalidNamespace("Namespace cannot be empty.")
    if namespace[0] == "langgraph":
        raise InvalidNamespace(f'Root label for namespace cannot be "langgraph". Got: {namespace}')
    sealed = house.database.is_sensitive(None)
    kept = store.put(house.database, caller.tenant_id, namespace, body.key, body.value, body.ttl, sealed=sealed)
    await house.database.writer.write(kept)
    return Response(status_code=204)


@router.get("/items")
async def get(
    house: TheHouse,
    caller: TheCaller,
    key: Annotated[str | None, Query()] = None,
    namespace: Annotated[str, Query(description="Labels joined by periods.")] = "",
    refresh_ttl: bool | None = None,
) -> Item | None:
    """The document, or null. Reading lets its time to live begin anew unless refresh_ttl is false."""
    if not key:
        raise KeyRequired("Key is required")
    row = await store.get(house.database, caller.tenant_id, _checked(namespace.split(".")), key)
    if row is None:
        return None
    if refresh_ttl is not False:
        await house.database.writer.write(*store.refreshed([row]))
    return Item.model_validate(_fields(row))


@router.delete("/items", status_code=204, response_model=None)
async def delete(body: Delete, house: TheHouse, caller: TheCaller) -> Response:
    """Delete the document; no error where there is none."""
    await house.database.writer.write(store.deletion(caller.tenant_id, _checked(body.namespace), body.key))
    return Response(status_code=204)


@router.post("/items/search")
async def search(body: Search, house: TheHouse, caller: TheCaller) -> Found:
    """Documents under a namespace, the last written first.

    filter: values that must be equal, objects of them, or operators $eq, $ne, $gt, $gte, $lt, $lte. There is no vector
    search until embeddings are configured: `query` has no effect.
    """
    rows = await store.search(
        house.database,
        caller.tenant_id,
        _checked(body.namespace_prefix),
        wanted=body.filter,
        limit=body.limit,
        offset=body.offset,
    )
    if body.refresh_ttl is not False:
        await house.database.writer.write(*store.refreshed(rows))
    return Found(items=[FoundItem.model_validate(_fields(row)) for row in rows])


@router.post("/namespaces")
async def namespaces(body: NamespaceSearch, house: TheHouse, caller: TheCaller) -> Namespaces:
    """The namespaces that hold documents."""
    found = await store.namespaces(
        house.database,
        caller.tenant_id,
        prefix=_checked(body.prefix),
        suffix=_checked(body.suffix),
        max_depth=body.max_depth,
        limit=body.limit,
        offset=body.offset,
    )
    return Namespaces(namespaces=[list(each) for each in found])
