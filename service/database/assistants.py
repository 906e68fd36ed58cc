"""Assistants: a graph with a configuration. Every graph of the registry has a default one, with its name."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import RowMapping, insert, select

from service.database.engine import Database
from service.database.tables import DEFAULT_TENANT, Assistant, now
from service.database.writer import Statement, Write

NAMESPACE = UUID("6ba7b821-9dad-11d1-80b4-00c04fd430c8")
"""A graph's default assistant has the id uuid5(NAMESPACE, graph_id), as in LangGraph's own server."""

_INSERT = Statement(insert(Assistant), rank=5)


def default_id(graph_id: str) -> str:
    """The id of a graph's default assistant."""
    return str(uuid5(NAMESPACE, graph_id))


async def ensure_defaults(database: Database, graphs: Mapping[str, str]) -> None:
    """Make the default assistant of each graph (id → description) that has none yet."""
    async with database.reading() as connection:
        known = set(await connection.scalars(select(Assistant.assistant_id)))
    moment = now()
    await database.writer.write(
        *(
            Write(
                _INSERT,
                {
                    "assistant_id": default_id(graph_id),
                    "tenant_id": DEFAULT_TENANT,
                    "graph_id": graph_id,
                    "name": graph_id,
                    "description": description,
                    "config": {},
                    "context": {},
                    "metadata": {"created_by": "system"},
                    "version": 1,
                    "created_at": moment,
                    "updated_at": moment,
                },
            )
            for graph_id, description in graphs.items()
            if default_id(graph_id) not in known
        )
    )


def _visible(tenant_id: str) -> Any:
    return Assistant.tenant_id.in_([tenant_id, DEFAULT_TENANT])


async def get(database: Database, tenant_id: str, assistant_id: str) -> RowMapping | None:
    """The assistant, if the tenant may see it: its own, or a default one."""
    query = select(Assistant.__table__).where(Assistant.assistant_id == assistant_id, _visible(tenant_id))
    async with database.reading() as connection:
        return (await connection.execute(query)).mappings().one_or_none()


async def search(
    database: Database,
    tenant_id: str,
    *,
    graph_id: str | None,
    metadata: dict[str, Any] | None,
    limit: int,
    offset: int,
) -> Sequence[RowMapping]:
    """Assistants of the tenant and the default ones, newest first."""
    query = select(Assistant.__table__).where(_visible(tenant_id))
    if graph_id:
        query = query.where(Assistant.graph_id == graph_id)
    for key, value in (metadata or {}).items():
        query = query.where(Assistant.metadata_[key].as_string() == str(value))
    query = query.order_by(Assistant.created_at.desc(), Assistant.assistant_id.desc()).limit(limit).offset(offset)
    async with database.reading() as connection:
        return (await connection.execute(query)).mappings().all()
