"""Figures over many runs: counts, failures, tokens, cost and latency by workflow, tenant, day, model and tool.

A percentile is the least duration that at least so many per cent of the group do not exceed (nearest rank), found with
window functions, which both databases have.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, RowMapping, case, func, literal, select, union_all

from service.database.engine import Database
from service.database.run_list import id_at
from service.database.tables import ChatCall, ModelCallRow, Run, ToolCallRow

RunsBy = Literal["workflow", "tenant", "day"]
_FAILED = ("error", "timeout")


def _day(database: Database, column: Any) -> ColumnElement[str]:
    """The day in UTC, ISO 8601."""
    if database.is_sqlite:
        return func.date(column)
    return func.to_char(func.timezone("UTC", column), "YYYY-MM-DD")


def _percentile(source: Any, share: int) -> ColumnElement[Any]:
    """Of `took`, whose rank in its group of n is `rank`."""
    return func.min(case((source.c.rank * 100 >= source.c.n * share, source.c.took)))


def _ranked(columns: Sequence[Any], took: Any, *conditions: Any, **more: Any) -> Any:
    """The rows with each one's rank by duration within its group; rows without a duration are ranked last."""
    names = [column.label(f"by_{index}") for index, column in enumerate(columns)]
    rank = func.row_number().over(partition_by=columns, order_by=took.asc().nulls_last())
    n = func.count(took).over(partition_by=columns)
    others = [value.label(name) for name, value in more.items()]
    return select(*names, took.label("took"), rank.label("rank"), n.label("n"), *others).where(*conditions).subquery()


async def runs_by(database: Database, tenant: str | None, by: RunsBy, since: datetime) -> Sequence[RowMapping]:
    """(name, runs, failed, interrupted, degraded, tokens, cost, p50, p95); days in their order, else most runs first.

    tenant: None takes every tenant's.
    """
    group: dict[RunsBy, Any] = {
        "workflow": Run.graph_id,
        "tenant": Run.tenant_id,
        "day": _day(database, Run.created_at),
    }
    conditions = [Run.run_id >= id_at(since)]
    if tenant is not None:
        conditions.append(Run.tenant_id == tenant)
    each = _ranked(
        [group[by]],
        Run.duration_ms,
        *conditions,
        status=Run.status,
        degraded=Run.degraded,
        tokens=Run.tokens,
        cost=Run.cost,
    )
    query = select(
        each.c.by_0.label("name"),
        func.count().label("runs"),
        func.sum(case((each.c.status.in_(_FAILED), 1), else_=0)).label("failed"),
        func.sum(case((each.c.status == "interrupted", 1), else_=0)).label("interrupted"),
        func.sum(case((each.c.degraded, 1), else_=0)).label("degraded"),
        func.coalesce(func.sum(each.c.tokens), 0).label("tokens"),
        func.coalesce(func.sum(each.c.cost), 0.0).label("cost"),
        _percentile(each, 50).label("p50"),
        _percentile(each, 95).label("p95"),
    ).group_by(each.c.by_0)
    query = query.order_by(each.c.by_0) if by == "day" else query.order_by(func.count().desc(), each.c.by_0)
    async with database.reading() as connection:
        return (await connection.execute(query.limit(1000))).mappings().all()


_SPENT = ("tokens_in", "tokens_out", "tokens_thinking", "tokens_cached", "cost")


