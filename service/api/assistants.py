"""Assistants: which workflows there are, their schemas and graphs."""

from typing import Any

from fastapi import APIRouter
from sqlalchemy import RowMapping

from service.api.access import TheCaller, TheHouse
from service.api.shapes import Assistant, AssistantSearch, Schemas
from service.auth import Caller
from service.database import assistants
from service.house import House
from tools.errors import ConsiliaError
from workflows.registry import Graph
from workflows.schemas import schema

router = APIRouter(prefix="/assistants", tags=["assistants"])


class UnknownAssistant(ConsiliaError):
    code = "unknown_assistant"
    status = 404


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


@router.post("/search")
async def search(body: AssistantSearch, house: TheHouse, caller: TheCaller) -> list[Assistant]:
    rows = await assistants.search(
        house.database,
        caller.tenant_id,
        graph_id=body.graph_id,
        metadata=body.metadata,
        limit=body.limit,
        offset=body.offset,
    )
    return [Assistant(**row) for row in rows]


@router.get("/{assistant_id}")
async def get(assistant_id: str, house: TheHouse, caller: TheCaller) -> Assistant:
    return Assistant(**await find(house, caller, assistant_id))


@router.get("/{assistant_id}/schemas")
async def schemas(assistant_id: str, house: TheHouse, caller: TheCaller) -> Schemas:
    row = await find(house, caller, assistant_id)
    workflow = house.registry.get(row["graph_id"])
    async with workflow.graph() as graph:
        return _schemas(row["graph_id"], graph, own_context=not workflow.desk)


def _schemas(graph_id: str, graph: Graph, own_context: bool) -> Schemas:
    return Schemas(
        graph_id=graph_id,
        input_schema=schema(graph, "input"),
        output_schema=schema(graph, "output"),
        state_schema=schema(graph, "state"),
        config_schema={},
        context_schema=graph.get_context_jsonschema() if own_context else None,
    )


@router.get("/{assistant_id}/graph")
async def drawing(assistant_id: str, house: TheHouse, caller: TheCaller, xray: bool = False) -> dict[str, Any]:
    row = await find(house, caller, assistant_id)
    async with house.registry.get(row["graph_id"]).graph() as graph:
        return (await graph.aget_graph(xray=xray)).to_json()
