"""What was asked of models, and what it took: rows of /v1, and totals over these and the questions of runs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, RowMapping, func, insert, literal, select, union_all

from agents.completion import Usage
from service.database.engine import Database
from service.database.tables import ChatCall, ModelCallRow, Run
from service.database.writer import Statement, Write

By = Literal["model", "workflow", "run", "tenant"]

_INSERT_CHAT = Statement(insert(ChatCall), rank=60)
_SUMS = ("tokens_in", "tokens_out", "tokens_thinking", "tokens_cached", "cost")


def chat_call(row: dict[str, Any], usage: Usage) -> Write:
    """row: the columns of `ChatCall` but the usage."""
    spent = {name: getattr(usage, name) for name in _SUMS}
    return Write(_INSERT_CHAT, {**row, **spent})


async def spent(database: Database, tenant_id: str, since: datetime) -> tuple[int, float]:
    """(tokens in and out, cost) of the tenant's runs and chats since a moment."""
    tokens, cost = 0, 0.0
    async with database.reading() as connection:
        for table in (ModelCallRow, ChatCall):
            sums = select(
                func.coalesce(func.sum(table.tokens_in + table.tokens_out), 0), func.coalesce(func.sum(table.cost), 0.0)
            )
            row = (await connection.execute(sums.where(table.tenant_id == tenant_id, table.started_at >= since))).one()
            tokens, cost = tokens + int(row[0]), cost + float(row[1])
    return tokens, cost


async def totals(database: Database, tenant_id: str | None, by: By, since: datetime) -> Sequence[RowMapping]:
    """Calls, tokens and cost since a moment, grouped; dearest first. tenant_id: None takes every tenant's.

    By workflow and run, calls through /v1 stand together under "chat".
    """
    of_runs: dict[By, ColumnElement[Any]] = {
        "model": ModelCallRow.__table__.c.model,
        "workflow": Run.__table__.c.graph_id,
        "run": ModelCallRow.__table__.c.run_id,
        "tenant": ModelCallRow.__table__.c.tenant_id,
    }
    of_chats: dict[By, ColumnElement[Any]] = {
        "model": ChatCall.__table__.c.model,
        "workflow": literal("chat"),
        "run": literal("chat"),
        "tenant": ChatCall.__table__.c.tenant_id,
    }
    asked = (
        select(of_runs[by].label("name"), *(getattr(ModelCallRow, name) for name in _SUMS))
        .join(Run, Run.run_id == ModelCallRow.run_id)
        .where(ModelCallRow.started_at >= since)
    )
    chatted = select(of_chats[by].label("name"), *(getattr(ChatCall, name) for name in _SUMS)).where(
        ChatCall.started_at >= since
    )
    if tenant_id is not None:
        asked = asked.where(ModelCallRow.tenant_id == tenant_id)
        chatted = chatted.where(ChatCall.tenant_id == tenant_id)
    both = union_all(asked, chatted).subquery()
    sums = [func.coalesce(func.sum(both.c[name]), 0).label(name) for name in _SUMS]
    query = (
        select(both.c.name, func.count().label("calls"), *sums)
        .group_by(both.c.name)
        .order_by(func.sum(both.c.cost).desc(), func.sum(both.c.tokens_out).desc(), both.c.name)
        .limit(1000)
    )
    async with database.reading() as connection:
        return (await connection.execute(query)).mappings().all()
