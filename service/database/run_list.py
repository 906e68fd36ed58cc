"""The list of runs that the admin pages show: filtered, newest first, a page at a time.

Why it is fast at a hundred thousand runs: ids alone are looked for, in the narrow index of all that is filtered by or
in the table of texts, and rows are read only for the page. A run's id is a UUID of version 7, so a time is a bound on
ids (RFC 9562, 5.7). Model and tool are looked up by their own indexes: where few runs match, from these few; where
many do, run by run from the newest, since then a page is full soon.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.database.engine import Database
from service.database.tables import ModelCallRow, Run, RunText, ToolCallRow

_FEW: Final = 2_000
_TRIGRAM: Final = 3
_INDEXED: Final = text("SELECT rowid FROM run_text_index WHERE run_text_index MATCH :words LIMIT :most")


@dataclass(frozen=True, slots=True)
class RunFilter:
    """All that is given must hold. tenant: None takes every tenant's. statuses: one of them. tool: "tool" or
    "server/tool". since, until: of acceptance. cost: at least. slower_ms, faster_ms: of the duration. text: stands in
    the input or the error, in any case of letters. searched: only in runs of these workflows; None: in all."""

    tenant: str | None = None
    workflow: str | None = None
    statuses: tuple[str, ...] = ()
    model: str | None = None
    tool: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    cost: float | None = None
    slower_ms: float | None = None
    faster_ms: float | None = None
    degraded: bool | None = None
    text: str = ""
    searched: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class RunPage:
    """rows: of runs, newest first, light: without input, output and kwargs; each with its models. older: the cursor of
    the next page, None at the end."""

    rows: Sequence[dict[str, Any]]
    older: str | None = None


_LIGHT: Final = (
    Run.run_id,
    Run.tenant_id,
    Run.thread_id,
    Run.graph_id,
    Run.status,
    Run.engine,
    Run.degraded,
    Run.attempt,
    Run.cancelling,
    Run.cost,
    Run.tokens,
    Run.duration_ms,
    Run.error,
    Run.created_at,
    Run.started_at,
    Run.finished_at,
)


def id_at(moment: datetime) -> str:
    """The least UUID of version 7 that could be made at this moment or later."""
    digits = f"{max(0, int(moment.timestamp() * 1000)):012x}"[-12:]
    return f"{digits[:8]}-{digits[8:]}-7000-8000-000000000000"


async def page(database: Database, wanted: RunFilter, before: str | None, limit: int) -> RunPage:
    """One page. before: a run id; only older runs."""
    async with database.reading() as connection:
        ids = await _ids(connection, database.is_sqlite, wanted, before, limit + 1)
        rows = await _rows(connection, ids[:limit])
    return RunPage(rows, ids[limit - 1] if len(ids) > limit else None)


async def matching(database: Database, wanted: RunFilter, limit: int, before: str | None = None) -> list[str]:
    """Ids of runs that match, newest first."""
    async with database.reading() as connection:
        return await _ids(connection, database.is_sqlite, wanted, before, limit)


async def _ids(
    connection: AsyncConnection, sqlite: bool, wanted: RunFilter, before: str | None, limit: int
) -> list[str]:
    query = select(Run.run_id).where(*_conditions(wanted))
    if wanted.text:
        query = await _with_text(connection, sqlite, query, wanted.text)
    if before is not None:
        query = query.where(Run.run_id < before)
    if wanted.model is not None:
        calls = select(ModelCallRow.run_id).where(ModelCallRow.model == wanted.model)
        query = await _called(connection, query, calls, ModelCallRow.run_id)
    if wanted.tool is not None:
        server, _, tool = wanted.tool.rpartition("/")
        calls = select(ToolCallRow.run_id).where(ToolCallRow.tool == tool)
        query = await _called(
            connection, query, calls.where(ToolCallRow.server == server) if server else calls, ToolCallRow.run_id
        )
    return list(await connection.scalars(query.order_by(Run.run_id.desc()).limit(limit)))


def _conditions(wanted: RunFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.tenant is not None:
        conditions.append(Run.tenant_id == wanted.tenant)
    if wanted.workflow is not None:
        conditions.append(Run.graph_id == wanted.workflow)
    if wanted.statuses:
        conditions.append(Run.status.in_(wanted.statuses))
    if wanted.since is not None:
        conditions.append(Run.run_id >= id_at(wanted.since))
    if wanted.until is not None:
        conditions.append(Run.run_id < id_at(wanted.until))
    if wanted.cost is not None:
        conditions.append(Run.cost >= wanted.cost)
    if wanted.slower_ms is not None:
        conditions.append(Run.duration_ms >= wanted.slower_ms)
    if wanted.faster_ms is not None:
        conditions.append(Run.duration_ms <= wanted.faster_ms)
    if wanted.degraded is not None:
        conditions.append(Run.degraded.is_(wanted.degraded))
    if wanted.text and wanted.searched is not None:
        conditions.append(Run.graph_id.in_(wanted.searched))
    return conditions


async def _with_text(connection: AsyncConnection, sqlite: bool, query: Select[str], sought: str) -> Select[str]:
    """The query, narrowed to runs in whose text the words stand, written there as in JSON.

    Where few texts hold them, these are found first: on SQLite by the trigrams' index, on PostgreSQL by reading
    through the texts. Where many do, or on SQLite the words are shorter than a trigram, each run's text is looked at,
    from the newest.
    """
    written = json.dumps(sought, ensure_ascii=False)[1:-1]
    contained = (func.instr if sqlite else func.strpos)(RunText.text, func.lower(written)) > 0
    if not sqlite:
        ids = list(await connection.scalars(select(RunText.run_id).where(contained).limit(_FEW)))
        if len(ids) < _FEW:
            return query.where(Run.run_id.in_(ids))
    elif len(written) >= _TRIGRAM:
        quoted = '"' + written.replace('"', '""') + '"'
        found = list(await connection.scalars(_INDEXED, {"words": quoted, "most": _FEW}))
        if len(found) < _FEW:
            return query.where(Run.run_id.in_(select(RunText.run_id).where(RunText.text_id.in_(found))))
    return query.join(RunText, RunText.run_id == Run.run_id).where(contained)


async def _called(connection: AsyncConnection, query: Select[str], calls: Select[str], column: Any) -> Select[str]:
    """The query, narrowed to runs with such a call."""
    some = calls.limit(_FEW).subquery()
    if (await connection.scalar(select(func.count()).select_from(some)) or 0) < _FEW:
        return query.where(Run.run_id.in_(calls))
    return query.where(calls.where(column == Run.run_id).exists())


async def _rows(connection: AsyncConnection, ids: Sequence[str]) -> list[dict[str, Any]]:
    if not ids:
        return []
    query = select(*_LIGHT).where(Run.run_id.in_(ids)).order_by(Run.run_id.desc())
    rows = [dict(row) for row in (await connection.execute(query)).mappings()]
    asked = (
        select(ModelCallRow.run_id, ModelCallRow.model, func.count().label("calls"))
        .where(ModelCallRow.run_id.in_(ids))
        .group_by(ModelCallRow.run_id, ModelCallRow.model)
        .order_by(ModelCallRow.model)
    )
    models: dict[str, list[str]] = {}
    for row in await connection.execute(asked):
        models.setdefault(row.run_id, []).append(row.model)
    return [{**row, "models": models.get(row["run_id"], [])} for row in rows]


async def counts(database: Database, tenant: str | None) -> dict[str, int]:
    """How many runs wait, are executed, and wait for a person."""
    unfinished = ("pending", "running")
    query = select(Run.status, func.count()).where(Run.status.in_(unfinished)).group_by(Run.status)
    if tenant is not None:
        query = query.where(Run.tenant_id == tenant)
    async with database.reading() as connection:
        found: dict[str, int] = {row[0]: row[1] for row in await connection.execute(query)}
    return {status: found.get(status, 0) for status in unfinished}


async def named(database: Database, column: Any, limit: int = 200) -> list[str]:
    """The distinct values of an indexed column, found by skipping from one to the next in its index."""
    first = select(func.min(column).label("value")).cte("named", recursive=True)
    following = select(select(func.min(column)).where(column > first.c.value).scalar_subquery())
    every = first.union_all(following.where(first.c.value.is_not(None)))
    async with database.reading() as connection:
        return list(await connection.scalars(select(every.c.value).where(every.c.value.is_not(None)).limit(limit)))


async def rows(database: Database, ids: Sequence[str]) -> list[dict[str, Any]]:
    """The light rows of these runs, newest first."""
    async with database.reading() as connection:
        return await _rows(connection, ids)
