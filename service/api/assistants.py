"""Assistants: a workflow with a configuration, its versions, schemas and graph."""

from collections.abc import AsyncIterator, Callable
from typing import Any, Literal, cast, get_type_hints, is_typeddict

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, TypeAdapter, create_model
from sqlalchemy import RowMapping

from service.api import threads
from service.api.access import TheCaller, TheHouse
from service.api.forms import Id, Whole
from service.api.paging import Json, Text, paged, shown
from service.api.shapes import Assistant, Schemas
from service.auth import Caller
from service.database import assistants
from service.database.assistants import SortBy
from service.database.tables import DEFAULT_TENANT, new_id
from service.house import House
from tools.errors import ConsiliaError, InvalidInput
from workflows.registry import Graph

router = APIRouter(prefix="/assistants", tags=["assistants"])

AssistantField = Literal[
    "assistant_id",
    "graph_id",
    "name",
    "description",
    "config",
    "context",
    "created_at",
    "updated_at",
    "metadata",
    "version",
]


class UnknownAssistant(ConsiliaError):
    code = "unknown_assistant"
    status = 404


class UnknownGraph(ConsiliaError):
    code = "unknown_graph"
    status = 404


class UnknownVersion(ConsiliaError):
    code = "unknown_version"
    status = 404


class NotYours(ConsiliaError):
    """The assistant belongs to the installation, and this caller's tenant may only use it."""

    code = "assistant_not_yours"
    status = 403


class ConfigAndContext(ConsiliaError):
    code = "config_and_context"
    status = 400


class AssistantCreate(BaseModel):
    model_config = ConfigDict(strict=True)

    graph_id: str
    assistant_id: Id | None = None
    config: Json = Field(default_factory=dict)
    context: Json = Field(default_factory=dict)
    metadata: Json = Field(default_factory=dict)
    if_exists: Literal["raise", "do_nothing"] = "raise"
    name: Text = "Untitled"
    description: Text | None = None


class AssistantPatch(BaseModel):
    """What changes; metadata is merged, the rest replaced."""

    model_config = ConfigDict(strict=True)

    graph_id: str | None = None
    config: Json | None = None
    context: Json | None = None
    metadata: Json | None = None
    name: Text | None = None
    description: Text | None = None


class AssistantCount(BaseModel):
    model_config = ConfigDict(strict=True)

    metadata: Json | None = None
    graph_id: str | None = None
    name: Text | None = None


class AssistantSearch(AssistantCount):
    """name: a part of the name, whatever its case. metadata: pairs that must be there."""

    limit: Whole = Field(default=10, ge=1, le=1000)
    offset: Whole = Field(default=0, ge=0, le=2**31)
    sort_by: SortBy | None = None
    sort_order: Literal["asc", "desc"] = "desc"
    select: list[AssistantField] | None = None


class VersionSearch(BaseModel):
    model_config = ConfigDict(strict=True)

    metadata: Json | None = None
    limit: Whole = Field(default=10, ge=1, le=1000)
    offset: Whole = Field(default=0, ge=0, le=2**31)


class VersionChange(BaseModel):
    model_config = ConfigDict(strict=True)

    version: Whole | None = None


async def find(house: House, caller: Caller, assistant_id: str) -> RowMapping:
    """The assistant by UUID or by its workflow's name. Raises UnknownAssistant."""
    wanted = assistants.default_id(assistant_id) if assistant_id in house.registry.names() else assistant_id
    row = await assistants.get(house.database, caller.tenant_id, wanted)
    if row is None:
        names = ", ".join(house.registry.names())
        raise UnknownAssistant(
            f"there is no assistant {assistant_id!r}; give an assistant's UUID or one of the workflows: {names}",
            assistant_id=assistant_id,
        )
    return row


def named_id(house: House, assistant_id: str) -> str:
    """The id of what a caller names: a workflow, by its name, or an assistant. Raises InvalidInput for neither."""
    if assistant_id in house.registry.names():
        return assistants.default_id(assistant_id)
    return threads.checked_uuid("assistant", assistant_id)


async def _addressed(house: House, caller: Caller, assistant_id: str) -> RowMapping:
    return await find(house, caller, named_id(house, assistant_id))


async def _own(house: House, caller: Caller, assistant_id: str) -> RowMapping:
    """The assistant, to be changed. Raises NotYours for a default one of the installation."""
    row = await assistants.get(house.database, caller.tenant_id, named_id(house, assistant_id))
    if row is None:
        raise UnknownAssistant(f"Assistant {assistant_id} not found", assistant_id=assistant_id)
    if row["tenant_id"] != caller.tenant_id:
        assert row["tenant_id"] == DEFAULT_TENANT, "others' assistants are not visible"
        raise NotYours(f"Assistant {assistant_id} belongs to the installation; create one of your own on its graph")
    _check_everybodys(caller, row["metadata"])
    return row


