"""Crons: schedules that start runs, and the claims by which each date is started once."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import RowMapping, Select, bindparam, func, insert, or_, select, update
from sqlalchemy import delete as sql_delete

from service.database.engine import Database
from service.database.matching import contains
from service.database.sealed import confidential
from service.database.tables import Cron, Json, Run, now
from service.database.writer import Statement, Write

SortBy = Literal["cron_id", "assistant_id", "thread_id", "next_run_date", "end_time", "created_at", "updated_at"]

_CHANGEABLE = ("schedule", "timezone", "end_time", "enabled", "next_run_date", "payload", "on_run_completed")

_INSERT = Statement(insert(Cron), rank=8)
_UPDATE = Statement(
    update(Cron)
    .where(Cron.cron_id == bindparam("b_cron_id"))
    .values(
        schedule=bindparam("b_schedule"),
        timezone=bindparam("b_timezone"),
        end_time=bindparam("b_end_time"),
        enabled=bindparam("b_enabled"),
        next_run_date=bindparam("b_next_run_date"),
        payload=bindparam("b_payload"),
        on_run_completed=bindparam("b_on_run_completed"),
        metadata=bindparam("b_metadata", type_=Json),
        updated_at=bindparam("b_updated_at"),
    ),
    rank=9,
)


def creation(row: dict[str, Any], *, sealed: bool = False) -> Write:
    """sealed: its workflow is sensitive, so that what it asks for is not to be readable."""
    return Write(_INSERT, {**row, "payload": confidential(row["payload"], sealed)})


def changed(row: dict[str, Any], *, sealed: bool = False) -> Write:
    """The write that brings a cron to the values of this row."""
    values = {f"b_{name}": row[name] for name in _CHANGEABLE}
    values["b_payload"] = confidential(row["payload"], sealed)
    identity = {"b_cron_id": row["cron_id"], "b_metadata": row["metadata"], "b_updated_at": now()}
    return Write(_UPDATE, {**identity, **values})


async def get(database: Database, tenant_id: str, cron_id: str) -> RowMapping | None:
    query = select(Cron.__table__).where(Cron.cron_id == cron_id, Cron.tenant_id == tenant_id)
    async with database.reading() as connection:
        return (await connection.execute(query)).mappings().one_or_none()


def _matching(
    database: Database,
    query: Select[Any],
    tenant_id: str,
    assistant_id: str | None,
    thread_id: str | None,
    enabled: bool | None,
    metadata: dict[str, Any] | None,
) -> Select[Any]:
    query = query.where(Cron.tenant_id == tenant_id)
    if assistant_id is not None:
        query = query.where(Cron.assistant_id == assistant_id)
    if thread_id is not None:
        query = query.where(Cron.thread_id == thread_id)
    if enabled is not None:
        query = query.where(Cron.enabled.is_(enabled))
    if metadata:
        query = query.where(contains(database, Cron.metadata_, metadata))
    return query


async def search(
    database: Database,
    tenant_id: str,
    *,
    assistant_id: str | None,
    thread_id: str | None,
    enabled: bool | None,
    metadata: dict[str, Any] | None,
    sort_by: SortBy,
    descending: bool,
    limit: int,
    offset: int,
) -> Sequence[RowMapping]:
    """The tenant's crons that match every filter; those without the value sorted by come last."""
    query = _matching(database, select(Cron.__table__), tenant_id, assistant_id, thread_id, enabled, metadata)
    column = getattr(Cron, sort_by)
    order = (column.desc(), Cron.cron_id.desc()) if descending else (column.asc(), Cron.cron_id.asc())
    query = query.order_by(order[0].nulls_last(), order[1]).limit(limit).offset(offset)
    async with database.reading() as connection:
        return (await connection.execute(query)).mappings().all()


async def count(
    database: Database,
    tenant_id: str,
    *,
    assistant_id: str | None,
    thread_id: str | None,
    metadata: dict[str, Any] | None,
) -> int:
    counting = select(func.count()).select_from(Cron)
    query = _matching(database, counting, tenant_id, assistant_id, thread_id, None, metadata)
    async with database.reading() as connection:
        return await connection.scalar(query) or 0


async def delete(database: Database, cron_id: str) -> None:
    """Delete a cron; the runs it started stay."""
    async with database.engine.begin() as connection:
        await connection.execute(sql_delete(Cron).where(Cron.cron_id == cron_id))


async def due(database: Database, moment: datetime, lease: timedelta) -> Sequence[RowMapping]:
    """Enabled crons whose date has come, and those whose claim is older than the lease: its process died with it."""
    come = Cron.enabled.is_(True) & (Cron.next_run_date <= moment)
    abandoned = Cron.claimed_at <= moment - lease
    query = select(Cron.__table__).where(or_(come, abandoned)).order_by(Cron.next_run_date).limit(200)
    async with database.reading() as connection:
        return (await connection.execute(query)).mappings().all()


async def next_due(database: Database) -> datetime | None:
    """When the next enabled cron is due."""
    async with database.reading() as connection:
        return await connection.scalar(select(func.min(Cron.next_run_date)).where(Cron.enabled.is_(True)))


async def claim(
    database: Database, cron: RowMapping, firing: datetime, following: datetime | None, moment: datetime
) -> bool:
    """Take the right to start the run of one date; False where another process was first, or the cron has changed."""
    still = (
        Cron.cron_id == cron["cron_id"],
        Cron.next_run_date.is_not_distinct_from(cron["next_run_date"]),
        Cron.claimed_at.is_not_distinct_from(cron["claimed_at"]),
    )
    taken = update(Cron).where(*still).values(next_run_date=following, firing=firing, claimed_at=moment)
    async with database.engine.begin() as connection:
        return (await connection.execute(taken)).rowcount == 1


async def fired(database: Database, cron_id: str, firing: datetime) -> None:
    """Give the claim back: the run of this date is in SQL, or will never be."""
    done = update(Cron).where(Cron.cron_id == cron_id, Cron.firing == firing).values(firing=None, claimed_at=None)
    async with database.engine.begin() as connection:
        await connection.execute(done)


async def has_run(database: Database, cron: RowMapping, firing: datetime) -> bool:
    """Whether the run of this date is in SQL; asked only after a process died between claim and run."""
    made = {"cron_id": cron["cron_id"], "cron_date": firing.isoformat()}
    query = select(Run.run_id).where(Run.tenant_id == cron["tenant_id"], Run.created_at >= cron["claimed_at"])
    query = query.where(contains(database, Run.metadata_, made)).limit(1)
    async with database.reading() as connection:
        return await connection.scalar(query) is not None
