"""Assistants: a graph with a configuration. Every graph of the registry has a default one, with its name."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from uuid import UUID, uuid5

from sqlalchemy import RowMapping, Select, bindparam, func, insert, or_, select, update
from sqlalchemy import delete as sql_delete
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import IntegrityError

from service.database.engine import Database
from service.database.matching import contains
from service.database.tables import DEFAULT_TENANT, Assistant, AssistantVersion, Json, Run, now
from service.database.writer import Statement, Write
from tools.errors import ConsiliaError

NAMESPACE = UUID("6ba7b821-9dad-11d1-80b4-00c04fd430c8")
"""A graph's default assistant has the id uuid5(NAMESPACE, graph_id), as in LangGraph's own server."""

SortBy = Literal["assistant_id", "created_at", "updated_at", "name", "graph_id"]

_VERSIONED = ("graph_id", "name", "description", "config", "context", "metadata")
"""What a version fixes."""

_INSERT = Statement(insert(Assistant), rank=5)
_INSERT_VERSION = Statement(insert(AssistantVersion), rank=6)
# Several processes may start at once, and each makes the default assistants that are missing.
_INSERT_DEFAULT = {
    "sqlite": (
        Statement(sqlite_insert(Assistant).on_conflict_do_nothing(), rank=5),
        Statement(sqlite_insert(AssistantVersion).on_conflict_do_nothing(), rank=6),
    ),
    "postgresql": (
        Statement(postgresql_insert(Assistant).on_conflict_do_nothing(), rank=5),
        Statement(postgresql_insert(AssistantVersion).on_conflict_do_nothing(), rank=6),
    ),
}
_UPDATE = Statement(
    update(Assistant)
    .where(Assistant.assistant_id == bindparam("b_assistant_id"))
    .values(
        graph_id=bindparam("b_graph_id"),
        name=bindparam("b_name"),
        description=bindparam("b_description"),
        config=bindparam("b_config"),
        context=bindparam("b_context"),
        metadata=bindparam("b_metadata", type_=Json),
        version=bindparam("b_version"),
        updated_at=bindparam("b_now"),
    ),
    rank=7,
)


class AssistantExists(ConsiliaError):
    code = "assistant_exists"
    status = 409


class AssistantChanging(ConsiliaError):
    """Too many writers change one assistant at the same moment."""

    code = "assistant_changing"
    status = 409


def default_id(graph_id: str) -> str:
    """The id of a graph's default assistant."""
    return str(uuid5(NAMESPACE, graph_id))


async def ensure_defaults(database: Database, graphs: Mapping[str, str]) -> None:
    """Make the default assistant of each graph (id → description) that has none yet."""
    async with database.reading() as connection:
        known = set(await connection.scalars(select(Assistant.assistant_id)))
    assistant, version = _INSERT_DEFAULT[database.engine.dialect.name]
    missing = [
        _row(DEFAULT_TENANT, default_id(graph_id), graph_id, graph_id, description, {}, {}, {"created_by": "system"})
        for graph_id, description in graphs.items()
        if default_id(graph_id) not in known
    ]
    writes = [(Write(assistant, row), Write(version, _version(row))) for row in missing]
    await database.writer.write(*(write for pair in writes for write in pair))


def _row(
    tenant_id: str,
    assistant_id: str,
    graph_id: str,
    name: str,
    description: str | None,
    config: dict[str, Any],
    context: dict[str, Any],
    metadata: dict[str, Any],
) -> dict[str, Any]:
    moment = now()
    return {
        "assistant_id": assistant_id,
        "tenant_id": tenant_id,
        "graph_id": graph_id,
        "name": name,
        "description": description,
        "config": config,
        "context": context,
        "metadata": metadata,
        "version": 1,
        "created_at": moment,
        "updated_at": moment,
    }


def _version(row: Mapping[str, Any]) -> dict[str, Any]:
    fixed = {name: row[name] for name in _VERSIONED}
    return {"assistant_id": row["assistant_id"], "version": row["version"], "created_at": row["updated_at"], **fixed}


async def create(
    database: Database,
    tenant_id: str,
    assistant_id: str,
    *,
    graph_id: str,
    name: str,
    description: str | None,
    config: dict[str, Any],
    context: dict[str, Any],
    metadata: dict[str, Any],
) -> dict[str, Any]:
    """Make an assistant; its row. Raises AssistantExists, also where the id is another tenant's."""
    row = _row(tenant_id, assistant_id, graph_id, name, description, config, context, metadata)
    try:
        await database.writer.write(Write(_INSERT, row), Write(_INSERT_VERSION, _version(row)))
    except IntegrityError:
        raise AssistantExists(f"Assistant {assistant_id} already exists", assistant_id=assistant_id) from None
    return row


async def change(database: Database, tenant_id: str, assistant_id: str, changes: dict[str, Any]) -> RowMapping | None:
    """Make a new version with these changes (metadata is merged) and put it in force; None for an unknown one.

    Raises AssistantChanging.
    """
    for _ in range(5):
        row = await _own(database, tenant_id, assistant_id)
        if row is None:
            return None
        query = select(func.max(AssistantVersion.version)).where(AssistantVersion.assistant_id == assistant_id)
        async with database.reading() as connection:
            newest = await connection.scalar(query) or row["version"]
        changed = {**row, **changes, "version": newest + 1, "updated_at": now()}
        changed["metadata"] = {**row["metadata"], **changes.get("metadata", {})}
        try:
            await database.writer.write(Write(_INSERT_VERSION, _version(changed)), _put_in_force(changed))
        except IntegrityError:
            continue  # another writer took the version number
        database.recent.forget()
        return await _own(database, tenant_id, assistant_id)
    raise AssistantChanging(
        f"Assistant {assistant_id} is being changed by others; try again", assistant_id=assistant_id
    )