def _check_everybodys(caller: Caller, metadata: dict[str, Any]) -> None:
    """Raises NotPermitted unless the caller may change what every tenant uses."""
    if metadata.get("created_by") == "system":
        caller.require_installation()


def _known_graph(house: House, graph_id: str | None) -> None:
    if graph_id is not None and graph_id not in house.registry.names():
        raise UnknownGraph(
            f"Graph {graph_id!r} not found. Expected one of: {house.registry.names()}", graph_id=graph_id
        )


def _settle_context(settings: dict[str, Any]) -> None:
    """config.configurable and context are two names for one thing: what is given as one is also put as the other."""
    config: dict[str, Any] = settings.get("config") or {}
    context: dict[str, Any] = settings.get("context") or {}
    configurable: dict[str, Any] | None = config.get("configurable")
    if configurable and context:
        raise ConfigAndContext(
            "Cannot specify both configurable and context. Prefer setting context alone. Context was introduced in "
            "LangGraph 0.6.0 and is the long term planned replacement for configurable."
        )
    if configurable:
        settings["context"] = configurable
    elif context:
        settings["config"] = {**config, "configurable": context}


@router.post("")
async def create(body: AssistantCreate, house: TheHouse, caller: TheCaller) -> Assistant:
    """Make an assistant on a workflow."""
    _known_graph(house, body.graph_id)
    assistant_id = threads.checked_uuid("assistant", body.assistant_id) if body.assistant_id else new_id()
    settings = body.model_dump(include={"graph_id", "name", "description", "config", "context", "metadata"})
    _settle_context(settings)
    _check_everybodys(caller, body.metadata)
    try:
        row = await assistants.create(house.database, caller.tenant_id, assistant_id, **settings)
    except assistants.AssistantExists:
        known = await assistants.get(house.database, caller.tenant_id, assistant_id)
        if known is None or body.if_exists == "raise":
            raise
        return Assistant(**known)
    return Assistant(**row)


@router.post("/search")
async def search(body: AssistantSearch, house: TheHouse, caller: TheCaller, response: Response) -> list[dict[str, Any]]:
    """The caller's assistants and the default ones, by default the newest first."""
    _known_graph(house, body.graph_id)
    rows = await assistants.search(
        house.database,
        caller.tenant_id,
        graph_id=body.graph_id,
        name=body.name,
        metadata=body.metadata,
        sort_by=body.sort_by or "created_at",
        descending=body.sort_by is None or body.sort_order == "desc",
        limit=body.limit + 1,
        offset=body.offset,
    )
    return [shown(Assistant(**row), body.select) for row in paged(rows, body.limit, body.offset, response)]


@router.post("/count")
async def count(body: AssistantCount, house: TheHouse, caller: TheCaller) -> int:
    _known_graph(house, body.graph_id)
    filters = body.model_dump()
    return await assistants.count(house.database, caller.tenant_id, **filters)


@router.get("/{assistant_id}")
async def get(assistant_id: str, house: TheHouse, caller: TheCaller) -> Assistant:
    """The assistant; also by its workflow's name."""
    return Assistant(**await _addressed(house, caller, assistant_id))


@router.patch("/{assistant_id}")
async def patch(assistant_id: str, body: AssistantPatch, house: TheHouse, caller: TheCaller) -> Assistant:
    """Make a new version and put it in force."""
    _known_graph(house, body.graph_id)
    row = await _own(house, caller, assistant_id)
    _check_everybodys(caller, body.metadata or {})
    changes = {name: value for name, value in body.model_dump(exclude_unset=True).items() if value is not None}
    _settle_context(changes)
    changed = await assistants.change(house.database, caller.tenant_id, row["assistant_id"], changes)
    if changed is None:
        raise UnknownAssistant(f"Assistant {assistant_id} not found", assistant_id=assistant_id)
    return Assistant(**changed)


@router.delete("/{assistant_id}", status_code=204, response_model=None)
async def delete(assistant_id: str, house: TheHouse, caller: TheCaller, delete_threads: bool = False) -> Response:
    """Delete the assistant with its versions and crons, and, if asked, the threads on which it ran.

    A workflow's default assistant comes back at the next start.
    """
    row = await _own(house, caller, assistant_id)
    if delete_threads:
        for thread_id in await assistants.thread_ids(house.database, caller.tenant_id, row["assistant_id"]):
            await threads.delete(thread_id, house, caller)
    await assistants.delete(house.database, caller.tenant_id, row["assistant_id"])
    return Response(status_code=204)


@router.post("/{assistant_id}/versions")
async def versions(assistant_id: str, body: VersionSearch, house: TheHouse, caller: TheCaller) -> list[dict[str, Any]]:
    """The assistant's versions, newest first."""
    row = await _addressed(house, caller, assistant_id)
    found = await assistants.versions(
        house.database, row["assistant_id"], metadata=body.metadata, limit=body.limit, offset=body.offset
    )
    return [dict(each) for each in found]