async def models(database: Database, tenant: str | None, since: datetime) -> Sequence[RowMapping]:
    """(name, calls, failed, the tokens, cost, p50, p95, ttft, seconds) of every model that was asked, in runs and
    through /v1, most calls first."""
    parts: list[Any] = []
    for table, mine in (
        (ModelCallRow, ModelCallRow.run_id >= id_at(since)),
        (ChatCall, ChatCall.started_at >= since),
    ):
        part = select(
            table.model.label("model"),
            table.duration_ms.label("duration_ms"),
            table.ttft_ms.label("ttft_ms"),
            case((table.error.is_not(None), 1), else_=0).label("failed"),
            *(getattr(table, name).label(name) for name in _SPENT),
        ).where(mine)
        parts.append(part if tenant is None else part.where(table.tenant_id == tenant))
    both = union_all(*parts).subquery()
    others = {name: both.c[name] for name in ("failed", "ttft_ms", *_SPENT)}
    each = _ranked([both.c.model], both.c.duration_ms, literal(True), **others)
    query = (
        select(
            each.c.by_0.label("name"),
            func.count().label("calls"),
            func.sum(each.c.failed).label("failed"),
            *(func.coalesce(func.sum(each.c[name]), 0).label(name) for name in _SPENT),
            _percentile(each, 50).label("p50"),
            _percentile(each, 95).label("p95"),
            func.avg(each.c.ttft_ms).label("ttft"),
            (func.sum(each.c.took) / 1000.0).label("seconds"),
        )
        .group_by(each.c.by_0)
        .order_by(func.count().desc(), each.c.by_0)
    )
    async with database.reading() as connection:
        return (await connection.execute(query.limit(1000))).mappings().all()


async def tools(database: Database, tenant: str | None, since: datetime) -> Sequence[RowMapping]:
    """(server, tool, calls, failed, p50, p95) of every tool that was called, most calls first."""
    conditions = [ToolCallRow.run_id >= id_at(since)]
    if tenant is not None:
        conditions.append(ToolCallRow.tenant_id == tenant)
    failed = case((ToolCallRow.error.is_not(None), 1), else_=0)
    each = _ranked([ToolCallRow.server, ToolCallRow.tool], ToolCallRow.duration_ms, *conditions, failed=failed)
    query = (
        select(
            each.c.by_0.label("server"),
            each.c.by_1.label("tool"),
            func.count().label("calls"),
            func.sum(each.c.failed).label("failed"),
            _percentile(each, 50).label("p50"),
            _percentile(each, 95).label("p95"),
        )
        .group_by(each.c.by_0, each.c.by_1)
        .order_by(func.count().desc(), each.c.by_0, each.c.by_1)
    )
    async with database.reading() as connection:
        return (await connection.execute(query.limit(1000))).mappings().all()


async def failed_calls(database: Database, since: datetime, limit: int = 20) -> Sequence[RowMapping]:
    """Questions to models that failed lately, newest first: (run_id, graph_id, question, model, endpoint, error,
    started_at)."""
    query = (
        select(
            ModelCallRow.run_id,
            Run.graph_id,
            ModelCallRow.question,
            ModelCallRow.model,
            ModelCallRow.endpoint,
            ModelCallRow.error,
            ModelCallRow.started_at,
        )
        .join(Run, Run.run_id == ModelCallRow.run_id)
        .where(ModelCallRow.run_id >= id_at(since), ModelCallRow.error.is_not(None))
        .order_by(ModelCallRow.run_id.desc())
        .limit(limit)
    )
    async with database.reading() as connection:
        return (await connection.execute(query)).mappings().all()


async def failed_tool_calls(
    database: Database, tenant: str | None, since: datetime, limit: int = 20
) -> Sequence[RowMapping]:
    """Tool calls that failed lately, newest first: (run_id, graph_id, server, tool, error, started_at)."""
    columns = (ToolCallRow.server, ToolCallRow.tool, ToolCallRow.error, ToolCallRow.started_at)
    query = (
        select(ToolCallRow.run_id, Run.graph_id, *columns)
        .join(Run, Run.run_id == ToolCallRow.run_id)
        .where(ToolCallRow.run_id >= id_at(since), ToolCallRow.error.is_not(None))
        .order_by(ToolCallRow.run_id.desc())
        .limit(limit)
    )
    if tenant is not None:
        query = query.where(ToolCallRow.tenant_id == tenant)
    async with database.reading() as connection:
        return (await connection.execute(query)).mappings().all()