def _put_in_force(row: Mapping[str, Any]) -> Write:
    fixed = {f"b_{name}": row[name] for name in _VERSIONED}
    return Write(_UPDATE, {"b_assistant_id": row["assistant_id"], "b_version": row["version"], "b_now": now(), **fixed})


async def set_latest(database: Database, tenant_id: str, assistant_id: str, version: int) -> RowMapping | None:
    """Put an earlier version in force; None where the assistant has no such version."""
    query = select(AssistantVersion.__table__).where(
        AssistantVersion.assistant_id == assistant_id, AssistantVersion.version == version
    )
    async with database.reading() as connection:
        row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        return None
    await database.writer.write(_put_in_force(dict(row)))
    database.recent.forget()
    return await _own(database, tenant_id, assistant_id)


async def versions(
    database: Database, assistant_id: str, *, metadata: dict[str, Any] | None, limit: int, offset: int
) -> Sequence[RowMapping]:
    """An assistant's versions, newest first."""
    query = select(AssistantVersion.__table__).where(AssistantVersion.assistant_id == assistant_id)
    if metadata:
        query = query.where(contains(database, AssistantVersion.metadata_, metadata))
    query = query.order_by(AssistantVersion.version.desc()).limit(limit).offset(offset)
    async with database.reading() as connection:
        return (await connection.execute(query)).mappings().all()


def _visible(tenant_id: str) -> Any:
    """The tenant's own, and the one that each graph has by itself."""
    by_itself = Assistant.metadata_["created_by"].as_string() == "system"
    return or_(Assistant.tenant_id == tenant_id, (Assistant.tenant_id == DEFAULT_TENANT) & by_itself)


async def get(database: Database, tenant_id: str, assistant_id: str) -> RowMapping | None:
    """The assistant, if the tenant may see it: its own, or a default one."""

    async def read() -> RowMapping | None:
        query = select(Assistant.__table__).where(Assistant.assistant_id == assistant_id, _visible(tenant_id))
        async with database.reading() as connection:
            return (await connection.execute(query)).mappings().one_or_none()

    row: RowMapping | None = await database.recent.get(("assistant", tenant_id, assistant_id), read)
    return row


async def _own(database: Database, tenant_id: str, assistant_id: str) -> RowMapping | None:
    query = select(Assistant.__table__).where(Assistant.assistant_id == assistant_id, Assistant.tenant_id == tenant_id)
    async with database.reading() as connection:
        return (await connection.execute(query)).mappings().one_or_none()


def _matching(
    database: Database,
    query: Select[Any],
    tenant_id: str,
    graph_id: str | None,
    name: str | None,
    metadata: dict[str, Any] | None,
) -> Select[Any]:
    query = query.where(_visible(tenant_id))
    if graph_id:
        query = query.where(Assistant.graph_id == graph_id)
    if name:
        query = query.where(Assistant.name.icontains(name, autoescape=True))
    if metadata:
        query = query.where(contains(database, Assistant.metadata_, metadata))
    return query


async def search(
    database: Database,
    tenant_id: str,
    *,
    graph_id: str | None,
    metadata: dict[str, Any] | None,
    name: str | None = None,
    sort_by: SortBy = "created_at",
    descending: bool = True,
    limit: int,
    offset: int,
) -> Sequence[RowMapping]:
    """Assistants of the tenant and the default ones. name: a part of the name, whatever its case."""
    query = _matching(database, select(Assistant.__table__), tenant_id, graph_id, name, metadata)
    column = func.lower(Assistant.name) if sort_by == "name" else getattr(Assistant, sort_by)
    keys = (column, Assistant.assistant_id)
    order = [key.desc() if descending else key.asc() for key in keys]
    async with database.reading() as connection:
        return (await connection.execute(query.order_by(*order).limit(limit).offset(offset))).mappings().all()


async def count(
    database: Database, tenant_id: str, *, graph_id: str | None, name: str | None, metadata: dict[str, Any] | None
) -> int:
    """How many assistants match every filter."""
    query = _matching(database, select(func.count()).select_from(Assistant), tenant_id, graph_id, name, metadata)
    async with database.reading() as connection:
        return await connection.scalar(query) or 0


async def delete(database: Database, tenant_id: str, assistant_id: str) -> None:
    """Delete the tenant's assistant with its versions and crons; its threads and runs stay."""
    mine = (Assistant.assistant_id == assistant_id, Assistant.tenant_id == tenant_id)
    async with database.engine.begin() as connection:
        await connection.execute(sql_delete(Assistant).where(*mine))
    database.recent.forget()


async def thread_ids(database: Database, tenant_id: str, assistant_id: str) -> list[str]:
    """The threads on which the assistant has run."""
    query = select(Run.thread_id).where(Run.tenant_id == tenant_id, Run.assistant_id == assistant_id).distinct()
    async with database.reading() as connection:
        return list(await connection.scalars(query))