@router.post("/{assistant_id}/latest")
async def set_latest(assistant_id: str, body: VersionChange, house: TheHouse, caller: TheCaller) -> Assistant:
    """Put a version in force again, with all that it fixed."""
    row = await _own(house, caller, assistant_id)
    found = None
    if body.version is not None and 0 < body.version < 2**31:
        found = await assistants.set_latest(house.database, caller.tenant_id, row["assistant_id"], body.version)
    if found is None:
        raise UnknownVersion(f"Version {body.version} not found for assistant {row['assistant_id']}")
    return Assistant(**found)


@router.get("/{assistant_id}/schemas")
async def schemas(assistant_id: str, house: TheHouse, caller: TheCaller) -> Schemas:
    """The JSON schemas of the graph's input, output, state and context."""
    row = await _addressed(house, caller, assistant_id)
    workflow = house.registry.get(row["graph_id"])
    async with workflow.graph(_config(row)) as graph:
        return Schemas(graph_id=row["graph_id"], **_schemas(graph, own_context=not workflow.desk))


def _config(row: RowMapping) -> Any:
    return {"configurable": {}, **row["config"]}


def _schemas(graph: Graph, own_context: bool) -> dict[str, dict[str, Any] | None]:
    """The graph's JSON schemas; none where a type has no JSON schema."""
    return {
        "input_schema": _described(graph.get_input_jsonschema),
        "output_schema": _described(graph.get_output_jsonschema),
        "state_schema": _described(lambda: _state_schema(graph)),
        "config_schema": {},
        "context_schema": _described(graph.get_context_jsonschema) if own_context else None,
    }


def _described(describe: Callable[[], dict[str, Any] | None]) -> dict[str, Any] | None:
    try:
        return describe()
    except PydanticUserError:
        return None


def _state_schema(graph: Graph) -> dict[str, Any]:
    state = graph.builder.state_schema
    if is_typeddict(state):  # pydantic takes a `typing.TypedDict` from Python 3.12 on only
        fields = {name: (hint, None) for name, hint in get_type_hints(state, include_extras=True).items()}
        return create_model(f"{graph.name}_state", **fields).model_json_schema()  # pyright: ignore[reportCallIssue, reportArgumentType, reportUnknownVariableType, reportUnknownMemberType]
    return TypeAdapter(state).json_schema()


@router.get("/{assistant_id}/graph")
async def drawing(assistant_id: str, house: TheHouse, caller: TheCaller, xray: str = "false") -> dict[str, Any]:
    """Nodes and edges. xray: "true", or how many levels of subgraphs to draw in place of their nodes."""
    row = await _addressed(house, caller, assistant_id)
    wanted: bool | int | None = {"true": True, "false": False}.get(xray.lower())
    if wanted is None and xray.isascii() and xray.isdigit():
        wanted = int(xray[:9]) or None
    if wanted is None:
        raise InvalidInput("Invalid xray value", xray=xray)
    async with house.registry.get(row["graph_id"]).graph(_config(row)) as graph:
        drawn = (await graph.aget_graph(xray=wanted)).to_json()
    for node in drawn["nodes"]:
        if isinstance(node.get("data"), dict):
            node["data"].pop("id", None)  # the Python class, which is of no use to a client
    return drawn


@router.get("/{assistant_id}/subgraphs")
async def subgraphs(
    assistant_id: str, house: TheHouse, caller: TheCaller, recurse: str = "false"
) -> dict[str, dict[str, Any]]:
    """The schemas of the graph's subgraphs by namespace; with recurse also those inside them."""
    return await _subgraphs(house, caller, assistant_id, None, recurse)


@router.get("/{assistant_id}/subgraphs/{namespace}")
async def subgraphs_at(
    assistant_id: str, namespace: str, house: TheHouse, caller: TheCaller, recurse: str = "false"
) -> dict[str, dict[str, Any]]:
    """The schemas of one subgraph; empty where the graph has no such namespace."""
    return await _subgraphs(house, caller, assistant_id, namespace, recurse)


async def _subgraphs(
    house: House, caller: Caller, assistant_id: str, namespace: str | None, recurse: str
) -> dict[str, dict[str, Any]]:
    row = await _addressed(house, caller, assistant_id)
    workflow = house.registry.get(row["graph_id"])
    deep = recurse.lower() in ("true", "1")
    async with workflow.graph(_config(row)) as graph:
        found = cast(AsyncIterator[tuple[str, Graph]], graph.aget_subgraphs(namespace=namespace, recurse=deep))  # pyright: ignore[reportUnknownMemberType]
        return {name: _schemas(each, own_context=not workflow.desk) async for name, each in found}
